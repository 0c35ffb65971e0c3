//! Whether so many cubes fit the device: known before anything is allocated.

use crate::{
    cells::PackedCube,
    error::{Bytes, Error, Result},
    gpu::DeviceInfo,
};

/// Cells one workgroup looks at; cull.comp has the same number.
const PER_GROUP: u32 = 64;
/// [`NO_ID`](crate::NO_ID) is no cube.
const MOST_INDICES: u64 = u32::MAX as u64;

/// A packed cube, and its place in the visible list.
const BYTES_PER_CUBE: u64 = (size_of::<PackedCube>() + size_of::<u32>()) as u64;

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
        let requested = (count as u64).saturating_mul(BYTES_PER_CUBE);
        if requested > self.heap {
            let what = format!("{count} cubes");
            return Err(Error::OutOfDeviceMemory { what, requested, available: self.heap, heap: self.heap });
        }
        let most = self.most_cubes();
        let fits = u32::try_from(count).ok().filter(|&n| u64::from(n) <= most);
        if fits.is_none() {
            return Err(self.too_many(count, most));
        }
        Ok(())
    }

    fn most_cubes(&self) -> u64 {
        let by_list = self.max_allocation / size_of::<u32>() as u64;
        by_list.min(MOST_INDICES)
    }

    fn too_many(&self, count: usize, most: u64) -> Error {
        let bytes = (count as u64).saturating_mul(size_of::<u32>() as u64);
        Error::Invalid(format!(
            "{count} cubes need one buffer of {}; device `{}` allows {} in an allocation: ask for at most {most} cubes",
            Bytes(bytes),
            self.device,
            Bytes(self.max_allocation),
        ))
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
    fn a_count_beyond_the_largest_allocation_is_refused_with_the_most_that_fits() {
        let most = (1usize << 31) / 16;
        assert!(SMALL.check(most).is_ok());
        let error = SMALL.check(most + 1).expect_err("too many").to_string();
        assert!(error.contains("2.0 GiB") && error.contains("at most 134217728 cubes"), "{error}");
    }

    #[test]
    fn a_count_beyond_thirty_two_bits_is_refused_whatever_the_device_allows() {
        let huge = Limits { max_allocation: u64::MAX, max_groups: [u32::MAX; 2], ..SMALL };
        assert!(huge.check(MOST_INDICES as usize).is_ok());
        for count in [MOST_INDICES as usize + 1, u32::MAX as usize, 1 << 40] {
            assert!(matches!(huge.check(count), Err(Error::Invalid(_))));
        }
        assert!(matches!(SMALL.check(0), Err(Error::Invalid(_))));
    }

    #[test]
    fn a_count_beyond_the_heap_is_out_of_memory_before_anything_is_allocated() {
        let small = Limits { heap: 2000, ..SMALL };
        assert!(small.check(100).is_ok());
        let error = small.check(101).expect_err("too many");
        assert!(matches!(error, Error::OutOfDeviceMemory { requested: 2020, heap: 2000, .. }), "{error}");
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
