//! Many dispatches of many tasks, in few submissions.
//!
//! The first goes at once. What comes while the GPU is busy with that gathers, and goes as one submission when something is
//! complete, when there is enough of it, or when the first of it has waited long enough.

mod flight;
mod item;
mod load;
mod waves;

use std::{
    mem,
    sync::{Arc, Mutex},
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use crate::{
    error::Error,
    gpu::helpers::Helpers,
    sync::{Hub, prim::lock},
};
use flight::Flight;
pub(super) use item::{Awaited, Item};

/// How dispatches gather: for [`GpuOptions::batching`](crate::GpuOptions::batching).
///
/// A dispatch that is alone never waits: these say how long others may, while the GPU is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    max_batch: usize,
    max_delay: Duration,
    in_flight: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self::GATHERING
    }
}

impl Batching {
    /// While anything is not complete.
    pub(super) const GATHERING: Self = Self { max_batch: 256, max_delay: Duration::from_micros(200), in_flight: 1 };

    /// So many dispatches go without waiting any longer; at least 1. By default 256.
    #[must_use]
    pub fn max_batch(self, dispatches: usize) -> Self {
        Self { max_batch: dispatches.max(1), ..self }
    }

    /// The longest that a dispatch waits for work before it to complete. By default 200 µs.
    #[must_use]
    pub fn max_delay(self, delay: Duration) -> Self {
        Self { max_delay: delay, ..self }
    }

    /// Dispatches gather while so many submissions of dispatches are not complete; at least 1, which is the default. With more, a program
    /// that makes dispatches no faster than the GPU completes them submits most of them by themselves.
    #[must_use]
    pub fn in_flight(self, submissions: usize) -> Self {
        Self { in_flight: submissions.max(1), ..self }
    }
}

/// Gathers the dispatches of a `Gpu`.
pub(crate) struct Batcher {
    hub: Arc<Hub>,
    /// A thread of its own: what waits here must not wait for a compiler, too.
    submitters: Helpers,
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

/// A submission's place among those in flight, until it is dropped.
struct Place(Arc<Batcher>);

impl Batcher {
    pub(crate) fn new(hub: &Arc<Hub>, policy: Batching) -> Arc<Self> {
        let submitters = Helpers::named("batch", 1);
        Arc::new(Self { hub: Arc::clone(hub), submitters, policy, state: Mutex::default() })
    }

    /// Submits a dispatch here and now, with those that wait, or lets it gather.
    pub(super) fn take(self: &Arc<Self>, item: Item) {
        let mut state = lock(&self.state);
        if state.is_closed {
            drop(state);
            return item.awaited.refuse(Error::Closed);
        }
        state.waiting.push(item);
        let Batching { max_batch, in_flight, .. } = self.policy;
        if state.in_flight < in_flight || state.waiting.len() >= max_batch {
            let (place, items) = self.begin(&mut state);
            drop(state);
            Flight::begin(place, items);
        } else if state.waiting.len() == 1 {
            let sooner = self.set_alarm(&mut state);
            drop(state);
            if sooner {
                self.hub.ring();
            }
        }
    }

    /// What waits, as a submission.
    fn begin(self: &Arc<Self>, state: &mut State) -> (Place, Vec<Item>) {
        self.cancel_alarm(state);
        state.in_flight += 1;
        (Place(Arc::clone(self)), mem::take(&mut state.waiting))
    }

    fn set_alarm(self: &Arc<Self>, state: &mut State) -> bool {
        let Some(at) = Instant::now().checked_add(self.policy.max_delay) else { return false };
        let mut id = None;
        let sooner = self.hub.timers.set(at, &mut id, &Waker::from(Arc::clone(self)));
        state.alarm = id.map(|id| (at, id));
        sooner
    }

    fn cancel_alarm(&self, state: &mut State) {
        if let Some((at, id)) = state.alarm.take() {
            self.hub.timers.cancel(at, id);
        }
    }

    /// Has what waits submitted by another thread: this is called where nothing may take long.
    fn call(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        if state.waiting.is_empty() || mem::replace(&mut state.is_called, true) {
            return;
        }
        drop(state);
        let own = Arc::clone(self);
        match self.submitters.spawn(true, move || own.submit_waiting()) {
            Ok(()) => {}
            Err(Error::Closed) => self.refuse_waiting(),
            // No thread can be started.
            Err(_) => self.submit_waiting(),
        }
    }

    fn submit_waiting(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        state.is_called = false;
        if state.waiting.is_empty() {
            return;
        }
        let (place, items) = self.begin(&mut state);
        drop(state);
        Flight::begin(place, items);
    }

    /// Refuses what waits, and what comes.
    pub(crate) fn refuse_waiting(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        self.cancel_alarm(&mut state);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|item| item.awaited.refuse(Error::Closed));
    }

    /// Ends its thread, within `limit`. Whether that has ended.
    pub(crate) fn close(&self, limit: Duration) -> bool {
        self.refuse_waiting();
        self.submitters.close(Some(limit))
    }
}

/// The alarm.
impl Wake for Batcher {
    fn wake(self: Arc<Self>) {
        self.call();
    }
}

impl Place {
    /// One more, for a submission in place of which there are several.
    fn another(&self) -> Self {
        lock(&self.0.state).in_flight += 1;
        Self(Arc::clone(&self.0))
    }
}

/// The submission is complete, or failed.
impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.0.state).in_flight -= 1;
        self.0.call();
    }
}
