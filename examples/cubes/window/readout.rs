//! The figures as they are read: over the picture, and at the end.

use super::{freeze::Frozen, panel::Lines, show::Show, summary::Summary};
use crate::{flight::name_of, report::Percentiles, scene, table::grouped};

impl Show {
    /// What to write over a picture of `size`.
    pub(super) fn lines(&mut self, size: [u32; 2]) -> Lines {
        let [between, cpu, gpu] = self.figures.times();
        let mut figures = Vec::new();
        let mut row = |name, value| figures.push((name, value));
        if let Some(Percentiles { p50, p95, p99 }) = between {
            row("frame", format!("{p50:5.2} ms, {:.0} fps; p95 {p95:.2}, p99 {p99:.2}", 1e3 / p50.max(1e-3)));
        }
        for (name, time) in [("CPU", cpu), ("GPU", gpu)] {
            if let Some(Percentiles { p50, p95, p99 }) = time {
                row(name, format!("{p50:5.2} ms; p95 {p95:.2}, p99 {p99:.2}"));
            }
        }
        let stage = self.frozen.as_ref().map_or(&self.stage, |frozen| &frozen.stage);
        let frozen = if self.frozen.is_some() { ", frozen" } else { "" };
        let paused = if self.paused { ", paused" } else { "" };
        let cubes = self.frozen.as_ref().map_or(stage.cubes.count(), Frozen::shown);
        row("cubes", format!("{} of {}{frozen}{paused}", grouped(cubes as u64), scene::name_of(&self.args)));
        let (options, path) = (stage.options(), stage.path().map_or("", name_of));
        let lod = if options.lod { "on" } else { "off" };
        let samples = if options.samples > 1 { format!(", {} samples", options.samples) } else { String::new() };
        row("path", format!("{path}, level of detail {lod}{samples}"));
        let shown = self.app.surface().stats();
        row("window", format!("{} x {}, {}", size[0], size[1], format!("{:?}", shown.mode).to_lowercase()));
        row("shown", format!("{}, {} dropped", grouped(shown.presented), grouped(shown.dropped)));
        if let Some(last) = &self.figures.last {
            row("a frame", format!("{} draws, {} dispatches, {} barriers", last.draws, last.dispatches, last.barriers));
        }
        let total = self.app.gpu().counters();
        row("device", format!("{:.0} MiB at the most", total.peak_device_bytes as f64 / f64::from(1 << 20)));
        row("written", format!("{} descriptors, {} allocations", total.descriptor_writes, total.device_allocations));
        let eye = self.pose.camera(1.0).eye();
        row("eye", format!("{:.1} {:.1} {:.1}", eye.x, eye.y, eye.z));
        if let Some(speed) = self.pose.speed() {
            row("speed", format!("{speed:.2} a second"));
        }
        if !self.help {
            row("keys", "H".to_owned());
        }
        Lines { figures, messages: self.messages.shown(), help: self.help }
    }

    /// What it took.
    pub(crate) fn summary(&self) -> Summary {
        let [frame_ms, cpu_ms, gpu_ms] = self.figures.times();
        let (total, shown) = (self.app.gpu().counters(), self.app.surface().stats());
        Summary {
            device: self.app.gpu().info().name.clone(),
            scene: scene::name_of(&self.args),
            path: self.stage.path().map_or("none", name_of),
            cubes: self.stage.cubes.count(),
            frames: self.figures.frames,
            presented: shown.presented,
            dropped: shown.dropped,
            swapchains: shown.swapchains,
            present_mode: format!("{:?}", shown.mode),
            size: shown.size,
            frame_ms,
            cpu_ms,
            gpu_ms,
            descriptor_writes: total.descriptor_writes,
            peak_device_bytes: total.peak_device_bytes,
            has_timestamps: self.app.gpu().info().limits.timestamp_compute_and_graphics != 0,
        }
    }
}
