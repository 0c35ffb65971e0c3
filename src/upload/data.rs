//! What is uploaded: data that the upload owns.

use std::{marker::PhantomData, mem::size_of, ops::Range, sync::Arc};

use bytemuck::Pod;
use bytes::Bytes;

use super::{stage::Staging, staging::Span};
use crate::resource::{BufferInner, range::bytes_of};

/// What [`Gpu::upload`](crate::Gpu::upload) takes: a `Vec<T>`, `Box<[T]>`, `Arc<[T]>`, `Arc<Vec<T>>`, array or
/// [`bytes::Bytes`], none of which is copied before it is staged; or a [`Staging`], which is where the GPU reads it already.
pub trait IntoUploadData {
    /// What it holds.
    type Element;
    /// As data that an upload owns.
    fn into_upload_data(self) -> UploadData<Self::Element>;
}

/// Elements on their way to the GPU, owned by the upload.
pub struct UploadData<T> {
    pub(super) source: Source,
    /// In bytes.
    pub(super) bytes: u64,
    element: PhantomData<fn() -> T>,
}

/// Where an upload's bytes are.
#[derive(Clone)]
pub(crate) enum Source {
    /// In ordinary memory: to be staged.
    Host(Bytes),
    /// Still to be made, piece by piece.
    Generated(Arc<Generate>),
    /// In staging memory, written.
    Staged(Arc<Span>),
    /// In memory that the GPU reads, from this byte on.
    Mapped(Arc<BufferInner>, u64),
}

/// Writes a range of bytes to where it is told to, which is as long.
pub(crate) type Generate = dyn Fn(Range<u64>, &mut [u8]) + Send + Sync;

impl Source {
    /// Whether it must be copied, or made, before the GPU can read it.
    pub(super) fn needs_staging(&self) -> bool {
        matches!(self, Self::Host(_) | Self::Generated(_))
    }
}

impl<T> UploadData<T> {
    pub(crate) fn new(source: Source, bytes: u64) -> Self {
        Self { source, bytes, element: PhantomData }
    }

    /// `len` elements that are still to be made: `generate` is called with a range of them and the place for it, piece by
    /// piece, by several threads at once and in any order, and may be called again for a piece.
    ///
    /// The place is not cleared; all of it must be written, and reading it is slow.
    ///
    /// ```no_run
    /// # use vulkio::{Streamed, UploadData};
    /// # async fn example(heights: Streamed<f32>, time: f32) -> vulkio::Result<()> {
    /// let waves = UploadData::generated(heights.len(), move |range, place: &mut [f32]| {
    ///     for (x, height) in range.zip(place) {
    ///         *height = (x as f32 * 0.1 + time).sin();
    ///     }
    /// });
    /// let now = heights.update(waves).await?; // to be read by this frame
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn generated(len: usize, generate: impl Fn(Range<usize>, &mut [T]) + Send + Sync + 'static) -> Self
    where
        T: Pod,
    {
        let size = size_of::<T>().max(1) as u64;
        let generate = move |bytes: Range<u64>, place: &mut [u8]| {
            let elements = (bytes.start / size) as usize..(bytes.end / size) as usize;
            generate(elements, bytemuck::cast_slice_mut(place));
        };
        Self::new(Source::Generated(Arc::new(generate)), bytes_of(len, size_of::<T>()))
    }

    /// Its bytes, if they lie in ordinary memory.
    pub(super) fn host_bytes(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Host(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Elements as the bytes that they are in memory. An upload of bytes that are no whole number of elements is refused.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        let len = bytes.len() as u64;
        Self::new(Source::Host(bytes), len)
    }
}

/// A container of elements as a container of bytes.
struct Elements<C>(C);

macro_rules! containers {
    ($($container:ty $(, $len:ident)?;)+) => {
        $(impl<T: Pod + Send + Sync $(, const $len: usize)?> AsRef<[u8]> for Elements<$container> {
            fn as_ref(&self) -> &[u8] {
                bytemuck::cast_slice(&self.0[..])
            }
        }

        impl<T: Pod + Send + Sync $(, const $len: usize)?> IntoUploadData for $container {
            type Element = T;
            fn into_upload_data(self) -> UploadData<T> {
                UploadData::from_bytes(Bytes::from_owner(Elements(self)))
            }
        })+
    };
}

containers! {
    Vec<T>;
    Box<[T]>;
    Arc<[T]>;
    Arc<Vec<T>>;
    [T; N], N;
}

impl IntoUploadData for Bytes {
    type Element = u8;
    fn into_upload_data(self) -> UploadData<u8> {
        UploadData::from_bytes(self)
    }
}

impl<T> IntoUploadData for Staging<T> {
    type Element = T;
    fn into_upload_data(self) -> UploadData<T> {
        let bytes = self.bytes();
        UploadData::new(Source::Staged(Arc::new(self.into_span())), bytes)
    }
}

impl<T> IntoUploadData for UploadData<T> {
    type Element = T;
    fn into_upload_data(self) -> Self {
        self
    }
}

impl<T> std::fmt::Debug for UploadData<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let elements = self.bytes / size_of::<T>().max(1) as u64;
        f.debug_struct("UploadData").field("elements", &elements).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_bytes_of_the_same_memory() {
        let elements = vec![1u32, 0x0203_0405];
        let place = elements.as_ptr().cast::<u8>();
        let data = elements.into_upload_data();
        let Source::Host(bytes) = &data.source else { panic!("a vector lies in host memory") };
        assert_eq!((data.bytes, &bytes[..], bytes.as_ptr()), (8, &[1, 0, 0, 0, 5, 4, 3, 2][..], place));
    }

    #[test]
    fn generated_elements_are_asked_for_by_their_numbers() {
        let data = UploadData::generated(100, |range, place: &mut [u64]| {
            assert_eq!(range.len(), place.len());
            range.zip(place).for_each(|(index, element)| *element = index as u64);
        });
        let Source::Generated(generate) = &data.source else { panic!("nothing is made yet") };
        let mut place = [0u64; 3];
        generate(40..64, bytemuck::cast_slice_mut(&mut place));
        assert_eq!((data.bytes, place), (800, [5, 6, 7]));
    }

    #[test]
    fn every_container_of_nothing_has_no_bytes() {
        assert_eq!(Vec::<u64>::new().into_upload_data().bytes, 0);
        assert_eq!(Arc::<[u64]>::from([]).into_upload_data().bytes, 0);
        assert_eq!(Bytes::new().into_upload_data().bytes, 0);
    }
}
