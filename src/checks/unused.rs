//! Declarations that nothing came of.

use std::sync::{Arc, Mutex};

use rustc_hash::FxHashSet;

use super::words;
use crate::{graph::uses::Declaration, sync::prim::lock};

/// What was said already: pass and resource.
#[derive(Default)]
pub(super) struct Warned(Mutex<FxHashSet<(Arc<str>, Arc<str>)>>);

/// A program that names its passes by the hour is told no more than so often.
const MOST: usize = 1024;

impl Warned {
    /// Says that a pass touches nowhere what it declares, once.
    pub(super) fn warn(&self, pass: &Arc<str>, unused: &Declaration, label: Option<words::Meta>) {
        let resource = unused.resource.name();
        if !self.is_new(pass, resource) {
            return;
        }
        let advice = words::removal(resource, unused.access, label);
        tracing::warn!(
            target: "vulkio::checks",
            pass = &**pass,
            resource = &**resource,
            "pass `{pass}` declares `{resource}` and touches it nowhere; {advice}"
        );
    }

    fn is_new(&self, pass: &Arc<str>, resource: &Arc<str>) -> bool {
        let mut said = lock(&self.0);
        said.len() < MOST && said.insert((Arc::clone(pass), Arc::clone(resource)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pass_and_resource_is_told_once_and_not_without_end() {
        let warned = Warned::default();
        let is_new = |pass: &str, resource: &str| warned.is_new(&pass.into(), &resource.into());
        assert!(is_new("a", "x") && is_new("a", "y") && is_new("b", "x"));
        assert!(!is_new("a", "x") && !is_new("b", "x"));
        let more = (0..2 * MOST).filter(|number| is_new(&number.to_string(), "x")).count();
        assert_eq!(more, MOST - 3);
    }
}
