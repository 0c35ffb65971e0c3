//! A chain of dispatches on the compute queue beside draws on the graphics queue, and the same two one after the other:
//! what each takes, and whether the results are right. `--quick` for a short run.

use std::time::{Duration, Instant};

use clap::Parser;
use vulkio::{
    ComputePipeline, Frame, Gpu, GpuBuffer, GpuOptions, GraphicsDesc, GraphicsPipeline, QueueKind, Renderer, Result,
    ash::vk,
};

/// Compute beside graphics, and one after the other.
#[derive(Debug, Parser)]
struct Args {
    /// Three rounds of a millisecond, instead of fifteen of ten
    #[arg(long)]
    quick: bool,
}

/// As in shaders/bench_spin.comp.
#[repr(C, packed(4))]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Spin {
    words: u64,
    rounds: u32,
}

/// As in shaders/bench_draw.vert.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Triangle {
    place: [f32; 4],
    tint: [f32; 4],
    more: [[f32; 4]; 2],
}

/// Rounds of one dispatch. Mesa's llvmpipe leaves a shader's loop after 65,535.
const ROUNDS: u32 = 1 << 15;

/// Covers the whole target.
const COVER: Triangle = Triangle { place: [-1.0, -1.0, 4.0, 0.0], tint: [0.0, 1.0, 0.0, 1.0], more: [[0.0; 4]; 2] };

/// What a frame is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Compute,
    Graphics,
    /// Both, the draws after the dispatches.
    InTurn,
    /// Both, nothing between them, the dispatches on the compute queue.
    Beside,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Compute, Self::Graphics, Self::InTurn, Self::Beside];

    fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute alone",
            Self::Graphics => "graphics alone",
            Self::InTurn => "one after the other",
            Self::Beside => "beside each other",
        }
    }
}

/// How much a frame does.
#[derive(Clone, Copy, Debug)]
struct Load {
    dispatches: u32,
    draws: u32,
}

struct Bench {
    gpu: Gpu,
    renderer: Renderer,
    spin: ComputePipeline,
    triangle: GraphicsPipeline,
    words: GpuBuffer<u32>,
}

impl Bench {
    async fn new(gpu: &Gpu) -> Result<Self> {
        let vertex = include_bytes!("../shaders/spv/bench_draw.vert.spv");
        let fragment = include_bytes!("../shaders/spv/bench_draw.frag.spv");
        let desc = GraphicsDesc::new("cover", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
        Ok(Self {
            renderer: Renderer::headless(gpu, [1024, 1024])?,
            spin: gpu.compute_pipeline("spin", include_bytes!("../shaders/spv/bench_spin.comp.spv")).await?,
            triangle: gpu.graphics_pipeline(desc).await?,
            words: gpu.buffer("words", 1)?,
            gpu: gpu.clone(),
        })
    }

    fn declare(&self, frame: &Frame, mode: Mode, load: Load) {
        let mut last = None;
        if mode != Mode::Graphics {
            let queue = if mode == Mode::InTurn { QueueKind::Graphics } else { QueueKind::Compute };
            // Each reads what the one before it wrote, so they run one at a time wherever they run.
            for _ in 0..load.dispatches {
                let (pipeline, push) = (self.spin.clone(), Spin { words: self.words.address(), rounds: ROUNDS });
                let pass = frame.pass("spin").queue(queue).reads(&self.words).writes(&self.words);
                last = Some(pass.record(move |cmd| {
                    cmd.bind(&pipeline).push(&push).dispatch([1, 1, 1]);
                }));
            }
        }
        if mode != Mode::Compute {
            let pipeline = self.triangle.clone();
            let mut pass = frame.pass("cover").renders(frame.target().clear([0.0, 0.0, 0.0, 1.0]));
            // They share no resource: without this they could overlap on one queue as well.
            if let (Mode::InTurn, Some(last)) = (mode, last) {
                pass = pass.after(last);
            }
            pass.record(move |cmd| {
                cmd.bind(&pipeline).push(&COVER);
                for _ in 0..load.draws {
                    cmd.draw(0..3, 0..1);
                }
            });
        }
    }

    /// One frame, from its submission to its completion, with its results checked.
    async fn round(&self, mode: Mode, load: Load) -> Result<(Duration, String)> {
        self.gpu.upload(&self.words, 0, vec![1]).await?.await?;
        let frame = self.renderer.frame().await?;
        self.declare(&frame, mode, load);
        let plan = frame.plan_stats()?;
        let plan = format!("batches: {}, queues: {}", plan.batches, plan.queues);
        let began = Instant::now();
        frame.submit().await?.await?;
        let took = began.elapsed();
        if mode != Mode::Graphics {
            assert_eq!(
                self.gpu.read(&self.words, 0..1).await?[0],
                spun(load.dispatches * ROUNDS),
                "what the dispatches computed"
            );
        }
        if mode != Mode::Compute {
            let picture = self.renderer.capture().await?;
            assert!(picture.bytes().chunks(4).all(|texel| texel == [0, 255, 0, 255]), "every texel is green");
        }
        Ok((took, plan))
    }

    /// How much of `work` takes about `goal`: doubled until it takes a quarter of it, and scaled.
    async fn calibrate(&self, mode: Mode, goal: Duration, load: impl Fn(u32) -> Load) -> Result<u32> {
        let mut work = 1;
        loop {
            let took = self.round(mode, load(work)).await?.0.min(self.round(mode, load(work)).await?.0);
            if took * 4 > goal || work >= 1 << 16 {
                return Ok((f64::from(work) * goal.as_secs_f64() / took.as_secs_f64()).max(1.0) as u32);
            }
            work *= 2;
        }
    }
}

/// What the dispatches compute from 1.
fn spun(rounds: u32) -> u32 {
    (0..rounds).fold(1u32, |x, _| {
        let x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        x ^ x >> 13
    })
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

#[tokio::main]
async fn main() -> Result<()> {
    let (rounds, goal) = if Args::parse().quick { (3, 1) } else { (15, 10) };
    let goal = Duration::from_millis(goal);
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let bench = Bench::new(&gpu).await?;
    let queue = |kind| gpu.submitted(kind).stamp().queue;
    let two = queue(QueueKind::Compute) != queue(QueueKind::Graphics);
    let has =
        if two { "a compute queue beside the graphics queue" } else { "no compute queue beside the graphics queue" };
    println!("{}: {has}", gpu.info().name);

    // Both halves take about the same time, so that running beside each other could save half of it.
    let dispatches = bench.calibrate(Mode::Compute, goal, |dispatches| Load { dispatches, draws: 0 }).await?;
    let draws = bench.calibrate(Mode::Graphics, goal, |draws| Load { dispatches: 0, draws }).await?;
    let load = Load { dispatches, draws };

    let mut times = Mode::ALL.map(|_| Vec::new());
    let mut plans = Mode::ALL.map(|_| String::new());
    for _ in 0..rounds {
        for (index, mode) in Mode::ALL.into_iter().enumerate() {
            let (took, plan) = bench.round(mode, load).await?;
            times[index].push(took);
            plans[index] = plan;
        }
    }
    println!("median of {rounds} rounds, from submit to completion; every result was right");
    let times = times.map(median);
    for ((mode, ms), plan) in Mode::ALL.into_iter().zip(times).zip(plans) {
        println!("{:20} {ms:8.2} ms  ({plan})", mode.name());
    }
    println!("beside each other takes {:.0} % of one after the other", 100.0 * times[3] / times[2]);
    drop(bench);
    gpu.close().await
}
