//! Windows: surfaces that frames are presented to, and winit's event loop beside tokio.
//!
//! [`run`] is the short way: it gives an [`App`] the device, a window and its frames, and what happens as a stream of
//! [`Event`]s. It is made of parts that can be had by themselves. A program with an event loop of its own opens its [`Gpu`](crate::Gpu)
//! with [`GpuOptions::presentation`](crate::GpuOptions::presentation), makes a [`Surface`] for each window, tells it the window's
//! sizes, and draws in a task, which never waits on the event loop's thread:
//!
//! ```no_run
//! use std::sync::Arc;
//! use tokio::runtime::Runtime;
//! use vulkio::{
//!     Gpu, GpuOptions,
//!     window::{
//!         Surface, SurfaceOptions,
//!         winit::{
//!             application::ApplicationHandler,
//!             event::WindowEvent,
//!             event_loop::{ActiveEventLoop, EventLoop},
//!             window::{Window, WindowId},
//!         },
//!     },
//! };
//!
//! struct Handler {
//!     runtime: Runtime,
//!     gpu: Gpu,
//!     surface: Option<Surface>,
//! }
//!
//! async fn draw(surface: Surface) -> vulkio::Result<()> {
//!     loop {
//!         let frame = surface.renderer().frame().await?; // `Error::Closed` once the surface is
//!         frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
//!         frame.submit().await?;
//!     }
//! }
//!
//! impl ApplicationHandler for Handler {
//!     fn resumed(&mut self, event_loop: &ActiveEventLoop) {
//!         let window = event_loop.create_window(Window::default_attributes()).expect("a window");
//!         let size = window.inner_size().into();
//!         let surface = Surface::new(&self.gpu, Arc::new(window), size, SurfaceOptions::default());
//!         let surface = self.runtime.block_on(surface).expect("a surface");
//!         self.runtime.spawn(draw(surface.clone()));
//!         self.surface = Some(surface);
//!     }
//!
//!     fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
//!         match (event, &self.surface) {
//!             (WindowEvent::Resized(size), Some(surface)) => surface.resize(size.into()),
//!             (WindowEvent::CloseRequested, Some(surface)) => {
//!                 let _ = self.runtime.block_on(async { (surface.close().await, self.gpu.close().await) });
//!                 event_loop.exit();
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let runtime = Runtime::new()?;
//!     let gpu = runtime.block_on(Gpu::open(GpuOptions::default().presentation(true)))?;
//!     Ok(EventLoop::new()?.run_app(&mut Handler { runtime, gpu, surface: None })?)
//! }
//! ```

mod app;
mod bridge;
mod choose;
mod connection;
mod events;
mod flag;
mod handler;
mod handles;
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
