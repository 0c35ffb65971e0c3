//! What stands between a renderer and the thread that shows its frames.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::{PresentStats, Vsync};
use crate::{
    exec::{Presents, SubmittedFrame},
    sync::prim::lock,
};

/// Frames that were submitted and not shown yet, and what the thread is told.
pub(super) struct Line {
    state: Mutex<State>,
    /// There is a frame, or the end.
    came: Condvar,
}

struct State {
    frames: VecDeque<SubmittedFrame>,
    wishes: Wishes,
    /// Whether they, or the window, changed since the thread looked.
    changed: bool,
    stopped: bool,
    stats: PresentStats,
}

/// What the program wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wishes {
    /// The window's size.
    pub(super) size: [u32; 2],
    pub(super) vsync: Vsync,
}

impl Line {
    pub(super) fn new(wishes: Wishes) -> Self {
        let state =
            State { frames: VecDeque::new(), wishes, changed: true, stopped: false, stats: PresentStats::default() };
        Self { state: Mutex::new(state), came: Condvar::new() }
    }

    /// Waits for a frame: the oldest. `None` when no more are to be shown.
    pub(super) fn next(&self) -> Option<SubmittedFrame> {
        let state = lock(&self.state);
        let waiting = |state: &mut State| state.frames.is_empty() && !state.stopped;
        let mut state = self.came.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner);
        if state.stopped { None } else { state.frames.pop_front() }
    }

    /// Replaces a frame by the newest, if there is a newer one; those before it are not shown.
    pub(super) fn newest(&self, frame: &mut SubmittedFrame) {
        let mut state = lock(&self.state);
        let mut stale = std::mem::take(&mut state.frames);
        let Some(newest) = stale.pop_back() else { return };
        state.stats.dropped += 1 + stale.len() as u64;
        drop(state); // dropping a frame may wake a task
        *frame = newest;
    }

    /// What is wanted, and whether it may be something else than last time.
    pub(super) fn look(&self) -> (Wishes, bool) {
        let mut state = lock(&self.state);
        (state.wishes, std::mem::take(&mut state.changed))
    }

    /// Whether what is wanted may be something else than last time.
    pub(super) fn has_new_wishes(&self) -> bool {
        self.state().changed
    }

    /// Nothing is wished for anew, but what was may still have to be done.
    pub(super) fn look_again(&self) {
        self.wish(|_| ());
    }

    pub(super) fn wish(&self, change: impl FnOnce(&mut Wishes)) {
        let mut state = lock(&self.state);
        change(&mut state.wishes);
        state.changed = true;
    }

    /// No more frames are shown. Blocks for nothing, and may be said again.
    pub(super) fn stop(&self) {
        self.state().stopped = true;
        self.came.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Drops what was not shown.
    pub(super) fn drop_rest(&self) {
        let mut state = self.state();
        let rest = std::mem::take(&mut state.frames);
        state.stats.dropped += rest.len() as u64;
        drop(state);
        drop(rest);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut PresentStats)) {
        count(&mut self.state().stats);
    }

    pub(super) fn stats(&self) -> PresentStats {
        self.state().stats
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Presents for Line {
    fn take(&self, frame: SubmittedFrame) -> Option<SubmittedFrame> {
        let mut state = self.state();
        if state.stopped {
            state.stats.dropped += 1;
            return Some(frame);
        }
        state.frames.push_back(frame);
        drop(state);
        self.came.notify_one();
        None
    }
}
