//! `C = alpha · A · B + beta · C` for matrices.

mod matrix;
pub(super) mod reference;
mod tile;

use std::fmt;

use futures::future::{try_join, try_join_all};

pub use self::matrix::Matrix;
use self::tile::{EMULATED, SINGLE, SUBGROUP, Tile, choose};
use super::{
    Dispatch, Kernel,
    operand::{Operand, grid},
    push::push_constants,
};
use crate::{
    error::{Error, Result},
    gpu::{DeviceInfo, DeviceKind, Gpu},
    resource::Use,
};

const SINGLE_SPIRV: &[u8] = include_bytes!("../../../shaders/spv/compute_gemm.comp.spv");
const EMULATED_SPIRV: &[u8] = include_bytes!("../../../shaders/spv/compute_gemm_emulated.comp.spv");

push_constants! {
    /// As in shaders/include/gemm.glsl.
    struct Push {
        a: u64,
        b: u64,
        c: u64,
        rows: u32,
        columns: u32,
        depth: u32,
        stride_a: u32,
        stride_b: u32,
        stride_c: u32,
        alpha: f32,
        beta: f32,
    }
}

/// How products of `f32`s are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// In `f32`, on any device.
    #[default]
    Single,
    /// On matrix units, as accurate as `f32`: each number is split into three `bfloat16` parts, which are all its 24 bits, and six of the
    /// nine products of parts are added up in `f32` (Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial Intelligence
    /// Datatype For Higher-Precision Computations", 2019). Faster than [`Single`](Self::Single) on large matrices. What differs:
    ///
    /// - An infinity or a NaN in A makes its whole row of C NaN, one in B its whole column: an infinity has no parts.
    /// - A single product may be off by up to four units in its last place, always towards zero: parts are cut, not rounded. What is left
    ///   out is less than what sums of products lose to rounding.
    /// - Numbers below 2⁻¹⁰⁰ or so lose their lower bits, as parts of theirs would be denormal, and so do products of parts on devices
    ///   that take denormal numbers for zero.
    /// - The device must have [`Features::cooperative_bfloat16`](crate::Features::cooperative_bfloat16), and subgroups of 32.
    ///
    /// Never chosen unless it is asked for.
    Emulated,
}

/// `C = alpha · A · B + beta · C`, row-major, in any shape: its kernels, made once.
///
/// Each number of C is a sum over A's columns in ascending order, 2,048 (emulated: 16,384) products at a time; what these come to is
/// added to C one after the other. A number is thus the same whatever else is in the matrices, and however large they are. Beside
/// the rounding of `beta · C`, its error is below (2,048 + depth / 2,048) · 2⁻²³ · |alpha| · (|A| · |B|); with random numbers all of them
/// together stay below 10⁻⁶ of C's Frobenius norm up to a depth of a million. Each of these sums is multiplied by `alpha` by itself: one
/// that overflows there makes C infinite or NaN, even where another would have brought it back.
///
/// Where `beta` is 0, C is written and not read, and where `alpha` is 0, A and B are not read: NaNs there do not count. Else NaNs and
/// infinities go the way of IEEE 754 in [`Precision::Single`]; denormal numbers may be taken for zero, as the device does.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute::{Gemm, Matrix, Precision};
///
/// let (a, b) = (gpu.buffer::<f32>("a", 300 * 200)?, gpu.buffer::<f32>("b", 200 * 100)?);
/// let c = gpu.buffer::<f32>("c", 300 * 100)?;
/// # let (numbers, others) = (vec![1.0; 300 * 200], vec![1.0; 200 * 100]);
/// gpu.upload(&a, 0, numbers).await?;
/// gpu.upload(&b, 0, others).await?;
/// let [a, b, c] = [Matrix::new(&a, 300, 200), Matrix::new(&b, 200, 100), Matrix::new(&c, 300, 100)];
///
/// let gemm = Gemm::new(gpu, Precision::Single).await?;
/// gemm.of(1.0, &a, &b, 0.0, &c)?.await?;
/// // Where the device can do it, and it is known to be emulated:
/// if gpu.info().features.cooperative_bfloat16 {
///     Gemm::new(gpu, Precision::Emulated).await?.of(1.0, &a, &b, 0.0, &c)?.await?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Gemm {
    gpu: Gpu,
    precision: Precision,
    made: Vec<Made>,
}

/// The kernels of a tile.
#[derive(Clone)]
struct Made {
    tile: Tile,
    wide: Kernel<Push>,
    narrow: Kernel<Push>,
}

impl Gemm {
    /// Makes the kernels; again costs next to nothing.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFeatures`] for [`Precision::Emulated`] on a device that lacks what it needs; else as [`Gpu::kernel`].
    ///
    /// # Cancel safety
    ///
    /// As [`Gpu::kernel`].
    pub async fn new(gpu: &Gpu, precision: Precision) -> Result<Self> {
        let limits = &gpu.info().limits;
        let (name, spirv, tiles) = match precision {
            Precision::Single => ("gemm", SINGLE_SPIRV, &SINGLE[..]),
            Precision::Emulated => {
                check_emulation(gpu.info())?;
                ("gemm, emulated", EMULATED_SPIRV, &EMULATED[..])
            }
        };
        let make = async |tile: &Tile| {
            let (wide, narrow) = (tile.options(true), tile.options(false));
            let (wide, narrow) =
                try_join(gpu.kernel_with(name, spirv, &wide), gpu.kernel_with(name, spirv, &narrow)).await?;
            Ok::<_, Error>(Made { tile: *tile, wide, narrow })
        };
        let made = try_join_all(tiles.iter().filter(|tile| tile.fits(limits)).map(make)).await?;
        Ok(Self { gpu: gpu.clone(), precision, made })
    }

    /// How it multiplies.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The work for these matrices: `a` has m rows and k columns, `b` k and n, `c` m and n. Each of these may be 0; of no columns in `a`
    /// the product is 0. `c` may not overlap the others; `a` and `b` may be the same.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the shapes do not meet, a matrix does not fit into its buffer or slice, what `c` spans from its first number
    /// to its last overlaps another, or a buffer belongs to another device; on CPU drivers, for a depth beyond a million, at which
    /// llvmpipe ends a shader's loops.
    pub fn of(&self, alpha: f32, a: &Matrix, b: &Matrix, beta: f32, c: &Matrix) -> Result<Dispatch> {
        let gpu = &self.gpu;
        let (at_a, used_a) = a.operand(gpu, "A of gemm")?;
        let (at_b, used_b) = b.operand(gpu, "B of gemm")?;
        let (at_c, used_c) = c.operand(gpu, "C of gemm")?;
        check_shapes(a, b, c)?;
        if c.is_empty() {
            return Ok(Dispatch::nothing(gpu));
        }
        check_apart(&at_a, &at_c)?;
        check_apart(&at_b, &at_c)?;
        let depth = if alpha == 0.0 { 0 } else { a.columns };
        if gpu.info().kind == DeviceKind::Cpu && depth > MOST_ON_CPU {
            return Err(Error::Invalid(format!(
                "gemm of A, {}, on {}: this driver ends loops at a depth of some {MOST_ON_CPU}; multiply parts of A and B that are no \
                 deeper, with beta = 1 after the first",
                a.shape(),
                gpu.info().name
            )));
        }
        let is_wide = c.is_wide(&at_c) && (depth == 0 || a.is_wide(&at_a) && b.is_wide(&at_b));
        // All are less than 2³¹.
        let push = Push {
            // What is not read is not named.
            a: if depth == 0 { 0 } else { at_a.address },
            b: if depth == 0 { 0 } else { at_b.address },
            c: at_c.address,
            rows: c.rows as u32,
            columns: c.columns as u32,
            depth: depth as u32,
            stride_a: a.stride as u32,
            stride_b: b.stride as u32,
            stride_c: c.stride as u32,
            // A product of nothing is 0, whatever it is multiplied by.
            alpha: if depth == 0 { 0.0 } else { alpha },
            beta,
        };
        let (rows, columns) = (c.rows as u64, c.columns as u64);
        let made = &self.made[choose(self.made.iter().map(|made| made.tile), rows, columns)];
        let kernel = if is_wide { &made.wide } else { &made.narrow };
        let work = kernel.dispatch(&push, grid(made.tile.count(rows, columns)));
        let work = if depth == 0 { work } else { work.reads(&used_a).reads(&used_b) };
        Ok(work.writes(Use::from(used_c)))
    }
}

/// llvmpipe (Mesa 22.3) ends the loops of an invocation after 65,535 rounds in all; here a round is a depth of 16.
const MOST_ON_CPU: usize = 1 << 20;

/// `C = alpha · A · B + beta · C` in `f32`, as [`Gemm::of`] with [`Precision::Single`]; resolves when it is done on the GPU.
///
/// ```no_run
/// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute::{self, Matrix};
///
/// let (a, b, c) = (gpu.buffer("a", 4)?, gpu.buffer("b", 4)?, gpu.buffer("c", 4)?);
/// gpu.upload(&a, 0, vec![1.0, 2.0, 3.0, 4.0]).await?;
/// gpu.upload(&b, 0, vec![0.0, 1.0, 1.0, 0.0]).await?;
/// let square = |buffer| Matrix::new(buffer, 2, 2);
/// compute::gemm(gpu, 1.0, &square(&a), &square(&b), 0.0, &square(&c)).await?;
/// assert_eq!(*gpu.read(&c, 0..4).await?, [2.0, 1.0, 4.0, 3.0]);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As [`Gemm::of`], [`Gemm::new`] and [`Dispatch::submit`].
///
/// # Cancel safety
///
/// As [`Dispatch`]: dropped, all of C is computed or none of it.
pub async fn gemm(gpu: &Gpu, alpha: f32, a: &Matrix, b: &Matrix, beta: f32, c: &Matrix) -> Result<()> {
    Gemm::new(gpu, Precision::Single).await?.of(alpha, a, b, beta, c)?.await
}

fn check_emulation(info: &DeviceInfo) -> Result<()> {
    let missing = if !info.features.cooperative_bfloat16 {
        "cooperative matrices of bfloat16 (VK_KHR_cooperative_matrix and VK_KHR_shader_bfloat16), with which gemm is emulated; use \
         Precision::Single"
    } else if !info.features.subgroup_size_control
        || !(info.subgroup_sizes[0]..=info.subgroup_sizes[1]).contains(&SUBGROUP)
    {
        "subgroups of 32 (subgroupSizeControl), in which gemm is emulated; use Precision::Single"
    } else {
        return Ok(());
    };
    Err(Error::MissingFeatures { device: info.name.clone(), missing: missing.into() })
}

fn check_shapes(a: &Matrix, b: &Matrix, c: &Matrix) -> Result<()> {
    if a.columns == b.rows && [a.rows, b.columns] == [c.rows, c.columns] {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "gemm of A, {}, and B, {}, into C, {}: A needs as many columns as B has rows, and C A's rows and B's columns",
        a.shape(),
        b.shape(),
        c.shape()
    )))
}

fn check_apart(from: &Operand, to: &Operand) -> Result<()> {
    if !from.overlaps(to) {
        return Ok(());
    }
    Err(Error::Invalid(format!("{} and {} overlap; keep the result apart", from.text(), to.text())))
}

impl fmt::Debug for Gemm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tiles: Vec<_> = self.made.iter().map(|made| made.tile).collect();
        f.debug_struct("Gemm").field("precision", &self.precision).field("tiles", &tiles).finish_non_exhaustive()
    }
}
