//! Imported memory: what the host has, copies read where it is; and it stays for as long as they do.

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use common::{Gate, close, poll_once, soon, strict_gpu, until};
use vulkio::{
    Error, Features, Gpu, GpuBuffer, GpuOptions, Graph, HostPages, Imported, QueueKind, RawDevice, RawQueue, ash,
};

const LEN: usize = 40_000;

fn pages(seed: u32) -> HostPages<u32> {
    let mut pages = HostPages::new(LEN).expect("host memory");
    pages.iter_mut().zip(0..).for_each(|(word, i): (_, u32)| *word = i.wrapping_mul(seed));
    pages
}

/// A graph that copies all of it.
fn copies(gpu: &Gpu, from: &Imported<u32>, to: &GpuBuffer<u32>) -> Graph {
    let graph = Graph::on(gpu, "load", QueueKind::Transfer);
    let (source, target) = (from.clone(), to.clone());
    graph.pass("load").reads(from.copy_source()).writes(to.copy_target()).record(move |cmd| {
        cmd.copy(&source, 0..LEN, &target, 0);
    });
    graph
}

async fn contents(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Vec<u32> {
    soon("a read", gpu.read(buffer, 0..LEN)).await.expect("read").to_vec()
}

/// The tests need a device that imports: lavapipe does, and NVIDIA's driver.
fn able() -> Gpu {
    let gpu = strict_gpu();
    assert!(gpu.info().features.external_memory_host, "{} cannot import host memory", gpu.info());
    assert!(gpu.info().import_alignment.is_some_and(u64::is_power_of_two), "{:?}", gpu.info().import_alignment);
    gpu
}

#[tokio::test]
async fn imported_memory_is_copied_from_where_it_is() {
    let gpu = able();
    let buffer = gpu.buffer::<u32>("words", LEN).expect("a buffer");
    let before = gpu.counters();
    let imported = gpu.import(pages(3)).await.expect("imported");
    let after = gpu.counters();
    assert_eq!(after.device_allocations, before.device_allocations + 1);
    assert_eq!(after.device_bytes, before.device_bytes, "the memory is the host's");
    copies(&gpu, &imported, &buffer).submit().await.expect("submitted").await.expect("complete");
    assert_eq!(contents(&gpu, &buffer).await, imported.to_vec());
    assert_eq!(imported[7], 21);

    let slice = imported.slice(5..9).expect("within");
    assert_eq!((&*slice, slice.range(), slice.whole().len()), (&[15, 18, 21, 24][..], 5..9, LEN));
    for range in [LEN..LEN + 1, 0..usize::MAX] {
        assert!(matches!(imported.slice(range), Err(Error::Invalid(_))));
    }
    drop((slice, imported, buffer));
    close(gpu).await;
}

#[tokio::test]
async fn an_upload_of_imported_memory_stages_nothing() {
    let gpu = able();
    let buffer = gpu.buffer::<u32>("words", LEN).expect("a buffer");
    let imported = gpu.import(pages(3)).await.expect("imported");
    let before = gpu.counters();
    soon("all of it", gpu.upload(&buffer, 0, imported.clone())).await.expect("uploaded");
    let slice = imported.slice(100..350).expect("within");
    soon("a slice", gpu.upload(&buffer, 7, slice)).await.expect("uploaded");
    let after = gpu.counters();
    assert_eq!(after.peak_staging_bytes, before.peak_staging_bytes);
    assert_eq!(after.uploaded_bytes, before.uploaded_bytes + 4 * (LEN as u64 + 250));
    let mut expected = imported.to_vec();
    expected[7..257].copy_from_slice(&imported[100..350]);
    assert!(contents(&gpu, &buffer).await == expected);

    let empty = imported.slice(5..5).expect("within");
    assert!(matches!(soon("nothing", gpu.upload(&buffer, 0, empty)).await, Err(Error::Invalid(_))));
    let other = strict_gpu();
    let foreign = other.buffer::<u32>("words", LEN).expect("a buffer");
    let error = soon("elsewhere", other.upload(&foreign, 0, imported.clone())).await.expect_err("another Gpu");
    assert!(matches!(error, Error::Graph(_)), "{error}");
    drop((imported, buffer, foreign));
    close(other).await;
    close(gpu).await;
}

#[tokio::test]
async fn memory_is_written_again_when_nobody_reads_it_and_needs_no_second_import() {
    let gpu = able();
    let buffer = gpu.buffer::<u32>("words", LEN).expect("a buffer");
    let mut imported = gpu.import(pages(1)).await.expect("imported");
    let before = gpu.counters().device_allocations;
    for seed in 2..6 {
        let words = imported.get_mut().expect("nobody reads it");
        words.copy_from_slice(&pages(seed));
        let graph = copies(&gpu, &imported, &buffer);
        assert!(imported.get_mut().is_none(), "the graph has it");
        graph.submit().await.expect("submitted").await.expect("complete");
        assert!(contents(&gpu, &buffer).await == *pages(seed), "{seed}");
        until("the copy lets go", || imported.get_mut().is_some()).await;
    }
    // Reads of a few hundred KiB come from a block that is there by then.
    assert!(gpu.counters().device_allocations <= before + 1);
    drop((imported, buffer));
    close(gpu).await;
}

#[tokio::test]
async fn memory_outlives_the_copy_that_reads_it() {
    let gpu = able();
    let gate = Gate::new(&gpu);
    let buffer = gpu.buffer::<u32>("words", LEN).expect("a buffer");
    let mut imported = gpu.import(pages(5)).await.expect("imported");
    let graph = copies(&gpu, &imported, &buffer);
    gate.hold(&graph);
    let done = graph.submit().await.expect("submitted");
    assert!(imported.get_mut().is_none(), "a copy is in flight");
    let imported = imported.into_pages().expect_err("a copy is in flight");
    drop(imported);
    gate.open();
    soon("the copy", done).await.expect("complete");
    assert!(contents(&gpu, &buffer).await == *pages(5));
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn pages_come_back_from_the_last_handle() {
    let gpu = able();
    let imported = gpu.import(pages(9)).await.expect("imported");
    let other = imported.clone();
    let imported = imported.into_pages().expect_err("there is another handle");
    let slice = other.slice(0..1).expect("within");
    drop((imported, other));
    let last = slice.whole().clone();
    let last = last.into_pages().expect_err("a slice is a handle");
    drop(slice);
    let back = last.into_pages().expect("the last handle");
    assert!(*back == *pages(9));
    // And they can be imported again.
    let again = gpu.import(back).await.expect("imported");
    assert_eq!(again.len(), LEN);
    drop(again);
    close(gpu).await;
}

/// Memory of "somebody else", and a count of how often it was let go of.
struct Owner {
    _memory: Arc<Vec<u32>>,
    drops: Arc<AtomicUsize>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

struct Foreign {
    /// The first word at a multiple of the alignment.
    start: *const u32,
    words: usize,
    memory: Arc<Vec<u32>>,
    drops: Arc<AtomicUsize>,
}

impl Foreign {
    /// Two units of the device's alignment.
    fn new(gpu: &Gpu) -> Self {
        let alignment = gpu.info().import_alignment.expect("it can import") as usize;
        let words = 2 * alignment / 4;
        let memory: Vec<u32> = (0..(words + alignment / 4) as u32).collect();
        let start = memory.as_ptr().wrapping_byte_add(memory.as_ptr().align_offset(alignment) * 4);
        assert_eq!(start.addr() % alignment, 0);
        Self { start, words, memory: Arc::new(memory), drops: Arc::default() }
    }

    fn owner(&self) -> Owner {
        Owner { _memory: Arc::clone(&self.memory), drops: Arc::clone(&self.drops) }
    }

    fn drops(&self) -> usize {
        self.drops.load(SeqCst)
    }
}

#[tokio::test]
async fn foreign_memory_is_kept_until_the_copy_is_complete() {
    let gpu = able();
    let gate = Gate::new(&gpu);
    let foreign = Foreign::new(&gpu);
    // SAFETY: the owner keeps the words, and nobody writes them.
    let imported = unsafe { gpu.import_raw(foreign.start, foreign.words, foreign.owner()) }.await.expect("imported");
    let first = imported[0];
    let buffer = gpu.buffer::<u32>("words", foreign.words).expect("a buffer");
    let graph = Graph::on(&gpu, "load", QueueKind::Transfer);
    gate.hold(&graph);
    let (source, target, words) = (imported.clone(), buffer.clone(), foreign.words);
    graph.pass("load").reads(imported.copy_source()).writes(buffer.copy_target()).record(move |cmd| {
        cmd.copy(&source, 0..words, &target, 0);
    });
    let done = graph.submit().await.expect("submitted");
    let imported = imported.into_pages().expect_err("a copy is in flight, and these are no pages of vulkio's");
    drop(imported);
    assert_eq!(foreign.drops(), 0, "the copy may still read it");
    gate.open();
    soon("the copy", done).await.expect("complete");
    until("the copy lets go", || foreign.drops() == 1).await;
    let words = soon("a read", gpu.read(&buffer, 0..words)).await.expect("read");
    assert!(words.iter().zip(first..).all(|(&word, i)| word == i));

    // SAFETY: as above.
    let imported = unsafe { gpu.import_raw(foreign.start, foreign.words, foreign.owner()) }.await.expect("imported");
    let imported = imported.into_pages().expect_err("these are no pages of vulkio's");
    assert_eq!((imported[1], foreign.drops()), (first + 1, 1), "still imported");
    drop((imported, words, buffer, gate));
    assert_eq!(foreign.drops(), 2);
    close(gpu).await;
}

#[tokio::test]
async fn foreign_memory_that_is_not_aligned_is_refused_with_the_alignment_and_let_go_of() {
    let gpu = able();
    let foreign = Foreign::new(&gpu);
    let before = gpu.counters();
    let alignment = format!("multiples of {}", gpu.info().import_alignment.expect("it can import"));
    let spans = [(foreign.start.wrapping_add(1), foreign.words), (foreign.start, foreign.words - 1)];
    for (count, (start, words)) in spans.into_iter().enumerate() {
        // SAFETY: the owner keeps the words, and nobody writes them.
        let error = unsafe { gpu.import_raw(start, words, foreign.owner()) }.await.expect_err("not aligned");
        assert!(matches!(&error, Error::Invalid(message) if message.contains(&alignment)), "{error}");
        assert_eq!(foreign.drops(), count + 1);
    }
    for (start, words) in [(std::ptr::null(), 1024), (foreign.start, 0)] {
        // SAFETY: it is refused.
        let error = unsafe { gpu.import_raw(start, words, foreign.owner()) }.await.expect_err("nothing");
        assert!(matches!(error, Error::Invalid(_)), "{error}");
    }
    assert_eq!((foreign.drops(), gpu.counters()), (4, before), "nothing was asked of the driver");
    close(gpu).await;
}

#[tokio::test]
async fn imported_memory_is_a_source_of_copies_and_nothing_else() {
    let gpu = able();
    let imported = gpu.import(pages(1)).await.expect("imported");
    let buffer = gpu.buffer::<u32>("words", LEN).expect("a buffer");
    let before = gpu.counters().submits;

    let graph = Graph::new(&gpu, "write");
    let (from, to) = (buffer.clone(), imported.clone());
    gpu.upload(&buffer, 0, vec![7; LEN]).await.expect("uploaded");
    graph.pass("write").reads(buffer.copy_source()).reads(imported.copy_source()).record(move |cmd| {
        cmd.copy(&from, 0..LEN, &to, 0);
    });
    let error = graph.submit().await.expect_err("the device only reads it").to_string();
    assert!(error.contains("`imported memory`"), "{error}");

    let graph = Graph::new(&gpu, "declare");
    graph.pass("write").writes(imported.copy_source()).record(|_| ());
    assert!(graph.submit().await.is_err());

    let graph = Graph::new(&gpu, "address");
    let from = imported.clone();
    graph.pass("shade").reads(imported.copy_source()).record(move |cmd| {
        cmd.address(&from);
    });
    let error = graph.submit().await.expect_err("it has no address").to_string();
    assert!(error.contains("memory of the host"), "{error}");
    assert_eq!(gpu.counters().submits, before + 1, "the upload");
    assert!(*imported == *pages(1));
    drop((imported, buffer));
    close(gpu).await;
}

#[tokio::test]
async fn an_import_that_is_dropped_leaves_nothing_behind() {
    let gpu = able();
    let foreign = Foreign::new(&gpu);
    for polls in 0..20 {
        // SAFETY: the owner keeps the words, and nobody writes them.
        let mut import = Box::pin(unsafe { gpu.import_raw(foreign.start, foreign.words, foreign.owner()) });
        for _ in 0..polls % 3 {
            if poll_once(&mut import).is_ready() {
                break;
            }
        }
        drop(import);
        until("the memory is let go of", || foreign.drops() == polls + 1).await;
    }
    gpu.close().await.expect("closed");
    // SAFETY: as above.
    let late = unsafe { gpu.import_raw(foreign.start, foreign.words, foreign.owner()) };
    assert!(matches!(late.await, Err(Error::Closed)));
    assert_eq!(foreign.drops(), 21);
    close(gpu).await;
}

#[tokio::test]
async fn a_device_without_the_extension_says_so_before_anything_is_imported() {
    let gpu = able();
    // The same device, taken over as one on which nothing optional is enabled. The first owner submits nothing.
    // SAFETY: the handles are used while `gpu` is alive, and nothing is submitted.
    let (handles, (graphics, family)) =
        unsafe { (gpu.raw(), gpu.with_queue(QueueKind::Graphics, |queue, family| (queue, family))) };
    let raw = RawDevice {
        // SAFETY: the loader is there, as the device was opened with it.
        entry: unsafe { ash::Entry::load() }.expect("the loader"),
        instance: handles.instance.clone(),
        physical_device: handles.physical_device,
        device: handles.device.clone(),
        graphics: RawQueue { raw: graphics, family },
        compute: None,
        transfer: None,
        features: Features::default(),
        debug_utils: false,
        memory_budget: false,
    };
    // SAFETY: as above.
    let plain = unsafe { Gpu::from_raw(raw, &GpuOptions::default()) }.expect("taken over");
    assert_eq!(plain.info().import_alignment, None);
    let error = plain.import(pages(1)).await.expect_err("it cannot");
    let told =
        matches!(&error, Error::Invalid(why) if why.contains("VK_EXT_external_memory_host") && why.contains("upload"));
    assert!(told, "{error}");
    assert_eq!(plain.counters().device_allocations, 0);
    plain.close().await.expect("closed");
    drop(plain);
    close(gpu).await;
}
