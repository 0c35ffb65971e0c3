//! Which pieces of memory to keep, and which of them serves a request: pure rules.

use std::collections::BTreeMap;

const MIB: u64 = 1 << 20;
/// No piece is smaller.
const SMALLEST: u64 = 256;

/// The bytes that a piece for a request is made with: powers of two up to 1 MiB, then multiples of 1 MiB, so that requests
/// of nearly one size find each other's pieces.
pub(super) fn size_class(bytes: u64) -> u64 {
    if bytes <= MIB {
        bytes.max(SMALLEST).next_power_of_two()
    } else {
        bytes.checked_next_multiple_of(MIB).unwrap_or(bytes) // more than any heap has
    }
}

/// Pieces that nobody uses, up to a bound in bytes.
pub(super) struct Kept<M> {
    /// By bytes, then by the time at which they came.
    pieces: BTreeMap<(u64, u64), M>,
    /// By that time, their bytes.
    ages: BTreeMap<u64, u64>,
    bytes: u64,
    bound: u64,
    /// Counts arrivals.
    time: u64,
}

impl<M> Kept<M> {
    pub(super) fn new(bound: u64) -> Self {
        Self { pieces: BTreeMap::new(), ages: BTreeMap::new(), bytes: 0, bound, time: 0 }
    }

    /// The bytes of all that is kept.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A piece of at least `class` bytes and at most twice as many: the smallest there is, and of several the one that
    /// came last, whose lines the CPU's caches may still hold.
    pub(super) fn take(&mut self, class: u64) -> Option<M> {
        let most = class.saturating_mul(2);
        let (&(bytes, _), _) = self.pieces.range((class, 0)..=(most, u64::MAX)).next()?;
        let (&key, _) = self.pieces.range((bytes, 0)..=(bytes, u64::MAX)).next_back()?;
        self.remove(key)
    }

    /// Keeps a piece. What must go for it, the oldest first, is returned; itself, if it is larger than the bound.
    pub(super) fn put(&mut self, bytes: u64, piece: M) -> Vec<M> {
        if bytes > self.bound {
            return vec![piece];
        }
        self.time += 1;
        self.pieces.insert((bytes, self.time), piece);
        self.ages.insert(self.time, bytes);
        self.bytes += bytes;
        self.surplus()
    }

    /// Keeps no more than that from now on; returns what must go.
    pub(super) fn set_bound(&mut self, bound: u64) -> Vec<M> {
        self.bound = bound;
        self.surplus()
    }

    /// Takes everything out.
    pub(super) fn drain(&mut self) -> Vec<M> {
        self.ages.clear();
        self.bytes = 0;
        std::mem::take(&mut self.pieces).into_values().collect()
    }

    fn surplus(&mut self) -> Vec<M> {
        let mut gone = Vec::new();
        while self.bytes > self.bound
            && let Some((&time, &bytes)) = self.ages.first_key_value()
        {
            gone.extend(self.remove((bytes, time)));
        }
        gone
    }

    fn remove(&mut self, key: (u64, u64)) -> Option<M> {
        let piece = self.pieces.remove(&key)?;
        self.ages.remove(&key.1);
        self.bytes -= key.0;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn classes_are_powers_of_two_and_then_whole_mebibytes() {
        let classes = [(0, 256), (1, 256), (257, 512), (MIB - 1, MIB), (MIB, MIB), (MIB + 1, 2 * MIB)];
        for (bytes, class) in classes {
            assert_eq!(size_class(bytes), class, "{bytes}");
        }
        assert_eq!(size_class(256 * MIB), 256 * MIB);
        assert_eq!(size_class(u64::MAX), u64::MAX);
    }

    #[test]
    fn a_request_gets_the_smallest_piece_that_is_not_more_than_twice_as_large() {
        let mut kept = Kept::new(100 * MIB);
        for mebibytes in [9, 4, 8, 5] {
            assert!(kept.put(mebibytes * MIB, mebibytes).is_empty());
        }
        assert_eq!(kept.take(4 * MIB), Some(4));
        assert_eq!(kept.take(4 * MIB), Some(5));
        assert_eq!(kept.take(4 * MIB), Some(8));
        assert_eq!(kept.take(4 * MIB), None);
        assert_eq!((kept.bytes(), kept.take(5 * MIB)), (9 * MIB, Some(9)));
    }

    #[test]
    fn of_equal_pieces_the_last_is_used_and_the_oldest_goes() {
        let mut kept = Kept::new(3 * MIB);
        for number in 0..3 {
            assert!(kept.put(MIB, number).is_empty());
        }
        assert_eq!(kept.put(MIB, 3), [0]);
        assert_eq!(kept.take(MIB), Some(3));
        assert_eq!(kept.put(2 * MIB, 4), [1]);
        assert_eq!(kept.bytes(), 3 * MIB);
    }

    #[test]
    fn a_piece_beyond_the_bound_is_not_kept_and_drives_none_out() {
        let mut kept = Kept::new(2 * MIB);
        assert!(kept.put(MIB, 0).is_empty());
        assert_eq!(kept.put(3 * MIB, 1), [1]);
        assert_eq!(kept.bytes(), MIB);
    }

    #[test]
    fn a_bound_of_nothing_keeps_nothing() {
        let mut kept = Kept::new(2 * MIB);
        assert!(kept.put(MIB, 0).is_empty());
        assert!(kept.put(MIB, 1).is_empty());
        assert_eq!(kept.set_bound(0), [0, 1]);
        assert_eq!(kept.put(256, 2), [2]);
        assert_eq!(kept.bytes(), 0);
    }

    proptest! {
        #[test]
        fn no_piece_is_lost_or_given_twice(steps in prop::collection::vec((any::<bool>(), 0_u64..40), 1..200)) {
            let mut kept = Kept::new(64 * MIB);
            let mut inside: Vec<(u64, usize)> = Vec::new();
            for (number, (puts, size)) in steps.into_iter().enumerate() {
                let class = size_class(size * MIB / 4);
                if puts {
                    inside.push((class, number));
                    for gone in kept.put(class, number) {
                        let oldest = inside.remove(0);
                        prop_assert_eq!(gone, oldest.1);
                    }
                } else {
                    let fitting = inside.iter().filter(|piece| (class..=2 * class).contains(&piece.0));
                    let best = fitting.copied().min_by_key(|&(bytes, number)| (bytes, std::cmp::Reverse(number)));
                    prop_assert_eq!(kept.take(class), best.map(|piece| piece.1));
                    inside.retain(|&piece| Some(piece) != best);
                }
                prop_assert_eq!(kept.bytes(), inside.iter().map(|piece| piece.0).sum::<u64>());
                prop_assert!(kept.bytes() <= 64 * MIB);
            }
            let all = inside.len();
            prop_assert_eq!((kept.drain().len(), kept.bytes()), (all, 0));
        }
    }
}
