//! A height map as columns of cubes.

use glam::Vec3;

use super::{
    heights::{Colors, HeightMap},
    place::Trouble,
};
use crate::scene::colors::{gradient, rgb};

/// Columns whose first cubes are remembered together.
const GROUP: usize = 16;
/// Of the picture's longer side, the relief that is usual.
const RELIEF: f32 = 0.15;
/// Indices are 32 bits.
const MOST: u64 = u32::MAX as u64 - 1;

/// Columns in the rows of a picture: X along a row, Z from the first row to the last.
#[derive(Debug)]
pub(super) struct Columns {
    size: [usize; 2],
    /// Of each column's highest cube, from 0.
    tops: Vec<u16>,
    highest: u16,
    /// The index of each group's first cube, and at the end how many cubes there are.
    first: Vec<u32>,
    colors: Option<Colors>,
}

impl Columns {
    /// Columns whose highest is `relief` cubes above the lowest.
    pub(super) fn new(map: HeightMap, relief: Option<f32>, colors: Option<Colors>) -> Result<Self, Trouble> {
        let size = map.size.map(|side| side as usize);
        let relief = relief.unwrap_or(size[0].max(size[1]) as f32 * RELIEF).min(65_535.0);
        let low = map.heights.iter().copied().min().unwrap_or_default();
        let high = map.heights.iter().copied().max().unwrap_or_default();
        let scale = relief / f32::from(high - low).max(1.0);
        let mut tops = map.heights;
        tops.iter_mut().for_each(|top| *top = (f32::from(*top - low) * scale + 0.5) as u16);
        let highest = tops.iter().copied().max().unwrap_or_default();
        let mut columns = Self { size, tops, highest, first: Vec::new(), colors };
        columns.first = columns.count()?;
        Ok(columns)
    }

    fn count(&self) -> Result<Vec<u32>, Trouble> {
        let mut first = Vec::with_capacity(self.tops.len() / GROUP + 2);
        let mut next = 0u64;
        for column in 0..self.tops.len() {
            if column % GROUP == 0 {
                first.push(next as u32);
            }
            next += u64::from(self.depth(column));
            if next > MOST {
                let reason =
                    "its columns need more than 4,294,967,294 cubes; take a smaller picture, or a lower relief";
                return Err(Trouble::at_byte(0, reason));
            }
        }
        first.push(next as u32);
        Ok(first)
    }

    pub(super) fn len(&self) -> usize {
        self.first.last().map_or(0, |&all| all as usize)
    }

    /// Cubes of a column: its top, and those that stand above a neighbour. Beyond the picture it is deeper than the lowest.
    fn depth(&self, column: usize) -> u32 {
        let [width, rows] = self.size;
        let (x, z) = (column % width, column / width);
        let top = i32::from(self.tops[column]);
        let beside = |inside: bool, at: usize| if inside { i32::from(self.tops[at]) } else { -1 };
        let lowest = beside(x > 0, column.wrapping_sub(1))
            .min(beside(x + 1 < width, column + 1))
            .min(beside(z > 0, column.wrapping_sub(width)))
            .min(beside(z + 1 < rows, column + width));
        (top - lowest).max(1) as u32
    }

    /// The place and colour of a cube; `edge` is that of all.
    pub(super) fn at(&self, index: usize, edge: f32) -> (Vec3, u32) {
        let group = self.first.partition_point(|&first| first as usize <= index) - 1;
        let mut below = index as u32 - self.first[group];
        let mut column = group * GROUP;
        loop {
            let depth = self.depth(column);
            if below < depth {
                break;
            }
            below -= depth;
            column += 1;
        }
        let (x, z) = (column % self.size[0], column / self.size[0]);
        let place = Vec3::new(x as f32, f32::from(self.tops[column]) - below as f32, z as f32);
        ((place + self.corner()) * edge, self.color(column, x, z))
    }

    /// The place of the first column's lowest, in cubes: the picture's middle is over the origin.
    fn corner(&self) -> Vec3 {
        let [x, z] = self.size.map(|side| -((side / 2) as f32));
        Vec3::new(x, 0.0, z)
    }

    /// The corners of the box around all centres.
    pub(super) fn extent(&self, edge: f32) -> (Vec3, Vec3) {
        let [width, rows] = self.size.map(|side| (side - 1) as f32);
        let min = self.corner();
        (min * edge, (min + Vec3::new(width, f32::from(self.highest), rows)) * edge)
    }

    fn color(&self, column: usize, x: usize, z: usize) -> u32 {
        if let Some(colors) = &self.colors {
            // The nearest texel, whatever the size.
            let [width, rows] = colors.size.map(|side| side as usize);
            let at = [(2 * x + 1) * width / (2 * self.size[0]), (2 * z + 1) * rows / (2 * self.size[1])];
            return colors.texels[at[1] * width + at[0]];
        }
        const STOPS: [Vec3; 5] = [rgb(0x4f8a4b), rgb(0x9cb05a), rgb(0xb59a6a), rgb(0x8a7a70), rgb(0xf4f6f8)];
        let height = f32::from(self.tops[column]) / f32::from(self.highest.max(1));
        let [r, g, b] = (gradient(&STOPS, height) * 255.0 + 0.5).to_array().map(|channel| channel as u8);
        u32::from_le_bytes([r, g, b, u8::MAX])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::scene::hash::mix;

    fn columns(size: [u32; 2], relief: f32, height: impl Fn(u32, u32) -> u16) -> Columns {
        let heights = (0..size[0] * size[1]).map(|i| height(i % size[0], i / size[0])).collect();
        Columns::new(HeightMap { size, heights }, Some(relief), None).expect("columns")
    }

    fn places(columns: &Columns) -> HashSet<[i64; 3]> {
        (0..columns.len()).map(|index| columns.at(index, 1.0).0.to_array().map(|c| c as i64)).collect()
    }

    #[test]
    fn a_flat_map_is_one_layer() {
        let flat = columns([5, 3], 10.0, |_, _| 777);
        assert_eq!((flat.len(), places(&flat).len()), (15, 15));
        assert_eq!(flat.extent(1.0), (Vec3::new(-2.0, 0.0, -1.0), Vec3::new(2.0, 0.0, 1.0)));
    }

    #[test]
    fn every_side_that_is_bare_is_covered_and_nothing_else_is() {
        for seed in 0..20 {
            let rough = columns([9, 7], 12.0, |x, z| mix(seed ^ u64::from(x * 100 + z)) as u16);
            let places = places(&rough);
            assert_eq!(places.len(), rough.len(), "no cube twice");
            let top = |x: i64, z: i64| places.iter().filter(|p| p[0] == x && p[2] == z).map(|p| p[1]).max();
            let mut expected = HashSet::new();
            for &[x, _, z] in &places {
                let here = top(x, z).expect("a column");
                let low = [(1, 0), (-1, 0), (0, 1), (0, -1)].map(|(dx, dz)| top(x + dx, z + dz).unwrap_or(-1));
                let lowest = low.into_iter().min().unwrap_or(-1);
                expected.extend((lowest + 1..=here).chain([here]).map(|y| [x, y, z]));
            }
            assert_eq!(places, expected, "seed {seed}");
            assert_eq!(places.iter().map(|p| p[1]).max(), Some(12));
        }
    }

    #[test]
    fn colours_of_another_size_are_stretched() {
        let colors = Colors { size: [2, 1], texels: vec![1, 2] };
        let map = HeightMap { size: [6, 4], heights: vec![0; 24] };
        let columns = Columns::new(map, None, Some(colors)).expect("columns");
        for index in 0..24 {
            let (place, color) = columns.at(index, 1.0);
            assert_eq!(color, if place.x < 0.0 { 1 } else { 2 }, "{place}");
        }
    }
}
