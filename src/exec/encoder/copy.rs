//! Copies, fills and updates.

use std::ops::Range;

use ash::vk;
use bytemuck::{NoUninit, Pod};

use super::Encoder;
use crate::{
    GpuBuffer, GpuImage,
    error::{Bytes, Error, Result},
    resource::{Access, ImageRole, Resource},
};

/// What `vkCmdUpdateBuffer` takes at most.
const MOST_UPDATE_BYTES: usize = 65_536;

impl Encoder<'_> {
    /// Copies elements of one buffer to another, from element `to` on.
    pub fn copy<T: Pod>(
        &mut self,
        from: &GpuBuffer<T>,
        range: Range<usize>,
        to: &GpuBuffer<T>,
        at: usize,
    ) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("copy")?;
            let source = from.byte_range(&range)?;
            let target = to.byte_range(&(at..at.saturating_add(range.len())))?;
            if source.is_empty() {
                return Ok(());
            }
            let from = this.need(from.inner(), Access::COPY_SOURCE, "reads", "copy_source()")?;
            let to_buffer = this.need(to.inner(), Access::COPY_TARGET, "writes", "copy_target()")?;
            if from == to_buffer && source.start < target.end && target.start < source.end {
                return Err(Error::Invalid(format!("copy within `{}` to an overlapping range", to.name())));
            }
            let region =
                vk::BufferCopy { src_offset: source.start, dst_offset: target.start, size: source.end - source.start };
            // SAFETY: both ranges lie within their buffers and do not overlap.
            unsafe { this.device.raw.cmd_copy_buffer(this.cmd, from, to_buffer, &[region]) };
            Ok(())
        })
    }

    /// Fills elements with a value.
    pub fn fill(&mut self, buffer: &GpuBuffer<u32>, range: Range<usize>, value: u32) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("fill")?;
            let bytes = buffer.byte_range(&range)?;
            if bytes.is_empty() {
                return Ok(());
            }
            let raw = this.need(buffer.inner(), Access::COPY_TARGET, "writes", "copy_target()")?;
            // SAFETY: the range lies within the buffer, in whole words.
            unsafe { this.device.raw.cmd_fill_buffer(this.cmd, raw, bytes.start, bytes.end - bytes.start, value) };
            Ok(())
        })
    }

    /// Writes a few elements, at most 64 KiB, from element `at` on; the data travels in the command buffer.
    pub fn update<T: Pod + NoUninit>(&mut self, buffer: &GpuBuffer<T>, at: usize, data: &[T]) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("update")?;
            let range = buffer.byte_range(&(at..at.saturating_add(data.len())))?;
            let bytes: &[u8] = bytemuck::cast_slice(data);
            if bytes.is_empty() {
                return Ok(());
            }
            check_update(buffer.name(), range.start, bytes.len())?;
            let raw = this.need(buffer.inner(), Access::COPY_TARGET, "writes", "copy_target()")?;
            // SAFETY: the range lies within the buffer, is a multiple of 4 bytes, and short enough.
            unsafe { this.device.raw.cmd_update_buffer(this.cmd, raw, range.start, bytes) };
            Ok(())
        })
    }

    /// Copies an image's texels into a buffer, row after row without gaps.
    pub fn copy_image<R: ImageRole, T: Pod>(&mut self, image: &GpuImage<R>, to: &GpuBuffer<T>) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("copy_image")?;
            let inner = image.inner();
            let needed = inner.packed_bytes();
            if needed > to.bytes() {
                return Err(Error::Invalid(format!(
                    "`{}` holds {}, the texels of `{}` need {}",
                    to.name(),
                    Bytes(to.bytes()),
                    inner.name,
                    Bytes(needed)
                )));
            }
            let id = Resource::Image(std::sync::Arc::clone(inner)).id();
            this.need_declared(id, &inner.name, Access::IMAGE_COPY_SOURCE, "reads", "copy_source()")?;
            let target = this.need(to.inner(), Access::COPY_TARGET, "writes", "copy_target()")?;
            let [width, height] = inner.extent;
            let region = vk::BufferImageCopy::default()
                .image_subresource(inner.subresource_layers())
                .image_extent(vk::Extent3D { width, height, depth: 1 });
            let layout = vk::ImageLayout::TRANSFER_SRC_OPTIMAL;
            // SAFETY: the image is in that layout, as declared, and its packed texels fit into the buffer.
            unsafe { this.device.raw.cmd_copy_image_to_buffer(this.cmd, inner.raw, layout, target, &[region]) };
            Ok(())
        })
    }
}

fn check_update(name: &str, offset: u64, bytes: usize) -> Result<()> {
    if bytes > MOST_UPDATE_BYTES {
        return Err(Error::Invalid(format!(
            "update of `{name}` with {bytes} bytes; at most {MOST_UPDATE_BYTES}: use `gpu.upload`"
        )));
    }
    if !bytes.is_multiple_of(4) || !offset.is_multiple_of(4) {
        return Err(Error::Invalid(format!(
            "update of `{name}`: {bytes} bytes at byte {offset}; both go in steps of 4"
        )));
    }
    Ok(())
}
