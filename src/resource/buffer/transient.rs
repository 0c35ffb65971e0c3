//! Buffers that live inside one graph.

use std::{fmt, marker::PhantomData, mem::size_of, ops::Range, sync::Arc};

use bytemuck::Pod;

use super::{BufferInner, BufferSlice, check_shape};
use crate::{
    error::Result,
    gpu::device::Device,
    resource::{Access, Part, Resource, Use, range::bytes_of},
};

/// A buffer of `T` that lives inside one graph, in memory that it may share with others of that graph whose lives do not
/// meet its own.
///
/// It holds nothing before a pass of the graph writes it, and belongs to no other graph. Its address is known while its
/// graph is recorded: [`Encoder::address`](crate::Encoder::address).
pub struct TransientBuffer<T> {
    inner: Arc<BufferInner>,
    element: PhantomData<fn() -> T>,
}

impl<T: Pod> TransientBuffer<T> {
    /// A buffer of `len` elements for the graph with this id.
    pub(crate) fn new(device: &Arc<Device>, name: &str, len: usize, graph: u64) -> Result<Self> {
        check_shape::<T>(name, len)?;
        let inner = BufferInner::transient(device, name, bytes_of(len, size_of::<T>()), graph)?;
        Ok(Self { inner: Arc::new(inner), element: PhantomData })
    }
}

impl<T> TransientBuffer<T> {
    /// Elements in the buffer: at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.inner.bytes / size_of::<T>().max(1) as u64) as usize
    }

    /// Always `false`: there are no empty buffers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Bytes in the buffer.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.inner.bytes
    }

    /// The name it was made with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Some of its elements, for a pass to declare.
    #[must_use = "hand it to a pass's `reads` or `writes`"]
    pub fn slice(&self, range: Range<usize>) -> BufferSlice<T> {
        BufferSlice::new(&self.inner, range)
    }

    /// Read as the arguments of indirect draws or dispatches, or as a draw count.
    pub fn indirect(&self) -> Use {
        self.used(Some(Access::INDIRECT))
    }

    /// Read as an index buffer.
    pub fn index(&self) -> Use {
        self.used(Some(Access::INDEX))
    }

    /// Read by a copy.
    pub fn copy_source(&self) -> Use {
        self.used(Some(Access::COPY_SOURCE))
    }

    /// Written by a copy, a fill or an update.
    pub fn copy_target(&self) -> Use {
        self.used(Some(Access::COPY_TARGET))
    }

    fn used(&self, access: Option<Access>) -> Use {
        Use { resource: Resource::Buffer(Arc::clone(&self.inner)), part: Part::Whole, access }
    }

    pub(crate) fn inner(&self) -> &Arc<BufferInner> {
        &self.inner
    }
}

impl<T> From<&TransientBuffer<T>> for Use {
    fn from(buffer: &TransientBuffer<T>) -> Self {
        buffer.used(None)
    }
}

impl<T> Clone for TransientBuffer<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), element: PhantomData }
    }
}

impl<T> fmt::Debug for TransientBuffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransientBuffer")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
