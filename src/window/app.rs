//! What an app has: the device, its windows, and what happens to them.

use std::{fmt, pin::pin, sync::Arc};

use futures::future::{Either, join, select};
use winit::{
    dpi::PhysicalSize,
    window::{Fullscreen, Window, WindowAttributes},
};

use super::{Surface, SurfaceOptions, bridge::Bridge, events::Events, flag::Flag};
use crate::{
    Frame, Gpu, GpuOptions, Renderer,
    config::{Config, WindowConfig},
    error::Result,
};

/// An app that has a window: what [`run`](super::run) gives. A cheap handle: clone it into every task.
///
/// ```no_run
/// use vulkio::{config::Config, window};
///
/// fn main() -> vulkio::Result<()> {
///     window::run(Config::default(), |app| async move {
///         while let Some(frame) = app.frame().await? {
///             frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
///             frame.submit().await?;
///         }
///         Ok(())
///     })
/// }
/// ```
#[derive(Clone, Debug)]
pub struct App {
    gpu: Gpu,
    config: Arc<Config>,
    main: AppWindow,
}

/// A window and its surface. A cheap handle; the window closes when the last is dropped.
#[derive(Clone)]
pub struct AppWindow {
    pane: Arc<Pane>,
}

/// Behind every handle of a window.
pub(super) struct Pane {
    bridge: Arc<Bridge>,
    closing: Flag,
    // Before the window that it draws to.
    pub(super) surface: Surface,
    pub(super) window: Arc<Window>,
}

impl App {
    /// Opens the device and the first window; `None` if the window was closed meanwhile.
    pub(super) async fn start(
        bridge: Arc<Bridge>,
        gpu: GpuOptions,
        attributes: Option<WindowAttributes>,
        config: Config,
    ) -> Result<Option<Self>> {
        let attributes = attributes.unwrap_or_else(|| attributes_of(&config.window));
        // The first window's close request is the app's.
        let closing = bridge.closing.clone();
        // Both to their end: a device is not left to be closed by itself.
        let (gpu, window) = join(Gpu::open(gpu), bridge.open(attributes, closing.clone())).await;
        let gpu = gpu?;
        let started = async {
            if closing.is_raised() {
                return Ok(None);
            }
            let options = config.surface_options();
            let main = AppWindow::new(Arc::clone(&bridge), closing.clone(), &gpu, window?, options).await?;
            if closing.is_raised() {
                main.surface().close().await?;
                return Ok(None);
            }
            Ok(Some(Self { gpu: gpu.clone(), config: Arc::new(config), main }))
        };
        let started = started.await;
        if !matches!(started, Ok(Some(_))) {
            let closed = gpu.close().await;
            return started.and_then(|none| closed.map(|()| none));
        }
        started
    }

    /// Closes all windows' surfaces and the device.
    pub(super) async fn end(self) -> Result<()> {
        let mut outcome = Ok(());
        for pane in self.main.pane.bridge.panes() {
            outcome = outcome.and(pane.surface.close().await);
        }
        outcome.and(self.gpu.close().await)
    }

    /// The device.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// What the app was started with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The first window, by itself.
    #[must_use]
    pub fn main_window(&self) -> &AppWindow {
        &self.main
    }

    /// The first window's surface.
    #[must_use]
    pub fn surface(&self) -> &Surface {
        self.main.surface()
    }

    /// What hands out the first window's frames.
    #[must_use]
    pub fn renderer(&self) -> &Renderer {
        self.main.renderer()
    }

    /// The first window, as winit has it.
    #[must_use]
    pub fn window(&self) -> &Arc<Window> {
        self.main.window()
    }

    /// The first window's next frame, once a frame slot is free; `None` once the app is to end: the first window was told to
    /// close, or [`close`](Self::close) was called, or Ctrl-C came. While the window has no pixels, it waits.
    ///
    /// # Errors
    ///
    /// Those of [`Renderer::frame`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it gives up its place in the queue and nothing else.
    pub async fn frame(&self) -> Result<Option<Frame>> {
        self.main.frame().await
    }

    /// What happens to all windows. The first stream that is asked for has all that happened so far.
    #[must_use]
    pub fn events(&self) -> Events {
        self.main.pane.bridge.hub.stream()
    }

    /// Resolves once the app is to end, see [`frame`](Self::frame).
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        self.main.closing()
    }

    /// As if the first window was told to close.
    pub fn close(&self) {
        self.main.pane.closing.raise();
    }

    /// Opens a further window, with the vsync and the frames in flight of the app's configuration. It is closed by dropping
    /// its last handle.
    ///
    /// # Errors
    ///
    /// [`Error::Window`](crate::Error::Window) if the display refuses it, or the event loop has ended; and those of
    /// [`Surface::new`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the window is closed if it was opened.
    pub async fn open_window(&self, window: &WindowConfig) -> Result<AppWindow> {
        let (bridge, closing) = (&self.main.pane.bridge, Flag::default());
        let opened = bridge.open(attributes_of(window), closing.clone()).await?;
        AppWindow::new(Arc::clone(bridge), closing, &self.gpu, opened, self.config.surface_options()).await
    }
}

impl AppWindow {
    async fn new(
        bridge: Arc<Bridge>,
        closing: Flag,
        gpu: &Gpu,
        window: Arc<Window>,
        options: SurfaceOptions,
    ) -> Result<Self> {
        let surface = bridge.surface(gpu, &window, options).await?;
        let pane = Arc::new(Pane { bridge, closing, surface, window });
        pane.bridge.attach(&pane);
        Ok(Self { pane })
    }

    /// Its surface.
    #[must_use]
    pub fn surface(&self) -> &Surface {
        &self.pane.surface
    }

    /// What hands out its frames.
    #[must_use]
    pub fn renderer(&self) -> &Renderer {
        self.pane.surface.renderer()
    }

    /// The window, as winit has it.
    #[must_use]
    pub fn window(&self) -> &Arc<Window> {
        &self.pane.window
    }

    /// Its next frame, once a frame slot is free; `None` once it was told to close, or the app is to end. While it has no
    /// pixels, it waits.
    ///
    /// # Errors
    ///
    /// Those of [`Renderer::frame`].
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it gives up its place in the queue and nothing else.
    pub async fn frame(&self) -> Result<Option<Frame>> {
        match select(pin!(self.closing()), pin!(self.renderer().frame())).await {
            Either::Left(_) => Ok(None),
            Either::Right((frame, _)) => frame.map(Some),
        }
    }

    /// Resolves once it was told to close, or the app is to end.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + use<> {
        let (own, all) = (self.pane.closing.raised(), self.pane.bridge.closing.raised());
        async move {
            select(pin!(own), pin!(all)).await;
        }
    }
}

impl fmt::Debug for AppWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppWindow").field("id", &self.window().id()).finish_non_exhaustive()
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        self.bridge.forget(self.window.id());
    }
}

/// What the configuration says of a window. Its size is in pixels, whatever the screen's scale.
fn attributes_of(window: &WindowConfig) -> WindowAttributes {
    Window::default_attributes()
        .with_title(window.title.clone())
        .with_inner_size(PhysicalSize::new(window.width, window.height))
        .with_fullscreen(window.fullscreen.then_some(Fullscreen::Borderless(None)))
}
