//! What the kernels are specialised to: one table of tiles for each precision, and the choice among them.

use ash::vk;

use crate::compute::KernelOptions;

/// A way to cut C into tiles, one for each workgroup, and each tile into the parts of its teams; sizes in numbers of C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) rows: u32,
    pub(super) columns: u32,
    /// How much of A's columns and B's rows is in shared memory at a time.
    depth: u32,
    /// What a team (some 32 invocations; a subgroup, for cooperative matrices) computes.
    team: [u32; 2],
    /// What an invocation computes; `None` if the team does it together.
    own: Option<[u32; 2]>,
    /// It is taken if C has at least so many of it: fewer leave too much of a large device idle.
    least: u64,
}

/// Invocations that multiply cooperative matrices together.
pub(super) const SUBGROUP: u32 = 32;

/// For sums in f32; the last one fits everywhere. Measured on an H100 among some 100 shapes (TFLOP/s at 8192, 2048, 1448, 1024, 768): the
/// first 45, 46, 23, 22, 12; the second 45, 43, 32, 38, 21; the third 34, 33, 28, 31, 23. One slice in shared memory and the
/// next one in registers were as fast as two in shared memory, and leave room for more workgroups.
pub(super) const SINGLE: [Tile; 3] = [
    Tile { rows: 128, columns: 128, depth: 16, team: [32, 64], own: Some([8, 8]), least: ENOUGH },
    Tile { rows: 64, columns: 64, depth: 16, team: [32, 32], own: Some([4, 8]), least: ENOUGH },
    Tile { rows: 32, columns: 32, depth: 16, team: [32, 16], own: Some([4, 4]), least: 0 },
];

/// For products of bfloat16. On an H100: the first 59, 55, 35, 41, 22; the second 51, 49, 39, 38, 24.
pub(super) const EMULATED: [Tile; 2] = [
    Tile { rows: 64, columns: 128, depth: 16, team: [32, 64], own: None, least: 2 * ENOUGH },
    Tile { rows: 64, columns: 64, depth: 16, team: [32, 32], own: None, least: 0 },
];

/// Tiles for each of an H100's 132 processors, and half as many again; smaller devices are busy with fewer.
const ENOUGH: u64 = 192;

impl Tile {
    /// How many of it cover so many rows and columns.
    pub(super) fn count(&self, rows: u64, columns: u64) -> u64 {
        rows.div_ceil(u64::from(self.rows)) * columns.div_ceil(u64::from(self.columns))
    }

    pub(super) fn invocations(&self) -> u32 {
        let teams = (self.rows / self.team[0]) * (self.columns / self.team[1]);
        let team = self.own.map_or(SUBGROUP, |own| (self.team[0] / own[0]) * (self.team[1] / own[1]));
        teams * team
    }

    /// Bytes of shared memory, as the shaders declare it.
    fn shared_bytes(&self) -> u32 {
        let Self { rows, columns, depth, .. } = *self;
        match self.own {
            Some(_) => 16 * (depth * (rows / 4 + 1) + depth * columns / 4),
            None => 16 * 3 * (rows * (depth / 8 + 1) + depth * (columns / 8 + 1)),
        }
    }

    /// Whether a device can have such workgroups.
    pub(super) fn fits(&self, limits: &vk::PhysicalDeviceLimits) -> bool {
        let invocations = self.invocations();
        invocations <= limits.max_compute_work_group_invocations.min(limits.max_compute_work_group_size[0])
            && self.shared_bytes() <= limits.max_compute_shared_memory_size
    }

    /// The constants of its kernel.
    pub(super) fn options(&self, is_wide: bool) -> KernelOptions {
        let options = KernelOptions::default()
            .constant(0, self.invocations())
            .constant(1, self.rows)
            .constant(2, self.columns)
            .constant(3, self.depth)
            .constant(4, self.team[0])
            .constant(5, self.team[1])
            .constant(8, u32::from(is_wide));
        match self.own {
            Some([rows, columns]) => options.constant(6, rows).constant(7, columns),
            None => options.subgroup_size(SUBGROUP),
        }
    }
}

/// The number of the tile to take for a C of so many rows and columns: the first, which are the largest, of which there are enough.
pub(super) fn choose(tiles: impl ExactSizeIterator<Item = Tile>, rows: u64, columns: u64) -> usize {
    let last = tiles.len().saturating_sub(1);
    tiles.into_iter().position(|tile| tile.count(rows, columns) >= tile.least).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `layout`s and loops of the shaders take for granted.
    #[test]
    fn every_tile_divides_into_whole_loads_of_its_invocations() {
        for tile in SINGLE.into_iter().chain(EMULATED) {
            let Tile { rows, columns, depth, team, own, .. } = tile;
            let invocations = tile.invocations();
            assert!(rows % team[0] == 0 && columns % team[1] == 0, "{tile:?}");
            let group = if own.is_some() { 4 } else { 8 };
            for loads in [rows * depth / group, columns * depth / group] {
                assert!(loads >= invocations && loads % invocations == 0, "{tile:?}: {loads} loads");
            }
            assert!(invocations % (depth / group) == 0 && invocations % (columns / group) == 0, "{tile:?}");
            match own {
                // Lanes come in pairs of rows.
                Some(own) => assert!(team[0] / own[0] % 2 == 0 && own[0] % 4 == 0 && own[1] % 4 == 0, "{tile:?}"),
                None => {
                    assert!(team[0] % 16 == 0 && team[1] % 16 == 0 && depth % 16 == 0, "{tile:?}");
                    // What leaves for C goes through the slice of A.
                    assert!(3 * rows * (depth / 8 + 1) >= invocations / SUBGROUP * 64, "{tile:?}");
                }
            }
        }
    }

    #[test]
    fn the_smallest_tile_fits_whatever_vulkan_allows() {
        // "Required Limits" of the specification, for Vulkan 1.3.
        let limits = vk::PhysicalDeviceLimits {
            max_compute_shared_memory_size: 16_384,
            max_compute_work_group_invocations: 128,
            max_compute_work_group_size: [128, 128, 64],
            ..Default::default()
        };
        let fit: Vec<_> = SINGLE.map(|tile| tile.fits(&limits)).into();
        assert_eq!(fit, [false, true, true]);
    }

    #[test]
    fn large_products_take_large_tiles_and_small_ones_small_tiles() {
        let chosen = |side| choose(SINGLE.into_iter(), side, side);
        assert_eq!([4096, 2048, 1448, 1024, 768, 100, 1].map(chosen), [0, 0, 1, 1, 2, 2, 2]);
        // Long and thin.
        assert_eq!(choose(SINGLE.into_iter(), 1, 1 << 20), 0);
        assert_eq!(choose(SINGLE[1..].iter().copied(), 4096, 4096), 0);
    }
}
