//! Recording a barrier of the plan: one `vkCmdPipelineBarrier2`.

use ash::vk;

use super::counts::Counts;
use crate::{
    gpu::device::Device,
    graph::{
        compiled::{Barrier, ImageBarrier},
        manual::Given,
        state::Dependency,
    },
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
    let memory = [memory_barrier(&barrier.memory)];
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

/// Records what stands between dispatches of one pass of which some come after others: with the writes of those before, or as an order
/// alone.
pub(super) fn record_between_dispatches(
    device: &Device,
    cmd: vk::CommandBuffer,
    sees_writes: bool,
    counts: &mut Counts,
) {
    let shaders = vk::PipelineStageFlags2::COMPUTE_SHADER;
    let mut memory = vk::MemoryBarrier2::default().src_stage_mask(shaders).dst_stage_mask(shaders);
    if sees_writes {
        memory = memory
            .src_access_mask(vk::AccessFlags2::SHADER_STORAGE_WRITE)
            .dst_access_mask(vk::AccessFlags2::SHADER_STORAGE_READ | vk::AccessFlags2::SHADER_STORAGE_WRITE);
    }
    let memory = [memory];
    let info = vk::DependencyInfo::default().memory_barriers(&memory);
    // SAFETY: the command buffer is being recorded outside of rendering.
    unsafe { device.raw.cmd_pipeline_barrier2(cmd, &info) };
    counts.barriers += 1;
}

/// Records what the owner of a pass gives; no call if that is nothing.
pub(crate) fn record_given(device: &Device, cmd: vk::CommandBuffer, given: &[Given], counts: &mut Counts) {
    let memory: Vec<_> =
        given.iter().filter(|given| given.image.is_none()).map(|given| memory_barrier(&given.dependency)).collect();
    let images: Vec<_> = given.iter().filter_map(given_image).collect();
    if memory.is_empty() && images.is_empty() {
        return;
    }
    let info = vk::DependencyInfo::default().memory_barriers(&memory).image_memory_barriers(&images);
    // SAFETY: as above; the pass declares the images, and its owner promised that they are in these layouts.
    unsafe { device.raw.cmd_pipeline_barrier2(cmd, &info) };
    counts.barriers += 1;
}

fn given_image(given: &Given) -> Option<vk::ImageMemoryBarrier2<'static>> {
    let (image, region, [old, new]) = given.image.as_ref()?;
    let Dependency { source, target } = given.dependency;
    let info = vk::ImageMemoryBarrier2::default()
        .src_stage_mask(source.stages)
        .src_access_mask(source.mask)
        .dst_stage_mask(target.stages)
        .dst_access_mask(target.mask)
        .old_layout(*old)
        .new_layout(*new)
        .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .image(image.raw()?)
        .subresource_range(image.subresource_range(region));
    Some(info)
}

fn memory_barrier(memory: &Dependency) -> vk::MemoryBarrier2<'static> {
    vk::MemoryBarrier2::default()
        .src_stage_mask(memory.source.stages)
        .src_access_mask(memory.source.mask)
        .dst_stage_mask(memory.target.stages)
        .dst_access_mask(memory.target.mask)
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
