//! How long frames take, and how far they are.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use vulkio::{Completion, FrameStats};

use crate::output::Failure;

/// The frames' times, and the frames that are on their way.
pub(crate) struct Times {
    pending: VecDeque<Completion<Arc<FrameStats>>>,
    in_flight: usize,
    cpu: Vec<Duration>,
    gpu: Vec<Duration>,
    bar: ProgressBar,
}

impl Times {
    pub(crate) fn new(frames: u32, in_flight: usize) -> Self {
        // On stderr, and only if that is a terminal.
        let bar = ProgressBar::new(frames.into());
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} frames, {eta} left") {
            bar.set_style(style);
        }
        Self { pending: VecDeque::new(), in_flight, cpu: Vec::new(), gpu: Vec::new(), bar }
    }

    /// Notes a submitted frame, and waits for the oldest once all slots are taken.
    pub(crate) async fn submitted(&mut self, cpu: Duration, done: Completion<Arc<FrameStats>>) -> Result<(), Failure> {
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
    pub(crate) async fn finish(mut self) -> Result<(Vec<Duration>, Vec<Duration>), Failure> {
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
