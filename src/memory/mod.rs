//! Device memory: pools of blocks for small buffers, memory of their own for images and large buffers, budgets.
//!
//! Large blocks come from gpu-allocator ([`backing`]), spans of them from a constant-time allocator over offsets
//! ([`block`], [`pool`]); which type of memory serves is ours to choose ([`kind`]), and no block is asked for that the
//! heap's budget has no room for ([`budget`]). What the host writes for one recording lies in pages ([`pages`]).

mod backing;
mod block;
mod budget;
mod host;
mod kind;
mod pages;
mod pool;

use std::{
    fmt,
    ptr::NonNull,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use ash::vk;

use self::backing::{Backing, Piece, Request};
pub use self::host::HostPages;
pub(crate) use self::{
    host::{HostMemory, PageRun, check_element},
    kind::MemoryKind,
    pages::{PageLease, Pages},
    pool::{Place, Pool},
};
use crate::{
    error::{Error, Result},
    gpu::{counters::Counters, device::DeviceInfo, labels::Labels},
};

/// The object that memory is for, which lets a driver place it better when it is the only one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dedicated {
    /// An image: always gets memory of its own, so that `bufferImageGranularity` never matters.
    Image(vk::Image),
    /// Several images that share memory: it is theirs alone, for the same reason.
    Images,
    /// A buffer: gets memory of its own when it is large.
    Buffer(vk::Buffer),
}

/// The memory of one device.
pub(crate) struct Memory {
    // Lock order: a pool, then the backing. A pool stays locked while it grows, lest two threads grow it at once.
    pools: Vec<Mutex<Pool<Piece>>>,
    backing: Mutex<Backing>,
    types: vk::PhysicalDeviceMemoryProperties,
    reserves: Mutex<Vec<Weak<dyn Reserve>>>,
}

/// Who keeps memory for later that it can do without.
pub(crate) trait Reserve: Send + Sync {
    /// Gives it back; `false` if there is none.
    fn give_up(&self) -> bool;
}

/// Memory for one object. It is to be handed to [`Memory::free`]; dropped, it stays taken until the device goes.
pub(crate) struct Allocation {
    /// The memory to bind to.
    pub(crate) memory: vk::DeviceMemory,
    /// Where in it to bind, in bytes.
    pub(crate) offset: u64,
    /// Bytes that may be used from there.
    pub(crate) size: u64,
    /// Where the host sees them: for every kind but [`MemoryKind::Device`].
    pub(crate) mapped: Option<NonNull<u8>>,
    home: Home,
}

enum Home {
    Own(Box<Piece>),
    Shared { pool: usize, place: Place },
}

// SAFETY: the pointer is to device memory that stays mapped for as long as the allocation exists, whichever thread holds
// it; nothing here reads or writes through it, and those who do answer for the order of accesses.
unsafe impl Send for Allocation {}
// SAFETY: as for `Send`: a shared allocation only hands out the address.
unsafe impl Sync for Allocation {}

impl Allocation {
    /// Whether the memory belongs to one object alone.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.home, Home::Own(_))
    }
}

impl fmt::Debug for Allocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allocation")
            .field("memory", &self.memory)
            .field("offset", &self.offset)
            .field("size", &self.size)
            .field("own", &self.is_own())
            .finish_non_exhaustive()
    }
}

/// A memory type that was chosen for a request, and where that puts it.
#[derive(Clone, Copy)]
struct Choice {
    kind: MemoryKind,
    type_index: u32,
    heap: usize,
    block_bytes: u64,
    pool: usize,
}

impl Memory {
    /// Allocates nothing yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the physical device is null.
    pub(crate) fn new(
        instance: &ash::Instance,
        raw: &ash::Device,
        physical: vk::PhysicalDevice,
        info: &DeviceInfo,
        counters: Arc<Counters>,
    ) -> Result<Self> {
        let backing = Backing::new(instance, raw, physical, info, counters)?;
        let pools = MemoryKind::ALL.len() * info.memory.memory_types_as_slice().len();
        Ok(Self {
            pools: (0..pools).map(|_| Mutex::default()).collect(),
            backing: Mutex::new(backing),
            types: info.memory,
            reserves: Mutex::default(),
        })
    }

    /// Whether buffers of this kind lie in the device's own memory.
    pub(crate) fn is_local(&self, kind: MemoryKind) -> bool {
        let chosen = kind.choose(&self.types, !0).map(|index| self.types.memory_types[index as usize]);
        chosen.is_some_and(|chosen| chosen.property_flags.contains(vk::MemoryPropertyFlags::DEVICE_LOCAL))
    }

    /// Refuses what could never fit, before any Vulkan object is made for it.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] for `what`, with what is free.
    pub(crate) fn check(&self, what: &str, bytes: u64, kind: MemoryKind) -> Result<()> {
        let choice = self.choose(what, kind, !0)?;
        lock(&self.backing).check(what, choice.heap, bytes)
    }

    /// Memory that fits `requirements`, for the object called `what`. Images, and buffers beyond half a block, get
    /// memory of their own. New memory is named by `labels`.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] if the heap's budget has not as much left, found before the driver is asked;
    /// [`Error::Invalid`] if no memory type serves both the object and the kind; else what the driver says.
    pub(crate) fn allocate(
        &self,
        what: &str,
        requirements: vk::MemoryRequirements,
        kind: MemoryKind,
        dedicated: Option<Dedicated>,
        labels: &Labels,
    ) -> Result<Allocation> {
        let choice = self.choose(what, kind, requirements.memory_type_bits)?;
        match self.attempt(what, &requirements, choice, dedicated, labels) {
            Err(Error::OutOfDeviceMemory { .. } | Error::OutOfHostMemory { .. }) if self.make_room() => {
                self.attempt(what, &requirements, choice, dedicated, labels)
            }
            result => result,
        }
    }

    fn attempt(
        &self,
        what: &str,
        requirements: &vk::MemoryRequirements,
        choice: Choice,
        dedicated: Option<Dedicated>,
        labels: &Labels,
    ) -> Result<Allocation> {
        let image = matches!(dedicated, Some(Dedicated::Image(_) | Dedicated::Images));
        if image || footprint(requirements) > choice.block_bytes / 2 {
            return self.own(what, requirements, choice, dedicated, labels);
        }
        match self.shared(what, requirements, choice, labels) {
            // A heap with no room for a block may have room for what is asked.
            Err(Error::OutOfDeviceMemory { .. }) if dedicated.is_some() => {
                self.own(what, requirements, choice, dedicated, labels)
            }
            result => result,
        }
    }

    /// Asks `reserve` for what it keeps whenever memory runs short.
    pub(crate) fn add_reserve(&self, reserve: Weak<dyn Reserve>) {
        lock(&self.reserves).push(reserve);
    }

    /// Frees what is kept for later; `false` if there was nothing.
    fn make_room(&self) -> bool {
        let reserves: Vec<_> = lock(&self.reserves).iter().filter_map(Weak::upgrade).collect();
        let given_up = reserves.iter().filter(|reserve| reserve.give_up()).count();
        // Last: what was given up may have left blocks empty.
        self.give_spares_back() || given_up > 0
    }

    /// Frees the empty blocks that the pools keep; `false` if there were none.
    fn give_spares_back(&self) -> bool {
        let mut any = false;
        for pool in &self.pools {
            // Its own statement: the pool is unlocked before the backing is locked.
            let spare = lock(pool).take_spare();
            if let Some(piece) = spare {
                lock(&self.backing).give_back(piece);
                any = true;
            }
        }
        any
    }

    /// Gives memory back. Nothing may use it any more, on the device or on the host.
    pub(crate) fn free(&self, allocation: Allocation) {
        let piece = match allocation.home {
            Home::Own(piece) => Some(*piece),
            Home::Shared { pool, place } => lock(&self.pools[pool]).free(place),
        };
        if let Some(piece) = piece {
            lock(&self.backing).give_back(piece);
        }
    }

    fn choose(&self, what: &str, kind: MemoryKind, allowed: u32) -> Result<Choice> {
        let type_index = kind.choose(&self.types, allowed).ok_or_else(|| {
            Error::Invalid(format!(
                "`{what}`: no {} memory of this device fits it (memory types allowed: {allowed:#b}); \
                 use another format or device",
                kind.word()
            ))
        })?;
        let heap = self.types.memory_types[type_index as usize].heap_index as usize;
        let block_bytes = kind.block_bytes(self.types.memory_heaps[heap].size);
        let pool = kind as usize * self.types.memory_type_count as usize + type_index as usize;
        Ok(Choice { kind, type_index, heap, block_bytes, pool })
    }

    /// Memory for one object alone.
    fn own(
        &self,
        what: &str,
        requirements: &vk::MemoryRequirements,
        choice: Choice,
        dedicated: Option<Dedicated>,
        labels: &Labels,
    ) -> Result<Allocation> {
        let piece = lock(&self.backing).take(&Request {
            what,
            bytes: requirements.size,
            alignment: requirements.alignment,
            type_index: choice.type_index,
            heap: choice.heap,
            dedicated,
        })?;
        labels.name(piece.memory(), what);
        Ok(Allocation {
            memory: piece.memory(),
            offset: 0,
            size: piece.bytes(),
            mapped: piece.mapped().filter(|_| choice.kind.is_mapped()),
            home: Home::Own(Box::new(piece)),
        })
    }

    /// A span of a block.
    fn shared(
        &self,
        what: &str,
        requirements: &vk::MemoryRequirements,
        choice: Choice,
        labels: &Labels,
    ) -> Result<Allocation> {
        let mut pool = lock(&self.pools[choice.pool]);
        let vk::MemoryRequirements { size, alignment, .. } = *requirements;
        let place = match pool.allocate(size, alignment) {
            Some(place) => place,
            None => {
                pool.grow(self.block(what, choice, labels)?, choice.block_bytes);
                // No more than half of it is asked for, so a new block has it.
                pool.allocate(size, alignment).ok_or_else(|| {
                    Error::Invalid(format!("`{what}`: {size} bytes aligned to {alignment} do not fit a block"))
                })?
            }
        };
        let piece = pool.memory(&place);
        let offset = place.offset();
        let mapped = piece.mapped().filter(|_| choice.kind.is_mapped());
        Ok(Allocation {
            memory: piece.memory(),
            offset,
            size,
            // SAFETY: the span lies within the block, and all of the block is mapped from this address.
            mapped: mapped.map(|base| unsafe { base.add(offset as usize) }),
            home: Home::Shared { pool: choice.pool, place },
        })
    }

    fn block(&self, what: &str, choice: Choice, labels: &Labels) -> Result<Piece> {
        let piece = lock(&self.backing).take(&Request {
            what,
            bytes: choice.block_bytes,
            // A block starts where the driver likes; what is bound to it is aligned within it.
            alignment: block::UNIT,
            type_index: choice.type_index,
            heap: choice.heap,
            dedicated: None,
        })?;
        // Named while the pool is still locked: no other thread may use an object that is being named.
        labels.name(piece.memory(), choice.kind.block_name());
        Ok(piece)
    }
}

impl Drop for Memory {
    /// Gives the blocks back through the counters. What is still taken belongs to objects that outlived their device.
    fn drop(&mut self) {
        let backing = self.backing.get_mut().unwrap_or_else(PoisonError::into_inner);
        for pool in &mut self.pools {
            let pool = pool.get_mut().unwrap_or_else(PoisonError::into_inner);
            pool.drain().for_each(|piece| backing.give_back(piece));
        }
    }
}

/// The bytes that a span takes at worst, its alignment included.
fn footprint(requirements: &vk::MemoryRequirements) -> u64 {
    requirements.size.saturating_add(requirements.alignment)
}

/// A panic while a lock is held leaves these structures whole: they change in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footprint_of_the_largest_request_does_not_overflow() {
        let requirements = vk::MemoryRequirements { size: u64::MAX, alignment: 1 << 16, memory_type_bits: !0 };
        assert_eq!(footprint(&requirements), u64::MAX);
    }
}
