//! The Vulkan objects of an image: itself, its memory, its views.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, OnceLock},
};

use ash::vk;

use super::{
    Shape,
    storage::StorageBinding,
    views::{SampledView, Views},
};
use crate::{
    error::{During, Error, Result},
    gpu::device::Device,
    graph::ir::Region,
    memory::{Allocation, Dedicated, MemoryKind},
    pipeline::TextureSets,
};

/// An image's objects. Fields are dropped in order: the views, the image, the memory.
pub(crate) struct ImageBody {
    /// Made when it is first asked for.
    storage: OnceLock<StorageBinding>,
    /// None of an image that is only copied to.
    views: Option<Views>,
    image: RawImage,
    /// That of one image, or of several that share it; of a swapchain's image the swapchain has it.
    _memory: Option<Arc<ImageMemory>>,
}

impl ImageBody {
    /// An image with memory of its own.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory), or what the driver says.
    pub(crate) fn new(device: &Arc<Device>, name: &str, shape: Shape) -> Result<Self> {
        let image = RawImage::new(device, shape)?;
        // SAFETY: the image was just made on this device.
        let requirements = unsafe { device.raw.get_image_memory_requirements(image.raw) };
        let memory = ImageMemory::new(device, name, requirements, Dedicated::Image(image.raw))?;
        Self::bind(image, name, shape, Arc::new(memory), 0)
    }

    /// An image in a part of `memory`, which must meet its requirements from `offset` on.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn within(
        device: &Arc<Device>,
        name: &str,
        shape: Shape,
        memory: &Arc<ImageMemory>,
        offset: u64,
    ) -> Result<Self> {
        Self::bind(RawImage::new(device, shape)?, name, shape, Arc::clone(memory), offset)
    }

    fn bind(image: RawImage, name: &str, shape: Shape, memory: Arc<ImageMemory>, offset: u64) -> Result<Self> {
        let device = &image.device;
        let (raw, at) = (memory.allocation.memory, memory.allocation.offset + offset);
        // SAFETY: the image is unbound, and the memory meets its requirements from that offset on.
        unsafe { device.raw.bind_image_memory(image.raw, raw, at) }.during("vkBindImageMemory")?;
        device.labels.name(image.raw, name);
        let views = Views::new(device, image.raw, name, shape)?;
        Ok(Self { storage: OnceLock::new(), views: Some(views), image, _memory: Some(memory) })
    }

    /// An image that somebody else destroys: a swapchain.
    pub(super) fn foreign(device: &Arc<Device>, raw: vk::Image, name: &str) -> Self {
        device.labels.name(raw, name);
        let image = RawImage { device: Arc::clone(device), raw, is_owned: false };
        Self { storage: OnceLock::new(), views: None, image, _memory: None }
    }

    pub(crate) fn raw(&self) -> vk::Image {
        self.image.raw
    }

    /// The view of all of it.
    pub(crate) fn view(&self) -> vk::ImageView {
        self.views.as_ref().map_or_else(vk::ImageView::null, Views::whole)
    }

    /// The descriptor set through which compute shaders store to it, made when it is first asked for.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn storage_set(&self) -> Result<vk::DescriptorSet> {
        if let Some(binding) = self.storage.get() {
            return Ok(binding.set());
        }
        let binding = StorageBinding::new(&self.image.device, self.image.raw)?;
        // Two who asked at once have made one each, and one of them goes.
        Ok(self.storage.get_or_init(|| binding).set())
    }

    /// The view through which passes render to one level of one layer, made when it is first asked for.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn attachment(&self, level: u32, layer: u32, format: vk::Format) -> Result<vk::ImageView> {
        self.views()?.attachment(level, layer, format)
    }

    /// The view through which shaders sample a part, made when it is first asked for.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn sampled(&self, region: Region, sets: &Arc<TextureSets>) -> Result<SampledView> {
        self.views()?.sampled(region, sets)
    }

    fn views(&self) -> Result<&Views> {
        let only_copied = || Error::Invalid("an image of a swapchain is only copied to".into());
        self.views.as_ref().ok_or_else(only_copied)
    }
}

/// The image alone.
struct RawImage {
    device: Arc<Device>,
    raw: vk::Image,
    is_owned: bool,
}

impl RawImage {
    fn new(device: &Arc<Device>, shape: Shape) -> Result<Self> {
        // SAFETY: the structure is valid, and the device was found to have such images.
        let raw = unsafe { device.raw.create_image(&shape.info(), None) }.during("vkCreateImage")?;
        Ok(Self { device: Arc::clone(device), raw, is_owned: true })
    }
}

impl Drop for RawImage {
    fn drop(&mut self) {
        if !self.is_owned {
            return;
        }
        // SAFETY: whoever submits work holds the image until that work has completed, so the device does not use it.
        unsafe { self.device.raw.destroy_image(self.raw, None) };
    }
}

/// Memory that images are bound to.
pub(crate) struct ImageMemory {
    device: Arc<Device>,
    allocation: ManuallyDrop<Allocation>,
}

impl ImageMemory {
    /// Memory for several images.
    ///
    /// # Errors
    /// As for one.
    pub(crate) fn shared(device: &Arc<Device>, name: &str, requirements: vk::MemoryRequirements) -> Result<Self> {
        Self::new(device, name, requirements, Dedicated::Images)
    }

    /// # Errors
    /// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory), or what the driver says.
    fn new(device: &Arc<Device>, name: &str, requirements: vk::MemoryRequirements, whose: Dedicated) -> Result<Self> {
        let memory = device.memory();
        let allocation = memory.allocate(name, requirements, MemoryKind::Device, Some(whose), &device.labels)?;
        Ok(Self { device: Arc::clone(device), allocation: ManuallyDrop::new(allocation) })
    }
}

impl Drop for ImageMemory {
    fn drop(&mut self) {
        // SAFETY: the allocation is taken here, in the only place, and never looked at again.
        let allocation = unsafe { ManuallyDrop::take(&mut self.allocation) };
        self.device.memory().free(allocation);
    }
}
