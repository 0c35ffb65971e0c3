//! CPU jobs of a frame: futures whose output passes use, and which comes back afterwards.

mod progress;
mod run;
#[cfg(test)]
mod tests;
mod used;

use std::{
    any::Any,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use self::progress::{Gone, Progress};
pub(crate) use self::{
    run::{JobOwner, launch, promise, spawn, try_spawn},
    used::{JobUse, output},
};
/// For `progress`, which `tests/models` compiles against loom.
use super::prim;
use crate::{
    error::{Error, Result, guarded},
    sync::prim::lock,
};

/// Whose drop may panic.
const OUTPUT: &str = "a job's output";

/// The handle of a CPU job of a frame: a future that runs on the runtime from the moment it is given to
/// [`Frame::job`](crate::Frame::job) on. Passes that say `.after(&job)` are recorded when it is finished and read its
/// output; [`take`](Self::take) gets the output back. A cheap handle, to clone wherever it is asked for.
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
/// A job belongs to the frame it was made on: a frame that is dropped, or fails, before it is submitted aborts its
/// jobs. Once the frame is submitted, a job that no pass waits for runs on to its end.
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
    /// dropped, or failed, before the job was finished; [`Error::RuntimeGone`] if there was no runtime to run it, or
    /// that shut down; [`Error::Invalid`] if the output was taken already.
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
        JobUse::new(Arc::clone(&self.state) as _)
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
