//! A lost device, by injection: everything that waits and everything that comes learns of it once, and everything ends.
//!
//! Lost calls are answered before the layer sees them, so validation stays on: to it, the device is fine.

mod common;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    task::{Context, Wake},
    thread,
    time::Duration,
};

use common::{
    Hold, Scene,
    faults::{Faults, LooseGate},
    open, poll_once, soon, strict, until,
};
use futures::executor::block_on;
use vulkio::{Completion, Error, FrameStats, Gpu, Graph, QueueKind, RendererOptions, ash::vk};

const LOST: vk::Result = vk::Result::ERROR_DEVICE_LOST;

#[track_caller]
fn is_lost<T>(what: &str, result: Result<T, Error>) {
    match result {
        Err(Error::DeviceLost { .. }) => {}
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what} went well"),
    }
}

/// A device with a gated frame in flight.
struct Busy {
    gpu: Gpu,
    faults: Faults,
    gate: LooseGate,
    scene: Scene,
    capture: vulkio::Capture,
    done: Completion<Arc<FrameStats>>,
}

impl Busy {
    /// `before_submit` sets rules, once all is warm.
    async fn new(in_flight: usize, before_submit: impl FnOnce(&Faults)) -> Self {
        let (options, faults) = Faults::on(strict());
        let gpu = open(options);
        let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(in_flight));
        scene.draws(1).await;
        let gate = LooseGate::new(&gpu, &faults);
        let frame = scene.frame().await;
        scene.draw(&frame, 2);
        gate.hold(frame.graph());
        let capture = frame.capture();
        before_submit(&faults);
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        Self { gpu, faults, gate, scene, capture, done }
    }

    /// After the loss: everything pending and everything new says so; then all ends.
    async fn everything_says_so_and_ends(self) {
        let Self { gpu, faults, gate, scene, capture, mut done } = self;
        let frames = scene.renderer.clone();
        let waiting = tokio::spawn(async move { frames.frame().await.map(drop) });
        is_lost("the frame", soon("it", &mut done).await);
        is_lost("the frame again", soon("it", &mut done).await);
        is_lost("a time limit", soon("it", done.wait_for(Duration::from_secs(60))).await);
        is_lost("its capture", soon("it", capture).await);
        is_lost("idle", soon("it", scene.renderer.idle()).await);
        is_lost("submitted()", soon("it", gpu.submitted(QueueKind::Graphics)).await);
        is_lost("a frame() that waited", soon("it", waiting).await.expect("no panic"));
        assert!(!done.is_complete());
        assert_eq!(gpu.validation_messages(), Vec::<String>::new());
        gate.open(); // a lost device is idle at last
        is_lost("a graph", soon("it", Graph::new(&gpu, "late").submit()).await);
        is_lost("a read", soon("it", gpu.read(&scene.to, 0..1)).await);
        is_lost("an upload", soon("it", gpu.upload(&scene.to, 0, vec![1])).await);
        is_lost("a capture", soon("it", scene.renderer.capture()).await);
        for _ in 0..3 {
            is_lost("frame()", soon("it", scene.renderer.frame()).await);
        }
        is_lost("close", soon("close", gpu.close()).await);
        is_lost("close again", soon("close", gpu.close()).await);
        let log = gpu.validation_log();
        drop((scene, gpu));
        faults.wait_for_the_end();
        assert_eq!(log.messages(), Vec::<String>::new());
        is_lost("the frame, long after", soon("it", done).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_met_by_a_submit_reaches_all_who_wait() {
    let busy = Busy::new(1, |_| ()).await;
    busy.faults.always("vkQueueSubmit2", LOST);
    let error = soon("a submit", Graph::new(&busy.gpu, "unlucky").submit()).await.expect_err("the device is lost");
    assert_eq!(error.to_string(), "the GPU device was lost (vkQueueSubmit2); open a new Gpu to go on");
    assert!(error.is_device_lost());
    let faults = busy.faults.clone();
    busy.everything_says_so_and_ends().await;
    assert_eq!(faults.calls("vkQueueSubmit2"), 1, "nothing is submitted to a lost device");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_met_by_a_frames_submit_reaches_all_who_wait() {
    let busy = Busy::new(2, |_| ()).await;
    busy.faults.always("vkQueueSubmit2", LOST);
    let frame = busy.scene.frame().await;
    busy.scene.draw(&frame, 3);
    let capture = frame.capture();
    is_lost("the submit", soon("it", frame.submit()).await);
    assert!(matches!(soon("its capture", capture).await, Err(Error::Cancelled)));
    busy.everything_says_so_and_ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_met_by_the_reactors_wait_reaches_all_who_wait() {
    Busy::new(1, |faults| faults.always("vkWaitSemaphores", LOST)).await.everything_says_so_and_ends().await;
}

#[tokio::test]
async fn a_loss_met_by_the_reactors_look_at_a_counter_reaches_all_who_wait() {
    Busy::new(1, |faults| faults.always("vkGetSemaphoreCounterValue", LOST)).await.everything_says_so_and_ends().await;
}

#[test]
fn a_loss_is_told_on_an_executor_that_is_no_runtime() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    faults.always("vkWaitSemaphores", LOST);
    let gate = LooseGate::new(&gpu, &faults);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    let done = block_on(graph.submit()).expect("submitted");
    is_lost("the graph", block_on(done.clone()));
    gate.open();
    drop(gpu); // without closing
    faults.wait_for_the_end();
    is_lost("the graph, long after", block_on(done));
}

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_waiters_of_a_lost_device_are_woken_once_each() {
    let busy = Busy::new(1, |_| ()).await;
    let mut waits: Vec<_> = (0..1000).map(|_| (busy.done.clone(), Arc::new(Count::default()))).collect();
    for (done, count) in &mut waits {
        let waker = Arc::clone(count).into();
        assert!(std::pin::Pin::new(done).poll(&mut Context::from_waker(&waker)).is_pending());
    }
    busy.faults.always("vkQueueSubmit2", LOST);
    is_lost("a submit", soon("it", Graph::new(&busy.gpu, "unlucky").submit()).await);
    until("all are woken", || waits.iter().all(|(_, count)| count.0.load(Ordering::SeqCst) > 0)).await;
    for (done, _) in &mut waits {
        is_lost("a waiter", soon("it", done).await);
    }
    let counts: Vec<_> = waits.iter().map(|(_, count)| Arc::clone(count)).collect();
    drop(waits);
    busy.everything_says_so_and_ends().await;
    assert!(counts.iter().all(|count| count.0.load(Ordering::SeqCst) == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_recorded_while_the_device_is_lost_fails_whole() {
    let busy = Busy::new(2, |_| ()).await;
    let (mut hold, wait) = Hold::new();
    let frame = busy.scene.frame().await;
    Scene::pad(&frame, 12);
    frame.pass("held").record(move |_| wait());
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    hold.entered().await;
    busy.faults.always("vkQueueSubmit2", LOST);
    is_lost("a submit", soon("it", Graph::new(&busy.gpu, "unlucky").submit()).await);
    hold.release();
    is_lost("the frame", soon("it", submit).await);
    busy.everything_says_so_and_ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_were_complete_before_the_loss_stay_complete() {
    let (options, faults) = Faults::on(strict());
    let gpu = open(options);
    let scene = Scene::new(&gpu, RendererOptions::default());
    let frame = scene.frame().await;
    scene.draw(&frame, 3);
    let capture = frame.capture();
    let done = frame.submit().await.expect("submitted");
    soon("the frame", done.clone()).await.expect("complete");
    let picture = soon("the capture", capture).await.expect("a picture");
    faults.always("vkQueueSubmit2", LOST);
    is_lost("a submit", soon("it", Graph::new(&gpu, "unlucky").submit()).await);
    assert_eq!(soon("the frame", done).await.expect("it was complete").passes, 5);
    assert_eq!(picture.bytes(), common::pixel(3).repeat(32));
    is_lost("frame()", soon("it", scene.renderer.frame()).await);
    let _ = soon("close", gpu.close()).await; // everything submitted was complete
    let log = gpu.validation_log();
    drop((scene, picture, gpu));
    faults.wait_for_the_end();
    assert_eq!(log.messages(), Vec::<String>::new());
    // And the next one is as good as new.
    let gpu = open(strict());
    let scene = Scene::new(&gpu, RendererOptions::default());
    scene.draws(4).await;
    drop(scene);
    common::close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_seen_during_a_submit_frees_and_waits_for_nothing_until_that_submit_has_returned() {
    let (enter, entered) = tokio::sync::oneshot::channel();
    let (let_go, wait) = mpsc::channel::<()>();
    let (in_submit, idle_in_submit) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let lost = Arc::new(AtomicBool::new(false));
    let (seen, early, gone) = (Arc::clone(&in_submit), Arc::clone(&idle_in_submit), Arc::clone(&lost));
    let busy = Busy::new(1, |faults| {
        // The reactor learns of the loss when a submit is under way.
        faults.rule("vkWaitSemaphores", move |_| {
            while !gone.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            Some(LOST)
        });
        for wait in ["vkDeviceWaitIdle", "vkQueueWaitIdle"] {
            let (seen, early) = (Arc::clone(&seen), Arc::clone(&early));
            faults.rule(wait, move |_| {
                early.fetch_or(seen.load(Ordering::SeqCst), Ordering::SeqCst);
                None
            });
        }
    })
    .await;
    let pause = Mutex::new(Some((enter, wait)));
    let flag = Arc::clone(&in_submit);
    busy.faults.rule("vkQueueSubmit2", move |_| {
        let (enter, wait) = pause.lock().expect("not poisoned").take()?;
        flag.store(true, Ordering::SeqCst);
        let _ = enter.send(());
        let _ = wait.recv();
        flag.store(false, Ordering::SeqCst);
        Some(LOST)
    });
    // Larger than half a block, so it has memory of its own, and its end is seen.
    let large = busy.gpu.buffer::<u32>("large", 12 << 20).expect("a buffer");
    let graph = Graph::new(&busy.gpu, "under way");
    let own = large.clone();
    graph.pass("fill").writes(large.copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..16, 1);
    });
    drop(large);
    let bytes = busy.gpu.counters().device_bytes;
    let submitting = thread::spawn(move || block_on(graph.submit()));
    soon("the driver", entered).await.expect("called");
    lost.store(true, Ordering::SeqCst);
    is_lost("the frame", soon("it", busy.done.clone()).await);
    busy.gate.open();
    // The time that a hasty reactor needs.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let freed = bytes - busy.gpu.counters().device_bytes;
    assert!(in_submit.load(Ordering::SeqCst));
    let_go.send(()).expect("it waits");
    is_lost("the submit", submitting.join().expect("no panic"));
    assert!(!idle_in_submit.load(Ordering::SeqCst), "a wait needs the queue for itself");
    assert_eq!(freed, 0, "what was being submitted was freed");
    busy.everything_says_so_and_ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_stays_lost_though_the_gpu_still_gets_there() {
    let released = Arc::new(AtomicBool::new(false));
    let go = Arc::clone(&released);
    let busy = Busy::new(1, |faults| {
        // The reactor is on its way to look at the counter, and slow.
        faults.rule("vkGetSemaphoreCounterValue", move |_| {
            while thread::current().name() == Some("vulkio-reactor") && !go.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            None
        });
    })
    .await;
    busy.faults.always("vkQueueSubmit2", LOST);
    is_lost("a submit", soon("it", Graph::new(&busy.gpu, "unlucky").submit()).await);
    is_lost("the frame", soon("it", busy.done.clone()).await);
    busy.gate.open();
    // SAFETY: the queue is ours for the wait.
    unsafe {
        let device = busy.gpu.raw().device.clone();
        busy.gpu.with_queue(QueueKind::Graphics, |queue, _| device.queue_wait_idle(queue)).expect("idle");
    }
    released.store(true, Ordering::SeqCst);
    busy.everything_says_so_and_ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_after_the_loss_does_not_wait_for_a_gpu_that_is_still_busy() {
    let busy = Busy::new(2, |_| ()).await;
    busy.faults.always("vkQueueSubmit2", LOST);
    is_lost("a submit", soon("it", Graph::new(&busy.gpu, "unlucky").submit()).await);
    // The reactor waits for the queues by now, to give back what they used.
    let faults = busy.faults.clone();
    let waits = ["vkQueueWaitIdle", "vkDeviceWaitIdle"];
    until("the reactor waits", || waits.iter().any(|wait| faults.calls(wait) > 0)).await;
    let gpu = busy.gpu.clone();
    // On a thread of its own, so that the test can end where it blocks.
    let submit = thread::spawn(move || block_on(Graph::new(&gpu, "late").submit()));
    let answered = tokio::time::timeout(Duration::from_secs(10), until("it", || submit.is_finished())).await;
    busy.gate.open();
    is_lost("a late submit", submit.join().expect("no panic"));
    busy.everything_says_so_and_ends().await;
    assert!(answered.is_ok(), "a submit blocked its thread until the GPU was idle");
}
