//! Data from the GPU to the CPU: buffers, images, and frames as a stream.

mod kept;
mod pool;
mod stream;

use std::{
    fmt,
    future::Future,
    ops::{Bound, Deref, Range, RangeBounds},
    pin::Pin,
    task::{Context, Poll},
};

use bytemuck::Pod;
use futures::future::BoxFuture;

pub use self::stream::CaptureStream;
pub(crate) use self::{
    pool::{ReadPool, lease},
    stream::{Place, Taps},
};
use crate::{
    error::{Error, Result},
    exec::{Picture, to_host},
    gpu::{Gpu, QueueKind},
    graph::Graph,
    resource::{GpuBuffer, ImagePart},
};

/// Elements read back from the GPU, in memory that the CPU reads fast; derefs to a slice.
///
/// A cheap handle. [`to_vec`](slice::to_vec) copies the elements into memory of the program's own, which takes as long as
/// a `memcpy`; looking at them in place takes nothing. When the last handle is gone, the memory serves a later read.
#[derive(Clone)]
pub struct Readback<T> {
    buffer: GpuBuffer<T>,
}

impl<T: Pod> Deref for Readback<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: it was made after the copy into it was complete and visible to the host; nothing writes it again.
        unsafe { self.buffer.host_slice() }
    }
}

impl<T: Pod> AsRef<[T]> for Readback<T> {
    fn as_ref(&self) -> &[T] {
        self
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Readback<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readback").field(&&**self).finish()
    }
}

/// The future of [`Gpu::read`] and [`Gpu::read_image`]. It is lazy, `Send` and `'static`, and runs on any executor.
///
/// # Cancel safety
///
/// Dropped, the copy is not made, or made and thrown away.
#[must_use = "nothing is read until it is awaited"]
pub struct Read<R>(BoxFuture<'static, Result<R>>);

impl<R> Read<R> {
    fn new(read: impl Future<Output = Result<R>> + Send + 'static) -> Self {
        Self(Box::pin(read))
    }
}

impl<R> Future for Read<R> {
    type Output = Result<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<R> fmt::Debug for Read<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").finish_non_exhaustive()
    }
}

impl Gpu {
    /// Copies elements of `buffer` to where the CPU can read them, over the transfer queue, after the graphs submitted so
    /// far that write them. `..` is all of them. Any number of reads may be under way.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the range is empty or reaches beyond the buffer, [`Error::Graph`] for a buffer of another
    /// `Gpu` or elements that nothing has written, [`Error::OutOfDeviceMemory`], [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the copy is not made, or made and thrown away.
    ///
    /// ```no_run
    /// # async fn example(gpu: vulkio::Gpu, heights: vulkio::GpuBuffer<f32>) -> vulkio::Result<()> {
    /// let highest = gpu.read(&heights, ..).await?.iter().copied().fold(f32::MIN, f32::max);
    /// let (low, high) = (gpu.read(&heights, ..16), gpu.read(&heights, 16..32));
    /// let (low, high) = futures::try_join!(low, high)?; // both under way at once
    /// # let _ = (highest, low, high);
    /// # Ok(()) }
    /// ```
    pub fn read<T: Pod>(&self, buffer: &GpuBuffer<T>, range: impl RangeBounds<usize>) -> Read<Readback<T>> {
        let range = elements(range.start_bound(), range.end_bound(), buffer.len());
        Read::new(read(self.clone(), buffer.clone(), range))
    }

    /// Copies the texels of an image, or of one level and layer of it, to where the CPU can read them.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for several levels or layers at once, or such as the image does not have; [`Error::Graph`] for
    /// an image of another `Gpu` or texels that nothing has written; [`Error::OutOfDeviceMemory`], [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the copy is not made, or made and thrown away.
    pub fn read_image(&self, image: &impl ImagePart) -> Read<Picture> {
        let (gpu, part) = (self.clone(), image.part());
        Read::new(async move {
            let texels = Picture::texels(&gpu, &part).await?;
            // Not on the transfer queue: a queue family owns an image, and the one that drew this is most often graphics.
            // To hand it over and back takes longer than the copy gains; and depths can be copied there alone.
            let graph = Graph::new(&gpu, "read image");
            let picture = Picture::copied_by(&graph, &part, texels, []);
            let submit = graph.submit();
            drop(gpu); // who only waits for the GPU does not keep it open
            submit.await?.await?;
            Ok(picture)
        })
    }
}

async fn read<T: Pod>(gpu: Gpu, buffer: GpuBuffer<T>, range: Range<usize>) -> Result<Readback<T>> {
    buffer.byte_range(&range)?;
    if range.is_empty() {
        return Err(Error::Invalid(format!("read of 0 elements of `{}`", buffer.name())));
    }
    let copy = lease::<T>(&gpu, "read-back", range.len()).await?;
    let graph = Graph::on(&gpu, "read", QueueKind::Transfer);
    let (from, to) = (buffer.clone(), copy.clone());
    let source = buffer.slice(range.clone()).copy_source();
    graph.pass("read").reads(source).writes(copy.copy_target()).record(move |cmd| {
        cmd.copy(&from, range, &to, 0);
    });
    to_host(&graph, &copy);
    let submit = graph.submit();
    drop((gpu, buffer)); // who only waits for the GPU does not keep them
    submit.await?.await?;
    Ok(Readback { buffer: copy })
}

/// The range that a pair of bounds means. What no `usize` counts is beyond every buffer.
fn elements(start: Bound<&usize>, end: Bound<&usize>, len: usize) -> Range<usize> {
    let start = match start {
        Bound::Included(&start) => start,
        Bound::Excluded(&start) => start.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match end {
        Bound::Included(&end) => end.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: impl RangeBounds<usize>) -> Range<usize> {
        elements(range.start_bound(), range.end_bound(), 8)
    }

    #[test]
    fn bounds_of_any_kind_are_a_range() {
        assert_eq!([of(..), of(2..), of(..3), of(..=3), of(2..=3)], [0..8, 2..8, 0..3, 0..4, 2..4]);
        assert_eq!(of((Bound::Excluded(2), Bound::Unbounded)), 3..8);
    }

    #[test]
    fn bounds_at_the_end_of_usize_do_not_overflow() {
        assert_eq!(of(usize::MAX..=usize::MAX), usize::MAX..usize::MAX);
        assert_eq!(of((Bound::Excluded(usize::MAX), Bound::Unbounded)).start, usize::MAX);
    }

    #[test]
    fn a_read_goes_to_other_tasks_whatever_its_elements_are() {
        fn crosses<T: Send + 'static>() {}
        crosses::<Read<Readback<u32>>>();
        crosses::<Read<Picture>>();
        fn is_shared<T: Clone + Send + Sync>() {}
        is_shared::<Readback<u32>>();
    }
}
