//! What an encoder calls in place of the driver's functions where checks are on.
//!
//! Draws and dispatches with which all is right are handed on as they are, in a few instructions: what takes registers of its
//! own is in functions apart.

use std::ffi::c_void;

use ash::vk;

use super::{of, right};

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

macro_rules! watched {
    ($($name:ident, $closely:ident($($argument:ident: $type:ty),*);)*) => {$(
        pub(crate) unsafe extern "system" fn $name(cmd: vk::CommandBuffer, $($argument: $type),*) {
            match right(cmd) {
                // SAFETY: the caller's arguments, passed on.
                Some(watch) => unsafe { (watch.driver.$name)(cmd, $($argument),*) },
                // SAFETY: as above.
                None => unsafe { $closely(cmd, $($argument),*) },
            }
        }

        #[cold]
        #[inline(never)]
        unsafe extern "system" fn $closely(cmd: vk::CommandBuffer, $($argument: $type),*) {
            if let Some(watch) = of(cmd).filter(|watch| watch.allows()) {
                // SAFETY: the caller's arguments, passed on.
                unsafe { (watch.driver.$name)(cmd, $($argument),*) };
            }
        }
    )*};
}

watched! {
    draw, draw_closely(vertices: u32, instances: u32, first_vertex: u32, first_instance: u32);
    draw_indexed, draw_indexed_closely(
        indices: u32, instances: u32, first_index: u32, vertex_offset: i32, first_instance: u32
    );
    dispatch, dispatch_closely(x: u32, y: u32, z: u32);
}
