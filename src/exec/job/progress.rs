//! How far a job is, who waits for that, and how many passes hold on to its output.
//!
//! Everything is behind one mutex held for a few dozen instructions. No waker is cloned, called or dropped under it.
//! The output itself lies elsewhere: this says only when it may be read, and who may move it out.

use std::{
    mem,
    task::{Poll, Waker},
};

use slab::Slab;

use super::prim::{Mutex, lock};

/// The state of a job; `E` is what a failed one failed with.
pub(crate) struct Progress<E>(Mutex<State<E>>);

struct State<E> {
    phase: Phase<E>,
    /// While there are users, a finished job's output stays where it is.
    users: usize,
    wakers: Slab<Waker>,
}

#[derive(Clone)]
enum Phase<E> {
    Running,
    Finished,
    Failed(E),
    /// It was finished, and its output was moved out.
    Taken,
}

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gone<E> {
    Failed(E),
    Taken,
}

impl<E: Clone> State<E> {
    /// Whether the output is there, if that is decided.
    fn output(&self) -> Poll<Result<(), Gone<E>>> {
        match &self.phase {
            Phase::Running => Poll::Pending,
            Phase::Finished => Poll::Ready(Ok(())),
            Phase::Failed(error) => Poll::Ready(Err(Gone::Failed(error.clone()))),
            Phase::Taken => Poll::Ready(Err(Gone::Taken)),
        }
    }

    fn take(&mut self) -> Poll<Result<(), Gone<E>>> {
        match self.output() {
            Poll::Ready(Ok(())) if self.users > 0 => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.phase = Phase::Taken;
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }

    /// The wakers of all that wait. They stay registered, under one that does nothing, until they poll or leave.
    fn take_wakers(&mut self) -> Vec<Waker> {
        self.wakers.iter_mut().map(|(_, waker)| mem::replace(waker, Waker::noop().clone())).collect()
    }

    /// Keeps the caller's waker while it waits, and lets go of it when it is answered. Gives back one to drop.
    fn register(&mut self, waits: bool, key: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        match (waits, *key) {
            (true, Some(key)) => Some(mem::replace(&mut self.wakers[key], waker)),
            (true, None) => {
                *key = Some(self.wakers.insert(waker));
                None
            }
            (false, Some(old)) => {
                *key = None;
                Some(self.wakers.remove(old))
            }
            (false, None) => Some(waker),
        }
    }
}

impl<E: Clone> Progress<E> {
    pub(crate) fn running() -> Self {
        Self(Mutex::new(State { phase: Phase::Running, users: 0, wakers: Slab::new() }))
    }

    /// The output is in its place: whom to wake, or nothing if the job had failed before, and nobody will look there.
    #[must_use = "they are to be woken"]
    pub(crate) fn finish(&self) -> Option<Vec<Waker>> {
        self.end(Phase::Finished)
    }

    /// There will be no output: whom to wake, or nothing if the job had ended before.
    #[must_use = "they are to be woken"]
    pub(crate) fn fail(&self, error: E) -> Option<Vec<Waker>> {
        self.end(Phase::Failed(error))
    }

    fn end(&self, phase: Phase<E>) -> Option<Vec<Waker>> {
        let mut state = lock(&self.0);
        if !matches!(state.phase, Phase::Running) {
            return None;
        }
        state.phase = phase;
        Some(state.take_wakers())
    }

    /// One more user: from here on to its [`leave`](Self::leave) nobody takes the output.
    pub(crate) fn enter(&self) {
        lock(&self.0).users += 1;
    }

    /// One user less; whom to wake if it was the last.
    #[must_use = "they are to be woken"]
    pub(crate) fn leave(&self) -> Vec<Waker> {
        let mut state = lock(&self.0);
        state.users -= 1;
        if state.users == 0 { state.take_wakers() } else { Vec::new() }
    }

    /// Whether the output is there, or why it is not: `None` while the job runs.
    pub(crate) fn output(&self) -> Option<Result<(), Gone<E>>> {
        match lock(&self.0).output() {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }

    /// Polls for the job's end; `key` is the caller's registration, made, refreshed and cleared here.
    ///
    /// `Pending` is returned only after the waker is stored.
    pub(crate) fn poll_output(&self, key: &mut Option<usize>, waker: &Waker) -> Poll<Result<(), Gone<E>>> {
        self.poll(key, waker, |state| state.output())
    }

    /// Polls for the right to move the output out, which one caller gets once: when the job is finished and has no
    /// users.
    pub(crate) fn poll_take(&self, key: &mut Option<usize>, waker: &Waker) -> Poll<Result<(), Gone<E>>> {
        self.poll(key, waker, State::take)
    }

    fn poll<R>(&self, key: &mut Option<usize>, waker: &Waker, ask: impl FnOnce(&mut State<E>) -> Poll<R>) -> Poll<R> {
        // Cloned before the lock is taken, and what it replaces dropped after: a foreign waker may do anything.
        let waker = waker.clone();
        let mut state = lock(&self.0);
        let answer = ask(&mut state);
        let unused = state.register(answer.is_pending(), key, waker);
        drop(state);
        drop(unused);
        answer
    }

    /// Takes a registration back.
    pub(crate) fn forget(&self, key: usize) {
        let mut state = lock(&self.0);
        let unused = state.wakers.remove(key);
        if state.wakers.is_empty() {
            state.wakers.shrink_to_fit(); // a burst of waiters leaves no footprint
        }
        drop(state);
        drop(unused);
    }

    /// Registered wakers, and the room kept for them.
    #[cfg(test)]
    pub(crate) fn waiters(&self) -> (usize, usize) {
        let state = lock(&self.0);
        (state.wakers.len(), state.wakers.capacity())
    }
}
