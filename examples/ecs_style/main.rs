//! A flock of starlings and a hawk at dusk, in the style of an entity component system: components are CPU data and GPU
//! buffers, ten systems say in their types which of them they read and write, and one schedule orders them in stages. What
//! runs beside what, which pass waits for which system, and all barriers follow from that. Writes ecs_style.png.

mod systems;

use std::{sync::Arc, time::Instant};

use systems::*;
use vulkio::{
    Blend, CpuData, Gpu, GpuOptions, Graph, GraphicsDesc, Registry, RenderTarget, Result, Schedule, ash::vk, glam::Vec2,
};

const FRAMES: usize = 300;

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
    let fragment = include_bytes!("../../shaders/spv/flock.frag.spv");
    let pipeline = |name, vertex: &[u8]| {
        GraphicsDesc::new(name, vertex, fragment).color(vk::Format::R8G8B8A8_SRGB).blend(Blend::Alpha)
    };
    let dusk = pipeline("dusk", include_bytes!("../../shaders/spv/dusk.vert.spv"));
    let flock = pipeline("flock", include_bytes!("../../shaders/spv/flock.vert.spv")).instances::<VertexBird>();
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
