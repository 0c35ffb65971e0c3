//! How a surface works, and what it did.

use ash::vk;

#[cfg(doc)]
use crate::Error;
use crate::{RendererOptions, config::Vsync};

/// How a [`Surface`](super::Surface) works.
///
/// ```
/// use vulkio::{RendererOptions, window::{SurfaceOptions, Vsync}};
///
/// let options = SurfaceOptions::default()
///     .vsync(Vsync::Mailbox)
///     .renderer(RendererOptions::default().frames_in_flight(3));
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SurfaceOptions {
    /// When frames are shown. What a window cannot do is replaced by what comes closest, with a warning. `On` by default.
    pub vsync: Vsync,
    /// The format of the images that are shown; by default one that stores sRGB. With one that a window has not,
    /// [`Surface::new`](super::Surface::new) is an [`Error::Invalid`].
    pub format: Option<vk::Format>,
    /// How its renderer works.
    pub renderer: RendererOptions,
}

impl SurfaceOptions {
    /// Sets [`vsync`](Self::vsync).
    #[must_use]
    pub fn vsync(mut self, vsync: Vsync) -> Self {
        self.vsync = vsync;
        self
    }

    /// Sets [`format`](Self::format).
    #[must_use]
    pub fn format(mut self, format: vk::Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Sets [`renderer`](Self::renderer).
    #[must_use]
    pub fn renderer(mut self, options: RendererOptions) -> Self {
        self.renderer = options;
        self
    }
}

/// What a surface did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresentStats {
    /// Frames shown: handed to the window's system.
    pub presented: u64,
    /// Frames that were submitted and not shown: overtaken in a mailbox, while the window had no pixels, or when it ended.
    pub dropped: u64,
    /// Swapchains made.
    pub swapchains: u64,
    /// Width and height of the swapchain's images, in pixels; zeros while there is none.
    pub size: [u32; 2],
    /// The swapchain's mode; `FIFO` while there is none.
    pub mode: vk::PresentModeKHR,
}
