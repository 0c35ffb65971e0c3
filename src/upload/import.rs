//! The host's own memory as a source of copies: no staging in between.

use std::{
    any::type_name,
    fmt,
    future::Future,
    marker::PhantomData,
    mem::{align_of, size_of},
    ops::{Deref, Range},
    ptr::NonNull,
    slice,
    sync::Arc,
};

use bytemuck::Pod;

use super::data::{IntoUploadData, Source, UploadData};
use crate::{
    error::{Error, Result},
    gpu::Gpu,
    memory::{HostMemory, HostPages, check_element},
    resource::{
        Access, Buffer, BufferInner, Part, Resource, Use,
        buffer::sealed::Sealed,
        range::{byte_range, bytes_of},
    },
};

/// What errors and debuggers call it.
const NAME: &str = "imported memory";

/// Memory of the host that the device reads where it is; derefs to a slice. Made by [`Gpu::import`].
///
/// A handle: cloning it is cheap. Importing is slow, as the system pins the memory; so it is to be done once, and the
/// memory used again: [`get_mut`](Self::get_mut) lets it be written when nobody reads it.
///
/// It is data for [`Gpu::upload`], whole or a [`slice`](Self::slice) of it, and passes copy from it as from a buffer. When the last handle is gone and the last copy complete, it is unpinned, on the
/// thread that lets go of it; that takes a while for large memory.
///
/// ```no_run
/// # use vulkio::{Gpu, HostPages};
/// # async fn example(gpu: Gpu) -> vulkio::Result<()> {
/// let mut pages = HostPages::<f32>::new(1 << 20)?;
/// pages.fill(1.0);
/// let (ones, buffer) = (gpu.import(pages).await?, gpu.buffer::<f32>("ones", 1 << 20)?);
/// gpu.upload(&buffer, 0, ones.clone()).await?.await?; // no staging; the GPU reads the pages
/// gpu.upload(&buffer, 0, ones.slice(500..1000)?).await?.await?;
/// # Ok(()) }
/// ```
pub struct Imported<T> {
    inner: Arc<BufferInner>,
    element: PhantomData<Arc<T>>,
}

impl Gpu {
    /// Imports memory of the host, so that copies read it where it is. On a helper thread: it is pinned, which takes long.
    ///
    /// Counts as one of [`CounterSnapshot::device_allocations`](crate::CounterSnapshot::device_allocations), but not in
    /// `device_bytes`: no memory of the device is taken.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where the device cannot do it, as
    /// [`Features::external_memory_host`](crate::Features::external_memory_host) tells beforehand; what the driver says,
    /// out of memory above all; [`Error::Closed`]. The pages are gone then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the memory is not imported, or imported and given back.
    pub fn import<T: Pod>(&self, pages: HostPages<T>) -> impl Future<Output = Result<Imported<T>>> + Send + use<T> {
        let (memory, len) = pages.into_memory();
        import(self.clone(), memory, len)
    }

    /// As [`import`](Self::import), for memory that was made elsewhere, a mapped file, say: `len` elements from `start` on.
    /// `keep` is dropped when the memory is unused again, be it that this failed.
    ///
    /// The address and the bytes must be multiples of
    /// [`DeviceInfo::import_alignment`](crate::DeviceInfo::import_alignment).
    ///
    /// # Errors
    ///
    /// As [`import`](Self::import), and [`Error::Invalid`] for memory that is null, empty or not aligned.
    ///
    /// # Safety
    ///
    /// Until `keep` is dropped, the elements stay valid to be read, and nobody writes them.
    pub unsafe fn import_raw<T: Pod, K: Send + 'static>(
        &self,
        start: *const T,
        len: usize,
        keep: K,
    ) -> impl Future<Output = Result<Imported<T>>> + Send + use<T, K> {
        let memory = checked(start, len).map(|start| {
            // SAFETY: the caller's promise; the bytes were counted without overflow.
            unsafe { HostMemory::foreign(start, len * size_of::<T>(), keep) }
        });
        let gpu = self.clone();
        async move { import(gpu, memory?, len).await }
    }
}

/// The address, if there may be so many elements from there on.
fn checked<T>(start: *const T, len: usize) -> Result<NonNull<u8>> {
    check_element::<T>("import of host memory", len)?;
    let start =
        NonNull::new(start.cast_mut()).filter(|start| start.is_aligned() && len.checked_mul(size_of::<T>()).is_some());
    start.map(NonNull::cast).ok_or_else(|| {
        let (element, alignment) = (type_name::<T>(), align_of::<T>());
        Error::Invalid(format!(
            "import of host memory: {len} elements `{element}` need an address that is not null, a multiple of \
             {alignment}, and followed by as many bytes"
        ))
    })
}

async fn import<T: Pod>(gpu: Gpu, memory: HostMemory, len: usize) -> Result<Imported<T>> {
    gpu.check()?;
    let device = Arc::clone(&gpu.shared.device);
    let bytes = bytes_of(len, size_of::<T>());
    let import = move || BufferInner::hosted(&device, NAME, bytes, memory);
    let inner = gpu.shared.helpers.run("importing host memory", import).await??;
    Ok(Imported { inner: Arc::new(inner), element: PhantomData })
}

impl<T> Imported<T> {
    /// Read by a copy.
    pub fn copy_source(&self) -> Use {
        Use {
            resource: Resource::Buffer(Arc::clone(&self.inner)),
            part: Part::Whole,
            access: Some(Access::COPY_SOURCE),
        }
    }

    /// Some of its elements.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the range is reversed or reaches beyond the memory.
    pub fn slice(&self, range: Range<usize>) -> Result<ImportedSlice<T>> {
        byte_range(NAME, &range, self.count(), size_of::<T>())?;
        Ok(ImportedSlice { imported: self.clone(), range })
    }

    /// The elements, to be written; `None` while there is another handle, or a copy in flight. Await the copy's
    /// [`Completion`](crate::Completion) before.
    pub fn get_mut(&mut self) -> Option<&mut [T]>
    where
        T: Pod,
    {
        // Work in flight holds the buffer, until the reactor has seen it complete.
        Arc::get_mut(&mut self.inner)?;
        let (start, len) = (self.start(), self.count());
        // SAFETY: as in `deref`; nobody else has the memory, on the host or on the device.
        Some(unsafe { slice::from_raw_parts_mut(start.as_ptr(), len) })
    }

    /// The pages again, unpinned, which takes a while for large memory.
    ///
    /// # Errors
    ///
    /// Itself, if there is another handle or a copy in flight, or if it was made by [`Gpu::import_raw`].
    pub fn into_pages(mut self) -> Result<HostPages<T>, Self>
    where
        T: Pod,
    {
        let len = self.count();
        let pages = Arc::get_mut(&mut self.inner).and_then(BufferInner::take_pages);
        pages.map(|pages| HostPages::of(pages, len)).ok_or(self)
    }

    fn count(&self) -> usize {
        (self.inner.bytes / size_of::<T>().max(1) as u64) as usize
    }

    fn start(&self) -> NonNull<T> {
        self.inner.mapped().expect("the memory is there as long as a handle is").cast()
    }
}

impl<T: Pod> Deref for Imported<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: so many elements are there, aligned for them, for as long as the buffer; any bytes are a `T`. The device
        // only reads them, and the host writes them through the only handle.
        unsafe { slice::from_raw_parts(self.start().as_ptr(), self.count()) }
    }
}

impl<T> Clone for Imported<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), element: PhantomData }
    }
}

impl<T> fmt::Debug for Imported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imported").field("len", &self.count()).finish_non_exhaustive()
    }
}

impl<T> Sealed for Imported<T> {}

impl<T> Buffer for Imported<T> {
    type Element = T;

    fn inner(&self) -> &Arc<BufferInner> {
        &self.inner
    }
}

/// Some elements of [`Imported`] memory; derefs to a slice, and keeps the memory.
pub struct ImportedSlice<T> {
    imported: Imported<T>,
    range: Range<usize>,
}

impl<T> ImportedSlice<T> {
    /// Which elements of the memory these are.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// The memory that they lie in.
    #[must_use]
    pub fn whole(&self) -> &Imported<T> {
        &self.imported
    }
}

impl<T: Pod> Deref for ImportedSlice<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.imported[self.range.clone()]
    }
}

impl<T> Clone for ImportedSlice<T> {
    fn clone(&self) -> Self {
        Self { imported: self.imported.clone(), range: self.range.clone() }
    }
}

impl<T> fmt::Debug for ImportedSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportedSlice").field("range", &self.range).finish_non_exhaustive()
    }
}

impl<T> IntoUploadData for Imported<T> {
    type Element = T;

    fn into_upload_data(self) -> UploadData<T> {
        let bytes = self.inner.bytes;
        UploadData::new(Source::Mapped(self.inner, 0), bytes)
    }
}

impl<T> IntoUploadData for ImportedSlice<T> {
    type Element = T;

    fn into_upload_data(self) -> UploadData<T> {
        let (Range { start, end }, size) = (self.range, size_of::<T>());
        UploadData::new(Source::Mapped(self.imported.inner, bytes_of(start, size)), bytes_of(end - start, size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_can_have_no_elements_is_refused() {
        let words = [0u64; 2];
        assert!(checked(words.as_ptr(), 2).is_ok());
        for (start, len) in [(std::ptr::null(), 1), (words.as_ptr(), 0), (words.as_ptr(), usize::MAX / 4)] {
            assert!(matches!(checked(start, len), Err(Error::Invalid(_))), "{start:?} {len}");
        }
        let odd = words.as_ptr().wrapping_byte_add(1);
        assert!(checked(odd, 1).expect_err("not aligned").to_string().contains("multiple of 8"));
    }
}
