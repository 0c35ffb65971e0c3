//! Two GPU timestamps a frame and queue: before its first command there and after its last.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use ash::vk;

use crate::{
    error::{During, Result},
    gpu::{QueueId, device::Device},
};

/// A frame slot's queries, used by one frame at a time.
pub(crate) struct Timestamps {
    device: Arc<Device>,
    pool: vk::QueryPool,
    /// By bit: the queues that the present frame has written to.
    used: AtomicU8,
}

const QUERIES: u32 = 2 * QueueId::MOST as u32;

impl Timestamps {
    /// `None` where no queue has timestamps.
    pub(crate) fn new(device: &Arc<Device>) -> Result<Option<Arc<Self>>> {
        if device.queues.all.iter().all(|queue| queue.timestamp_bits == 0) {
            return Ok(None);
        }
        let info = vk::QueryPoolCreateInfo::default().query_type(vk::QueryType::TIMESTAMP).query_count(QUERIES);
        // SAFETY: the device is alive.
        let pool = unsafe { device.raw.create_query_pool(&info, None) }.during("vkCreateQueryPool")?;
        device.labels.name(pool, "frame timestamps");
        Ok(Some(Arc::new(Self { device: Arc::clone(device), pool, used: AtomicU8::new(0) })))
    }

    /// For a frame that begins, whatever became of the one before.
    pub(crate) fn reset(&self) {
        self.used.store(0, Ordering::Relaxed);
        // SAFETY: hostQueryReset is enabled, and no submission uses the queries: their slot was free.
        unsafe { self.device.raw.reset_query_pool(self.pool, 0, QUERIES) };
    }

    /// Before the first command on a queue.
    pub(crate) fn begin(&self, cmd: vk::CommandBuffer, queue: QueueId) {
        self.write(cmd, vk::PipelineStageFlags2::NONE, queue, 0);
    }

    /// After the last.
    pub(crate) fn end(&self, cmd: vk::CommandBuffer, queue: QueueId) {
        self.write(cmd, vk::PipelineStageFlags2::ALL_COMMANDS, queue, 1);
        self.used.fetch_or(1 << queue.index(), Ordering::Relaxed);
    }

    fn write(&self, cmd: vk::CommandBuffer, stage: vk::PipelineStageFlags2, queue: QueueId, which: u32) {
        if self.device.queues.get(queue).timestamp_bits > 0 {
            // SAFETY: the queries are reset, and written once by the frame that holds their slot; the queue has timestamps.
            unsafe { self.device.raw.cmd_write_timestamp2(cmd, stage, self.pool, queue.index() as u32 * 2 + which) };
        }
    }

    /// The longest time between the two of a queue. Called when the frame is complete.
    pub(crate) fn read(&self) -> Option<Duration> {
        let used = self.used.load(Ordering::Relaxed);
        let queues = (0..QueueId::MOST).filter(|queue| used >> queue & 1 == 1);
        // Timestamps of different queues are not compared.
        queues.filter_map(|queue| self.between(QueueId(queue as u8))).max()
    }

    fn between(&self, queue: QueueId) -> Option<Duration> {
        let mut ticks = [0u64; 2];
        let flags = vk::QueryResultFlags::TYPE_64;
        let first = queue.index() as u32 * 2;
        // SAFETY: both queries belong to the pool. No waiting: a complete frame has written both.
        unsafe { self.device.raw.get_query_pool_results(self.pool, first, &mut ticks, flags) }.ok()?;
        Some(self.device.between(queue, ticks))
    }
}

impl Drop for Timestamps {
    fn drop(&mut self) {
        // SAFETY: frames in flight hold the slot, and with it these queries.
        unsafe { self.device.raw.destroy_query_pool(self.pool, None) };
    }
}
