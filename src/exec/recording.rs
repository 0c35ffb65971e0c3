//! One submitted graph while it is recorded: by several tasks, into one commit.

use std::{
    mem,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ash::vk;
use futures::task::AtomicWaker;

use super::{
    barrier,
    chunks::{self, Cost, IN_PLACE_BELOW},
    counts::Counts,
    encoder::{Encoder, Inputs},
    entry,
    part::FramePart,
    pool::Lease,
    rendering,
    retire::Submitted,
    stats::FrameStats,
    submitter::Commit,
    timestamps::Timestamps,
    word::Word,
};
use crate::{
    error::{During, Error, Result, guarded, panic_message},
    gpu::{Gpu, QueueId, QueueKind, Shared},
    graph::{
        declare::{Declared, PassBody},
        plan::Plan,
        state::Arrival,
    },
    pipeline::PipelineInner,
    resource::Resource,
    sync::{Completion, prim::lock},
};

/// A recording task that takes longer holds a worker up, and everything that runs on it.
const SLOW_PASS: Duration = Duration::from_millis(1);

/// Whose drop may panic.
const UNUSED: &str = "what an unused pass captured";

/// What `submit` resolves to.
pub(crate) type Outcome = Result<Completion<Arc<FrameStats>>>;

/// A declared graph, not compiled yet.
pub(crate) struct Submission {
    pub(crate) gpu: Gpu,
    name: Arc<str>,
    queue: QueueKind,
    declared: Declared,
    pub(crate) frame: Option<FramePart>,
}

impl Submission {
    pub(crate) fn new(gpu: Gpu, name: Arc<str>, queue: QueueKind, declared: Declared) -> Self {
        Self { gpu, name, queue, declared, frame: None }
    }
}

/// The shared state of a graph's recording tasks and of the future that waits for them.
pub(crate) struct Recording {
    shared: Arc<Shared>,
    queue: QueueId,
    kind: QueueKind,
    span: tracing::Span,
    plan: Arc<Plan>,
    slots: Arc<[Resource]>,
    timestamps: Option<Arc<Timestamps>>,
    word: Word,
    /// Tasks that have not ended.
    remaining: AtomicUsize,
    chunks: Vec<Chunk>,
    pub(crate) in_place: bool,
    parts: Mutex<Parts>,
    answer: Mutex<Answer>,
    waker: AtomicWaker,
    /// Where the renderer looks for failures that nobody awaited.
    unreported: Option<Arc<Mutex<Option<Error>>>>,
}

/// A recording task's share: positions of the plan, and the passes there.
struct Chunk {
    range: Range<usize>,
    passes: Mutex<Vec<PassBody>>,
}

/// What the tasks bring together.
#[derive(Default)]
struct Parts {
    /// By chunk.
    recorded: Vec<Option<Recorded>>,
    leases: Vec<Lease>,
    /// How the first command buffer takes the plan to be entered.
    foreseen: Vec<Arrival>,
    waits: Vec<(vk::Semaphore, u64)>,
    frame: Option<FramePart>,
    error: Option<Error>,
}

/// What one task recorded.
struct Recorded {
    buffer: vk::CommandBuffer,
    counts: Counts,
    pipelines: Vec<Arc<PipelineInner>>,
    /// Nanoseconds by pass.
    costs: Vec<u64>,
}

enum Answer {
    Pending,
    Ready(Box<Outcome>),
    /// The future is gone, or has answered.
    Taken,
}

fn in_plan_order(plan: &Plan, passes: Vec<PassBody>) -> Vec<PassBody> {
    if plan.as_declared {
        return passes;
    }
    let mut passes: Vec<_> = passes.into_iter().map(Some).collect();
    plan.order.iter().filter_map(|&pass| passes[pass].take()).collect()
}

fn panicked_outside() -> Error {
    let message = "outside of its closure; the log says where".to_owned();
    Error::RecordPanicked { pass: "?".to_owned(), message }
}

impl Recording {
    /// Compiles the graph and cuts it for at most `workers` tasks.
    pub(crate) fn start(submission: Submission, workers: usize) -> Arc<Self> {
        let Submission { gpu, name, queue, declared, frame } = submission;
        let plan = match &frame {
            Some(frame) => {
                *lock(&frame.sizes) = declared.sizes();
                frame.plans.get(declared.structure)
            }
            None => Arc::new(Plan::compile(&declared.structure)),
        };
        let cut = match &frame {
            Some(frame) => {
                let costs = lock(&frame.costs);
                chunks::cut(plan.order.len(), Cost::LastTime(&costs), workers, frame.runtime.in_place_below)
            }
            None => chunks::cut(plan.order.len(), Cost::Guess, workers, IN_PLACE_BELOW),
        };
        let mut passes = in_plan_order(&plan, declared.passes);
        // From the back, so that each chunk takes what is left of the vector's end.
        let mut chunks: Vec<_> = cut
            .ranges
            .into_iter()
            .rev()
            .map(|range| Chunk { passes: Mutex::new(passes.split_off(range.start)), range })
            .collect();
        chunks.reverse();
        let shared = Arc::clone(&gpu.shared);
        let parts =
            Parts { recorded: chunks.iter().map(|_| None).collect(), waits: declared.waits, frame, ..Parts::default() };
        Arc::new(Self {
            queue: shared.device.queues.id(queue),
            kind: queue,
            span: tracing::debug_span!("frame", name = &*name),
            unreported: parts.frame.as_ref().map(|frame| Arc::clone(&frame.unreported)),
            timestamps: parts.frame.as_ref().and_then(FramePart::timestamps),
            plan,
            slots: declared.slots.into_resources().into(),
            word: Word::recording(),
            remaining: AtomicUsize::new(chunks.len()),
            chunks,
            in_place: cut.in_place,
            parts: Mutex::new(parts),
            answer: Mutex::new(Answer::Pending),
            waker: AtomicWaker::new(),
            shared,
        })
    }

    pub(crate) fn tasks(&self) -> usize {
        self.chunks.len()
    }

    /// Records one task's passes, in one go. The last task to end commits.
    pub(crate) fn run(self: &Arc<Self>, task: usize) {
        if !self.word.is_cancelled() {
            // A pass's own panic is caught where its name is known; this is about subscribers and captured values.
            let result = guarded("recording", || self.record(task));
            match result.unwrap_or_else(|| Err(panicked_outside())) {
                Ok(recorded) => lock(&self.parts).recorded[task] = Some(recorded),
                Err(error) => self.fail(error),
            }
        }
        self.end_task();
    }

    /// A task that will never run: its runtime is gone.
    pub(crate) fn abandon(self: &Arc<Self>) {
        self.fail(Error::RuntimeGone);
        self.end_task();
    }

    /// The first failure counts; it cancels, and so spares the other tasks. A runtime that is gone is no failure of a
    /// frame that was cancelled before.
    fn fail(&self, error: Error) {
        let mut parts = lock(&self.parts);
        let cancelled_before = !self.word.cancel();
        if !(cancelled_before && matches!(error, Error::RuntimeGone)) {
            parts.error.get_or_insert(error);
        }
    }

    fn end_task(self: &Arc<Self>) {
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.conclude();
        }
    }

    /// All tasks have ended: commits, or gives everything back.
    fn conclude(self: &Arc<Self>) {
        let mut parts = mem::take(&mut *lock(&self.parts));
        for chunk in &self.chunks {
            let unused = mem::take(&mut *lock(&chunk.passes));
            guarded(UNUSED, || drop(unused));
        }
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
        let mut recorded: Vec<_> = parts.recorded.into_iter().flatten().collect();
        let mut counts = Counts::default();
        recorded.iter().for_each(|recorded| counts += recorded.counts);
        let costs: Vec<_> = recorded.iter().flat_map(|recorded| recorded.costs.iter().copied()).collect();
        let recording = Duration::from_nanos(costs.iter().sum());
        let passes = costs.len() as u32;
        let pipelines = recorded.iter_mut().flat_map(|recorded| mem::take(&mut recorded.pipelines)).collect();
        let mut frame = parts.frame;
        let slot = frame.as_mut().and_then(|frame| {
            *lock(&frame.costs) = costs;
            frame.lease.take()
        });
        let submitted = Submitted {
            value: Arc::new(OnceLock::new()),
            counts,
            submits: 0, // known when it is submitted
            recording,
            passes,
            tasks: recorded.len() as u32,
            timestamps: self.timestamps.clone(),
            leases: parts.leases,
            _slots: Arc::clone(&self.slots),
            _pipelines: pipelines,
            _layout: Arc::clone(&self.shared.pipelines.layout),
            _frame: slot,
            span: self.span.clone(),
        };
        self.shared.submitter.commit(Commit {
            queue: self.queue,
            plan: Arc::clone(&self.plan),
            slots: Arc::clone(&self.slots),
            buffers: recorded.iter().map(|recorded| recorded.buffer).collect(),
            waits: parts.waits,
            foreseen: parts.foreseen,
            submitted,
            told: self.teller(frame),
        });
    }
}

impl Recording {
    /// Records the passes of a task into one command buffer.
    fn record(&self, task: usize) -> Result<Recorded> {
        let chunk = &self.chunks[task];
        let passes = mem::take(&mut *lock(&chunk.passes));
        let mut lease = self.lease()?;
        let result = self.record_into(&mut lease, task, &chunk.range, passes);
        lock(&self.parts).leases.push(lease);
        result
    }

    /// This thread's pool for this frame.
    fn lease(&self) -> Result<Lease> {
        let mut parts = lock(&self.parts);
        let own = parts.leases.iter().position(Lease::is_mine).map(|index| parts.leases.swap_remove(index));
        drop(parts);
        match own {
            Some(lease) => Ok(lease),
            None => self.shared.pools.lease(self.shared.device.queues.get(self.queue).family),
        }
    }

    fn record_into(
        &self,
        lease: &mut Lease,
        task: usize,
        range: &Range<usize>,
        passes: Vec<PassBody>,
    ) -> Result<Recorded> {
        let device = &self.shared.device;
        let buffer = lease.begin()?;
        let mut recorded = Recorded {
            buffer,
            counts: Counts::default(),
            pipelines: Vec::new(),
            costs: Vec::with_capacity(passes.len()),
        };
        if task == 0 {
            self.record_entry(&mut recorded);
        }
        let result = self.record_passes(range, passes, &mut recorded);
        // Counted at the calls, so also for a recording that failed.
        recorded.counts.book(&device.counters);
        result?;
        if let (Some(timestamps), true) = (&self.timestamps, task + 1 == self.chunks.len()) {
            timestamps.end(buffer);
        }
        // SAFETY: the buffer was begun above, and rendering that a pass began was ended.
        unsafe { device.raw.end_command_buffer(buffer) }.during("vkEndCommandBuffer")?;
        Ok(recorded)
    }

    /// The first command buffer's head.
    fn record_entry(&self, recorded: &mut Recorded) {
        if let Some(timestamps) = &self.timestamps {
            timestamps.begin(recorded.buffer);
        }
        let foreseen = entry::arrivals(&self.plan, &self.slots, self.queue);
        let barrier = entry::barrier(&self.plan, &foreseen);
        if !barrier.is_empty() {
            barrier::record(&self.shared.device, recorded.buffer, &barrier, &self.slots, &mut recorded.counts);
        }
        lock(&self.parts).foreseen = foreseen;
    }

    fn record_passes(&self, range: &Range<usize>, passes: Vec<PassBody>, recorded: &mut Recorded) -> Result<()> {
        let mut before = Instant::now();
        let mut passes = passes.into_iter();
        for (position, pass) in range.clone().zip(passes.by_ref()) {
            if let Some(wave) = self.plan.before[position] {
                let barrier = &self.plan.barriers[wave];
                barrier::record(&self.shared.device, recorded.buffer, barrier, &self.slots, &mut recorded.counts);
            }
            let name = Arc::clone(&pass.name);
            if let Err(error) = self.record_pass(pass, recorded) {
                guarded(UNUSED, || drop(passes));
                return Err(error);
            }
            let now = Instant::now();
            let cost = now - mem::replace(&mut before, now);
            recorded.costs.push(cost.as_nanos() as u64);
            if cost > SLOW_PASS {
                let advice = "recording held a worker up; split the pass, or move work into a task";
                tracing::warn!(pass = &*name, ?cost, "{advice}");
            }
        }
        Ok(())
    }

    fn record_pass(&self, pass: PassBody, recorded: &mut Recorded) -> Result<()> {
        let device = &self.shared.device;
        let PassBody { name, declared, rendering, record } = pass;
        let _span = tracing::trace_span!(parent: &self.span, "pass", name = &*name).entered();
        device.labels.begin(recorded.buffer, &name);
        let layout = self.shared.pipelines.layout.raw;
        let cmd = recorded.buffer;
        let mut encoder = Encoder::new(Inputs {
            device,
            layout,
            queue: self.kind,
            cmd,
            declared: &declared,
            rendering: &rendering,
            keep: &mut recorded.pipelines,
            counts: &mut recorded.counts,
        });
        if !rendering.is_empty() {
            // GLUE: the pass's label stays open if this fails, in a command buffer that is thrown away.
            rendering::begin(device, cmd, &rendering, vk::RenderingFlags::empty())?;
            let extent = rendering.extent();
            encoder.set_viewport([0, 0], [extent.width, extent.height]);
        }
        let returned = catch_unwind(AssertUnwindSafe(|| record(&mut encoder)));
        let stuck = encoder.finish();
        if !rendering.is_empty() {
            rendering::end(device, recorded.buffer);
        }
        device.labels.end(recorded.buffer);
        let fail = |source: Error| Error::Record { pass: name.to_string(), source: Box::new(source) };
        match returned {
            Ok(result) => result.and(stuck).map_err(fail),
            Err(payload) => {
                let message = panic_message(&*payload);
                guarded("a panic's payload", || drop(payload));
                Err(Error::RecordPanicked { pass: name.to_string(), message })
            }
        }
    }
}

impl Recording {
    /// A callback for the commit that outlives this borrow.
    fn teller(self: &Arc<Self>, frame: Option<FramePart>) -> super::submitter::Told {
        let this = Arc::clone(self);
        Box::new(move |outcome| this.tell(outcome, frame))
    }

    /// Answers the future; what nobody asks for any more goes to the renderer's next frame, if it is an error.
    fn tell(&self, outcome: Outcome, frame: Option<FramePart>) {
        // Of a failed frame it is dropped last: who gets its slot must find the failure.
        let _frame = match (&outcome, frame) {
            (Ok(completion), Some(frame)) => {
                frame.submitted(completion);
                None
            }
            (_, frame) => frame,
        };
        let mut answer = lock(&self.answer);
        if matches!(*answer, Answer::Pending) {
            *answer = Answer::Ready(Box::new(outcome));
            drop(answer);
            self.waker.wake();
        } else {
            self.report_later(outcome);
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
        self.waker.register(cx.waker());
        let mut answer = lock(&self.answer);
        match mem::replace(&mut *answer, Answer::Taken) {
            Answer::Ready(outcome) => std::task::Poll::Ready(*outcome),
            Answer::Pending => {
                *answer = Answer::Pending;
                std::task::Poll::Pending
            }
            Answer::Taken => std::task::Poll::Ready(Err(Error::Cancelled)),
        }
    }

    /// The future is dropped: cancels, or lets the frame go out whole.
    pub(crate) fn cancel(&self) {
        self.word.cancel();
        let answer = mem::replace(&mut *lock(&self.answer), Answer::Taken);
        if let Answer::Ready(outcome) = answer {
            self.report_later(*outcome);
        }
    }
}
