//! The few threads on which a `Gpu` does what blocks, so that no runtime's worker has to.

use std::{
    collections::VecDeque,
    future::Future,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::error::{Error, Result, panic_message};

/// More threads would not make copies or file writes faster.
const MOST_THREADS: usize = 4;

type Job = Box<dyn FnOnce() + Send>;

/// A small pool of threads, each started when there is work that no idle one can take.
///
/// Dropping it lets the queued work finish and waits for that, except on one of its own threads, where it waits for
/// nothing.
pub(crate) struct Helpers {
    shared: Arc<Shared>,
    name: &'static str,
    most: usize,
}

struct Shared {
    state: Mutex<State>,
    /// Work was queued, or the pool closed.
    work: Condvar,
    /// A thread ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    /// Threads that wait for work, those already woken for some included.
    idle: usize,
    /// Threads that have not ended.
    running: usize,
    started: usize,
    closed: bool,
    threads: Vec<JoinHandle<()>>,
}

impl Helpers {
    /// A pool for whatever blocks. It has no thread yet.
    pub(crate) fn new() -> Self {
        Self::named("helper", cores().min(MOST_THREADS))
    }

    /// A pool of `most` threads, at least one, for work of one kind.
    pub(crate) fn named(name: &'static str, most: usize) -> Self {
        let shared = Shared { state: Mutex::default(), work: Condvar::new(), ended: Condvar::new() };
        Self { shared: Arc::new(shared), name, most: most.max(1) }
    }

    /// Starts `f` on a helper thread, for its effects: nobody learns of its end from here. If it is urgent, it goes before
    /// what waits for a thread.
    ///
    /// # Errors
    /// [`Error::Closed`], or no thread can be started: then `f` is dropped.
    pub(crate) fn spawn(&self, urgent: bool, f: impl FnOnce() + Send + 'static) -> Result<()> {
        self.push(urgent, Box::new(f))
    }

    /// Starts `f` on a helper thread; `what` names it in errors.
    ///
    /// The work starts whether or not the task is polled, and goes on where the task is dropped. A panic in `f` is
    /// [`Error::HelperPanicked`]; after [`close`](Self::close) the task is [`Error::Closed`] and `f` does not run.
    pub(crate) fn run<R, F>(&self, what: &'static str, f: F) -> HelperTask<R>
    where
        R: Send + 'static,
        F: FnOnce() -> R + Send + 'static,
    {
        let (answer, task) = oneshot::channel();
        let job: Job = Box::new(move || {
            let result = catch_unwind(AssertUnwindSafe(f))
                .map_err(|payload| Error::HelperPanicked { task: what.into(), message: panic_message(&*payload) });
            // Nobody may be waiting any more; then the result is dropped here.
            let _ = answer.send(result);
        });
        match self.push(false, job) {
            Ok(()) => HelperTask(Progress::Running(task)),
            Err(error) => HelperTask(Progress::Refused(Some(error))),
        }
    }

    fn push(&self, urgent: bool, job: Job) -> Result<()> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        if state.queue.len() >= state.idle && state.started < self.most {
            match self.start(state.started) {
                Ok(thread) => {
                    state.threads.push(thread);
                    state.started += 1;
                    state.running += 1;
                }
                // With a thread at work already, the job just waits longer.
                Err(_) if state.running > 0 => {}
                Err(_) => return Err(Error::OutOfHostMemory { context: "starting a helper thread".into() }),
            }
        }
        if urgent {
            state.queue.push_front(job);
        } else {
            state.queue.push_back(job);
        }
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    fn start(&self, number: usize) -> std::io::Result<JoinHandle<()>> {
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name(format!("vulkio-{}-{number}", self.name)).spawn(move || shared.work())
    }

    /// Takes no more work and waits up to `limit` for the queued work to finish; `None` waits as long as it takes.
    /// Whether all threads have ended: those that have not go on alone. On one of the pool's own threads it does not
    /// wait at all.
    pub(crate) fn close(&self, limit: Option<Duration>) -> bool {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.work.notify_all();
        if state.threads.iter().any(|thread| thread.thread().id() == thread::current().id()) {
            return false; // a thread cannot outwait itself, and the others might wait for it
        }
        while state.running > 0 {
            let Some(deadline) = deadline else {
                state = self.shared.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let threads = mem::take(&mut state.threads);
        drop(state);
        // Each has left its last job behind, so this only waits for the system to collect them.
        threads.into_iter().all(|thread| thread.join().is_ok())
    }
}

/// The cores that this process may use.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

impl Drop for Helpers {
    fn drop(&mut self) {
        // Whoever closed it before has waited as long as it wanted to.
        if !self.shared.lock().closed {
            self.close(None);
        }
    }
}

impl Shared {
    /// A helper thread's life.
    fn work(&self) {
        while let Some(job) = self.next() {
            // The work's own panics are caught inside; this catches those of dropping an answer nobody took.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    /// The next job; `None`, with the thread signed off, once the pool is closed and the queue empty.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            if state.closed {
                state.running -= 1;
                self.ended.notify_all();
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that panics runs under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The future of some work on a helper thread.
///
/// # Cancel safety
///
/// Dropping it does not stop the work, only forgets its result. Polled again after it was ready, it is
/// [`Error::Closed`].
#[must_use = "the result is lost unless it is awaited"]
pub(crate) struct HelperTask<R>(Progress<R>);

enum Progress<R> {
    Running(oneshot::Receiver<Result<R>>),
    Refused(Option<Error>),
}

impl<R> Future for HelperTask<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.0 {
            // The sender is dropped unused only if the job was, and no job is.
            Progress::Running(task) => ready!(Pin::new(task).poll(cx)).unwrap_or(Err(Error::Closed)),
            Progress::Refused(error) => Err(error.take().unwrap_or(Error::Closed)),
        };
        self.0 = Progress::Refused(None);
        Poll::Ready(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    };

    fn block_on<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn work_runs_on_a_named_thread_and_its_value_comes_back() {
        let helpers = Helpers::new();
        let name = block_on(helpers.run("naming", || thread::current().name().map(str::to_owned))).unwrap();
        assert_eq!(name.as_deref(), Some("vulkio-helper-0"));
    }

    #[test]
    fn one_job_at_a_time_needs_one_thread() {
        let helpers = Helpers::new();
        assert_eq!(helpers.shared.lock().started, 0);
        for i in 0..100 {
            assert_eq!(block_on(helpers.run("counting", move || i)).unwrap(), i);
            // The answer may arrive just before the thread is idle again.
            while helpers.shared.lock().idle == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(helpers.shared.lock().started, 1);
    }

    #[test]
    fn jobs_that_wait_for_each_other_get_threads_of_their_own() {
        let mut helpers = Helpers::new();
        helpers.most = 3;
        let meet = Arc::new(Barrier::new(3));
        let join = |_| {
            let meet = Arc::clone(&meet);
            helpers.run("meeting", move || meet.wait().is_leader())
        };
        let tasks: Vec<_> = (0..3).map(join).collect();
        let leaders = tasks.into_iter().map(|task| block_on(task).unwrap());
        assert_eq!(leaders.filter(|leader| *leader).count(), 1);
    }

    #[test]
    fn a_panic_is_an_error_and_the_pool_goes_on() {
        let helpers = Helpers::new();
        let task: HelperTask<()> = helpers.run("encoding", || panic!("no {}", "ink"));
        let Err(Error::HelperPanicked { task, message }) = block_on(task) else { panic!("not the panic's error") };
        assert_eq!((&*task, message.as_str()), ("encoding", "no ink"));
        assert_eq!(block_on(helpers.run("going on", || 1)).unwrap(), 1);
    }

    #[test]
    fn dropping_the_pool_finishes_what_was_queued() {
        let done = Arc::new(AtomicUsize::new(0));
        let helpers = Helpers::new();
        for _ in 0..50 {
            let done = Arc::clone(&done);
            drop(helpers.run("counting", move || {
                thread::sleep(Duration::from_micros(100));
                done.fetch_add(1, SeqCst);
            }));
        }
        drop(helpers);
        assert_eq!(done.load(SeqCst), 50);
    }

    #[test]
    fn the_last_owner_may_be_a_helper_itself() {
        let helpers = Arc::new(Helpers::new());
        let (go, gone) = mpsc::channel::<()>();
        let own = Arc::clone(&helpers);
        let task = helpers.run("dropping the pool", move || {
            gone.recv().unwrap();
            drop(own);
        });
        drop(helpers);
        go.send(()).unwrap();
        block_on(task).unwrap();
    }

    #[test]
    fn a_closed_pool_refuses_work() {
        let helpers = Helpers::new();
        assert!(helpers.close(Some(Duration::ZERO)));
        assert!(matches!(block_on(helpers.run("late", || ())), Err(Error::Closed)));
    }

    #[test]
    fn closing_with_a_limit_leaves_long_work_to_itself() {
        let helpers = Helpers::new();
        let (go, gate) = mpsc::channel::<()>();
        let task = helpers.run("waiting", move || gate.recv().is_ok());
        assert!(!helpers.close(Some(Duration::from_millis(1))));
        go.send(()).unwrap();
        assert!(block_on(task).unwrap());
    }

    #[test]
    fn a_pool_that_was_given_up_is_dropped_without_waiting() {
        let helpers = Arc::new(Helpers::new());
        let (go, gate) = mpsc::channel::<()>();
        let own = Arc::clone(&helpers);
        let task = helpers.run("waiting", move || {
            gate.recv().unwrap();
            drop(own);
        });
        assert!(!helpers.close(Some(Duration::from_millis(1))));
        drop(helpers);
        go.send(()).unwrap();
        block_on(task).unwrap();
    }

    #[test]
    fn an_answer_that_panics_when_dropped_harms_nobody() {
        struct Spiteful;
        impl Drop for Spiteful {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let mut helpers = Helpers::new();
        helpers.most = 1;
        let (go, gate) = mpsc::channel::<()>();
        let answering = helpers.run("answering", move || {
            gate.recv().unwrap();
            Spiteful
        });
        drop(answering); // before there is an answer: it is dropped over there
        go.send(()).unwrap();
        assert_eq!(block_on(helpers.run("going on", || 1)).unwrap(), 1);
    }
}
