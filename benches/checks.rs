//! `./x bench checks [--quick] [FILTER]`: what checks add to recording; `./x bench checks --instructions` counts
//! instructions a draw by valgrind's callgrind instead of time.
//!
//! Two devices are opened on one driver, one with checks and one without. A frame of one pass with very many draws is
//! recorded on both in turn, in one task and in one process, from `frame.pass` to its commit; a ratio is taken within each
//! pair. Waiting for the device is off the clock. Every draw pushes 64 bytes: without addresses; with one that is the same
//! throughout; with one of sixteen buffers in turn; with that of data which the draw writes.
//!
//! That checks cost nothing where they are off is a matter of counting: `./x bench record --instructions`, of a version
//! that has them and one that does not.

mod harness;

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use harness::{
    Args, Result,
    draws::{Constants, FORMAT, FRAGMENT, Matrices, SIZE, VERTEX},
    instructions::{self, PerDraw},
    pairs::{Goal, Limits, Pairs, print_row},
};
use tokio::runtime::Runtime;
use vulkio::{Encoder, Gpu, GpuBuffer, GpuOptions, GraphicsDesc, GraphicsPipeline, Renderer, RendererOptions};

/// Of recording time.
const GOAL: Goal = Goal(Some(1.10));
const BUFFERS: usize = 16;
/// As shaders/balls.vert has discs: these show nothing.
type Disc = [f32; 6];

/// What each draw pushes.
struct Workload {
    name: &'static str,
    /// Records that once, with the number of draws that follows; `-off` and `-on`.
    option: &'static str,
    record: fn(&Scene, &mut Encoder<'_>, usize),
}

const WORKLOADS: [Workload; 4] = [
    Workload { name: "no addresses", option: "--callgrind-none", record: without },
    Workload { name: "one address", option: "--callgrind-one", record: one },
    Workload { name: "sixteen buffers in turn", option: "--callgrind-turns", record: in_turn },
    Workload { name: "data of each draw", option: "--callgrind-data", record: data },
];

fn without(scene: &Scene, cmd: &mut Encoder<'_>, draws: usize) {
    cmd.bind(&scene.plain);
    let matrices = Matrices::new();
    for draw in 0..draws {
        cmd.push(&matrices.of(draw)).draw(0..3, 0..1);
    }
}

fn one(scene: &Scene, cmd: &mut Encoder<'_>, draws: usize) {
    let address = scene.buffers[0].address();
    pushing(scene, cmd, draws, |_, _| address);
}

fn in_turn(scene: &Scene, cmd: &mut Encoder<'_>, draws: usize) {
    let addresses: Vec<_> = scene.buffers.iter().map(GpuBuffer::address).collect();
    pushing(scene, cmd, draws, |_, draw| addresses[draw % BUFFERS]);
}

fn data(scene: &Scene, cmd: &mut Encoder<'_>, draws: usize) {
    pushing(scene, cmd, draws, |cmd, _| cmd.data::<Disc>(&[0.0; 6]));
}

#[inline]
fn pushing(scene: &Scene, cmd: &mut Encoder<'_>, draws: usize, address: impl Fn(&mut Encoder<'_>, usize) -> u64) {
    cmd.bind(&scene.reading);
    for draw in 0..draws {
        let mut words = [draw as u64; 8];
        words[0] = address(cmd, draw);
        cmd.push(&words).draw(0..3, 0..1);
    }
}

/// A device, and what is recorded on it.
struct Scene {
    gpu: Gpu,
    renderer: Renderer,
    /// Has no addresses.
    plain: GraphicsPipeline,
    /// Reads through one.
    reading: GraphicsPipeline,
    buffers: Vec<GpuBuffer<Disc>>,
}

impl Scene {
    async fn new(checks: bool) -> Result<Arc<Self>> {
        let gpu = Gpu::open(GpuOptions::default().checks(checks)).await?;
        let balls = include_bytes!("../shaders/spv/balls.vert.spv");
        let triangle = include_bytes!("../shaders/spv/triangle.frag.spv");
        let plain = gpu.graphics_pipeline(GraphicsDesc::new("plain", VERTEX, FRAGMENT).color(FORMAT)).await?;
        let reading = gpu.graphics_pipeline(GraphicsDesc::new("reading", balls, triangle).color(FORMAT)).await?;
        let mut buffers = Vec::new();
        for index in 0..BUFFERS {
            let buffer = gpu.buffer(&format!("discs {index}"), 1)?;
            gpu.upload(&buffer, 0, vec![[0.0; 6]]).await?;
            buffers.push(buffer);
        }
        let renderer = Renderer::with_options(&gpu, [SIZE, SIZE], RendererOptions::default().timestamps(false))?;
        Ok(Arc::new(Self { gpu, renderer, plain, reading, buffers }))
    }

    /// One frame; the time to its commit.
    async fn frame(self: &Arc<Self>, workload: &'static Workload, draws: usize, waits: bool) -> Result<Duration> {
        let frame = self.renderer.frame().await?;
        let scene = Arc::clone(self);
        let start = Instant::now();
        let pass = frame.pass("draws").renders(frame.target().clear([0.0; 4]));
        let pass = self.buffers.iter().fold(pass, |pass, buffer| pass.reads(buffer));
        pass.record(move |cmd| (workload.record)(&scene, cmd, draws));
        let done = frame.submit().await?;
        let took = start.elapsed();
        if waits {
            done.await?;
        }
        Ok(took)
    }
}

/// Nothing is recorded by the process's first thread, for which C libraries allocate in other ways.
fn main() -> Result {
    thread::spawn(run).join().map_err(|_| "the bench panicked")?
}

fn run() -> Result {
    let args = Args::parse();
    let runtime = harness::many_threads()?;
    for workload in &WORKLOADS {
        for checks in [false, true] {
            if let Some(draws) = harness::option_and_number(&option(workload, checks)) {
                return once(&runtime, workload, checks, draws);
            }
        }
    }
    let (off, on) = (runtime.block_on(Scene::new(false))?, runtime.block_on(Scene::new(true))?);
    if harness::flag("--instructions") {
        harness::print_machine("instructions a draw, checks off and on", &off.gpu, &args);
        return WORKLOADS.iter().filter(|workload| args.wants(workload.name)).try_for_each(count);
    }
    harness::print_machine("recording draws, checks off and on", &off.gpu, &args);
    let draws = if args.quick { 2_000 } else { 20_000 };
    println!("{draws} draws; `by hand` is without checks, `vulkio` with them");
    harness::pairs::print_header("");
    for workload in WORKLOADS.iter().filter(|workload| args.wants(workload.name)) {
        runtime.block_on(compare(&off, &on, workload, draws, args.quick))?;
    }
    let gpus = [off.gpu.clone(), on.gpu.clone()];
    drop((off, on));
    gpus.iter().try_for_each(|gpu| block_on(gpu.close()))?;
    Ok(())
}

fn option(workload: &Workload, checks: bool) -> String {
    format!("{}-{}", workload.option, if checks { "on" } else { "off" })
}

fn once(runtime: &Runtime, workload: &'static Workload, checks: bool, draws: usize) -> Result {
    let scene = runtime.block_on(Scene::new(checks))?;
    runtime.block_on(scene.frame(workload, draws, false))?;
    instructions::leave()
}

fn count(workload: &Workload) -> Result {
    let per_draw = |checks| instructions::count(&option(workload, checks), 20_000);
    let total = |counted: PerDraw| counted.ours + counted.elsewhere;
    let (off, on) = (per_draw(false)?, per_draw(true)?);
    println!(
        "{:<24} off {:>7.1} here, {:>7.1} in all; on {:>7.1} here, {:>7.1} in all; ratio {:.3}",
        workload.name,
        off.ours,
        total(off),
        on.ours,
        total(on),
        total(on) / total(off)
    );
    Ok(())
}

async fn compare(off: &Arc<Scene>, on: &Arc<Scene>, workload: &'static Workload, draws: usize, quick: bool) -> Result {
    for scene in [off, on, off, on] {
        scene.frame(workload, draws, true).await?;
    }
    let mut pairs = Pairs::<1>::new(match quick {
        true => Limits { pairs: 31, time: Duration::from_secs(2), least: 5 },
        false => Limits { pairs: 201, time: Duration::from_secs(15), least: 31 },
    });
    let mut turn = 0;
    while pairs.more() {
        let mut times = [0.0; 2];
        // Whoever comes second has the same before it in every second pair only.
        for side in [turn % 2, 1 - turn % 2] {
            let took = [off, on][side].frame(workload, draws, true).await?;
            times[side] = took.as_secs_f64() * 1e6;
        }
        turn += 1;
        pairs.push([times[0]], [times[1]]);
    }
    print_row(workload.name, "record", &pairs.summary(0), GOAL);
    Ok(())
}
