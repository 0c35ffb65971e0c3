//! Pipelines: made off the runtime's workers, one async once-cell per description.

mod cache;
mod compute;
mod graphics;
mod layout;
mod shader;

use std::{fmt, sync::Arc};

use ash::vk;

pub(crate) use cache::Pipelines;
pub use compute::ComputePipeline;
pub use graphics::{GraphicsDesc, GraphicsPipeline};
pub(crate) use layout::{MAX_PUSH_BYTES, PipelineLayout, SetLayout};

use crate::{
    error::{Error, Result},
    gpu::device::Device,
    graph::uses::Rendering,
    resource::{Texel, texel},
};

/// The formats that a graphics pipeline renders to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Formats {
    pub(crate) colors: Vec<vk::Format>,
    pub(crate) depth: Option<vk::Format>,
}

impl Formats {
    /// Whether a device that takes `most_colors` attachments can render to these; else what is wrong.
    fn check(&self, most_colors: u32) -> Result<(), String> {
        if self.colors.len() > most_colors as usize {
            let count = self.colors.len();
            return Err(format!("{count} colour attachments; this device takes at most {most_colors}"));
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
        let colors = || rendering.colors.iter().map(|target| target.image.shape.format);
        let depth = rendering.depth.as_ref().map(|target| target.image.shape.format);
        if graphics && !(colors().eq(self.formats.colors.iter().copied()) && depth == self.formats.depth) {
            let has = Formats { colors: colors().collect(), depth };
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

mod sealed {
    pub trait Sealed {}
}

/// What [`Encoder::bind`](crate::Encoder::bind) takes: a [`ComputePipeline`] or a [`GraphicsPipeline`].
pub trait Pipeline: sealed::Sealed {
    #[doc(hidden)]
    fn inner(&self) -> &Arc<PipelineInner>;
}
