//! An image as compute shaders write it: the only descriptor there is.
//!
//! Shaders cannot reach images by address, so an image that a kernel fills has a descriptor set of its own: made once, when a
//! pass first asks for it, and bound from then on. sRGB formats cannot be stored to; the set's view has the same bits
//! without the transfer function, and the shader encodes.

use std::sync::Arc;

use ash::vk;

use crate::{
    error::{During, Result},
    gpu::{counters::Counters, device::Device},
    pipeline::{PipelineLayout, SetLayout},
};

/// The format of images that shaders can store to, and that of the view by which they do. Every device has both.
pub(super) const STORED: vk::Format = vk::Format::R8G8B8A8_SRGB;
pub(super) const STORED_AS: vk::Format = vk::Format::R8G8B8A8_UNORM;

/// A view to store through, and the set that holds it.
pub(super) struct StorageBinding {
    device: Arc<Device>,
    view: vk::ImageView,
    pool: vk::DescriptorPool,
    set: vk::DescriptorSet,
}

impl StorageBinding {
    /// For the first level and layer of an image whose shape [is stored to](super::Shape::is_stored).
    ///
    /// # Errors
    /// What the driver says.
    pub(super) fn new(device: &Arc<Device>, image: vk::Image) -> Result<Self> {
        // Each part is owned before the next is made, so that a failure gives it back.
        let (view, pool, set) = Default::default();
        let mut binding = Self { device: Arc::clone(device), view, pool, set };
        binding.view = view_of(device, image)?;
        binding.pool = pool_of_one(device)?;
        // Sets cannot be written once their layout is gone; bound they can be.
        let layout = PipelineLayout::make_set_layout(device)?;
        binding.set = binding.allocate(&layout)?;
        binding.write();
        Ok(binding)
    }

    /// What is bound as set 0.
    pub(super) fn set(&self) -> vk::DescriptorSet {
        self.set
    }

    fn allocate(&self, layout: &SetLayout) -> Result<vk::DescriptorSet> {
        let info = vk::DescriptorSetAllocateInfo::default().descriptor_pool(self.pool).set_layouts(&layout.raw);
        // SAFETY: the pool has room for one set of this layout, which was not allocated yet.
        let sets = unsafe { self.device.raw.allocate_descriptor_sets(&info) }.during("vkAllocateDescriptorSets")?;
        Ok(sets[0])
    }

    fn write(&self) {
        let image = [vk::DescriptorImageInfo::default().image_view(self.view).image_layout(vk::ImageLayout::GENERAL)];
        let write = vk::WriteDescriptorSet::default()
            .dst_set(self.set)
            .dst_binding(0)
            .descriptor_type(vk::DescriptorType::STORAGE_IMAGE)
            .image_info(&image);
        // SAFETY: the set was just made, so no command uses it, and its layout has this binding.
        unsafe { self.device.raw.update_descriptor_sets(&[write], &[]) };
        Counters::add(&self.device.counters.descriptor_writes, 1);
    }
}

fn view_of(device: &Device, image: vk::Image) -> Result<vk::ImageView> {
    let mut usage = vk::ImageViewUsageCreateInfo::default().usage(vk::ImageUsageFlags::STORAGE);
    let range = vk::ImageSubresourceRange {
        aspect_mask: vk::ImageAspectFlags::COLOR,
        base_mip_level: 0,
        level_count: 1,
        base_array_layer: 0,
        layer_count: 1,
    };
    let info = vk::ImageViewCreateInfo::default()
        .image(image)
        .view_type(vk::ImageViewType::TYPE_2D)
        .format(STORED_AS)
        .subresource_range(range)
        .push_next(&mut usage);
    // SAFETY: the image is alive, bound, mutable, and was made to be stored to in formats of its class.
    unsafe { device.raw.create_image_view(&info, None) }.during("vkCreateImageView")
}

fn pool_of_one(device: &Device) -> Result<vk::DescriptorPool> {
    let sizes = [vk::DescriptorPoolSize { ty: vk::DescriptorType::STORAGE_IMAGE, descriptor_count: 1 }];
    let info = vk::DescriptorPoolCreateInfo::default().max_sets(1).pool_sizes(&sizes);
    // SAFETY: the structure is valid.
    unsafe { device.raw.create_descriptor_pool(&info, None) }.during("vkCreateDescriptorPool")
}

impl Drop for StorageBinding {
    fn drop(&mut self) {
        // SAFETY: whoever submits work holds the image's body, and so this, until that work has completed. The set goes with
        // its pool; what was not made is null, which Vulkan ignores.
        unsafe {
            self.device.raw.destroy_descriptor_pool(self.pool, None);
            self.device.raw.destroy_image_view(self.view, None);
        }
    }
}
