//! Buffers and images read back: what is seen, what is refused, and where the memory for it comes from.

mod common;

use common::{
    Calls, Gate, close, color, counting, faults::Faults, open, pixel, poll_once, soon, strict, strict_gpu, until,
};
use futures::{
    executor::block_on,
    future::{join_all, select},
};
use vulkio::{Completion, Error, Gpu, GpuBuffer, Graph, ImageDesc, Readback, RenderTarget, ash::vk};

/// More than a span of a block: 9 MiB, so that memory for it is a `vkAllocateMemory` of its own.
const LARGE: usize = 9 << 20;

async fn fill(gpu: &Gpu, buffer: &GpuBuffer<u32>, value: u32) -> Completion {
    fill_behind(gpu, None, buffer, 0..buffer.len(), value).await
}

async fn fill_behind(
    gpu: &Gpu,
    gate: Option<&Gate>,
    buffer: &GpuBuffer<u32>,
    range: std::ops::Range<usize>,
    value: u32,
) -> Completion {
    let graph = Graph::new(gpu, "fill");
    if let Some(gate) = gate {
        gate.hold(&graph);
    }
    let to = buffer.clone();
    graph.pass("fill").writes(buffer.slice(range.clone()).copy_target()).record(move |cmd| {
        cmd.fill(&to, range, value);
    });
    graph.submit().await.expect("submitted").without_value()
}

async fn filled(gpu: &Gpu, name: &str, len: usize, value: u32) -> GpuBuffer<u32> {
    let buffer = gpu.buffer(name, len).expect("a buffer");
    soon("a fill", fill(gpu, &buffer, value).await).await.expect("complete");
    buffer
}

/// Nobody holds read-back memory any more: all there is is kept.
async fn all_is_back(gpu: &Gpu) {
    until("read-back memory to come back", || {
        let counters = gpu.counters();
        counters.readback_bytes == counters.readback_bytes_kept
    })
    .await;
}

#[tokio::test]
#[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
async fn a_read_that_cannot_be_is_an_error_and_nothing_is_submitted() {
    let (gpu, stranger) = (strict_gpu(), strict_gpu());
    let words = filled(&gpu, "words", 16, 1).await;
    let unwritten = gpu.buffer::<u32>("unwritten", 16).expect("a buffer");
    let before = gpu.counters();
    for range in [0..0, 16..16, 5..3, 0..17, 16..17, usize::MAX..usize::MAX] {
        let error = soon("a read", gpu.read(&words, range.clone())).await.expect_err("refused");
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains("`words`"), "{range:?}: {error}");
    }
    assert!(matches!(soon("a read", gpu.read(&words, 16..)).await, Err(Error::Invalid(_))));
    assert!(matches!(soon("a read", gpu.read(&words, 0..=usize::MAX)).await, Err(Error::Invalid(_))));
    assert_eq!(gpu.counters(), before);
    let error = soon("a read", gpu.read(&unwritten, ..)).await.expect_err("refused");
    assert!(matches!(error, Error::Graph(_)) && error.to_string().contains("`unwritten`"), "{error}");
    let error = soon("a read", stranger.read(&words, ..)).await.expect_err("refused");
    assert!(matches!(error, Error::Graph(_)) && error.to_string().contains("another Gpu"), "{error}");
    assert_eq!((gpu.counters().submits, stranger.counters().submits), (before.submits, 0));
    for gpu in [&gpu, &stranger] {
        all_is_back(gpu).await;
    }
    assert_eq!(*soon("a read", gpu.read(&words, 3..=4)).await.expect("read"), [1, 1]);
    drop((words, unwritten));
    close(stranger).await;
    close(gpu).await;
}

#[tokio::test]
async fn a_part_that_was_written_can_be_read_while_the_rest_was_not() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("half", 64).expect("a buffer");
    soon("a fill", fill_behind(&gpu, None, &buffer, 0..32, 7).await).await.expect("complete");
    assert_eq!(*soon("a read", gpu.read(&buffer, ..32)).await.expect("read"), [7; 32]);
    let error = soon("a read", gpu.read(&buffer, ..33)).await.expect_err("not written");
    assert!(error.to_string().contains("`half`"), "{error}");
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn reads_in_flight_see_what_was_written_before_them_and_nothing_after() {
    let gpu = strict_gpu();
    let buffer = filled(&gpu, "words", 256, 0).await;
    let gate = Gate::new(&gpu);
    let mut reads = Vec::new();
    fill_behind(&gpu, Some(&gate), &buffer, 0..256, 1).await;
    for value in 2..8 {
        let submits = gpu.counters().submits;
        let read = tokio::spawn(gpu.read(&buffer, value as usize..200));
        until("the read to be submitted", || gpu.counters().submits == submits + 1).await;
        reads.push((value - 1, read));
        fill(&gpu, &buffer, value).await;
    }
    assert!(reads.iter().all(|(_, read)| !read.is_finished()), "the GPU is held");
    gate.open();
    for (value, read) in reads {
        let words = soon("a read", read).await.expect("no panic").expect("read");
        assert_eq!(*words, vec![value; 199 - value as usize]);
    }
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn nothing_happens_before_a_read_is_polled() {
    let gpu = strict_gpu();
    let buffer = filled(&gpu, "words", 64, 5).await;
    let before = gpu.counters();
    let reads: Vec<_> = (0..100).map(|_| gpu.read(&buffer, ..)).collect();
    drop(buffer); // a read holds what it reads
    assert_eq!(gpu.counters(), before);
    for words in join_all(reads).await {
        assert_eq!(*words.expect("read"), [5; 64]);
    }
    close(gpu).await;
}

#[tokio::test]
async fn memory_serves_one_read_after_the_other() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let buffer = filled(&gpu, "large", LARGE / 4, 3).await;
    let small = filled(&gpu, "small", 1000, 4).await;
    let look = async |n: usize| {
        let words = soon("a read", gpu.read(&buffer, ..LARGE / 4 - n)).await.expect("read");
        assert_eq!((words.len(), words[0], words[words.len() - 1]), (LARGE / 4 - n, 3, 3));
        drop(words);
        assert_eq!(*soon("a read", gpu.read(&small, n..)).await.expect("read"), vec![4; 1000 - n]);
        all_is_back(&gpu).await;
    };
    look(0).await;
    let off_worker = |calls: &Calls| calls.count("vkAllocateMemory", |thread| thread.starts_with("vulkio-helper"));
    assert_eq!(off_worker(&calls), 1, "large memory is made on a helper thread: {:?}", calls.all());
    let (allocations, counters) = (calls.total("vkAllocateMemory"), gpu.counters());
    for n in 1..50 {
        look(n).await;
    }
    assert_eq!(calls.total("vkAllocateMemory"), allocations);
    assert_eq!(gpu.counters().readback_bytes, counters.readback_bytes);
    assert_eq!(gpu.counters().device_allocations, counters.device_allocations);
    drop((buffer, small));
    close(gpu).await;
}

#[tokio::test]
async fn no_more_is_kept_than_was_allowed() {
    let gpu = open(strict().readback_bytes(1 << 20));
    let quarter = filled(&gpu, "quarter", 1 << 16, 1).await; // 256 KiB
    let large = filled(&gpu, "large", LARGE / 4, 2).await;
    let held: Vec<Readback<u32>> =
        join_all((0..8).map(|_| gpu.read(&quarter, ..))).await.into_iter().map(|read| read.expect("read")).collect();
    let counters = gpu.counters();
    assert_eq!((counters.readback_bytes, counters.readback_bytes_kept), (8 << 18, 0));
    let clone = held[0].clone();
    drop(held);
    until("the first to come back", || gpu.counters().readback_bytes == (4 << 18) + (1 << 18)).await;
    assert_eq!(gpu.counters().readback_bytes_kept, 1 << 20);
    assert_eq!(*clone, *vec![1; 1 << 16]);
    drop(clone);
    assert_eq!(gpu.counters().readback_bytes_kept, 1 << 20);
    let words = soon("a read", gpu.read(&large, ..)).await.expect("read");
    assert_eq!(gpu.counters().readback_bytes, (1 << 20) + LARGE as u64);
    drop(words);
    until("the large one to be freed", || gpu.counters().readback_bytes == 1 << 20).await;
    all_is_back(&gpu).await;
    drop((quarter, large));
    close(gpu).await;
}

#[tokio::test]
async fn kept_memory_is_given_up_when_memory_is_short() {
    for result in [vk::Result::ERROR_OUT_OF_DEVICE_MEMORY, vk::Result::ERROR_OUT_OF_HOST_MEMORY] {
        let (options, faults) = Faults::on(strict());
        let gpu = open(options);
        let buffer = filled(&gpu, "large", LARGE / 4, 2).await;
        drop(soon("a read", gpu.read(&buffer, ..)).await.expect("read"));
        all_is_back(&gpu).await;
        assert_eq!(gpu.counters().readback_bytes_kept, LARGE as u64);
        faults.once("vkAllocateMemory", result);
        let image = gpu.image::<RenderTarget>("image", [16, 16]).expect("there is room for it");
        assert_eq!((gpu.counters().readback_bytes_kept, gpu.counters().readback_bytes), (0, 0));
        assert_eq!(soon("a read", gpu.read(&buffer, 1..)).await.expect("read")[0], 2);
        drop((image, buffer));
        close(gpu).await;
    }
}

#[tokio::test]
async fn what_was_read_outlives_its_gpu() {
    let gpu = strict_gpu();
    let buffer = filled(&gpu, "words", 64, 5).await;
    let words = soon("a read", gpu.read(&buffer, ..)).await.expect("read");
    gpu.close().await.expect("closed");
    assert_eq!(gpu.counters().readback_bytes_kept, 0);
    assert!(matches!(soon("a read", gpu.read(&buffer, ..)).await, Err(Error::Closed)));
    let log = gpu.validation_log();
    drop((gpu, buffer));
    assert_eq!(words.as_ref(), [5; 64]);
    drop(words);
    assert_eq!(log.messages(), Vec::<String>::new());
}

/// xorshift64*: good enough to choose, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % n
    }
}

fn seed() -> u64 {
    let from_environment = std::env::var("VULKIO_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let from_time = || std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64);
    let seed = from_environment.unwrap_or_else(from_time) | 1;
    println!("run again with VULKIO_TEST_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_reads_dropped_at_random_points_leave_the_pool_whole() {
    let gpu = strict_gpu();
    let buffer = filled(&gpu, "words", 1 << 10, 6).await;
    let mut random = Random(seed());
    let look = async |random: &mut Random, range: std::ops::Range<usize>| {
        let mut read = gpu.read(&buffer, range.clone());
        match random.below(8) {
            0 => drop(read),
            1..4 => drop(poll_once(&mut read)),
            4..7 => {
                // Somewhere between the first poll and the end.
                let turns = random.below(6);
                let pause = Box::pin(async move {
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                });
                drop(select(read, pause).await);
            }
            _ => assert_eq!(*soon("a read", read).await.expect("read"), vec![6; range.len()]),
        }
    };
    let warm: Vec<_> = join_all((0..4).map(|_| gpu.read(&buffer, ..))).await;
    drop(warm);
    all_is_back(&gpu).await;
    let before = gpu.counters();
    for n in 0..10_000 {
        let start = random.below(1000) as usize;
        look(&mut random, start..1001 + start % 20).await;
        if n % 16 == 0 {
            // Not so many under way that the GPU, where it is a CPU, has a backlog at the end.
            soon("all", gpu.submitted(vulkio::QueueKind::Transfer)).await.expect("complete");
        }
    }
    soon("all", gpu.submitted(vulkio::QueueKind::Transfer)).await.expect("complete");
    all_is_back(&gpu).await;
    let after = gpu.counters();
    assert_eq!(after.device_bytes, before.device_bytes);
    assert_eq!(after.device_allocations, before.device_allocations, "small read-backs share a block");
    assert!(after.readback_bytes <= 64 << 12, "{} bytes for at most 64 reads at once", after.readback_bytes);
    assert_eq!(*soon("a read", gpu.read(&buffer, ..)).await.expect("read"), [6; 1 << 10]);
    drop(buffer);
    close(gpu).await;
}

async fn cleared(gpu: &Gpu) -> vulkio::GpuImage<RenderTarget> {
    let desc = ImageDesc::new([8, 4]).levels(2).layers(2);
    let image = gpu.image_with::<RenderTarget>("atlas", desc).expect("an image");
    let graph = Graph::new(gpu, "clear");
    for n in 0..4 {
        let part = image.level(n / 2).layer(n % 2);
        graph.pass("clear").renders(part.clear(color(n + 1))).record(|_| ());
    }
    graph.submit().await.expect("submitted").await.expect("complete");
    image
}

#[tokio::test]
async fn a_level_and_layer_of_an_image_is_a_picture() {
    let gpu = strict_gpu();
    let image = cleared(&gpu).await;
    for n in 0..4 {
        let part = image.level(n / 2).layer(n % 2);
        let picture = soon("a read", gpu.read_image(&part)).await.expect("a picture");
        let size = if n < 2 { [8, 4] } else { [4, 2] };
        assert_eq!((picture.size(), picture.format()), (size, vk::Format::R8G8B8A8_SRGB));
        assert_eq!(picture.bytes(), pixel(n + 1).repeat((size[0] * size[1]) as usize));
        assert_eq!((picture.texel(size[0] - 1, size[1] - 1), picture.texel(size[0], 0)), (Some(&*pixel(n + 1)), None));
    }
    let submits = gpu.counters().submits;
    let mut refusals = Vec::new();
    for part in [image.level(0), image.layer(1), image.level(2).layer(0), image.level(0).layer(2)] {
        refusals.push(soon("a read", gpu.read_image(&part)).await.expect_err("refused"));
    }
    refusals.push(soon("a read", gpu.read_image(&image)).await.expect_err("refused"));
    assert!(refusals.iter().all(|error| matches!(error, Error::Invalid(_)) && error.to_string().contains("`atlas`")));
    assert!(refusals[4].to_string().contains("2 levels and 2 layers"), "{}", refusals[4]);
    assert_eq!(gpu.counters().submits, submits);
    drop(image);
    close(gpu).await;
}

#[test]
fn reads_need_no_runtime() {
    let gpu = strict_gpu();
    block_on(async {
        let buffer = gpu.buffer::<u32>("words", LARGE / 4).expect("a buffer");
        fill(&gpu, &buffer, 9).await;
        let reads = (0..4).map(|n| gpu.read(&buffer, n..n + LARGE / 8));
        for words in join_all(reads).await {
            assert_eq!(*words.expect("read"), *vec![9; LARGE / 8]);
        }
        let image = cleared(&gpu).await;
        let picture = gpu.read_image(&image.level(1).layer(1)).await.expect("a picture");
        assert_eq!(picture.bytes(), pixel(4).repeat(8));
    });
    block_on(gpu.close()).expect("closed");
}
