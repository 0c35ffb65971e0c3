//! An async, task-based Vulkan renderer for tokio.
//!
//! A program that already lives on tokio opens a [`Gpu`], builds each [`Frame`] as a graph of passes, and *awaits* it.
//! Nothing blocks or burns a worker thread, nothing needs a poll loop, and dropping any future is safe.
//!
//! ```no_run
//! use vulkio::{Gpu, GpuOptions, Renderer};
//!
//! #[tokio::main]
//! async fn main() -> vulkio::Result<()> {
//!     let gpu = Gpu::open(GpuOptions::default()).await?;
//!     let renderer = Renderer::headless(&gpu, [640, 480])?;
//!     let frame = renderer.frame().await?; // waits for a free slot
//!     frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
//!     let done = frame.submit().await?; // recorded and submitted; the GPU goes on
//!     println!("{}", done.await?); // complete
//! #   #[cfg(feature = "png")]
//!     renderer.capture().await?.save_png("sky.png").await?;
//!     gpu.close().await
//! }
//! ```
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | [`Gpu`] | an opened device: queues, memory, timelines, reactor |
//! | [`Stamp`] | a point on a queue's timeline |
//! | [`Completion`] | the future of a stamp |
//! | [`System`] | a reusable GPU task: declares its reads and writes, records commands |
//! | [`Graph`] | passes declared by what they read and write; order and barriers follow |
//! | [`Frame`] | a frame slot, its target image, and a graph to fill |
//! | [`Encoder`] | what a pass records into; lives inside one closure call |
//!
//! # Features
//!
//! `png` (default): [`Picture::save_png`].
//!
//! The public API contains types of `ash` and `glam`, which are re-exported, and of `bytemuck` and `tokio`.

#[cfg(target_arch = "wasm32")]
compile_error!("vulkio needs a Vulkan driver and threads; browsers have neither");

mod cull;
mod error;
mod exec;
mod gpu;
mod graph;
mod memory;
mod pipeline;
mod raster;
mod resource;
pub mod scene;
mod sync;
mod upload;

pub use ash;
pub use glam;

pub use cull::{Cubes, Cull, ResetArgs};
pub use error::{Error, Result, Source};
pub use exec::{
    BackendFrame, Capture, DispatchArgs, DrawArgs, DrawIndexedArgs, Encoder, Filter, Finalize, Finalized, Frame,
    FrameStats, Index, Job, Picture, Recorded, RenderBackend, Renderer, RendererOptions, Submit,
};
pub use gpu::{
    CounterSnapshot, DeviceChoice, DeviceInfo, DeviceKind, DeviceSummary, Features, Gpu, GpuOptions, Intercept,
    QueueId, QueueKind, RawDevice, RawHandles, RawQueue, Validation, ValidationMessages,
};
pub use graph::{After, Graph, Pass, PassId, Plan, PlanStats, System, Systems, Uses};
pub use pipeline::{ComputePipeline, GraphicsDesc, GraphicsPipeline, Pipeline};
pub use raster::{Draw, DrawWithIds, NO_ID, SKY};
pub use resource::{
    Access, Attachment, Buffer, BufferSlice, CopySide, Depth, GpuBuffer, GpuImage, Ids, ImageDesc, ImagePart,
    ImageRole, Mode, RenderTarget, Subimage, TransientBuffer, Use,
};
pub use sync::{Completion, Stamp, WaitFor};
pub use upload::Readback;

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
