//! A swapchain and its images.

use std::sync::Arc;

use ash::vk;

use super::{choose::Choice, raw::RawSurface, semaphores::Semaphore};
use crate::{
    error::{During, Result},
    gpu::{device::Device, presentation::Fit},
    resource::{
        ImageDesc, ImageInner, RenderTarget,
        image::{Most, Shape},
    },
};

/// A swapchain. Whoever drops it knows that the queue and the presentation engine have done with its images.
pub(super) struct Swapchain {
    device: Arc<Device>,
    raw: vk::SwapchainKHR,
    pub(super) choice: Choice,
    pub(super) images: Vec<Image>,
}

/// One of its images.
pub(super) struct Image {
    pub(super) inner: Arc<ImageInner>,
    /// Signalled when the frame is copied: the presentation engine waits for it. One for each image: when the image is acquired
    /// again, that wait is over.
    pub(super) copied: Semaphore,
    /// Whether it was ever handed to the presentation engine.
    pub(super) presented: bool,
}

impl Swapchain {
    /// Makes one for a surface, which must outlive it. The old one is retired by this, also where it fails.
    ///
    /// # Errors
    /// [`Error::SurfaceLost`](crate::Error::SurfaceLost); else what the driver says.
    pub(super) fn new(surface: &RawSurface, choice: Choice, old: Option<&Self>) -> Result<Self> {
        let [width, height] = choice.extent;
        let info = vk::SwapchainCreateInfoKHR::default()
            .surface(surface.raw)
            .min_image_count(choice.images)
            .image_format(choice.format.format)
            .image_color_space(choice.format.color_space)
            .image_extent(vk::Extent2D { width, height })
            .image_array_layers(1)
            .image_usage(vk::ImageUsageFlags::TRANSFER_DST)
            .image_sharing_mode(vk::SharingMode::EXCLUSIVE)
            .pre_transform(choice.transform)
            .composite_alpha(choice.alpha)
            .present_mode(choice.mode)
            .clipped(true)
            .old_swapchain(old.map_or_else(vk::SwapchainKHR::null, |old| old.raw));
        let (device, presentation) = (&surface.device, surface.presentation()?);
        // SAFETY: everything in it was chosen from what the surface offers; this thread alone uses the surface and the old
        // swapchain, which is one of this surface and was not retired yet.
        let raw = unsafe { presentation.create_swapchain(&device.raw, &info) }.during("vkCreateSwapchainKHR")?;
        let mut new = Self { device: Arc::clone(device), raw, choice, images: Vec::new() };
        // SAFETY: the swapchain was just made.
        let images = unsafe { presentation.images(&device.raw, raw) }.during("vkGetSwapchainImagesKHR")?;
        for (index, image) in images.into_iter().enumerate() {
            let image = Image::new(device, index, image, choice)?;
            new.images.push(image); // one by one: where one fails, the others go with `new`
        }
        Ok(new)
    }

    /// Waits, blocking, for at most `timeout` nanoseconds for an image; `semaphore` is signalled when it can be written.
    ///
    /// # Errors
    /// Vulkan's own: the caller knows what each means. Nothing is signalled then.
    pub(super) fn acquire(&self, timeout: u64, semaphore: &Semaphore) -> Result<(usize, Fit), vk::Result> {
        let Some(presentation) = &self.device.presentation else {
            return Err(vk::Result::ERROR_EXTENSION_NOT_PRESENT);
        };
        // SAFETY: this thread alone uses the swapchain; the semaphore is one that nothing signals or waits for.
        let acquired = unsafe { presentation.acquire(&self.device.raw, self.raw, timeout, semaphore.raw) };
        acquired.map(|(index, fit)| (index as usize, fit))
    }

    /// Hands an image over, on a queue that nobody else uses meanwhile.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub(super) fn present(&self, index: usize, queue: vk::Queue) -> Result<Fit, vk::Result> {
        let Some(presentation) = &self.device.presentation else {
            return Err(vk::Result::ERROR_EXTENSION_NOT_PRESENT);
        };
        let (waits, swapchains, indices) = ([self.images[index].copied.raw], [self.raw], [index as u32]);
        let info =
            vk::PresentInfoKHR::default().wait_semaphores(&waits).swapchains(&swapchains).image_indices(&indices);
        // SAFETY: the image is acquired, in the layout for it, and the semaphore's signal is submitted; the caller has the queue.
        unsafe { presentation.present(queue, &info) }
    }
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        if let Some(presentation) = &self.device.presentation {
            // SAFETY: as said above; the images' own objects destroy nothing of it.
            unsafe { presentation.destroy_swapchain(&self.device.raw, self.raw) };
        }
    }
}

impl Image {
    fn new(device: &Arc<Device>, index: usize, raw: vk::Image, choice: Choice) -> Result<Self> {
        let name = format!("swapchain image {index}");
        let desc = ImageDesc::new(choice.extent).format(choice.format.format);
        let role = <RenderTarget as crate::resource::ImageRole>::FORMAT;
        let shape = Shape::new(&name, desc, role, Most::of(device))?;
        let inner = ImageInner::foreign(device, &name, shape, raw);
        Ok(Self { inner, copied: Semaphore::new(device, "frame copied")?, presented: false })
    }
}
