//! Uploads from a stream: item after item, each whole.

use std::{
    collections::VecDeque,
    error::Error as StdError,
    future::Future,
    mem::size_of,
    pin::{Pin, pin},
};

use bytemuck::Pod;
use futures::{Stream, StreamExt, future::try_join};

use super::data::{IntoUploadData, UploadData};
use crate::{
    error::{Error, Result, Source},
    gpu::Gpu,
    resource::GpuBuffer,
    sync::Completion,
};

/// Items that were taken from the stream and whose copies are not complete: one is read by the GPU, one staged, and one
/// comes in.
const MOST_ON_THEIR_WAY: usize = 3;

/// What [`Gpu::upload_stream`] gives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Uploaded {
    /// How many elements were written.
    pub elements: usize,
    /// Resolves when all of them are there. Graphs submitted from now on see them without waiting for this.
    pub done: Completion,
}

impl Gpu {
    /// Uploads the items of a stream one after the other into `buffer`, from element `at` on. Resolves when the last of
    /// them is submitted.
    ///
    /// Each item is written whole, and only after all before it. The next is asked for while the one before is staged,
    /// and only while fewer than three are on their way: a slow GPU slows the source down. Empty items are skipped.
    ///
    /// ```no_run
    /// # use vulkio::{Gpu, GpuBuffer};
    /// # async fn example(gpu: Gpu, buffer: GpuBuffer<u8>) -> vulkio::Result<()> {
    /// // Any stream of results: of a socket, a decoder, or, as here, of a file's blocks.
    /// let blocks = futures::stream::iter((0..4).map(|i| std::fs::read(format!("block-{i}"))));
    /// let uploaded = gpu.upload_stream(&buffer, 0, blocks).await?;
    /// println!("{} bytes are on their way", uploaded.elements);
    /// uploaded.done.await
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::StreamFailed`] with the stream's own error, and how many elements were written before it;
    /// [`Error::Invalid`] for an item that reaches beyond the buffer, which is not written, and for a stream that has no
    /// elements; else as [`upload`](Self::upload). Items before the one that failed are written.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it stops at the border of an item: the one that is under way is written whole or not at all, and none
    /// after it.
    pub fn upload_stream<T, S, D, E>(
        &self,
        buffer: &GpuBuffer<T>,
        at: usize,
        stream: S,
    ) -> impl Future<Output = Result<Uploaded>> + use<T, S, D, E>
    where
        T: Pod,
        S: Stream<Item = Result<D, E>>,
        D: IntoUploadData<Element = T>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let feed = Feed { gpu: self.clone(), buffer: buffer.clone(), at, written: 0, on_their_way: VecDeque::new() };
        feed.run(stream)
    }
}

/// An upload from a stream.
struct Feed<T> {
    gpu: Gpu,
    buffer: GpuBuffer<T>,
    at: usize,
    /// Elements whose copies are submitted.
    written: usize,
    /// Copies that were submitted and may not be complete, the oldest first.
    on_their_way: VecDeque<Completion>,
}

/// An item, or the stream's own error; `None` at its end.
type Next<T> = Option<Result<UploadData<T>, Source>>;

impl<T: Pod> Feed<T> {
    async fn run<D, E>(mut self, stream: impl Stream<Item = Result<D, E>>) -> Result<Uploaded>
    where
        D: IntoUploadData<Element = T>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.buffer.byte_range(&(self.at..self.at))?;
        let mut stream = pin!(stream);
        let mut item = None;
        loop {
            match self.step(item.take(), stream.as_mut()).await? {
                Some(Ok(next)) => item = Some(self.checked(next)?),
                Some(Err(source)) => return Err(self.failed(source)),
                None => return self.end(),
            }
        }
    }

    /// Uploads an item while the next is awaited. An error of the stream does not end the upload before it.
    async fn step<D, E>(
        &mut self,
        item: Option<UploadData<T>>,
        stream: Pin<&mut impl Stream<Item = Result<D, E>>>,
    ) -> Result<Next<T>>
    where
        D: IntoUploadData<Element = T>,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        let (len, room) = (item.as_ref().map_or(0, len_of), MOST_ON_THEIR_WAY - usize::from(item.is_some()));
        let (gpu, buffer, at) = (&self.gpu, &self.buffer, self.at + self.written);
        let upload = async {
            let Some(item) = item else { return Ok(None) };
            gpu.upload(buffer, at, item).await.map(Some)
        };
        let (done, next) = try_join(upload, pull(&mut self.on_their_way, room, stream)).await?;
        self.written += len;
        self.on_their_way.extend(done);
        Ok(next)
    }

    /// An item that fits behind what is written.
    fn checked(&self, item: UploadData<T>) -> Result<UploadData<T>> {
        let Self { at, written, .. } = *self;
        let (count, most) = (len_of(&item), self.buffer.len());
        if count <= most - at - written {
            return Ok(item);
        }
        Err(Error::Invalid(format!(
            "upload of a stream to `{}`: an item of {count} elements at {} reaches beyond its {most} elements; the \
             {written} before it are written",
            self.buffer.name(),
            at + written
        )))
    }

    fn failed(&self, source: Source) -> Error {
        Error::StreamFailed { buffer: self.buffer.name().to_owned(), elements: self.written, source }
    }

    fn end(self) -> Result<Uploaded> {
        let done = self.on_their_way.into_iter().reduce(Completion::and);
        let done = done.ok_or_else(|| {
            Error::Invalid(format!("upload of a stream to `{}`: it ended with 0 elements", self.buffer.name()))
        })?;
        Ok(Uploaded { elements: self.written, done })
    }
}

/// Whole elements in an item; an upload of a part of one is refused.
fn len_of<T>(item: &UploadData<T>) -> usize {
    (item.bytes / size_of::<T>().max(1) as u64) as usize
}

/// Waits until fewer than `room` copies are on their way, and then for an item that is not empty.
async fn pull<T, D, E>(
    on_their_way: &mut VecDeque<Completion>,
    room: usize,
    mut stream: Pin<&mut impl Stream<Item = Result<D, E>>>,
) -> Result<Next<T>>
where
    D: IntoUploadData<Element = T>,
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    // Awaited in place: dropped meanwhile, the copy still counts.
    while on_their_way.len() >= room
        && let Some(oldest) = on_their_way.front_mut()
    {
        oldest.await?;
        on_their_way.pop_front();
    }
    loop {
        match stream.next().await {
            None => return Ok(None),
            Some(Err(error)) => return Ok(Some(Err(error.into().into()))),
            Some(Ok(item)) => match item.into_upload_data() {
                item if item.bytes == 0 => {}
                item => return Ok(Some(Ok(item))),
            },
        }
    }
}
