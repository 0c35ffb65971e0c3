//! Which cube a pixel of a frame shows.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::sync::oneshot;

use super::to_host;
use crate::{
    error::{Error, Result},
    graph::{Graph, PassId},
    raster::NO_ID,
    resource::GpuBuffer,
    sync::Completion,
};

/// A cube of a scene: its index in the [`InstanceSource`](crate::scene::InstanceSource) that it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

/// What draws pictures of cubes into graphs, and knows which cube each pixel shows.
pub(crate) trait Pickable: Send + Sync {
    /// Width and height of its pictures.
    fn size(&self) -> [u32; 2];
    /// Adds a pass to `graph`, after `drawn`, that writes the ids of what `pixels` show to `ids`, from element `first` on.
    /// Pixels are counted row after row from the top left.
    fn pick(&self, graph: &Graph, drawn: PassId, pixels: Vec<u32>, ids: &GpuBuffer<u32>, first: usize);
}

/// A picture that was drawn into a graph.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) by: Arc<dyn Pickable>,
    /// The last pass of it.
    pub(crate) drawn: PassId,
}

/// A pick on its way.
struct Request {
    from: Shown,
    pixel: u32,
    answer: oneshot::Sender<Result<Pending>>,
}

/// What was asked of a frame.
#[derive(Default)]
pub(crate) struct Picks {
    requests: Vec<Request>,
    /// Once the passes that write them are declared.
    ids: Option<GpuBuffer<u32>>,
}

impl Picks {
    /// Asks for a pixel of what was drawn last.
    pub(crate) fn add(&mut self, shown: Option<Shown>, x: u32, y: u32) -> Pick {
        let Some(from) = shown else {
            let message = "pick in a frame that no view draws; add `view.draw(..)` to the frame before";
            return Pick::failed(Error::Invalid(message.into()));
        };
        let [width, height] = from.by.size();
        if x >= width || y >= height {
            return Pick::failed(Error::Invalid(format!(
                "pick of pixel ({x}, {y}) in a picture of {width} × {height} pixels"
            )));
        }
        let (answer, receiver) = oneshot::channel();
        self.requests.push(Request { from, pixel: y * width + x, answer });
        Pick(State::Recording(receiver))
    }

    /// Adds the passes that look up the ids. If there is no memory for them, whoever asked learns so, and the frame is
    /// drawn all the same.
    pub(crate) fn declare(&mut self, graph: &Graph) {
        // Who dropped the future wants no answer.
        self.requests.retain(|request| !request.answer.is_closed());
        if self.requests.is_empty() {
            return;
        }
        match lease(graph, self.requests.len()) {
            Ok(ids) => {
                self.look_up(graph, &ids);
                to_host(graph, &ids);
                self.ids = Some(ids);
            }
            Err(error) => {
                for request in self.requests.drain(..) {
                    let _ = request.answer.send(Err(error.clone())); // nobody may wait for it any more
                }
            }
        }
    }

    /// One pass for all neighbours in the list that ask for the same picture.
    fn look_up(&self, graph: &Graph, ids: &GpuBuffer<u32>) {
        let mut first = 0;
        for requests in self.requests.chunk_by(|one, other| one.from.drawn == other.from.drawn) {
            let pixels = requests.iter().map(|request| request.pixel).collect();
            let Shown { by, drawn } = &requests[0].from;
            by.pick(graph, *drawn, pixels, ids, first);
            first += requests.len();
        }
    }

    /// All learn what to wait for.
    pub(crate) fn submitted<T>(self, done: &Completion<T>) {
        let Some(ids) = self.ids else { return };
        for (index, request) in self.requests.into_iter().enumerate() {
            let pending = Pending { done: done.without_value(), ids: ids.clone(), index };
            let _ = request.answer.send(Ok(pending)); // nobody may wait for it any more
        }
    }
}

/// Memory that the CPU reads. So little of it is had at once.
fn lease(graph: &Graph, count: usize) -> Result<GpuBuffer<u32>> {
    let leased = graph.gpu().shared.readbacks.lease_at_once("picks", count)?;
    leased.ok_or_else(|| Error::Invalid(format!("{count} picks in one frame; ask for a picture of ids: `view.ids()`")))
}

/// An id that is being looked up.
struct Pending {
    done: Completion,
    ids: GpuBuffer<u32>,
    index: usize,
}

impl Pending {
    /// Once the frame is complete.
    fn id(&self) -> Option<InstanceId> {
        // SAFETY: the frame that wrote the ids, and made them visible to the host, is complete; nothing writes them again.
        let id = unsafe { self.ids.host_slice() }[self.index];
        (id != NO_ID).then_some(InstanceId(id))
    }
}

/// The future of [`Frame::pick`](crate::Frame::pick): the cube that the pixel shows, or `None` where it shows the sky.
///
/// # Cancel safety
///
/// Dropping it has no effect on the frame.
#[must_use = "futures do nothing unless polled"]
pub struct Pick(State);

enum State {
    /// What was asked for cannot be.
    Failed(Error),
    /// Until the frame is submitted.
    Recording(oneshot::Receiver<Result<Pending>>),
    /// Until it is complete.
    Submitted(Pending),
}

impl Pick {
    fn failed(error: Error) -> Self {
        Self(State::Failed(error))
    }
}

impl Future for Pick {
    type Output = Result<Option<InstanceId>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            self.0 = match &mut self.0 {
                State::Failed(error) => return Poll::Ready(Err(error.clone())),
                State::Recording(receiver) => match ready!(Pin::new(receiver).poll(cx)) {
                    Ok(Ok(pending)) => State::Submitted(pending),
                    Ok(Err(error)) => State::Failed(error),
                    Err(_) => State::Failed(Error::Cancelled),
                },
                State::Submitted(pending) => {
                    return match ready!(Pin::new(&mut pending.done).poll(cx)) {
                        Ok(()) => Poll::Ready(Ok(pending.id())),
                        Err(error) => Poll::Ready(Err(error)),
                    };
                }
            };
        }
    }
}

impl fmt::Debug for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pick").finish_non_exhaustive()
    }
}
