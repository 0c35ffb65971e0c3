//! The run itself: upload, fly, read back.

use std::time::Instant;

use vulkio::{
    CounterSnapshot, Cubes, DeviceKind, Gpu, Graph, Plan, RasterPath, Renderer, View,
    scene::{Camera, Flight, Wave},
};

use crate::{
    args::{Args, Switch},
    camera,
    dump::Dump,
    graph,
    output::{self, Failure, Output},
    report::{Percentiles, Report},
    scene::{self, Uploaded},
    settings::Settings,
    times::Times,
};

/// Frames of a run that does not say.
const FRAMES: u32 = 120;
/// Frames beyond those in flight after which nothing new should have to be allocated.
const WARMUP: u32 = 3;
/// How high cubes rise with `--animate`, in world units: the edge of most scenes' cubes.
pub(crate) const WAVE_HEIGHT: f32 = 1.0;
/// Seconds from a frame to the next.
const WAVE_STEP: f64 = 0.06;

/// What was asked for, or what suits the device.
struct Job {
    count: usize,
    size: [u32; 2],
    frames: u32,
}

impl Job {
    fn new(args: &Args, settings: &Settings, gpu: &Gpu) -> Self {
        let software = gpu.info().kind == DeviceKind::Cpu;
        Self {
            count: args.count_on(gpu),
            size: settings.size.unwrap_or(if software { [1280, 720] } else { [1920, 1080] }),
            frames: args.frames.unwrap_or(FRAMES),
        }
    }
}

/// Everything from opening the device to the files on disk.
pub(crate) async fn fly(args: &Args, settings: &Settings) -> Result<Report, Failure> {
    let picture = Output::prepare(args.picture())?;
    let stats = args.stats.as_deref().map(Output::prepare).transpose()?;
    let graph = args.dump_graph.as_deref().map(Output::prepare).transpose()?;
    let dump = args.dump.as_deref().map(Dump::prepare).transpose()?;

    let gpu = Gpu::open(settings.gpu_options(args)).await?;
    let (mut report, plan) = render(args, settings, &gpu, &picture, dump.as_ref()).await?;
    gpu.close().await?;
    let log = gpu.validation_log();
    // The device goes with its last handle, and what leaked is said then.
    drop(gpu);
    output::silent(&log)?;

    if let Some(stats) = stats {
        stats.write(crate::table::json(&report)?.as_bytes())?;
    }
    if let (Some(graph), Some(plan), Some(path)) = (graph, plan, &args.dump_graph) {
        graph.write(graph::in_format_of(path, &plan).as_bytes())?;
        report.graph = Some(path.clone());
    }
    if let (Some(dump), Some(folder)) = (dump, &args.dump) {
        dump.finish()?;
        report.dump = Some(folder.clone());
    }
    picture.finish()?;
    Ok(report)
}

/// The figures, and the last frame's plan if it was asked for.
async fn render(
    args: &Args,
    settings: &Settings,
    gpu: &Gpu,
    picture: &Output,
    dump: Option<&Dump>,
) -> Result<(Report, Option<Plan>), Failure> {
    let began = Instant::now();
    let Job { count, size, frames } = Job::new(args, settings, gpu);
    let path = Path::new(args, size)?;
    let renderer = Renderer::with_options(gpu, size, settings.renderer_options())?;
    let uploaded = scene::upload(args, gpu, count).await?;
    let cubes = &uploaded.cubes;
    let view = cubes.view(size, args.view_options().samples(settings.samples)).await?;
    let wave = if args.animate { Some(Wave::new(cubes, WAVE_HEIGHT).await?) } else { None };

    let subject = Subject { cubes, view: &view, path: path.around(cubes), wave: wave.as_ref(), frames };
    let flown = draw(args, gpu, &renderer, &subject).await?;
    renderer.capture().await?.save_png(picture.writing_path()).await?;
    // What follows only looks at the last frame.
    let total = gpu.counters();
    let visible = visible(gpu, cubes, flown.camera).await?;
    if let Some(dump) = dump {
        dump.write(cubes, &view, &flown.camera).await?;
    }
    let report = report(args, gpu, &uploaded, &view, &flown, total);
    let report = Report {
        msaa: settings.samples,
        frames,
        visible,
        size,
        elapsed: began.elapsed(),
        picture: picture.path().to_owned(),
        ..report
    };
    Ok((report, flown.plan))
}

/// Where the camera is in each frame.
enum Path {
    Fixed(Camera),
    Around { seed: u64, aspect: f32 },
}

impl Path {
    fn new(args: &Args, size: [u32; 2]) -> Result<Self, Failure> {
        let aspect = size[0] as f32 / size[1] as f32;
        Ok(match &args.camera {
            Some(file) => Self::Fixed(camera::read(file)?.camera(aspect)),
            None => Self::Around { seed: args.seed, aspect },
        })
    }

    /// The camera at a time from 0 to 1.
    fn around(self, cubes: &Cubes) -> impl Fn(f32) -> Camera {
        let bounds = cubes.bounds();
        move |time| match self {
            Self::Fixed(camera) => camera,
            Self::Around { seed, aspect } => Flight::around(bounds, seed).camera(time, aspect),
        }
    }
}

/// What is drawn.
struct Subject<'a, P> {
    cubes: &'a Cubes,
    view: &'a View,
    path: P,
    wave: Option<&'a Wave>,
    frames: u32,
}

/// What all frames took, and the last one's camera and plan.
struct Flown {
    camera: Camera,
    times: [Option<Percentiles>; 2],
    plan: Option<Plan>,
    allocations_after_warmup: u64,
}

/// Draws all frames, and waits for them.
async fn draw<P: Fn(f32) -> Camera>(
    args: &Args,
    gpu: &Gpu,
    renderer: &Renderer,
    subject: &Subject<'_, P>,
) -> Result<Flown, Failure> {
    let (frames, in_flight) = (subject.frames, renderer.frames_in_flight());
    let mut times = Times::new(frames, in_flight);
    let warm_after = (in_flight as u32 + WARMUP).min(frames);
    let mut warm = gpu.counters();
    let mut plan = None;
    for i in 1..=frames {
        let camera = (subject.path)(i as f32 / frames as f32);
        let frame = renderer.frame().await?;
        let granted = Instant::now();
        if let Some(wave) = subject.wave {
            frame.add(wave.at(f64::from(i) * WAVE_STEP));
            frame.add(subject.cubes.refit(wave.places())?);
        }
        frame.add(subject.view.draw(camera, frame.target()));
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
    let allocations_after_warmup = gpu.counters().device_allocations - warm.device_allocations;
    let times = [cpu, on_gpu].map(Percentiles::of);
    Ok(Flown { camera: (subject.path)(1.0), times, plan, allocations_after_warmup })
}

/// How many cubes a cull keeps.
async fn visible(gpu: &Gpu, cubes: &Cubes, camera: Camera) -> Result<usize, Failure> {
    let graph = Graph::new(gpu, "visible");
    graph.add(cubes.cull(camera));
    graph.submit().await?;
    Ok(cubes.visible_count().await?)
}

/// The figures but those of the whole run.
fn report(args: &Args, gpu: &Gpu, uploaded: &Uploaded, view: &View, flown: &Flown, total: CounterSnapshot) -> Report {
    let [cpu_ms, gpu_ms] = flown.times;
    let cubes = uploaded.cubes.count();
    Report {
        device: gpu.info().name.clone(),
        scene: uploaded.name.clone(),
        path: name_of(view.path()),
        lod: args.lod == Switch::On,
        msaa: 0,
        cubes,
        most_cubes: Cubes::most(gpu),
        visible: 0,
        frames: 0,
        cpu_ms,
        gpu_ms,
        read_seconds: uploaded.read_seconds,
        pack_seconds: uploaded.pack_seconds,
        upload_seconds: uploaded.upload_seconds,
        draws: total.draws,
        dispatches: total.dispatches,
        barriers: total.barriers,
        submits: total.submits,
        descriptor_writes: total.descriptor_writes,
        device_allocations: total.device_allocations,
        device_allocations_after_warmup: flown.allocations_after_warmup,
        command_pools: total.command_pools,
        peak_device_bytes: total.peak_device_bytes,
        peak_bytes_per_cube: total.peak_device_bytes as f64 / cubes as f64,
        size: [0; 2],
        elapsed: Default::default(),
        picture: Default::default(),
        graph: None,
        dump: None,
    }
}

pub(crate) fn name_of(path: RasterPath) -> &'static str {
    match path {
        RasterPath::Auto => "auto",
        RasterPath::Hardware => "hardware",
        RasterPath::Compute => "compute",
    }
}
