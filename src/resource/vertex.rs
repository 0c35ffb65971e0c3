//! Vertices, for pipelines that have them fetched.

use ash::vk;

use super::GpuData;

/// Data with the role `vertex`: which input of a vertex shader each of its fields is.
///
/// `#[derive(GpuData)] #[role(vertex)]` makes it from the fields, which get the locations 0, 1, 2, … in their order:
///
/// ```
/// use vulkio::{GpuData, Role, VertexData, ash::vk};
///
/// #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
/// #[repr(C)]
/// struct Corner { position: [f32; 3], color: [u8; 4] }
///
/// impl GpuData for Corner { const ROLE: Role = Role::Vertex; }
///
/// impl VertexData for Corner {
///     const ATTRIBUTES: &'static [(vk::Format, usize)] = &[
///         (vk::Format::R32G32B32_SFLOAT, 0), // layout(location = 0) in vec3 position;
///         (vk::Format::R8G8B8A8_UNORM, 12),  // layout(location = 1) in vec4 color;
///     ];
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not vertex data",
    label = "no vertex data",
    note = "write `#[derive(GpuData)] #[role(vertex)]` on it"
)]
pub trait VertexData: GpuData {
    /// Of each location, in ascending order: the format, and the offset in bytes.
    const ATTRIBUTES: &'static [(vk::Format, usize)];
}

/// A type of a field that a vertex shader can have as an input.
#[diagnostic::on_unimplemented(
    message = "a vertex shader has no input of the type `{Self}`",
    label = "no type of a vertex's field",
    note = "fields of vertices are `f32`, `u32`, `i32`, arrays of two to four of one of these, `[u8; 4]` (colours, 0 to 1), or glam's vectors"
)]
pub trait AttributeFormat {
    /// How it is fetched.
    const FORMAT: vk::Format;
}

macro_rules! formats {
    ($($format:ident: $($type:ty),+;)+) => {
        $($(impl AttributeFormat for $type {
            const FORMAT: vk::Format = vk::Format::$format;
        })+)+
    };
}

formats! {
    R32_SFLOAT: f32;
    R32G32_SFLOAT: [f32; 2], glam::Vec2;
    R32G32B32_SFLOAT: [f32; 3], glam::Vec3;
    R32G32B32A32_SFLOAT: [f32; 4], glam::Vec4;
    R32_UINT: u32;
    R32G32_UINT: [u32; 2], glam::UVec2;
    R32G32B32_UINT: [u32; 3], glam::UVec3;
    R32G32B32A32_UINT: [u32; 4], glam::UVec4;
    R32_SINT: i32;
    R32G32_SINT: [i32; 2], glam::IVec2;
    R32G32B32_SINT: [i32; 3], glam::IVec3;
    R32G32B32A32_SINT: [i32; 4], glam::IVec4;
    R8G8B8A8_UNORM: [u8; 4];
}
