//! The run itself: upload, fly, read back.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use vulkio::{
    Completion, Cubes, DeviceKind, FrameStats, Gpu, GpuOptions, Plan, Renderer, RendererOptions, Validation,
    scene::{self, Flight},
};

use crate::{
    args::Args,
    graph,
    output::{Failure, Output},
    report::{Percentiles, Report},
};

/// Frames beyond those in flight after which nothing new should have to be allocated.
const WARMUP: u32 = 3;

/// What was asked for, or what suits the device.
struct Job {
    count: usize,
    size: [u32; 2],
}

impl Job {
    fn new(args: &Args, gpu: &Gpu) -> Self {
        let software = gpu.info().kind == DeviceKind::Cpu;
        Self {
            count: args.count.unwrap_or(if software { 100_000 } else { 1_000_000 }),
            size: args.size.unwrap_or(if software { [1280, 720] } else { [1920, 1080] }),
        }
    }
}

/// Everything from opening the device to the files on disk.
pub(crate) async fn fly(args: &Args) -> Result<Report, Failure> {
    let picture = Output::prepare(&args.out)?;
    let stats = args.stats.as_deref().map(Output::prepare).transpose()?;
    let graph = args.dump_graph.as_deref().map(Output::prepare).transpose()?;

    let mut options = GpuOptions::default();
    if let Some(device) = &args.device {
        options = options.device(device.clone());
    }
    if args.validate {
        options = options.validation(Validation::Strict);
    }
    let gpu = Gpu::open(options).await?;
    let (mut report, plan) = render(args, &gpu, &picture).await?;
    gpu.close().await?;
    let log = gpu.validation_log();
    // The device goes with its last handle, and what leaked is said then.
    drop(gpu);
    if let Some(first) = log.messages().first() {
        return Err(Failure::new(format!("Vulkan validation, {} messages; the first: {first}", log.count())));
    }

    if let Some(stats) = stats {
        stats.write(report.json()?.as_bytes())?;
    }
    if let (Some(graph), Some(plan), Some(path)) = (graph, plan, &args.dump_graph) {
        graph.write(graph::in_format_of(path, &plan).as_bytes())?;
        report.graph = Some(path.clone());
    }
    picture.finish()?;
    Ok(report)
}

/// The figures, and the last frame's plan if it was asked for.
async fn render(args: &Args, gpu: &Gpu, picture: &Output) -> Result<(Report, Option<Plan>), Failure> {
    let began = Instant::now();
    let Job { count, size } = Job::new(args, gpu);
    let frames = args.frames;
    let mut options = RendererOptions::default().frames_in_flight(args.frames_in_flight).timestamps(true);
    options.workers = args.workers;
    let renderer = Renderer::with_options(gpu, size, options)?;
    let cubes = Cubes::upload(gpu, scene::grid(count)).await?;

    let mut times = Times::new(frames, args.frames_in_flight);
    let flight = Flight::around(cubes.bounds(), args.seed);
    let aspect = size[0] as f32 / size[1] as f32;
    let warm_after = (args.frames_in_flight as u32 + WARMUP).min(frames);
    let mut warm = gpu.counters();
    let mut plan = None;
    for i in 1..=frames {
        let camera = flight.camera(i as f32 / frames as f32, aspect);
        let frame = renderer.frame().await?;
        let granted = Instant::now();
        frame.add(cubes.cull(camera));
        frame.add(cubes.draw(camera, frame.target()));
        if i == frames && args.dump_graph.is_some() {
            plan = Some(frame.plan()?);
        }
        let done = frame.submit().await?;
        times.submitted(granted.elapsed(), done).await?;
        if i == warm_after {
            warm = gpu.counters();
        }
    }
    let (cpu, on_gpu) = times.finish().await?;
    let steady = gpu.counters();

    let visible = cubes.visible_count().await?;
    renderer.capture().await?.save_png(picture.writing_path()).await?;
    let total = gpu.counters();
    let report = Report {
        device: gpu.info().name.clone(),
        cubes: count,
        visible,
        frames,
        cpu_ms: Percentiles::of(cpu),
        gpu_ms: Percentiles::of(on_gpu),
        draws: total.draws,
        dispatches: total.dispatches,
        barriers: total.barriers,
        submits: total.submits,
        descriptor_writes: total.descriptor_writes,
        device_allocations: total.device_allocations,
        device_allocations_after_warmup: steady.device_allocations - warm.device_allocations,
        command_pools: total.command_pools,
        peak_device_bytes: total.peak_device_bytes,
        size,
        elapsed: began.elapsed(),
        picture: picture.path().to_owned(),
        graph: None,
    };
    Ok((report, plan))
}

/// The frames' times, and the frames that are on their way.
struct Times {
    pending: VecDeque<Completion<Arc<FrameStats>>>,
    in_flight: usize,
    cpu: Vec<Duration>,
    gpu: Vec<Duration>,
    bar: ProgressBar,
}

impl Times {
    fn new(frames: u32, in_flight: usize) -> Self {
        // On stderr, and only if that is a terminal.
        let bar = ProgressBar::new(frames.into());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} frames, {eta} left") {
            bar.set_style(style);
        }
        Self { pending: VecDeque::new(), in_flight, cpu: Vec::new(), gpu: Vec::new(), bar }
    }

    /// Notes a submitted frame, and waits for the oldest once all slots are taken.
    async fn submitted(&mut self, cpu: Duration, done: Completion<Arc<FrameStats>>) -> Result<(), Failure> {
        self.cpu.push(cpu);
        self.pending.push_back(done);
        while self.pending.len() > self.in_flight {
            self.oldest().await?;
        }
        Ok(())
    }

    async fn oldest(&mut self) -> Result<(), Failure> {
        if let Some(done) = self.pending.pop_front() {
            self.gpu.extend(done.await?.gpu);
            self.bar.inc(1);
        }
        Ok(())
    }

    /// Waits for the rest; the CPU and the GPU time of each frame.
    async fn finish(mut self) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
        while !self.pending.is_empty() {
            self.oldest().await?;
        }
        self.bar.finish_and_clear();
        Ok((std::mem::take(&mut self.cpu), std::mem::take(&mut self.gpu)))
    }
}

/// A failed run does not leave half a bar on the terminal.
impl Drop for Times {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
