//! Parts of buffers, as passes declare them.

use std::{fmt, marker::PhantomData, mem::size_of, ops::Range, sync::Arc};

use super::{BufferInner, GpuBuffer, any::accesses};
use crate::{
    error::Result,
    graph::ir::Region,
    resource::{Access, Part, Resource, Use, range::byte_range},
};

/// Some elements of a buffer, for a pass to declare: what others do to the rest of the buffer meanwhile is no concern
/// of the pass.
///
/// Made by [`GpuBuffer::slice`](super::GpuBuffer::slice) and [`TransientBuffer::slice`](super::TransientBuffer::slice).
/// A slice of no elements declares nothing; one that reaches beyond its buffer is an error of the pass that declares it.
pub struct BufferSlice<T> {
    buffer: Arc<BufferInner>,
    range: Range<usize>,
    element: PhantomData<fn() -> T>,
}

impl<T> BufferSlice<T> {
    pub(crate) fn new(buffer: &Arc<BufferInner>, range: Range<usize>) -> Self {
        Self { buffer: Arc::clone(buffer), range, element: PhantomData }
    }

    /// The elements.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    pub(crate) fn buffer(&self) -> &Arc<BufferInner> {
        &self.buffer
    }

    /// Its bytes in the buffer.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if the range is reversed or reaches beyond the buffer.
    pub(crate) fn bytes(&self) -> Result<Range<u64>> {
        let size = size_of::<T>().max(1);
        byte_range(&self.buffer.name, &self.range, self.buffer.bytes as usize / size, size)
    }

    accesses!();

    fn used(&self, access: Option<Access>) -> Use {
        Use { resource: Resource::Buffer(Arc::clone(&self.buffer)), part: self.part(), access }
    }

    fn part(&self) -> Part {
        match self.bytes() {
            Ok(bytes) if bytes.is_empty() => Part::Nothing,
            Ok(bytes) => Part::Region(Region::bytes(bytes)),
            Err(error) => Part::Wrong(Box::new(error)),
        }
    }
}

impl<T> From<&BufferSlice<T>> for Use {
    fn from(slice: &BufferSlice<T>) -> Self {
        slice.used(None)
    }
}

impl<T> From<BufferSlice<T>> for Use {
    fn from(slice: BufferSlice<T>) -> Self {
        slice.used(None)
    }
}

/// All of a buffer.
impl<T> From<&GpuBuffer<T>> for BufferSlice<T> {
    fn from(buffer: &GpuBuffer<T>) -> Self {
        buffer.slice(0..buffer.len())
    }
}

impl<T> From<&Self> for BufferSlice<T> {
    fn from(slice: &Self) -> Self {
        slice.clone()
    }
}

impl<T> Clone for BufferSlice<T> {
    fn clone(&self) -> Self {
        Self::new(&self.buffer, self.range.clone())
    }
}

impl<T> fmt::Debug for BufferSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferSlice")
            .field("name", &self.buffer.name)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
