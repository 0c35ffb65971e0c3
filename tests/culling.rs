//! Passes whose results nobody reads, and graphs that make no sense, each by the message that it gets.

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use common::{Scene, close, counting, open, soon, strict, strict_gpu};
use vulkio::{Encoder, Error, Gpu, GpuBuffer, GpuImage, Graph, Ids, RendererOptions, TransientBuffer};

const N: usize = 64;

/// Counts calls of the closure that it is in, and knows when that is gone.
#[derive(Clone, Default)]
struct Watch(Arc<AtomicUsize>);

impl Watch {
    fn called(&self) -> impl FnOnce(&mut Encoder<'_>) + Send + 'static {
        let own = self.clone();
        move |_| own.call()
    }

    fn call(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn holders(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

#[tokio::test]
async fn a_pass_whose_result_nobody_reads_is_dropped_and_not_recorded() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let scene = Scene::new(&gpu, RendererOptions::default());
    for n in 0..4 {
        let (culled, called) = (Watch::default(), Watch::default());
        let frame = scene.frame().await;
        let inner = |name: &str| -> TransientBuffer<u32> { frame.buffer(name, N).expect("a transient") };
        let [a, b, c] = ["a", "b", "c"].map(inner);
        let image: GpuImage<Ids> = frame.image("image", [8, 8]).expect("a transient");
        // A line of passes whose end nobody reads, an image, and shares: none is recorded.
        frame.pass("first").writes(a.copy_target()).record(culled.called());
        frame.pass("second").copies(&a, &b).record(culled.called());
        frame.pass("clear").renders(image.clear(1)).record(culled.called());
        let shares = culled.clone();
        frame.pass("shares").reads(&b).writes(&c).parallel(1000, move |_, _| shares.call());
        // These are: one that is kept, with what it reads, one that writes what outlives the frame, and one that writes
        // nothing.
        let kept = inner("kept");
        frame.pass("read by kept").writes(kept.copy_target()).record(called.called());
        let last = inner("last");
        frame.pass("kept").copies(&kept, &last).keep().record(called.called());
        frame.pass("looks").reads(&kept).record(called.called());
        scene.draw(&frame, n);
        let plan = frame.plan().expect("a plan");
        assert_eq!((plan.stats().culled, plan.stats().passes), (4, 6));
        let text = plan.to_text();
        for name in ["first", "second", "clear", "shares"] {
            assert!(text.contains(&format!("culled `{name}`")), "{text}");
        }
        let before = calls.total("vkCmdPipelineBarrier2");
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        assert_eq!((culled.calls(), culled.holders()), (0, 0), "their closures are gone by now");
        let stats = soon("a frame", done).await.expect("complete");
        assert_eq!((stats.passes, stats.culled), (6, 4));
        assert_eq!((called.calls(), called.holders()), (3, 0));
        assert_eq!(calls.total("vkCmdPipelineBarrier2") - before, stats.barriers);
        assert_eq!(scene.copied().await, n);
    }
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_of_which_nothing_is_left_is_complete_all_the_same() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    for n in 0..3 {
        let watch = Watch::default();
        let frame = scene.frame().await;
        let unread: TransientBuffer<u32> = frame.buffer("unread", N).expect("a transient");
        frame.pass("fill").writes(unread.copy_target()).record(watch.called());
        let job = frame.job("count", async { 3 });
        let (own, after) = (watch.clone(), job.clone());
        let pass = frame.pass("after").after(&job).writes(&unread);
        pass.record(move |cmd| {
            own.call();
            cmd.output(&after).map(drop)
        });
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        let stats = soon("a frame", done).await.expect("complete");
        assert_eq!((stats.passes, stats.culled, stats.barriers), (0, 2, 0));
        assert_eq!((watch.calls(), watch.holders()), (0, 0));
        // A job runs all the same, and nobody holds its value any more.
        assert_eq!(soon("the job", job.take()).await.expect("it ran"), 3);
        scene.draws(n).await;
    }
    drop(scene);
    close(gpu).await;
}

/// Declares a graph that makes no sense: what `plan` and `submit` say of it, which is the same.
async fn said(gpu: &Gpu, declare: impl Fn(&Graph)) -> String {
    let submits = gpu.counters().submits;
    let graph = Graph::new(gpu, "senseless");
    declare(&graph);
    let planned = graph.plan().expect_err("it makes no sense").to_string();
    assert_eq!(graph.plan_stats().expect_err("it makes no sense").to_string(), planned);
    let error = soon("a submit", graph.submit()).await.expect_err("it makes no sense");
    assert!(matches!(error, Error::Graph(_)), "{error:?}");
    assert_eq!(error.to_string(), planned);
    assert_eq!(gpu.counters().submits, submits);
    planned
}

fn fill(graph: &Graph, name: &str, buffer: &GpuBuffer<u32>) -> vulkio::PassId {
    graph.pass(name).writes(buffer.copy_target()).record(|_| ())
}

#[tokio::test]
async fn a_read_of_a_transient_that_nothing_wrote_names_both() {
    let gpu = strict_gpu();
    let to = gpu.buffer::<u32>("to", N).expect("a buffer");
    let expected = |what: &str| {
        format!(
            "graph: pass `reads` reads `{what}`, which lives in this graph alone and which no pass before it writes"
        )
    };
    let text = said(&gpu, |graph| {
        let inner: TransientBuffer<u32> = graph.buffer("inner", N).expect("a transient");
        graph.pass("reads").copies(&inner, &to).record(|_| ());
        graph.pass("too late").writes(inner.copy_target()).record(|_| ());
    });
    assert_eq!(text.await, expected("inner"));
    // A part of it is missing.
    let text = said(&gpu, |graph| {
        let inner: TransientBuffer<u32> = graph.buffer("inner", N).expect("a transient");
        graph.pass("half").writes(inner.slice(0..N / 2).copy_target()).record(|_| ());
        graph.pass("reads").copies(&inner, &to).record(|_| ());
    });
    assert_eq!(text.await, expected("inner"));
    let text = said(&gpu, |graph| {
        let image: GpuImage<Ids> = graph.image("image", [8, 8]).expect("a transient");
        graph.pass("reads").copies(&image, &to).record(|_| ());
    });
    assert_eq!(text.await, expected("image"));
    // In any order it may come later, and be missing all the same.
    let text = said(&gpu, |graph| {
        graph.any_order();
        let inner: TransientBuffer<u32> = graph.buffer("inner", N).expect("a transient");
        graph.pass("reads").copies(&inner, &to).record(|_| ());
    });
    assert_eq!(text.await, expected("inner"));
    drop(to);
    close(gpu).await;
}

#[tokio::test]
async fn a_read_of_a_buffer_that_nobody_ever_wrote_names_both() {
    let gpu = strict_gpu();
    let [from, to] = ["from", "to"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    for round in 0..2 {
        let graph = Graph::new(&gpu, "copy");
        let (source, target) = (from.clone(), to.clone());
        graph.pass("copy").copies(&from, &to).record(move |cmd| {
            cmd.copy(&source, 0..N, &target, 0);
        });
        let submitted = soon("a submit", graph.submit()).await;
        if round == 1 {
            submitted.expect("it was written");
            break;
        }
        let text = "graph: pass `copy` reads `from`, which nothing has written yet; write, upload or clear it before";
        assert_eq!(submitted.expect_err("nobody wrote it").to_string(), text);
        assert_eq!(gpu.counters().submits, 0);
        soon("it", gpu.upload(&from, 0, vec![3; N])).await.expect("uploaded");
    }
    assert_eq!(*soon("a read", gpu.read(&to, 0..N)).await.expect("read"), [3; N]);
    drop((from, to));
    close(gpu).await;
}

#[tokio::test]
async fn two_writers_that_nothing_orders_are_named_with_what_they_write() {
    let gpu = strict_gpu();
    let [both, other] = ["both", "other"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    let text = said(&gpu, |graph| {
        graph.any_order();
        fill(graph, "left", &both);
        fill(graph, "right", &both);
    });
    let expected = "graph: passes `left` and `right` both touch `both`, at least one of them writes it, and nothing says which \
                    comes first; say `.after(..)` on one of them";
    assert_eq!(text.await, expected);
    // Of a reader and two writers that are in order, nothing says where the reader is.
    let text = said(&gpu, |graph| {
        graph.any_order();
        let first = fill(graph, "first", &both);
        graph.pass("second").after(first).writes(both.copy_target()).record(|_| ());
        graph.pass("reader").copies(&both, &other).record(|_| ());
    });
    let text = text.await;
    assert!(text.contains("`reader`") && text.contains("`both`") && text.contains("`.after(..)`"), "{text}");
    // Parts that do not meet need no order, nor do concurrent writes, nor what is in order through a third.
    let graph = Graph::new(&gpu, "fine");
    graph.any_order();
    let [low, high] = [0..N / 2, N / 2..N].map(|range| both.slice(range));
    let left = graph.pass("left").writes(low.copy_target()).record(|_| ());
    let right = graph.pass("right").writes(high.copy_target()).record(|_| ());
    let one = graph.pass("one").writes_concurrently(&other).record(|_| ());
    let two = graph.pass("two").writes_concurrently(&other).record(|_| ());
    let join = [left, right, one, two].into_iter().fold(graph.pass("join"), vulkio::Pass::after).record(|_| ());
    graph.pass("last").after(join).copies(&both, &other).record(|_| ());
    let plan = graph.plan_stats().expect("a plan");
    assert_eq!((plan.passes, plan.waves), (6, 3));
    drop((graph, both, other));
    close(gpu).await;
}

#[tokio::test]
async fn a_cycle_is_named_pass_by_pass() {
    let gpu = strict_gpu();
    let [a, b, c] = ["a", "b", "c"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    let text = said(&gpu, |graph| {
        graph.any_order();
        graph.pass("to b").copies(&a, &b).record(|_| ());
        graph.pass("to c").copies(&b, &c).record(|_| ());
        graph.pass("to a").copies(&c, &a).record(|_| ());
    });
    let text = text.await;
    assert!(text.starts_with("graph: a cycle: "), "{text}");
    for name in ["`to a`", "`to b`", "`to c`", "comes before the next one, the last before the first"] {
        assert!(text.contains(name), "{text}");
    }
    assert!(["`a`", "`b`", "`c`"].iter().any(|name| text.contains(&format!("through {name}"))), "{text}");
    let place = |name: &str| text.find(name).expect("it is named");
    let order = ["`to b`", "`to c`", "`to a`"].map(place);
    let turned = (0..3).any(|by| [order[by], order[(by + 1) % 3], order[(by + 2) % 3]].is_sorted());
    assert!(turned, "in the order in which they would run: {text}");
    // One edge of it is said, the others follow from the data.
    let text = said(&gpu, |graph| {
        graph.any_order();
        let last = graph.pass("last").reads(b.copy_source()).record(|_| ());
        graph.pass("middle").copies(&c, &b).record(|_| ());
        graph.pass("first").after(last).writes(c.copy_target()).record(|_| ());
    });
    let text = text.await;
    assert!(text.starts_with("graph: a cycle: "), "{text}");
    assert!(["`first`", "`middle`", "`last`"].iter().all(|name| text.contains(name)), "{text}");
    // What is said goes before what follows from the data: this is none.
    let graph = Graph::new(&gpu, "no cycle");
    graph.any_order();
    let reader = graph.pass("reader").copies(&a, &b).record(|_| ());
    graph.pass("writer").after(reader).copies(&b, &a).record(|_| ());
    assert_eq!(graph.plan_stats().expect("a plan").waves, 2);
    drop(graph);
    let stray = Graph::new(&gpu, "stray");
    let elsewhere = fill(&stray, "elsewhere", &a);
    let text = said(&gpu, |graph| {
        graph.pass("here").after(elsewhere).record(|_| ());
    });
    assert_eq!(text.await, "graph: pass `here` is said to come after a pass of another graph; await that graph");
    drop((stray, a, b, c));
    close(gpu).await;
}
