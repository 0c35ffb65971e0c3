//! A scene's cells and packed cubes in device memory.

use std::sync::Arc;

use futures::future::try_join_all;

use super::{
    format::{Cell, CellExtent, MOST_CHUNKS, PackedCube, SceneHeader},
    pack::Packing,
};
use crate::{Gpu, error::Result, graph::Uses, resource::GpuBuffer, scene::InstanceSource};

/// 2^26 cubes are 1 GiB: less than any device's largest allocation.
const CHUNK_SHIFT: u32 = 26;

/// The buffers of a scene. The cubes lie in chunks, reached through the header's table of their addresses.
pub(crate) struct CellStore {
    pub(crate) header: GpuBuffer<SceneHeader>,
    pub(crate) cells: GpuBuffer<Cell>,
    pub(crate) extents: GpuBuffer<CellExtent>,
    pub(crate) chunks: Vec<GpuBuffer<PackedCube>>,
    pub(crate) cube_count: u32,
    /// Without the one that ends the table.
    pub(crate) cell_count: u32,
}

impl CellStore {
    /// Uploads a packed scene; it resolves when all of it is there.
    pub(crate) async fn upload<S: InstanceSource>(gpu: &Gpu, packing: Packing<S>) -> Result<Self> {
        let cube_count = packing.cells.last().map_or(0, |end| end.first);
        let cell_count = packing.cells.len() as u32 - 1;
        let cells = gpu.buffer::<Cell>("cubes.cells", packing.cells.len())?;
        gpu.upload(&cells, 0, packing.cells.clone()).await?;
        let extents = gpu.buffer::<CellExtent>("cubes.extents", packing.extents.len())?;
        gpu.upload(&extents, 0, packing.extents.clone()).await?;

        let packing = Arc::new(packing);
        let chunk = 1usize << CHUNK_SHIFT;
        let mut chunks = Vec::new();
        for first in (0..cube_count as usize).step_by(chunk) {
            let len = chunk.min(cube_count as usize - first);
            chunks.push(gpu.buffer::<PackedCube>(&format!("cubes.chunk {}", first / chunk), len)?);
        }
        let loads = chunks.iter().enumerate().map(|(number, buffer)| {
            let packing = Arc::clone(&packing);
            let upload = gpu.upload_with(buffer, move |range, out| {
                packing.fill(range.start + number * chunk..range.end + number * chunk, out);
            });
            async move { upload.await?.await }
        });
        try_join_all(loads).await?;

        let header = gpu.buffer::<SceneHeader>("cubes.header", 1)?;
        let mut addresses = [0; MOST_CHUNKS];
        for (address, chunk) in addresses.iter_mut().zip(&chunks) {
            *address = chunk.address();
        }
        let contents = SceneHeader {
            cells: cells.address(),
            cell_count,
            cube_count,
            chunk_shift: CHUNK_SHIFT,
            unused: 0,
            chunks: addresses,
            extents: extents.address(),
        };
        gpu.upload(&header, 0, vec![contents]).await?.await?;
        Ok(Self { header, cells, extents, chunks, cube_count, cell_count })
    }

    /// Says that a system's shaders read the scene.
    pub(crate) fn read_by(&self, uses: &mut Uses) {
        uses.reads(&self.header).reads(&self.cells).reads(&self.extents);
        for chunk in &self.chunks {
            uses.reads(chunk);
        }
    }
}
