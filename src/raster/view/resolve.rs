//! The last step of a frame: shades what the pixels show, smooths edges, and notes which cubes showed.

use super::{SKY, lens::Lens, state::ViewState};
use crate::{
    Cubes, Gpu,
    error::Result,
    graph::{Pass, PassId},
    pipeline::ComputePipeline,
    resource::{GpuImage, RenderTarget},
};

const RESOLVE: &[u8] = include_bytes!("../../../shaders/spv/resolve.comp.spv");

/// Pixels to a side of what one workgroup resolves; resolve.comp has the same number.
const SIDE: u32 = 14;
/// Distance at which 63 % of a cube has faded into the sky, in diagonals of the scene.
const HAZE: f32 = 1.6;

/// The kernel that makes the picture.
pub(super) struct Resolve {
    kernel: ComputePipeline,
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
    kept: u64,
    listed: u64,
    antialias: u32,
    shades: u32,
}

impl Resolve {
    pub(super) async fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self { kernel: gpu.compute_pipeline("view.resolve", RESOLVE).await? })
    }

    /// Makes the picture of what is visible in `target`, unless drawing did, and lists the cubes that show if occlusion is on.
    pub(super) fn shade(
        &self,
        mut pass: Pass<'_>,
        state: &ViewState,
        lens: Lens,
        target: &GpuImage<RenderTarget>,
    ) -> PassId {
        let scene = &state.cubes.shared;
        let uses = pass.uses();
        scene.store.read_by(uses);
        uses.writes(&state.visibility).writes(target.storage_target());
        if state.options.occlusion {
            state.kept.written_by(uses);
            uses.writes(&state.listed);
        }
        let picture = Picture {
            lens,
            sky: SKY,
            haze: haze_of(&state.cubes),
            scene: scene.store.header.address(),
            visibility: state.visibility.address(),
            kept: if state.options.occlusion { state.kept.address() } else { 0 },
            listed: if state.options.occlusion { state.listed.address() } else { 0 },
            antialias: u32::from(state.options.antialias && !state.raster.shades()),
            shades: u32::from(!state.raster.shades()),
        };
        let (kernel, target) = (self.kernel.clone(), target.clone());
        let groups = [state.size[0].div_ceil(SIDE), state.size[1].div_ceil(SIDE), 1];
        pass.record(move |cmd| {
            let picture = cmd.data(&picture);
            cmd.bind(&kernel).storage_image(&target).push(&picture).dispatch(groups);
        })
    }
}
