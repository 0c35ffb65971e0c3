//! The sum, the least or the greatest of many numbers.

use std::{fmt, marker::PhantomData, sync::Arc};

use super::{
    Dispatch, Element, Kernel, KernelOptions, operand::Operand, push::push_constants, scratch::Lease, scratch::Scratch,
};
use crate::{
    error::{Error, Result},
    gpu::Gpu,
    resource::{BufferSlice, Use},
};

const SPIRV: &[u8] = include_bytes!("../../shaders/spv/compute_reduce.comp.spv");

/// Invocations of a workgroup, as in the shader, and how many times four elements each of them has in a block.
const LANES: u64 = 256;
const ROUNDS: u32 = 4;
/// Elements of a block.
const BLOCK: u64 = LANES * 4 * ROUNDS as u64;

/// Workgroups have several blocks each where there would be more. The same on all devices, so that sums are.
const MOST_GROUPS: u64 = 1056;

/// Words of the memory it works with: a count, what each workgroup left, and a place for a result.
const WORDS: usize = MOST_GROUPS as usize + 2;

push_constants! {
    /// As in shaders/compute_reduce.comp.
    struct Push {
        numbers: u64,
        result: u64,
        partials: u64,
        count: u64,
    }
}

/// As in shaders/compute_reduce.comp.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Sum,
    Min,
    Max,
}

/// The sum, the least or the greatest of many numbers, in one dispatch: its kernel, made once.
///
/// # Numerics
///
/// - Sums of integers wrap around.
/// - Sums of `f32` are made in an order that depends on how many numbers there are, and on nothing else: the result is the same
///   in every run and on every device that keeps denormal numbers. Each number goes through at most `n / 2²⁰ + 40` additions of some
///   2²⁰ that run side by side, so the sum differs from the exact one by at most `(n / 2²⁰ + 40) × 2⁻²⁴ × Σ|x|`. A NaN, or
///   infinities of both signs, make a NaN; where a sum of some of the numbers is beyond the greatest `f32`, the result is infinite, or NaN
///   where two such sums have different signs.
/// - The least and the greatest are those of IEEE 754-2019's `minimum` and `maximum`: a NaN wins over all numbers, and -0 is less
///   than +0. The NaN that comes out is `f32::NAN` whichever went in. They are exact.
/// - Of no numbers at all the sum is 0, the least [`Element::GREATEST`] and the greatest [`Element::LEAST`].
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::{Graph, compute::Reduce};
///
/// let (x, results) = (gpu.buffer::<f32>("x", 1000)?, gpu.buffer::<f32>("results", 2)?);
/// # let xs = vec![1.0; 1000];
/// gpu.upload(&x, 0, xs).await?;
/// let graph = Graph::new(gpu, "extremes"); // both at the same time
/// graph.add(Reduce::min(gpu).await?.of(&x, results.slice(0..1))?);
/// graph.add(Reduce::max(gpu).await?.of(&x, results.slice(1..2))?);
/// graph.submit().await?.await?;
/// # Ok(()) }
/// ```
pub struct Reduce<T> {
    kernel: Kernel<Push>,
    operation: Operation,
    scratch: Arc<Scratch>,
    // It holds no number.
    element: PhantomData<fn(T) -> T>,
}

impl<T: Element> Reduce<T> {
    /// Of sums.
    ///
    /// # Errors
    ///
    /// As [`Gpu::kernel`].
    ///
    /// # Cancel safety
    ///
    /// As [`Gpu::kernel`].
    pub async fn sum(gpu: &Gpu) -> Result<Self> {
        Self::new(gpu, Operation::Sum).await
    }

    /// Of the least of all numbers.
    ///
    /// # Errors
    ///
    /// As [`sum`](Self::sum).
    ///
    /// # Cancel safety
    ///
    /// As [`sum`](Self::sum).
    pub async fn min(gpu: &Gpu) -> Result<Self> {
        Self::new(gpu, Operation::Min).await
    }

    /// Of the greatest of all numbers.
    ///
    /// # Errors
    ///
    /// As [`sum`](Self::sum).
    ///
    /// # Cancel safety
    ///
    /// As [`sum`](Self::sum).
    pub async fn max(gpu: &Gpu) -> Result<Self> {
        Self::new(gpu, Operation::Max).await
    }

    async fn new(gpu: &Gpu, operation: Operation) -> Result<Self> {
        let options = KernelOptions::default().constant(0, T::KIND).constant(1, operation as u32).constant(2, ROUNDS);
        let kernel = gpu.kernel_with(operation.name(), SPIRV, &options).await?;
        let scratch = Arc::new(Scratch::new(gpu, "reduce").await?);
        Ok(Self { kernel, operation, scratch, element: PhantomData })
    }

    /// The work for these numbers: a whole buffer or a slice, which may be empty. The result goes to `result`, a slice of one element
    /// (or a buffer that has but one). Any alignment is right; 16 bytes are the fastest.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `result` is not one element, or one of the numbers; if either reaches beyond its buffer or belongs to
    /// another device. [`Error::OutOfDeviceMemory`] if there is none left for the kernel's own 16 KiB.
    pub fn of(&self, numbers: impl Into<BufferSlice<T>>, result: impl Into<BufferSlice<T>>) -> Result<Dispatch> {
        let (numbers, result_slice) = (numbers.into(), result.into());
        let gpu = self.kernel.gpu();
        let from = Operand::new(gpu, self.operation.numbers(), &numbers)?;
        let result = Operand::new(gpu, self.operation.result(), &result_slice)?;
        if result.len() != 1 {
            return Err(Error::Invalid(format!(
                "{} has {} elements; one is needed: take a slice of one",
                result.text(),
                result.len()
            )));
        }
        if from.overlaps(&result) {
            return Err(Error::Invalid(format!(
                "{} is one of {}; keep the result apart from the numbers",
                result.text(),
                from.text()
            )));
        }
        let lease = self.scratch.lease(WORDS)?;
        Ok(self.work(&from, numbers, result.address, Some(result_slice.into()), lease))
    }

    /// The result of these numbers, read back. [`sum`], [`min`] and [`max`] are short for this.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of), [`Dispatch::submit`] and [`Gpu::read`].
    ///
    /// # Cancel safety
    ///
    /// Safe at any point: nothing but memory of the kernel's own is written.
    pub async fn read(&self, numbers: impl Into<BufferSlice<T>>) -> Result<T> {
        let numbers = numbers.into();
        let gpu = self.kernel.gpu();
        let from = Operand::new(gpu, self.operation.numbers(), &numbers)?;
        let lease = self.scratch.lease(WORDS)?;
        let buffer = lease.buffer.clone();
        let place = WORDS - 1;
        let address = buffer.address() + place as u64 * 4;
        // What follows on the device sees what was submitted before it.
        self.work(&from, numbers, address, None, lease).submit().await?;
        let word = gpu.read(&buffer, place..place + 1).await?[0];
        Ok(bytemuck::cast(word))
    }

    /// `written`: where the result goes, unless that is in the leased buffer.
    fn work(
        &self,
        from: &Operand,
        numbers: BufferSlice<T>,
        result: u64,
        written: Option<Use>,
        lease: Lease,
    ) -> Dispatch {
        let count = from.len() as u64;
        let groups = count.div_ceil(BLOCK).clamp(1, MOST_GROUPS) as u32;
        // Of nothing, nothing is read or declared.
        let numbers_at = if count == 0 { 0 } else { from.address };
        let push = Push { numbers: numbers_at, result, partials: lease.buffer.address(), count };
        let mut work = self.kernel.dispatch(&push, [groups, 1, 1]).reads(Use::from(numbers)).writes(&lease.buffer);
        if let Some(written) = written {
            work = work.writes(written);
        }
        lease.ready_for(work)
    }
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    fn numbers(self) -> &'static str {
        match self {
            Self::Sum => "numbers of sum",
            Self::Min => "numbers of min",
            Self::Max => "numbers of max",
        }
    }

    fn result(self) -> &'static str {
        match self {
            Self::Sum => "result of sum",
            Self::Min => "result of min",
            Self::Max => "result of max",
        }
    }
}

/// The sum of all numbers, read back: see [`Reduce`] for the order and the error; integers wrap around.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute;
///
/// let x = gpu.buffer::<u32>("x", 4)?;
/// gpu.upload(&x, 0, vec![1, 2, 3, 4]).await?;
/// assert_eq!(compute::sum(gpu, &x).await?, 10);
/// assert_eq!(compute::max(gpu, x.slice(0..2)).await?, 2);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`Reduce::sum`] and [`Reduce::read`].
///
/// # Cancel safety
///
/// As [`Reduce::read`].
pub async fn sum<T: Element>(gpu: &Gpu, numbers: impl Into<BufferSlice<T>>) -> Result<T> {
    let numbers = numbers.into();
    Reduce::sum(gpu).await?.read(numbers).await
}

/// The least of all numbers, read back; NaN if one of them is.
///
/// # Errors
///
/// As [`sum`].
///
/// # Cancel safety
///
/// As [`sum`].
pub async fn min<T: Element>(gpu: &Gpu, numbers: impl Into<BufferSlice<T>>) -> Result<T> {
    let numbers = numbers.into();
    Reduce::min(gpu).await?.read(numbers).await
}

/// The greatest of all numbers, read back; NaN if one of them is.
///
/// # Errors
///
/// As [`sum`].
///
/// # Cancel safety
///
/// As [`sum`].
pub async fn max<T: Element>(gpu: &Gpu, numbers: impl Into<BufferSlice<T>>) -> Result<T> {
    let numbers = numbers.into();
    Reduce::max(gpu).await?.read(numbers).await
}

impl<T> Clone for Reduce<T> {
    fn clone(&self) -> Self {
        let Self { kernel, operation, scratch, .. } = self;
        Self { kernel: kernel.clone(), operation: *operation, scratch: Arc::clone(scratch), element: PhantomData }
    }
}

impl<T> fmt::Debug for Reduce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reduce").field("operation", &self.operation).finish_non_exhaustive()
    }
}
