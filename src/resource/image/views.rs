//! The views of an image: of all of it, made with it, and of parts of it, made when they are first asked for.

use std::sync::{
    Arc, Mutex, OnceLock, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use ash::vk;

use super::Shape;
use crate::{
    error::{During, Result},
    gpu::device::Device,
    graph::ir::Region,
    pipeline::TextureSets,
    sync::prim::lock,
};

/// A view that shaders sample. No other one ever had its number, as handles may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SampledView {
    pub(crate) raw: vk::ImageView,
    pub(crate) number: u64,
}

/// What a view is of, and for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    region: Region,
    kind: vk::ImageViewType,
    format: vk::Format,
    usage: vk::ImageUsageFlags,
}

/// All views of one image.
pub(super) struct Views {
    device: Arc<Device>,
    image: vk::Image,
    shape: Shape,
    whole: vk::ImageView,
    /// Few are ever asked for.
    parts: Mutex<Vec<(Wanted, SampledView)>>,
    /// Where views of it are in descriptor sets.
    sets: OnceLock<Weak<TextureSets>>,
}

impl Views {
    /// # Errors
    /// What the driver says.
    pub(super) fn new(device: &Arc<Device>, image: vk::Image, name: &str, shape: Shape) -> Result<Self> {
        let kind = match shape.layers {
            1 => vk::ImageViewType::TYPE_2D,
            _ => vk::ImageViewType::TYPE_2D_ARRAY,
        };
        let region = Region::subresources(0..shape.levels, 0..shape.layers);
        let wanted = Wanted { region, kind, format: shape.format, usage: shape.view_usage() };
        let whole = create(device, image, shape, wanted)?;
        device.labels.name(whole, name);
        let device = Arc::clone(device);
        Ok(Self { device, image, shape, whole, parts: Mutex::default(), sets: OnceLock::new() })
    }

    /// The view of all of it.
    pub(super) fn whole(&self) -> vk::ImageView {
        self.whole
    }

    /// To render to one level of one layer; in this format, if it is not the image's own.
    ///
    /// # Errors
    /// What the driver says.
    pub(super) fn attachment(&self, level: u32, layer: u32, format: vk::Format) -> Result<vk::ImageView> {
        let own = format == self.shape.format;
        if own && (self.shape.levels, self.shape.layers) == (1, 1) {
            return Ok(self.whole);
        }
        let region = Region::subresources(level..level + 1, layer..layer + 1);
        let usage = if own { self.shape.view_usage() } else { vk::ImageUsageFlags::COLOR_ATTACHMENT };
        Ok(self.part(Wanted { region, kind: vk::ImageViewType::TYPE_2D, format, usage })?.raw)
    }

    /// To be sampled: always as an array of layers. `sets` hear of it when the view is gone.
    ///
    /// # Errors
    /// What the driver says.
    pub(super) fn sampled(&self, region: Region, sets: &Arc<TextureSets>) -> Result<SampledView> {
        let (kind, usage) = (vk::ImageViewType::TYPE_2D_ARRAY, vk::ImageUsageFlags::SAMPLED);
        self.sets.get_or_init(|| Arc::downgrade(sets));
        self.part(Wanted { region, kind, format: self.shape.format, usage })
    }

    fn part(&self, wanted: Wanted) -> Result<SampledView> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let mut parts = lock(&self.parts);
        if let Some(&(_, view)) = parts.iter().find(|(of, _)| *of == wanted) {
            return Ok(view);
        }
        let raw = create(&self.device, self.image, self.shape, wanted)?;
        let view = SampledView { raw, number: NUMBERS.fetch_add(1, Ordering::Relaxed) };
        parts.push((wanted, view));
        Ok(view)
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        let parts = self.parts.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(sets) = self.sets.get().and_then(Weak::upgrade) {
            sets.forget(|number| parts.iter().any(|(_, view)| view.number == number));
        }
        for view in parts.drain(..).map(|(_, view)| view.raw).chain([self.whole]) {
            // SAFETY: as for the image itself; sets that hold it are not bound any more.
            unsafe { self.device.raw.destroy_image_view(view, None) };
        }
    }
}

fn create(device: &Device, image: vk::Image, shape: Shape, wanted: Wanted) -> Result<vk::ImageView> {
    let Wanted { region, kind, format, usage } = wanted;
    let (levels, layers) = (region.levels(), region.layers());
    let range = vk::ImageSubresourceRange {
        aspect_mask: shape.aspect(),
        base_mip_level: levels.start,
        level_count: levels.end - levels.start,
        base_array_layer: layers.start,
        layer_count: layers.end - layers.start,
    };
    let mut usage = vk::ImageViewUsageCreateInfo::default().usage(usage);
    let info = vk::ImageViewCreateInfo::default()
        .image(image)
        .view_type(kind)
        .format(format)
        .subresource_range(range)
        .push_next(&mut usage);
    // SAFETY: the image is bound to memory, holds the range, and was made for such formats and uses.
    unsafe { device.raw.create_image_view(&info, None) }.during("vkCreateImageView")
}
