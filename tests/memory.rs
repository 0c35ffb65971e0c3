//! Memory: what can never fit is refused before anything is allocated, and nothing is freed while the GPU may use it.

mod common;
mod mix;

use common::{Gate, close, counting, open, soon, strict, until};
use mix::{Factors, Mix};
use vulkio::{Depth, Error, Gpu, GpuBuffer, GpuImage, Graph, Ids, RenderTarget, Renderer};

/// Takes a refusal apart: what was asked for, and what was free.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (u64, u64, String) {
    match result.expect_err("far too much") {
        error @ Error::OutOfDeviceMemory { requested, available, .. } => (requested, available, error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn invalid<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result.expect_err("it makes no sense") {
        Error::Invalid(message) => message,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_never_fits_is_refused_with_figures_and_before_any_allocation() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let terabytes = 3usize << 40;
    let heap = gpu.info().heap_bytes;

    let (requested, available, message) = refused(gpu.buffer::<u8>("stars", terabytes));
    assert_eq!(requested, 3 << 40);
    assert!(0 < available && available <= heap, "{available} of {heap}");
    assert!(message.contains("`stars`") && message.contains("3.0 TiB") && message.contains("free"), "{message}");

    // As many bytes as there are, and more than 64 bits count.
    assert_eq!(refused(gpu.buffer::<u8>("all", usize::MAX)).0, u64::MAX);
    assert_eq!(refused(gpu.buffer::<[u64; 4]>("more", usize::MAX)).0, u64::MAX);
    assert_eq!(refused(gpu.buffer::<u64>("more", usize::MAX / 8 + 1)).0, u64::MAX);

    // One byte more than one allocation may have.
    let most = gpu.info().max_allocation;
    let (requested, available, message) = refused(gpu.buffer::<u8>("long", most as usize + 1));
    assert_eq!(requested, most + 1);
    assert!(available <= most, "{message}");

    assert_eq!((calls.total("vkAllocateMemory"), gpu.counters().device_allocations), (0, 0));
    assert_eq!(gpu.counters().device_bytes, 0);
    // It works on.
    drop(gpu.buffer::<u8>("small", 1).expect("one byte"));
    assert_eq!(calls.total("vkAllocateMemory"), 1);
    close(gpu).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name_and_limit() {
    let gpu = open(strict());
    assert!(invalid(gpu.buffer::<u32>("nothing", 0)).contains("`nothing`"));
    let longest = gpu.info().limits.max_image_dimension2_d;
    for size in [[0, 0], [0, 4], [4, 0]] {
        assert!(invalid(gpu.image::<RenderTarget>("flat", size)).contains("`flat`"));
        assert!(invalid(Renderer::headless(&gpu, size)).contains("at least 1"));
    }
    for size in [[longest + 1, 1], [1, longest + 1], [u32::MAX, u32::MAX]] {
        for message in [
            invalid(gpu.image::<RenderTarget>("wide", size)),
            invalid(gpu.image::<Depth>("wide", size)),
            invalid(gpu.image::<Ids>("wide", size)),
        ] {
            assert!(message.contains("`wide`") && message.contains(&longest.to_string()), "{message}");
        }
    }
    let buffer = gpu.buffer::<u32>("buffer", 4).expect("a buffer");
    for (at, len) in [(0, 5), (4, 1), (usize::MAX, 1), (usize::MAX, 2)] {
        let message = invalid(gpu.upload(&buffer, at, vec![0; len]).await);
        assert!(message.contains("`buffer`") && message.contains("4 elements"), "{message}");
    }
    invalid(gpu.upload(&buffer, 0, Vec::new()).await);
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    for range in [0..5, 4..5, 2..2, 3..2, 0..usize::MAX, usize::MAX..usize::MAX] {
        invalid(gpu.read(&buffer, range).await);
    }
    assert_eq!(gpu.counters().submits, 0);
    drop(buffer);
    close(gpu).await;
}

/// More than half a block, so that it has memory of its own, whose end shows in the counters.
const LARGE: usize = 48 << 20;

fn device_bytes(gpu: &Gpu) -> u64 {
    gpu.counters().device_bytes
}

/// A graph that fills a buffer behind a gate.
async fn gated_fill(gpu: &Gpu, gate: &Gate, buffer: GpuBuffer<u32>) -> vulkio::Completion {
    let graph = Graph::new(gpu, "gated");
    gate.hold(&graph);
    graph.pass("fill").writes(buffer.copy_target()).record(move |cmd| {
        cmd.fill(&buffer, 0..64, 7);
    });
    soon("a submit", graph.submit()).await.expect("submitted").without_value()
}

#[tokio::test]
async fn a_buffer_dropped_in_flight_is_freed_when_the_work_is_complete() {
    let gpu = open(strict());
    let gate = Gate::new(&gpu);
    let buffer = gpu.buffer::<u32>("dropped", LARGE / 4).expect("a buffer");
    let with = device_bytes(&gpu);
    assert!(with >= LARGE as u64);
    let done = gated_fill(&gpu, &gate, buffer).await;
    // The only handles left are the graph's.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(device_bytes(&gpu), with, "freed while the GPU may use it");
    assert!(!done.is_complete());
    gate.open();
    soon("the graph", done).await.expect("complete");
    until("the buffer's end", || device_bytes(&gpu) <= with - LARGE as u64).await;
    drop(gate);
    close(gpu).await;
}

#[tokio::test]
async fn images_pipelines_and_uploads_outlive_their_handles_as_well() {
    let gpu = open(strict());
    let gate = Gate::new(&gpu);
    let before = device_bytes(&gpu);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    {
        let mix = Mix::new(&gpu).await;
        let image: GpuImage<RenderTarget> = gpu.image("dropped", [1024, 1024]).expect("an image");
        let [a, b] = ["a", "b"].map(|name| gpu.buffer::<u32>(name, 64).expect("a buffer"));
        graph.pass("clear").renders(image.clear([1.0; 4])).record(|_| ());
        let target = a.clone();
        graph.pass("fill").writes(a.copy_target()).record(move |cmd| {
            cmd.fill(&target, 0..64, 1);
        });
        graph.pass("mix").reads(&a).writes(&b).record(mix.of(&a, &a, &b, Factors::default()));
        // Behind the gate by its target, which the graph uses too.
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        let uploaded = soon("an upload", gpu.upload(&b, 0, vec![1; 64])).await.expect("uploaded");
        assert!(!done.is_complete() && !uploaded.is_complete());
    }
    let with = device_bytes(&gpu);
    assert!(with >= before + (4 << 20), "the image is alive");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(device_bytes(&gpu), with, "freed while the GPU may use it");
    gate.open();
    until("the image's end", || device_bytes(&gpu) <= with - (4 << 20)).await;
    drop(gate);
    close(gpu).await;
}

#[tokio::test]
async fn what_is_dropped_before_it_is_used_is_freed_at_once() {
    let gpu = open(strict());
    let graph = Graph::new(&gpu, "never submitted");
    let buffer = gpu.buffer::<u32>("dropped", LARGE / 4).expect("a buffer");
    let with = device_bytes(&gpu);
    graph.pass("fill").writes(buffer.copy_target()).record({
        let buffer = buffer.clone();
        move |cmd| {
            cmd.fill(&buffer, 0..64, 7);
        }
    });
    drop(buffer);
    assert_eq!(device_bytes(&gpu), with, "the graph holds it");
    drop(graph.submit());
    assert_eq!(device_bytes(&gpu), with - LARGE as u64);
    close(gpu).await;
}

#[tokio::test]
async fn a_buffer_keeps_its_device_alive() {
    let gpu = open(strict());
    let log = gpu.validation_log();
    let buffer = gpu.buffer::<u32>("last", 64).expect("a buffer");
    let used = soon("an upload", gpu.upload(&buffer, 0, vec![1; 64])).await.expect("uploaded");
    soon("the upload", used).await.expect("complete");
    gpu.close().await.expect("the device closes");
    drop(gpu);
    assert_eq!(buffer.len(), 64);
    drop(buffer);
    assert_eq!(log.messages(), Vec::<String>::new());
}
