//! What the phases took.

use std::time::Duration;

use crate::{args::Job, phase::Figures};

/// The share `part` of `times` is no longer than this, in milliseconds. Not a number if there are none.
fn quantile(times: &[Duration], part: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

fn row(name: &str, times: &[Duration]) {
    let [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1.0].map(|part| quantile(times, part));
    println!("  {name:<26} p50 {p50:7.3}  p95 {p95:7.3}  p99 {p99:7.3}  max {most:7.3} ms");
}

pub(crate) fn print_job(device: &str, job: &Job) {
    let Job { cubes, fps, seconds, size: [width, height], .. } = job;
    let pace = fps.map_or("uncapped".to_owned(), |fps| format!("paced at {fps} FPS"));
    println!("{device}: {cubes} moving cubes, {width}x{height}, {pace}, {seconds} s a phase");
}

pub(crate) fn print_phase(name: &str, figures: &Figures) {
    let seconds = figures.elapsed.as_secs_f64();
    let (frames, missed, visible) = (figures.frames.len(), figures.missed, figures.visible);
    println!("{name}");
    println!(
        "  {frames} frames, {:.1} FPS, {missed} turns missed; {visible} cubes in sight at the end",
        frames as f64 / seconds
    );
    row("frame, turn to completion", &figures.frames);
    row("interval of completions", &figures.intervals);
    row("GPU time of a frame", &figures.on_gpu);
    row("upload until submitted", &figures.uploads);
    let [frame_rate, load_rate] = [figures.frame_bytes, figures.load_bytes].map(|bytes| bytes as f64 / seconds / 1e9);
    println!("  {frame_rate:.2} GB/s for frames, {load_rate:.2} GB/s of load");
}

/// What the load did to the frames.
pub(crate) fn print_ratio(alone: &Figures, beside: &Figures) {
    let ratio = |part: f64| quantile(&beside.frames, part) / quantile(&alone.frames, part);
    println!("frame time beside the load, of that without it: p50 {:.2}, p99 {:.2}", ratio(0.5), ratio(0.99));
}
