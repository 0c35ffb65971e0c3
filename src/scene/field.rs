//! The field: cubes of all sizes, anywhere.

use glam::Vec3;

use super::{
    Bounds, Instance, InstanceSource,
    colors::{gradient, rgb, varied},
    hash::{fraction, mix},
};

/// Half edges of the smallest and the largest.
const HALF_EDGES: [f32; 2] = [0.12, 0.9];
/// The edge of the space that a cube has to itself on average.
const ROOM: f32 = 3.5;

/// `count` cubes at random places and of random sizes, few large ones among many small; they may touch and overlap.
///
/// Places are uniform in a box around the origin, twice as wide as it is high, whose volume grows with the count: the
/// field is as dense at any count. The same count and seed give the same cubes.
///
/// ```
/// use vulkio::scene::{self, InstanceSource};
///
/// assert_eq!(scene::field(1000, 7).instance(999), scene::field(1000, 7).instance(999));
/// assert_ne!(scene::field(1000, 7).instance(999), scene::field(1000, 8).instance(999));
/// ```
#[must_use]
pub fn field(count: usize, seed: u64) -> Field {
    let side = (count as f64 * 2.0).cbrt() as f32 * ROOM;
    // Each seed begins elsewhere in the sequence of the hash, too far off to meet another's.
    Field { count, start: mix(seed ^ 0x0066_6965_6c64), half: Vec3::new(side, side * 0.5, side) * 0.5 }
}

/// What [`field`] makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    count: usize,
    start: u64,
    /// Centres lie this far from the origin at most.
    half: Vec3,
}

/// From the middle outwards.
const STOPS: [Vec3; 5] = [rgb(0xfff3d6), rgb(0xf9c74f), rgb(0xf3722c), rgb(0x9b2f5b), rgb(0x3d2c6e)];
const STRAYS: Vec3 = rgb(0x43d9c8);

impl InstanceSource for Field {
    fn len(&self) -> usize {
        self.count
    }

    fn bounds(&self) -> Bounds {
        let reach = self.half + HALF_EDGES[1];
        Bounds { min: -reach, max: reach }
    }

    fn instance(&self, index: usize) -> Instance {
        let bits = [0, 1].map(|n| mix(self.start.wrapping_add(index as u64 * 2 + n)));
        let place = Vec3::new(fraction(bits[0], 40), fraction(bits[0], 16), fraction(bits[1], 40)) * 2.0 - 1.0;
        let size = fraction(bits[1], 16);
        let half_edge = HALF_EDGES[0] + (HALF_EDGES[1] - HALF_EDGES[0]) * size * size * size;
        let outwards = Vec3::new(place.x, place.y * 0.5, place.z).length() / 1.3;
        let chance = (bits[1] & 0xff) as f32 / 256.0;
        let color = if chance < 0.04 { STRAYS } else { gradient(&STOPS, outwards) };
        let color = varied(color, (bits[0] & 0xff) as f32 / 256.0, 0.25);
        Instance::new(place * self.half, half_edge, color.to_array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::testing;

    #[test]
    fn the_bounds_hold_every_cube_and_are_not_much_wider() {
        for (count, slack) in [(1, f32::INFINITY), (2, f32::INFINITY), (50, f32::INFINITY), (20_000, 2.0)] {
            testing::bounds_fit(&field(count, 11), slack);
        }
    }

    #[test]
    fn places_and_sizes_are_spread_and_no_two_alike() {
        let cubes = field(10_000, 3);
        let mut octants = [0; 8];
        let mut seen = std::collections::HashSet::new();
        for cube in (0..10_000).map(|index| cubes.instance(index)) {
            let [x, y, z] = cube.position.map(|c| usize::from(c > 0.0));
            octants[x + 2 * y + 4 * z] += 1;
            seen.insert(cube.position.map(f32::to_bits));
            assert!((HALF_EDGES[0]..=HALF_EDGES[1]).contains(&cube.half_edge), "{cube:?}");
        }
        assert!(octants.iter().all(|count| (1100..1400).contains(count)), "{octants:?}");
        assert_eq!(seen.len(), 10_000);
    }

    #[test]
    fn the_field_is_as_dense_at_any_count() {
        for count in [1000usize, 1_000_000, 1_000_000_000] {
            let half = field(count, 0).half;
            let room = 8.0 * half.x * half.y * half.z / count as f32;
            assert!((room / ROOM.powi(3) - 1.0).abs() < 1e-3, "{count}: {room}");
        }
    }
}
