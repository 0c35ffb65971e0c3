//! Declaring a pass: what it touches, what it comes after, and the closure that records it.

use std::{ops::Range, sync::Arc};

use super::{
    Graph,
    declare::{Body, NewPass, Parallel},
    manual::PassBarrier,
    uses::Uses,
};
use crate::{
    error::Error,
    exec::{Encoder, Job, JobUse, Opened, Recorded, Share},
    gpu::QueueKind,
    resource::{Attachment, CopySide, Use},
};

/// A pass of a graph, to come [`after`](Pass::after) or to record into with [`Graph::with_encoder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PassId {
    pub(crate) graph: u64,
    pub(crate) index: usize,
}

mod sealed {
    /// What a pass may come after.
    pub enum Before {
        Pass(super::PassId),
        Job(super::JobUse),
    }

    pub trait After {
        fn into_before(self) -> Before;
    }
}
use sealed::Before;

/// What [`Pass::after`] takes: a [`PassId`] or a reference to a [`Job`].
pub trait After: sealed::After {}

impl sealed::After for PassId {
    fn into_before(self) -> Before {
        Before::Pass(self)
    }
}

impl<T: Send + Sync + 'static> sealed::After for &Job<T> {
    fn into_before(self) -> Before {
        Before::Job(self.user())
    }
}

impl After for PassId {}
impl<T: Send + Sync + 'static> After for &Job<T> {}

/// A pass being declared; [`record`](Self::record) and its like add it to its graph.
///
/// A mistake in a declaration is kept and comes out of `submit`, so that chains stay short.
#[must_use = "a pass is added to the graph by `.record(..)`"]
pub struct Pass<'g> {
    graph: &'g Graph,
    pass: NewPass,
    error: Option<Error>,
}

impl<'g> Pass<'g> {
    pub(crate) fn new(graph: &'g Graph, name: &str, queue: Option<QueueKind>) -> Self {
        let uses = Uses::default();
        let (after, jobs) = (Vec::new(), Vec::new());
        let pass = NewPass { name: name.into(), uses, queue, keep: false, after, jobs, manual: None };
        Self { graph, pass, error: None }
    }

    /// For a system to declare into.
    pub(crate) fn uses(&mut self) -> &mut Uses {
        &mut self.pass.uses
    }

    /// See [`Uses::reads`].
    pub fn reads(mut self, resource: impl Into<Use>) -> Self {
        self.pass.uses.reads(resource);
        self
    }

    /// See [`Uses::writes`].
    pub fn writes(mut self, resource: impl Into<Use>) -> Self {
        self.pass.uses.writes(resource);
        self
    }

    /// See [`Uses::writes_concurrently`].
    pub fn writes_concurrently(mut self, resource: impl Into<Use>) -> Self {
        self.pass.uses.writes_concurrently(resource);
        self
    }

    /// See [`Uses::copies`].
    pub fn copies(mut self, from: impl CopySide, to: impl CopySide) -> Self {
        self.pass.uses.copies(from, to);
        self
    }

    /// See [`Uses::renders`].
    pub fn renders(mut self, target: impl Into<Attachment>) -> Self {
        self.pass.uses.renders(target);
        self
    }

    /// See [`Uses::depth`].
    pub fn depth(mut self, target: impl Into<Attachment>) -> Self {
        self.pass.uses.depth(target);
        self
    }

    /// The queue to run on. Not said, the planner chooses: the graphics queue for what renders, else the queue of the
    /// passes that it takes its data from or gives it to. Where the device has no such queue of its own, it is the
    /// graphics queue.
    pub fn queue(mut self, queue: QueueKind) -> Self {
        self.pass.queue = Some(queue);
        self
    }

    /// Comes after a pass, seeing all that it wrote, or after a job, whose value it may then look at with
    /// [`Encoder::output`].
    ///
    /// Passes that touch the same resources are ordered by that already.
    pub fn after(mut self, before: impl After) -> Self {
        match before.into_before() {
            Before::Job(job) => self.pass.jobs.push(job),
            Before::Pass(pass) if pass.graph == self.graph.id() => self.pass.after.push(pass.index),
            Before::Pass(_) => {
                let name = &self.pass.name;
                let message = format!("pass `{name}` is said to come after a pass of another graph; await that graph");
                self.error.get_or_insert(Error::Graph(message));
            }
        }
        self
    }

    /// Has an effect that nobody declares to read: the pass is never culled.
    pub fn keep(mut self) -> Self {
        self.pass.keep = true;
        self
    }

    /// Leaves to the caller what this pass waits for inside its graph: the plan puts no barrier before it for its own sake, and
    /// these are recorded instead, in one call, before the pass and before its rendering begins. Declarations stay as they
    /// are; order, waves and what comes after the pass follow from them.
    ///
    /// What the pass's resources were used for before the graph, what comes from another queue, and where the memory of a
    /// transient comes from stays the plan's. Which barriers are needed, [`Graph::hints`] says, and [`Graph::barriers_for`]
    /// gives. With [`checks`](crate::GpuOptions::checks), one that is missing is an error that says what to add.
    ///
    /// ```no_run
    /// use vulkio::{GpuBuffer, Graph, PassBarrier, ash::vk::{AccessFlags2, PipelineStageFlags2}};
    ///
    /// # fn example(graph: Graph, source: GpuBuffer<u32>, middle: GpuBuffer<u32>, end: GpuBuffer<u32>) {
    /// let (from, to) = (source.clone(), middle.clone());
    /// graph.pass("first").copies(&source, &middle).record(move |cmd| _ = cmd.copy(&from, 0..64, &to, 0));
    /// let copies = PipelineStageFlags2::ALL_TRANSFER;
    /// let barrier = PassBarrier::memory((copies, AccessFlags2::TRANSFER_WRITE), (copies, AccessFlags2::TRANSFER_READ));
    /// let second = graph.pass("second").copies(&middle, &end);
    /// // SAFETY: the barrier stands between the write of `middle` and its read.
    /// unsafe { second.manual([barrier]) }.record(move |cmd| _ = cmd.copy(&middle, 0..64, &end, 0));
    /// # }
    /// ```
    ///
    /// # Safety
    ///
    /// The barriers order this pass after those before it in the graph that touch the same, make what these wrote visible to
    /// it and to those that read beside it, and leave images in the layouts that it declares. They name images in the
    /// layouts that they are in.
    pub unsafe fn manual(mut self, barriers: impl IntoIterator<Item = PassBarrier>) -> Self {
        self.pass.manual = Some(barriers.into_iter().collect());
        self
    }

    /// Adds the pass. `record` is called once, on some thread, when the graph was submitted; it may return `()` or
    /// `Result<()>`. A panic in it fails this graph only.
    ///
    /// It is not called for a pass that is culled: one that writes only transients that no other pass reads.
    ///
    /// The encoder cannot leave the closure, nor be held across an `.await`:
    ///
    /// ```compile_fail
    /// # fn example(graph: &vulkio::Graph) {
    /// let mut stolen = None;
    /// graph.pass("thief").record(|cmd| stolen = Some(cmd));
    /// # }
    /// ```
    pub fn record<R: Recorded>(self, record: impl FnOnce(&mut Encoder<'_>) -> R + Send + 'static) -> PassId {
        self.add(|_| Body::Once(Box::new(move |cmd| record(cmd).into_result())))
    }

    /// Adds the pass, to be recorded on several workers: `record` is called with ranges that cover `0..items` once, at the
    /// same time, each with an encoder of its own. Their commands run in the order of the ranges.
    ///
    /// State is not carried from one call to the next: each binds what it needs.
    pub fn parallel<R: Recorded>(
        self,
        items: usize,
        record: impl Fn(&mut Encoder<'_>, Range<usize>) -> R + Send + Sync + 'static,
    ) -> PassId {
        let share = move |cmd: &mut Encoder<'_>, share: Share| record(cmd, share.range(items)).into_result();
        self.add(move |_| Body::Parallel(Parallel { items: Some(items), record: Box::new(share) }))
    }

    /// As [`parallel`](Self::parallel), over what a job gives: `items` says how many there are in its value.
    pub fn parallel_from<T: Send + Sync + 'static, R: Recorded>(
        mut self,
        job: &Job<T>,
        items: impl Fn(&T) -> usize + Send + Sync + 'static,
        record: impl Fn(&mut Encoder<'_>, &T, Range<usize>) -> R + Send + Sync + 'static,
    ) -> PassId {
        self = self.after(job);
        let job = job.clone();
        let share = move |cmd: &mut Encoder<'_>, share: Share| {
            let value = cmd.output(&job)?;
            let range = share.range(items(value));
            record(cmd, value, range).into_result()
        };
        self.add(move |_| Body::Parallel(Parallel { items: None, record: Box::new(share) }))
    }

    /// Adds the pass, to be recorded with [`Graph::with_encoder`] before the graph is submitted. It runs on the graphics
    /// queue unless another one was said.
    ///
    /// It can use neither transients nor the outputs of jobs, which are there only when the graph is recorded: saying so is
    /// an error.
    pub fn open(mut self) -> PassId {
        if !self.pass.jobs.is_empty() || self.pass.uses.has_transients() {
            let name = &self.pass.name;
            let message = format!(
                "pass `{name}` is open and uses a transient, or comes after a job; neither is there before the graph is recorded: \
                 give it a closure with `.record(..)`"
            );
            self.error.get_or_insert(Error::Graph(message));
        }
        let queue = *self.pass.queue.get_or_insert(QueueKind::Graphics);
        self.add(|opened| Body::Opened(Arc::new(Opened::new(opened, queue))))
    }

    fn add(self, body: impl FnOnce(super::declare::Opening<'_>) -> Body) -> PassId {
        self.graph.add_pass(self.pass, self.error, body)
    }
}
