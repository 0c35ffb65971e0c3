//! The argument structures of indirect commands, in Vulkan's layout.

use bytemuck::{Pod, Zeroable};

/// Arguments of a draw (`VkDrawIndirectCommand`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct DrawArgs {
    /// Vertices to draw.
    pub vertex_count: u32,
    /// Instances to draw.
    pub instance_count: u32,
    /// The first vertex's index.
    pub first_vertex: u32,
    /// The first instance's index; not 0 only where the device has `draw_indirect_first_instance`.
    pub first_instance: u32,
}

/// Arguments of an indexed draw (`VkDrawIndexedIndirectCommand`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct DrawIndexedArgs {
    /// Indices to draw.
    pub index_count: u32,
    /// Instances to draw.
    pub instance_count: u32,
    /// Where in the index buffer to begin.
    pub first_index: u32,
    /// Added to every index.
    pub vertex_offset: i32,
    /// The first instance's index; not 0 only where the device has `draw_indirect_first_instance`.
    pub first_instance: u32,
}

/// Arguments of a dispatch (`VkDispatchIndirectCommand`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct DispatchArgs {
    /// Workgroups in x, y and z.
    pub groups: [u32; 3],
}
