//! Several samples a pixel: colours are shaded as they are drawn, and all is resolved to the images of one sample.

use ash::vk;

use super::{CELLS_LIT, LIT, WORDS_LIT};
use crate::{
    Gpu,
    error::Result,
    pipeline::{GraphicsDesc, GraphicsPipeline},
    raster::SKY,
    resource::{Attachment, Depth, GpuImage, Ids, ImageDesc, RenderTarget},
};

/// What is drawn to: words, colours, depths.
const FORMATS: [vk::Format; 3] = [vk::Format::R32_UINT, vk::Format::R8G8B8A8_SRGB, vk::Format::D32_SFLOAT];

/// Images of several samples, and what draws to them.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    words: GpuImage<Ids>,
    colors: GpuImage<RenderTarget>,
    depth: GpuImage<Depth>,
    pub(super) cells: GraphicsPipeline,
    pub(super) by_word: GraphicsPipeline,
}

/// The attachments of a draw, in the order of its outputs.
pub(super) struct Attachments {
    pub(super) colors: Vec<Attachment>,
    pub(super) depth: Attachment,
}

impl Samples {
    /// `None` for one sample, which takes none of it; else as many as are asked for, or fewer if the device has not as many.
    pub(super) async fn new(gpu: &Gpu, size: [u32; 2], asked: u32) -> Result<Option<Self>> {
        let count = gpu.clamp_samples(asked, &FORMATS);
        if count == 1 {
            return Ok(None);
        }
        let desc = ImageDesc::new(size).samples(count);
        let pipeline = |name, vertex| {
            let [words, colors, depth] = FORMATS;
            let pipeline = GraphicsDesc::new(name, vertex, LIT).samples(count);
            gpu.graphics_pipeline(pipeline.color(words).color(colors).depth(depth).cull(vk::CullModeFlags::BACK))
        };
        Ok(Some(Self {
            words: gpu.image_with("raster.word samples", desc)?,
            colors: gpu.image_with("raster.color samples", desc)?,
            depth: gpu.image_with("raster.depth samples", desc)?,
            cells: pipeline("raster.cells lit", CELLS_LIT).await?,
            by_word: pipeline("raster.words lit", WORDS_LIT).await?,
        }))
    }

    /// Everything is resolved after each draw, but for the colours, which are after the frame's last to `target`.
    pub(super) fn attachments(
        &self,
        first: bool,
        target: Option<&GpuImage<RenderTarget>>,
        words: &GpuImage<Ids>,
        depth: &GpuImage<Depth>,
    ) -> Attachments {
        let [red, green, blue] = SKY;
        let own = match first {
            true => [self.words.clear(u32::MAX), self.colors.clear([red, green, blue, 1.0]), self.depth.clear(0.0)],
            false => [self.words.load(), self.colors.load(), self.depth.load()],
        };
        let [own_words, own_colors, own_depth] = own;
        let own_colors = match target {
            Some(target) => own_colors.resolves_to(target),
            None => own_colors,
        };
        Attachments { colors: vec![own_words.resolves_to(words), own_colors], depth: own_depth.resolves_to(depth) }
    }
}
