//! Windows: surfaces that frames are presented to, and winit's event loop beside tokio.

mod choose;
mod line;
mod options;
mod presenter;
mod raw;
mod retired;
mod semaphores;
mod surface;
mod swapchain;

pub use raw_window_handle;
pub use winit;

pub use self::{
    options::{PresentStats, SurfaceOptions, Vsync},
    surface::Surface,
};
