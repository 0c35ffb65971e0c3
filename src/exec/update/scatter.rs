//! Many small ranges at once: a shader writes the elements of a packed list to where their indices say.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
};

use bytemuck::NoUninit;
use futures::FutureExt;

use crate::{
    error::Result,
    exec::{
        encoder::Encoder,
        job::{self, Job},
    },
    gpu::Shared,
    pipeline::{ComputePipeline, Pipelines},
    resource::{BufferInner, image::unplaced},
    sync::prim::lock,
};

const SHADER: &[u8] = include_bytes!("../../../shaders/spv/scatter.comp.spv");
/// Of a workgroup.
const LANES: u32 = 256;
/// The shader counts words in 32 bits, and steps beyond the last one by a grid's width.
const MOST_WORDS: usize = 1 << 31;

/// The pipeline that scatters, made on a helper thread when it is first needed: the frame that needs it is recorded when
/// it is there.
#[derive(Default)]
pub(crate) struct ScatterKernel {
    job: Mutex<Option<Job<ComputePipeline>>>,
}

impl ScatterKernel {
    pub(super) fn get(&self, shared: &Shared) -> Job<ComputePipeline> {
        let mut kept = lock(&self.job);
        let has_failed = |job: &Job<_>| matches!(job.finished().now_or_never(), Some(Err(_)));
        if let Some(job) = kept.as_ref().filter(|job| !has_failed(job)) {
            return job.clone();
        }
        let (job, promise) = job::promise("scatter pipeline".into());
        let failed = kept.replace(job.clone());
        drop(kept);
        drop(failed);
        let pipelines = Arc::clone(&shared.pipelines);
        let make = move || promise.keep(kernel(&pipelines));
        drop(shared.helpers.run("making the scatter pipeline", make)); // it goes on by itself
        job
    }
}

/// The pipeline that scatters. Blocks while the driver compiles.
pub(crate) fn kernel(pipelines: &Pipelines) -> Result<ComputePipeline> {
    pipelines.own_compute("scatter", SHADER)
}

/// As in shaders/scatter.comp.
#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
pub(crate) struct Push {
    target: u64,
    indices: u64,
    data: u64,
    words: u32,
    words_per_element: u32,
}

/// A packed list, and the buffer it goes to.
pub(crate) struct Scatter {
    target: Arc<BufferInner>,
    /// Where shaders find the indices.
    indices: u64,
    /// Where the elements are.
    data: u64,
    elements: usize,
    element_bytes: usize,
}

/// Whether a shader can write these elements: in words, counted and indexed in 32 bits.
pub(super) fn can_write(runs: &[Range<usize>], element_bytes: usize) -> bool {
    let elements: usize = runs.iter().map(Range::len).sum();
    let words = elements.saturating_mul(element_bytes / 4);
    let end = runs.last().map_or(0, |run| run.end);
    element_bytes.is_multiple_of(4) && words < MOST_WORDS && u32::try_from(end).is_ok()
}

/// Bytes of the indices in front of so many elements.
pub(crate) fn index_bytes(elements: usize) -> usize {
    elements * size_of::<u32>()
}

/// Writes the indices of the elements of `runs`.
pub(super) fn write_indices(runs: &[Range<usize>], to: &mut [u8]) {
    let indices = runs.iter().cloned().flatten();
    for (place, index) in to.chunks_exact_mut(size_of::<u32>()).zip(indices) {
        place.copy_from_slice(&(index as u32).to_ne_bytes());
    }
}

impl Scatter {
    /// Of a list of indices with the elements behind them.
    pub(super) fn new(target: &Arc<BufferInner>, list: u64, elements: usize, element_bytes: usize) -> Self {
        Self::with_list(target, list, list + index_bytes(elements) as u64, elements, element_bytes)
    }

    /// Of elements somewhere, and as many indices elsewhere. Elements are whole words that 32 bits count and index.
    pub(crate) fn with_list(
        target: &Arc<BufferInner>,
        indices: u64,
        data: u64,
        elements: usize,
        element_bytes: usize,
    ) -> Self {
        Self { target: Arc::clone(target), indices, data, elements, element_bytes }
    }

    /// Of the elements.
    pub(crate) fn bytes(&self) -> u64 {
        self.elements as u64 * self.element_bytes as u64
    }

    pub(super) fn record(&self, cmd: &mut Encoder<'_>, kernel: &ComputePipeline) -> Result<()> {
        let (push, groups) = self.call()?;
        cmd.bind(kernel).push(&push).dispatch([groups, 1, 1]);
        Ok(())
    }

    /// The push constants and the workgroups.
    pub(crate) fn call(&self) -> Result<(Push, u32)> {
        let Self { target, indices, data, elements, element_bytes } = self;
        let words_per_element = (element_bytes / 4) as u32;
        let words = *elements as u32 * words_per_element; // see `can_write`
        let address = target.address().ok_or_else(|| unplaced(&target.name))?;
        let most = target.device.info.limits.max_compute_work_group_count[0];
        let push = Push { target: address, indices: *indices, data: *data, words, words_per_element };
        Ok((push, words.div_ceil(LANES).min(most)))
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists of ranges, some of one")]
mod tests {
    use super::*;

    #[test]
    fn a_shader_writes_whole_words_that_32_bits_count_and_index() {
        let most = MOST_WORDS / 4;
        assert!(can_write(&[0..1, 5..6], 4) && can_write(&[0..1], 12));
        assert!(!can_write(&[0..1], 6) && !can_write(&[0..1], 1));
        assert!(can_write(&[0..most - 1], 16) && !can_write(&[0..most], 16));
        let last = u32::MAX as usize;
        assert!(can_write(&[last - 1..last], 4) && !can_write(&[last..last + 1], 4));
        assert!(!can_write(&[0..usize::MAX], 8));
    }

    #[test]
    fn there_is_an_index_for_each_element() {
        let mut bytes = [0xff; 20];
        write_indices(&[3..5, 9..12], &mut bytes);
        let word = |bytes: &[u8]| u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let indices: Vec<u32> = bytes.chunks_exact(4).map(word).collect();
        assert_eq!(indices, [3, 4, 9, 10, 11]);
    }
}
