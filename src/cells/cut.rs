//! Where the order of cubes is cut into cells, and how a cell's cubes lie in it.

use std::ops::Range;

use super::{
    format::{LEAST_IN_CELL, MOST_IN_CELL},
    order::Entry,
};

/// Cubes that are cut by one thread, about.
const SEGMENT: usize = 1 << 16;

/// Cuts the order where different threads can go on: into parts of some 65,536 cubes, each enough for cells.
pub(super) fn segments(entries: &[Entry]) -> Vec<Range<usize>> {
    let (mut start, mut segments) = (0, Vec::with_capacity(entries.len() / SEGMENT + 1));
    while entries.len() - start > 2 * SEGMENT {
        let end = start + widest(&entries[start..start + 2 * SEGMENT], SEGMENT / 2..SEGMENT * 3 / 2);
        segments.push(start..end);
        start = end;
    }
    segments.push(start..entries.len());
    segments
}

/// Where the cells of a segment end. They have 128 to 256 cubes, unless there are fewer than 128 in all.
///
/// What is too much for one is cut where its cubes are farthest apart, and so on with both parts. Against filling one cell
/// after the other up to the widest gap among its last 128 cubes, the boxes' surface is less by 23 to 43 % (field,
/// terrain, grid, block, shell), and by 94 % in clumps. Choosing among all cuts (dynamic programming over the squares of
/// gaps) gains nothing more, and takes fifty times as long.
pub(super) fn cells(entries: &[Entry]) -> Vec<usize> {
    let mut ends = Vec::with_capacity(entries.len() / LEAST_IN_CELL + 1);
    let whole = 0..entries.len();
    let mut parts = vec![whole];
    while let Some(part) = parts.pop() {
        if part.len() <= MOST_IN_CELL {
            ends.push(part.end);
            continue;
        }
        let middle = part.start + widest(&entries[part.clone()], LEAST_IN_CELL..part.len() - LEAST_IN_CELL + 1);
        parts.push(middle..part.end);
        parts.push(part.start..middle);
    }
    ends
}

/// Of some places to cut before, the one where the cubes are farthest apart; of several that nearest to the middle.
fn widest(entries: &[Entry], places: Range<usize>) -> usize {
    let middle = entries.len() / 2;
    let key = |place: usize| (entries[place].gap().to_bits(), std::cmp::Reverse(place.abs_diff(middle)));
    places.max_by_key(|&place| key(place)).unwrap_or(middle)
}

/// Brings the cubes of a cell from their order along the curve to one of which every beginning is spread evenly over the
/// cell: that of 256 places whose bits are reversed, scaled to the number of cubes, each rank where it comes up first.
pub(super) fn spread<T: Copy>(cubes: &mut [T]) {
    let Some(&first) = cubes.first() else { return };
    let mut along = [first; MOST_IN_CELL];
    along[..cubes.len()].copy_from_slice(cubes);
    let count = cubes.len();
    let mut taken = [false; MOST_IN_CELL];
    let ranks = (0..=u8::MAX).map(|turn| usize::from(turn.reverse_bits()) * count / MOST_IN_CELL);
    let ranks = ranks.filter(|&rank| !std::mem::replace(&mut taken[rank], true));
    for (place, rank) in cubes.iter_mut().zip(ranks) {
        *place = along[rank];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries with these gaps.
    fn entries(gaps: impl IntoIterator<Item = f32>) -> Vec<Entry> {
        gaps.into_iter().enumerate().map(|(id, gap)| Entry::with_gap(gap, id)).collect()
    }

    #[test]
    fn cells_have_half_to_all_of_what_they_can_and_none_spans_a_clump_and_the_next() {
        for count in (1..3000).step_by(7) {
            let mut ends = cells(&entries((0..count).map(|i| (i * 7919 % 31) as f32)));
            ends.insert(0, 0);
            let sizes: Vec<_> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert_eq!(sizes.iter().sum::<usize>(), count);
            assert!(sizes.iter().all(|size| (LEAST_IN_CELL.min(count)..=MOST_IN_CELL).contains(size)), "{sizes:?}");
        }
        // Clumps of 300: two cells each, wherever the first cells would like to end.
        let ends = cells(&entries((0..3000).map(|i| if i % 300 == 0 { 1e6 } else { (i * 7919 % 31) as f32 })));
        assert_eq!(ends.len(), 20);
        assert!((1..=10).all(|clump| ends.contains(&(clump * 300))), "{ends:?}");
    }

    #[test]
    fn segments_are_near_each_other_in_size_and_end_where_the_gaps_are_widest() {
        let widest = |i: usize| i > 0 && i.is_multiple_of(70_001);
        let entries = entries((0..1_000_000).map(|i| if widest(i) { 9.0 } else { (i % 5) as f32 }));
        let segments = segments(&entries);
        assert_eq!(segments.first().map(|first| first.start), Some(0));
        assert!(segments.windows(2).all(|pair| pair[0].end == pair[1].start && widest(pair[0].end)), "{segments:?}");
        assert_eq!(segments.last().map(|last| last.end), Some(1_000_000));
        assert!(segments.iter().all(|segment| (SEGMENT / 2..=2 * SEGMENT).contains(&segment.len())), "{segments:?}");
    }

    #[test]
    fn every_beginning_of_a_cell_is_spread_over_it() {
        for count in 1..=MOST_IN_CELL {
            let mut ranks: Vec<_> = (0..count).collect();
            spread(&mut ranks);
            for length in 1..=count {
                let mut beginning = ranks[..length].to_vec();
                beginning.sort_unstable();
                beginning.dedup();
                assert_eq!(beginning.len(), length, "{count} cubes");
                beginning.push(beginning[0] + count);
                let widest = beginning.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
                assert!(widest * length < count * 2 + 2 * length, "{length} of {count}: {widest}");
            }
        }
    }
}
