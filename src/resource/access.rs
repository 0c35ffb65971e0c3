//! How a task touches a resource: stage, access mask, layout, and whether it reads or writes.

use ash::vk;
use vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

/// Whether an access changes what is there, and what may overlap it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Looks at the contents and leaves them.
    Read,
    /// Changes the contents; no other access may overlap.
    Write,
    /// Changes the contents in a way that may overlap other such changes: by atomics, or in disjoint parts.
    ConcurrentWrite,
}

impl Mode {
    /// Whether two accesses of these kinds may overlap: reads, and concurrent writes.
    pub(crate) const fn goes_beside(self, other: Self) -> bool {
        matches!((self, other), (Self::Read, Self::Read) | (Self::ConcurrentWrite, Self::ConcurrentWrite))
    }
}

/// One way of touching a resource, as Vulkan's synchronization sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The pipeline stages that touch it.
    pub stages: vk::PipelineStageFlags2,
    /// The kinds of memory access they make.
    pub mask: vk::AccessFlags2,
    /// The layout an image must be in; `UNDEFINED` for buffers.
    pub layout: vk::ImageLayout,
    /// Read or write.
    pub mode: Mode,
}

/// The shader stages of a pass that renders.
pub(crate) const GRAPHICS_SHADERS: S = S::from_raw(S::VERTEX_SHADER.as_raw() | S::FRAGMENT_SHADER.as_raw());

impl Access {
    const fn new(stages: S, mask: A, layout: L, mode: Mode) -> Self {
        Self { stages, mask, layout, mode }
    }

    /// Reads through a buffer address or storage binding in the given shader stages.
    #[must_use]
    pub const fn storage_read(stages: S) -> Self {
        Self::new(stages, A::SHADER_STORAGE_READ, L::UNDEFINED, Mode::Read)
    }

    /// Reads and writes through a buffer address or storage binding in the given shader stages.
    #[must_use]
    pub const fn storage_write(stages: S) -> Self {
        let mask = A::from_raw(A::SHADER_STORAGE_READ.as_raw() | A::SHADER_STORAGE_WRITE.as_raw());
        Self::new(stages, mask, L::UNDEFINED, Mode::Write)
    }

    /// Indirect draw or dispatch arguments, and draw counts.
    pub const INDIRECT: Self = Self::new(S::DRAW_INDIRECT, A::INDIRECT_COMMAND_READ, L::UNDEFINED, Mode::Read);
    /// A vertex buffer.
    pub const VERTEX: Self = Self::new(S::VERTEX_ATTRIBUTE_INPUT, A::VERTEX_ATTRIBUTE_READ, L::UNDEFINED, Mode::Read);
    /// An index buffer.
    pub const INDEX: Self = Self::new(S::INDEX_INPUT, A::INDEX_READ, L::UNDEFINED, Mode::Read);
    /// The source of a copy, as a buffer.
    pub const COPY_SOURCE: Self = Self::new(S::ALL_TRANSFER, A::TRANSFER_READ, L::UNDEFINED, Mode::Read);
    /// The destination of a copy, a fill or an update, as a buffer.
    pub const COPY_TARGET: Self = Self::new(S::ALL_TRANSFER, A::TRANSFER_WRITE, L::UNDEFINED, Mode::Write);
    /// The source of a copy, as an image.
    pub const IMAGE_COPY_SOURCE: Self =
        Self::new(S::ALL_TRANSFER, A::TRANSFER_READ, L::TRANSFER_SRC_OPTIMAL, Mode::Read);
    /// The destination of a copy or a clear, as an image.
    pub const IMAGE_COPY_TARGET: Self =
        Self::new(S::ALL_TRANSFER, A::TRANSFER_WRITE, L::TRANSFER_DST_OPTIMAL, Mode::Write);
    /// Written by compute shaders, as an image.
    pub const STORAGE_IMAGE_TARGET: Self =
        Self::new(S::COMPUTE_SHADER, A::SHADER_STORAGE_WRITE, L::GENERAL, Mode::Write);
    /// Sampled by shaders: in the stages of the pass's kind, which are none as long as that is not known.
    pub(crate) const SAMPLED: Self =
        Self::new(S::NONE, A::SHADER_SAMPLED_READ, L::SHADER_READ_ONLY_OPTIMAL, Mode::Read);
    /// The source of a blit.
    pub const BLIT_SOURCE: Self = Self::new(S::BLIT, A::TRANSFER_READ, L::TRANSFER_SRC_OPTIMAL, Mode::Read);
    /// The destination of a blit.
    pub const BLIT_TARGET: Self = Self::new(S::BLIT, A::TRANSFER_WRITE, L::TRANSFER_DST_OPTIMAL, Mode::Write);
    /// A colour attachment: blended, loaded or overwritten.
    pub const COLOR_ATTACHMENT: Self = Self::new(
        S::COLOR_ATTACHMENT_OUTPUT,
        A::from_raw(A::COLOR_ATTACHMENT_READ.as_raw() | A::COLOR_ATTACHMENT_WRITE.as_raw()),
        L::COLOR_ATTACHMENT_OPTIMAL,
        Mode::Write,
    );
    /// A depth attachment that is tested and written.
    pub const DEPTH_ATTACHMENT: Self = Self::new(
        S::from_raw(S::EARLY_FRAGMENT_TESTS.as_raw() | S::LATE_FRAGMENT_TESTS.as_raw()),
        A::from_raw(A::DEPTH_STENCIL_ATTACHMENT_READ.as_raw() | A::DEPTH_STENCIL_ATTACHMENT_WRITE.as_raw()),
        L::DEPTH_ATTACHMENT_OPTIMAL,
        Mode::Write,
    );
    /// Both sides of the resolve of a depth attachment, which is done where colours are written.
    pub(crate) const DEPTH_RESOLVE: Self = Self::new(
        S::COLOR_ATTACHMENT_OUTPUT,
        A::from_raw(A::COLOR_ATTACHMENT_READ.as_raw() | A::COLOR_ATTACHMENT_WRITE.as_raw()),
        L::DEPTH_ATTACHMENT_OPTIMAL,
        Mode::Write,
    );
    /// Handed to the presentation engine, which makes what was written visible to itself, and waits for a semaphore. The
    /// stages are those in which a swapchain's image is written before and after: what comes next chains with them.
    pub(crate) const PRESENT: Self = Self::new(S::ALL_TRANSFER, A::NONE, L::PRESENT_SRC_KHR, Mode::Read);
    /// A read by the host after the work completed.
    pub const HOST_READ: Self = Self::new(S::HOST, A::HOST_READ, L::UNDEFINED, Mode::Read);

    /// This access, and that of `other` beside it.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { stages: self.stages | other.stages, mask: self.mask | other.mask, ..self }
    }

    /// Whether this access changes the contents.
    #[must_use]
    pub const fn writes(&self) -> bool {
        matches!(self.mode, Mode::Write | Mode::ConcurrentWrite)
    }

    /// Whether it looks at what was there: a write may, too.
    #[must_use]
    pub(crate) fn reads(&self) -> bool {
        !self.writes() || !(self.mask & !WRITES).is_empty()
    }

    /// The part of the mask that writes: what a barrier must make available.
    #[must_use]
    pub fn write_mask(&self) -> vk::AccessFlags2 {
        self.mask & WRITES
    }
}

/// Every access flag that writes. A read flag in a barrier's source mask does nothing, so it is left out there.
pub(crate) const WRITES: A = A::from_raw(
    A::SHADER_STORAGE_WRITE.as_raw()
        | A::SHADER_WRITE.as_raw()
        | A::TRANSFER_WRITE.as_raw()
        | A::COLOR_ATTACHMENT_WRITE.as_raw()
        | A::DEPTH_STENCIL_ATTACHMENT_WRITE.as_raw()
        | A::HOST_WRITE.as_raw()
        | A::MEMORY_WRITE.as_raw(),
);
