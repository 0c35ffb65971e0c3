//! Physics on the CPU, in the same graph as the GPU work that needs it: a job steps the world, one pass uploads it, one
//! moves what is drawn, one draws. After each frame the world comes back for the next. Writes cpu_jobs.png.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use vulkio::{FrameStats, Gpu, GpuOptions, GraphicsDesc, Renderer, ash::vk};

const BALLS: usize = 300;
const FRAMES: u32 = 240;
/// Of a picture and of the world, as seconds.
const STEP: f32 = 1.0 / 60.0;
const RADIUS: f32 = 0.03;

/// As in shaders/include/balls.glsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Ball {
    position: [f32; 2],
    velocity: [f32; 2],
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Disc {
    centre: [f32; 2],
    radius: f32,
    color: [f32; 3],
}

/// As in shaders/balls.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Move {
    balls: u64,
    discs: u64,
    count: u32,
    radius: f32,
    ahead: f32,
    padding: u32,
}

/// Balls in a box. It is handed to the job and taken back, never copied or locked: it needs no `Clone` and no mutex.
struct World {
    balls: Vec<Ball>,
    /// What all steps took.
    busy: Duration,
}

impl World {
    fn new() -> Self {
        // A sunflower: evenly spread without dice, all swirling around the middle.
        let ball = |i: usize| {
            let (turn, out) = (i as f32 * 2.399_963, 0.9 * (i as f32 / BALLS as f32).sqrt());
            let position = [out * turn.cos(), out * turn.sin()];
            Ball { position, velocity: [-0.6 * position[1], 0.6 * position[0]] }
        };
        Self { balls: (0..BALLS).map(ball).collect(), busy: Duration::ZERO }
    }

    /// Every ball against every other: work that a frame should not wait for on the thread that draws.
    fn step(&mut self) {
        let began = Instant::now();
        let before = self.balls.clone();
        for ball in &mut self.balls {
            ball.velocity[1] -= 0.4 * STEP;
            for other in &before {
                let away = [0, 1].map(|axis| ball.position[axis] - other.position[axis]);
                let near = 4.0 * RADIUS * RADIUS - (away[0] * away[0] + away[1] * away[1]);
                for (velocity, away) in ball.velocity.iter_mut().zip(away) {
                    *velocity += 4000.0 * STEP * near.max(0.0) * away;
                }
            }
            for (position, velocity) in ball.position.iter_mut().zip(&mut ball.velocity) {
                *velocity *= 0.998;
                *position += STEP * *velocity;
                if position.abs() > 1.0 - RADIUS {
                    *position = position.clamp(RADIUS - 1.0, 1.0 - RADIUS);
                    *velocity *= -0.8;
                }
            }
        }
        self.busy += began.elapsed();
    }
}

#[tokio::main]
async fn main() -> vulkio::Result<()> {
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let mover = gpu.compute_pipeline("balls", include_bytes!("../shaders/spv/balls.comp.spv")).await?;
    let vertex = include_bytes!("../shaders/spv/balls.vert.spv");
    let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
    let desc = GraphicsDesc::new("discs", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let painter = gpu.graphics_pipeline(desc).await?;
    let balls = gpu.buffer::<Ball>("balls", BALLS)?;
    let discs = gpu.buffer::<Disc>("discs", BALLS)?;
    let renderer = Renderer::headless(&gpu, [720, 720])?;

    let mut world = World::new();
    let mut last: Option<Arc<FrameStats>> = None;
    let began = Instant::now();
    for _ in 0..FRAMES {
        let frame = renderer.frame().await?;

        // Starts now, on a worker of the runtime, while the GPU still draws the frame before this one.
        let physics = frame.job("physics", async move {
            world.step();
            world
        });

        // Recorded once the job is finished. Nothing blocks until then, and a job that failed would fail the frame.
        let (job, to) = (physics.clone(), balls.clone());
        frame.pass("upload").after(&physics).writes(balls.copy_target()).record(move |cmd| {
            let world = cmd.output(&job)?;
            cmd.update(&to, 0, &world.balls);
            Ok(())
        });

        // These two need the job only through what they read; order and barriers follow from that.
        let (mover, count) = (mover.clone(), BALLS as u32);
        let (radius, ahead) = (RADIUS, 0.0);
        let push = Move { balls: balls.address(), discs: discs.address(), count, radius, ahead, padding: 0 };
        frame.pass("move").reads(&balls).writes(&discs).record(move |cmd| {
            cmd.bind(&mover).push(&push).dispatch([count.div_ceil(64), 1, 1]);
        });
        let (painter, address) = (painter.clone(), discs.address());
        let target = frame.target().clear([0.01, 0.01, 0.02, 1.0]);
        frame.pass("draw").reads(&discs).renders(target).record(move |cmd| {
            cmd.bind(&painter).push(&address).draw(0..48, 0..count); // 16 triangles for each disc
        });

        let done = frame.submit().await?; // recorded and submitted; the GPU goes on
        world = physics.take().await?; // recorded, so no pass needs it any more
        last = Some(done.await?);
    }
    let took = began.elapsed();

    // What the last frame drew is what the CPU's world says.
    let drawn = gpu.read(&discs, 0..BALLS).await?;
    let right = drawn.iter().zip(&world.balls).all(|(disc, ball)| disc.centre == ball.position);
    renderer.capture().await?.save_png("cpu_jobs.png").await?;

    let each = |time: Duration| time.as_secs_f64() * 1e3 / f64::from(FRAMES);
    println!(
        "{}: {FRAMES} frames of {BALLS} balls, the last {}",
        gpu.info().name,
        if right { "right" } else { "WRONG" }
    );
    println!("{:.2} ms a frame, {:.2} ms of it in the physics job; wrote cpu_jobs.png", each(took), each(world.busy));
    println!("last frame: {}", last.expect("there were frames"));
    assert!(right, "discs are drawn where the balls are");
    gpu.close().await
}
