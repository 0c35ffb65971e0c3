//! One upload of 64 bytes, from its first poll to its completion: with nothing else to do, and beside a bulk load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::executor::block_on;
use tokio::runtime::Runtime;
use vulkio::{Gpu, GpuBuffer, Priority};

use super::{
    super::{
        Result,
        pairs::{self, Goal, Limits, Pairs, quantile},
    },
    Scale,
    hand::{HandBuffer, HandCopies, Place},
    micros, pattern, rate,
};

const BYTES: usize = 64;

/// Pairs of an upload and a copy by hand: written, recorded, submitted, waited for.
pub(crate) fn alone(runtime: &Runtime, name: &str, gpu: &Gpu, quick: bool) -> Result {
    let mut copies = HandCopies::new(gpu)?;
    let to = HandBuffer::new(gpu, Place::Device, BYTES)?;
    let mut from = HandBuffer::new(gpu, Place::Uncached, BYTES)?;
    let buffer = gpu.buffer::<u8>("small target", BYTES)?;
    let (most, time) = if quick { (50, 1) } else { (3000, 3) };
    let mut pairs = Pairs::new(Limits { pairs: most, time: Duration::from_secs(time), least: 10 });
    for _ in 0..20 {
        runtime.block_on(upload(gpu, &buffer, Priority::Normal))?;
    }
    while pairs.more() {
        let start = Instant::now();
        from.bytes_mut().fill(1);
        copies.copy(&from, &to)?;
        let hand = micros(start);
        pairs.push([hand], [runtime.block_on(upload(gpu, &buffer, Priority::Normal))?]);
    }
    pairs::print_row(&format!("alone, {name}"), "wall", &pairs.summary(0), Goal(None));
    Ok(())
}

async fn upload(gpu: &Gpu, buffer: &GpuBuffer<u8>, priority: Priority) -> Result<f64> {
    let start = Instant::now();
    gpu.upload(buffer, 0, [7; BYTES]).priority(priority).await?.await?;
    Ok(micros(start))
}

/// Uploads of each priority, one every 2 ms, while another thread loads without a break. Quantiles, as there is no
/// hand-written side: vulkio has the queue to itself.
pub(crate) fn beside_a_load(runtime: &Runtime, gpu: &Gpu, scale: Scale, quick: bool) -> Result {
    let data = Arc::new(pattern(6, scale.bytes / 8));
    let buffer = gpu.buffer::<u8>("small target", BYTES)?;
    for priority in [Priority::Frame, Priority::Normal, Priority::Bulk] {
        let load = Load::start(gpu, &data);
        std::thread::sleep(Duration::from_millis(50));
        let (before, start) = (load.bytes.load(Ordering::Relaxed), Instant::now());
        let mut times = Vec::new();
        for _ in 0..if quick { 30 } else { 500 } {
            times.push(runtime.block_on(upload(gpu, &buffer, priority))?);
            std::thread::sleep(Duration::from_millis(2));
        }
        let loaded = (load.bytes.load(Ordering::Relaxed) - before) as usize;
        let beside = rate(loaded, micros(start));
        load.stop()?;
        let [half, most, all] = [0.5, 0.99, 1.0].map(|part| quantile(&times, part));
        println!(
            "beside a load of {beside:.2} GB/s, {priority:?}: p50 {half:.1} us, p99 {most:.1} us, max {all:.1} us"
        );
    }
    Ok(())
}

/// A thread with a few loads on their way at any time, each into a new buffer.
struct Load {
    bytes: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result>,
}

impl Load {
    fn start(gpu: &Gpu, data: &Arc<Vec<u8>>) -> Self {
        let (bytes, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (gpu, data, counted, ends) = (gpu.clone(), Arc::clone(data), Arc::clone(&bytes), Arc::clone(&over));
        let one = async move || -> Result {
            while !ends.load(Ordering::Relaxed) {
                let buffer = gpu.buffer::<u8>("loaded", data.len())?;
                let load = gpu.upload(&buffer, 0, Arc::clone(&data)).priority(Priority::Bulk);
                load.await?.await?;
                counted.fetch_add(data.len() as u64, Ordering::Relaxed);
            }
            Ok(())
        };
        let run = move || block_on(async { futures::try_join!(one(), one(), one()).map(drop) });
        Self { bytes, over, thread: std::thread::spawn(run) }
    }

    fn stop(self) -> Result {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the load panicked")?
    }
}
