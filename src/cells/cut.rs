//! Where the order of cubes is cut into cells, and how a cell's cubes lie in it.

use std::ops::Range;

use super::{
    format::{LEAST_IN_CELL, MOST_IN_CELL},
    order::Entry,
};

/// Cubes that are cut by one thread, about.
const SEGMENT: usize = 1 << 16;

/// Cuts the order where different threads can go on: into parts of some 65,536 cubes, and so that each can be cut into
/// cells.
pub(super) fn segments(entries: &[Entry]) -> Vec<Range<usize>> {
    let (mut start, mut segments) = (0, Vec::with_capacity(entries.len() / SEGMENT + 1));
    while entries.len() - start > 2 * SEGMENT {
        let end = widest(entries, start + SEGMENT..=start + SEGMENT + MOST_IN_CELL);
        segments.push(start..end);
        start = end;
    }
    segments.push(start..entries.len());
    segments
}

/// Where the cells of a segment end.
///
/// They have 128 to 256 cubes, unless there are fewer than 128 in all, and end where the way to the next cube is longest.
pub(super) fn cells(entries: &[Entry]) -> Vec<usize> {
    let (mut start, mut ends) = (0, Vec::with_capacity(entries.len() / LEAST_IN_CELL + 1));
    while entries.len() - start > MOST_IN_CELL {
        // What is left must be enough for a cell, too.
        let last = (start + MOST_IN_CELL).min(entries.len() - LEAST_IN_CELL);
        start = widest(entries, start + LEAST_IN_CELL..=last);
        ends.push(start);
    }
    ends.push(entries.len());
    ends
}

/// Of some places to cut before, the one with the longest way there; of several the last.
fn widest(entries: &[Entry], places: std::ops::RangeInclusive<usize>) -> usize {
    let last = *places.end();
    places.max_by(|&one, &other| entries[one].gap().total_cmp(&entries[other].gap())).unwrap_or(last)
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
