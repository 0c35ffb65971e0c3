//! When a frame's turn comes.

use std::time::{Duration, Instant};

/// Timers of tokio are this coarse, and a little more; the rest is waited for by looking at the clock.
const COARSE: Duration = Duration::from_micros(1500);

/// A turn every so often, or at once.
pub(crate) struct Pace {
    period: Option<Duration>,
    due: Instant,
    /// Turns that were left out because the frame before came more than one late.
    pub(crate) missed: u64,
}

impl Pace {
    pub(crate) fn new(fps: Option<f64>) -> Self {
        let period = fps.map(|fps| Duration::from_secs_f64(1.0 / fps));
        Self { period, due: Instant::now(), missed: 0 }
    }

    /// Waits for the next turn; when it was due.
    pub(crate) async fn turn(&mut self) -> Instant {
        let Some(period) = self.period else { return Instant::now() };
        self.due += period;
        let late = self.due.elapsed();
        if late > period {
            let turns = late.div_duration_f64(period) as u32;
            self.missed += u64::from(turns);
            self.due += period * turns;
        }
        let left = self.due.saturating_duration_since(Instant::now());
        if left > COARSE {
            tokio::time::sleep(left - COARSE).await;
        }
        while Instant::now() < self.due {
            tokio::task::yield_now().await;
        }
        self.due
    }
}
