//! Typed buffers.

mod any;
mod hosted;
mod inner;
mod slice;
mod transient;

use std::{
    marker::PhantomData,
    mem::{align_of, size_of},
    ops::Range,
    ptr::NonNull,
    sync::Arc,
};

use ash::vk;
use bytemuck::Pod;

pub use self::{any::Buffer, slice::BufferSlice, transient::TransientBuffer};
pub(crate) use self::{
    any::sealed,
    inner::{BufferHome, BufferInner, OwnBuffer, Spot},
};
use super::{
    Resource,
    range::{byte_range, bytes_of},
};
use crate::{
    error::{Error, Result},
    gpu::Gpu,
    memory::MemoryKind,
    sync::prim::lock,
};

/// Vulkan maps memory to at least this alignment, so elements that want more could not be looked at in place.
const MOST_ALIGNMENT: usize = 64;

/// A buffer of `T` in GPU memory.
///
/// A handle: cloning it is cheap and does not copy the contents. The memory is given back when the last handle is gone
/// and the last submission that uses it has completed.
pub struct GpuBuffer<T> {
    inner: Arc<BufferInner>,
    // The handle owns no `T`, and is `Send` and `Sync` whatever `T` is.
    element: PhantomData<fn() -> T>,
}

impl<T> GpuBuffer<T> {
    /// The address at which shaders reach the first element; pass it in push constants.
    #[must_use]
    pub fn address(&self) -> u64 {
        // `None` is for transients, which have handles of their own.
        self.inner.address().unwrap_or_default()
    }

    /// Whether the buffer was made by this [`Gpu`]. Only then can work on it use the buffer.
    #[must_use]
    pub fn same_device(&self, gpu: &Gpu) -> bool {
        Arc::ptr_eq(&self.inner.device, &gpu.shared.device)
    }

    /// The Vulkan handle.
    ///
    /// # Safety
    /// It must not be destroyed nor used after the last handle is dropped, and work that vulkio does not know of must be
    /// ordered against vulkio's by the caller.
    #[must_use]
    pub unsafe fn raw(&self) -> vk::Buffer {
        // As in `address`.
        self.inner.raw().unwrap_or_default()
    }

    /// Says that something vulkio does not know of has written the buffer, so that passes may read it. A pass that reads
    /// what nothing has written is an error otherwise.
    ///
    /// # Safety
    /// What was written through the [raw](Self::raw) handle must be complete, and visible to the device.
    pub unsafe fn assume_written(&self) {
        lock(&self.inner.state).assume_written();
    }

    /// A handle of a buffer whose bytes are whole elements.
    pub(crate) fn from_inner(inner: BufferInner) -> Self {
        Self { inner: Arc::new(inner), element: PhantomData }
    }

    /// Whether nobody else has a handle, nor work that is not complete.
    pub(crate) fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.inner) == 1
    }

    /// Whether all of it was written by what was submitted.
    pub(crate) fn is_written(&self) -> bool {
        lock(&self.inner.state).is_written(self.inner.whole())
    }

    pub(crate) fn resource(&self) -> Resource {
        Resource::Buffer(Arc::clone(&self.inner))
    }

    /// The bytes of some elements.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the range is reversed or reaches beyond the buffer.
    pub(crate) fn byte_range(&self, elements: &Range<usize>) -> Result<Range<u64>> {
        byte_range(self.name(), elements, self.len(), size_of::<T>())
    }
}

impl<T: Pod> GpuBuffer<T> {
    /// The contents, in place.
    ///
    /// # Panics
    /// If the buffer is in device memory: a mistake within vulkio, as only vulkio makes the other kinds.
    ///
    /// # Safety
    /// No work that writes the buffer may be in flight while the slice is alive; what the GPU wrote must have been made
    /// available to the host.
    pub(crate) unsafe fn host_slice(&self) -> &[T] {
        // SAFETY: all of the buffer is mapped, to 64 bytes or more, and any bytes are a `T`; the caller promises the rest.
        unsafe { std::slice::from_raw_parts(self.host_start().as_ptr(), self.len()) }
    }

    fn host_start(&self) -> NonNull<T> {
        self.inner.mapped().expect("host access is asked of upload and readback buffers only").cast()
    }
}

impl Gpu {
    /// Makes a buffer of `len` elements in the GPU's own memory. What it holds at first is undefined. `name` is what errors
    /// and debuggers call it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `len` is 0 or `T` has no size; [`Error::OutOfDeviceMemory`] if the device has not as much
    /// memory left, found before anything is allocated.
    pub fn buffer<T: Pod>(&self, name: &str, len: usize) -> Result<GpuBuffer<T>> {
        self.buffer_in(name, len, MemoryKind::Device)
    }

    /// A buffer in memory of some kind: mapped for the host unless that is [`MemoryKind::Device`].
    pub(crate) fn buffer_in<T: Pod>(&self, name: &str, len: usize, kind: MemoryKind) -> Result<GpuBuffer<T>> {
        check_shape::<T>(name, len)?;
        let inner = BufferInner::new(&self.shared.device, name, bytes_of(len, size_of::<T>()), kind)?;
        Ok(GpuBuffer::from_inner(inner))
    }
}

/// Whether there can be a buffer of `len` elements, were there memory for it.
pub(crate) fn check_shape<T>(name: &str, len: usize) -> Result<()> {
    let element = std::any::type_name::<T>();
    if len == 0 {
        return Err(Error::Invalid(format!("buffer `{name}`: 0 elements; a buffer has at least one")));
    }
    if size_of::<T>() == 0 {
        return Err(Error::Invalid(format!("buffer `{name}`: its element `{element}` has no bytes")));
    }
    if align_of::<T>() > MOST_ALIGNMENT {
        return Err(Error::Invalid(format!(
            "buffer `{name}`: its element `{element}` is aligned to {} bytes; {MOST_ALIGNMENT} are the most",
            align_of::<T>()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_nothing_is_refused_by_name() {
        assert!(check_shape::<u32>("cubes", 0).expect_err("no elements").to_string().contains("`cubes`"));
        assert!(check_shape::<[u32; 0]>("cubes", 1).expect_err("no bytes").to_string().contains("no bytes"));
    }

    #[test]
    fn an_element_that_mapped_memory_cannot_align_is_refused() {
        #[repr(align(128))]
        struct Wide;
        #[repr(align(64))]
        struct Line(#[expect(dead_code, reason = "only its layout counts")] u8);
        assert!(check_shape::<Line>("x", 1).is_ok());
        assert!(check_shape::<Wide>("x", 1).is_err());
    }

    #[test]
    fn a_handle_crosses_threads_whatever_its_element_is() {
        fn crosses<T: Send + Sync + Clone>() {}
        crosses::<GpuBuffer<*const u8>>();
    }
}
