//! What a pass records into.

mod args;
mod calls;
mod copy;
mod data;
mod declared;
mod draw;
mod image;
mod indirect;
mod ready;
mod texels;
mod texture;
mod vertices;

use std::{marker::PhantomData, mem::size_of, ops::Range, ptr, rc::Rc, sync::Arc};

use ash::vk;
use bytemuck::NoUninit;

pub use args::{DispatchArgs, DrawArgs, DrawIndexedArgs};
pub use draw::Index;
pub use image::Filter;

use self::{
    calls::Calls,
    declared::Want,
    ready::{Need, Ready},
    texture::{Textures, without_textures},
    vertices::{VertexInput, without_vertices},
};
use super::{
    barrier,
    counts::Counts,
    job::{self, Job, JobUse},
};
use crate::{
    checks::{Pass, Watch, derived_advice},
    error::{Error, Result},
    gpu::{QueueKind, device::Device},
    graph::uses::{Declaration, Label, Rendering},
    memory::PageLease,
    pipeline::{Kept, MAX_PUSH_BYTES, Pipeline, PipelineInner, PipelineLayout},
    resource::{Buffer, Texel, range::byte_range},
    system::Found,
};

/// What a pass's closure may return.
pub trait Recorded {
    /// As a result.
    ///
    /// # Errors
    ///
    /// The closure's.
    fn into_result(self) -> Result<()>;
}

impl Recorded for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl Recorded for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}

/// A pass's recording closure.
pub(crate) type RecordFn = Box<dyn FnOnce(&mut Encoder<'_>) -> Result<()> + Send>;

/// Records one pass's commands.
///
/// Commands of one pass have no order among each other as far as memory is concerned: what one writes, another must not
/// touch. Order and barriers come between passes, from what they declare.
///
/// An encoder lives inside one call of a recording closure, on one thread. Its methods chain. A wrong argument, or a
/// command that touches something the pass did not declare, records nothing more: the first such error comes out of
/// the graph's `submit`, with the pass's name.
pub struct Encoder<'a> {
    cmd: vk::CommandBuffer,
    layout: &'a PipelineLayout,
    calls: Calls,
    /// What the commands so far allow; `calls` follow it.
    ready: Ready,
    /// The pipeline that was bound last, null if none is: binding it again needs no checks.
    bound: *const PipelineInner,
    textures: Textures,
    vertex_input: VertexInput,
    /// Whether a draw is to be looked at before it is recorded.
    care: bool,
    /// The elements of the index buffer that draws may use.
    indices: Range<u64>,
    draws: u64,
    /// As many were allowed, while no more are: others called what does nothing.
    allowed_draws: u64,
    dispatches: u64,
    most_groups: [u32; 3],
    device: &'a Device,
    queue: QueueKind,
    declared: &'a [Declaration],
    rendering: &'a Rendering,
    /// What a derived system calls what it declared.
    labels: &'a [Label],
    jobs: &'a [JobUse],
    keep: &'a mut Vec<Kept>,
    pages: &'a mut PageLease,
    counts: &'a mut Counts,
    /// If checks are on.
    watch: Option<Rc<Watch<'a>>>,
    error: Option<Error>,
    /// What was found for the system that this is the pass of.
    pub(crate) found: Option<Arc<Found>>,
    /// A pool is used by one thread at a time, so an encoder must not move to another.
    not_send: PhantomData<*mut ()>,
}

/// What an encoder is made of.
pub(crate) struct Inputs<'a> {
    pub(crate) device: &'a Device,
    /// Of all pipelines.
    pub(crate) layout: &'a PipelineLayout,
    /// The kind of queue that the commands run on.
    pub(crate) queue: QueueKind,
    /// Being recorded; inside rendering if there is any.
    pub(crate) cmd: vk::CommandBuffer,
    pub(crate) pass: Pass<'a>,
    /// What the pass waited for.
    pub(crate) jobs: &'a [JobUse],
    /// Gets the pipelines and descriptor sets that must outlive the submission.
    pub(crate) keep: &'a mut Vec<Kept>,
    /// Where the pass's data go.
    pub(crate) pages: &'a mut PageLease,
    /// Added to when the encoder finishes.
    pub(crate) counts: &'a mut Counts,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(inputs: Inputs<'a>) -> Self {
        let Inputs { device, layout, queue, cmd, pass, jobs, keep, pages, counts } = inputs;
        let Pass { declared, rendering, labels, .. } = pass;
        let watch = device.checks.as_ref().map(|checks| Watch::begin(cmd, calls::drivers(device), checks, pass));
        let ready = Ready::at_first(queue);
        let mut encoder = Self {
            cmd,
            layout,
            calls: Calls::new(device, ready, cmd, watch.as_deref()),
            ready,
            bound: ptr::null(),
            textures: Textures::default(),
            vertex_input: VertexInput::default(),
            care: false,
            indices: 0..0,
            draws: 0,
            allowed_draws: 0,
            dispatches: 0,
            most_groups: device.info.limits.max_compute_work_group_count,
            device,
            queue,
            declared,
            rendering,
            labels,
            jobs,
            keep,
            pages,
            counts,
            watch,
            error: None,
            found: None,
            not_send: PhantomData,
        };
        if !rendering.is_empty() {
            let vk::Extent2D { width, height } = rendering.extent();
            encoder.set_viewport([0, 0], [width, height]);
        }
        encoder
    }

    /// Books what was counted; the first error, if there was one. `is_all` says whether that was all of the pass.
    pub(crate) fn finish(mut self, is_all: bool) -> Result<()> {
        self.settle();
        self.counts.draws += self.draws;
        self.counts.dispatches += self.dispatches;
        if let Some(watch) = self.watch {
            // It sees nothing more after an error of another kind, so what it found came first.
            watch.end(is_all && self.error.is_none())?;
        }
        self.error.map_or(Ok(()), Err)
    }

    /// Binds a compute or graphics pipeline.
    #[inline]
    pub fn bind<P: Pipeline>(&mut self, pipeline: &P) -> &mut Self {
        let inner = pipeline.inner();
        if self.bound == Arc::as_ptr(inner) || self.adopts(inner) {
            // SAFETY: the command buffer is being recorded, and the pipeline is kept alive until it retires.
            unsafe { (self.calls.bind_pipeline)(self.cmd, inner.bind_point, inner.raw) };
        }
        self
    }

    /// Whether a pipeline fits the pass. It is kept then.
    #[inline(never)]
    fn adopts(&mut self, inner: &Arc<PipelineInner>) -> bool {
        self.step(|this| {
            inner.check_fits(this.device, this.rendering)?;
            if this.queue == QueueKind::Transfer {
                let name = &inner.name;
                return Err(Error::Invalid(format!(
                    "pipeline `{name}` is bound in a graph for the transfer queue, which only copies"
                )));
            }
            let is_inner = |kept: &Kept| matches!(kept, Kept::Pipeline(pipeline) if Arc::ptr_eq(pipeline, inner));
            if !this.keep.iter().any(is_inner) {
                this.keep.push(Kept::Pipeline(Arc::clone(inner)));
            }
            this.bound = Arc::as_ptr(inner);
            if let Some(watch) = &this.watch {
                watch.bound(inner.reach.as_ref());
            }
            this.vertex_input.pipeline = inner.fetches;
            let samples = inner.samples.then_some(Need::Textures);
            let needs = samples.into_iter().chain(this.vertex_input.needs());
            this.ready = this.ready.bound(inner.bind_point, needs);
            this.fetch();
            Ok(())
        });
        self.error.is_none()
    }

    /// Sets the push constants, from their first byte on: at most 128 bytes, a multiple of 4. On the transfer queue, which
    /// runs no shaders, it does nothing.
    #[inline]
    pub fn push<T: NoUninit>(&mut self, constants: &T) -> &mut Self {
        self.push_bytes(bytemuck::bytes_of(constants))
    }

    #[inline]
    pub(crate) fn push_bytes(&mut self, constants: &[u8]) -> &mut Self {
        let bytes = constants.len();
        if bytes > MAX_PUSH_BYTES || !bytes.is_multiple_of(4) {
            self.refuse_push(bytes);
        } else if bytes > 0 {
            let (all, data) = (vk::ShaderStageFlags::ALL, constants.as_ptr().cast());
            // SAFETY: the range lies within the layout's only range, which all its stages share.
            unsafe { (self.calls.push_constants)(self.calls.cmd, self.layout.raw, all, 0, bytes as u32, data) };
        }
        self
    }

    #[cold]
    fn refuse_push(&mut self, bytes: usize) {
        self.step(|_| {
            Err(Error::Invalid(format!(
                "push constants of {bytes} bytes; they take at most {MAX_PUSH_BYTES}, in steps of 4: write \
                 larger data with `cmd.data(..)` and push its address"
            )))
        });
    }

    /// Dispatches `groups` workgroups of the bound compute pipeline.
    #[inline]
    pub fn dispatch(&mut self, groups: [u32; 3]) -> &mut Self {
        let [x, y, z] = groups;
        let most = self.most_groups;
        if !self.ready.has(Ready::DISPATCH) || x > most[0] || y > most[1] || z > most[2] {
            self.refuse_dispatch(groups);
            return self;
        }
        if self.textures.are_new() {
            self.bind_textures();
            return self.dispatch(groups);
        }
        // SAFETY: a compute pipeline is bound outside of rendering, and the counts are within the limits.
        unsafe { (self.calls.dispatch)(self.calls.cmd, x, y, z) };
        self.dispatches += 1;
        self
    }

    #[cold]
    fn refuse_dispatch(&mut self, groups: [u32; 3]) {
        self.step(|this| {
            this.need_compute("dispatch")?;
            let most = this.most_groups;
            let message = format!("dispatch of {groups:?} workgroups; this device takes at most {most:?}");
            Err(Error::Invalid(message))
        });
    }

    /// Has the dispatches that follow come after those before: with what these wrote, or in order alone.
    pub(crate) fn between_waves(&mut self, sees_writes: bool) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("a barrier")?;
            barrier::record_between_dispatches(this.device, this.cmd, sees_writes, this.counts);
            Ok(())
        })
    }

    /// Dispatches as many workgroups as element `index` of `args` says.
    pub fn dispatch_indirect(&mut self, args: &impl Buffer<Element = DispatchArgs>, index: usize) -> &mut Self {
        self.step(|this| {
            this.need_compute("dispatch_indirect")?;
            this.use_textures()?;
            this.look()?;
            let bytes = byte_range_of(args, &(index..index.saturating_add(1)))?;
            let args = this.need(args.inner(), &bytes, &Want::INDIRECT)?;
            // SAFETY: a compute pipeline is bound, and the arguments lie within the buffer.
            unsafe { this.device.raw.cmd_dispatch_indirect(this.cmd, args.raw, args.offset) };
            this.dispatches += 1;
            Ok(())
        })
    }

    /// The address at which this pass's shaders reach the first element of a buffer that the pass declared; pass it in
    /// push constants. 0 after an error.
    pub fn address(&mut self, buffer: &impl Buffer) -> u64 {
        let mut address = 0;
        self.step(|this| {
            let inner = buffer.inner();
            let name = &inner.name;
            if !this.declares(inner) {
                let by_hand = || format!("add `.reads(&{name})` or `.writes(&{name})`");
                let advice = derived_advice(this.labels, Arc::as_ptr(inner).addr(), "reads", "storage");
                let advice = advice.map_or_else(by_hand, |advice| format!("{advice} or `#[writes(storage)]`"));
                return Err(Error::Graph(format!(
                    "it takes the address of `{name}`, which it did not declare; {advice}"
                )));
            }
            address = inner.address().ok_or_else(|| inner.unaddressed())?;
            Ok(())
        });
        address
    }

    /// The value of a job that the pass comes [`after`](crate::Pass::after).
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] if the pass was not declared to come after it.
    pub fn output<T: Send + Sync + 'static>(&self, job: &Job<T>) -> Result<&'a T> {
        job::output(self.jobs, job)
    }

    /// The command buffer, for commands that vulkio has no word for.
    ///
    /// # Safety
    ///
    /// What is recorded must be covered by what the pass declared, must not end or reset the command buffer nor
    /// rendering, and is not counted.
    #[must_use]
    pub unsafe fn raw(&self) -> vk::CommandBuffer {
        if let Some(watch) = &self.watch {
            watch.is_blind();
        }
        self.cmd
    }

    /// Runs one command unless an earlier one failed.
    fn step(&mut self, command: impl FnOnce(&mut Self) -> Result<()>) -> &mut Self {
        self.settle();
        if self.error.is_none()
            && let Err(error) = command(self)
        {
            self.fail(error);
        }
        self
    }

    /// Finds draws that called what does nothing.
    fn settle(&mut self) {
        if self.draws != self.allowed_draws && !self.ready.has(Ready::DRAW) {
            self.draws = self.allowed_draws;
            if self.error.is_none()
                && let Err(error) = self.need_graphics("draw")
            {
                self.fail(error);
            }
        }
    }

    /// After an error nothing is ready.
    fn fail(&mut self, error: Error) {
        self.error = Some(error);
        self.bound = ptr::null();
        self.set_ready(Ready::default());
    }

    fn set_ready(&mut self, ready: Ready) {
        self.ready = ready;
        if !ready.has(Ready::DRAW) {
            self.allowed_draws = self.draws;
        }
        self.calls = Calls::new(self.device, ready, self.cmd, self.watch.as_deref());
    }

    /// Before a command whose shaders reach buffers, and which is not in the table of calls: checks, if they are on.
    fn look(&self) -> Result<()> {
        self.watch.as_ref().map_or(Ok(()), |watch| watch.look())
    }

    fn need_compute(&self, command: &str) -> Result<()> {
        self.need_outside_rendering(command)?;
        if self.ready.has(Ready::DISPATCH) {
            return Ok(());
        }
        self.need_what_pipeline_needs(command)?;
        Err(Error::Invalid(format!("{command} without a compute pipeline; `bind` one before it")))
    }

    fn need_what_pipeline_needs(&self, command: &str) -> Result<()> {
        match self.ready.lacks() {
            None => Ok(()),
            Some(Need::Textures) => Err(without_textures(command)),
            Some(need) => Err(without_vertices(command, need, &self.vertex_input)),
        }
    }

    fn need_outside_rendering(&self, command: &str) -> Result<()> {
        if self.rendering.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} in a pass that renders; give it a pass of its own")))
    }

    /// Depths are copied by graphics queues alone.
    fn need_queue_for(&self, command: &str, texel: Texel) -> Result<()> {
        if texel == Texel::Depth { self.need_queue(command, &[QueueKind::Graphics]) } else { Ok(()) }
    }

    fn need_queue(&self, command: &str, kinds: &[QueueKind]) -> Result<()> {
        if kinds.contains(&self.queue) {
            return Ok(());
        }
        let queue = self.queue;
        Err(Error::Invalid(format!("{command} on the {queue:?} queue, which cannot; one of {kinds:?} can")))
    }
}

/// The bytes of some elements.
///
/// # Errors
/// [`Error::Invalid`] if the range is reversed or reaches beyond the buffer.
fn byte_range_of<B: Buffer>(buffer: &B, elements: &Range<usize>) -> Result<Range<u64>> {
    let (inner, size) = (buffer.inner(), size_of::<B::Element>());
    byte_range(&inner.name, elements, inner.bytes as usize / size.max(1), size)
}
