//! From plans to the GPU: recording tasks, ordered commits, frames.

mod backend;
mod barrier;
mod captured;
mod chunks;
mod clocks;
mod commits;
mod counts;
mod data;
mod encoder;
mod entry;
mod finalize;
mod frame;
mod job;
mod opened;
mod part;
mod passtimes;
mod pick;
mod picture;
#[cfg(feature = "png")]
mod png;
mod pool;
mod prepare;
mod presents;
mod recording;
mod renderer;
mod rendering;
mod retire;
#[cfg(feature = "window")]
mod show;
mod slots;
mod stats;
mod submit;
mod submitter;
mod terms;
mod timestamps;
mod transfer;
mod transients;
mod turn;
mod update;
mod word;

/// For the files that `tests/models` compiles against loom.
use crate::sync::prim;

pub use backend::{BackendFrame, RenderBackend};
pub(crate) use chunks::Share;
pub use data::FrameData;
pub(crate) use encoder::RecordFn;
pub use encoder::{DispatchArgs, DrawArgs, DrawIndexedArgs, Encoder, Filter, Index, Recorded};
pub use finalize::{Finalize, Finalized};
pub use frame::Frame;
pub use job::Job;
pub(crate) use job::{JobOwner, JobUse, launch as launch_job, spawn as spawn_job, try_spawn as try_spawn_job};
pub(crate) use opened::Opened;
pub use pick::{InstanceId, Pick};
pub(crate) use pick::{Pickable, Shown};
pub use picture::{Capture, Picture};
pub(crate) use picture::{PendingPicture, to_host};
pub(crate) use pool::Pools;
#[cfg(feature = "window")]
pub(crate) use presents::{Presents, SubmittedFrame};
pub(crate) use recording::Submission;
pub use renderer::{Renderer, RendererOptions};
#[cfg(feature = "window")]
pub(crate) use show::{Show, Way};
pub use stats::FrameStats;
pub use submit::Submit;
pub(crate) use submitter::{Claim, Committed, Submitter};
#[cfg(feature = "window")]
pub(crate) use submitter::{Handover, Told};
#[cfg(feature = "window")]
pub(crate) use terms::Terms;
pub(crate) use transfer::Transfer;
pub(crate) use transients::TransientPool;
pub(crate) use turn::Turn;
pub(crate) use update::{MOST_COPIED, Scatter, ScatterKernel, index_bytes, scatter_kernel};
