//! Plans to look at.

use std::{fmt, sync::Arc};

use super::{
    compiled::{Compiled, PlanStats},
    ir::Structure,
};

/// A compiled graph with the names of its passes and resources: what will run, in which order, with which barriers.
///
/// [`Display`](fmt::Display) is [`to_text`](Self::to_text).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) structure: Arc<Structure>,
    pub(crate) compiled: Arc<Compiled>,
    /// By number.
    pub(crate) passes: Vec<Arc<str>>,
    /// By slot.
    pub(crate) resources: Vec<Arc<str>>,
}

impl Plan {
    /// Figures of the plan.
    #[must_use]
    pub fn stats(&self) -> PlanStats {
        self.compiled.stats()
    }

    /// The instruction list: batches, waits, barriers, passes, and the lifetimes of transients.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    pub(crate) fn pass(&self, pass: usize) -> String {
        self.passes.get(pass).map_or_else(|| pass.to_string(), |name| name.to_string())
    }

    pub(crate) fn resource(&self, slot: usize) -> String {
        self.resources.get(slot).map_or_else(|| slot.to_string(), |name| name.to_string())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.compiled.write(f, &|pass| self.pass(pass), &|slot| self.resource(slot))
    }
}
