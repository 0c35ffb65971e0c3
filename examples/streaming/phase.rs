//! A phase: frames, each with its own upload of every cube, for some seconds.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;
use vulkio::{
    Completion, Cubes, FrameStats, Gpu, Graph, Renderer, RendererOptions, Result, Streamed, View, ViewOptions,
    scene::{Camera, Instance},
};

use crate::{args::Job, load::Load, motion::Motion, pace::Pace};

/// Frames before the figures begin: memory is made, and plans.
const WARM_UP: usize = 8;

/// What is drawn, and with what.
pub(crate) struct Stage {
    pub(crate) renderer: Renderer,
    gpu: Gpu,
    motion: Motion,
    cubes: Cubes,
    view: View,
    places: Streamed<Instance>,
    job: Job,
}

/// The figures of a phase.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) elapsed: Duration,
    /// From the moment that a frame's turn came to its completion on the GPU.
    pub(crate) frames: Vec<Duration>,
    /// From one completion to the next.
    pub(crate) intervals: Vec<Duration>,
    /// The GPU's part of it, where the device says.
    pub(crate) on_gpu: Vec<Duration>,
    /// From asking for the upload of the cubes to having it submitted.
    pub(crate) uploads: Vec<Duration>,
    pub(crate) missed: u64,
    pub(crate) visible: usize,
    pub(crate) frame_bytes: u64,
    pub(crate) load_bytes: u64,
}

/// A frame on its way, looked at by a task of its own.
struct Seen {
    at: Instant,
    took: Duration,
    stats: Arc<FrameStats>,
}

impl Stage {
    pub(crate) async fn new(gpu: &Gpu, job: Job) -> Result<Self> {
        let renderer = Renderer::with_options(gpu, job.size, RendererOptions::default().timestamps(true))?;
        let motion = Motion::new(job.cubes);
        let cubes = Cubes::upload(gpu, motion.scene()).await?;
        let view = cubes.view(job.size, ViewOptions::default()).await?;
        let places = renderer.streamed("places", job.cubes)?;
        Ok(Self { renderer, gpu: gpu.clone(), motion, cubes, view, places, job })
    }

    /// Frames for as long as a phase lasts, beside the load if there is one.
    pub(crate) async fn phase(&self, load: Option<&Load>) -> Result<Figures> {
        for frame in 0..WARM_UP {
            self.frame(frame as f64 * 0.01).await?.1.await?;
        }
        let (began, mut pace) = (Instant::now(), Pace::new(self.job.fps));
        let loaded = load.map_or(0, Load::bytes);
        let (mut figures, mut seen) = (Figures::default(), JoinSet::new());
        while began.elapsed().as_secs_f64() < self.job.seconds {
            let turn = pace.turn().await;
            let (upload, done) = self.frame(turn.duration_since(began).as_secs_f64()).await?;
            figures.uploads.push(upload);
            seen.spawn(see(turn, done));
        }
        let seen = seen.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        figures.elapsed = began.elapsed();
        figures.load_bytes = load.map_or(0, Load::bytes) - loaded;
        figures.frame_bytes = (seen.len() * self.job.cubes * size_of::<Instance>()) as u64;
        figures.missed = pace.missed;
        figures.add(seen);
        figures.visible = self.visible(began.elapsed().as_secs_f64()).await?;
        Ok(figures)
    }

    /// How many cubes are in the camera's sight where they are now.
    async fn visible(&self, time: f64) -> Result<usize> {
        let graph = Graph::new(&self.gpu, "count");
        graph.add(self.cubes.cull(self.camera(time)));
        graph.submit().await?;
        self.cubes.visible_count().await
    }

    fn camera(&self, time: f64) -> Camera {
        let [width, height] = self.job.size;
        self.motion.camera(time, width as f32 / height as f32)
    }

    /// One frame: the cubes' places at `time` are uploaded, packed and drawn. How long the upload took to be submitted.
    async fn frame(&self, time: f64) -> Result<(Duration, Completion<Arc<FrameStats>>)> {
        let began = Instant::now();
        let places = self.places.update(self.motion.at(time)).await?;
        let upload = began.elapsed();

        let frame = self.renderer.frame().await?;
        frame.add(self.cubes.refit(&places)?);
        frame.add(self.view.draw(self.camera(time), frame.target()));
        Ok((upload, frame.submit().await?))
    }
}

async fn see(turn: Instant, done: Completion<Arc<FrameStats>>) -> Result<Seen> {
    let stats = done.await?;
    let at = Instant::now();
    Ok(Seen { at, took: at.duration_since(turn), stats })
}

impl Figures {
    fn add(&mut self, mut seen: Vec<Seen>) {
        seen.sort_by_key(|seen| seen.at);
        self.frames = seen.iter().map(|seen| seen.took).collect();
        self.intervals = seen.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        self.on_gpu = seen.iter().filter_map(|seen| seen.stats.gpu).collect();
    }
}
