//! A dispatch on its way, and who waits for it.

use std::sync::Weak;

use tokio::sync::oneshot;

use crate::{
    compute::dispatch::Step,
    error::{Error, Result, guarded},
    gpu::{Gpu, Shared},
    sync::Completion,
};

/// A dispatch on its way. It does not keep its `Gpu`: whoever waits for it does.
pub(in crate::compute) struct Item {
    shared: Weak<Shared>,
    pub(super) steps: Vec<Step>,
    pub(super) awaited: Awaited,
}

/// What somebody waits for.
pub(in crate::compute) enum Awaited {
    Submission(oneshot::Sender<Result<Completion>>),
    Completion(oneshot::Sender<Result<()>>),
}

impl Item {
    pub(in crate::compute) fn new(gpu: &Gpu, steps: Vec<Step>, awaited: Awaited) -> Self {
        Self { shared: std::sync::Arc::downgrade(&gpu.shared), steps, awaited }
    }

    /// The device, as long as anybody has it.
    pub(super) fn gpu(&self) -> Option<Gpu> {
        self.shared.upgrade().map(|shared| Gpu { shared })
    }
}

// Sending wakes a task, and a waker may do anything; nobody may be waiting any more.
impl Awaited {
    pub(super) fn refuse(self, error: Error) {
        guarded("a waker", || match self {
            Self::Submission(told) => drop(told.send(Err(error))),
            Self::Completion(told) => drop(told.send(Err(error))),
        });
    }

    /// Itself, if somebody waits for more than this.
    pub(super) fn submitted(self, completion: &Completion) -> Option<Self> {
        match self {
            Self::Completion(_) => Some(self),
            Self::Submission(told) => {
                guarded("a waker", || drop(told.send(Ok(completion.clone()))));
                None
            }
        }
    }

    pub(super) fn complete(self, outcome: Result<()>) {
        if let Self::Completion(told) = self {
            guarded("a waker", || drop(told.send(outcome)));
        }
    }

    /// Whether nobody waits any more.
    pub(super) fn is_unwanted(&self) -> bool {
        match self {
            Self::Submission(told) => told.is_closed(),
            Self::Completion(told) => told.is_closed(),
        }
    }
}
