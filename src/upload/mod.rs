//! Data from the CPU to the GPU, first form: staged copies.

use std::{mem::size_of, ops::Range, sync::Arc};

use bytemuck::Pod;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    error::{Error, Result},
    gpu::{Gpu, QueueKind},
    graph::Graph,
    memory::MemoryKind,
    resource::GpuBuffer,
    sync::Completion,
};

/// What is staged at once: large enough for the bus, small enough to fill while the one before is copied.
const CHUNK_BYTES: usize = 8 << 20;
/// Chunks on their way at once.
const CHUNKS: usize = 4;

impl Gpu {
    /// Copies `data` into `buffer`, from element `at` on, over the transfer queue. Resolves when the copy is submitted:
    /// graphs submitted after that see the data.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the data does not fit, [`Error::Graph`] for a buffer of another `Gpu`,
    /// [`Error::OutOfDeviceMemory`] if there is no room to stage it. Nothing is written then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the copy is made whole or not at all.
    pub async fn upload<T: Pod + Send + Sync>(
        &self,
        buffer: &GpuBuffer<T>,
        at: usize,
        data: Vec<T>,
    ) -> Result<Completion> {
        let range = at..at.saturating_add(data.len());
        buffer.byte_range(&range)?;
        if data.is_empty() {
            return Err(Error::Invalid(format!("upload of 0 elements to `{}`", buffer.name())));
        }
        let fill = move |_: Range<usize>, staging: &mut [T]| staging.copy_from_slice(&data);
        copy_chunk(self, buffer, range, Arc::new(fill)).await
    }

    /// Fills `buffer` with what `generate` writes: called with a range of elements and the place for them, chunk by chunk,
    /// on helper threads. Memory for a few chunks is all that it takes. Resolves when the buffer is filled.
    ///
    /// The place is not cleared; all of it must be written, and reading it is slow.
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload); [`Error::HelperPanicked`] if `generate` does. The buffer is filled in part then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it stops between chunks.
    pub async fn upload_with<T, F>(&self, buffer: &GpuBuffer<T>, generate: F) -> Result<()>
    where
        T: Pod,
        F: Fn(Range<usize>, &mut [T]) + Send + Sync + 'static,
    {
        let generate = Arc::new(generate);
        let step = (CHUNK_BYTES / size_of::<T>()).max(1);
        let chunks = (0..buffer.len()).step_by(step).map(|start| start..(start + step).min(buffer.len()));
        let copies = chunks.map(|range| {
            let generate = Arc::clone(&generate);
            async move { copy_chunk(self, buffer, range, generate).await?.await }
        });
        stream::iter(copies).buffer_unordered(CHUNKS).try_collect().await
    }
}

/// Fills a staging buffer on a helper thread and submits its copy.
async fn copy_chunk<T, F>(gpu: &Gpu, buffer: &GpuBuffer<T>, range: Range<usize>, fill: Arc<F>) -> Result<Completion>
where
    T: Pod,
    F: Fn(Range<usize>, &mut [T]) + Send + Sync + 'static,
{
    let staging = gpu.buffer_in::<T>("staging", range.len(), MemoryKind::Upload)?;
    let (place, filled) = (staging.clone(), range.clone());
    let write = move || {
        // SAFETY: the buffer was just made; its copy is submitted after this has returned.
        fill(filled, unsafe { place.host_slice_mut() });
    };
    gpu.shared.helpers.run("filling a staging buffer", write).await?;
    let graph = Graph::on(gpu, "upload", QueueKind::Transfer);
    let (from, to) = (staging.clone(), buffer.clone());
    graph.pass("upload").reads(staging.copy_source()).writes(buffer.copy_target()).record(move |cmd| {
        cmd.copy(&from, 0..from.len(), &to, range.start);
    });
    Ok(graph.submit().await?.without_value())
}
