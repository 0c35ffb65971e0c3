//! A scene's cells and packed cubes in device memory.

use std::sync::Arc;

use futures::future::try_join_all;

use super::{
    format::{Cell, CellExtent, MOST_CHUNKS, PackedCube, SceneHeader},
    pack::Packing,
};
use crate::{Gpu, error::Result, graph::Uses, resource::GpuBuffer, scene::InstanceSource};

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
    /// Uploads a packed scene, in chunks of two to the power of `chunk_shift` cubes; it resolves when all of it is there.
    pub(crate) async fn upload<S: InstanceSource>(gpu: &Gpu, packing: Packing<S>, chunk_shift: u32) -> Result<Self> {
        let cube_count = packing.len();
        let cell_count = packing.extents.len() as u32;
        let cells = gpu.buffer::<Cell>("cubes.cells", packing.cells.len())?;
        let extents = gpu.buffer::<CellExtent>("cubes.extents", packing.extents.len())?;
        let header = gpu.buffer::<SceneHeader>("cubes.header", 1)?;
        let chunk = 1usize << chunk_shift;
        let mut chunks = Vec::with_capacity(cube_count.div_ceil(chunk));
        for first in (0..cube_count).step_by(chunk) {
            let name = format!("cubes.chunk {}", first / chunk);
            chunks.push(gpu.buffer::<PackedCube>(&name, chunk.min(cube_count - first))?);
        }
        let cube_count = cube_count as u32;
        let mut contents = SceneHeader {
            cells: cells.address(),
            cell_count,
            cube_count,
            chunk_shift,
            unused: 0,
            chunks: [0; MOST_CHUNKS],
            extents: extents.address(),
        };
        for (address, chunk) in contents.chunks.iter_mut().zip(&chunks) {
            *address = chunk.address();
        }
        let tables = [
            gpu.upload(&header, 0, [contents]),
            gpu.upload(&cells, 0, Arc::clone(&packing.cells)),
            gpu.upload(&extents, 0, Arc::clone(&packing.extents)),
        ];
        let packing = Arc::new(packing);
        let cubes = chunks.iter().enumerate().map(|(number, buffer)| {
            let (packing, first) = (Arc::clone(&packing), number * chunk);
            gpu.upload_with(buffer, move |range, out| packing.fill(range.start + first..range.end + first, out))
        });
        // Small buffers wait together, large ones as there is room for what they stage.
        try_join_all(tables.into_iter().chain(cubes).map(|upload| async { upload.await?.await })).await?;
        // Eight bytes a cube and the source: given back where nobody waits for it.
        gpu.shared.helpers.run("giving a packing back", move || drop(packing)).await?;
        Ok(Self { header, cells, extents, chunks, cube_count, cell_count })
    }

    /// Says that a system's shaders read the scene.
    pub(crate) fn read_by(&self, uses: &mut Uses) {
        uses.reads(&self.header).reads(&self.cells).reads(&self.extents);
        for chunk in &self.chunks {
            uses.reads(chunk);
        }
    }

    /// Says that a system's shaders pack the scene's cubes again.
    pub(super) fn written_by(&self, uses: &mut Uses) {
        uses.reads(&self.header).writes(&self.cells).writes(&self.extents);
        for chunk in &self.chunks {
            uses.writes(chunk);
        }
    }
}
