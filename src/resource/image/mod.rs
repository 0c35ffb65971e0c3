//! Typed images: what they are made of, and how passes render to them.

mod body;
mod inner;
mod samples;
mod shape;
mod storage;
mod subimage;
mod views;

use std::{fmt, marker::PhantomData, sync::Arc};

use ash::vk;

pub(crate) use self::{
    body::{ImageBody, ImageMemory},
    inner::{ImageInner, unplaced},
    shape::{Most, Shape},
    views::SampledView,
};
pub use self::{
    shape::ImageDesc,
    subimage::{ImagePart, Subimage},
};
use super::{Attachment, ImageRole, Texture, Use};
#[cfg(doc)]
use crate::Error;
use crate::{
    error::Result,
    gpu::{Gpu, device::Device},
};

/// A two-dimensional image in GPU memory, with the role `R`.
///
/// A handle: cloning it is cheap and does not copy the contents. The memory is given back when the last handle is gone
/// and the last submission that uses it has completed.
pub struct GpuImage<R: ImageRole> {
    inner: Arc<ImageInner>,
    role: PhantomData<fn() -> R>,
}

impl<R: ImageRole> GpuImage<R> {
    /// Width and height in texels, of the first level.
    #[must_use]
    pub fn extent(&self) -> [u32; 2] {
        self.inner.shape.extent
    }

    /// The format of its texels.
    #[must_use]
    pub fn format(&self) -> vk::Format {
        self.inner.shape.format
    }

    /// Mip levels.
    #[must_use]
    pub fn levels(&self) -> u32 {
        self.inner.shape.levels
    }

    /// Array layers.
    #[must_use]
    pub fn layers(&self) -> u32 {
        self.inner.shape.layers
    }

    /// Samples of each texel.
    #[must_use]
    pub fn samples(&self) -> u32 {
        self.inner.shape.samples
    }

    /// One mip level, of all layers.
    #[must_use = "hand it to a pass or an encoder"]
    pub fn level(&self, level: u32) -> Subimage<R> {
        self.all().level(level)
    }

    /// One array layer, with all its levels.
    #[must_use = "hand it to a pass or an encoder"]
    pub fn layer(&self, layer: u32) -> Subimage<R> {
        self.all().layer(layer)
    }

    fn all(&self) -> Subimage<R> {
        Subimage::all(&self.inner)
    }

    /// The name it was made with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Whether the image was made by this [`Gpu`]. Only then can work on it use the image.
    #[must_use]
    pub fn same_device(&self, gpu: &Gpu) -> bool {
        Arc::ptr_eq(&self.inner.device, &gpu.shared.device)
    }

    /// The Vulkan handle; null for a transient image whose graph is not being recorded yet.
    ///
    /// # Safety
    /// It must not be destroyed nor used after the last handle is dropped, and work that vulkio does not know of must be
    /// ordered against vulkio's by the caller, who must leave the image in the layout in which it was found.
    #[must_use]
    pub unsafe fn raw(&self) -> vk::Image {
        self.inner.raw().unwrap_or_default()
    }

    /// The Vulkan view of all of the image.
    ///
    /// # Safety
    /// As [`GpuImage::raw`].
    #[must_use]
    pub unsafe fn view(&self) -> vk::ImageView {
        self.inner.view().unwrap_or_default()
    }

    /// Rendered to, over what is there.
    pub fn load(&self) -> Attachment {
        self.all().load()
    }

    /// Rendered to, after every texel got `value`.
    pub fn clear(&self, value: R::Clear) -> Attachment {
        self.all().clear(value)
    }

    /// Rendered to, and what is there may be lost: for passes that cover the whole image.
    pub fn discard(&self) -> Attachment {
        self.all().discard()
    }

    /// Read by a copy.
    pub fn copy_source(&self) -> Use {
        self.all().copy_source()
    }

    /// Written by a copy or a clear.
    pub fn copy_target(&self) -> Use {
        self.all().copy_target()
    }

    /// Read by a blit.
    pub fn blit_source(&self) -> Use {
        self.all().blit_source()
    }

    /// Written by a blit.
    pub fn blit_target(&self) -> Use {
        self.all().blit_target()
    }

    /// Written by compute shaders, texel by texel: bound with `Encoder::storage_image`. Its format is `R8G8B8A8_SRGB`.
    pub(crate) fn storage_target(&self) -> Use {
        self.all().storage_target()
    }

    /// As [`Gpu::image_with`], for who has no `Gpu`.
    ///
    /// # Errors
    /// As [`Gpu::image_with`].
    pub(crate) fn on(device: &Arc<Device>, name: &str, desc: ImageDesc) -> Result<Self> {
        let shape = Shape::of_role::<R>(name, desc, Most::of(device))?;
        Ok(Self { inner: Arc::new(ImageInner::new(device, name, shape)?), role: PhantomData })
    }

    /// An image that lives inside the graph with this id.
    pub(crate) fn transient(device: &Arc<Device>, name: &str, desc: ImageDesc, graph: u64) -> Result<Self> {
        let shape = Shape::of_role::<R>(name, desc, Most::of(device))?;
        Ok(Self { inner: Arc::new(ImageInner::transient(device, name, shape, graph)?), role: PhantomData })
    }

    pub(crate) fn inner(&self) -> &Arc<ImageInner> {
        &self.inner
    }
}

impl<R: ImageRole> From<&GpuImage<R>> for Attachment {
    fn from(image: &GpuImage<R>) -> Self {
        image.load()
    }
}

/// Sampled by the pass's shaders, all of it.
impl From<&GpuImage<Texture>> for Use {
    fn from(texture: &GpuImage<Texture>) -> Self {
        Self::from(&texture.all())
    }
}

impl<R: ImageRole> Clone for GpuImage<R> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), role: PhantomData }
    }
}

impl<R: ImageRole> fmt::Debug for GpuImage<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuImage")
            .field("name", &self.name())
            .field("extent", &self.extent())
            .field("format", &self.format())
            .finish_non_exhaustive()
    }
}

impl Gpu {
    /// Makes an image of `[width, height]` texels in its role's format. What it holds at first is undefined. `name` is what
    /// errors and debuggers call it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a side is 0 or longer than the device allows; [`Error::OutOfDeviceMemory`] if the device has
    /// not as much memory left, found before anything is allocated.
    pub fn image<R: ImageRole>(&self, name: &str, size: [u32; 2]) -> Result<GpuImage<R>> {
        self.image_with(name, ImageDesc::new(size))
    }

    /// As [`Gpu::image`], in a format of the caller's choice.
    ///
    /// # Errors
    /// As [`Gpu::image`], and [`Error::Invalid`] if the format does not fit the role or the device cannot render to it.
    pub fn image_with_format<R: ImageRole>(
        &self,
        name: &str,
        size: [u32; 2],
        format: vk::Format,
    ) -> Result<GpuImage<R>> {
        self.image_with(name, ImageDesc::new(size).format(format))
    }

    /// As [`Gpu::image`], as `desc` says: with mip levels, array layers, or a format of the caller's choice.
    ///
    /// # Errors
    /// As [`Gpu::image_with_format`], and [`Error::Invalid`] if there are no levels or layers, or more than there can be.
    pub fn image_with<R: ImageRole>(&self, name: &str, desc: ImageDesc) -> Result<GpuImage<R>> {
        GpuImage::on(&self.shared.device, name, desc)
    }
}
