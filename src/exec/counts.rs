//! What one recording task counted, at the calls it made.

use crate::gpu::counters::Counters;

/// Counts of commands and bytes, plain integers while recording.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) draws: u64,
    pub(crate) dispatches: u64,
    pub(crate) barriers: u64,
    pub(crate) data_bytes: u64,
}

impl Counts {
    /// Books them on the device.
    pub(crate) fn book(&self, counters: &Counters) {
        Counters::add(&counters.draws, self.draws);
        Counters::add(&counters.dispatches, self.dispatches);
        Counters::add(&counters.barriers, self.barriers);
        Counters::add(&counters.frame_data_bytes, self.data_bytes);
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.draws += other.draws;
        self.dispatches += other.dispatches;
        self.barriers += other.barriers;
        self.data_bytes += other.data_bytes;
    }
}
