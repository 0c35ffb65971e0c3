//! The grid of cubes: 100 × 100 a layer, as many layers as it takes.

use glam::Vec3;

use super::{Bounds, Instance, InstanceSource};

/// Cubes along X and along Y; layers go on along Z.
const SIDE: usize = 100;
const LAYER: usize = SIDE * SIDE;
const SPACING: f32 = 2.0;
const FIRST: Vec3 = Vec3::new(-100.0, -100.0, -50.0);
const HALF_EDGE: f32 = 0.5;

/// `count` cubes of edge 1 at a spacing of 2, in layers of 100 × 100.
///
/// It is generated as it is uploaded, so that its size costs no host memory.
#[must_use]
pub fn grid(count: usize) -> Grid {
    Grid { count }
}

/// What [`grid`] makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    count: usize,
}

impl InstanceSource for Grid {
    fn len(&self) -> usize {
        self.count
    }

    fn bounds(&self) -> Bounds {
        let last = self.count.saturating_sub(1);
        let cells = [last.min(SIDE - 1), (last / SIDE).min(SIDE - 1), last / LAYER].map(|i| i as f32);
        Bounds { min: FIRST - HALF_EDGE, max: Vec3::from_array(cells) * SPACING + FIRST + HALF_EDGE }
    }

    fn instance(&self, index: usize) -> Instance {
        let cell = [index % SIDE, index / SIDE % SIDE, index / LAYER].map(|i| i as f32);
        let channels = [index % 255, index / 255 % 255, index / 65_025 % 255].map(|level| level as f32 / 255.0);
        Instance::new(Vec3::from_array(cell) * SPACING + FIRST, HALF_EDGE, channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(index: usize) -> Instance {
        grid(usize::MAX).instance(index)
    }

    #[test]
    fn cubes_go_along_x_then_y_then_z() {
        let at = |index| cube(index).position;
        assert_eq!(at(0), [-100.0, -100.0, -50.0]);
        assert_eq!(at(99), [98.0, -100.0, -50.0]);
        assert_eq!(at(100), [-100.0, -98.0, -50.0]);
        assert_eq!(at(1_234_567), [34.0, -10.0, 196.0]);
    }

    #[test]
    fn colours_count_in_base_255() {
        assert_eq!(cube(254).color, 0xff00_00fe);
        assert_eq!(cube(255).color, 0xff00_0100);
        assert_eq!(cube(65_025 * 3 + 255 * 2 + 1).color, 0xff03_0201);
    }

    #[test]
    fn the_bounds_fit_the_cubes_exactly() {
        for count in [1, 5, 100, 101, 10_000, 10_001, 25_000] {
            let cubes: Vec<_> = (0..count).map(cube).collect();
            assert_eq!(grid(count).bounds(), cubes.bounds(), "{count} cubes");
        }
    }
}
