//! Copies, fills and updates of buffers.

use std::{ops::Range, sync::Arc};

use ash::vk;
use bytemuck::{NoUninit, Pod};

use super::{Encoder, byte_range_of, declared::Want};
use crate::{
    error::{Error, Result},
    resource::{Buffer, BufferInner, image::unplaced},
};

/// What `vkCmdUpdateBuffer` takes at most.
const MOST_UPDATE_BYTES: usize = 65_536;

impl Encoder<'_> {
    /// Copies elements of one buffer to another, from element `at` on.
    pub fn copy<T: Pod>(
        &mut self,
        from: &impl Buffer<Element = T>,
        range: Range<usize>,
        to: &impl Buffer<Element = T>,
        at: usize,
    ) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("copy")?;
            let source = byte_range_of(from, &range)?;
            let target = byte_range_of(to, &(at..at.saturating_add(range.len())))?;
            if source.is_empty() {
                return Ok(());
            }
            let from = this.need(from.inner(), &source, &Want::COPY_SOURCE)?;
            let into = this.need(to.inner(), &target, &Want::COPY_TARGET)?;
            let size = source.end - source.start;
            if from.raw == into.raw && from.offset < into.offset + size && into.offset < from.offset + size {
                let name = &to.inner().name;
                return Err(Error::Invalid(format!("copy within `{name}` to an overlapping range")));
            }
            let region = vk::BufferCopy { src_offset: from.offset, dst_offset: into.offset, size };
            // SAFETY: both ranges lie within their buffers and do not overlap.
            unsafe { this.device.raw.cmd_copy_buffer(this.cmd, from.raw, into.raw, &[region]) };
            Ok(())
        })
    }

    /// Copies from memory that passes do not declare to parts of a buffer that this one did. Offsets in the target are from
    /// the buffer's own beginning.
    pub(crate) fn copy_regions(
        &mut self,
        from: vk::Buffer,
        to: &Arc<BufferInner>,
        mut regions: Vec<vk::BufferCopy>,
    ) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("copy_regions")?;
            let spot = to.spot().ok_or_else(|| unplaced(&to.name))?;
            regions.iter_mut().for_each(|region| region.dst_offset += spot.offset);
            // SAFETY: whoever made the regions has checked that they lie within both buffers and do not overlap.
            unsafe { this.device.raw.cmd_copy_buffer(this.cmd, from, spot.raw, &regions) };
            Ok(())
        })
    }

    /// Fills elements with a value.
    pub fn fill(&mut self, buffer: &impl Buffer<Element = u32>, range: Range<usize>, value: u32) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("fill")?;
            let bytes = byte_range_of(buffer, &range)?;
            if bytes.is_empty() {
                return Ok(());
            }
            let spot = this.need(buffer.inner(), &bytes, &Want::COPY_TARGET)?;
            let size = bytes.end - bytes.start;
            // SAFETY: the range lies within the buffer, in whole words.
            unsafe { this.device.raw.cmd_fill_buffer(this.cmd, spot.raw, spot.offset, size, value) };
            Ok(())
        })
    }

    /// Writes a few elements, at most 64 KiB, from element `at` on; the data travels in the command buffer.
    pub fn update<T: Pod + NoUninit>(&mut self, buffer: &impl Buffer<Element = T>, at: usize, data: &[T]) -> &mut Self {
        self.step(|this| {
            this.need_outside_rendering("update")?;
            let range = byte_range_of(buffer, &(at..at.saturating_add(data.len())))?;
            let bytes: &[u8] = bytemuck::cast_slice(data);
            if bytes.is_empty() {
                return Ok(());
            }
            check_update(&buffer.inner().name, range.start, bytes.len())?;
            let spot = this.need(buffer.inner(), &range, &Want::COPY_TARGET)?;
            // SAFETY: the range lies within the buffer, is a multiple of 4 bytes, and short enough.
            unsafe { this.device.raw.cmd_update_buffer(this.cmd, spot.raw, spot.offset, bytes) };
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
