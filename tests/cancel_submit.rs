//! Dropping, forgetting and timing out `submit()` while its passes are recorded on other workers, while it waits for
//! the queue, and after it was answered: a frame goes out whole or not at all.

mod common;

use std::{
    mem,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use common::{Gate, Hold, Scene, close, poll_once, soon, strict_gpu, until};
use vulkio::{Error, Frame, QueueKind, RendererOptions};

/// Two workers and one slot: whoever holds the slot is noticed.
fn options() -> RendererOptions {
    RendererOptions::default().frames_in_flight(1)
}

/// A frame of many passes, one of them held while it is recorded.
async fn held_frame(scene: &Scene, n: u32) -> (Frame, Hold) {
    let (hold, wait) = Hold::new();
    let frame = scene.frame().await;
    Scene::pad(&frame, 10);
    frame.pass("held").record(move |_| wait());
    scene.draw(&frame, n);
    (frame, hold)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_dropped_while_others_record_is_cancelled_whole() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, options());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    let (frame, mut hold) = held_frame(&scene, 2).await;
    let capture = frame.capture();
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    hold.entered().await;
    assert!(poll_once(&mut submit).is_pending());
    drop(submit);
    assert!(poll_once(&mut Box::pin(scene.renderer.frame())).is_pending(), "the slot is in use while it is recorded");
    hold.release();
    assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    drop(scene.frame().await);
    assert_eq!(gpu.counters().submits, submits);
    assert_eq!(scene.copied().await, 1);
    scene.draws(3).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_timed_out_while_others_record_is_cancelled_whole() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, options());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    let (frame, hold) = held_frame(&scene, 2).await;
    let late = tokio::time::timeout(Duration::from_millis(5), frame.submit()).await;
    assert!(late.is_err());
    hold.release();
    drop(scene.frame().await);
    assert_eq!(gpu.counters().submits, submits);
    assert_eq!(scene.copied().await, 1);
    scene.draws(3).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_forgotten_while_others_record_goes_out_whole_and_its_slot_comes_back() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, options());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    let (frame, mut hold) = held_frame(&scene, 2).await;
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    hold.entered().await;
    mem::forget(submit);
    hold.release();
    drop(scene.frame().await);
    assert_eq!(gpu.counters().submits, submits + 1);
    assert_eq!(scene.copied().await, 2);
    scene.draws(3).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_dropped_after_the_commit_but_before_it_was_answered_goes_out_whole() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, options());
    for (n, forget) in [(2, false), (3, true)] {
        let submits = gpu.counters().submits;
        let (frame, mut hold) = held_frame(&scene, n).await;
        let capture = frame.capture();
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        hold.entered().await;
        hold.release();
        until("the frame is submitted", || gpu.counters().submits == submits + 1).await;
        if forget {
            mem::forget(submit)
        } else {
            drop(submit)
        }
        let picture = soon("the capture", capture).await.expect("a picture");
        assert_eq!(picture.bytes(), common::pixel(n).repeat(32));
        assert_eq!(scene.copied().await, n);
        drop(picture);
    }
    scene.draws(4).await;
    drop(scene);
    close(gpu).await;
}

/// Holds the queue from another thread, as a `vkQueuePresentKHR` that blocks would.
fn hold_queue(gpu: &vulkio::Gpu) -> (mpsc::Sender<()>, thread::JoinHandle<()>) {
    let (let_go, wait) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    let gpu = gpu.clone();
    let holder = move || {
        // SAFETY: nothing is done with the queue.
        unsafe {
            gpu.with_queue(QueueKind::Graphics, |_, _| {
                let _ = enter.send(());
                let _ = wait.recv();
            });
        }
    };
    let thread = thread::spawn(holder);
    entered.recv().expect("the holder is in");
    (let_go, thread)
}

#[tokio::test]
async fn a_recorded_frame_whose_queue_is_held_is_pending_and_dropped_goes_out_whole() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(4));
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    let (let_go, holder) = hold_queue(&gpu);
    let mut frames = Vec::new();
    for n in 2..5 {
        let frame = scene.frame().await;
        scene.draw(&frame, n);
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        common::recorded().await;
        assert!(poll_once(&mut submit).is_pending(), "recorded, but the queue is not free");
        frames.push(submit);
    }
    let last = frames.pop().expect("three");
    mem::forget(frames.pop());
    drop(frames);
    assert_eq!(gpu.counters().submits, submits);
    let_go.send(()).expect("it waits");
    let done = soon("the last", last).await.expect("submitted");
    soon("the last", done).await.expect("complete");
    holder.join().expect("no panic");
    assert_eq!(gpu.counters().submits, submits + 1, "neighbours go out in one call");
    assert_eq!(scene.copied().await, 4);
    scene.draws(5).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_under_a_gate_is_answered_at_once_and_may_be_dropped_at_any_stage() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(4));
    let gate = Gate::new(&gpu);
    let submits = gpu.counters().submits;
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    gate.hold(frame.graph());
    let first = soon("a submit", frame.submit()).await.expect("the GPU need not be idle");
    // Declared and dropped, polled and dropped, polled to the end and its completion dropped.
    let frame = scene.frame().await;
    scene.draw(&frame, 2);
    drop(frame.submit());
    let frame = scene.frame().await;
    scene.draw(&frame, 3);
    drop(soon("a submit", frame.submit()).await.expect("submitted"));
    let (frame, mut hold) = held_frame(&scene, 4).await;
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    hold.entered().await;
    drop(submit);
    hold.release();
    assert!(!first.is_complete());
    gate.open();
    soon("the first", first).await.expect("complete");
    assert_eq!(scene.copied().await, 3);
    assert_eq!(gpu.counters().submits, submits + 3, "1, 3 and the read");
    for n in 5..10 {
        scene.draws(n).await;
    }
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drop_that_races_the_commit_never_tears_a_frame() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, options());
    scene.draws(0).await;
    let mut expected = 0;
    let (mut whole, mut none) = (0, 0);
    for n in 1..=150 {
        let before = gpu.counters().submits;
        let recorded = Arc::new(AtomicU32::new(0));
        let frame = scene.frame().await;
        Scene::pad(&frame, 10);
        for i in 0..4 {
            let recorded = Arc::clone(&recorded);
            frame.pass(&format!("counted {i}")).record(move |_| {
                recorded.fetch_add(1, Ordering::SeqCst);
            });
        }
        scene.draw(&frame, n);
        let (mut hold, wait) = Hold::new();
        frame.pass("held").record(move |_| wait());
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        hold.entered().await;
        let start = Arc::new(Barrier::new(2));
        let go = Arc::clone(&start);
        let dropper = thread::spawn(move || {
            go.wait();
            // Spread over the time that it takes to get from the held pass to the commit.
            (0..n % 50 * 40).for_each(|_| std::hint::spin_loop());
            drop(submit);
        });
        start.wait();
        hold.release();
        drop(scene.frame().await); // the slot is back: the frame is through, one way or the other
        dropper.join().expect("no panic");
        match gpu.counters().submits - before {
            0 => none += 1,
            1 => {
                whole += 1;
                expected = n;
                assert_eq!(recorded.load(Ordering::SeqCst), 4, "a frame went out in part");
            }
            more => panic!("{more} submits"),
        }
        assert_eq!(scene.copied().await, expected);
    }
    println!("{whole} went out, {none} did not");
    scene.draws(151).await;
    drop(scene);
    close(gpu).await;
}
