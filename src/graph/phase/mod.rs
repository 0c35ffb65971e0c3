//! The compiler's phases: pure functions from data to data, in the order groups → waves → barriers.

pub(crate) mod barriers;
pub(crate) mod groups;
pub(crate) mod waves;
