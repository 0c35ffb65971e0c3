//! Passes recorded in shares, of which one fails, or all are abandoned: the frame fails whole, and the next is right.

mod common;
mod tiles;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Hold, close, poll_once, soon, strict_gpu, until};
use tiles::{Mode, Tiles};
use vulkio::{Error, Frame, PassId, RendererOptions};

const ITEMS: usize = 400;

/// What the item that is bad does.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Panics,
    Fails,
    /// Records what the pass did not declare.
    Strays,
}

const BAD: [Bad; 3] = [Bad::Panics, Bad::Fails, Bad::Strays];

/// Declares the tiles, of which one is bad.
fn declare(tiles: &Tiles, frame: &Frame, mode: Mode, bad: (Bad, usize), captured: &Arc<()>) -> PassId {
    let (draw, captured) = (tiles.tiles(), Arc::clone(captured));
    let record = move |cmd: &mut vulkio::Encoder<'_>, range: std::ops::Range<usize>| {
        let _captured = &captured;
        draw(cmd, range.clone());
        if range.contains(&bad.1) {
            match bad.0 {
                Bad::Panics => panic!("tile {} is broken", bad.1),
                Bad::Fails => return Err(Error::Invalid(format!("tile {} is broken", bad.1))),
                Bad::Strays => _ = cmd.dispatch([1, 1, 1]),
            }
        }
        Ok(())
    };
    match mode {
        Mode::Once => tiles.pass(frame).record(move |cmd| record(cmd, 0..ITEMS)),
        Mode::Parallel => tiles.pass(frame).parallel(ITEMS, record),
        Mode::FromJob => {
            let job = frame.job("count", async { ITEMS });
            tiles.pass(frame).parallel_from(&job, |&items| items, move |cmd, _, range| record(cmd, range))
        }
    }
}

fn check(error: &Error, bad: (Bad, usize)) {
    let said = error.to_string();
    match bad.0 {
        Bad::Panics => assert_eq!(said, format!("pass `tiles` panicked while recording: tile {} is broken", bad.1)),
        Bad::Fails => assert_eq!(said, format!("pass `tiles`: tile {} is broken", bad.1)),
        Bad::Strays => assert_eq!(said, "pass `tiles`: dispatch in a pass that renders; give it a pass of its own"),
    }
}

async fn a_bad_share(options: RendererOptions) {
    let gpu = strict_gpu();
    let tiles = Tiles::with(&gpu, options.frames_in_flight(1), false).await;
    let (right, _) = tiles.draw(ITEMS, Mode::Once).await;
    let captured = Arc::new(());
    for bad in BAD {
        for item in [0, 1, ITEMS / 2, ITEMS - 1] {
            for mode in [Mode::Once, Mode::Parallel, Mode::FromJob] {
                let submits = gpu.counters().submits;
                let frame = tiles.frame().await;
                declare(&tiles, &frame, mode, (bad, item), &captured);
                let capture = frame.capture();
                let error = soon("a submit", frame.submit()).await.expect_err("a share is bad");
                check(&error, (bad, item));
                assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
                assert_eq!(gpu.counters().submits, submits);
                let mode = if item == 1 { Mode::Parallel } else { Mode::FromJob };
                let (picture, stats) = tiles.draw(ITEMS, mode).await;
                assert!(picture == right, "after {bad:?} at {item}");
                assert_eq!(stats.draws, ITEMS as u64);
                until("what failed is dropped", || Arc::strong_count(&captured) == 1).await;
            }
        }
    }
    drop(tiles);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bad_share_on_one_of_many_workers_fails_its_frame_and_no_other() {
    a_bad_share(RendererOptions::default().in_place_below(Duration::ZERO)).await;
}

#[tokio::test]
async fn a_bad_share_on_a_runtime_of_one_thread_fails_its_frame_and_no_other() {
    a_bad_share(RendererOptions::default().in_place_below(Duration::ZERO)).await;
    a_bad_share(RendererOptions::default().in_place_below(Duration::from_secs(1))).await;
}

#[tokio::test]
async fn a_bad_share_on_a_runtime_that_only_records_fails_its_frame_and_no_other() {
    let recorders = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
    a_bad_share(RendererOptions::default().runtime(recorders.handle().clone())).await;
    recorders.shutdown_background();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_or_panics_fails_the_shares_that_wait_for_it_with_its_name() {
    let gpu = strict_gpu();
    let tiles = Tiles::new(&gpu, 2, false).await;
    let (right, _) = tiles.draw(ITEMS, Mode::Once).await;
    for panics in [false, true] {
        let frame = tiles.frame().await;
        let job = frame.try_job("count", async move {
            tokio::task::yield_now().await;
            assert!(!panics, "cannot count");
            Err::<usize, _>("nothing to count")
        });
        let draw = tiles.tiles();
        tiles.pass(&frame).parallel_from(&job, |&items| items, move |cmd, _, range| draw(cmd, range));
        let error = soon("a submit", frame.submit()).await.expect_err("the job failed");
        let expected = if panics { "job `count` panicked: cannot count" } else { "job `count`: nothing to count" };
        assert!(error.to_string().ends_with(expected), "{error}");
        assert!(tiles.draw(ITEMS, Mode::FromJob).await.0 == right);
    }
    // What says how many there are may be wrong as well.
    let frame = tiles.frame().await;
    let job = frame.job("count", async { ITEMS });
    let draw = tiles.tiles();
    let many = |_: &usize| -> usize { panic!("cannot tell") };
    tiles.pass(&frame).parallel_from(&job, many, move |cmd, _, range| draw(cmd, range));
    let error = soon("a submit", frame.submit()).await.expect_err("nobody can tell");
    assert_eq!(error.to_string(), "pass `tiles` panicked while recording: cannot tell");
    assert!(tiles.draw(ITEMS, Mode::FromJob).await.0 == right);
    drop(tiles);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_submit_dropped_while_shares_are_recorded_is_cancelled_and_loses_nothing() {
    let gpu = strict_gpu();
    let tiles = Tiles::new(&gpu, 4, false).await;
    let (right, _) = tiles.draw(ITEMS, Mode::FromJob).await;
    let captured = Arc::new(());
    for held in [0, ITEMS / 2, ITEMS - 1] {
        let submits = gpu.counters().submits;
        let (mut hold, wait) = Hold::new();
        let wait = Mutex::new(Some(wait));
        let (draw, own) = (tiles.tiles(), Arc::clone(&captured));
        let frame = tiles.frame().await;
        let job = frame.job("count", async { ITEMS });
        tiles.pass(&frame).parallel_from(
            &job,
            |&items| items,
            move |cmd, _, range| {
                let _own = &own;
                draw(cmd, range.clone());
                if range.contains(&held)
                    && let Some(wait) = wait.lock().expect("not poisoned").take()
                {
                    wait();
                }
            },
        );
        let capture = frame.capture();
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        hold.entered().await;
        drop(submit);
        assert!(poll_once(&mut Box::pin(tiles.renderer.frame())).is_pending(), "a share is still recorded");
        hold.release();
        assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
        drop(tiles.frame().await);
        assert_eq!(gpu.counters().submits, submits);
        assert_eq!(Arc::strong_count(&captured), 1);
        assert!(tiles.draw(ITEMS, Mode::FromJob).await.0 == right, "after {held}");
    }
    drop(tiles);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn frames_of_shares_that_fail_over_and_over_leave_nothing_behind() {
    let gpu = strict_gpu();
    let tiles = Tiles::new(&gpu, 4, true).await;
    let (right, _) = tiles.draw(ITEMS, Mode::FromJob).await;
    let (captured, rounds) = (Arc::new(()), AtomicUsize::new(0));
    let round = async || {
        for (bad, mode) in BAD.into_iter().zip([Mode::Parallel, Mode::FromJob, Mode::FromJob]) {
            let item = rounds.fetch_add(37, Ordering::SeqCst) % ITEMS;
            let frame = tiles.frame().await;
            declare(&tiles, &frame, mode, (bad, item), &captured);
            let error = soon("a submit", frame.submit()).await.expect_err("a share is bad");
            check(&error, (bad, item));
        }
        let frame = tiles.frame().await;
        tiles.declare(&frame, ITEMS, Mode::FromJob);
        let mut submit = frame.submit();
        drop(poll_once(&mut submit)); // it may be through already
        drop(submit);
        assert!(tiles.draw(ITEMS, Mode::FromJob).await.0 == right);
    };
    for _ in 0..30 {
        round().await;
    }
    let before = gpu.counters();
    for _ in 0..60 {
        round().await;
    }
    let after = gpu.counters();
    assert_eq!((after.device_bytes, after.semaphores), (before.device_bytes, before.semaphores));
    // Four workers, and whoever polls, in the frame and in what reads the picture.
    assert!(after.command_pools <= 10, "{} command pools", after.command_pools);
    until("all is dropped", || Arc::strong_count(&captured) == 1).await;
    drop(tiles);
    close(gpu).await;
}
