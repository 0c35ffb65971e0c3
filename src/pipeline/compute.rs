//! Compute pipelines.

use std::sync::Arc;

use ash::vk;

use super::{
    Pipeline, PipelineInner, PipelineLayout, cache, sealed,
    shader::{ShaderModule, Words},
};
use crate::{error::Result, gpu::device::Device};

/// A compute shader, ready to dispatch. A cheap handle.
#[derive(Clone, Debug)]
pub struct ComputePipeline {
    inner: Arc<PipelineInner>,
}

impl ComputePipeline {
    pub(crate) fn new(inner: Arc<PipelineInner>) -> Self {
        Self { inner }
    }
}

impl sealed::Sealed for ComputePipeline {}

impl Pipeline for ComputePipeline {
    fn inner(&self) -> &Arc<PipelineInner> {
        &self.inner
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) shader: Words,
}

/// Blocks while the driver compiles: called on a helper thread.
pub(crate) fn build(
    device: &Device,
    layout: &PipelineLayout,
    cache: vk::PipelineCache,
    key: &Key,
    name: &str,
) -> Result<vk::Pipeline> {
    let module = ShaderModule::new(device, &key.shader)?;
    let (entry, bytes) = layout.textures.constant();
    let entries = [entry];
    let constants = vk::SpecializationInfo::default().map_entries(&entries).data(&bytes);
    let stage = module.stage(vk::ShaderStageFlags::COMPUTE, &constants);
    let info = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout.raw);
    // SAFETY: module and layout are alive; the shader's own validity is its author's duty.
    let made = unsafe { device.raw.create_compute_pipelines(cache, &[info], None) };
    made.map(|pipelines| pipelines[0]).map_err(|(_, result)| cache::refused(name, "vkCreateComputePipelines", result))
}
