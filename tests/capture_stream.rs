//! A renderer's frames as a stream of pictures: their order, back-pressure, and the memory for them.

mod common;
mod pictures;

use std::{
    sync::{Mutex, mpsc},
    task::Poll,
    thread,
};

use common::{Gate, Scene, close, faults::Faults, is_gone, open, poll_once, soon, strict, strict_gpu, until};
use futures::{executor::block_on, future::join};
use pictures::{CAPTURED, DRAWN, draw, drawn, gated, next, number, renderer};
use vulkio::{CounterSnapshot, Error, Renderer};

#[tokio::test]
async fn every_frame_comes_once_and_in_order() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    assert_eq!(drawn(&renderer, 1000).await.0, DRAWN);
    let mut pictures = renderer.capture_stream();
    let drawing = async {
        for n in 0..50 {
            assert_eq!(drawn(&renderer, n).await.0, CAPTURED);
        }
    };
    let looking = async {
        for n in 0..50 {
            assert_eq!(next(&mut pictures).await, Some(n));
        }
    };
    soon("all", join(drawing, looking)).await;
    drop((renderer, pictures));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_of_many_tasks_come_in_the_order_of_their_submissions() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 4);
    let mut pictures = renderer.capture_stream();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let renderer = renderer.clone();
            tokio::spawn(async move {
                let mut stamps = Vec::new();
                for n in 0..50 {
                    let n = task * 1000 + n;
                    stamps.push((drawn(&renderer, n).await.1, n));
                }
                stamps
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 200 {
        seen.extend(next(&mut pictures).await);
    }
    let mut expected = Vec::new();
    for task in tasks {
        expected.extend(soon("a task", task).await.expect("no panic"));
    }
    expected.sort_unstable();
    assert_eq!(seen, expected.into_iter().map(|(_, n)| n).collect::<Vec<_>>());
    drop((renderer, pictures));
    close(gpu).await;
}

#[tokio::test]
async fn a_consumer_that_lags_is_waited_for() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 8);
    let mut pictures = renderer.capture_stream_with(3).expect("a stream");
    let gate = Gate::new(&gpu);
    let mut last = gated(&renderer, &gate, 0).await;
    for n in 1..3 {
        last = gated(&renderer, &gate, n).await;
    }
    let mut waiting = Box::pin(renderer.frame());
    assert!(poll_once(&mut waiting).is_pending(), "three pictures are under way");
    assert!(poll_once(&mut Box::pin(pictures.next())).is_pending());
    gate.open();
    soon("the frames", last).await.expect("complete");
    for _ in 0..100 {
        assert!(poll_once(&mut waiting).is_pending(), "that they are complete takes none of them");
        tokio::task::yield_now().await;
    }
    assert_eq!(next(&mut pictures).await, Some(0));
    let frame = soon("the frame", &mut waiting).await.expect("a frame");
    assert!(poll_once(&mut Box::pin(renderer.frame())).is_pending(), "one place, for one frame");
    draw(&frame, 3);
    soon("a submit", frame.submit()).await.expect("submitted");
    for n in 1..4 {
        assert_eq!(next(&mut pictures).await, Some(n));
    }
    drop(waiting);
    drop((renderer, pictures, gate));
    close(gpu).await;
}

#[tokio::test]
async fn frames_that_do_not_go_out_give_their_places_back() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    let mut pictures = renderer.capture_stream_with(1).expect("a stream");
    for n in 0..10 {
        drop(soon("a frame", renderer.frame()).await.expect("a frame"));
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        draw(&frame, n);
        drop(frame.submit());
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        draw(&frame, n);
        drop(soon("it", frame.finalize()).await.expect("recorded"));
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        frame.pass("fails").record(|_| Err(Error::Invalid("on purpose".to_owned())));
        let error = soon("it", frame.submit()).await.expect_err("fails");
        assert!(error.to_string().contains("on purpose"), "{error}");
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        let foreign = frame.pass("first").record(|_| ());
        drop(frame);
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        frame.pass("wrong").after(foreign).record(|_| ());
        soon("it", frame.submit()).await.expect_err("wrong");
        assert_eq!(soon("a frame", drawn(&renderer, n)).await.0, CAPTURED);
        assert_eq!(next(&mut pictures).await, Some(n), "and nothing of the others");
    }
    drop((renderer, pictures));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_frames_those_that_went_out_come_in_order() {
    const FRAMES: u32 = 1000;
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 3);
    let mut pictures = renderer.capture_stream_with(2).expect("a stream");
    let consumer = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(picture) = pictures.next().await {
            seen.push(number(&picture.expect("a picture")));
        }
        seen
    });
    let seed = std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64) | 1;
    println!("seed {seed}");
    let mut random = seed;
    let mut certain = Vec::new();
    for n in 0..FRAMES {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        draw(&frame, n);
        match random % 4 {
            0 => drop(frame),
            1 => {
                // Submitted or not: the drop races with the recording.
                Scene::pad(&frame, 64);
                let mut submit = frame.submit();
                let _ = poll_once(&mut submit);
                (0..random % 7).for_each(|_| thread::yield_now());
            }
            2 => drop(soon("a recording", frame.finalize()).await.expect("recorded")),
            _ => {
                soon("a submit", frame.submit()).await.expect("submitted");
                certain.push(n);
            }
        }
    }
    drop(renderer);
    let seen = soon("the end", consumer).await.expect("no panic");
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    assert!(certain.iter().all(|n| seen.binary_search(n).is_ok()), "{certain:?} are not all in {seen:?}");
    until("all memory to come back", || {
        let counters = gpu.counters();
        counters.readback_bytes == counters.readback_bytes_kept
    })
    .await;
    // Two are under way at most; those that were cancelled or looked at are let go a little later.
    assert!(gpu.counters().readback_bytes <= 16 << 8, "{:?}", gpu.counters());
    close(gpu).await;
}

#[tokio::test]
async fn a_dropped_next_loses_nothing() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    let mut pictures = renderer.capture_stream();
    let gate = Gate::new(&gpu);
    for n in 0..2 {
        gated(&renderer, &gate, n).await;
        for _ in 0..10 {
            assert!(poll_once(&mut Box::pin(pictures.next())).is_pending());
        }
    }
    gate.open();
    let mut seen = Vec::new();
    until("both", || {
        if let Poll::Ready(picture) = poll_once(&mut Box::pin(pictures.next())) {
            seen.push(number(&picture.expect("not the end").expect("a picture")));
        }
        seen.len() == 2
    })
    .await;
    assert_eq!(seen, [0, 1]);
    drop((renderer, pictures, gate));
    close(gpu).await;
}

#[tokio::test]
async fn streams_and_captures_of_a_frame_share_one_copy() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    let mut streams = [renderer.capture_stream(), renderer.capture_stream_with(1).expect("a stream")];
    for n in 0..5 {
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        draw(&frame, n);
        let captures = [frame.capture(), frame.capture()];
        let stats = soon("it", frame.submit().await.expect("submitted")).await.expect("complete");
        assert_eq!(stats.passes, CAPTURED);
        for pictures in &mut streams {
            assert_eq!(next(pictures).await, Some(n));
        }
        for capture in captures {
            assert_eq!(number(&soon("a capture", capture).await.expect("a picture")), n);
        }
    }
    // One of them ends, the other goes on.
    let [mut left, gone] = streams;
    drop(gone);
    assert_eq!(soon("a frame", drawn(&renderer, 5)).await.0, CAPTURED);
    assert_eq!(next(&mut left).await, Some(5));
    drop((renderer, left));
    close(gpu).await;
}

#[test]
fn a_stream_needs_no_runtime_and_no_new_memory_for_each_frame() {
    let gpu = strict_gpu();
    block_on(async {
        // Pictures of 3 MiB: more than what is made in place.
        let renderer = Renderer::headless(&gpu, [1024, 768]).expect("a renderer");
        let mut pictures = renderer.capture_stream();
        let mut counters = gpu.counters();
        for n in 0..20 {
            for _ in 0..2 {
                let frame = renderer.frame().await.expect("a frame");
                frame.pass("clear").renders(frame.target().clear(common::color(n))).record(|_| ());
                frame.submit().await.expect("submitted");
            }
            for _ in 0..2 {
                let picture = pictures.next().await.expect("not the end").expect("a picture");
                assert_eq!(picture.texel(1023, 767), Some(&*common::pixel(n)));
            }
            // The reactor lets go of a frame's memory just after its completion is known.
            let is_back = |now: CounterSnapshot| now.readback_bytes == now.readback_bytes_kept;
            while !is_back(gpu.counters()) {
                thread::yield_now();
            }
            if n == 0 {
                counters = gpu.counters();
            }
        }
        let now = gpu.counters();
        assert_eq!(now.device_allocations, counters.device_allocations);
        assert_eq!(now.readback_bytes, counters.readback_bytes);
        assert_eq!(now.readback_bytes, 2 * (3 << 20), "for two frames in flight");
    });
    block_on(gpu.close()).expect("closed");
}

#[tokio::test]
async fn a_large_capture_is_drawn_when_its_memory_is_there() {
    let (options, calls) = common::counting(strict());
    let gpu = open(options);
    let renderer = Renderer::headless(&gpu, [2048, 1152]).expect("a renderer"); // 9 MiB
    let frame = renderer.frame().await.expect("a frame");
    frame.pass("clear").renders(frame.target().clear(common::color(5))).record(|_| ());
    let capture = frame.capture();
    soon("a submit", frame.submit()).await.expect("submitted");
    let picture = soon("a picture", capture).await.expect("a picture");
    assert_eq!(picture.texel(2047, 1151), Some(&*common::pixel(5)));
    assert_eq!(calls.count("vkAllocateMemory", |thread| thread.starts_with("vulkio-helper")), 1, "{:?}", calls.all());
    drop((renderer, picture));
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_dropped_while_memory_for_its_capture_is_made_is_not_drawn() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let renderer = Renderer::headless(&gpu, [2048, 1152]).expect("a renderer"); // 9 MiB
    let frame = renderer.frame().await.expect("a frame");
    let capture = frame.capture();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    faults.rule("vkAllocateMemory", move |_| {
        let _ = released.lock().expect("not poisoned").recv(); // or the test has ended
        None
    });
    let submits = gpu.counters().submits;
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    drop(submit);
    assert!(is_gone(&soon("the capture", capture).await.expect_err("cancelled")));
    drop(release);
    until("the memory to be kept", || gpu.counters().readback_bytes_kept == 9 << 20).await;
    assert_eq!(gpu.counters().submits, submits);
    drop(renderer);
    close(gpu).await;
}
