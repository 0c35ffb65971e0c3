//! Submissions that keep the device busy for a chosen time, through vulkio and by hand.

use std::time::{Duration, Instant};

use vulkio::{
    Completion, ComputePipeline, FrameStats, Gpu, GpuBuffer, Graph,
    ash::{self, vk},
};

use super::{
    Result,
    pairs::quantile,
    raw::{ByHand, HandPipeline, barrier},
};

const SHADER: &[u8] = include_bytes!("../../shaders/spv/bench_spin.comp.spv");

/// As in shaders/bench_spin.comp.
#[repr(C, packed(4))]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Push {
    words: u64,
    rounds: u32,
}

/// One dispatch of one invocation that counts to `rounds`.
pub(crate) struct Spin {
    gpu: Gpu,
    pipeline: ComputePipeline,
    by_hand: HandPipeline,
    words: GpuBuffer<u32>,
    hand_words: GpuBuffer<u32>,
}

impl Spin {
    pub(crate) async fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self {
            gpu: gpu.clone(),
            pipeline: gpu.compute_pipeline("spin", SHADER).await?,
            by_hand: HandPipeline::compute(gpu, SHADER)?,
            words: gpu.buffer("words", 16)?,
            hand_words: gpu.buffer("words by hand", 16)?,
        })
    }

    /// Submitted through vulkio.
    pub(crate) async fn submit(&self, rounds: u32) -> vulkio::Result<Completion<std::sync::Arc<FrameStats>>> {
        let graph = Graph::new(&self.gpu, "spin");
        let (pipeline, push) = (self.pipeline.clone(), Push { words: self.words.address(), rounds });
        graph.pass("spin").writes(&self.words).record(move |cmd| {
            cmd.bind(&pipeline).push(&push).dispatch([1, 1, 1]);
        });
        graph.submit().await
    }

    /// The same commands by hand. The barrier is the one that vulkio works out: the submission before it wrote, too.
    pub(crate) fn record(&self, device: &ash::Device, cmd: vk::CommandBuffer, rounds: u32) {
        use vk::AccessFlags2 as A;
        let stage = vk::PipelineStageFlags2::COMPUTE_SHADER;
        // SAFETY: `cmd` is being recorded by this thread, outside of rendering; pipeline and buffer are alive.
        unsafe {
            let both = A::SHADER_STORAGE_READ | A::SHADER_STORAGE_WRITE;
            barrier(device, cmd, stage, A::SHADER_STORAGE_WRITE, both);
            device.cmd_bind_pipeline(cmd, vk::PipelineBindPoint::COMPUTE, self.by_hand.raw);
            self.by_hand.push(cmd, &Push { words: self.hand_words.address(), rounds });
            device.cmd_dispatch(cmd, 1, 1, 1);
        }
    }

    /// The rounds that take `time`, and the time that they take when tried: what a blocking wait takes longer than it
    /// takes for none.
    pub(crate) fn calibrate(&self, by_hand: &mut ByHand, time: Duration) -> Result<(u32, Duration)> {
        let wanted = time.as_secs_f64() * 1e6;
        let mut rounds = 10_000;
        for _ in 0..8 {
            // Again and again: a GPU that was idle takes a while to reach its clock, and small counts drown in noise.
            let took = self.took(by_hand, rounds)?;
            let scale = if took > 0.1 * wanted { wanted / took } else { 8.0 };
            rounds = ((f64::from(rounds) * scale) as u32).max(100);
        }
        Ok((rounds, Duration::from_secs_f64(self.took(by_hand, rounds)? / 1e6)))
    }

    /// Microseconds that `rounds` take.
    fn took(&self, by_hand: &mut ByHand, rounds: u32) -> Result<f64> {
        let (mut none, mut some) = (Vec::new(), Vec::new());
        for _ in 0..60 {
            none.push(self.blocking(by_hand, 0)?);
            some.push(self.blocking(by_hand, rounds)?);
        }
        Ok(quantile(&some, 0.5) - quantile(&none, 0.5))
    }

    fn blocking(&self, by_hand: &mut ByHand, rounds: u32) -> Result<f64> {
        let start = Instant::now();
        by_hand.frame(|device, cmd| self.record(device, cmd, rounds))?;
        by_hand.wait_for_all()?;
        Ok(start.elapsed().as_secs_f64() * 1e6)
    }
}
