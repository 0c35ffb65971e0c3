//! What a run took: the table, and the same as JSON.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::table::{NO_TIMESTAMPS, Table, grouped, mebibytes, times};

/// The figures of a run; its fields are the JSON's keys. Totals are over the whole run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) device: String,
    /// The scene's name, or the file's.
    pub(crate) scene: String,
    /// Which way cubes became pixels: what `auto` came to.
    pub(crate) path: &'static str,
    /// Whether less was drawn of cubes smaller than a pixel.
    pub(crate) lod: bool,
    pub(crate) msaa: u32,
    pub(crate) cubes: usize,
    /// As many as the device can hold, were nothing else there.
    pub(crate) most_cubes: usize,
    /// Kept by a cull with the last frame's camera.
    pub(crate) visible: usize,
    pub(crate) frames: u32,
    /// From the frame slot to the submit, a frame.
    pub(crate) cpu_ms: Option<Percentiles>,
    /// From the first command to the end of the last, a frame; none if the device has no timestamps.
    pub(crate) gpu_ms: Option<Percentiles>,
    /// To read the file; 0 for a scene that is made.
    pub(crate) read_seconds: f64,
    /// To make the cubes and to put them in order, in cells.
    pub(crate) pack_seconds: f64,
    /// To write them packed and to upload them, until the GPU had them.
    pub(crate) upload_seconds: f64,
    pub(crate) draws: u64,
    pub(crate) dispatches: u64,
    pub(crate) barriers: u64,
    pub(crate) submits: u64,
    pub(crate) descriptor_writes: u64,
    pub(crate) device_allocations: u64,
    pub(crate) device_allocations_after_warmup: u64,
    pub(crate) command_pools: u64,
    pub(crate) peak_device_bytes: u64,
    /// The picture's memory and all else included.
    pub(crate) peak_bytes_per_cube: f64,
    #[serde(skip)]
    pub(crate) size: [u32; 2],
    #[serde(skip)]
    pub(crate) elapsed: Duration,
    #[serde(skip)]
    pub(crate) picture: PathBuf,
    #[serde(skip)]
    pub(crate) graph: Option<PathBuf>,
    #[serde(skip)]
    pub(crate) dump: Option<PathBuf>,
}

/// Of the frames' times, in milliseconds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Percentiles {
    pub p50: f64,
    pub p95: f64,
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
        Some(Self { p50: rank(0.50)?, p95: rank(0.95)?, p99: rank(0.99)? })
    }
}

impl Report {
    /// The table, on stdout.
    pub(crate) fn print(&self) {
        let mut table = Table::default();
        let [width, height] = self.size;
        table.row("device", &self.device);
        let smoothed = if self.msaa > 1 { format!(", {} samples", self.msaa) } else { String::new() };
        let lod = if self.lod { "on" } else { "off" };
        table.row("scene", &self.scene);
        table.row("path", format!("{}, level of detail {lod}{smoothed}", self.path));
        table.row("cubes", format!("{} of at most {}", grouped(self.cubes as u64), grouped(self.most_cubes as u64)));
        if self.read_seconds > 0.0 {
            table.row("read in", format!("{:.2} s", self.read_seconds));
        }
        table.row("packed, uploaded in", format!("{:.2} s, {:.2} s", self.pack_seconds, self.upload_seconds));
        table.row("visible in the last frame", grouped(self.visible as u64));
        table.row("frames", format!("{} of {width}x{height} in {:.1} s", self.frames, self.elapsed.as_secs_f64()));
        table.row("frame time, CPU", times(self.cpu_ms, "there was no frame"));
        table.row("frame time, GPU", times(self.gpu_ms, NO_TIMESTAMPS));
        table.row("draws", grouped(self.draws));
        table.row("dispatches", grouped(self.dispatches));
        table.row("barriers", grouped(self.barriers));
        table.row("submits", grouped(self.submits));
        table.row("descriptor writes", grouped(self.descriptor_writes));
        table.row("device allocations", grouped(self.device_allocations));
        table.row("device allocations after warm-up", grouped(self.device_allocations_after_warmup));
        table.row("command pools", grouped(self.command_pools));
        let peak = mebibytes(self.peak_device_bytes);
        table.row("peak device memory", format!("{peak}, {:.1} bytes a cube", self.peak_bytes_per_cube));
        table.row("picture", self.picture.display());
        if let Some(graph) = &self.graph {
            table.row("graph", graph.display());
        }
        if let Some(dump) = &self.dump {
            table.row("data", dump.display());
        }
        table.print();
    }
}
