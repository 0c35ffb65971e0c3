//! Calls that the driver refuses, by injection: the work in question fails with the call's name, and what comes after it
//! is as if nothing had been.
//!
//! Refused calls are answered before the layer sees them, so validation stays on and proves that states were rolled back.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use common::{
    Gate, Scene, close, color,
    faults::{Faults, LooseGate},
    open, poll_once, soon, strict,
};
use vulkio::{Completion, Error, FrameStats, Gpu, GpuBuffer, Graph, QueueKind, RendererOptions, ash::vk};

const NO_DEVICE_MEMORY: vk::Result = vk::Result::ERROR_OUT_OF_DEVICE_MEMORY;
const NO_HOST_MEMORY: vk::Result = vk::Result::ERROR_OUT_OF_HOST_MEMORY;

fn one_in_flight() -> RendererOptions {
    RendererOptions::default().frames_in_flight(1)
}

fn faulty() -> (Gpu, Faults) {
    let (options, faults) = Faults::on(strict());
    (open(options), faults)
}

async fn stats(scene: &Scene, n: u32) -> (Arc<FrameStats>, u64) {
    let frame = scene.frame().await;
    scene.draw(&frame, n);
    let done = soon("a submit", frame.submit()).await.expect("submitted");
    let stamp = done.stamp().value;
    (soon("a frame", done).await.expect("complete"), stamp)
}

async fn refused(scene: &Scene, n: u32) -> Error {
    let frame = scene.frame().await;
    scene.draw(&frame, n);
    let capture = frame.capture();
    let error = soon("a submit", frame.submit()).await.expect_err("refused");
    assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    error
}

#[tokio::test]
async fn a_frame_after_a_refused_one_is_right_and_has_the_barriers_of_any_other() {
    let (gpu, faults) = faulty();
    let scene = Scene::new(&gpu, one_in_flight());
    // The very first use of everything is refused: it is as unused as before.
    faults.once("vkQueueSubmit2", NO_DEVICE_MEMORY);
    let error = refused(&scene, 7).await;
    assert_eq!(error.to_string(), "out of device memory in vkQueueSubmit2; free some, or use less at once");
    let (first, stamp) = stats(&scene, 1).await;
    assert_eq!(stamp, 1, "no value was used up");
    assert_eq!(scene.copied().await, 1);
    let (second, _) = stats(&scene, 2).await;
    for result in [NO_DEVICE_MEMORY, NO_HOST_MEMORY] {
        let (_, before) = stats(&scene, 3).await;
        faults.once("vkQueueSubmit2", result);
        let error = refused(&scene, 4).await;
        assert!(matches!(error, Error::OutOfDeviceMemory { .. } | Error::OutOfHostMemory { .. }), "{error:?}");
        let (after, stamp) = stats(&scene, 5).await;
        assert_eq!(stamp, before + 1);
        assert_eq!(after.barriers, second.barriers);
        assert_eq!(scene.copied().await, 5);
        scene.draws(6).await;
    }
    assert!(first.barriers <= second.barriers);
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_refused_frame_behind_a_gated_one_leaves_that_alone() {
    let (gpu, faults) = faulty();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(2));
    let gate = Gate::new(&gpu);
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    gate.hold(frame.graph());
    let done = frame.submit().await.expect("submitted");
    for n in 2..6 {
        faults.once("vkQueueSubmit2", NO_DEVICE_MEMORY);
        assert!(matches!(refused(&scene, n).await, Error::OutOfDeviceMemory { .. }));
        assert!(poll_once(&mut done.clone()).is_pending());
    }
    let frame = scene.frame().await;
    scene.draw(&frame, 6);
    let second = soon("a submit", frame.submit()).await.expect("submitted");
    assert_eq!(second.stamp().value, done.stamp().value + 1);
    gate.open();
    soon("the first", done).await.expect("complete");
    soon("the second", second).await.expect("complete");
    assert_eq!(scene.copied().await, 6);
    scene.draws(7).await;
    drop((scene, gate));
    close(gpu).await;
}

#[tokio::test]
async fn neighbours_refused_in_one_call_all_fail_and_the_next_is_right() {
    let (gpu, faults) = faulty();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(4));
    scene.draws(1).await;
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
    let mut submits = Vec::new();
    for n in 2..5 {
        let frame = scene.frame().await;
        scene.draw(&frame, n);
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        common::recorded().await;
        submits.push(submit);
    }
    // One of them is dropped: its failure is heard of in the next frame().
    drop(submits.pop());
    faults.once("vkQueueSubmit2", NO_DEVICE_MEMORY);
    let_go.send(()).expect("it waits");
    for submit in submits {
        let error = soon("a submit", submit).await.expect_err("refused");
        assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    }
    holder.join().expect("no panic");
    assert_eq!(faults.calls("vkQueueSubmit2"), 1);
    let error = soon("frame()", scene.renderer.frame()).await.expect_err("what nobody awaited");
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    assert_eq!(scene.copied().await, 1);
    scene.draws(5).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn memory_that_the_driver_refuses_is_an_error_with_the_resources_name_and_what_follows_works() {
    let (gpu, faults) = faulty();
    let scene = Scene::new(&gpu, one_in_flight());
    faults.always("vkAllocateMemory", NO_DEVICE_MEMORY);
    let error = gpu.buffer::<u8>("huge", 200 << 20).expect_err("refused");
    let Error::OutOfDeviceMemory { what, requested, .. } = &error else { panic!("{error:?}") };
    assert!(what.contains("huge") && *requested >= 200 << 20, "{error}");
    faults.never("vkAllocateMemory");
    drop(gpu.buffer::<u8>("huge", 200 << 20).expect("the next is granted"));
    faults.always("vkAllocateMemory", NO_DEVICE_MEMORY);
    let error = gpu.image::<vulkio::RenderTarget>("canvas", [64, 64]).expect_err("refused");
    assert!(matches!(&error, Error::OutOfDeviceMemory { what, .. } if what.contains("canvas")), "{error:?}");
    faults.always("vkAllocateMemory", NO_HOST_MEMORY);
    let error = gpu.image::<vulkio::RenderTarget>("canvas", [64, 64]).expect_err("refused");
    assert!(matches!(&error, Error::OutOfHostMemory { .. }), "{error:?}");
    // A frame without memory for its capture is drawn all the same.
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    let capture = frame.capture();
    faults.always("vkAllocateMemory", NO_DEVICE_MEMORY);
    let done = soon("a submit", frame.submit()).await.expect("submitted");
    soon("the frame", done).await.expect("complete");
    let error = soon("the capture", capture).await.expect_err("refused");
    assert!(matches!(&error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    faults.always("vkAllocateMemory", NO_DEVICE_MEMORY);
    let error = soon("a read", gpu.read(&scene.to, 0..64)).await.expect_err("refused");
    assert!(matches!(&error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    faults.always("vkAllocateMemory", NO_DEVICE_MEMORY);
    let error = soon("an upload", gpu.upload(&scene.to, 0, vec![1; 64])).await.expect_err("refused");
    assert!(matches!(&error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    faults.never("vkAllocateMemory");
    assert_eq!(scene.copied().await, 1);
    faults.once("vkCreateBuffer", NO_HOST_MEMORY);
    let error = gpu.buffer::<u8>("bytes", 16).expect_err("refused");
    assert!(error.to_string().contains("vkCreateBuffer"), "{error}");
    scene.draws(2).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_the_driver_refuses_anywhere_fails_its_frame_only() {
    let (gpu, faults) = faulty();
    let scene = Scene::new(&gpu, one_in_flight());
    scene.draws(1).await;
    let calls = ["vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandPool"];
    for (call, nth) in calls.into_iter().flat_map(|call| [(call, 1), (call, 2), (call, 3)]) {
        faults.rule(call, move |n| (n == nth).then_some(NO_HOST_MEMORY));
        let frame = scene.frame().await;
        scene.draw(&frame, 2);
        Scene::pad(&frame, 16);
        match soon("a submit", frame.submit()).await {
            Err(Error::OutOfHostMemory { context }) => assert_eq!(context, call),
            // With fewer such calls than that, nothing is refused.
            Ok(done) if faults.calls(call) < nth => drop(soon("the frame", done).await.expect("complete")),
            other => panic!("{call} {nth}: {other:?}"),
        }
        faults.never(call);
        scene.draws(3).await;
    }
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_first_recording_without_a_pool_or_a_buffer_fails_and_the_next_has_them() {
    for call in ["vkCreateCommandPool", "vkAllocateCommandBuffers"] {
        let (gpu, faults) = faulty();
        let scene = Scene::new(&gpu, one_in_flight());
        faults.once(call, NO_DEVICE_MEMORY);
        let error = refused(&scene, 1).await;
        assert!(error.to_string().contains(call), "{error}");
        scene.draws(2).await;
        drop(scene);
        close(gpu).await;
    }
}

#[tokio::test]
async fn a_pipeline_that_was_refused_is_made_when_it_is_asked_for_again() {
    let (gpu, faults) = faulty();
    let shader = include_bytes!("../shaders/spv/saxpy.comp.spv");
    faults.once("vkCreateComputePipelines", NO_DEVICE_MEMORY);
    let error = gpu.compute_pipeline("saxpy", shader).await.expect_err("refused");
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    faults.once("vkCreateComputePipelines", vk::Result::ERROR_INVALID_SHADER_NV);
    let error = gpu.compute_pipeline("saxpy", shader).await.expect_err("refused");
    assert!(matches!(&error, Error::Shader { name, .. } if name == "saxpy"), "{error:?}");
    gpu.compute_pipeline("saxpy", shader).await.expect("made");
    close(gpu).await;
}

#[tokio::test]
async fn a_doorbell_that_cannot_be_rung_delays_and_loses_nothing() {
    let (gpu, faults) = faulty();
    let gate = LooseGate::new(&gpu, &faults);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    let done = graph.submit().await.expect("submitted");
    let broken = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&broken);
    faults.rule("vkSignalSemaphore", move |_| flag.load(Ordering::SeqCst).then_some(NO_HOST_MEMORY));
    for _ in 0..2 {
        let late = soon("a time limit", done.wait_for(Duration::from_millis(5))).await;
        assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    }
    broken.store(false, Ordering::SeqCst); // the gate's signal is the same call
    gate.open();
    soon("the graph", done).await.expect("complete");
    broken.store(true, Ordering::SeqCst);
    close(gpu).await;
}

#[tokio::test]
async fn what_a_refused_graph_read_is_in_the_layout_and_as_visible_as_before() {
    let (gpu, faults) = faulty();
    let image = gpu.image::<vulkio::RenderTarget>("image", [8, 4]).expect("an image");
    let [from, to] = ["from", "to"].map(|name| gpu.buffer::<u32>(name, 32).expect("a buffer"));
    // Copies both: a change of layout, and a read after a write.
    let copy = || {
        let graph = Graph::new(&gpu, "copy");
        let (own, out) = (image.clone(), to.clone());
        graph.pass("image").reads(image.copy_source()).writes(to.copy_target()).record(move |cmd| {
            cmd.copy_image(&own, &out);
        });
        let (own, out) = (from.clone(), to.clone());
        graph.pass("buffer").reads(from.copy_source()).writes(to.copy_target()).record(move |cmd| {
            cmd.copy(&own, 0..16, &out, 0);
        });
        graph
    };
    for n in 1..4 {
        let graph = Graph::new(&gpu, "write");
        graph.pass("clear").renders(image.clear(common::color(n))).record(|_| ());
        let own = from.clone();
        graph.pass("fill").writes(from.copy_target()).record(move |cmd| {
            cmd.fill(&own, 0..32, n);
        });
        soon("the write", graph.submit().await.expect("submitted")).await.expect("complete");
        for _ in 0..2 {
            faults.once("vkQueueSubmit2", NO_DEVICE_MEMORY);
            let error = soon("a copy", copy().submit()).await.expect_err("refused");
            assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
        }
        let stats = soon("the copy", copy().submit().await.expect("submitted")).await.expect("complete");
        assert_eq!(stats.barriers, 2, "one before the first pass, one between the two");
        let words = soon("a read", gpu.read(&to, 0..32)).await.expect("read");
        assert_eq!(words[..16], [n; 16]);
        assert_eq!(bytes_of(&words[16..]), common::pixel(n).repeat(16));
    }
    drop((image, from, to));
    close(gpu).await;
}

fn bytes_of(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A frame that goes from queue to queue and back, where there are several.
async fn across(scene: &Scene, n: u32) -> Result<Completion<Arc<FrameStats>>, Error> {
    let frame = scene.frame().await;
    let [own, from, back] = [&scene.from; 3].map(GpuBuffer::clone);
    let [to, again] = [&scene.to; 2].map(GpuBuffer::clone);
    frame.pass("clear").renders(frame.target().clear(color(n))).record(|_| ());
    frame.pass("fill").queue(QueueKind::Graphics).writes(scene.from.copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..64, n);
    });
    frame.pass("copy").queue(QueueKind::Transfer).copies(&scene.from, &scene.to).record(move |cmd| {
        cmd.copy(&from, 0..64, &to, 0);
    });
    frame.pass("back").queue(QueueKind::Graphics).copies(&scene.to, &scene.from).record(move |cmd| {
        cmd.copy(&again, 0..64, &back, 0);
    });
    soon("a submit", frame.submit()).await
}

#[tokio::test]
async fn a_frame_of_which_one_queue_is_refused_fails_and_those_after_it_are_right() {
    let (gpu, faults) = faulty();
    let scene = Scene::new(&gpu, one_in_flight());
    let done = across(&scene, 1).await.expect("submitted");
    let calls = soon("a frame", done).await.expect("complete").submits;
    for n in 2..14 {
        let refused = 1 + u64::from(n) % calls;
        faults.rule("vkQueueSubmit2", move |call| (call == refused).then_some(NO_DEVICE_MEMORY));
        let error = across(&scene, 100 + n).await.expect_err("refused");
        assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
        assert_eq!(faults.calls("vkQueueSubmit2"), refused, "nothing is submitted after what was refused");
        faults.never("vkQueueSubmit2");
        let done = across(&scene, n).await.expect("submitted");
        assert_eq!(soon("a frame", done).await.expect("complete").submits, calls);
        assert_eq!(scene.copied().await, n, "call {refused} of {calls} was refused");
        scene.draws(n).await;
    }
    drop(scene);
    close(gpu).await;
}
