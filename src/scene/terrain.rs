//! The terrain: an island of columns.

mod height;
mod looks;

use std::sync::Arc;

use glam::Vec3;

use super::{Bounds, Instance, InstanceSource, hash::mix};
use height::Heights;

const HALF_EDGE: f32 = 0.5;
/// Cubes of a column: neighbours' heights differ by this at most, so that no side of a column has a hole.
const LAYERS: usize = 2;

/// An island of exactly `count` cubes of edge 1: a square of columns over a smooth height map, in the sea.
///
/// Each column is its top cube and the one below it; as neighbours' heights differ by two at most, there is no hole to be
/// seen from above or from the side. The sea is at Y = 0, and the island grows with the count in all three directions.
/// A megabyte is remembered, whatever the count. The same count and seed give the same island.
///
/// ```
/// use vulkio::scene::{self, InstanceSource};
///
/// assert_eq!(scene::terrain(1_000_000_000, 4).len(), 1_000_000_000);
/// ```
#[must_use]
pub fn terrain(count: usize, seed: u64) -> Terrain {
    let columns = (count / LAYERS).max(1);
    let root = columns.isqrt();
    let width = if root * root < columns { root + 1 } else { root };
    Terrain { count, columns, width, heights: Arc::new(Heights::new(width, mix(seed ^ 0x6973_6c65))) }
}

/// What [`terrain`] makes.
#[derive(Clone, Debug)]
pub struct Terrain {
    count: usize,
    /// One cube after the other goes to the columns in turn, first to their tops: what the layers do not divide is one more
    /// layer, of a few columns, out of sight.
    columns: usize,
    /// Columns along X; the last row along Z may be shorter.
    width: usize,
    heights: Arc<Heights>,
}

impl InstanceSource for Terrain {
    fn len(&self) -> usize {
        self.count
    }

    fn bounds(&self) -> Bounds {
        let rows = self.columns.div_ceil(self.width);
        let layers = self.count.div_ceil(self.columns);
        let first = self.first();
        let last = Vec3::new((self.width - 1) as f32, self.heights.highest(), (rows - 1) as f32);
        let low = Vec3::new(first, 1.0 - layers as f32, first);
        Bounds { min: low - HALF_EDGE, max: Vec3::new(first, 0.0, first) + last + HALF_EDGE }
    }

    fn instance(&self, index: usize) -> Instance {
        // Without a division: there are two layers, and rarely one more.
        let (mut column, mut layer) = (index, 0);
        while column >= self.columns {
            (column, layer) = (column - self.columns, layer + 1);
        }
        let [x, z] = [column % self.width, column / self.width];
        let ground = self.heights.at([x, z]);
        // Truncated: land is above the sea.
        let height = ground.height.max(0.0) as u32 as f32;
        let color = looks::color(&ground, self.heights.relief(), mix(column as u64));
        let position = Vec3::new(self.first() + x as f32, height - layer as f32, self.first() + z as f32);
        Instance::new(position, HALF_EDGE, color.to_array())
    }
}

impl Terrain {
    /// Where the first column is, along X and along Z.
    fn first(&self) -> f32 {
        -((self.width / 2) as f32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::scene::testing;

    const COUNTS: [usize; 11] = [1, 2, 3, 4, 5, 17, 200, 999, 5000, 20_001, 100_000];

    #[test]
    fn every_cube_has_a_place_of_its_own_within_the_bounds() {
        for count in COUNTS {
            for seed in 0..3 {
                testing::each_at_its_own_place(&terrain(count, seed));
                testing::bounds_fit(&terrain(count, seed), f32::INFINITY);
            }
        }
        testing::bounds_fit(&terrain(100_000, 1), 30.0);
    }

    /// Columns as their highest and lowest cubes, by place.
    fn columns(terrain: &Terrain) -> HashMap<[i64; 2], [i64; 2]> {
        let mut columns = HashMap::new();
        for cube in testing::all(terrain) {
            let [x, y, z] = cube.position.map(|c| c as i64);
            let column = columns.entry([x, z]).or_insert([y, y]);
            *column = [column[0].max(y), column[1].min(y)];
        }
        columns
    }

    #[test]
    fn no_side_of_a_column_has_a_hole() {
        for (count, seed) in [(600, 1), (5000, 2), (200_000, 3), (200_000, 4)] {
            let columns = columns(&terrain(count, seed));
            let steps = columns.iter().flat_map(|(&[x, z], &[_, low])| {
                let beside = [[x + 1, z], [x - 1, z], [x, z + 1], [x, z - 1]];
                let columns = &columns;
                beside.into_iter().filter_map(move |at| Some(low - columns.get(&at)?[0]))
            });
            // The lowest cube of a column stands on no air above its neighbour's top.
            let gap = steps.max().expect("columns");
            assert!(gap <= 1, "{count} cubes, seed {seed}: a gap of {}", gap - 1);
        }
    }

    #[test]
    fn the_sea_is_all_around_and_land_in_the_middle() {
        for seed in 0..5 {
            let terrain = terrain(80_000, seed);
            let [half, tops] = [terrain.width as i64 / 2, 1].map(|n| n);
            let columns = columns(&terrain);
            let edge = columns.iter().filter(|([x, z], _)| x.abs().max(z.abs()) >= half - tops);
            assert!(edge.clone().count() > 500);
            assert!(edge.into_iter().all(|(_, &[top, _])| top == 0), "seed {seed}");
            let land = columns.values().filter(|[top, _]| *top > 0).count();
            assert!((columns.len() / 5..columns.len() * 4 / 5).contains(&land), "seed {seed}: {land} columns of land");
        }
    }

    #[test]
    fn a_billion_cubes_are_made_one_by_one() {
        let terrain = terrain(1_000_000_000, 1);
        assert_eq!(terrain.width, 22_361);
        assert!((0..1000).all(|i| terrain.instance(i * 999_983).position.iter().all(|c| c.is_finite())));
        testing::print_speed("terrain", &terrain);
    }

    #[test]
    fn steps_are_small_on_the_largest_island() {
        let terrain = terrain(1_000_000_000, 3);
        let top = |x: usize, z: usize| terrain.instance(z * terrain.width + x).position[1];
        let mut steepest = 0f32;
        for n in 0..200_000 {
            let [x, z] = [mix(n), mix(!n)].map(|at| (at % (terrain.width as u64 - 1)) as usize);
            let here = top(x, z);
            steepest = steepest.max((here - top(x + 1, z)).abs()).max((here - top(x, z + 1)).abs());
        }
        assert!((1.0..=LAYERS as f32).contains(&steepest), "{steepest}");
    }

    #[test]
    fn seeds_make_different_islands() {
        assert_eq!(testing::all(&terrain(5000, 1)), testing::all(&terrain(5000, 1)));
        assert_ne!(testing::all(&terrain(5000, 1)), testing::all(&terrain(5000, 2)));
    }
}
