//! Typed images: what they are made of, and how passes render to them.

use std::{
    fmt,
    marker::PhantomData,
    mem::ManuallyDrop,
    sync::{Arc, Mutex},
};

use ash::vk;

use super::{
    Access, Attachment, ImageRole, Load, Resource, Use,
    format::{self, Texel},
};
use crate::{
    error::{During, Error, Result},
    gpu::{Gpu, device::Device},
    graph::state::ResourceState,
    memory::{Allocation, Dedicated, MemoryKind},
};

/// A two-dimensional image in GPU memory, with the role `R`.
///
/// A handle: cloning it is cheap and does not copy the contents. The memory is given back when the last handle is gone
/// and the last submission that uses it has completed.
pub struct GpuImage<R: ImageRole> {
    inner: Arc<ImageInner>,
    role: PhantomData<fn() -> R>,
}

/// An image without its role.
pub(crate) struct ImageInner {
    pub(crate) device: Arc<Device>,
    pub(crate) raw: vk::Image,
    pub(crate) view: vk::ImageView,
    pub(crate) format: vk::Format,
    pub(crate) extent: [u32; 2],
    pub(crate) aspect: vk::ImageAspectFlags,
    /// Bytes of one texel.
    pub(crate) texel_bytes: u32,
    pub(crate) name: Arc<str>,
    pub(crate) state: Mutex<ResourceState>,
    allocation: ManuallyDrop<Allocation>,
}

/// What an image is to be.
#[derive(Clone, Copy)]
struct Shape {
    format: vk::Format,
    texel: Texel,
    texel_bytes: u32,
    extent: [u32; 2],
}

impl Shape {
    /// # Errors
    /// [`Error::Invalid`] if a side is 0 or longer than `longest`, or the format is not of the kind of `role`'s own.
    fn new(name: &str, format: vk::Format, role: vk::Format, extent: [u32; 2], longest: u32) -> Result<Self> {
        let [width, height] = extent;
        let invalid = |reason: String| Err(Error::Invalid(format!("image `{name}`: {reason}")));
        if width == 0 || height == 0 {
            return invalid(format!("{width} x {height} texels; both sides are at least 1"));
        }
        if width > longest || height > longest {
            return invalid(format!("{width} x {height} texels; this device's images have at most {longest} a side"));
        }
        let fitting = format::like(role);
        match format::texel(format) {
            Some((texel, texel_bytes)) if fitting.contains(&format) => Ok(Self { format, texel, texel_bytes, extent }),
            _ => invalid(format!("the format {format:?} does not fit its role; these do: {fitting:?}")),
        }
    }

    fn aspect(&self) -> vk::ImageAspectFlags {
        match self.texel {
            Texel::Depth => vk::ImageAspectFlags::DEPTH,
            Texel::Color | Texel::Uint => vk::ImageAspectFlags::COLOR,
        }
    }

    /// Rendered to and copied out of; nothing else, as some devices compress an image only if it is used for no more.
    fn usage(&self) -> vk::ImageUsageFlags {
        let attachment = match self.texel {
            Texel::Depth => vk::ImageUsageFlags::DEPTH_STENCIL_ATTACHMENT,
            Texel::Color | Texel::Uint => vk::ImageUsageFlags::COLOR_ATTACHMENT,
        };
        attachment | vk::ImageUsageFlags::TRANSFER_SRC
    }

    /// The bytes of its texels, which are the least that it takes.
    fn bytes(&self) -> u64 {
        let [width, height] = self.extent.map(u64::from);
        // At most 2^32 x 2^32 texels: the product of the sides fits, that with a texel's bytes may not.
        (width * height).saturating_mul(u64::from(self.texel_bytes))
    }
}

impl ImageInner {
    fn new(device: &Arc<Device>, name: &str, shape: Shape) -> Result<Self> {
        device.memory().check(name, shape.bytes(), MemoryKind::Device)?;
        check_support(device, name, shape)?;
        let raw = create(device, shape)?;
        let allocation = place(device, name, raw).inspect_err(|_| {
            // SAFETY: the image was made above and nothing uses it.
            unsafe { device.raw.destroy_image(raw, None) }
        })?;
        let view = match create_view(device, raw, shape) {
            Ok(view) => view,
            Err(error) => {
                // SAFETY: the image was made above and nothing uses it.
                unsafe { device.raw.destroy_image(raw, None) };
                device.memory().free(allocation);
                return Err(error);
            }
        };
        device.labels.name(raw, name);
        device.labels.name(view, name);
        Ok(Self {
            device: Arc::clone(device),
            raw,
            view,
            format: shape.format,
            extent: shape.extent,
            aspect: shape.aspect(),
            texel_bytes: shape.texel_bytes,
            name: name.into(),
            state: Mutex::default(),
            allocation: ManuallyDrop::new(allocation),
        })
    }

    /// All of the image, which has one level and one layer.
    pub(crate) fn subresource_range(&self) -> vk::ImageSubresourceRange {
        whole(self.aspect)
    }

    /// All of the image, for copies.
    pub(crate) fn subresource_layers(&self) -> vk::ImageSubresourceLayers {
        vk::ImageSubresourceLayers { aspect_mask: self.aspect, mip_level: 0, base_array_layer: 0, layer_count: 1 }
    }

    /// Bytes of its texels when packed in a buffer.
    pub(crate) fn packed_bytes(&self) -> u64 {
        let [width, height] = self.extent.map(u64::from);
        (width * height).saturating_mul(u64::from(self.texel_bytes))
    }
}

impl Drop for ImageInner {
    fn drop(&mut self) {
        // SAFETY: whoever submits work holds the image until that work has completed, so the device does not use it.
        unsafe {
            self.device.raw.destroy_image_view(self.view, None);
            self.device.raw.destroy_image(self.raw, None);
        }
        // SAFETY: the allocation is taken here, in the only place, and never looked at again.
        let allocation = unsafe { ManuallyDrop::take(&mut self.allocation) };
        self.device.memory().free(allocation);
    }
}

impl fmt::Debug for ImageInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("name", &self.name)
            .field("extent", &self.extent)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

fn whole(aspect: vk::ImageAspectFlags) -> vk::ImageSubresourceRange {
    vk::ImageSubresourceRange {
        aspect_mask: aspect,
        base_mip_level: 0,
        level_count: 1,
        base_array_layer: 0,
        layer_count: 1,
    }
}

/// Whether the device has images of this format, use and size.
fn check_support(device: &Device, name: &str, shape: Shape) -> Result<()> {
    let [width, height] = shape.extent;
    // SAFETY: the physical device is the one that the device was made from, on this instance.
    let answer = unsafe {
        device.instance.raw.get_physical_device_image_format_properties(
            device.physical,
            shape.format,
            vk::ImageType::TYPE_2D,
            vk::ImageTiling::OPTIMAL,
            shape.usage(),
            vk::ImageCreateFlags::empty(),
        )
    };
    let most = match answer {
        Ok(properties) => properties.max_extent,
        Err(vk::Result::ERROR_FORMAT_NOT_SUPPORTED) => {
            return Err(Error::Invalid(format!(
                "image `{name}`: this device cannot render to {:?}; choose another format",
                shape.format
            )));
        }
        Err(result) => return Err(Error::vulkan("vkGetPhysicalDeviceImageFormatProperties", result)),
    };
    if width > most.width || height > most.height {
        return Err(Error::Invalid(format!(
            "image `{name}`: {width} x {height} texels; this device has at most {} x {} in {:?}",
            most.width, most.height, shape.format
        )));
    }
    Ok(())
}

fn create(device: &Device, shape: Shape) -> Result<vk::Image> {
    let [width, height] = shape.extent;
    let info = vk::ImageCreateInfo::default()
        .image_type(vk::ImageType::TYPE_2D)
        .format(shape.format)
        .extent(vk::Extent3D { width, height, depth: 1 })
        .mip_levels(1)
        .array_layers(1)
        .samples(vk::SampleCountFlags::TYPE_1)
        .tiling(vk::ImageTiling::OPTIMAL)
        .usage(shape.usage())
        .sharing_mode(vk::SharingMode::EXCLUSIVE)
        .initial_layout(vk::ImageLayout::UNDEFINED);
    // SAFETY: the structure is valid, and the device was found to have such images.
    unsafe { device.raw.create_image(&info, None) }.during("vkCreateImage")
}

/// Gives the image memory of its own.
fn place(device: &Device, name: &str, raw: vk::Image) -> Result<Allocation> {
    // SAFETY: the image was just made on this device.
    let requirements = unsafe { device.raw.get_image_memory_requirements(raw) };
    let memory = device.memory();
    let dedicated = Some(Dedicated::Image(raw));
    let allocation = memory.allocate(name, requirements, MemoryKind::Device, dedicated, &device.labels)?;
    // SAFETY: the image is unbound, and the memory was allocated for it.
    match unsafe { device.raw.bind_image_memory(raw, allocation.memory, allocation.offset) }.during("vkBindImageMemory")
    {
        Ok(()) => Ok(allocation),
        Err(error) => {
            memory.free(allocation);
            Err(error)
        }
    }
}

fn create_view(device: &Device, raw: vk::Image, shape: Shape) -> Result<vk::ImageView> {
    let info = vk::ImageViewCreateInfo::default()
        .image(raw)
        .view_type(vk::ImageViewType::TYPE_2D)
        .format(shape.format)
        .subresource_range(whole(shape.aspect()));
    // SAFETY: the image is bound to memory and has this format and aspect.
    unsafe { device.raw.create_image_view(&info, None) }.during("vkCreateImageView")
}

impl<R: ImageRole> GpuImage<R> {
    /// Width and height in texels.
    #[must_use]
    pub fn extent(&self) -> [u32; 2] {
        self.inner.extent
    }

    /// The format of its texels.
    #[must_use]
    pub fn format(&self) -> vk::Format {
        self.inner.format
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

    /// The Vulkan handle.
    ///
    /// # Safety
    /// It must not be destroyed nor used after the last handle is dropped, and work that vulkio does not know of must be
    /// ordered against vulkio's by the caller, who must leave the image in the layout in which it was found.
    #[must_use]
    pub unsafe fn raw(&self) -> vk::Image {
        self.inner.raw
    }

    /// The Vulkan view of all of the image.
    ///
    /// # Safety
    /// As [`GpuImage::raw`].
    #[must_use]
    pub unsafe fn view(&self) -> vk::ImageView {
        self.inner.view
    }

    /// Rendered to, over what is there.
    pub fn load(&self) -> Attachment {
        self.attachment(Load::Load)
    }

    /// Rendered to, after every texel got `value`.
    pub fn clear(&self, value: R::Clear) -> Attachment {
        self.attachment(Load::Clear(R::clear_value(value)))
    }

    /// Rendered to, and what is there may be lost: for passes that cover the whole image.
    pub fn discard(&self) -> Attachment {
        self.attachment(Load::DontCare)
    }

    /// Read by a copy.
    pub fn copy_source(&self) -> Use {
        Use { resource: self.resource(), access: Some(Access::IMAGE_COPY_SOURCE) }
    }

    fn attachment(&self, load: Load) -> Attachment {
        Attachment { image: Arc::clone(&self.inner), load }
    }

    pub(crate) fn resource(&self) -> Resource {
        Resource::Image(Arc::clone(&self.inner))
    }

    pub(crate) fn inner(&self) -> &Arc<ImageInner> {
        &self.inner
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
        self.image_with_format(name, size, R::FORMAT)
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
        let device = &self.shared.device;
        let longest = device.info.limits.max_image_dimension2_d;
        let shape = Shape::new(name, format, R::FORMAT, size, longest)?;
        Ok(GpuImage { inner: Arc::new(ImageInner::new(device, name, shape)?), role: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Depth, Ids, RenderTarget},
        *,
    };

    const SRGB: vk::Format = vk::Format::R8G8B8A8_SRGB;

    #[test]
    fn an_image_without_texels_is_refused() {
        for extent in [[0, 1], [1, 0], [0, 0]] {
            let error = Shape::new("target", SRGB, SRGB, extent, 4096).err().expect("no texels");
            assert!(error.to_string().contains("`target`"), "{error}");
        }
    }

    #[test]
    fn a_side_that_is_too_long_is_refused_with_the_limit() {
        assert!(Shape::new("target", SRGB, SRGB, [4096, 1], 4096).is_ok());
        for extent in [[4097, 1], [1, u32::MAX]] {
            let error = Shape::new("target", SRGB, SRGB, extent, 4096).err().expect("too long");
            assert!(error.to_string().contains("4096"), "{error}");
        }
    }

    #[test]
    fn a_format_of_another_role_is_refused_with_those_that_fit() {
        let error = Shape::new("ids", SRGB, Ids::FORMAT, [1, 1], 4096).err().expect("a colour");
        assert!(error.to_string().contains("R32_UINT"), "{error}");
        assert!(Shape::new("depth", vk::Format::D24_UNORM_S8_UINT, Depth::FORMAT, [1, 1], 4096).is_err());
    }

    #[test]
    fn every_role_has_a_format_that_fits_it() {
        fn fits<R: ImageRole>() {
            assert!(Shape::new("x", R::FORMAT, R::FORMAT, [1, 1], 1).is_ok());
        }
        fits::<RenderTarget>();
        fits::<Depth>();
        fits::<Ids>();
    }

    #[test]
    fn the_bytes_of_the_largest_image_do_not_overflow() {
        let format = vk::Format::R32G32B32A32_SFLOAT;
        let shape = Shape::new("x", format, SRGB, [u32::MAX; 2], u32::MAX).expect("in range");
        assert_eq!(shape.bytes(), u64::MAX);
    }
}
