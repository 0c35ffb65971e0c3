//! The block of cubes: as many along each side, far enough apart to look inside.

use glam::{UVec3, Vec3};

use super::{
    Bounds, Instance, InstanceSource,
    colors::{gradient, rgb, varied},
    hash,
};

const HALF_EDGE: f32 = 0.5;
/// From centre to centre, in edges of a cube.
const SPACING: f32 = 3.0;

/// `count` cubes of edge 1 in a cube of ∛`count` along each side, three edges from centre to centre.
///
/// The side is the smallest that holds `count` cubes; they fill it along X, then Y, then Z. The whole cube's middle is the
/// origin. This is the scene to measure with: it looks the same at every count, and little of it hides the rest.
///
/// ```
/// use vulkio::scene::{self, InstanceSource};
///
/// let cubes = scene::block(1_000_000_000);
/// assert_eq!(cubes.side(), 1000);
/// assert_eq!(cubes.instance(0).position, [-1498.5; 3]);
/// ```
#[must_use]
pub fn block(count: usize) -> Block {
    let mut side = (count as f64).cbrt() as usize;
    // The root may be off by one either way.
    while side.pow(3) < count {
        side += 1;
    }
    while side > 1 && (side - 1).pow(3) >= count {
        side -= 1;
    }
    Block { count, side: side.max(1) }
}

/// What [`block`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    count: usize,
    side: usize,
}

impl Block {
    /// Cubes along a side.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Of the cube `index`, counted along each axis.
    fn place(&self, index: usize) -> UVec3 {
        let Self { side, .. } = *self;
        UVec3::new((index % side) as u32, (index / side % side) as u32, (index / (side * side)) as u32)
    }

    fn position(&self, place: UVec3) -> Vec3 {
        let middle = (self.side - 1) as f32 * 0.5;
        (place.as_vec3() - middle) * SPACING
    }
}

/// From below to above.
const STOPS: [Vec3; 4] = [rgb(0x27396b), rgb(0x2a9d9a), rgb(0xe9c46a), rgb(0xe76f51)];
/// What it turns to along X and Z.
const SIDEWAYS: [Vec3; 2] = [rgb(0xb5179e), rgb(0x3a56d4)];

impl InstanceSource for Block {
    fn len(&self) -> usize {
        self.count
    }

    fn bounds(&self) -> Bounds {
        let last = self.place(self.count.saturating_sub(1));
        let full = UVec3::splat(self.side as u32 - 1);
        let most = UVec3::new(
            if last.y > 0 || last.z > 0 { full.x } else { last.x },
            if last.z > 0 { full.y } else { last.y },
            last.z,
        );
        Bounds { min: self.position(UVec3::ZERO) - HALF_EDGE, max: self.position(most) + HALF_EDGE }
    }

    fn instance(&self, index: usize) -> Instance {
        let place = self.place(index);
        let along = place.as_vec3() / (self.side.max(2) - 1) as f32;
        let upwards = gradient(&STOPS, along.y);
        let color = upwards.lerp(SIDEWAYS[0], 0.4 * along.x).lerp(SIDEWAYS[1], 0.4 * along.z * along.z);
        let color = varied(color, hash::unit(index as u64), 0.22);
        Instance::new(self.position(place), HALF_EDGE, color.to_array())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::testing;

    #[test]
    fn the_side_is_the_smallest_that_holds_all() {
        for side in [1usize, 2, 3, 46, 100, 215, 464, 465, 1000, 1290] {
            let full = side.pow(3);
            assert_eq!([block(full).side(), block(full + 1).side()], [side, side + 1], "{side}");
        }
        assert_eq!(block(2).side(), 2);
    }

    #[test]
    fn cubes_go_along_x_then_y_then_z() {
        let cubes = block(27);
        let at = |index| cubes.instance(index).position;
        assert_eq!(
            [at(0), at(1), at(3), at(9)],
            [[-3.0, -3.0, -3.0], [0.0, -3.0, -3.0], [-3.0, 0.0, -3.0], [-3.0, -3.0, 0.0]]
        );
        assert_eq!(at(26), [3.0; 3]);
    }

    #[test]
    fn the_bounds_fit_at_every_count() {
        for count in (1..200).chain([999, 1000, 1001]) {
            testing::bounds_fit(&block(count), 0.0);
        }
    }

    #[test]
    fn the_last_of_a_billion_is_in_its_corner() {
        let cubes = block(1_000_000_000);
        assert_eq!(cubes.instance(999_999_999).position, [1498.5; 3]);
    }
}
