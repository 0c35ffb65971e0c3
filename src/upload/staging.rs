//! Staging memory: mapped segments within a budget, and spans of them.

use std::{
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard},
};

use ash::vk;

use crate::{
    error::{Error, Result},
    gpu::device::Device,
    memory::{MemoryKind, Place, Pool, UNIT},
    resource::BufferInner,
    sync::prim::lock,
};

/// Segments are this large at most; as many of one size as make up the budget.
const SEGMENT_BYTES: u64 = 16 << 20;
/// Spans begin at a multiple of this, which is what mapped memory is aligned to at least.
pub(super) const ALIGNMENT: u64 = 64;

/// Called when a span is free again.
pub(super) type Freed = Box<dyn Fn() + Send + Sync>;

/// Staging memory that never grows beyond its budget. Segments are made when they are first needed, and kept.
pub(super) struct Staging {
    device: Arc<Device>,
    budget: u64,
    segment: u64,
    freed: Freed,
    arena: Mutex<Arena>,
}

#[derive(Default)]
struct Arena {
    segments: Pool<Arc<BufferInner>>,
    /// Empty, and not in the pool.
    spare: Vec<Arc<BufferInner>>,
    /// Bytes of all segments.
    held: u64,
    /// Bytes of all spans.
    taken: u64,
    is_growing: bool,
    /// There was no memory for a further segment.
    is_short: bool,
}

impl Staging {
    /// Allocates nothing yet.
    pub(super) fn new(device: Arc<Device>, budget: u64, freed: Freed) -> Arc<Self> {
        let segments = budget.div_ceil(SEGMENT_BYTES).max(1);
        let segment = whole_span(budget / segments);
        Arc::new(Self { device, budget: segments * segment, segment, freed, arena: Mutex::default() })
    }

    /// The bytes of all spans together at most.
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    /// The longest span that there can be.
    pub(super) fn longest(&self) -> u64 {
        self.segment
    }

    /// Takes `bytes`, at most [`longest`](Self::longest), and leaves `reserve` bytes to others; `None` if they are not free
    /// now. May block on the driver, which makes a segment.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] or what the driver says, if there is no memory for a first segment.
    pub(super) fn take(self: &Arc<Self>, bytes: u64, reserve: u64) -> Result<Option<Span>> {
        loop {
            let mut arena = lock(&self.arena);
            if arena.taken + bytes + reserve > self.budget {
                return Ok(None);
            }
            if let Some(place) = arena.segments.allocate(bytes, ALIGNMENT) {
                return Ok(Some(self.span(arena, place, bytes)));
            }
            if !self.grow(arena)? {
                return Ok(None);
            }
        }
    }

    /// As [`take`](Self::take), of the segments that there are. Never blocks on the driver.
    pub(super) fn take_present(self: &Arc<Self>, bytes: u64, reserve: u64) -> Option<Span> {
        let mut arena = lock(&self.arena);
        if arena.taken + bytes + reserve > self.budget {
            return None;
        }
        let place = arena.segments.allocate(bytes, ALIGNMENT)?;
        Some(self.span(arena, place, bytes))
    }

    fn span(self: &Arc<Self>, mut arena: MutexGuard<'_, Arena>, place: Place, bytes: u64) -> Span {
        arena.taken += bytes;
        let buffer = Arc::clone(arena.segments.memory(&place));
        drop(arena);
        self.device.counters.staged(bytes);
        Span { staging: Arc::clone(self), buffer, place, bytes }
    }

    /// Whether a further segment is to be made, by [`grow_now`](Self::grow_now) on a thread that may block, and nobody is at
    /// it.
    pub(super) fn begin_to_grow(&self) -> bool {
        let mut arena = lock(&self.arena);
        let fits = arena.held + self.segment <= self.budget && !arena.is_short;
        let may = !arena.is_growing && (!arena.spare.is_empty() || fits);
        arena.is_growing |= may;
        may
    }

    /// Makes a segment.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub(super) fn grow_now(&self) -> Result<()> {
        let grown = self.grow(lock(&self.arena));
        let mut arena = lock(&self.arena);
        arena.is_growing = false;
        if let Ok(false) = grown {
            arena.is_short = true;
        }
        grown.map(drop)
    }

    /// Adds a segment; `false` if that would be beyond the budget, or there is no memory for a further one. It is made
    /// unlocked, as that takes milliseconds.
    fn grow(&self, mut arena: MutexGuard<'_, Arena>) -> Result<bool> {
        if let Some(segment) = arena.spare.pop() {
            arena.segments.grow(segment, self.segment);
            return Ok(true);
        }
        if arena.held + self.segment > self.budget {
            return Ok(false);
        }
        arena.held += self.segment;
        drop(arena);
        let made = BufferInner::resident(&self.device, "staging", self.segment, MemoryKind::Upload);
        let mut arena = lock(&self.arena);
        match made {
            Ok(segment) => {
                arena.segments.grow(Arc::new(segment), self.segment);
                Ok(true)
            }
            Err(error) => {
                arena.held -= self.segment;
                let is_short = matches!(error, Error::OutOfDeviceMemory { .. } | Error::OutOfHostMemory { .. });
                // What there is must do.
                if is_short && arena.held > 0 { Ok(false) } else { Err(error) }
            }
        }
    }

    fn free(&self, place: Place, bytes: u64) {
        let mut arena = lock(&self.arena);
        arena.taken -= bytes;
        let empty = arena.segments.free(place);
        arena.spare.extend(empty);
        drop(arena);
        self.device.counters.unstaged(bytes);
        (self.freed)();
    }
}

/// The most bytes, up to `bytes`, that a block of as many has in one span. Blocks count in units, and look for free ranges in
/// steps of an eighth of a power of two, rounded up.
fn whole_span(bytes: u64) -> u64 {
    let units = (bytes / UNIT).max(1);
    let step = 1 << units.ilog2().saturating_sub(3);
    units / step * step * UNIT
}

/// Some bytes of staging memory, given back when dropped: not before the GPU has read them.
pub(crate) struct Span {
    staging: Arc<Staging>,
    buffer: Arc<BufferInner>,
    place: Place,
    bytes: u64,
}

impl Span {
    /// The buffer that it lies in.
    pub(super) fn raw(&self) -> vk::Buffer {
        self.buffer.raw().unwrap_or_default() // segments have memory of their own
    }

    /// Where it begins in that.
    pub(super) fn offset(&self) -> u64 {
        self.place.offset()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where shaders find the buffer that it lies in.
    pub(super) fn segment_address(&self) -> u64 {
        self.buffer.address().unwrap_or_default() // as for `raw`
    }

    /// Where shaders find it.
    pub(super) fn address(&self) -> u64 {
        self.segment_address() + self.offset()
    }

    pub(super) fn device(&self) -> &Arc<Device> {
        &self.staging.device
    }

    /// Where the host writes it, aligned to 64 bytes.
    pub(super) fn start(&self) -> NonNull<u8> {
        let segment = self.buffer.mapped().unwrap_or(NonNull::dangling());
        // SAFETY: staging memory is mapped as a whole, and the span lies within it.
        unsafe { segment.add(self.place.offset() as usize) }
    }

    /// Its bytes, to be written in order; reading them is slow.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: nobody else has the span, nor has the GPU yet: it is sent there by value.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), self.bytes as usize) }
    }
}

// SAFETY: a span is the only owner of its bytes; the address is that of memory mapped for as long as the segment lives.
unsafe impl Send for Span {}
// SAFETY: a shared span gives nothing but numbers.
unsafe impl Sync for Span {}

impl Drop for Span {
    fn drop(&mut self) {
        self.staging.free(self.place, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_segment_can_be_had_at_once_whatever_the_budget() {
        for budget in (1..2000).map(|n| n * 12_345).chain([1 << 20, 16 << 20, 20 << 20]) {
            let segment = whole_span(budget);
            assert!(segment <= budget.max(UNIT) && segment * 9 > budget * 7, "{segment} of {budget}");
            let mut pool = Pool::default();
            pool.grow((), segment);
            let whole = pool.allocate(segment, ALIGNMENT).unwrap_or_else(|| panic!("{segment} bytes in one span"));
            assert_eq!(whole.offset(), 0);
        }
    }
}
