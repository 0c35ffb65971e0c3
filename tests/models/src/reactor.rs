//! The reactor's table: register and complete, arm and ring, fail and retire.

use std::{
    collections::VecDeque,
    sync::Arc,
    task::{Poll, Waker},
};

use loom::thread;

use crate::{
    MANY, explore,
    prim::{AtomicU8, Condvar, Mutex, Ordering, lock},
    sleeper::Sleeper,
    table::{Ring, Table},
};

const LOST: &str = "lost";
const CLOSED: &str = "closed";

/// A retire record. Dropping it gives back what the submission used.
struct Record(Arc<Seen>);

/// What became of a record, for all to see. Relaxed on both sides: only the table's own ordering may make it visible.
#[derive(Default)]
struct Seen {
    finished: AtomicU8,
    given_back: AtomicU8,
}

impl Record {
    fn finish(&self) {
        self.0.finished.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.0.given_back.fetch_add(1, Ordering::Relaxed);
    }
}

impl Seen {
    fn finished(&self) -> u8 {
        self.finished.load(Ordering::Relaxed)
    }

    fn given_back(&self) -> u8 {
        self.given_back.load(Ordering::Relaxed)
    }
}

type TestTable = Table<&'static str, Record>;

/// Awaits `value` of queue 0, as a `Completion` does; `answer` rings.
fn wait(table: &TestTable, value: u64, answer: impl Fn(Ring)) -> Result<(), &'static str> {
    let sleeper = Arc::new(Sleeper::default());
    let waker = Waker::from(Arc::clone(&sleeper));
    let mut key = None;
    loop {
        let (poll, ring) = table.poll(0, value, &mut key, &waker);
        answer(ring);
        match poll {
            Poll::Ready(result) => {
                assert_eq!(key, None, "ready, and still registered");
                assert_eq!(table.poll(0, value, &mut key, &waker).0, Poll::Ready(result), "another answer");
                return result;
            }
            Poll::Pending => sleeper.wait(),
        }
    }
}

/// Registers for `value` and drops the future at once.
fn poll_and_drop(table: &TestTable, value: u64) {
    let mut key = None;
    let _ = table.poll(0, value, &mut key, Waker::noop());
    if let Some(key) = key {
        table.forget(0, value, key);
    }
}

/// The reactor's turn: retires and wakes up to `value`.
fn collect(table: &TestTable, value: u64) {
    let (mut records, mut wakers) = (Vec::new(), Vec::new());
    table.take_retired(0, value, &mut records);
    records.iter().for_each(Record::finish);
    table.advance(0, value, &mut wakers);
    wakers.into_iter().for_each(Waker::wake);
}

/// As `Hub::fail`.
fn fail(table: &TestTable, error: &'static str) {
    let mut wakers = Vec::new();
    table.fail(error, &mut wakers);
    wakers.into_iter().for_each(Waker::wake);
}

/// A commit hands its record over: whether it may submit.
fn retire(table: &TestTable, value: u64, seen: &Arc<Seen>) -> bool {
    table.retire(0, value, Record(Arc::clone(seen))).is_ok()
}

/// Two futures of one value, and the reactor that reaches it meanwhile: both are ready, and see what the record wrote.
pub fn a_registration_that_races_with_the_advance_is_woken() {
    explore(MANY, || {
        let table = Arc::new(TestTable::new(1));
        let seen = Arc::new(Seen::default());
        assert!(retire(&table, 1, &seen));
        let waiters = [0, 1].map(|_| {
            let (table, seen) = (Arc::clone(&table), Arc::clone(&seen));
            thread::spawn(move || {
                assert_eq!(wait(&table, 1, |_| ()), Ok(()));
                assert_eq!(seen.finished(), 1, "ready before its record has run");
            })
        });
        collect(&table, 1);
        for waiter in waiters {
            waiter.join().expect("a waiter ends");
        }
        assert_eq!((seen.finished(), seen.given_back()), (1, 1));
    });
}

/// A future dropped while its value is reached, and another of the same value, then of a later one, that may get its key:
/// neither loses its registration to the other, and none is removed twice.
pub fn a_future_dropped_meanwhile_takes_back_its_own_registration_only() {
    explore(MANY, || {
        let table = Arc::new(TestTable::new(1));
        let dropped = {
            let table = Arc::clone(&table);
            thread::spawn(move || poll_and_drop(&table, 1))
        };
        let waiter = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                assert_eq!(wait(&table, 1, |_| ()), Ok(()));
                assert_eq!(wait(&table, 2, |_| ()), Ok(()));
            })
        };
        collect(&table, 1);
        dropped.join().expect("it is dropped");
        collect(&table, 2);
        waiter.join().expect("the waiter ends");
    });
}

/// A future dropped while the device is lost: the failure took its registration, so there is nothing to take back.
pub fn a_future_dropped_while_the_device_is_lost_has_no_registration_left() {
    explore(MANY, || {
        let table = Arc::new(TestTable::new(1));
        let dropped = {
            let table = Arc::clone(&table);
            thread::spawn(move || poll_and_drop(&table, 1))
        };
        fail(&table, LOST);
        dropped.join().expect("it is dropped");
        assert_eq!(wait(&table, 1, |_| ()), Err(LOST));
    });
}

/// A future that is polled by another task before it is woken: the last waker is the one that counts.
pub fn the_waker_of_the_last_poll_is_woken() {
    explore(MANY, || {
        let table = Arc::new(TestTable::new(1));
        let reactor = {
            let table = Arc::clone(&table);
            thread::spawn(move || collect(&table, 1))
        };
        let mut key = None;
        let first = table.poll(0, 1, &mut key, Waker::noop()).0;
        if first.is_pending() {
            let sleeper = Arc::new(Sleeper::default());
            if table.poll(0, 1, &mut key, &Waker::from(Arc::clone(&sleeper))).0.is_pending() {
                sleeper.wait();
            }
            assert_eq!(table.poll(0, 1, &mut key, Waker::noop()).0, Poll::Ready(Ok(())));
        }
        reactor.join().expect("the reactor ends");
    });
}

/// The device is lost while futures register, a value is reached and a commit hands its record over: every future is
/// answered, and every record given back.
pub fn a_loss_reaches_every_waiter_and_gives_every_record_back() {
    explore(3, || {
        let table = Arc::new(TestTable::new(1));
        let (first, second) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
        assert!(retire(&table, 1, &first));
        let reactor = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                collect(&table, 1);
                // It meets the failure, and then nothing is running any more.
                assert_eq!(wait(&table, 2, |_| ()), Err(LOST));
                drop(table.take_lost());
            })
        };
        let waiter = {
            let (table, first) = (Arc::clone(&table), Arc::clone(&first));
            thread::spawn(move || match wait(&table, 1, |_| ()) {
                Ok(()) => assert_eq!(first.finished(), 1, "ready without a result"),
                Err(error) => assert_eq!(error, LOST),
            })
        };
        let committer = {
            let (table, second) = (Arc::clone(&table), Arc::clone(&second));
            thread::spawn(move || retire(&table, 2, &second))
        };
        fail(&table, LOST);
        for thread in [reactor, waiter] {
            thread.join().expect("it ends");
        }
        committer.join().expect("the commit ends");
        assert!(first.finished() <= 1);
        assert_eq!((first.given_back(), second.given_back(), second.finished()), (1, 1, 0));
    });
}

/// A submit that fails takes its record back while a loss is reported twice: it is given back whoever was first, and the
/// first error is everybody's.
pub fn a_withdrawn_record_is_given_back() {
    explore(MANY, || {
        let table = Arc::new(TestTable::new(1));
        let seen = Arc::new(Seen::default());
        let failing = {
            let table = Arc::clone(&table);
            thread::spawn(move || fail(&table, LOST))
        };
        let committer = {
            let (table, seen) = (Arc::clone(&table), Arc::clone(&seen));
            thread::spawn(move || {
                if retire(&table, 1, &seen) {
                    drop(table.withdraw(0, 1));
                }
                fail(&table, "again");
            })
        };
        let answer = wait(&table, 1, |_| ());
        drop(table.take_lost());
        failing.join().expect("it fails");
        committer.join().expect("the commit ends");
        assert_eq!((seen.finished(), seen.given_back()), (0, 1));
        assert_eq!(answer.err(), table.failure());
    });
}

/// A commit against the reactor that stops when nothing is left: accepted and retired, or refused, never lost.
pub fn a_commit_that_races_with_closing_is_retired_or_refused() {
    explore(MANY, || {
        let table = Arc::new(TestTable::new(1));
        let seen = Arc::new(Seen::default());
        let committer = {
            let (table, seen) = (Arc::clone(&table), Arc::clone(&seen));
            thread::spawn(move || retire(&table, 1, &seen))
        };
        let idle = table.fail_if_idle(CLOSED);
        let accepted = committer.join().expect("the commit ends");
        assert_ne!(idle, accepted, "closed with a record in the table, or refused while open");
        if accepted {
            collect(&table, 1);
        }
        assert_eq!((seen.finished(), seen.given_back()), (u8::from(accepted), 1));
    });
}

/// The timelines and the doorbell: the protocol of `src/sync/timelines.rs`, without timeouts, so that a missed ring is a
/// hang.
#[derive(Default)]
struct Timelines {
    bell: Mutex<Bell>,
    parked: Condvar,
    /// Counter of queue 0, and the doorbell semaphore's.
    counters: Mutex<(u64, u64)>,
    changed: Condvar,
}

#[derive(Default)]
struct Bell {
    rings: u64,
    answered: u64,
    signalled: u64,
    state: State,
}

#[derive(Default, PartialEq)]
enum State {
    #[default]
    Awake,
    Parked,
    Waiting,
}

impl Timelines {
    /// The GPU reaches a value.
    fn signal(&self, value: u64) {
        lock(&self.counters).0 = value;
        self.changed.notify_all();
    }

    fn counter(&self) -> u64 {
        lock(&self.counters).0
    }

    fn sleep(&self, target: Option<u64>) {
        let mut bell = lock(&self.bell);
        if target.is_none() && bell.rings == bell.answered {
            bell.state = State::Parked;
            while bell.rings == bell.answered {
                bell = self.parked.wait(bell).expect("a panic ends the model");
            }
        }
        let Some(target) = target.filter(|_| bell.rings == bell.answered) else {
            bell.state = State::Awake;
            bell.answered = bell.rings;
            return;
        };
        let doorbell = bell.signalled + 1;
        bell.state = State::Waiting;
        drop(bell);
        let mut counters = lock(&self.counters);
        while counters.0 < target && counters.1 < doorbell {
            counters = self.changed.wait(counters).expect("a panic ends the model");
        }
        drop(counters);
        let mut bell = lock(&self.bell);
        bell.state = State::Awake;
        bell.answered = bell.rings;
    }

    fn ring(&self) {
        let mut bell = lock(&self.bell);
        bell.rings += 1;
        match bell.state {
            State::Awake => {}
            State::Parked => self.parked.notify_one(),
            State::Waiting => {
                bell.signalled += 1;
                lock(&self.counters).1 = bell.signalled;
                self.changed.notify_all();
            }
        }
    }
}

/// The reactor's loop, as in `src/sync/reactor.rs`.
fn react(table: &TestTable, timelines: &Timelines, stop: &AtomicU8) {
    let mut targets = Vec::new();
    loop {
        if stop.load(Ordering::Acquire) == 1 && table.fail_if_idle(CLOSED) {
            fail(table, CLOSED);
        }
        if table.failure().is_some() {
            return drop(table.take_lost());
        }
        table.arm(&mut targets);
        timelines.sleep(targets.first().map(|&(_, value)| value));
        table.disarm();
        if !targets.is_empty() {
            collect(table, timelines.counter());
        }
    }
}

/// A reactor and futures of these values, each on a thread of its own; the GPU reaches the smallest, and goes on to the
/// next only when that one's futures are through. Then the reactor is stopped.
fn reactor_serves(values: &'static [u64], preemptions: usize) {
    explore(preemptions, move || {
        let table = Arc::new(TestTable::new(1));
        let timelines = Arc::new(Timelines::default());
        let stop = Arc::new(AtomicU8::new(0));
        let reactor = {
            let (table, timelines, stop) = (Arc::clone(&table), Arc::clone(&timelines), Arc::clone(&stop));
            thread::spawn(move || react(&table, &timelines, &stop))
        };
        let waiters = values.iter().map(|&value| {
            let (table, timelines) = (Arc::clone(&table), Arc::clone(&timelines));
            let answer = move |ring| {
                if ring == Ring::Yes {
                    timelines.ring();
                }
            };
            (value, thread::spawn(move || assert_eq!(wait(&table, value, answer), Ok(()))))
        });
        let mut waiters: VecDeque<_> = waiters.collect();
        while let Some((value, waiter)) = waiters.pop_front() {
            timelines.signal(value);
            waiter.join().expect("a waiter ends");
        }
        stop.store(1, Ordering::Release);
        timelines.ring();
        reactor.join().expect("the reactor stops");
        assert_eq!(wait(&table, u64::MAX, |_| ()), Err(CLOSED));
    });
}

/// One future, a reactor that sleeps or is about to, and its end.
pub fn a_parked_reactor_is_rung_awake() {
    reactor_serves(&[1], MANY);
}

/// A future of a smaller value than the reactor sleeps on rings; without that it would sleep through.
pub fn a_wait_for_less_than_the_reactor_sleeps_on_ends_its_sleep() {
    reactor_serves(&[1, 2], 3);
}
