//! A space-filling curve through a box: like G. M. Morton's (1966), but each step halves the axis that is longest by then.
//! So the boxes that the curve fills one after the other are nearly cubes, however flat or long the scene is.

use glam::Vec3;

/// An f32 has no more to tell apart.
const MOST_BITS: u32 = 24;

/// How places in a box become keys.
#[derive(Debug)]
pub(super) struct Curve {
    origin: Vec3,
    scale: Vec3,
    /// The largest whole coordinates.
    last: Vec3,
    /// Which bit of which axis comes first, second and so on, until all three come in turn.
    prefix: Vec<(usize, u32)>,
    /// The axes in their turn, and how often that comes.
    turn: [usize; 3],
    turns: u32,
    /// By the number of leading bits that two keys share: how long the box is where they part.
    lengths: Vec<f32>,
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
        let cells = used.map(|bits| (1u32 << bits) as f32);
        let scale = |axis: usize| if used[axis] > 0 { cells[axis] / (high[axis] - low[axis]) } else { 0.0 };
        let (origin, scale) = (low, Vec3::from_array([0, 1, 2].map(scale)));
        let last = Vec3::from_array(cells) - 1.0;
        let mut left = used;
        let next = |axis: usize| {
            left[axis] -= 1;
            (axis, left[axis])
        };
        let prefix = prefix.into_iter().map(next).collect();
        Some(Self { origin, scale, last, prefix, turn, turns, lengths })
    }

    /// Bits of a key.
    pub(super) fn bits(&self) -> u32 {
        self.lengths.len() as u32
    }

    /// How far along the curve a place is; outside the box, that of the nearest place in it.
    pub(super) fn key(&self, place: Vec3) -> u64 {
        let whole = ((place - self.origin) * self.scale).clamp(Vec3::ZERO, self.last);
        let whole = whole.to_array().map(|axis| axis as u32);
        let first = self.prefix.iter().fold(0, |key, &(axis, bit)| key << 1 | u64::from(whole[axis] >> bit & 1));
        let mask = (1 << self.turns) - 1;
        let [a, b, c] = self.turn.map(|axis| spread(u64::from(whole[axis] & mask)));
        first << (3 * self.turns) | a << 2 | b << 1 | c
    }

    /// The length of the smallest of the curve's boxes that holds the places of two keys; 0 for one key.
    pub(super) fn gap(&self, one: u64, other: u64) -> f32 {
        let differing = u64::BITS - (one ^ other).leading_zeros();
        if differing == 0 { 0.0 } else { self.lengths[(self.bits() - differing) as usize] }
    }
}

/// Each bit at three times its place.
fn spread(mut x: u64) -> u64 {
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
            assert_eq!(curve.key(Vec3::from_array(place)), key);
        }
        assert_eq!((curve.bits(), curve.key(Vec3::splat(7.9)), curve.key(Vec3::splat(99.0))), (9, 511, 511));
        assert_eq!(curve.key(Vec3::splat(-1.0)), 0);
        assert_eq!([curve.gap(0, 1), curve.gap(0, 0o10), curve.gap(0, 0o777), curve.gap(5, 5)], [2.0, 4.0, 8.0, 0.0]);
    }

    #[test]
    fn every_place_of_a_lattice_has_a_key_of_its_own_and_boxes_stay_near_cubes() {
        for size in [[64, 2, 4], [1, 128, 4], [3, 5, 7], [300, 1, 1], [16, 16, 1]] {
            let far = Vec3::from_array(size.map(|n| n as f32 - 1.0));
            let curve = Curve::new(Vec3::ZERO, far, 32).expect("a box");
            let places = (0..size[0] * size[1] * size[2]).map(|i| {
                Vec3::from_array([i % size[0], i / size[0] % size[1], i / size[0] / size[1]].map(|axis| axis as f32))
            });
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
