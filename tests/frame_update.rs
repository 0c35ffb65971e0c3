//! Deltas of buffers: as if each range were written by itself, in one command.

mod common;
mod mix;
mod scenes;

use std::{collections::BTreeSet, time::Duration};

use common::{Calls, Gate, close, counting, faults::Faults, open, soon, strict, strict_gpu};
use futures::executor::block_on;
use mix::{buffer, words};
use scenes::{Random, seed};
use vulkio::{
    Error, FrameStats, Gpu, GpuBuffer, GpuOptions, Graph, PassId, QueueKind, Renderer, RendererOptions, Validation,
    ash::vk,
};

const N: usize = 40_000;

async fn run(graph: Graph) -> std::sync::Arc<FrameStats> {
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("a graph", done).await.expect("complete")
}

/// Runs one update, and gives the copies and dispatches that it took.
async fn updated<D: AsRef<[u32]>>(
    gpu: &Gpu,
    calls: &Calls,
    to: &GpuBuffer<u32>,
    ranges: Vec<(usize, D)>,
) -> (u64, u64, u32) {
    let before = calls.total("vkCmdCopyBuffer");
    let graph = Graph::new(gpu, "delta");
    let pass: Option<PassId> = graph.update(to, ranges).expect("declared");
    assert!(pass.is_some());
    let stats = run(graph).await;
    (calls.total("vkCmdCopyBuffer") - before, stats.dispatches, stats.passes)
}

fn apply<D: AsRef<[u32]>>(model: &mut [u32], ranges: &[(usize, D)]) {
    for (at, data) in ranges {
        model[*at..*at + data.as_ref().len()].copy_from_slice(data.as_ref());
    }
}

/// Every `step`th element.
fn every(step: usize, count: usize) -> Vec<(usize, [u32; 1])> {
    (0..count).map(|i| (i * step, [0xAA00_0000 + i as u32])).collect()
}

#[tokio::test]
async fn up_to_256_ranges_are_one_copy_and_more_are_one_dispatch() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let target = buffer(&gpu, "target", vec![7; N]).await;
    let mut model = vec![7; N];
    for (count, expected) in [(1, (1, 0, 1)), (16, (1, 0, 1)), (17, (1, 0, 1)), (200, (1, 0, 1)), (256, (1, 0, 1))] {
        let ranges = every(3, count);
        apply(&mut model, &ranges);
        assert_eq!(updated(&gpu, &calls, &target, ranges).await, expected, "{count} ranges");
        assert!(words(&gpu, &target).await == model, "{count} ranges");
    }
    for count in [257, 10_000] {
        let ranges = every(4, count);
        apply(&mut model, &ranges);
        assert_eq!(updated(&gpu, &calls, &target, ranges).await, (0, 1, 1), "{count} ranges");
        assert!(words(&gpu, &target).await == model, "{count} ranges");
    }
    // Neighbours are one range, in whatever order they come.
    let mut ranges = every(1, 10_000);
    ranges.reverse();
    apply(&mut model, &ranges);
    assert_eq!(updated(&gpu, &calls, &target, ranges).await, (1, 0, 1), "one range");
    assert!(words(&gpu, &target).await == model);
    drop(target);
    close(gpu).await;
}

#[tokio::test]
async fn of_ranges_that_overlap_the_later_one_counts() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let target = buffer(&gpu, "target", vec![0; 16]).await;
    let ranges = vec![(0, vec![1; 8]), (4, vec![2; 8]), (6, vec![3]), (2, vec![4; 3]), (15, vec![5]), (15, vec![6])];
    assert_eq!(updated(&gpu, &calls, &target, ranges).await, (1, 0, 1));
    assert_eq!(words(&gpu, &target).await, [1, 1, 4, 4, 4, 2, 3, 2, 2, 2, 2, 2, 0, 0, 0, 6]);
    drop(target);
    close(gpu).await;
}

/// Ranges of up to `longest` elements anywhere in a buffer of `len`.
fn random_ranges(random: &mut Random, len: usize, longest: usize, count: usize) -> Vec<(usize, Vec<u32>)> {
    let mut below = |most: usize| (random.bits() % most as u64) as usize;
    let mut range = || {
        let len_of = 1 + below(longest);
        (below(len - len_of + 1), len_of)
    };
    let places: Vec<_> = (0..count).map(|_| range()).collect();
    places.into_iter().map(|(at, len)| (at, (0..len).map(|_| random.bits() as u32).collect())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_updates_leave_what_they_leave_of_an_array() {
    let seed = seed();
    let mut random = Random(seed);
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [8, 4]).expect("a renderer");
    let target = buffer(&gpu, "target", vec![0; N]).await;
    let mut model = vec![0; N];
    for round in 0..40 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        // Several in one frame come one after the other.
        for _ in 0..1 + random.bits() % 3 {
            let count = [1, 5, 40, 300, 2000][(random.bits() % 5) as usize];
            let longest = [1, 3, 30][(random.bits() % 3) as usize];
            let ranges = random_ranges(&mut random, N, longest, count);
            apply(&mut model, &ranges);
            frame.update(&target, ranges).expect("declared");
        }
        drop(soon("a submit", frame.submit()).await.expect("submitted"));
        if round % 4 == 3 {
            assert!(words(&gpu, &target).await == model, "seed {seed}, round {round}");
        }
    }
    drop((renderer, target));
    close(gpu).await;
}

#[tokio::test]
async fn elements_of_any_size_and_transients_are_updated_as_well() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    // Three bytes: no shader writes those, so many ranges are many regions of one copy.
    let odd = gpu.buffer::<[u8; 3]>("odd", 2000).expect("a buffer");
    gpu.upload(&odd, 0, vec![[9; 3]; 2000]).await.expect("uploaded");
    let graph = Graph::new(&gpu, "odd");
    let before = calls.total("vkCmdCopyBuffer");
    let ranges = (0..1000).map(|i| (2 * i, [[i as u8, 1, 2]]));
    graph.update(&odd, ranges).expect("declared");
    assert_eq!(run(graph).await.dispatches, 0);
    assert_eq!(calls.total("vkCmdCopyBuffer") - before, 1);
    let seen = gpu.read(&odd, 0..2000).await.expect("read");
    assert!(seen.iter().enumerate().all(|(i, e)| *e == if i % 2 == 0 { [(i / 2) as u8, 1, 2] } else { [9; 3] }));
    // Elements of several words, in a transient, by both ways.
    for count in [10, 1000] {
        let graph = Graph::new(&gpu, "transient");
        let target = graph.buffer::<[u32; 5]>("transient", 2000).expect("a transient");
        let result = gpu.buffer::<[u32; 5]>("result", 2000).expect("a buffer");
        graph.update(&target, [(0, vec![[1; 5]; 2000])]).expect("declared");
        graph.update(&target, (0..count).map(|i| (2 * i, [[i as u32; 5]]))).expect("declared");
        let (from, to) = (target.clone(), result.clone());
        graph.pass("out").copies(&target, &result).record(move |cmd| {
            cmd.copy(&from, 0..2000, &to, 0);
        });
        assert_eq!(run(graph).await.dispatches, u64::from(count > 256));
        let seen = gpu.read(&result, 0..2000).await.expect("read");
        let expected = |i: usize| if i.is_multiple_of(2) && i / 2 < count { [i as u32 / 2; 5] } else { [1; 5] };
        assert!(seen.iter().enumerate().all(|(i, element)| *element == expected(i)), "{count}");
    }
    // On the transfer queue there are no shaders.
    let target = buffer(&gpu, "target", vec![0; N]).await;
    let graph = Graph::on(&gpu, "transfer", QueueKind::Transfer);
    graph.update(&target, every(2, 1000)).expect("declared");
    assert_eq!(run(graph).await.dispatches, 0);
    assert_eq!(words(&gpu, &target).await[..5], [0xAA00_0000, 0, 0xAA00_0001, 0, 0xAA00_0002]);
    drop((odd, seen, target));
    close(gpu).await;
}

#[tokio::test]
async fn frames_in_flight_write_their_own_deltas_in_their_order() {
    let gpu = strict_gpu();
    let renderer =
        Renderer::with_options(&gpu, [8, 4], RendererOptions::default().frames_in_flight(6)).expect("a renderer");
    let target = buffer(&gpu, "target", vec![0; N]).await;
    let copies: Vec<_> = (0..6).map(|_| gpu.buffer::<u32>("copy", N).expect("a buffer")).collect();
    let mut model = vec![0; N];
    let gate = Gate::new(&gpu);
    let mut models = Vec::new();
    for (n, copy) in (1..).zip(&copies) {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        gate.hold(frame.graph());
        let count = if n % 2 == 0 { 1000 } else { 10 };
        let ranges: Vec<_> = (0..count).map(|i| (i * (n as usize + 2), [n * 10_000 + i as u32])).collect();
        apply(&mut model, &ranges);
        frame.update(&target, ranges).expect("declared");
        let (from, to) = (target.clone(), copy.clone());
        frame.pass("copy").copies(&target, copy).record(move |cmd| {
            cmd.copy(&from, 0..N, &to, 0);
        });
        models.push(model.clone());
        drop(soon("a submit", frame.submit()).await.expect("submitted"));
    }
    gate.open();
    for (n, (copy, model)) in copies.iter().zip(&models).enumerate() {
        assert!(words(&gpu, copy).await == *model, "frame {n}");
    }
    drop((renderer, target, copies, gate));
    close(gpu).await;
}

#[tokio::test]
async fn an_update_comes_after_what_was_declared_before_it_and_disturbs_nothing_else() {
    let gpu = strict_gpu();
    let target = buffer(&gpu, "target", vec![1; N]).await;
    let [before, after, beside] =
        ["before", "after", "beside"].map(|name| gpu.buffer::<u32>(name, 4).expect("a buffer"));
    let graph = Graph::new(&gpu, "order");
    let copy = |at: usize, to: &GpuBuffer<u32>| {
        let (from, into) = (target.clone(), to.clone());
        graph.pass("copy").copies(target.slice(at..at + 4), to).record(move |cmd| {
            cmd.copy(&from, at..at + 4, &into, 0);
        });
    };
    copy(8, &before);
    graph.update(&target, [(8, [2; 4])]).expect("declared");
    copy(8, &after);
    copy(12, &beside);
    let plan = graph.plan_stats().expect("a plan");
    assert_eq!((plan.passes, plan.waves, plan.barriers), (4, 3, 2));
    run(graph).await;
    for (buffer, word) in [(&before, 1), (&after, 2), (&beside, 1)] {
        assert_eq!(words(&gpu, buffer).await, [word; 4]);
    }
    drop((target, before, after, beside));
    close(gpu).await;
}

#[tokio::test]
async fn what_lies_between_the_ranges_stays_unwritten() {
    let gpu = strict_gpu();
    let target = gpu.buffer::<u32>("target", N).expect("a buffer");
    let result = gpu.buffer::<u32>("result", 1).expect("a buffer");
    let graph = Graph::new(&gpu, "delta");
    graph.update(&target, every(100, 16)).expect("declared");
    run(graph).await;
    let read = |at: usize| {
        let graph = Graph::new(&gpu, "read");
        let (from, to) = (target.clone(), result.clone());
        graph.pass("read").copies(target.slice(at..at + 1), &result).record(move |cmd| {
            cmd.copy(&from, at..at + 1, &to, 0);
        });
        graph.submit()
    };
    drop(soon("a submit", read(100)).await.expect("written"));
    assert_eq!(words(&gpu, &result).await, [0xAA00_0001]);
    let said = soon("a submit", read(101)).await.expect_err("nothing wrote it").to_string();
    assert!(said.contains("`target`") && said.contains("nothing has written"), "{said}");
    drop((target, result));
    close(gpu).await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_nothing_declared() {
    let (gpu, other) = (strict_gpu(), strict_gpu());
    let target = gpu.buffer::<u32>("target", 16).expect("a buffer");
    let foreign = other.buffer::<u32>("foreign", 16).expect("a buffer");
    let graph = Graph::new(&gpu, "wrong");
    let said = |result: Result<Option<PassId>, Error>| match result.expect_err("wrong") {
        Error::Invalid(message) => message,
        error => panic!("{error:?}"),
    };
    for (at, len) in [(16, 1), (0, 17), (15, 2), (usize::MAX, 1), (usize::MAX, 2)] {
        // Also where others are right.
        let message = said(graph.update(&target, [(0, vec![1; 2]), (at, vec![2; len])]));
        assert!(message.contains("`target`") && message.contains("16 elements"), "{message}");
    }
    let message = said(graph.update(&target, [(3, vec![])]));
    assert!(message.contains("`target`") && message.contains("0 elements at element 3"), "{message}");
    let message = said(graph.update(&foreign, [(0, [1])]));
    assert!(message.contains("`foreign`") && message.contains("another Gpu"), "{message}");
    let none: [(usize, [u32; 1]); 0] = [];
    assert_eq!(graph.update(&target, none).expect("nothing to do"), None);
    assert_eq!((graph.plan_stats().expect("a plan").passes, gpu.counters().frame_data_bytes), (0, 0));
    assert_eq!(run(graph).await.passes, 0);
    drop((target, foreign));
    close(gpu).await;
    close(other).await;
}

#[test]
fn a_scatter_needs_no_runtime_and_its_pipeline_is_made_once_on_no_thread_of_the_callers() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    block_on(async {
        let target = buffer(&gpu, "target", vec![0; N]).await;
        for n in 0..3u32 {
            // Dropped at once, submitted, recorded ahead.
            let graph = Graph::new(&gpu, "delta");
            graph.update(&target, (0..500).map(|i| (2 * i, [n + 1]))).expect("declared");
            match n {
                0 => drop(graph.submit()),
                1 => drop(graph.submit().await.expect("submitted")),
                _ => drop(graph.finalize().await.expect("recorded").submit().await.expect("submitted")),
            }
        }
        let seen = words(&gpu, &target).await;
        assert!((0..1000).all(|i| seen[i] == if i % 2 == 0 { 3 } else { 0 }));
        drop(target);
    });
    let helpers = calls.count("vkCreateComputePipelines", |thread| thread.starts_with("vulkio-helper"));
    assert_eq!((helpers, calls.total("vkCreateComputePipelines")), (1, 1), "{:?}", calls.all());
    block_on(close(gpu));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_frames_with_deltas_allocate_nothing_after_warm_up() {
    let (options, calls) = counting(GpuOptions::default().validation(Validation::Off));
    let gpu = open(options);
    let renderer = Renderer::with_options(
        &gpu,
        [8, 4],
        RendererOptions::default().frames_in_flight(2).in_place_below(Duration::ZERO),
    )
    .expect("a renderer");
    let target = buffer(&gpu, "target", vec![0; N]).await;
    let mut model = vec![0; N];
    let (mut warm, mut made) = (0, BTreeSet::new());
    for n in 0..1000usize {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        // Up to 80 KB, as a copy and as a scatter in turn.
        let count = [10, 3000, 200, 10_000, 700][n % 5];
        let ranges: Vec<_> = (0..count).map(|i| (4 * i % N, [(n * 100_000 + i) as u32])).collect();
        apply(&mut model, &ranges);
        frame.update(&target, ranges).expect("declared");
        drop(soon("a submit", frame.submit()).await.expect("submitted"));
        match n {
            0..100 => warm = calls.total("vkAllocateMemory"),
            _ => drop(made.insert((calls.total("vkAllocateMemory"), gpu.counters().device_bytes))),
        }
    }
    assert_eq!((made.len(), made.first().map(|made| made.0)), (1, Some(warm)));
    assert!(words(&gpu, &target).await == model);
    drop((renderer, target));
    close(gpu).await;
}

#[tokio::test]
async fn a_pipeline_that_is_refused_fails_its_graph_and_is_made_for_the_next() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let target = buffer(&gpu, "target", vec![0; N]).await;
    faults.once("vkCreateComputePipelines", vk::Result::ERROR_OUT_OF_HOST_MEMORY);
    for refused in [true, false] {
        let graph = Graph::new(&gpu, "delta");
        graph.update(&target, every(2, 300)).expect("declared");
        let submitted = soon("a submit", graph.submit()).await;
        assert_eq!(matches!(submitted, Err(Error::OutOfHostMemory { .. })), refused, "{submitted:?}");
        assert_eq!(submitted.is_ok(), !refused);
        let expected = if refused { 0 } else { 0xAA00_0001 };
        assert_eq!(words(&gpu, &target).await[2], expected);
    }
    assert_eq!(faults.calls("vkCreateComputePipelines"), 2);
    drop(target);
    close(gpu).await;
}
