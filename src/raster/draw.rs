//! The draw systems of cubes.

use std::borrow::Borrow;

use glam::{Mat4, Vec3};

use super::{NO_ID, SKY, mesh::COLOR};
use crate::{
    cull::Cubes,
    error::{Error, Result},
    exec::Encoder,
    graph::{System, Uses},
    pipeline::GraphicsPipeline,
    resource::{Depth, GpuImage, Ids, RenderTarget},
    scene::Camera,
};

/// Distance at which 63 % of a cube has faded into the sky, in diagonals of the scene.
const HAZE: f32 = 1.6;

/// As in cube.glsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    scene: u64,
    visible: u64,
    eye_to_clip: Mat4,
    eye: Vec3,
    haze: f32,
    sky: [f32; 3],
    unused: u32,
}

const _: () = assert!(size_of::<Push>() <= 128);

impl Cubes {
    /// Draws the cubes that the last cull kept, in the light of a sun, over a sky. Clears `target` first.
    ///
    /// Use the camera that the cull had. Its aspect should be the target's.
    #[must_use]
    pub fn draw(&self, camera: Camera, target: impl Borrow<GpuImage<RenderTarget>>) -> Draw {
        Draw { scene: Scene::new(self, &camera, target.borrow()) }
    }

    /// As [`draw`](Self::draw), and writes which cube each pixel shows into `ids`, an image of the target's size:
    /// its index in the [`InstanceSource`](crate::scene::InstanceSource), or [`NO_ID`] where there is none.
    #[must_use]
    pub fn draw_with_ids(
        &self,
        camera: Camera,
        target: impl Borrow<GpuImage<RenderTarget>>,
        ids: &GpuImage<Ids>,
    ) -> DrawWithIds {
        DrawWithIds { scene: Scene::new(self, &camera, target.borrow()), ids: ids.clone() }
    }
}

/// The system that [`Cubes::draw`] makes.
#[derive(Clone, Debug)]
pub struct Draw {
    scene: Scene,
}

/// The system that [`Cubes::draw_with_ids`] makes.
#[derive(Clone, Debug)]
pub struct DrawWithIds {
    scene: Scene,
    ids: GpuImage<Ids>,
}

impl System for Draw {
    fn name(&self) -> &str {
        "cubes.draw"
    }

    fn declare(&self, uses: &mut Uses) {
        self.scene.declare(uses);
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        self.scene.record(cmd, &self.scene.cubes.shared.mesh.color)
    }
}

impl System for DrawWithIds {
    fn name(&self) -> &str {
        "cubes.draw_with_ids"
    }

    fn declare(&self, uses: &mut Uses) {
        self.scene.declare(uses);
        uses.renders(self.ids.clear(NO_ID));
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        self.scene.record(cmd, &self.scene.cubes.shared.mesh.color_and_ids)
    }
}

/// What both draws share.
#[derive(Clone, Debug)]
struct Scene {
    cubes: Cubes,
    camera: Camera,
    target: GpuImage<RenderTarget>,
    // A system is made without a `Result`; an image that could not be made fails its recording instead.
    depth: Result<GpuImage<Depth>>,
}

impl Scene {
    fn new(cubes: &Cubes, camera: &Camera, target: &GpuImage<RenderTarget>) -> Self {
        let depth = cubes.shared.depths.of_size(&cubes.shared.gpu, target.extent());
        Self { cubes: cubes.clone(), camera: *camera, target: target.clone(), depth }
    }

    fn declare(&self, uses: &mut Uses) {
        let scene = &self.cubes.shared;
        scene.store.read_by(uses);
        if let Ok(visible) = scene.flat.list(&scene.gpu, &scene.store) {
            uses.reads(&visible);
        }
        uses.reads(scene.flat.args.indirect())
            .reads(scene.mesh.indices.index())
            .renders(self.target.clear([SKY[0], SKY[1], SKY[2], 1.0]));
        if let Ok(depth) = &self.depth {
            uses.depth(depth.clear(0.0));
        }
    }

    fn record(&self, cmd: &mut Encoder<'_>, pipeline: &GraphicsPipeline) -> Result<()> {
        if let Err(error) = &self.depth {
            return Err(error.clone());
        }
        if self.target.format() != COLOR {
            let (name, format) = (self.target.name(), self.target.format());
            return Err(Error::Invalid(format!("cubes are drawn to images of {COLOR:?}; `{name}` is {format:?}")));
        }
        let scene = &self.cubes.shared;
        cmd.bind(pipeline)
            .push(&self.push(scene.flat.list(&scene.gpu, &scene.store)?.address()))
            .index_buffer(&scene.mesh.indices)
            .draw_indexed_indirect(&scene.flat.args, 0..1);
        Ok(())
    }

    fn push(&self, visible: u64) -> Push {
        let scene = &self.cubes.shared;
        Push {
            scene: scene.store.header.address(),
            visible,
            eye_to_clip: self.camera.projection() * self.camera.rotation(),
            eye: self.camera.eye(),
            sky: SKY,
            unused: 0,
            haze: 1.0 / (scene.bounds.half_extent().length() * 2.0 * HAZE),
        }
    }
}
