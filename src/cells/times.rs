//! How long it took to put a scene on the GPU.

use std::time::Duration;

/// What [`Cubes::upload`](crate::Cubes::upload) took, one phase after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackTimes {
    /// Asking the source for the cubes, twice or more often, and putting them in order.
    pub order: Duration,
    /// Asking for them again, and cutting the order into cells.
    pub cells: Duration,
    /// Asking for them a last time, packing them into staging memory, and copying that, until it is complete.
    pub upload: Duration,
}
