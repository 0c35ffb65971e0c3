//! The four operations on data of the bench's own, checked before they are timed.

use vulkio::{
    Gpu, GpuBuffer, UploadData,
    compute::{Dispatch, Gemm, Matrix, Precision, Reduce, Saxpy, Scan},
};

use super::{super::Result, Case, Operation};

/// `a` of `y = a x + y`.
const FACTOR: f32 = 0.5;

/// Numbers in [0, 1) that look random: the same as in tools/cuda_baseline.cu.
fn value(i: usize, seed: u32) -> f32 {
    let mut word = (i as u32).wrapping_mul(0x9e37_79b9).wrapping_add(seed.wrapping_mul(0x85eb_ca6b));
    word ^= word >> 15;
    word = word.wrapping_mul(0x2c1b_3c6d);
    word ^= word >> 12;
    (word >> 8) as f32 / 16_777_216.0
}

/// One operation of one size, and its buffers.
pub(crate) struct Work {
    gpu: Gpu,
    kernels: Kernels,
    side: usize,
    sets: Vec<Set>,
}

/// What makes dispatches.
enum Kernels {
    Saxpy(Saxpy),
    Reduce(Reduce<f32>),
    Scan(Scan<f32>),
    Gemm(Gemm),
}

/// What one operation touches; `y` and `z` have an element where it takes fewer.
struct Set {
    x: GpuBuffer<f32>,
    y: GpuBuffer<f32>,
    z: GpuBuffer<f32>,
}

impl Work {
    pub(crate) async fn new(gpu: &Gpu, case: Case, sets: usize) -> Result<Self> {
        let kernels = match case.operation {
            Operation::Saxpy => Kernels::Saxpy(Saxpy::new(gpu).await?),
            Operation::Reduce => Kernels::Reduce(Reduce::sum(gpu).await?),
            Operation::Scan => Kernels::Scan(Scan::inclusive(gpu).await?),
            Operation::Gemm => Kernels::Gemm(Gemm::new(gpu, Precision::Single).await?),
            Operation::Emulated => Kernels::Gemm(Gemm::new(gpu, Precision::Emulated).await?),
        };
        let elements = case.elements;
        let [y, z] = match case.operation {
            Operation::Reduce => [1, 1],
            Operation::Saxpy | Operation::Scan => [elements, 1],
            Operation::Gemm | Operation::Emulated => [elements, elements],
        };
        let mut all = Vec::with_capacity(sets);
        for i in 0..sets {
            let set = Set {
                x: filled(gpu, &format!("x {i}"), elements, 1).await?,
                y: filled(gpu, &format!("y {i}"), y, 2).await?,
                z: filled(gpu, &format!("z {i}"), z, 3).await?,
            };
            all.push(set);
        }
        Ok(Self { gpu: gpu.clone(), kernels, side: case.side(), sets: all })
    }

    /// Number `i` of a batch. There may be fewer sets than that: then some come after others.
    pub(crate) fn dispatch(&self, i: usize) -> vulkio::Result<Dispatch> {
        let Set { x, y, z } = &self.sets[i % self.sets.len()];
        match &self.kernels {
            Kernels::Saxpy(saxpy) => saxpy.of(FACTOR, x, y),
            Kernels::Reduce(reduce) => reduce.of(x, y),
            Kernels::Scan(scan) => scan.of(x, y),
            Kernels::Gemm(gemm) => {
                let [a, b, c] = [x, y, z].map(|buffer| Matrix::new(buffer, self.side, self.side));
                gemm.of(1.0, &a, &b, 0.0, &c)
            }
        }
    }

    /// Runs the first one, and compares some of what came out with what comes out in double precision.
    pub(crate) async fn check(&self) -> Result {
        self.dispatch(0)?.await?;
        let Set { x, y, z } = &self.sets[0];
        let last = x.len() - 1;
        match &self.kernels {
            Kernels::Saxpy(_) => {
                for i in spread(x.len()) {
                    let expected = f64::from(FACTOR) * f64::from(value(i, 1)) + f64::from(value(i, 2));
                    self.element(y, i, expected, 1e-6).await?;
                }
            }
            Kernels::Reduce(_) => self.element(y, 0, sums(&[last])[0], 1e-5).await?,
            Kernels::Scan(_) => {
                let places = spread(x.len());
                for (&i, expected) in places.iter().zip(sums(&places)) {
                    self.element(y, i, expected, 1e-5).await?;
                }
            }
            Kernels::Gemm(_) => {
                for i in spread(z.len()) {
                    self.element(z, i, product(i, self.side), 1e-5).await?;
                }
            }
        }
        Ok(())
    }

    async fn element(&self, buffer: &GpuBuffer<f32>, i: usize, expected: f64, tolerance: f64) -> Result {
        let is = f64::from(self.gpu.read(buffer, i..i + 1).await?[0]);
        if (is - expected).abs() <= tolerance * expected.abs().max(1.0) {
            return Ok(());
        }
        Err(format!("element {i} of `{}` is {is}, and not {expected}", buffer.name()).into())
    }
}

/// Some places up to the last one, in their order.
fn spread(elements: usize) -> Vec<usize> {
    (0..16).map(|part| (elements - 1) * part / 15).collect()
}

/// The sums of all numbers of `x` up to each of these places, which are in order.
fn sums(places: &[usize]) -> Vec<f64> {
    let (mut sum, mut next) = (0.0, 0);
    let up_to = |&place: &usize| {
        while next <= place {
            sum += f64::from(value(next, 1));
            next += 1;
        }
        sum
    };
    places.iter().map(up_to).collect()
}

/// Element `i` of the product of `x` and `y`.
fn product(i: usize, side: usize) -> f64 {
    let (row, column) = (i / side, i % side);
    (0..side).map(|k| f64::from(value(row * side + k, 1)) * f64::from(value(k * side + column, 2))).sum()
}

async fn filled(gpu: &Gpu, name: &str, elements: usize, seed: u32) -> Result<GpuBuffer<f32>> {
    let buffer = gpu.buffer(name, elements)?;
    let data = UploadData::generated(elements, move |range, place: &mut [f32]| {
        place.iter_mut().zip(range).for_each(|(place, i)| *place = value(i, seed));
    });
    gpu.upload(&buffer, 0, data).await?.await?;
    Ok(buffer)
}
