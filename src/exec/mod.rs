//! From plans to the GPU: recording tasks, ordered commits, frames.

mod barrier;
mod chunks;
mod commits;
mod counts;
mod encoder;
mod entry;
mod frame;
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
#[allow(dead_code, reason = "GLUE: until graphs have transients")]
pub(crate) mod transients;
mod word;

/// For the files that `tests/models` compiles against loom.
use crate::sync::prim;

pub(crate) use encoder::RecordFn;
pub use encoder::{DispatchArgs, DrawArgs, DrawIndexedArgs, Encoder, Filter, Index, Recorded};
pub use frame::Frame;
pub(crate) use picture::to_host;
pub use picture::{Capture, Picture};
pub(crate) use pool::Pools;
pub(crate) use recording::Submission;
pub use renderer::{Renderer, RendererOptions};
pub use stats::FrameStats;
pub use submit::Submit;
pub(crate) use submitter::Submitter;
