//! What memory is for, and which of the device's memory types serves that best.

use ash::vk;
use vk::MemoryPropertyFlags as P;

/// What a piece of memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MemoryKind {
    /// Read and written by the GPU; the host never sees it.
    Device,
    /// Written by the host in order, read by the GPU once: coherent, write-combined where there is such memory.
    Upload,
    /// Written by the host in order, read by shaders where it lies: coherent, and the device's own where the host has a
    /// window onto that.
    Direct,
    /// Written by the GPU, read by the host: coherent, and cached where that is to be had.
    Readback,
}

/// A flag that counts for or against a memory type, the most important first.
type Preference = (P, bool);

/// Memory of these types is for others: it needs opt-in features, or cannot hold buffers.
const UNUSABLE: P = P::from_raw(
    P::PROTECTED.as_raw()
        | P::LAZILY_ALLOCATED.as_raw()
        | P::DEVICE_COHERENT_AMD.as_raw()
        | P::DEVICE_UNCACHED_AMD.as_raw(),
);

const HOST: P = P::from_raw(P::HOST_VISIBLE.as_raw() | P::HOST_COHERENT.as_raw());

const MIB: u64 = 1 << 20;

/// No block is smaller. gpu-allocator gathers requests of up to 4 MiB in blocks of its own and passes larger ones on
/// to the driver, so with this bound every block, and all that is larger than half a block, is one
/// `vkAllocateMemory`.
pub(crate) const SMALLEST_BLOCK: u64 = 8 * MIB;

impl MemoryKind {
    pub(crate) const ALL: [Self; 4] = [Self::Device, Self::Upload, Self::Direct, Self::Readback];

    /// The word for messages and debug labels.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Upload => "upload",
            Self::Direct => "direct",
            Self::Readback => "readback",
        }
    }

    /// The debug label of its blocks.
    pub(crate) fn block_name(self) -> &'static str {
        match self {
            Self::Device => "vulkio device block",
            Self::Upload => "vulkio upload block",
            Self::Direct => "vulkio direct block",
            Self::Readback => "vulkio readback block",
        }
    }

    /// Whether memory of this kind is mapped for the host.
    pub(crate) fn is_mapped(self) -> bool {
        self != Self::Device
    }

    /// Whether the host writes it, without any graph that says so.
    pub(crate) fn is_written_by_host(self) -> bool {
        matches!(self, Self::Upload | Self::Direct)
    }

    fn required(self) -> P {
        if self.is_mapped() { HOST } else { P::empty() }
    }

    fn preferences(self) -> [Preference; 3] {
        match self {
            // Plain device memory first: the host's window onto it may be small, and others need it more.
            Self::Device => [(P::DEVICE_LOCAL, true), (P::HOST_VISIBLE, false), (P::HOST_CACHED, false)],
            Self::Upload => [(P::DEVICE_LOCAL, false), (P::HOST_CACHED, false), (P::HOST_VISIBLE, true)],
            Self::Direct => [(P::DEVICE_LOCAL, true), (P::HOST_CACHED, false), (P::HOST_VISIBLE, true)],
            Self::Readback => [(P::HOST_CACHED, true), (P::DEVICE_LOCAL, false), (P::HOST_VISIBLE, true)],
        }
    }

    /// The best memory type among those of `allowed` (a bit for each type), or `None` if none can serve.
    /// Equally good types go by the size of their heap, then by the driver's own order.
    pub(crate) fn choose(self, memory: &vk::PhysicalDeviceMemoryProperties, allowed: u32) -> Option<u32> {
        let types = memory.memory_types_as_slice();
        (0..types.len())
            .filter(|&index| allowed & (1 << index) != 0)
            .filter(|&index| {
                let flags = types[index].property_flags;
                flags.contains(self.required()) && !flags.intersects(UNUSABLE)
            })
            .max_by_key(|&index| {
                let heap = memory.memory_heaps[types[index].heap_index as usize].size;
                (self.score(types[index].property_flags), heap, std::cmp::Reverse(index))
            })
            .map(|index| index as u32)
    }

    fn score(self, flags: P) -> u32 {
        self.preferences()
            .into_iter()
            .fold(0, |score, (flag, wanted)| score << 1 | u32::from(flags.contains(flag) == wanted))
    }

    /// The size of a block on a heap of `heap` bytes: 64 MiB for the device, 16 MiB for the host, less on small heaps
    /// so that four kinds of block do not fill them. Always a power of two.
    pub(crate) fn block_bytes(self, heap: u64) -> u64 {
        let (largest, share) = if self.is_mapped() { (16 * MIB, 64) } else { (64 * MIB, 16) };
        let share = (heap / share).max(1);
        (1 << share.ilog2()).clamp(SMALLEST_BLOCK, largest)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    /// Made-up memory: each type as its flags and its heap.
    pub(crate) fn memory(heaps: &[u64], types: &[(P, u32)]) -> vk::PhysicalDeviceMemoryProperties {
        let mut memory = vk::PhysicalDeviceMemoryProperties {
            memory_heap_count: heaps.len() as u32,
            memory_type_count: types.len() as u32,
            ..Default::default()
        };
        for (slot, &size) in memory.memory_heaps.iter_mut().zip(heaps) {
            slot.size = size;
        }
        for (slot, &(property_flags, heap_index)) in memory.memory_types.iter_mut().zip(types) {
            *slot = vk::MemoryType { property_flags, heap_index };
        }
        memory
    }

    fn discrete() -> vk::PhysicalDeviceMemoryProperties {
        memory(
            &[80 * GIB, 500 * GIB, 256 * MIB],
            &[
                (P::empty(), 1),
                (P::DEVICE_LOCAL, 0),
                (HOST, 1),
                (HOST | P::HOST_CACHED, 1),
                (HOST | P::DEVICE_LOCAL, 2),
            ],
        )
    }

    #[test]
    fn a_discrete_gpu_serves_each_kind_from_its_own_type() {
        let memory = discrete();
        assert_eq!(MemoryKind::Device.choose(&memory, !0), Some(1));
        assert_eq!(MemoryKind::Upload.choose(&memory, !0), Some(2));
        assert_eq!(MemoryKind::Readback.choose(&memory, !0), Some(3));
        assert_eq!(MemoryKind::Direct.choose(&memory, !0), Some(4), "through the window, small as it is");
    }

    #[test]
    fn without_a_window_onto_the_device_direct_memory_is_the_hosts() {
        let memory = memory(&[8 * GIB, 16 * GIB], &[(P::DEVICE_LOCAL, 0), (HOST | P::HOST_CACHED, 1), (HOST, 1)]);
        assert_eq!(MemoryKind::Direct.choose(&memory, !0), Some(2));
        assert_eq!(MemoryKind::Direct.choose(&memory, 0b011), Some(1));
    }

    #[test]
    fn one_type_with_every_flag_serves_all_kinds() {
        let lavapipe = memory(&[2 * GIB], &[(HOST | P::HOST_CACHED | P::DEVICE_LOCAL, 0)]);
        for kind in MemoryKind::ALL {
            assert_eq!(kind.choose(&lavapipe, 1), Some(0));
        }
    }

    #[test]
    fn only_allowed_types_are_chosen() {
        let memory = discrete();
        assert_eq!(MemoryKind::Device.choose(&memory, 0b10000), Some(4));
        assert_eq!(MemoryKind::Upload.choose(&memory, 0b11000), Some(3));
        assert_eq!(MemoryKind::Readback.choose(&memory, 0b00111), Some(2));
        assert_eq!(MemoryKind::Upload.choose(&memory, 0b00011), None);
        assert_eq!(MemoryKind::Device.choose(&memory, 0), None);
    }

    #[test]
    fn memory_that_needs_opting_in_is_left_alone() {
        let memory =
            memory(&[8 * GIB], &[(P::DEVICE_LOCAL | P::PROTECTED, 0), (P::DEVICE_LOCAL | P::LAZILY_ALLOCATED, 0)]);
        assert_eq!(MemoryKind::Device.choose(&memory, !0), None);
    }

    #[test]
    fn of_equal_types_the_larger_heap_wins_and_then_the_first() {
        let memory = memory(&[GIB, 8 * GIB], &[(P::DEVICE_LOCAL, 0), (P::DEVICE_LOCAL, 1), (P::DEVICE_LOCAL, 1)]);
        assert_eq!(MemoryKind::Device.choose(&memory, !0), Some(1));
    }

    #[test]
    fn incoherent_memory_is_never_mapped() {
        let memory = memory(&[GIB], &[(P::HOST_VISIBLE | P::HOST_CACHED, 0), (HOST, 0)]);
        assert_eq!(MemoryKind::Readback.choose(&memory, !0), Some(1));
    }

    #[test]
    fn blocks_shrink_with_their_heap_down_to_the_least_that_is_a_call_of_its_own() {
        assert_eq!(MemoryKind::Device.block_bytes(80 * GIB), 64 * MIB);
        assert_eq!(MemoryKind::Upload.block_bytes(80 * GIB), 16 * MIB);
        assert_eq!(MemoryKind::Device.block_bytes(2 * GIB), 64 * MIB);
        assert_eq!(MemoryKind::Device.block_bytes(256 * MIB), 16 * MIB);
        assert_eq!(MemoryKind::Device.block_bytes(0), SMALLEST_BLOCK);
        assert_eq!(MemoryKind::Readback.block_bytes(u64::MAX), 16 * MIB);
    }
}
