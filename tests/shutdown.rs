//! Runtime, renderer and `Gpu` dropped in every order with work in flight, and the last handle dropped on every kind of
//! thread: nothing hangs, nothing is destroyed too early, and the device goes when the work is done.

mod common;

use std::{
    fs,
    process::Command,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use common::{
    Hold,
    faults::{Faults, LooseGate},
    open, poll_once, strict,
};
use futures::executor::block_on;
use vulkio::{Completion, FrameStats, Gpu, Graph, RenderTarget, Renderer, ValidationMessages};

const A_MOMENT: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Runtime,
    Renderer,
    Gpu,
}

use Part::{Gpu as G, Renderer as R, Runtime as T};

const ORDERS: [[Part; 3]; 6] = [[T, R, G], [T, G, R], [R, T, G], [R, G, T], [G, T, R], [G, R, T]];

/// A device that says when it is destroyed, and gives up waiting soon.
fn watched() -> (Gpu, Faults, ValidationMessages) {
    let (options, faults) = Faults::on(strict().close_timeout(A_MOMENT));
    let gpu = open(options);
    let log = gpu.validation_log();
    (gpu, faults, log)
}

/// The device goes, and there was no message.
#[track_caller]
fn ends(faults: &Faults, log: &ValidationMessages) {
    faults.wait_for_the_end();
    assert_eq!(log.messages(), Vec::<String>::new());
}

struct Stage {
    runtime: Option<tokio::runtime::Runtime>,
    renderer: Option<Renderer>,
    gpu: Option<Gpu>,
}

impl Stage {
    fn set(gpu: Gpu) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let renderer = Renderer::headless(&gpu, [8, 4]).expect("a renderer");
        Self { runtime: Some(runtime.expect("a runtime")), renderer: Some(renderer), gpu: Some(gpu) }
    }

    fn runtime(&self) -> &tokio::runtime::Runtime {
        self.runtime.as_ref().expect("not dropped yet")
    }

    fn renderer(&self) -> &Renderer {
        self.renderer.as_ref().expect("not dropped yet")
    }

    /// A frame that waits for the gate, with passes enough to be recorded on the runtime.
    fn submit(&self, gate: &LooseGate) -> Completion<Arc<FrameStats>> {
        let submit = async {
            let frame = self.renderer().frame().await.expect("a frame");
            frame.pass("clear").renders(frame.target().clear([1.0; 4])).record(|_| ());
            common::Scene::pad(&frame, 12);
            gate.hold(frame.graph());
            frame.submit().await
        };
        self.runtime().block_on(submit).expect("submitted")
    }

    fn strike(&mut self, part: Part) {
        match part {
            Part::Runtime => drop(self.runtime.take()),
            Part::Renderer => drop(self.renderer.take()),
            Part::Gpu => drop(self.gpu.take()),
        }
    }
}

/// Drops the three in every order. The gate opens after `opened` of them are gone.
fn drop_all(opened: usize, tasks_hold_handles: bool) {
    for order in ORDERS {
        println!("{order:?}, the gate opens after {opened}");
        let (gpu, faults, log) = watched();
        let gate = LooseGate::new(&gpu, &faults);
        let mut stage = Stage::set(gpu);
        let done = stage.submit(&gate);
        let _waiting = stage.runtime().spawn(done.clone());
        if tasks_hold_handles {
            let renderer = stage.renderer().clone();
            let second = stage.submit(&gate);
            // Both slots are taken, so this waits until it is dropped with its runtime or gets the third frame.
            stage.runtime().spawn(async move {
                let frame = renderer.frame().await;
                drop((frame, second));
            });
        }
        for (dropped, part) in order.into_iter().enumerate() {
            if dropped == opened {
                gate.open();
            }
            stage.strike(part);
        }
        if opened >= order.len() {
            assert!(!faults.ended(), "{order:?}: work is in flight");
            assert!(!done.is_complete());
            let opener = gate.clone();
            thread::spawn(move || opener.open()).join().expect("no panic");
        }
        let stats = block_on(done).expect("the work was submitted, so it completes");
        assert_eq!(stats.passes, 13);
        ends(&faults, &log);
    }
}

#[test]
fn all_three_are_dropped_in_every_order_after_the_gate_opened() {
    drop_all(0, false);
}

#[test]
fn all_three_are_dropped_in_every_order_while_the_gate_opens() {
    drop_all(1, false);
    drop_all(2, false);
}

#[test]
fn all_three_are_dropped_in_every_order_before_the_gate_opens() {
    drop_all(3, false);
}

#[test]
fn all_three_are_dropped_in_every_order_while_tasks_hold_handles_of_their_own() {
    drop_all(0, true);
    drop_all(2, true);
    drop_all(3, true);
}

#[test]
fn all_three_are_dropped_in_every_order_while_passes_are_recorded() {
    for order in ORDERS {
        println!("{order:?}");
        let (gpu, faults, log) = watched();
        let mut stage = Stage::set(gpu);
        let (mut hold, wait) = Hold::new();
        let frame = block_on(stage.renderer().frame()).expect("a frame");
        frame.pass("held").record(move |_| wait());
        common::Scene::pad(&frame, 12);
        let submit = stage.runtime().spawn(frame.submit());
        stage.runtime().block_on(hold.entered());
        // A runtime waits for polls under way when it is dropped.
        let release = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            hold.release();
        });
        order.into_iter().for_each(|part| stage.strike(part));
        release.join().expect("no panic");
        drop(submit);
        ends(&faults, &log);
    }
}

/// A waker that owns something, and drops it when it is woken.
struct Owner(Mutex<Option<Box<dyn Send>>>);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {
        drop(self.0.lock().expect("not poisoned").take());
    }
}

fn owner(thing: impl Send + 'static) -> Waker {
    Arc::new(Owner(Mutex::new(Some(Box::new(thing))))).into()
}

/// On which thread the device was destroyed.
fn destroyer(faults: &Faults) -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel();
    faults.before_the_end(move || {
        let _ = send.send(thread::current().name().unwrap_or("?").to_owned());
    });
    receive
}

#[test]
fn the_last_handle_may_go_with_a_waker_on_the_reactors_own_thread() {
    let (gpu, faults, log) = watched();
    let gate = LooseGate::new(&gpu, &faults);
    let destroyed_on = destroyer(&faults);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    let mut done = block_on(graph.submit()).expect("submitted");
    let waker = owner(gpu);
    assert!(std::pin::Pin::new(&mut done).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    assert!(!faults.ended());
    gate.open();
    ends(&faults, &log);
    assert_eq!(destroyed_on.recv().expect("said"), "vulkio-reactor");
    block_on(done).expect("complete");
}

#[test]
fn the_last_handle_may_go_with_the_waker_of_a_timer() {
    let (gpu, faults, log) = watched();
    let gate = LooseGate::new(&gpu, &faults);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    let done = block_on(graph.submit()).expect("submitted");
    let mut wait = done.wait_for(Duration::from_millis(10));
    let waker = owner(gpu);
    assert!(std::pin::Pin::new(&mut wait).poll(&mut Context::from_waker(&waker)).is_pending());
    drop(waker);
    thread::sleep(Duration::from_millis(30)); // the timer may have fired or not: both must be fine
    gate.open();
    drop(wait);
    ends(&faults, &log);
    block_on(done).expect("complete");
}

#[test]
fn the_last_handle_may_go_with_a_cancelled_recording_on_a_worker() {
    let (gpu, faults, log) = watched();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (mut hold, wait) = Hold::new();
    let graph = Graph::new(&gpu, "held");
    graph.pass("held").record(move |_| wait());
    (0..40).for_each(|i| {
        graph.pass(&format!("pad {i}")).record(|_| ());
    });
    drop(gpu);
    let guard = runtime.enter();
    let mut submit = graph.submit();
    assert!(poll_once(&mut submit).is_pending());
    drop(guard);
    runtime.block_on(hold.entered());
    drop(submit);
    assert!(!faults.ended(), "the recording holds the device");
    hold.release();
    ends(&faults, &log);
}

#[test]
fn the_last_handle_may_go_on_a_helper_thread() {
    let (gpu, faults, log) = watched();
    let image = gpu.image::<RenderTarget>("picture", [8, 4]).expect("an image");
    let graph = Graph::new(&gpu, "clear");
    graph.pass("clear").renders(image.clear([1.0; 4])).record(|_| ());
    block_on(block_on(graph.submit()).expect("submitted")).expect("complete");
    let picture = block_on(gpu.read_image(&image)).expect("a picture");
    // A pipe keeps the helper busy until it is read.
    let path = std::env::temp_dir().join(format!("vulkio-shutdown-{}.png", std::process::id()));
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    let mut save = Box::pin(async { picture.save_png(&path).await });
    assert!(poll_once(&mut save).is_pending());
    drop(save);
    let destroyed_on = destroyer(&faults);
    drop((gpu, image, picture));
    assert!(!faults.ended(), "the helper holds the picture");
    let file = fs::read(&path).expect("the pipe");
    fs::remove_file(&path).expect("removed");
    assert_eq!(&file[1..4], b"PNG");
    ends(&faults, &log);
    let thread = destroyed_on.recv().expect("said");
    assert!(thread.starts_with("vulkio-"), "{thread}");
}

#[test]
fn resources_outlive_their_gpu_and_the_device_goes_with_the_last_of_them() {
    let (gpu, faults, log) = watched();
    let buffer = gpu.buffer::<u32>("buffer", 16).expect("a buffer");
    let image = gpu.image::<RenderTarget>("image", [8, 4]).expect("an image");
    let shader = include_bytes!("../shaders/spv/saxpy.comp.spv");
    let pipeline = block_on(gpu.compute_pipeline("saxpy", shader)).expect("a pipeline");
    block_on(async {
        gpu.upload(&buffer, 0, vec![9; 16]).await.expect("submitted");
        let words = gpu.read(&buffer, 0..16).await.expect("read");
        gpu.close().await.expect("closed");
        drop(gpu);
        assert_eq!(*words, [9; 16], "what was read stays readable");
    });
    drop(pipeline);
    drop(image);
    assert!(!faults.ended());
    drop(buffer);
    assert!(faults.ended(), "on this very thread: nobody else has a handle");
    ends(&faults, &log);
}

#[test]
fn a_runtime_that_is_dropped_before_it_recorded_is_an_error_and_the_frame_is_cancelled_whole() {
    let (gpu, faults, log) = watched();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let options = vulkio::RendererOptions::default().frames_in_flight(1).runtime(runtime.handle().clone());
    let options = options.in_place_below(Duration::ZERO);
    let renderer = Renderer::with_options(&gpu, [8, 4], options).expect("a renderer");
    let frame = block_on(renderer.frame()).expect("a frame");
    common::Scene::pad(&frame, 12);
    let capture = frame.capture();
    let mut submit = frame.submit();
    assert!(poll_once(&mut submit).is_pending(), "nobody drives that runtime");
    drop(runtime);
    let error = block_on(submit).expect_err("its runtime is gone");
    assert!(matches!(error, vulkio::Error::RuntimeGone), "{error:?}");
    assert!(matches!(block_on(capture), Err(vulkio::Error::Cancelled)));
    // And again, from the start.
    for _ in 0..3 {
        let frame = block_on(renderer.frame()).expect("its slot came back, and its failure was told");
        common::Scene::pad(&frame, 12);
        let error = block_on(frame.submit()).expect_err("its runtime is gone");
        assert!(matches!(error, vulkio::Error::RuntimeGone), "{error:?}");
    }
    assert_eq!(gpu.counters().submits, 0);
    let other = Renderer::headless(&gpu, [8, 4]).expect("a renderer");
    let frame = block_on(other.frame()).expect("a frame");
    common::Scene::pad(&frame, 12);
    block_on(block_on(frame.submit()).expect("submitted without a runtime")).expect("complete");
    drop((renderer, other, gpu));
    ends(&faults, &log);
}

#[test]
fn two_gpus_opened_and_closed_side_by_side_disturb_each_other_in_nothing() {
    let turns = |seed: u32| {
        for n in seed..seed + 5 {
            let gpu = open(strict());
            let log = gpu.validation_log();
            let buffer = gpu.buffer::<u32>("buffer", 64).expect("a buffer");
            block_on(async {
                gpu.upload(&buffer, 0, vec![n; 64]).await.expect("submitted");
                assert_eq!(*gpu.read(&buffer, 0..64).await.expect("read"), [n; 64]);
            });
            drop((buffer, gpu)); // without closing
            assert_eq!(log.messages(), Vec::<String>::new());
        }
    };
    thread::scope(|scope| {
        (0..3).for_each(|i| drop(scope.spawn(move || turns(i * 100))));
    });
}
