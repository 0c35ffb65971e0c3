//! Sub-allocation of one block, over offsets alone: constant time, in units of 256 bytes.

use offset_allocator::{Allocation as Node, Allocator};

/// Every span starts at a multiple of this. It covers what buffers ask for on all known devices, so larger alignments
/// are rare enough to be paid for in bytes.
pub(crate) const UNIT: u64 = 256;

/// The most spans in one block. The allocator keeps 32 bytes for each, used or not, so a 64 MiB block costs the host half
/// a MiB. A block with so many spans counts as full.
const MOST_SPANS: u64 = 1 << 14;

/// Which bytes of a block are taken.
pub(crate) struct Block {
    ranges: Allocator,
    units: u32,
    live: u32,
}

/// Some bytes of a block. They are taken until handed to [`Block::free`].
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// Where it starts, in bytes from the block's start.
    pub(crate) offset: u64,
    node: Node,
}

impl Block {
    /// A block of `bytes`, all free. What is not a whole unit at its end is not used, nor what lies beyond 1 TiB.
    pub(crate) fn new(bytes: u64) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX);
        // Two more than the spans: one node describes what is left, and one is never handed out.
        let nodes = u64::from(units).min(MOST_SPANS) as u32 + 2;
        Self { ranges: Allocator::with_max_allocs(units, nodes), units, live: 0 }
    }

    /// Takes `size` bytes at a multiple of `alignment` (a power of two); `None` if they are not to be had here.
    pub(crate) fn allocate(&mut self, size: u64, alignment: u64) -> Option<Span> {
        let alignment = alignment.max(UNIT);
        // Units are aligned already; what is beyond that is taken on top and then skipped.
        let bytes = size.max(1).checked_add(alignment - UNIT)?;
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok().filter(|&units| units <= self.units)?;
        let node = self.ranges.allocate(units)?;
        self.live += 1;
        Some(Span { offset: (u64::from(node.offset) * UNIT).next_multiple_of(alignment), node })
    }

    /// Gives a span back. It must come from this block.
    pub(crate) fn free(&mut self, span: Span) {
        self.ranges.free(span.node);
        self.live -= 1;
    }

    /// Whether nothing is taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.live == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_a_block_can_be_handed_out_and_no_more() {
        let mut block = Block::new(64 * UNIT);
        let spans: Vec<_> = (0..64).map(|_| block.allocate(UNIT, 1).expect("a free unit")).collect();
        assert!(block.allocate(1, 1).is_none());
        let mut offsets: Vec<_> = spans.iter().map(|span| span.offset).collect();
        offsets.sort_unstable();
        assert!(offsets.iter().enumerate().all(|(i, &offset)| offset == i as u64 * UNIT));
    }

    #[test]
    fn what_was_freed_in_any_order_is_whole_again() {
        let mut block = Block::new(1 << 20);
        let spans: Vec<_> = (0..16).map(|_| block.allocate(1 << 16, 1).expect("a sixteenth")).collect();
        for i in [3, 1, 2, 0, 15, 7, 9, 8, 4, 5, 6, 14, 10, 13, 11, 12] {
            assert!(!block.is_empty());
            block.free(spans[i]);
        }
        assert!(block.is_empty());
        assert!(block.allocate(1 << 20, 1).is_some());
    }

    #[test]
    fn sizes_near_the_end_of_u64_are_refused_without_overflow() {
        let mut block = Block::new(1 << 20);
        for size in [u64::MAX, u64::MAX - 255, u64::MAX / 2, u64::from(u32::MAX) * UNIT + 1, (1 << 20) + 1] {
            assert!(block.allocate(size, 1).is_none(), "{size}");
            assert!(block.allocate(size, 1 << 63).is_none(), "{size}");
        }
        assert!(block.allocate(1, 1 << 63).is_none());
        assert!(block.is_empty());
    }

    #[test]
    fn a_block_of_a_size_that_no_device_has_is_still_a_block() {
        assert!(Block::new(u64::MAX).allocate(1 << 30, 1).is_some());
        assert!(Block::new(0).allocate(1, 1).is_none());
    }

    #[test]
    fn large_alignments_are_kept_beside_small_spans() {
        let mut block = Block::new(1 << 20);
        let small = block.allocate(1, 1).expect("room");
        let large = block.allocate(1000, 1 << 16).expect("room");
        assert_eq!(large.offset % (1 << 16), 0);
        assert_ne!(small.offset, large.offset);
    }

    #[test]
    fn a_block_with_too_many_spans_counts_as_full() {
        let mut block = Block::new(2 * MOST_SPANS * UNIT);
        let spans: Vec<_> = std::iter::from_fn(|| block.allocate(1, 1)).collect();
        assert_eq!(spans.len() as u64, MOST_SPANS);
        spans.into_iter().for_each(|span| block.free(span));
        assert!(block.is_empty());
    }
}
