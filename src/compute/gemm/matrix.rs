//! Matrices in buffers.

use crate::{
    compute::operand::Operand,
    error::{Error, Result},
    gpu::Gpu,
    resource::BufferSlice,
};

/// A row-major matrix of `f32`s in a buffer or in a slice of one: number (i, j) is element i · stride + j.
///
/// What it says is checked when it is used: that it lies within its buffer, and which shapes it meets. There may be elements
/// behind it, and between its rows; they are neither read nor written. It is fastest if its first element is aligned to 16 bytes
/// and stride and columns are multiples of 4.
///
/// ```no_run
/// # fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
/// use vulkio::compute::Matrix;
///
/// let buffer = gpu.buffer::<f32>("numbers", 1000)?;
/// let whole = Matrix::new(&buffer, 25, 40);
/// // Rows 2..7 and columns 8..20 of it.
/// let part = Matrix::new(buffer.slice(2 * 40 + 8..1000), 5, 12).stride(40);
/// # let _ = (whole, part);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Matrix {
    pub(super) slice: BufferSlice<f32>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) stride: usize,
}

/// Rows, columns and strides are less than this, so that kernels count them in 32 bits.
const MOST: usize = 1 << 31;

impl Matrix {
    /// A matrix whose rows follow each other without a gap. Either number may be 0.
    #[must_use]
    pub fn new(slice: impl Into<BufferSlice<f32>>, rows: usize, columns: usize) -> Self {
        Self { slice: slice.into(), rows, columns, stride: columns }
    }

    /// The same, with so many elements from the beginning of one row to that of the next: at least as many as there are columns.
    /// (BLAS calls it the leading dimension.)
    #[must_use]
    pub fn stride(mut self, elements: usize) -> Self {
        self.stride = elements;
        self
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0 || self.columns == 0
    }

    /// How messages write its shape.
    pub(super) fn shape(&self) -> String {
        format!("{} × {}", self.rows, self.columns)
    }

    /// Elements from its first to its last; `None` if that is no number.
    fn span(&self) -> Option<usize> {
        if self.is_empty() {
            return Some(0);
        }
        (self.rows - 1).checked_mul(self.stride)?.checked_add(self.columns)
    }

    /// From its first element to its last: where that is, and for declarations.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is not within its slice, the slice not within its buffer, or the buffer another device's.
    pub(super) fn operand(&self, gpu: &Gpu, role: &'static str) -> Result<(Operand, BufferSlice<f32>)> {
        let operand = Operand::new(gpu, role, &self.slice)?;
        let Self { rows, columns, stride, .. } = *self;
        if stride < columns {
            return Err(Error::Invalid(format!(
                "{}: a matrix of {} has a stride of {stride}, so that its rows overlap; take at least {columns}",
                operand.text(),
                self.shape()
            )));
        }
        if [rows, columns, stride].into_iter().max() >= Some(MOST) {
            return Err(Error::Invalid(format!(
                "{}: a matrix of {} with a stride of {stride}; each must be less than 2³¹: multiply it in parts",
                operand.text(),
                self.shape()
            )));
        }
        let span = self.span().filter(|&span| span <= operand.len()).ok_or_else(|| {
            Error::Invalid(format!(
                "{}: a matrix of {} with a stride of {stride} does not fit into {} elements; take a larger buffer or slice",
                operand.text(),
                self.shape(),
                operand.len()
            ))
        })?;
        let start = self.slice.range().start;
        let used = BufferSlice::new(self.slice.buffer(), start..start + span);
        Ok((Operand::new(gpu, role, &used)?, used))
    }

    /// Whether each group of four numbers of a row is one access of 16 bytes.
    pub(super) fn is_wide(&self, operand: &Operand) -> bool {
        self.is_empty() || operand.misaligned_words() == 0 && (self.stride | self.columns).is_multiple_of(4)
    }
}
