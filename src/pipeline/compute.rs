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
    pub(crate) specialized: Specialized,
}

/// What a shader is specialised to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Specialized {
    /// The bits of constants of 4 bytes, by their number; each number once.
    pub(crate) constants: Vec<(u32, u32)>,
    /// Invocations of a subgroup; `None`: the driver chooses.
    pub(crate) subgroup_size: Option<u32>,
    /// Whether there are only whole subgroups.
    pub(crate) full_subgroups: bool,
}

impl Key {
    pub(crate) fn plain(shader: Words) -> Self {
        Self { shader, specialized: Specialized::default() }
    }
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
    let Specialized { constants, subgroup_size, full_subgroups } = &key.specialized;
    let (entry, bytes) = layout.textures.constant();
    let (mut entries, mut data) = (vec![entry], bytes.to_vec());
    for (id, value) in constants {
        entries.push(vk::SpecializationMapEntry { constant_id: *id, offset: data.len() as u32, size: 4 });
        data.extend(value.to_ne_bytes());
    }
    let constants = vk::SpecializationInfo::default().map_entries(&entries).data(&data);
    let mut required = vk::PipelineShaderStageRequiredSubgroupSizeCreateInfo::default();
    let mut stage = module.stage(vk::ShaderStageFlags::COMPUTE, &constants);
    if *full_subgroups {
        stage = stage.flags(vk::PipelineShaderStageCreateFlags::REQUIRE_FULL_SUBGROUPS);
    }
    if let Some(size) = *subgroup_size {
        required = required.required_subgroup_size(size);
        stage = stage.push_next(&mut required);
    }
    let info = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout.raw);
    // SAFETY: module and layout are alive; the shader's own validity is its author's duty.
    let made = unsafe { device.raw.create_compute_pipelines(cache, &[info], None) };
    made.map(|pipelines| pipelines[0]).map_err(|(_, result)| cache::refused(name, "vkCreateComputePipelines", result))
}
