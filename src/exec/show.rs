//! A frame's picture into an image of a swapchain: what presenting submits. One command buffer, committed as a graph is.

use std::sync::Arc;

use ash::vk;

use super::{
    barrier,
    counts::Counts,
    entry,
    retire::Submitted,
    slots::SlotLease,
    submitter::{Commit, Handover, Submitter, Told},
};
use crate::{
    error::{Error, Result},
    gpu::{QueueId, QueueKind},
    graph::{
        cache::PlanCache,
        compiled::{Batch, Compiled, Fault},
        ir::{Needs, PassShape, SlotUse, Structure},
        slots::Slots,
        state::Arrival,
    },
    resource::{Access, ImageInner, Resource},
};

/// How texels get from one image into another.
#[derive(Clone)]
pub(crate) enum Way {
    /// As they are: both images have the same size, and texels of as many bytes.
    Copy,
    /// With the formats' own conversion, and scaled.
    Blit(vk::Filter),
    /// Copied into an image that takes the bytes of an sRGB format for plain numbers, and from there with conversion: for
    /// swapchains that are shown as sRGB, and whose format does not say so.
    Through(Arc<ImageInner>, vk::Filter),
}

/// A frame to be shown.
pub(crate) struct Show {
    pub(crate) from: Arc<ImageInner>,
    /// An image of a swapchain, which has been acquired.
    pub(crate) to: Arc<ImageInner>,
    pub(crate) way: Way,
    /// The acquire is waited for, and the presentation engine waits.
    pub(crate) handover: Handover,
    /// Whose image `from` is.
    pub(crate) lease: Arc<SlotLease>,
}

/// One step of it, a pass of its plan.
enum Step {
    Copy([Arc<ImageInner>; 2]),
    Blit([Arc<ImageInner>; 2], vk::Filter),
    /// Into the layout that the presentation engine wants.
    Present(Arc<ImageInner>),
}

impl Show {
    fn steps(&self) -> Vec<Step> {
        let (from, to) = (Arc::clone(&self.from), Arc::clone(&self.to));
        let present = Step::Present(Arc::clone(&self.to));
        match &self.way {
            Way::Copy => vec![Step::Copy([from, to]), present],
            Way::Blit(filter) => vec![Step::Blit([from, to], *filter), present],
            Way::Through(middle, filter) => {
                let copy = Step::Copy([from, Arc::clone(middle)]);
                vec![copy, Step::Blit([Arc::clone(middle), to], *filter), present]
            }
        }
    }
}

impl Step {
    /// What it touches; whatever it writes, it writes wholly.
    fn uses(&self) -> Vec<(&Arc<ImageInner>, Access, bool)> {
        match self {
            Self::Copy([from, to]) => {
                vec![(from, Access::IMAGE_COPY_SOURCE, false), (to, Access::IMAGE_COPY_TARGET, true)]
            }
            Self::Blit([from, to], _) => vec![(from, Access::BLIT_SOURCE, false), (to, Access::BLIT_TARGET, true)],
            Self::Present(image) => vec![(image, Access::PRESENT, false)],
        }
    }
}

impl Submitter {
    /// Records the steps on this thread and commits them. `told` is called once, also where that fails.
    pub(crate) fn show(&self, show: Show, plans: &PlanCache, told: Told) {
        match self.record_show(show, plans) {
            Ok(commit) => self.commit(commit(told)),
            Err(error) => told(Err(error)),
        }
    }

    fn record_show(&self, show: Show, plans: &PlanCache) -> Result<impl FnOnce(Told) -> Commit> {
        let steps = show.steps();
        let (plan, slots) = self.plan(&steps, plans)?;
        let foreseen = entry::foreseen(&plan, &slots);
        let mut lease = self.pools.lease(self.device.queues.get(QueueId::GRAPHICS).family)?;
        let cmd = lease.begin()?;
        let mut counts = Counts::default();
        let head = entry::barrier(&plan, &plan.batches[0], &foreseen);
        if !head.is_empty() {
            barrier::record(&self.device, cmd, &head, &slots, &mut counts);
        }
        // Each follows from the one before it, so their order is the plan's.
        for (step, before) in steps.iter().zip(&plan.before) {
            if let Some(index) = *before {
                barrier::record(&self.device, cmd, &plan.barriers[index as usize], &slots, &mut counts);
            }
            self.record_step(cmd, step)?;
        }
        lease.end()?;
        counts.book(&self.device.counters);
        let mut submitted = Submitted::copies(lease, Arc::clone(&slots), counts, Vec::new());
        submitted._frame = Some(show.lease);
        let handover = Some(show.handover);
        Ok(move |told| commit(plan, slots, vec![vec![cmd]], foreseen, handover, submitted, told))
    }

    fn plan(&self, steps: &[Step], plans: &PlanCache) -> Result<(Arc<Compiled>, Arc<[Resource]>)> {
        let (mut structure, mut slots) = (Structure::default(), Slots::default());
        for step in steps {
            let mut uses = Vec::new();
            for (image, access, discard) in step.uses() {
                let slot = slots.of(&mut structure, &Resource::Image(Arc::clone(image)));
                uses.push(SlotUse { slot, region: None, access, discard });
            }
            let shape =
                PassShape { needs: Needs::Graphics, queue: Some(QueueKind::Graphics), keep: true, manual: false };
            structure.push(shape, uses, &[]);
        }
        let plan = plans.get(&structure, &self.device.queues.map).map_err(refused)?.compiled;
        Ok((plan, slots.into_resources().into()))
    }

    fn record_step(&self, cmd: vk::CommandBuffer, step: &Step) -> Result<()> {
        let raw = &self.device.raw;
        let (from_layout, to_layout) = (vk::ImageLayout::TRANSFER_SRC_OPTIMAL, vk::ImageLayout::TRANSFER_DST_OPTIMAL);
        match step {
            Step::Copy(images) => {
                let [source, target] = handles(images)?;
                let [width, height] = images[0].shape.extent;
                let copy = [vk::ImageCopy::default()
                    .src_subresource(images[0].subresource_layers(&images[0].whole()))
                    .dst_subresource(images[1].subresource_layers(&images[1].whole()))
                    .extent(vk::Extent3D { width, height, depth: 1 })];
                // SAFETY: the barriers before it brought both images into these layouts; they have the same size and texels
                // of four bytes each, and live until the record of this work is dropped.
                unsafe { raw.cmd_copy_image(cmd, source, from_layout, target, to_layout, &copy) };
            }
            Step::Blit(images, filter) => {
                let [source, target] = handles(images)?;
                let blit = [vk::ImageBlit::default()
                    .src_subresource(images[0].subresource_layers(&images[0].whole()))
                    .src_offsets(corners(images[0].shape.extent))
                    .dst_subresource(images[1].subresource_layers(&images[1].whole()))
                    .dst_offsets(corners(images[1].shape.extent))];
                // SAFETY: as above. Formats were chosen from those that every device blits to (`is_shown` of the window), and
                // `R8G8B8A8_SRGB` and `_UNORM` can be blitted from everywhere, with a linear filter, too ("Required Format
                // Support").
                unsafe { raw.cmd_blit_image(cmd, source, from_layout, target, to_layout, &blit, *filter) };
            }
            Step::Present(_) => {} // the barrier before it is all
        }
        Ok(())
    }

    /// Commits nothing: its completion is that of all that the graphics queue was given before.
    pub(crate) fn mark(&self, told: Told) {
        let lease = match self.pools.lease(self.device.queues.get(QueueId::GRAPHICS).family) {
            Ok(lease) => lease,
            Err(error) => return told(Err(error)),
        };
        let (queue, nothing) = (QueueId::GRAPHICS, Vec::new());
        let batch = Batch { queue, positions: 0..0, waits: nothing.clone(), entries: nothing, after: None };
        let plan = Arc::new(Compiled { batches: vec![batch], ..Compiled::default() });
        let slots: Arc<[Resource]> = Arc::new([]);
        let submitted = Submitted::copies(lease, Arc::clone(&slots), Counts::default(), Vec::new());
        self.commit(commit(plan, slots, vec![Vec::new()], Vec::new(), None, submitted, told));
    }
}

fn commit(
    plan: Arc<Compiled>,
    slots: Arc<[Resource]>,
    buffers: Vec<Vec<vk::CommandBuffer>>,
    foreseen: Vec<Arrival>,
    handover: Option<Handover>,
    submitted: Submitted,
    told: Told,
) -> Commit {
    Commit {
        plan,
        slots,
        buffers,
        waits: Vec::new(),
        handover,
        foreseen,
        unwritten: Vec::new(),
        is_upload: false,
        claim: None,
        submitted,
        turns: Vec::new(),
        told,
    }
}

fn handles(images: &[Arc<ImageInner>; 2]) -> Result<[vk::Image; 2]> {
    let [from, to] = images;
    match (from.raw(), to.raw()) {
        (Some(from), Some(to)) => Ok([from, to]),
        _ => Err(Error::Graph(format!("`{}` or `{}` has no memory to show", from.name, to.name))),
    }
}

fn corners([width, height]: [u32; 2]) -> [vk::Offset3D; 2] {
    // Sides have at most as many texels as the device's limit, which is far below 2^31.
    [vk::Offset3D::default(), vk::Offset3D { x: width as i32, y: height as i32, z: 1 }]
}

/// A chain of few passes has no fault.
fn refused(fault: Fault) -> Error {
    Error::Graph(format!("a frame cannot be shown: {fault:?}"))
}
