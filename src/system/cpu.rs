//! CPU data that systems share.

use std::{
    any::{Any, type_name},
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use futures::{FutureExt, future::BoxFuture};
use tokio::{
    sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock},
    task::unconstrained,
};

use super::registry::short;
use crate::resource::Mode;

/// A value on the CPU that systems of schedules share: several read it at a time, or one writes it. A cheap handle.
///
/// Whoever asks first comes first: a run of a schedule lines up for all that its systems touch at once, in the order of
/// the schedule.
///
/// ```
/// # async fn example() {
/// let score = vulkio::CpuData::new(0);
/// *score.write().await += 1;
/// assert_eq!(*score.read().await, 1);
/// # }
/// # futures::executor::block_on(example());
/// ```
pub struct CpuData<T> {
    cell: Arc<RwLock<T>>,
}

impl<T: Send + Sync + 'static> CpuData<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        Self { cell: Arc::new(RwLock::new(value)) }
    }

    /// Waits until no system writes it, and gives it to be read. Systems that write it wait until that is dropped: nobody
    /// should wait for anything else meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropped, its place in the line is given up.
    pub async fn read(&self) -> impl Deref<Target = T> + Send + Sync + use<T> {
        Arc::clone(&self.cell).read_owned().await
    }

    /// Waits until no system uses it, and gives it to be changed. Systems that touch it wait until that is dropped: nobody
    /// should wait for anything else meanwhile.
    ///
    /// # Cancel safety
    ///
    /// Dropped, its place in the line is given up.
    pub async fn write(&self) -> impl DerefMut<Target = T> + Send + Sync + use<T> {
        Arc::clone(&self.cell).write_owned().await
    }

    /// The same for every handle of one value, and different from that of any other that is alive.
    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.cell).addr()
    }
}

/// A place in the line of those who use one value.
#[must_use = "dropped, the place is given up"]
pub(crate) struct Ticket {
    line: BoxFuture<'static, Guard>,
    /// There was nobody before it.
    come: Option<Guard>,
}

impl Ticket {
    fn new(line: impl Future<Output = Guard> + Send + 'static) -> Self {
        // A task that used up its budget would be sent away instead of into the line.
        let mut line = unconstrained(line).boxed();
        let come = match line.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(guard) => Some(guard),
            Poll::Pending => None,
        };
        Self { line, come }
    }

    /// Whether there was nobody before it.
    pub(crate) fn has_come(&self) -> bool {
        self.come.is_some()
    }

    /// Waits for its turn.
    pub(crate) async fn turn(self) -> Guard {
        match self.come {
            Some(guard) => guard,
            None => self.line.await,
        }
    }
}

/// What a place in the line comes to.
pub(crate) enum Guard {
    /// An `OwnedRwLockReadGuard`, shared by those of one system.
    Read(Arc<dyn Any + Send + Sync>),
    /// An `OwnedRwLockWriteGuard`.
    Write(Box<dyn Any + Send + Sync>),
}

impl Guard {
    /// What it guards, if that is a `T` to be read.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        match self {
            Self::Read(held) => held.downcast_ref::<OwnedRwLockReadGuard<T>>().map(Deref::deref),
            Self::Write(_) => None,
        }
    }

    /// What it guards, if that is a `T` to be written.
    pub(crate) fn get_mut<T: Send + Sync + 'static>(&mut self) -> Option<&mut T> {
        match self {
            Self::Read(_) => None,
            Self::Write(held) => held.downcast_mut::<OwnedRwLockWriteGuard<T>>().map(DerefMut::deref_mut),
        }
    }

    /// A share of it, if it guards a `T` to be read.
    pub(crate) fn share<T: Send + Sync + 'static>(&self) -> Option<CpuRef<T>> {
        match self {
            Self::Read(held) => Arc::clone(held).downcast().ok().map(|guard| CpuRef { guard }),
            Self::Write(_) => None,
        }
    }

    /// Another guard of the same, if it only reads.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Read(held) => Some(Self::Read(Arc::clone(held))),
            Self::Write(_) => None,
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read(_) => "read",
            Self::Write(_) => "write",
        })
    }
}

/// CPU data that a pass looks at while it is recorded: what [`Encoder::read`](crate::Encoder::read) gives. While one is kept,
/// nobody writes the data.
pub struct CpuRef<T: Send + Sync + 'static> {
    guard: Arc<OwnedRwLockReadGuard<T>>,
}

impl<T: Send + Sync + 'static> Deref for CpuRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Debug for CpuRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Clone for CpuData<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell) }
    }
}

impl<T> fmt::Debug for CpuData<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuData").field("type", &short(type_name::<T>())).finish_non_exhaustive()
    }
}

/// One type of data, whatever that is.
pub(crate) trait AnyCpu: Send + Sync {
    fn id(&self) -> usize;
    /// Takes a place in the line of those who use it: now, in the order of the calls.
    fn ticket(&self, mode: Mode) -> Ticket;
}

impl<T: Send + Sync + 'static> AnyCpu for CpuData<T> {
    fn id(&self) -> usize {
        self.id()
    }

    fn ticket(&self, mode: Mode) -> Ticket {
        let cell = Arc::clone(&self.cell);
        match mode {
            Mode::Read => Ticket::new(cell.read_owned().map(|guard| Guard::Read(Arc::new(guard)))),
            Mode::Write | Mode::ConcurrentWrite => {
                Ticket::new(cell.write_owned().map(|guard| Guard::Write(Box::new(guard))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(guard: &Guard) -> Option<&u32> {
        guard.get::<u32>()
    }

    #[tokio::test]
    async fn tickets_come_in_the_order_in_which_they_were_taken_whoever_waits_first() {
        let data = CpuData::new(1_u32);
        let [first, second, third] = [Mode::Write, Mode::Read, Mode::Write].map(|mode| data.ticket(mode));
        let mut third = Box::pin(third.turn());
        let mut second = Box::pin(second.turn());
        assert!(futures::poll!(&mut third).is_pending());
        assert!(futures::poll!(&mut second).is_pending());
        let mut guard = first.turn().await;
        *guard.get_mut::<u32>().expect("a write") += 1;
        assert!(futures::poll!(&mut third).is_pending() && futures::poll!(&mut second).is_pending());
        drop(guard);
        assert!(futures::poll!(&mut third).is_pending(), "the second comes before it");
        let guard = second.await;
        assert_eq!(number(&guard), Some(&2));
        assert!(futures::poll!(&mut third).is_pending());
        drop(guard);
        third.await;
    }

    #[tokio::test]
    async fn a_task_without_budget_gets_its_place_in_the_line() {
        let data = CpuData::new(1_u32);
        while tokio::task::coop::has_budget_remaining() {
            tokio::task::consume_budget().await;
        }
        let first = data.ticket(Mode::Write);
        let second = data.ticket(Mode::Write);
        assert!(first.come.is_some() && second.come.is_none());
    }

    #[tokio::test]
    async fn a_dropped_ticket_lets_the_next_one_in() {
        let data = CpuData::new(1_u32);
        let (first, second, third) = (data.ticket(Mode::Write), data.ticket(Mode::Write), data.ticket(Mode::Read));
        drop(second);
        drop(first);
        assert_eq!(number(&third.turn().await), Some(&1));
    }

    #[tokio::test]
    async fn a_guard_gives_its_own_type_in_its_own_way() {
        let data = CpuData::new(1_u32);
        let mut read = data.ticket(Mode::Read).turn().await;
        assert!(read.get::<i32>().is_none() && read.get_mut::<u32>().is_none());
        let (again, share) = (read.again().expect("a read"), read.share::<u32>().expect("a read"));
        assert_eq!((number(&again), *share), (Some(&1), 1));
        drop((read, again));
        let mut line = Box::pin(data.ticket(Mode::Write).turn());
        assert!(futures::poll!(&mut line).is_pending(), "a share is kept");
        drop(share);
        let write = line.await;
        assert!(write.get::<u32>().is_none() && write.again().is_none() && write.share::<u32>().is_none());
    }
}
