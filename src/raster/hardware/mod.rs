//! Draws cubes with the GPU's rasteriser: the three faces towards the eye, of all cubes of a list of cells or of words.
//!
//! `mesh` has the indices that every instance shares, `targets` the images that are drawn to, `samples` those of several
//! samples a pixel, `draw` the passes.

mod draw;
mod list;
mod mesh;
mod samples;
mod targets;
#[cfg(test)]
mod tests;

use ash::vk;
use futures::future::{try_join, try_join3};

use crate::{
    Gpu,
    error::Result,
    pipeline::{ComputePipeline, GraphicsDesc, GraphicsPipeline},
};

pub(crate) use draw::{Batch, Drawn, Listed};
pub(crate) use list::Listing;
use list::Lists;
use mesh::Mesh;
use samples::Samples;
use targets::Targets;

const CELLS: &[u8] = include_bytes!("../../../shaders/spv/raster_cells.vert.spv");
const WORDS: &[u8] = include_bytes!("../../../shaders/spv/raster_words.vert.spv");
const CELLS_LIT: &[u8] = include_bytes!("../../../shaders/spv/raster_cells_lit.vert.spv");
const WORDS_LIT: &[u8] = include_bytes!("../../../shaders/spv/raster_words_lit.vert.spv");
const LIT: &[u8] = include_bytes!("../../../shaders/spv/raster_lit.frag.spv");
const WORD: &[u8] = include_bytes!("../../../shaders/spv/raster_word.frag.spv");
const ARGS: &[u8] = include_bytes!("../../../shaders/spv/raster_args.comp.spv");
const MERGE: &[u8] = include_bytes!("../../../shaders/spv/raster_merge.comp.spv");

/// What drawing cubes with the rasteriser takes besides cubes, for pictures of one size.
pub(crate) struct Hardware {
    mesh: Mesh,
    targets: Targets,
    lists: Lists,
    samples: Option<Samples>,
    cells: GraphicsPipeline,
    words: GraphicsPipeline,
    args: ComputePipeline,
    merge: ComputePipeline,
}

impl Hardware {
    /// For scenes of up to so many cells. With several `samples` a pixel, or as many of them as the device has, draws shade as well. An instance is two to the
    /// power of `shift` cubes, where that is given.
    ///
    /// # Errors
    /// Those of making images, buffers and pipelines.
    pub(crate) async fn new(gpu: &Gpu, size: [u32; 2], cells: usize, samples: u32, shift: Option<u32>) -> Result<Self> {
        let targets = Targets::new(gpu, size)?;
        let samples = Samples::new(gpu, size, samples).await?;
        let lists = Lists::new(gpu, cells).await?;
        let desc = |name, vertex| {
            GraphicsDesc::new(name, vertex, WORD)
                .color(vk::Format::R32_UINT)
                .depth(vk::Format::D32_SFLOAT)
                // What is left of a cube that the near plane cuts open has no inside.
                .cull(vk::CullModeFlags::BACK)
        };
        let pipelines = try_join(
            gpu.graphics_pipeline(desc("raster.cells", CELLS)),
            gpu.graphics_pipeline(desc("raster.words", WORDS)),
        );
        let kernels = try_join(gpu.compute_pipeline("raster.args", ARGS), gpu.compute_pipeline("raster.merge", MERGE));
        let ((cells, words), (args, merge), mesh) = try_join3(pipelines, kernels, Mesh::new(gpu, shift)).await?;
        Ok(Self { mesh, targets, lists, samples, cells, words, args, merge })
    }

    /// Whether draws of cells make the picture themselves.
    pub(crate) fn shades(&self) -> bool {
        self.samples.is_some()
    }
}
