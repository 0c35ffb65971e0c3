//! The last step of a frame: shades what the pixels show, smooths edges, and notes which cells showed.

use super::{SKY, lens::Lens, state::ViewState};
use crate::{
    Cubes, Gpu,
    error::Result,
    graph::{Pass, PassId},
    pipeline::ComputePipeline,
    resource::{GpuBuffer, GpuImage, RenderTarget},
};

const RESOLVE: &[u8] = include_bytes!("../../../shaders/spv/resolve.comp.spv");

/// Pixels to a side of what one workgroup resolves; resolve.comp has the same number.
const SIDE: u32 = 16;
/// Distance at which 63 % of a cube has faded into the sky, in diagonals of the scene.
const HAZE: f32 = 1.6;

/// The kernel and the picture that it makes.
pub(super) struct Resolve {
    kernel: ComputePipeline,
    /// sRGB bytes, a pixel each.
    colors: GpuBuffer<u32>,
}

/// 1 / (the distance at which 63 % of a cube has faded), in world units.
pub(super) fn haze_of(cubes: &Cubes) -> f32 {
    1.0 / (cubes.bounds().half_extent().length() * 2.0 * HAZE)
}

/// As in resolve.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Picture {
    lens: Lens,
    sky: [f32; 3],
    haze: f32,
    scene: u64,
    visibility: u64,
    colors: u64,
    kept: u64,
    pyramid: u64,
    stamps: u64,
    antialias: u32,
    unused: u32,
}

impl Resolve {
    pub(super) async fn new(gpu: &Gpu, pixels: usize) -> Result<Self> {
        let colors = gpu.buffer::<u32>("view.colors", pixels)?;
        Ok(Self { kernel: gpu.compute_pipeline("view.resolve", RESOLVE).await?, colors })
    }

    /// Makes the picture of what is visible, and lists the cells that show if occlusion is on.
    pub(super) fn shade(&self, mut pass: Pass<'_>, state: &ViewState, lens: Lens) -> PassId {
        let scene = &state.cubes.shared;
        let occlusion = &state.occlusion;
        let uses = pass.uses();
        scene.store.read_by(uses);
        uses.reads(&state.visibility).reads(&occlusion.pyramid.buffer).writes(&self.colors);
        if state.options.occlusion {
            state.kept.written_by(uses);
            uses.writes(&occlusion.stamps);
        }
        let picture = Picture {
            lens,
            sky: SKY,
            haze: haze_of(&state.cubes),
            scene: scene.store.header.address(),
            visibility: state.visibility.address(),
            colors: self.colors.address(),
            kept: if state.options.occlusion { state.kept.address() } else { 0 },
            pyramid: occlusion.pyramid.buffer.address(),
            stamps: occlusion.stamps.address(),
            antialias: u32::from(state.options.antialias && !state.raster.shades()),
            unused: 0,
        };
        let kernel = self.kernel.clone();
        let groups = [state.size[0].div_ceil(SIDE), state.size[1].div_ceil(SIDE), 1];
        pass.record(move |cmd| {
            let picture = cmd.data(&picture);
            cmd.bind(&kernel).push(&picture).dispatch(groups);
        })
    }

    /// Copies the picture to where it is wanted.
    pub(super) fn copy(&self, pass: Pass<'_>, target: &GpuImage<RenderTarget>) -> PassId {
        let (colors, target) = (self.colors.clone(), target.clone());
        pass.copies(&colors, &target).record(move |cmd| {
            cmd.copy_to_image(&colors, &target);
        })
    }
}
