//! Deadlines for [`Completion::wait_for`](crate::Completion::wait_for), kept by the reactor so that any executor can use them.

use std::{
    collections::BTreeMap,
    sync::Mutex,
    task::Waker,
    time::{Duration, Instant},
};

use super::prim::lock;

/// Wakers by the time they are due.
#[derive(Default)]
pub(crate) struct Timers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    due: BTreeMap<(Instant, u64), Waker>,
    next_id: u64,
}

impl Timers {
    /// Stores or refreshes a waker; true when it became the soonest, so that the reactor's sleep must be shortened.
    pub(crate) fn set(&self, at: Instant, id: &mut Option<u64>, waker: &Waker) -> bool {
        let new = waker.clone(); // outside the lock, like the drop of what it replaces: a waker may do anything
        let mut state = lock(&self.state);
        let id = *id.get_or_insert_with(|| {
            state.next_id += 1;
            state.next_id
        });
        let soonest = state.due.first_key_value().is_none_or(|(&(first, _), _)| at < first);
        let old = state.due.insert((at, id), new);
        drop(state);
        drop(old);
        soonest
    }

    /// Takes a waker back.
    pub(crate) fn cancel(&self, at: Instant, id: u64) {
        let old = lock(&self.state).due.remove(&(at, id));
        drop(old);
    }

    /// How long until the soonest is due.
    pub(crate) fn next(&self, now: Instant) -> Option<Duration> {
        lock(&self.state).due.first_key_value().map(|(&(at, _), _)| at.saturating_duration_since(now))
    }

    /// Takes out the wakers that are due.
    pub(crate) fn expire(&self, now: Instant, into: &mut Vec<Waker>) {
        let mut state = lock(&self.state);
        while let Some(entry) = state.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            into.push(entry.remove());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_due_comes_out_and_only_a_sooner_deadline_shortens_the_sleep() {
        let timers = Timers::default();
        let now = Instant::now();
        let (mut a, mut b) = (None, None);
        assert!(timers.set(now + Duration::from_secs(5), &mut a, Waker::noop()));
        assert!(timers.set(now + Duration::from_secs(1), &mut b, Waker::noop()));
        assert!(!timers.set(now + Duration::from_secs(9), &mut None, Waker::noop()));
        let mut woken = Vec::new();
        timers.expire(now + Duration::from_secs(2), &mut woken);
        assert_eq!(woken.len(), 1);
        timers.cancel(now + Duration::from_secs(5), a.expect("set"));
        assert_eq!(timers.next(now), Some(Duration::from_secs(9)));
    }
}
