//! Uploads that are dropped, overtaken, or in flight when all ends: what readers see is never a part of one.

#![expect(clippy::single_range_in_vec_init, reason = "places to fill, of which there may be one")]

mod common;

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use bytes::Bytes;
use common::{
    Gate, close,
    faults::{Faults, LooseGate},
    open, poll_once, soon, strict, strict_gpu, until,
};
use futures::future::join_all;
use tokio::time::{sleep, timeout};
use vulkio::{Error, Gpu, GpuBuffer, Graph, Priority, QueueKind, Upload, UploadData};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Numbers that look random: xorshift.
struct Dice(u64);

impl Dice {
    /// Another seed each time, printed; `VULKIO_SEED` sets it.
    fn new() -> Self {
        let now =
            || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |t| t.as_nanos() as u64);
        let seed = std::env::var("VULKIO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
        println!("VULKIO_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

fn filler(gpu: &Gpu, buffer: &GpuBuffer<u32>, ranges: impl IntoIterator<Item = Range<usize>>, value: u32) -> Graph {
    let graph = Graph::new(gpu, "filler");
    for range in ranges {
        let own = buffer.clone();
        graph.pass("fill").writes(buffer.slice(range.clone()).copy_target()).record(move |cmd| {
            cmd.fill(&own, range, value);
        });
    }
    graph
}

async fn fill(gpu: &Gpu, buffer: &GpuBuffer<u32>, ranges: impl IntoIterator<Item = Range<usize>>, value: u32) {
    drop(soon("a fill", filler(gpu, buffer, ranges, value).submit()).await.expect("submitted"));
}

/// Reads `range`, and says of nothing else that it does.
async fn words(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>) -> Result<Vec<u32>, Error> {
    let copy = gpu.buffer::<u32>("copy", range.len())?;
    soon("a submit", reader(gpu, buffer, range, &copy).submit()).await?;
    Ok(soon("a read", gpu.read(&copy, 0..copy.len())).await?.to_vec())
}

fn reader(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>, copy: &GpuBuffer<u32>) -> Graph {
    let graph = Graph::new(gpu, "reader");
    let (from, to) = (buffer.clone(), copy.clone());
    graph.pass("read").reads(buffer.slice(range.clone()).copy_source()).writes(copy.copy_target()).record(move |cmd| {
        cmd.copy(&from, range, &to, 0);
    });
    graph
}

/// A graph that reads `range`, submitted: whether it may.
async fn may_read(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>) -> Result<(), Error> {
    let copy = gpu.buffer::<u32>("copy", range.len())?;
    soon("a submit", reader(gpu, buffer, range, &copy).submit()).await.map(drop)
}

#[track_caller]
fn is_unwritten<T>(what: &str, result: Result<T, Error>) {
    match result {
        Err(Error::Graph(said)) => assert!(said.contains("nothing has written") || said.contains("replaced"), "{said}"),
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what} may be read, before all of it is there"),
    }
}

async fn counters_are_zero(gpu: &Gpu) {
    let idle = || {
        let counters = gpu.counters();
        (counters.staging_bytes, counters.uploads_waiting) == (0, 0)
    };
    until("the counters' way back to zero", idle).await;
}

async fn settled(mut number: impl FnMut() -> u64) -> u64 {
    let mut last = number();
    loop {
        sleep(Duration::from_millis(150)).await;
        let now = number();
        if now == last {
            return now;
        }
        last = now;
    }
}

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
    let mut dice = Dice::new();
    let gpu = open(strict().staging_bytes(12 << 20));
    let regions = Regions::new(&gpu);
    fill(&gpu, &regions.buffer, [0..regions.buffer.len()], 0).await;
    let stop = Arc::new(AtomicUsize::new(0));
    let reader = {
        let (regions, stop) = (Arc::clone(&regions), Arc::clone(&stop));
        let mut dice = Dice(dice.0 ^ 0x55_5555);
        tokio::spawn(async move {
            while stop.load(Ordering::SeqCst) == 0 {
                let looks =
                    (0..3).map(|_| regions.look(if dice.below(16) == 0 { dice.below(20) } else { dice.below(8) }));
                join_all(looks.collect::<Vec<_>>()).await;
            }
        })
    };
    let mut held: Vec<Upload> = Vec::new();
    for n in 0..10_000 {
        let small = dice.below(60) > 0;
        let region = if small { [0, 1, 2, 3, 4, 5, 6, 7, 13, 14, 15][dice.below(11)] } else { 8 + dice.below(5) };
        let (version, mut upload) = regions.next(region);
        match dice.below(8) {
            0 => drop(upload),
            1 => drop(poll_once(&mut upload)),
            2 => {
                for _ in 0..dice.below(6) {
                    drop(poll_once(&mut upload));
                    tokio::task::yield_now().await;
                }
            }
            3 => drop(timeout(Duration::from_micros(dice.below(400) as u64), upload).await),
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
            drop(held.swap_remove(dice.below(64)));
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

#[tokio::test]
async fn small_uploads_over_each_other_leave_every_byte_to_one_of_them() {
    let mut dice = Dice::new();
    let gpu = strict_gpu();
    let len = 256;
    let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
    let mut model = vec![0u32; len];
    gpu.upload(&buffer, 0, model.clone()).await.expect("submitted");
    for n in 1..300u32 {
        // One after the other: the last one wins.
        let at = dice.below(len);
        let count = 1 + dice.below(len - at);
        model[at..at + count].fill(n);
        gpu.upload(&buffer, at, vec![n; count]).await.expect("submitted");
        if n % 50 == 0 {
            assert_eq!(words(&gpu, &buffer, 0..len).await.expect("read"), model, "after {n}");
        }
    }
    // All at once, polled in order: they are of one priority, so the last one polled wins.
    let uploads: Vec<_> = (1000..1400u32)
        .map(|n| {
            let at = dice.below(len);
            let count = 1 + dice.below((len - at).min(40));
            model[at..at + count].fill(n);
            gpu.upload(&buffer, at, vec![n; count])
        })
        .collect();
    join_all(uploads).await.into_iter().for_each(|done| drop(done.expect("submitted")));
    assert_eq!(words(&gpu, &buffer, 0..len).await.expect("read"), model);
    drop(buffer);
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

#[test]
fn uploads_need_no_runtime() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", MIB).expect("a buffer");
    futures::executor::block_on(async {
        for n in 0..3 {
            gpu.upload(&buffer, 0, vec![n; MIB]).await.expect("submitted");
            let small = gpu.upload(&buffer, 0, vec![n; 7]);
            let other = gpu.upload(&buffer, 9, vec![n; 7]);
            let either = futures::future::select(small, other).await;
            drop(either);
        }
        let read = gpu.read(&buffer, 0..MIB).await.expect("read");
        assert!(read.iter().all(|word| *word == 2));
        drop(read);
        drop(buffer);
        close(gpu).await;
    });
}

// Overtaken.

/// Holds generators at a place until it is opened.
#[derive(Clone, Default)]
struct Dam(Arc<(Mutex<bool>, Condvar)>);

impl Dam {
    fn pass(&self) {
        let open = self.0.0.lock().expect("not poisoned");
        drop(self.0.1.wait_while(open, |open| !*open).expect("not poisoned"));
    }

    fn open(&self) {
        *self.0.0.lock().expect("not poisoned") = true;
        self.0.1.notify_all();
    }
}

impl Drop for Dam {
    fn drop(&mut self) {
        if thread::panicking() {
            self.open();
        }
    }
}

/// A load of the whole buffer, element i being i, that stops at element `at` until the dam opens.
fn dammed(gpu: &Gpu, buffer: &GpuBuffer<u32>, dam: &Dam, at: usize) -> Upload {
    let dam = dam.clone();
    gpu.upload_with(buffer, move |range, place| {
        if range.end > at {
            dam.pass();
        }
        range.zip(place).for_each(|(i, word)| *word = i as u32);
    })
}

#[tokio::test]
async fn a_load_of_fresh_memory_cannot_be_read_before_it_is_whole() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", 3 * MIB).expect("a buffer");
    let dam = Dam::default();
    let load = tokio::spawn(dammed(&gpu, &buffer, &dam, 2 * MIB));
    until("its first chunks", || gpu.counters().upload_copies > 0).await;
    is_unwritten("the load", words(&gpu, &buffer, 0..16).await);
    // What overlaps it waits for it; what does not does not.
    let mut small = gpu.upload(&buffer, 5, vec![77; 3]);
    assert!(poll_once(&mut small).is_pending());
    let other = gpu.buffer::<u32>("other", 1).expect("a buffer");
    soon("another upload", gpu.upload(&other, 0, vec![1])).await.expect("submitted");
    is_unwritten("the load", words(&gpu, &buffer, 0..16).await);
    dam.open();
    soon("the load", load).await.expect("no panic").expect("submitted");
    soon("the small one", small).await.expect("submitted");
    let read = words(&gpu, &buffer, 0..3 * MIB).await.expect("read");
    assert_eq!(read[..10], [0, 1, 2, 3, 4, 77, 77, 77, 8, 9]);
    assert!(read[10..].iter().enumerate().all(|(i, word)| *word == i as u32 + 10));
    counters_are_zero(&gpu).await;
    drop((buffer, other));
    close(gpu).await;
}

#[tokio::test]
async fn a_load_that_a_frame_overtakes_is_whole_after_it() {
    let gpu = strict_gpu();
    // In front of what is copied already, behind it, and across.
    for (round, touched) in [0..16, 2 * MIB..2 * MIB + 16, 0..3 * MIB].into_iter().enumerate() {
        let buffer = gpu.buffer::<u32>("b", 3 * MIB).expect("a buffer");
        let dam = Dam::default();
        let load = tokio::spawn(dammed(&gpu, &buffer, &dam, 2 * MIB));
        until("its first chunks", || gpu.counters().upload_copies > 0).await;
        fill(&gpu, &buffer, [touched.clone()], 0xFFFF).await;
        assert!(words(&gpu, &buffer, touched.clone()).await.expect("it is written").iter().all(|word| *word == 0xFFFF));
        if touched.len() == 16 {
            is_unwritten("a part of the load", words(&gpu, &buffer, MIB..MIB + 16).await);
        }
        dam.open();
        soon("the load", load).await.expect("no panic").unwrap_or_else(|error| panic!("round {round}: {error}"));
        let read = words(&gpu, &buffer, 0..3 * MIB).await.expect("read");
        assert!(read.iter().enumerate().all(|(i, word)| *word == i as u32), "round {round}");
        drop(buffer);
    }
    counters_are_zero(&gpu).await;
    close(gpu).await;
}

/// Several chunks are committed before the load learns that one of them came too late.
#[tokio::test]
async fn a_load_that_is_overtaken_with_several_chunks_on_their_way_is_whole_after_it() {
    const LEN: usize = 10 * MIB;
    let gpu = strict_gpu();
    for round in 0..3 {
        let buffer = gpu.buffer::<u32>("b", LEN).expect("a buffer");
        let (let_go, wait) = mpsc::channel::<()>();
        let (enter, entered) = mpsc::channel();
        let owner = gpu.clone();
        let holder = thread::spawn(move || {
            // SAFETY: nothing is done with the queue.
            unsafe {
                owner.with_queue(QueueKind::Graphics, |_, _| {
                    let _ = enter.send(());
                    let _ = wait.recv();
                });
            }
        });
        entered.recv().expect("nobody else submits now");
        let mut overtakes = filler(&gpu, &buffer, [16..32], 5).submit();
        assert!(poll_once(&mut overtakes).is_pending());
        common::recorded().await;
        let before = gpu.counters().upload_copies;
        let load = tokio::spawn(gpu.upload(&buffer, 0, (0..LEN as u32).collect::<Vec<_>>()));
        until("some chunks", || gpu.counters().upload_copies >= before + 2).await;
        sleep(Duration::from_millis(20)).await;
        let_go.send(()).expect("it waits");
        soon("the fill", overtakes).await.expect("submitted");
        let outcome = soon("the load", load).await.expect("no panic");
        outcome.unwrap_or_else(|error| panic!("round {round}: {error}"));
        let read = words(&gpu, &buffer, 0..LEN).await.expect("read");
        assert!(read.iter().enumerate().all(|(i, word)| *word == i as u32), "round {round}");
        holder.join().expect("no panic");
        drop(buffer);
    }
    counters_are_zero(&gpu).await;
    close(gpu).await;
}

/// A load into elements `MIB..4 * MIB` of a fresh buffer of 5 MiB elements, begun and held up by the gate.
async fn stalled_load(
    gpu: &Gpu,
    gate: &Gate,
) -> (GpuBuffer<u32>, tokio::task::JoinHandle<Result<vulkio::Completion, Error>>) {
    // On the uploads' own queue: what comes after it there waits as well, whatever queues there are.
    let graph = Graph::on(gpu, "held", QueueKind::Transfer);
    gate.hold(&graph);
    soon("a submit", graph.submit()).await.expect("submitted");
    let buffer = gpu.buffer::<u32>("b", 5 * MIB).expect("a buffer");
    let load = tokio::spawn(gpu.upload(&buffer, MIB, vec![6u32; 3 * MIB]));
    let copied = settled(|| gpu.counters().uploaded_bytes).await;
    assert!(copied > 0 && !load.is_finished(), "{copied} bytes of the load were copied");
    is_unwritten("the load", may_read(gpu, &buffer, MIB..MIB + 16).await);
    (buffer, load)
}

#[tokio::test]
async fn uploads_around_a_load_do_not_show_a_part_of_it() {
    let gpu = open(strict().staging_bytes(12 << 20));
    let gate = Gate::new(&gpu);
    let (buffer, load) = stalled_load(&gpu, &gate).await;
    // In one flush, of too many places to be told apart; in front of the load and behind it.
    let place = |i: usize| if i.is_multiple_of(2) { i * 1024 } else { 4 * MIB + i * 1024 };
    let before = gpu.counters().upload_copies;
    let mut uploads: Vec<_> = (0..64).map(|i| gpu.upload(&buffer, place(i), vec![3; 4])).collect();
    uploads.iter_mut().for_each(|upload| drop(poll_once(upload)));
    let all = tokio::spawn(join_all(uploads));
    until("a flush", || gpu.counters().upload_copies > before).await;
    sleep(Duration::from_millis(50)).await;
    is_unwritten("a half of the load", may_read(&gpu, &buffer, MIB..MIB + 16).await);
    gate.open();
    soon("the load", load).await.expect("no panic").expect("submitted");
    soon("the others", all).await.expect("no panic").into_iter().for_each(|done| drop(done.expect("submitted")));
    let read = words(&gpu, &buffer, MIB..4 * MIB).await.expect("read");
    assert!(read.iter().all(|word| *word == 6));
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn frames_that_write_all_around_a_load_do_not_show_a_part_of_it() {
    let gpu = open(strict().staging_bytes(12 << 20));
    let gate = Gate::new(&gpu);
    let (buffer, load) = stalled_load(&gpu, &gate).await;
    // More places than the past of a buffer has parts, beginning at the load.
    for i in 0..40 {
        let places = (i * 4..i * 4 + 4).flat_map(|n| [MIB - 4 - 8 * n, 4 * MIB + 8 * n]);
        fill(&gpu, &buffer, places.map(|at| at..at + 4), 3).await;
        is_unwritten("the load's begin", may_read(&gpu, &buffer, MIB..MIB + 16).await);
        is_unwritten("the load's end", may_read(&gpu, &buffer, 4 * MIB - 16..4 * MIB).await);
    }
    gate.open();
    soon("the load", load).await.expect("no panic").expect("submitted");
    let read = words(&gpu, &buffer, MIB..4 * MIB).await.expect("read");
    assert!(read.iter().all(|word| *word == 6));
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn loads_into_memory_in_use_show_the_old_or_the_new() {
    let gpu = strict_gpu();
    let len = 5 * MIB / 4;
    let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
    fill(&gpu, &buffer, [0..len], 0).await;
    let device = gpu.clone();
    let target = buffer.clone();
    let loads = tokio::spawn(async move {
        for n in 1..=20u32 {
            device.upload(&target, 0, vec![n; len]).priority(Priority::Bulk).await.expect("submitted");
        }
    });
    let mut last = 0;
    while !loads.is_finished() {
        let read = words(&gpu, &buffer, 0..len).await.expect("read");
        assert!(read.iter().all(|word| *word == read[0]) && read[0] >= last, "{} after {last}", read[0]);
        last = read[0];
    }
    soon("the loads", loads).await.expect("no panic");
    assert_eq!(words(&gpu, &buffer, len - 1..len).await.expect("read"), [20]);
    drop(buffer);
    counters_are_zero(&gpu).await;
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

// What the data's own code does.

struct Bomb(Vec<u8>);

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bomb");
    }
}

#[tokio::test]
async fn data_that_panics_when_dropped_harms_no_other_upload() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u8>("b", 3 * MIB).expect("a buffer");
    for bytes in [64, MIB, 3 * MIB] {
        let bomb = UploadData::<u8>::from_bytes(Bytes::from_owner(Bomb(vec![1; bytes])));
        drop(soon("the bomb", gpu.upload(&buffer, 0, bomb)).await);
        let next = soon("the next", gpu.upload(&buffer, 0, vec![2; 3 * MIB])).await;
        next.unwrap_or_else(|error| panic!("after {bytes} bytes: {error}"));
    }
    let bomb = UploadData::<u8>::from_bytes(Bytes::from_owner(Bomb(vec![1; 64])));
    let upload = gpu.upload(&buffer, 0, bomb);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(upload))).is_err(), "this one is the caller's");
    counters_are_zero(&gpu).await;
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn a_generator_that_panics_fails_its_upload_alone() {
    let gpu = strict_gpu();
    for (len, at) in [(16, 0), (MIB, 0), (3 * MIB, 2 * MIB), (3 * MIB, 0)] {
        let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
        for written in [false, true] {
            if written {
                fill(&gpu, &buffer, [0..len], 4).await;
            }
            let made = gpu.upload_with(&buffer, move |range, place| {
                assert!(range.end <= at, "on purpose");
                place.fill(5);
            });
            let error = soon("the upload", made).await.expect_err("it panics");
            assert!(matches!(error, Error::HelperPanicked { .. }), "{error:?}");
            let read = words(&gpu, &buffer, 0..len).await;
            if written {
                assert!(read.expect("read").iter().all(|word| *word == 4), "{len} {at}");
            } else {
                is_unwritten("what failed", read);
            }
        }
        soon("the next", gpu.upload(&buffer, 0, vec![6; len])).await.expect("submitted");
        assert!(words(&gpu, &buffer, 0..len).await.expect("read").iter().all(|word| *word == 6));
    }
    counters_are_zero(&gpu).await;
    close(gpu).await;
}

// The end.

/// Uploads in every state, under a gate.
async fn in_every_state(gpu: &Gpu, dam: &Dam) -> Vec<Upload> {
    let small = gpu.buffer::<u32>("small", 64 * KIB).expect("a buffer");
    let load = gpu.buffer::<u32>("load", 3 * MIB).expect("a buffer");
    let used = gpu.buffer::<u32>("used", 3 * MIB).expect("a buffer");
    fill(gpu, &used, [0..3 * MIB], 1).await;
    let mut uploads = vec![dammed(gpu, &load, dam, MIB), gpu.upload(&used, 0, vec![2; 3 * MIB])];
    uploads.extend((0..200).map(|i| gpu.upload(&small, i * 256, vec![3; 256])));
    uploads.extend((0..20).map(|i| gpu.upload(&used, i, vec![3; MIB])));
    // One that is answered at once is over.
    uploads.retain_mut(|upload| poll_once(upload).is_pending());
    sleep(Duration::from_millis(30)).await;
    uploads.push(gpu.upload(&small, 0, vec![4; 4])); // never polled
    uploads
}

async fn all_end(uploads: Vec<Upload>) -> (usize, usize) {
    let (mut submitted, mut closed) = (0, 0);
    for upload in uploads {
        match soon("an upload after the end", upload).await {
            Ok(_) => submitted += 1,
            Err(Error::Closed) => closed += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    println!("{submitted} submitted, {closed} closed");
    (submitted, closed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_answers_uploads_in_every_state() {
    for opens_before in [true, false] {
        let gpu = open(strict().staging_bytes(1 << 21));
        let (gate, dam) = (Gate::new(&gpu), Dam::default());
        let graph = Graph::on(&gpu, "held", QueueKind::Transfer);
        gate.hold(&graph);
        soon("a submit", graph.submit()).await.expect("submitted");
        let uploads = in_every_state(&gpu, &dam).await;
        if opens_before {
            gate.open();
        }
        let device = gpu.clone();
        let closing = tokio::spawn(async move { device.close().await });
        let (_, closed) = all_end(uploads).await;
        assert!(closed >= 2, "the dammed one, and the one that was never polled");
        gate.open();
        dam.open();
        soon("close", closing).await.expect("no panic").expect("closed");
        counters_are_zero(&gpu).await;
        drop(gate);
        close(gpu).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_last_handle_answers_uploads_in_every_state_and_hangs_nowhere() {
    for (opens_before, dam_before) in [(true, true), (true, false), (false, true), (false, false)] {
        println!("gate {opens_before}, dam {dam_before}");
        let (options, faults) = Faults::on(strict().staging_bytes(1 << 21).close_timeout(Duration::from_millis(20)));
        let gpu = open(options);
        let log = gpu.validation_log();
        let (gate, dam) = (LooseGate::new(&gpu, &faults), Dam::default());
        let graph = Graph::on(&gpu, "held", QueueKind::Transfer);
        gate.hold(&graph);
        soon("a submit", graph.submit()).await.expect("submitted");
        let mut uploads = in_every_state(&gpu, &dam).await;
        drop(uploads.pop()); // it would hold the Gpu
        if opens_before {
            gate.open();
        }
        if dam_before {
            dam.open();
        }
        let dropped = tokio::task::spawn_blocking(move || drop(gpu));
        timeout(Duration::from_secs(5), dropped).await.expect("the drop ends").expect("no panic");
        all_end(uploads).await;
        gate.open();
        dam.open();
        tokio::task::spawn_blocking(move || faults.wait_for_the_end()).await.expect("no panic");
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_may_hold_the_last_handle_of_its_gpu() {
    for len in [16, MIB, 3 * MIB] {
        let (options, faults) = Faults::on(strict());
        let gpu = open(options);
        let log = gpu.validation_log();
        let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
        let own = gpu.clone();
        let mut upload = gpu.upload_with(&buffer, move |_, place| {
            thread::sleep(Duration::from_millis(5));
            place.fill(u32::from(own.is_lost_or(1)));
        });
        drop(poll_once(&mut upload));
        drop((buffer, gpu));
        drop(soon("the upload", upload).await);
        tokio::task::spawn_blocking(move || faults.wait_for_the_end()).await.expect("no panic");
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}

trait IsLostOr {
    fn is_lost_or(&self, value: u8) -> u8;
}

impl IsLostOr for Gpu {
    fn is_lost_or(&self, value: u8) -> u8 {
        if self.counters().submits == u64::MAX { 0 } else { value }
    }
}
