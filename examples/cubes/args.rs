//! The command line.

use std::{
    fs,
    path::{self, Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use clap::Parser;
use vulkio::DeviceChoice;

/// Flies a camera around a grid of cubes, culled and drawn on the GPU, and writes the last frame as a picture.
#[derive(Debug, Parser)]
#[command(name = "cubes", version)]
pub(crate) struct Args {
    /// Cubes in the grid [default: 1000000 on a GPU, 100000 on a CPU driver]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) count: Option<usize>,
    /// Frames to render
    #[arg(long, value_name = "N", default_value = "120", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) frames: u32,
    /// Width and height in pixels [default: 1920x1080 on a GPU, 1280x720 on a CPU driver]
    #[arg(long, value_name = "WxH", value_parser = size)]
    pub(crate) size: Option<[u32; 2]>,
    /// Where the last frame goes
    #[arg(long, value_name = "FILE.png", default_value = "cubes.png")]
    pub(crate) out: PathBuf,
    /// Frames that may be on their way at once
    #[arg(long, value_name = "N", default_value = "2", value_parser = slots)]
    pub(crate) frames_in_flight: usize,
    /// Threads of the tokio runtime, and tasks that record at once [default: one for each core]
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
    /// Chooses the flight: the same seed flies the same way
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) seed: u64,
}

impl Args {
    /// The arguments, or the exit code after help or one line about what is wrong with them.
    pub(crate) fn read() -> Result<Self, ExitCode> {
        let args = Self::try_parse().map_err(|error| {
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            let text = error.to_string();
            usage(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
        })?;
        match args.same_file() {
            Some([one, other]) => Err(usage(&format!("{one} and {other} name the same file"))),
            None => Ok(args),
        }
    }

    /// Two options that name one file, if there are two.
    fn same_file(&self) -> Option<[&'static str; 2]> {
        let [stats, graph] = [&self.stats, &self.dump_graph].map(Option::as_deref);
        let files = [("--out", Some(self.out.as_path())), ("--stats", stats), ("--dump-graph", graph)];
        let files: Vec<_> = files.iter().filter_map(|(option, path)| Some((*option, real(path.as_ref()?)?))).collect();
        let pairs = files.iter().enumerate().flat_map(|(at, one)| files[..at].iter().map(move |before| [before, one]));
        pairs.into_iter().find(|[one, other]| one.1 == other.1).map(|[one, other]| [one.0, other.0])
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
