//! Memory from the driver: budget first, then one `vkAllocateMemory` for each piece, counted where it happens.

use std::sync::Arc;

use ash::vk;
use gpu_allocator::{
    AllocationError, AllocationSizes, AllocatorDebugSettings, MemoryLocation,
    vulkan::{Allocation, AllocationCreateDesc, AllocationScheme, Allocator, AllocatorCreateDesc},
};

use super::{
    Dedicated,
    budget::{Budget, Reported},
    kind::SMALLEST_BLOCK,
};
use crate::{
    error::{Error, Result},
    gpu::{counters::Counters, device::DeviceInfo},
};

/// gpu-allocator's smallest block: what is larger goes to the driver as it is.
const GATHERED: u64 = SMALLEST_BLOCK / 2;

/// The driver's memory, behind gpu-allocator.
pub(super) struct Backing {
    allocator: Allocator,
    budget: Budget,
    counters: Arc<Counters>,
    probe: Option<Probe>,
}

/// Where to ask for `VK_EXT_memory_budget`'s figures.
struct Probe {
    instance: ash::Instance,
    physical: vk::PhysicalDevice,
}

/// One `VkDeviceMemory`.
pub(super) struct Piece {
    raw: Allocation,
    heap: usize,
}

/// What a piece is asked for with.
pub(super) struct Request<'a> {
    pub(super) what: &'a str,
    pub(super) bytes: u64,
    pub(super) alignment: u64,
    pub(super) type_index: u32,
    pub(super) heap: usize,
    pub(super) dedicated: Option<Dedicated>,
}

impl Piece {
    pub(super) fn memory(&self) -> vk::DeviceMemory {
        // SAFETY: the handle is only copied; whoever binds to it holds the `Allocation` that keeps this piece.
        unsafe { self.raw.memory() }
    }

    pub(super) fn mapped(&self) -> Option<std::ptr::NonNull<u8>> {
        self.raw.mapped_ptr().map(std::ptr::NonNull::cast)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.raw.size()
    }
}

impl Backing {
    pub(super) fn new(
        instance: &ash::Instance,
        raw: &ash::Device,
        physical: vk::PhysicalDevice,
        info: &DeviceInfo,
        counters: Arc<Counters>,
    ) -> Result<Self> {
        let mut debug_settings = AllocatorDebugSettings::default();
        // Its idea of a leak is ours of a block; objects keep their device alive, so they cannot leak.
        debug_settings.log_leaks_on_shutdown = false;
        let allocator = Allocator::new(&AllocatorCreateDesc {
            instance: instance.clone(),
            device: raw.clone(),
            physical_device: physical,
            debug_settings,
            buffer_device_address: true,
            allocation_sizes: AllocationSizes::new(GATHERED, GATHERED),
        })
        .map_err(|error| Error::Invalid(format!("the memory allocator did not start: {error}")))?;
        let most = info.limits.max_memory_allocation_count;
        Ok(Self {
            allocator,
            budget: Budget::new(&info.memory, info.max_allocation, most),
            counters,
            probe: info.memory_budget.then(|| Probe { instance: instance.clone(), physical }),
        })
    }

    /// Whether `bytes` could be had, by a look at the heap's size alone; only a refusal costs a query.
    pub(super) fn check(&self, what: &str, heap: usize, bytes: u64) -> Result<()> {
        if self.budget.could_ever_fit(heap, bytes) {
            return Ok(());
        }
        self.budget.check(what, heap, bytes, self.reported(heap))
    }

    /// Allocates a piece of exactly `request.bytes`.
    pub(super) fn take(&mut self, request: &Request<'_>) -> Result<Piece> {
        let &Request { what, bytes, heap, .. } = request;
        debug_assert!(request.dedicated.is_some() || bytes > GATHERED, "gpu-allocator would gather {bytes} bytes");
        self.budget.check(what, heap, bytes, self.reported(heap))?;
        match self.allocator.allocate(&description(request)) {
            Ok(raw) => {
                self.counters.allocated(bytes);
                self.budget.hold(heap, bytes);
                Ok(Piece { raw, heap })
            }
            Err(error) => Err(self.refused(request, &error)),
        }
    }

    /// Frees a piece.
    pub(super) fn give_back(&mut self, piece: Piece) {
        let Piece { raw, heap } = piece;
        let bytes = raw.size();
        match self.allocator.free(raw) {
            Ok(()) => {
                self.counters.freed(bytes);
                self.budget.release(heap, bytes);
            }
            // It stays booked, as it stays allocated until the device goes.
            Err(error) => tracing::error!(target: "vulkio::memory", %error, bytes, "memory could not be freed"),
        }
    }

    /// Books the failed call and says what it was.
    fn refused(&self, request: &Request<'_>, error: &AllocationError) -> Error {
        if let AllocationError::FailedToMap(_) = error {
            self.counters.allocated(request.bytes);
            self.counters.freed(request.bytes);
        } else {
            self.counters.allocated(0);
        }
        tracing::debug!(target: "vulkio::memory", what = request.what, bytes = request.bytes, %error, "memory refused");
        match error {
            AllocationError::OutOfMemory => {
                self.budget.refused(request.what, request.heap, request.bytes, self.reported(request.heap))
            }
            AllocationError::FailedToMap(_) => Error::vulkan("vkMapMemory", vk::Result::ERROR_MEMORY_MAP_FAILED),
            other => Error::vulkan("vkAllocateMemory", result_in(&other.to_string())),
        }
    }

    fn reported(&self, heap: usize) -> Option<Reported> {
        let Probe { instance, physical } = self.probe.as_ref()?;
        let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
        let mut memory = vk::PhysicalDeviceMemoryProperties2::default().push_next(&mut budget);
        // SAFETY: the physical device is the instance's, and `memory` heads a chain of two live structures.
        unsafe { instance.get_physical_device_memory_properties2(*physical, &mut memory) };
        Some(Reported { budget: budget.heap_budget[heap], usage: budget.heap_usage[heap] })
    }
}

/// The one memory type that we chose, and no gathering: a block or a dedicated allocation, never something in between.
fn description<'a>(request: &Request<'a>) -> AllocationCreateDesc<'a> {
    AllocationCreateDesc {
        name: request.what,
        requirements: vk::MemoryRequirements {
            size: request.bytes,
            alignment: request.alignment,
            memory_type_bits: 1 << request.type_index,
        },
        location: MemoryLocation::Unknown,
        linear: !matches!(request.dedicated, Some(Dedicated::Image(_) | Dedicated::Images)),
        allocation_scheme: match request.dedicated {
            Some(Dedicated::Image(image)) => AllocationScheme::DedicatedImage(image),
            // To no image in particular, which Vulkan takes as not dedicated, and the allocator as not to be gathered.
            Some(Dedicated::Images) => AllocationScheme::DedicatedImage(vk::Image::null()),
            Some(Dedicated::Buffer(buffer)) => AllocationScheme::DedicatedBuffer(buffer),
            None => AllocationScheme::GpuAllocatorManaged,
        },
    }
}

/// gpu-allocator hands results on as text, with ash's name of the result at its end.
fn result_in(text: &str) -> vk::Result {
    [
        vk::Result::ERROR_OUT_OF_HOST_MEMORY,
        vk::Result::ERROR_DEVICE_LOST,
        vk::Result::ERROR_TOO_MANY_OBJECTS,
        vk::Result::ERROR_INITIALIZATION_FAILED,
    ]
    .into_iter()
    .find(|result| text.ends_with(&format!("{result:?}")))
    .unwrap_or(vk::Result::ERROR_UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_found_in_the_allocators_words() {
        let said =
            |result| AllocationError::Internal(format!("Unexpected error in vkAllocateMemory: {result:?}")).to_string();
        assert_eq!(result_in(&said(vk::Result::ERROR_OUT_OF_HOST_MEMORY)), vk::Result::ERROR_OUT_OF_HOST_MEMORY);
        assert_eq!(result_in(&said(vk::Result::ERROR_DEVICE_LOST)), vk::Result::ERROR_DEVICE_LOST);
        assert_eq!(result_in("something else"), vk::Result::ERROR_UNKNOWN);
    }

    #[test]
    fn whatever_gets_memory_of_its_own_is_beyond_what_gpu_allocator_gathers() {
        use super::super::kind::MemoryKind;
        for heap in [0, 1 << 20, 256 << 20, 2 << 30, 80 << 30, u64::MAX] {
            for kind in MemoryKind::ALL {
                let block = kind.block_bytes(heap);
                assert!(block > GATHERED && block / 2 + 1 > GATHERED, "{kind:?} on {heap}");
            }
        }
    }

    #[test]
    fn a_description_allows_one_memory_type() {
        let request = Request { what: "x", bytes: 1 << 30, alignment: 256, type_index: 31, heap: 0, dedicated: None };
        assert_eq!(description(&request).requirements.memory_type_bits, 1 << 31);
    }
}
