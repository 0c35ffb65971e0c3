//! A space-filling curve through a box: like G. M. Morton's (1966), but each step halves the axis that is longest by then.
//! So the boxes that the curve fills one after the other are nearly cubes, however flat or long the scene is.

use glam::Vec3;

/// An f32 has no more to tell apart.
const MOST_BITS: u32 = 24;

/// How places in a box become keys.
#[derive(Debug)]
pub(super) struct Curve {
    origin: [f32; 3],
    scale: [f32; 3],
    /// The largest whole coordinates.
    last: [u32; 3],
    /// Which bits of which axis come first, second and so on, until all three come in turn.
    prefix: Vec<Bits>,
    /// The axes in their turn, and how often that comes.
    turn: [usize; 3],
    turns: u32,
    /// By the number of leading bits that two keys share: how long the box is where they part.
    lengths: Vec<f32>,
}

/// Bits of one axis that follow each other.
#[derive(Debug)]
struct Bits {
    axis: usize,
    lowest: u32,
    count: u32,
}

impl Curve {
    /// A curve through the box of `low` and `high` whose keys have at most `bits` bits; `None` if there is but one place.
    pub(super) fn new(low: Vec3, high: Vec3, bits: u32) -> Option<Self> {
        let mut size = (high - low).max(Vec3::ZERO).to_array();
        let (mut used, mut prefix, mut lengths) = ([0; 3], Vec::new(), Vec::new());
        let (mut turn, mut turns) = ([0, 1, 2], 0);
        while (prefix.len() as u32) < bits {
            turn.sort_by(|&a, &b| size[b].total_cmp(&size[a]));
            if size[turn[2]] * 2.0 > size[turn[0]] && used.iter().all(|&bits| bits < MOST_BITS) {
                let most = used.iter().map(|used| MOST_BITS - used).min().unwrap_or(0);
                turns = ((bits - prefix.len() as u32) / 3).min(most);
                break;
            }
            let Some(&axis) = turn.iter().find(|&&axis| used[axis] < MOST_BITS && size[axis] > 0.0) else { break };
            lengths.push(size[axis]);
            prefix.push(axis);
            used[axis] += 1;
            size[axis] *= 0.5;
        }
        for _ in 0..turns {
            for axis in turn {
                lengths.push(size[axis]);
                used[axis] += 1;
                size[axis] *= 0.5;
            }
        }
        if lengths.is_empty() {
            return None;
        }
        let scale =
            |axis: usize| if used[axis] > 0 { (1u32 << used[axis]) as f32 / (high[axis] - low[axis]) } else { 0.0 };
        let (origin, scale, last) = (low.to_array(), [0, 1, 2].map(scale), used.map(|bits| (1 << bits) - 1));
        let prefix = bits_of(&prefix, used);
        Some(Self { origin, scale, last, prefix, turn, turns, lengths })
    }

    /// Bits of a key.
    pub(super) fn bits(&self) -> u32 {
        self.lengths.len() as u32
    }

    /// How far along the curve a place is; outside the box, that of the nearest place in it.
    #[inline]
    pub(super) fn key(&self, place: [f32; 3]) -> u64 {
        // `as` ends at 0 and at the largest number there is, and takes what is no number for 0.
        let whole = |axis: usize| (((place[axis] - self.origin[axis]) * self.scale[axis]) as u32).min(self.last[axis]);
        let whole = [whole(0), whole(1), whole(2)];
        let mut key = 0;
        for bits in &self.prefix {
            key = key << bits.count | u64::from(whole[bits.axis] >> bits.lowest) & ((1 << bits.count) - 1);
        }
        let mask = (1 << self.turns) - 1;
        let [a, b, c] = self.turn;
        let in_turn = spread(whole[a] & mask) << 2 | spread(whole[b] & mask) << 1 | spread(whole[c] & mask);
        key << (3 * self.turns) | in_turn
    }

    /// The length of the smallest of the curve's boxes that holds the places of two keys; 0 for one key.
    pub(super) fn gap(&self, one: u64, other: u64) -> f32 {
        let differing = u64::BITS - (one ^ other).leading_zeros();
        if differing == 0 { 0.0 } else { self.lengths[(self.bits() - differing) as usize] }
    }
}

/// The bits of `axes`, one after the other, where each axis has as many as `left` says.
fn bits_of(axes: &[usize], mut left: [u32; 3]) -> Vec<Bits> {
    let runs = axes.chunk_by(|one, other| one == other).map(|run| {
        let (axis, count) = (run[0], run.len() as u32);
        left[axis] -= count;
        Bits { axis, lowest: left[axis], count }
    });
    runs.collect()
}

/// Each bit at three times its place.
fn spread(x: u32) -> u64 {
    let mut x = u64::from(x);
    x = (x | x << 32) & 0x001f_0000_0000_ffff;
    x = (x | x << 16) & 0x001f_0000_ff00_00ff;
    x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
    x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
    (x | x << 2) & 0x1249_2492_4924_9249
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_cube_the_curve_is_mortons() {
        let curve = Curve::new(Vec3::ZERO, Vec3::splat(8.0), 9).expect("a box");
        for (key, place) in [(0, [0.5, 0.5, 0.5]), (0b001, [0.5, 0.5, 1.5]), (0b100, [1.5, 0.5, 0.5])] {
            assert_eq!(curve.key(place), key);
        }
        assert_eq!((curve.bits(), curve.key([7.9; 3]), curve.key([99.0; 3])), (9, 511, 511));
        assert_eq!(curve.key([-1.0; 3]), 0);
        assert_eq!([curve.gap(0, 1), curve.gap(0, 0o10), curve.gap(0, 0o777), curve.gap(5, 5)], [2.0, 4.0, 8.0, 0.0]);
    }

    #[test]
    fn every_place_of_a_lattice_has_a_key_of_its_own_and_boxes_stay_near_cubes() {
        for size in [[64, 2, 4], [1, 128, 4], [3, 5, 7], [300, 1, 1], [16, 16, 1]] {
            let far = Vec3::from_array(size.map(|n| n as f32 - 1.0));
            let curve = Curve::new(Vec3::ZERO, far, 32).expect("a box");
            let places = (0..size[0] * size[1] * size[2])
                .map(|i| [i % size[0], i / size[0] % size[1], i / size[0] / size[1]].map(|axis| axis as f32));
            let mut keys: Vec<_> = places.map(|place| curve.key(place)).collect();
            keys.sort_unstable();
            keys.dedup();
            assert_eq!(keys.len(), (size[0] * size[1] * size[2]) as usize, "{size:?}");
            assert!(curve.lengths.is_sorted_by(|a, b| a >= b), "{:?}", curve.lengths);
            assert_eq!(curve.gap(keys[0], keys[keys.len() - 1]), far.max_element());
        }
    }

    #[test]
    fn a_box_without_a_size_has_no_curve() {
        assert!(Curve::new(Vec3::ONE, Vec3::ONE, 32).is_none());
        assert!(Curve::new(Vec3::ONE, Vec3::ZERO, 32).is_none());
        assert_eq!(Curve::new(Vec3::ZERO, Vec3::Y * 1e-30, 32).expect("a line").bits(), MOST_BITS);
    }
}
