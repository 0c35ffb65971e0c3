//! Ten thousand uploads of 64 bytes to one buffer.

use std::time::Duration;

use futures::future::join_all;
use tokio::runtime::Runtime;
use vulkio::{Gpu, GpuBuffer, ash::vk};

use super::{
    super::{
        Result,
        clock::{Reading, Stopwatch, process_cpu},
        pairs::quantile,
    },
    hand::{HandBuffer, HandCopies, Place},
    table::at_most,
};

const UPLOADS: usize = 10_000;
const BYTES: usize = 64;
/// From the start of one to that of the next, where they are scattered.
const STRIDE: usize = 256;

type Data = Vec<[u8; BYTES]>;

/// What a round took, each upload, and the calls that were made for all of them.
struct Round {
    micros: Reading,
    submits: u64,
    copies: u64,
    dispatches: u64,
}

pub(crate) fn print_header() {
    println!("\n{UPLOADS} uploads of {BYTES} bytes to one buffer, all asked for at once: medians, an upload");
    println!(
        "  {:<48} {:>8} {:>13} {:>11} {:>8} {:>7} {:>11}  goals: all CPU us; most copies a submit, which is a flush",
        "uploads", "wall us", "caller CPU us", "all CPU us", "submits", "copies", "dispatches"
    );
}

/// The rows of one runtime. Who awaits is the calling thread.
pub(crate) fn many_small(runtime: &Runtime, name: &str, gpu: &Gpu, rounds: usize) -> Result {
    let buffer = gpu.buffer::<u8>("small targets", UPLOADS * STRIDE)?;
    runtime.block_on(async { gpu.upload(&buffer, 0, vec![0; UPLOADS * STRIDE]).await?.await })?; // so that gaps can be read
    let patterns = [("adjacent", BYTES), ("scattered", STRIDE)];
    for ((places, stride), in_one) in patterns.into_iter().flat_map(|pattern| [(pattern, false), (pattern, true)]) {
        let mut taken = Vec::new();
        for round in 0..rounds + 1 {
            // The one before has left the upload thread.
            std::thread::sleep(Duration::from_millis(5));
            let data: Data = (0..UPLOADS).map(|at| [(at + round) as u8; BYTES]).collect();
            let one = runtime.block_on(ours(gpu, &buffer, stride, in_one, data))?;
            if round > 0 {
                taken.push(one); // the first one makes memory and pools
            }
        }
        runtime.block_on(check(gpu, &buffer, stride, rounds))?;
        let how = if in_one { "in one call" } else { "a future each" };
        print_ours(&format!("{places}, {how}, {name}"), &taken);
    }
    Ok(())
}

async fn ours(gpu: &Gpu, buffer: &GpuBuffer<u8>, stride: usize, in_one: bool, data: Data) -> Result<Round> {
    let before = gpu.counters();
    let (mut watch, process) = (Stopwatch::default(), process_cpu());
    watch.start();
    if in_one {
        gpu.upload_ranges(buffer, data.into_iter().enumerate().map(|(at, data)| (at * stride, data))).await?.await?;
    } else {
        let uploads = data.into_iter().enumerate().map(|(at, data)| gpu.upload(buffer, at * stride, data));
        for done in join_all(uploads).await {
            done?.await?;
        }
    }
    watch.stop();
    let micros = watch.per(UPLOADS, process);
    let after = gpu.counters();
    Ok(Round {
        micros,
        submits: after.submits - before.submits,
        copies: after.upload_copies - before.upload_copies,
        dispatches: after.dispatches - before.dispatches,
    })
}

async fn check(gpu: &Gpu, buffer: &GpuBuffer<u8>, stride: usize, round: usize) -> Result {
    let read = gpu.read(buffer, 0..UPLOADS * stride).await?;
    let arrived = read.chunks(stride).enumerate().all(|(at, bytes)| bytes[..BYTES] == [(at + round) as u8; BYTES]);
    assert!(arrived, "every upload arrived");
    Ok(())
}

fn print_ours(name: &str, rounds: &[Round]) {
    let median = |value: &dyn Fn(&Round) -> f64| quantile(&rounds.iter().map(value).collect::<Vec<_>>(), 0.5);
    let [wall, thread, process] = [0, 1, 2].map(|clock| median(&|round| round.micros[clock]));
    let calls = [median(&|round| round.submits as f64), median(&|round| round.copies as f64)];
    let dispatches = median(&|round| round.dispatches as f64);
    let most = rounds.iter().map(|round| round.copies as f64 / round.submits as f64).fold(0.0, f64::max);
    println!(
        "  {name:<48} {wall:>8.3} {thread:>13.3} {process:>11.3} {:>8} {:>7} {dispatches:>11}  {}; {most:.2} {}",
        calls[0],
        calls[1],
        at_most(process, 0.5),
        at_most(most, 2.0),
    );
}

/// What awaiting so many futures at once costs by itself: `join_all` of some that are ready when polled again.
pub(crate) fn control(runtime: &Runtime, rounds: usize) {
    let mut taken = Vec::new();
    for _ in 0..rounds {
        let (mut watch, process) = (Stopwatch::default(), process_cpu());
        watch.start();
        runtime.block_on(join_all((0..UPLOADS).map(|_| tokio::task::yield_now())));
        watch.stop();
        taken.push(watch.per(UPLOADS, process));
    }
    let median = |clock: usize| quantile(&taken.iter().map(|micros| micros[clock]).collect::<Vec<_>>(), 0.5);
    let [wall, thread, process] = [0, 1, 2].map(median);
    println!("  {:<48} {wall:>8.3} {thread:>13.3} {process:>11.3}", "control: join_all of nothing");
}

/// The same by hand: one pass over the data into staging memory, one copy command, one submission.
pub(crate) fn by_hand(gpu: &Gpu, rounds: usize) -> Result {
    let mut copies = HandCopies::new(gpu)?;
    let to = HandBuffer::new(gpu, Place::Device, UPLOADS * STRIDE)?;
    let mut from = HandBuffer::new(gpu, Place::Uncached, UPLOADS * BYTES)?;
    for (places, stride) in [("adjacent", BYTES), ("scattered", STRIDE)] {
        let mut taken = Vec::new();
        for round in 0..rounds + 1 {
            let data: Data = (0..UPLOADS).map(|at| [(at + round) as u8; BYTES]).collect();
            let (mut watch, process) = (Stopwatch::default(), process_cpu());
            watch.start();
            let mut regions = Vec::with_capacity(UPLOADS);
            for (at, (data, place)) in data.iter().zip(from.bytes_mut().chunks_mut(BYTES)).enumerate() {
                place.copy_from_slice(data);
                let [src_offset, dst_offset] = [at * BYTES, at * stride].map(|offset| offset as u64);
                regions.push(vk::BufferCopy { src_offset, dst_offset, size: BYTES as u64 });
            }
            if stride == BYTES {
                regions = vec![vk::BufferCopy { src_offset: 0, dst_offset: 0, size: (UPLOADS * BYTES) as u64 }];
            }
            copies.regions(&from, &to, &regions)?;
            watch.stop();
            taken.push(Round { micros: watch.per(UPLOADS, process), submits: 1, copies: 1, dispatches: 0 });
        }
        let median =
            |clock: usize| quantile(&taken.iter().skip(1).map(|one| one.micros[clock]).collect::<Vec<_>>(), 0.5);
        let [wall, thread, process] = [0, 1, 2].map(median);
        let name = format!("{places}, by hand");
        println!("  {name:<48} {wall:>8.3} {thread:>13.3} {process:>11.3} {:>8} {:>7} {:>11}", 1, 1, 0);
    }
    Ok(())
}

pub(crate) fn rounds(quick: bool) -> usize {
    if quick { 2 } else { 31 }
}
