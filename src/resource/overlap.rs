//! Writes that may overlap, as pieces that do not: of two writes of an element the later one counts.

use std::{collections::BTreeMap, ops::Range};

/// Elements to write: `len` of them from `at` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) at: usize,
    pub(crate) len: usize,
}

/// A part of a write that no later write covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it goes.
    pub(crate) at: usize,
    /// Which write it is of, and which of its elements.
    pub(crate) write: usize,
    pub(crate) from: Range<usize>,
}

impl Piece {
    fn end(&self) -> usize {
        self.at + self.from.len()
    }
}

/// The pieces that are left of `writes`, none of which is empty or ends beyond `usize::MAX`, in the order of where they
/// go.
pub(crate) fn merge(writes: &[Write]) -> Vec<Piece> {
    let mut order: Vec<usize> = (0..writes.len()).collect();
    order.sort_unstable_by_key(|&index| writes[index].at);
    let apart = |pair: &[usize]| writes[pair[0]].at + writes[pair[0]].len <= writes[pair[1]].at;
    // What is usual needs no more than the order.
    if order.windows(2).all(apart) {
        let whole = |index: usize| Piece { at: writes[index].at, write: index, from: 0..writes[index].len };
        return order.into_iter().map(whole).collect();
    }
    let mut covered = Covered::default();
    let mut pieces = Vec::with_capacity(writes.len());
    for (write, &Write { at, len }) in writes.iter().enumerate().rev() {
        let gaps = covered.cover(at..at + len).into_iter();
        pieces.extend(gaps.map(|gap| Piece { at: gap.start, write, from: gap.start - at..gap.end - at }));
    }
    pieces.sort_unstable_by_key(|piece| piece.at);
    pieces
}

/// The ranges that pieces in order fill without a gap.
pub(crate) fn runs(pieces: &[Piece]) -> Vec<Range<usize>> {
    let neighbours = pieces.chunk_by(|a, b| a.end() == b.at);
    neighbours.map(|run| run[0].at..run[run.len() - 1].end()).collect()
}

/// Elements that a later write has, as ranges that do not touch: ends by starts.
#[derive(Default)]
struct Covered(BTreeMap<usize, usize>);

impl Covered {
    /// Adds a range; gives the parts of it that were not covered.
    fn cover(&mut self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut gaps = Vec::new();
        let (mut start, mut end) = (range.start, range.end);
        let mut at = range.start;
        // From the one that begins before the range, if it reaches into it.
        let first = self.0.range(..=range.start).next_back().filter(|&(_, &end)| end >= range.start);
        let first = first.map_or(range.start, |(&start, _)| start);
        while let Some((&old_start, &old_end)) = self.0.range(first..=range.end).next() {
            if at < old_start {
                gaps.push(at..old_start.min(range.end));
            }
            at = at.max(old_end);
            (start, end) = (start.min(old_start), end.max(old_end));
            self.0.remove(&old_start);
        }
        if at < range.end {
            gaps.push(at..range.end);
        }
        self.0.insert(start, end);
        gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn write(range: Range<usize>) -> Write {
        Write { at: range.start, len: range.len() }
    }

    fn piece(at: usize, write: usize, from: Range<usize>) -> Piece {
        Piece { at, write, from }
    }

    /// Which write each element of a buffer gets, and which of its elements, one at a time.
    fn naive(writes: &[Write], len: usize) -> Vec<Option<(usize, usize)>> {
        let mut elements = vec![None; len];
        for (index, &Write { at, len }) in writes.iter().enumerate() {
            (0..len).for_each(|i| elements[at + i] = Some((index, i)));
        }
        elements
    }

    #[test]
    fn writes_that_do_not_overlap_stay_whole_in_the_order_of_their_places() {
        let writes = [write(8..9), write(0..4), write(4..6)];
        assert_eq!(merge(&writes), [piece(0, 1, 0..4), piece(4, 2, 0..2), piece(8, 0, 0..1)]);
        assert_eq!(runs(&merge(&writes)), [0..6, 8..9]);
    }

    #[test]
    fn the_later_write_counts() {
        assert_eq!(merge(&[write(0..4), write(0..4)]), [piece(0, 1, 0..4)]);
        assert_eq!(merge(&[write(0..4), write(2..6)]), [piece(0, 0, 0..2), piece(2, 1, 0..4)]);
        assert_eq!(merge(&[write(2..6), write(0..4)]), [piece(0, 1, 0..4), piece(4, 0, 2..4)]);
    }

    #[test]
    fn a_write_in_the_middle_of_an_earlier_one_leaves_both_its_ends() {
        let pieces = merge(&[write(0..9), write(3..5)]);
        assert_eq!(pieces, [piece(0, 0, 0..3), piece(3, 1, 0..2), piece(5, 0, 5..9)]);
        assert_eq!(runs(&pieces), vec![0..9]);
    }

    #[test]
    fn a_write_over_several_later_ones_shows_between_them() {
        let pieces = merge(&[write(0..10), write(1..2), write(4..6), write(9..12)]);
        let of_first: Vec<_> = pieces.iter().filter(|piece| piece.write == 0).map(|piece| piece.from.clone()).collect();
        assert_eq!(of_first, [0..1, 2..4, 6..9]);
    }

    #[test]
    fn nothing_comes_of_nothing() {
        assert_eq!((merge(&[]), runs(&[])), (vec![], vec![]));
    }

    #[test]
    fn the_ends_of_what_can_be_counted_are_no_trouble() {
        let last = usize::MAX - 1..usize::MAX;
        let pieces = merge(&[write(last.clone()), write(0..1), write(last)]);
        assert_eq!(pieces, [piece(0, 1, 0..1), piece(usize::MAX - 1, 2, 0..1)]);
    }

    proptest! {
        #[test]
        fn every_element_gets_what_was_written_last(
            ranges in prop::collection::vec((0usize..200, 1usize..40), 0..60),
        ) {
            let writes: Vec<_> = ranges.into_iter().map(|(at, len)| Write { at, len }).collect();
            let pieces = merge(&writes);
            let mut elements = vec![None; 240];
            for Piece { at, write, from } in &pieces {
                prop_assert!(!from.is_empty());
                for (i, element) in from.clone().enumerate() {
                    prop_assert_eq!(elements[at + i].replace((*write, element)), None, "written twice");
                }
            }
            prop_assert_eq!(&elements, &naive(&writes, 240));
            prop_assert!(pieces.windows(2).all(|pair| pair[0].end() <= pair[1].at), "in order");
            let runs = runs(&pieces);
            prop_assert!(runs.windows(2).all(|pair| pair[0].end < pair[1].start), "with gaps between them");
            let filled: Vec<_> = runs.into_iter().flatten().collect();
            let written: Vec<_> = (0..240).filter(|&i| elements[i].is_some()).collect();
            prop_assert_eq!(filled, written);
        }
    }
}
