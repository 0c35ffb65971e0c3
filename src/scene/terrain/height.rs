//! How high an island is: a small map of the whole, made once, and bumps of a few columns' width.

use glam::{Vec2, Vec3};

use crate::scene::hash::{fraction, mix};

/// Points of the map along a side.
const SIDE: usize = 512;
/// The steepest the map is along X or Z, as a rise over a distance. With [`BUMP_SLOPE`] it must stay below the cubes of a
/// column.
const SLOPE: f32 = 1.5;
const BUMP_SLOPE: f32 = 0.35;
/// Width and height of a bump, in columns; the height is what its slope allows.
const BUMP: f32 = 21.0;
const BUMP_HEIGHT: f32 = BUMP_SLOPE * BUMP / (2.0 * QUINTIC_SLOPE);
/// The steepest of the curve between two points of noise.
const QUINTIC_SLOPE: f32 = 1.875;
/// The height of the highest mountains, in widths of the island.
const RELIEF: f32 = 0.15;

/// The height map of an island.
#[derive(Debug)]
pub(super) struct Heights {
    /// In widths of the island.
    map: Vec<f32>,
    /// Of the map.
    highest: f32,
    width: f32,
    seed: u64,
}

/// What the ground is like at a column.
pub(super) struct Ground {
    /// In columns, above the sea.
    pub(super) height: f32,
    /// As a rise over a distance.
    pub(super) slope: f32,
}

impl Heights {
    /// Of an island of `width` columns.
    pub(super) fn new(width: usize, seed: u64) -> Self {
        let mut map = raw(seed);
        flatten(&mut map, SLOPE / SIDE as f32);
        let highest = map.iter().copied().fold(0.0, f32::max);
        Self { map, highest, width: width as f32, seed }
    }

    /// A height that no column is above, in columns.
    pub(super) fn highest(&self) -> f32 {
        (self.highest * self.width + self.bump_height()).max(0.0).ceil()
    }

    /// The height of the highest mountains, in columns.
    pub(super) fn relief(&self) -> f32 {
        self.highest * self.width
    }

    /// Small islands have smaller bumps.
    fn bump_height(&self) -> f32 {
        BUMP_HEIGHT.min(self.width * 0.01)
    }

    pub(super) fn at(&self, column: [usize; 2]) -> Ground {
        let place = column.map(|at| at as f32 + 0.5);
        let [height, slope] = self.smooth(place.map(|at| at / self.width * SIDE as f32));
        let bump = noise(Vec2::from_array(place) / BUMP, self.seed) * 2.0 - 1.0;
        // No bumps under water: the sea has a level.
        Ground { height: height * self.width + bump * self.bump_height(), slope }
    }

    /// The map's height and slope at a place on it, in points: a quadratic B-spline, no steeper than its points are.
    fn smooth(&self, place: [f32; 2]) -> [f32; 2] {
        let nearest = place.map(|at| (at as usize).min(SIDE - 1));
        let off = [0, 1].map(|axis| place[axis] - nearest[axis] as f32 - 0.5);
        let ([wx, wz], [dx, dz]) = (off.map(spline), off.map(spline_slope));
        let [columns, rows] = nearest.map(|at| [at.saturating_sub(1), at, (at + 1).min(SIDE - 1)]);
        let (mut height, mut rise) = (0.0, Vec2::ZERO);
        for (row, z) in rows.into_iter().enumerate() {
            let points = Vec3::from_array(columns.map(|x| self.map[z * SIDE + x]));
            let along = points.dot(wx);
            height += wz[row] * along;
            rise += Vec2::new(wz[row] * points.dot(dx), dz[row] * along);
        }
        [height, rise.length() * SIDE as f32]
    }
}

/// How much three points count at `t` of −0.5..=0.5 around the middle one.
fn spline(t: f32) -> Vec3 {
    Vec3::new(0.5 * (0.5 - t) * (0.5 - t), 0.75 - t * t, 0.5 * (0.5 + t) * (0.5 + t))
}

/// The derivative of [`spline`].
fn spline_slope(t: f32) -> Vec3 {
    Vec3::new(t - 0.5, -2.0 * t, t + 0.5)
}

/// The map as noise makes it, with slopes of any steepness.
fn raw(seed: u64) -> Vec<f32> {
    let mut map = Vec::with_capacity(SIDE * SIDE);
    for index in 0..SIDE * SIDE {
        let place = (Vec2::new((index % SIDE) as f32, (index / SIDE) as f32) + 0.5) / SIDE as f32;
        map.push(island(place, seed));
    }
    map
}

/// The height at a place of 0..1 on each axis: mountains and hills, lower towards the shore and below the sea at the edge.
fn island(place: Vec2, seed: u64) -> f32 {
    let seeds = [1, 2, 3, 4, 5].map(|n| mix(seed ^ n));
    let bend = Vec2::new(noise(place * 3.0, seeds[0]), noise(place * 3.0, seeds[1])) - 0.5;
    let bent = place + bend * 0.16;
    let hills = octaves(bent * 5.0, seeds[2], 6);
    let ridges = ridged(bent * 4.0, seeds[3]);
    let mountains = step(0.42, 0.72, octaves(bent * 2.5, seeds[4], 3));
    let out = (place - 0.5) * 2.0;
    let shore = (out.x.powi(4) + out.y.powi(4)).sqrt().sqrt() + bend.x * 0.25;
    let land = 1.0 - step(0.45, 0.93, shore);
    let height = land * (0.05 + 0.30 * hills * hills + mountains * (0.25 + 0.75 * ridges * ridges)) - 0.055;
    // Bent or not, there is nothing but sea at the very edge.
    let edge = 1.0 - step(0.90, 0.99, out.abs().max_element());
    RELIEF * if height > 0.0 { height * edge - (1.0 - edge) * 0.05 } else { height - 0.05 * (1.0 - edge) }
}

/// From 0 at `low` to 1 at `high`, smoothly.
fn step(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Noise of several widths, in 0..1.
fn octaves(place: Vec2, seed: u64, count: u32) -> f32 {
    let (mut sum, mut whole, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..count {
        sum += weight * noise(place * scale, mix(seed ^ u64::from(octave)));
        whole += weight;
        weight *= 0.5;
        scale *= 2.03;
    }
    sum / whole
}

/// Ridges and the valleys between them, in 0..1.
fn ridged(place: Vec2, seed: u64) -> f32 {
    let (mut sum, mut whole, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    let mut before = 1.0;
    for octave in 0..5 {
        let ridge = 1.0 - (noise(place * scale, mix(seed ^ octave)) * 2.0 - 1.0).abs();
        // Ridges have smaller ridges where they are high.
        sum += weight * ridge * ridge * before;
        whole += weight;
        before = ridge;
        weight *= 0.5;
        scale *= 2.1;
    }
    sum / whole
}

/// Smooth noise of width 1, in 0..1.
fn noise(place: Vec2, seed: u64) -> f32 {
    let cell = place.to_array().map(floor);
    let t = place - Vec2::from_array(cell.map(|at| at as f32));
    let t = t * t * t * (t * (t * 6.0 - 15.0) + 10.0);
    let [x, z] = cell.map(|at| at as u64);
    let corner = |dx: u64, dz: u64| {
        let [x, z] = [x.wrapping_add(dx), z.wrapping_add(dz)];
        fraction(mix(seed ^ (x & 0xffff_ffff | z << 32)), 40)
    };
    let low = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * t.x;
    let high = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * t.x;
    low + (high - low) * t.y
}

/// Rounded down; the standard library's is a call on most targets, and this is called for every cube.
fn floor(value: f32) -> i64 {
    let truncated = value as i64;
    truncated - i64::from(truncated as f32 > value)
}

/// Lowers what is steeper than `most` from a point to the next: what remains is the highest map below this one that is
/// nowhere steeper along X or Z.
fn flatten(map: &mut [f32], most: f32) {
    let lower = |map: &mut [f32], at: usize, beside: usize| map[at] = map[at].min(map[beside] + most);
    for at in 0..map.len() {
        if at % SIDE > 0 {
            lower(map, at, at - 1);
        }
        if at >= SIDE {
            lower(map, at, at - SIDE);
        }
    }
    for at in (0..map.len()).rev() {
        if at % SIDE + 1 < SIDE {
            lower(map, at, at + 1);
        }
        if at + SIDE < map.len() {
            lower(map, at, at + SIDE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_nowhere_steeper_than_columns_allow() {
        for seed in 0..4 {
            let heights = Heights::new(1000, seed);
            let most = SLOPE / SIDE as f32 * 1.0001;
            for at in 0..SIDE * SIDE {
                let beside = [(at % SIDE > 0).then(|| at - 1), at.checked_sub(SIDE)];
                for beside in beside.into_iter().flatten() {
                    let step = (heights.map[at] - heights.map[beside]).abs();
                    assert!(step <= most, "seed {seed}, point {at}: {step}");
                }
            }
        }
    }

    #[test]
    fn the_spline_is_a_partition_of_one_and_its_slope_is_its_derivative() {
        for t in [-0.5f32, -0.2, 0.0, 0.31, 0.5] {
            assert!((spline(t).element_sum() - 1.0).abs() < 1e-6);
            let numeric = (spline(t + 1e-3) - spline(t - 1e-3)) / 2e-3;
            assert!((numeric - spline_slope(t)).abs().max_element() < 1e-3, "{t}");
        }
    }

    #[test]
    fn rounding_down_is_the_standard_librarys() {
        for value in [-2.0f32, -1.5, -0.1, -0.0, 0.0, 0.3, 1.0, 7.99, 16_777_216.0] {
            assert_eq!(floor(value) as f32, value.floor(), "{value}");
        }
    }

    #[test]
    fn noise_is_smooth_and_fills_its_range() {
        let values: Vec<f32> = (0..20_000).map(|i| noise(Vec2::new(i as f32 * 0.01, 3.3), 5)).collect();
        let steepest = values.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        assert!(steepest <= QUINTIC_SLOPE * 0.01 * 1.01, "{steepest}");
        assert!(values.iter().all(|value| (0.0..1.0).contains(value)));
        assert!(values.iter().any(|&value| value < 0.2) && values.iter().any(|&value| value > 0.8));
    }
}
