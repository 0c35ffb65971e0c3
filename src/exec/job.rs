//! CPU jobs of a frame: futures whose output passes use, and which comes back afterwards.

mod progress;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    error::Error as StdError,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    ptr,
    sync::{Arc, Mutex, OnceLock},
    task::{Context, Poll, Waker},
};

use futures::FutureExt;
use tokio::{runtime::Handle, task::AbortHandle};

use self::progress::{Gone, Progress};
/// For `progress`, which `tests/models` compiles against loom.
use super::prim;
use crate::{
    error::{Error, Result, Source, guarded, panic_message},
    sync::prim::lock,
};

/// Whose drop may panic.
const CAPTURED: &str = "what a job captured";
const OUTPUT: &str = "a job's output";

/// The handle of a CPU job of a frame: a future that runs on the runtime from the moment it is given to
/// [`Frame::job`](crate::Frame::job) on. Passes that say `.after(&job)` are recorded when it is finished and read its output;
/// [`take`](Self::take) gets the output back. A cheap handle, to clone wherever it is asked for.
///
/// ```no_run
/// # use vulkio::{Frame, GpuBuffer, QueueKind};
/// # struct World { heights: Vec<f32> }
/// # impl World { async fn step(&mut self) {} }
/// # async fn example(frame: Frame, mut world: World, heights: GpuBuffer<f32>) -> vulkio::Result<World> {
/// let physics = frame.job("physics", async move {
///     world.step().await; // has begun
///     world
/// });
/// let (job, target) = (physics.clone(), heights.clone());
/// frame.pass("heights").after(&physics).writes(heights.copy_target()).record(move |cmd| {
///     let world = cmd.output(&job)?;
///     cmd.update(&target, 0, &world.heights);
///     Ok(())
/// });
/// frame.submit().await?; // waits for the job without blocking anything
/// physics.take().await // the world comes back for the next frame
/// # }
/// ```
///
/// A job belongs to the frame it was made on: a frame that is dropped, or fails, before it is submitted aborts its jobs. Once
/// the frame is submitted, a job that no pass waits for runs on to its end.
pub struct Job<T> {
    state: Arc<State<T>>,
}

/// What the handles, the passes and the running future share.
struct State<T> {
    name: Arc<str>,
    progress: Progress<Error>,
    /// There from `Progress::finish` to `Progress::poll_take`. Users share it; with no user this is the only handle.
    output: Mutex<Option<Arc<T>>>,
}

impl<T> State<T> {
    /// There is an output, unless the job was aborted meanwhile.
    fn finish(&self, output: T) {
        *lock(&self.output) = Some(Arc::new(output));
        match self.progress.finish() {
            Some(wakers) => wake(wakers),
            None => {
                let unused = lock(&self.output).take();
                guarded(OUTPUT, || drop(unused));
            }
        }
    }

    /// There will be no output, unless there is one already.
    fn fail(&self, error: Error) {
        wake(self.progress.fail(error).unwrap_or_default());
    }

    fn why(&self, gone: Gone<Error>) -> Error {
        match gone {
            Gone::Failed(error) => error,
            Gone::Taken => Error::Invalid(format!(
                "the output of job `{}` was taken already: `take` gives it once, and no pass can use it after that",
                self.name
            )),
        }
    }
}

impl<T> Drop for State<T> {
    fn drop(&mut self) {
        // The last handle may be a pass's, on a thread that has more to do.
        let output = lock(&self.output).take();
        guarded(OUTPUT, || drop(output));
    }
}

fn wake(wakers: Vec<Waker>) {
    for waker in wakers {
        guarded("a waker", || waker.wake());
    }
}

impl<T: Send + Sync + 'static> Job<T> {
    /// Waits until the job is finished and no pass will use its output any more, and moves the output out: once.
    ///
    /// Passes use it until they are recorded. So submit the frame first: while it is only declared, this waits.
    ///
    /// # Errors
    ///
    /// [`Error::JobFailed`] and [`Error::JobPanicked`] with the job's name; [`Error::Cancelled`] if its frame was
    /// dropped, or failed, before the job was finished; [`Error::RuntimeGone`] if there was no runtime to run it, or that shut
    /// down; [`Error::Invalid`] if the output was taken already.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the output stays where it is.
    pub async fn take(&self) -> Result<T> {
        self.wait(Progress::poll_take).await.map_err(|gone| self.state.why(gone))?;
        let output = lock(&self.state.output).take();
        // No user is left, so this is the only handle.
        output.and_then(Arc::into_inner).ok_or_else(|| self.state.why(Gone::Taken))
    }

    /// Waits until the job has ended. Its output stays where it is.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take), but for an output that was taken: that job is finished.
    ///
    /// # Cancel safety
    ///
    /// Dropping it has no effect.
    pub async fn finished(&self) -> Result<()> {
        match self.wait(Progress::poll_output).await {
            Err(Gone::Failed(error)) => Err(error),
            Ok(()) | Err(Gone::Taken) => Ok(()),
        }
    }

    fn wait(&self, poll: Ask) -> Wait<'_> {
        Wait { progress: &self.state.progress, poll, key: None }
    }

    /// A pass's hold on the output.
    pub(crate) fn user(&self) -> JobUse {
        self.state.progress.enter();
        JobUse { job: Arc::clone(&self.state) as Arc<dyn AnyJob>, output: OnceLock::new() }
    }
}

impl<T> Job<T> {
    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.name
    }

    /// Whether the job has ended, well or not.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.progress.output().is_some()
    }
}

impl<T> Clone for Job<T> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("name", &self.name()).field("finished", &self.is_finished()).finish()
    }
}

/// What a wait is for.
type Ask = fn(&Progress<Error>, &mut Option<usize>, &Waker) -> Poll<Result<(), Gone<Error>>>;

/// Somebody who waits for a job.
struct Wait<'a> {
    progress: &'a Progress<Error>,
    poll: Ask,
    key: Option<usize>,
}

impl Future for Wait<'_> {
    type Output = Result<(), Gone<Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (progress, poll) = (self.progress, self.poll);
        poll(progress, &mut self.key, cx.waker())
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.progress.forget(key);
        }
    }
}

/// A job whatever its output is.
trait AnyJob: Send + Sync {
    fn name(&self) -> &str;
    fn progress(&self) -> &Progress<Error>;
    fn output(&self) -> Option<Arc<dyn Any + Send + Sync>>;
    fn why(&self, gone: Gone<Error>) -> Error;
    fn fail(&self, error: Error);
}

impl<T: Send + Sync + 'static> AnyJob for State<T> {
    fn name(&self) -> &str {
        &self.name
    }

    fn progress(&self) -> &Progress<Error> {
        &self.progress
    }

    fn output(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        lock(&self.output).clone().map(|output| output as _)
    }

    fn why(&self, gone: Gone<Error>) -> Error {
        self.why(gone)
    }

    fn fail(&self, error: Error) {
        self.fail(error);
    }
}

/// A pass's hold on a job: while it exists, nobody takes the output, and a borrow of it lasts as long as a borrow of this.
pub struct JobUse {
    job: Arc<dyn AnyJob>,
    /// A share of the output, from the first time it is asked for: later ones take no lock.
    output: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl JobUse {
    pub(crate) fn name(&self) -> &str {
        self.job.name()
    }

    /// Whether it has ended, well or not: `ready` answers at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.job.progress().output().is_some()
    }

    /// Waits until the output can be read, or never will: then with the job's error.
    pub(crate) async fn ready(&self) -> Result<()> {
        let wait = Wait { progress: self.job.progress(), poll: Progress::poll_output, key: None };
        wait.await.map_err(|gone| self.job.why(gone))
    }

    /// Whether it is this job's.
    pub(crate) fn is<T>(&self, job: &Job<T>) -> bool {
        ptr::addr_eq(Arc::as_ptr(&self.job), Arc::as_ptr(&job.state))
    }

    /// The output, if the job is finished and gives a `T`.
    pub(crate) fn output<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let unfit = |what| Error::Invalid(format!("the output of job `{}` {what}", self.name()));
        self.shared()?.downcast_ref().ok_or_else(|| unfit("is of another type"))
    }

    fn shared(&self) -> Result<&Arc<dyn Any + Send + Sync>> {
        if let Some(output) = self.output.get() {
            return Ok(output);
        }
        let running = || Error::Invalid(format!("job `{}` is not finished", self.name()));
        self.job.progress().output().ok_or_else(running)?.map_err(|gone| self.job.why(gone))?;
        // Finished, and it stays so while `self` is a user: the output is in its place.
        let output = self.job.output().ok_or_else(|| self.job.why(Gone::Taken))?;
        Ok(self.output.get_or_init(|| output))
    }
}

/// A job's output, for a pass that said `.after(&job)`; `uses` are all that it said.
pub(crate) fn output<'a, T: Send + Sync + 'static>(uses: &'a [JobUse], job: &Job<T>) -> Result<&'a T> {
    match uses.iter().find(|used| used.is(job)) {
        Some(used) => used.output(),
        None => Err(Error::Graph(format!(
            "it takes the output of job `{0}` and does not wait for it; add `.after(&{0})`",
            job.name()
        ))),
    }
}

impl Drop for JobUse {
    fn drop(&mut self) {
        drop(self.output.take()); // before it leaves: whoever takes the output must be alone with it
        wake(self.job.progress().leave());
    }
}

impl fmt::Debug for JobUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobUse").field("job", &self.name()).field("ready", &self.is_ready()).finish()
    }
}

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

fn launch<T: Send + Sync + 'static>(
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
            Ok(Err(error)) => self.0.fail(error),
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
