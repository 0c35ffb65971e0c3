//! The Vulkan objects of an image: itself, its memory, its views.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, Mutex, OnceLock},
};

use ash::vk;

use super::{Shape, storage::StorageBinding};
use crate::{
    error::{During, Result},
    gpu::device::Device,
    memory::{Allocation, Dedicated, MemoryKind},
    sync::prim::lock,
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
        let views = Views::new(&image, name, shape)?;
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
        self.views.as_ref().map_or_else(vk::ImageView::null, |views| views.whole)
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

    /// The view of one level of one layer, made when it is first asked for.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn view_of(&self, shape: Shape, level: u32, layer: u32) -> Result<vk::ImageView> {
        let views = match &self.views {
            Some(views) if (shape.levels, shape.layers) != (1, 1) => views,
            _ => return Ok(self.view()),
        };
        let mut single = lock(&views.single);
        if let Some(&(.., view)) = single.iter().find(|(of, ..)| *of == [level, layer]) {
            return Ok(view);
        }
        let range = vk::ImageSubresourceRange {
            aspect_mask: shape.aspect(),
            base_mip_level: level,
            level_count: 1,
            base_array_layer: layer,
            layer_count: 1,
        };
        let view = create_view(&self.image, shape, vk::ImageViewType::TYPE_2D, range)?;
        single.push(([level, layer], view));
        Ok(view)
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

struct Views {
    device: Arc<Device>,
    whole: vk::ImageView,
    /// By level and layer. Few are ever asked for.
    single: Mutex<Vec<([u32; 2], vk::ImageView)>>,
}

impl Views {
    fn new(image: &RawImage, name: &str, shape: Shape) -> Result<Self> {
        let kind = match shape.layers {
            1 => vk::ImageViewType::TYPE_2D,
            _ => vk::ImageViewType::TYPE_2D_ARRAY,
        };
        let range = vk::ImageSubresourceRange {
            aspect_mask: shape.aspect(),
            base_mip_level: 0,
            level_count: shape.levels,
            base_array_layer: 0,
            layer_count: shape.layers,
        };
        let whole = create_view(image, shape, kind, range)?;
        image.device.labels.name(whole, name);
        Ok(Self { device: Arc::clone(&image.device), whole, single: Mutex::default() })
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        let single = self.single.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        for view in single.drain(..).map(|(_, view)| view).chain([self.whole]) {
            // SAFETY: as for the image itself.
            unsafe { self.device.raw.destroy_image_view(view, None) };
        }
    }
}

fn create_view(
    image: &RawImage,
    shape: Shape,
    kind: vk::ImageViewType,
    range: vk::ImageSubresourceRange,
) -> Result<vk::ImageView> {
    let mut usage = vk::ImageViewUsageCreateInfo::default().usage(shape.view_usage());
    let info = vk::ImageViewCreateInfo::default()
        .image(image.raw)
        .view_type(kind)
        .format(shape.format)
        .subresource_range(range)
        .push_next(&mut usage);
    // SAFETY: the image is bound to memory, has this format and aspect, and holds the range.
    unsafe { image.device.raw.create_image_view(&info, None) }.during("vkCreateImageView")
}
