//! What a frame did, counted where it happened.

use std::{fmt, time::Duration};

/// Figures of one submitted graph or frame, complete on the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FrameStats {
    /// CPU time spent in recording passes, summed over the threads that recorded.
    pub recording: Duration,
    /// GPU time from the first command to the end of the last, where timestamps are on
    /// ([`RendererOptions::timestamps`](crate::RendererOptions)) and the queue has them. On several queues: on the one that
    /// took longest.
    pub gpu: Option<Duration>,
    /// Passes recorded.
    pub passes: u32,
    /// Passes left out, because nobody reads what they write.
    pub culled: u32,
    /// Recording tasks.
    pub tasks: u32,
    /// Draw commands.
    pub draws: u64,
    /// Dispatch commands.
    pub dispatches: u64,
    /// `vkCmdPipelineBarrier2` calls, the one worked out at commit included.
    pub barriers: u64,
    /// `vkQueueSubmit2` calls made for it: 0 if it went out in one call with the frame before it.
    pub submits: u64,
}

impl FrameStats {
    /// Barrier calls for each dispatch; 0 if there were no dispatches.
    #[must_use]
    pub fn barriers_per_dispatch(&self) -> f64 {
        if self.dispatches == 0 { 0.0 } else { self.barriers as f64 / self.dispatches as f64 }
    }
}

impl fmt::Display for FrameStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { recording, passes, draws, dispatches, barriers, submits, .. } = *self;
        write!(f, "{} recorded in {recording:.1?}: ", Count(passes.into(), "pass", "passes"))?;
        write!(f, "{}, {}, ", Count(draws, "draw", "draws"), Count(dispatches, "dispatch", "dispatches"))?;
        write!(f, "{}, {}", Count(barriers, "barrier", "barriers"), Count(submits, "submit", "submits"))?;
        match self.gpu {
            Some(gpu) => write!(f, "; {gpu:.1?} on the GPU"),
            None => Ok(()),
        }
    }
}

/// A number with its noun.
struct Count(u64, &'static str, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { self.1 } else { self.2 })
    }
}
