//! Compute: kernels of one's own, and operations on buffers.
//!
//! A [`Kernel`] is a compute shader with typed push constants; its work, a [`Dispatch`], is awaited or added to a graph.

mod dispatch;
mod kernel;
mod push;
mod scratch;

pub use dispatch::Dispatch;
pub(crate) use kernel::Kernels;
pub use kernel::{Kernel, KernelOptions};
pub(crate) use scratch::ScratchPools;
