//! `y = a * x + y`.

use super::{
    Dispatch, Kernel, KernelOptions,
    operand::{Operand, grid},
    push::push_constants,
};
use crate::{
    error::Result,
    gpu::Gpu,
    resource::{BufferSlice, Use},
};

const SPIRV: &[u8] = include_bytes!("../../shaders/spv/compute_saxpy.comp.spv");

/// Invocations of a workgroup, and how many times four elements each of them has.
const LANES: u32 = 256;
const ROUNDS: u32 = 1;

push_constants! {
    /// As in shaders/compute_saxpy.comp.
    struct Push {
        x: u64,
        y: u64,
        count: u64,
        a: f32,
        head: u32,
    }
}

/// `y = a * x + y` over `f32`s, element by element: its kernel, made once.
///
/// Each element is rounded once or twice, as the device multiplies and adds: it differs from the exact value by at most 2⁻²³ of
/// `|a x| + |y|` (and by what a device makes of denormal numbers, which it may take for zero). NaNs and infinities go the
/// way of IEEE 754.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute::Saxpy;
///
/// let (x, y) = (gpu.buffer::<f32>("x", 1000)?, gpu.buffer::<f32>("y", 1000)?);
/// # let (xs, ys) = (vec![1.0; 1000], vec![1.0; 1000]);
/// gpu.upload(&x, 0, xs).await?;
/// gpu.upload(&y, 0, ys).await?;
/// let saxpy = Saxpy::new(gpu).await?;
/// saxpy.of(2.0, &x, &y)?.await?; // all of it
/// saxpy.of(2.0, x.slice(0..10), y.slice(3..13))?.await?; // some of it
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Saxpy {
    kernel: Kernel<Push>,
}

impl Saxpy {
    /// Makes the kernel; again costs next to nothing.
    ///
    /// # Errors
    ///
    /// As [`Gpu::kernel`].
    ///
    /// # Cancel safety
    ///
    /// As [`Gpu::kernel`].
    pub async fn new(gpu: &Gpu) -> Result<Self> {
        let options = KernelOptions::default().constant(0, LANES).constant(1, ROUNDS);
        Ok(Self { kernel: gpu.kernel_with("saxpy", SPIRV, &options).await? })
    }

    /// The work for these elements: whole buffers or slices, of the same length. `x` and `y` may be the very same elements.
    /// Memory is read and written 16 bytes at a time where `y` is, and one time in four where `x` is not aligned as `y` is.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if they have different lengths, overlap in part, reach beyond their buffers, or
    /// belong to another device.
    pub fn of(&self, a: f32, x: impl Into<BufferSlice<f32>>, y: impl Into<BufferSlice<f32>>) -> Result<Dispatch> {
        let (x_slice, y_slice) = (x.into(), y.into());
        let gpu = self.kernel.gpu();
        let [x, y] = Operand::pair(gpu, ["x of saxpy", "y of saxpy"], [&x_slice, &y_slice])?;
        let count = y.len() as u64;
        if count == 0 {
            return Ok(Dispatch::nothing(gpu));
        }
        let head = u64::from((4 - y.misaligned_words()) % 4).min(count);
        let quads = (count - head) / 4;
        let push = Push { x: x.address, y: y.address, count, a, head: head as u32 };
        let groups = quads.div_ceil(u64::from(LANES * ROUNDS)).max(1);
        let work = self.kernel.dispatch(&push, grid(groups));
        let work = if x.is_same(&y) { work } else { work.reads(Use::from(x_slice)) };
        Ok(work.writes(Use::from(y_slice)))
    }
}

/// `y = a * x + y`, as [`Saxpy::of`]; resolves when it is done on the GPU.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute;
///
/// let (x, y) = (gpu.buffer::<f32>("x", 3)?, gpu.buffer::<f32>("y", 3)?);
/// gpu.upload(&x, 0, vec![1.0, 2.0, 3.0]).await?;
/// gpu.upload(&y, 0, vec![1.0; 3]).await?;
/// compute::saxpy(gpu, 2.0, &x, &y).await?;
/// assert_eq!(*gpu.read(&y, 0..3).await?, [3.0, 5.0, 7.0]);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`Saxpy::of`], [`Saxpy::new`] and [`Dispatch::submit`].
///
/// # Cancel safety
///
/// As [`Dispatch`]: dropped, all of `y` is computed or none of it.
pub async fn saxpy(gpu: &Gpu, a: f32, x: impl Into<BufferSlice<f32>>, y: impl Into<BufferSlice<f32>>) -> Result<()> {
    let (x, y) = (x.into(), y.into());
    Saxpy::new(gpu).await?.of(a, x, y)?.await
}
