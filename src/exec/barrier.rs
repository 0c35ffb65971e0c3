//! Recording a barrier of the plan: one `vkCmdPipelineBarrier2`.

use ash::vk;

use super::counts::Counts;
use crate::{
    gpu::device::Device,
    graph::phase::barriers::{Barrier, ImageBarrier},
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
    let images: Vec<_> = barrier.images.iter().filter_map(|image| image_barrier(image, slots)).collect();
    let mut info = vk::DependencyInfo::default().image_memory_barriers(&images);
    if !barrier.memory.is_empty() {
        info = info.memory_barriers(&memory);
    }
    // SAFETY: the command buffer is being recorded outside of rendering, and every image is alive: the recording
    // holds its `Arc` until it retires.
    unsafe { device.raw.cmd_pipeline_barrier2(cmd, &info) };
    counts.barriers += 1;
}

fn image_barrier(barrier: &ImageBarrier, slots: &[Resource]) -> Option<vk::ImageMemoryBarrier2<'static>> {
    let Resource::Image(image) = &slots[barrier.slot] else { return None };
    let change = barrier.dependency.relayout?;
    let barrier = vk::ImageMemoryBarrier2::default()
        .src_stage_mask(barrier.dependency.source.stages)
        .src_access_mask(barrier.dependency.source.mask)
        .dst_stage_mask(barrier.dependency.target.stages)
        .dst_access_mask(barrier.dependency.target.mask)
        .old_layout(change.old)
        .new_layout(change.new)
        .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .image(image.raw()?)
        .subresource_range(image.subresource_range(&image.whole()));
    Some(barrier)
}
