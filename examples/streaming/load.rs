//! The load beside the frames: a loop over some data, chunk by chunk, several chunks on their way at any time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::task::JoinSet;
use vulkio::{Gpu, GpuBuffer, Priority, Result};

use crate::args::Job;

/// Chunks of the pool that each task has for itself: while one is written, the one before may still be in use.
const CHUNKS_A_TASK: usize = 4;
/// Uploads of more bytes than this go in pieces, and then straight only into new memory.
const WHOLE: usize = 2 << 20;

/// A load that is under way.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

struct Shared {
    gpu: Gpu,
    data: Bytes,
    chunk: usize,
    /// Bytes a second.
    rate: Option<f64>,
    began: Instant,
    asked: AtomicU64,
    arrived: AtomicU64,
    over: AtomicBool,
}

impl Load {
    /// Starts it, on the runtime's workers.
    pub(crate) fn start(gpu: &Gpu, job: &Job) -> Result<Self> {
        let data = Bytes::from(vec![0x5a; job.load_bytes]);
        let shared = Shared {
            gpu: gpu.clone(),
            data,
            chunk: job.chunk_bytes,
            rate: job.load_rate,
            began: Instant::now(),
            asked: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            over: AtomicBool::new(false),
        };
        let (shared, mut tasks) = (Arc::new(shared), JoinSet::new());
        for task in 0..job.chunks_in_flight {
            let places = Places::new(gpu, task, job.chunk_bytes)?;
            tasks.spawn(run(Arc::clone(&shared), places));
        }
        Ok(Self { shared, tasks })
    }

    /// Bytes that are on the GPU so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.shared.arrived.load(Ordering::Relaxed)
    }

    /// Ends it when what is on its way has arrived.
    pub(crate) async fn stop(self) -> Result<()> {
        self.shared.over.store(true, Ordering::Relaxed);
        self.tasks.join_all().await.into_iter().collect()
    }
}

async fn run(shared: Arc<Shared>, mut places: Places) -> Result<()> {
    while !shared.over.load(Ordering::Relaxed) {
        let bytes = shared.next().await;
        let (buffer, at) = places.next(&shared.gpu)?;
        let count = bytes.len() as u64;
        let upload = shared.gpu.upload(&buffer, at, bytes).priority(Priority::Bulk);
        upload.await?.await?;
        shared.arrived.fetch_add(count, Ordering::Relaxed);
    }
    Ok(())
}

impl Shared {
    /// The next chunk of the data, when its time has come.
    async fn next(&self) -> Bytes {
        let before = self.asked.fetch_add(self.chunk as u64, Ordering::Relaxed);
        if let Some(rate) = self.rate {
            let due = Duration::from_secs_f64(before as f64 / rate);
            tokio::time::sleep(due.saturating_sub(self.began.elapsed())).await;
        }
        let chunks = self.data.len() / self.chunk;
        let start = (before as usize / self.chunk) % chunks * self.chunk;
        self.data.slice(start..start + self.chunk)
    }
}

/// Where a task's chunks go.
enum Places {
    /// Into a pool, round and round.
    Pool { pool: GpuBuffer<u8>, chunk: usize, next: usize },
    /// Each into a new buffer, as long as the one before it may still be in use.
    New { name: String, chunk: usize },
}

impl Places {
    fn new(gpu: &Gpu, task: usize, chunk: usize) -> Result<Self> {
        let name = format!("load {task}");
        if chunk > WHOLE {
            return Ok(Self::New { name, chunk });
        }
        Ok(Self::Pool { pool: gpu.buffer(&name, chunk * CHUNKS_A_TASK)?, chunk, next: 0 })
    }

    fn next(&mut self, gpu: &Gpu) -> Result<(GpuBuffer<u8>, usize)> {
        match self {
            Self::Pool { pool, chunk, next } => {
                let at = *next * *chunk;
                *next = (*next + 1) % CHUNKS_A_TASK;
                Ok((pool.clone(), at))
            }
            Self::New { name, chunk } => Ok((gpu.buffer(name, *chunk)?, 0)),
        }
    }
}
