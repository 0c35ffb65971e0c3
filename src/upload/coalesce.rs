//! Writes that overlap, as copies that do not: the regions of one copy command have no order.

use ash::vk::BufferCopy;

use crate::resource::overlap::{Piece, Write, merge};

/// Copies to one buffer from one buffer, in the order in which they are to take effect, become copies of which none
/// overlaps another, in the order of where they go. The last that writes a byte wins. Neighbours are joined.
pub(crate) fn coalesce(mut copies: Vec<BufferCopy>) -> Vec<BufferCopy> {
    copies.retain(|copy| copy.size > 0);
    let are_apart = |pair: &[BufferCopy]| pair[0].dst_offset + pair[0].size <= pair[1].dst_offset;
    // What is usual needs no sorting.
    join(if copies.windows(2).all(are_apart) { copies } else { last_wins(&copies) })
}

/// As [`merge`] finds it, byte by byte.
fn last_wins(copies: &[BufferCopy]) -> Vec<BufferCopy> {
    let write = |copy: &BufferCopy| Write { at: copy.dst_offset as usize, len: copy.size as usize };
    let writes: Vec<_> = copies.iter().map(write).collect();
    let piece = |Piece { at, write, from }: Piece| BufferCopy {
        src_offset: copies[write].src_offset + from.start as u64,
        dst_offset: at as u64,
        size: from.len() as u64,
    };
    merge(&writes).into_iter().map(piece).collect()
}

/// Joins neighbours that come from neighbours; they are sorted.
fn join(copies: Vec<BufferCopy>) -> Vec<BufferCopy> {
    let mut joined: Vec<BufferCopy> = Vec::with_capacity(copies.len());
    for copy in copies {
        match joined.last_mut() {
            Some(last)
                if last.dst_offset + last.size == copy.dst_offset && last.src_offset + last.size == copy.src_offset =>
            {
                last.size += copy.size;
            }
            _ => joined.push(copy),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn copy(src_offset: u64, dst_offset: u64, size: u64) -> BufferCopy {
        BufferCopy { src_offset, dst_offset, size }
    }

    fn plain(copies: &[BufferCopy]) -> Vec<[u64; 3]> {
        copies.iter().map(|copy| [copy.src_offset, copy.dst_offset, copy.size]).collect()
    }

    #[test]
    fn neighbours_become_one_copy_in_whatever_order_they_come() {
        let copies: Vec<_> = (0..1000).map(|i| copy(i * 64, i * 64, 64)).collect();
        assert_eq!(plain(&coalesce(copies)), [[0, 0, 64_000]]);
        assert_eq!(plain(&coalesce(vec![copy(8, 8, 4), copy(4, 4, 4), copy(0, 0, 4)])), [[0, 0, 12]]);
    }

    #[test]
    fn places_that_touch_but_come_from_elsewhere_stay_two() {
        assert_eq!(plain(&coalesce(vec![copy(0, 0, 4), copy(8, 4, 4)])), [[0, 0, 4], [8, 4, 4]]);
    }

    #[test]
    fn the_last_write_of_a_byte_wins() {
        assert_eq!(plain(&coalesce(vec![copy(0, 0, 10), copy(100, 3, 4)])), [[0, 0, 3], [100, 3, 4], [7, 7, 3]]);
        assert_eq!(plain(&coalesce(vec![copy(100, 3, 4), copy(0, 0, 10)])), [[0, 0, 10]]);
    }

    #[test]
    fn a_copy_of_nothing_is_left_out() {
        assert!(coalesce(vec![copy(0, 5, 0)]).is_empty());
    }

    fn apply(copies: &[BufferCopy], bytes: &mut [u64]) {
        for copy in copies {
            for i in 0..copy.size {
                bytes[(copy.dst_offset + i) as usize] = copy.src_offset + i;
            }
        }
    }

    proptest! {
        #[test]
        fn any_writes_give_what_they_give_one_after_the_other(
            writes in prop::collection::vec((0u64..48, 0u64..16), 0..24),
        ) {
            let source = |index: usize| 1 + index as u64 * 16;
            let copies: Vec<_> =
                writes.iter().enumerate().map(|(index, &(at, size))| copy(source(index), at, size)).collect();
            let (mut expected, mut found) = (vec![0; 64], vec![0; 64]);
            apply(&copies, &mut expected);
            let merged = coalesce(copies);
            apply(&merged, &mut found);
            prop_assert_eq!(found, expected);
            prop_assert!(merged.windows(2).all(|pair| pair[0].dst_offset + pair[0].size <= pair[1].dst_offset));
        }
    }
}
