//! Uploads that are dropped, at random and while they wait: no part of one is seen, and nothing of it stays.

#![expect(clippy::single_range_in_vec_init, reason = "places to fill, of which there may be one")]

mod common;
mod scenes;
mod uploading;

use std::{
    ops::Range,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use common::{Gate, close, open, poll_once, soon, strict, strict_gpu, until};
use futures::future::join_all;
use scenes::{Random, seed};
use tokio::time::{sleep, timeout};
use uploading::{Dam, KIB, MIB, counters_are_zero, dammed, fill, filler, settled, words};
use vulkio::{Error, Gpu, GpuBuffer, Upload};

// Dropped at random.

const WORDS: [usize; 20] = {
    let mut words = [16; 20];
    (words[4], words[5], words[6], words[7]) = (1, 3, 1024, 4096);
    (words[8], words[9], words[10], words[11]) = (60 * KIB, 80 * KIB, 300 * KIB, 700 * KIB);
    words[12] = 5 * MIB / 4;
    words
};

struct Regions {
    gpu: Gpu,
    buffer: GpuBuffer<u32>,
    ranges: Vec<Range<usize>>,
    /// The version that was awaited last, of those that are ordered.
    floor: Vec<AtomicU32>,
    latest: Vec<AtomicU32>,
    stale: Mutex<Vec<String>>,
}

impl Regions {
    fn new(gpu: &Gpu) -> Arc<Self> {
        let mut at = 0;
        let ranges: Vec<_> = WORDS
            .iter()
            .map(|len| {
                at += len;
                at - len..at
            })
            .collect();
        let zeros = || WORDS.iter().map(|_| AtomicU32::new(0)).collect();
        let buffer = gpu.buffer("regions", at).expect("a buffer");
        Arc::new(Self { gpu: gpu.clone(), buffer, ranges, floor: zeros(), latest: zeros(), stale: Mutex::default() })
    }

    fn next(&self, region: usize) -> (u32, Upload) {
        let version = 1 + self.latest[region].fetch_add(1, Ordering::SeqCst);
        let Range { start, end } = self.ranges[region];
        (version, self.gpu.upload(&self.buffer, start, vec![version; end - start]))
    }

    async fn look(&self, region: usize) {
        let floor = self.floor[region].load(Ordering::SeqCst);
        let seen = words(&self.gpu, &self.buffer, self.ranges[region].clone()).await.expect("it was written");
        let latest = self.latest[region].load(Ordering::SeqCst);
        let torn = seen.iter().position(|word| *word != seen[0]);
        assert_eq!(torn, None, "region {region}: {} and {}", seen[0], seen[torn.unwrap_or(0)]);
        assert!(seen[0] <= latest, "region {region}: {} was never uploaded", seen[0]);
        if seen[0] < floor {
            let said = format!("region {region} ({} words): {} after {floor} was awaited", seen.len(), seen[0]);
            self.stale.lock().expect("not poisoned").push(said);
        }
    }
}

#[tokio::test]
async fn ten_thousand_uploads_dropped_at_random_are_never_seen_in_part() {
    let mut random = Random(seed());
    let gpu = open(strict().staging_bytes(12 << 20));
    let regions = Regions::new(&gpu);
    fill(&gpu, &regions.buffer, [0..regions.buffer.len()], 0).await;
    let stop = Arc::new(AtomicUsize::new(0));
    let reader = {
        let (regions, stop) = (Arc::clone(&regions), Arc::clone(&stop));
        let mut random = Random(random.bits());
        tokio::spawn(async move {
            let mut below = |end: usize| random.bits() as usize % end;
            while stop.load(Ordering::SeqCst) == 0 {
                let looks = (0..3).map(|_| regions.look(if below(16) == 0 { below(20) } else { below(8) }));
                join_all(looks.collect::<Vec<_>>()).await;
            }
        })
    };
    let mut below = |end: usize| random.bits() as usize % end;
    let mut held: Vec<Upload> = Vec::new();
    for n in 0..10_000 {
        let small = below(60) > 0;
        let region = if small { [0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 15][below(11)] } else { 8 + below(5) };
        let (version, mut upload) = regions.next(region);
        match below(8) {
            0 => drop(upload),
            1 => drop(poll_once(&mut upload)),
            2 => {
                for _ in 0..below(6) {
                    drop(poll_once(&mut upload));
                    tokio::task::yield_now().await;
                }
            }
            3 => drop(timeout(Duration::from_micros(below(400) as u64), upload).await),
            4 | 5 => {
                drop(poll_once(&mut upload));
                held.push(upload);
            }
            _ => {
                soon("an upload", upload).await.expect("submitted");
                regions.floor[region].fetch_max(version, Ordering::SeqCst);
            }
        }
        if held.len() > 64 {
            drop(held.swap_remove(below(64)));
        }
        assert!(!reader.is_finished(), "the reader failed after {n} uploads");
    }
    drop(held);
    stop.store(1, Ordering::SeqCst);
    soon("the reader", reader).await.expect("no panic");
    counters_are_zero(&gpu).await;
    for region in 0..20 {
        regions.look(region).await;
    }
    let stale = std::mem::take(&mut *regions.stale.lock().expect("not poisoned"));
    assert!(stale.is_empty(), "{} times something older was seen: {:#?}", stale.len(), &stale[..stale.len().min(10)]);
    drop(regions);
    close(gpu).await;
}

// Dropped while they wait.

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A buffer that a held graph reads, and staging memory of 3 MiB, as full as it gets.
async fn full(gpu: &Gpu, gate: &Gate) -> (GpuBuffer<u32>, tokio::task::JoinHandle<()>) {
    let buffer = gpu.buffer::<u32>("target", 48 * 16 * KIB).expect("a buffer");
    let graph = filler(gpu, &buffer, [0..buffer.len()], 0);
    gate.hold(&graph);
    soon("a submit", graph.submit()).await.expect("submitted");
    let crowd = (0..48).map(|i| gpu.upload(&buffer, i * 16 * KIB, vec![1; 16 * KIB])).collect::<Vec<_>>();
    let crowd = tokio::spawn(async move {
        join_all(crowd).await;
    });
    until("the crowd", || gpu.counters().uploads_waiting > 0).await;
    settled(|| gpu.counters().staging_bytes).await;
    (buffer, crowd)
}

#[tokio::test]
async fn dropped_while_it_waits_its_data_goes_at_once_and_nobody_is_woken() {
    let gpu = open(strict().staging_bytes(3 << 20));
    let gate = Gate::new(&gpu);
    let (buffer, crowd) = full(&gpu, &gate).await;
    let copied = gpu.counters().upload_copies;
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    for polls in 0..4 {
        let data = Arc::new(vec![9u32; 1000]);
        let uploads: Vec<_> = (0..100).map(|i| gpu.upload(&buffer, i, Arc::clone(&data))).collect();
        let uploads: Vec<_> = uploads
            .into_iter()
            .map(|mut upload| {
                for _ in 0..polls {
                    assert!(Pin::new(&mut upload).poll(&mut Context::from_waker(&waker)).is_pending());
                }
                upload
            })
            .collect();
        sleep(Duration::from_millis(10)).await;
        assert_eq!(Arc::strong_count(&data), 101);
        drop(uploads);
        assert_eq!(Arc::strong_count(&data), 1, "polled {polls} times");
    }
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    gate.open();
    soon("the crowd", crowd).await.expect("no panic");
    counters_are_zero(&gpu).await;
    assert!(gpu.counters().upload_copies >= copied);
    assert!(words(&gpu, &buffer, 0..buffer.len()).await.expect("read").iter().all(|word| *word == 1), "one was copied");
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn the_last_waker_is_the_one_that_is_woken() {
    let gpu = open(strict().staging_bytes(3 << 20));
    let gate = Gate::new(&gpu);
    let (buffer, crowd) = full(&gpu, &gate).await;
    let counts = [(); 3].map(|()| Arc::new(Count(AtomicUsize::new(0))));
    let mut upload = gpu.upload(&buffer, 0, vec![3; 10]);
    for count in &counts {
        let waker = Waker::from(Arc::clone(count));
        assert!(Pin::new(&mut upload).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    gate.open();
    until("a wake", || counts[2].0.load(Ordering::SeqCst) > 0).await;
    assert_eq!(counts[..2].iter().map(|count| count.0.load(Ordering::SeqCst)).sum::<usize>(), 0);
    let Poll::Ready(Ok(done)) = poll_once(&mut upload) else { panic!("woken for nothing") };
    assert!(matches!(poll_once(&mut upload), Poll::Ready(Err(Error::Cancelled))), "polled again");
    let elsewhere = thread::spawn(move || futures::executor::block_on(done));
    until("the other thread", || elsewhere.is_finished()).await;
    elsewhere.join().expect("no panic").expect("complete");
    soon("the crowd", crowd).await.expect("no panic");
    drop((buffer, gate));
    close(gpu).await;
}

/// Nobody can await a dropped upload, so nobody could say that it was to come first.
#[tokio::test]
async fn a_dropped_load_does_not_come_after_what_is_awaited_later() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", 3 * MIB).expect("a buffer");
    fill(&gpu, &buffer, [0..3 * MIB], 7).await;
    let dam = Dam::default();
    let mut load = dammed(&gpu, &buffer, &dam, MIB);
    drop(poll_once(&mut load));
    until("its first chunks", || gpu.counters().upload_copies >= 1).await;
    drop(load);
    let mut small = gpu.upload(&buffer, 0, vec![99; 16]);
    let submitted_before = timeout(Duration::from_millis(200), &mut small).await;
    dam.open();
    if submitted_before.is_err() {
        soon("the small one", small).await.expect("submitted");
    }
    counters_are_zero(&gpu).await;
    assert_eq!(words(&gpu, &buffer, 0..16).await.expect("read"), [99; 16]);
    drop(buffer);
    close(gpu).await;
}
