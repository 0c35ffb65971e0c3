//! Dropping, forgetting and timing out what waits for a busy GPU: `frame()`, completions, uploads, pipelines.

mod common;

use std::{mem, sync::mpsc, time::Duration};

use common::{Gate, Hold, Scene, close, faults::Faults, open, poll_once, soon, strict, strict_gpu, until};
use vulkio::{Completion, Error, Frame, Gpu, Graph, RendererOptions};

const A_MOMENT: Duration = Duration::from_millis(5);

fn one_in_flight() -> RendererOptions {
    RendererOptions::default().frames_in_flight(1)
}

/// Submits frame `n`, which waits for the gate.
async fn submit_gated(scene: &Scene, gate: &Gate, n: u32) -> Completion<std::sync::Arc<vulkio::FrameStats>> {
    let frame = scene.frame().await;
    scene.draw(&frame, n);
    gate.hold(frame.graph());
    frame.submit().await.expect("submitted")
}

#[tokio::test]
async fn a_frame_future_dropped_unpolled_or_pending_gives_up_its_place_and_nothing_else() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    let gate = Gate::new(&gpu);
    let first = submit_gated(&scene, &gate, 1).await;
    drop(scene.renderer.frame());
    let mut impatient = Box::pin(scene.renderer.frame());
    assert!(poll_once(&mut impatient).is_pending());
    let mut patient = Box::pin(scene.renderer.frame());
    assert!(poll_once(&mut patient).is_pending());
    drop(impatient);
    let late = tokio::time::timeout(A_MOMENT, scene.renderer.frame()).await;
    assert!(late.is_err(), "the only slot is with the gated frame");
    assert!(poll_once(&mut patient).is_pending());
    gate.open();
    let frame = soon("the next in the queue", patient).await.expect("a frame");
    drop(frame);
    soon("the gated frame", first).await.expect("complete");
    scene.draws(2).await;
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_future_dropped_after_its_slot_came_free_passes_the_slot_on() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    let gate = Gate::new(&gpu);
    let first = submit_gated(&scene, &gate, 1).await;
    let (woken, waker) = flag();
    let mut chosen = Box::pin(scene.renderer.frame());
    let polled = chosen.as_mut().poll(&mut std::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    gate.open();
    soon("the gated frame", first).await.expect("complete");
    until("the slot is offered", || woken.load(std::sync::atomic::Ordering::SeqCst)).await;
    drop(chosen); // the semaphore has given it the permit already
    scene.draws(2).await;
    drop((scene, gate));
    close(gpu).await;
}

fn flag() -> (std::sync::Arc<std::sync::atomic::AtomicBool>, std::task::Waker) {
    struct Flag(std::sync::Arc<std::sync::atomic::AtomicBool>);
    impl std::task::Wake for Flag {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        }
    }
    let set = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
    (std::sync::Arc::clone(&set), std::sync::Arc::new(Flag(set)).into())
}

#[tokio::test]
async fn a_forgotten_frame_costs_exactly_its_permit() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(3));
    let gate = Gate::new(&gpu);
    let done = submit_gated(&scene, &gate, 1).await; // busy from here on
    mem::forget(scene.frame().await);
    let third = scene.frame().await;
    let mut fourth = Box::pin(scene.renderer.frame());
    assert!(poll_once(&mut fourth).is_pending(), "one gated, one forgotten, one here");
    drop(third);
    drop(soon("the third's slot", fourth).await.expect("a frame"));
    gate.open();
    soon("the gated frame", done).await.expect("complete");
    for n in 2..6 {
        scene.draws(n).await;
    }
    // Two permits are left, and two they stay.
    let (a, b) = (scene.frame().await, scene.frame().await);
    assert!(poll_once(&mut Box::pin(scene.renderer.frame())).is_pending());
    drop((a, b));
    assert_eq!(gpu.validation_messages(), Vec::<String>::new());
    // The forgotten frame holds a handle of the Gpu, so the device itself outlives the test; closing does not care.
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn a_forgotten_frame_future_costs_the_permit_it_waited_for_and_no_other() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(2));
    let gate = Gate::new(&gpu);
    let first = submit_gated(&scene, &gate, 1).await;
    let second = submit_gated(&scene, &gate, 2).await;
    let renderer = scene.renderer.clone();
    let mut forgotten = Box::pin(async move { renderer.frame().await });
    assert!(poll_once(&mut forgotten).is_pending());
    mem::forget(forgotten);
    mem::forget(Box::pin(scene.renderer.frame())); // unpolled: it waits for nothing yet
    gate.open();
    soon("the first", first).await.expect("complete");
    soon("the second", second).await.expect("complete");
    for n in 3..7 {
        scene.draws(n).await;
    }
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_dropped_at_any_stage_changes_nothing() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    drop(scene.frame().await);
    let declared = scene.frame().await;
    scene.draw(&declared, 2);
    let capture = declared.capture();
    drop(declared);
    assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    let submit = scene.frame().await;
    scene.draw(&submit, 3);
    let capture = submit.capture();
    drop(submit.submit()); // unpolled
    assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    assert_eq!(gpu.counters().submits, submits);
    assert_eq!(scene.copied().await, 1);
    assert_eq!(scene.renderer.capture().await.expect("a picture").bytes(), common::pixel(1).repeat(32));
    scene.draws(4).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn completions_are_dropped_forgotten_and_timed_out_at_every_stage_and_the_frame_goes_on() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    for n in 1..=6 {
        let gate = Gate::new(&gpu);
        let mut done = submit_gated(&scene, &gate, n).await;
        let mut ready = done.clone();
        match n {
            1 => drop(done), // unpolled
            2 => {
                assert!(poll_once(&mut done).is_pending());
                drop(done);
            }
            3 => {
                assert!(poll_once(&mut done).is_pending());
                mem::forget(done);
            }
            4 => {
                let late = tokio::time::timeout(A_MOMENT, &mut done).await;
                assert!(late.is_err());
                let late = done.wait_for(A_MOMENT).await;
                assert!(matches!(late, Err(Error::Timeout { after: A_MOMENT })), "{late:?}");
                drop(done.wait_for(A_MOMENT)); // unpolled
                let mut wait = done.wait_for(Duration::from_secs(3600));
                assert!(poll_once(&mut wait).is_pending());
                drop(wait);
                let mut wait = done.wait_for(Duration::from_secs(3600));
                assert!(poll_once(&mut wait).is_pending());
                mem::forget(wait);
            }
            5 => mem::forget(done), // unpolled
            _ => {
                gate.open();
                soon("the frame", &mut done).await.expect("complete");
                assert!(done.is_complete());
                mem::forget(done); // after it was ready
            }
        }
        if n < 6 {
            assert!(!ready.is_complete());
            assert!(poll_once(&mut ready).is_pending());
        }
        gate.open();
        let stats = soon("the frame", ready).await.expect("complete");
        assert_eq!(stats.passes, 3);
        assert_eq!(scene.copied().await, n);
    }
    scene.draws(7).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_capture_dropped_or_forgotten_under_a_gate_takes_nothing_with_it() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    let gate = Gate::new(&gpu);
    let frame = scene.frame().await;
    scene.draw(&frame, 3);
    gate.hold(frame.graph());
    let (mut polled, unpolled, mut kept) = (frame.capture(), frame.capture(), frame.capture());
    drop(frame.capture());
    let done = frame.submit().await.expect("submitted");
    assert!(poll_once(&mut polled).is_pending());
    assert!(poll_once(&mut kept).is_pending());
    drop((polled, unpolled));
    // So does the renderer's own, at each of its awaits.
    let mut capture = Box::pin(scene.renderer.capture());
    assert!(poll_once(&mut capture).is_pending());
    drop(capture);
    drop(scene.renderer.capture());
    let mut idle = Box::pin(scene.renderer.idle());
    assert!(poll_once(&mut idle).is_pending());
    drop(idle);
    gate.open();
    assert_eq!(soon("the kept one", kept).await.expect("a picture").bytes(), common::pixel(3).repeat(32));
    soon("the frame", done).await.expect("complete");
    soon("idle", scene.renderer.idle()).await.expect("idle");
    scene.draws(4).await;
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn a_read_dropped_while_the_gpu_is_busy_is_thrown_away() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    let gate = Gate::new(&gpu);
    let first = submit_gated(&scene, &gate, 1).await;
    let bytes = gpu.counters().device_bytes;
    for _ in 0..10 {
        let mut read = Box::pin(gpu.read(&scene.to, 0..64));
        assert!(poll_once(&mut read).is_pending());
        drop(read);
        drop(gpu.read(&scene.to, 0..64));
    }
    gate.open();
    soon("the frame", first).await.expect("complete");
    scene.draws(2).await;
    soon("all", gpu.submitted(vulkio::QueueKind::Graphics)).await.expect("complete");
    let growth = gpu.counters().device_bytes - bytes;
    assert!(growth <= 16 << 20, "{growth} bytes more: read-backs share a block");
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_dropped_or_forgotten_while_it_is_generated_is_written_whole() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("target", 1 << 16).expect("a buffer");
    for forget in [false, true] {
        let (mut hold, wait) = Hold::new();
        let wait = std::sync::Mutex::new(Some(wait));
        let (owner, target) = (gpu.clone(), buffer.clone());
        let upload = async move {
            let generate = move |range: std::ops::Range<usize>, place: &mut [u32]| {
                if let Some(wait) = wait.lock().expect("not poisoned").take() {
                    wait();
                }
                place.iter_mut().zip(range).for_each(|(word, i)| *word = i as u32);
            };
            owner.upload_with(&target, generate).await
        };
        let submits = gpu.counters().submits;
        let mut upload = Box::pin(upload);
        assert!(poll_once(&mut upload).is_pending());
        hold.entered().await;
        if forget {
            mem::forget(upload)
        } else {
            drop(upload)
        }
        hold.release();
        // Its turn had come.
        until("the upload", || gpu.counters().uploads_waiting == 0).await;
        assert_eq!(gpu.counters().submits, submits + 1);
        let words = gpu.read(&buffer, 0..1 << 16).await.expect("read");
        assert!(words.iter().zip(0..).all(|(&word, i)| word == i));
        gpu.upload(&buffer, 0, vec![7; 4]).await.expect("submitted").await.expect("complete");
    }
    drop(buffer);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_dropped_while_the_driver_makes_it_is_made_for_who_asks_again() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let shader = include_bytes!("../shaders/spv/saxpy.comp.spv");
    let (enter, entered) = tokio::sync::oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let pause = std::sync::Mutex::new(Some((enter, released)));
    faults.rule("vkCreateComputePipelines", move |_| {
        if let Some((enter, released)) = pause.lock().expect("not poisoned").take() {
            let _ = enter.send(());
            let _ = released.recv();
        }
        None
    });
    let mut dropped = Box::pin(gpu.compute_pipeline("saxpy", shader));
    assert!(poll_once(&mut dropped).is_pending());
    soon("the driver", entered).await.expect("called");
    let mut waiting = Box::pin(gpu.compute_pipeline("saxpy", shader));
    assert!(poll_once(&mut waiting).is_pending());
    drop(dropped);
    release.send(()).expect("the driver waits");
    let pipeline = soon("the pipeline", waiting).await.expect("made");
    let made = faults.calls("vkCreateComputePipelines");
    let same = gpu.compute_pipeline("saxpy", shader).await.expect("made");
    assert_eq!(faults.calls("vkCreateComputePipelines"), made, "the second is the first");
    drop((pipeline, same));
    close(gpu).await;
}

#[test]
fn an_open_that_nobody_waits_for_closes_what_it_opened() {
    let (options, faults) = Faults::on(strict());
    drop(Gpu::open(options.clone())); // unpolled: nothing happens
    let mut open = Box::pin(Gpu::open(options));
    let mut once = poll_once(&mut open);
    if once.is_pending() {
        drop(open);
    } else {
        // It was that fast. Then it is a Gpu like any other.
        drop(std::mem::replace(&mut once, std::task::Poll::Pending));
    }
    faults.wait_for_the_end();
}

#[tokio::test]
async fn select_and_timeout_take_frames_and_completions_apart_and_every_frame_still_draws() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default());
    for n in 0..40 {
        let gate = Gate::new(&gpu);
        let frame: Frame = scene.frame().await;
        scene.draw(&frame, n);
        if n % 2 == 0 {
            gate.hold(frame.graph());
        }
        let done = frame.submit().await.expect("submitted");
        tokio::select! {
            biased;
            result = done.clone() => { result.expect("complete"); }
            () = tokio::task::yield_now() => {}
        }
        let _ = tokio::time::timeout(Duration::from_micros(u64::from(n) * 10), done.clone()).await;
        gate.open();
        if n % 3 == 0 {
            soon("the frame", done).await.expect("complete");
            assert_eq!(scene.copied().await, n);
        }
    }
    scene.draws(41).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_graph_dropped_with_a_wait_for_a_gate_never_waits() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    for forget in [false, true] {
        let graph = Graph::new(&gpu, "never");
        gate.hold(&graph);
        let submit = graph.submit();
        if forget { mem::forget(submit) } else { drop(submit) }
    }
    assert_eq!(gpu.counters().submits, 0);
    let done = Graph::new(&gpu, "free").submit().await.expect("submitted");
    soon("a graph that waits for nothing", done).await.expect("complete");
    drop(gate);
    close(gpu).await;
}
