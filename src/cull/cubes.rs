//! A scene of cubes on the GPU.

use std::{sync::Arc, time::Instant};

use futures::future::try_join3;

use super::{
    flat::Flat,
    limits::Limits,
    subgroups,
    systems::{Cull, ResetArgs},
};
use crate::{
    Gpu,
    cells::{CellStore, MOST_CHUNKS, PackTimes, Packing, Refits, Stop},
    error::{Error, Result},
    scene::{Bounds, Camera, InstanceSource},
};

/// A scene of cubes on the GPU, with what it takes to cull and to draw it. Cheap to clone: a handle.
///
/// ```no_run
/// # use vulkio::{Cubes, Gpu, Renderer, ViewOptions, scene::{self, Camera}};
/// # async fn f(gpu: Gpu, renderer: Renderer, camera: Camera) -> vulkio::Result<()> {
/// let cubes = Cubes::upload(&gpu, scene::grid(1_000_000)).await?;
/// let view = cubes.view(renderer.size(), ViewOptions::default()).await?;
/// let frame = renderer.frame().await?;
/// frame.add(view.draw(camera, frame.target()));
/// frame.submit().await?;
/// # Ok(())
/// # }
/// ```
///
/// Any number of [views](Self::view) show one scene. [`cull`](Self::cull) makes lists of visible cubes for other ends: a
/// scene has one list, frames that follow each other share it, and the GPU keeps them in order.
#[derive(Clone)]
pub struct Cubes {
    pub(crate) shared: Arc<Shared>,
}

/// Behind every clone.
pub(crate) struct Shared {
    pub(crate) gpu: Gpu,
    pub(crate) groups: [u32; 3],
    pub(crate) bounds: Bounds,
    times: PackTimes,
    pub(crate) store: CellStore,
    pub(crate) refits: Refits,
    pub(crate) flat: Flat,
}

impl Cubes {
    /// Puts the cubes of `source` on the GPU, generating them in chunks, and makes the pipelines.
    ///
    /// First they are put in an order in which neighbours come together, on all cores, which takes 8 bytes of host memory
    /// a cube. Then 16 bytes for each are written to memory that the GPU copies from, by several threads. It resolves when
    /// all of them are on the GPU. There a cube takes 16 bytes, and its share of a cell of 128 to 256 cubes a third of
    /// a byte at the most; [`cull`](Self::cull), when it is first used, takes 4 bytes a cube more.
    ///
    /// Within its cell, a place has 16 bits for each axis, in steps that are a power of two: places that are multiples of
    /// a coarser one, as on a grid, stay what they are, others move by half a step at the most.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there are no cubes, or more than [`most`](Self::most), or one of them has coordinates that
    /// are no numbers within ±2^60 (1.15e18) or a half edge that is none of 2^-60 to 2^60; it is named by its id.
    /// [`Error::OutOfDeviceMemory`] if they do not fit the device's memory; if that can be told from their number, nothing
    /// was allocated. [`Error::MissingFeatures`] if its shaders lack operations within subgroups. [`Error::HelperPanicked`] if the source does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the work soon, and gives back everything once the GPU is done with it.
    pub async fn upload(gpu: &Gpu, source: impl InstanceSource) -> Result<Self> {
        let shift = Limits::of(gpu.info()).chunk_shift();
        Self::upload_in_chunks(gpu, source, shift).await
    }

    /// As [`upload`](Self::upload), in chunks of two to the power of `chunk_shift` cubes, of which there are 64 at most:
    /// for tests of what happens at their borders.
    #[doc(hidden)]
    pub async fn upload_in_chunks(gpu: &Gpu, source: impl InstanceSource, chunk_shift: u32) -> Result<Self> {
        let count = source.len();
        let limits = Limits::of(gpu.info());
        limits.check(count)?;
        subgroups::check(gpu.info())?;
        if count.div_ceil(1 << chunk_shift) > MOST_CHUNKS {
            return Err(Error::Invalid(format!("{count} cubes are more than {MOST_CHUNKS} chunks of 2^{chunk_shift}")));
        }

        let store = async {
            let stop = Stop::default();
            let _stop = stop.when_dropped();
            let packing = gpu.shared.helpers.run("packing cubes", move || Packing::new(source, &stop)).await??;
            let (bounds, mut times, began) = (packing.bounds, packing.times, Instant::now());
            let store = CellStore::upload(gpu, packing, chunk_shift).await?;
            times.upload = began.elapsed();
            Ok((store, bounds, times))
        };
        let (flat, refits, (store, bounds, times)) = try_join3(Flat::new(gpu), Refits::new(gpu), store).await?;

        let groups = limits.groups(store.cell_count);
        let gpu = gpu.clone();
        let shared = Shared { gpu, groups, bounds, times, store, refits, flat };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The most cubes that a scene can have on a device, by its memory were nothing else there, the largest allocation that
    /// it allows, and what ids and cells can tell apart: 2^31.
    #[must_use]
    pub fn most(gpu: &Gpu) -> usize {
        usize::try_from(Limits::of(gpu.info()).most()).unwrap_or(usize::MAX)
    }

    /// How many cubes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.store.cube_count as usize
    }

    /// How many cells of neighbours they are packed in; of 128 to 256 each, unless there are fewer in all.
    #[must_use]
    pub fn cell_count(&self) -> usize {
        self.shared.store.cell_count as usize
    }

    /// What the upload took.
    #[must_use]
    pub fn times(&self) -> PackTimes {
        self.shared.times
    }

    /// A box that holds every cube as it was uploaded; from its size follow how far one sees, in haze.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.shared.bounds
    }

    /// The systems that find out which cubes `camera` sees, whatever is in front of them.
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
        self.shared.flat.count(&self.shared.gpu, &self.shared.store).await
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
