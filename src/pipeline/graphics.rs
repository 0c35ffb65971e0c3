//! Graphics pipelines.

use std::sync::Arc;

use ash::vk;

use super::{
    Fetched, Fetches, Formats, Pipeline, PipelineInner, PipelineLayout, cache, sealed,
    shader::{self, ShaderModule, Words},
};
use crate::{
    error::{Error, Result},
    gpu::device::Device,
    resource::VertexData,
};

/// A vertex and a fragment shader, ready to draw with. A cheap handle.
#[derive(Clone, Debug)]
pub struct GraphicsPipeline {
    inner: Arc<PipelineInner>,
}

impl GraphicsPipeline {
    pub(crate) fn new(inner: Arc<PipelineInner>) -> Self {
        Self { inner }
    }
}

impl sealed::Sealed for GraphicsPipeline {}

impl Pipeline for GraphicsPipeline {
    fn inner(&self) -> &Arc<PipelineInner> {
        &self.inner
    }
}

/// How what is drawn and what is there become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Blend {
    /// What is drawn replaces what is there.
    #[default]
    Off,
    /// Mixed by the alpha of what is drawn.
    Alpha,
    /// Mixed by the alpha of what is drawn, with which its colour is multiplied already.
    Premultiplied,
    /// Added to what is there, by the alpha of what is drawn.
    Add,
}

impl Blend {
    fn state(self) -> vk::PipelineColorBlendAttachmentState {
        use vk::BlendFactor as F;
        let colors = match self {
            Self::Off => None,
            Self::Alpha => Some([F::SRC_ALPHA, F::ONE_MINUS_SRC_ALPHA]),
            Self::Premultiplied => Some([F::ONE, F::ONE_MINUS_SRC_ALPHA]),
            Self::Add => Some([F::SRC_ALPHA, F::ONE]),
        };
        let state = vk::PipelineColorBlendAttachmentState::default().color_write_mask(vk::ColorComponentFlags::RGBA);
        let Some([source, target]) = colors else { return state };
        let alpha = if self == Self::Add { [F::ZERO, F::ONE] } else { [F::ONE, F::ONE_MINUS_SRC_ALPHA] };
        state
            .blend_enable(true)
            .src_color_blend_factor(source)
            .dst_color_blend_factor(target)
            .color_blend_op(vk::BlendOp::ADD)
            .src_alpha_blend_factor(alpha[0])
            .dst_alpha_blend_factor(alpha[1])
            .alpha_blend_op(vk::BlendOp::ADD)
    }
}

/// What a graphics pipeline is made of.
///
/// It draws triangle lists, counter-clockwise ones facing front, over the whole of its attachments. Vertices are
/// reached by address, or fetched where [`vertices`](Self::vertices) says so; depth, where there is any, is reversed: the greater value is nearer.
///
/// ```
/// use vulkio::{GraphicsDesc, ash::vk};
/// # let (vertex, fragment) = (&[0u8; 20], &[0u8; 20]);
/// let desc = GraphicsDesc::new("cubes", vertex, fragment)
///     .color(vk::Format::R8G8B8A8_SRGB)
///     .depth(vk::Format::D32_SFLOAT)
///     .cull(vk::CullModeFlags::BACK);
/// ```
#[derive(Clone, Debug)]
#[must_use = "hand it to `Gpu::graphics_pipeline`"]
pub struct GraphicsDesc {
    name: Arc<str>,
    vertex: Vec<u8>,
    fragment: Vec<u8>,
    formats: Formats,
    cull: vk::CullModeFlags,
    blend: Blend,
    fetches: Fetches,
}

impl GraphicsDesc {
    /// A pipeline of two SPIR-V shaders, each with an entry point `main`.
    pub fn new(name: &str, vertex: &[u8], fragment: &[u8]) -> Self {
        Self {
            name: name.into(),
            vertex: vertex.to_vec(),
            fragment: fragment.to_vec(),
            formats: Formats::default(),
            cull: vk::CullModeFlags::NONE,
            blend: Blend::Off,
            fetches: Fetches::default(),
        }
    }

    /// The same with these shaders.
    #[cfg(feature = "glsl")]
    pub(crate) fn shaders(mut self, vertex: &[u8], fragment: &[u8]) -> Self {
        (self.vertex, self.fragment) = (vertex.to_vec(), fragment.to_vec());
        self
    }

    /// Renders to a colour attachment of this format; said again, to a further one.
    pub fn color(mut self, format: vk::Format) -> Self {
        self.formats.colors.push(format);
        self
    }

    /// Tests (nearer wins) and writes a depth attachment of this format.
    pub fn depth(mut self, format: vk::Format) -> Self {
        self.formats.depth = Some(format);
        self
    }

    /// Renders to attachments of so many samples a texel; 1 by default.
    pub fn samples(mut self, samples: u32) -> Self {
        self.formats.samples = samples;
        self
    }

    /// Leaves out faces seen from these sides. None by default.
    pub fn cull(mut self, sides: vk::CullModeFlags) -> Self {
        self.cull = sides;
        self
    }

    /// How what is drawn and what is there become one, in all colour attachments.
    pub fn blend(mut self, blend: Blend) -> Self {
        self.blend = blend;
        self
    }

    /// Fetches a `V` for each vertex, from the buffer that [`Encoder::vertex_buffer`](crate::Encoder::vertex_buffer) binds:
    /// the inputs of the vertex shader have the locations 0, 1, 2, … in the order of its fields.
    ///
    /// ```
    /// # use vulkio::{GpuData, GraphicsDesc, Role, VertexData, ash::vk};
    /// # #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
    /// # #[repr(C)]
    /// # struct Corner { position: [f32; 3] }
    /// # impl GpuData for Corner { const ROLE: Role = Role::Vertex; }
    /// # impl VertexData for Corner { const ATTRIBUTES: &'static [(vk::Format, usize)] = &[(vk::Format::R32G32B32_SFLOAT, 0)]; }
    /// # let (vertex, fragment) = (&[0u8; 20], &[0u8; 20]);
    /// let desc = GraphicsDesc::new("mesh", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB).vertices::<Corner>();
    /// ```
    pub fn vertices<V: VertexData>(mut self) -> Self {
        self.fetches.vertices = Some(Fetched::of::<V>());
        self
    }

    /// Fetches a `V` for each instance, from the buffer that [`Encoder::instance_buffer`](crate::Encoder::instance_buffer)
    /// binds; its fields have the locations after those of [`vertices`](Self::vertices).
    pub fn instances<V: VertexData>(mut self) -> Self {
        self.fetches.instances = Some(Fetched::of::<V>());
        self
    }

    /// What identifies the pipeline, if a device of these limits can have it.
    pub(crate) fn key(self, limits: &vk::PhysicalDeviceLimits) -> Result<(Arc<str>, Key)> {
        let checked = self.formats.check(limits).and_then(|()| self.fetches.check(limits));
        checked.map_err(|reason| Error::Shader { name: self.name.to_string(), reason })?;
        let vertex = shader::words(&self.name, &self.vertex)?;
        let fragment = shader::words(&self.name, &self.fragment)?;
        let Self { name, formats, cull, blend, fetches, .. } = self;
        Ok((name, Key { vertex, fragment, formats, cull, blend, fetches }))
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    vertex: Words,
    fragment: Words,
    pub(crate) formats: Formats,
    cull: vk::CullModeFlags,
    blend: Blend,
    pub(crate) fetches: Fetches,
}

impl Key {
    /// By the names of their stages.
    pub(crate) fn shaders(&self) -> [(&'static str, &[u32]); 2] {
        [("vertex", &self.vertex), ("fragment", &self.fragment)]
    }

    /// Whether one of the shaders samples textures.
    pub(crate) fn samples(&self) -> bool {
        shader::samples(&self.vertex) || shader::samples(&self.fragment)
    }

    /// # Errors
    /// [`Error::Shader`] if the device does not blend colours of these formats.
    pub(crate) fn check_blend(&self, device: &Device, name: &str) -> Result<()> {
        let need = vk::FormatFeatureFlags::COLOR_ATTACHMENT_BLEND;
        let lacks = |format: &&vk::Format| !device.format_features(**format).contains(need);
        match self.formats.colors.iter().find(lacks).filter(|_| self.blend != Blend::Off) {
            None => Ok(()),
            Some(format) => {
                let reason = format!("{:?} blending, which this device does not have for {format:?}", self.blend);
                Err(Error::Shader { name: name.to_owned(), reason })
            }
        }
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
    let vertex = ShaderModule::new(device, &key.vertex)?;
    let fragment = ShaderModule::new(device, &key.fragment)?;
    let (entry, bytes) = layout.textures.constant();
    let entries = [entry];
    let constants = vk::SpecializationInfo::default().map_entries(&entries).data(&bytes);
    let stages = [(vk::ShaderStageFlags::VERTEX, vertex), (vk::ShaderStageFlags::FRAGMENT, fragment)];
    let stages = stages.each_ref().map(|(stage, module)| module.stage(*stage, &constants));
    let (bindings, attributes) = (key.fetches.bindings(), key.fetches.attributes());
    let vertex_input = vk::PipelineVertexInputStateCreateInfo::default()
        .vertex_binding_descriptions(&bindings)
        .vertex_attribute_descriptions(&attributes);
    let assembly = vk::PipelineInputAssemblyStateCreateInfo::default().topology(vk::PrimitiveTopology::TRIANGLE_LIST);
    let viewport = vk::PipelineViewportStateCreateInfo::default().viewport_count(1).scissor_count(1);
    let raster = vk::PipelineRasterizationStateCreateInfo::default()
        .polygon_mode(vk::PolygonMode::FILL)
        .cull_mode(key.cull)
        .front_face(vk::FrontFace::COUNTER_CLOCKWISE)
        .line_width(1.0);
    let samples = vk::PipelineMultisampleStateCreateInfo::default()
        .rasterization_samples(vk::SampleCountFlags::from_raw(key.formats.samples));
    let depth = vk::PipelineDepthStencilStateCreateInfo::default()
        .depth_test_enable(key.formats.depth.is_some())
        .depth_write_enable(key.formats.depth.is_some())
        .depth_compare_op(vk::CompareOp::GREATER);
    let blends: Vec<_> = key.formats.colors.iter().map(|_| key.blend.state()).collect();
    let blend = vk::PipelineColorBlendStateCreateInfo::default().attachments(&blends);
    let dynamic_states = [vk::DynamicState::VIEWPORT, vk::DynamicState::SCISSOR];
    let dynamic = vk::PipelineDynamicStateCreateInfo::default().dynamic_states(&dynamic_states);
    let mut rendering = vk::PipelineRenderingCreateInfo::default()
        .color_attachment_formats(&key.formats.colors)
        .depth_attachment_format(key.formats.depth.unwrap_or(vk::Format::UNDEFINED));
    let info = vk::GraphicsPipelineCreateInfo::default()
        .stages(&stages)
        .vertex_input_state(&vertex_input)
        .input_assembly_state(&assembly)
        .viewport_state(&viewport)
        .rasterization_state(&raster)
        .multisample_state(&samples)
        .depth_stencil_state(&depth)
        .color_blend_state(&blend)
        .dynamic_state(&dynamic)
        .layout(layout.raw)
        .push_next(&mut rendering);
    // SAFETY: modules and layout are alive; the shaders' own validity is their author's duty.
    let made = unsafe { device.raw.create_graphics_pipelines(cache, &[info], None) };
    made.map(|pipelines| pipelines[0]).map_err(|(_, result)| cache::refused(name, "vkCreateGraphicsPipelines", result))
}
