//! Pipelines: made off the runtime's workers, one async once-cell per description.

mod cache;
mod compute;
mod disk;
mod driver;
mod graphics;
mod layout;
mod sampler;
mod shader;
mod textures;
mod vertices;

use std::{fmt, sync::Arc};

use ash::vk;

pub(crate) use cache::Pipelines;
pub use compute::ComputePipeline;
pub(crate) use compute::{Key as ComputeKey, Specialized};
pub use graphics::{Blend, GraphicsDesc, GraphicsPipeline};
pub(crate) use layout::{MAX_PUSH_BYTES, PipelineLayout, SetLayout, TEXTURE_SET};
pub(crate) use sampler::Samplers;
pub use sampler::{Edge, Sampler, SamplerDesc};
pub(crate) use shader::words as spirv_words;
pub(crate) use textures::COUNT_CONSTANT;
pub(crate) use textures::{Bound, TextureSet, TextureSets};
pub(crate) use vertices::{Fetched, Fetches, INSTANCES, VERTICES};

use crate::{
    checks::PipelineReach,
    error::{Error, Result},
    gpu::device::Device,
    graph::uses::{Rendering, Target},
    resource::{Texel, texel},
};

/// The formats that a graphics pipeline renders to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Formats {
    pub(crate) colors: Vec<vk::Format>,
    pub(crate) depth: Option<vk::Format>,
    /// Of each texel.
    pub(crate) samples: u32,
}

impl Default for Formats {
    fn default() -> Self {
        Self { colors: Vec::new(), depth: None, samples: 1 }
    }
}

impl Formats {
    /// Whether a device of these limits can render to these; else what is wrong.
    fn check(&self, limits: &vk::PhysicalDeviceLimits) -> Result<(), String> {
        let (count, most) = (self.colors.len(), limits.max_color_attachments);
        if count > most as usize {
            return Err(format!("{count} colour attachments; this device takes at most {most}"));
        }
        if !self.samples.is_power_of_two() || self.samples > 64 {
            return Err(format!("{} samples a texel; a power of two up to 64 is possible", self.samples));
        }
        let color = if self.colors.is_empty() {
            vk::SampleCountFlags::from_raw(!0)
        } else {
            limits.framebuffer_color_sample_counts
        };
        let depth = if self.depth.is_none() {
            vk::SampleCountFlags::from_raw(!0)
        } else {
            limits.framebuffer_depth_sample_counts
        };
        if !(color & depth).contains(vk::SampleCountFlags::from_raw(self.samples)) {
            return Err(format!("{} samples a texel; this device has {:?}", self.samples, color & depth));
        }
        let is_depth = |format| texel(format).map(|(texel, _)| texel == Texel::Depth);
        match (self.colors.iter().find(|&&format| is_depth(format) != Some(false)), self.depth) {
            (Some(format), _) => Err(format!("{format:?} is no format of colour attachments here")),
            (None, Some(format)) if is_depth(format) != Some(true) => {
                Err(format!("{format:?} is no format of depth attachments here"))
            }
            _ => Ok(()),
        }
    }
}

/// A pipeline, kept alive by its handles and by the submissions that use it.
pub struct PipelineInner {
    device: Arc<Device>,
    /// Kept: the pipeline was made with it.
    _layout: Arc<PipelineLayout>,
    pub(crate) raw: vk::Pipeline,
    pub(crate) bind_point: vk::PipelineBindPoint,
    pub(crate) name: Arc<str>,
    formats: Formats,
    /// Whether its shaders sample textures.
    pub(crate) samples: bool,
    /// What they touch by address, if checks are on.
    pub(crate) reach: Option<Arc<PipelineReach>>,
    /// What is fetched for its vertex shader.
    pub(crate) fetches: Fetches,
}

impl PipelineInner {
    /// Whether it can be bound in a pass with this rendering.
    pub(crate) fn check_fits(&self, device: &Device, rendering: &Rendering) -> Result<()> {
        let name = &self.name;
        if !std::ptr::eq(device, &raw const *self.device) {
            return Err(Error::Invalid(format!("pipeline `{name}` belongs to another Gpu; make one on this Gpu")));
        }
        let renders = !rendering.is_empty();
        let graphics = self.bind_point == vk::PipelineBindPoint::GRAPHICS;
        if renders != graphics {
            let kind = if graphics { "graphics" } else { "compute" };
            let pass = if renders { "a pass that renders" } else { "a pass that does not render" };
            return Err(Error::Invalid(format!("the {kind} pipeline `{name}` is bound in {pass}")));
        }
        let colors = || rendering.colors.iter().map(Target::format);
        let depth = rendering.depth.as_ref().map(Target::format);
        let samples = rendering.samples();
        let Formats { colors: own_colors, depth: own_depth, samples: own_samples } = &self.formats;
        let fits = colors().eq(own_colors.iter().copied()) && depth == *own_depth && samples == *own_samples;
        if graphics && !fits {
            let has = Formats { colors: colors().collect(), depth, samples };
            return Err(Error::Invalid(format!(
                "pipeline `{name}` renders to {:?}, but the pass's attachments are {has:?}",
                self.formats
            )));
        }
        Ok(())
    }
}

impl Drop for PipelineInner {
    fn drop(&mut self) {
        // SAFETY: submissions that use the pipeline hold its `Arc` until they retire.
        unsafe { self.device.raw.destroy_pipeline(self.raw, None) };
    }
}

impl fmt::Debug for PipelineInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a submission keeps alive that no pass declares.
pub(crate) enum Kept {
    Pipeline(Arc<PipelineInner>),
    Textures(#[expect(dead_code, reason = "it is held, so that nobody writes to it")] Arc<TextureSet>),
}

mod sealed {
    pub trait Sealed {}
}

/// What [`Encoder::bind`](crate::Encoder::bind) takes: a [`ComputePipeline`] or a [`GraphicsPipeline`].
pub trait Pipeline: sealed::Sealed {
    #[doc(hidden)]
    fn inner(&self) -> &Arc<PipelineInner>;
}
