//! The city: streets between towers of stacked cubes.

mod looks;
mod plan;

use glam::Vec3;

use super::{Bounds, Camera, Instance, InstanceSource, hash::mix};
use looks::Look;
use plan::{Plan, Towers};

const HALF_EDGE: f32 = 0.5;
/// Of the camera in the street: its height above the ground, and the least distance it sees.
const EYE: f32 = 2.2;
const NEAR: f32 = 0.1;
const FIELD_OF_VIEW: f32 = 1.1;

/// A city of exactly `count` cubes of edge 1: a square of blocks, each of eight towers around a court, and streets between them.
///
/// Towers are stacked without gaps and solid, of thousands of cubes each in a city of a hundred million, and higher towards
/// the middle; so nearly all of it is hidden from nearly anywhere. The ground is Y = 0. What is remembered is a few
/// bytes a tower, some hundreds of kilobytes for a billion cubes. The same count and seed give the same city.
///
/// Below some fifty cubes there is a tower and no street.
///
/// ```
/// use vulkio::scene::{self, InstanceSource};
///
/// let city = scene::city(100_000, 1);
/// assert_eq!(city.len(), 100_000);
/// let camera = city.street_camera(16.0 / 9.0);
/// assert!(camera.eye().y < 3.0);
/// ```
#[must_use]
pub fn city(count: usize, seed: u64) -> City {
    let seed = mix(seed ^ 0x6369_7479);
    let (plan, towers) = plan::fit(count as u64, seed);
    City { count, seed, plan, towers }
}

/// What [`city`] makes.
#[derive(Clone, Debug)]
pub struct City {
    count: usize,
    seed: u64,
    plan: Plan,
    towers: Towers,
}

impl City {
    /// A camera in a street near the middle, low above the ground, that looks along it.
    ///
    /// `aspect` is the picture's width over its height. Of a city that is one tower it stands before that.
    #[must_use]
    pub fn street_camera(&self, aspect: f32) -> Camera {
        let plan = &self.plan;
        let camera = Camera::perspective(FIELD_OF_VIEW, aspect, NEAR);
        if plan.blocks == 0 {
            let top = self.bounds().max.y;
            let away = plan.tower as f32 + top;
            return camera.look_at(Vec3::new(0.4 * away, EYE, away), Vec3::new(0.0, top * 0.5, 0.0), Vec3::Y);
        }
        let corner = plan.corner();
        let street = (plan.blocks / 2 * plan.pitch()) as f32 + plan.street as f32 * 0.5;
        let begin = (plan.blocks / 5 * plan.pitch()) as f32 + plan.street as f32 * 0.5;
        let eye = corner + Vec3::new(street + 0.15 * plan.street as f32, EYE, begin);
        // Off the axes by a little: the facades of both sides are seen, and their tops.
        camera.look_at(eye, eye + Vec3::new(-0.05, 0.14, 1.0), Vec3::Y)
    }

    fn ground(&self, index: u64) -> Instance {
        let [x, z] = self.plan.ground(index);
        let color = looks::ground(&self.plan, [x, z], mix(self.seed ^ index));
        self.at([x, z], -1, color)
    }

    fn floor(&self, index: u64) -> Instance {
        let cube = self.towers.cube(&self.plan, index);
        let look = Look::of(mix(self.seed.wrapping_add(cube.tower as u64)));
        self.at(cube.place, cube.floor as i64, look.color(&cube, mix(self.seed ^ !index)))
    }

    fn at(&self, [x, z]: [u64; 2], floor: i64, color: Vec3) -> Instance {
        let position = self.plan.corner() + Vec3::new(x as f32, floor as f32, z as f32) + HALF_EDGE;
        Instance::new(position, HALF_EDGE, color.to_array())
    }
}

impl InstanceSource for City {
    fn len(&self) -> usize {
        self.count
    }

    fn bounds(&self) -> Bounds {
        let corner = self.plan.corner();
        let width = self.plan.width() as f32;
        let below = if self.plan.blocks > 0 { -1.0 } else { 0.0 };
        Bounds { min: corner + Vec3::Y * below, max: corner + Vec3::new(width, self.towers.highest() as f32, width) }
    }

    fn instance(&self, index: usize) -> Instance {
        let ground = self.plan.ground_cubes();
        match (index as u64).checked_sub(ground) {
            None => self.ground(index as u64),
            Some(index) => self.floor(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::testing;

    const COUNTS: [usize; 12] = [1, 2, 7, 24, 25, 100, 333, 1000, 4999, 10_000, 60_001, 250_000];

    #[test]
    fn every_cube_of_a_city_has_a_place_of_its_own() {
        for count in COUNTS {
            for seed in 0..3 {
                testing::each_at_its_own_place(&city(count, seed));
            }
        }
        for count in 1..400 {
            testing::each_at_its_own_place(&city(count, 9));
        }
    }

    #[test]
    fn the_bounds_fit() {
        for count in COUNTS {
            // A single tower may end in the first row of a floor; a city's ground reaches every side.
            testing::bounds_fit(&city(count, 5), if count < 50 { 3.0 } else { 0.0 });
        }
    }

    #[test]
    fn nothing_floats() {
        let cubes = testing::all(&city(20_000, 4));
        let places: std::collections::HashSet<_> =
            cubes.iter().map(|cube| cube.position.map(|c| (c * 2.0) as i64)).collect();
        for cube in cubes {
            let [x, y, z] = cube.position.map(|c| (c * 2.0) as i64);
            assert!(y <= 1 || places.contains(&[x, y - 2, z]), "{cube:?} stands on nothing");
        }
    }

    #[test]
    fn a_city_of_a_hundred_million_has_towers_of_thousands_and_little_memory() {
        for count in [100_000_000usize, 1_000_000_000] {
            let city = city(count, 1);
            let towers = city.towers.len();
            assert!((2_000..100_000).contains(&(count / towers)), "{towers} towers of {count} cubes");
            assert!(towers * 16 < 1 << 20, "{towers} towers");
            // The last index is a cube, and so is each next to it.
            for index in [0, count / 2, count - 1] {
                assert!(city.instance(index).position.iter().all(|c| c.is_finite()));
            }
            testing::print_speed("city", &city);
        }
    }

    #[test]
    fn the_camera_in_the_street_stands_in_no_cube() {
        for count in COUNTS {
            let city = city(count, 2);
            let eye = city.street_camera(1.5).eye();
            for cube in testing::all(&city) {
                let off = (Vec3::from_array(cube.position) - eye).abs().max_element();
                assert!(off > cube.half_edge + NEAR, "{count} cubes: {cube:?} around {eye}");
            }
        }
    }

    #[test]
    fn seeds_make_different_cities() {
        assert_eq!(testing::all(&city(5000, 1)), testing::all(&city(5000, 1)));
        assert_ne!(testing::all(&city(5000, 1)), testing::all(&city(5000, 2)));
    }
}
