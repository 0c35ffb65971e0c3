//! Data of GPU buffers, and what it is for.

use ash::vk;
use bytemuck::Pod;
use vk::PipelineStageFlags2 as S;

use super::Access;

/// What the data of a buffer is for, and so how systems that do not say otherwise touch it.
///
/// | role | read | written |
/// | --- | --- | --- |
/// | `Storage` | by address in the pass's shaders | there, too |
/// | `Uniform` | by address in the pass's shaders | by copies |
/// | `Vertex` | as vertex attributes | by copies |
/// | `Index` | as indices | by copies |
/// | `Indirect` | as arguments of indirect draws and dispatches | by address in the pass's shaders |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Read and written by shaders.
    Storage,
    /// Constants, read by shaders. They are reached by address, as all buffers are, so that Vulkan sees storage reads.
    Uniform,
    /// Vertices, for [`Encoder::vertex_buffer`](crate::Encoder::vertex_buffer).
    Vertex,
    /// Indices, for [`Encoder::index_buffer`](crate::Encoder::index_buffer).
    Index,
    /// Arguments of indirect draws and dispatches, or counts of draws.
    Indirect,
}

impl Role {
    /// How a system whose shaders run in these stages reads it.
    #[must_use]
    pub const fn read(self, shaders: S) -> Access {
        match self {
            Self::Storage | Self::Uniform => Access::storage_read(shaders),
            Self::Vertex => Access::VERTEX,
            Self::Index => Access::INDEX,
            Self::Indirect => Access::INDIRECT,
        }
    }

    /// How a system whose shaders run in these stages writes it.
    #[must_use]
    pub const fn write(self, shaders: S) -> Access {
        match self {
            Self::Storage | Self::Indirect => Access::storage_write(shaders),
            Self::Uniform | Self::Vertex | Self::Index => Access::COPY_TARGET,
        }
    }
}

/// Data that lives in GPU buffers, and what it is for.
pub trait GpuData: Pod {
    /// What it is for.
    const ROLE: Role;
}
