//! What a cell and a packed cube are in memory; shaders/include/cells.glsl reads the same.

use glam::Vec3;

use super::check::SMALLEST;
use crate::scene::Instance;

/// The most cubes in a cell: their number within it fits a byte.
pub(crate) const MOST_IN_CELL: usize = 256;
/// The fewest, but in a scene of fewer.
pub(crate) const LEAST_IN_CELL: usize = 128;
/// The most cells: their number and a cube's within one share 32 bits.
pub(crate) const MOST_CELLS: usize = 1 << 24;
/// Chunks that the header has room for.
pub(crate) const MOST_CHUNKS: usize = 64;

/// A chunk has at most two to this power cubes, 1 GiB.
pub(crate) const MOST_CHUNK_SHIFT: u32 = 26;

/// Bytes of a cell in the table of cells.
pub(crate) const BYTES_PER_CELL: u64 = size_of::<Cell>() as u64;

/// The most bytes of device memory that so many cubes take: with as many cells as there can be.
pub(crate) const fn device_bytes(cubes: u64) -> u64 {
    let cells = cubes / LEAST_IN_CELL as u64 + 1;
    let of_cells = (cells + 1).saturating_mul(BYTES_PER_CELL + size_of::<CellExtent>() as u64);
    cubes
        .saturating_mul(size_of::<PackedCube>() as u64)
        .saturating_add(of_cells)
        .saturating_add(size_of::<SceneHeader>() as u64)
}

/// The most cubes that so many bytes are enough for.
pub(crate) fn most_cubes_in(bytes: u64) -> u64 {
    // As if there were nothing but whole cells; then down to what is true, which is not far.
    let row = LEAST_IN_CELL as u64 * size_of::<PackedCube>() as u64 + BYTES_PER_CELL + size_of::<CellExtent>() as u64;
    let guess = (u128::from(bytes) * LEAST_IN_CELL as u128 / u128::from(row)) as u64;
    (0..=guess).rev().find(|&cubes| device_bytes(cubes) <= bytes).unwrap_or(0)
}

/// The largest value of a packed coordinate.
const LAST: f32 = 65_535.0;
/// Half edges are this much smaller than the steps of the cell's largest.
const HALF_EDGE_STEP: f32 = 1.0 / 65_536.0;
/// The power of two that is the smallest step: a unit in the last place of the smallest coordinate but 0.
const SMALLEST_STEP: i32 = -60 - 23;

/// A cell: neighbouring cubes, with what their 16-bit coordinates count from and in.
///
/// Steps are powers of two and `min` is a multiple of them. So `min + q * step` has no rounding: the CPU and every GPU
/// get the same bits, and coordinates that are multiples of a power of two, as those of grids are, lose nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Cell {
    /// The smallest coordinates of its cubes' centres, or less.
    pub(crate) min: [f32; 3],
    /// The slot of its first cube; the next cell's is where it ends.
    pub(crate) first: u32,
    /// What a packed coordinate counts in.
    pub(crate) step: [f32; 3],
    /// Half the edge of its largest cube.
    pub(crate) half_edge: f32,
}

/// A cube in its cell.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct PackedCube {
    /// The centre, in the cell's steps.
    pub(crate) position: [u16; 3],
    /// 1/65,536ths of the cell's half edge, less one.
    pub(crate) half_edge: u16,
    /// sRGB bytes, red in the lowest.
    pub(crate) color: u32,
    /// The caller's id: its index in the source.
    pub(crate) id: u32,
}

/// What shaders find a scene by.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct SceneHeader {
    /// The address of the cells, one more than there are: the last one's `first` is the number of cubes.
    pub(crate) cells: u64,
    pub(crate) cell_count: u32,
    pub(crate) cube_count: u32,
    /// A chunk has two to this power cubes.
    pub(crate) chunk_shift: u32,
    pub(crate) unused: u32,
    /// The addresses of the chunks.
    pub(crate) chunks: [u64; MOST_CHUNKS],
    /// The address of the cells' extents.
    pub(crate) extents: u64,
}

/// The largest packed coordinates in a cell, and 0: its size, which steps alone tell up to a factor of two.
pub(crate) type CellExtent = [u16; 4];

impl Cell {
    /// The cell of `cubes`, whose first goes to the slot `first`, and how far they reach. refit.comp gets the same bits.
    pub(crate) fn around(cubes: &[Instance], first: u32) -> (Self, CellExtent) {
        let (mut low, mut high, mut half_edge) = (Vec3::INFINITY, Vec3::NEG_INFINITY, 0f32);
        for cube in cubes {
            let position = Vec3::from_array(cube.position.map(tamed));
            (low, high) = (low.min(position), high.max(position));
            half_edge = half_edge.max(cube.half_edge);
        }
        let axes: [_; 3] = std::array::from_fn(|axis| lattice(low[axis], high[axis]));
        let cell = Self { min: axes.map(|axis| axis.0), first, step: axes.map(|axis| axis.1), half_edge };
        let [x, y, z] = cell.steps_to(high.to_array());
        (cell, [x, y, z, 0])
    }

    /// A cube of this cell, in 16 bytes: each coordinate moves by half a step at the most.
    pub(crate) fn pack(&self, cube: &Instance, id: u32) -> PackedCube {
        let half_edge = self.half_edge_steps(cube.half_edge);
        PackedCube { position: self.steps_to(cube.position), half_edge, color: cube.color, id }
    }

    fn steps_to(&self, position: [f32; 3]) -> [u16; 3] {
        // `as` saturates: what is no cube of this cell ends at its side.
        std::array::from_fn(|axis| nearest((tamed(position[axis]) - self.min[axis]) * inverse(self.step[axis])) as u16)
    }

    /// The number of steps, less one, that comes nearest to a half edge.
    ///
    /// GPUs divide with an error of a few units in the last place, so the quotient and its neighbours are tried: then
    /// everyone comes to the same.
    fn half_edge_steps(&self, half_edge: f32) -> u16 {
        if half_edge == self.half_edge {
            return u16::MAX; // as in most scenes
        }
        let step = self.half_edge * HALF_EDGE_STEP;
        let about = (half_edge / step).round_ties_even() - 1.0;
        let near = [about - 1.0, about, about + 1.0].map(|steps| steps.clamp(0.0, LAST));
        let off = |steps: f32| ((steps + 1.0) * step - half_edge).abs();
        near.into_iter().fold(near[0], |best, steps| if off(steps) <= off(best) { steps } else { best }) as u16
    }

    /// The cube that the GPU sees.
    pub(crate) fn unpack(&self, cube: &PackedCube) -> Instance {
        Instance {
            position: std::array::from_fn(|axis| self.min[axis] + f32::from(cube.position[axis]) * self.step[axis]),
            half_edge: (f32::from(cube.half_edge) + 1.0) * (self.half_edge * HALF_EDGE_STEP),
            color: cube.color,
        }
    }
}

/// From where and in which steps to count from `low` to `high` in 16 bits.
fn lattice(low: f32, high: f32) -> (f32, f32) {
    // Less than a unit in the last place of a coordinate is no step: `min + q * step` would round.
    let finest = exponent(low.abs().max(high.abs())) - 23;
    // 65,535 steps of half as much are less than the way.
    let mut power = (exponent(high - low) - 15).max(finest).max(SMALLEST_STEP);
    loop {
        let step = power_of_two(power);
        let min = (low * inverse(step)).floor() * step;
        if nearest((high - min) * inverse(step)) <= LAST {
            return (min, step);
        }
        power += 1;
    }
}

/// The number itself; 0 if it is so small that GPUs may take it, or what is made of it, for 0.
fn tamed(coordinate: f32) -> f32 {
    if coordinate.abs() < SMALLEST { 0.0 } else { coordinate }
}

/// The nearest whole number, of two the even one, of a number from 0 to 2^22. `round_ties_even` does the same in a call.
fn nearest(x: f32) -> f32 {
    const WHOLE: f32 = 8_388_608.0; // 2^23, from which on there are no other
    (x + WHOLE) - WHOLE
}

fn power_of_two(power: i32) -> f32 {
    f32::from_bits(((power + 127) as u32) << 23)
}

/// Of a power of two: exact.
fn inverse(power: f32) -> f32 {
    f32::from_bits((254 << 23) - power.to_bits())
}

/// The power of two that is at most `x`; for 0 the least.
fn exponent(x: f32) -> i32 {
    ((x.to_bits() >> 23) & 0xff) as i32 - 127
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_cubes_are_as_large_as_the_shaders_say() {
        assert_eq!((size_of::<Cell>(), size_of::<PackedCube>(), size_of::<SceneHeader>()), (32, 16, 32 + 8 * 64));
    }

    #[test]
    fn multiples_of_a_power_of_two_lose_nothing() {
        let cubes: Vec<_> = (0..200)
            .map(|i| {
                Instance::new(Vec3::new((i % 6) as f32, (i / 6 % 6) as f32, (i / 36) as f32) * 2.5 - 1e4, 0.5, [0.3; 3])
            })
            .collect();
        let (cell, extent) = Cell::around(&cubes, 7);
        for (i, cube) in cubes.iter().enumerate() {
            let packed = cell.pack(cube, i as u32);
            assert_eq!(cell.unpack(&packed), *cube);
            assert_eq!(packed.id, i as u32);
        }
        assert_eq!((cell.first, cell.half_edge), (7, 0.5));
        let reach: [_; 3] = std::array::from_fn(|axis| cell.min[axis] + f32::from(extent[axis]) * cell.step[axis]);
        assert_eq!(reach, [-1e4 + 12.5, -1e4 + 12.5, -1e4 + 12.5]);
    }

    #[test]
    fn a_coordinate_moves_by_half_a_step_at_the_most() {
        for (low, high) in [(0.1, 0.7), (-3e5, 2e5), (1e-7, 3e-7), (-0.3, 1e6), (5.5, 5.5), (1e9, 1.1e9)] {
            let cubes: Vec<_> = (0..=50)
                .map(|i| Instance::new(Vec3::splat(low + (high - low) * i as f32 / 50.0), 0.1 + i as f32, [0.0; 3]))
                .collect();
            let (cell, _) = Cell::around(&cubes, 0);
            for cube in &cubes {
                let seen = cell.unpack(&cell.pack(cube, 0));
                let off = (seen.position[0] - cube.position[0]).abs();
                assert!(off <= cell.step[0] * 0.5, "{low} {high}: {off} with a step of {}", cell.step[0]);
                assert!((seen.half_edge - cube.half_edge).abs() <= 50.1 / 65_536.0);
            }
            assert_eq!(cell.step[0].log2().fract(), 0.0);
            assert!(
                cell.step[0] <= ((high - low) / LAST * 2.1).max(high.abs() * 1e-6),
                "{low} {high} {}",
                cell.step[0]
            );
        }
    }

    #[test]
    fn the_largest_cube_of_a_cell_keeps_its_size() {
        let cubes = [0.1, 0.3, 0.7].map(|half| Instance::new(Vec3::ONE, half, [1.0; 3]));
        let (cell, _) = Cell::around(&cubes, 0);
        assert_eq!(cell.unpack(&cell.pack(&cubes[2], 0)).half_edge, 0.7);
        assert!(cell.unpack(&cell.pack(&cubes[0], 0)).half_edge <= 0.7);
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_and_halves_to_even_ones() {
        for i in 0..1 << 20 {
            let x = i as f32 / 16.0;
            assert_eq!(nearest(x), x.round_ties_even(), "{x}");
        }
        assert_eq!([-3.0, f32::NAN, 1e9].map(|x| nearest(x) as u16), [0, 0, u16::MAX]);
    }

    #[test]
    fn half_edges_become_the_nearest_steps() {
        let cell = Cell { half_edge: 0.7, ..Cell::default() };
        let exact = |steps: u16| f64::from(cell.half_edge) / 65_536.0 * (f64::from(steps) + 1.0);
        for half_edge in (1..=2000).map(|i| (i as f32 * 3.5e-4).min(0.7)).chain([1e-9, 0.7 / 65_536.0, 1.6e-5]) {
            let steps = cell.half_edge_steps(half_edge);
            let off = |steps: u16| (exact(steps) - f64::from(half_edge)).abs();
            let [less, more] = [steps.saturating_sub(1), steps.saturating_add(1)].map(off);
            assert!(off(steps) <= less.min(more) * (1.0 + 1e-3), "{half_edge}: {steps}");
        }
    }

    #[test]
    fn numbers_too_small_for_gpus_are_nothing() {
        let tiny = [0.0, -0.0, 1e-40, -1e-40, 8e-19].map(|x| Instance::new(Vec3::splat(x), SMALLEST, [0.0; 3]));
        let (cell, extent) = Cell::around(&tiny, 0);
        assert_eq!((cell.min.map(f32::to_bits), cell.step, extent), ([0; 3], [2f32.powi(SMALLEST_STEP); 3], [0; 4]));
        assert!(tiny.iter().all(|cube| cell.unpack(&cell.pack(cube, 0)).position == [0.0; 3]));
    }
}
