//! A frame's state, one atomic word: it is committed whole or cancelled whole, never both.

use super::prim::{AtomicU8, Ordering};

const RECORDING: u8 = 0;
const COMMITTING: u8 = 1;
const CANCELLED: u8 = 2;

/// `Recording → Committing | Cancelled`. Whoever makes the step owns what follows.
pub(crate) struct Word(AtomicU8);

impl Word {
    pub(crate) fn recording() -> Self {
        Self(AtomicU8::new(RECORDING))
    }

    /// The last recording task's step: true if the frame is to be submitted, false if it was cancelled before.
    pub(crate) fn begin_commit(&self) -> bool {
        self.step(COMMITTING)
    }

    /// The owner's step on drop, or a failing pass's: true if nothing will be submitted, false if it is too late.
    pub(crate) fn cancel(&self) -> bool {
        self.step(CANCELLED)
    }

    /// Whether recording further passes is of no use.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire) == CANCELLED
    }

    fn step(&self, to: u8) -> bool {
        self.0.compare_exchange(RECORDING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
