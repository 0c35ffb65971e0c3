//! Texels that come from the CPU with the pass.

use ash::vk;

use super::{
    Encoder,
    declared::{Want, level_of},
};
use crate::{
    error::{Error, Result},
    gpu::QueueKind,
    graph::ir::Region,
    resource::{ImageInner, ImagePart},
};

impl Encoder<'_> {
    /// Writes a rectangle of one level of an image: `size` texels from `at` on, row after row without gaps, and layer after
    /// layer if the part has several. They are copied now, into the frame's own memory.
    ///
    /// It is for the small part of a texture that changes with a frame. A large one is better uploaded with
    /// [`Gpu::upload_image`](crate::Gpu::upload_image). Depths are not written so.
    pub fn update_image(&mut self, image: &impl ImagePart, at: [u32; 2], size: [u32; 2], texels: &[u8]) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("update_image")?;
            this.need_queue("update_image", &[QueueKind::Graphics, QueueKind::Compute])?;
            let image = &image.part();
            let (target, region) = this.need_image(image, &Want::IMAGE_COPY_TARGET)?;
            let copy = check(image.image(), &region, at, size, texels.len())?;
            if texels.is_empty() {
                return Ok(());
            }
            let place = this.pages.reserve(texels.len(), 1)?;
            place.bytes.copy_from_slice(texels);
            let copy = [copy.buffer_offset(place.spot.offset)];
            let layout = vk::ImageLayout::TRANSFER_DST_OPTIMAL;
            // SAFETY: the image is in that layout, as declared; the rectangle lies within it, and its texels in the buffer, at a
            // multiple of 256.
            unsafe { this.device.raw.cmd_copy_buffer_to_image(this.cmd, place.spot.raw, target, layout, &copy) };
            this.counts.data_bytes += texels.len() as u64;
            Ok(())
        })
    }
}

/// What to copy, if it is within the image and there are as many bytes.
fn check(
    image: &ImageInner,
    region: &Region,
    at: [u32; 2],
    size: [u32; 2],
    bytes: usize,
) -> Result<vk::BufferImageCopy> {
    let name = &image.name;
    let level = level_of("update_image", image, region)?;
    if image.shape.aspect() != vk::ImageAspectFlags::COLOR {
        return Err(Error::Invalid(format!("update_image of the depth image `{name}`; use `copy_to_image`")));
    }
    let extent = image.shape.extent_of(level);
    let inside = |axis: usize| at[axis].checked_add(size[axis]).is_some_and(|end| end <= extent[axis]);
    if !inside(0) || !inside(1) {
        return Err(Error::Invalid(format!(
            "update_image of {size:?} texels at {at:?} of `{name}`, which has {extent:?} there"
        )));
    }
    let texels = u64::from(size[0]) * u64::from(size[1]) * region.layers().len() as u64;
    let expected = texels.saturating_mul(image.shape.texel_bytes.into());
    if expected != bytes as u64 {
        return Err(Error::Invalid(format!(
            "update_image of `{name}` with {bytes} bytes, where {size:?} texels have {expected}"
        )));
    }
    // Sides are within the device's limit, which is far below 2^31.
    Ok(vk::BufferImageCopy::default()
        .image_subresource(image.subresource_layers(region))
        .image_offset(vk::Offset3D { x: at[0] as i32, y: at[1] as i32, z: 0 })
        .image_extent(vk::Extent3D { width: size[0], height: size[1], depth: 1 }))
}
