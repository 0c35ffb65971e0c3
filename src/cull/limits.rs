//! Whether so many cubes fit the device: known before anything is allocated.

use crate::{
    cells::{self, LEAST_IN_CELL, MOST_CELLS, MOST_CHUNK_SHIFT, MOST_CHUNKS, PackedCube},
    error::{Bytes, Error, Result},
    gpu::DeviceInfo,
};

/// Cells one workgroup looks at; cull.comp has the same number.
const PER_GROUP: u32 = 64;

/// What decides how many cubes a device can hold.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) device: &'a str,
    /// Bytes in the heap that they go to.
    pub(super) heap: u64,
    /// Bytes in one allocation.
    pub(super) max_allocation: u64,
    /// Workgroups of one dispatch along X and Y.
    pub(super) max_groups: [u32; 2],
}

impl<'a> Limits<'a> {
    pub(super) fn of(info: &'a DeviceInfo) -> Self {
        let [x, y, _] = info.limits.max_compute_work_group_count;
        Self { device: &info.name, heap: info.heap_bytes, max_allocation: info.max_allocation, max_groups: [x, y] }
    }

    /// Whether `count` cubes can be held at all.
    pub(super) fn check(&self, count: usize) -> Result<()> {
        if count == 0 {
            return Err(Error::Invalid("a scene of 0 cubes: there is nothing to upload; give at least one".into()));
        }
        let most = self.most();
        if count as u64 <= most {
            return Ok(());
        }
        let requested = cells::device_bytes(count as u64);
        if requested > self.heap {
            let what = format!("{count} cubes (the device's memory has room for {most})");
            return Err(Error::OutOfDeviceMemory { what, requested, available: self.heap, heap: self.heap });
        }
        Err(Error::Invalid(format!(
            "{count} cubes; on device `{}`, which allows {} in an allocation, a scene has at most {most}: give fewer, or \
             make several scenes",
            self.device,
            Bytes(self.max_allocation),
        )))
    }

    /// How many cubes there can be in a scene.
    pub(super) fn most(&self) -> u64 {
        let by_heap = cells::most_cubes_in(self.heap);
        let by_chunks = (MOST_CHUNKS as u64) << self.chunk_shift();
        let by_table =
            (self.max_allocation / cells::BYTES_PER_CELL).saturating_sub(1).saturating_mul(LEAST_IN_CELL as u64);
        // Words have 24 bits for a cell. With at least 128 cubes in each, ids are less than NO_ID.
        let by_words = (MOST_CELLS * LEAST_IN_CELL) as u64;
        by_heap.min(by_chunks).min(by_table).min(by_words)
    }

    /// The power of two of a chunk's cubes: 1 GiB of them, or as many as fit one allocation.
    pub(super) fn chunk_shift(&self) -> u32 {
        (self.max_allocation / size_of::<PackedCube>() as u64).max(1).ilog2().min(MOST_CHUNK_SHIFT)
    }

    /// In two dimensions where one is not enough; the shader skips the groups beyond the last that is needed.
    pub(super) fn groups(&self, cells: u32) -> [u32; 3] {
        let needed = cells.div_ceil(PER_GROUP);
        let x = needed.min(self.max_groups[0]);
        [x, needed.div_ceil(x), 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits<'static> =
        Limits { device: "toy", heap: u64::MAX, max_allocation: 1 << 31, max_groups: [65_535; 2] };

    #[test]
    fn a_scene_of_more_cells_than_words_tell_apart_is_refused_with_the_most_that_there_can_be() {
        let most = 1 << 31;
        for device in [SMALL, Limits { max_allocation: u64::MAX, max_groups: [u32::MAX; 2], ..SMALL }] {
            assert!(device.check(most).is_ok());
            for count in [most + 1, u32::MAX as usize, 1 << 40] {
                let error = device.check(count).expect_err("too many").to_string();
                assert!(error.contains("at most 2147483648"), "{error}");
            }
        }
        assert!(matches!(SMALL.check(0), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_scene_of_a_larger_table_than_one_allocation_is_refused() {
        let narrow = Limits { max_allocation: (1 << 24) + 3, ..SMALL };
        assert_eq!((SMALL.chunk_shift(), narrow.chunk_shift()), (26, 20));
        let most = ((1 << 24) / 32 - 1) * 128;
        assert!(narrow.check(most).is_ok());
        let error = narrow.check(most + 1).expect_err("too many").to_string();
        assert!(error.contains("16.0 MiB") && error.contains(&format!("at most {most}")), "{error}");
    }

    #[test]
    fn a_count_beyond_the_heap_is_out_of_memory_before_anything_is_allocated() {
        let small = Limits { heap: 2_000_000, ..SMALL };
        let most = small.most() as usize;
        assert!((2_000_000 / 17..2_000_000 / 16).contains(&most));
        assert!(small.check(most).is_ok());
        let error = small.check(most + 1).expect_err("too many");
        assert!(matches!(error, Error::OutOfDeviceMemory { requested: 2_000_001.., heap: 2_000_000, .. }), "{error}");
        assert!(error.to_string().contains(&most.to_string()), "{error}");
        assert!(matches!(small.check(usize::MAX), Err(Error::OutOfDeviceMemory { .. })));
    }

    #[test]
    fn the_dispatch_turns_the_corner_at_the_limit_of_the_first_dimension() {
        let narrow = Limits { max_groups: [10, 4], ..SMALL };
        assert_eq!(narrow.groups(1), [1, 1, 1]);
        assert_eq!(narrow.groups(PER_GROUP * 10), [10, 1, 1]);
        assert_eq!(narrow.groups(PER_GROUP * 10 + 1), [10, 2, 1]);
        assert_eq!(narrow.groups(PER_GROUP * 40), [10, 4, 1]);
    }
}
