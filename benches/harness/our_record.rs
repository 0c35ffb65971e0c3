//! A frame of many draws recorded through vulkio, on a tokio runtime of so many workers.

use std::{
    hint,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};
use vulkio::{Completion, FrameStats, Gpu, GraphicsDesc, GraphicsPipeline, Renderer, RendererOptions};

use super::{
    Result,
    draws::{Constants, FORMAT, FRAGMENT, SIZE, VERTEX},
};

type Done = Completion<Arc<FrameStats>>;

/// How the pass is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `parallel`: in pieces, which run on the workers.
    Parallel,
    /// `record`: in one piece.
    Record,
}

/// Records through vulkio, with so many workers.
pub(crate) struct OurRecord {
    runtime: Runtime,
    workers: usize,
    scene: Scene,
}

#[derive(Clone)]
struct Scene {
    renderer: Renderer,
    pipeline: GraphicsPipeline,
}

impl OurRecord {
    pub(crate) fn new(gpu: &Gpu, workers: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
        let options = RendererOptions::default().workers(workers).runtime(runtime.handle().clone()).timestamps(false);
        let desc = GraphicsDesc::new("draws", VERTEX, FRAGMENT).color(FORMAT);
        let scene = Scene {
            renderer: Renderer::with_options(gpu, [SIZE, SIZE], options)?,
            pipeline: runtime.block_on(gpu.graphics_pipeline(desc))?,
        };
        Ok(Self { runtime, workers, scene })
    }

    /// One frame, from `frame.pass` to its commit. Runs in a task, as a program's frames do; returns when the device is
    /// done with it, which is not part of the time.
    pub(crate) fn frame<C: Constants>(&self, how: How, draws: usize, constants: C, warm: bool) -> Result<Duration> {
        let (scene, workers) = (self.scene.clone(), self.workers);
        let frame = self.runtime.spawn(async move {
            if warm {
                rouse(workers).await?;
            }
            let (took, done) = scene.frame(how, draws, constants).await?;
            done.await?;
            Ok(took)
        });
        self.runtime.block_on(frame)?
    }

    /// One frame that nobody waits for, up to its commit.
    pub(crate) fn commit<C: Constants>(&self, how: How, draws: usize, constants: C) -> Result {
        let scene = self.scene.clone();
        let frame = self.runtime.spawn(async move { scene.frame(how, draws, constants).await.map(drop) });
        self.runtime.block_on(frame)?
    }
}

impl Scene {
    async fn frame<C: Constants>(&self, how: How, draws: usize, constants: C) -> Result<(Duration, Done)> {
        let frame = self.renderer.frame().await?;
        let pipeline = self.pipeline.clone();
        let start = Instant::now();
        let pass = frame.pass("draws").renders(frame.target().clear([0.0; 4]));
        let record = move |cmd: &mut vulkio::Encoder<'_>, range: std::ops::Range<usize>| {
            cmd.bind(&pipeline);
            for draw in range {
                cmd.push(&constants.of(draw)).draw(0..3, 0..1);
            }
        };
        match how {
            How::Parallel => {
                pass.parallel(draws, record);
            }
            How::Record => {
                pass.record(move |cmd| record(cmd, 0..draws));
            }
        }
        let done = frame.submit().await?;
        Ok((start.elapsed(), done))
    }
}

/// Gives every worker something to do, so that none has slept for long when the clock starts.
async fn rouse(workers: usize) -> Result {
    let tasks: Vec<_> = (0..workers).map(|_| tokio::spawn(async { busy(Duration::from_micros(10)) })).collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}

fn busy(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}
