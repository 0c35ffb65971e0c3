//! A flock of starlings and a hawk at dusk, in the style of an entity component system: components are CPU data and GPU
//! buffers, ten systems say in their types which of them they read and write, and one schedule orders them in stages. What
//! runs beside what, which pass waits for which system, and all barriers follow from that. Writes ecs_style.png.

use std::{sync::Arc, time::Instant};

use vulkio::{
    Blend, CpuData, Encoder, Gpu, GpuBuffer, GpuData, GpuImage, GpuOptions, Graph, GraphicsDesc, GraphicsPipeline,
    Record, Registry, RenderTarget, Result, Run, Schedule, System,
    ash::vk,
    glam::{Vec2, vec2},
};

const BIRDS: usize = 700;
const FRAMES: usize = 300;
const STEP: f32 = 1.0 / 60.0;
/// How far a bird sees its like.
const SIGHT: f32 = 0.13;

// Components, one value for each bird.
struct Places(Vec<Vec2>);
struct Speeds(Vec<Vec2>);
struct Urges(Vec<Vec2>);
struct Fears(Vec<Vec2>);
// And such as there is one of.
struct Clock(f32);
struct Hawk(Vec2);
struct Narrowest(f32);

/// A bird as shaders/flock.vert fetches it.
#[derive(Clone, Copy, GpuData, bytemuck::Pod, bytemuck::Zeroable)]
#[role(vertex)]
#[repr(C)]
struct VertexBird {
    place: Vec2,
    speed: Vec2,
    fear: f32,
}

#[derive(System)]
#[writes(Clock)]
struct Tick;

impl Run for Tick {
    async fn run(&self, (): (), clock: &mut Clock) -> Result<()> {
        clock.0 += STEP;
        Ok(())
    }
}

#[derive(System)]
#[reads(Clock)]
#[writes(Hawk)]
struct Hunt;

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
struct Flock;

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
struct Fear;

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
struct Steer;

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
struct Glide;

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
struct Watch;

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
struct Upload;

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
struct Dusk {
    #[writes]
    canvas: GpuImage<RenderTarget>,
    pipeline: GraphicsPipeline,
}

impl Record for Dusk {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.bind(&self.pipeline).draw(0..3, 0..1);
        Ok(())
    }
}

#[derive(System)]
struct Draw {
    #[reads]
    birds: GpuBuffer<VertexBird>,
    #[writes]
    canvas: GpuImage<RenderTarget>,
    pipeline: GraphicsPipeline,
}

impl Record for Draw {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.bind(&self.pipeline).instance_buffer(&self.birds).draw(0..3, 0..BIRDS as u32);
        Ok(())
    }
}

/// Stages say who comes first of those that touch the same thing. Systems that share nothing run side by side, whatever
/// their stage: the birds of the next picture fly while this one is drawn.
#[derive(Schedule)]
struct Evening {
    #[stage]
    time: (Tick,),
    #[stage(after = "time")]
    hawk: (Hunt,),
    #[stage(after = "hawk")]
    look: (Flock, Fear),
    #[stage(after = "look")]
    steer: (Steer,),
    #[stage(after = "steer")]
    glide: (Glide,),
    #[stage(after = "glide")]
    show: (Watch, Upload, Dusk),
    #[stage(after = "show")]
    draw: (Draw,),
}

#[tokio::main]
async fn main() -> Result<()> {
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let fragment = include_bytes!("../shaders/spv/flock.frag.spv");
    let pipeline = |name, vertex: &[u8]| {
        GraphicsDesc::new(name, vertex, fragment).color(vk::Format::R8G8B8A8_SRGB).blend(Blend::Alpha)
    };
    let dusk = pipeline("dusk", include_bytes!("../shaders/spv/dusk.vert.spv"));
    let flock = pipeline("flock", include_bytes!("../shaders/spv/flock.vert.spv")).instances::<VertexBird>();
    let birds = gpu.buffer::<VertexBird>("birds", BIRDS)?;
    let canvas = gpu.image::<RenderTarget>("canvas", [960, 720])?;

    // A sunflower: evenly spread without dice.
    let turn = |i: usize| Vec2::from_angle(i as f32 * 2.399_963);
    let places = (0..BIRDS).map(|i| turn(i) * (i as f32 / BIRDS as f32).sqrt()).collect();
    let narrowest = CpuData::new(Narrowest(f32::MAX));
    let registry = Registry::new();
    registry.insert("clock", CpuData::new(Clock(0.0)));
    registry.insert("hawk", CpuData::new(Hawk(Vec2::ZERO)));
    registry.insert("places", CpuData::new(Places(places)));
    registry.insert("speeds", CpuData::new(Speeds((0..BIRDS).map(|i| turn(i).perp() * 0.3).collect())));
    registry.insert("urges", CpuData::new(Urges(vec![Vec2::ZERO; BIRDS])));
    registry.insert("fears", CpuData::new(Fears(vec![Vec2::ZERO; BIRDS])));
    registry.insert("narrowest", narrowest.clone());
    registry.insert("birds", birds.clone());

    let evening = Arc::new(Evening {
        time: (Tick,),
        hawk: (Hunt,),
        look: (Flock, Fear),
        steer: (Steer,),
        glide: (Glide,),
        show: (Watch, Upload, Dusk { canvas: canvas.clone(), pipeline: gpu.graphics_pipeline(dusk).await? }),
        draw: (Draw { birds, canvas: canvas.clone(), pipeline: gpu.graphics_pipeline(flock).await? },),
    });
    print!("{}", evening.to_mermaid());

    let began = Instant::now();
    let graph = Graph::new(&gpu, "night before");
    graph.pass("clear").renders(canvas.clear([0.0, 0.0, 0.0, 1.0])).record(|_| ());
    let mut before = graph.submit().await?;
    for _ in 0..FRAMES {
        let graph = Graph::new(&gpu, "evening");
        let scheduled = graph.run(&evening, &registry)?; // systems of the CPU begin at once
        let done = graph.submit().await?; // recorded when they have written what passes read
        scheduled.finished().await?;
        before.await?; // two pictures are on their way at a time
        before = done;
    }
    before.await?;
    let took = began.elapsed();
    gpu.read_image(&canvas).await?.save_png("ecs_style.png").await?;

    println!("{}: {FRAMES} frames of {BIRDS} birds in {took:.1?}; wrote ecs_style.png", gpu.info().name);
    println!("at its narrowest the flock was {:.2} wide", narrowest.read().await.0);
    gpu.close().await
}
