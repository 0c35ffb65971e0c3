//! How passes name what they touch: [`Use`] and [`Attachment`].

use std::{fmt, sync::Arc};

use ash::vk;

use super::{Access, ImageInner, Resource};
#[cfg(doc)]
use super::{GpuBuffer, GpuImage};
use crate::{error::Error, graph::ir::Region};

/// How much of a resource.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// A region that lies within it.
    Region(Region),
    /// An empty range: nothing is touched.
    Nothing,
    /// Not within it, which is an error of the pass that says so.
    Wrong(Box<Error>),
}

/// A resource and how a pass touches it: what `reads` and `writes` take.
///
/// Made from a reference to a buffer or a slice of one, which means a storage access in the shaders of the pass, or by the methods of
/// [`GpuBuffer`] and [`GpuImage`] that say otherwise, such as [`GpuBuffer::indirect`].
#[derive(Clone, Debug)]
#[must_use = "hand it to a pass's `reads` or `writes`"]
pub struct Use {
    pub(crate) resource: Resource,
    pub(crate) part: Part,
    /// `None`: a storage access in the stages of the pass's kind.
    pub(crate) access: Option<Access>,
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
/// Made by [`GpuImage::clear`], [`GpuImage::load`] or [`GpuImage::discard`], and by those of
/// [`Subimage`](super::Subimage); a reference to an image means `load`.
#[derive(Clone, Debug)]
#[must_use = "hand it to a pass's `renders` or `depth`"]
pub struct Attachment {
    pub(crate) image: Arc<ImageInner>,
    pub(crate) part: Part,
    pub(crate) load: Load,
    /// Whether its bytes are written as they are.
    pub(crate) encoded: bool,
    /// Where its samples are resolved to.
    pub(crate) resolve: Option<Box<Attachment>>,
}

impl Attachment {
    /// Each texel's samples become one in another image, of the same size and format, when the pass is through: the mean of
    /// colours, the first one of depths and of numbers. What is there is lost.
    ///
    /// ```no_run
    /// # use vulkio::{Frame, Gpu, GraphicsPipeline, ImageDesc, RenderTarget};
    /// # fn example(gpu: &Gpu, frame: &Frame, pipeline: GraphicsPipeline) -> vulkio::Result<()> {
    /// let samples = gpu.image_with::<RenderTarget>("samples", ImageDesc::new([640, 480]).samples(4))?;
    /// let target = samples.clear([0.0, 0.0, 0.0, 1.0]).resolves_to(&frame.target());
    /// frame.pass("smooth").renders(target).record(move |cmd| {
    ///     cmd.bind(&pipeline).draw(0..3, 0..1); // made with `GraphicsDesc::samples(4)`
    /// });
    /// # Ok(()) }
    /// ```
    pub fn resolves_to(self, into: impl Into<Attachment>) -> Self {
        Self { resolve: Some(Box::new(into.into())), ..self }
    }
}

impl Attachment {
    /// Rendered to in the encoding that it is stored in: what shaders write is not converted from linear light to sRGB, and
    /// blending mixes encoded values, as user interfaces want it. The image is of
    /// `R8G8B8A8_SRGB`, with one level, layer and sample; pipelines that draw to it are made for `R8G8B8A8_UNORM`, and the
    /// colour of a `clear` is encoded, too.
    pub fn encoded(self) -> Self {
        Self { encoded: true, ..self }
    }
}

impl From<&Attachment> for Attachment {
    fn from(attachment: &Attachment) -> Self {
        attachment.clone()
    }
}
