//! What is known of a system's resources from their types alone.

use ash::vk;

use super::{
    Access, GpuBuffer, GpuImage, ImageRole,
    data::{GpuData, Role},
};

/// A buffer or an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GpuResourceKind {
    /// A buffer.
    Buffer,
    /// An image.
    Image,
}

/// A Vulkan handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GpuHandle {
    /// A buffer.
    Buffer(vk::Buffer),
    /// An image.
    Image(vk::Image),
}

/// A GPU resource whose accesses follow from its type.
pub trait GpuResource: Clone + Send + Sync + 'static {
    /// Buffer or image.
    const KIND: GpuResourceKind;

    /// The Vulkan handle.
    ///
    /// # Safety
    /// As [`GpuBuffer::raw`] and [`GpuImage::raw`].
    unsafe fn handle(&self) -> GpuHandle;

    /// How systems read it whose shaders run in these stages, where they do not say otherwise.
    fn read(shaders: vk::PipelineStageFlags2) -> Access;

    /// How systems write it whose shaders run in these stages, where they do not say otherwise.
    fn write(shaders: vk::PipelineStageFlags2) -> Access;
}

impl<T: GpuData> GpuResource for GpuBuffer<T> {
    const KIND: GpuResourceKind = GpuResourceKind::Buffer;

    unsafe fn handle(&self) -> GpuHandle {
        // SAFETY: the caller's promise is the same.
        GpuHandle::Buffer(unsafe { self.raw() })
    }

    fn read(shaders: vk::PipelineStageFlags2) -> Access {
        T::ROLE.read(shaders)
    }

    fn write(shaders: vk::PipelineStageFlags2) -> Access {
        T::ROLE.write(shaders)
    }
}

impl<R: ImageRole> GpuResource for GpuImage<R> {
    const KIND: GpuResourceKind = GpuResourceKind::Image;

    unsafe fn handle(&self) -> GpuHandle {
        // SAFETY: the caller's promise is the same.
        GpuHandle::Image(unsafe { self.raw() })
    }

    fn read(shaders: vk::PipelineStageFlags2) -> Access {
        Access { stages: if R::READ.stages.is_empty() { shaders } else { R::READ.stages }, ..R::READ }
    }

    fn write(_: vk::PipelineStageFlags2) -> Access {
        R::WRITE
    }
}

/// What a derived system says of one of its GPU resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GpuResourceMeta {
    /// Buffer or image.
    pub kind: GpuResourceKind,
    /// The type as the system writes it: `GpuBuffer<Vertex>`.
    pub type_name: &'static str,
    /// The field that holds it; `None` in the unit-struct form, which finds it in a registry.
    pub field: Option<&'static str>,
    /// Of several in a registry, the name of the one that is meant.
    pub instance: Option<&'static str>,
    /// What its data is for; `None` for images.
    pub role: Option<Role>,
    /// Whether the role was taken from the name of the data's type, because that says nothing of its own.
    pub inferred: bool,
    /// The attribute that declares it, as it stands there: `#[reads(indirect)]`.
    pub attribute: &'static str,
    /// How it is touched.
    pub access: Access,
    /// What was there before does not matter: it is cleared, or all of it overwritten.
    pub discard: bool,
    /// What is the same for two resources only if they are of one type: the module and the type's tokens.
    #[doc(hidden)]
    pub identity: &'static str,
}

impl GpuResourceMeta {
    /// For the derive, whose user's crate cannot write the struct down.
    #[doc(hidden)]
    #[must_use]
    pub const fn new(kind: GpuResourceKind, type_name: &'static str, attribute: &'static str, access: Access) -> Self {
        let (field, instance, role, identity) = (None, None, None, type_name);
        Self { kind, type_name, field, instance, role, inferred: false, attribute, access, discard: false, identity }
    }
}
