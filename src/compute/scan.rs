//! Sums of all numbers up to each.

use std::{fmt, marker::PhantomData, sync::Arc};

use ash::vk::SubgroupFeatureFlags as Subgroups;
use futures::future::try_join;

use super::{
    Dispatch, Element, Kernel, KernelOptions, Tuning,
    operand::{Operand, grid},
    push::push_constants,
    scratch::Scratch,
};
use crate::{
    error::{Error, Result},
    gpu::{DeviceInfo, Gpu},
    resource::{BufferSlice, Use},
};

const APART: &[u8] = include_bytes!("../../shaders/spv/compute_scan.comp.spv");
const IN_PLACE: &[u8] = include_bytes!("../../shaders/spv/compute_scan_in_place.comp.spv");

/// Invocations of a workgroup, and how many times four elements each of them has.
const LANES: u32 = 128;
const ROUNDS: u32 = 10;
/// Elements of a tile, which a workgroup has.
const TILE: u64 = LANES as u64 * 4 * ROUNDS as u64;
/// Tiles that an invocation looks back at in one go.
const WINDOW: u32 = 1;

/// Words of the kernel's own memory before those of the tiles.
const HEAD_WORDS: usize = 2;

push_constants! {
    /// As in shaders/include/scan.glsl.
    struct Push {
        numbers: u64,
        sums: u64,
        said: u64,
        count: u64,
        tiles: u32,
        epoch: u32,
    }
}

/// Sums of all numbers up to each, in one pass over them: its kernel, made once.
///
/// The algorithm is D. Merrill's and M. Garland's decoupled look-back ("Single-pass Parallel Prefix Scan with Decoupled
/// Look-back", NVIDIA, 2016): each number is read once and each sum written once. Vulkan does not promise that workgroups get on
/// while others wait, so none waits for long: it computes what another has not said yet itself, after T. Smith's "decoupled fallback"
/// (GPUPrefixSums, 2024).
///
/// # Numerics
///
/// - Sums of integers wrap around.
/// - Those of `f32` are made in an order that may differ from run to run, in tiles of 5120 numbers: results may differ in their
///   last bits, and from the exact sum by at most `(n / 5120 + 400) × 2⁻²⁴ × Σ|x|`, the sum going over the numbers up to there. That
///   they grow where no number is negative is true up to such errors, too. From a NaN on, or from where infinities of both signs
///   are in, all sums are NaN; so may they be from where a sum of some of the numbers is beyond the greatest `f32`.
/// - The first of the exclusive sums is 0.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute::Scan;
///
/// let (counts, firsts) = (gpu.buffer::<u32>("counts", 1000)?, gpu.buffer::<u32>("firsts", 1000)?);
/// # let numbers = vec![1; 1000];
/// gpu.upload(&counts, 0, numbers).await?;
/// Scan::exclusive(gpu).await?.of(&counts, &firsts)?.await?;
/// Scan::inclusive(gpu).await?.of(&counts, &counts)?.await?; // in place
/// # Ok(()) }
/// ```
pub struct Scan<T> {
    apart: Kernel<Push>,
    in_place: Kernel<Push>,
    scratch: Arc<Scratch>,
    // It holds no number.
    element: PhantomData<fn(T) -> T>,
}

impl<T: Element> Scan<T> {
    /// Of sums in which each number's own counts.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFeatures`] if the device has no 64-bit atomics on buffers
    /// ([`Features::buffer_int64_atomics`](crate::Features)), or lacks sums and ballots within subgroups; else as [`Gpu::kernel`].
    ///
    /// # Cancel safety
    ///
    /// As [`Gpu::kernel`].
    pub async fn inclusive(gpu: &Gpu) -> Result<Self> {
        Self::new(gpu, true).await
    }

    /// Of sums of the numbers before each.
    ///
    /// # Errors
    ///
    /// As [`inclusive`](Self::inclusive).
    ///
    /// # Cancel safety
    ///
    /// As [`inclusive`](Self::inclusive).
    pub async fn exclusive(gpu: &Gpu) -> Result<Self> {
        Self::new(gpu, false).await
    }

    async fn new(gpu: &Gpu, is_inclusive: bool) -> Result<Self> {
        let info = gpu.info();
        check(info)?;
        let mut options = KernelOptions::default().constant(0, LANES).constant(1, T::KIND);
        options = options.constant(2, is_inclusive.into()).constant(3, ROUNDS).constant(4, WINDOW);
        let least = if info.features.subgroup_size_control {
            // Whole subgroups.
            options = options.subgroup_size(info.subgroup_size);
            info.subgroup_size
        } else {
            info.subgroup_sizes[0]
        };
        let Tuning { draws_tiles, fences_loops, .. } = Tuning::of(info);
        options =
            options.constant(8, LANES / least.max(1)).constant(9, draws_tiles.into()).constant(10, fences_loops.into());
        let name = if is_inclusive { "inclusive scan" } else { "exclusive scan" };
        let (apart, in_place) =
            try_join(gpu.kernel_with(name, APART, &options), gpu.kernel_with(name, IN_PLACE, &options)).await?;
        let scratch = Arc::new(Scratch::new(gpu, "scan").await?);
        Ok(Self { apart, in_place, scratch, element: PhantomData })
    }

    /// The work for these numbers: whole buffers or slices, of the same length. `numbers` and `sums` may be the very same elements.
    /// Any alignment is right; 16 bytes are the fastest.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if they have different lengths, overlap in part, reach beyond their buffers, or belong to another device.
    /// [`Error::OutOfDeviceMemory`] if there is none left for the kernel's own, 8 bytes for 5120 numbers.
    pub fn of(&self, numbers: impl Into<BufferSlice<T>>, sums: impl Into<BufferSlice<T>>) -> Result<Dispatch> {
        let (numbers_slice, sums_slice) = (numbers.into(), sums.into());
        let gpu = self.apart.gpu();
        let roles = ["numbers of scan", "sums of scan"];
        let [numbers, sums] = Operand::pair(gpu, roles, [&numbers_slice, &sums_slice])?;
        let count = sums.len() as u64;
        if count == 0 {
            return Ok(Dispatch::nothing(gpu));
        }
        let tiles = count.div_ceil(TILE);
        let lease = self.scratch.lease(HEAD_WORDS + tiles as usize * 2)?;
        let push = Push {
            numbers: numbers.address,
            sums: sums.address,
            said: lease.buffer.address(),
            count,
            tiles: tiles as u32,
            epoch: lease.epoch,
        };
        let groups = grid(tiles);
        let work = match numbers.is_same(&sums) {
            true => self.in_place.dispatch(&push, groups),
            false => self.apart.dispatch(&push, groups).reads(Use::from(numbers_slice)),
        };
        let work = work.writes(Use::from(sums_slice)).writes(&lease.buffer);
        Ok(lease.ready_for(work))
    }
}

/// # Errors
/// [`Error::MissingFeatures`] with what the device lacks.
fn check(info: &DeviceInfo) -> Result<()> {
    let needed = Subgroups::BASIC | Subgroups::ARITHMETIC | Subgroups::BALLOT;
    let missing = match (info.features.buffer_int64_atomics, info.subgroup_operations.contains(needed)) {
        (true, true) => return Ok(()),
        (false, _) => "shaderBufferInt64Atomics, which scans take",
        (true, false) => "sums and ballots within subgroups of compute shaders, which scans take",
    };
    Err(Error::MissingFeatures { device: info.name.clone(), missing: missing.into() })
}

/// `sums[i] = numbers[0] + .. + numbers[i]`, as [`Scan::of`]; resolves when it is done on the GPU.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute;
///
/// let x = gpu.buffer::<u32>("x", 4)?;
/// gpu.upload(&x, 0, vec![1, 2, 3, 4]).await?;
/// compute::inclusive_scan(gpu, &x, &x).await?;
/// assert_eq!(*gpu.read(&x, 0..4).await?, [1, 3, 6, 10]);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`Scan::inclusive`], [`Scan::of`] and [`Dispatch::submit`].
///
/// # Cancel safety
///
/// As [`Dispatch`]: dropped, all sums are computed or none.
pub async fn inclusive_scan<T: Element>(
    gpu: &Gpu,
    numbers: impl Into<BufferSlice<T>>,
    sums: impl Into<BufferSlice<T>>,
) -> Result<()> {
    let (numbers, sums) = (numbers.into(), sums.into());
    Scan::inclusive(gpu).await?.of(numbers, sums)?.await
}

/// `sums[i] = numbers[0] + .. + numbers[i - 1]`, and `sums[0]` = 0, as [`Scan::of`]; resolves when it is done on the GPU.
///
/// # Errors
///
/// As [`inclusive_scan`].
///
/// # Cancel safety
///
/// As [`inclusive_scan`].
pub async fn exclusive_scan<T: Element>(
    gpu: &Gpu,
    numbers: impl Into<BufferSlice<T>>,
    sums: impl Into<BufferSlice<T>>,
) -> Result<()> {
    let (numbers, sums) = (numbers.into(), sums.into());
    Scan::exclusive(gpu).await?.of(numbers, sums)?.await
}

impl<T> Clone for Scan<T> {
    fn clone(&self) -> Self {
        let Self { apart, in_place, scratch, element } = self;
        Self { apart: apart.clone(), in_place: in_place.clone(), scratch: Arc::clone(scratch), element: *element }
    }
}

impl<T> fmt::Debug for Scan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("kernel", &self.apart).finish_non_exhaustive()
    }
}
