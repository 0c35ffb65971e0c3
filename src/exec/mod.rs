//! From plans to the GPU: recording tasks, ordered commits, frames.

mod backend;
mod barrier;
mod chunks;
mod commits;
mod counts;
mod encoder;
mod entry;
mod frame;
#[allow(dead_code, unused_imports, reason = "the graph's side of jobs comes with it")]
mod job;
mod part;
mod picture;
#[cfg(feature = "png")]
mod png;
mod pool;
mod recording;
mod renderer;
mod rendering;
mod retire;
mod slots;
mod stats;
mod submit;
mod submitter;
mod timestamps;
mod word;

/// For the files that `tests/models` compiles against loom.
use crate::sync::prim;

pub use backend::{BackendFrame, RenderBackend};
pub(crate) use encoder::RecordFn;
pub use encoder::{DispatchArgs, DrawArgs, DrawIndexedArgs, Encoder, Index, Recorded};
pub use frame::Frame;
pub use job::Job;
pub(crate) use picture::to_host;
pub use picture::{Capture, Picture};
pub(crate) use pool::Pools;
pub(crate) use recording::Submission;
pub use renderer::{Renderer, RendererOptions};
pub use stats::FrameStats;
pub use submit::Submit;
pub(crate) use submitter::Submitter;
