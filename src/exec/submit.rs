//! The future of a submission.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures::future::{BoxFuture, join_all};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::recording::{Outcome, Recording, Submission};
use crate::error::{Error, Result, guarded};

/// The future of [`Graph::submit`](crate::Graph::submit) and [`Frame::submit`](crate::Frame::submit): resolves when the
/// work is submitted, to the [`Completion`](crate::Completion) of the work on the GPU.
///
/// It is lazy, `Send` and `'static`, and blocks no worker. (That of [`Finalized::submit`](crate::Finalized::submit) is
/// submitted already, and tells how that went.)
///
/// # Cancel safety
///
/// Dropped before the last pass is recorded, nothing is submitted, and recording that has begun is thrown away; after
/// that, the whole graph is submitted.
#[must_use = "nothing is recorded or submitted until it is awaited"]
pub struct Submit(Stage);

impl Submit {
    pub(crate) fn new(submission: Result<Submission>) -> Self {
        Self(Stage::new(submission))
    }

    pub(super) fn at(stage: Stage) -> Self {
        Self(stage)
    }

    /// Records here and now, on this thread, whatever runtime there is; the work must wait for no job.
    ///
    /// # Errors
    /// What is wrong with the graph as a whole.
    pub(crate) fn record_here(submission: Submission) -> Result<Self> {
        let recording = Recording::start(submission, 1, false)?;
        (0..recording.tasks()).for_each(|task| recording.run_in_place(task));
        Ok(Self::of(recording))
    }

    /// The commit of what is recorded already.
    pub(crate) fn of(recording: Arc<Recording>) -> Self {
        Self(Stage::Recording(Launched { recording, here: None }))
    }
}

/// How far a graph has come that a future records.
pub(super) enum Stage {
    /// Something is still to be had before it is declared in full.
    Coming(BoxFuture<'static, Result<Submission>>),
    Declared(Box<Result<Submission>>),
    Recording(Launched),
    Done,
}

impl Stage {
    pub(super) fn new(submission: Result<Submission>) -> Self {
        Self::Declared(Box::new(submission))
    }

    /// Begins to record if that is still to be done, goes on with what is recorded here, and asks `answer` for the result.
    /// With `hold`, the commit waits to be asked for.
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        hold: bool,
        answer: impl FnOnce(&Arc<Recording>, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if let Self::Coming(coming) = self {
            *self = Self::new(ready!(coming.as_mut().poll(cx)));
        }
        if let Self::Declared(_) = self
            && let Self::Declared(submission) = mem::replace(self, Self::Done)
        {
            match submission.and_then(|submission| Launched::new(submission, hold)) {
                Ok(launched) => *self = Self::Recording(launched),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let Self::Recording(launched) = self else {
            return Poll::Ready(Err(Error::Cancelled)); // polled again after it was ready
        };
        launched.poll_here(cx);
        let answer = answer(&launched.recording, cx);
        if answer.is_ready() {
            *self = Self::Done;
        }
        answer
    }

    /// The future is dropped.
    pub(super) fn cancel(&mut self) {
        if let Self::Recording(launched) = self {
            launched.cancel();
        }
    }
}

/// A recording, and what of it is recorded in the polls of the future that waits for it.
pub(super) struct Launched {
    recording: Arc<Recording>,
    here: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Launched {
    /// Records on `runtime`, or here if there is none or the graph is small.
    fn new(submission: Submission, hold: bool) -> Result<Self> {
        let options = submission.frame.as_ref().map(|frame| frame.runtime.clone());
        let (chosen, most) = options.map_or((None, None), |options| (options.handle, options.workers));
        let runtime = chosen.or_else(|| Handle::try_current().ok());
        let workers = runtime.as_ref().map_or(1, workers_of).min(most.unwrap_or(usize::MAX)).max(1);
        let recording = Recording::start(submission, workers, hold)?;
        let mut here = None;
        match runtime {
            Some(runtime) if !recording.is_in_place() => spawn(&runtime, &recording, workers),
            _ if recording.is_in_place() => (0..recording.tasks()).for_each(|task| recording.run_in_place(task)),
            _ => here = Some(Box::pin(run_all(Arc::clone(&recording))) as _),
        }
        Ok(Self { recording, here })
    }

    /// Nobody waits any more.
    fn cancel(&mut self) {
        self.recording.cancel();
        if let Some(here) = self.here.take() {
            guarded("what an unused pass captured", || drop(here));
            self.recording.discard();
        }
    }

    /// Records what is recorded here, as far as the jobs that it waits for are done.
    fn poll_here(&mut self, cx: &mut Context<'_>) {
        if let Some(here) = &mut self.here
            && here.as_mut().poll(cx).is_ready()
        {
            self.here = None;
        }
    }
}

/// Without a runtime: in the poll of whoever waits, each task as soon as what it waits for is there. (One might wait for a
/// system that waits until another one has looked at its data.)
async fn run_all(recording: Arc<Recording>) {
    join_all((0..recording.tasks()).map(|index| Arc::clone(&recording).run(index))).await;
}

fn workers_of(runtime: &Handle) -> usize {
    match runtime.runtime_flavor() {
        RuntimeFlavor::CurrentThread => 1,
        _ => runtime.metrics().num_workers(),
    }
}

/// Tasks that wait for a job are spawned at once. Of the others at most `workers` run at a time: each spawns the next one
/// when it ends, on the worker that it ends on.
fn spawn(runtime: &Handle, recording: &Arc<Recording>, workers: usize) {
    let task = |index| Task { recording: Some(Arc::clone(recording)), index, runtime: runtime.clone() };
    for index in recording.waiting() {
        runtime.spawn(task(index).run());
    }
    for index in (0..workers).map_while(|_| recording.next_ready()) {
        runtime.spawn(task(index).run());
    }
}

/// A recording task. A runtime that shuts down drops it instead of running it.
struct Task {
    recording: Option<Arc<Recording>>,
    index: usize,
    /// Where the next one is spawned.
    runtime: Handle,
}

impl Task {
    async fn run(mut self) {
        let Some(recording) = self.recording.clone() else { return };
        Arc::clone(&recording).run(self.index).await;
        self.recording = None; // it has ended by itself
        if let Some(index) = recording.next_ready() {
            let next = Self { recording: Some(recording), index, runtime: self.runtime.clone() };
            self.runtime.spawn(next.boxed());
        }
    }

    /// A future that contains its own kind needs a name.
    fn boxed(self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.run())
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.abandon();
        }
    }
}

impl Future for Submit {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.0.poll(cx, false, |recording, cx| recording.poll(cx))
    }
}

impl Drop for Submit {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl fmt::Debug for Submit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            Stage::Coming(_) | Stage::Declared(_) => "declared",
            Stage::Recording(_) => "recording",
            Stage::Done => "done",
        };
        f.debug_tuple("Submit").field(&state).finish()
    }
}
