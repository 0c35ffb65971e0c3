//! Which cells show: tested against the frustum, and against the depths of what is drawn already.

use super::Pyramid;
use crate::{
    Gpu,
    cells::CellStore,
    error::Result,
    graph::{Pass, PassId},
    pipeline::ComputePipeline,
    raster::view::{Lens, WorkList},
    resource::GpuBuffer,
};

const BUILD: &[u8] = include_bytes!("../../shaders/spv/pyramid.comp.spv");
const TEST: &[u8] = include_bytes!("../../shaders/spv/cells_test.comp.spv");

/// Cells that a workgroup tests; cells_test.comp has the same number.
const PER_GROUP: u32 = 128;
/// Workgroups along a dimension: no device takes less.
const MOST_GROUPS: u32 = 65_535;

/// The kernels and the pyramid.
pub(crate) struct Occlusion {
    pub(crate) pyramid: Pyramid,
    build: ComputePipeline,
    test: ComputePipeline,
}

/// As in pyramid.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Build {
    visibility: u64,
    pyramid: u64,
    kept: u64,
    large: u64,
    size: [u32; 2],
    levels: u32,
    unused: u32,
}

/// As in cells_test.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Test {
    lens: Lens,
    scene: u64,
    appeared: u64,
    pyramid: u64,
}

const _: () = assert!(size_of::<Test>() <= 128);

impl Occlusion {
    pub(crate) async fn new(gpu: &Gpu, size: [u32; 2]) -> Result<Self> {
        let build = gpu.compute_pipeline("view.pyramid", BUILD).await?;
        let test = gpu.compute_pipeline("view.test", TEST).await?;
        Ok(Self { pyramid: Pyramid::new(gpu, size).await?, build, test })
    }

    /// Builds the pyramid, and empties the lists of what is drawn by then.
    pub(crate) fn build(
        &self,
        mut pass: Pass<'_>,
        size: [u32; 2],
        visibility: &GpuBuffer<u64>,
        kept: &WorkList,
        large: &WorkList,
    ) -> PassId {
        let uses = pass.uses();
        uses.reads(visibility).writes(&self.pyramid.buffer);
        kept.written_by(uses);
        large.written_by(uses);
        let push = Build {
            visibility: visibility.address(),
            pyramid: self.pyramid.buffer.address(),
            kept: kept.address(),
            large: large.address(),
            size,
            levels: self.pyramid.levels,
            unused: 0,
        };
        let (kernel, groups) = (self.build.clone(), self.pyramid.groups);
        pass.record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch(groups);
        })
    }

    /// Lists the cells that may show; with `occludes`, only those that are not hidden.
    pub(crate) fn test(
        &self,
        mut pass: Pass<'_>,
        lens: Lens,
        scene: &CellStore,
        appeared: &WorkList,
        occludes: bool,
    ) -> PassId {
        let uses = pass.uses();
        scene.read_by(uses);
        appeared.written_by(uses);
        uses.reads(&self.pyramid.buffer);
        let push = Test {
            lens,
            scene: scene.header.address(),
            appeared: appeared.address(),
            pyramid: if occludes { self.pyramid.buffer.address() } else { 0 },
        };
        let (kernel, groups) = (self.test.clone(), groups_for(scene.cell_count));
        pass.record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch(groups);
        })
    }
}

/// In two dimensions where one is not enough.
fn groups_for(cells: u32) -> [u32; 3] {
    let needed = cells.div_ceil(PER_GROUP);
    let x = needed.min(MOST_GROUPS);
    [x, needed.div_ceil(x), 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_tested_also_where_one_dimension_is_too_short() {
        assert_eq!(groups_for(1), [1, 1, 1]);
        assert_eq!(groups_for(65_535 * PER_GROUP), [65_535, 1, 1]);
        assert_eq!(groups_for(1 << 24), [65_535, 3, 1]);
    }
}
