//! What a frame adds to a graph's submission: its slot, and ways to tell its renderer and its captures.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::runtime::Handle;

use super::{
    captured::Captured,
    passtimes::PassQueries,
    pick::Picks,
    presents::{Presents, SubmittedFrame},
    retire::Keep,
    slots::SlotLease,
    submitter::Committed,
    timestamps::Timestamps,
    turn::Turn,
};
use crate::{
    error::Error,
    gpu::QueueId,
    graph::{cache::PlanCache, declare::Sizes},
    resource::{GpuImage, RenderTarget},
    sync::prim::lock,
};

/// Where and how finely a frame is recorded.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub(crate) handle: Option<Handle>,
    pub(crate) workers: Option<usize>,
    pub(crate) in_place_below: Duration,
}

/// The last frame that was submitted.
#[derive(Clone)]
pub(crate) struct Last {
    /// Its place in the order of commits.
    serial: u64,
    pub(crate) target: GpuImage<RenderTarget>,
}

/// Values by queue.
pub(crate) type Ends = [u64; QueueId::MOST];

/// What a frame adds to a graph's submission.
pub(crate) struct FramePart {
    /// Counted by its renderer.
    pub(crate) number: u64,
    pub(crate) lease: Option<SlotLease>,
    pub(crate) target: GpuImage<RenderTarget>,
    pub(crate) runtime: Runtime,
    pub(crate) plans: Arc<PlanCache>,
    /// How much a frame declared last time.
    pub(crate) sizes: Arc<Mutex<Sizes>>,
    pub(crate) unreported: Arc<Mutex<Option<Error>>>,
    pub(crate) last: Arc<Mutex<Option<Last>>>,
    /// By queue: the last value of its renderer's frames.
    pub(crate) ends: Arc<Mutex<Ends>>,
    pub(crate) captured: Captured,
    pub(crate) picks: Picks,
    /// Who shows it.
    pub(crate) presents: Option<Arc<dyn Presents>>,
}

impl FramePart {
    pub(crate) fn timestamps(&self) -> Option<Arc<Timestamps>> {
        let timestamps = self.lease.as_ref().and_then(|lease| lease.slot().timestamps.clone());
        timestamps.inspect(|timestamps| timestamps.reset())
    }

    /// Queries for the times of so many passes, if they are to be measured. Without memory for them they are not.
    pub(crate) fn pass_times(&self, passes: usize) -> Option<Arc<PassQueries>> {
        self.lease.as_ref().and_then(|lease| lease.slot().pass_queries(passes))
    }

    /// What those who listen to frames learn in the order of commits.
    pub(crate) fn turns(&mut self, lease: Option<&Arc<SlotLease>>) -> Vec<Turn> {
        let mut turns = self.captured.turns();
        if let (Some(presents), Some(lease)) = (self.presents.take(), lease) {
            let frame = SubmittedFrame { target: self.target.clone(), lease: Arc::clone(lease) };
            turns.push(Box::new(move || presents.take(frame).map(|frame| Box::new(frame) as Keep)));
        }
        turns
    }

    /// Its captures and picks learn what to wait for, and the renderer which frame was the last.
    pub(crate) fn submitted(self, committed: &Committed) {
        let Committed { done, serial } = committed;
        let mut ends = lock(&self.ends);
        for stamp in done.stamps() {
            let end = &mut ends[stamp.queue.index()];
            *end = stamp.value.max(*end);
        }
        drop(ends);
        let newest = Last { serial: *serial, target: self.target };
        let mut last = lock(&self.last);
        if last.as_ref().is_none_or(|last| last.serial < newest.serial) {
            *last = Some(newest);
        }
        drop(last);
        self.captured.submitted(done);
        self.picks.submitted(done);
    }
}
