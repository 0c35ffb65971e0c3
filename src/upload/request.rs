//! One upload: the future that its owner holds, and the ticket that the upload thread holds.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, Mutex, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use super::{data::Source, order::Priority, target::Target};
use crate::{
    error::{Error, Result, guarded},
    gpu::Gpu,
    sync::{Completion, prim::lock},
};

/// The future of [`Gpu::upload`] and its like: resolves when the data is staged and its copy submitted, to the
/// [`Completion`] of the copy. Graphs and frames that are submitted after that see the data.
///
/// It is lazy, `Send` and `'static`, and can be awaited on any executor. Awaiting it is the back-pressure: while the staging
/// memory is in use, it waits.
///
/// # Cancel safety
///
/// Dropped before its turn comes, nothing is written, and its data is dropped at once. Dropped after that, all of it is
/// written. What readers see is never a part of it.
#[must_use = "nothing is uploaded until it is awaited"]
pub struct Upload(State);

enum State {
    Declared(Box<Result<Declared>>),
    Asked(Arc<Request>),
    Done,
}

/// An upload that was checked, and that nobody knows of yet.
pub(super) struct Declared {
    pub(super) gpu: Gpu,
    pub(super) target: Target,
    pub(super) source: Source,
    pub(super) priority: Priority,
}

impl Upload {
    pub(super) fn new(declared: Result<Declared>) -> Self {
        Self(State::Declared(Box::new(declared)))
    }

    /// How urgent it is; [`Priority::Normal`] by default. Without effect once it was polled.
    pub fn priority(mut self, priority: Priority) -> Self {
        if let State::Declared(declared) = &mut self.0
            && let Ok(declared) = &mut **declared
        {
            declared.priority = priority;
        }
        self
    }
}

impl Declared {
    fn ask(self) -> Result<Arc<Request>> {
        let Self { gpu, target, source, priority } = self;
        gpu.check()?;
        let stage = Mutex::new(Stage::Waiting { source, waker: None });
        let request = Arc::new(Request { target, priority, stage });
        gpu.shared.uploads.ask(Ticket::new(&gpu, Arc::clone(&request)))?;
        Ok(request)
    }
}

impl Future for Upload {
    type Output = Result<Completion>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Declared(_) = self.0
            && let State::Declared(declared) = mem::replace(&mut self.0, State::Done)
        {
            match declared.and_then(Declared::ask) {
                Ok(request) => self.0 = State::Asked(request),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let State::Asked(request) = &self.0 else {
            return Poll::Ready(Err(Error::Cancelled)); // polled again after it was ready
        };
        let answer = request.poll(cx);
        if answer.is_ready() {
            self.0 = State::Done;
        }
        answer
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let State::Asked(request) = &self.0 {
            request.cancel();
        }
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Declared(_) => "declared",
            State::Asked(_) => "asked",
            State::Done => "done",
        };
        f.debug_tuple("Upload").field(&state).finish()
    }
}

/// An upload that was asked for.
pub(super) struct Request {
    pub(super) target: Target,
    pub(super) priority: Priority,
    stage: Mutex<Stage>,
}

/// Whoever takes it from `Waiting` owns what follows: its turn comes, or it is cancelled.
enum Stage {
    Waiting {
        source: Source,
        waker: Option<Waker>,
    },
    Begun {
        waker: Option<Waker>,
    },
    Answered(Result<Completion>),
    /// Nobody asks any more.
    Over,
}

impl Request {
    /// Whether its data lies in ordinary memory. A request that nobody asks for any more has none.
    pub(super) fn is_host_data(&self) -> bool {
        matches!(&*lock(&self.stage), Stage::Waiting { source: Source::Host(_), .. })
    }

    /// The data, if it is still wanted. From now on it is uploaded whole.
    pub(super) fn begin(&self) -> Option<Source> {
        let mut stage = lock(&self.stage);
        match mem::replace(&mut *stage, Stage::Over) {
            Stage::Waiting { source, waker } => {
                *stage = Stage::Begun { waker };
                Some(source)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<Completion>> {
        let mut stage = lock(&self.stage);
        match &mut *stage {
            Stage::Waiting { waker, .. } | Stage::Begun { waker } => {
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    // The old one goes after the lock: a waker's drop may run anything.
                    let old = waker.replace(cx.waker().clone());
                    drop(stage);
                    drop(old);
                }
                Poll::Pending
            }
            Stage::Answered(_) | Stage::Over => match mem::replace(&mut *stage, Stage::Over) {
                Stage::Answered(outcome) => Poll::Ready(outcome),
                _ => Poll::Ready(Err(Error::Cancelled)),
            },
        }
    }

    fn cancel(&self) {
        let stage = mem::replace(&mut *lock(&self.stage), Stage::Over);
        guarded("what an unused upload held", || drop(stage));
    }

    fn answer(&self, outcome: Result<Completion>) {
        let mut stage = lock(&self.stage);
        let old = match &*stage {
            Stage::Waiting { .. } | Stage::Begun { .. } => mem::replace(&mut *stage, Stage::Answered(outcome)),
            Stage::Answered(_) | Stage::Over => return,
        };
        drop(stage);
        if let Stage::Waiting { waker: Some(waker), .. } | Stage::Begun { waker: Some(waker) } = old {
            guarded("a waker", || waker.wake());
        }
    }
}

/// The duty to answer a request. Dropped without an answer, it says that there will be none.
pub(super) struct Ticket {
    pub(super) request: Arc<Request>,
    device: Arc<crate::gpu::device::Device>,
}

impl Ticket {
    fn new(gpu: &Gpu, request: Arc<Request>) -> Self {
        let device = Arc::clone(&gpu.shared.device);
        device.counters.uploads_waiting.fetch_add(1, Ordering::Relaxed);
        Self { request, device }
    }

    pub(super) fn answer(self, outcome: Result<Completion>) {
        self.request.answer(outcome);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.device.counters.uploads_waiting.fetch_sub(1, Ordering::Relaxed);
        self.request.answer(Err(Error::Closed)); // nothing, if it was answered
    }
}
