//! On what terms a renderer's frames begin: their size, and whether there are any more.

use std::{
    pin::pin,
    sync::{Arc, Mutex, OnceLock},
};

use futures::future::{Either, select};
use tokio::sync::{Semaphore, watch};

use crate::{
    error::{Error, Result},
    gpu::Gpu,
    sync::prim::lock,
};

/// Shared by a renderer and whoever shows its frames.
pub(crate) struct Terms {
    size: watch::Sender<[u32; 2]>,
    /// Without permits: closed when there are no more frames.
    ended: Arc<Semaphore>,
    /// The permits of its slots, which close as well.
    permits: Arc<Semaphore>,
    why: OnceLock<Error>,
    /// A failure that nobody awaited.
    unreported: Arc<Mutex<Option<Error>>>,
}

impl Terms {
    /// They end with the `Gpu`.
    pub(super) fn new(gpu: &Gpu, size: [u32; 2], permits: &Arc<Semaphore>) -> Arc<Self> {
        let ended = Arc::new(Semaphore::new(0));
        gpu.shared.close_with(permits);
        gpu.shared.close_with(&ended);
        let permits = Arc::clone(permits);
        let size = watch::Sender::new(size);
        Arc::new(Self { size, ended, permits, why: OnceLock::new(), unreported: Arc::default() })
    }

    /// The size of the frames that begin now; a zero in it: none do.
    pub(crate) fn size(&self) -> [u32; 2] {
        *self.size.borrow()
    }

    /// Never blocks for long: the lock inside is held for a copy of eight bytes.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows change their size"))]
    pub(crate) fn resize(&self, size: [u32; 2]) {
        self.size.send_if_modified(|present| std::mem::replace(present, size) != size);
    }

    /// Waits until frames have a size without a zero.
    ///
    /// # Errors
    /// Why there will be no more frames.
    pub(super) async fn some_size(&self) -> Result<[u32; 2]> {
        let size = self.size();
        if has_pixels(size) {
            return Ok(size);
        }
        let mut sizes = self.size.subscribe();
        let some = pin!(async { sizes.wait_for(|&size| has_pixels(size)).await.map(|size| *size) });
        match select(some, pin!(self.ended.acquire())).await {
            Either::Left((Ok(size), _)) => Ok(size),
            _ => Err(self.why.get().cloned().unwrap_or(Error::Closed)),
        }
    }

    /// No more frames begin, for this reason; the first one counts.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "surfaces end"))]
    pub(crate) fn end(&self, why: Error) {
        let _ = self.why.set(why);
        self.permits.close();
        self.ended.close();
    }

    /// # Errors
    /// Why there are no more frames, or, once, what went wrong and nobody awaited.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(error) = lock(&self.unreported).take() {
            return Err(error);
        }
        self.why.get().map_or(Ok(()), |why| Err(why.clone()))
    }

    /// Something went wrong that the next frame is to tell of.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "nobody awaits what presenting does"))]
    pub(crate) fn report(&self, error: Error) {
        lock(&self.unreported).get_or_insert(error);
    }

    pub(super) fn unreported(&self) -> Arc<Mutex<Option<Error>>> {
        Arc::clone(&self.unreported)
    }
}

/// Whether there is anything to draw on.
pub(super) fn has_pixels(size: [u32; 2]) -> bool {
    !size.contains(&0)
}
