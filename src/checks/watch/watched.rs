//! What an encoder calls in place of the driver's functions where checks are on: with a watch in place of the command buffer.
//!
//! Draws and dispatches with which all is right are handed on as they are, in a few instructions: what takes registers of its
//! own is in functions apart.

use std::{ffi::c_void, ptr};

use ash::vk::{self, Handle};

use super::Watch;

/// What the functions here are called with.
pub(crate) fn handle(watch: &Watch<'_>) -> vk::CommandBuffer {
    vk::CommandBuffer::from_raw(ptr::from_ref(watch).expose_provenance() as u64)
}

/// # Safety
/// `handle` was made of a watch that is alive.
#[inline]
unsafe fn of<'w>(handle: vk::CommandBuffer) -> &'w Watch<'w> {
    // SAFETY: by the caller's promise. The watch is looked at for no longer than the call of its encoder, which has it.
    unsafe { &*ptr::with_exposed_provenance(handle.as_raw() as usize) }
}

/// # Safety
/// As the driver's function; the first argument is a watch's [`handle`].
pub(crate) unsafe extern "system" fn push_constants(
    watch: vk::CommandBuffer,
    layout: vk::PipelineLayout,
    stages: vk::ShaderStageFlags,
    offset: u32,
    size: u32,
    values: *const c_void,
) {
    // SAFETY: by the caller's promise.
    let watch = unsafe { of(watch) };
    // First, as all other arguments are where the driver wants them.
    // SAFETY: the caller's arguments, passed on.
    unsafe { (watch.driver.push_constants)(watch.cmd, layout, stages, offset, size, values) };
    // SAFETY: the caller's arguments are those of the driver's function: so many bytes.
    watch.pushed(offset, unsafe { std::slice::from_raw_parts(values.cast(), size as usize) });
}

macro_rules! watched {
    ($($name:ident, $closely:ident($($argument:ident: $type:ty),*);)*) => {$(
        /// # Safety
        /// As the driver's function; the first argument is a watch's [`handle`].
        pub(crate) unsafe extern "system" fn $name(watch: vk::CommandBuffer, $($argument: $type),*) {
            // SAFETY: by the caller's promise.
            let own = unsafe { of(watch) };
            if own.is_right.get() {
                // SAFETY: the caller's arguments, passed on.
                unsafe { (own.driver.$name)(own.cmd, $($argument),*) };
            } else {
                // SAFETY: as above.
                unsafe { $closely(watch, $($argument),*) };
            }
        }

        #[cold]
        #[inline(never)]
        unsafe extern "system" fn $closely(watch: vk::CommandBuffer, $($argument: $type),*) {
            // SAFETY: by the caller's promise.
            let own = unsafe { of(watch) };
            if own.allows() {
                // SAFETY: the caller's arguments, passed on.
                unsafe { (own.driver.$name)(own.cmd, $($argument),*) };
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
