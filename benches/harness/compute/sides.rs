//! Small dispatches, `y = a x + y` over 64 KiB each, through vulkio and by hand: the same shader, with the same barriers.

use std::{future::IntoFuture, sync::Arc};

use futures::future::try_join_all;
use tokio::task::JoinSet;
use vulkio::{
    Gpu, GpuBuffer, GpuData, Graph,
    ash::{self, vk},
    compute::{Dispatch, Kernel},
};

use super::super::{
    Result,
    raw::{ByHand, HandPipeline, barrier},
};

const SHADER: &[u8] = include_bytes!("../../../shaders/spv/saxpy.comp.spv");
/// 64 KiB of floats.
pub(crate) const ELEMENTS: usize = 16 << 10;

/// Small enough that a sum of very many is exact.
fn element(i: usize) -> f32 {
    (i % 16) as f32
}

/// As in shaders/saxpy.comp.
#[derive(Clone, Copy, GpuData, bytemuck::Pod, bytemuck::Zeroable)]
#[role(storage)]
#[repr(C)]
struct Saxpy {
    x: u64,
    y: u64,
    a: f32,
    n: u32,
}

/// How vulkio's dispatches get to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A graph for each, submitted one after the other.
    Each,
    /// Awaited together, by one task.
    Together,
    /// Awaited each by a task of its own.
    Tasks,
    /// In one graph.
    Graph,
}

/// How they do by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandWay {
    /// A command buffer, a barrier and a `vkQueueSubmit2` for each.
    Each,
    /// One command buffer with one barrier, one `vkQueueSubmit2`.
    Batched,
}

/// What both sides run: dispatches that share what they read, and write each a buffer of its own.
pub(crate) struct Small {
    gpu: Gpu,
    kernel: Kernel<Saxpy>,
    x: GpuBuffer<f32>,
    ys: Vec<GpuBuffer<f32>>,
    hand: HandPipeline,
    hand_ys: Vec<GpuBuffer<f32>>,
}

impl Small {
    pub(crate) async fn new(gpu: &Gpu, most: usize) -> Result<Self> {
        let ys = async |name: &str| -> Result<Vec<GpuBuffer<f32>>> {
            let mut all = Vec::with_capacity(most);
            for i in 0..most {
                let y = gpu.buffer(&format!("{name} {i}"), ELEMENTS)?;
                gpu.upload(&y, 0, vec![0.0f32; ELEMENTS]).await?;
                all.push(y);
            }
            Ok(all)
        };
        let x = gpu.buffer("x", ELEMENTS)?;
        gpu.upload(&x, 0, (0..ELEMENTS).map(element).collect::<Vec<_>>()).await?.await?;
        let this = Self {
            kernel: gpu.kernel("saxpy", SHADER).await?,
            ys: ys("y").await?,
            hand: HandPipeline::compute(gpu, SHADER)?,
            hand_ys: ys("y by hand").await?,
            gpu: gpu.clone(),
            x,
        };
        // What was uploaded is shown to shaders by this.
        let look = Graph::new(gpu, "look");
        let pass =
            [&this.x].into_iter().chain(&this.hand_ys).fold(look.pass("look"), |pass, buffer| pass.reads(buffer));
        pass.record(|_| ());
        look.submit().await?.await?;
        Ok(this)
    }

    fn push(&self, y: &GpuBuffer<f32>) -> Saxpy {
        Saxpy { x: self.x.address(), y: y.address(), a: 1.0, n: ELEMENTS as u32 }
    }

    /// Number `i`.
    pub(crate) fn dispatch(&self, i: usize) -> Dispatch {
        let y = &self.ys[i];
        self.kernel.over(&self.push(y), [ELEMENTS as u32, 1, 1]).reads(&self.x).writes(y)
    }

    fn graph(&self, numbers: std::ops::Range<usize>) -> Graph {
        let graph = Graph::new(&self.gpu, "saxpy");
        numbers.for_each(|i| graph.add(self.dispatch(i)));
        graph
    }

    /// One, from declaring it to having it submitted: without whatever gathers dispatches.
    pub(crate) async fn submit_graph(&self) -> vulkio::Result<vulkio::Completion<Arc<vulkio::FrameStats>>> {
        self.graph(0..1).submit().await
    }

    /// Submits `count` of them, and waits for their completion.
    pub(crate) async fn run(self: &Arc<Self>, way: Way, count: usize) -> Result {
        match way {
            Way::Each => {
                let mut all = Vec::with_capacity(count);
                for i in 0..count {
                    all.push(self.graph(i..i + 1).submit().await?);
                }
                for done in all {
                    done.await?;
                }
            }
            Way::Together => {
                try_join_all((0..count).map(|i| self.dispatch(i).into_future())).await?;
            }
            Way::Tasks => {
                let mut tasks = JoinSet::new();
                for i in 0..count {
                    let this = Arc::clone(self);
                    tasks.spawn(async move { this.dispatch(i).await });
                }
                while let Some(done) = tasks.join_next().await {
                    done??;
                }
            }
            Way::Graph => {
                self.graph(0..count).submit().await?.await?;
            }
        }
        Ok(())
    }

    /// The same by hand.
    pub(crate) fn by_hand(&self, by_hand: &mut ByHand, way: HandWay, count: usize) -> Result {
        match way {
            HandWay::Each => {
                for i in 0..count {
                    by_hand.frame(|device, cmd| self.record(device, cmd, i..i + 1))?;
                }
            }
            HandWay::Batched => by_hand.frame(|device, cmd| self.record(device, cmd, 0..count))?,
        }
        Ok(by_hand.wait_for_all()?)
    }

    /// The barrier is for what was submitted before, which wrote the same.
    pub(crate) fn record(&self, device: &ash::Device, cmd: vk::CommandBuffer, numbers: std::ops::Range<usize>) {
        use vk::AccessFlags2 as A;
        let stage = vk::PipelineStageFlags2::COMPUTE_SHADER;
        // SAFETY: `cmd` is being recorded by this thread, outside of rendering; pipeline and buffers are alive.
        unsafe {
            let both = A::SHADER_STORAGE_READ | A::SHADER_STORAGE_WRITE;
            barrier(device, cmd, stage, A::SHADER_STORAGE_WRITE, both);
            device.cmd_bind_pipeline(cmd, vk::PipelineBindPoint::COMPUTE, self.hand.raw);
            for y in &self.hand_ys[numbers] {
                self.hand.push(cmd, &self.push(y));
                device.cmd_dispatch(cmd, ELEMENTS.div_ceil(256) as u32, 1, 1);
            }
        }
    }

    /// Whether each buffer holds as many times `x` as it was told to: `runs` of ours, `hand_runs` by hand.
    pub(crate) async fn check(&self, i: usize, runs: usize, hand_runs: usize) -> Result {
        for (y, runs) in [(&self.ys[i], runs), (&self.hand_ys[i], hand_runs)] {
            let now = self.gpu.read(y, ..).await?;
            let wrong = now.iter().enumerate().find(|&(at, &y)| y != element(at) * runs as f32);
            if let Some((at, value)) = wrong {
                return Err(format!("`{}`[{at}] is {value} after {runs} runs", y.name()).into());
            }
        }
        Ok(())
    }
}
