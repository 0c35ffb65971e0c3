//! Draws whose arguments are in buffers.

use std::{mem::size_of, ops::Range};

use super::{DrawArgs, DrawIndexedArgs, Encoder, byte_range_of, declared::Want};
use crate::{
    error::{Error, Result},
    resource::{Buffer, buffer::Spot},
};

impl Encoder<'_> {
    /// Draws what elements `range` of `args` say. More than one element takes the device's `multi_draw_indirect`.
    pub fn draw_indirect(&mut self, args: &impl Buffer<Element = DrawArgs>, range: Range<usize>) -> &mut Self {
        self.step(|this| {
            this.need_graphics("draw_indirect")?;
            this.use_textures()?;
            this.look()?;
            let (args, count) = this.need_args(args, &range)?;
            let stride = size_of::<DrawArgs>() as u32;
            // SAFETY: the arguments lie within the buffer, and a graphics pipeline is bound inside rendering.
            unsafe { this.device.raw.cmd_draw_indirect(this.cmd, args.raw, args.offset, count, stride) };
            this.draws += 1;
            Ok(())
        })
    }

    /// Draws, indexed, what elements `range` of `args` say. More than one element takes the device's
    /// `multi_draw_indirect`.
    pub fn draw_indexed_indirect(
        &mut self,
        args: &impl Buffer<Element = DrawIndexedArgs>,
        range: Range<usize>,
    ) -> &mut Self {
        self.step(|this| {
            this.need_indexed("draw_indexed_indirect")?;
            this.use_textures()?;
            this.look()?;
            let (args, count) = this.need_args(args, &range)?;
            let stride = size_of::<DrawIndexedArgs>() as u32;
            // SAFETY: the arguments lie within the buffer; a graphics pipeline and an index buffer are bound.
            unsafe { this.device.raw.cmd_draw_indexed_indirect(this.cmd, args.raw, args.offset, count, stride) };
            this.draws += 1;
            Ok(())
        })
    }

    /// Draws, indexed, the first elements of `range` of `args`: as many as element `index` of `counts` says on the GPU,
    /// and no more than `range` holds.
    pub fn draw_indexed_indirect_count(
        &mut self,
        args: &impl Buffer<Element = DrawIndexedArgs>,
        range: Range<usize>,
        counts: &impl Buffer<Element = u32>,
        index: usize,
    ) -> &mut Self {
        self.step(|this| {
            this.need_indexed("draw_indexed_indirect_count")?;
            this.use_textures()?;
            this.look()?;
            let args_bytes = byte_range_of(args, &range)?;
            let args = this.need(args.inner(), &args_bytes, &Want::INDIRECT)?;
            let count_bytes = byte_range_of(counts, &(index..index.saturating_add(1)))?;
            let count = this.need(counts.inner(), &count_bytes, &Want::INDIRECT)?;
            let most = this.count_within_limit(range.len())?;
            let stride = size_of::<DrawIndexedArgs>() as u32;
            // SAFETY: arguments and count lie within their buffers; a graphics pipeline and an index buffer are bound;
            // drawIndirectCount is enabled on every device that vulkio opens.
            unsafe {
                let raw = &this.device.raw;
                raw.cmd_draw_indexed_indirect_count(
                    this.cmd,
                    args.raw,
                    args.offset,
                    count.raw,
                    count.offset,
                    most,
                    stride,
                );
            }
            this.draws += 1;
            Ok(())
        })
    }

    fn need_args(&self, args: &impl Buffer, range: &Range<usize>) -> Result<(Spot, u32)> {
        let bytes = byte_range_of(args, range)?;
        let spot = self.need(args.inner(), &bytes, &Want::INDIRECT)?;
        let count = self.count_within_limit(range.len())?;
        if count > 1 && !self.device.info.features.multi_draw_indirect {
            return Err(Error::Invalid(format!(
                "an indirect draw of {count} argument structures on a device without multi_draw_indirect; draw them one by one"
            )));
        }
        Ok((spot, count))
    }

    fn count_within_limit(&self, count: usize) -> Result<u32> {
        let most = self.device.info.limits.max_draw_indirect_count;
        u32::try_from(count).ok().filter(|&count| count <= most).ok_or_else(|| {
            Error::Invalid(format!("an indirect draw of {count} argument structures; this device takes at most {most}"))
        })
    }
}
