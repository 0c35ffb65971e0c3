//! Compute: kernels of one's own, and operations on buffers.
//!
//! A [`Kernel`] is a compute shader with typed push constants; its work, a [`Dispatch`], is awaited or added to a graph.

mod batch;
mod dispatch;
mod element;
mod gemm;
mod kernel;
mod operand;
mod push;
mod reduce;
pub mod reference;
mod saxpy;
mod scan;
mod scratch;
mod tuning;

pub(crate) use batch::Batcher;
pub use batch::Batching;
pub use dispatch::Dispatch;
pub use element::Element;
pub use gemm::{Gemm, Matrix, Precision, gemm};
pub(crate) use kernel::Kernels;
pub use kernel::{Kernel, KernelOptions};
pub use reduce::{Reduce, max, min, sum};
pub use saxpy::{Saxpy, saxpy};
pub use scan::{Scan, exclusive_scan, inclusive_scan};
pub(crate) use scratch::ScratchPools;
pub(crate) use tuning::Tuning;
