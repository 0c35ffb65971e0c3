//! Two galaxies meet: every body attracts every other one. Compute passes step the bodies and write the cubes that show them,
//! which the same frame packs, culls and draws; nothing comes back to the CPU in between. Writes nbody.png.
//! `--bodies`, `--frames`, `--steps` (of the physics, a frame).

use std::time::Instant;

use clap::Parser;
use vulkio::{
    Cubes, DeviceKind, Dispatch, Gpu, GpuBuffer, GpuData, GpuOptions, Kernel, Renderer, Result, ViewOptions,
    glam::{Quat, Vec3},
    scene::{Camera, Instance},
};

/// Bodies that attract one another, drawn as cubes.
#[derive(Debug, Parser)]
struct Args {
    /// Bodies in all; 65,536 where nothing is said, 4,096 on a CPU driver
    #[arg(long)]
    bodies: Option<usize>,
    /// Pictures; only the last one is kept
    #[arg(long, default_value_t = 70)]
    frames: usize,
    /// Steps of the physics for each picture
    #[arg(long, default_value_t = 2)]
    steps: usize,
}

const SIZE: [u32; 2] = [960, 540];
/// Of a step: a galaxy's rim turns round once in about 8; its mass and the constant of gravity are 1.
const TIME: f32 = 1.0 / 50.0;
const SOFTENING: f32 = 0.05;

/// As in shaders/nbody.comp.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
struct Body {
    place: [f32; 3],
    mass: f32,
    speed: [f32; 3],
    color: u32,
}

#[derive(Clone, Copy, GpuData, bytemuck::Pod, bytemuck::Zeroable)]
#[role(storage)]
#[repr(C)]
struct Step {
    before: u64,
    after: u64,
    cubes: u64,
    count: u32,
    time: f32,
    softening: f32,
    half_edge: f32,
}

/// A disc around a heavy middle, where nine tenths of the mass are.
fn galaxy(count: usize, middle: Vec3, speed: Vec3, tilt: Quat, colors: [[f32; 3]; 2]) -> impl Iterator<Item = Body> {
    (0..count).map(move |i| {
        // A sunflower: evenly spread without dice.
        let (part, turn) = (i as f32 / count as f32, i as f32 * 2.399_963);
        let (radius, mass) = (0.1 + part * 1.4, if i == 0 { 0.9 } else { 0.1 / count as f32 });
        let out = Vec3::new(turn.cos(), 0.0, turn.sin());
        let height = Vec3::Y * 0.05 * (turn * 17.0).sin();
        // What is further in pulls it round.
        let round = Vec3::Y.cross(out) * ((0.9 + 0.1 * part) / radius).sqrt();
        let (place, speed) = (middle + tilt * (out * radius + height), speed + tilt * round);
        let color = [0, 1, 2].map(|c| colors[0][c] + (colors[1][c] - colors[0][c]) * part);
        Body { place: place.into(), mass, speed: speed.into(), color: Instance::new(place, 1.0, color).color }
    })
}

fn bodies(count: usize) -> Vec<Body> {
    let half = count.div_ceil(2);
    let (apart, speed) = (Vec3::new(1.7, 0.3, 0.0), Vec3::new(-0.4, 0.0, 0.2));
    let tilts = [Quat::from_rotation_x(0.35), Quat::from_rotation_z(-0.8)];
    let warm = galaxy(half, apart, speed, tilts[0], [[1.0, 0.85, 0.5], [0.8, 0.15, 0.1]]);
    warm.chain(galaxy(count - half, -apart, -speed, tilts[1], [[0.7, 0.9, 1.0], [0.1, 0.2, 0.8]])).collect()
}

/// The sum of masses times speeds, which nothing inside can change.
fn momentum(bodies: &[Body]) -> Vec3 {
    bodies.iter().map(|body| Vec3::from(body.speed) * body.mass).sum()
}

struct World {
    kernel: Kernel<Step>,
    bodies: [GpuBuffer<Body>; 2],
    cubes: GpuBuffer<Instance>,
    half_edge: f32,
}

impl World {
    /// A step of the physics: from one buffer into the other, and into the cubes. Barriers follow from that.
    fn step(&self, number: usize) -> Dispatch {
        let [from, to] = [0, 1].map(|side| &self.bodies[(number + side) % 2]);
        let (count, softening) = (from.len() as u32, SOFTENING * SOFTENING);
        let [before, after, cubes] = [from.address(), to.address(), self.cubes.address()];
        let push = Step { before, after, cubes, count, time: TIME, softening, half_edge: self.half_edge };
        self.kernel.over(&push, [count, 1, 1]).reads(from).writes(to).writes(&self.cubes)
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let usual = if gpu.info().kind == DeviceKind::Cpu { 4_096 } else { 65_536 };
    let first = bodies(args.bodies.unwrap_or(usual).max(2));
    let (count, half_edge) = (first.len(), 1.2 / (first.len() as f32).sqrt());
    let cube = |body: &Body| Instance { position: body.place, half_edge, color: body.color };
    let cubes = Cubes::upload(&gpu, first.iter().map(cube).collect::<Vec<_>>()).await?;
    let buffer = |name| gpu.buffer(name, count);
    let kernel = gpu.kernel("step", include_bytes!("../shaders/spv/nbody.comp.spv")).await?;
    let world =
        World { kernel, bodies: [buffer("even")?, buffer("odd")?], cubes: gpu.buffer("places", count)?, half_edge };
    let before = momentum(&first);
    gpu.upload(&world.bodies[0], 0, first).await?;

    let renderer = Renderer::headless(&gpu, SIZE)?;
    let view = cubes.view(SIZE, ViewOptions::default()).await?;
    let eye = Camera::perspective(0.8, SIZE[0] as f32 / SIZE[1] as f32, 0.1);
    let began = Instant::now();
    let mut last = None;
    for i in 0..args.frames {
        let frame = renderer.frame().await?;
        (0..args.steps).for_each(|step| frame.add(world.step(i * args.steps + step)));
        frame.add(cubes.refit(&world.cubes)?); // they moved
        frame.add(view.draw(eye.look_at(Vec3::new(0.5, 4.6, 4.6), Vec3::ZERO, Vec3::Y), frame.target()));
        last = Some(frame.submit().await?);
    }
    if let Some(last) = last {
        println!("last frame: {}", last.await?);
    }
    let took = began.elapsed().as_secs_f64();
    renderer.capture().await?.save_png("nbody.png").await?;

    let now = gpu.read(&world.bodies[args.frames * args.steps % 2], ..).await?;
    let drift = (momentum(&now) - before).length();
    let pulls = (args.frames * args.steps) as f64 * (count as f64).powi(2) / took;
    println!(
        "{}: {} frames of {count} bodies, {:.2} G pulls/s; wrote nbody.png",
        gpu.info().name,
        args.frames,
        pulls / 1e9
    );
    println!("momentum drifted by {drift:.1e}");
    assert!(drift < 1e-3, "bodies that attract one another keep their momentum");
    gpu.close().await
}
