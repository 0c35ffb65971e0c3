//! Passes that their owner records with `with_encoder`, and frames that are recorded now and submitted later.

mod common;
mod mix;
mod tiles;

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use common::{Scene, close, counting, families, open, soon, strict, strict_gpu};
use mix::{Factors, Mix, words};
use tiles::{Mode, Tiles};
use vulkio::{Error, GpuBuffer, Graph, QueueKind, RendererOptions};

const N: usize = 64;

fn names(error: &Error, parts: &[&str]) {
    let said = error.to_string();
    assert!(parts.iter().all(|part| said.contains(part)), "{said}, without {parts:?}");
}

#[tokio::test]
async fn a_picture_drawn_in_many_calls_is_the_one_drawn_in_one_piece() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    for depth in [false, true] {
        let tiles = Tiles::new(&gpu, 1, depth).await;
        for items in [0, 1, 90] {
            let (whole, _) = tiles.draw(items, Mode::Once).await;
            for pieces in [0, 1, 2, 7] {
                let frame = tiles.frame().await;
                let pass = tiles.pass(&frame).open();
                let draw = tiles.tiles();
                let mut seen = Vec::new(); // borrowed, not moved
                for piece in 0..pieces {
                    let range = items * piece / pieces..items * (piece + 1) / pieces;
                    let count = frame.with_encoder(pass, |cmd| {
                        draw(cmd, range.clone());
                        seen.push(range.clone());
                        range.len()
                    });
                    assert_eq!(count.expect("recorded"), range.len());
                }
                assert_eq!(seen.len(), pieces);
                let before = calls.total("vkCmdDraw");
                let (picture, stats) = tiles.finish(frame).await;
                assert_eq!(calls.total("vkCmdDraw"), before, "all was recorded before");
                if pieces > 0 {
                    assert_eq!((stats.draws, picture == whole), (items as u64, true), "{items} in {pieces}");
                } else {
                    assert_eq!(stats.draws, 0);
                    assert_eq!(picture, tiles.draw(0, Mode::Once).await.0, "it is cleared all the same");
                }
            }
        }
    }
    close(gpu).await;
}

#[tokio::test]
async fn calls_from_several_threads_at_once_run_in_the_order_in_which_they_began() {
    let gpu = strict_gpu();
    let tiles = Tiles::new(&gpu, 1, false).await;
    let items = 240;
    let (whole, _) = tiles.draw(items, Mode::Once).await;
    for threads in [2, 4, 6] {
        let frame = tiles.frame().await;
        let pass = tiles.pass(&frame).open();
        let (draw, next, together) = (tiles.tiles(), AtomicUsize::new(0), Barrier::new(threads));
        let each = items / threads;
        thread::scope(|scope| {
            for thread in 0..threads {
                let (frame, draw, next, together) = (&frame, &draw, &next, &together);
                scope.spawn(move || {
                    while next.load(Ordering::SeqCst) != thread {
                        thread::yield_now();
                    }
                    let recorded = frame.with_encoder(pass, |cmd| {
                        next.fetch_add(1, Ordering::SeqCst); // it has begun: the next thread may
                        together.wait(); // and all are recording
                        draw(cmd, thread * each..(thread + 1) * each);
                    });
                    recorded.expect("recorded");
                });
            }
        });
        let (picture, stats) = tiles.finish(frame).await;
        assert_eq!(stats.draws, items as u64);
        assert!(picture == whole, "{threads} threads");
    }
    drop(tiles);
    close(gpu).await;
}

#[tokio::test]
async fn passes_recorded_on_many_threads_run_in_the_order_of_the_plan() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let zeros = mix::buffer(&gpu, "zeros", vec![0; N]).await;
    let sum = mix::buffer(&gpu, "sum", vec![1; N]).await;
    let scene = Scene::new(&gpu, RendererOptions::default());
    let mut expected = 1u32;
    for _ in 0..40 {
        let frame = scene.frame().await;
        // Between open passes there are such with closures.
        let passes: Vec<_> = (0..12u32)
            .map(|i| {
                let (pass, factors) =
                    (frame.pass("step").writes(&sum).reads(&zeros), Factors { add: i, keep: 3, ..Factors::default() });
                let queue = [QueueKind::Graphics, QueueKind::Compute][i as usize % 2];
                expected = expected.wrapping_mul(3).wrapping_add(i);
                match i % 4 {
                    3 => pass.record(mix.of(&zeros, &zeros, &sum, factors)),
                    _ => pass.queue(queue).open(),
                }
            })
            .collect();
        thread::scope(|scope| {
            for (i, pass) in (0..12u32).zip(passes).rev().filter(|(i, _)| i % 4 != 3) {
                let (frame, mix, zeros, sum) = (&frame, &mix, &zeros, &sum);
                scope.spawn(move || {
                    let factors = Factors { add: i, keep: 3, ..Factors::default() };
                    let addresses = [zeros.address(), zeros.address(), sum.address()];
                    frame.with_encoder(pass, |cmd| mix.at(cmd, addresses, N as u32, factors)).expect("recorded");
                });
            }
        });
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        assert_eq!(soon("a frame", done).await.expect("complete").dispatches, 12);
        assert_eq!(soon("a read", words(&gpu, &sum)).await, [expected; N]);
    }
    let pools = gpu.counters().command_pools;
    // Those of threads that ended go to others.
    let most = 22 * families(&gpu).len() as u64;
    assert!(pools <= most, "{pools} command pools; nine calls and a recorder need one each, for each family");
    drop((scene, zeros, sum, mix));
    close(gpu).await;
}

#[tokio::test]
async fn calls_for_a_pass_that_is_not_open_are_refused_by_name() {
    let gpu = strict_gpu();
    let graph = Graph::new(&gpu, "home");
    let other = Graph::new(&gpu, "other");
    let closed = graph.pass("closed").record(|_| ());
    let open = graph.pass("open").open();
    let error = graph.with_encoder(closed, |_| ()).expect_err("it has a closure");
    names(&error, &["`closed`", "closure", "`.open()`"]);
    let error = other.with_encoder(open, |_| ()).expect_err("another graph's");
    names(&error, &["`other`", "another graph"]);
    // Those were refused before anything was recorded, and spoil nothing.
    graph.with_encoder(open, |_| ()).expect("recorded");
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("a graph", done).await.expect("complete");
    drop(other);
    close(gpu).await;
}

/// A graph with a pass that may write `buffer`, in which a call went wrong: what came out of the call, and what of submit.
async fn failed(scene: &Scene, wrong: impl FnOnce(&mut vulkio::Encoder<'_>, &GpuBuffer<u32>)) -> [Error; 2] {
    let submits = scene.gpu.counters().submits;
    let frame = scene.frame().await;
    scene.draw(&frame, 9);
    let pass = frame.pass("open").writes(scene.to.copy_target()).open();
    let ok = frame.with_encoder(pass, |cmd| {
        cmd.fill(&scene.to, 0..64, 9);
    });
    ok.expect("recorded");
    let first = frame.with_encoder(pass, |cmd| wrong(cmd, &scene.to)).expect_err("it is wrong");
    let again = frame.with_encoder(pass, |_| ()).expect_err("after that");
    assert_eq!(again.to_string(), first.to_string());
    let second = soon("a submit", frame.submit()).await.expect_err("a call failed");
    assert_eq!(scene.gpu.counters().submits, submits);
    [first, second]
}

#[tokio::test]
async fn an_error_or_a_panic_of_a_call_comes_out_of_it_and_of_submit() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    for n in 1..4 {
        let errors = failed(&scene, |cmd, to| {
            cmd.fill(to, 0..65, 1).fill(to, 0..64, 2);
        });
        for error in errors.await {
            assert!(matches!(&error, Error::Record { pass, .. } if pass == "open"), "{error:?}");
            names(&error, &["`open`", "`to`"]);
        }
        for error in failed(&scene, |_, _| panic!("no ink")).await {
            assert_eq!(error.to_string(), "pass `open` panicked while recording: no ink");
        }
        let undeclared = scene.from.clone();
        let errors = failed(&scene, move |cmd, _| {
            cmd.fill(&undeclared, 0..1, 1);
        });
        for error in errors.await {
            names(&error, &["`open`", "`from`", "copy_target"]);
        }
        scene.draws(n).await;
    }
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn an_open_pass_whose_frame_is_dropped_leaves_nothing() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    for n in 0..40 {
        let frame = scene.frame().await;
        let pass = frame.pass("open").writes(scene.to.copy_target()).open();
        let record = |value| {
            let recorded = frame.with_encoder(pass, |cmd| {
                cmd.fill(&scene.to, 0..64, value);
            });
            recorded.expect("recorded");
        };
        record(n);
        match n % 4 {
            0 => drop(frame),
            1 => drop(frame.submit()),
            2 => drop(soon("a recording", frame.finalize()).await.expect("recorded")),
            _ => {
                let done = soon("a submit", frame.submit()).await.expect("submitted");
                let stats = soon("a frame", done).await.expect("complete");
                assert_eq!((stats.passes, stats.culled), (1, 0));
            }
        }
        if n >= 3 {
            assert_eq!(scene.copied().await, (n - 3) / 4 * 4 + 3);
        }
    }
    let pools = gpu.counters().command_pools;
    assert!(pools <= 8, "{pools} command pools");
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn an_open_pass_that_needs_what_is_there_only_later_is_refused() {
    let gpu = strict_gpu();
    let graph = Graph::new(&gpu, "graph");
    let later = graph.buffer::<u32>("later", N).expect("a transient");
    let open = graph.pass("too early").writes(later.copy_target()).open();
    let error = graph.with_encoder(open, |_| ()).expect_err("its memory is not there").to_string();
    assert!(error.contains("`too early`") && error.contains(".record(..)"), "{error}");
    let error = soon("a submit", graph.submit()).await.expect_err("the graph is wrong").to_string();
    assert!(error.contains("`too early`"), "{error}");
    let graph = Graph::new(&gpu, "graph");
    let job = graph.job("job", async { 1 });
    let open = graph.pass("too early").after(&job).open();
    assert!(graph.with_encoder(open, |_| ()).expect_err("its job is not done").to_string().contains("job"));
    drop((graph, later));
    close(gpu).await;
}
