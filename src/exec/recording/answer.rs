//! What a recording tells the future that waits for it.

use std::{
    mem,
    sync::Mutex,
    task::{Context, Poll},
};

use futures::task::AtomicWaker;

use super::Outcome;
use crate::{
    error::{Error, Result},
    sync::prim::lock,
};

/// The answer, once it is there, and who waits for it.
pub(super) struct Answer {
    state: Mutex<State>,
    waker: AtomicWaker,
}

enum State {
    Pending,
    /// All is recorded; the commit waits to be asked for.
    Held,
    Ready(Box<Outcome>),
    /// The future is gone, or has answered.
    Taken,
}

/// What there was when the future was dropped.
pub(super) enum Taken {
    Nothing,
    Held,
    Ready(Outcome),
}

impl Answer {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::Pending), waker: AtomicWaker::new() }
    }

    /// Gives the outcome back if nobody wants to hear it.
    pub(super) fn tell(&self, outcome: Outcome) -> Option<Outcome> {
        let mut state = lock(&self.state);
        if matches!(*state, State::Taken) {
            return Some(outcome);
        }
        *state = State::Ready(Box::new(outcome));
        drop(state);
        self.waker.wake();
        None
    }

    /// All is recorded. If nobody waits any more, whoever cancelled has seen to the rest.
    pub(super) fn held(&self) {
        let mut state = lock(&self.state);
        if matches!(*state, State::Pending) {
            *state = State::Held;
            drop(state);
            self.waker.wake();
        }
    }

    /// From here on a new future waits for the commit.
    pub(super) fn released(&self) {
        *lock(&self.state) = State::Pending;
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        self.waker.register(cx.waker());
        let mut state = lock(&self.state);
        match mem::replace(&mut *state, State::Taken) {
            State::Ready(outcome) => Poll::Ready(*outcome),
            State::Taken => Poll::Ready(Err(Error::Cancelled)),
            pending => {
                *state = pending;
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_held(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.waker.register(cx.waker());
        let mut state = lock(&self.state);
        match mem::replace(&mut *state, State::Taken) {
            State::Ready(outcome) => Poll::Ready(outcome.map(drop)),
            State::Taken => Poll::Ready(Err(Error::Cancelled)),
            State::Held => {
                *state = State::Held;
                Poll::Ready(Ok(()))
            }
            State::Pending => {
                *state = State::Pending;
                Poll::Pending
            }
        }
    }

    pub(super) fn take(&self) -> Taken {
        match mem::replace(&mut *lock(&self.state), State::Taken) {
            State::Ready(outcome) => Taken::Ready(*outcome),
            State::Held => Taken::Held,
            State::Pending | State::Taken => Taken::Nothing,
        }
    }
}
