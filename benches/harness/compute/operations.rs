//! The four operations on data of the bench's own, checked before they are timed.

use vulkio::{Gpu, GpuBuffer, UploadData, compute::Dispatch};

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
    case: Case,
    sets: Vec<Set>,
}

/// What one operation touches; those that take fewer have their later buffers empty.
struct Set {
    x: GpuBuffer<f32>,
    y: GpuBuffer<f32>,
    z: GpuBuffer<f32>,
}

impl Work {
    pub(crate) async fn new(gpu: &Gpu, case: Case, sets: usize) -> Result<Self> {
        todo_operations(case.operation)?;
        let elements = case.elements;
        let [y, z] = match case.operation {
            Operation::Reduce => [1, 1],
            Operation::Saxpy | Operation::Scan => [elements, 1],
            Operation::Gemm => [elements, elements],
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
        Ok(Self { gpu: gpu.clone(), case, sets: all })
    }

    /// Number `i` of a batch. There may be fewer sets than that: then some come after others.
    pub(crate) fn dispatch(&self, i: usize) -> vulkio::Result<Dispatch> {
        let Set { x, y, z } = &self.sets[i % self.sets.len()];
        let _ = (x, y, z, FACTOR);
        Ok(Dispatch::nothing(&self.gpu))
    }

    /// Runs the first one and compares what came out with sums in double precision.
    pub(crate) async fn check(&self) -> Result {
        let _ = self.case;
        Ok(())
    }
}

fn todo_operations(operation: Operation) -> Result {
    Err(format!("{} is not there yet", operation.name()).into())
}

async fn filled(gpu: &Gpu, name: &str, elements: usize, seed: u32) -> Result<GpuBuffer<f32>> {
    let buffer = gpu.buffer(name, elements)?;
    let data = UploadData::generated(elements, move |range, place: &mut [f32]| {
        place.iter_mut().zip(range).for_each(|(place, i)| *place = value(i, seed));
    });
    gpu.upload(&buffer, 0, data).await?.await?;
    Ok(buffer)
}
