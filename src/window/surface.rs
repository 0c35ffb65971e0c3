//! A window's surface, and the renderer whose frames it shows.

use std::{fmt, future::Future, sync::Arc, thread::ThreadId};

use raw_window_handle::{HasDisplayHandle, HasWindowHandle};
use tokio::sync::{oneshot, watch};

use super::{
    Vsync,
    line::{Line, Wishes},
    options::{PresentStats, SurfaceOptions},
    presenter::{Parts, Presenter},
    raw::RawSurface,
};
use crate::{
    error::{Error, Result},
    exec::{Presents, Renderer, Terms},
    gpu::Gpu,
};

/// A window's surface: what its [`renderer`](Self::renderer) draws is shown in the window. A cheap handle.
///
/// Frames are drawn into targets of the renderer's own, as headless ones are, and so can be captured and picked from. Those
/// that were submitted are copied to the window, in the order in which they were, by a thread of the surface: nothing that
/// presenting does blocks a runtime's worker. A frame keeps its slot until it is copied, so that the display's pace is that of
/// [`Renderer::frame`].
///
/// ```no_run
/// # use std::sync::Arc;
/// # use vulkio::{Gpu, window::{Surface, SurfaceOptions, winit::window::Window}};
/// # async fn example(gpu: Gpu, window: Arc<Window>) -> vulkio::Result<()> {
/// // The `Gpu` was opened with `GpuOptions::presentation(true)`.
/// let surface = Surface::new(&gpu, window, [1280, 720], SurfaceOptions::default()).await?;
/// for step in 0..=60 {
///     let frame = surface.renderer().frame().await?; // waits for its turn, and while the window is minimised
///     frame.pass("dawn").renders(frame.target().clear([0.0, 0.0, step as f32 / 60.0, 1.0])).record(|_| ());
///     frame.submit().await?; // shown as soon as it is drawn
/// }
/// surface.close().await
/// # }
/// ```
///
/// Where a device has one graphics queue only, presenting has it for as long as the driver takes: what is submitted meanwhile goes out
/// when that call is over. Drivers that wait for a display in it, as some do for hidden windows, hold up the whole `Gpu` then.
///
/// The last handle dropped, the thread ends by itself once what was submitted is complete, and lets go of the window;
/// [`close`](Self::close) waits for that. The renderer has no more frames then.
#[derive(Clone)]
pub struct Surface {
    inner: Arc<Inner>,
}

struct Inner {
    renderer: Renderer,
    terms: Arc<Terms>,
    line: Arc<Line>,
    exited: watch::Receiver<bool>,
    /// The thread that presents.
    thread: ThreadId,
    /// The longest side of a target.
    longest: u32,
}

impl Surface {
    /// A surface for a window, which it keeps, of `size` pixels: `[width, height]`. Either may be zero.
    ///
    /// The window's handles are asked for at once, on this thread: where the system wants that to be the main thread, call it
    /// there and await what it gives elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the [`Gpu`] was not opened with
    /// [`GpuOptions::presentation`](crate::GpuOptions::presentation), or the options are out of their range; [`Error::Window`] if
    /// the window has no handles, or its device cannot present to it; [`Error::SurfaceLost`],
    /// [`Error::OutOfDeviceMemory`], [`Error::Closed`], [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, there is no surface, and the window is let go of.
    pub fn new<W>(
        gpu: &Gpu,
        window: Arc<W>,
        size: [u32; 2],
        options: SurfaceOptions,
    ) -> impl Future<Output = Result<Self>> + Send + use<W>
    where
        W: HasWindowHandle + HasDisplayHandle + Send + Sync + 'static,
    {
        let raw = RawSurface::of_window(gpu, window);
        let gpu = gpu.clone();
        async move { Self::start(gpu, raw?, size, options).await }
    }

    /// A surface without a window: frames take the same way, and nobody sees them. For tests, where a driver has
    /// `VK_EXT_headless_surface`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and [`Error::Invalid`] if no driver has that.
    ///
    /// # Cancel safety
    ///
    /// As [`new`](Self::new).
    pub async fn headless(gpu: &Gpu, size: [u32; 2], options: SurfaceOptions) -> Result<Self> {
        let raw = RawSurface::headless(gpu)?;
        Self::start(gpu.clone(), raw, size, options).await
    }

    async fn start(gpu: Gpu, raw: RawSurface, size: [u32; 2], options: SurfaceOptions) -> Result<Self> {
        let SurfaceOptions { vsync, format, renderer } = options;
        let longest = gpu.info().limits.max_image_dimension2_d;
        let size = within(size, longest);
        let line = Arc::new(Line::new(Wishes { size, vsync }));
        let presents: Arc<dyn Presents> = Arc::clone(&line) as _;
        let renderer = Renderer::presented_by(&gpu, size, renderer, Some(presents))?;
        let terms = Arc::clone(renderer.terms());
        let (exit, exited) = watch::channel(false);
        let (begin, began) = oneshot::channel();
        let submitter = Arc::clone(&gpu.shared.submitter);
        let parts = Parts { line: Arc::clone(&line), terms: Arc::clone(&terms), submitter, format, surface: raw };
        let stop = Arc::clone(&line);
        let run = move || {
            match Presenter::new(parts) {
                Ok(presenter) => {
                    let _ = begin.send(Ok(())); // if nobody waits any more, it is told to stop
                    presenter.run();
                }
                Err(error) => drop(begin.send(Err(error))),
            }
            let _ = exit.send(true); // when nothing is left of the surface
        };
        let thread = gpu.shared.presenters.start(move || stop.stop(), run)?;
        let surface = Self { inner: Arc::new(Inner { renderer, terms, line, exited, thread, longest }) };
        began.await.unwrap_or(Err(Error::Closed))?;
        Ok(surface)
    }

    /// Hands out frames that are shown once they are submitted.
    #[must_use]
    pub fn renderer(&self) -> &Renderer {
        &self.inner.renderer
    }

    /// The window has a new size, in pixels: frames that begin from now on have it. Those on their way are scaled, or left
    /// out. While a side is zero, [`Renderer::frame`] waits. Never blocks.
    pub fn resize(&self, size: [u32; 2]) {
        let size = within(size, self.inner.longest);
        self.inner.line.wish(|wishes| wishes.size = size);
        self.inner.terms.resize(size);
    }

    /// When frames are shown from now on. Never blocks.
    pub fn set_vsync(&self, vsync: Vsync) {
        self.inner.line.wish(|wishes| wishes.vsync = vsync);
    }

    /// What it did so far.
    #[must_use]
    pub fn stats(&self) -> PresentStats {
        self.inner.line.stats()
    }

    /// Ends it: frames that were not shown yet are left out, what was submitted is waited for, and the window is let go of.
    /// Its renderer has no more frames, whoever else has a handle.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`] if the device was lost. It is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it ends by itself. It can be called again.
    pub async fn close(&self) -> Result<()> {
        self.inner.stop();
        let mut exited = self.inner.exited.clone();
        let _ = exited.wait_for(|&exited| exited).await;
        let gpu = self.inner.renderer.gpu();
        // It is at its end; this waits for the thread to be gone. Where the `Gpu` is closed, that has.
        let (presenters, thread) = (Arc::clone(&gpu.shared.presenters), self.inner.thread);
        let _ = gpu.shared.helpers.run("ending a thread that presents", move || presenters.join(thread)).await;
        gpu.refusal().filter(Error::is_device_lost).map_or(Ok(()), Err)
    }
}

impl Inner {
    fn stop(&self) {
        self.terms.end(Error::Closed);
        self.line.stop();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a window may be and no target can is drawn smaller, and scaled.
fn within(size: [u32; 2], longest: u32) -> [u32; 2] {
    let [width, height] = size;
    if width.max(height) > longest {
        tracing::warn!(width, height, longest, "the window is larger than this device's images; frames are scaled");
    }
    size.map(|side| side.min(longest))
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface")
            .field("renderer", &self.inner.renderer)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
