//! `./x bench upload [--quick] [--mb=N] [FILTER]`: uploads and read-back against the same copies in hand-written ash, on the
//! same device and its transfer queue. `--mb` is the size of the bulk copies: 256 MiB on a GPU, 32 MiB on a CPU driver.
//!
//! Bulk rows are pairs, one copy by hand and one upload, again and again: the ratio is taken within each pair, and the median
//! of the ratios counts. Either side's clock runs until the copy is complete. By hand that is recording, one
//! `vkCmdCopyBuffer`, one `vkQueueSubmit2`, one `vkWaitSemaphores`, from memory that is allocated, mapped and touched, of the
//! type that measures faster. For vulkio it is the call, the upload and its completion, awaited. Off the clock are writing
//! what `stage` gave, and making and dropping the target. A "new" buffer is one that nothing was written to, so that chunks
//! go straight into it; into one "in use" they go through device memory of the same size. By hand the target is new, or not,
//! likewise: on a CPU driver the first write to memory takes longer.
//!
//! Small uploads and latencies are explained where they are printed.

mod harness;

use futures::executor::block_on;
use harness::{
    Args, Result,
    pairs::print_header,
    upload::{Scale, bulk, imported, latency, limits, read, small, table},
};
use tokio::runtime::Runtime;
use vulkio::{DeviceKind, Gpu, GpuOptions, QueueKind};

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("uploads and read-back", &gpu, &args);
    let software = gpu.info().kind == DeviceKind::Cpu;
    let bytes = harness::option("--mb").unwrap_or(if software { 32 } else { 256 }).max(1) << 20;
    let scale = Scale { bytes, limits: limits(args.quick) };
    let runtime = harness::many_threads()?;
    runtime.block_on(bulk_sections(&gpu, scale, &args))?;
    if args.wants("small") {
        small_uploads(&runtime, &gpu, args.quick)?;
    }
    if args.wants("latency") {
        latencies(&runtime, &gpu, scale, args.quick)?;
    }
    queues(&gpu);
    block_on(gpu.close())?;
    Ok(())
}

async fn bulk_sections(gpu: &Gpu, scale: Scale, args: &Args) -> Result {
    let Scale { bytes, limits } = scale;
    if args.wants("ring") {
        table::print_header("ring: from staging memory that is written, to a new buffer");
        bulk::from_ring(scale).await?;
        bulk::from_ring(Scale { bytes: bytes / 8, limits }).await?;
    }
    if args.wants("vec") {
        table::print_header(&format!("vec: {} MiB from an ordinary `Vec<u8>`", bytes >> 20));
        bulk::from_vec(gpu, scale).await?;
    }
    if args.wants("imported") {
        table::print_header(&format!("imported: {} MiB from imported memory", bytes >> 20));
        imported::from_imported(gpu, scale).await?;
    }
    if args.wants("read") {
        table::print_header(&format!("read: {} MiB back to the host", bytes >> 20));
        read::read_back(gpu, scale).await?;
    }
    Ok(())
}

fn single_threaded() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn small_uploads(many: &Runtime, gpu: &Gpu, quick: bool) -> Result {
    let rounds = small::rounds(quick);
    small::print_header();
    small::by_hand(gpu, rounds)?;
    let single = single_threaded()?;
    small::control(&single, rounds);
    small::many_small(&single, "single-threaded tokio", gpu, rounds)?;
    small::many_small(many, "multi-threaded tokio", gpu, rounds)
}

fn latencies(many: &Runtime, gpu: &Gpu, scale: Scale, quick: bool) -> Result {
    println!();
    print_header("latency: one upload of 64 bytes");
    latency::alone(&single_threaded()?, "single-threaded tokio", gpu, quick)?;
    latency::alone(many, "multi-threaded tokio", gpu, quick)?;
    latency::beside_a_load(many, gpu, scale, quick)
}

/// Where the device has a transfer queue of its own, uploads go there.
fn queues(gpu: &Gpu) {
    let queue = |kind| gpu.submitted(kind).stamp().queue;
    let counters = gpu.counters();
    let own = queue(QueueKind::Transfer) != queue(QueueKind::Graphics);
    println!(
        "\nsubmits: {} graphics, {} compute, {} transfer ({})",
        counters.graphics_submits,
        counters.compute_submits,
        counters.transfer_submits,
        if own { "a queue of its own" } else { "no queue of its own" },
    );
    assert!(!own || counters.uploaded_bytes == 0 || counters.transfer_submits > 0, "uploads use the transfer queue");
}
