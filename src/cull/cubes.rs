//! A scene of cubes on the GPU.

use std::sync::Arc;

use futures::future::try_join3;

use super::{
    flat::Flat,
    limits::Limits,
    systems::{Cull, ResetArgs},
};
use crate::{
    Gpu,
    cells::{CellStore, Packing, Stop},
    error::Result,
    raster::{CubeMesh, DepthImages},
    scene::{Bounds, Camera, InstanceSource},
};

/// A scene of cubes on the GPU, with what it takes to cull and to draw it. Cheap to clone: a handle.
///
/// ```no_run
/// # use vulkio::{Cubes, Gpu, Renderer, scene::{self, Camera}};
/// # async fn f(gpu: Gpu, renderer: Renderer, camera: Camera) -> vulkio::Result<()> {
/// let cubes = Cubes::upload(&gpu, scene::grid(1_000_000)).await?;
/// let frame = renderer.frame().await?;
/// frame.add(cubes.cull(camera));
/// frame.add(cubes.draw(camera, frame.target()));
/// frame.submit().await?;
/// # Ok(())
/// # }
/// ```
///
/// One scene has one visible list. Frames that follow each other share it, the GPU keeps them in order; within a
/// frame, a draw shows what the last cull before it kept.
#[derive(Clone)]
pub struct Cubes {
    pub(crate) shared: Arc<Shared>,
}

/// Behind every clone.
pub(crate) struct Shared {
    pub(crate) gpu: Gpu,
    pub(crate) groups: [u32; 3],
    pub(crate) bounds: Bounds,
    pub(crate) store: CellStore,
    pub(crate) flat: Flat,
    pub(crate) mesh: CubeMesh,
    pub(crate) depths: DepthImages,
}

impl Cubes {
    /// Puts the cubes of `source` on the GPU, generating them in chunks, and makes the pipelines.
    ///
    /// It resolves when all of them are there. A cube costs 20 bytes of device memory.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there are no cubes, or more than one buffer or one dispatch of
    /// the device can hold; nothing was allocated then.
    /// [`Error::OutOfDeviceMemory`] if they do not fit its memory.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives back everything once the GPU is done with it.
    pub async fn upload(gpu: &Gpu, source: impl InstanceSource) -> Result<Self> {
        let count = source.len();
        let limits = Limits::of(gpu.info());
        limits.check(count)?;

        let store = async {
            let stop = Stop::default();
            let _stop = stop.when_dropped();
            let packing = gpu.shared.helpers.run("packing cubes", move || Packing::new(source, &stop)).await??;
            let bounds = packing.bounds;
            Ok((CellStore::upload(gpu, packing).await?, bounds))
        };
        let (flat, mesh, (store, bounds)) = try_join3(Flat::new(gpu), CubeMesh::new(gpu), store).await?;

        let groups = limits.groups(store.cell_count);
        let gpu = gpu.clone();
        let depths = DepthImages::default();
        let shared = Shared { gpu, groups, bounds, store, flat, mesh, depths };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How many cubes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.store.cube_count as usize
    }

    /// A box that holds every cube.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.shared.bounds
    }

    /// The systems that find out which cubes `camera` sees, for a frame or a graph before the draw.
    ///
    /// Every cube whose box touches the frustum is kept. Next to the frustum's edges, a few others may be.
    #[must_use]
    pub fn cull(&self, camera: Camera) -> (ResetArgs, Cull) {
        (ResetArgs::new(self), Cull::new(self, &camera))
    }

    /// How many cubes the last submitted cull kept.
    ///
    /// # Errors
    ///
    /// Those of [`Gpu::read`].
    pub async fn visible_count(&self) -> Result<usize> {
        self.shared.flat.count(&self.shared.gpu).await
    }

    /// The indices of the cubes that the last submitted cull kept, ascending.
    ///
    /// # Errors
    ///
    /// Those of [`Gpu::read`].
    pub async fn visible(&self) -> Result<Vec<u32>> {
        self.shared.flat.ids(&self.shared.gpu, &self.shared.store).await
    }
}

impl std::fmt::Debug for Cubes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cubes").field("count", &self.count()).field("bounds", &self.bounds()).finish_non_exhaustive()
    }
}
