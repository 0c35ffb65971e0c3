//! Which cubes of the cells that may show are drawn: those that no pyramid hides, as words.

use super::{Batch, Hardware};
use crate::{
    Gpu,
    cells::CellStore,
    cull::Pyramid,
    error::Result,
    graph::{Pass, PassId},
    pipeline::ComputePipeline,
    raster::view::{Lens, WorkList},
};

const LIST: &[u8] = include_bytes!("../../../shaders/spv/raster_list.comp.spv");

/// The kernel, and what it lists besides words.
pub(super) struct Lists {
    kernel: ComputePipeline,
    /// Cells whose words found no place.
    whole: WorkList,
}

/// What is listed, and for which camera.
#[derive(Clone, Copy)]
pub(crate) struct Listing<'a> {
    pub(crate) lens: Lens,
    pub(crate) scene: &'a CellStore,
    pub(crate) cells: &'a WorkList,
    /// Gets the words.
    pub(crate) words: &'a WorkList,
    /// Of what is drawn already, if anything is.
    pub(crate) pyramid: Option<&'a Pyramid>,
}

/// As in raster_list.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    lens: Lens,
    scene: u64,
    cells: u64,
    words: u64,
    whole: u64,
    pyramid: u64,
}

const _: () = assert!(size_of::<Push>() <= 128);

impl Lists {
    /// For scenes of so many cells.
    pub(super) async fn new(gpu: &Gpu, cells: usize) -> Result<Self> {
        let whole = WorkList::new(gpu, "raster.whole", cells, 1).await?;
        Ok(Self { kernel: gpu.compute_pipeline("raster.list", LIST).await?, whole })
    }
}

impl Hardware {
    /// Lists the cubes that may show.
    pub(crate) fn list(&self, mut pass: Pass<'_>, listing: &Listing<'_>) -> PassId {
        let (lists, uses) = (&self.lists, pass.uses());
        listing.scene.read_by(uses);
        if let Some(pyramid) = listing.pyramid {
            uses.reads(&pyramid.buffer);
        }
        listing.cells.worked_off_by(uses);
        listing.words.written_by(uses);
        lists.whole.written_by(uses);
        let push = Push {
            lens: listing.lens,
            scene: listing.scene.header.address(),
            cells: listing.cells.address(),
            words: listing.words.address(),
            whole: lists.whole.address(),
            pyramid: listing.pyramid.map_or(0, |pyramid| pyramid.buffer.address()),
        };
        let (kernel, cells) = (lists.kernel.clone(), listing.cells.clone());
        pass.record(move |cmd| cells.dispatch(cmd.bind(&kernel).push(&push)))
    }

    /// The cells whose words found no place.
    pub(crate) fn whole(&self) -> Batch {
        self.lists.whole.cells_once()
    }
}
