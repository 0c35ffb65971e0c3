//! Recording a barrier of the plan: one `vkCmdPipelineBarrier2`.

use ash::vk;

use super::counts::Counts;
use crate::{
    gpu::device::Device,
    graph::compiled::{Barrier, ImageBarrier},
    resource::Resource,
};

/// Records `barrier`, which must not be empty: an empty call is never made.
pub(crate) fn record(
    device: &Device,
    cmd: vk::CommandBuffer,
    barrier: &Barrier,
    slots: &[Resource],
    counts: &mut Counts,
) {
    let memory = [vk::MemoryBarrier2::default()
        .src_stage_mask(barrier.memory.source.stages)
        .src_access_mask(barrier.memory.source.mask)
        .dst_stage_mask(barrier.memory.target.stages)
        .dst_access_mask(barrier.memory.target.mask)];
    let images: Vec<_> = barrier.images.iter().filter_map(|image| image_barrier(device, image, slots)).collect();
    let mut info = vk::DependencyInfo::default().image_memory_barriers(&images);
    if !barrier.memory.is_empty() {
        info = info.memory_barriers(&memory);
    }
    // SAFETY: the command buffer is being recorded outside of rendering, and every image is alive: the recording
    // holds its `Arc` until it retires.
    unsafe { device.raw.cmd_pipeline_barrier2(cmd, &info) };
    counts.barriers += 1;
}

fn image_barrier(
    device: &Device,
    barrier: &ImageBarrier,
    slots: &[Resource],
) -> Option<vk::ImageMemoryBarrier2<'static>> {
    let Resource::Image(image) = &slots[barrier.slot] else { return None };
    let family = |queue| device.queues.get(queue).family;
    let (from, to) = barrier
        .transfer
        .map_or((vk::QUEUE_FAMILY_IGNORED, vk::QUEUE_FAMILY_IGNORED), |[from, to]| (family(from), family(to)));
    let info = vk::ImageMemoryBarrier2::default()
        .src_stage_mask(barrier.source.stages)
        .src_access_mask(barrier.source.mask)
        .dst_stage_mask(barrier.target.stages)
        .dst_access_mask(barrier.target.mask)
        .old_layout(barrier.old)
        .new_layout(barrier.new)
        .src_queue_family_index(from)
        .dst_queue_family_index(to)
        .image(image.raw()?)
        .subresource_range(image.subresource_range(&barrier.region));
    Some(info)
}
