//! Memory that operations use for themselves, while they run.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use dashmap::DashMap;

use super::{Dispatch, Kernel, push::push_constants};
use crate::{error::Result, gpu::Gpu, resource::GpuBuffer, sync::prim::lock};

const ZERO: &[u8] = include_bytes!("../../shaders/spv/compute_zero.comp.spv");

/// Buffers of words for the work of one kind of operation. Each is lent to one piece of work at a time, and is free again when no
/// submission holds it, which is just after it is complete: once there are as many as are ever lent at a time, nothing is allocated.
/// They are kept as long as the `Gpu`.
pub(super) struct Scratch {
    gpu: Gpu,
    name: &'static str,
    zero: Kernel<Zero>,
    pool: Arc<Pool>,
}

type Pool = Mutex<Vec<Arc<Kept>>>;

/// What the operations of a `Gpu` work with, by what it is for.
#[derive(Default)]
pub(crate) struct ScratchPools {
    pools: DashMap<&'static str, Arc<Pool>>,
}

/// A buffer, and how often it was lent.
struct Kept {
    buffer: GpuBuffer<u32>,
    uses: AtomicU32,
}

/// A buffer that nobody else uses as long as this, or work that declares it, is there.
pub(super) struct Lease {
    pub(super) buffer: GpuBuffer<u32>,
    /// Which use of the buffer this is, from 1 on: what was written with another number is of an earlier one.
    pub(super) epoch: u32,
    /// Work that makes it all zero, to come first; `None` if it holds what earlier uses left.
    clear: Option<Dispatch>,
}

impl Lease {
    /// Work that uses the buffer, after what makes it ready.
    pub(super) fn ready_for(self, work: Dispatch) -> Dispatch {
        match self.clear {
            Some(clear) => clear.then(work),
            None => work,
        }
    }
}

push_constants! {
    /// As in shaders/compute_zero.comp.
    struct Zero {
        words: u64,
        count: u32,
        stride: u32,
    }
}

/// Epochs fit into 30 bits, with room for a state beside them.
const LAST_EPOCH: u32 = (1 << 30) - 1;
/// Workgroups that clear.
const MOST_GROUPS: u32 = 1024;

impl Scratch {
    pub(super) async fn new(gpu: &Gpu, name: &'static str) -> Result<Self> {
        let zero = gpu.kernel("zero", ZERO).await?;
        let pool = Arc::clone(&gpu.shared.scratch.pools.entry(name).or_default());
        Ok(Self { gpu: gpu.clone(), name, zero, pool })
    }

    /// A buffer of at least `words` words.
    ///
    /// # Errors
    /// No memory for one more.
    pub(super) fn lease(&self, words: usize) -> Result<Lease> {
        let (kept, buffer) = self.free(words)?;
        let epoch = kept.uses.fetch_add(1, Ordering::Relaxed) + 1;
        // A buffer that was lent and never submitted holds nothing still.
        let clear = (!buffer.is_written()).then(|| self.cleared(&buffer));
        Ok(Lease { buffer, epoch, clear })
    }

    /// The smallest that is free and large enough; or a new one. Free no more by the handle that this gives.
    fn free(&self, words: usize) -> Result<(Arc<Kept>, GpuBuffer<u32>)> {
        let mut all = lock(&self.pool);
        // Those whose epochs are used up are not lent again.
        all.retain(|kept| kept.uses.load(Ordering::Relaxed) < LAST_EPOCH);
        let most = words.max(MIN_WORDS).saturating_mul(MOST_TOO_LARGE);
        let fits = |kept: &&Arc<Kept>| (words..=most).contains(&kept.buffer.len());
        let free = all.iter().filter(fits).filter(|kept| kept.buffer.is_unshared());
        if let Some(kept) = free.min_by_key(|kept| kept.buffer.len()) {
            return Ok((Arc::clone(kept), kept.buffer.clone()));
        }
        let words = words.max(MIN_WORDS).checked_next_power_of_two().unwrap_or(words);
        let buffer = self.gpu.buffer(self.name, words)?;
        let kept = Arc::new(Kept { buffer: buffer.clone(), uses: AtomicU32::new(0) });
        all.push(Arc::clone(&kept));
        Ok((kept, buffer))
    }

    fn cleared(&self, buffer: &GpuBuffer<u32>) -> Dispatch {
        let count = buffer.len() as u32;
        let [width, ..] = self.zero.local_size();
        let groups = count.div_ceil(width).min(MOST_GROUPS);
        let push = Zero { words: buffer.address(), count, stride: groups * width };
        self.zero.dispatch(&push, [groups, 1, 1]).writes(buffer)
    }
}

/// A request takes no buffer that is so many times as large: who needs that would have to make another.
const MOST_TOO_LARGE: usize = 16;
/// Smaller ones are not worth a buffer of their own.
const MIN_WORDS: usize = 4096;
