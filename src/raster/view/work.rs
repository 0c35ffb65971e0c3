//! Work lists: what an indirect dispatch works off, with the dispatch's arguments in front. work.glsl says the same.

use crate::{
    Gpu,
    error::Result,
    exec::{DispatchArgs, Encoder},
    graph::Uses,
    raster::hardware::{Batch, Listed},
    resource::GpuBuffer,
};

/// Words in front of the entries: the arguments, the count, the capacity, the count before.
const HEADER: usize = 6;
/// The word of the count.
const COUNT: usize = 3;

/// A list on the GPU: a handle.
#[derive(Clone)]
pub(crate) struct WorkList {
    buffer: GpuBuffer<DispatchArgs>,
}

impl WorkList {
    /// An empty list with room for `capacity` entries of `words` each.
    pub(crate) async fn new(gpu: &Gpu, name: &str, capacity: usize, words: usize) -> Result<Self> {
        let buffer = gpu.buffer::<DispatchArgs>(name, (HEADER + capacity * words).div_ceil(3))?;
        let header = vec![DispatchArgs { groups: [0, 1, 1] }, DispatchArgs { groups: [0, capacity as u32, 0] }];
        gpu.upload(&buffer, 0, header).await?;
        Ok(Self { buffer })
    }

    pub(crate) fn address(&self) -> u64 {
        self.buffer.address()
    }

    /// Says that it is written: of the entries no more is read than was.
    pub(crate) fn assume_written(&self) {
        // SAFETY: the arguments were uploaded, and uploads are ordered like any other work; shaders read entries only as far as
        // others wrote them.
        unsafe { self.buffer.assume_written() };
    }

    /// Shaders append to it, or empty it.
    pub(crate) fn written_by(&self, uses: &mut Uses) {
        uses.writes(&self.buffer);
    }

    /// A dispatch works it off.
    pub(crate) fn worked_off_by(&self, uses: &mut Uses) {
        uses.reads(self.buffer.indirect()).reads(&self.buffer);
    }

    /// The list, of words, as the rasteriser draws it.
    pub(crate) fn words(&self) -> Batch {
        self.batch(Listed::Words, false)
    }

    /// The list, of cells, as the rasteriser draws it; it is empty then.
    pub(crate) fn cells_once(&self) -> Batch {
        self.batch(Listed::Cells, true)
    }

    fn batch(&self, listed: Listed, empties: bool) -> Batch {
        let word = |index: usize| self.address() + (index * size_of::<u32>()) as u64;
        Batch { listed, entries: word(HEADER), count: word(COUNT), empties, buffer: (&self.buffer).into() }
    }

    /// Dispatches the bound kernel for its entries.
    pub(crate) fn dispatch(&self, cmd: &mut Encoder<'_>) {
        cmd.dispatch_indirect(&self.buffer, 0);
    }

    /// How many entries were wanted, and how many before it was emptied last.
    pub(crate) async fn counts(&self, gpu: &Gpu) -> Result<[u32; 2]> {
        let header = gpu.read(&self.buffer, 1..2).await?;
        Ok([header[0].groups[0], header[0].groups[2]])
    }
}
