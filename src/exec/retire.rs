//! What a submission used, and what it reports when it is complete.

use std::{
    any::Any,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    counts::Counts, passtimes::PassTimes, pool::Lease, slots::SlotLease, stats::FrameStats, timestamps::Timestamps,
    transients::TransientLease,
};
use crate::{
    memory::PageLease,
    pipeline::{Kept, PipelineLayout},
    resource::Resource,
    sync::{Retire, prim::lock},
};

/// Something that is given back by being dropped.
pub(crate) type Keep = Box<dyn Any + Send>;

/// Held by the reactor until the work's stamps are reached. Dropping it is the deferred destruction: the last handles
/// of resources go, pools and the frame's slot are free again.
pub(crate) struct Submitted {
    pub(crate) value: Arc<OnceLock<Arc<FrameStats>>>,
    pub(crate) counts: Counts,
    pub(crate) submits: u64,
    pub(crate) recording: Duration,
    pub(crate) passes: u32,
    pub(crate) culled: u32,
    pub(crate) tasks: u32,
    pub(crate) timestamps: Option<Arc<Timestamps>>,
    pub(crate) pass_times: Option<PassTimes>,
    /// First to be dropped: somebody may wait for the slot, nobody for the rest. Shared with whoever shows the frame.
    pub(crate) _frame: Option<Arc<SlotLease>>,
    pub(crate) leases: Vec<Lease>,
    pub(crate) pages: Vec<PageLease>,
    /// Before the resources, which it places.
    pub(crate) transients: Option<TransientLease>,
    pub(crate) _slots: Arc<[Resource]>,
    pub(crate) _kept: Vec<Kept>,
    pub(crate) _layout: Option<Arc<PipelineLayout>>,
    /// Whatever else it uses.
    pub(crate) _keep: Vec<Keep>,
    pub(crate) span: tracing::Span,
}

impl Submitted {
    /// The record of one command buffer that copies between `slots`.
    pub(crate) fn copies(lease: Lease, slots: Arc<[Resource]>, counts: Counts, keep: Vec<Keep>) -> Self {
        Self {
            value: Arc::default(),
            counts,
            submits: 0,
            recording: Duration::ZERO,
            passes: 1,
            culled: 0,
            tasks: 1,
            timestamps: None,
            pass_times: None,
            _frame: None,
            leases: vec![lease],
            transients: None,
            _slots: slots,
            _kept: Vec::new(),
            pages: Vec::new(),
            _layout: None,
            _keep: keep,
            span: tracing::Span::none(),
        }
    }

    fn stats(&self) -> FrameStats {
        FrameStats {
            recording: self.recording,
            gpu: self.timestamps.as_ref().and_then(|timestamps| timestamps.read()),
            passes: self.passes,
            culled: self.culled,
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
        // Before anyone learns of the end and records the next frame: it finds these pools, pages and arenas free.
        self.leases.clear();
        self.pages.clear();
        self.transients = None;
        if let Some(times) = self.pass_times.take() {
            times.finish();
        }
        let stats = self.stats();
        if let Some(gpu) = stats.gpu {
            self.span.record("gpu_us", gpu.as_secs_f64() * 1e6);
        }
        if !self.span.is_none() {
            tracing::debug!(target: "vulkio::frame", parent: &self.span, %stats, "complete");
        }
        let _ = self.value.set(Arc::new(stats)); // set here only
    }
}

/// The record of work on several queues, one for each of them: the last one to be reached finishes it.
pub(crate) struct Part(Arc<Parts>);

struct Parts {
    left: AtomicUsize,
    /// Until it is finished; what it holds goes with the last part.
    record: Mutex<Submitted>,
}

impl Part {
    /// As many records of one submission.
    pub(crate) fn split(record: Submitted, count: usize) -> impl Iterator<Item = Self> {
        let parts = Arc::new(Parts { left: AtomicUsize::new(count), record: Mutex::new(record) });
        std::iter::repeat_n(parts, count).map(Self)
    }
}

impl Retire for Part {
    fn finish(&mut self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            lock(&self.0.record).finish();
        }
    }
}
