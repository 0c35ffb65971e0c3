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

use std::sync::Arc;

use ash::vk;

pub(crate) use buffers::{Buffers, PageMemory};
pub(crate) use extents::Extents;
use unused::Warned;
pub(crate) use watch::{Commands, Pass, PipelineReach, Watch, watched};
pub(crate) use words::derived_advice;

use crate::error::Result;

/// Looks at one dispatch that is to be recorded: whether the pass declares what the pipeline's shader touches with these constants.
///
/// # Errors
/// [`Error::Graph`](crate::Error::Graph) for what it does not.
pub(crate) fn check_dispatch(
    checks: &Checks,
    pass: Pass<'_>,
    reach: Option<&Arc<PipelineReach>>,
    constants: &[u8],
) -> Result<()> {
    let watch = Watch::begin(vk::CommandBuffer::null(), Commands::none(), checks, pass);
    watch.bound(reach);
    watch.pushed(0, constants);
    watch.look()
}

/// What checks know of a device.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) buffers: Buffers,
    warned: Warned,
}
