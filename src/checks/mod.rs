//! Checks: what commands touch, against what their pass declared.
//!
//! Commands that name their resources are always checked, by the encoder. This is about shaders, which reach buffers by
//! address: [`spirv`] knows which addresses a shader reads and writes through, [`Buffers`] whose they are, and a [`Watch`] looks at
//! every draw and dispatch of a pass. All of it is there only where `GpuOptions::checks` is on.

mod buffers;
mod extents;
pub(crate) mod spirv;
mod unused;
mod watch;
mod words;

pub(crate) use buffers::{Buffers, PageMemory};
pub(crate) use extents::Extents;
use unused::Warned;
pub(crate) use watch::{Commands, Pass, PipelineReach, Watch, watched};
pub(crate) use words::derived_advice;

/// What checks know of a device.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) buffers: Buffers,
    warned: Warned,
}
