//! Data of GPU buffers, and what it is for.

use ash::vk;
use bytemuck::Pod;
use vk::PipelineStageFlags2 as S;

use super::{Access, layout::Layout};
use crate::exec::{DispatchArgs, DrawArgs, DrawIndexedArgs};

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

/// Data that lives in GPU buffers, and what it is for: how systems touch a buffer of it that do not say otherwise.
///
/// Numbers, arrays and glam's vectors and matrices are `Storage`; arguments of indirect commands, such as
/// [`DrawArgs`](crate::DrawArgs), are `Indirect`.
pub trait GpuData: Pod {
    /// What it is for.
    const ROLE: Role;
    /// Where its numbers are. The derive says it; kernels compare it with what their shaders expect.
    #[doc(hidden)]
    const LAYOUT: Layout = Layout::Unknown(size_of::<Self>());
}

macro_rules! of_role {
    ($role:ident, $layout:expr; $($type:ty)+) => {
        $(impl GpuData for $type {
            const ROLE: Role = Role::$role;
            const LAYOUT: Layout = $layout;
        })+
    };
}

of_role!(Storage, Layout::Integer(size_of::<Self>()); u8 i8 u16 i16 u32 i32 u64 i64);
of_role!(Storage, Layout::Float(size_of::<Self>()); f32 f64);
of_role!(Storage, Layout::Array(&Layout::Float(4), size_of::<Self>() / 4, 4); glam::Vec2 glam::Vec3 glam::Vec4 glam::Mat4 glam::Quat);
of_role!(Storage, Layout::Array(&Layout::Integer(4), size_of::<Self>() / 4, 4);
    glam::UVec2 glam::UVec3 glam::UVec4 glam::IVec2 glam::IVec3 glam::IVec4);
of_role!(Indirect, Layout::Array(&Layout::Integer(4), size_of::<Self>() / 4, 4); DispatchArgs DrawArgs DrawIndexedArgs);

impl<T: GpuData, const N: usize> GpuData for [T; N]
where
    [T; N]: Pod,
{
    const ROLE: Role = T::ROLE;
    const LAYOUT: Layout = Layout::Array(&T::LAYOUT, N, size_of::<T>());
}

#[cfg(test)]
mod tests {
    use vk::{AccessFlags2 as A, PipelineStageFlags2 as S};

    use super::*;

    #[test]
    fn each_role_is_read_and_written_as_its_table_says() {
        let shaders = S::COMPUTE_SHADER;
        for (role, read, write) in [
            (Role::Storage, A::SHADER_STORAGE_READ, A::SHADER_STORAGE_WRITE),
            (Role::Uniform, A::SHADER_STORAGE_READ, A::TRANSFER_WRITE),
            (Role::Vertex, A::VERTEX_ATTRIBUTE_READ, A::TRANSFER_WRITE),
            (Role::Index, A::INDEX_READ, A::TRANSFER_WRITE),
            (Role::Indirect, A::INDIRECT_COMMAND_READ, A::SHADER_STORAGE_WRITE),
        ] {
            assert_eq!((role.read(shaders).mask, role.write(shaders).write_mask()), (read, write), "{role:?}");
            assert!(!role.read(shaders).writes() && role.write(shaders).writes(), "{role:?}");
        }
    }

    #[test]
    fn arguments_of_indirect_commands_are_indirect_and_arrays_are_as_their_elements() {
        assert_eq!(
            [DrawArgs::ROLE, <[DispatchArgs; 2]>::ROLE, <[f32; 3]>::ROLE],
            [Role::Indirect, Role::Indirect, Role::Storage]
        );
    }
}
