//! An async, task-based Vulkan renderer for tokio.
//!
//! A program that already lives on tokio opens a [`Gpu`], builds each [`Frame`] as a graph of passes and CPU jobs, and
//! *awaits* it.
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
//! | [`Schedule`] | systems of the CPU and the GPU in named stages |
//! | [`CpuData`] | a value on the CPU that systems share |
//! | [`Registry`] | handles of resources, found by their type |
//! | [`Graph`] | passes declared by what they read and write; order and barriers follow |
//! | [`Frame`] | a frame slot, its target image, and a graph to fill |
//! | [`Pass`] | a pass being declared; [`PassId`]: one that was, for others to come after |
//! | [`Job`] | a CPU future of a frame, whose output passes use |
//! | transient | a [`TransientBuffer`] or [`GpuImage`] that lives inside one graph, in memory it may share |
//! | [`Plan`] | what a graph compiles to, to look at: batches, waves, barriers |
//! | wave | passes that may overlap; a queue has one barrier call at most between two of them |
//! | batch | passes that go to one queue in one submission |
//! | [`Encoder`] | what a pass records into; lives inside one closure call |
//! | [`Upload`] | the future of data on its way to the GPU; resolves when its copy is submitted |
//! | [`Staging`] | memory that the GPU copies from, to be written in place |
//! | [`Streamed`] | a buffer with a version for each frame in flight |
//! | [`Readback`] | elements read back with [`Gpu::read`], to look at in place; of an image it is a [`Picture`] |
//! | [`CaptureStream`] | pictures of a renderer's frames, one after the other |
//! | [`Finalized`] | a frame or graph that is recorded and not submitted yet |
//! | [`RenderBackend`] | what frames are drawn with, as a trait: [`Renderer`], or a stand-in |
//!
//! # What happens to a frame
//!
//! 1. It is declared: [`Frame::pass`] notes what a pass reads and writes, and its closure. Nothing runs but jobs.
//! 2. [`Frame::submit`], awaited, compiles it into a [`Plan`], or finds the plan of an earlier frame of the same shape.
//! 3. Its passes are recorded in tasks on tokio's workers, those that come after a job when that is done.
//! 4. The last task to end commits: under one lock, what stands before the first touch of each resource is worked out, and
//!    the frame goes to its queues. Until then, dropping the future means that nothing was submitted.
//! 5. The [`Completion`] that `submit` gave resolves when the GPU is through, to the frame's [`FrameStats`].
//!
//! Uploads ([`Gpu::upload`] and its like) are commits as well, made by a thread of the [`Gpu`]: frames see those that were submitted
//! before them, whole, and the GPU keeps the two in order, range by range.
//!
//! Spans tell the story to whoever listens through `tracing`: target `vulkio::frame` at level debug, with `frame`, `name` and
//! `gpu_us`, and below it target `vulkio::pass` at level trace, with `frame`, `pass`, `worker`, `cpu_us` and, where
//! [`RendererOptions::pass_timestamps`] is on, `gpu_us`.
//!
//! # Features
//!
//! `derive` (default): `#[derive(GpuData)]`, `#[derive(System)]`, `#[derive(Schedule)]`. `png` (default): [`Picture::save_png`]. `files` (default): [`scene::files`], cubes from point clouds and height maps.
//!
//! Not by default: `config` (the module `config`: settings from a file, the environment and switches), `window` (the module `window`: surfaces and
//! winit's event loop beside tokio; with `config`), `egui` (the module `overlay`: egui over frames; with `window`), `glsl` (the module `glsl`: shaders
//! compiled at run time, and again when their files change; needs a C++ compiler to build).
//!
//! The public API contains types of `ash` and `glam`, which are re-exported, of `bytemuck`, `bytes` and `tokio`, and `futures`' `Stream`.

#[cfg(target_arch = "wasm32")]
compile_error!("vulkio needs a Vulkan driver and threads; browsers have neither");

mod cells;
mod checks;
pub mod compute;
#[cfg(feature = "config")]
pub mod config;
mod cull;
mod error;
mod exec;
#[cfg(feature = "glsl")]
pub mod glsl;
mod gpu;
mod graph;
mod memory;
#[cfg(feature = "egui")]
pub mod overlay;
mod pipeline;
mod raster;
mod readback;
mod resource;
pub mod scene;
mod schedule;
mod spirv;
mod sync;
mod system;
mod upload;
#[cfg(feature = "window")]
pub mod window;

pub use ash;
pub use glam;

pub use cells::{PackTimes, Refit, RefitSome};
pub use compute::{Batching, Dispatch, Kernel, KernelOptions};
pub use cull::{Cubes, Cull, ResetArgs};
pub use error::{Error, Result, Source};
pub use exec::{
    BackendFrame, Capture, DispatchArgs, DrawArgs, DrawIndexedArgs, Encoder, Filter, Finalize, Finalized, Frame,
    FrameData, FrameStats, Index, InstanceId, Job, Pick, Picture, Recorded, RenderBackend, Renderer, RendererOptions,
    Submit,
};
pub use gpu::{
    CounterSnapshot, DeviceChoice, DeviceInfo, DeviceKind, DeviceSummary, Features, Gpu, GpuOptions, Intercept,
    QueueId, QueueKind, RawDevice, RawHandles, RawQueue, Validation, ValidationMessages,
};
pub use graph::{After, Graph, Hints, Outline, Pass, PassBarrier, PassId, Plan, PlanStats, System, Systems, Uses};
pub use memory::HostPages;
pub use pipeline::{Blend, ComputePipeline, Edge, GraphicsDesc, GraphicsPipeline, Pipeline, Sampler, SamplerDesc};
pub use raster::{DrawView, NO_ID, RasterPath, SKY, View, ViewCounts, ViewOptions};
pub use readback::{CaptureStream, Read, Readback};
pub use resource::{
    Access, Attachment, AttributeFormat, Buffer, BufferSlice, CopySide, Depth, GpuBuffer, GpuData, GpuHandle, GpuImage,
    GpuResource, GpuResourceKind, GpuResourceMeta, Ids, ImageDesc, ImagePart, ImageRole, Mode, RenderTarget, Role,
    Subimage, Texture, TransientBuffer, Use, VertexData,
};
pub use schedule::{Schedule, Scheduled, Stage};
pub use sync::{Completion, Stamp, WaitFor};
#[doc(hidden)]
pub use system::derived;
#[cfg(feature = "derive")]
pub use system::derives::{GpuData, Schedule, System};
pub use system::{
    Act, Binding, CpuAccess, CpuData, CpuMember, CpuRef, CpuResourceMeta, GpuMember, GpuResourceAccess, Guards, Member,
    Members, Record, Registered, Registry, ResourceAccess, Run,
};
pub use upload::{Imported, ImportedSlice, IntoUploadData, Priority, Staging, Streamed, Upload, UploadData, Uploaded};

/// The README's programs compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The guide's programs compile.
#[cfg(all(doctest, feature = "window", feature = "egui", feature = "glsl"))]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
