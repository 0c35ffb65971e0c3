//! Recording now, submitting later.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::{
    recording::{Recording, Submission},
    submit::{Stage, Submit},
};
use crate::error::{Error, Result};

/// The future of [`Graph::finalize`](crate::Graph::finalize) and [`Frame::finalize`](crate::Frame::finalize): resolves
/// when all passes are recorded.
///
/// # Cancel safety
///
/// Dropped, nothing is submitted.
#[must_use = "nothing is recorded until it is awaited"]
pub struct Finalize(Stage);

impl Finalize {
    pub(crate) fn new(submission: Result<Submission>) -> Self {
        Self(Stage::new(submission))
    }

    pub(super) fn at(stage: Stage) -> Self {
        Self(stage)
    }
}

impl Future for Finalize {
    type Output = Result<Finalized>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx, true, |recording, cx| {
            let held = recording.poll_held(cx);
            held.map_ok(|()| Finalized { recording: Some(Arc::clone(recording)) })
        })
    }
}

impl Drop for Finalize {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl fmt::Debug for Finalize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finalize").finish_non_exhaustive()
    }
}

/// A graph or frame whose passes are recorded, to be [submitted](Self::submit). Dropped, nothing is submitted, and a
/// frame's slot is free again.
#[must_use = "it is recorded, and waits to be submitted"]
pub struct Finalized {
    recording: Option<Arc<Recording>>,
}

impl Finalized {
    /// Submits it: at once, not when the future is polled. Work that was submitted after the recording, and touches the
    /// same resources, comes before it.
    ///
    /// # Errors
    ///
    /// What the driver refused, or [`Error::Graph`] if a pass reads what nothing has written. The GPU has done nothing then,
    /// but for the case that [`Graph::submit`](crate::Graph::submit) tells of.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on the submission.
    pub fn submit(mut self) -> Submit {
        match self.recording.take() {
            Some(recording) => {
                recording.release();
                Submit::of(recording)
            }
            None => Submit::new(Err(Error::Cancelled)), // taken here only
        }
    }
}

impl Drop for Finalized {
    fn drop(&mut self) {
        if let Some(recording) = self.recording.take() {
            recording.cancel();
        }
    }
}

impl fmt::Debug for Finalized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finalized").finish_non_exhaustive()
    }
}
