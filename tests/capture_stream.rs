//! A renderer's frames as a stream of pictures: their order, back-pressure, and how a stream ends.

mod common;

use std::task::Poll;

use common::{Gate, close, faults::Faults, is_gone, open, poll_once, soon, strict, strict_gpu, until};
use futures::{StreamExt, executor::block_on, future::join};
use vulkio::{CaptureStream, Error, Frame, Gpu, Picture, Renderer, RendererOptions, ash::vk};

const SIZE: [u32; 2] = [8, 4];
const TEXELS: usize = 32;
/// Of a frame that is drawn, and of one that is captured.
const DRAWN: u32 = 2;
const CAPTURED: u32 = 4;

fn renderer(gpu: &Gpu, frames_in_flight: usize) -> Renderer {
    let options = RendererOptions::default().frames_in_flight(frames_in_flight);
    Renderer::with_options(gpu, SIZE, options).expect("a renderer")
}

/// Declares passes that write `n` to every texel.
fn draw(frame: &Frame, n: u32) {
    let texels = frame.buffer::<u32>("texels", TEXELS).expect("a buffer");
    let (to, from, target) = (texels.clone(), texels.clone(), frame.target());
    frame.pass("fill").writes(texels.copy_target()).record(move |cmd| {
        cmd.fill(&to, 0..TEXELS, n);
    });
    frame.pass("write").copies(&texels, &frame.target()).record(move |cmd| {
        cmd.copy_to_image(&from, &target);
    });
}

/// Draws frame `n`; its passes, and its place on the queue, once it is complete.
async fn drawn(renderer: &Renderer, n: u32) -> (u32, u64) {
    let frame = renderer.frame().await.expect("a frame");
    draw(&frame, n);
    let done = frame.submit().await.expect("submitted");
    let stamp = done.stamp().value;
    (done.await.expect("complete").passes, stamp)
}

fn number(picture: &Picture) -> u32 {
    let texels = picture.bytes().as_chunks::<4>().0;
    assert!(picture.size() == SIZE && texels.iter().all(|texel| texel == &texels[0]), "half a picture: {texels:?}");
    u32::from_ne_bytes(texels[0])
}

async fn next(pictures: &mut CaptureStream) -> Option<u32> {
    let picture = soon("a picture", pictures.next()).await;
    picture.map(|picture| number(&picture.expect("a picture")))
}

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

/// Submits frame `n` behind a gate.
async fn gated(renderer: &Renderer, gate: &Gate, n: u32) -> vulkio::Completion {
    let frame = soon("a place", renderer.frame()).await.expect("a frame");
    draw(&frame, n);
    gate.hold(frame.graph());
    soon("a submit", frame.submit()).await.expect("submitted").without_value()
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
async fn a_dropped_stream_lets_waiting_frames_go_on_uncaptured() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 4);
    let pictures = renderer.capture_stream_with(1).expect("a stream");
    assert_eq!(soon("a frame", drawn(&renderer, 0)).await.0, CAPTURED);
    let others = renderer.clone();
    let waiting = tokio::spawn(async move { drawn(&others, 1).await.0 });
    common::recorded().await;
    assert!(!waiting.is_finished());
    drop(pictures);
    assert_eq!(soon("the frame", waiting).await.expect("no panic"), DRAWN);
    assert_eq!(soon("a frame", drawn(&renderer, 2)).await.0, DRAWN);
    drop(renderer);
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

#[tokio::test]
async fn a_stream_ends_with_its_renderer_after_the_last_frame() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    let pictures = renderer.capture_stream();
    let mut all = tokio::spawn(pictures.map(|picture| number(&picture.expect("a picture"))).collect::<Vec<_>>());
    drawn(&renderer, 0).await;
    let frame = renderer.frame().await.expect("a frame");
    drop(renderer);
    draw(&frame, 1);
    common::recorded().await;
    assert!(poll_once(&mut all).is_pending(), "a frame is still to come");
    soon("a submit", frame.submit()).await.expect("submitted");
    assert_eq!(soon("the end", all).await.expect("no panic"), [0, 1]);
    close(gpu).await;
}

#[tokio::test]
async fn a_stream_ends_when_its_gpu_is_closed() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    let (mut pictures, mut idle) = (renderer.capture_stream(), renderer.capture_stream_with(3).expect("a stream"));
    for n in 0..3 {
        drawn(&renderer, n).await;
    }
    let late = renderer.clone();
    let frame = tokio::spawn(async move { late.frame().await.map(drop) });
    let rest = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(picture) = idle.next().await {
            seen.push(number(&picture.expect("a picture")));
        }
        seen
    });
    common::recorded().await;
    assert!(!frame.is_finished() && !rest.is_finished(), "the first stream is full, the other one empty");
    gpu.close().await.expect("closed");
    assert!(is_gone(&soon("the frame", frame).await.expect("no panic").expect_err("closed")));
    assert_eq!(soon("the other", rest).await.expect("no panic"), [0, 1, 2]);
    for n in 0..3 {
        assert_eq!(next(&mut pictures).await, Some(n), "what was captured is there");
    }
    assert_eq!(next(&mut pictures).await, None);
    assert_eq!(next(&mut pictures).await, None);
    assert_eq!(next(&mut renderer.capture_stream()).await, None);
    drop((renderer, pictures));
    close(gpu).await;
}

#[tokio::test]
async fn a_lost_device_is_the_last_word_of_a_stream() {
    for captured in [false, true] {
        let (options, faults) = Faults::on(strict());
        let gpu = open(options);
        let renderer = renderer(&gpu, 2);
        drawn(&renderer, 0).await;
        let mut pictures = renderer.capture_stream();
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        draw(&frame, 1);
        faults.always(
            if captured { "vkGetSemaphoreCounterValue" } else { "vkQueueSubmit2" },
            vk::Result::ERROR_DEVICE_LOST,
        );
        drop(soon("a submit", frame.submit()).await);
        match soon("the loss", pictures.next()).await {
            Some(Err(Error::DeviceLost { .. })) => {}
            other => panic!("{other:?}"),
        }
        assert!(soon("the end", pictures.next()).await.is_none());
        assert!(matches!(soon("a frame", renderer.frame()).await, Err(Error::DeviceLost { .. })));
        drop((renderer, pictures));
        let _ = gpu.close().await; // it may have been idle when it was lost
    }
}

#[tokio::test]
async fn without_memory_for_a_picture_the_stream_ends_and_the_frames_go_on() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let renderer = renderer(&gpu, 2);
    drawn(&renderer, 0).await;
    let mut pictures = renderer.capture_stream();
    faults.always("vkAllocateMemory", vk::Result::ERROR_OUT_OF_DEVICE_MEMORY);
    assert_eq!(soon("a frame", drawn(&renderer, 1)).await.0, DRAWN);
    faults.never("vkAllocateMemory");
    assert!(matches!(soon("the error", pictures.next()).await, Some(Err(Error::OutOfDeviceMemory { .. }))));
    assert!(soon("the end", pictures.next()).await.is_none());
    assert_eq!(soon("a frame", drawn(&renderer, 2)).await.0, DRAWN);
    drop((renderer, pictures));
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
            renderer.idle().await.expect("idle");
            if n == 5 {
                counters = gpu.counters();
            }
        }
        let now = gpu.counters();
        assert_eq!(now.device_allocations, counters.device_allocations);
        assert_eq!(now.readback_bytes, counters.readback_bytes);
        assert!(now.readback_bytes <= 4 * (3 << 20), "two frames in flight, one to spare, one to look at");
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
    // Dropped before it is there, the frame is not drawn.
    let frame = renderer.frame().await.expect("a frame");
    let capture = frame.capture();
    let submits = gpu.counters().submits;
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending(), "the first picture still holds its memory");
    drop(submit);
    assert!(is_gone(&soon("the capture", capture).await.expect_err("cancelled")));
    assert_eq!(gpu.counters().submits, submits);
    drop((renderer, picture));
    close(gpu).await;
}

#[tokio::test]
async fn a_stream_with_no_room_for_a_picture_is_refused() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 2);
    for places in [0, (1 << 16) + 1, usize::MAX] {
        let error = renderer.capture_stream_with(places).expect_err("refused");
        assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains(&places.to_string()), "{error}");
    }
    drop(renderer);
    close(gpu).await;
}
