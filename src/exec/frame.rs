//! One frame: a slot, its target image, and a graph to fill.

use std::{
    fmt,
    future::Future,
    mem,
    sync::{Mutex, PoisonError},
};

use bytemuck::{NoUninit, Pod};
use tokio::sync::oneshot;

use super::{
    Encoder, Finalize, FrameData, Job,
    part::FramePart,
    pick::{Pick, Picks},
    picture::{Capture, PendingPicture, Picture},
    recording::Submission,
    submit::{Stage, Submit},
};
use crate::{
    error::Result,
    graph::{Graph, Hints, Pass, PassBarrier, PassId, Plan, PlanStats, Systems},
    resource::{Buffer, GpuBuffer, GpuImage, ImagePart, ImageRole, RenderTarget, TransientBuffer},
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
    captures: Mutex<Vec<oneshot::Sender<Result<PendingPicture>>>>,
    picks: Mutex<Picks>,
}

impl Frame {
    pub(crate) fn new(graph: Graph, part: FramePart) -> Self {
        Self { graph, part, captures: Mutex::default(), picks: Mutex::default() }
    }

    /// The image that this frame draws: an owned handle.
    #[must_use]
    pub fn target(&self) -> GpuImage<RenderTarget> {
        self.part.target.clone()
    }

    /// Width and height of its target, in pixels. Frames of a window have the size that it had when they began.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.part.target.extent()
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

    /// See [`Graph::job`].
    pub fn job<F>(&self, name: &str, job: F) -> Job<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + Sync + 'static,
    {
        self.graph.job(name, job)
    }

    /// See [`Graph::try_job`].
    pub fn try_job<F, T, E>(&self, name: &str, job: F) -> Job<T>
    where
        F: Future<Output = std::result::Result<T, E>> + Send + 'static,
        T: Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        self.graph.try_job(name, job)
    }

    /// See [`Graph::buffer`].
    ///
    /// # Errors
    ///
    /// As [`Graph::buffer`].
    pub fn buffer<T: Pod>(&self, name: &str, len: usize) -> Result<TransientBuffer<T>> {
        self.graph.buffer(name, len)
    }

    /// See [`Graph::image`].
    ///
    /// # Errors
    ///
    /// As [`Graph::image`].
    pub fn image<R: ImageRole>(&self, name: &str, size: [u32; 2]) -> Result<GpuImage<R>> {
        self.graph.image(name, size)
    }

    /// See [`Graph::data`].
    ///
    /// # Errors
    ///
    /// As [`Graph::data`].
    pub fn data<T: NoUninit>(&self, value: &T) -> Result<FrameData<T>> {
        self.graph.data(value)
    }

    /// See [`Graph::data_slice`].
    ///
    /// # Errors
    ///
    /// As [`Graph::data_slice`].
    pub fn data_slice<T: NoUninit>(&self, values: &[T]) -> Result<FrameData<[T]>> {
        self.graph.data_slice(values)
    }

    /// See [`Graph::update`].
    ///
    /// # Errors
    ///
    /// As [`Graph::update`].
    pub fn update<T: Pod, D: AsRef<[T]>>(
        &self,
        buffer: &impl Buffer<Element = T>,
        ranges: impl IntoIterator<Item = (usize, D)>,
    ) -> Result<Option<PassId>> {
        self.graph.update(buffer, ranges)
    }

    /// See [`Graph::any_order`].
    pub fn any_order(&self) {
        self.graph.any_order();
    }

    /// See [`Graph::with_encoder`].
    ///
    /// # Errors
    ///
    /// As [`Graph::with_encoder`].
    pub fn with_encoder<R>(&self, pass: PassId, record: impl FnOnce(&mut Encoder<'_>) -> R) -> Result<R> {
        self.graph.with_encoder(pass, record)
    }

    /// The frame's plan, as far as it is declared: the renderer's cached one, where the frame is as an earlier one was.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn plan(&self) -> Result<Plan> {
        self.graph.plan_with(Some(&self.part.plans))
    }

    /// The barriers of that plan: see [`Graph::hints`].
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn hints(&self) -> Result<Hints> {
        self.graph.hints()
    }

    /// The barriers that one of its passes needs: see [`Graph::barriers_for`].
    ///
    /// # Errors
    ///
    /// As [`Graph::barriers_for`].
    pub fn barriers_for(&self, pass: PassId) -> Result<Vec<PassBarrier>> {
        self.graph.barriers_for(pass)
    }

    /// Figures of that plan.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn plan_stats(&self) -> Result<PlanStats> {
        self.graph.stats_with(Some(&self.part.plans))
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

    /// The future of the cube that a pixel of this frame shows, `x` to the right and `y` below the top left one, as the last
    /// [`View`](crate::View) that was added to the frame by now draws it; `None` where that is the sky. It resolves after
    /// the frame was submitted and is complete. Any number of pixels may be asked for, and those of several views; of a view
    /// that a frame has twice, the last picture is looked at.
    ///
    /// ```no_run
    /// # async fn example(renderer: vulkio::Renderer, view: vulkio::View, camera: vulkio::scene::Camera) -> vulkio::Result<()> {
    /// let frame = renderer.frame().await?;
    /// frame.add(view.draw(camera, frame.target()));
    /// let under_the_mouse = frame.pick(640, 360);
    /// frame.submit().await?;
    /// if let Some(id) = under_the_mouse.await? {
    ///     println!("cube {}", id.0);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if no view was added before, or the pixel is outside of its picture;
    /// [`Error::Cancelled`](crate::Error::Cancelled) if the frame is dropped or fails.
    pub fn pick(&self, x: u32, y: u32) -> Pick {
        lock(&self.picks).add(self.graph.shown(), x, y)
    }

    /// Records the passes and submits them; see [`Graph::submit`], whose notes on errors and cancellation hold here.
    pub fn submit(self) -> Submit {
        Submit::at(self.into_stage())
    }

    /// Records the passes, to be submitted later; see [`Graph::finalize`].
    pub fn finalize(self) -> Finalize {
        Finalize::at(self.into_stage())
    }

    /// All that is declared; later, if memory for its picture must be made first.
    fn into_stage(mut self) -> Stage {
        let captures = self.captures.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.part.captured.captures = mem::take(captures);
        self.part.picks = mem::take(self.picks.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !self.part.captured.lacks_texels() {
            return Stage::new(self.into_submission());
        }
        let gpu = self.graph.gpu().clone();
        match Picture::texels_at_once(&gpu, &self.part.target.part()).transpose() {
            Some(texels) => Stage::new(self.with_texels(texels)),
            None => Stage::Coming(Box::pin(async move {
                let texels = Picture::texels(&gpu, &self.part.target.part()).await;
                self.with_texels(texels)
            })),
        }
    }

    fn with_texels(mut self, texels: Result<GpuBuffer<u8>>) -> Result<Submission> {
        self.part.captured.use_texels(texels);
        self.into_submission()
    }

    fn into_submission(self) -> Result<Submission> {
        let Self { graph, mut part, .. } = self;
        part.captured.declare(&graph, &part.target);
        part.picks.declare(&graph);
        let mut submission = graph.into_submission()?;
        submission.frame = Some(part);
        Ok(submission)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("target", &self.part.target).field("graph", &self.graph).finish_non_exhaustive()
    }
}
