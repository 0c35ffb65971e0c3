//! What the benches share: their arguments, the lines they print, clocks, pairs, and the hand-written side.
#![allow(dead_code, reason = "each bench uses a part of it")]

pub(crate) mod alu;
pub(crate) mod clock;
pub(crate) mod compute;
pub(crate) mod cull;
pub(crate) mod draws;
pub(crate) mod flood;
pub(crate) mod frames;
pub(crate) mod hand_record;
pub(crate) mod instructions;
pub(crate) mod our_record;
pub(crate) mod pairs;
pub(crate) mod passes;
pub(crate) mod raw;
pub(crate) mod record_table;
pub(crate) mod rounds;
pub(crate) mod shapes;
pub(crate) mod spin;
pub(crate) mod team;
pub(crate) mod upload;

use vulkio::Gpu;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T = ()> = std::result::Result<T, Error>;

/// The command line: `[--quick] [FILTER]`.
pub(crate) struct Args {
    /// A smoke run of a few seconds; its figures mean little.
    pub(crate) quick: bool,
    filter: Option<String>,
}

impl Args {
    /// Options that are not ours are cargo's (`--bench`), and left alone.
    pub(crate) fn parse() -> Self {
        let all: Vec<_> = std::env::args().skip(1).collect();
        let filter = all.iter().find(|argument| !argument.starts_with('-')).cloned();
        Self { quick: all.iter().any(|argument| argument == "--quick"), filter }
    }

    /// No filter.
    pub(crate) fn everything(quick: bool) -> Self {
        Self { quick, filter: None }
    }

    /// Whether the filter, if there is one, is part of `name`.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| name.contains(filter))
    }
}

/// Whether an option of a bench's own was given.
pub(crate) fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// The number of an option given as `--name=number`.
pub(crate) fn option(name: &str) -> Option<usize> {
    std::env::args().find_map(|argument| argument.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

/// The number of an option given as `--name number`.
pub(crate) fn option_and_number(name: &str) -> Option<usize> {
    std::env::args().skip_while(|argument| argument != name).nth(1)?.parse().ok()
}

/// The threads that can run at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A runtime as `#[tokio::main]` makes it.
pub(crate) fn many_threads() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(cores()).enable_all().build()?)
}

/// The machine line: what a figure must be read with.
pub(crate) fn print_machine(bench: &str, gpu: &Gpu, args: &Args) {
    let info = gpu.info();
    let cpu = cpu_model().unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let kind = info.kind;
    println!("machine: {} ({kind:?}), driver {}; {} cores of {cpu}", info.name, info.driver, cores());
    let build = if cfg!(debug_assertions) { "DEBUG build: not for the record" } else { "release build" };
    let quick = if args.quick { "; --quick: not for the record" } else { "" };
    println!("bench: {bench}, vulkio {}, {build}{quick}", env!("CARGO_PKG_VERSION"));
    println!();
}

fn cpu_model() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split(':').nth(1)?.trim().to_owned())
}
