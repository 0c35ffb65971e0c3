//! One frame: a slot, its target image, and a graph to fill.

use std::{fmt, sync::Mutex};

use tokio::sync::oneshot;

use super::{
    part::FramePart,
    picture::{Capture, Pending, Picture},
    submit::Submit,
};
use crate::{
    error::Result,
    graph::{Graph, Pass, PlanStats, Systems},
    resource::{GpuImage, RenderTarget},
    sync::prim::lock,
};

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
    /// [`Error::Cancelled`](crate::Error::Cancelled) if the frame is dropped or fails,
    /// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory) if there is no room for the picture.
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
