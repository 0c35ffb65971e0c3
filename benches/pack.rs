//! `./x bench pack [--quick] [--count=N] [FILTER]`: scenes from nothing to the GPU, phase by phase.
//!
//! `ask` is what a source takes to make every cube once, on all cores: each phase asks at least once. `order`, `cells` and
//! `upload` are those of `Cubes::times`, `all` is the whole of `Cubes::upload`, its pipelines included. Rows of up to ten
//! million cubes are medians of five rounds. `host` is how much more memory of the host was in use at the peak than
//! before, staging included, `device` likewise; both in bytes a cube.
//!
//! `refit` is the GPU's time for packing all cubes again, once they are where a wave takes them.

mod harness;

use std::{
    fs,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use harness::{Args, Result};
use rayon::prelude::*;
use vulkio::{
    Cubes, Gpu, GpuOptions, PackTimes, Renderer, RendererOptions,
    scene::{self, InstanceSource, Wave},
};

/// The goal for ten million cubes of the grid, on sixteen cores.
const GOAL: Duration = Duration::from_secs(1);
const SEED: u64 = 1;

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("scenes packed and uploaded", &gpu, &args);
    let counts = match harness::option("--count") {
        Some(count) => vec![count],
        None if args.quick => vec![100_000],
        None => vec![1_000_000, 10_000_000],
    };
    println!("{} threads; times in ms\n", rayon::current_num_threads());
    println!(
        "scene          cubes   cells of      ask    order    cells   upload   GB/s      all    host  device    refit"
    );
    for count in counts {
        row(&gpu, &args, "grid", count, || scene::grid(count))?;
        row(&gpu, &args, "block", count, || scene::block(count))?;
        row(&gpu, &args, "field", count, || scene::field(count, SEED))?;
        row(&gpu, &args, "city", count, || scene::city(count, SEED))?;
        row(&gpu, &args, "terrain", count, || scene::terrain(count, SEED))?;
    }
    println!("\nto be met on 16 cores: grid, 10,000,000 cubes, all in {} ms", GOAL.as_millis());
    block_on(gpu.close())?;
    Ok(())
}

fn row<S: InstanceSource>(gpu: &Gpu, args: &Args, name: &str, count: usize, source: impl Fn() -> S) -> Result {
    if !args.wants(name) {
        return Ok(());
    }
    let rounds = if args.quick || count > 10_000_000 { 1 } else { 5 };
    let mut runs = Vec::new();
    for _ in 0..rounds {
        runs.push(block_on(run(gpu, source()))?);
    }
    let ms = |of: &dyn Fn(&Run) -> Duration| {
        let mut times: Vec<_> = runs.iter().map(of).collect();
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    let (upload, per_cube) = (ms(&|run| run.times.upload), |bytes: u64| bytes as f64 / count as f64);
    let first = &runs[0];
    println!(
        "{name:<8} {count:>11} {:>10.1} {:>8.1} {:>8.1} {:>8.1} {upload:>8.1} {:>6.2} {:>8.1} {:>7.1} {:>7.1} {:>8.3}",
        count as f64 / first.cells as f64,
        ms(&|run| run.ask),
        ms(&|run| run.times.order),
        ms(&|run| run.times.cells),
        count as f64 * 16.0 / upload / 1e6,
        ms(&|run| run.all),
        per_cube(first.host_bytes),
        per_cube(first.device_bytes),
        ms(&|run| run.refit),
    );
    Ok(())
}

struct Run {
    ask: Duration,
    all: Duration,
    times: PackTimes,
    cells: usize,
    host_bytes: u64,
    device_bytes: u64,
    refit: Duration,
}

async fn run<S: InstanceSource>(gpu: &Gpu, source: S) -> Result<Run> {
    let ask = ask(&source);
    let (host, device) = (host_memory("VmRSS"), gpu.counters().device_bytes);
    forget_host_peak();
    let began = Instant::now();
    let cubes = Cubes::upload(gpu, source).await?;
    let all = began.elapsed();
    Ok(Run {
        ask,
        all,
        times: cubes.times(),
        cells: cubes.cell_count(),
        host_bytes: host_memory("VmHWM").saturating_sub(host),
        device_bytes: gpu.counters().device_bytes.saturating_sub(device),
        refit: refit(gpu, &cubes).await?,
    })
}

/// All cores make every cube, and look at it.
fn ask(source: &impl InstanceSource) -> Duration {
    let began = Instant::now();
    let seen =
        (0..source.len()).into_par_iter().map(|id| source.instance(id).color).reduce(|| 0, |one, other| one ^ other);
    std::hint::black_box(seen);
    began.elapsed()
}

/// The median of some refits; 0 where the device has no timestamps, or no room for the places.
async fn refit(gpu: &Gpu, cubes: &Cubes) -> Result<Duration> {
    let Ok(wave) = Wave::new(cubes, 2.0).await else { return Ok(Duration::ZERO) };
    let renderer = Renderer::with_options(gpu, [16, 16], RendererOptions::default().timestamps(true))?;
    let mut times = Vec::new();
    for round in 0..5 {
        let places = renderer.frame().await?;
        places.add(wave.at(f64::from(round)));
        places.submit().await?.await?;
        let frame = renderer.frame().await?;
        frame.add(cubes.refit(wave.places())?);
        times.push(frame.submit().await?.await?.gpu.unwrap_or_default());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// A line of the kernel's book about this process, in bytes; 0 on systems that keep none.
fn host_memory(name: &str) -> u64 {
    let book = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = book.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split_whitespace().next());
    line.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Makes the peak begin anew, where the kernel lets us.
fn forget_host_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}
