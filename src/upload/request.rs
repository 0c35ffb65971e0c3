//! One upload: the future that its owner holds, and the ticket that the upload thread holds.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
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
    /// Checked; nobody knows of it yet.
    Declared(Gpu, Arc<Request>),
    Wrong(Box<Error>),
    Asked(Arc<Request>),
    Done,
}

impl Upload {
    pub(super) fn new(gpu: &Gpu, request: Result<Request>) -> Self {
        Self(match request {
            Ok(request) => State::Declared(gpu.clone(), Arc::new(request)),
            Err(error) => State::Wrong(Box::new(error)),
        })
    }

    /// How urgent it is; [`Priority::Normal`] by default. Without effect once it was polled.
    pub fn priority(mut self, priority: Priority) -> Self {
        if let State::Declared(_, request) = &mut self.0
            && let Some(request) = Arc::get_mut(request)
        {
            request.priority = priority;
        }
        self
    }
}

impl State {
    fn ask(self) -> Result<Self> {
        match self {
            Self::Declared(gpu, request) => {
                gpu.check()?;
                gpu.shared.uploads.ask(Ticket::new(Arc::clone(&request)))?;
                Ok(Self::Asked(request))
            }
            Self::Wrong(error) => Err(*error),
            other => Ok(other),
        }
    }
}

impl Future for Upload {
    type Output = Result<Completion>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Declared(..) | State::Wrong(_) = self.0 {
            match mem::replace(&mut self.0, State::Done).ask() {
                Ok(asked) => self.0 = asked,
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
            State::Declared(..) | State::Wrong(_) => "declared",
            State::Asked(_) => "asked",
            State::Done => "done",
        };
        f.debug_tuple("Upload").field(&state).finish()
    }
}

/// An upload that was checked.
pub(super) struct Request {
    pub(super) target: Target,
    pub(super) priority: Priority,
    /// Whether its data lies in ordinary memory and goes to a buffer.
    is_plain: bool,
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
    pub(super) fn new(target: Target, source: Source) -> Self {
        let is_plain = source.host_bytes().is_some() && target.places().is_some();
        let stage = Mutex::new(Stage::Waiting { source, waker: None });
        Self { target, priority: Priority::default(), is_plain, stage }
    }

    /// Whether it is submitted together with others, where so many bytes are small.
    pub(super) fn may_be_gathered(&self, small: u64) -> bool {
        self.is_plain && (self.target.bytes() <= small || matches!(self.target, Target::Ranges { .. }))
    }

    /// Whether somebody still asks for it, or it has begun.
    pub(super) fn is_wanted(&self) -> bool {
        !matches!(*lock(&self.stage), Stage::Over)
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
    /// When it came; it keeps its place where it has to step back.
    pub(super) came: Option<Instant>,
}

impl Ticket {
    fn new(request: Arc<Request>) -> Self {
        Self::waiting(&request).fetch_add(1, Ordering::Relaxed);
        Self { request, came: None }
    }

    pub(super) fn answer(self, outcome: Result<Completion>) {
        self.request.answer(outcome);
    }

    /// The same answer for all.
    pub(super) fn answer_all(tickets: Vec<Self>, outcome: &Result<Completion>) {
        tickets.into_iter().for_each(|ticket| ticket.answer(outcome.clone()));
    }

    fn waiting(request: &Request) -> &AtomicU64 {
        &request.target.device().counters.uploads_waiting
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        Self::waiting(&self.request).fetch_sub(1, Ordering::Relaxed);
        self.request.answer(Err(Error::Closed)); // nothing, if it was answered
    }
}
