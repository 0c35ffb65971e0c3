//! What a window's life took: the table, and the same as JSON.

use std::{fmt::Write as _, io::Write as _};

use serde::Serialize;

use crate::report::{Percentiles, grouped, times};

/// Its fields are the JSON's keys.
#[derive(Serialize)]
pub(crate) struct Summary {
    pub(crate) device: String,
    pub(crate) scene: String,
    pub(crate) path: &'static str,
    pub(crate) cubes: usize,
    /// Frames submitted.
    pub(crate) frames: u64,
    /// Of these, shown, and not shown.
    pub(crate) presented: u64,
    pub(crate) dropped: u64,
    pub(crate) swapchains: u64,
    pub(crate) present_mode: String,
    pub(crate) size: [u32; 2],
    /// Of the last frames: from one to the next, from its slot to its submit, and on the GPU.
    pub(crate) frame_ms: Option<Percentiles>,
    pub(crate) cpu_ms: Option<Percentiles>,
    pub(crate) gpu_ms: Option<Percentiles>,
    pub(crate) descriptor_writes: u64,
    pub(crate) peak_device_bytes: u64,
}

impl Summary {
    /// The table, on stdout.
    pub(crate) fn print(&self) {
        let mut text = String::new();
        let mut row = |name: &str, value: &dyn std::fmt::Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<34}{value}");
        };
        let [width, height] = self.size;
        row("device", &self.device);
        row("scene", &format!("{}, {} cubes, path {}", self.scene, grouped(self.cubes as u64), self.path));
        if self.frames == 0 {
            row("frames", &"none: the window was closed before");
            let _ = std::io::stdout().write_all(text.as_bytes());
            return;
        }
        row("window", &format!("{width}x{height}, {}, swapchains: {}", self.present_mode, self.swapchains));
        let frames = [self.frames, self.presented, self.dropped].map(grouped);
        row("frames", &format!("{}, {} shown, {} dropped", frames[0], frames[1], frames[2]));
        row("from frame to frame", &times(self.frame_ms));
        row("frame time, CPU", &times(self.cpu_ms));
        row("frame time, GPU", &times(self.gpu_ms));
        row("descriptor writes", &grouped(self.descriptor_writes));
        row("peak device memory", &format!("{:.1} MiB", self.peak_device_bytes as f64 / f64::from(1 << 20)));
        // Nobody reading the table is no reason to fail.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    /// The JSON, with a newline at its end.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}
