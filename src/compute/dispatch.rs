//! Work of kernels: declared, then awaited, or added to a graph.

use std::{fmt, future::IntoFuture, sync::Arc};

use bytemuck::NoUninit;
use futures::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

use super::batch::{Awaited, Item};
use crate::{
    checks::{self, Pass},
    error::{Error, Result},
    exec::Encoder,
    gpu::Gpu,
    graph::{Graph, Systems, uses::Uses},
    pipeline::{ComputePipeline, MAX_PUSH_BYTES, Pipeline},
    resource::{Resource, Use},
    sync::Completion,
};

/// Work of one or several kernels, made by [`Kernel::dispatch`](super::Kernel::dispatch) and by the operations of
/// [`compute`](crate::compute): nothing is recorded before it is awaited, or added to a graph.
///
/// - `dispatch.await` resolves when it is complete on the GPU.
/// - [`submit`](Self::submit) resolves when it is submitted, to its [`Completion`].
/// - `graph.add(dispatch)` and `frame.add(dispatch)` make a pass of each of its steps.
///
/// What its shaders read and write must be declared: within a graph, and among the steps of one dispatch, order and barriers follow from
/// that and from nothing else.
///
/// # Order
///
/// A dispatch that was polled and has not resolved has no order with anything else, other dispatches included: it may still gather,
/// and what is submitted later may overtake it. Whatever is to come after it is begun after [`submit`](Self::submit) was awaited, or is
/// said with [`then`](Self::then). Dispatches that gathered are complete together: the slowest of them is awaited by all.
///
/// # Cancel safety
///
/// Dropped before it was polled, nothing happens. After that it may or may not be submitted, always whole.
#[must_use = "nothing is recorded until it is awaited, or added to a graph"]
pub struct Dispatch {
    gpu: Gpu,
    steps: Vec<Step>,
    error: Option<Error>,
}

/// One kernel's work.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) name: Arc<str>,
    pub(super) pipeline: ComputePipeline,
    pub(super) push: Push,
    pub(super) groups: [u32; 3],
    pub(super) uses: Uses,
}

/// What became of a dispatch that was asked for.
enum Begun {
    /// There is nothing to do.
    Nothing,
    OnItsWay,
}

/// The bytes of push constants.
#[derive(Clone, Copy)]
pub(super) struct Push {
    bytes: [u8; MAX_PUSH_BYTES],
    len: usize,
}

impl Push {
    /// Kernels were made only if they fit.
    pub(super) fn of<P: NoUninit>(constants: &P) -> Self {
        let from = bytemuck::bytes_of(constants);
        let len = from.len().min(MAX_PUSH_BYTES);
        let mut bytes = [0; MAX_PUSH_BYTES];
        bytes[..len].copy_from_slice(&from[..len]);
        Self { bytes, len }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl Step {
    pub(super) fn record(&self, cmd: &mut Encoder<'_>) {
        cmd.bind(&self.pipeline).push_bytes(self.push.bytes()).dispatch(self.groups);
    }

    /// Whether its shader touches what it declares, and nothing else, if checks are on.
    ///
    /// # Errors
    /// [`Error::Graph`] for what is not declared.
    pub(super) fn check(&self, gpu: &Gpu) -> Result<()> {
        let device = &gpu.shared.device;
        device.checks.as_ref().map_or(Ok(()), |checks| {
            let (declared, rendering) = Uses::of(self.uses.by_address().to_vec()).resolve(&self.name)?;
            let pass = Pass { name: &self.name, declared: &declared, rendering: &rendering, labels: &[] };
            checks::check_dispatch(checks, pass, self.pipeline.inner().reach.as_ref(), self.push.bytes())
        })
    }
}

impl Dispatch {
    pub(super) fn new(gpu: &Gpu, name: &Arc<str>, pipeline: &ComputePipeline, push: Push, groups: [u32; 3]) -> Self {
        let step = Step { name: Arc::clone(name), pipeline: pipeline.clone(), push, groups, uses: Uses::default() };
        // No workgroup: nothing is to be done, and nothing is touched.
        let steps = if groups.contains(&0) { Vec::new() } else { vec![step] };
        Self { gpu: gpu.clone(), steps, error: None }
    }

    /// Nothing to do, for inputs that are empty.
    pub fn nothing(gpu: &Gpu) -> Self {
        Self { gpu: gpu.clone(), steps: Vec::new(), error: None }
    }

    /// Its shader reads a buffer, or a slice of one. After [`then`](Self::then), this and the others are about the last step.
    pub fn reads(self, resource: impl Into<Use>) -> Self {
        self.declare(resource.into(), |uses, used| _ = uses.reads(used))
    }

    /// Its shader writes a buffer, or a slice of one; it may read it, too.
    pub fn writes(self, resource: impl Into<Use>) -> Self {
        self.declare(resource.into(), |uses, used| _ = uses.writes(used))
    }

    /// Its shader writes a buffer beside others that say the same of it: with atomics, or to parts that do not meet. No order among
    /// those follows from this.
    pub fn writes_concurrently(self, resource: impl Into<Use>) -> Self {
        self.declare(resource.into(), |uses, used| _ = uses.writes_concurrently(used))
    }

    fn declare(mut self, used: Use, declare: impl FnOnce(&mut Uses, Use)) -> Self {
        let Some(step) = self.steps.last_mut() else { return self };
        let kernel = &step.name;
        let mistake = if let Resource::Image(image) = &used.resource {
            Some(format!(
                "kernel `{kernel}` declares the image `{}`; kernels reach buffers: use a pass for images",
                image.name
            ))
        } else if used.access.is_some() {
            let name = used.resource.name();
            Some(format!(
                "kernel `{kernel}` declares `{name}` as something else than shaders read or write by address; hand it the buffer itself"
            ))
        } else if used.resource.transient_of().is_some() {
            let name = used.resource.name();
            Some(format!(
                "kernel `{kernel}` declares the transient `{name}`, whose address is known only while its graph is recorded; use a \
                 buffer of `Gpu::buffer`, or a pass"
            ))
        } else if !Arc::ptr_eq(used.resource.device(), &self.gpu.shared.device) {
            let name = used.resource.name();
            Some(format!("kernel `{kernel}` declares `{name}`, which belongs to another Gpu; make one on this Gpu"))
        } else {
            None
        };
        match mistake {
            Some(mistake) => self.fail(Error::Invalid(mistake)),
            None => {
                declare(&mut step.uses, used);
                self
            }
        }
    }

    /// Keeps the first error, which comes out when it is awaited or its graph is submitted.
    pub(super) fn fail(mut self, error: Error) -> Self {
        self.error.get_or_insert(error);
        self
    }

    /// This, and then `next`. Where they touch the same, the second sees what the first wrote; else they may overlap.
    pub fn then(mut self, next: Self) -> Self {
        self.steps.extend(next.steps);
        self.error = self.error.or(next.error);
        self
    }

    /// Submits it. Resolves when it is submitted, to the completion of its work on the GPU: uploads, reads, graphs and dispatches that
    /// are submitted after that see what it wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] or [`Error::Graph`] for a mistake in its declarations, [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// As [`Dispatch`].
    pub async fn submit(self) -> Result<Completion> {
        let (told, outcome) = oneshot::channel();
        // What is on its way does not keep the device: this does, until it is told.
        let gpu = self.gpu.clone();
        match self.begin(Awaited::Submission(told))? {
            Begun::Nothing => Ok(gpu.shared.submitter.nothing()),
            Begun::OnItsWay => outcome.await.unwrap_or(Err(Error::Cancelled)),
        }
    }

    /// Hands it to those who submit.
    fn begin(self, awaited: Awaited) -> Result<Begun> {
        let Self { gpu, mut steps, error } = self;
        if let Some(error) = error.or_else(|| gpu.refusal()) {
            return Err(error);
        }
        if let Some(error) = steps.iter_mut().find_map(|step| step.uses.take_mistake(&step.name)) {
            return Err(error);
        }
        if steps.is_empty() {
            return Ok(Begun::Nothing);
        }
        gpu.shared.batcher.take(Item::new(&gpu, steps, awaited));
        Ok(Begun::OnItsWay)
    }
}

impl IntoFuture for Dispatch {
    type Output = Result<()>;
    type IntoFuture = BoxFuture<'static, Result<()>>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let (told, outcome) = oneshot::channel();
            let gpu = self.gpu.clone(); // as in `submit`
            let outcome = match self.begin(Awaited::Completion(told))? {
                Begun::Nothing => Ok(()),
                Begun::OnItsWay => outcome.await.unwrap_or(Err(Error::Cancelled)),
            };
            drop(gpu);
            outcome
        }
        .boxed()
    }
}

impl Systems for Dispatch {
    fn add_to(self, graph: &Graph) {
        if let Some(error) = self.error {
            return graph.fail(error);
        }
        if !Arc::ptr_eq(&self.gpu.shared, &graph.gpu().shared) {
            return graph
                .fail(Error::Invalid("work of kernels is added to a graph of another Gpu; make both with one".into()));
        }
        for mut step in self.steps {
            let mut pass = graph.pass(&step.name);
            *pass.uses() = std::mem::take(&mut step.uses);
            pass.record(move |cmd| step.record(cmd));
        }
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self.steps.iter().map(|step| (&step.name, step.groups)).collect();
        f.debug_struct("Dispatch").field("steps", &steps).finish_non_exhaustive()
    }
}
