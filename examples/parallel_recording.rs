//! One pass of many draws, recorded by one worker, by two, and so on to all: what that takes, as a table.
//!
//! `cargo run --release --example parallel_recording -- --draws 100000`, or `--quick` for a short run.

use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Handle;
use vulkio::{Error, Gpu, GpuOptions, GraphicsDesc, GraphicsPipeline, Renderer, RendererOptions, Result, ash::vk};

/// Records one pass of many draws with more and more workers.
#[derive(Debug, Parser)]
struct Args {
    /// Draws in the pass
    #[arg(long, value_name = "N", default_value = "100000", value_parser = clap::value_parser!(u32).range(1..))]
    draws: u32,
    /// Rounds that each number of workers is measured in
    #[arg(long, value_name = "N", default_value = "15", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// A tenth of the draws, and three rounds
    #[arg(long)]
    quick: bool,
}

/// As in shaders/bench_draw.vert: 64 bytes of push constants for each draw.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Triangle {
    place: [f32; 4],
    tint: [f32; 4],
    more: [[f32; 4]; 2],
}

fn triangle(index: usize) -> Triangle {
    let [x, y] = [index % 64, index / 64 % 64].map(|at| at as f32 / 32.0 - 1.0);
    Triangle { place: [x, y, 0.03, 0.0], tint: [0.2, 0.5, 0.9, 1.0], more: [[0.0; 4]; 2] }
}

/// A renderer that records with so many workers, and what its frames took.
struct Lane {
    workers: usize,
    renderer: Renderer,
    pieces: u32,
    times: Vec<Duration>,
}

impl Lane {
    fn new(gpu: &Gpu, workers: usize) -> Result<Self> {
        let options = RendererOptions::default().workers(workers);
        Ok(Self { workers, renderer: Renderer::with_options(gpu, [64, 64], options)?, pieces: 0, times: Vec::new() })
    }

    /// One frame. What is timed is recording and submitting it: not its declaration, and not the GPU, which is waited
    /// for before the next frame so that a driver that draws on the CPU is not measured as well.
    async fn round(&mut self, pipeline: &GraphicsPipeline, draws: u32) -> Result<()> {
        let frame = self.renderer.frame().await?;
        let pipeline = pipeline.clone();
        let target = frame.target().clear([0.0, 0.0, 0.0, 1.0]);
        // The closure is called once for each piece, on several workers at once, with the draws that are that piece's.
        frame.pass("draws").renders(target).parallel(draws as usize, move |cmd, range| {
            cmd.bind(&pipeline);
            for index in range {
                cmd.push(&triangle(index)).draw(0..3, 0..1);
            }
        });
        let began = Instant::now();
        let done = frame.submit().await?;
        self.times.push(began.elapsed());
        let stats = done.await?;
        assert_eq!(stats.draws, u64::from(draws), "every draw is recorded once");
        self.pieces = stats.tasks;
        Ok(())
    }

    fn median(&mut self) -> Duration {
        self.times.sort_unstable();
        self.times[self.times.len() / 2]
    }
}

/// 1, 2, 4 and so on, and `most`.
fn worker_counts(most: usize) -> Vec<usize> {
    let mut counts: Vec<_> = (0..).map(|power| 1 << power).take_while(|&count| count < most).collect();
    counts.push(most);
    counts
}

async fn measure(args: Args) -> Result<()> {
    let (draws, rounds) = if args.quick { (args.draws.div_ceil(10), 3) } else { (args.draws, args.rounds) };
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let vertex = include_bytes!("../shaders/spv/bench_draw.vert.spv");
    let fragment = include_bytes!("../shaders/spv/bench_draw.frag.spv");
    let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let pipeline = gpu.graphics_pipeline(desc).await?;

    let counts = worker_counts(Handle::current().metrics().num_workers());
    let mut lanes = counts.into_iter().map(|workers| Lane::new(&gpu, workers)).collect::<Result<Vec<_>>>()?;
    // All take turns, so that a machine that slows down meanwhile slows all of them. Pools and buffers grow first.
    for round in 0..=rounds + 1 {
        for lane in &mut lanes {
            lane.round(&pipeline, draws).await?;
            if round < 2 {
                lane.times.clear();
            }
        }
    }

    println!("{}: {draws} draws in one pass, {rounds} rounds", gpu.info().name);
    println!("workers  command buffers  median ms  ns a draw  speed-up");
    let alone = lanes[0].median();
    for lane in &mut lanes {
        let time = lane.median();
        let (ms, ns) = (time.as_secs_f64() * 1e3, time.as_secs_f64() * 1e9 / f64::from(draws));
        let speed_up = alone.as_secs_f64() / time.as_secs_f64();
        println!("{:7}  {:15}  {ms:9.2}  {ns:9.1}  {speed_up:7.2}x", lane.workers, lane.pieces);
    }
    drop(lanes);
    gpu.close().await
}

#[tokio::main]
async fn main() -> Result<()> {
    // In a task: `main` itself runs on a thread that is no worker.
    let measured = tokio::spawn(measure(Args::parse())).await;
    measured.unwrap_or_else(|error| Err(Error::Invalid(format!("the measurement did not end: {error}"))))
}
