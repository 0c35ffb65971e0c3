//! What an encoder calls in place of the driver's functions where checks are on.

use std::ffi::c_void;

use ash::vk;

use super::of;

pub(crate) unsafe extern "system" fn push_constants(
    cmd: vk::CommandBuffer,
    layout: vk::PipelineLayout,
    stages: vk::ShaderStageFlags,
    offset: u32,
    size: u32,
    values: *const c_void,
) {
    if let Some(watch) = of(cmd) {
        // SAFETY: the caller's arguments are those of the driver's function: so many bytes.
        watch.pushed(offset, unsafe { std::slice::from_raw_parts(values.cast(), size as usize) });
        // SAFETY: the caller's arguments, passed on.
        unsafe { (watch.driver.push_constants)(cmd, layout, stages, offset, size, values) };
    }
}

pub(crate) unsafe extern "system" fn draw(
    cmd: vk::CommandBuffer,
    vertices: u32,
    instances: u32,
    first_vertex: u32,
    first_instance: u32,
) {
    if let Some(watch) = of(cmd).filter(|watch| watch.allows()) {
        // SAFETY: the caller's arguments, passed on.
        unsafe { (watch.driver.draw)(cmd, vertices, instances, first_vertex, first_instance) };
    }
}

pub(crate) unsafe extern "system" fn draw_indexed(
    cmd: vk::CommandBuffer,
    indices: u32,
    instances: u32,
    first_index: u32,
    vertex_offset: i32,
    first_instance: u32,
) {
    if let Some(watch) = of(cmd).filter(|watch| watch.allows()) {
        // SAFETY: the caller's arguments, passed on.
        unsafe { (watch.driver.draw_indexed)(cmd, indices, instances, first_index, vertex_offset, first_instance) };
    }
}

pub(crate) unsafe extern "system" fn dispatch(cmd: vk::CommandBuffer, x: u32, y: u32, z: u32) {
    if let Some(watch) = of(cmd).filter(|watch| watch.allows()) {
        // SAFETY: the caller's arguments, passed on.
        unsafe { (watch.driver.dispatch)(cmd, x, y, z) };
    }
}
