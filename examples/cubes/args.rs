//! The command line.

use std::{
    fs,
    path::{self, Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::{Parser, ValueEnum};
use vulkio::{DeviceChoice, DeviceKind, Gpu, RasterPath, ViewOptions, scene::files::FileOptions};

use crate::{dump, scene::Scene};

/// Flies a camera around cubes that are culled and drawn on the GPU, and writes the last frame as a picture.
#[derive(Clone, Debug, Parser)]
#[command(name = "cubes", version)]
pub(crate) struct Args {
    /// What there is to see
    #[arg(long, value_enum, value_name = "SCENE", default_value = "grid")]
    pub(crate) scene: Scene,
    /// Cubes in the scene: 16.4 bytes of device memory each and 4 for the cull at the end, 2147483648 at the most [default: 1000000 on a
    /// GPU, 100000 on a CPU driver]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) count: Option<usize>,
    /// Cubes from a file rather than a scene: a point cloud (.ply, .csv, .xyz) or a height map (.png)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scene", "count"])]
    pub(crate) input: Option<PathBuf>,
    /// A picture to lay over the height map
    #[arg(long, value_name = "FILE.png")]
    pub(crate) colors: Option<PathBuf>,
    /// Which way cubes become pixels; `auto` takes what is faster on the device
    #[arg(long, value_enum, value_name = "PATH", default_value = "auto")]
    pub(crate) path: PathChoice,
    /// Whether less is drawn of cubes that are smaller than a pixel
    #[arg(long, value_enum, value_name = "SWITCH", default_value = "on")]
    pub(crate) lod: Switch,
    /// Samples a pixel on the hardware path: 1, 2, 4 or 8 [default: 1]
    #[arg(long, value_name = "N", value_parser = samples)]
    pub(crate) msaa: Option<u32>,
    /// Looks from where a file says rather than flying: JSON with `eye`, `target`, `up`, `fov_y` in radians, and `near`
    #[arg(long, value_name = "FILE.json")]
    pub(crate) camera: Option<PathBuf>,
    /// Moves the cubes: each goes up and down in its turn. Takes 40 bytes of device memory more a cube
    #[arg(long)]
    pub(crate) animate: bool,
    /// Frames to render [default: 120; in a window until it is closed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) frames: Option<u32>,
    /// Width and height in pixels [default: 1920x1080 on a GPU, 1280x720 on a CPU driver and in a window]
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub(crate) size: Option<[u32; 2]>,
    /// Where the last frame goes [default: cubes.png; in a window nowhere]
    #[arg(long, value_name = "FILE.png")]
    pub(crate) out: Option<PathBuf>,
    /// Frames that may be on their way at once [default: 2]
    #[arg(long, value_name = "N", value_parser = slots)]
    pub(crate) frames_in_flight: Option<usize>,
    /// Threads of the tokio runtime, and tasks that record at once [default: one for each core, in a window one fewer]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) workers: Option<usize>,
    /// Which device: `auto`, an index, a UUID or a part of its name [default: $VULKIO_DEVICE, else the best]
    #[arg(long, value_name = "D", value_parser = device)]
    pub(crate) device: Option<DeviceChoice>,
    /// Run under the Vulkan validation layer, synchronization included; any message makes the run fail
    #[arg(long)]
    pub(crate) validate: bool,
    /// Where the figures go as JSON
    #[arg(long, value_name = "FILE.json")]
    pub(crate) stats: Option<PathBuf>,
    /// Where the plan of the last frame goes: its waves, barriers and queues; by the name's end as a Mermaid flowchart
    /// (.mmd, .md), a DOT graph (.dot) or text
    #[arg(long, value_name = "FILE")]
    pub(crate) dump_graph: Option<PathBuf>,
    /// Where the last frame goes as data: instances.bin, camera.json, ids.bin and visible.bin
    #[arg(long, value_name = "DIR")]
    pub(crate) dump: Option<PathBuf>,
    /// Chooses the flight, and what is random in a scene: the same seed flies the same way
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) seed: u64,
    /// Opens a window to fly about in; H shows the keys. With `auto` only where there is a display, and nothing is asked for that a
    /// window does not make: --frames, --out, --stats, --dump or --dump-graph
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_value = "never", default_missing_value = "always", overrides_with = "window")]
    pub(crate) window: When,
    /// In a window: draws only when something happens
    #[arg(long)]
    pub(crate) on_demand: bool,
    /// In a window: begins without the figures over the picture
    #[arg(long)]
    pub(crate) no_overlay: bool,
    /// Settings from this file rather than from config.toml in the current folder, where that is
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) config: Option<PathBuf>,
    /// A setting, as `window.vsync=off`; any number of times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Prints the settings, and where each comes from, and ends
    #[arg(long)]
    pub(crate) print_config: bool,
}

/// Whether a window is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// Whatever else is asked for
    Always,
    /// Where there is a display
    Auto,
    /// Draws off screen
    Never,
}

/// Which way cubes become pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PathChoice {
    /// The GPU's rasteriser
    Hardware,
    /// Compute shaders
    Compute,
    /// What is faster
    Auto,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

impl Args {
    /// How the view draws.
    pub(crate) fn view_options(&self) -> ViewOptions {
        let path = match self.path {
            PathChoice::Hardware => RasterPath::Hardware,
            PathChoice::Compute => RasterPath::Compute,
            PathChoice::Auto => RasterPath::Auto,
        };
        ViewOptions::default().path(path).lod(self.lod == Switch::On)
    }

    /// Where the last frame of a run without a window goes.
    pub(crate) fn picture(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("cubes.png"))
    }

    /// Whether something is asked for that takes a run of some frames without a window.
    #[cfg(feature = "config")]
    fn is_for_files(&self) -> bool {
        let files = [&self.out, &self.stats, &self.dump, &self.dump_graph];
        self.frames.is_some() || files.into_iter().any(Option::is_some)
    }

    /// Whether to open a window.
    #[cfg(feature = "config")]
    pub(crate) fn in_window(&self) -> bool {
        let named = |variable| std::env::var_os(variable).is_some_and(|name| !name.is_empty());
        match self.window {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                // Elsewhere a display is always there.
                let unix = cfg!(unix) && !cfg!(target_os = "macos");
                cfg!(feature = "window")
                    && !self.is_for_files()
                    && (!unix || named("DISPLAY") || named("WAYLAND_DISPLAY"))
            }
        }
    }

    /// Cubes of a scene that is made, or what suits the device.
    pub(crate) fn count_on(&self, gpu: &Gpu) -> usize {
        self.count.unwrap_or(if gpu.info().kind == DeviceKind::Cpu { 100_000 } else { 1_000_000 })
    }

    /// How a file is made into cubes.
    pub(crate) fn file_options(&self) -> FileOptions {
        let options = FileOptions::default();
        match &self.colors {
            Some(colors) => options.colors(colors),
            None => options,
        }
    }

    /// The arguments, or the exit code after help or one line about what is wrong with them.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        let args = Self::try_parse().map_err(|error| {
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            let text = error.to_string();
            // What it says before the tips and the usage; possible values are on a second line.
            let lines: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
            usage(lines.join(" ").trim_start_matches("error: "))
        })?;
        if let Some([one, other]) = args.same_file() {
            return Err(usage(&format!("{one} and {other} name the same file")));
        }
        match args.contradiction() {
            Some(reason) => Err(usage(reason)),
            None => Ok(args),
        }
    }

    /// What one option says against another, if any does.
    fn contradiction(&self) -> Option<&'static str> {
        // Not by clap's `requires`: a default value of `--scene` would do for `--input`, as they exclude each other.
        if self.colors.is_some() && self.input.is_none() {
            return Some("--colors goes over a height map: give one with --input");
        }
        if self.msaa.is_some_and(|samples| samples > 1) && self.path == PathChoice::Compute {
            return Some(
                "--msaa is for the rasteriser: take --path hardware, or leave it out; compute smooths edges by itself",
            );
        }
        if self.window == When::Always && !cfg!(feature = "window") {
            return Some(
                "--window needs the feature `window`: cargo run --release --features window,egui --example cubes -- --window",
            );
        }
        if self.window == When::Always && (self.dump.is_some() || self.dump_graph.is_some()) {
            return Some("--dump and --dump-graph are for runs without --window");
        }
        if self.window == When::Never && (self.on_demand || self.no_overlay) {
            return Some("--on-demand and --no-overlay are for --window");
        }
        if !cfg!(feature = "config") && (self.config.is_some() || !self.set.is_empty() || self.print_config) {
            return Some(
                "--config, --set and --print-config need the feature `config`, which `window` has: cargo run --features config ..",
            );
        }
        None
    }

    /// Two options that name one file, if there are two and one is written.
    fn same_file(&self) -> Option<[&'static str; 2]> {
        let some = |option, path: &Option<PathBuf>| Some((option, real(path.as_deref()?)?));
        let written = [some("--stats", &self.stats), some("--dump-graph", &self.dump_graph)];
        let dumped = dump::FILES.map(|name| some("--dump", &self.dump.as_ref().map(|folder| folder.join(name))));
        let read = [some("--input", &self.input), some("--colors", &self.colors), some("--camera", &self.camera)];
        let read = read.into_iter().chain([some("--config", &self.config)]).flatten();
        let out = if self.window == When::Always { self.out.as_deref() } else { Some(self.picture()) };
        let out = some("--out", &out.map(Path::to_owned));
        let written: Vec<_> = [out].into_iter().chain(written).chain(dumped).flatten().collect();
        let all: Vec<_> = written.iter().cloned().chain(read).collect();
        let pairs = all
            .iter()
            .enumerate()
            .flat_map(|(at, other)| written[..at.min(written.len())].iter().map(move |one| [one, other]));
        let same = pairs.into_iter().find(|[one, other]| one.0 != other.0 && one.1 == other.1);
        same.map(|[one, other]| [one.0, other.0])
    }
}

/// Where a file is, or would be, whatever way leads there.
fn real(path: &Path) -> Option<PathBuf> {
    let whole = path::absolute(path).ok()?;
    let beside = || Some(fs::canonicalize(whole.parent()?).ok()?.join(whole.file_name()?));
    fs::canonicalize(&whole).ok().or_else(beside).or(Some(whole.clone()))
}

fn usage(message: &str) -> ExitCode {
    crate::say(&format!("{message} (see cubes --help)"));
    ExitCode::from(2)
}

fn count(text: &str) -> Result<usize, String> {
    let digits: String = text.chars().filter(|&c| c != '_').collect();
    match digits.parse() {
        Ok(0) => Err("a scene needs at least one cube".to_owned()),
        Ok(n) => Ok(n),
        Err(error) => Err(error.to_string()),
    }
}

fn samples(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(n @ (1 | 2 | 4 | 8)) => Ok(n),
        _ => Err("it must be 1, 2, 4 or 8".to_owned()),
    }
}

fn slots(text: &str) -> Result<usize, String> {
    up_to(16, text)
}

fn threads(text: &str) -> Result<usize, String> {
    up_to(1024, text)
}

fn up_to(most: usize, text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if (1..=most).contains(&n) => Ok(n),
        Ok(_) => Err(format!("it must be 1 to {most}")),
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

fn device(text: &str) -> Result<DeviceChoice, String> {
    DeviceChoice::from_str(text).map_err(|error| error.to_string())
}
