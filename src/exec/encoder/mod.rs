//! What a pass records into.

mod args;
mod copy;
mod draw;

use std::{marker::PhantomData, mem::size_of, sync::Arc};

use ash::vk;
use bytemuck::NoUninit;

pub use args::{DispatchArgs, DrawArgs, DrawIndexedArgs};
pub use draw::Index;

use super::counts::Counts;
use crate::{
    error::{Error, Result},
    gpu::{QueueKind, device::Device},
    graph::uses::{Declaration, Rendering},
    pipeline::{MAX_PUSH_BYTES, Pipeline, PipelineInner},
    resource::{Access, BufferInner, Resource},
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
    device: &'a Device,
    layout: vk::PipelineLayout,
    queue: QueueKind,
    cmd: vk::CommandBuffer,
    declared: &'a [Declaration],
    rendering: &'a Rendering,
    keep: &'a mut Vec<Arc<PipelineInner>>,
    counts: &'a mut Counts,
    bound: Option<vk::PipelineBindPoint>,
    index_count: Option<u64>,
    error: Option<Error>,
    /// A pool is used by one thread at a time, so an encoder must not move to another.
    not_send: PhantomData<*mut ()>,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(
        (device, layout, queue): (&'a Device, vk::PipelineLayout, QueueKind),
        cmd: vk::CommandBuffer,
        (declared, rendering): (&'a [Declaration], &'a Rendering),
        keep: &'a mut Vec<Arc<PipelineInner>>,
        counts: &'a mut Counts,
    ) -> Self {
        let (bound, index_count, error) = (None, None, None);
        Self {
            device,
            layout,
            queue,
            cmd,
            declared,
            rendering,
            keep,
            counts,
            bound,
            index_count,
            error,
            not_send: PhantomData,
        }
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    /// Binds a compute or graphics pipeline.
    pub fn bind<P: Pipeline>(&mut self, pipeline: &P) -> &mut Self {
        let inner = pipeline.inner();
        self.step(|this| {
            inner.check_fits(this.device, this.rendering)?;
            if this.queue == QueueKind::Transfer {
                let name = &inner.name;
                return Err(Error::Invalid(format!(
                    "pipeline `{name}` is bound in a graph for the transfer queue, which only copies"
                )));
            }
            this.bound = Some(inner.bind_point);
            if !this.keep.iter().any(|kept| Arc::ptr_eq(kept, inner)) {
                this.keep.push(Arc::clone(inner));
            }
            // SAFETY: the command buffer is being recorded, and the pipeline is kept alive until it retires.
            unsafe { this.device.raw.cmd_bind_pipeline(this.cmd, inner.bind_point, inner.raw) };
            Ok(())
        })
    }

    /// Sets the push constants, from their first byte on: at most 128 bytes, a multiple of 4.
    pub fn push<T: NoUninit>(&mut self, constants: &T) -> &mut Self {
        self.step(|this| {
            let bytes = bytemuck::bytes_of(constants);
            if bytes.is_empty() {
                return Ok(());
            }
            if bytes.len() > MAX_PUSH_BYTES || !bytes.len().is_multiple_of(4) {
                return Err(Error::Invalid(format!(
                    "push constants of {} bytes; they take at most {MAX_PUSH_BYTES}, in steps of 4: put larger data into a \
                     buffer and push its address",
                    size_of::<T>()
                )));
            }
            let layout = this.layout;
            // SAFETY: the range lies within the layout's only range, which all its stages share.
            unsafe { this.device.raw.cmd_push_constants(this.cmd, layout, vk::ShaderStageFlags::ALL, 0, bytes) };
            Ok(())
        })
    }

    /// Dispatches `groups` workgroups of the bound compute pipeline.
    pub fn dispatch(&mut self, groups: [u32; 3]) -> &mut Self {
        self.step(|this| {
            this.need_compute("dispatch")?;
            let most = this.device.info.limits.max_compute_work_group_count;
            if groups.iter().zip(most).any(|(&count, most)| count > most) {
                let message = format!("dispatch of {groups:?} workgroups; this device takes at most {most:?}");
                return Err(Error::Invalid(message));
            }
            let [x, y, z] = groups;
            // SAFETY: a compute pipeline is bound and the counts are within the limits.
            unsafe { this.device.raw.cmd_dispatch(this.cmd, x, y, z) };
            this.counts.dispatches += 1;
            Ok(())
        })
    }

    /// Dispatches as many workgroups as element `index` of `args` says.
    pub fn dispatch_indirect(&mut self, args: &crate::GpuBuffer<DispatchArgs>, index: usize) -> &mut Self {
        self.step(|this| {
            this.need_compute("dispatch_indirect")?;
            let offset = args.byte_range(&(index..index.saturating_add(1)))?.start;
            let buffer = this.need(args.inner(), Access::INDIRECT, "reads", "indirect()")?;
            // SAFETY: a compute pipeline is bound, and the arguments lie within the buffer.
            unsafe { this.device.raw.cmd_dispatch_indirect(this.cmd, buffer, offset) };
            this.counts.dispatches += 1;
            Ok(())
        })
    }

    /// The command buffer, for commands that vulkio has no word for.
    ///
    /// # Safety
    ///
    /// What is recorded must be covered by what the pass declared, must not end or reset the command buffer nor
    /// rendering, and is not counted.
    #[must_use]
    pub unsafe fn raw(&self) -> vk::CommandBuffer {
        self.cmd
    }

    /// Runs one command unless an earlier one failed.
    fn step(&mut self, command: impl FnOnce(&mut Self) -> Result<()>) -> &mut Self {
        if self.error.is_none() {
            self.error = command(self).err();
        }
        self
    }

    fn need_compute(&self, command: &str) -> Result<()> {
        self.need_outside_rendering(command)?;
        if self.bound == Some(vk::PipelineBindPoint::COMPUTE) {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} without a compute pipeline; `bind` one before it")))
    }

    fn need_outside_rendering(&self, command: &str) -> Result<()> {
        if self.rendering.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} in a pass that renders; give it a pass of its own")))
    }

    /// The handle of a buffer that the pass declared with at least `access`.
    fn need(&self, buffer: &Arc<BufferInner>, access: Access, verb: &str, role: &str) -> Result<vk::Buffer> {
        let id = Resource::Buffer(Arc::clone(buffer)).id();
        self.need_declared(id, &buffer.name, access, verb, role)?;
        Ok(buffer.raw)
    }

    fn need_declared(&self, id: usize, name: &str, access: Access, verb: &str, role: &str) -> Result<()> {
        let fits = |declared: &&Declaration| {
            declared.access.stages.contains(access.stages)
                && declared.access.mask.contains(access.mask)
                && declared.access.layout == access.layout
        };
        match self.declared.iter().filter(|declared| declared.resource.id() == id).find(fits) {
            Some(_) => Ok(()),
            None => Err(Error::Graph(format!(
                "it touches `{name}` in a way that it did not declare; add `.{verb}({name}.{role})`"
            ))),
        }
    }
}
