//! Two GPU timestamps a frame: before its first command and after its last.

use std::{sync::Arc, time::Duration};

use ash::vk;

use crate::{
    error::{During, Result},
    gpu::{QueueKind, device::Device},
};

/// A frame slot's two queries, used by one frame at a time.
pub(crate) struct Timestamps {
    device: Arc<Device>,
    pool: vk::QueryPool,
    /// The bits that the queue's timestamps have.
    mask: u64,
}

impl Timestamps {
    /// `None` where the graphics queue has no timestamps.
    pub(crate) fn new(device: &Arc<Device>) -> Result<Option<Arc<Self>>> {
        let bits = device.queues.get(device.queues.id(QueueKind::Graphics)).timestamp_bits;
        if bits == 0 {
            return Ok(None);
        }
        let info = vk::QueryPoolCreateInfo::default().query_type(vk::QueryType::TIMESTAMP).query_count(2);
        // SAFETY: the device is alive.
        let pool = unsafe { device.raw.create_query_pool(&info, None) }.during("vkCreateQueryPool")?;
        device.labels.name(pool, "frame timestamps");
        let mask = 1u64.checked_shl(bits).map_or(u64::MAX, |bit| bit - 1);
        let timestamps = Self { device: Arc::clone(device), pool, mask };
        timestamps.reset();
        Ok(Some(Arc::new(timestamps)))
    }

    fn reset(&self) {
        // SAFETY: hostQueryReset is enabled, and no submission uses the queries: their slot is free or just retired.
        unsafe { self.device.raw.reset_query_pool(self.pool, 0, 2) };
    }

    /// Before the first command.
    pub(crate) fn begin(&self, cmd: vk::CommandBuffer) {
        self.write(cmd, vk::PipelineStageFlags2::NONE, 0);
    }

    /// After the last.
    pub(crate) fn end(&self, cmd: vk::CommandBuffer) {
        self.write(cmd, vk::PipelineStageFlags2::ALL_COMMANDS, 1);
    }

    fn write(&self, cmd: vk::CommandBuffer, stage: vk::PipelineStageFlags2, query: u32) {
        // SAFETY: the queries are reset, and written once by the frame that holds their slot.
        unsafe { self.device.raw.cmd_write_timestamp2(cmd, stage, self.pool, query) };
    }

    /// The time between the two, and makes them ready for the next frame. Called when the frame is complete.
    pub(crate) fn read(&self) -> Option<Duration> {
        let mut ticks = [0u64; 2];
        let flags = vk::QueryResultFlags::TYPE_64;
        // SAFETY: both queries belong to the pool. No waiting: a complete frame has written both.
        let read = unsafe { self.device.raw.get_query_pool_results(self.pool, 0, &mut ticks, flags) };
        self.reset();
        read.ok()?;
        let elapsed = ticks[1].wrapping_sub(ticks[0]) & self.mask;
        let nanoseconds = elapsed as f64 * f64::from(self.device.info.limits.timestamp_period);
        Some(Duration::from_nanos(nanoseconds as u64))
    }
}

impl Drop for Timestamps {
    fn drop(&mut self) {
        // SAFETY: frames in flight hold the slot, and with it these queries.
        unsafe { self.device.raw.destroy_query_pool(self.pool, None) };
    }
}
