//! The compiler's phases: pure functions from data to data.

use super::{
    compiled::{Compiled, Fault},
    ir::{QueueMap, Structure},
};

/// A graph takes as many passes.
pub(crate) const MOST_PASSES: usize = 10_000;

/// Runs them all.
pub(crate) fn compile(structure: &Structure, queues: &QueueMap) -> Result<Compiled, Fault> {
    if structure.passes() > MOST_PASSES {
        return Err(Fault::TooMany);
    }
    Ok(Compiled { shapes: structure.shapes().to_vec(), queues: queues.kinds(), ..Compiled::default() })
}
