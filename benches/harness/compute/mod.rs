//! The compute bench's sections: single dispatches against hand-written ash, and the matrix of operations.

pub(crate) mod against;
pub(crate) mod matrix;
pub(crate) mod operations;
pub(crate) mod plot;
pub(crate) mod report;
pub(crate) mod sides;
pub(crate) mod small;

use std::fmt;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operation {
    Saxpy,
    Reduce,
    Scan,
    Gemm,
    /// As [`Gemm`](Self::Gemm), with `Precision::Emulated`.
    Emulated,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) operation: Operation,
    /// Floats of one vector, or of one matrix.
    pub(crate) elements: usize,
    /// How many of them are under way at once.
    pub(crate) batch: usize,
}

pub(crate) const BATCHES: [usize; 3] = [1, 16, 256];
/// Bytes of a vector: 64 KiB, 8 MiB, 64 MiB, 1 GiB.
pub(crate) const SIZES: [usize; 4] = [64 << 10, 8 << 20, 64 << 20, 1 << 30];
/// Rows of square matrices of these sizes, and of one between the last two that the goals speak of.
pub(crate) const SIDES: [usize; 5] = [128, 1448, 4096, 8192, 16384];

impl Operation {
    pub(crate) const ALL: [Self; 5] = [Self::Saxpy, Self::Reduce, Self::Scan, Self::Gemm, Self::Emulated];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Saxpy => "saxpy",
            Self::Reduce => "reduce",
            Self::Scan => "scan",
            Self::Gemm => "gemm",
            Self::Emulated => "emulated gemm",
        }
    }

    /// How many elements each size of the matrix has.
    pub(crate) fn sizes(self) -> Vec<usize> {
        match self {
            Self::Gemm | Self::Emulated => SIDES.map(|side| side * side).to_vec(),
            _ => SIZES.map(|bytes| bytes / size_of::<f32>()).to_vec(),
        }
    }

    /// What its rate is counted in.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::Gemm | Self::Emulated => "TFLOP/s",
            _ => "GB/s",
        }
    }
}

impl Case {
    /// Rows of its matrices, which are square.
    pub(crate) fn side(self) -> usize {
        self.elements.isqrt()
    }

    /// Bytes that one must move at the least; of a product of matrices, its floating-point operations.
    pub(crate) fn work(self) -> f64 {
        let bytes = (self.elements * size_of::<f32>()) as f64;
        match self.operation {
            // Reads two and writes one.
            Operation::Saxpy => 3.0 * bytes,
            Operation::Reduce => bytes,
            Operation::Scan => 2.0 * bytes,
            Operation::Gemm | Operation::Emulated => 2.0 * (self.side() as f64).powi(3),
        }
    }

    /// GB/s or TFLOP/s, if one takes `micros`.
    pub(crate) fn rate(self, micros: f64) -> f64 {
        match self.operation {
            Operation::Gemm | Operation::Emulated => self.work() / micros / 1e6,
            _ => self.work() / micros / 1e3,
        }
    }

    /// Bytes of the buffers that one touches.
    pub(crate) fn bytes(self) -> usize {
        let vectors = match self.operation {
            Operation::Reduce => 1,
            Operation::Saxpy | Operation::Scan => 2,
            Operation::Gemm | Operation::Emulated => 3,
        };
        vectors * self.elements * size_of::<f32>()
    }
}

/// The name of its row, the same as in tools/cuda_baseline.cu.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, elements, batch } = *self;
        match operation {
            Operation::Gemm | Operation::Emulated => write!(f, "{} {} x{batch}", operation.name(), self.side()),
            _ => write!(f, "{} {} x{batch}", operation.name(), Size(elements * size_of::<f32>())),
        }
    }
}

/// Bytes, in the largest unit that takes no fraction.
pub(crate) struct Size(pub(crate) usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let (shift, unit) = match bytes.trailing_zeros() {
            30.. => (30, "GiB"),
            20.. => (20, "MiB"),
            10.. => (10, "KiB"),
            _ => (0, "bytes"),
        };
        write!(f, "{} {unit}", bytes >> shift)
    }
}
