//! Draws.

use std::{mem::size_of, ops::Range};

use ash::vk;

use super::{DrawArgs, DrawIndexedArgs, Encoder};
use crate::{
    GpuBuffer,
    error::{Error, Result},
    resource::Access,
};

mod sealed {
    pub trait Index: bytemuck::Pod {
        const TYPE: ash::vk::IndexType;
    }
    impl Index for u16 {
        const TYPE: ash::vk::IndexType = ash::vk::IndexType::UINT16;
    }
    impl Index for u32 {
        const TYPE: ash::vk::IndexType = ash::vk::IndexType::UINT32;
    }
}

/// An index: `u16` or `u32`.
pub trait Index: sealed::Index {}
impl<T: sealed::Index> Index for T {}

/// How many a range holds.
fn count(what: &str, range: &Range<u32>) -> Result<u32> {
    let reversed = || Error::Invalid(format!("a draw of the {what} {range:?}: the range is reversed"));
    range.end.checked_sub(range.start).ok_or_else(reversed)
}

impl Encoder<'_> {
    /// Sets the viewport and the scissor rectangle; at the pass's beginning they are the whole of its attachments.
    pub fn viewport(&mut self, at: [u32; 2], size: [u32; 2]) -> &mut Self {
        self.step(|this| {
            this.need_rendering("viewport")?;
            let extent = this.rendering.extent();
            let inside =
                |at: u32, size: u32, whole: u32| at.checked_add(size).is_some_and(|end| size > 0 && end <= whole);
            if !inside(at[0], size[0], extent.width) || !inside(at[1], size[1], extent.height) {
                let (width, height) = (extent.width, extent.height);
                return Err(Error::Invalid(format!(
                    "viewport of {size:?} pixels at {at:?} does not lie within the attachments of {width} x {height}"
                )));
            }
            this.set_viewport(at, size);
            Ok(())
        })
    }

    pub(crate) fn set_viewport(&mut self, at: [u32; 2], size: [u32; 2]) {
        let viewport = vk::Viewport {
            x: at[0] as f32,
            y: at[1] as f32,
            width: size[0] as f32,
            height: size[1] as f32,
            min_depth: 0.0,
            max_depth: 1.0,
        };
        let scissor = vk::Rect2D {
            offset: vk::Offset2D { x: at[0] as i32, y: at[1] as i32 },
            extent: vk::Extent2D { width: size[0], height: size[1] },
        };
        // SAFETY: the command buffer is being recorded; both lie within the attachments.
        unsafe {
            self.device.raw.cmd_set_viewport(self.cmd, 0, &[viewport]);
            self.device.raw.cmd_set_scissor(self.cmd, 0, &[scissor]);
        }
    }

    /// Draws vertices, for instances.
    pub fn draw(&mut self, vertices: Range<u32>, instances: Range<u32>) -> &mut Self {
        self.step(|this| {
            this.need_graphics("draw")?;
            let (vertex_count, instance_count) = (count("vertices", &vertices)?, count("instances", &instances)?);
            // SAFETY: a graphics pipeline is bound inside rendering; it reads no vertex buffer.
            unsafe {
                this.device.raw.cmd_draw(this.cmd, vertex_count, instance_count, vertices.start, instances.start)
            };
            this.counts.draws += 1;
            Ok(())
        })
    }

    /// Binds the index buffer of the indexed draws that follow.
    pub fn index_buffer<I: Index>(&mut self, indices: &GpuBuffer<I>) -> &mut Self {
        self.step(|this| {
            this.need_rendering("index_buffer")?;
            let raw = this.need(indices.inner(), Access::INDEX, "reads", "index()")?;
            // SAFETY: the buffer is an index buffer and outlives the submission.
            unsafe { this.device.raw.cmd_bind_index_buffer(this.cmd, raw, 0, I::TYPE) };
            this.index_count = Some(indices.len() as u64);
            Ok(())
        })
    }

    /// Draws indices of the bound index buffer, `vertex_offset` added to each, for instances.
    pub fn draw_indexed(&mut self, indices: Range<u32>, vertex_offset: i32, instances: Range<u32>) -> &mut Self {
        self.step(|this| {
            let most = this.need_indexed("draw_indexed")?;
            let (count, instance_count) = (count("indices", &indices)?, count("instances", &instances)?);
            if u64::from(indices.end) > most {
                let message = format!("draw_indexed of indices {indices:?} from an index buffer of {most}");
                return Err(Error::Invalid(message));
            }
            // SAFETY: a graphics pipeline and an index buffer that holds the range are bound inside rendering.
            unsafe {
                let raw = &this.device.raw;
                raw.cmd_draw_indexed(this.cmd, count, instance_count, indices.start, vertex_offset, instances.start);
            }
            this.counts.draws += 1;
            Ok(())
        })
    }

    /// Draws what elements `range` of `args` say. More than one element takes the device's `multi_draw_indirect`.
    pub fn draw_indirect(&mut self, args: &GpuBuffer<DrawArgs>, range: Range<usize>) -> &mut Self {
        self.step(|this| {
            this.need_graphics("draw_indirect")?;
            let (buffer, offset, count) = this.need_args(args, &range)?;
            let stride = size_of::<DrawArgs>() as u32;
            // SAFETY: the arguments lie within the buffer, and a graphics pipeline is bound inside rendering.
            unsafe { this.device.raw.cmd_draw_indirect(this.cmd, buffer, offset, count, stride) };
            this.counts.draws += 1;
            Ok(())
        })
    }

    /// Draws, indexed, what elements `range` of `args` say. More than one element takes the device's
    /// `multi_draw_indirect`.
    pub fn draw_indexed_indirect(&mut self, args: &GpuBuffer<DrawIndexedArgs>, range: Range<usize>) -> &mut Self {
        self.step(|this| {
            this.need_indexed("draw_indexed_indirect")?;
            let (buffer, offset, count) = this.need_args(args, &range)?;
            let stride = size_of::<DrawIndexedArgs>() as u32;
            // SAFETY: the arguments lie within the buffer; a graphics pipeline and an index buffer are bound.
            unsafe { this.device.raw.cmd_draw_indexed_indirect(this.cmd, buffer, offset, count, stride) };
            this.counts.draws += 1;
            Ok(())
        })
    }

    /// Draws, indexed, the first elements of `range` of `args`: as many as element `index` of `counts` says on the GPU,
    /// and no more than `range` holds.
    pub fn draw_indexed_indirect_count(
        &mut self,
        args: &GpuBuffer<DrawIndexedArgs>,
        range: Range<usize>,
        counts: &GpuBuffer<u32>,
        index: usize,
    ) -> &mut Self {
        self.step(|this| {
            this.need_indexed("draw_indexed_indirect_count")?;
            let bytes = args.byte_range(&range)?;
            let buffer = this.need(args.inner(), Access::INDIRECT, "reads", "indirect()")?;
            let count_offset = counts.byte_range(&(index..index.saturating_add(1)))?.start;
            let count_buffer = this.need(counts.inner(), Access::INDIRECT, "reads", "indirect()")?;
            let most = this.count_within_limit(range.len())?;
            let stride = size_of::<DrawIndexedArgs>() as u32;
            // SAFETY: arguments and count lie within their buffers; a graphics pipeline and an index buffer are bound;
            // drawIndirectCount is enabled on every device that vulkio opens.
            unsafe {
                let raw = &this.device.raw;
                raw.cmd_draw_indexed_indirect_count(
                    this.cmd,
                    buffer,
                    bytes.start,
                    count_buffer,
                    count_offset,
                    most,
                    stride,
                );
            }
            this.counts.draws += 1;
            Ok(())
        })
    }

    fn need_args<T: bytemuck::Pod>(&self, args: &GpuBuffer<T>, range: &Range<usize>) -> Result<(vk::Buffer, u64, u32)> {
        let bytes = args.byte_range(range)?;
        let buffer = self.need(args.inner(), Access::INDIRECT, "reads", "indirect()")?;
        let count = self.count_within_limit(range.len())?;
        if count > 1 && !self.device.info.features.multi_draw_indirect {
            return Err(Error::Invalid(format!(
                "an indirect draw of {count} argument structures on a device without multi_draw_indirect; draw them one by one"
            )));
        }
        Ok((buffer, bytes.start, count))
    }

    fn count_within_limit(&self, count: usize) -> Result<u32> {
        let most = self.device.info.limits.max_draw_indirect_count;
        u32::try_from(count).ok().filter(|&count| count <= most).ok_or_else(|| {
            Error::Invalid(format!("an indirect draw of {count} argument structures; this device takes at most {most}"))
        })
    }

    fn need_rendering(&self, command: &str) -> Result<()> {
        if !self.rendering.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} in a pass that does not render; add `.renders(..)` or `.depth(..)`")))
    }

    fn need_graphics(&self, command: &str) -> Result<()> {
        self.need_rendering(command)?;
        if self.bound == Some(vk::PipelineBindPoint::GRAPHICS) {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} without a graphics pipeline; `bind` one before it")))
    }

    fn need_indexed(&self, command: &str) -> Result<u64> {
        self.need_graphics(command)?;
        self.index_count.ok_or_else(|| {
            Error::Invalid(format!("{command} without an index buffer; say `index_buffer(..)` before it"))
        })
    }
}
