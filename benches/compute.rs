//! `./x bench compute [--quick] [--against=FILE] [--out=FOLDER] [FILTER]`: compute, counted and timed against
//! hand-written ash.
//!
//! `latency`, `delay`, `cpu`: dispatches of 64 KiB (`y = a x + y`, the same shader on both sides), where the way to
//! the device is what counts. By hand there are two techniques: a command buffer and a `vkQueueSubmit2` for each, and
//! the best batch, one command buffer with one barrier in one `vkQueueSubmit2`. All run in turns, in one process, on
//! one device and one queue. `latency` is one awaited dispatch, from declaring it to knowing that the GPU is done,
//! against submitting by hand and `vkWaitSemaphores`. `delay` is the part of that up to the call of `vkQueueSubmit2`,
//! against a graph of one's own, which no batching holds up. `cpu` is what each technique costs the CPU a dispatch,
//! waiting included: wall, the calling thread's CPU time (it means little on a multi-threaded runtime, where tasks
//! move between threads) and that of the whole process; with a reactor that spins before it blocks, and with one that
//! does not.
//!
//! `matrix`: `saxpy`, `reduce`, `scan`, `gemm` and, where the device has what it takes, `emulated gemm` (f32) on
//! vectors of 64 KiB to 1 GiB and square matrices, 1, 16 and 256 at a time. `GPU us` is the GPU's time of one, from a
//! frame of them all between two timestamps, medians of rounds; its rate counts the bytes that one must move at the
//! least, or a product's 2 n³ operations. Sets of buffers are shared where 256 of them take more than 4 GiB: then
//! later ones wait for earlier ones, and `bound` says how many barriers such a graph cannot do without. `barriers` are
//! the calls of `vkCmdPipelineBarrier2` in it, what stands before its first dispatch included; `submits`, `wall us`
//! and `CPU us` are of the same batch awaited together. `descriptors` and `allocations` are all that were made in all
//! rounds of the case. Small sizes fit into a GPU's cache.
//!
//! `--instructions` counts, by valgrind's callgrind, the instructions that a dispatch takes outside of the driver, and
//! nothing else.
//!
//! `--against=FILE` adds the rates of tools/cuda_baseline.cu. Results go to compute.md and compute.svg in docs/, or in
//! the folder that `--out` names; those of `--quick`, of parts, and of a CPU driver only where it does.

mod harness;

use std::path::PathBuf;

use futures::executor::block_on;
use harness::{
    Args, Result,
    compute::{against::Against, matrix::Matrix, plot, report, small},
};
use vulkio::{DeviceKind, Gpu, GpuOptions};

/// By name, as filters have it.
const SECTIONS: [&str; 4] = ["latency", "delay", "cpu", "matrix"];

fn main() -> Result {
    let args = Args::parse();
    if std::env::args().any(|argument| argument == "--instructions" || argument.starts_with("--callgrind-")) {
        return small::instructions();
    }
    let against = Against::from_arguments()?;
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("compute", &gpu, &args);
    let info = gpu.info();
    let machine = format!("{}, driver {}, vulkio {}", info.name, info.driver, env!("CARGO_PKG_VERSION"));
    // A filter that names no section is one for cases of the matrix.
    let named = SECTIONS.iter().any(|section| args.wants(section));
    let wants = |section: &str| args.wants(section) || !named && section == "matrix";

    if wants("latency") {
        small::latency(&args)?;
    }
    if wants("delay") {
        small::delay(&args)?;
    }
    let cpu = if wants("cpu") { small::cpu(&args)? } else { Vec::new() };
    let (mut cases, mut wrong) = (Vec::new(), Vec::new());
    if wants("matrix") {
        if !against.machine.is_empty() {
            println!("CUDA: {}", against.machine);
        }
        let all = Args::everything(args.quick);
        (cases, wrong) = block_on(Matrix::new(&gpu, &args, &against)?.run(if named { &all } else { &args }))?;
    }
    report::print_goals(&cases);
    block_on(gpu.close())?;

    let is_all = SECTIONS.iter().all(|section| args.wants(section)) && !args.quick && info.kind != DeviceKind::Cpu;
    if let Some(folder) = folder().or_else(|| is_all.then(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs"))) {
        report::write(&folder.join("compute.md"), &machine, &cpu, &cases)?;
        plot::write(&folder.join("compute.svg"), &machine, &cpu, &cases)?;
        println!("wrote compute.md and compute.svg to {}", folder.display());
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("wrong results: {}", wrong.join(", ")).into()) }
}

/// Where results go, if that was said.
fn folder() -> Option<PathBuf> {
    std::env::args().find_map(|argument| argument.strip_prefix("--out=").map(PathBuf::from))
}
