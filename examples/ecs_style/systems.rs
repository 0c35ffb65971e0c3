//! Components, and the systems that say which of them they read and write.

use vulkio::{
    CpuData, Encoder, GpuBuffer, GpuData, GpuImage, GraphicsPipeline, Record, RenderTarget, Result, Run, System,
    glam::{Vec2, vec2},
};

pub(crate) const BIRDS: usize = 700;
const STEP: f32 = 1.0 / 60.0;
/// How far a bird sees its like.
const SIGHT: f32 = 0.13;

// Components, one value for each bird.
pub(crate) struct Places(pub(crate) Vec<Vec2>);
pub(crate) struct Speeds(pub(crate) Vec<Vec2>);
pub(crate) struct Urges(pub(crate) Vec<Vec2>);
pub(crate) struct Fears(pub(crate) Vec<Vec2>);
// And such as there is one of.
pub(crate) struct Clock(pub(crate) f32);
pub(crate) struct Hawk(pub(crate) Vec2);
pub(crate) struct Narrowest(pub(crate) f32);

/// A bird as shaders/flock.vert fetches it.
#[derive(Clone, Copy, GpuData, bytemuck::Pod, bytemuck::Zeroable)]
#[role(vertex)]
#[repr(C)]
pub(crate) struct VertexBird {
    place: Vec2,
    speed: Vec2,
    fear: f32,
}

#[derive(System)]
#[writes(Clock)]
pub(crate) struct Tick;

impl Run for Tick {
    async fn run(&self, (): (), clock: &mut Clock) -> Result<()> {
        clock.0 += STEP;
        Ok(())
    }
}

#[derive(System)]
#[reads(Clock)]
#[writes(Hawk)]
pub(crate) struct Hunt;

impl Run for Hunt {
    async fn run(&self, clock: &Clock, hawk: &mut Hawk) -> Result<()> {
        hawk.0 = vec2(1.1 * (1.3 * clock.0).sin(), 0.8 * (2.1 * clock.0).cos());
        Ok(())
    }
}

/// Each bird wants to be near its neighbours, not too near, and to fly as they do.
#[derive(System)]
#[reads(Places, Speeds)]
#[writes(Urges)]
pub(crate) struct Flock;

impl Run for Flock {
    async fn run(&self, (places, speeds): (&Places, &Speeds), urges: &mut Urges) -> Result<()> {
        for ((urge, &place), &speed) in urges.0.iter_mut().zip(&places.0).zip(&speeds.0) {
            let (mut count, mut along, mut away) = (1.0, Vec2::ZERO, Vec2::ZERO);
            for (&other, &other_speed) in places.0.iter().zip(&speeds.0) {
                let distance = place.distance(other);
                if distance < SIGHT && distance > 0.0 {
                    count += 1.0;
                    along += 2.0 * (other - place) + other_speed - speed;
                    away += (place - other) * (0.0006 / (distance * distance)).min(1.0);
                }
            }
            *urge = along / count + 8.0 * away - 0.35 * place; // and home, to the middle
        }
        Ok(())
    }
}

#[derive(System)]
#[reads(Places, Hawk)]
#[writes(Fears)]
pub(crate) struct Fear;

impl Run for Fear {
    async fn run(&self, (places, hawk): (&Places, &Hawk), fears: &mut Fears) -> Result<()> {
        for (fear, place) in fears.0.iter_mut().zip(&places.0) {
            let away = *place - hawk.0;
            *fear = 0.97 * *fear + away.normalize_or_zero() * (0.1 - away.length() / 3.0).max(0.0);
        }
        Ok(())
    }
}

#[derive(System)]
#[reads(Urges, Fears)]
#[writes(Speeds)]
pub(crate) struct Steer;

impl Run for Steer {
    async fn run(&self, (urges, fears): (&Urges, &Fears), speeds: &mut Speeds) -> Result<()> {
        for ((speed, &urge), &fear) in speeds.0.iter_mut().zip(&urges.0).zip(&fears.0) {
            *speed = (*speed + STEP * (3.0 * urge + 4.0 * fear)).clamp_length(0.25, 0.8);
        }
        Ok(())
    }
}

#[derive(System)]
#[reads(Speeds)]
#[writes(Places)]
pub(crate) struct Glide;

impl Run for Glide {
    async fn run(&self, speeds: &Speeds, places: &mut Places) -> Result<()> {
        places.0.iter_mut().zip(&speeds.0).for_each(|(place, speed)| *place += STEP * *speed);
        Ok(())
    }
}

/// Runs beside the passes, which read the same places.
#[derive(System)]
#[reads(Places)]
#[writes(Narrowest)]
pub(crate) struct Watch;

impl Run for Watch {
    async fn run(&self, places: &Places, narrowest: &mut Narrowest) -> Result<()> {
        let middle = places.0.iter().sum::<Vec2>() / BIRDS as f32;
        let width = places.0.iter().map(|place| place.distance(middle)).sum::<f32>() / BIRDS as f32;
        narrowest.0 = narrowest.0.min(width);
        Ok(())
    }
}

/// A pass: it reads what the CPU wrote and writes what the GPU reads.
#[derive(System)]
#[reads(Places, Speeds, Fears)]
#[writes(GpuBuffer<VertexBird>)]
pub(crate) struct Upload;

impl Record for Upload {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let places = cmd.read(&cmd.found::<CpuData<Places>>()?)?;
        let speeds = cmd.read(&cmd.found::<CpuData<Speeds>>()?)?;
        let fears = cmd.read(&cmd.found::<CpuData<Fears>>()?)?;
        let bird = |i: usize| VertexBird { place: places.0[i], speed: speeds.0[i], fear: fears.0[i].length().min(1.0) };
        cmd.update(&cmd.found::<GpuBuffer<VertexBird>>()?, 0, &(0..BIRDS).map(bird).collect::<Vec<_>>());
        Ok(())
    }
}

/// What was drawn before fades.
#[derive(System)]
pub(crate) struct Dusk {
    #[writes]
    pub(crate) canvas: GpuImage<RenderTarget>,
    pub(crate) pipeline: GraphicsPipeline,
}

impl Record for Dusk {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.bind(&self.pipeline).draw(0..3, 0..1);
        Ok(())
    }
}

#[derive(System)]
pub(crate) struct Draw {
    #[reads]
    pub(crate) birds: GpuBuffer<VertexBird>,
    #[writes]
    pub(crate) canvas: GpuImage<RenderTarget>,
    pub(crate) pipeline: GraphicsPipeline,
}

impl Record for Draw {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.bind(&self.pipeline).instance_buffer(&self.birds).draw(0..3, 0..BIRDS as u32);
        Ok(())
    }
}
