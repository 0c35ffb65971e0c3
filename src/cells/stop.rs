//! How long work on many threads is told that nobody waits for it any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use crate::error::{Error, Result};

/// Asked by the work, between its parts.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn stop(&self) {
        self.0.store(true, Relaxed);
    }

    /// # Errors
    /// [`Error::Cancelled`] after [`stop`](Self::stop).
    pub(super) fn check(&self) -> Result<()> {
        if self.0.load(Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Stops the work when it is dropped: held by the future that waits for it.
    pub(crate) fn when_dropped(&self) -> StopWhenDropped {
        StopWhenDropped(self.clone())
    }
}

pub(crate) struct StopWhenDropped(Stop);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}
