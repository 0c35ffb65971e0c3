//! Shaders compiled at run time, and again when their files change.
//!
//! A live pipeline is made from GLSL files. They and what they include are watched; when one changes, the pipeline is made
//! anew off the runtime's workers, and [`Live::current`] gives the new one from then on. Frames that were declared with
//! the old one keep it.
//!
//! ```no_run
//! # use vulkio::{Gpu, Renderer, ash::vk};
//! # async fn example(gpu: &Gpu, renderer: &Renderer) -> vulkio::Result<()> {
//! let sky = gpu
//!     .live_graphics_pipeline("shaders/sky.vert", "shaders/sky.frag", |desc| desc.color(vk::Format::R8G8B8A8_SRGB))
//!     .await?;
//! loop {
//!     let frame = renderer.frame().await?;
//!     let pipeline = sky.current(); // edit sky.frag, and the next frame has it
//!     frame.pass("sky").renders(frame.target().discard()).record(move |cmd| {
//!         cmd.bind(&pipeline).draw(0..3, 0..1);
//!     });
//!     frame.submit().await?;
//! }
//! # }
//! ```
//!
//! The extension tells the stage: `.comp`, `.vert` or `.frag`. Shaders are compiled for Vulkan 1.3 and may `#include` others
//! (with `#extension GL_GOOGLE_include_directive : require`), which are looked for beside the file that includes them, then
//! beside the shader. Messages of the compiler name file and line.

mod compile;
mod files;
mod live;
mod messages;
mod rebuild;
mod watch;

pub use compile::{Compiled, compile, compile_text};
pub use live::Live;
