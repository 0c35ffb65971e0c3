//! Swapchains that newer ones replaced.

use super::{semaphores::Semaphore, swapchain::Swapchain};
use crate::sync::Completion;

/// So many may wait. A window that is being resized can make one for each frame, and none of them shows a second.
const MANY: usize = 4;

/// Old swapchains whose last images may still be shown, or wait to be.
#[derive(Default)]
pub(super) struct Retired(Vec<Old>);

/// Fields are dropped in order.
struct Old {
    _swapchain: Swapchain,
    /// Of an image that was acquired and never copied to: nothing will wait for it.
    _acquired: Option<Semaphore>,
    /// When this is complete, the presentation engine has no use for the swapchain any more.
    over: Option<Completion>,
}

impl Retired {
    pub(super) fn extend(&mut self, old: impl IntoIterator<Item = (Swapchain, Option<Semaphore>)>) {
        let old =
            old.into_iter().map(|(swapchain, acquired)| Old { _swapchain: swapchain, _acquired: acquired, over: None });
        self.0.extend(old);
    }

    /// The presentation engine has done with all that are here now once `done` is complete.
    pub(super) fn over_with(&mut self, done: &Completion) {
        for old in &mut self.0 {
            old.over.get_or_insert_with(|| done.clone());
        }
    }

    /// Destroys those that are not used any more.
    pub(super) fn tidy(&mut self) {
        self.0.retain(|old| !old.over.as_ref().is_some_and(Completion::is_complete));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn are_many(&self) -> bool {
        self.0.len() > MANY
    }

    /// Destroys all: whoever calls knows that none is used.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
