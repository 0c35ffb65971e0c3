//! Windows: surfaces that frames are presented to, and winit's event loop beside tokio.

mod app;
mod bridge;
mod choose;
mod events;
mod flag;
mod handler;
mod interrupts;
mod line;
mod options;
mod presenter;
mod queue;
mod raw;
mod retired;
mod run;
mod semaphores;
mod surface;
mod swapchain;

pub use raw_window_handle;
pub use winit;

pub use self::{
    app::{App, AppWindow},
    events::{Event, Events},
    options::{PresentStats, SurfaceOptions},
    run::{RunOptions, run, run_on, run_with},
    surface::Surface,
};
pub use crate::config::Vsync;
