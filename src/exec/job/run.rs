//! Running a job: the task it runs as, and the graph that may abort it.

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use futures::FutureExt;
use tokio::{runtime::Handle, task::AbortHandle};

use super::{AnyJob, Job, State, progress::Progress};
use crate::error::{Error, Result, Source, guarded, panic_message};

/// Whose drop may panic.
const CAPTURED: &str = "what a job captured";

/// The graph's hold on a job that was made on it: aborts it when dropped.
#[must_use = "dropped, it aborts its job"]
pub(crate) struct JobOwner {
    job: Arc<dyn AnyJob>,
    /// None: it never ran, or is let go.
    task: Option<AbortHandle>,
}

impl JobOwner {
    /// The graph is submitted: the job goes on by itself.
    pub(crate) fn keep(mut self) {
        self.task = None;
    }
}

impl Drop for JobOwner {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            // Answered here: the task may be in the middle of a poll, or its runtime stuck.
            self.job.fail(Error::Cancelled);
            task.abort();
        }
    }
}

impl fmt::Debug for JobOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobOwner").field("job", &self.job.name()).field("kept", &self.task.is_none()).finish()
    }
}

/// Begins to run `future` on `runtime`; with none, the job has failed already.
pub(crate) fn spawn<F>(runtime: Option<&Handle>, name: Arc<str>, future: F) -> (Job<F::Output>, JobOwner)
where
    F: Future<Output: Send + Sync + 'static> + Send + 'static,
{
    launch(runtime, name, future.map(Ok))
}

/// As [`spawn`], for a future that may fail.
pub(crate) fn try_spawn<F, T, E>(runtime: Option<&Handle>, name: Arc<str>, future: F) -> (Job<T>, JobOwner)
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + Sync + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let job = Arc::clone(&name);
    let failed = move |error: E| Error::JobFailed { job: job.to_string(), source: Source::from(error.into()) };
    launch(runtime, name, future.map(|result| result.map_err(failed)))
}

/// As [`spawn`], for a future whose error is the job's own.
pub(crate) fn launch<T: Send + Sync + 'static>(
    runtime: Option<&Handle>,
    name: Arc<str>,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> (Job<T>, JobOwner) {
    let state = Arc::new(State { name, progress: Progress::running(), output: Mutex::new(None) });
    let running = Running(Arc::clone(&state));
    let task = runtime.map(|runtime| runtime.spawn(running.run(future)).abort_handle());
    // Without a runtime `running` was dropped just now, and so the job has failed.
    (Job { state: Arc::clone(&state) }, JobOwner { job: state, task })
}

/// A job that no graph owns and no runtime runs: whoever has the promise ends it.
pub(crate) fn promise<T>(name: Arc<str>) -> (Job<T>, Promise<T>) {
    let state = Arc::new(State { name, progress: Progress::running(), output: Mutex::new(None) });
    (Job { state: Arc::clone(&state) }, Promise(state))
}

/// To be kept. Dropped before, the job fails with [`Error::Closed`]: the threads that were to keep it have ended.
#[must_use = "dropped, it fails its job"]
pub(crate) struct Promise<T>(Arc<State<T>>);

impl<T> Promise<T> {
    pub(crate) fn keep(self, result: Result<T>) {
        match result {
            Ok(output) => self.0.finish(output),
            Err(error) => self.0.fail(error),
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        self.0.fail(Error::Closed); // without effect on what has ended
    }
}

/// The running future's end of a job: however the task ends, the job ends with it.
struct Running<T>(Arc<State<T>>);

impl<T> Running<T> {
    async fn run(self, future: impl Future<Output = Result<T>>) {
        let mut future = Box::pin(future);
        let ended = AssertUnwindSafe(&mut future).catch_unwind().await;
        // What it captured is given back before anybody learns that it ended.
        guarded(CAPTURED, || drop(future));
        match ended {
            Ok(Ok(output)) => self.0.finish(output),
            Ok(Err(error)) => {
                // Also where no pass and nobody else waits for it.
                tracing::warn!(job = &*self.0.name, %error, "a job failed");
                self.0.fail(error);
            }
            Err(payload) => {
                let message = panic_message(&*payload);
                guarded("a panic's payload", || drop(payload));
                self.0.fail(Error::JobPanicked { job: self.0.name.to_string(), message });
            }
        }
    }
}

impl<T> Drop for Running<T> {
    /// The task did not come to its end: its runtime shut down, or its job was aborted, which was answered then.
    fn drop(&mut self) {
        self.0.fail(Error::RuntimeGone);
    }
}
