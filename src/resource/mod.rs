//! Buffers and images, and how passes name them: [`Use`] and [`Attachment`].

pub(crate) mod access;
mod buffer;
mod format;
mod image;
mod range;
mod role;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use ash::vk;

pub use self::{
    access::{Access, Mode},
    buffer::GpuBuffer,
    image::GpuImage,
    role::{Depth, Ids, ImageRole, RenderTarget},
};
pub(crate) use self::{
    buffer::BufferInner,
    format::{Texel, texel},
    image::ImageInner,
};
use crate::{gpu::device::Device, graph::state::ResourceState};

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
    pub(crate) fn state(&self) -> &Mutex<ResourceState> {
        match self {
            Self::Buffer(buffer) => &buffer.state,
            Self::Image(image) => &image.state,
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

/// A resource and how a pass touches it: what `reads` and `writes` take.
///
/// Made from a reference to a buffer, which means a storage access in the shaders of the pass, or by the methods of
/// [`GpuBuffer`] and [`GpuImage`] that say otherwise, such as [`GpuBuffer::indirect`].
#[derive(Clone, Debug)]
#[must_use = "hand it to a pass's `reads` or `writes`"]
pub struct Use {
    pub(crate) resource: Resource,
    /// `None`: a storage access in the stages of the pass's kind.
    pub(crate) access: Option<Access>,
}

impl<T> From<&GpuBuffer<T>> for Use {
    fn from(buffer: &GpuBuffer<T>) -> Self {
        Self { resource: buffer.resource(), access: None }
    }
}

impl From<&Use> for Use {
    fn from(used: &Use) -> Self {
        used.clone()
    }
}

/// What becomes of an attachment's old contents when a pass begins to render to it.
#[derive(Clone, Copy)]
#[expect(clippy::enum_variant_names, reason = "the names are Vulkan's")]
pub(crate) enum Load {
    /// They stay, and the pass draws over them.
    Load,
    /// Every texel gets this value first.
    Clear(vk::ClearValue),
    /// They are lost: the pass covers all that anyone looks at.
    DontCare,
}

impl fmt::Debug for Load {
    // The value of a clear is a union, which does not know its own type.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Load => "load",
            Self::Clear(_) => "clear",
            Self::DontCare => "discard",
        })
    }
}

/// An image that a pass renders to, and what becomes of its old contents.
///
/// Made by [`GpuImage::clear`], [`GpuImage::load`] or [`GpuImage::discard`]; a reference to an image means `load`.
#[derive(Clone, Debug)]
#[must_use = "hand it to a pass's `renders` or `depth`"]
pub struct Attachment {
    pub(crate) image: Arc<ImageInner>,
    pub(crate) load: Load,
}

impl<R: ImageRole> From<&GpuImage<R>> for Attachment {
    fn from(image: &GpuImage<R>) -> Self {
        image.load()
    }
}

impl From<&Attachment> for Attachment {
    fn from(attachment: &Attachment) -> Self {
        attachment.clone()
    }
}
