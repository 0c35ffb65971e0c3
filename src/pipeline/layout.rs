//! The one pipeline layout: push constants for all stages, no descriptors.

use std::sync::Arc;

use ash::vk;

use crate::{
    error::{During, Result},
    gpu::device::Device,
};

/// What every Vulkan device takes, and so what push constants may take.
pub(crate) const MAX_PUSH_BYTES: usize = 128;

/// Buffers are reached by address, so all pipelines share this layout and no descriptor is ever written.
pub(crate) struct PipelineLayout {
    device: Arc<Device>,
    pub(crate) raw: vk::PipelineLayout,
}

impl PipelineLayout {
    pub(crate) fn new(device: Arc<Device>) -> Result<Arc<Self>> {
        let range =
            [vk::PushConstantRange::default().stage_flags(vk::ShaderStageFlags::ALL).size(MAX_PUSH_BYTES as u32)];
        let info = vk::PipelineLayoutCreateInfo::default().push_constant_ranges(&range);
        // SAFETY: the device is alive, and 128 bytes are within every device's limit.
        let raw = unsafe { device.raw.create_pipeline_layout(&info, None) }.during("vkCreatePipelineLayout")?;
        device.labels.name(raw, "vulkio layout");
        Ok(Arc::new(Self { device, raw }))
    }
}

impl Drop for PipelineLayout {
    fn drop(&mut self) {
        // SAFETY: pipelines made with it and recordings that push through it hold its `Arc`.
        unsafe { self.device.raw.destroy_pipeline_layout(self.raw, None) };
    }
}
