//! What the buffers that commands take have in common.

use std::sync::Arc;

use super::{BufferInner, GpuBuffer, TransientBuffer};

mod sealed {
    pub trait Sealed {}
}

/// What an [`Encoder`](crate::Encoder)'s commands take: a [`GpuBuffer`] or a [`TransientBuffer`].
pub trait Buffer: sealed::Sealed {
    /// What it holds.
    type Element;
    #[doc(hidden)]
    fn inner(&self) -> &Arc<BufferInner>;
}

impl<T> sealed::Sealed for GpuBuffer<T> {}
impl<T> sealed::Sealed for TransientBuffer<T> {}

impl<T> Buffer for GpuBuffer<T> {
    type Element = T;
    fn inner(&self) -> &Arc<BufferInner> {
        self.inner()
    }
}

impl<T> Buffer for TransientBuffer<T> {
    type Element = T;
    fn inner(&self) -> &Arc<BufferInner> {
        self.inner()
    }
}
