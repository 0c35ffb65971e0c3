//! What a run took: the table, and the same as JSON.

use std::{fmt::Write as _, io::Write as _, path::PathBuf, time::Duration};

use serde::Serialize;

/// The figures of a run; its fields are the JSON's keys. Totals are over the whole run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) device: String,
    pub(crate) cubes: usize,
    /// Kept by the last frame's cull.
    pub(crate) visible: usize,
    pub(crate) frames: u32,
    /// From the frame slot to the submit, a frame.
    pub(crate) cpu_ms: Option<Percentiles>,
    /// From the first command to the end of the last, a frame; none if the device has no timestamps.
    pub(crate) gpu_ms: Option<Percentiles>,
    pub(crate) draws: u64,
    pub(crate) dispatches: u64,
    pub(crate) barriers: u64,
    pub(crate) submits: u64,
    pub(crate) descriptor_writes: u64,
    pub(crate) device_allocations: u64,
    pub(crate) device_allocations_after_warmup: u64,
    pub(crate) command_pools: u64,
    pub(crate) peak_device_bytes: u64,
    #[serde(skip)]
    pub(crate) size: [u32; 2],
    #[serde(skip)]
    pub(crate) elapsed: Duration,
    #[serde(skip)]
    pub(crate) picture: PathBuf,
    #[serde(skip)]
    pub(crate) graph: Option<PathBuf>,
}

/// Of the frames' times, in milliseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Percentiles {
    pub p50: f64,
    pub p99: f64,
}

impl Percentiles {
    /// By nearest rank; none of nothing.
    pub(crate) fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        let rank = |share: f64| {
            let index = (share * times.len() as f64).ceil() as usize;
            times.get(index.saturating_sub(1)).map(|time| time.as_secs_f64() * 1e3)
        };
        Some(Self { p50: rank(0.50)?, p99: rank(0.99)? })
    }
}

impl Report {
    /// The table, on stdout.
    pub(crate) fn print(&self) {
        let mut text = String::new();
        let mut row = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<34}{value}");
        };
        let [width, height] = self.size;
        row("device", &self.device);
        row("cubes", &grouped(self.cubes as u64));
        row("visible in the last frame", &grouped(self.visible as u64));
        row("frames", &format!("{} of {width}x{height} in {:.1} s", self.frames, self.elapsed.as_secs_f64()));
        row("frame time, CPU", &times(self.cpu_ms));
        row("frame time, GPU", &times(self.gpu_ms));
        row("draws", &grouped(self.draws));
        row("dispatches", &grouped(self.dispatches));
        row("barriers", &grouped(self.barriers));
        row("submits", &grouped(self.submits));
        row("descriptor writes", &grouped(self.descriptor_writes));
        row("device allocations", &grouped(self.device_allocations));
        row("device allocations after warm-up", &grouped(self.device_allocations_after_warmup));
        row("command pools", &grouped(self.command_pools));
        row("peak device memory", &format!("{:.1} MiB", self.peak_device_bytes as f64 / f64::from(1 << 20)));
        row("picture", &self.picture.display());
        if let Some(graph) = &self.graph {
            row("graph", &graph.display());
        }
        // Nobody reading the table is no reason to fail.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// The JSON, with a newline at its end.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

fn times(times: Option<Percentiles>) -> String {
    match times {
        Some(Percentiles { p50, p99 }) => format!("median {p50:.2} ms, p99 {p99:.2} ms"),
        None => "not measured: the device has no timestamps".to_owned(),
    }
}

/// 1234567 as 1,234,567.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
