use std::{
    future::{pending, poll_fn},
    ptr,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::Wake,
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::{Notify, oneshot},
};

use super::*;

fn here() -> Option<Handle> {
    Handle::try_current().ok()
}

fn start<F>(name: &str, future: F) -> (Job<F::Output>, JobOwner)
where
    F: Future<Output: Send + Sync + 'static> + Send + 'static,
{
    spawn(here().as_ref(), name.into(), future)
}

/// A job that is finished when it is told to be.
fn held<T: Send + Sync + 'static>(name: &str) -> (oneshot::Sender<T>, Job<T>, JobOwner) {
    let (sender, receiver) = oneshot::channel();
    let (job, owner) = start(name, async { receiver.await.expect("the test tells it") });
    (sender, job, owner)
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(10), future).await.expect("it ends soon")
}

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().expect("a runtime")
}

/// Counts what of it is alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_job_runs_unasked_and_its_output_comes_back_once() {
    let (job, _owner) = start("load", async { String::from("cubes") });
    soon(job.finished()).await.expect("finished");
    assert!(job.is_finished());
    assert_eq!(soon(job.take()).await.expect("the output"), "cubes");
    let error = soon(job.clone().take()).await.expect_err("taken");
    assert!(matches!(&error, Error::Invalid(message) if message.contains("`load` was taken")), "{error}");
    soon(job.finished()).await.expect("it is still finished");
}

#[tokio::test]
async fn an_output_that_needs_no_clone_is_borrowed_by_passes_and_moved_out_after_them() {
    struct World(Vec<u32>);
    let (tell, job, _owner) = held("physics");
    let (first, second) = (job.user(), job.user());
    assert!(!first.is_ready());
    assert!(matches!(first.output::<World>(), Err(Error::Invalid(_))), "not finished");
    tell.send(World(vec![1, 2])).ok().expect("it waits");
    soon(first.ready()).await.expect("ready");
    let uses = [first, second];
    let world: &World = output(&uses, &job).expect("declared");
    assert!(ptr::eq(world, uses[1].output::<World>().expect("ready as well")), "one output for all");

    let mut take = Box::pin(job.take());
    assert!(poll_once(&mut take, Waker::noop()).is_pending(), "two passes use it");
    assert_eq!(world.0, [1, 2]);
    let [first, second] = uses;
    drop(first);
    assert!(poll_once(&mut take, Waker::noop()).is_pending(), "one pass uses it");
    drop(second);
    assert_eq!(soon(take).await.expect("the output").0, [1, 2]);
}

#[tokio::test]
async fn the_last_user_wakes_who_waits_to_take() {
    let (job, _owner) = start("load", async { 7 });
    soon(job.finished()).await.expect("finished");
    let (first, second) = (job.user(), job.user());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    let mut take = Box::pin(job.take());
    assert!(poll_once(&mut take, &waker).is_pending());
    drop(first);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    drop(second);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    assert!(matches!(poll_once(&mut take, &waker), Poll::Ready(Ok(7))));
}

#[tokio::test]
async fn a_pass_that_comes_after_the_take_learns_that_the_output_is_gone() {
    let (job, _owner) = start("load", async { 7 });
    soon(job.take()).await.expect("the output");
    let used = job.user();
    assert!(used.is_ready());
    let error = soon(used.ready()).await.expect_err("taken");
    assert!(error.to_string().contains("`load` was taken"), "{error}");
    assert!(used.output::<i32>().is_err());
}

#[tokio::test]
async fn an_output_asked_for_without_after_says_what_to_add() {
    let (job, _owner) = start("load", async { 7 });
    let (other, _other_owner) = start("other", async { 7 });
    soon(job.finished()).await.expect("finished");
    let error = output(&[other.user()], &job).expect_err("not declared");
    assert!(matches!(&error, Error::Graph(message) if message.contains("add `.after(&load)`")), "{error}");
}

#[tokio::test]
async fn of_many_who_take_one_gets_the_output_and_all_get_an_answer() {
    let (tell, job, _owner) = held("load");
    let used = job.user();
    let takers: Vec<_> =
        (0..100).map(|_| job.clone()).map(|job| tokio::spawn(async move { job.take().await })).collect();
    let waiters: Vec<_> =
        (0..100).map(|_| job.clone()).map(|job| tokio::spawn(async move { job.finished().await })).collect();
    soon(async {
        while job.state.progress.waiters().0 < 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    tell.send(7).expect("it waits");
    for waiter in waiters {
        soon(waiter).await.expect("no panic").expect("finished");
    }
    drop(used);
    let mut got = 0;
    for taker in takers {
        match soon(taker).await.expect("no panic") {
            Ok(output) => got += output,
            Err(error) => assert!(matches!(error, Error::Invalid(_)), "{error:?}"),
        }
    }
    assert_eq!(got, 7);
    assert_eq!(job.state.progress.waiters().0, 0);
}

#[tokio::test]
async fn a_hundred_thousand_dropped_waits_leave_nothing() {
    let (_tell, job, _owner) = held::<u32>("load");
    let before = job.state.progress.waiters();
    let mut waits: Vec<_> = (0..100_000).map(|_| Box::pin(job.take())).collect();
    for wait in &mut waits {
        assert!(poll_once(wait, Waker::noop()).is_pending());
        assert!(poll_once(wait, Waker::noop()).is_pending(), "polled again, it is registered once");
    }
    assert_eq!(job.state.progress.waiters().0, 100_000);
    drop(waits);
    assert_eq!(job.state.progress.waiters(), before);
}

#[tokio::test]
async fn a_dropped_take_leaves_the_output_to_the_next() {
    let (job, _owner) = start("load", async { 7 });
    soon(job.finished()).await.expect("finished");
    let used = job.user();
    let mut take = Box::pin(job.take());
    assert!(poll_once(&mut take, Waker::noop()).is_pending());
    drop(take);
    drop(used);
    assert_eq!(soon(job.take()).await.expect("the output"), 7);
}

#[tokio::test]
async fn a_failed_job_tells_its_name_and_keeps_its_cause() {
    let cause = std::io::Error::other("no disk");
    let (job, _owner) = try_spawn(here().as_ref(), "load".into(), async move { Err::<u32, _>(cause) });
    let used = job.user();
    let error = soon(used.ready()).await.expect_err("failed");
    assert_eq!(error.to_string(), "job `load`: no disk");
    let Error::JobFailed { source, .. } = &error else { panic!("{error:?}") };
    assert!(source.downcast_ref::<std::io::Error>().is_some());
    // A take does not wait for users of what will never be there.
    assert!(matches!(soon(job.take()).await, Err(Error::JobFailed { .. })));
    assert!(matches!(used.output::<u32>(), Err(Error::JobFailed { .. })));
}

#[tokio::test]
async fn the_error_of_a_job_may_be_vulkios_or_a_text() {
    let (job, _owner) = try_spawn(here().as_ref(), "a".into(), async { Err::<u32, _>(Error::Closed) });
    assert_eq!(soon(job.take()).await.expect_err("failed").to_string(), format!("job `a`: {}", Error::Closed));
    let (job, _owner) = try_spawn(here().as_ref(), "b".into(), async { Err::<u32, _>("no disk") });
    assert_eq!(soon(job.take()).await.expect_err("failed").to_string(), "job `b`: no disk");
    let (job, _owner) = try_spawn(here().as_ref(), "c".into(), async { Ok::<_, Error>(7) });
    assert_eq!(soon(job.take()).await.expect("the output"), 7);
}

#[tokio::test]
async fn a_panic_in_a_job_is_its_error_and_what_it_captured_is_given_back() {
    let count = Arc::default();
    let alive = Alive::new(&count);
    let (job, _owner) = start("physics", async move {
        let _alive = alive;
        tokio::task::yield_now().await;
        if true {
            panic!("{} is not a number", "world");
        }
    });
    let error = soon(job.take()).await.expect_err("it panicked");
    let Error::JobPanicked { job, message } = &error else { panic!("{error:?}") };
    assert_eq!((&**job, &**message), ("physics", "world is not a number"));
    assert_eq!(error.to_string(), "job `physics` panicked: world is not a number");
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Panics when it is dropped, unless something is panicking already.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

#[tokio::test]
async fn what_a_job_captured_may_panic_when_it_is_dropped() {
    let spite = Spiteful;
    // Unlike an async block's, what it captured is there until the future itself is dropped.
    let future = poll_fn(move |_| -> Poll<u32> {
        let _ = &spite;
        panic!("first")
    });
    let (job, _owner) = start("physics", future);
    let error = soon(job.take()).await.expect_err("it panicked");
    assert_eq!(error.to_string(), "job `physics` panicked: first");
    let (job, _owner) = start("physics", async { std::panic::panic_any(Spiteful) });
    let error = soon(job.take()).await.expect_err("it panicked");
    assert!(matches!(error, Error::JobPanicked { .. }), "{error:?}");
}

#[tokio::test]
async fn an_output_that_panics_when_it_is_dropped_harms_nobody() {
    let (job, owner) = start("physics", async { Spiteful });
    soon(job.finished()).await.expect("finished");
    let used = job.user();
    used.output::<Spiteful>().expect("finished");
    drop((job, owner));
    drop(used); // the last handle
}

#[tokio::test]
async fn a_dropped_owner_aborts_the_job_and_answers_all_at_once() {
    let count = Arc::default();
    let alive = Alive::new(&count);
    let (job, owner) = start("physics", async move {
        let _alive = alive;
        pending::<()>().await;
    });
    let used = job.user();
    let taker = tokio::spawn({
        let job = job.clone();
        async move { job.take().await }
    });
    tokio::task::yield_now().await;
    drop(owner);
    assert!(job.is_finished() && used.is_ready());
    assert!(matches!(soon(taker).await.expect("no panic"), Err(Error::Cancelled)));
    assert!(matches!(soon(used.ready()).await, Err(Error::Cancelled)));
    assert!(matches!(soon(job.finished()).await, Err(Error::Cancelled)));
    soon(async {
        while count.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_output_of_a_job_that_was_aborted_in_its_last_poll_is_dropped() {
    let count: Arc<AtomicUsize> = Arc::default();
    let alive = Alive::new(&count);
    let (entered, enter) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (job, owner) = start("physics", async move {
        entered.send(()).expect("the test waits");
        let _ = released.recv(); // in the middle of a poll
        alive
    });
    enter.recv().expect("it runs");
    drop(owner);
    assert!(matches!(soon(job.take()).await, Err(Error::Cancelled)));
    assert_eq!(count.load(Ordering::SeqCst), 1, "the poll is not over");
    release.send(()).expect("it waits");
    soon(async {
        while count.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_finished_job_outlives_its_owner_and_a_kept_one_runs_on() {
    let (job, owner) = start("load", async { 7 });
    soon(job.finished()).await.expect("finished");
    drop(owner);
    assert_eq!(soon(job.take()).await.expect("the output"), 7);

    let (tell, job, owner) = held("load");
    owner.keep();
    tell.send(8).expect("it still waits");
    assert_eq!(soon(job.take()).await.expect("the output"), 8);
}

#[tokio::test]
async fn a_job_whose_handles_are_all_gone_still_runs() {
    let done = Arc::new(Notify::new());
    let notify = Arc::clone(&done);
    let (job, owner) = start("save", async move {
        tokio::task::yield_now().await;
        notify.notify_one();
    });
    drop(job);
    owner.keep();
    soon(done.notified()).await;
}

#[test]
fn without_a_runtime_a_job_has_failed_already() {
    let (job, _owner) = start("load", async { 7 });
    assert!(job.is_finished());
    let error = futures::executor::block_on(job.take()).expect_err("no runtime");
    assert!(matches!(error, Error::RuntimeGone), "{error:?}");
    assert!(matches!(job.user().output::<i32>(), Err(Error::RuntimeGone)));
}

#[test]
fn a_runtime_that_shuts_down_fails_the_job_that_was_running() {
    let runtime = runtime();
    let (job, _owner) = spawn(Some(runtime.handle()), "load".into(), pending::<u32>());
    let used = job.user();
    runtime.shutdown_background();
    assert!(matches!(futures::executor::block_on(job.take()), Err(Error::RuntimeGone)));
    assert!(matches!(futures::executor::block_on(used.ready()), Err(Error::RuntimeGone)));
}

#[test]
fn a_runtime_that_is_shut_down_already_fails_the_job_too() {
    let runtime = runtime();
    let handle = runtime.handle().clone();
    drop(runtime);
    let (job, _owner) = spawn(Some(&handle), "load".into(), async { 7 });
    assert!(matches!(futures::executor::block_on(job.take()), Err(Error::RuntimeGone)));
}

#[test]
fn a_job_is_awaited_on_any_executor() {
    let runtime = runtime();
    let (job, _owner) = spawn(Some(runtime.handle()), "load".into(), async {
        tokio::task::yield_now().await;
        7
    });
    assert_eq!(futures::executor::block_on(job.take()).expect("the output"), 7);
}

#[tokio::test]
async fn a_waker_that_panics_keeps_no_other_waiting() {
    struct Broken;
    impl Wake for Broken {
        fn wake(self: Arc<Self>) {
            panic!("a broken executor");
        }
    }
    let (tell, job, _owner) = held("load");
    let mut bad = Box::pin(job.finished());
    assert!(poll_once(&mut bad, &Arc::new(Broken).into()).is_pending());
    let good = tokio::spawn({
        let job = job.clone();
        async move { job.finished().await }
    });
    tokio::task::yield_now().await;
    tell.send(7).expect("it waits");
    soon(good).await.expect("no panic").expect("finished");
    assert!(matches!(poll_once(&mut bad, Waker::noop()), Poll::Ready(Ok(()))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn users_takers_and_aborts_at_the_same_time_all_end() {
    for round in 0..2_000 {
        let (job, owner) = start("race", async move {
            if round % 3 == 0 {
                tokio::task::yield_now().await;
            }
            Box::new(round)
        });
        let users = (0..2).map(|_| job.user()).map(|used| {
            tokio::spawn(async move {
                used.ready().await?;
                Ok::<_, Error>(**used.output::<Box<i32>>()?)
            })
        });
        let users: Vec<_> = users.collect();
        let taker = tokio::spawn(async move { job.take().await });
        if round % 2 == 0 {
            drop(owner)
        } else {
            owner.keep()
        }
        let mut answers = vec![soon(taker).await.expect("no panic").map(|output| *output)];
        for user in users {
            answers.push(soon(user).await.expect("no panic"));
        }
        for answer in answers {
            match answer {
                Ok(output) => assert_eq!(output, round),
                Err(error) => assert!(round % 2 == 0 && matches!(error, Error::Cancelled), "{round}: {error:?}"),
            }
        }
    }
}

#[test]
fn handles_cross_threads() {
    fn crosses<T: Send + Sync + Clone>() {}
    fn sent<T: Send + Sync>() {}
    crosses::<Job<Vec<u8>>>();
    sent::<JobUse>();
    sent::<JobOwner>();
}
