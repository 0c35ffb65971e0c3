//! One submitted graph while it is recorded: by several tasks, into one commit.

mod answer;
mod start;
mod task;
mod work;

use std::{
    mem,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ash::vk;
use futures::FutureExt;

pub(super) use task::outcome;

use self::{
    answer::Answer,
    work::{Recorded, Task, Work},
};
use super::{
    counts::Counts,
    job::JobOwner,
    part::FramePart,
    passtimes::PassTimes,
    pool::Lease,
    retire::Submitted,
    stats::FrameStats,
    submitter::{Commit, Committed},
    timestamps::Timestamps,
    transients::TransientLease,
    word::Word,
};
use crate::{
    error::{Error, Result, guarded},
    gpu::{Gpu, QueueKind, Shared},
    graph::{compiled::Compiled, declare::Declared, state::Arrival},
    memory::PageLease,
    resource::Resource,
    sync::{Completion, prim::lock},
};

/// Whose drop may panic.
const UNUSED: &str = "what an unused pass captured";

/// What `submit` resolves to.
pub(crate) type Outcome = Result<Completion<Arc<FrameStats>>>;

/// A declared graph, not compiled yet.
pub(crate) struct Submission {
    pub(crate) gpu: Gpu,
    name: Arc<str>,
    /// Where an empty graph goes.
    queue: Option<QueueKind>,
    declared: Declared,
    pub(crate) frame: Option<FramePart>,
    is_of_kernels: bool,
}

impl Submission {
    pub(crate) fn new(gpu: Gpu, name: Arc<str>, queue: Option<QueueKind>, declared: Declared) -> Self {
        Self { gpu, name, queue, declared, frame: None, is_of_kernels: false }
    }

    /// Gathered by chance: its plan is kept apart from those of graphs, which come again.
    pub(crate) fn of_kernels(self) -> Self {
        Self { is_of_kernels: true, ..self }
    }
}

/// The shared state of a graph's recording tasks and of the future that waits for them.
pub(crate) struct Recording {
    shared: Arc<Shared>,
    /// The frame's number with its renderer.
    number: u64,
    span: tracing::Span,
    plan: Arc<Compiled>,
    /// Where the next recording of this plan finds what its passes cost.
    costs_kept: Arc<Mutex<Vec<u64>>>,
    slots: Arc<[Resource]>,
    timestamps: Option<Arc<Timestamps>>,
    pass_times: Option<PassTimes>,
    word: Word,
    /// Whether the commit waits to be asked for.
    hold: bool,
    /// Tasks that have not ended.
    remaining: AtomicUsize,
    tasks: Vec<Task>,
    /// Tasks that wait for no job, and how many of them were begun.
    ready: Vec<usize>,
    begun: AtomicUsize,
    in_place: bool,
    parts: Mutex<Parts>,
    answer: Answer,
    /// Where the renderer looks for failures that nobody awaited.
    unreported: Option<Arc<Mutex<Option<Error>>>>,
}

/// What the tasks bring together.
#[derive(Default)]
struct Parts {
    /// By task.
    recorded: Vec<Option<Recorded>>,
    leases: Vec<Lease>,
    /// What was written for shaders; on loan to tasks while they record.
    pages: Vec<PageLease>,
    jobs: Vec<JobOwner>,
    /// By entry of the plan: how its first command buffers take it to be entered.
    foreseen: Vec<Arrival>,
    /// Entries that read what nothing had written when recording began, and the passes that do.
    unwritten: Vec<(usize, Arc<str>)>,
    waits: Vec<(vk::Semaphore, u64)>,
    transients: Option<TransientLease>,
    frame: Option<FramePart>,
    error: Option<Error>,
}

impl Recording {
    /// Whether it is small enough, and waits for nothing, so that whoever polls may record it.
    pub(crate) fn is_in_place(&self) -> bool {
        self.in_place
    }

    pub(crate) fn tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Tasks that wait for a job.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = usize> {
        let mut ready = self.ready.iter().peekable();
        (0..self.tasks.len()).filter(move |task| ready.next_if_eq(&task).is_none())
    }

    /// The next of the others, given once.
    pub(crate) fn next_ready(&self) -> Option<usize> {
        self.ready.get(self.begun.fetch_add(1, Ordering::Relaxed)).copied()
    }

    /// Records one task's passes once the jobs that they wait for are done. The last task to end commits.
    pub(crate) async fn run(self: Arc<Self>, task: usize) {
        let work = self.tasks[task].take();
        let jobs = work.jobs_done().await;
        self.run_after(jobs, task, work);
    }

    /// As [`run`](Self::run), of a task whose jobs have ended, well or not.
    pub(crate) fn run_in_place(self: &Arc<Self>, task: usize) {
        let work = self.tasks[task].take();
        let jobs = work.jobs_done().now_or_never().unwrap_or(Err(Error::Cancelled));
        self.run_after(jobs, task, work);
    }

    fn run_after(self: &Arc<Self>, jobs: Result<()>, task: usize, work: Work) {
        match jobs {
            Ok(()) => self.run_now(task, work),
            Err(error) => {
                guarded(UNUSED, || drop(work));
                self.fail(error);
                self.end_task();
            }
        }
    }

    /// In one go, so that the pool it leases stays on one thread.
    fn run_now(self: &Arc<Self>, task: usize, work: Work) {
        if self.word.is_cancelled() {
            guarded(UNUSED, || drop(work));
        } else {
            // A pass's own panic is caught where its name is known; this is about subscribers and captured values.
            let result = guarded("recording", || self.record(task, work));
            match result.unwrap_or_else(|| Err(panicked_outside())) {
                Ok(recorded) => lock(&self.parts).recorded[task] = Some(recorded),
                Err(error) => self.fail(error),
            }
        }
        self.end_task();
    }

    /// A task that will never run, nor those that it would have spawned: its runtime is gone.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.fail(Error::RuntimeGone);
        while self.next_ready().is_some() {
            self.end_task();
        }
        self.end_task();
    }

    /// The first failure counts; it cancels, and so spares the other tasks. That a runtime is gone, or a job aborted, is no
    /// failure of a frame that was cancelled before.
    fn fail(&self, error: Error) {
        let mut parts = lock(&self.parts);
        let cancelled_before = !self.word.cancel();
        if !(cancelled_before && matches!(error, Error::RuntimeGone | Error::Cancelled)) {
            parts.error.get_or_insert(error);
        }
        let jobs = mem::take(&mut parts.jobs);
        drop(parts);
        guarded("a job", || drop(jobs)); // aborts them: tasks that wait for one end now
    }

    fn end_task(self: &Arc<Self>) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.conclude();
        }
    }

    /// Gives back what the tasks have not taken.
    fn drop_unused(&self) {
        for task in &self.tasks {
            guarded(UNUSED, || drop(task.take()));
        }
    }

    /// Nobody runs the rest of its tasks: it was cancelled while it was recorded in the polls of its future.
    pub(crate) fn discard(self: &Arc<Self>) {
        self.drop_unused();
        self.finish();
    }

    /// All tasks have ended: commits, or gives everything back.
    fn conclude(self: &Arc<Self>) {
        self.drop_unused();
        if self.hold && lock(&self.parts).error.is_none() && !self.word.is_cancelled() {
            self.answer.held();
        } else {
            self.finish();
        }
    }

    /// The commit that was held back.
    pub(crate) fn release(self: &Arc<Self>) {
        self.answer.released();
        self.finish();
    }

    fn finish(self: &Arc<Self>) {
        let mut parts = mem::take(&mut *lock(&self.parts));
        match parts.error.take() {
            Some(error) => {
                let frame = parts.frame.take();
                drop(parts);
                self.tell(Err(error), frame);
            }
            None if self.word.begin_commit() => self.commit(parts),
            None => {} // cancelled: pools, permit and slot go back with `parts`
        }
    }

    fn commit(self: &Arc<Self>, parts: Parts) {
        let Parts { recorded, leases, pages, jobs, foreseen, unwritten, waits, transients, mut frame, .. } = parts;
        jobs.into_iter().for_each(JobOwner::keep);
        let mut recorded: Vec<_> = recorded.into_iter().flatten().collect();
        let mut counts = Counts::default();
        recorded.iter().for_each(|recorded| counts += recorded.counts);
        let costs = self.costs(&recorded);
        let recording = Duration::from_nanos(costs.iter().sum());
        let kept = recorded.iter_mut().flat_map(|recorded| mem::take(&mut recorded.kept)).collect();
        *lock(&self.costs_kept) = costs;
        let slot = frame.as_mut().and_then(|frame| frame.lease.take()).map(Arc::new);
        let turns = frame.as_mut().map(|frame| frame.turns(slot.as_ref())).unwrap_or_default();
        let submitted = Submitted {
            value: Arc::new(OnceLock::new()),
            counts,
            submits: 0, // known when it is submitted
            recording,
            passes: self.plan.order.len() as u32,
            culled: self.plan.culled.len() as u32,
            tasks: recorded.len() as u32,
            timestamps: self.timestamps.clone(),
            pass_times: self.pass_times.clone(),
            leases,
            pages,
            transients,
            _slots: Arc::clone(&self.slots),
            _kept: kept,
            _layout: Some(Arc::clone(&self.shared.pipelines.layout)),
            _keep: Vec::new(),
            _frame: slot,
            span: self.span.clone(),
        };
        self.shared.submitter.commit(Commit {
            plan: Arc::clone(&self.plan),
            slots: Arc::clone(&self.slots),
            buffers: self.by_batch(recorded),
            waits,
            handover: None,
            foreseen,
            unwritten,
            is_upload: false,
            claim: None,
            submitted,
            turns,
            told: self.teller(frame),
        });
    }

    /// What each position of the plan took to record, in nanoseconds.
    fn costs(&self, recorded: &[Recorded]) -> Vec<u64> {
        let mut costs = vec![0; self.plan.order.len()];
        for &(position, cost) in recorded.iter().flat_map(|recorded| &recorded.costs) {
            costs[position] += cost;
        }
        costs
    }

    fn by_batch(&self, recorded: Vec<Recorded>) -> Vec<Vec<vk::CommandBuffer>> {
        let mut buffers = vec![Vec::new(); self.plan.batches.len()];
        for recorded in recorded {
            buffers[recorded.batch].extend(recorded.buffers);
        }
        buffers
    }

    /// A callback for the commit that outlives this borrow.
    fn teller(self: &Arc<Self>, frame: Option<FramePart>) -> super::submitter::Told {
        let this = Arc::clone(self);
        Box::new(move |outcome| this.tell(outcome, frame))
    }

    /// Answers the future; what nobody asks for any more goes to the renderer's next frame, if it is an error.
    fn tell(&self, outcome: Result<Committed>, frame: Option<FramePart>) {
        // Of a failed frame it is dropped last: who gets its slot must find the failure.
        let _frame = match (&outcome, frame) {
            (Ok(committed), Some(frame)) => {
                frame.submitted(committed);
                None
            }
            (_, frame) => frame,
        };
        if let Some(unheard) = self.answer.tell(outcome.map(|committed| committed.done)) {
            self.report_later(unheard);
        }
    }

    /// A failure that nobody awaited comes out of the renderer's next `frame()`.
    fn report_later(&self, outcome: Outcome) {
        match (outcome, &self.unreported) {
            // Whoever dropped the future and the runtime meant to.
            (Err(Error::RuntimeGone), _) => {}
            (Err(error), Some(unreported)) => {
                lock(unreported).get_or_insert(error);
            }
            _ => {}
        }
    }

    /// Takes the answer if it is there.
    pub(crate) fn poll(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Outcome> {
        self.answer.poll(cx)
    }

    /// Whether all is recorded and the commit held back; an error if that cannot be.
    pub(crate) fn poll_held(&self, cx: &mut std::task::Context<'_>) -> std::task::Poll<Result<()>> {
        self.answer.poll_held(cx)
    }

    /// The future is dropped: cancels, or lets the frame go out whole.
    pub(crate) fn cancel(self: &Arc<Self>) {
        if self.word.cancel() {
            let jobs = mem::take(&mut lock(&self.parts).jobs);
            guarded("a job", || drop(jobs));
        }
        match self.answer.take() {
            answer::Taken::Held => self.finish(),
            answer::Taken::Ready(outcome) => self.report_later(outcome),
            answer::Taken::Nothing => {}
        }
    }
}

fn panicked_outside() -> Error {
    let message = "outside of its closure; the log says where".to_owned();
    Error::RecordPanicked { pass: "?".to_owned(), message }
}
