//! Streamed buffers: each frame has a version of its own, and old handles never see half of a new one.

mod common;
mod scenes;

use std::time::Duration;

use common::{Gate, close, families, poll_once, soon, strict_gpu, until};
use futures::future::join_all;
use scenes::{Random, seed};
use vulkio::{Error, Gpu, GpuBuffer, Graph, QueueKind, Renderer, RendererOptions, Streamed};

/// Too many bytes to be written by the CPU.
const LEN: usize = 17_000;

fn streamed(gpu: &Gpu) -> Streamed<u32> {
    gpu.streamed("places", LEN, 3).expect("a streamed buffer")
}

async fn update(streamed: &Streamed<u32>, value: u32) -> GpuBuffer<u32> {
    soon("an update", streamed.update(vec![value; LEN])).await.expect("updated")
}

/// What all of a buffer is, read through this handle.
async fn value(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Result<u32, Error> {
    let words = soon("a read", gpu.read(buffer, 0..LEN)).await?;
    assert!(words.iter().all(|&word| word == words[0]), "half of a version");
    Ok(words[0])
}

#[tokio::test]
async fn each_frame_in_flight_reads_its_own_version() {
    let gpu = strict_gpu();
    let options = RendererOptions::default().frames_in_flight(3);
    let renderer = Renderer::with_options(&gpu, [8, 4], options).expect("a renderer");
    let places = renderer.streamed::<u32>("places", LEN).expect("a streamed buffer");
    assert_eq!((places.versions(), places.len(), places.name()), (4, LEN, "places"));
    let gate = Gate::new(&gpu);
    let copies: Vec<_> = (0..3).map(|i| gpu.buffer::<u32>(&format!("copy {i}"), LEN).expect("a buffer")).collect();
    let mut names = Vec::new();
    for (i, copy) in copies.iter().enumerate() {
        let now = update(&places, 10 + i as u32).await;
        names.push(now.name().to_owned());
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        gate.hold(frame.graph());
        let (from, to) = (now.clone(), copy.clone());
        frame.pass("sky").renders(frame.target().clear([0.0; 4])).record(|_| ());
        frame.pass("copy").reads(now.copy_source()).writes(copy.copy_target()).record(move |cmd| {
            cmd.copy(&from, 0..LEN, &to, 0);
        });
        soon("a submit", frame.submit()).await.expect("submitted");
    }
    assert_eq!(names, ["places 0", "places 1", "places 2"]);
    // All frames are held, and there is a version that none of them reads.
    assert_eq!(update(&places, 99).await.name(), "places 3");
    if families(&gpu).contains(&QueueKind::Transfer) {
        soon("an upload beside held frames", gpu.submitted(QueueKind::Transfer)).await.expect("complete");
    }
    gate.open();
    for (i, copy) in copies.iter().enumerate() {
        assert_eq!(value(&gpu, copy).await.expect("read"), 10 + i as u32);
    }
    drop((copies, places, renderer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn an_old_handle_is_an_error_or_whole_and_the_newest_two_are_always_good() {
    let gpu = strict_gpu();
    // The version of the first is taken, and its update dropped on the way, unless it was too quick for that.
    let (places, [first, second, third]) = loop {
        let places = streamed(&gpu);
        let buffers = [update(&places, 1).await, update(&places, 2).await, update(&places, 3).await];
        for (buffer, expected) in buffers.iter().zip(1..) {
            assert_eq!(value(&gpu, buffer).await.expect("read"), expected);
        }
        if poll_once(&mut Box::pin(places.update(vec![4; LEN]))).is_pending() {
            break (places, buffers);
        }
    };
    match value(&gpu, &first).await {
        Err(Error::Graph(message)) => assert!(message.contains("`places 0`"), "{message}"),
        Ok(value) => assert_eq!(value, 4, "whole, at least"),
        Err(other) => panic!("{other:?}"),
    }
    // The next takes the same; as it is short, its end counts as not written.
    let short = soon("an update", places.update(vec![5; 7])).await.expect("updated");
    assert_eq!(short.name(), first.name());
    assert_eq!(*soon("a read", gpu.read(&short, 0..7)).await.expect("read"), [5; 7]);
    assert!(matches!(value(&gpu, &first).await, Err(Error::Graph(_))), "most of it is nothing");
    for (buffer, expected) in [(&second, 2), (&third, 3)] {
        assert_eq!(value(&gpu, buffer).await.expect("read"), expected);
    }
    drop((places, first, second, third, short));
    close(gpu).await;
}

#[tokio::test]
async fn small_versions_are_written_by_the_cpu_unless_the_gpu_uses_them() {
    let gpu = strict_gpu();
    let places = gpu.streamed::<u32>("few", 1000, 2).expect("a streamed buffer");
    let before = gpu.counters();
    let mut now = Vec::new();
    for i in 0..5 {
        now.push(soon("an update", places.update(vec![i; 1000])).await.expect("updated"));
        let read = soon("a read", gpu.read(&now[i as usize], ..)).await.expect("read");
        assert!(read.iter().all(|word| *word == i), "update {i}");
    }
    let direct = gpu.counters().uploaded_bytes == before.uploaded_bytes;
    println!("the CPU writes: {direct}");
    // A device whose memory the CPU cannot write gets copies.
    assert!(direct || gpu.info().kind != vulkio::DeviceKind::Cpu);

    // Behind the gate the version is in use: a copy waits for its reader on the GPU, and the update does not.
    let gate = Gate::new(&gpu);
    let graph = Graph::new(&gpu, "held");
    let oldest = now[3].clone();
    let copy = gpu.buffer::<u32>("copy", 1000).expect("a buffer");
    gate.hold(&graph);
    let (from, to) = (oldest.clone(), copy.clone());
    graph.pass("copy").reads(oldest.copy_source()).writes(copy.copy_target()).record(move |cmd| {
        cmd.copy(&from, 0..1000, &to, 0);
    });
    soon("a submit", graph.submit()).await.expect("submitted");
    let uploaded = gpu.counters().uploaded_bytes;
    let newest = soon("an update", places.update(vec![9; 1000])).await.expect("updated");
    assert_eq!((newest.name(), gpu.counters().uploaded_bytes), (oldest.name(), uploaded + 4000));
    gate.open();
    let (old, new) = (gpu.read(&copy, ..), gpu.read(&newest, ..));
    assert!(soon("a read", old).await.expect("read").iter().all(|word| *word == 3), "what the reader was to see");
    assert!(soon("a read", new).await.expect("read").iter().all(|word| *word == 9));
    drop((places, now, oldest, newest, copy, gate));
    close(gpu).await;
}

#[tokio::test]
async fn updates_at_once_take_different_versions_and_the_others_wait() {
    let gpu = strict_gpu();
    let places = streamed(&gpu);
    let updated = soon("updates", join_all((0..20).map(|i| places.update(vec![i; LEN])))).await;
    let buffers: Vec<_> = updated.into_iter().map(|update| update.expect("updated")).collect();
    assert_eq!(buffers.len(), 20);
    let mut now = Vec::new();
    for version in 0..3 {
        let name = format!("places {version}");
        let buffer = buffers.iter().find(|buffer| buffer.name() == name).expect("every version had its turn");
        now.push(value(&gpu, buffer).await.expect("whole"));
    }
    now.sort_unstable();
    now.dedup();
    assert_eq!(now.len(), 3, "{now:?}");

    // Two may be on their way; the third has no version until one of them lets go.
    let mut under_way: Vec<_> = (0..3).map(|i| Box::pin(places.update(vec![100 + i; LEN]))).collect();
    let before = gpu.counters().submits;
    if under_way[..2].iter_mut().all(|update| poll_once(update).is_pending()) {
        let mut third = under_way.pop().expect("three");
        for _ in 0..10 {
            assert!(poll_once(&mut third).is_pending());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(gpu.counters().submits <= before + 2);
        drop(under_way);
        assert_eq!(value(&gpu, &soon("the third", third).await.expect("updated")).await.expect("read"), 102);
    }
    drop((places, buffers));
    close(gpu).await;
}

#[tokio::test]
async fn updates_dropped_at_any_point_leave_what_was_published_as_it_was() {
    let gpu = strict_gpu();
    let (places, mut random) = (streamed(&gpu), Random(seed()));
    let mut newest = (update(&places, 0).await, 0);
    let mut dropped = 0;
    for i in 1..=150 {
        let mut update = Box::pin(places.update(vec![i; LEN]));
        for _ in 0..random.bits() % 40 {
            if let std::task::Poll::Ready(done) = poll_once(&mut update) {
                newest = (done.expect("updated"), i);
                break;
            }
            std::thread::sleep(Duration::from_micros(random.bits() % 20));
        }
        drop(update);
        dropped += usize::from(newest.1 != i);
        if i % 3 == 0 {
            assert_eq!(value(&gpu, &newest.0).await.expect("good"), newest.1, "after {i}");
        }
    }
    println!("{dropped} of 150 were dropped");
    // All versions are back.
    for i in 1000..1006 {
        let now = update(&places, i).await;
        assert_eq!(value(&gpu, &now).await.expect("good"), i);
    }
    drop((places, newest));
    close(gpu).await;
}

#[tokio::test]
async fn a_short_update_is_not_overwritten_by_a_long_one_that_was_dropped_before_it() {
    let gpu = strict_gpu();
    let (long, mut random) = (150_000, Random(seed())); // not gathered with small ones
    let places = gpu.streamed::<u32>("places", long, 2).expect("a streamed buffer");
    for i in 0..60 {
        let mut dropped = Box::pin(places.update(vec![7_000_000; long]));
        for _ in 0..random.bits() % 4 {
            if poll_once(&mut dropped).is_ready() {
                break;
            }
            std::thread::sleep(Duration::from_micros(random.bits() % 100));
        }
        drop(dropped);
        let now = soon("an update", places.update(vec![i; 10])).await.expect("updated");
        soon("all uploads", gpu.submitted(QueueKind::Transfer)).await.expect("complete");
        assert_eq!(*soon("a read", gpu.read(&now, 0..10)).await.expect("read"), [i; 10]);
    }
    drop(places);
    close(gpu).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name_and_costs_no_version() {
    let gpu = strict_gpu();
    for (len, versions) in [(LEN, 0), (LEN, 1), (LEN, 18), (0, 3)] {
        let error = gpu.streamed::<u32>("places", len, versions).expect_err("makes no sense");
        assert!(matches!(&error, Error::Invalid(why) if why.contains("`places")), "{error}");
    }
    let places = streamed(&gpu);
    let (first, second) = (update(&places, 1).await, update(&places, 2).await);
    let before = gpu.counters().submits;
    for count in [0, LEN + 1] {
        let error = soon("an update", places.update(vec![9; count])).await.expect_err("does not fit");
        assert!(matches!(&error, Error::Invalid(why) if why.contains("`places`")), "{error}");
    }
    drop(places.update(vec![9; LEN])); // never polled
    assert_eq!(gpu.counters().submits, before);
    assert_eq!(update(&places, 3).await.name(), "places 2");
    for (buffer, expected) in [(&first, 1), (&second, 2)] {
        assert_eq!(value(&gpu, buffer).await.expect("read"), expected);
    }
    gpu.close().await.expect("closed");
    assert!(matches!(soon("an update", places.update(vec![9; LEN])).await, Err(Error::Closed)));
    drop((places, first, second));
    close(gpu).await;
}

#[tokio::test]
async fn a_version_waits_for_its_last_reader_on_the_gpu_alone() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let places = gpu.streamed::<u32>("places", LEN, 2).expect("a streamed buffer");
    let copy = gpu.buffer::<u32>("copy", LEN).expect("a buffer");
    let first = update(&places, 1).await;
    let graph = Graph::new(&gpu, "reader");
    gate.hold(&graph);
    let (from, to) = (first.clone(), copy.clone());
    graph.pass("reader").reads(first.copy_source()).writes(copy.copy_target()).record(move |cmd| {
        cmd.copy(&from, 0..LEN, &to, 0);
    });
    let read = graph.submit().await.expect("submitted");
    update(&places, 2).await;
    // The version that the held graph is to read: its update is submitted, and comes after.
    let again = update(&places, 3).await;
    assert_eq!(again.name(), first.name());
    until("the gate is still shut", || !read.is_complete()).await;
    gate.open();
    assert_eq!(value(&gpu, &copy).await.expect("read"), 1);
    assert_eq!(value(&gpu, &again).await.expect("read"), 3);
    drop((places, copy, first, again, gate, read));
    close(gpu).await;
}
