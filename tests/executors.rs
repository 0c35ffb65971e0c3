//! Futures awaited on any executor, from many tasks, in `select!`, again after they were ready, and moved between wakers.

mod common;

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use common::{Gate, Scene, close, open, poll_once, soon, strict, strict_gpu};
use futures::{
    StreamExt,
    executor::{LocalPool, block_on},
    stream::FuturesUnordered,
    task::LocalSpawnExt,
};
use vulkio::{Completion, Error, Gpu, Graph, Renderer, RendererOptions};

/// All there is to await, once, with a picture at the end.
async fn a_session(gpu: Gpu) {
    let shader = include_bytes!("../shaders/spv/saxpy.comp.spv");
    let pipeline = gpu.compute_pipeline("saxpy", shader).await.expect("a pipeline");
    let (x, y) = (gpu.buffer::<f32>("x", 256).expect("a buffer"), gpu.buffer::<f32>("y", 256).expect("a buffer"));
    gpu.upload(&x, 0, vec![2.0; 256]).await.expect("submitted").await.expect("complete");
    gpu.upload_with(&y, |range, place| place.iter_mut().zip(range).for_each(|(y, i)| *y = i as f32))
        .await
        .expect("filled");
    let renderer = Renderer::headless(&gpu, [8, 4]).expect("a renderer");
    for n in 0..4 {
        let frame = renderer.frame().await.expect("a frame");
        let (kernel, push) = (pipeline.clone(), (x.address(), y.address()));
        frame.pass("saxpy").reads(&x).writes(&y).record(move |cmd| {
            let words = [push.0 as u32, (push.0 >> 32) as u32, push.1 as u32, (push.1 >> 32) as u32];
            let [a, b, c, d] = words;
            cmd.bind(&kernel).push(&[a, b, c, d, 1.0f32.to_bits(), 256]).dispatch([1, 1, 1]);
        });
        frame.pass("clear").renders(frame.target().clear(common::color(n))).record(|_| ());
        Scene::pad(&frame, 8);
        let capture = frame.capture();
        let mut done = frame.submit().await.expect("submitted");
        let stats = done.wait_for(Duration::from_secs(60)).await.expect("complete");
        assert_eq!((stats.dispatches, stats.passes), (1, 12));
        assert_eq!((&mut done).await.expect("complete"), stats, "again");
        assert_eq!((&mut done).await.expect("complete"), stats, "and again");
        assert_eq!(capture.await.expect("a picture").bytes(), common::pixel(n).repeat(32));
    }
    renderer.idle().await.expect("idle");
    let sums = gpu.read(&y, 0..256).await.expect("read");
    assert!(sums.iter().zip(0..).all(|(&sum, i)| sum == i as f32 + 8.0), "{sums:?}");
    assert_eq!(renderer.capture().await.expect("a picture").bytes(), common::pixel(3).repeat(32));
    drop((x, y, sums, renderer, pipeline));
    close(gpu).await;
}

#[test]
fn a_session_runs_without_any_runtime() {
    block_on(async { a_session(Gpu::open(strict()).await.expect("a device")).await });
}

#[test]
fn a_session_runs_on_a_single_threaded_pool_of_futures() {
    let mut pool = LocalPool::new();
    let gpu = open(strict());
    pool.spawner().spawn_local(a_session(gpu)).expect("spawned");
    pool.run();
}

#[tokio::test]
async fn a_session_runs_on_a_runtime_of_one_thread() {
    soon("a session", a_session(strict_gpu())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_session_runs_as_a_task_of_many_workers() {
    soon("a session", tokio::spawn(a_session(strict_gpu()))).await.expect("no panic");
}

#[test]
fn a_session_outlives_the_runtime_it_began_on() {
    let first = tokio::runtime::Runtime::new().expect("a runtime");
    let gpu = first.block_on(async { Gpu::open(strict()).await.expect("a device") });
    let scene = Scene::new(&gpu, RendererOptions::default());
    first.block_on(scene.draws(1));
    drop(first);
    let frame = block_on(scene.renderer.frame()).expect("a frame without a runtime");
    scene.draw(&frame, 2);
    Scene::pad(&frame, 12);
    block_on(block_on(frame.submit()).expect("recorded in place")).expect("complete");
    let second = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    second.block_on(async {
        assert_eq!(scene.copied().await, 2);
        scene.draws(3).await;
        drop(scene);
        close(gpu).await;
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_are_recorded_on_the_runtime_that_was_chosen() {
    let gpu = strict_gpu();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let other = builder.worker_threads(2).thread_name("recorder").build().expect("a runtime");
    let options = RendererOptions::default().runtime(other.handle().clone());
    let scene = Scene::new(&gpu, options);
    let frame = scene.frame().await;
    let names = Arc::new(Mutex::new(Vec::new()));
    for i in 0..12 {
        let names = Arc::clone(&names);
        frame.pass(&format!("pass {i}")).record(move |_| {
            names.lock().expect("not poisoned").push(thread::current().name().unwrap_or("?").to_owned());
        });
    }
    soon("the frame", soon("the submit", frame.submit()).await.expect("submitted")).await.expect("complete");
    let names = std::mem::take(&mut *names.lock().expect("not poisoned"));
    assert!(names.len() == 12 && names.iter().all(|name| name == "recorder"), "{names:?}");
    scene.draws(1).await;
    drop(scene);
    other.shutdown_background();
    close(gpu).await;
}

async fn gated(gpu: &Gpu, gate: &Gate) -> Completion {
    let graph = Graph::new(gpu, "gated");
    gate.hold(&graph);
    graph.submit().await.expect("submitted").without_value()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_completion_is_awaited_by_many_tasks_threads_and_executors() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let done = gated(&gpu, &gate).await;
    let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(done.clone())).collect();
    let threads: Vec<_> = (0..4).map(|_| done.clone()).map(|done| thread::spawn(|| block_on(done))).collect();
    let mut unordered: FuturesUnordered<_> = (0..100).map(|_| done.clone()).collect();
    assert!(poll_once(&mut unordered.next()).is_pending());
    let mut mine = done.clone();
    tokio::select! {
        biased;
        result = &mut mine => panic!("the gate is shut: {result:?}"),
        () = tokio::time::sleep(Duration::from_millis(5)) => {}
    }
    gate.open();
    for task in tasks {
        soon("a task", task).await.expect("no panic").expect("complete");
    }
    for thread in threads {
        thread.join().expect("no panic").expect("complete");
    }
    let rest: Vec<_> = soon("the others", unordered.collect()).await;
    assert!(rest.len() == 100 && rest.iter().all(Result::is_ok));
    soon("the one in select!", mine).await.expect("complete");
    drop((gate, done));
    close(gpu).await;
}

#[tokio::test]
async fn a_submit_polled_after_it_was_ready_is_cancelled_and_a_capture_does_not_panic() {
    let gpu = strict_gpu();
    let scene = Scene::new(&gpu, RendererOptions::default());
    let frame = scene.frame().await;
    scene.draw(&frame, 1);
    let mut submit = frame.submit();
    let done = soon("the submit", &mut submit).await.expect("submitted");
    assert!(matches!(soon("the submit", &mut submit).await, Err(Error::Cancelled)));
    soon("the frame", done).await.expect("complete");
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_completion_that_moves_to_another_task_wakes_that_one() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let mut done = gated(&gpu, &gate).await;
    let (old, new) = (Arc::new(Count::default()), Arc::new(Count::default()));
    for waker in [&old, &old, &new] {
        assert!(poll_with(&mut done, &Arc::clone(waker).into()).is_pending());
    }
    let last = tokio::spawn(done.clone());
    gate.open();
    soon("a clone", last).await.expect("no panic").expect("complete");
    common::until("the new waker is woken", || new.0.load(Ordering::SeqCst) == 1).await;
    assert_eq!(old.0.load(Ordering::SeqCst), 0);
    assert!(matches!(poll_once(&mut done), Poll::Ready(Ok(()))));
    drop(gate);
    close(gpu).await;
}

#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[tokio::test]
async fn a_task_that_awaits_what_is_complete_lets_others_run() {
    let gpu = strict_gpu();
    let done = Graph::new(&gpu, "done").submit().await.expect("submitted");
    soon("it", done.clone()).await.expect("complete");
    let turns = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&turns);
    let other = tokio::spawn(async move {
        loop {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    tokio::task::yield_now().await;
    let before = turns.load(Ordering::SeqCst);
    for _ in 0..10_000 {
        done.clone().await.expect("complete");
    }
    let after = turns.load(Ordering::SeqCst);
    assert!(after > before + 10, "{} turns in 10,000 awaits", after - before);
    other.abort();
    close(gpu).await;
}

#[tokio::test]
async fn wait_for_keeps_its_time_on_an_executor_without_timers_and_can_be_awaited_again() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let done = gated(&gpu, &gate).await;
    let waits = done.clone();
    let thread = thread::spawn(move || {
        let limits = [30, 1, 20, 10].map(Duration::from_millis);
        let all = limits.map(|limit| waits.wait_for(limit));
        block_on(futures::future::join_all(all))
    });
    for (result, limit) in thread.join().expect("no panic").into_iter().zip([30, 1, 20, 10]) {
        let Err(Error::Timeout { after }) = result else { panic!("{result:?}") };
        assert_eq!(after, Duration::from_millis(limit));
    }
    let error = block_on(done.wait_for(Duration::ZERO)).expect_err("no time at all");
    assert_eq!(error.to_string(), "not complete within 0ns; the work goes on and can be awaited again");
    let wait = tokio::spawn(done.wait_for(Duration::from_secs(600)));
    tokio::task::yield_now().await;
    gate.open();
    soon("the wait", wait).await.expect("no panic").expect("complete");
    soon("no time, but complete", done.wait_for(Duration::ZERO)).await.expect("complete");
    drop(gate);
    close(gpu).await;
}

#[tokio::test]
async fn a_wait_for_ever_is_a_wait() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let done = gated(&gpu, &gate).await;
    let wait = tokio::spawn(async move { done.wait_for(Duration::MAX).await });
    tokio::task::yield_now().await;
    gate.open();
    soon("the wait", wait).await.expect("no panic").expect("complete");
    drop(gate);
    close(gpu).await;
}

/// The simplest of executors' wakers: it owns its task, and the task owns futures.
struct Owner(#[expect(dead_code, reason = "owned")] Box<dyn Send + Sync>);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

fn owner(thing: impl Send + Sync + 'static) -> Waker {
    Arc::new(Owner(Box::new(thing))).into()
}

/// Runs what may deadlock on a thread of its own.
#[track_caller]
fn ends(what: &str, f: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || {
        f();
        let _ = done.send(());
    });
    assert!(wait.recv_timeout(Duration::from_secs(30)).is_ok(), "{what}: a deadlock, or a panic");
}

#[tokio::test]
async fn a_waker_that_owns_another_pending_completion_may_be_replaced_by_a_new_one() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let done = gated(&gpu, &gate).await;
    let (mut moved, mut owned) = (done.clone(), done);
    ends("a poll with another waker", move || {
        assert!(poll_once(&mut owned).is_pending());
        let first = owner(owned);
        assert!(poll_with(&mut moved, &first).is_pending());
        drop(first); // the table's clone is the last
        assert!(poll_once(&mut moved).is_pending());
    });
    gate.open();
    drop(gate);
    close(gpu).await;
}

#[tokio::test]
async fn a_waker_that_owns_another_timed_wait_may_be_replaced_or_dropped() {
    let gpu = strict_gpu();
    let gate = Gate::new(&gpu);
    let done = gated(&gpu, &gate).await;
    for replace in [true, false] {
        let hour = Duration::from_secs(3600);
        let (mut moved, mut owned) = (done.wait_for(hour), done.wait_for(hour));
        ends("a wait polled or dropped", move || {
            assert!(poll_once(&mut owned).is_pending());
            // The completion's own registration is refreshed by each poll, so only the timer's clone stays behind.
            let first = owner(owned);
            assert!(poll_with(&mut moved, &first).is_pending());
            drop(first);
            if replace {
                assert!(poll_once(&mut moved).is_pending());
            }
            drop(moved);
        });
    }
    gate.open();
    drop((gate, done));
    close(gpu).await;
}

/// Counts how often a future is polled.
async fn counted<F: Future>(polls: Arc<AtomicU32>, future: F) -> F::Output {
    let mut future = Box::pin(future);
    poll_fn(move |cx| {
        polls.fetch_add(1, Ordering::SeqCst);
        future.as_mut().poll(cx)
    })
    .await
}

#[tokio::test]
async fn a_gated_frame_is_polled_three_times_at_most_while_a_thousand_others_take_turns() {
    let gpu = strict_gpu();
    for (n, padding) in [(1, 0), (2, 12), (3, 40)] {
        let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
        let gate = Gate::new(&gpu);
        let frame = scene.frame().await;
        scene.draw(&frame, n);
        Scene::pad(&frame, padding);
        gate.hold(frame.graph());
        let polls = Arc::<AtomicU32>::default();
        let task = tokio::spawn(counted(Arc::clone(&polls), async move {
            let done = frame.submit().await.expect("submitted");
            done.await.expect("complete")
        }));
        // The slot is taken: this one waits for it, and then goes the whole way.
        let (next, next_polls) = (scene.renderer.clone(), Arc::<AtomicU32>::default());
        let second = tokio::spawn(counted(Arc::clone(&next_polls), async move {
            let frame = next.frame().await.expect("a frame");
            Scene::pad(&frame, padding);
            frame.submit().await.expect("submitted").await.expect("complete")
        }));
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(!task.is_finished() && !second.is_finished());
        let (first_polls, waiting) = (polls.load(Ordering::SeqCst), next_polls.load(Ordering::SeqCst));
        assert!((1..=3).contains(&first_polls), "{first_polls} polls of a gated frame with {padding} more passes");
        assert_eq!(waiting, 1, "polls of a frame that waits for its slot");
        gate.open();
        assert_eq!(soon("the frame", task).await.expect("no panic").passes as usize, padding + 3);
        soon("the second", second).await.expect("no panic");
        assert!(polls.load(Ordering::SeqCst) <= first_polls + 1, "woken once");
        assert!(next_polls.load(Ordering::SeqCst) <= 4, "for its slot, its submit and its completion");
        drop(gate);
        scene.draws(n + 1).await;
    }
    close(gpu).await;
}
