//! The two systems of a cull: the count is reset, then every workgroup adds what it kept.

use super::{cubes::Cubes, frustum::Frustum};
use crate::{
    error::{Error, Result},
    exec::Encoder,
    graph::{System, Uses},
    resource::GpuBuffer,
    scene::Camera,
};

/// Sets the number of visible cubes back to none. The first of the two systems of [`Cubes::cull`].
#[derive(Clone, Debug)]
pub struct ResetArgs {
    kept: GpuBuffer<u32>,
}

impl ResetArgs {
    pub(super) fn new(cubes: &Cubes) -> Self {
        Self { kept: cubes.shared.flat.kept.clone() }
    }
}

impl System for ResetArgs {
    fn name(&self) -> &str {
        "cubes.reset"
    }

    fn declare(&self, uses: &mut Uses) {
        uses.writes(self.kept.copy_target());
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.fill(&self.kept, 0..1, 0);
        Ok(())
    }
}

/// Writes the list of visible cubes and their number. The second of the two systems of [`Cubes::cull`].
#[derive(Clone, Debug)]
pub struct Cull {
    cubes: Cubes,
    // A system is made without a `Result`; a list that could not be made fails its recording instead.
    visible: Result<GpuBuffer<u32>>,
    frustum: Frustum,
    every_cube: bool,
}

/// As in cull.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    scene: u64,
    visible: u64,
    kept: u64,
    frustum: Frustum,
    every_cube: u32,
}

// The bytes that every Vulkan device has for push constants.
const _: () = assert!(size_of::<Push>() <= 128);

impl Cull {
    pub(super) fn new(cubes: &Cubes, camera: &Camera) -> Self {
        let visible = cubes.shared.flat.list(&cubes.shared.gpu, &cubes.shared.store);
        Self { cubes: cubes.clone(), visible, frustum: Frustum::new(camera), every_cube: false }
    }

    /// Reads and tests every cube, though its cell tell what becomes of it: for measuring.
    #[doc(hidden)]
    #[must_use]
    pub fn every_cube(self) -> Self {
        Self { every_cube: true, ..self }
    }
}

impl System for Cull {
    fn name(&self) -> &str {
        "cubes.cull"
    }

    fn declare(&self, uses: &mut Uses) {
        let scene = &self.cubes.shared;
        scene.store.read_by(uses);
        uses.writes(&scene.flat.kept);
        if let Ok(visible) = &self.visible {
            uses.writes(visible);
        }
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let scene = &self.cubes.shared;
        let push = Push {
            scene: scene.store.header.address(),
            visible: self.visible.as_ref().map_err(Error::clone)?.address(),
            kept: scene.flat.kept.address(),
            frustum: self.frustum,
            every_cube: self.every_cube.into(),
        };
        cmd.bind(&scene.flat.kernel).push(&push).dispatch(scene.groups);
        Ok(())
    }
}
