//! A pass that panics or fails takes its own frame with it and nothing else. So does a waker, or a captured value.

mod common;

use std::{
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use common::{Gate, Scene, close, poll_once, soon, strict_gpu};
use vulkio::{Encoder, Error, Frame, Gpu, Graph, QueueKind, RendererOptions, System, Uses};

/// The bad pass goes first, in the middle, or last.
#[derive(Clone, Copy, Debug)]
enum Place {
    First,
    Middle,
    Last,
}

const PLACES: [Place; 3] = [Place::First, Place::Middle, Place::Last];

/// Frame `n` of `scene` with a pass called "bad" somewhere in it, between `padding` others.
fn declare(
    scene: &Scene,
    frame: &Frame,
    (place, padding): (Place, usize),
    n: u32,
    bad: impl FnOnce(&mut Encoder<'_>) -> vulkio::Result<()> + Send + 'static,
) {
    let before = match place {
        Place::First => 0,
        Place::Middle => padding / 2,
        Place::Last => padding,
    };
    if !matches!(place, Place::First) {
        scene.draw(frame, n);
    }
    Scene::pad(frame, before);
    frame.pass("bad").renders(frame.target().load()).record(bad);
    Scene::pad(frame, padding - before);
    if matches!(place, Place::First) {
        scene.draw(frame, n);
    }
}

async fn panics_everywhere(workers: Option<NonZeroU32>, padding: usize) {
    let gpu = strict_gpu();
    let mut options = RendererOptions::default().frames_in_flight(1);
    options.workers = workers.map(|workers| workers.get() as usize);
    let scene = Scene::new(&gpu, options);
    scene.draws(0).await;
    for (n, place) in (1..).zip(PLACES) {
        let submits = gpu.counters().submits;
        let frame = scene.frame().await;
        declare(&scene, &frame, (place, padding), n, move |_| panic!("frame {n} has no ink"));
        let capture = frame.capture();
        let error = soon("the submit", frame.submit()).await.expect_err("a pass panicked");
        let Error::RecordPanicked { pass, message } = &error else { panic!("{place:?}: {error:?}") };
        assert_eq!((pass.as_str(), message.as_str()), ("bad", format!("frame {n} has no ink").as_str()));
        assert_eq!(error.to_string(), format!("pass `bad` panicked while recording: frame {n} has no ink"));
        assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
        assert_eq!(gpu.counters().submits, submits, "{place:?}");
        scene.draws(n + 3).await; // its failure was told: it does not come out of `frame()` as well
    }
    drop(scene);
    close(gpu).await;
}

#[test]
fn a_panic_recorded_in_place_without_a_runtime_fails_its_frame_only() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    for (n, place) in (1..).zip(PLACES) {
        let frame = futures::executor::block_on(scene.renderer.frame()).expect("a frame");
        declare(&scene, &frame, (place, 6), n, |_| panic!("no ink"));
        let error = futures::executor::block_on(frame.submit()).expect_err("a pass panicked");
        assert!(matches!(&error, Error::RecordPanicked { pass, .. } if pass == "bad"), "{place:?}: {error:?}");
    }
    assert_eq!(gpu.counters().submits, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        scene.draws(4).await;
        drop(scene);
        close(gpu).await;
    });
}

#[tokio::test]
async fn a_panic_on_a_runtime_of_one_thread_fails_its_frame_only() {
    panics_everywhere(None, 0).await;
    panics_everywhere(None, 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_panic_on_any_of_many_workers_fails_its_frame_only() {
    panics_everywhere(None, 0).await;
    panics_everywhere(None, 20).await;
    for workers in 1..=3 {
        panics_everywhere(NonZeroU32::new(workers), 20).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_the_gpu_is_busy_leaves_the_frame_in_flight_alone() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(2));
    let gate = Gate::new(&gpu);
    let frame = scene.frame().await;
    scene.draw(&frame, 5);
    gate.hold(frame.graph());
    let capture = frame.capture();
    let busy = frame.submit().await.expect("submitted");
    for (n, place) in (1..).zip(PLACES) {
        let frame = scene.frame().await;
        declare(&scene, &frame, (place, 12), n, |_| panic!("no ink"));
        let error = soon("the submit", frame.submit()).await.expect_err("a pass panicked");
        assert!(matches!(error, Error::RecordPanicked { .. }), "{error:?}");
    }
    assert!(!busy.is_complete());
    gate.open();
    soon("the busy frame", busy).await.expect("complete");
    assert_eq!(capture.await.expect("a picture").bytes(), common::pixel(5).repeat(32));
    assert_eq!(scene.copied().await, 5);
    scene.draws(6).await;
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_every_pass_panics_one_of_them_is_named() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default());
    let frame = scene.frame().await;
    (0..16).for_each(|i| {
        frame.pass(&format!("bad {i}")).record(move |_| {
            if i < 99 {
                panic!("{i}")
            }
        });
    });
    let error = soon("the submit", frame.submit()).await.expect_err("all passes panicked");
    let Error::RecordPanicked { pass, message } = &error else { panic!("{error:?}") };
    assert_eq!(pass, &format!("bad {message}"));
    scene.draws(1).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_a_pass_returns_comes_out_of_submit_with_its_name() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    for (n, place) in (1..).zip(PLACES) {
        for padding in [0, 12] {
            let frame = scene.frame().await;
            declare(&scene, &frame, (place, padding), n, |_| Err(Error::Invalid("the model has no faces".into())));
            let error = soon("the submit", frame.submit()).await.expect_err("a pass failed");
            assert_eq!(error.to_string(), "pass `bad`: the model has no faces", "{place:?}");
            let Error::Record { pass, source } = &error else { panic!("{error:?}") };
            assert_eq!(pass, "bad");
            assert!(matches!(**source, Error::Invalid(_)));
        }
        scene.draws(n).await;
    }
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_system_that_panics_is_named_and_one_that_panics_in_its_declaration_spoils_no_lock() {
    struct Bad(bool);
    impl System for Bad {
        fn name(&self) -> &str {
            "bad system"
        }
        fn declare(&self, _: &mut Uses) {
            assert!(self.0, "cannot declare");
        }
        fn record(&self, _: &mut Encoder<'_>) -> vulkio::Result<()> {
            panic!("cannot record")
        }
    }
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default());
    let frame = scene.frame().await;
    let declared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| frame.add(Bad(false))));
    assert!(declared.is_err());
    scene.draw(&frame, 1);
    soon("the rest of the frame", frame.submit()).await.expect("submitted").await.expect("complete");
    assert_eq!(scene.copied().await, 1);
    let frame = scene.frame().await;
    frame.add((Bad(true), Bad(true)));
    let error = soon("the submit", frame.submit()).await.expect_err("it panicked");
    assert_eq!(error.to_string(), "pass `bad system` panicked while recording: cannot record");
    scene.draws(2).await;
    drop(scene);
    close(gpu).await;
}

type NextFrame = Pin<Box<dyn Future<Output = vulkio::Result<Frame>> + Send>>;

/// A waiting `frame()` that is polled the moment it is woken, on the thread that wakes it.
struct Eager {
    frame: Mutex<Option<NextFrame>>,
    result: Mutex<Option<vulkio::Result<()>>>,
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        let Some(mut frame) = self.frame.lock().expect("not poisoned").take() else { return };
        if let Poll::Ready(result) = poll_once(&mut frame) {
            *self.result.lock().expect("not poisoned") = Some(result.map(drop));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_that_nobody_awaited_comes_out_of_the_next_frame_once() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    let (mut hold, wait) = common::Hold::new();
    let frame = scene.frame().await;
    Scene::pad(&frame, 8);
    frame.pass("late").record(move |_| -> vulkio::Result<()> {
        wait();
        panic!("too late");
    });
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending());
    hold.entered().await;
    drop(submit);
    // The next frame() waits for the very slot that the failing one gives back.
    let renderer = scene.renderer.clone();
    let mut next: NextFrame = Box::pin(async move { renderer.frame().await });
    let eager = Arc::new(Eager { frame: Mutex::default(), result: Mutex::default() });
    assert!(poll_with(&mut next, &Arc::clone(&eager).into()).is_pending());
    *eager.frame.lock().expect("not poisoned") = Some(next);
    hold.release();
    common::until("the next frame", || eager.result.lock().expect("not poisoned").is_some()).await;
    let result = eager.result.lock().expect("not poisoned").take().expect("just seen");
    let error = result.expect_err("the failure before it");
    assert_eq!(error.to_string(), "pass `late` panicked while recording: too late");
    scene.draws(1).await;
    drop((scene, eager));
    close(gpu).await;
}

async fn next_is_right(gpu: &Gpu) {
    let scene = Scene::new(gpu, RendererOptions::default().frames_in_flight(1));
    scene.draws(1).await;
    scene.draws(2).await;
}

/// Panics when it is dropped, unless something is panicking already.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("dropped");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_that_was_not_recorded_may_panic_when_it_is_dropped() {
    let gpu = strict_gpu();
    for padding in [0, 40] {
        let graph = Graph::new(&gpu, "graph");
        graph.pass("bad").record(|_| -> vulkio::Result<()> { Err(Error::Invalid("no ink".into())) });
        let spite = Spiteful;
        graph.pass("never recorded").record(move |_| drop(spite));
        (0..padding).for_each(|i| {
            graph.pass(&format!("pad {i}")).record(|_| ());
        });
        let submit = soon("the submit", tokio::spawn(graph.submit())).await;
        let error = submit.expect("the panic stays inside").expect_err("a pass failed");
        // Which of the two failures it is, is left open.
        assert!(matches!(error, Error::Record { .. } | Error::RecordPanicked { .. }), "{error:?}");
        next_is_right(&gpu).await;
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_whose_payload_panics_when_dropped_is_a_panic_like_any_other() {
    let gpu = strict_gpu();
    for padding in [0, 40] {
        let graph = Graph::new(&gpu, "graph");
        graph.pass("bad").record(|_| -> vulkio::Result<()> { std::panic::panic_any(Spiteful) });
        (0..padding).for_each(|i| {
            graph.pass(&format!("pad {i}")).record(|_| ());
        });
        let submit = soon("the submit", tokio::spawn(graph.submit())).await;
        let error = submit.expect("the panic stays inside").expect_err("a pass panicked");
        assert!(matches!(error, Error::RecordPanicked { .. }), "{error:?}");
        next_is_right(&gpu).await;
    }
    close(gpu).await;
}

/// A waker of an executor that is badly broken.
#[derive(Default)]
struct Broken(AtomicU32);

impl Wake for Broken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("a broken executor");
    }
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

async fn gated(gpu: &Gpu, gate: &Gate) -> vulkio::Completion {
    let graph = Graph::new(gpu, "gated");
    gate.hold(&graph);
    graph.submit().await.expect("submitted").without_value()
}

#[tokio::test]
async fn a_waker_that_panics_keeps_no_other_completion_waiting() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let done = gated(&gpu, &gate).await;
    let broken = Arc::new(Broken::default());
    let mut bad: Vec<_> = (0..3).map(|_| done.clone()).collect();
    for done in &mut bad {
        assert!(poll_with(done, &Arc::clone(&broken).into()).is_pending());
    }
    let good = tokio::spawn(done.clone());
    tokio::task::yield_now().await;
    gate.open();
    soon("the good one", good).await.expect("no panic").expect("complete");
    soon("one after it", Graph::new(&gpu, "next").submit().await.expect("submitted")).await.expect("complete");
    assert_eq!(broken.0.load(Ordering::SeqCst), 3);
    drop((gate, done, bad));
    close(gpu).await;
}

#[tokio::test]
async fn a_waker_that_panics_when_its_frame_slot_comes_free_keeps_no_other_waiting() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    let gate = Gate::new(&gpu);
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    gate.hold(frame.graph());
    let done = frame.submit().await.expect("submitted");
    let broken = Arc::new(Broken::default());
    let mut bad = Box::pin(scene.renderer.frame());
    assert!(poll_with(&mut bad, &Arc::clone(&broken).into()).is_pending());
    gate.open();
    soon("the frame", done).await.expect("complete");
    common::until("the waker is called", || broken.0.load(Ordering::SeqCst) > 0).await;
    drop(bad);
    scene.draws(2).await;
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn a_waker_that_panics_keeps_no_other_submit_from_its_answer() {
    let gpu = strict_gpu();
    let (let_go, wait) = mpsc::channel::<()>();
    let (enter, entered) = mpsc::channel();
    let owner = gpu.clone();
    let holder = thread::spawn(move || {
        // SAFETY: nothing is done with the queue.
        unsafe {
            owner.with_queue(QueueKind::Graphics, |_, _| {
                let _ = enter.send(());
                let _ = wait.recv();
            });
        }
    });
    entered.recv().expect("the queue is held");
    let mut bad = Graph::new(&gpu, "bad").submit();
    let broken = Arc::new(Broken::default());
    assert!(poll_with(&mut bad, &Arc::clone(&broken).into()).is_pending());
    let mut good = Graph::new(&gpu, "good").submit();
    assert!(poll_once(&mut good).is_pending());
    let_go.send(()).expect("it waits");
    let done = soon("the good one", good).await.expect("submitted");
    soon("the good one", done).await.expect("complete");
    let _ = holder.join(); // the broken waker's panic may come out there
    assert_eq!(broken.0.load(Ordering::SeqCst), 1);
    soon("the bad one", bad).await.expect("submitted");
    close(gpu).await;
}
