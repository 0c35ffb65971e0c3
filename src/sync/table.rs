//! Who waits for which timeline value: wakers, retire records, and what the reactor sleeps on.
//!
//! Everything is behind one mutex held for a few dozen instructions; `reached` is also published as an atomic so
//! that a poll after completion takes no lock. No waker is called and no record dropped under the lock.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    task::{Poll, Waker},
};

use slab::Slab;

use super::prim::{AtomicU64, Mutex, MutexGuard, Ordering, lock};

/// Waiters and retire records of all queues. `E` is the error of a lost device, `R` a retire record.
pub(crate) struct Table<E, R> {
    reached: Box<[AtomicU64]>,
    state: Mutex<State<E, R>>,
}

struct State<E, R> {
    wakers: Slab<Waiter>,
    queues: Vec<Queue<R>>,
    failed: Option<E>,
}

struct Waiter {
    waker: Waker,
    /// Its place among those that wait for the same value.
    place: usize,
}

struct Queue<R> {
    /// By value, soonest first: the keys of those that wait for it. Many wait for few values: all tasks of a frame do.
    waiters: BTreeMap<u64, Vec<usize>>,
    /// In the order of their values: a queue's values are given in submission order.
    records: VecDeque<(u64, R)>,
    /// What the reactor sleeps on: a wait for less must ring. 0 while it is awake, so that nothing rings then.
    armed: u64,
}

impl<E, R> State<E, R> {
    fn remove(&mut self, queue: usize, value: u64, key: usize) -> Waiter {
        let waiter = self.wakers.remove(key);
        if let Some(same) = self.queues[queue].waiters.get_mut(&value) {
            same.swap_remove(waiter.place);
            if let Some(&moved) = same.get(waiter.place) {
                self.wakers[moved].place = waiter.place;
            }
            if same.is_empty() {
                self.queues[queue].waiters.remove(&value);
            }
        }
        waiter
    }
}

impl<R> Queue<R> {
    fn next(&self) -> Option<u64> {
        let waiter = self.waiters.first_key_value().map(|(&value, _)| value);
        let record = self.records.front().map(|&(value, _)| value);
        waiter.into_iter().chain(record).min()
    }

    fn must_ring(&self, value: u64) -> bool {
        value < self.armed
    }
}

/// What a registration asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ring {
    /// The reactor sleeps on something later: ring the doorbell.
    Yes,
    /// It is awake, or will wake soon enough.
    No,
}

impl Ring {
    fn when(condition: bool) -> Self {
        if condition { Self::Yes } else { Self::No }
    }
}

impl<E: Clone, R> Table<E, R> {
    pub(crate) fn new(queues: usize) -> Self {
        let queue = || Queue { waiters: BTreeMap::new(), records: VecDeque::new(), armed: 0 };
        Self {
            reached: (0..queues).map(|_| AtomicU64::new(0)).collect(),
            state: Mutex::new(State {
                wakers: Slab::new(),
                queues: (0..queues).map(|_| queue()).collect(),
                failed: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<E, R>> {
        lock(&self.state)
    }

    /// The last value of `queue` that is known to be reached.
    pub(crate) fn reached(&self, queue: usize) -> u64 {
        self.reached[queue].load(Ordering::Acquire)
    }

    /// The sticky error, once the device is lost.
    pub(crate) fn failure(&self) -> Option<E> {
        self.lock().failed.clone()
    }

    /// Polls for `value` on `queue`; `key` is the caller's registration, made, refreshed and cleared here.
    ///
    /// `Pending` is returned only after the waker is stored.
    pub(crate) fn poll(
        &self,
        queue: usize,
        value: u64,
        key: &mut Option<usize>,
        waker: &Waker,
    ) -> (Poll<Result<(), E>>, Ring) {
        if self.reached(queue) >= value {
            *key = None; // whoever publishes `reached` has removed the entry
            return (Poll::Ready(Ok(())), Ring::No);
        }
        // Cloned before the lock is taken, and what it replaces dropped after: a foreign waker may do anything.
        let new_waker = waker.clone();
        let mut state = self.lock();
        // Again, under the lock: `advance` publishes under it, so a value missed here wakes us later.
        if self.reached(queue) >= value {
            *key = None;
            return (Poll::Ready(Ok(())), Ring::No);
        }
        if let Some(error) = &state.failed {
            *key = None;
            return (Poll::Ready(Err(error.clone())), Ring::No);
        }
        if let Some(key) = *key {
            let stored = &mut state.wakers[key].waker;
            let unused = if stored.will_wake(waker) { new_waker } else { mem::replace(stored, new_waker) };
            drop(state);
            drop(unused);
            return (Poll::Pending, Ring::No);
        }
        let state = &mut *state;
        let queue = &mut state.queues[queue];
        let same = queue.waiters.entry(value).or_default();
        let new = state.wakers.insert(Waiter { waker: new_waker, place: same.len() });
        same.push(new);
        *key = Some(new);
        (Poll::Pending, Ring::when(queue.must_ring(value)))
    }

    /// Takes a registration back.
    pub(crate) fn forget(&self, queue: usize, value: u64, key: usize) {
        let mut state = self.lock();
        // Reached or failed: the entry is gone, and its key may be somebody else's by now.
        if self.reached(queue) >= value || state.failed.is_some() {
            return;
        }
        let waiter = state.remove(queue, value, key);
        if state.wakers.is_empty() {
            // A burst of waiters leaves no footprint.
            state.wakers.shrink_to_fit();
        }
        drop(state);
        drop(waiter); // a foreign waker's drop may do anything, so not under the lock
    }

    /// Hands over what is to be given back once `value` is reached. Gives the record back if the device is lost.
    pub(crate) fn retire(&self, queue: usize, value: u64, record: R) -> Result<Ring, (R, E)> {
        let mut state = self.lock();
        if let Some(error) = &state.failed {
            return Err((record, error.clone()));
        }
        let queue = &mut state.queues[queue];
        queue.records.push_back((value, record));
        Ok(Ring::when(queue.must_ring(value)))
    }

    /// Takes the records from value `first` on back: their submission failed, so nobody will signal them.
    pub(crate) fn withdraw(&self, queue: usize, first: u64) -> Vec<R> {
        let records = &mut self.lock().queues[queue].records;
        let keep = records.partition_point(|&(value, _)| value < first);
        records.drain(keep..).map(|(_, record)| record).collect()
    }

    /// Takes the records up to `value` out, without publishing the value yet: their results are filled in first.
    pub(crate) fn take_retired(&self, queue: usize, value: u64, into: &mut Vec<R>) {
        let mut state = self.lock();
        let records = &mut state.queues[queue].records;
        while records.front().is_some_and(|&(at, _)| at <= value) {
            into.extend(records.pop_front().map(|(_, record)| record));
        }
    }

    /// Publishes `value` and takes out the wakers it satisfies.
    pub(crate) fn advance(&self, queue: usize, value: u64, into: &mut Vec<Waker>) {
        let mut state = self.lock();
        let state = &mut *state;
        // Once failed, the answer to a pending wait is the failure, and stays so.
        if self.reached(queue) >= value || state.failed.is_some() {
            return;
        }
        self.reached[queue].store(value, Ordering::Release);
        let waiters = &mut state.queues[queue].waiters;
        while let Some(entry) = waiters.first_entry() {
            if *entry.key() > value {
                break;
            }
            into.extend(entry.remove().into_iter().map(|key| state.wakers.remove(key).waker));
        }
    }

    /// Makes `error` the answer to everything pending and to come, and takes all wakers out. Records stay until
    /// [`take_lost`](Self::take_lost): the GPU may still be using what they hold.
    pub(crate) fn fail(&self, error: E, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        state.failed.get_or_insert(error);
        state.queues.iter_mut().for_each(|queue| queue.waiters.clear());
        wakers.extend(state.wakers.drain().map(|waiter| waiter.waker));
    }

    /// All records of a failed device, once nothing runs on it any more.
    pub(crate) fn take_lost(&self) -> Vec<R> {
        let mut state = self.lock();
        state.queues.iter_mut().flat_map(|queue| queue.records.drain(..)).map(|(_, record)| record).collect()
    }

    /// Makes `error` the answer to everything to come, unless a record still waits: whether it did.
    pub(crate) fn fail_if_idle(&self, error: E) -> bool {
        let mut state = self.lock();
        let idle = state.queues.iter().all(|queue| queue.records.is_empty());
        if idle {
            state.failed.get_or_insert(error);
        }
        idle
    }

    /// Before sleeping: the soonest value of each queue that anything waits for. From here on, a wait for less rings.
    pub(crate) fn arm(&self, targets: &mut Vec<(usize, u64)>) {
        targets.clear();
        let mut state = self.lock();
        for (index, queue) in state.queues.iter_mut().enumerate() {
            let next = queue.next();
            queue.armed = next.unwrap_or(u64::MAX);
            targets.extend(next.map(|value| (index, value)));
        }
    }

    /// After sleeping: nothing needs to ring.
    pub(crate) fn disarm(&self) {
        self.lock().queues.iter_mut().for_each(|queue| queue.armed = 0);
    }

    /// Records that wait to be retired.
    pub(crate) fn records(&self) -> usize {
        self.lock().queues.iter().map(|queue| queue.records.len()).sum()
    }

    /// Registered wakers, and the room kept for them.
    #[cfg(test)]
    pub(crate) fn waiters(&self) -> (usize, usize) {
        let state = self.lock();
        (state.wakers.len(), state.wakers.capacity())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type TestTable = Table<&'static str, u32>;

    fn pending(table: &TestTable, value: u64, key: &mut Option<usize>) -> Ring {
        let (poll, ring) = table.poll(0, value, key, Waker::noop());
        assert_eq!(poll, Poll::Pending);
        ring
    }

    #[test]
    fn a_value_wakes_those_at_or_below_it_and_no_other() {
        let table = TestTable::new(1);
        let mut keys = [None; 4];
        for (value, key) in (1..).zip(&mut keys) {
            pending(&table, value, key);
        }
        let mut woken = Vec::new();
        table.advance(0, 2, &mut woken);
        assert_eq!((woken.len(), table.waiters().0), (2, 2));
        assert_eq!(table.poll(0, 2, &mut keys[1], Waker::noop()).0, Poll::Ready(Ok(())));
        assert_eq!(keys[1], None);
    }

    #[test]
    fn waiters_for_one_value_can_leave_in_any_order() {
        let table = TestTable::new(1);
        let mut keys = [None; 5];
        for key in &mut keys {
            pending(&table, 9, key);
        }
        for index in [1, 4, 0] {
            table.forget(0, 9, keys[index].expect("registered"));
        }
        let mut woken = Vec::new();
        table.advance(0, 9, &mut woken);
        assert_eq!((woken.len(), table.waiters().0), (2, 0));
    }

    #[test]
    fn only_a_wait_for_less_than_the_reactor_sleeps_on_rings() {
        let table = TestTable::new(2);
        let mut targets = Vec::new();
        let mut keys = [None; 5];
        assert_eq!(pending(&table, 5, &mut keys[0]), Ring::No, "the reactor is awake");
        table.arm(&mut targets);
        assert_eq!(targets, [(0, 5)]);
        assert_eq!(pending(&table, 6, &mut keys[1]), Ring::No);
        assert_eq!(pending(&table, 5, &mut keys[2]), Ring::No);
        assert_eq!(pending(&table, 4, &mut keys[3]), Ring::Yes);
        assert_eq!(table.poll(1, 9, &mut keys[4], Waker::noop()).1, Ring::Yes, "that queue had no waiter");
        table.disarm();
        assert_eq!(pending(&table, 3, &mut None), Ring::No);
    }

    #[test]
    fn a_million_dropped_waits_leave_nothing() {
        let table = TestTable::new(1);
        let before = table.waiters();
        let mut keys = vec![None; 1_000_000];
        for (value, key) in (1..).zip(&mut keys) {
            pending(&table, value, key);
        }
        for (value, key) in (1..).zip(keys) {
            table.forget(0, value, key.expect("registered"));
        }
        assert_eq!(table.waiters(), before);
    }

    #[test]
    fn a_key_that_was_given_to_somebody_else_is_not_taken_back_twice() {
        let table = TestTable::new(1);
        let (mut first, mut second) = (None, None);
        pending(&table, 1, &mut first);
        table.advance(0, 1, &mut Vec::new());
        pending(&table, 2, &mut second);
        assert_eq!(first, second, "slab keys are reused");
        table.forget(0, 1, first.expect("registered"));
        assert_eq!(table.waiters().0, 1);
    }

    #[test]
    fn failure_is_sticky_and_gives_everything_back_once() {
        let table = TestTable::new(1);
        let mut key = None;
        pending(&table, 3, &mut key);
        assert_eq!(table.retire(0, 3, 77), Ok(Ring::No));
        let mut wakers = Vec::new();
        table.fail("lost", &mut wakers);
        assert_eq!((wakers.len(), table.take_lost()), (1, vec![77]));
        assert_eq!(table.poll(0, 3, &mut key, Waker::noop()).0, Poll::Ready(Err("lost")));
        assert_eq!(table.retire(0, 4, 78), Err((78, "lost")));
        table.advance(0, 3, &mut wakers);
        assert_eq!(table.poll(0, 3, &mut key, Waker::noop()).0, Poll::Ready(Err("lost")), "an answer stays");
        table.fail("later", &mut Vec::new());
        assert_eq!(table.failure(), Some("lost"));
    }

    #[test]
    fn records_come_out_in_order_before_the_value_is_published() {
        let table = TestTable::new(1);
        for value in 1..=3 {
            let _ = table.retire(0, value, value as u32);
        }
        let mut out = Vec::new();
        table.take_retired(0, 2, &mut out);
        assert_eq!((out, table.reached(0), table.records()), (vec![1, 2], 0, 1));
    }

    #[test]
    fn a_failed_submission_takes_its_records_back() {
        let table = TestTable::new(1);
        for value in 1..=4 {
            let _ = table.retire(0, value, value as u32);
        }
        assert_eq!((table.withdraw(0, 3), table.records()), (vec![3, 4], 2));
    }
}
