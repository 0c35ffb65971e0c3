//! A renderer's slots: what frames in flight must not share, lent to one frame after the other.

use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{passtimes::PassQueries, timestamps::Timestamps};
use crate::{
    error::{Error, Result},
    gpu::{Gpu, device::Device},
    resource::{GpuImage, ImageDesc, RenderTarget},
    sync::prim::lock,
};

/// What frames in flight must not share.
pub(crate) struct Slot {
    pub(crate) target: GpuImage<RenderTarget>,
    pub(crate) timestamps: Option<Arc<Timestamps>>,
    /// Queries of passes, as many as its frames had so far; `None` if passes are not measured.
    pub(crate) passes: Option<Mutex<Option<Arc<PassQueries>>>>,
    pub(crate) device: Arc<Device>,
}

impl Slot {
    /// Queries for so many passes. Where there is no memory for them, passes are not measured.
    pub(crate) fn pass_queries(&self, passes: usize) -> Option<Arc<PassQueries>> {
        let passes = u32::try_from(passes).ok().filter(|&passes| passes > 0)?;
        let mut queries = lock(self.passes.as_ref()?);
        if queries.as_ref().is_none_or(|queries| queries.passes() < passes) {
            let made = PassQueries::new(&self.device, passes.next_power_of_two());
            *queries = made.inspect_err(|error| tracing::warn!(%error, "passes are not measured")).ok();
        }
        queries.clone()
    }
}

/// A renderer's slots, and the permits to use them.
pub(crate) struct Slots {
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) free: Mutex<Vec<Slot>>,
}

impl Slots {
    /// Waits for a free slot. The semaphore closes with the `Gpu`, and when the device is lost.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<SlotLease> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let slot = lock(&self.free).pop().ok_or(Error::Closed)?; // as many slots as permits
        Ok(SlotLease { slots: Arc::clone(self), slot: Some(slot), _permit: permit })
    }
}

/// A slot on loan: with the frame, then with its submission until that retires.
pub(crate) struct SlotLease {
    slots: Arc<Slots>,
    slot: Option<Slot>,
    /// After the slot: whoever gets the permit finds the slot free.
    _permit: OwnedSemaphorePermit,
}

impl SlotLease {
    pub(crate) fn slot(&self) -> &Slot {
        self.slot.as_ref().expect("a lease holds its slot until it is dropped")
    }

    /// Gives a slot that is for a frame which has not begun a target of this size. Making one takes the driver its time, and
    /// so does freeing the old one: a helper thread does both.
    ///
    /// # Errors
    /// As [`Gpu::image`].
    ///
    /// # Cancel safety
    /// Dropped, the old target stays.
    pub(crate) async fn fit(&mut self, gpu: &Gpu, size: [u32; 2]) -> Result<()> {
        let target = &self.slot().target;
        if target.extent() == size {
            return Ok(());
        }
        let (device, name) = (Arc::clone(&self.slot().device), target.name().to_owned());
        let make = move || GpuImage::<RenderTarget>::on(&device, &name, ImageDesc::new(size));
        let made = gpu.shared.helpers.run("making a frame's target", make).await??;
        if let Some(slot) = &mut self.slot {
            let old = std::mem::replace(&mut slot.target, made);
            let _ = gpu.shared.helpers.spawn(false, move || drop(old)); // refused, it is dropped here
        }
        Ok(())
    }
}

impl Drop for SlotLease {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            lock(&self.slots.free).push(slot);
        }
    }
}
