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

use super::{
    Place,
    item::{Awaited, Item},
    load::Load,
};
use crate::{
    error::{Error, Result},
    exec::Submit,
    gpu::Gpu,
    sync::Completion,
};

/// It goes on whenever it is woken, on whatever thread that is: so nobody has to poll it.
pub(super) struct Flight {
    stage: Mutex<Stage>,
    /// Somebody woke it, and nobody has looked since.
    is_woken: AtomicBool,
}

enum Stage {
    /// Recorded; its turn to be submitted is to come, or has.
    Submitting {
        submit: Submit,
        refusable: Refusable,
    },
    /// On the GPU, with those who wait for its end.
    Running {
        completion: Completion,
        awaited: Vec<Awaited>,
        place: Place,
    },
    Landed,
}

/// What was recorded and may still turn out to be wrong.
struct Refusable {
    place: Place,
    items: Vec<Item>,
    load: Load,
}

impl Flight {
    /// Records and submits what these dispatches want, those that nobody waits for any more left out.
    pub(super) fn begin(place: Place, mut items: Vec<Item>) {
        items.retain(|item| !item.awaited.is_unwanted());
        let Some(gpu) = items.first().and_then(Item::gpu) else { return };
        let apart = apart(&gpu, &mut items);
        for item in apart {
            Self::begin_all(&gpu, place.another(), vec![item]);
        }
        if !items.is_empty() {
            Self::begin_all(&gpu, place, items);
        }
    }

    fn begin_all(gpu: &Gpu, place: Place, mut items: Vec<Item>) {
        let load = Load::new(&mut items);
        let submit = load.submit(gpu);
        let refusable = Refusable { place, items, load };
        match submit {
            Ok(submit) => {
                let stage = Mutex::new(Stage::Submitting { submit, refusable });
                Arc::new(Self { stage, is_woken: AtomicBool::new(false) }).wake();
            }
            Err(error) => refusable.refuse(&error),
        }
    }

    /// Goes as far as it can.
    fn go_on(&self, waker: &Waker) {
        let mut cx = Context::from_waker(waker);
        // Who is woken while somebody else looks leaves it to them: they look again after they have unlocked. Both sides change the
        // flag, so that one of them sees what the other did.
        while self.is_woken.fetch_or(false, Ordering::AcqRel) {
            let mut stage = match self.stage.try_lock() {
                Ok(stage) => stage,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            self.is_woken.swap(false, Ordering::AcqRel);
            let came = stage.step(&mut cx);
            drop(stage);
            match came {
                Came::Nothing => {}
                Came::Submitted(completion, items, place) => {
                    let submitted = items.into_iter().filter_map(|item| item.awaited.submitted(&completion));
                    let running = Stage::Running { awaited: submitted.collect(), completion, place };
                    // Nobody else changes the stage meanwhile: it says that all is over.
                    *self.stage.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = running;
                    self.is_woken.swap(true, Ordering::AcqRel); // it may be complete already
                }
                Came::Refused(error, refusable) => refusable.refuse(&error),
                Came::Landed(outcome, awaited, place) => {
                    // First, so that what these want next finds it gone.
                    drop(place);
                    awaited.into_iter().for_each(|awaited| awaited.complete(outcome.clone()));
                }
            }
        }
    }
}

impl Wake for Flight {
    fn wake(self: Arc<Self>) {
        self.is_woken.swap(true, Ordering::AcqRel);
        let waker = Waker::from(Arc::clone(&self));
        self.go_on(&waker);
    }
}

/// What a look brought.
enum Came {
    Nothing,
    Submitted(Completion, Vec<Item>, Place),
    Refused(Error, Refusable),
    Landed(Result<()>, Vec<Awaited>, Place),
}

impl Stage {
    fn step(&mut self, cx: &mut Context<'_>) -> Came {
        match mem::replace(self, Self::Landed) {
            Self::Submitting { mut submit, refusable } => match poll(&mut submit, cx) {
                Poll::Pending => {
                    *self = Self::Submitting { submit, refusable };
                    Came::Nothing
                }
                Poll::Ready(Ok(done)) => Came::Submitted(done.without_value(), refusable.items, refusable.place),
                Poll::Ready(Err(error)) => Came::Refused(error, refusable),
            },
            Self::Running { mut completion, awaited, place } => match poll(&mut completion, cx) {
                Poll::Pending => {
                    *self = Self::Running { completion, awaited, place };
                    Came::Nothing
                }
                Poll::Ready(outcome) => Came::Landed(outcome, awaited, place),
            },
            Self::Landed => Came::Nothing,
        }
    }
}

/// A poll outside of any task: it has no budget to use up.
fn poll<F: Future + Unpin>(future: &mut F, cx: &mut Context<'_>) -> Poll<F::Output> {
    pin!(unconstrained(future)).poll(cx)
}

/// Takes out what must not go with the others: those whose shaders touch what they do not declare, which are told, if anybody looks; and
/// those that read what nothing has written. As a graph of its own such a one is refused with the name of what it reads; beside others
/// that write there later, nobody would notice.
fn apart(gpu: &Gpu, items: &mut Vec<Item>) -> Vec<Item> {
    // A single step is looked at when it is recorded.
    if let [one] = &items[..]
        && one.steps.len() < 2
    {
        return Vec::new();
    }
    let mut right = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        match item.steps.iter().try_for_each(|step| step.check(gpu)) {
            Ok(()) => right.push(item),
            Err(error) => item.awaited.refuse(error),
        }
    }
    let unwritten = Load::unwritten(&right);
    let mut apart = Vec::new();
    for (number, item) in right.into_iter().enumerate() {
        if unwritten.contains(&number) { apart.push(item) } else { items.push(item) }
    }
    apart
}

impl Refusable {
    /// Nothing was submitted. What one dispatch did wrong is no fault of the others: each is tried by itself.
    fn refuse(self, error: &Error) {
        let Self { place, mut items, load } = self;
        let is_someones = matches!(error, Error::Graph(_) | Error::Invalid(_) | Error::Shader { .. });
        let gpu = items.first().and_then(Item::gpu).filter(|_| is_someones && items.len() > 1);
        match gpu {
            Some(gpu) => {
                load.unload(&mut items);
                items.into_iter().for_each(|item| Flight::begin_all(&gpu, place.another(), vec![item]));
            }
            None => items.into_iter().for_each(|item| item.awaited.refuse(error.clone())),
        }
    }
}
