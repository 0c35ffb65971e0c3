//! What frames take, as one wants to read it over the picture.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use vulkio::{Completion, FrameStats};

use crate::report::Percentiles;

/// Frames that the figures are of.
const WINDOW: usize = 120;

/// The last frames' figures.
#[derive(Default)]
pub(crate) struct Figures {
    /// Frames drawn.
    pub(crate) frames: u64,
    between: Recent,
    cpu: Recent,
    gpu: Recent,
    pending: VecDeque<Completion<Arc<FrameStats>>>,
    drawn: Option<Instant>,
    /// Of the last frame that is complete.
    pub(crate) last: Option<Arc<FrameStats>>,
}

/// The last few times.
#[derive(Default)]
struct Recent(VecDeque<Duration>);

impl Recent {
    fn add(&mut self, time: Duration) {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(time);
    }

    fn percentiles(&self) -> Option<Percentiles> {
        Percentiles::of(self.0.iter().copied().collect())
    }
}

impl Figures {
    /// A frame was submitted, `cpu` after its slot was there.
    pub(crate) fn submitted(&mut self, cpu: Duration, done: Completion<Arc<FrameStats>>) {
        let now = Instant::now();
        if let Some(before) = self.drawn.replace(now) {
            self.between.add(now - before);
        }
        self.cpu.add(cpu);
        self.frames += 1;
        self.pending.push_back(done);
        self.collect();
    }

    /// After a pause the time since the last frame says nothing.
    pub(crate) fn paused(&mut self) {
        self.drawn = None;
    }

    /// Looks which frames are complete; those that failed are told by the next.
    fn collect(&mut self) {
        while let Some(done) = self.pending.front() {
            match done.clone().now_or_never() {
                None => break,
                Some(stats) => {
                    self.pending.pop_front();
                    if let Ok(stats) = stats {
                        stats.gpu.into_iter().for_each(|time| self.gpu.add(time));
                        self.last = Some(stats);
                    }
                }
            }
        }
    }

    /// From a frame to the next, on the CPU, and on the GPU.
    pub(crate) fn times(&self) -> [Option<Percentiles>; 3] {
        [&self.between, &self.cpu, &self.gpu].map(Recent::percentiles)
    }
}
