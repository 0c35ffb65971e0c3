//! What presenting takes of a device: the swapchain's functions, and the queue that presents.

use std::{
    ffi::{CStr, c_void},
    sync::Mutex,
};

use ash::{khr, vk};

use super::instance::Instance;
use crate::sync::prim::lock;

/// What presenting takes of a device that was opened for it.
pub(crate) struct Presentation {
    calls: khr::swapchain::DeviceFn,
    /// Of the instance: about surfaces.
    pub(crate) surfaces: khr::surface::Instance,
    /// A second queue of the graphics family, for nothing else: `vkQueuePresentKHR` may block for a frame or more, and with a
    /// queue of its own it holds up no submission.
    own_queue: Option<Mutex<vk::Queue>>,
}

/// What the presentation engine thinks of a swapchain that still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Good,
    /// A new swapchain would fit its surface better.
    Suboptimal,
}

impl Presentation {
    /// # Safety
    ///
    /// `VK_KHR_swapchain` must be enabled on the device whose functions `load` gives, and its instance extensions on
    /// `instance`; `own_queue` must be a queue of that device's graphics family that nobody else uses.
    pub(super) unsafe fn new(
        instance: &Instance,
        load: impl FnMut(&CStr) -> *const c_void,
        own_queue: Option<vk::Queue>,
    ) -> Self {
        Self {
            calls: khr::swapchain::DeviceFn::load(load),
            surfaces: khr::surface::Instance::new(&instance.entry, &instance.raw),
            own_queue: own_queue.map(Mutex::new),
        }
    }

    /// Does something with the queue that presents while nobody else uses it; with the graphics queue, if there is no other:
    /// `f` gets `None` then, and whoever calls must have made sure of that.
    pub(crate) fn with_own_queue<R>(&self, f: impl FnOnce(vk::Queue) -> R) -> Option<R> {
        let queue = lock(self.own_queue.as_ref()?);
        Some(f(*queue))
    }

    /// # Safety
    ///
    /// As for `vkCreateSwapchainKHR`.
    pub(crate) unsafe fn create_swapchain(
        &self,
        device: &ash::Device,
        info: &vk::SwapchainCreateInfoKHR<'_>,
    ) -> Result<vk::SwapchainKHR, vk::Result> {
        let mut swapchain = vk::SwapchainKHR::null();
        // SAFETY: the caller's promise.
        unsafe { (self.calls.create_swapchain_khr)(device.handle(), info, std::ptr::null(), &mut swapchain) }
            .result()?;
        Ok(swapchain)
    }

    /// # Safety
    ///
    /// As for `vkDestroySwapchainKHR`.
    pub(crate) unsafe fn destroy_swapchain(&self, device: &ash::Device, swapchain: vk::SwapchainKHR) {
        // SAFETY: the caller's promise.
        unsafe { (self.calls.destroy_swapchain_khr)(device.handle(), swapchain, std::ptr::null()) };
    }

    /// # Safety
    ///
    /// As for `vkGetSwapchainImagesKHR`.
    pub(crate) unsafe fn images(
        &self,
        device: &ash::Device,
        swapchain: vk::SwapchainKHR,
    ) -> Result<Vec<vk::Image>, vk::Result> {
        let ask = |count: &mut u32, images: *mut vk::Image| {
            // SAFETY: the caller's promise; there is room for as many as `count` says.
            unsafe { (self.calls.get_swapchain_images_khr)(device.handle(), swapchain, count, images) }
        };
        let mut count = 0;
        ask(&mut count, std::ptr::null_mut()).result()?;
        let mut images = vec![vk::Image::null(); count as usize];
        ask(&mut count, images.as_mut_ptr()).result()?; // a swapchain's images do not become more
        images.truncate(count as usize);
        Ok(images)
    }

    /// Blocks until an image is free, for so many nanoseconds at the most.
    ///
    /// # Safety
    ///
    /// As for `vkAcquireNextImageKHR`.
    pub(crate) unsafe fn acquire(
        &self,
        device: &ash::Device,
        swapchain: vk::SwapchainKHR,
        timeout: u64,
        semaphore: vk::Semaphore,
    ) -> Result<(u32, Fit), vk::Result> {
        let (mut index, fence, call) = (0, vk::Fence::null(), self.calls.acquire_next_image_khr);
        // SAFETY: the caller's promise.
        let result = unsafe { call(device.handle(), swapchain, timeout, semaphore, fence, &mut index) };
        fit(result).map(|fit| (index, fit))
    }

    /// # Safety
    ///
    /// As for `vkQueuePresentKHR`.
    pub(crate) unsafe fn present(&self, queue: vk::Queue, info: &vk::PresentInfoKHR<'_>) -> Result<Fit, vk::Result> {
        // SAFETY: the caller's promise.
        fit(unsafe { (self.calls.queue_present_khr)(queue, info) })
    }
}

/// `VK_NOT_READY` and `VK_TIMEOUT` count as errors here: there is no image.
fn fit(result: vk::Result) -> Result<Fit, vk::Result> {
    match result {
        vk::Result::SUCCESS => Ok(Fit::Good),
        vk::Result::SUBOPTIMAL_KHR => Ok(Fit::Suboptimal),
        other => Err(other),
    }
}
