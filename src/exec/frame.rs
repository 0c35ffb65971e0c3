//! One frame: a slot, its target image, and a graph to fill.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    picture::{Capture, Pending, Picture},
    renderer::Runtime,
    stats::FrameStats,
    submit::Submit,
    timestamps::Timestamps,
};
use crate::{
    error::{Error, Result},
    graph::{Graph, Pass, PlanStats, Systems},
    resource::{GpuImage, RenderTarget},
    sync::{Completion, prim::lock},
};

/// What frames in flight must not share.
pub(crate) struct Slot {
    pub(crate) target: GpuImage<RenderTarget>,
    pub(crate) timestamps: Option<Arc<Timestamps>>,
}

/// A renderer's slots, and the permits to use them.
pub(crate) struct Slots {
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) free: Mutex<Vec<Slot>>,
}

impl Slots {
    /// Waits for a free slot. The semaphore closes with the `Gpu`.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<SlotLease> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let slot = lock(&self.free).pop().ok_or(Error::Closed)?; // as many slots as permits
        Ok(SlotLease { slots: Arc::clone(self), slot: Some(slot), _permit: permit })
    }
}

/// A slot on loan: with the frame, then with its submission until that retires.
pub(crate) struct SlotLease {
    slots: Arc<Slots>,
    slot: Option<Slot>,
    /// After the slot: whoever gets the permit finds the slot free.
    _permit: OwnedSemaphorePermit,
}

impl SlotLease {
    pub(crate) fn slot(&self) -> &Slot {
        self.slot.as_ref().expect("a lease holds its slot until it is dropped")
    }
}

impl Drop for SlotLease {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            lock(&self.slots.free).push(slot);
        }
    }
}

/// The last frame that was submitted.
#[derive(Clone)]
pub(crate) struct Last {
    pub(crate) target: GpuImage<RenderTarget>,
    pub(crate) done: Completion<Arc<FrameStats>>,
}

/// What a frame adds to a graph's submission.
pub(crate) struct FramePart {
    pub(crate) lease: Option<SlotLease>,
    pub(crate) target: GpuImage<RenderTarget>,
    pub(crate) runtime: Runtime,
    /// What each pass cost to record last time, in plan order.
    pub(crate) costs: Arc<Mutex<Vec<u64>>>,
    pub(crate) unreported: Arc<Mutex<Option<Error>>>,
    pub(crate) last: Arc<Mutex<Option<Last>>>,
    pub(crate) captures: Vec<oneshot::Sender<Result<Pending>>>,
    pub(crate) picture: Option<Picture>,
}

impl FramePart {
    pub(crate) fn timestamps(&self) -> Option<Arc<Timestamps>> {
        self.lease.as_ref().and_then(|lease| lease.slot().timestamps.clone())
    }

    /// Its captures learn what to wait for, and the renderer which frame was the last.
    pub(crate) fn submitted(self, done: &Completion<Arc<FrameStats>>) {
        let newest = Last { target: self.target, done: done.clone() };
        let mut last = lock(&self.last);
        if last.as_ref().is_none_or(|last| last.done.stamp() < newest.done.stamp()) {
            *last = Some(newest);
        }
        drop(last);
        for capture in self.captures {
            if let Some(picture) = &self.picture {
                // Nobody may wait for it any more.
                let _ = capture.send(Ok(Pending { done: done.without_value(), picture: picture.clone() }));
            }
        }
    }
}

/// What [`Renderer::frame`](crate::Renderer::frame) gives: a frame's target image and a graph to fill.
///
/// It owns one of the renderer's slots. Dropping it gives the slot back and changes nothing else; a forgotten one costs
/// its slot.
#[must_use = "a frame is drawn when it is submitted and the future of that awaited"]
pub struct Frame {
    graph: Graph,
    part: FramePart,
    captures: Mutex<Vec<oneshot::Sender<Result<Pending>>>>,
}

impl Frame {
    pub(crate) fn new(graph: Graph, part: FramePart) -> Self {
        Self { graph, part, captures: Mutex::default() }
    }

    /// The image that this frame draws: an owned handle.
    #[must_use]
    pub fn target(&self) -> GpuImage<RenderTarget> {
        self.part.target.clone()
    }

    /// Begins to declare a pass.
    pub fn pass(&self, name: &str) -> Pass<'_> {
        self.graph.pass(name)
    }

    /// Adds a [`System`](crate::System), or a tuple of systems in order.
    pub fn add(&self, systems: impl Systems) {
        self.graph.add(systems);
    }

    /// The frame's graph.
    #[must_use = "asking for the graph does nothing to it"]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// See [`Graph::plan_stats`].
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn plan_stats(&self) -> Result<PlanStats> {
        self.graph.plan_stats()
    }

    /// The future of this frame's picture, as it is when all its passes are through. It resolves after the frame was
    /// submitted and is complete.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`] if the frame is dropped or fails, [`Error::OutOfDeviceMemory`] if there is no room for the
    /// picture.
    pub fn capture(&self) -> Capture {
        let (sender, receiver) = oneshot::channel();
        lock(&self.captures).push(sender);
        Capture::new(receiver)
    }

    /// Records the passes and submits them; see [`Graph::submit`], whose notes on errors and cancellation hold here.
    pub fn submit(self) -> Submit {
        let Self { graph, mut part, captures } = self;
        let captures = captures.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !captures.is_empty() {
            match Picture::copied_by(&graph, &part.target) {
                Ok(picture) => {
                    part.picture = Some(picture);
                    part.captures = captures;
                }
                Err(error) => captures.into_iter().for_each(|capture| drop(capture.send(Err(error.clone())))),
            }
        }
        Submit::new(graph.into_submission().map(|mut submission| {
            submission.frame = Some(part);
            submission
        }))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("target", &self.part.target).field("graph", &self.graph).finish_non_exhaustive()
    }
}
