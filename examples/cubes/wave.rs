//! Motion: a compute pass moves every cube, and a refit packs them again where they are.

use vulkio::{ComputePipeline, Cubes, Encoder, Gpu, GpuBuffer, Result, System, Uses, scene::Instance};

const WAVE: &[u8] = include_bytes!("../../shaders/spv/wave.comp.spv");
const GROUP: u32 = 256;
const MOST_GROUPS: u32 = 65_535;
/// From a frame to the next, in radians.
const STEP: f32 = 0.06;

/// A scene that moves.
pub(crate) struct Wave {
    cubes: Cubes,
    kernel: ComputePipeline,
    rest: GpuBuffer<Instance>,
    places: GpuBuffer<Instance>,
}

impl Wave {
    /// 40 bytes a cube: where they are at rest, and where they are now.
    pub(crate) async fn new(gpu: &Gpu, cubes: &Cubes) -> Result<Self> {
        let kernel = gpu.compute_pipeline("wave", WAVE).await?;
        let rest = gpu.buffer::<Instance>("wave.rest", cubes.count())?;
        let places = gpu.buffer::<Instance>("wave.places", cubes.count())?;
        gpu.upload(&rest, 0, cubes.packed().await?).await?;
        Ok(Self { cubes: cubes.clone(), kernel, rest, places })
    }

    /// The systems that move the cubes to where they are in frame `number`.
    pub(crate) fn at(&self, number: u32) -> Result<(Move, vulkio::Refit)> {
        let count = self.cubes.count() as u32;
        let push = Push {
            rest: self.rest.address(),
            places: self.places.address(),
            count,
            time: (number as f32 * STEP) % std::f32::consts::TAU,
        };
        let (kernel, rest, places) = (self.kernel.clone(), self.rest.clone(), self.places.clone());
        Ok((Move { kernel, rest, places, push }, self.cubes.refit(&self.places)?))
    }
}

/// As in wave.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Push {
    rest: u64,
    places: u64,
    count: u32,
    time: f32,
}

/// Writes where the cubes are.
pub(crate) struct Move {
    kernel: ComputePipeline,
    rest: GpuBuffer<Instance>,
    places: GpuBuffer<Instance>,
    push: Push,
}

impl System for Move {
    fn name(&self) -> &str {
        "wave"
    }

    fn declare(&self, uses: &mut Uses) {
        uses.reads(&self.rest).writes(&self.places);
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let groups = self.push.count.div_ceil(GROUP).min(MOST_GROUPS);
        cmd.bind(&self.kernel).push(&self.push).dispatch([groups, 1, 1]);
        Ok(())
    }
}
