//! Graphs of passes: declared by their reads and writes, compiled into a plan, executed as tokio tasks.

pub(crate) mod cache;
mod checks;
#[allow(dead_code, reason = "GLUE")]
pub(crate) mod compiled;
pub(crate) mod declare;
pub(crate) mod ir;
pub(crate) mod phase;
pub(crate) mod plan;
mod slots;
pub(crate) mod state;
mod system;
pub(crate) mod uses;

use std::{fmt, sync::Arc};

use ash::vk;

pub use declare::Pass;
use declare::{Declared, Sizes};
use plan::Plan;
pub use plan::PlanStats;
pub use system::{System, Systems};
pub use uses::Uses;

use crate::{
    error::Result,
    exec::{RecordFn, Submission, Submit},
    gpu::{Gpu, QueueKind},
    sync::prim::lock,
};

/// Passes to run on the GPU together: declared in any order that reads naturally, run in the order that their reads
/// and writes demand.
///
/// A [`Frame`](crate::Frame) is a graph with a target image; a `Graph` by itself serves compute and copies.
///
/// ```no_run
/// # use vulkio::{ComputePipeline, Gpu, GpuBuffer, Graph};
/// # async fn example(gpu: Gpu, kernel: ComputePipeline, data: GpuBuffer<f32>) -> vulkio::Result<()> {
/// let graph = Graph::new(&gpu, "double");
/// let address = data.address();
/// graph.pass("double").writes(&data).record(move |cmd| {
///     cmd.bind(&kernel).push(&address).dispatch([16, 1, 1]);
/// });
/// graph.submit().await?.await?;
/// # Ok(()) }
/// ```
#[must_use = "a graph runs when it is submitted and the future of that awaited"]
pub struct Graph {
    gpu: Gpu,
    name: Arc<str>,
    queue: QueueKind,
    declared: std::sync::Mutex<Declared>,
}

impl Graph {
    /// An empty graph for the graphics queue, which can do everything.
    pub fn new(gpu: &Gpu, name: &str) -> Self {
        Self::on(gpu, name, QueueKind::Graphics)
    }

    /// An empty graph for a queue: one that can do what its passes ask of it. Where the device has no such queue of
    /// its own, it is the graphics queue.
    pub fn on(gpu: &Gpu, name: &str, queue: QueueKind) -> Self {
        Self { gpu: gpu.clone(), name: name.into(), queue, declared: std::sync::Mutex::default() }
    }

    /// An empty graph for a frame, with room for what the frame before it declared.
    pub(crate) fn of_frame(gpu: &Gpu, name: Arc<str>, sizes: Sizes) -> Self {
        let declared = std::sync::Mutex::new(Declared::with_capacity(sizes));
        Self { gpu: gpu.clone(), name, queue: QueueKind::Graphics, declared }
    }

    /// Begins to declare a pass.
    pub fn pass(&self, name: &str) -> Pass<'_> {
        Pass::new(self, name)
    }

    /// Adds a [`System`], or a tuple of systems in order.
    pub fn add(&self, systems: impl Systems) {
        systems.add_to(self);
    }

    /// Makes the graph wait, on the GPU, until the caller's timeline semaphore reaches `value`.
    ///
    /// # Safety
    ///
    /// `semaphore` is a timeline semaphore of this device, stays alive until the graph has completed, and is going to
    /// reach `value`: until then the graph, and all that depends on it, does not complete.
    pub unsafe fn wait_for_raw(&self, semaphore: vk::Semaphore, value: u64) {
        lock(&self.declared).waits.push((semaphore, value));
    }

    /// Figures of the plan that the graph as declared so far compiles to. Needs no GPU work.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn plan_stats(&self) -> Result<PlanStats> {
        let declared = lock(&self.declared);
        match &declared.error {
            Some(error) => Err(error.clone()),
            None => Ok(Plan::compile(&declared.structure).stats()),
        }
    }

    /// Records the passes and submits them.
    ///
    /// The future is lazy: nothing is recorded until it is polled. It resolves when the work is submitted, to the
    /// [`Completion`](crate::Completion) of the work on the GPU. Passes are recorded on the tokio runtime that the
    /// future is polled on; a small graph, and any on another executor, in its poll.
    ///
    /// # Errors
    ///
    /// What was wrong with the declarations, what a pass returned or panicked with, or what the driver refused. The
    /// GPU has done nothing then.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the last pass is recorded, nothing is submitted; after that, the whole graph is.
    pub fn submit(self) -> Submit {
        let submission = self.into_submission();
        Submit::new(submission)
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub(crate) fn add_pass(&self, name: Arc<str>, uses: Uses, record: RecordFn) {
        lock(&self.declared).add(&self.gpu.shared.device, self.queue, name, uses, record);
    }

    pub(crate) fn into_submission(self) -> Result<Submission> {
        let mut declared = self.declared.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        match declared.error.take().or_else(|| self.gpu.refusal()) {
            Some(error) => Err(error),
            None => Ok(Submission::new(self.gpu, self.name, self.queue, declared)),
        }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let declared = lock(&self.declared);
        let passes: Vec<_> = declared.passes.iter().map(|pass| &*pass.name).collect();
        f.debug_struct("Graph").field("name", &self.name).field("queue", &self.queue).field("passes", &passes).finish()
    }
}
