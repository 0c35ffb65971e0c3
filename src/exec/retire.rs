//! What a submission used, and what it reports when it is complete.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use super::{counts::Counts, pool::Lease, slots::SlotLease, stats::FrameStats, timestamps::Timestamps};
use crate::{
    pipeline::{PipelineInner, PipelineLayout},
    resource::Resource,
    sync::Retire,
};

/// Held by the reactor until the work's stamp is reached. Dropping it is the deferred destruction: the last handles
/// of resources go, pools and the frame's slot are free again.
pub(crate) struct Submitted {
    pub(crate) value: Arc<OnceLock<Arc<FrameStats>>>,
    pub(crate) counts: Counts,
    pub(crate) submits: u64,
    pub(crate) recording: Duration,
    pub(crate) passes: u32,
    pub(crate) tasks: u32,
    pub(crate) timestamps: Option<Arc<Timestamps>>,
    /// First to be dropped: somebody may wait for the slot, nobody for the rest.
    pub(crate) _frame: Option<SlotLease>,
    pub(crate) leases: Vec<Lease>,
    pub(crate) _slots: Arc<[Resource]>,
    pub(crate) _pipelines: Vec<Arc<PipelineInner>>,
    pub(crate) _layout: Arc<PipelineLayout>,
    pub(crate) span: tracing::Span,
}

impl Submitted {
    fn stats(&self) -> FrameStats {
        FrameStats {
            recording: self.recording,
            gpu: self.timestamps.as_ref().and_then(|timestamps| timestamps.read()),
            passes: self.passes,
            tasks: self.tasks,
            draws: self.counts.draws,
            dispatches: self.counts.dispatches,
            barriers: self.counts.barriers,
            submits: self.submits,
        }
    }
}

impl Retire for Submitted {
    fn finish(&mut self) {
        self.leases.clear(); // before anyone learns of the end and records the next frame: it finds these pools free
        let stats = self.stats();
        tracing::debug!(parent: &self.span, %stats, "complete");
        let _ = self.value.set(Arc::new(stats)); // set here only
    }
}
