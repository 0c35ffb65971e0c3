//! The kernels that paint: cubes of a list of words, cubes of a list of cells, and then tiles of the large ones.

use crate::{
    Gpu,
    cells::CellStore,
    cull::Pyramid,
    error::Result,
    graph::{Pass, PassId},
    pipeline::ComputePipeline,
    raster::view::{Lens, WorkList},
    resource::GpuBuffer,
};

const CELLS: &[u8] = include_bytes!("../../../shaders/spv/cells_draw.comp.spv");
const WORDS: &[u8] = include_bytes!("../../../shaders/spv/words_draw.comp.spv");
const LARGE: &[u8] = include_bytes!("../../../shaders/spv/cells_large.comp.spv");

/// Words of an entry: the cube, the first pixel, the size, and the first of a few tiles.
pub(crate) const TILE_WORDS: usize = 4;

/// The kernels.
pub(crate) struct Painter {
    words: ComputePipeline,
    cells: ComputePipeline,
    tiles: ComputePipeline,
}

/// What is painted, and for which camera.
pub(crate) struct Phase<'a> {
    pub(crate) lens: Lens,
    pub(crate) scene: &'a CellStore,
    pub(crate) visibility: &'a GpuBuffer<u64>,
    /// Cells, or words.
    pub(crate) list: &'a WorkList,
    /// Tiles of large cubes: from the one kernel to the other.
    pub(crate) large: &'a WorkList,
    /// Of what is drawn already, if anything is.
    pub(crate) pyramid: Option<&'a Pyramid>,
}

/// As in paint.glsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    lens: Lens,
    scene: u64,
    visibility: u64,
    list: u64,
    large: u64,
    pyramid: u64,
}

// The bytes that every Vulkan device has for push constants.
const _: () = assert!(size_of::<Push>() <= 128);

impl Painter {
    pub(crate) async fn new(gpu: &Gpu) -> Result<Self> {
        let words = gpu.compute_pipeline("view.words", WORDS).await?;
        let cells = gpu.compute_pipeline("view.cells", CELLS).await?;
        let tiles = gpu.compute_pipeline("view.tiles", LARGE).await?;
        Ok(Self { words, cells, tiles })
    }

    /// Paints the cells of a list, all but large cubes, whose tiles are listed.
    pub(crate) fn cells(&self, pass: Pass<'_>, phase: &Phase<'_>) -> PassId {
        self.list(pass, &self.cells, phase)
    }

    /// As [`cells`](Self::cells), for a list of words.
    pub(crate) fn words(&self, pass: Pass<'_>, phase: &Phase<'_>) -> PassId {
        self.list(pass, &self.words, phase)
    }

    fn list(&self, mut pass: Pass<'_>, kernel: &ComputePipeline, phase: &Phase<'_>) -> PassId {
        let uses = pass.uses();
        phase.scene.read_by(uses);
        uses.writes(phase.visibility);
        if let Some(pyramid) = phase.pyramid {
            uses.reads(&pyramid.buffer);
        }
        phase.list.worked_off_by(uses);
        phase.large.written_by(uses);
        self.record(pass, kernel, phase, phase.list)
    }

    /// Paints those tiles.
    pub(crate) fn tiles(&self, mut pass: Pass<'_>, phase: &Phase<'_>) -> PassId {
        let uses = pass.uses();
        phase.scene.read_by(uses);
        uses.writes(phase.visibility);
        if let Some(pyramid) = phase.pyramid {
            uses.reads(&pyramid.buffer);
        }
        phase.large.worked_off_by(uses);
        self.record(pass, &self.tiles, phase, phase.large)
    }

    fn record(&self, pass: Pass<'_>, kernel: &ComputePipeline, phase: &Phase<'_>, by: &WorkList) -> PassId {
        let push = Push {
            lens: phase.lens,
            scene: phase.scene.header.address(),
            visibility: phase.visibility.address(),
            list: phase.list.address(),
            large: phase.large.address(),
            pyramid: phase.pyramid.map_or(0, |pyramid| pyramid.buffer.address()),
        };
        let (kernel, by) = (kernel.clone(), by.clone());
        pass.record(move |cmd| by.dispatch(cmd.bind(&kernel).push(&push)))
    }
}
