//! Graphs of passes and jobs: declared by what they read and write, compiled into a plan, executed as tokio tasks.

pub(crate) mod cache;
mod checks;
pub(crate) mod compiled;
pub(crate) mod declare;
pub(crate) mod dump;
pub(crate) mod hints;
pub(crate) mod ir;
pub(crate) mod manual;
mod mips;
mod pass;
pub(crate) mod phase;
pub(crate) mod slots;
pub(crate) mod state;
mod system;
pub(crate) mod uses;

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ash::vk;
use bytemuck::Pod;
use tokio::runtime::Handle;

use cache::PlanCache;
use compiled::Compiled;
pub use compiled::PlanStats;
use declare::{Body, Declared, NewPass, Opening, PassBody, Sizes};
pub use dump::Plan;
pub use hints::{Hints, Outline};
pub use manual::PassBarrier;
pub use pass::{After, Pass, PassId};
pub use system::{System, Systems};
pub use uses::Uses;

use crate::{
    error::{Error, Result},
    exec::{Encoder, Finalize, Job, JobOwner, Opened, Shown, Submission, Submit, launch_job, spawn_job, try_spawn_job},
    gpu::{Gpu, QueueKind},
    memory::PageLease,
    resource::{GpuImage, ImageDesc, ImageRole, Resource, TransientBuffer},
    sync::prim::lock,
};

/// Passes to run on the GPU together, and jobs to run beside them on the CPU: the order of passes, and the barriers
/// between them, follow from what they declare to read and write.
///
/// Of two passes that touch the same resource, one of them writing, the one that was declared first comes first.
/// [`any_order`](Self::any_order) frees a graph from that.
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
    id: u64,
    /// Where passes go that do not say.
    queue: Option<QueueKind>,
    /// Where jobs run; by default on the runtime that they are made on.
    runtime: Option<Handle>,
    declared: std::sync::Mutex<Declared>,
}

impl Graph {
    /// An empty graph. Which queues its passes go to, they say, or the planner chooses.
    pub fn new(gpu: &Gpu, name: &str) -> Self {
        Self::with(gpu, name.into(), None, None, Declared::default())
    }

    /// An empty graph whose passes go to one queue unless they say otherwise: one that can do what they ask of it. Where
    /// the device has no such queue of its own, it is the graphics queue.
    pub fn on(gpu: &Gpu, name: &str, queue: QueueKind) -> Self {
        Self::with(gpu, name.into(), Some(queue), None, Declared::default())
    }

    /// An empty graph for a frame, with room for what the frame before it declared.
    pub(crate) fn of_frame(gpu: &Gpu, name: Arc<str>, runtime: Option<Handle>, sizes: Sizes) -> Self {
        Self::with(gpu, name, None, runtime, Declared::with_capacity(sizes))
    }

    fn with(gpu: &Gpu, name: Arc<str>, queue: Option<QueueKind>, runtime: Option<Handle>, declared: Declared) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { gpu: gpu.clone(), name, id, queue, runtime, declared: std::sync::Mutex::new(declared) }
    }

    /// Begins to declare a pass.
    pub fn pass(&self, name: &str) -> Pass<'_> {
        Pass::new(self, name, self.queue)
    }

    /// Adds a [`System`], or a tuple of systems in order.
    pub fn add(&self, systems: impl Systems) {
        systems.add_to(self);
    }

    /// Starts a job: a future that runs on the runtime from now on, beside everything else. Passes that come
    /// [`after`](Pass::after) it are recorded when it is done, and may look at its value.
    ///
    /// It runs on the frame's own runtime where that was set, else on the one that this is called on. If there is none,
    /// the job has failed with [`Error::RuntimeGone`], and what comes after it fails with that.
    ///
    /// A graph that is dropped, or that cannot be recorded, aborts its jobs; once it is recorded they run to their end.
    ///
    /// # Panics
    ///
    /// Not here: if the future panics, passes after it fail with [`Error::JobPanicked`].
    pub fn job<F>(&self, name: &str, job: F) -> Job<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + Sync + 'static,
    {
        self.own(spawn_job(self.job_runtime().as_ref(), name.into(), job))
    }

    /// As [`job`](Self::job), for a future that can fail: passes after it then fail with [`Error::JobFailed`].
    pub fn try_job<F, T, E>(&self, name: &str, job: F) -> Job<T>
    where
        F: Future<Output = std::result::Result<T, E>> + Send + 'static,
        T: Send + Sync + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        self.own(try_spawn_job(self.job_runtime().as_ref(), name.into(), job))
    }

    /// A job of a system, whose error is the job's own.
    pub(crate) fn launch(&self, name: Arc<str>, job: impl Future<Output = Result<()>> + Send + 'static) -> Job<()> {
        self.own(launch_job(self.job_runtime().as_ref(), name, job))
    }

    fn job_runtime(&self) -> Option<Handle> {
        self.runtime.clone().or_else(|| Handle::try_current().ok())
    }

    fn own<T>(&self, (job, owner): (Job<T>, JobOwner)) -> Job<T> {
        lock(&self.declared).jobs.push(owner);
        job
    }

    /// A buffer of `len` elements that lives inside this graph: its passes write it first and read it then. Its memory
    /// comes from a pool, and is shared with other transients whose time does not overlap.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `len` is 0 or `T` has no size.
    pub fn buffer<T: Pod>(&self, name: &str, len: usize) -> Result<TransientBuffer<T>> {
        TransientBuffer::new(&self.gpu.shared.device, name, len, self.id)
    }

    /// An image of `[width, height]` texels that lives inside this graph, as [`buffer`](Self::buffer).
    ///
    /// # Errors
    ///
    /// As [`Gpu::image`].
    pub fn image<R: ImageRole>(&self, name: &str, size: [u32; 2]) -> Result<GpuImage<R>> {
        GpuImage::transient(&self.gpu.shared.device, name, ImageDesc::new(size), self.id)
    }

    /// Frees the passes from the order in which they are declared, for those who declare them from several tasks at once:
    /// a read comes after the write of what it reads, wherever that is declared.
    ///
    /// Where several passes write a resource, [`after`](Pass::after) must say which of them comes first, and which of them
    /// a reader reads; where it does not, and for a cycle, `submit` gives an error with the names.
    pub fn any_order(&self) {
        lock(&self.declared).structure.any_order();
    }

    /// Records commands of an [`open`](Pass::open) pass: now, on this thread. Called several times, also from several
    /// threads at once, for one pass, the commands run in the order in which the calls began.
    ///
    /// Nothing is carried from one call to the next: each binds what it needs. Calls end before the graph is submitted:
    /// a later one is an error.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] if the pass is of another graph or not open; what goes wrong in recording, or panics, which then
    /// comes out of `submit` as well.
    pub fn with_encoder<R>(&self, pass: PassId, record: impl FnOnce(&mut Encoder<'_>) -> R) -> Result<R> {
        let opened = self.opened(pass)?;
        opened.record(&self.gpu.shared, record).inspect_err(|error| {
            lock(&self.declared).error.get_or_insert_with(|| error.clone());
        })
    }

    fn opened(&self, pass: PassId) -> Result<Arc<Opened>> {
        let declared = lock(&self.declared);
        if let Some(error) = &declared.error {
            return Err(error.clone());
        }
        if pass.graph != self.id {
            return Err(Error::Graph(format!("with_encoder in graph `{}` of a pass of another graph", self.name)));
        }
        match declared.passes.get(pass.index).map(|pass| (&pass.name, &pass.body)) {
            Some((_, Body::Opened(opened))) => Ok(Arc::clone(opened)),
            Some((name, _)) => Err(Error::Graph(format!(
                "with_encoder of pass `{name}`, which has a closure to record it; end its declaration with `.open()`"
            ))),
            None => Err(Error::Graph(format!("with_encoder in graph `{}` of a pass that it does not have", self.name))),
        }
    }

    /// What was declared, for one who asks about a pass.
    fn declared_of(&self, pass: PassId) -> Result<std::sync::MutexGuard<'_, Declared>> {
        let declared = lock(&self.declared);
        match &declared.error {
            Some(error) => Err(error.clone()),
            None if pass.graph == self.id && pass.index < declared.passes.len() => Ok(declared),
            None => Err(Error::Graph(format!("graph `{}` is asked about a pass of another graph", self.name))),
        }
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

    /// The plan that the graph as declared so far compiles to. Needs no GPU work.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn plan(&self) -> Result<Plan> {
        self.plan_with(None)
    }

    /// Figures of that plan.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn plan_stats(&self) -> Result<PlanStats> {
        self.stats_with(None)
    }

    /// The barriers of that plan: for which resource and between which passes each is, in words and as the Vulkan call.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations.
    pub fn hints(&self) -> Result<Hints> {
        let declared = lock(&self.declared);
        match &declared.error {
            Some(error) => Err(error.clone()),
            None => Hints::of_declared(&declared, &self.gpu.shared.device.queues.map),
        }
    }

    pub(crate) fn plan_with(&self, cache: Option<&PlanCache>) -> Result<Plan> {
        let declared = lock(&self.declared);
        let compiled = self.compile(&declared, cache)?;
        let passes = declared.passes.iter().map(|pass| Arc::clone(&pass.name)).collect();
        let resources = declared.slots.all().iter().map(|resource| Arc::clone(resource.name())).collect();
        let structure = Arc::new(declared.structure.clone());
        Ok(Plan { structure, compiled, passes, resources })
    }

    pub(crate) fn stats_with(&self, cache: Option<&PlanCache>) -> Result<PlanStats> {
        Ok(self.compile(&lock(&self.declared), cache)?.stats())
    }

    fn compile(&self, declared: &Declared, cache: Option<&PlanCache>) -> Result<Arc<Compiled>> {
        if let Some(error) = &declared.error {
            return Err(error.clone());
        }
        let queues = &self.gpu.shared.device.queues.map;
        let compiled = match cache {
            Some(cache) => cache.get(&declared.structure, queues).map(|kept| kept.compiled),
            None => Compiled::compile(&declared.structure, queues).map(Arc::new),
        };
        compiled.map_err(|fault| declared.explain(fault))
    }

    /// Records the passes and submits them.
    ///
    /// The future is lazy: nothing is recorded until it is polled. It resolves when the work is submitted, to the
    /// [`Completion`](crate::Completion) of the work on the GPU. Passes are recorded on the tokio runtime that the
    /// future is polled on; a small graph, and any on another executor, in its poll.
    ///
    /// # Errors
    ///
    /// What was wrong with the declarations, what a pass or a job returned or panicked with, or what the driver refused.
    /// The GPU has done nothing then. (But for one case: where a graph goes to several queues and the driver, out of
    /// memory, takes the work for one and refuses that for the next. What the graph touches is undefined then.)
    ///
    /// # Cancel safety
    ///
    /// Dropped before the last pass is recorded, nothing is submitted; after that, the whole graph is.
    pub fn submit(self) -> Submit {
        let submission = self.into_submission();
        Submit::new(submission)
    }

    /// Records the passes and keeps them, to be submitted later.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), but for what shows only at the submission: what the driver refuses, and that a pass reads
    /// what nothing has written.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is submitted.
    pub fn finalize(self) -> Finalize {
        Finalize::new(self.into_submission())
    }

    /// The passes that touch an image, where the order of declarations does not say what comes after them.
    pub(crate) fn passes_on<R: ImageRole>(&self, image: &GpuImage<R>) -> Vec<PassId> {
        let declared = lock(&self.declared);
        if !declared.structure.is_any_order() {
            return Vec::new();
        }
        let id = Resource::Image(Arc::clone(image.inner())).id();
        let touches = |pass: &PassBody| pass.declared.iter().any(|declared| declared.resource.id() == id);
        let passes = declared.passes.iter().enumerate().filter(|(_, pass)| touches(pass));
        passes.map(|(index, _)| PassId { graph: self.id, index }).collect()
    }

    /// Whether [`any_order`](Self::any_order) was said.
    pub(crate) fn is_any_order(&self) -> bool {
        lock(&self.declared).structure.is_any_order()
    }

    /// Notes a picture of cubes that its passes draw, to pick from.
    pub(crate) fn shows(&self, shown: Shown) {
        lock(&self.declared).shown = Some(shown);
    }

    /// The picture that was noted last.
    pub(crate) fn shown(&self) -> Option<Shown> {
        lock(&self.declared).shown.clone()
    }

    /// Lends out memory that lives as long as this graph's work: nobody waits for who writes there.
    pub(crate) fn with_pages<R>(&self, write: impl FnOnce(&mut PageLease) -> Result<R>) -> Result<R> {
        // Its own statement: the graph is not locked while memory is allocated and written.
        let free = lock(&self.declared).pages.pop();
        let mut pages = free.unwrap_or_else(|| self.gpu.shared.pages.lease());
        let result = write(&mut pages);
        lock(&self.declared).pages.push(pages);
        result
    }

    /// Where passes go that do not say.
    pub(crate) fn queue(&self) -> Option<QueueKind> {
        self.queue
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn add_pass(
        &self,
        pass: NewPass,
        error: Option<Error>,
        body: impl FnOnce(Opening<'_>) -> Body,
    ) -> PassId {
        let mut declared = lock(&self.declared);
        if let Some(error) = error {
            declared.error.get_or_insert(error);
        }
        let index = declared.add(&self.gpu.shared.device, self.id, pass, body);
        PassId { graph: self.id, index }
    }

    /// Keeps the first error, which comes out of `submit`.
    pub(crate) fn fail(&self, error: Error) {
        lock(&self.declared).error.get_or_insert(error);
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
