//! A submission of gathered dispatches, from its recording to its completion.

use std::{
    future::Future,
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use tokio::task::coop::unconstrained;

use super::{Batcher, Item, load::Load};
use crate::{
    error::{Error, Result},
    exec::Submit,
    sync::Completion,
};

/// It goes on whenever it is woken, on whatever thread that is: so nobody has to poll it.
pub(super) struct Flight {
    batcher: Arc<Batcher>,
    stage: Mutex<Stage>,
    /// Somebody woke it, and nobody has looked since.
    is_woken: AtomicBool,
}

enum Stage {
    /// Recorded; its turn to be submitted is to come, or has.
    Submitting {
        submit: Submit,
        items: Vec<Item>,
        load: Load,
    },
    /// On the GPU, with those who wait for its end.
    Running {
        completion: Completion,
        items: Vec<Item>,
    },
    Landed,
}

impl Flight {
    /// Records and submits what these dispatches want, those that nobody waits for any more left out. The batcher counts it as in flight
    /// already.
    pub(super) fn begin(batcher: &Arc<Batcher>, mut items: Vec<Item>) {
        items.retain(|item| !item.is_unwanted());
        let mut items = checked(items);
        if items.is_empty() {
            return batcher.landed();
        }
        let load = Load::new(&mut items);
        match load.submit(&items) {
            Ok(submit) => {
                let stage = Mutex::new(Stage::Submitting { submit, items, load });
                let flight = Self { batcher: Arc::clone(batcher), stage, is_woken: AtomicBool::new(false) };
                Arc::new(flight).wake();
            }
            Err(error) => fail(batcher, items, &load, &error),
        }
    }

    /// Goes as far as it can.
    fn go_on(self: &Arc<Self>) {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        // Who is woken while somebody else looks leaves it to them: they look again after they have unlocked.
        while self.is_woken.load(Ordering::Acquire) {
            let mut stage = match self.stage.try_lock() {
                Ok(stage) => stage,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            self.is_woken.store(false, Ordering::Release);
            let came = stage.step(&mut cx);
            drop(stage);
            match came {
                Came::Nothing => {}
                // It may be complete already.
                Came::Submitted => self.is_woken.store(true, Ordering::Release),
                Came::Refused(error, items, load) => fail(&self.batcher, items, &load, &error),
                Came::Landed(outcome, items) => {
                    // First, so that what these want next finds nothing in flight.
                    self.batcher.landed();
                    items.into_iter().for_each(|item| item.complete(outcome.clone()));
                }
            }
        }
    }
}

impl Wake for Flight {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.go_on();
    }
}

/// What a look brought.
enum Came {
    Nothing,
    Submitted,
    Refused(Error, Vec<Item>, Load),
    Landed(Result<()>, Vec<Item>),
}

impl Stage {
    fn step(&mut self, cx: &mut Context<'_>) -> Came {
        match self {
            Self::Submitting { submit, .. } => match poll(submit, cx) {
                Poll::Pending => Came::Nothing,
                Poll::Ready(outcome) => self.submitted(outcome.map(|done| done.without_value())),
            },
            Self::Running { completion, items } => match poll(completion, cx) {
                Poll::Pending => Came::Nothing,
                Poll::Ready(outcome) => {
                    let items = mem::take(items);
                    *self = Self::Landed;
                    Came::Landed(outcome, items)
                }
            },
            Self::Landed => Came::Nothing,
        }
    }

    fn submitted(&mut self, outcome: Result<Completion>) -> Came {
        let Self::Submitting { items, load, .. } = mem::replace(self, Self::Landed) else { return Came::Nothing };
        match outcome {
            Ok(completion) => {
                let items = items.into_iter().filter_map(|item| item.submitted(&completion)).collect();
                *self = Self::Running { completion, items };
                Came::Submitted
            }
            Err(error) => Came::Refused(error, items, load),
        }
    }
}

/// A poll outside of any task: it has no budget to use up.
fn poll<F: Future + Unpin>(future: &mut F, cx: &mut Context<'_>) -> Poll<F::Output> {
    pin!(unconstrained(future)).poll(cx)
}

/// Those whose shaders touch what they declare, if anybody looks; the others are told.
fn checked(items: Vec<Item>) -> Vec<Item> {
    // Alone, it is looked at when it is recorded.
    if items.len() < 2 {
        return items;
    }
    let check = |item: Item| match item.steps.iter().try_for_each(|step| step.check(&item.gpu)) {
        Ok(()) => Some(item),
        Err(error) => {
            item.refuse(error);
            None
        }
    };
    items.into_iter().filter_map(check).collect()
}

/// Nothing was submitted. What one dispatch did wrong is no fault of the others: each is tried by itself.
fn fail(batcher: &Arc<Batcher>, mut items: Vec<Item>, load: &Load, error: &Error) {
    if items.len() < 2 || matches!(error, Error::DeviceLost { .. } | Error::Closed) {
        items.into_iter().for_each(|item| item.refuse(error.clone()));
        return batcher.landed();
    }
    load.unload(&mut items);
    batcher.split(items.len());
    items.into_iter().for_each(|item| Flight::begin(batcher, vec![item]));
}
