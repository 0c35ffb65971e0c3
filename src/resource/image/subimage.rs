//! Levels and layers of images.

use std::{fmt, marker::PhantomData, ops::Range, sync::Arc};

use super::{GpuImage, ImageInner, Shape};
use crate::{
    error::{Error, Result},
    graph::ir::Region,
    resource::{Access, Attachment, ImageRole, Load, Part, Resource, Texture, Use},
};

/// Some mip levels and array layers of an image: what others do to the rest of it meanwhile is no concern of a pass that
/// declares these.
///
/// Made by [`GpuImage::level`] and [`GpuImage::layer`]. What reaches beyond the image is an error of the pass that
/// declares or records it.
pub struct Subimage<R: ImageRole> {
    image: Arc<ImageInner>,
    levels: Range<u32>,
    layers: Range<u32>,
    role: PhantomData<fn() -> R>,
}

impl<R: ImageRole> Subimage<R> {
    /// All of an image.
    pub(super) fn all(image: &Arc<ImageInner>) -> Self {
        let Shape { levels, layers, .. } = image.shape;
        Self { image: Arc::clone(image), levels: 0..levels, layers: 0..layers, role: PhantomData }
    }

    /// Of these layers, one mip level of the image.
    pub fn level(self, level: u32) -> Self {
        Self { levels: one(level), ..self }
    }

    /// Of these levels, one array layer of the image.
    pub fn layer(self, layer: u32) -> Self {
        Self { layers: one(layer), ..self }
    }

    /// Rendered to, over what is there.
    pub fn load(&self) -> Attachment {
        self.attachment(Load::Load)
    }

    /// Rendered to, after every texel got `value`.
    pub fn clear(&self, value: R::Clear) -> Attachment {
        self.attachment(Load::Clear(R::clear_value(value)))
    }

    /// Rendered to, and what is there may be lost: for passes that cover it wholly.
    pub fn discard(&self) -> Attachment {
        self.attachment(Load::DontCare)
    }

    /// Read by a copy.
    pub fn copy_source(&self) -> Use {
        self.used(Access::IMAGE_COPY_SOURCE)
    }

    /// Written by a copy or a clear.
    pub fn copy_target(&self) -> Use {
        self.used(Access::IMAGE_COPY_TARGET)
    }

    /// Read by a blit.
    pub fn blit_source(&self) -> Use {
        self.used(Access::BLIT_SOURCE)
    }

    /// Written by a blit.
    pub fn blit_target(&self) -> Use {
        self.used(Access::BLIT_TARGET)
    }

    /// Written by compute shaders, texel by texel.
    pub(super) fn storage_target(&self) -> Use {
        self.used(Access::STORAGE_IMAGE_TARGET)
    }

    fn attachment(&self, load: Load) -> Attachment {
        Attachment { image: Arc::clone(&self.image), part: self.declared(), load, encoded: false, resolve: None }
    }

    fn used(&self, access: Access) -> Use {
        let resource = Resource::Image(Arc::clone(&self.image));
        Use { resource, part: self.declared(), access: Some(access) }
    }

    fn declared(&self) -> Part {
        match self.region() {
            Ok(region) if region == self.image.whole() => Part::Whole,
            Ok(region) => Part::Region(region),
            Err(error) => Part::Wrong(Box::new(error)),
        }
    }

    pub(crate) fn image(&self) -> &Arc<ImageInner> {
        &self.image
    }

    /// # Errors
    /// [`Error::Invalid`] if it reaches beyond the image.
    pub(crate) fn region(&self) -> Result<Region> {
        let Shape { levels, layers, .. } = self.image.shape;
        let name = &self.image.name;
        if self.levels.end > levels {
            let level = self.levels.start;
            return Err(Error::Invalid(format!("image `{name}`: level {level} is beyond its {levels} levels")));
        }
        if self.layers.end > layers {
            let layer = self.layers.start;
            return Err(Error::Invalid(format!("image `{name}`: layer {layer} is beyond its {layers} layers")));
        }
        Ok(Region::subresources(self.levels.clone(), self.layers.clone()))
    }
}

/// No image has as many levels or layers as a `u32` can count, so what saturates is out of range as well.
fn one(index: u32) -> Range<u32> {
    index.min(u32::MAX - 1)..index.min(u32::MAX - 1) + 1
}

impl<R: ImageRole> From<&Subimage<R>> for Attachment {
    fn from(part: &Subimage<R>) -> Self {
        part.load()
    }
}

/// Sampled by the pass's shaders.
impl From<&Subimage<Texture>> for Use {
    fn from(part: &Subimage<Texture>) -> Self {
        part.used(Access::SAMPLED)
    }
}

impl<R: ImageRole> Clone for Subimage<R> {
    fn clone(&self) -> Self {
        let (levels, layers) = (self.levels.clone(), self.layers.clone());
        Self { image: Arc::clone(&self.image), levels, layers, role: PhantomData }
    }
}

impl<R: ImageRole> fmt::Debug for Subimage<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subimage")
            .field("name", &self.image.name)
            .field("levels", &self.levels)
            .field("layers", &self.layers)
            .finish_non_exhaustive()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// What an [`Encoder`](crate::Encoder)'s image commands take: a [`GpuImage`] or a [`Subimage`].
pub trait ImagePart: sealed::Sealed {
    /// What the image is for.
    type Role: ImageRole;
    #[doc(hidden)]
    fn part(&self) -> Subimage<Self::Role>;
}

impl<R: ImageRole> sealed::Sealed for GpuImage<R> {}
impl<R: ImageRole> sealed::Sealed for Subimage<R> {}

impl<R: ImageRole> ImagePart for GpuImage<R> {
    type Role = R;
    fn part(&self) -> Subimage<R> {
        Subimage::all(self.inner())
    }
}

impl<R: ImageRole> ImagePart for Subimage<R> {
    type Role = R;
    fn part(&self) -> Subimage<R> {
        self.clone()
    }
}
