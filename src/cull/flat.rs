//! What the flat cull writes: the list of visible cubes, made when it is first asked for, and their ids.

use std::sync::Mutex;

use futures::future::try_join;
use rayon::slice::ParallelSliceMut;

use crate::{
    Gpu,
    cells::CellStore,
    error::{Error, Result},
    graph::Graph,
    pipeline::ComputePipeline,
    resource::GpuBuffer,
    sync::prim::lock,
};

const CULL: &[u8] = include_bytes!("../../shaders/spv/cull.comp.spv");
const IDS: &[u8] = include_bytes!("../../shaders/spv/visible_ids.comp.spv");

/// Threads of a workgroup of visible_ids.comp, each of which serves several words where there are many.
const IDS_GROUP: u32 = 256;
const MOST_IDS_GROUPS: u32 = 16_384;
/// Ids that are read back in one go: 64 MiB of device memory, and as much of the host's.
const IDS_AT_ONCE: usize = 1 << 24;

/// The flat cull of one scene.
pub(crate) struct Flat {
    pub(super) kernel: ComputePipeline,
    ids: ComputePipeline,
    /// How many cubes the last cull kept.
    pub(super) kept: GpuBuffer<u32>,
    /// Their words: 4 bytes for each cube of the scene, which programs that never cull flat do without.
    list: Mutex<Option<GpuBuffer<u32>>>,
}

impl Flat {
    /// # Errors
    /// Those of [`Gpu::buffer`] and [`Gpu::compute_pipeline`].
    pub(crate) async fn new(gpu: &Gpu) -> Result<Self> {
        let kept = gpu.buffer::<u32>("cubes.kept", 1)?;
        let kernel = gpu.compute_pipeline("cubes.cull", CULL);
        let (kernel, ids) = try_join(kernel, gpu.compute_pipeline("cubes.visible_ids", IDS)).await?;
        gpu.upload(&kept, 0, [0u32]).await?;
        Ok(Self { kernel, ids, kept, list: Mutex::default() })
    }

    /// The list, made if need be.
    ///
    /// # Errors
    /// Those of [`Gpu::buffer`]; a later call tries again.
    pub(crate) fn list(&self, gpu: &Gpu, store: &CellStore) -> Result<GpuBuffer<u32>> {
        let mut list = lock(&self.list);
        if let Some(list) = &*list {
            return Ok(list.clone());
        }
        let made = gpu.buffer("cubes.visible", store.cube_count as usize)?;
        Ok(list.insert(made).clone())
    }

    /// How many cubes the last cull kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a cull was added that nobody reset before: its count goes on from the last one's.
    pub(super) async fn count(&self, gpu: &Gpu, store: &CellStore) -> Result<usize> {
        let (kept, all) = (gpu.read(&self.kept, 0..1).await?[0], store.cube_count);
        if kept <= all {
            return Ok(kept as usize);
        }
        Err(Error::Invalid(format!(
            "the culls counted {kept} cubes of {all}: one was added without the reset before it; add both systems \
             that `cubes.cull(..)` gives, in their order"
        )))
    }

    /// Their ids, ascending. The list holds words, and who reads those on the CPU would need the whole scene there.
    pub(super) async fn ids(&self, gpu: &Gpu, store: &CellStore) -> Result<Vec<u32>> {
        let count = self.count(gpu, store).await?;
        let mut all = Vec::with_capacity(count);
        if count == 0 {
            return Ok(all);
        }
        let ids = gpu.buffer("cubes.ids", count.min(IDS_AT_ONCE))?;
        for first in (0..count).step_by(IDS_AT_ONCE) {
            let some = (count - first).min(IDS_AT_ONCE);
            self.gather(gpu, store, first, some, &ids).await?;
            all.extend_from_slice(&gpu.read(&ids, 0..some).await?);
        }
        let sort = move || {
            all.par_sort_unstable();
            all
        };
        gpu.shared.helpers.run("sorting ids", sort).await
    }

    /// Writes the ids of `count` words of the list, from `first` on.
    async fn gather(
        &self,
        gpu: &Gpu,
        store: &CellStore,
        first: usize,
        count: usize,
        ids: &GpuBuffer<u32>,
    ) -> Result<()> {
        let (list, kernel) = (self.list(gpu, store)?, self.ids.clone());
        let words = list.address() + (first * size_of::<u32>()) as u64;
        let push = [store.header.address(), words, ids.address(), count as u64];
        let groups = (count as u32).div_ceil(IDS_GROUP).min(MOST_IDS_GROUPS);
        let graph = Graph::new(gpu, "cubes.visible_ids");
        let mut pass = graph.pass("ids").reads(&list).writes(ids);
        store.read_by(pass.uses());
        pass.record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch([groups, 1, 1]);
        });
        graph.submit().await?.await?;
        Ok(())
    }
}
