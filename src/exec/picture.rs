//! Pictures read back from the GPU.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
};

use ash::vk;
use tokio::sync::oneshot;

use crate::{
    error::{Error, Result},
    gpu::{Gpu, Shared},
    graph::{Graph, PassId},
    readback,
    resource::{Access, GpuBuffer, ImageRole, Part, Subimage, Use},
    sync::Completion,
};

/// The texels of an image, in memory that the CPU reads fast. A cheap handle.
#[derive(Clone)]
pub struct Picture {
    texels: GpuBuffer<u8>,
    size: [u32; 2],
    format: vk::Format,
    /// For its helper threads. Weak, so that a picture that is kept keeps no device open beyond its own memory.
    #[cfg_attr(not(feature = "png"), expect(dead_code, reason = "only saving needs the helper threads"))]
    gpu: Weak<Shared>,
}

impl Picture {
    /// Memory for a picture of a part of an image. What would take the driver long is made on a helper thread.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the part is of several levels or layers, or beyond the image; else as [`readback::lease`].
    pub(crate) async fn texels<R: ImageRole>(gpu: &Gpu, part: &Subimage<R>) -> Result<GpuBuffer<u8>> {
        readback::lease(gpu, "picture", Self::bytes_of(part)?).await
    }

    /// As [`texels`](Self::texels), if that is to be had at once.
    pub(crate) fn texels_at_once<R: ImageRole>(gpu: &Gpu, part: &Subimage<R>) -> Result<Option<GpuBuffer<u8>>> {
        gpu.shared.readbacks.lease_at_once("picture", Self::bytes_of(part)?)
    }

    fn bytes_of<R: ImageRole>(part: &Subimage<R>) -> Result<usize> {
        let (region, image) = (part.region()?, part.image());
        let (levels, layers, name) = (region.levels().len(), region.layers().len(), &image.name);
        if levels > 1 || layers > 1 {
            return Err(Error::Invalid(format!(
                "a picture of {levels} levels and {layers} layers of `{name}`; it shows one of each: \
                 say `{name}.level(..)`, `.layer(..)`, or both"
            )));
        }
        Ok(usize::try_from(image.shape.packed_bytes(region.levels().start, 1)).unwrap_or(usize::MAX))
    }

    /// Adds passes to `graph` that copy a part of an image into its [`texels`](Self::texels), after the passes `after`. The
    /// picture may be looked at once the graph is complete.
    pub(crate) fn copied_by<R: ImageRole>(
        graph: &Graph,
        part: &Subimage<R>,
        texels: GpuBuffer<u8>,
        after: impl IntoIterator<Item = PassId>,
    ) -> Self {
        let (source, target) = (part.clone(), texels.clone());
        let copy = after.into_iter().fold(graph.pass("copy picture"), |copy, pass| copy.after(pass));
        copy.reads(part.copy_source()).writes(texels.copy_target()).record(move |cmd| {
            cmd.copy_image(&source, &target);
        });
        to_host(graph, &texels);
        let shape = &part.image().shape;
        // A part beyond its image has no picture: the graph's submission says so.
        let level = part.region().map_or(0, |region| region.levels().start);
        let size = shape.extent_of(level);
        Self { texels, size, format: shape.format, gpu: Arc::downgrade(&graph.gpu().shared) }
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.size
    }

    /// The format of the texels: `R8G8B8A8_SRGB` for a frame's target.
    #[must_use]
    pub fn format(&self) -> vk::Format {
        self.format
    }

    /// The texels, row after row from the top, without gaps.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: a picture is given out when the graph that wrote it, and made it visible to the host, is complete;
        // nothing writes it again.
        unsafe { self.texels.host_slice() }
    }

    /// The `Gpu` it came from, while that is open.
    #[cfg(feature = "png")]
    pub(super) fn gpu(&self) -> Option<Gpu> {
        self.gpu.upgrade().map(|shared| Gpu { shared }).filter(|gpu| !gpu.is_closed())
    }

    /// The texel at column `x` of row `y`, as its format's bytes. `None` outside.
    #[must_use]
    pub fn texel(&self, x: u32, y: u32) -> Option<&[u8]> {
        let [width, height] = self.size;
        let per_texel = self.bytes().len() / (width as usize * height as usize);
        let index = y as usize * width as usize + x as usize;
        (x < width && y < height).then(|| &self.bytes()[index * per_texel..][..per_texel])
    }
}

/// Makes what a graph wrote into a buffer visible to the host, which a timeline's signal alone does not.
pub(crate) fn to_host<T>(graph: &Graph, buffer: &GpuBuffer<T>) {
    let read = Use { resource: buffer.resource(), part: Part::Whole, access: Some(Access::HOST_READ) };
    graph.pass("to host").reads(read).record(|_| ());
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("size", &self.size).field("format", &self.format).finish_non_exhaustive()
    }
}

/// A picture that is being copied.
pub(crate) struct PendingPicture {
    pub(crate) done: Completion,
    pub(crate) picture: Picture,
}

/// The future of [`Frame::capture`](crate::Frame::capture).
///
/// # Cancel safety
///
/// Dropping it has no effect on the frame.
#[must_use = "futures do nothing unless polled"]
pub struct Capture(State);

enum State {
    /// Until the frame is submitted.
    Recording(oneshot::Receiver<Result<PendingPicture>>),
    /// Until it is complete.
    Submitted(PendingPicture),
}

impl Capture {
    pub(crate) fn new(receiver: oneshot::Receiver<Result<PendingPicture>>) -> Self {
        Self(State::Recording(receiver))
    }
}

impl Future for Capture {
    type Output = Result<Picture>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.0 {
                State::Recording(receiver) => match std::task::ready!(Pin::new(receiver).poll(cx)) {
                    Ok(pending) => self.0 = State::Submitted(pending?),
                    Err(_) => return Poll::Ready(Err(Error::Cancelled)),
                },
                State::Submitted(pending) => {
                    let done = std::task::ready!(Pin::new(&mut pending.done).poll(cx));
                    return Poll::Ready(done.map(|()| pending.picture.clone()));
                }
            }
        }
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}
