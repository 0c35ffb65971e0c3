//! The command line.

use std::path::PathBuf;

use clap::Parser;
use vulkio::{DeviceKind, Gpu, GpuOptions, Validation};

const MIB: u64 = 1 << 20;

/// Cubes whose places the CPU makes and uploads every frame: first by themselves, then beside a bulk load. Prints what
/// frames and uploads took in both phases.
#[derive(Debug, Parser)]
#[command(name = "streaming", version)]
pub(crate) struct Args {
    /// Moving cubes [default: 1000000 on a GPU, 20000 on a CPU driver]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cubes: Option<u32>,
    /// Frames a second [default: 240 on a GPU, 30 on a CPU driver]
    #[arg(long, value_name = "F", value_parser = positive)]
    fps: Option<f64>,
    /// Frames as fast as they come
    #[arg(long, conflicts_with = "fps")]
    uncapped: bool,
    /// Length of each phase [default: 10 on a GPU, 3 on a CPU driver]
    #[arg(long, value_name = "S", value_parser = positive)]
    seconds: Option<f64>,
    /// At most so many gigabytes of load a second [default: as many as go]
    #[arg(long, value_name = "GB", value_parser = positive)]
    load_rate: Option<f64>,
    /// MiB that the load goes through, again and again [default: 1024 on a GPU, 256 on a CPU driver]
    #[arg(long, value_name = "MiB", value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    load_mib: Option<u64>,
    /// MiB of one upload of the load. Up to 2 go into a pool of chunks that is written over and over, larger ones into new
    /// buffers
    #[arg(long, value_name = "MiB", default_value = "2", value_parser = clap::value_parser!(u64).range(1..1024))]
    chunk_mib: u64,
    /// Uploads of the load that are on their way at once
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u64).range(1..=256))]
    chunks_in_flight: u64,
    /// MiB of staging memory, for frames and load together [default: that of `GpuOptions`]
    #[arg(long, value_name = "MiB", value_parser = clap::value_parser!(u64).range(1..1 << 20))]
    staging_mib: Option<u64>,
    /// Width and height in pixels [default: 1920x1080 on a GPU, 640x360 on a CPU driver]
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<[u32; 2]>,
    /// Where the last frame goes, as a picture
    #[arg(long, value_name = "FILE.png")]
    pub(crate) save: Option<PathBuf>,
    /// Run under the Vulkan validation layer; any message makes the run fail
    #[arg(long)]
    validate: bool,
}

impl Args {
    pub(crate) fn options(&self) -> GpuOptions {
        let mut options = GpuOptions::default();
        if let Some(mib) = self.staging_mib {
            options = options.staging_bytes(mib * MIB);
        }
        if self.validate {
            options = options.validation(Validation::Strict);
        }
        options
    }
}

/// What was asked for, or what suits the device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) cubes: usize,
    /// `None`: uncapped.
    pub(crate) fps: Option<f64>,
    pub(crate) seconds: f64,
    /// Bytes a second.
    pub(crate) load_rate: Option<f64>,
    pub(crate) load_bytes: usize,
    pub(crate) chunk_bytes: usize,
    pub(crate) chunks_in_flight: usize,
    pub(crate) size: [u32; 2],
}

impl Job {
    pub(crate) fn new(args: &Args, gpu: &Gpu) -> Self {
        let software = gpu.info().kind == DeviceKind::Cpu;
        let fps = args.fps.unwrap_or(if software { 30.0 } else { 240.0 });
        let load = args.load_mib.unwrap_or(if software { 256 } else { 1024 }).max(args.chunk_mib);
        Self {
            cubes: args.cubes.unwrap_or(if software { 20_000 } else { 1_000_000 }) as usize,
            fps: (!args.uncapped).then_some(fps),
            seconds: args.seconds.unwrap_or(if software { 3.0 } else { 10.0 }),
            load_rate: args.load_rate.map(|gigabytes| gigabytes * 1e9),
            load_bytes: (load * MIB) as usize,
            chunk_bytes: (args.chunk_mib * MIB) as usize,
            chunks_in_flight: args.chunks_in_flight as usize,
            size: args.size.unwrap_or(if software { [640, 360] } else { [1920, 1080] }),
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        Ok(_) => Err("it must be more than 0".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let sides = text.split_once(['x', 'X']).and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    match sides {
        Some([0, _] | [_, 0]) => Err("a picture needs at least one pixel".to_owned()),
        Some(sides) => Ok(sides),
        None => Err("a size is two numbers, as in 1920x1080".to_owned()),
    }
}
