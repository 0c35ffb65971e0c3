//! Copies, blits and clears of images.

use ash::vk;
use vk::{FormatFeatureFlags as F, ImageLayout as L};

use super::{
    Encoder,
    declared::{Want, level_of},
};
use crate::{
    error::{Bytes, Error, Result},
    gpu::QueueKind,
    graph::ir::Region,
    resource::{Buffer, GpuImage, ImageInner, ImagePart, ImageRole, Subimage, Texel, buffer::Spot, image::Shape},
};

/// How a blit or a [`Sampler`](crate::Sampler) makes a texel from those around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The nearest one: for integers, and to keep texels as they are.
    Nearest,
    /// A mean of the nearest four, by distance.
    Linear,
}

impl Filter {
    pub(crate) fn raw(self) -> vk::Filter {
        match self {
            Self::Nearest => vk::Filter::NEAREST,
            Self::Linear => vk::Filter::LINEAR,
        }
    }
}

impl Encoder<'_> {
    /// The image that the dispatches that follow store to, as set 0, binding 0: `rgba8`, so that shaders encode sRGB.
    pub(crate) fn storage_image<R: ImageRole>(&mut self, image: &GpuImage<R>) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("storage_image")?;
            this.need_image(&image.part(), &Want::STORAGE_IMAGE_TARGET)?;
            let set = [image.inner().storage_set()?];
            let compute = vk::PipelineBindPoint::COMPUTE;
            // SAFETY: the set has the layout of all pipelines' set 0, and lives as long as the image, which the pass declared.
            unsafe { this.device.raw.cmd_bind_descriptor_sets(this.cmd, compute, this.layout.raw, 0, &set, &[]) };
            Ok(())
        })
    }

    /// Copies the texels of one level of an image into a buffer, row after row and layer after layer without gaps.
    pub fn copy_image(&mut self, image: &impl ImagePart, to: &impl Buffer) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("copy_image")?;
            let image = &image.part();
            this.need_queue_for("copy_image of depths", image.image().shape.texel)?;
            let packed = Packed::of("copy_image", image)?;
            packed.check_fits(to)?;
            let (source, region) = this.need_image(image, &Want::IMAGE_COPY_SOURCE)?;
            let target = this.need(to.inner(), &(0..packed.bytes), &Want::COPY_TARGET)?;
            let copy = [packed.copy(image.image(), &region, target)];
            let layout = L::TRANSFER_SRC_OPTIMAL;
            // SAFETY: the image is in that layout, as declared, and its packed texels fit into the buffer.
            unsafe { this.device.raw.cmd_copy_image_to_buffer(this.cmd, source, layout, target.raw, &copy) };
            Ok(())
        })
    }

    /// Copies packed texels from a buffer's beginning to one level of an image, as [`copy_image`](Self::copy_image)
    /// packs them.
    pub fn copy_to_image(&mut self, from: &impl Buffer, image: &impl ImagePart) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("copy_to_image")?;
            let image = &image.part();
            this.need_queue_for("copy_to_image of depths", image.image().shape.texel)?;
            let packed = Packed::of("copy_to_image", image)?;
            packed.check_fits(from)?;
            let source = this.need(from.inner(), &(0..packed.bytes), &Want::COPY_SOURCE)?;
            let (target, region) = this.need_image(image, &Want::IMAGE_COPY_TARGET)?;
            let copy = [packed.copy(image.image(), &region, source)];
            let layout = L::TRANSFER_DST_OPTIMAL;
            // SAFETY: the image is in that layout, as declared, and the buffer holds all its packed texels.
            unsafe { this.device.raw.cmd_copy_buffer_to_image(this.cmd, source.raw, target, layout, &copy) };
            Ok(())
        })
    }

    /// Scales all of a level of one image to all of a level of another, or of the same; layer by layer, if they have
    /// several.
    pub fn blit(&mut self, from: &impl ImagePart, to: &impl ImagePart, filter: Filter) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("blit")?;
            this.need_queue("blit", &[QueueKind::Graphics])?;
            let (from, to) = (from.part(), to.part());
            let (source, from_region) = this.need_image(&from, &Want::BLIT_SOURCE)?;
            let (target, to_region) = this.need_image(&to, &Want::BLIT_TARGET)?;
            let (from, to) = (from.image(), to.image());
            this.check_blit([from, to], [&from_region, &to_region], filter)?;
            let (from_level, to_level) = (level_of("blit", from, &from_region)?, level_of("blit", to, &to_region)?);
            let blit = [vk::ImageBlit {
                src_subresource: from.subresource_layers(&from_region),
                src_offsets: corners(&from.shape, from_level),
                dst_subresource: to.subresource_layers(&to_region),
                dst_offsets: corners(&to.shape, to_level),
            }];
            let (from_layout, to_layout) = (L::TRANSFER_SRC_OPTIMAL, L::TRANSFER_DST_OPTIMAL);
            // SAFETY: the images are in these layouts, as declared; their formats can be blitted so, and the two parts
            // have as many layers and do not overlap.
            unsafe {
                let raw = &this.device.raw;
                raw.cmd_blit_image(this.cmd, source, from_layout, target, to_layout, &blit, filter.raw());
            }
            Ok(())
        })
    }

    /// Sets every texel of an image, or of a part of one, to `value`. Depth images are cleared as attachments.
    pub fn clear_color<I: ImagePart>(&mut self, image: &I, value: <I::Role as ImageRole>::Clear) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("clear_color")?;
            this.need_queue("clear_color", &[QueueKind::Graphics, QueueKind::Compute])?;
            let image = &image.part();
            let inner = image.image();
            if inner.shape.texel == Texel::Depth {
                let name = &inner.name;
                return Err(Error::Invalid(format!(
                    "clear_color of the depth image `{name}`; clear it where it is rendered to: `.depth({name}.clear(..))`"
                )));
            }
            let (raw, region) = this.need_image(image, &Want::IMAGE_COPY_TARGET)?;
            // SAFETY: the roles of images that are not depth make colours.
            let color = unsafe { I::Role::clear_value(value).color };
            let ranges = [inner.subresource_range(&region)];
            // SAFETY: the image is in that layout, as declared, and has a colour of this kind.
            unsafe { this.device.raw.cmd_clear_color_image(this.cmd, raw, L::TRANSFER_DST_OPTIMAL, &color, &ranges) };
            Ok(())
        })
    }

    /// # Errors
    /// [`Error::Invalid`] if the two do not go together, or the device cannot do it.
    fn check_blit(&self, [from, to]: [&ImageInner; 2], regions: [&Region; 2], filter: Filter) -> Result<()> {
        let invalid =
            |reason: String| Err(Error::Invalid(format!("blit from `{}` to `{}`: {reason}", from.name, to.name)));
        if regions[0].layers().len() != regions[1].layers().len() {
            let [from, to] = regions.map(|region| region.layers().len());
            return invalid(format!("{from} layers to {to}; they must be as many"));
        }
        if std::ptr::eq(from, to) && regions[0].intersection(regions[1]).is_some() {
            return invalid("the two overlap".to_owned());
        }
        if from.shape.texel != to.shape.texel {
            return invalid(format!("{:?} to {:?} texels; they must be of one kind", from.shape.texel, to.shape.texel));
        }
        if from.shape.texel == Texel::Depth && from.shape.format != to.shape.format {
            return invalid("depths are of two formats".to_owned());
        }
        if from.shape.texel != Texel::Color && filter == Filter::Linear {
            return invalid("only colours have a linear filter; use `Filter::Nearest`".to_owned());
        }
        let linear = if filter == Filter::Linear { F::SAMPLED_IMAGE_FILTER_LINEAR } else { F::empty() };
        for (format, need) in [(from.shape.format, F::BLIT_SRC | linear), (to.shape.format, F::BLIT_DST)] {
            if !self.device.format_features(format).contains(need) {
                return invalid(format!("this device cannot do that with {format:?} ({need:?})"));
            }
        }
        Ok(())
    }
}

/// A level's texels as a buffer holds them.
struct Packed {
    name: std::sync::Arc<str>,
    level: u32,
    bytes: u64,
}

impl Packed {
    fn of<R: ImageRole>(command: &str, image: &Subimage<R>) -> Result<Self> {
        let (inner, region) = (image.image(), image.region()?);
        let level = level_of(command, inner, &region)?;
        let bytes = inner.shape.packed_bytes(level, region.layers().len() as u32);
        Ok(Self { name: std::sync::Arc::clone(&inner.name), level, bytes })
    }

    fn check_fits(&self, buffer: &impl Buffer) -> Result<()> {
        let buffer = buffer.inner();
        if self.bytes <= buffer.bytes {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "`{}` holds {}, the texels of `{}` need {}",
            buffer.name,
            Bytes(buffer.bytes),
            self.name,
            Bytes(self.bytes)
        )))
    }

    fn copy(&self, image: &ImageInner, region: &Region, buffer: Spot) -> vk::BufferImageCopy {
        let [width, height] = image.shape.extent_of(self.level);
        vk::BufferImageCopy::default()
            .buffer_offset(buffer.offset)
            .image_subresource(image.subresource_layers(region))
            .image_extent(vk::Extent3D { width, height, depth: 1 })
    }
}

/// The corners of a level.
fn corners(shape: &Shape, level: u32) -> [vk::Offset3D; 2] {
    // Sides have at most as many texels as the device's limit, which is far below 2^31.
    let [x, y] = shape.extent_of(level).map(|side| side as i32);
    [vk::Offset3D::default(), vk::Offset3D { x, y, z: 1 }]
}
