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
mod meshes;
mod textures;

use std::{fmt, time::Duration};

use ash::vk;

pub use self::input::Input;
pub use egui;
pub use egui_winit;

use self::{
    meshes::{Canvas, TARGET_IS_LINEAR},
    textures::{Textures, is_encoded},
};
use crate::{
    error::{Error, Result},
    exec::Frame,
    gpu::Gpu,
    pipeline::{Blend, GraphicsDesc, GraphicsPipeline},
    resource::{GpuImage, RenderTarget, Texture},
};

const VERTEX: &[u8] = include_bytes!("../../shaders/spv/overlay.vert.spv");
const FRAGMENT: &[u8] = include_bytes!("../../shaders/spv/overlay.frag.spv");

/// egui over frames: its context, its textures on the GPU, and the pipeline that draws it.
///
/// egui's colours are encoded as sRGB is, and so it mixes them. Over targets of `R8G8B8A8_SRGB` the overlay does as it wants,
/// with [`Attachment::encoded`](crate::Attachment::encoded), and over those whose names end in `UNORM` as well. Over all others,
/// it mixes light: thin letters look a little different there, and what is transparent a little lighter.
pub struct Overlay {
    context: egui::Context,
    gpu: Gpu,
    format: vk::Format,
    mixing: Mixing,
    pipeline: GraphicsPipeline,
    textures: Textures,
}

/// What the target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mixing {
    /// Encoded colours, if it is rendered to as it is encoded.
    Recoded,
    /// Encoded colours.
    Encoded,
    /// Linear light.
    Linear,
}

impl Mixing {
    fn over(format: vk::Format) -> Self {
        match format {
            vk::Format::R8G8B8A8_SRGB => Self::Recoded,
            format if is_encoded(format) => Self::Encoded,
            _ => Self::Linear,
        }
    }
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
    /// [`Error::Shader`] if the device cannot draw to the format, mixing colours.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is kept.
    pub async fn new(gpu: &Gpu, format: vk::Format) -> Result<Self> {
        let mixing = Mixing::over(format);
        let drawn = if mixing == Mixing::Recoded { vk::Format::R8G8B8A8_UNORM } else { format };
        let desc = GraphicsDesc::new("overlay", VERTEX, FRAGMENT).color(drawn).blend(Blend::Premultiplied);
        let pipeline = gpu.graphics_pipeline(desc).await?;
        let (context, textures) = (egui::Context::default(), Textures::default());
        Ok(Self { context, gpu: gpu.clone(), format, mixing, pipeline, textures })
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
    pub fn run(&mut self, frame: &Frame, mut input: egui::RawInput, show: impl FnMut(&egui::Context)) -> Result<Asked> {
        let target = frame.target();
        input.max_texture_side.get_or_insert(self.gpu.info().limits.max_image_dimension2_d as usize);
        if input.screen_rect.is_none() {
            let viewport = input.viewports.get(&input.viewport_id);
            let own = viewport.and_then(|viewport| viewport.native_pixels_per_point).unwrap_or(1.0);
            let [width, height] = target.extent().map(|side| side as f32 / (own * self.context.zoom_factor()));
            input.screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(width, height)));
        }
        let output = self.context.run(input, show);
        self.draw(frame, &target, output)
    }

    /// Draws what this overlay's context gave over `target`, after the passes that were declared before. All output of the
    /// context must come here, as it tells of each change of a texture once.
    ///
    /// The meshes are copied now, into the frame's own memory. A texture that is new or changed is written by the frame; the
    /// letters are one, so after the first frames there are few. Otherwise no frame makes or allocates anything on the GPU.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a target of another format, or a texture larger than the device takes;
    /// [`Error::OutOfDeviceMemory`] if there is no room for a texture or for the meshes.
    pub fn draw(&mut self, frame: &Frame, target: &GpuImage<RenderTarget>, output: egui::FullOutput) -> Result<Asked> {
        let egui::FullOutput { platform_output, textures_delta, shapes, pixels_per_point, viewport_output } = output;
        let taken = self.textures.take(&textures_delta);
        let drawn = taken.and_then(|()| self.draw_over(frame, target, shapes, pixels_per_point));
        self.textures.free(&textures_delta);
        drawn?;
        let delays = viewport_output.values().map(|viewport| viewport.repaint_delay);
        let repaint_after = delays.min().unwrap_or(Duration::MAX);
        Ok(Asked { platform: platform_output, repaint_after })
    }

    fn draw_over(
        &mut self,
        frame: &Frame,
        target: &GpuImage<RenderTarget>,
        shapes: Vec<egui::epaint::ClippedShape>,
        pixels_per_point: f32,
    ) -> Result<()> {
        self.check(target)?;
        self.textures.make(&self.gpu)?;
        self.textures.write(frame);
        let meshes = self.context.tessellate(shapes, pixels_per_point);
        let over = target.load();
        let canvas = Canvas {
            pipeline: &self.pipeline,
            target: if self.mixing == Mixing::Recoded { over.encoded() } else { over },
            size: target.extent(),
            pixels_per_point,
            flags: if self.mixing == Mixing::Linear { TARGET_IS_LINEAR } else { 0 },
            // More cannot be told apart by the shader.
            most_textures: self.gpu.textures_per_pass().min(16) as usize,
        };
        canvas.draw(frame, &meshes, &self.textures)
    }

    /// A texture of the program's own, for [`egui::Image`] and its like; it is kept until it is
    /// [removed](Self::remove_texture). Of `UNORM` formats of three or four channels its colours count as encoded, of others as linear light.
    ///
    /// # Errors
    ///
    /// As [`Gpu::sampler`].
    pub fn add_texture(&mut self, texture: &GpuImage<Texture>) -> Result<egui::TextureId> {
        self.textures.add(&self.gpu, texture)
    }

    /// Gives up a texture of the program's own. What is drawn with it from now on is not drawn.
    pub fn remove_texture(&mut self, id: egui::TextureId) {
        self.textures.remove(id);
    }

    fn check(&self, target: &GpuImage<RenderTarget>) -> Result<()> {
        if target.format() == self.format {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "an overlay for targets of {:?} over `{}`, which is of {:?}; make one for that format",
            self.format,
            target.name(),
            target.format()
        )))
    }
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("format", &self.format).field("mixing", &self.mixing).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_and_its_input_go_to_other_tasks() {
        fn goes<T: Send>() {}
        goes::<Overlay>();
        goes::<Input>();
    }
}
