//! Vulkan's surface of a window.

use std::{any::Any, sync::Arc};

use ash::{ext, khr, vk};
use raw_window_handle::{HasDisplayHandle, HasWindowHandle};

use super::{choose::Offer, connection::Own};
use crate::{
    error::{During, Error, Result},
    gpu::{Gpu, QueueId, device::Device, presentation::Presentation},
};

/// A `VkSurfaceKHR` and its window, which lives no shorter.
pub(super) struct RawSurface {
    pub(super) device: Arc<Device>,
    pub(super) raw: vk::SurfaceKHR,
    /// What the driver talks to the window's server through.
    _connection: Option<Own>,
    /// Dropped last.
    _window: Option<Box<dyn Any + Send>>,
}

impl RawSurface {
    /// For a window, which it keeps.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the `Gpu` was not opened to present; [`Error::Window`] if the window has no handle, or is of a kind
    /// that the Vulkan loader has no surfaces for; else what the driver says.
    pub(super) fn of_window<W>(gpu: &Gpu, window: Arc<W>) -> Result<Self>
    where
        W: HasWindowHandle + HasDisplayHandle + Send + Sync + 'static,
    {
        let device = presenting(gpu)?;
        let unavailable = |error| Error::Window(format!("the window has no handle to present to: {error}"));
        let display = window.display_handle().map_err(unavailable)?.as_raw();
        let handle = window.window_handle().map_err(unavailable)?.as_raw();
        let instance = &device.instance;
        let connection = instance.presentation.contains(&khr::xcb_surface::NAME).then(|| Own::of(handle)).flatten();
        let (display, handle) = connection.as_ref().map_or((display, handle), Own::handles);
        let needed = ash_window::enumerate_required_extensions(display).unwrap_or_default();
        // SAFETY: these are names of extensions: constants.
        let names = needed.iter().map(|&name| unsafe { std::ffi::CStr::from_ptr(name) });
        if needed.is_empty() || !names.into_iter().all(|name| instance.presentation.contains(&name)) {
            return Err(Error::Window(format!(
                "the Vulkan loader has no surfaces for a window of this kind ({display:?}); install a driver that does"
            )));
        }
        // SAFETY: the extensions for this kind of window are enabled on the instance, which the device keeps alive; the handles
        // are the window's own, which is kept, or the connection's, which is kept as well.
        let raw = unsafe { ash_window::create_surface(&instance.entry, &instance.raw, display, handle, None) };
        let raw = raw.during("creating the window's VkSurfaceKHR")?;
        Ok(Self { device, raw, _connection: connection, _window: Some(Box::new(window)) })
    }

    /// Without a window: what is presented is seen by nobody.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the `Gpu` was not opened to present, or there is no `VK_EXT_headless_surface`.
    pub(super) fn headless(gpu: &Gpu) -> Result<Self> {
        let device = presenting(gpu)?;
        let instance = &device.instance;
        if !instance.presentation.contains(&ext::headless_surface::NAME) {
            return Err(Error::Invalid(
                "a surface without a window needs VK_EXT_headless_surface, which no driver here has; draw with \
                 `Renderer::headless`"
                    .into(),
            ));
        }
        let functions = ext::headless_surface::Instance::new(&instance.entry, &instance.raw);
        let info = vk::HeadlessSurfaceCreateInfoEXT::default();
        // SAFETY: the extension is enabled on the instance, which the device keeps alive.
        let raw = unsafe { functions.create_headless_surface(&info, None) }.during("vkCreateHeadlessSurfaceEXT")?;
        Ok(Self { device, raw, _connection: None, _window: None })
    }

    /// What of the device presents.
    pub(super) fn presentation(&self) -> Result<&Presentation> {
        self.device.presentation.as_ref().ok_or_else(not_to_present)
    }

    /// What it offers now. Asks the window's system, which may take its time.
    ///
    /// # Errors
    /// [`Error::SurfaceLost`]; else what the driver says.
    pub(super) fn offer(&self) -> Result<Offer> {
        let (surfaces, physical) = (&self.presentation()?.surfaces, self.device.physical);
        // SAFETY: the surface is alive, as is the device's own physical device; of the same instance. So for the others.
        let formats = unsafe { surfaces.get_physical_device_surface_formats(physical, self.raw) }
            .during("vkGetPhysicalDeviceSurfaceFormatsKHR")?;
        // SAFETY: as above.
        let modes = unsafe { surfaces.get_physical_device_surface_present_modes(physical, self.raw) }
            .during("vkGetPhysicalDeviceSurfacePresentModesKHR")?;
        Ok(Offer { capabilities: self.capabilities()?, formats, modes })
    }

    /// What of that changes with the window.
    ///
    /// # Errors
    /// As [`offer`](Self::offer).
    pub(super) fn capabilities(&self) -> Result<vk::SurfaceCapabilitiesKHR> {
        let surfaces = &self.presentation()?.surfaces;
        // SAFETY: as above.
        unsafe { surfaces.get_physical_device_surface_capabilities(self.device.physical, self.raw) }
            .during("vkGetPhysicalDeviceSurfaceCapabilitiesKHR")
    }

    /// # Errors
    /// [`Error::Window`] if the device cannot present to it; else what the driver says.
    pub(super) fn check_support(&self) -> Result<()> {
        let family = self.device.queues.get(QueueId::GRAPHICS).family;
        let surfaces = &self.presentation()?.surfaces;
        // SAFETY: as above; the family is one of the device's.
        let supported = unsafe { surfaces.get_physical_device_surface_support(self.device.physical, family, self.raw) };
        match supported.during("vkGetPhysicalDeviceSurfaceSupportKHR")? {
            true => Ok(()),
            false => Err(Error::Window(format!(
                "`{}` cannot present to this window; choose another device with VULKIO_DEVICE",
                self.device.info.name
            ))),
        }
    }
}

impl Drop for RawSurface {
    fn drop(&mut self) {
        if let Some(presentation) = &self.device.presentation {
            // SAFETY: its swapchains are destroyed before, by whoever owned both.
            unsafe { presentation.surfaces.destroy_surface(self.raw, None) };
        }
    }
}

fn presenting(gpu: &Gpu) -> Result<Arc<Device>> {
    if let Some(error) = gpu.refusal() {
        return Err(error);
    }
    let device = &gpu.shared.device;
    device.presentation.as_ref().map(|_| Arc::clone(device)).ok_or_else(not_to_present)
}

fn not_to_present() -> Error {
    Error::Invalid(
        "a surface of a Gpu that was not opened to present; say `GpuOptions::default().presentation(true)`".into(),
    )
}
