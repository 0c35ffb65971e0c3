//! Staging memory that the program writes itself.

use std::{
    fmt,
    marker::PhantomData,
    mem::size_of,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use bytemuck::Pod;

use super::staging::Span;
use crate::{
    error::{Error, Result},
    gpu::Gpu,
    resource::range::bytes_of,
};

/// Elements in staging memory, to be written in place and then uploaded without a further copy.
///
/// What it holds at first is undefined. The memory may be write-combined: write it in order; reading it is slow.
///
/// ```no_run
/// # async fn example(gpu: vulkio::Gpu, buffer: vulkio::GpuBuffer<f32>) -> vulkio::Result<()> {
/// let mut samples = gpu.stage::<f32>(1 << 20).await?;
/// for (i, sample) in samples.iter_mut().enumerate() {
///     *sample = i as f32;
/// }
/// gpu.upload(&buffer, 0, samples).await?.await
/// # }
/// ```
pub struct Staging<T> {
    span: Span,
    element: PhantomData<T>,
}

impl<T> Staging<T> {
    pub(super) fn bytes(&self) -> u64 {
        self.span.bytes()
    }

    pub(super) fn into_span(self) -> Span {
        self.span
    }

    fn elements(&self) -> usize {
        self.span.bytes() as usize / size_of::<T>()
    }
}

impl<T: Pod> Deref for Staging<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the span is this value's alone, mapped, and aligned for every element that a buffer can have; any bytes
        // are a `T`.
        unsafe { std::slice::from_raw_parts(self.span.start().as_ptr().cast(), self.elements()) }
    }
}

impl<T: Pod> DerefMut for Staging<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and nobody else looks at it.
        unsafe { std::slice::from_raw_parts_mut(self.span.start().as_ptr().cast(), self.elements()) }
    }
}

impl<T> fmt::Debug for Staging<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staging").field("elements", &self.elements()).finish_non_exhaustive()
    }
}

impl Gpu {
    /// Room for `len` elements in staging memory, for [`upload`](Self::upload) to take. While a third of
    /// [`GpuOptions::staging_bytes`](crate::GpuOptions::staging_bytes) is in use by others of its kind, it waits: who holds
    /// several and waits for one more may wait for himself.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there are no elements, they have no size, or take more than 16 MiB or a third of the budget;
    /// [`Error::OutOfDeviceMemory`]; [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, it gives up its place and nothing else.
    pub async fn stage<T: Pod>(&self, len: usize) -> Result<Staging<T>> {
        let bytes = bytes_of(len, size_of::<T>());
        let staged = self.shared.uploads.staged();
        if bytes == 0 {
            return Err(Error::Invalid("staging of 0 bytes; stage at least one element".into()));
        }
        if bytes > staged.longest() || align_of::<T>() > super::staging::ALIGNMENT as usize {
            return Err(Error::Invalid(format!(
                "staging of {bytes} bytes; at most {} at once: cut it, or raise `GpuOptions::staging_bytes`",
                staged.longest()
            )));
        }
        // One at a time looks for room: who wants much is not overtaken by those who want little.
        let _turn = self.shared.uploads.turn().lock().await;
        loop {
            let room = self.shared.uploads.room().notified();
            self.check()?;
            if let Some(span) = self.take_staging(bytes).await? {
                return Ok(Staging { span, element: PhantomData });
            }
            room.await;
        }
    }

    async fn take_staging(&self, bytes: u64) -> Result<Option<Span>> {
        let staged = self.shared.uploads.staged();
        if let Some(span) = staged.take_present(bytes, 0) {
            return Ok(Some(span));
        }
        let staged = Arc::clone(staged);
        // The driver is asked for memory, which takes milliseconds.
        self.shared.helpers.run("taking staging memory", move || staged.take(bytes, 0)).await?
    }
}
