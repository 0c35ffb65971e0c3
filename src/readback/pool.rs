//! Read-back memory that is used again: making and pinning 256 MiB takes tens of milliseconds.

use std::{
    mem::size_of,
    sync::{Arc, Mutex, Weak, atomic::Ordering::Relaxed},
};

use bytemuck::Pod;

use super::kept::{Kept, size_class};
use crate::{
    error::Result,
    gpu::{Gpu, device::Device, helpers::Helpers},
    memory::{MemoryKind, Reserve},
    resource::{
        GpuBuffer,
        buffer::{BufferHome, BufferInner, OwnBuffer, check_shape},
        range::bytes_of,
    },
    sync::prim::lock,
};

/// What is no larger is a span of a block, which is had at once. The rest may take the driver long.
const MADE_IN_PLACE: u64 = 1 << 20;

/// The read-back memory of a `Gpu`. Its buffers come back by themselves when the last handle is gone and the GPU is done.
pub(crate) struct ReadPool {
    device: Arc<Device>,
    /// Where large memory is given back to the driver.
    helpers: Weak<Helpers>,
    kept: Mutex<Kept<OwnBuffer>>,
}

impl ReadPool {
    /// Keeps up to `bound` bytes for later.
    pub(crate) fn new(device: Arc<Device>, helpers: &Arc<Helpers>, bound: u64) -> Arc<Self> {
        let kept = Mutex::new(Kept::new(bound));
        let pool = Arc::new(Self { device, helpers: Arc::downgrade(helpers), kept });
        let weak = Arc::downgrade(&pool);
        pool.device.memory().add_reserve(weak);
        pool
    }

    /// Gives all memory back that nobody uses, and keeps none from now on.
    pub(crate) fn close(&self) {
        let surplus = self.change(|kept| kept.set_bound(0));
        drop(surplus);
    }

    /// A buffer over kept memory, or over new memory that is had at once; `None` if making it takes a helper thread.
    ///
    /// # Errors
    /// As [`lease`].
    pub(crate) fn lease_at_once<T: Pod>(self: &Arc<Self>, name: &str, len: usize) -> Result<Option<GpuBuffer<T>>> {
        check_shape::<T>(name, len)?;
        let bytes = bytes_of(len, size_of::<T>());
        let class = size_class(bytes);
        let own = match self.change(|kept| kept.take(class)) {
            Some(own) => own,
            None if class <= MADE_IN_PLACE => self.make(name, class)?,
            None => {
                self.device.memory().check(name, bytes, MemoryKind::Readback)?;
                return Ok(None);
            }
        };
        Ok(Some(self.lend(own, name, bytes)))
    }

    fn lend<T>(self: &Arc<Self>, own: OwnBuffer, name: &str, bytes: u64) -> GpuBuffer<T> {
        let home: Weak<dyn BufferHome> = Arc::downgrade(self) as _;
        GpuBuffer::from_inner(BufferInner::lent(own, name, bytes, home))
    }

    fn make(&self, name: &str, class: u64) -> Result<OwnBuffer> {
        OwnBuffer::new(&self.device, name, class, MemoryKind::Readback)
    }

    /// As [`make`](Self::make), with every page there: who copies into it does not wait for the system to find them.
    fn make_resident(&self, name: &str, class: u64) -> Result<OwnBuffer> {
        let mut own = self.make(name, class)?;
        own.make_resident();
        Ok(own)
    }

    /// Changes what is kept, and the count of it.
    fn change<R>(&self, change: impl FnOnce(&mut Kept<OwnBuffer>) -> R) -> R {
        let mut kept = lock(&self.kept);
        let result = change(&mut kept);
        self.device.counters.readback_bytes_kept.store(kept.bytes(), Relaxed);
        result
    }
}

impl BufferHome for ReadPool {
    fn take_back(&self, own: OwnBuffer) {
        let surplus = self.change(|kept| kept.put(own.bytes(), own));
        // The driver takes long to give large memory back, and this may be anybody's thread: the reactor's, say.
        if surplus.iter().any(|own| own.bytes() > MADE_IN_PLACE)
            && let Some(helpers) = self.helpers.upgrade()
        {
            drop(helpers.run("freeing read-back memory", move || drop(surplus)));
        }
    }
}

impl Reserve for ReadPool {
    fn give_up(&self) -> bool {
        let all = self.change(Kept::drain);
        !all.is_empty()
    }
}

/// A read-back buffer of `len` elements. What would take the driver long is made on a helper thread.
///
/// # Errors
/// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory), or why there is no more work for the `Gpu`.
///
/// # Cancel safety
/// Dropped, the memory goes to the pool.
pub(crate) async fn lease<T: Pod>(gpu: &Gpu, name: &'static str, len: usize) -> Result<GpuBuffer<T>> {
    if let Some(error) = gpu.refusal() {
        return Err(error);
    }
    let pool = &gpu.shared.readbacks;
    if let Some(buffer) = pool.lease_at_once(name, len)? {
        return Ok(buffer);
    }
    let bytes = bytes_of(len, size_of::<T>());
    let pool = Arc::clone(pool);
    let make = move || pool.make_resident(name, size_class(bytes)).map(|own| pool.lend(own, name, bytes));
    gpu.shared.helpers.run("making read-back memory", make).await?
}
