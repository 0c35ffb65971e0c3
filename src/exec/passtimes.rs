//! GPU times of passes: two timestamps each, for whoever listens to the passes' spans.

use std::sync::{Arc, Mutex};

use ash::vk;
use tracing::Span;

use crate::{
    error::{During, Result},
    gpu::{QueueId, device::Device},
    sync::prim::lock,
};

/// The queries of a frame slot, for at most so many passes.
pub(crate) struct PassQueries {
    device: Arc<Device>,
    pool: vk::QueryPool,
    passes: u32,
}

impl PassQueries {
    pub(crate) fn new(device: &Arc<Device>, passes: u32) -> Result<Arc<Self>> {
        let info = vk::QueryPoolCreateInfo::default().query_type(vk::QueryType::TIMESTAMP).query_count(passes * 2);
        // SAFETY: the device is alive.
        let pool = unsafe { device.raw.create_query_pool(&info, None) }.during("vkCreateQueryPool")?;
        device.labels.name(pool, "pass timestamps");
        Ok(Arc::new(Self { device: Arc::clone(device), pool, passes }))
    }

    /// Passes that it has queries for.
    pub(crate) fn passes(&self) -> u32 {
        self.passes
    }

    fn reset(&self) {
        // SAFETY: hostQueryReset is enabled, and no submission uses the queries: their slot was free.
        unsafe { self.device.raw.reset_query_pool(self.pool, 0, self.passes * 2) };
    }
}

impl Drop for PassQueries {
    fn drop(&mut self) {
        // SAFETY: frames in flight hold the queries.
        unsafe { self.device.raw.destroy_query_pool(self.pool, None) };
    }
}

/// A frame's use of the queries: which pass's span gets which time.
#[derive(Clone)]
pub(crate) struct PassTimes {
    queries: Arc<PassQueries>,
    spans: Arc<Mutex<Vec<(usize, QueueId, Span)>>>,
}

impl PassTimes {
    pub(crate) fn begin(queries: Arc<PassQueries>) -> Self {
        queries.reset();
        Self { queries, spans: Arc::default() }
    }

    /// Before the commands of the pass at this position of the plan.
    pub(crate) fn start(&self, cmd: vk::CommandBuffer, queue: QueueId, position: usize, span: &Span) {
        lock(&self.spans).push((position, queue, span.clone()));
        self.write(cmd, queue, vk::PipelineStageFlags2::TOP_OF_PIPE, position * 2);
    }

    /// After them.
    pub(crate) fn stop(&self, cmd: vk::CommandBuffer, queue: QueueId, position: usize) {
        self.write(cmd, queue, vk::PipelineStageFlags2::ALL_COMMANDS, position * 2 + 1);
    }

    fn write(&self, cmd: vk::CommandBuffer, queue: QueueId, stage: vk::PipelineStageFlags2, query: usize) {
        let PassQueries { device, pool, .. } = &*self.queries;
        if device.queues.get(queue).timestamp_bits == 0 {
            return;
        }
        // SAFETY: the queries are reset, and written once by the frame that holds them; there are enough of them.
        unsafe { device.raw.cmd_write_timestamp2(cmd, stage, *pool, query as u32) };
    }

    /// The frame is complete: the spans learn their times, and end.
    pub(crate) fn finish(self) {
        let PassQueries { device, pool, .. } = &*self.queries;
        for (position, queue, span) in lock(&self.spans).drain(..) {
            let mut ticks = [0u64; 2];
            let (first, flags) = (position as u32 * 2, vk::QueryResultFlags::TYPE_64);
            // SAFETY: both queries belong to the pool. No waiting: a complete frame has written both.
            let read = unsafe { device.raw.get_query_pool_results(*pool, first, &mut ticks, flags) };
            if read.is_ok() {
                span.record("gpu_us", device.between(queue, ticks).as_secs_f64() * 1e6);
            }
        }
    }
}
