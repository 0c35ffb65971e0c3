//! Buffers and images, and how passes name them: [`Use`] and [`Attachment`].

pub(crate) mod access;
pub(crate) mod buffer;
mod copies;
mod data;
mod format;
pub(crate) mod image;
pub(crate) mod layout;
mod meta;
pub(crate) mod overlap;
pub(crate) mod range;
mod role;
mod uses;
mod vertex;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

pub use self::{
    access::{Access, Mode},
    buffer::{Buffer, BufferSlice, GpuBuffer, TransientBuffer},
    copies::CopySide,
    data::{GpuData, Role},
    image::{GpuImage, ImageDesc, ImagePart, Subimage},
    meta::{GpuHandle, GpuResource, GpuResourceKind, GpuResourceMeta},
    role::{Depth, Ids, ImageRole, RenderTarget, Texture},
    uses::{Attachment, Use},
    vertex::{AttributeFormat, VertexData},
};
pub(crate) use self::{
    buffer::{BufferInner, Spot},
    format::{Texel, texel},
    image::ImageInner,
    uses::{Load, Part},
};
use crate::{
    gpu::device::Device,
    graph::{
        ir::{Region, SlotShape},
        state::Tracker,
    },
};

/// What committed work did to a resource.
pub(crate) type State = Mutex<Tracker>;

/// The state of a buffer that nothing has touched.
fn new_buffer_state(whole: Region) -> State {
    Mutex::new(Tracker::new(whole))
}

/// The state of an image that nothing has touched: one queue family at a time owns it.
fn new_image_state(device: &Device, whole: Region) -> State {
    Mutex::new(Tracker::exclusive(whole, &device.queues.map.families))
}

/// A buffer or an image, whatever its type. Work in flight holds these, which is what defers their destruction.
#[derive(Clone)]
pub(crate) enum Resource {
    /// A buffer.
    Buffer(Arc<BufferInner>),
    /// An image.
    Image(Arc<ImageInner>),
}

impl Resource {
    /// The same for every handle of one resource, and different from that of any other that is alive.
    pub(crate) fn id(&self) -> usize {
        match self {
            Self::Buffer(buffer) => Arc::as_ptr(buffer).addr(),
            Self::Image(image) => Arc::as_ptr(image).addr(),
        }
    }

    /// The name it was made with.
    pub(crate) fn name(&self) -> &Arc<str> {
        match self {
            Self::Buffer(buffer) => &buffer.name,
            Self::Image(image) => &image.name,
        }
    }

    /// Who touched it last, as committed work knows it.
    pub(crate) fn state(&self) -> &State {
        match self {
            Self::Buffer(buffer) => &buffer.state,
            Self::Image(image) => &image.state,
        }
    }

    /// The graph that it lives in, if it lives in one alone.
    pub(crate) fn transient_of(&self) -> Option<u64> {
        match self {
            Self::Buffer(buffer) => buffer.transient_of,
            Self::Image(image) => image.transient_of(),
        }
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Region {
        match self {
            Self::Buffer(buffer) => buffer.whole(),
            Self::Image(image) => image.whole(),
        }
    }

    /// What a plan needs to know of it.
    pub(crate) fn shape(&self) -> SlotShape {
        match self {
            Self::Image(image) => image.slot_shape(),
            Self::Buffer(buffer) if buffer.transient_of.is_some() => SlotShape::TransientBuffer { bytes: buffer.bytes },
            Self::Buffer(buffer) => SlotShape::Buffer { bytes: buffer.bytes },
        }
    }

    /// The device it belongs to.
    pub(crate) fn device(&self) -> &Arc<Device> {
        match self {
            Self::Buffer(buffer) => &buffer.device,
            Self::Image(image) => &image.device,
        }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Buffer(buffer) => buffer.fmt(f),
            Self::Image(image) => image.fmt(f),
        }
    }
}
