//! Bulk uploads: from staging memory that is written already, and from an ordinary `Vec`.

use std::{sync::Arc, time::Instant};

use futures::future::try_join_all;
use vulkio::{Gpu, GpuBuffer, GpuOptions};

use super::{
    super::{
        Result, cores,
        pairs::{Pairs, quantile},
        team::Team,
    },
    Scale,
    hand::{HandBuffer, HandCopies, Place, faster_staging, fill},
    micros, pattern, rate, table,
};

const MIB: usize = 1 << 20;
/// The most that `Gpu::stage` gives at once.
const SPAN: usize = 16 * MIB;

/// From staging memory, against one copy by hand. On a `Gpu` of its own, with enough of that memory for all.
pub(crate) async fn from_ring(scale: Scale) -> Result {
    let Scale { bytes, limits } = scale;
    // A third of it is for `stage`.
    let budget = 3 * (bytes + SPAN) as u64;
    let gpu = Gpu::open(GpuOptions::default().staging_bytes(budget)).await?;
    let mut copies = HandCopies::new(&gpu)?;
    let (place, from) = faster_staging(&gpu, &mut copies, bytes)?;
    let data = pattern(1, bytes);
    from_ring_once(&gpu, &data, true).await?; // makes the staging memory
    let mut pairs = Pairs::new(limits);
    while pairs.more() {
        let hand = rate(bytes, copies.copy_to_new(&gpu, &from)?);
        pairs.push([hand], [rate(bytes, from_ring_once(&gpu, &data, false).await?)]);
    }
    let name = format!("one copy of {} MiB from {}", bytes / MIB, place.name());
    table::print_rates(&name, &pairs.summary(0), Some(0.95));
    drop((from, copies));
    Ok(gpu.close().await?)
}

/// Microseconds from the first poll of the uploads to their completion.
async fn from_ring_once(gpu: &Gpu, data: &[u8], check: bool) -> Result<f64> {
    let buffer = gpu.buffer::<u8>("bench target", data.len())?;
    let mut spans = Vec::new();
    for part in data.chunks(SPAN) {
        let mut span = gpu.stage::<u8>(part.len()).await?;
        span.copy_from_slice(part);
        spans.push(span);
    }
    let start = Instant::now();
    let uploads = spans.into_iter().enumerate().map(|(index, span)| gpu.upload(&buffer, index * SPAN, span));
    for done in try_join_all(uploads).await? {
        done.await?;
    }
    let took = micros(start);
    if check {
        assert!(gpu.read(&buffer, 0..data.len()).await?[..] == *data, "what was staged arrived");
    }
    Ok(took)
}

/// From an ordinary `Vec`, against the slower of the raw copy and the best `memcpy` into staging memory.
pub(crate) async fn from_vec(gpu: &Gpu, scale: Scale) -> Result {
    let bytes = scale.bytes;
    let mut by_hand = ByHand::new(gpu, bytes)?;
    by_hand.choose_threads();
    let data = Arc::new(pattern(2, bytes));
    let used = gpu.buffer::<u8>("used target", bytes)?;
    upload(gpu, &used, &data).await?;
    for fresh in [true, false] {
        let mut pairs = Pairs::new(scale.limits);
        while pairs.more() {
            let [copy, memcpy] = by_hand.rates(gpu, &data, fresh)?;
            let made; // and given back, both off the clock
            let target = if fresh {
                made = gpu.buffer::<u8>("fresh target", bytes)?;
                &made
            } else {
                &used
            };
            let ours = rate(bytes, upload(gpu, target, &data).await?);
            pairs.push([copy.min(memcpy), copy, memcpy], [ours; 3]);
        }
        let goal = fresh.then_some(0.9);
        let target = if fresh { "to a new buffer" } else { "to a buffer in use" };
        table::print_rates(&format!("{target}: the slower of these two"), &pairs.summary(0), goal);
        table::print_rates(&format!("  one copy from {}", by_hand.place.name()), &pairs.summary(1), None);
        table::print_rates(&format!("  memcpy by {} threads", by_hand.threads), &pairs.summary(2), None);
    }
    assert!(gpu.read(&used, 0..bytes).await?[..] == data[..], "what was uploaded arrived");
    Ok(())
}

async fn upload(gpu: &Gpu, buffer: &GpuBuffer<u8>, data: &Arc<Vec<u8>>) -> Result<f64> {
    let start = Instant::now();
    gpu.upload(buffer, 0, Arc::clone(data)).await?.await?;
    Ok(micros(start))
}

/// The two halves of an upload, each by itself.
struct ByHand {
    copies: HandCopies,
    from: HandBuffer,
    place: Place,
    to: HandBuffer,
    team: Team,
    threads: usize,
    bytes: usize,
}

impl ByHand {
    fn new(gpu: &Gpu, bytes: usize) -> Result<Self> {
        let mut copies = HandCopies::new(gpu)?;
        let to = HandBuffer::new(gpu, Place::Device, bytes)?;
        let (place, from) = faster_staging(gpu, &mut copies, bytes)?;
        Ok(Self { copies, from, place, to, team: Team::new(cores()), threads: 1, bytes })
    }

    /// Those that copy into staging memory fastest.
    fn choose_threads(&mut self) {
        let data = pattern(3, self.bytes);
        let mut best = 0.0;
        print!("  memcpy into staging memory, GB/s by threads:");
        for threads in [1, 2, 4, 8, 12, 16].into_iter().filter(|&threads| threads <= cores()) {
            let times: Vec<_> =
                (0..7).map(|_| fill(&mut self.team, threads, &data, self.from.bytes_mut())).skip(2).collect();
            let rate = rate(self.bytes, quantile(&times, 0.5));
            print!(" {threads}: {rate:.1}");
            if rate > best {
                (best, self.threads) = (rate, threads);
            }
        }
        println!();
    }

    /// Of one copy, and of one `memcpy` by the threads chosen.
    fn rates(&mut self, gpu: &Gpu, data: &[u8], fresh: bool) -> Result<[f64; 2]> {
        let memcpy = fill(&mut self.team, self.threads, data, self.from.bytes_mut());
        let copy = match fresh {
            true => self.copies.copy_to_new(gpu, &self.from)?,
            false => self.copies.copy(&self.from, &self.to)?,
        };
        Ok([copy, memcpy].map(|time| rate(self.bytes, time)))
    }
}
