//! [egui](https://docs.rs/egui), drawn over frames.
//!
//! An [`Overlay`] is an egui [`Context`](egui::Context) and what draws its output over a frame's target; an [`Input`] feeds it
//! from a window's events. Windows are no condition: what [`Overlay::run`] takes can as well be made by a program.
//!
//! ```no_run
//! # async fn example(gpu: vulkio::Gpu, renderer: vulkio::Renderer) -> vulkio::Result<()> {
//! use vulkio::overlay::{Overlay, egui};
//!
//! let mut overlay = Overlay::new(&gpu, vulkio::ash::vk::Format::R8G8B8A8_SRGB).await?;
//! let frame = renderer.frame().await?;
//! frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
//! overlay.run(&frame, egui::RawInput::default(), |ui| {
//!     egui::Window::new("frame").show(ui, |ui| ui.label("60 a second"));
//! })?;
//! frame.submit().await?;
//! # Ok(()) }
//! ```

mod input;

use std::time::Duration;

use ash::vk;

pub use self::input::Input;
pub use egui;
pub use egui_winit;

use crate::{
    error::Result,
    exec::Frame,
    gpu::Gpu,
    resource::{GpuImage, RenderTarget},
};

/// egui over frames: its context, its textures on the GPU, and the pipeline that draws it.
pub struct Overlay {
    context: egui::Context,
    gpu: Gpu,
}

/// What egui asks of the program after a frame.
#[must_use = "an overlay that is animated asks for a frame; `Input::apply` takes the rest"]
pub struct Asked {
    /// The cursor, the clipboard, links to open: for [`Input::apply`].
    pub platform: egui::PlatformOutput,
    /// When egui wants to be drawn again, if nothing else happens: zero for at once, [`Duration::MAX`] for never.
    pub repaint_after: Duration,
}

impl Overlay {
    /// Makes what draws over targets of this format: a renderer's are `R8G8B8A8_SRGB`.
    ///
    /// # Errors
    ///
    /// [`Error::Shader`](crate::Error::Shader) if the device cannot render to the format.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is kept.
    pub async fn new(gpu: &Gpu, _format: vk::Format) -> Result<Self> {
        Ok(Self { context: egui::Context::default(), gpu: gpu.clone() })
    }

    /// egui's context: for its style, and to ask for a repaint. A cheap handle inside.
    #[must_use]
    pub fn context(&self) -> &egui::Context {
        &self.context
    }

    /// Runs the user interface once and draws it over the frame's target, after the passes that were declared before.
    ///
    /// Without a [`screen_rect`](egui::RawInput::screen_rect) in `input`, it is the whole target.
    ///
    /// # Errors
    ///
    /// As [`draw`](Self::draw).
    pub fn run(&mut self, frame: &Frame, input: egui::RawInput, show: impl FnMut(&egui::Context)) -> Result<Asked> {
        let output = self.context.run(input, show);
        self.draw(frame, &frame.target(), output)
    }

    /// Draws what egui gave for a frame over `target`, after the passes that were declared before.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory) if there is no room for a texture or for the meshes.
    pub fn draw(
        &mut self,
        _frame: &Frame,
        _target: &GpuImage<RenderTarget>,
        output: egui::FullOutput,
    ) -> Result<Asked> {
        let _ = &self.gpu;
        let repaint_after =
            output.viewport_output.values().map(|viewport| viewport.repaint_delay).min().unwrap_or(Duration::MAX);
        Ok(Asked { platform: output.platform_output, repaint_after })
    }
}

impl std::fmt::Debug for Overlay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlay").field("gpu", &self.gpu).finish_non_exhaustive()
    }
}
