//! A scene's cubes as the GPU has them, read back.

use super::format::{Cell, PackedCube};
use crate::{cull::Cubes, error::Result, scene::Instance};

/// Cubes that are read back at a time: 64 MiB.
const AT_ONCE: usize = 1 << 22;

impl Cubes {
    /// All cubes as the GPU has them, in the order of their ids: what they are drawn from, without any further rounding.
    /// After a [`refit`](Self::refit), those of the last one submitted.
    ///
    /// It takes 20 bytes of host memory a cube.
    ///
    /// Submit no refit until it resolves: it reads piece by piece, and cubes read later would be those of the new places.
    ///
    /// # Errors
    ///
    /// Those of [`Gpu::read`](crate::Gpu::read).
    pub async fn packed(&self) -> Result<Vec<Instance>> {
        let scene = &self.shared;
        let (gpu, store) = (&scene.gpu, &scene.store);
        let cells = gpu.read(&store.cells, ..).await?;
        let count = self.count();
        // Large: not on a worker of the runtime.
        let mut all = gpu.shared.helpers.run("making room for cubes", move || vec![Instance::default(); count]).await?;
        let mut first = 0;
        for chunk in &store.chunks {
            for start in (0..chunk.len()).step_by(AT_ONCE) {
                let end = chunk.len().min(start + AT_ONCE);
                let cubes = gpu.read(chunk, start..end).await?;
                let cells = cells.clone();
                let unpacking = move || {
                    unpack(&cells, &cubes, first, &mut all);
                    all
                };
                all = gpu.shared.helpers.run("unpacking cubes", unpacking).await?;
                first += end - start;
            }
        }
        Ok(all)
    }
}

/// Puts the cubes from the slot `first` on where their ids say.
fn unpack(cells: &[Cell], cubes: &[PackedCube], first: usize, all: &mut [Instance]) {
    let mut number = cells.partition_point(|cell| cell.first as usize <= first) - 1;
    for (slot, cube) in (first..).zip(cubes) {
        while cells[number + 1].first as usize <= slot {
            number += 1;
        }
        all[cube.id as usize] = cells[number].unpack(cube);
    }
}
