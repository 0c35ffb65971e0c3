//! Counts of Vulkan calls and of memory, taken where the calls are made.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The live counters of one device.
        #[derive(Debug, Default)]
        pub(crate) struct Counters { $(pub(crate) $name: AtomicU64,)+ }

        /// The counters of a [`Gpu`](crate::Gpu) at one moment, since it was opened.
        ///
        /// Each is counted at the Vulkan call it names, work that was cancelled after recording included.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct CounterSnapshot { $($(#[doc = $doc])+ pub $name: u64,)+ }

        impl Counters {
            pub(crate) fn snapshot(&self) -> CounterSnapshot {
                CounterSnapshot { $($name: self.$name.load(Relaxed),)+ }
            }
        }
    };
}

counters! {
    /// Draw commands: direct, indexed, indirect and indirect-count.
    draws,
    /// Dispatch commands, direct and indirect.
    dispatches,
    /// `vkCmdPipelineBarrier2` calls.
    barriers,
    /// `vkQueueSubmit2` calls.
    submits,
    /// Those of them for the graphics queue.
    graphics_submits,
    /// Those for the compute queue, where the device has one.
    compute_submits,
    /// Those for the transfer queue, where the device has one.
    transfer_submits,
    /// `vkCmdCopyBuffer` and `vkCmdCopyBufferToImage` calls made for uploads.
    upload_copies,
    /// Bytes that uploads copied or scattered on the GPU; what goes through memory of its own counts twice.
    uploaded_bytes,
    /// Uploads that wait to be staged and submitted, now.
    uploads_waiting,
    /// Bytes of staging memory in use now: from when something is written there until its copy is complete.
    staging_bytes,
    /// The most bytes of staging memory ever in use at once.
    peak_staging_bytes,
    /// Descriptors written: one for each image that a shader ever stored to, and a set of
    /// [`textures_per_pass`](crate::Gpu::textures_per_pass) for each combination of textures that passes ask for. Buffers are
    /// reached by address.
    descriptor_writes,
    /// `vkAllocateMemory` calls.
    device_allocations,
    /// Bytes of device memory held now.
    device_bytes,
    /// The most bytes of device memory ever held at once.
    peak_device_bytes,
    /// Bytes written to the memory of frames: by `data`, `data_slice` and `update`.
    frame_data_bytes,
    /// Bytes of read-back memory held now: by [`Readback`](crate::Readback)s and [`Picture`](crate::Picture)s, by reads under
    /// way, and kept for later ones.
    readback_bytes,
    /// Bytes of that which are kept for later.
    readback_bytes_kept,
    /// Command pools created.
    command_pools,
    /// Semaphores created.
    semaphores,
    /// Pipelines created.
    pipelines,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }

    /// Books staging memory that is taken.
    pub(crate) fn staged(&self, bytes: u64) {
        let now = self.staging_bytes.fetch_add(bytes, Relaxed) + bytes;
        self.peak_staging_bytes.fetch_max(now, Relaxed);
    }

    /// Books staging memory that is given back.
    pub(crate) fn unstaged(&self, bytes: u64) {
        self.staging_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Books an allocation of device memory.
    pub(crate) fn allocated(&self, bytes: u64) {
        self.device_allocations.fetch_add(1, Relaxed);
        let now = self.device_bytes.fetch_add(bytes, Relaxed) + bytes;
        self.peak_device_bytes.fetch_max(now, Relaxed);
    }

    /// Books the end of an allocation.
    pub(crate) fn freed(&self, bytes: u64) {
        self.device_bytes.fetch_sub(bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_outlives_the_memory() {
        let counters = Counters::default();
        counters.allocated(10);
        counters.allocated(5);
        counters.freed(10);
        counters.allocated(1);
        let seen = counters.snapshot();
        assert_eq!((seen.device_allocations, seen.device_bytes, seen.peak_device_bytes), (3, 6, 15));
    }
}
