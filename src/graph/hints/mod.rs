//! Hints: which barriers a plan has between its passes, for which resource, and why.

use std::fmt;

use crate::resource::GpuResourceMeta;

/// What stands between the stages of a schedule, or the passes of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints {}

impl fmt::Display for Hints {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        unimplemented!()
    }
}

/// What a system needs before it, and what those after it wait for: in words.
pub(crate) fn requirements(name: &str, reads: &[GpuResourceMeta], writes: &[GpuResourceMeta]) -> String {
    let _ = (name, reads, writes);
    unimplemented!()
}
