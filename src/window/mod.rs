//! Windows: surfaces that frames are presented to, and winit's event loop beside tokio.

mod surface;

pub use crate::config::Vsync;
pub use raw_window_handle;
pub use surface::{PresentStats, Surface, SurfaceOptions};
pub use winit;
