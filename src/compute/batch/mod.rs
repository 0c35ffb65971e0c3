//! Many dispatches of many tasks, in few submissions.
//!
//! The first goes at once. What comes while the GPU is busy with that gathers, and goes as one submission when something is
//! complete, when there is enough of it, or when the first of it has waited long enough.

mod flight;
mod load;
mod waves;

use std::{
    mem,
    sync::{Arc, Mutex},
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::dispatch::Step;
use crate::{
    error::{Error, Result},
    gpu::{Gpu, helpers::Helpers},
    sync::{Completion, Hub, prim::lock},
};
use flight::Flight;

/// How dispatches gather: for [`GpuOptions::batching`](crate::GpuOptions::batching).
///
/// A dispatch that is alone never waits: these say how long others may, while the GPU is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batching {
    /// So many dispatches go without waiting any longer; at least 1. By default 256.
    pub max_batch: usize,
    /// The longest that a dispatch waits for work before it to complete. By default 200 µs.
    pub max_delay: Duration,
    /// Dispatches gather while so many submissions are not complete; at least 1, which is the default. With more, a program that makes
    /// dispatches no faster than the GPU completes them submits each by itself.
    pub in_flight: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self::GATHERING
    }
}

impl Batching {
    /// While anything is not complete.
    pub(super) const GATHERING: Self = Self { max_batch: 256, max_delay: Duration::from_micros(200), in_flight: 1 };

    /// Sets [`max_batch`](Self::max_batch).
    #[must_use]
    pub fn max_batch(self, dispatches: usize) -> Self {
        Self { max_batch: dispatches.max(1), ..self }
    }

    /// Sets [`max_delay`](Self::max_delay).
    #[must_use]
    pub fn max_delay(self, delay: Duration) -> Self {
        Self { max_delay: delay, ..self }
    }

    /// Sets [`in_flight`](Self::in_flight).
    #[must_use]
    pub fn in_flight(self, submissions: usize) -> Self {
        Self { in_flight: submissions.max(1), ..self }
    }
}

/// A dispatch on its way.
pub(super) struct Item {
    pub(super) gpu: Gpu,
    pub(super) steps: Vec<Step>,
    pub(super) awaited: Awaited,
}

/// What somebody waits for.
pub(super) enum Awaited {
    Submission(oneshot::Sender<Result<Completion>>),
    Completion(oneshot::Sender<Result<()>>),
}

impl Item {
    /// Nobody may be waiting any more when it is told.
    fn refuse(self, error: Error) {
        match self.awaited {
            Awaited::Submission(told) => _ = told.send(Err(error)),
            Awaited::Completion(told) => _ = told.send(Err(error)),
        }
    }

    /// Itself, if somebody waits for more than this.
    fn submitted(self, completion: &Completion) -> Option<Self> {
        match self.awaited {
            Awaited::Submission(told) => {
                let _ = told.send(Ok(completion.clone()));
                None
            }
            Awaited::Completion(_) => Some(self),
        }
    }

    fn complete(self, outcome: Result<()>) {
        if let Awaited::Completion(told) = self.awaited {
            let _ = told.send(outcome);
        }
    }

    fn is_unwanted(&self) -> bool {
        match &self.awaited {
            Awaited::Submission(told) => told.is_closed(),
            Awaited::Completion(told) => told.is_closed(),
        }
    }
}

/// Gathers the dispatches of a `Gpu`.
pub(crate) struct Batcher {
    hub: Arc<Hub>,
    helpers: Arc<Helpers>,
    policy: Batching,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: Vec<Item>,
    /// Submissions that are not complete.
    in_flight: usize,
    /// When the first that waits has waited long enough.
    alarm: Option<(Instant, u64)>,
    /// Whether somebody is about to submit what waits.
    is_called: bool,
    is_closed: bool,
}

impl Batcher {
    pub(crate) fn new(hub: &Arc<Hub>, helpers: &Arc<Helpers>, policy: Batching) -> Arc<Self> {
        let (hub, helpers) = (Arc::clone(hub), Arc::clone(helpers));
        Arc::new(Self { hub, helpers, policy, state: Mutex::default() })
    }

    /// Submits a dispatch here and now, or lets it gather.
    pub(super) fn take(self: &Arc<Self>, item: Item) {
        let mut state = lock(&self.state);
        if state.is_closed {
            drop(state);
            return item.refuse(Error::Closed);
        }
        let is_alone = state.waiting.is_empty() && state.in_flight < self.policy.in_flight;
        state.waiting.push(item);
        if is_alone || state.waiting.len() >= self.policy.max_batch {
            let items = self.begin(&mut state);
            drop(state);
            Flight::begin(self, items);
        } else if state.waiting.len() == 1 {
            let sooner = self.set_alarm(&mut state);
            drop(state);
            if sooner {
                self.hub.ring();
            }
        }
    }

    /// What waits, as a submission.
    fn begin(&self, state: &mut State) -> Vec<Item> {
        if let Some((at, id)) = state.alarm.take() {
            self.hub.timers.cancel(at, id);
        }
        state.in_flight += 1;
        mem::take(&mut state.waiting)
    }

    fn set_alarm(self: &Arc<Self>, state: &mut State) -> bool {
        let Some(at) = Instant::now().checked_add(self.policy.max_delay) else { return false };
        let mut id = None;
        let sooner = self.hub.timers.set(at, &mut id, &Waker::from(Arc::clone(self)));
        state.alarm = id.map(|id| (at, id));
        sooner
    }

    /// Several submissions in place of one.
    fn split(&self, into: usize) {
        lock(&self.state).in_flight += into.saturating_sub(1);
    }

    /// A submission is complete, or failed.
    fn landed(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.in_flight -= 1;
        drop(state);
        self.call();
    }

    /// Has what waits submitted by a helper: this is called where nothing may take long.
    fn call(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        if state.waiting.is_empty() || mem::replace(&mut state.is_called, true) {
            return;
        }
        drop(state);
        let own = Arc::clone(self);
        if self.helpers.spawn(true, move || own.submit_waiting()).is_err() {
            self.close();
        }
    }

    fn submit_waiting(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.is_called = false;
        if state.waiting.is_empty() {
            return;
        }
        let items = self.begin(&mut state);
        drop(state);
        Flight::begin(self, items);
    }

    /// Refuses what waits, and what comes.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|item| item.refuse(Error::Closed));
    }
}

/// The alarm.
impl Wake for Batcher {
    fn wake(self: Arc<Self>) {
        self.call();
    }
}
