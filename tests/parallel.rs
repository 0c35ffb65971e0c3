//! Passes that several workers record a share of each: every item is recorded once, in its order, whoever does it.

mod common;
mod mix;
mod tiles;

use std::{
    ops::Range,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use common::{close, counting, open, soon, strict, strict_gpu};
use mix::{Factors, Mix, words};
use tiles::{Mode, Tiles};
use vulkio::{Error, Gpu, Graph, QueueKind, Renderer, RendererOptions};

/// Whom ranges were given to: how often each item came.
#[derive(Default)]
struct Given(Mutex<Vec<Range<usize>>>);

impl Given {
    fn take(&self, range: Range<usize>) {
        self.0.lock().expect("not poisoned").push(range);
    }

    /// Every item came once; how many ranges there were.
    fn check(&self, items: usize, what: &str) -> u32 {
        let mut ranges = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        ranges.sort_by_key(|range| (range.start, range.end));
        let mut next = 0;
        for range in &ranges {
            assert_eq!(range.start, next, "{what}: {ranges:?}");
            next = range.end;
        }
        assert_eq!(next, items, "{what}: {ranges:?}");
        ranges.len() as u32
    }
}

fn renderer(gpu: &Gpu, options: RendererOptions) -> Renderer {
    Renderer::with_options(gpu, [8, 8], options).expect("a renderer")
}

/// A frame of one parallel pass: how many tasks recorded it.
async fn once(renderer: &Renderer, items: usize, slow: bool) -> u32 {
    let given = Arc::<Given>::default();
    let own = Arc::clone(&given);
    let frame = soon("a slot", renderer.frame()).await.expect("a frame");
    frame.pass("parallel").parallel(items, move |_, range| {
        if slow {
            std::thread::sleep(Duration::from_millis(2)); // the next time there are more shares
        }
        own.take(range);
    });
    let done = soon("a submit", frame.submit()).await.expect("submitted");
    let stats = soon("a frame", done).await.expect("complete");
    let tasks = given.check(items, &format!("{items} items"));
    assert_eq!((stats.passes, stats.tasks), (1, tasks));
    assert_eq!(Arc::strong_count(&given), 1, "the closure is gone");
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn every_item_is_given_out_once_to_any_number_of_workers() {
    let gpu = strict_gpu();
    for workers in [1, 2, 3, 8] {
        let options = RendererOptions::default().workers(workers).in_place_below(Duration::ZERO);
        for items in [0, 1, 2, 7, 1000, 100_000] {
            let renderer = renderer(&gpu, options.clone());
            let first = once(&renderer, items, true).await;
            assert_eq!(first as usize, if items == 100_000 { first as usize / workers * workers } else { 1 });
            let second = once(&renderer, items, false).await;
            let most = workers.min(items.max(1)).max(1);
            assert!(second as usize >= most, "{second} shares of {items} items, which are slow, for {workers} workers");
            once(&renderer, items, false).await;
        }
    }
    close(gpu).await;
}

#[tokio::test]
async fn every_item_is_given_out_once_on_a_runtime_of_one_thread() {
    let gpu = strict_gpu();
    for in_place in [Duration::ZERO, Duration::from_secs(1)] {
        for items in [0, 1, 7, 100_000] {
            let renderer = renderer(&gpu, RendererOptions::default().in_place_below(in_place));
            once(&renderer, items, true).await;
            once(&renderer, items, false).await;
        }
    }
    close(gpu).await;
}

#[test]
fn every_item_is_given_out_once_without_a_runtime() {
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, RendererOptions::default());
    let here = std::thread::current().id();
    for items in [0, 1, 7, 100_000] {
        let given = Arc::<Given>::default();
        let own = Arc::clone(&given);
        let frame = futures::executor::block_on(renderer.frame()).expect("a frame");
        frame.pass("parallel").parallel(items, move |_, range| {
            assert_eq!(std::thread::current().id(), here);
            own.take(range);
        });
        let done = futures::executor::block_on(frame.submit()).expect("submitted");
        let stats = futures::executor::block_on(done).expect("complete");
        assert_eq!(given.check(items, &format!("{items} items")), stats.tasks);
    }
    drop(renderer);
    futures::executor::block_on(close(gpu));
}

#[tokio::test]
async fn every_item_is_given_out_once_on_a_runtime_that_only_records() {
    let recorders = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .thread_name("recorder")
        .build()
        .expect("a runtime");
    let gpu = strict_gpu();
    let options = RendererOptions::default().runtime(recorders.handle().clone()).in_place_below(Duration::ZERO);
    let renderer = renderer(&gpu, options);
    for items in [7, 100_000] {
        let given = Arc::<Given>::default();
        let own = Arc::clone(&given);
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let job = frame.job("count", async move { items });
        frame.pass("parallel").parallel_from(
            &job,
            |&items| items,
            move |_, _, range| {
                assert_eq!(std::thread::current().name(), Some("recorder"));
                own.take(range);
            },
        );
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        soon("a frame", done).await.expect("complete");
        given.check(items, &format!("{items} items"));
        assert_eq!(soon("the value", job.take()).await.expect("it comes back"), items);
    }
    drop(renderer);
    close(gpu).await;
    recorders.shutdown_background();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pass_over_what_a_job_gives_is_cut_before_anybody_knows_how_much_that_is() {
    let gpu = strict_gpu();
    for workers in [1, 2, 4] {
        let options = RendererOptions::default().workers(workers).in_place_below(Duration::ZERO);
        for items in [0, 1, 2, 7, 100_000] {
            let renderer = renderer(&gpu, options.clone());
            let (given, seen) = (Arc::<Given>::default(), Arc::<AtomicU32>::default());
            let (own, own_seen) = (Arc::clone(&given), Arc::clone(&seen));
            let frame = soon("a slot", renderer.frame()).await.expect("a frame");
            let job = frame.job("things", async move {
                tokio::task::yield_now().await;
                (0..items as u32).collect::<Vec<_>>()
            });
            frame.pass("parallel").parallel_from(&job, Vec::len, move |_, things, range| {
                let sum = things[range.clone()].iter().fold(0u32, |sum, &thing| sum.wrapping_add(thing));
                own_seen.fetch_add(sum, Ordering::SeqCst);
                own.take(range);
            });
            let done = soon("a submit", frame.submit()).await.expect("submitted");
            let stats = soon("a frame", done).await.expect("complete");
            assert_eq!(given.check(items, &format!("{items} items")), workers as u32);
            assert_eq!((stats.passes, stats.tasks), (1, workers as u32));
            let things = soon("the value", job.take()).await.expect("it comes back");
            assert_eq!(seen.load(Ordering::SeqCst), things.iter().fold(0, |sum: u32, &thing| sum.wrapping_add(thing)));
        }
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_picture_drawn_in_shares_is_the_one_drawn_in_one_piece() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    for depth in [false, true] {
        for items in [0, 1, 7, 3000] {
            let alone = Tiles::new(&gpu, 1, depth).await;
            let (whole, stats) = alone.draw(items, Mode::Once).await;
            assert_eq!((stats.passes, stats.draws), (3, items as u64), "with the two of the capture");
            for workers in [1, 2, 4] {
                let tiles = Tiles::new(&gpu, workers, depth).await;
                for mode in [Mode::FromJob, Mode::Parallel, Mode::Parallel] {
                    let before = calls.total("vkCmdDraw");
                    let (picture, stats) = tiles.draw(items, mode).await;
                    assert_eq!(calls.total("vkCmdDraw") - before, items as u64);
                    assert_eq!(stats.draws, items as u64);
                    assert!(mode == Mode::Parallel || stats.tasks as usize >= workers, "{stats:?}");
                    // Were it cleared for each share, or its shares out of order, it would be another.
                    assert!(picture == whole, "{items} items on {workers} workers, {mode:?}, depth {depth}");
                }
            }
        }
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn dispatches_in_shares_are_all_there() {
    const EACH: usize = 64;
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let mix = Mix::new(&gpu).await;
    let items = 3000;
    let zeros = mix::buffer(&gpu, "zeros", vec![0; EACH]).await;
    let result = mix::buffer(&gpu, "result", vec![0; EACH * items]).await;
    for (n, queue) in (1u32..).zip([QueueKind::Compute, QueueKind::Graphics]) {
        let graph = Graph::new(&gpu, "dispatches");
        let [a, to] = [zeros.address(), result.address()];
        let mix = mix.clone();
        let pass = graph.pass("dispatches").queue(queue).reads(&zeros).writes(&result);
        pass.parallel(items, move |cmd, range| {
            for i in range {
                let to = to + (4 * EACH * i) as u64;
                mix.at(cmd, [a, a, to], EACH as u32, Factors { add: i as u32, keep: n, ..Factors::default() });
            }
        });
        let before = calls.total("vkCmdDispatch");
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        let stats = soon("a graph", done).await.expect("complete");
        assert_eq!((stats.dispatches, calls.total("vkCmdDispatch") - before), (items as u64, items as u64));
    }
    let words = soon("a read", words(&gpu, &result)).await;
    for (i, part) in words.chunks(EACH).enumerate() {
        assert_eq!(part, [3 * i as u32; EACH], "item {i}"); // i, then i + 2 i
    }
    drop((zeros, result, mix));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_graph_by_itself_is_recorded_in_shares_as_a_frame_is() {
    let gpu = strict_gpu();
    for items in [0, 1, 7, 100_000] {
        let given = Arc::<Given>::default();
        let own = Arc::clone(&given);
        let graph = Graph::new(&gpu, "alone");
        graph.pass("parallel").parallel(items, move |_, range| own.take(range));
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        let stats = soon("a graph", done).await.expect("complete");
        assert_eq!(given.check(items, &format!("{items} items")), stats.tasks);
        assert!(stats.tasks >= if items == 100_000 { 4 } else { 1 });
    }
    let graph = Graph::new(&gpu, "two");
    let job = graph.job("none", async {});
    drop(job.clone());
    graph.pass("wrong").parallel_from(
        &job,
        |()| 3,
        |cmd, (), _| {
            cmd.dispatch([1, 1, 1]);
        },
    );
    let error = soon("a submit", graph.submit()).await.expect_err("nothing is bound");
    assert!(matches!(&error, Error::Record { pass, .. } if pass == "wrong"), "{error:?}");
    close(gpu).await;
}
