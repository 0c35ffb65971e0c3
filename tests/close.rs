//! `Gpu::close`: refuses what is new, waits for what is submitted, and can be dropped and called again.

mod common;

use std::time::Duration;

use common::{Gate, Hold, Scene, close, faults::Faults, open, poll_once, soon, strict, strict_gpu};
use vulkio::{Error, Graph, QueueKind, Renderer, RendererOptions};

#[tokio::test]
async fn closing_is_pending_until_the_gpu_is_done_and_tells_everyone_who_waits() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(2));
    let gate = Gate::new(&gpu);
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    gate.hold(frame.graph());
    let capture = frame.capture();
    let done = frame.submit().await.expect("submitted");
    let in_hand = scene.frame().await;
    scene.draw(&in_hand, 2);
    let renderer = scene.renderer.clone();
    let waiting = tokio::spawn(async move { renderer.frame().await.map(drop) });
    let mut polled = Box::pin(scene.renderer.frame());
    assert!(poll_once(&mut polled).is_pending());
    tokio::task::yield_now().await;

    let mut first = Box::pin(gpu.close());
    assert!(poll_once(&mut first).is_pending());
    drop(first); // refused is refused
    let waited = soon("a waiting frame()", waiting).await.expect("no panic");
    assert!(matches!(waited, Err(Error::Closed)), "{waited:?}");
    assert!(matches!(soon("another", polled).await, Err(Error::Closed)));
    assert!(matches!(soon("frame()", scene.renderer.frame()).await, Err(Error::Closed)));
    let refused = soon("a submit", in_hand.submit()).await;
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    assert!(!done.is_complete());
    let late = tokio::time::timeout(Duration::from_millis(5), gpu.close()).await;
    assert!(late.is_err(), "the gate is shut");

    let (a, b) = (gpu.clone(), gpu.clone());
    let both = [tokio::spawn(async move { a.close().await }), tokio::spawn(async move { b.close().await })];
    tokio::task::yield_now().await;
    gate.open();
    for close in both {
        soon("close", close).await.expect("no panic").expect("closed");
    }
    assert_eq!(soon("the frame", done).await.expect("it was submitted").passes, 5);
    assert_eq!(capture.await.expect("a picture").bytes(), common::pixel(1).repeat(32));
    soon("once more", gpu.close()).await.expect("closed");
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn after_closing_everything_new_is_refused_and_everything_old_still_answers() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let scene = Scene::new(&gpu, RendererOptions::default());
    scene.draws(3).await;
    let old = gpu.submitted(QueueKind::Graphics);
    let submit = Graph::new(&gpu, "made before").submit();
    let picture = scene.renderer.capture().await.expect("a picture");
    let calls = gpu.counters().submits;
    gpu.close().await.expect("closed");
    let closed = |what: &str, error: Option<Error>| assert!(matches!(error, Some(Error::Closed)), "{what}: {error:?}");
    closed("frame()", soon("it", scene.renderer.frame()).await.err());
    closed("a submit made before", soon("it", submit).await.err());
    closed("a graph", soon("it", Graph::new(&gpu, "late").submit()).await.err());
    closed("a read", soon("it", gpu.read(&scene.to, 0..1)).await.err());
    closed("an upload", soon("it", gpu.upload(&scene.to, 0, vec![1])).await.err());
    closed("an upload in chunks", soon("it", gpu.upload_with(&scene.to, |_, _| ())).await.err());
    closed("a renderer", Renderer::headless(&gpu, [8, 4]).err());
    closed("a capture", soon("it", scene.renderer.capture()).await.err());
    let shader = include_bytes!("../shaders/spv/saxpy.comp.spv");
    closed("a pipeline", soon("it", gpu.compute_pipeline("saxpy", shader)).await.err());
    soon("a file", picture.save_png("/dev/null")).await.expect("a picture outlives its Gpu");
    assert_eq!(gpu.counters().submits, calls);
    soon("idle", scene.renderer.idle()).await.expect("all frames are complete");
    soon("what was complete", old).await.expect("complete");
    soon("submitted()", gpu.submitted(QueueKind::Graphics)).await.expect("complete");
    assert_eq!(picture.bytes(), common::pixel(3).repeat(32));
    gpu.close().await.expect("closed already");
    drop((scene, picture));
    assert!(!faults.ended());
    close(gpu).await;
    assert!(faults.ended(), "the last handle was the test's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_still_recorded_while_the_gpu_closes_is_refused_whole() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let scene = Scene::new(&gpu, RendererOptions::default());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    let (mut hold, wait) = Hold::new();
    let frame = scene.frame().await;
    frame.pass("held").record(move |_| wait());
    Scene::pad(&frame, 12);
    scene.draw(&frame, 2);
    let capture = frame.capture();
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    hold.entered().await;
    soon("close", gpu.close()).await.expect("closed");
    hold.release();
    let refused = soon("the submit", submit).await;
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    assert_eq!(gpu.counters().submits, submits);
    drop(scene);
    close(gpu).await;
    faults.wait_for_the_end();
}

#[tokio::test]
async fn a_gpu_closed_unused_or_with_a_forgotten_frame_closes() {
    let gpu = strict_gpu();
    close(gpu).await;
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    std::mem::forget(scene.frame().await);
    let renderer = scene.renderer.clone();
    let waiting = tokio::spawn(async move { renderer.frame().await.map(drop) });
    tokio::task::yield_now().await;
    soon("close", gpu.close()).await.expect("closed");
    let waited = soon("a frame() that could only wait for ever", waiting).await.expect("no panic");
    assert!(matches!(waited, Err(Error::Closed)), "{waited:?}");
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn closing_waits_for_a_helper_at_work_no_longer_than_the_limit() {
    let (options, faults) = Faults::on(strict().close_timeout(Duration::from_millis(20)));
    let gpu = open(options);
    let buffer = gpu.buffer::<u32>("buffer", 64).expect("a buffer");
    let (mut hold, wait) = Hold::new();
    let wait = std::sync::Mutex::new(Some(wait));
    let (owner, target) = (gpu.clone(), buffer.clone());
    let upload = tokio::spawn(async move {
        let generate = move |_: std::ops::Range<usize>, place: &mut [u32]| {
            if let Some(wait) = wait.lock().expect("not poisoned").take() {
                wait();
            }
            place.fill(1);
        };
        owner.upload_with(&target, generate).await
    });
    hold.entered().await;
    soon("close", gpu.close()).await.expect("closed");
    assert!(!faults.ended());
    hold.release();
    let refused = soon("the upload", upload).await.expect("no panic");
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    drop(buffer);
    let log = gpu.validation_log();
    drop(gpu);
    faults.wait_for_the_end();
    assert_eq!(log.messages(), Vec::<String>::new());
}
