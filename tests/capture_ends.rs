//! How a stream of pictures ends, and what it leaves to the frames.

mod common;
mod pictures;

use common::{Gate, close, faults::Faults, is_gone, open, poll_once, soon, strict, strict_gpu, until};
use futures::StreamExt;
use pictures::{CAPTURED, DRAWN, draw, drawn, gated, next, number, renderer};
use vulkio::{Error, ash::vk};

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
async fn pictures_that_nobody_will_look_at_are_let_go() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, 4);
    let gate = Gate::new(&gpu);
    let pictures = renderer.capture_stream();
    let held = renderer.frame().await.expect("a frame");
    gated(&renderer, &gate, 0).await;
    drop(pictures);
    draw(&held, 1);
    soon("a submit", held.submit()).await.expect("submitted");
    assert_eq!(gpu.counters().readback_bytes_kept, 0, "the GPU is held");
    gate.open();
    until("all memory to come back", || {
        let counters = gpu.counters();
        counters.readback_bytes == 2 << 8 && counters.readback_bytes_kept == counters.readback_bytes
    })
    .await;
    drop((renderer, gate));
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
