//! The future of a stamp.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::task::coop;

use super::{reactor::Hub, stamp::Stamp};
use crate::error::{Error, Result};

/// The future of work on the GPU: resolves when its [`Stamp`] is reached.
///
/// It is `Clone`, `Unpin`, `Send` and `'static`, holds no GPU object, and can be awaited on any executor, in
/// `select!`, under a timeout, more than once and from several tasks. Polled again after it was ready it gives the
/// same answer. Every wait is made by one thread of the [`Gpu`](crate::Gpu): a pending completion costs no thread
/// and no polling.
///
/// # Errors
///
/// [`Error::DeviceLost`] if the device was lost before the work completed.
///
/// # Cancel safety
///
/// Dropping it takes back its registration and nothing else: the work goes on, and what it uses stays alive until
/// it is complete.
///
/// ```no_run
/// # async fn example(gpu: vulkio::Gpu, graph: vulkio::Graph) -> vulkio::Result<()> {
/// let done = graph.submit().await?; // the GPU works from here on
/// let stats = done.await?; // and is finished here
/// println!("{stats}");
/// # Ok(()) }
/// ```
pub struct Completion<T = ()> {
    hub: Arc<Hub>,
    stamp: Stamp,
    /// Stamps on other queues that count as well, for work that goes to several.
    others: Option<Arc<[Stamp]>>,
    value: Arc<OnceLock<T>>,
    /// How many of `others` are known to be reached.
    past: usize,
    /// This handle's registration in the hub's table, for the stamp that it waits for now.
    key: Option<usize>,
}

impl<T> Completion<T> {
    /// `value` is filled by the stamp's retire record, before the stamp counts as reached.
    pub(crate) fn new(hub: Arc<Hub>, stamp: Stamp, value: Arc<OnceLock<T>>) -> Self {
        Self { hub, stamp, others: None, value, past: 0, key: None }
    }

    /// Of work on several queues: each queue's last stamp, at least one.
    pub(crate) fn of_all(hub: Arc<Hub>, stamps: &[Stamp], value: Arc<OnceLock<T>>) -> Self {
        let (&stamp, others) = stamps.split_last().expect("work has at least one stamp");
        let mut completion = Self::new(hub, stamp, value);
        completion.others = (!others.is_empty()).then(|| others.into());
        completion
    }

    /// The point on a queue's timeline that this waits for; of work on several queues, the one on the queue that its last
    /// part went to.
    #[must_use]
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// All points that this waits for: one on each queue that the work went to.
    pub fn stamps(&self) -> impl Iterator<Item = Stamp> {
        self.others.iter().flat_map(|others| others.iter()).copied().chain([self.stamp])
    }

    /// Whether the stamps are known to be reached. Never blocks, and takes no lock.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stamps().all(|stamp| self.hub.table.reached(stamp.queue.index()) >= stamp.value)
    }

    /// A completion of the same stamp that carries no value.
    pub fn without_value(&self) -> Completion {
        let mut new = Completion::new(Arc::clone(&self.hub), self.stamp, Arc::new(OnceLock::from(())));
        new.others.clone_from(&self.others);
        new
    }

    /// Waits for at most `limit`, on any executor: the reactor keeps the time.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] if the work takes longer. The device is not lost then, the work goes on, and the completion
    /// can be awaited again.
    pub fn wait_for(&self, limit: Duration) -> WaitFor<T> {
        WaitFor { completion: self.clone(), limit, deadline: Instant::now().checked_add(limit), timer: None }
    }

    /// The stamp to wait for next: one after the other, as all must be reached.
    fn current(&self) -> Stamp {
        let other = self.others.as_ref().and_then(|others| others.get(self.past));
        other.copied().unwrap_or(self.stamp)
    }

    fn is_last(&self) -> bool {
        self.past == self.others.as_ref().map_or(0, |others| others.len())
    }
}

impl Completion {
    /// A completion of this and of `later`: of two stamps on a queue the later one implies the other.
    pub(crate) fn and(self, later: Self) -> Self {
        let stamps = latest(self.stamps().chain(later.stamps()));
        Self::of_all(Arc::clone(&self.hub), &stamps, Arc::new(OnceLock::from(())))
    }
}

/// The latest stamp on each queue, in the order in which the queues come last.
fn latest(stamps: impl Iterator<Item = Stamp>) -> Vec<Stamp> {
    let mut latest: Vec<Stamp> = Vec::new();
    for stamp in stamps {
        let before = latest.iter().position(|last| last.queue == stamp.queue).map(|at| latest.remove(at));
        latest.push(before.map_or(stamp, |before| before.max(stamp)));
    }
    latest
}

impl<T: Clone> Completion<T> {
    fn poll_reached(&mut self, cx: &mut Context<'_>) -> Poll<Result<T>> {
        loop {
            let Stamp { queue, value } = self.current();
            let (poll, ring) = self.hub.table.poll(queue.index(), value, &mut self.key, cx.waker());
            self.hub.answer(ring);
            ready!(poll)?;
            if self.is_last() {
                break;
            }
            self.past += 1;
        }
        // Reached, so the record has run; it leaves the value out only if the Gpu was torn down around it.
        Poll::Ready(self.value.get().cloned().ok_or(Error::Closed))
    }
}

impl<T: Clone> Future for Completion<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A task that awaits one finished completion after the other still yields to its runtime now and then.
        let budget = ready!(coop::poll_proceed(cx));
        let result = self.poll_reached(cx);
        if result.is_ready() {
            budget.made_progress();
        }
        result
    }
}

impl<T> Clone for Completion<T> {
    fn clone(&self) -> Self {
        let mut new = Self::new(Arc::clone(&self.hub), self.stamp, Arc::clone(&self.value));
        new.others.clone_from(&self.others);
        new.past = self.past;
        new
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let Stamp { queue, value } = self.current();
            self.hub.table.forget(queue.index(), value, key);
        }
    }
}

impl<T> fmt::Debug for Completion<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completion").field("stamp", &self.stamp).field("complete", &self.is_complete()).finish()
    }
}

/// The future of [`Completion::wait_for`].
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct WaitFor<T = ()> {
    completion: Completion<T>,
    limit: Duration,
    /// None: further off than the clock counts.
    deadline: Option<Instant>,
    timer: Option<u64>,
}

impl<T: Clone> Future for WaitFor<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(result) = Pin::new(&mut this.completion).poll(cx) {
            return Poll::Ready(result);
        }
        let Some(deadline) = this.deadline else { return Poll::Pending };
        if Instant::now() >= deadline {
            return Poll::Ready(Err(Error::Timeout { after: this.limit }));
        }
        let hub = &this.completion.hub;
        if hub.timers.set(deadline, &mut this.timer, cx.waker()) {
            hub.ring();
        }
        Poll::Pending
    }
}

impl<T> Drop for WaitFor<T> {
    fn drop(&mut self) {
        if let (Some(deadline), Some(id)) = (self.deadline, self.timer) {
            self.completion.hub.timers.cancel(deadline, id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::QueueId;

    #[test]
    fn of_several_stamps_on_a_queue_the_last_counts() {
        let stamp = |queue, value| Stamp { queue: QueueId(queue), value };
        let stamps = [stamp(0, 4), stamp(1, 2), stamp(0, 7), stamp(1, 1)];
        assert_eq!(latest(stamps.into_iter()), [stamp(0, 7), stamp(1, 2)]);
        assert_eq!(latest(stamps[..3].iter().copied()), [stamp(1, 2), stamp(0, 7)]);
        assert_eq!(latest([].into_iter()), []);
    }
}
