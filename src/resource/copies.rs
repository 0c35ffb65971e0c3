//! What a pass that copies names: where from, where to.

use super::{BufferSlice, GpuBuffer, GpuImage, ImageRole, Subimage, TransientBuffer, Use};

mod sealed {
    pub trait Side {}
}

/// A side of a copy, for [`Pass::copies`](crate::Pass::copies): a buffer, an image, a part of one, or a reference to any
/// of these.
pub trait CopySide: sealed::Side {
    /// Read by the copy.
    fn source(&self) -> Use;
    /// Written by it.
    fn target(&self) -> Use;
}

impl<S: sealed::Side> sealed::Side for &S {}

impl<S: CopySide> CopySide for &S {
    fn source(&self) -> Use {
        S::source(self)
    }
    fn target(&self) -> Use {
        S::target(self)
    }
}

macro_rules! sides {
    ($($side:ident<$parameter:ident $(: $bound:ident)?>)*) => {
        $(impl<$parameter $(: $bound)?> sealed::Side for $side<$parameter> {}

        impl<$parameter $(: $bound)?> CopySide for $side<$parameter> {
            fn source(&self) -> Use {
                self.copy_source()
            }
            fn target(&self) -> Use {
                self.copy_target()
            }
        })*
    };
}

sides! {
    GpuBuffer<T>
    TransientBuffer<T>
    BufferSlice<T>
    GpuImage<R: ImageRole>
    Subimage<R: ImageRole>
}
