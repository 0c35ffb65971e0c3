//! What a window's life took: the table, and the same as JSON.

use serde::Serialize;

use crate::{
    report::Percentiles,
    table::{NO_TIMESTAMPS, Table, grouped, mebibytes, times},
};

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
    #[serde(skip)]
    pub(crate) has_timestamps: bool,
}

impl Summary {
    /// The table, on stdout.
    pub(crate) fn print(&self) {
        let mut table = Table::default();
        let [width, height] = self.size;
        table.row("device", &self.device);
        table.row("scene", format!("{}, {} cubes, path {}", self.scene, grouped(self.cubes as u64), self.path));
        if self.frames == 0 {
            table.row("frames", "none: the window was closed before");
            return table.print();
        }
        table.row("window", format!("{width}x{height}, {}, swapchains: {}", self.present_mode, self.swapchains));
        // What was on its way when the window was closed is left out as well.
        let frames = [self.frames, self.presented, self.frames.saturating_sub(self.presented)].map(grouped);
        table.row("frames", format!("{}, {} shown, {} left out", frames[0], frames[1], frames[2]));
        table.row("from frame to frame", times(self.frame_ms, "there was one frame"));
        table.row("frame time, CPU", times(self.cpu_ms, "no frame was submitted"));
        let no_gpu = if self.has_timestamps { "no frame was complete" } else { NO_TIMESTAMPS };
        table.row("frame time, GPU", times(self.gpu_ms, no_gpu));
        table.row("descriptor writes", grouped(self.descriptor_writes));
        table.row("peak device memory", mebibytes(self.peak_device_bytes));
        table.print();
    }
}
