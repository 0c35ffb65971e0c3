//! Cubes in motion: a wave that goes through a scene, made by the GPU.

use crate::{
    cells::MOST_GROUPS,
    cull::Cubes,
    error::{Error, Result},
    exec::Encoder,
    graph::{Graph, System, Uses},
    pipeline::ComputePipeline,
    resource::GpuBuffer,
    scene::Instance,
};

const UNPACK: &[u8] = include_bytes!("../../shaders/spv/unpack.comp.spv");
const WAVE: &[u8] = include_bytes!("../../shaders/spv/wave.comp.spv");

/// Threads of a workgroup of wave.comp.
const GROUP: u32 = 256;

/// A wave through the cubes of a scene: at a time `t` in seconds, each is `height · sin(t + 0.1 · id)` above its place.
///
/// Every frame the GPU writes all places, and [`Cubes::refit`] packs them again; nothing is uploaded.
///
/// ```no_run
/// # use vulkio::{Cubes, Renderer, View, scene::{Camera, Wave}};
/// # async fn f(renderer: Renderer, cubes: Cubes, view: View, camera: Camera) -> vulkio::Result<()> {
/// let wave = Wave::new(&cubes, 2.0).await?;
/// for number in 0..600 {
///     let frame = renderer.frame().await?;
///     frame.add(wave.at(f64::from(number) / 60.0));
///     frame.add(cubes.refit(wave.places())?);
///     frame.add(view.draw(camera, frame.target()));
///     frame.submit().await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Wave {
    kernel: ComputePipeline,
    rest: GpuBuffer<Instance>,
    places: GpuBuffer<Instance>,
    height: f32,
}

impl Wave {
    /// A wave whose crests are `height` world units above the places that the cubes have now. It takes 40 bytes of device
    /// memory a cube.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `height` is no finite number; [`Error::OutOfDeviceMemory`], also where 20 bytes a cube are
    /// more than one allocation can have.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives back everything once the GPU is done with it.
    pub async fn new(cubes: &Cubes, height: f32) -> Result<Self> {
        if !height.is_finite() {
            return Err(Error::Invalid(format!("a wave of height {height}; give a finite number")));
        }
        let (gpu, store) = (&cubes.shared.gpu, &cubes.shared.store);
        let rest = gpu.buffer::<Instance>("wave.rest", cubes.count())?;
        let places = gpu.buffer::<Instance>("wave.places", cubes.count())?;
        let unpack = gpu.compute_pipeline("wave.unpack", UNPACK).await?;
        let kernel = gpu.compute_pipeline("wave", WAVE).await?;
        let graph = Graph::new(gpu, "wave.rest");
        let mut pass = graph.pass("unpack").writes(&rest);
        store.read_by(pass.uses());
        let (push, groups) = ([store.header.address(), rest.address()], store.cell_count.min(MOST_GROUPS));
        pass.record(move |cmd| {
            cmd.bind(&unpack).push(&push).dispatch([groups, 1, 1]);
        });
        graph.submit().await?.await?;
        Ok(Self { kernel, rest, places, height })
    }

    /// The system that writes the places of a time in seconds.
    #[must_use]
    pub fn at(&self, time: f64) -> WaveAt {
        let turns = (time / std::f64::consts::TAU).rem_euclid(1.0);
        WaveAt { wave: self.clone(), phase: (turns * 4_294_967_296.0) as u64 as u32 }
    }

    /// Where it writes them: all cubes, in the order of their ids.
    #[must_use]
    pub fn places(&self) -> &GpuBuffer<Instance> {
        &self.places
    }
}

/// A [`Wave`] at a time.
#[derive(Clone, Debug)]
pub struct WaveAt {
    wave: Wave,
    /// Where a turn is 2^32.
    phase: u32,
}

/// As in wave.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    rest: u64,
    places: u64,
    count: u32,
    phase: u32,
    height: f32,
    unused: u32,
}

impl System for WaveAt {
    fn name(&self) -> &str {
        "wave"
    }

    fn declare(&self, uses: &mut Uses) {
        uses.reads(&self.wave.rest).writes(&self.wave.places);
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let Wave { kernel, rest, places, height } = &self.wave;
        // A scene has less than 2^32 cubes.
        let count = places.len() as u32;
        let push = Push {
            rest: rest.address(),
            places: places.address(),
            count,
            phase: self.phase,
            height: *height,
            unused: 0,
        };
        cmd.bind(kernel).push(&push).dispatch([count.div_ceil(GROUP).min(MOST_GROUPS), 1, 1]);
        Ok(())
    }
}
