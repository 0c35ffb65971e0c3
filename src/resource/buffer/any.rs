//! What the buffers that commands take have in common.

use std::{fmt, marker::PhantomData, mem::size_of, ops::Range, sync::Arc};

use super::{BufferInner, BufferSlice, GpuBuffer, TransientBuffer};
use crate::resource::{Access, Part, Resource, Use};

pub(crate) mod sealed {
    pub trait Sealed {}
}

/// What an [`Encoder`](crate::Encoder)'s commands take: a [`GpuBuffer`] or a [`TransientBuffer`]; as the source of copies
/// also [`Imported`](crate::Imported) memory.
pub trait Buffer: sealed::Sealed {
    /// What it holds.
    type Element;
    #[doc(hidden)]
    fn inner(&self) -> &Arc<BufferInner>;
}

/// How a buffer, or a part of one, is used where that is not a storage access of shaders. It needs a method `used`.
macro_rules! accesses {
    () => {
        /// Read as the arguments of indirect draws or dispatches, or as a draw count.
        pub fn indirect(&self) -> Use {
            self.used(Some(Access::INDIRECT))
        }

        /// Read as a vertex buffer.
        pub fn vertex(&self) -> Use {
            self.used(Some(Access::VERTEX))
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
    };
}
pub(super) use accesses;

/// What handles of buffers can do, wherever their memory is.
macro_rules! handle {
    ($handle:ident) => {
        impl<T> $handle<T> {
            /// Elements in the buffer: at least one.
            #[must_use]
            pub fn len(&self) -> usize {
                // A buffer is made of a `usize` of elements that are not of size zero.
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

            accesses!();

            fn used(&self, access: Option<Access>) -> Use {
                Use { resource: Resource::Buffer(Arc::clone(&self.inner)), part: Part::Whole, access }
            }

            pub(crate) fn inner(&self) -> &Arc<BufferInner> {
                &self.inner
            }
        }

        impl<T> From<&$handle<T>> for Use {
            fn from(buffer: &$handle<T>) -> Self {
                buffer.used(None)
            }
        }

        impl<T> Clone for $handle<T> {
            fn clone(&self) -> Self {
                Self { inner: Arc::clone(&self.inner), element: PhantomData }
            }
        }

        impl<T> fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($handle))
                    .field("name", &self.name())
                    .field("len", &self.len())
                    .field("bytes", &self.bytes())
                    .finish_non_exhaustive()
            }
        }

        impl<T> sealed::Sealed for $handle<T> {}

        impl<T> Buffer for $handle<T> {
            type Element = T;
            fn inner(&self) -> &Arc<BufferInner> {
                self.inner()
            }
        }
    };
}

handle!(GpuBuffer);
handle!(TransientBuffer);
