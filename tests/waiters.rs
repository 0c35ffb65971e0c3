//! Waiters that come and go under a shut gate leave no footprint: counted by the allocator.

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use common::{Gate, Scene, close, poll_once, soon, strict_gpu};
use vulkio::{Graph, QueueKind, RendererOptions};

/// Counts the bytes that Rust code holds; drivers and layers have allocators of their own.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What may come and go by itself: names of threads, a log line.
const SLACK: usize = 4096;

const MANY: usize = 100_000;

/// Runs `f`, which must leave no more behind than slack, whatever it took in between.
fn leaves_nothing<R>(what: &str, f: impl FnOnce() -> R) -> R {
    let before = HELD.load(Ordering::SeqCst);
    let result = f();
    let growth = HELD.load(Ordering::SeqCst).saturating_sub(before);
    assert!(growth <= SLACK, "{what}: {growth} bytes more than before");
    result
}

#[tokio::test]
async fn a_hundred_thousand_completions_dropped_one_by_one_or_at_once_leave_nothing() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    let done = graph.submit().await.expect("submitted");
    assert!(poll_once(&mut done.clone()).is_pending());
    leaves_nothing("one by one", || {
        for _ in 0..MANY {
            assert!(poll_once(&mut done.clone()).is_pending());
        }
    });
    leaves_nothing("all at once", || {
        let before = HELD.load(Ordering::SeqCst);
        let mut all: Vec<_> = (0..MANY).map(|_| done.clone()).collect();
        assert!(all.iter_mut().all(|done| poll_once(done).is_pending()));
        assert!(HELD.load(Ordering::SeqCst) - before > MANY * 16, "the count does not see the waiters");
    });
    leaves_nothing("under a time limit, one by one", || {
        for _ in 0..MANY {
            assert!(poll_once(&mut done.wait_for(Duration::from_secs(3600))).is_pending());
        }
    });
    leaves_nothing("under a time limit, at once", || {
        let mut all: Vec<_> = (0..MANY).map(|_| done.wait_for(Duration::from_secs(3600))).collect();
        assert!(all.iter_mut().all(|wait| poll_once(wait).is_pending()));
    });
    leaves_nothing("submitted()", || {
        for _ in 0..1000 {
            assert!(poll_once(&mut gpu.submitted(QueueKind::Graphics)).is_pending());
        }
    });
    gate.open();
    soon("the graph", done).await.expect("complete");
    drop(gate);
    close(gpu).await;
}

#[tokio::test]
async fn frames_that_are_waited_for_and_given_up_leave_nothing() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    let gate = Gate::new(&gpu);
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    gate.hold(frame.graph());
    let done = frame.submit().await.expect("submitted");
    leaves_nothing("frame()", || {
        let mut all: Vec<_> = (0..10_000).map(|_| Box::pin(scene.renderer.frame())).collect();
        assert!(all.iter_mut().all(|frame| poll_once(frame).is_pending()));
    });
    leaves_nothing("close() is not called, but idle() is", || {
        let mut all: Vec<_> = (0..10_000).map(|_| Box::pin(scene.renderer.idle())).collect();
        assert!(all.iter_mut().all(|idle| poll_once(idle).is_pending()));
    });
    gate.open();
    soon("the frame", done).await.expect("complete");
    scene.draws(2).await;
    drop((scene, gate));
    close(gpu).await;
}
