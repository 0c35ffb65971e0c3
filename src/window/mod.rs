//! Windows: surfaces that frames are presented to, and winit's event loop beside tokio.

mod app;
mod bridge;
mod events;
mod flag;
mod handler;
mod interrupts;
mod queue;
mod run;
mod surface;

pub use crate::config::Vsync;
pub use app::{App, AppWindow};
pub use events::{Event, Events};
pub use raw_window_handle;
pub use run::{RunOptions, run, run_on, run_with};
pub use surface::{PresentStats, Surface, SurfaceOptions};
pub use winit;
