//! Draws.

use std::{mem::size_of, ops::Range};

use ash::vk;

use super::{Encoder, declared::Want, ready::Ready};
use crate::{
    error::{Error, Result},
    resource::Buffer,
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

/// How many a range holds; `None` if it is reversed.
#[inline]
fn count(range: &Range<u32>) -> Option<u32> {
    range.end.checked_sub(range.start)
}

fn rectangle(at: [u32; 2], size: [u32; 2]) -> vk::Rect2D {
    vk::Rect2D {
        offset: vk::Offset2D { x: at[0] as i32, y: at[1] as i32 },
        extent: vk::Extent2D { width: size[0], height: size[1] },
    }
}

fn check_order(what: &str, range: &Range<u32>) -> Result<()> {
    match count(range) {
        Some(_) => Ok(()),
        None => Err(Error::Invalid(format!("a draw of the {what} {range:?}: the range is reversed"))),
    }
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

    /// Draws only to these pixels from here on: `size` of them from `at` on, which lie within the attachments. None at all, if a
    /// side is 0. A [`viewport`](Self::viewport) sets them anew.
    pub fn scissor(&mut self, at: [u32; 2], size: [u32; 2]) -> &mut Self {
        self.step(|this| {
            this.need_rendering("scissor")?;
            let vk::Extent2D { width, height } = this.rendering.extent();
            let inside = |at: u32, size: u32, whole: u32| at.checked_add(size).is_some_and(|end| end <= whole);
            if !inside(at[0], size[0], width) || !inside(at[1], size[1], height) {
                return Err(Error::Invalid(format!(
                    "scissor of {size:?} pixels at {at:?} does not lie within the attachments of {width} x {height}"
                )));
            }
            // SAFETY: the command buffer is being recorded; the rectangle lies within the attachments.
            unsafe { this.device.raw.cmd_set_scissor(this.cmd, 0, &[rectangle(at, size)]) };
            Ok(())
        })
    }

    pub(super) fn set_viewport(&mut self, at: [u32; 2], size: [u32; 2]) {
        let viewport = vk::Viewport {
            x: at[0] as f32,
            y: at[1] as f32,
            width: size[0] as f32,
            height: size[1] as f32,
            min_depth: 0.0,
            max_depth: 1.0,
        };
        // SAFETY: the command buffer is being recorded; both lie within the attachments.
        unsafe {
            self.device.raw.cmd_set_viewport(self.cmd, 0, &[viewport]);
            self.device.raw.cmd_set_scissor(self.cmd, 0, &[rectangle(at, size)]);
        }
    }

    /// Draws vertices, for instances.
    #[inline]
    pub fn draw(&mut self, vertices: Range<u32>, instances: Range<u32>) -> &mut Self {
        if self.care && !self.cares_for(vertices.clone(), instances.clone()) {
            return self;
        }
        match (count(&vertices), count(&instances)) {
            (Some(vertex_count), Some(instance_count)) => {
                // SAFETY: a graphics pipeline is bound inside rendering, and reads no vertex buffer; or this does nothing.
                unsafe {
                    (self.calls.draw)(self.calls.cmd, vertex_count, instance_count, vertices.start, instances.start)
                };
                self.draws += 1;
            }
            _ => self.refuse_draw(vertices, instances),
        }
        self
    }

    #[cold]
    fn refuse_draw(&mut self, vertices: Range<u32>, instances: Range<u32>) {
        self.step(|this| {
            this.need_graphics("draw")?;
            check_order("vertices", &vertices)?;
            check_order("instances", &instances)
        });
    }

    /// Binds the index buffer of the indexed draws that follow. They may use those of its elements that the pass
    /// declared; of several slices of it, of the first.
    pub fn index_buffer<I: Index>(&mut self, indices: &impl Buffer<Element = I>) -> &mut Self {
        self.step(|this| {
            this.need_rendering("index_buffer")?;
            let declared = this.declared_bytes(indices.inner(), &Want::INDEX)?;
            let spot = this.need(indices.inner(), &declared, &Want::INDEX)?;
            let first = spot.offset - declared.start;
            // SAFETY: the buffer is an index buffer and outlives the submission.
            unsafe { this.device.raw.cmd_bind_index_buffer(this.cmd, spot.raw, first, I::TYPE) };
            let size = size_of::<I>() as u64;
            this.indices = declared.start / size..declared.end / size;
            this.set_ready(this.ready.indexed());
            Ok(())
        })
    }

    /// Draws indices of the bound index buffer, `vertex_offset` added to each, for instances.
    #[inline]
    pub fn draw_indexed(&mut self, indices: Range<u32>, vertex_offset: i32, instances: Range<u32>) -> &mut Self {
        let within = u64::from(indices.start) >= self.indices.start && u64::from(indices.end) <= self.indices.end;
        let (true, Some(index_count), Some(instance_count)) =
            (within && self.ready.has(Ready::DRAW_INDEXED), count(&indices), count(&instances))
        else {
            self.refuse_draw_indexed(indices, instances);
            return self;
        };
        // Which vertices indices name, only the GPU knows.
        if self.care && !self.cares_for(0..0, instances.clone()) {
            return self;
        }
        // SAFETY: a graphics pipeline and an index buffer that holds the range are bound inside rendering.
        unsafe {
            let (first, first_instance) = (indices.start, instances.start);
            (self.calls.draw_indexed)(
                self.calls.cmd,
                index_count,
                instance_count,
                first,
                vertex_offset,
                first_instance,
            );
        }
        self.draws += 1;
        self
    }

    #[cold]
    fn refuse_draw_indexed(&mut self, indices: Range<u32>, instances: Range<u32>) {
        self.step(|this| {
            this.need_indexed("draw_indexed")?;
            check_order("indices", &indices)?;
            check_order("instances", &instances)?;
            let Range { start, end } = this.indices;
            let held = if start == 0 { format!("{end}") } else { format!("which the pass declared {start}..{end}") };
            Err(Error::Invalid(format!("draw_indexed of indices {indices:?} from an index buffer of {held}")))
        });
    }

    pub(super) fn need_rendering(&self, command: &str) -> Result<()> {
        if !self.rendering.is_empty() {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} in a pass that does not render; add `.renders(..)` or `.depth(..)`")))
    }

    pub(super) fn need_graphics(&self, command: &str) -> Result<()> {
        self.need_rendering(command)?;
        if self.ready.has(Ready::DRAW) {
            return Ok(());
        }
        self.need_what_pipeline_needs(command)?;
        Err(Error::Invalid(format!("{command} without a graphics pipeline; `bind` one before it")))
    }

    pub(super) fn need_indexed(&self, command: &str) -> Result<()> {
        self.need_graphics(command)?;
        if self.ready.has(Ready::INDEX) {
            return Ok(());
        }
        Err(Error::Invalid(format!("{command} without an index buffer; say `index_buffer(..)` before it")))
    }
}
