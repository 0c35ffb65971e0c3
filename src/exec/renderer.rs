//! What hands out frames.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::Semaphore};

use super::{
    captured::Captured,
    chunks::IN_PLACE_BELOW,
    frame::Frame,
    part::{Ends, FramePart, Last, Runtime},
    pick::Picks,
    picture::Picture,
    presents::Presents,
    slots::{Slot, SlotLease, Slots},
    terms::{Terms, has_pixels},
    timestamps::Timestamps,
};
use crate::{
    error::{Error, Result},
    gpu::{Gpu, QueueId},
    graph::{Graph, cache::PlanCache, declare::Sizes},
    readback::{CaptureStream, Taps},
    resource::{ImagePart, RenderTarget},
    sync::{Stamp, prim::lock},
};

/// The most frames that may be in flight: each costs an image, and adds a frame of delay.
const MOST_FRAMES: usize = 16;

/// More pictures than memory has room for, and few enough to be counted.
const MOST_PICTURES: usize = 1 << 16;

/// How a [`Renderer`] works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RendererOptions {
    /// Frames that may be on their way at once, 1 to 16; 2 by default.
    pub frames_in_flight: usize,
    /// The tokio runtime that records. By default the one that polls `submit`; with none there, its poll records.
    pub runtime: Option<Handle>,
    /// The most recording tasks that run at once. By default as many as the runtime has workers.
    pub workers: Option<usize>,
    /// Frames that took less than this to record last time are recorded in `submit`'s poll, because a task of their own
    /// would not be worth it; 100 µs by default, zero for never.
    pub in_place_below: Duration,
    /// Whether [`FrameStats::gpu`](crate::FrameStats) is measured, with two timestamps a frame. On by default.
    pub timestamps: bool,
    /// Whether the GPU time of each pass is measured, with two timestamps a pass, for `gpu_us` of the spans of target
    /// `vulkio::pass`. Off by default: a timestamp waits for the commands before it.
    pub pass_timestamps: bool,
}

impl Default for RendererOptions {
    fn default() -> Self {
        Self {
            frames_in_flight: 2,
            runtime: None,
            workers: None,
            in_place_below: IN_PLACE_BELOW,
            timestamps: true,
            pass_timestamps: false,
        }
    }
}

impl RendererOptions {
    /// Sets [`frames_in_flight`](Self::frames_in_flight).
    #[must_use]
    pub fn frames_in_flight(mut self, frames: usize) -> Self {
        self.frames_in_flight = frames;
        self
    }

    /// Sets [`runtime`](Self::runtime).
    #[must_use]
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets [`workers`](Self::workers).
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Sets [`in_place_below`](Self::in_place_below).
    #[must_use]
    pub fn in_place_below(mut self, cost: Duration) -> Self {
        self.in_place_below = cost;
        self
    }

    /// Sets [`timestamps`](Self::timestamps).
    #[must_use]
    pub fn timestamps(mut self, timestamps: bool) -> Self {
        self.timestamps = timestamps;
        self
    }

    /// Sets [`pass_timestamps`](Self::pass_timestamps).
    #[must_use]
    pub fn pass_timestamps(mut self, timestamps: bool) -> Self {
        self.pass_timestamps = timestamps;
        self
    }
}

/// Hands out frames. A cheap handle: clone it into every task that draws.
///
/// ```no_run
/// # use vulkio::{Gpu, GpuOptions, Renderer};
/// # async fn example() -> vulkio::Result<()> {
/// let gpu = Gpu::open(GpuOptions::default()).await?;
/// let renderer = Renderer::headless(&gpu, [640, 480])?;
/// let frame = renderer.frame().await?;
/// frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
/// frame.submit().await?;
/// # #[cfg(feature = "png")]
/// renderer.capture().await?.save_png("sky.png").await?;
/// gpu.close().await
/// # }
/// ```
#[derive(Clone)]
pub struct Renderer {
    shared: Arc<Shared>,
}

struct Shared {
    gpu: Gpu,
    terms: Arc<Terms>,
    frames_in_flight: usize,
    runtime: Runtime,
    slots: Arc<Slots>,
    /// Frames so far.
    frames: AtomicU64,
    plans: Arc<PlanCache>,
    sizes: Arc<Mutex<Sizes>>,
    name: Arc<str>,
    last: Arc<Mutex<Option<Last>>>,
    ends: Arc<Mutex<Ends>>,
    taps: Taps,
    /// Who shows its frames.
    presents: Option<Arc<dyn Presents>>,
}

impl Renderer {
    /// A renderer that draws into images of its own, `[width, height]` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a size the device cannot do, [`Error::OutOfDeviceMemory`].
    pub fn headless(gpu: &Gpu, size: [u32; 2]) -> Result<Self> {
        Self::with_options(gpu, size, RendererOptions::default())
    }

    /// As [`headless`](Self::headless), with options.
    ///
    /// # Errors
    ///
    /// As [`headless`](Self::headless), and [`Error::Invalid`] for options out of their range.
    pub fn with_options(gpu: &Gpu, size: [u32; 2], options: RendererOptions) -> Result<Self> {
        Self::presented_by(gpu, size, options, None)
    }

    /// As [`with_options`](Self::with_options); each frame that is submitted goes to `presents` as well. A renderer whose
    /// frames are shown may begin with a size of zero.
    pub(crate) fn presented_by(
        gpu: &Gpu,
        size: [u32; 2],
        options: RendererOptions,
        presents: Option<Arc<dyn Presents>>,
    ) -> Result<Self> {
        let RendererOptions { frames_in_flight, runtime, workers, in_place_below, timestamps, pass_timestamps } =
            options;
        if !(1..=MOST_FRAMES).contains(&frames_in_flight) {
            return Err(Error::Invalid(format!(
                "{frames_in_flight} frames in flight; 1 to {MOST_FRAMES} are possible"
            )));
        }
        if workers == Some(0) {
            return Err(Error::Invalid("0 recording workers; at least 1 is needed".into()));
        }
        if let Some(error) = gpu.refusal() {
            return Err(error);
        }
        // A window that has no pixels yet gets targets of its size when it has.
        let first_size = if presents.is_some() { size.map(|side| side.max(1)) } else { size };
        let slot = |index| {
            let target = gpu.image::<RenderTarget>(&format!("target {index}"), first_size)?;
            let timestamps = if timestamps { Timestamps::new(&gpu.shared.device)? } else { None };
            let passes = pass_timestamps.then(Mutex::default);
            Ok(Slot { target, timestamps, passes, device: Arc::clone(&gpu.shared.device) })
        };
        // The last is taken first.
        let free = (0..frames_in_flight).rev().map(slot).collect::<Result<Vec<_>>>()?;
        let permits = Arc::new(Semaphore::new(frames_in_flight));
        let shared = Shared {
            gpu: gpu.clone(),
            terms: Terms::new(gpu, size, &permits),
            frames_in_flight,
            runtime: Runtime { handle: runtime, workers, in_place_below },
            slots: Arc::new(Slots { permits, free: Mutex::new(free) }),
            frames: AtomicU64::new(0),
            plans: Arc::default(),
            sizes: Arc::default(),
            name: "frame".into(),
            last: Arc::default(),
            ends: Arc::default(),
            taps: Taps::default(),
            presents,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits until fewer frames than [`frames_in_flight`](RendererOptions::frames_in_flight) are on their way, and every
    /// [`CaptureStream`] has room for a picture, and begins the next. Frames of a window wait, too, while that has no pixels.
    /// Blocks no worker.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once the [`Gpu`] or the window's surface is closed, [`Error::DeviceLost`], [`Error::SurfaceLost`],
    /// [`Error::OutOfDeviceMemory`] if there is none for a larger target, or the failure of an earlier frame that
    /// nobody awaited, once.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it gives up its place in the queue and nothing else.
    pub async fn frame(&self) -> Result<Frame> {
        self.check()?;
        let shared = &self.shared;
        // Before the slot, which frames could use that nobody captures.
        let places = shared.taps.places().await;
        let slot = self.slot().await?;
        let target = slot.slot().target.clone();
        let mut captured = Captured::in_streams(places);
        if captured.lacks_texels() {
            captured.use_texels(Picture::texels(&shared.gpu, &target.part()).await);
        }
        let sizes = *lock(&shared.sizes);
        let part = FramePart {
            number: shared.frames.fetch_add(1, Ordering::Relaxed),
            lease: Some(slot),
            target,
            runtime: shared.runtime.clone(),
            plans: Arc::clone(&shared.plans),
            sizes: Arc::clone(&shared.sizes),
            unreported: shared.terms.unreported(),
            last: Arc::clone(&shared.last),
            ends: Arc::clone(&shared.ends),
            captured,
            picks: Picks::default(),
            presents: shared.presents.clone(),
        };
        Ok(Frame::new(
            Graph::of_frame(&shared.gpu, Arc::clone(&shared.name), shared.runtime.handle.clone(), sizes),
            part,
        ))
    }

    /// A slot with a target of the size that frames have now.
    async fn slot(&self) -> Result<SlotLease> {
        let shared = &self.shared;
        loop {
            let size = shared.terms.some_size().await;
            self.check()?; // it may have waited for long, and for nothing
            size?;
            let slot = shared.slots.lease().await;
            self.check()?;
            let mut slot = slot?;
            // Not what it was before it waited for the slot.
            let size = shared.terms.size();
            if has_pixels(size) {
                slot.fit(&shared.gpu, size).await?;
                return Ok(slot);
            }
        }
    }

    /// A copy of the last frame that was submitted, when it is complete; of a later one, if its target is drawn again
    /// before the copy is submitted. [`Frame::capture`](crate::Frame::capture) is about one frame.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if no frame was submitted yet; [`Error::OutOfDeviceMemory`], [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the copy is not made, or made and thrown away.
    pub async fn capture(&self) -> Result<Picture> {
        let last = lock(&self.shared.last).clone();
        let last =
            last.ok_or_else(|| Error::Invalid("capture before any frame was submitted; submit one first".into()))?;
        let graph = Graph::new(&self.shared.gpu, "capture");
        let target = last.target.part();
        let texels = Picture::texels(&self.shared.gpu, &target).await?;
        let picture = Picture::copied_by(&graph, &target, texels, []);
        graph.submit().await?.await?;
        Ok(picture)
    }

    /// A picture of every frame that is asked for from now on, in the order in which they are submitted: at most one more
    /// than [`frames_in_flight`](RendererOptions::frames_in_flight) between renderer and consumer. Where the consumer lags,
    /// [`frame`](Self::frame) waits: no frame is left out, and nothing grows.
    ///
    /// A captured frame copies its target once, for however many streams and [captures](crate::Frame::capture).
    pub fn capture_stream(&self) -> CaptureStream {
        self.shared.taps.stream(&self.shared.gpu, self.shared.frames_in_flight + 1)
    }

    /// As [`capture_stream`](Self::capture_stream), with at most so many `pictures` between renderer and consumer: frames
    /// begun, frames on the GPU, and pictures that were not taken yet.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for 0 pictures, or more than 65,536.
    pub fn capture_stream_with(&self, pictures: usize) -> Result<CaptureStream> {
        if !(1..=MOST_PICTURES).contains(&pictures) {
            return Err(Error::Invalid(format!(
                "a capture stream with room for {pictures} pictures; 1 to {MOST_PICTURES} are possible"
            )));
        }
        Ok(self.shared.taps.stream(&self.shared.gpu, pictures))
    }

    /// Waits until every frame submitted so far is complete.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it has no effect.
    pub async fn idle(&self) -> Result<()> {
        let ends = *lock(&self.shared.ends);
        for (queue, value) in ends.into_iter().enumerate().filter(|&(_, value)| value > 0) {
            let stamp = Stamp { queue: QueueId(queue as u8), value };
            self.shared.gpu.shared.submitter.completion(stamp).await?;
        }
        Ok(())
    }

    /// Width and height of the next frame, in pixels. Only those of a window change; they are zero while it has no pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.shared.terms.size()
    }

    #[cfg(feature = "window")]
    pub(crate) fn terms(&self) -> &Arc<Terms> {
        &self.shared.terms
    }

    /// How many frames may be on their way at once.
    #[must_use]
    pub fn frames_in_flight(&self) -> usize {
        self.shared.frames_in_flight
    }

    /// The `Gpu` it draws with.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.shared.gpu
    }

    fn check(&self) -> Result<()> {
        self.shared.terms.check()?;
        self.shared.gpu.check()
    }
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").field("size", &self.size()).finish_non_exhaustive()
    }
}
