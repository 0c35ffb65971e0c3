//! Copies and scatters that no pass declares: what uploads submit. One command buffer, committed as a graph is.

use std::sync::Arc;

use ash::vk;

use super::{
    barrier,
    counts::Counts,
    entry,
    retire::{Keep, Submitted},
    submitter::{Claim, Commit, Submitter, Told},
    update::{Push, Scatter},
};
use crate::{
    error::{Error, Result},
    gpu::{QueueKind, counters::Counters},
    graph::{
        compiled::{Compiled, Fault},
        ir::{Needs, PassShape, Region, SlotUse, Structure},
        slots::Slots,
    },
    pipeline::{ComputePipeline, Pipeline, Pipelines},
    resource::{Access, Resource},
};

/// Copies to be made by one command buffer. None touches what another one writes.
pub(crate) struct Transfer {
    queue: QueueKind,
    needs: Needs,
    structure: Structure,
    slots: Slots,
    uses: Vec<SlotUse>,
    copies: Vec<Copy>,
    keep: Vec<Keep>,
    claim: Option<Claim>,
}

/// One copy command.
enum Copy {
    ToBuffer {
        from: vk::Buffer,
        to: vk::Buffer,
        regions: Vec<vk::BufferCopy>,
    },
    ToImage {
        from: vk::Buffer,
        to: vk::Image,
        region: vk::BufferImageCopy,
        bytes: u64,
    },
    /// By a dispatch of the kernel, which is kept.
    Scatter {
        kernel: ComputePipeline,
        layout: vk::PipelineLayout,
        push: Push,
        groups: u32,
        bytes: u64,
    },
}

impl Transfer {
    /// Nothing yet, for a queue that takes this kind of work.
    pub(crate) fn on(queue: QueueKind) -> Self {
        Self {
            queue,
            needs: Needs::Copies,
            structure: Structure::default(),
            slots: Slots::default(),
            uses: Vec::new(),
            copies: Vec::new(),
            keep: Vec::new(),
            claim: None,
        }
    }

    /// Says that the copies touch `region` of a resource; `discard`, that what was there does not matter.
    pub(crate) fn touches(&mut self, resource: &Resource, region: Region, access: Access, discard: bool) {
        let slot = self.slots.of(&mut self.structure, resource);
        self.uses.push(SlotUse { slot, region: Some(region), access, discard });
    }

    /// Adds a copy between buffers. Both must be alive until the copies are complete, and what is touched be said.
    pub(crate) fn copy(&mut self, from: vk::Buffer, to: vk::Buffer, regions: Vec<vk::BufferCopy>) {
        self.copies.push(Copy::ToBuffer { from, to, regions });
    }

    /// Adds a copy of so many `bytes` to an image, which [`Access::IMAGE_COPY_TARGET`] was said of; else as [`copy`](Self::copy).
    pub(crate) fn copy_to_image(&mut self, from: vk::Buffer, to: vk::Image, region: vk::BufferImageCopy, bytes: u64) {
        self.copies.push(Copy::ToImage { from, to, region, bytes });
    }

    /// Adds a scatter by the kernel, on a queue that computes; else as [`copy`](Self::copy).
    ///
    /// # Errors
    /// [`Error::Graph`] if its target has no memory.
    pub(crate) fn scatter(&mut self, pipelines: &Pipelines, kernel: &ComputePipeline, scatter: &Scatter) -> Result<()> {
        let (push, groups) = scatter.call()?;
        let (kernel, layout, bytes) = (kernel.clone(), pipelines.layout.raw, scatter.bytes());
        (self.queue, self.needs) = (QueueKind::Compute, Needs::Dispatches);
        self.copies.push(Copy::Scatter { kernel, layout, push, groups, bytes });
        Ok(())
    }

    /// Holds something until the copies are complete.
    pub(crate) fn keep(&mut self, thing: impl Send + 'static) {
        self.keep.push(Box::new(thing));
    }

    /// Says that what is written is a piece of something larger.
    pub(crate) fn claim(&mut self, claim: Claim) {
        self.claim = Some(claim);
    }
}

impl Submitter {
    /// Records copies on this thread and commits them. `told` is called once, also where that fails.
    pub(crate) fn transfer(&self, transfer: Transfer, told: Told) {
        match self.record(transfer) {
            Ok((plan, recorded)) => self.commit(recorded.commit(plan, told)),
            Err(error) => told(Err(error)),
        }
    }

    fn record(&self, transfer: Transfer) -> Result<(Compiled, RecordedCopies)> {
        let Transfer { queue, needs, mut structure, slots, uses, copies, mut keep, claim } = transfer;
        structure.push(PassShape { needs, queue: Some(queue), keep: true, manual: false }, uses, &[]);
        let plan = Compiled::compile(&structure, &self.device.queues.map).map_err(refused)?;
        let slots: Arc<[Resource]> = slots.into_resources().into();
        let foreseen = entry::foreseen(&plan, &slots);
        let mut lease = self.pools.lease(self.device.queues.get(self.device.queues.id(queue)).family)?;
        let cmd = lease.begin()?;
        let mut counts = Counts::default();
        let head = entry::barrier(&plan, &plan.batches[0], &foreseen);
        if !head.is_empty() {
            barrier::record(&self.device, cmd, &head, &slots, &mut counts);
        }
        for copy in &copies {
            self.copy(cmd, copy, &mut counts);
        }
        lease.end()?;
        keep.push(Box::new(copies)); // the pipelines among them
        counts.book(&self.device.counters);
        let submitted = Submitted::copies(lease, Arc::clone(&slots), counts, keep);
        Ok((plan, RecordedCopies { cmd, slots, foreseen, claim, submitted }))
    }

    fn copy(&self, cmd: vk::CommandBuffer, copy: &Copy, counts: &mut Counts) {
        let (raw, counters) = (&self.device.raw, &self.device.counters);
        match copy {
            Copy::Scatter { kernel, layout, push, groups, bytes } => {
                counts.dispatches += 1;
                Counters::add(&counters.uploaded_bytes, *bytes);
                let (pipeline, push) = (kernel.inner(), bytemuck::bytes_of(push));
                // SAFETY: the pipeline has this layout, whose push constants all stages share; what it reads and writes was
                // said, and is alive as above.
                unsafe {
                    raw.cmd_bind_pipeline(cmd, pipeline.bind_point, pipeline.raw);
                    raw.cmd_push_constants(cmd, *layout, vk::ShaderStageFlags::ALL, 0, push);
                    raw.cmd_dispatch(cmd, *groups, 1, 1);
                }
            }
            Copy::ToBuffer { from, to, regions } => {
                Counters::add(&counters.upload_copies, 1);
                Counters::add(&counters.uploaded_bytes, regions.iter().map(|region| region.size).sum());
                // SAFETY: whoever built the transfer checked that the regions lie in both buffers and do not overlap, and
                // that both outlive it; the command buffer is being recorded by this thread alone.
                unsafe { raw.cmd_copy_buffer(cmd, *from, *to, regions) };
            }
            Copy::ToImage { from, to, region, bytes } => {
                Counters::add(&counters.upload_copies, 1);
                Counters::add(&counters.uploaded_bytes, *bytes);
                let layout = vk::ImageLayout::TRANSFER_DST_OPTIMAL;
                // SAFETY: as above; the barrier before it brought the image into that layout.
                unsafe { raw.cmd_copy_buffer_to_image(cmd, *from, *to, layout, &[*region]) };
            }
        }
    }
}

/// Copies in a command buffer that is ended.
struct RecordedCopies {
    cmd: vk::CommandBuffer,
    slots: Arc<[Resource]>,
    foreseen: Vec<crate::graph::state::Arrival>,
    claim: Option<Claim>,
    submitted: Submitted,
}

impl RecordedCopies {
    fn commit(self, plan: Compiled, told: Told) -> Commit {
        let Self { cmd, slots, foreseen, claim, submitted } = self;
        Commit {
            plan: Arc::new(plan),
            slots,
            buffers: vec![vec![cmd]],
            waits: Vec::new(),
            handover: None,
            foreseen,
            unwritten: Vec::new(),
            is_upload: true,
            claim,
            submitted,
            turns: Vec::new(),
            told,
        }
    }
}

/// One pass has no cycle; too many regions are all that can be wrong.
fn refused(fault: Fault) -> Error {
    Error::Graph(format!("copies cannot be planned: {fault:?}"))
}
