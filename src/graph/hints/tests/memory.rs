{
    let memory = [vk::MemoryBarrier2::default()
        .src_stage_mask(vk::PipelineStageFlags2::ALL_TRANSFER)
        .src_access_mask(vk::AccessFlags2::TRANSFER_WRITE)
        .dst_stage_mask(vk::PipelineStageFlags2::VERTEX_ATTRIBUTE_INPUT)
        .dst_access_mask(vk::AccessFlags2::VERTEX_ATTRIBUTE_READ)];
    let info = vk::DependencyInfo::default().memory_barriers(&memory);
    // SAFETY: `cmd` is being recorded on `device`, outside of rendering.
    unsafe { device.cmd_pipeline_barrier2(cmd, &info) };
}
