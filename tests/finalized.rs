//! Frames and graphs that are recorded now and submitted later: what comes in between comes before them.

mod common;

use std::sync::Arc;

use common::{Scene, close, counting, open, poll_once, recorded, soon, strict, strict_gpu};
use vulkio::{Encoder, Error, Finalized, Gpu, GpuImage, Graph, RenderTarget, RendererOptions, TransientBuffer};

fn one_in_flight() -> RendererOptions {
    RendererOptions::default().frames_in_flight(1)
}

fn no_ink(_: &mut Encoder<'_>) {
    panic!("no ink")
}

/// Frame `n`, recorded.
async fn finalized(scene: &Scene, n: u32) -> Finalized {
    let frame = scene.frame().await;
    scene.draw(&frame, n);
    soon("a recording", frame.finalize()).await.expect("recorded")
}

async fn completed(held: Finalized) -> Arc<vulkio::FrameStats> {
    let done = soon("a submit", held.submit()).await.expect("submitted");
    soon("a frame", done).await.expect("complete")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_submitted_until_it_is_said_and_then_without_a_poll() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    for in_place in [std::time::Duration::ZERO, std::time::Duration::from_secs(1)] {
        let scene = Scene::in_place_below(&gpu, one_in_flight(), in_place);
        scene.draws(1).await;
        let submits = calls.total("vkQueueSubmit2");
        let frame = scene.frame().await;
        scene.draw(&frame, 2);
        let capture = frame.capture();
        let held = soon("a recording", frame.finalize()).await.expect("recorded");
        assert_eq!(calls.total("vkQueueSubmit2"), submits);
        assert!(poll_once(&mut Box::pin(scene.renderer.frame())).is_pending(), "it has the only slot");
        let submit = held.submit();
        assert_eq!(calls.total("vkQueueSubmit2"), submits + 1, "at once");
        drop(submit); // which changes nothing
        assert_eq!(soon("the picture", capture).await.expect("a picture").bytes(), common::pixel(2).repeat(32));
        assert_eq!(scene.copied().await, 2);
        scene.draws(3).await;
    }
    close(gpu).await;
}

#[tokio::test]
async fn one_that_is_dropped_gives_its_slot_back_and_its_captures_up() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    scene.draws(1).await;
    let before = gpu.counters();
    for n in 0..20 {
        let frame = scene.frame().await;
        scene.draw(&frame, n);
        let capture = frame.capture();
        let held = soon("a recording", frame.finalize()).await.expect("recorded");
        drop(held);
        assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    }
    let after = gpu.counters();
    assert_eq!((after.submits, after.command_pools), (before.submits, before.command_pools));
    assert_eq!(scene.copied().await, 1);
    scene.draws(2).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn work_that_was_submitted_in_between_comes_first() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(3));
    let first = finalized(&scene, 1).await;
    scene.draws(2).await;
    let second = finalized(&scene, 3).await;
    soon("it", gpu.upload(&scene.to, 0, vec![9; 64])).await.expect("uploaded");
    assert_eq!(scene.copied().await, 9);
    // The other way round than they were recorded.
    completed(second).await;
    assert_eq!(scene.copied().await, 3);
    completed(first).await;
    assert_eq!(scene.copied().await, 1);
    scene.draws(4).await;
    drop(scene);
    close(gpu).await;
}

async fn pixel(gpu: &Gpu, image: &GpuImage<RenderTarget>) -> [u8; 4] {
    let picture = soon("it", gpu.read_image(image)).await.expect("a picture");
    picture.texel(1, 1).expect("inside").try_into().expect("four bytes")
}

async fn clear(gpu: &Gpu, image: &GpuImage<RenderTarget>, color: [f32; 4]) {
    let graph = Graph::new(gpu, "clear");
    graph.pass("clear").renders(image.clear(color)).record(|_| ());
    soon("it", graph.submit()).await.expect("submitted");
}

#[tokio::test]
async fn an_image_that_changed_its_layout_in_between_is_brought_back_in_one_call() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> = gpu.image("canvas", [4, 4]).expect("an image");
    clear(&gpu, &image, [1.0, 0.0, 0.0, 1.0]).await;
    let load = async || {
        let graph = Graph::new(&gpu, "load");
        graph.pass("load").renders(image.load()).record(|_| ());
        soon("a recording", graph.finalize()).await.expect("recorded")
    };
    let held = load().await;
    let stats = completed(held).await;
    assert_eq!(stats.barriers, 1, "the one foreseen");
    let held = load().await;
    assert_eq!(pixel(&gpu, &image).await, [255, 0, 0, 255]);
    assert_eq!(completed(held).await.barriers, 2, "the one foreseen, and its correction");
    assert_eq!(pixel(&gpu, &image).await, [255, 0, 0, 255], "what was there is kept");
    let held = load().await;
    clear(&gpu, &image, [0.0, 1.0, 0.0, 1.0]).await;
    completed(held).await;
    assert_eq!(pixel(&gpu, &image).await, [0, 255, 0, 255], "what came in between is kept");
    drop(image);
    close(gpu).await;
}

#[tokio::test]
async fn what_was_written_in_between_may_be_read_and_what_nobody_wrote_may_not() {
    let gpu = strict_gpu();
    let [from, to] = ["from", "to"].map(|name| gpu.buffer::<u32>(name, 64).expect("a buffer"));
    let copy = async || {
        let graph = Graph::new(&gpu, "copy");
        let (source, target) = (from.clone(), to.clone());
        graph.pass("copy").copies(&from, &to).record(move |cmd| {
            cmd.copy(&source, 0..64, &target, 0);
        });
        soon("a recording", graph.finalize()).await.expect("recorded")
    };
    let (early, late) = (copy().await, copy().await);
    let error = soon("the submit", early.submit()).await.expect_err("nobody wrote it");
    assert_eq!(
        error.to_string(),
        "graph: pass `copy` reads `from`, which nothing has written yet; write, upload or clear it before"
    );
    soon("it", gpu.upload(&from, 0, vec![7; 64])).await.expect("uploaded");
    completed(late).await;
    assert_eq!(*soon("a read", gpu.read(&to, 0..64)).await.expect("read"), [7; 64]);
    drop((from, to));
    close(gpu).await;
}

#[tokio::test]
async fn several_at_once_have_transients_of_their_own() {
    let gpu = strict_gpu();
    let outs: Vec<_> = (0..4).map(|i| gpu.buffer::<u32>(&format!("out {i}"), 64).expect("a buffer")).collect();
    let mut held = Vec::new();
    for (n, out) in (1..).zip(&outs) {
        let graph = Graph::new(&gpu, "transient");
        let inner: TransientBuffer<u32> = graph.buffer("inner", 64).expect("a transient");
        let (own, from, to) = (inner.clone(), inner.clone(), out.clone());
        graph.pass("fill").writes(inner.copy_target()).record(move |cmd| {
            cmd.fill(&own, 0..64, n);
        });
        graph.pass("out").copies(&inner, out).record(move |cmd| {
            cmd.copy(&from, 0..64, &to, 0);
        });
        held.push(soon("a recording", graph.finalize()).await.expect("recorded"));
    }
    drop(held.remove(1));
    for held in held.into_iter().rev() {
        soon("a submit", held.submit()).await.expect("submitted");
    }
    for (n, out) in (1..).zip(&outs).filter(|(n, _)| *n != 2) {
        assert_eq!(*soon("a read", gpu.read(out, 0..64)).await.expect("read"), [n; 64]);
    }
    drop(outs);
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_that_fails_says_so_once_and_when_it_is_recorded() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    for padding in [0, 12] {
        let frame = scene.frame().await;
        scene.draw(&frame, 2);
        Scene::pad(&frame, padding);
        frame.pass("bad").record(no_ink);
        let mut finalize = frame.finalize();
        let error = soon("the recording", &mut finalize).await.expect_err("a pass panicked");
        assert_eq!(error.to_string(), "pass `bad` panicked while recording: no ink");
        assert!(matches!(soon("another poll", finalize).await, Err(Error::Cancelled)));
        let frame = scene.frame().await; // which does not tell it again
        frame.pass("bad").record(|_| Err(Error::Invalid("no ink".into())));
        let error = soon("the recording", frame.finalize()).await.expect_err("a pass failed");
        assert_eq!(error.to_string(), "pass `bad`: no ink");
        let frame = scene.frame().await;
        frame.pass("out of range").writes(scene.to.slice(60..70).copy_target()).record(|_| ());
        let error = soon("the recording", frame.finalize()).await.expect_err("a wrong declaration");
        assert!(error.to_string().contains("`out of range`"), "{error}");
    }
    assert_eq!(gpu.counters().submits, submits);
    scene.draws(3).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_finalize_that_is_dropped_at_any_stage_gives_everything_back() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    scene.draws(1).await;
    let submits = gpu.counters().submits;
    let captured = Arc::new(());
    for stage in 0..4 {
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let frame = scene.frame().await;
        scene.draw(&frame, 2);
        let (job, own) = (frame.job("wait", told), Arc::clone(&captured));
        frame.pass("after").after(&job).record(move |_| drop(own));
        let mut finalize = frame.finalize();
        if stage > 0 {
            assert!(poll_once(&mut finalize).is_pending());
        }
        if stage > 1 {
            recorded().await; // all but the pass that waits
        }
        if stage > 2 {
            tell.send(()).expect("it waits");
            recorded().await; // all, and nobody has looked
        }
        drop(finalize);
        drop(job);
        recorded().await;
        assert_eq!(Arc::strong_count(&captured), 1, "stage {stage}");
        drop(scene.frame().await);
    }
    assert_eq!(gpu.counters().submits, submits);
    assert_eq!(scene.copied().await, 1);
    scene.draws(3).await;
    drop(scene);
    close(gpu).await;
}

#[test]
fn a_frame_is_recorded_and_submitted_without_any_runtime() {
    use futures::executor::block_on;
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    for n in 1..4 {
        let frame = block_on(scene.renderer.frame()).expect("a frame");
        scene.draw(&frame, n);
        let held = block_on(frame.finalize()).expect("recorded");
        assert_eq!(gpu.counters().submits, 2 * u64::from(n - 1));
        block_on(block_on(held.submit()).expect("submitted")).expect("complete");
        assert_eq!(*block_on(gpu.read(&scene.to, 0..64)).expect("read"), [n; 64]);
    }
    drop(scene);
    block_on(close(gpu));
}

#[tokio::test]
async fn one_that_outlives_its_gpu_fails_with_that() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, one_in_flight());
    scene.draws(1).await;
    let held = finalized(&scene, 2).await;
    let owner = gpu.clone();
    drop(scene);
    let closed = tokio::spawn(async move { close(owner).await });
    drop(gpu);
    recorded().await;
    let submitted = soon("the submit", held.submit()).await;
    match submitted {
        Ok(done) => drop(soon("the frame", done).await.expect("complete")),
        Err(error) => assert!(common::is_gone(&error), "{error:?}"),
    }
    soon("the close", closed).await.expect("closed");
}
