//! A renderer's frames as a stream of pictures.

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use futures::{Stream, task::AtomicWaker};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    error::{Error, Result},
    exec::{Capture, PendingPicture, Picture, Turn},
    gpu::{Gpu, Shared},
    sync::prim::lock,
};

/// What [`Renderer::capture_stream`](crate::Renderer::capture_stream) gives: a picture of every frame, in the order in which
/// they were submitted. A `Stream` of the `futures` crate; [`next`](Self::next) does without it.
///
/// Frames that were dropped, cancelled or refused are not in it: their errors come out of `submit`. When the device is lost,
/// or there is no memory for a picture, it gives that error once and ends. It also ends when the
/// [`Gpu`] is closed, and when the last handle of the renderer and the last of its frames are gone.
///
/// Dropping it ends the capture. Frames that wait for it go on, uncaptured.
///
/// ```no_run
/// # async fn example(renderer: vulkio::Renderer) -> vulkio::Result<()> {
/// let mut pictures = renderer.capture_stream();
/// tokio::spawn(async move {
///     while let Some(picture) = pictures.next().await {
///         println!("{} bytes", picture?.bytes().len()); // while this takes its time, `renderer.frame()` waits
///     }
///     Ok::<_, vulkio::Error>(())
/// });
/// # Ok(()) }
/// ```
#[must_use = "a renderer waits for the consumer of its stream"]
pub struct CaptureStream {
    line: Arc<Line>,
    /// The next picture, on its way.
    current: Option<Capture>,
    /// Until the `Gpu` is closed or lost.
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
    /// Why it was.
    gpu: Weak<Shared>,
    ended: bool,
}

/// The pictures between a renderer and a consumer.
struct Line {
    /// Captures of submitted frames, in order; `None` once nobody will look at them.
    queue: Mutex<Option<VecDeque<Capture>>>,
    consumer: AtomicWaker,
    /// As many pictures as there may still be. Closed when nobody consumes them any more.
    places: Arc<Semaphore>,
    /// No more frames can come.
    is_complete: AtomicBool,
}

/// The producing end, held by the renderer and by the frames that are captured: the line is complete when all are gone.
struct Tap(Arc<Line>);

impl Drop for Tap {
    fn drop(&mut self) {
        self.0.is_complete.store(true, Ordering::Release);
        self.0.consumer.wake();
    }
}

/// The taps of a renderer.
#[derive(Default)]
pub(crate) struct Taps(Mutex<Vec<Arc<Tap>>>);

/// A frame's place in a line. Dropped, it is free for another frame.
pub(crate) struct Place {
    tap: Arc<Tap>,
    permit: OwnedSemaphorePermit,
    /// For the frame's turn, once it is being committed.
    sender: Option<oneshot::Sender<Result<PendingPicture>>>,
}

impl Taps {
    /// A new stream, with at most `places` pictures under way.
    pub(crate) fn stream(&self, gpu: &Gpu, places: usize) -> CaptureStream {
        let places = Arc::new(Semaphore::new(places));
        // Without permits: it is only ever closed.
        let closing = Arc::new(Semaphore::new(0));
        gpu.shared.close_with(&places);
        gpu.shared.close_with(&closing);
        let line = Arc::new(Line {
            queue: Mutex::new(Some(VecDeque::new())),
            consumer: AtomicWaker::new(),
            places,
            is_complete: AtomicBool::new(false),
        });
        lock(&self.0).push(Arc::new(Tap(Arc::clone(&line))));
        CaptureStream {
            line,
            current: None,
            closing: Some(Box::pin(async move { drop(closing.acquire().await) })),
            gpu: Arc::downgrade(&gpu.shared),
            ended: false,
        }
    }

    /// A place for a frame with each stream that is consumed, when there is one.
    pub(crate) async fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for tap in self.open() {
            // Refused if nobody consumes it any more: then the frame is not captured for it.
            if let Ok(permit) = Arc::clone(&tap.0.places).acquire_owned().await {
                places.push(Place { tap, permit, sender: None });
            }
        }
        places
    }

    /// The taps whose pictures somebody consumes; the others are forgotten.
    fn open(&self) -> Vec<Arc<Tap>> {
        let mut taps = lock(&self.0);
        if taps.is_empty() {
            return Vec::new();
        }
        let (closed, open) = mem::take(&mut *taps).into_iter().partition(|tap| tap.0.places.is_closed());
        taps.clone_from(&open);
        drop(taps);
        drop::<Vec<_>>(closed);
        open
    }
}

impl Place {
    /// The turn that the frame takes when it is committed.
    pub(crate) fn turn(&mut self) -> Turn {
        let (sender, receiver) = oneshot::channel();
        self.sender = Some(sender);
        let (line, capture) = (Arc::clone(&self.tap.0), Capture::new(receiver));
        Box::new(move || {
            if let Some(queue) = &mut *lock(&line.queue) {
                queue.push_back(capture);
            }
            None
        })
    }

    /// The frame is submitted, and has taken its turn: from here on the consumer answers for the place.
    pub(crate) fn submitted(self, picture: impl FnOnce() -> PendingPicture) {
        let Self { tap, permit, sender } = self;
        permit.forget();
        if let Some(sender) = sender {
            let _ = sender.send(Ok(picture())); // the stream may be gone
        }
        tap.0.consumer.wake();
    }

    /// There is no picture of the frame: the stream ends with this error, after the frames before it.
    pub(crate) fn failed(mut self, error: Error) {
        self.turn()();
        self.permit.forget();
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(Err(error)); // the stream may be gone
        }
        self.tap.0.consumer.wake();
    }
}

impl CaptureStream {
    /// The next picture; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`]; [`Error::OutOfDeviceMemory`] if there was no memory for a picture. The stream has ended then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no picture.
    pub async fn next(&mut self) -> Option<Result<Picture>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Frees whoever waits for a place, and what nobody will look at.
    fn end(&mut self) {
        self.ended = true;
        self.line.places.close();
        self.current = None;
        let unseen = lock(&self.line.queue).take();
        drop(unseen);
    }

    /// Whether the `Gpu` takes no more frames, by closing or by loss.
    fn is_closed(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(closing) = &mut self.closing
            && closing.as_mut().poll(cx).is_ready()
        {
            self.closing = None;
        }
        self.closing.is_none()
    }

    /// What comes after the last picture.
    fn last_word(&self) -> Option<Result<Picture>> {
        let gpu = self.gpu.upgrade().map(|shared| Gpu { shared })?;
        gpu.refusal().filter(|error| error.is_device_lost()).map(Err)
    }
}

impl Stream for CaptureStream {
    type Item = Result<Picture>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.line.consumer.register(cx.waker());
        // Asked before the queue is looked at: whatever came before the end is in it then.
        let is_over = self.is_closed(cx) || self.line.is_complete.load(Ordering::Acquire);
        if self.current.is_none() {
            let next = lock(&self.line.queue).as_mut().and_then(VecDeque::pop_front);
            self.current = next;
        }
        let Some(current) = &mut self.current else {
            if !is_over {
                return Poll::Pending;
            }
            self.end();
            return Poll::Ready(self.last_word());
        };
        let outcome = ready!(Pin::new(current).poll(cx));
        self.current = None;
        self.line.places.add_permits(1);
        if outcome.is_err() {
            self.end();
        }
        match outcome {
            Err(Error::Closed) => Poll::Ready(None),
            outcome => Poll::Ready(Some(outcome)),
        }
    }
}

impl Drop for CaptureStream {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for CaptureStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureStream").field("ended", &self.ended).finish_non_exhaustive()
    }
}
