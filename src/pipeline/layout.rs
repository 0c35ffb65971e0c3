//! The one pipeline layout: push constants for all stages, an image that compute shaders may store to, textures.

use std::sync::Arc;

use ash::vk;

use super::{Samplers, TextureSets};
use crate::{
    error::{During, Result},
    gpu::device::Device,
};

/// What every Vulkan device takes, and so what push constants may take.
pub(crate) const MAX_PUSH_BYTES: usize = 128;

/// Which of the layout's sets holds textures.
pub(crate) const TEXTURE_SET: u32 = 1;

/// Buffers are reached by address, so all pipelines share this layout. Its set 0 holds the image that a pass stores to; the
/// image brings the set along, written once. Its set 1 holds the textures that a pass samples.
pub(crate) struct PipelineLayout {
    device: Arc<Device>,
    pub(crate) raw: vk::PipelineLayout,
    _set: SetLayout,
    pub(crate) samplers: Samplers,
    pub(crate) textures: Arc<TextureSets>,
}

/// The layout of set 0.
pub(crate) struct SetLayout {
    device: Arc<Device>,
    pub(crate) raw: [vk::DescriptorSetLayout; 1],
}

impl PipelineLayout {
    pub(crate) fn new(device: Arc<Device>) -> Result<Arc<Self>> {
        let range =
            [vk::PushConstantRange::default().stage_flags(vk::ShaderStageFlags::ALL).size(MAX_PUSH_BYTES as u32)];
        let set = Self::make_set_layout(&device)?;
        let textures = TextureSets::new(Arc::clone(&device))?;
        let sets = [set.raw[0], textures.layout()];
        let info = vk::PipelineLayoutCreateInfo::default().push_constant_ranges(&range).set_layouts(&sets);
        // SAFETY: the device and the sets' layouts are alive, and 128 bytes are within every device's limit.
        let raw = unsafe { device.raw.create_pipeline_layout(&info, None) }.during("vkCreatePipelineLayout")?;
        device.labels.name(raw, "vulkio layout");
        let samplers = Samplers::new(Arc::clone(&device));
        Ok(Arc::new(Self { device, raw, _set: set, samplers, textures }))
    }

    /// A layout like that of its set 0: those that are made alike are compatible, so that images need not hold pipelines'.
    pub(crate) fn make_set_layout(device: &Arc<Device>) -> Result<SetLayout> {
        let binding = [vk::DescriptorSetLayoutBinding::default()
            .binding(0)
            .descriptor_type(vk::DescriptorType::STORAGE_IMAGE)
            .descriptor_count(1)
            .stage_flags(vk::ShaderStageFlags::COMPUTE)];
        let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&binding);
        // SAFETY: the structure is valid, and one storage image is within every device's limit.
        let raw = unsafe { device.raw.create_descriptor_set_layout(&info, None) };
        let raw = [raw.during("vkCreateDescriptorSetLayout")?];
        Ok(SetLayout { device: Arc::clone(device), raw })
    }
}

impl Drop for PipelineLayout {
    fn drop(&mut self) {
        // SAFETY: pipelines made with it and recordings that push through it hold its `Arc`.
        unsafe { self.device.raw.destroy_pipeline_layout(self.raw, None) };
    }
}

impl Drop for SetLayout {
    fn drop(&mut self) {
        // SAFETY: pipeline layouts made with it hold it; sets allocated with it are not written after it is gone.
        unsafe { self.device.raw.destroy_descriptor_set_layout(self.raw[0], None) };
    }
}
