//! How much of each heap may still be taken, asked before the driver is.

use ash::vk;

use crate::error::{Bytes, Error, Result};

/// What a device's heaps hold, what we hold of them, and the limits of one allocation.
pub(crate) struct Budget {
    heaps: Vec<Heap>,
    largest: u64,
    count: u32,
    most: u32,
}

struct Heap {
    size: u64,
    held: u64,
}

/// What `VK_EXT_memory_budget` says of a heap, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported {
    /// What this process may use in all.
    pub(crate) budget: u64,
    /// What this process uses now, the driver's own needs included.
    pub(crate) usage: u64,
}

impl Budget {
    /// Nothing held yet. `largest` is the most bytes of one allocation, `most` the number of allocations at a time.
    pub(crate) fn new(memory: &vk::PhysicalDeviceMemoryProperties, largest: u64, most: u32) -> Self {
        let heaps = memory.memory_heaps_as_slice().iter().map(|heap| Heap { size: heap.size, held: 0 }).collect();
        Self { heaps, largest, count: 0, most }
    }

    /// Bytes free in a heap. Drivers differ in when they book an allocation, so the smaller of their figure and ours.
    fn free(&self, heap: usize, reported: Option<Reported>) -> u64 {
        let Heap { size, held } = self.heaps[heap];
        let ours = size.saturating_sub(held);
        reported.map_or(ours, |said| said.budget.saturating_sub(said.usage.max(held)).min(ours))
    }

    /// Whether `bytes` could be had were nothing else allocated. Costs nothing, so it can be asked before anything is made.
    pub(crate) fn could_ever_fit(&self, heap: usize, bytes: u64) -> bool {
        bytes <= self.largest && bytes <= self.heaps[heap].size
    }

    /// Whether `bytes` may be taken from a heap now.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] if the heap has not as much left, or one allocation may not be that large;
    /// `ERROR_TOO_MANY_OBJECTS` if the device allows no further allocation.
    pub(crate) fn check(&self, what: &str, heap: usize, bytes: u64, reported: Option<Reported>) -> Result<()> {
        let free = self.free(heap, reported);
        if bytes > free {
            return Err(self.refusal(what.to_owned(), heap, bytes, free));
        }
        if bytes > self.largest {
            let what = format!("{what} (one allocation is at most {} on this device: split it)", Bytes(self.largest));
            return Err(self.refusal(what, heap, bytes, self.largest));
        }
        if self.count >= self.most {
            let call = format!("vkAllocateMemory for `{what}` ({} allocations are the most on this device)", self.most);
            return Err(Error::vulkan(call, vk::Result::ERROR_TOO_MANY_OBJECTS));
        }
        Ok(())
    }

    /// The error for a request that the driver refused although it fitted the budget.
    pub(crate) fn refused(&self, what: &str, heap: usize, bytes: u64, reported: Option<Reported>) -> Error {
        self.refusal(what.to_owned(), heap, bytes, self.free(heap, reported))
    }

    fn refusal(&self, what: String, heap: usize, requested: u64, available: u64) -> Error {
        Error::OutOfDeviceMemory { what, requested, available, heap: self.heaps[heap].size }
    }

    /// Books an allocation.
    pub(crate) fn hold(&mut self, heap: usize, bytes: u64) {
        self.count += 1;
        self.heaps[heap].held = self.heaps[heap].held.saturating_add(bytes);
    }

    /// Books its end.
    pub(crate) fn release(&mut self, heap: usize, bytes: u64) {
        self.count = self.count.saturating_sub(1);
        self.heaps[heap].held = self.heaps[heap].held.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::kind::tests::memory, *};

    const GIB: u64 = 1 << 30;

    fn budget(heaps: &[u64], largest: u64) -> Budget {
        Budget::new(&memory(heaps, &[]), largest, 4096)
    }

    fn figures(result: Result<()>) -> (u64, u64, u64) {
        match result {
            Err(Error::OutOfDeviceMemory { requested, available, heap, .. }) => (requested, available, heap),
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn a_heap_is_free_but_for_what_is_held() {
        let mut budget = budget(&[2 * GIB, GIB], GIB);
        budget.hold(0, GIB + 1);
        assert_eq!(figures(budget.check("x", 0, GIB, None)), (GIB, GIB - 1, 2 * GIB));
        assert!(budget.check("x", 0, GIB - 1, None).is_ok());
        assert!(budget.check("x", 1, GIB, None).is_ok());
        budget.release(0, GIB + 1);
        assert!(budget.check("x", 0, GIB, None).is_ok());
    }

    #[test]
    fn a_request_of_every_byte_there_could_be_is_refused_without_overflow() {
        let mut budget = budget(&[u64::MAX], u64::MAX);
        assert!(budget.check("x", 0, u64::MAX, None).is_ok());
        budget.hold(0, u64::MAX);
        assert_eq!(figures(budget.check("x", 0, u64::MAX, None)), (u64::MAX, 0, u64::MAX));
        budget.hold(0, u64::MAX);
        assert_eq!(budget.free(0, Some(Reported { budget: 1, usage: u64::MAX })), 0);
        let small = super::tests::budget(&[GIB], GIB);
        assert_eq!(figures(small.check("x", 0, u64::MAX, None)), (u64::MAX, GIB, GIB));
        assert!(!small.could_ever_fit(0, u64::MAX));
    }

    #[test]
    fn the_drivers_budget_counts_what_others_use() {
        let budget = budget(&[8 * GIB], 8 * GIB);
        let reported = Some(Reported { budget: 3 * GIB, usage: GIB });
        assert_eq!(figures(budget.check("x", 0, 2 * GIB + 1, reported)), (2 * GIB + 1, 2 * GIB, 8 * GIB));
        assert!(budget.check("x", 0, 2 * GIB, reported).is_ok());
    }

    #[test]
    fn a_driver_that_books_late_is_not_believed() {
        let mut budget = budget(&[8 * GIB], 8 * GIB);
        budget.hold(0, 2 * GIB);
        assert_eq!(budget.free(0, Some(Reported { budget: 3 * GIB, usage: 0 })), GIB);
    }

    #[test]
    fn a_budget_beyond_the_heap_does_not_enlarge_the_heap() {
        let mut budget = budget(&[GIB], GIB);
        budget.hold(0, GIB / 2);
        assert_eq!(budget.free(0, Some(Reported { budget: 4 * GIB, usage: 0 })), GIB / 2);
    }

    #[test]
    fn an_allocation_larger_than_the_device_allows_is_refused_with_the_way_out() {
        let error = budget(&[80 * GIB], 4 * GIB).check("cubes", 0, 5 * GIB, None).expect_err("too large");
        assert!(error.to_string().contains("at most 4.0 GiB"), "{error}");
        assert!(error.to_string().contains("split it"), "{error}");
    }

    #[test]
    fn more_allocations_than_the_device_allows_are_refused() {
        let mut budget = Budget::new(&memory(&[GIB], &[]), GIB, 1);
        budget.hold(0, 1);
        assert!(matches!(
            budget.check("x", 0, 1, None),
            Err(Error::Vulkan { result: vk::Result::ERROR_TOO_MANY_OBJECTS, .. })
        ));
    }
}
