//! Frames on their way to a screen.

use std::sync::Arc;

use super::slots::SlotLease;
use crate::resource::{GpuImage, RenderTarget};

/// A frame that was submitted and is to be shown.
#[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows show frames"))]
pub(crate) struct SubmittedFrame {
    pub(crate) target: GpuImage<RenderTarget>,
    /// Keeps the next frame out of the target until this one is shown.
    pub(crate) lease: Arc<SlotLease>,
}

/// Who shows a renderer's frames.
pub(crate) trait Presents: Send + Sync {
    /// Takes a frame, in the order of commits, under the lock that orders them: it wakes no task and drops nothing. Gives the
    /// frame back if it shows none any more.
    fn take(&self, frame: SubmittedFrame) -> Option<SubmittedFrame>;
}
