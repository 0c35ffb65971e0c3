//! The reactor without a device: counters moved by the test.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use super::{Completion, Reactor, Retire, Stamp, timelines::Timelines};
use crate::{
    error::{Error, Result},
    gpu::QueueId,
};

/// Counters that a test moves.
#[derive(Default)]
struct Manual {
    state: Mutex<ManualState>,
    changed: Condvar,
    sleeps: AtomicUsize,
}

#[derive(Default)]
struct ManualState {
    counters: [u64; 2],
    rung: bool,
    lost: bool,
}

impl Manual {
    fn change(&self, f: impl FnOnce(&mut ManualState)) {
        f(&mut self.state.lock().expect("not poisoned"));
        self.changed.notify_all();
    }
}

impl Timelines for Manual {
    fn counter(&self, queue: usize) -> Result<u64> {
        let state = self.state.lock().expect("not poisoned");
        if state.lost { Err(Error::DeviceLost { context: "a test".into() }) } else { Ok(state.counters[queue]) }
    }

    fn sleep(&self, targets: &[(usize, u64)], timeout: Duration) -> Result<()> {
        self.sleeps.fetch_add(1, Ordering::Relaxed);
        let state = self.state.lock().expect("not poisoned");
        let asleep = |state: &mut ManualState| {
            !state.rung && !state.lost && targets.iter().all(|&(queue, value)| state.counters[queue] < value)
        };
        let (mut state, _) = self.changed.wait_timeout_while(state, timeout, asleep).expect("not poisoned");
        state.rung = false;
        Ok(())
    }

    fn rung(&self) -> bool {
        self.state.lock().expect("not poisoned").rung
    }

    fn ring(&self) {
        self.change(|state| state.rung = true);
    }

    fn settle(&self, then: &mut dyn FnMut()) {
        then();
    }
}

struct Fill(Arc<OnceLock<u32>>, Arc<AtomicUsize>);

impl Retire for Fill {
    fn finish(&mut self) {
        self.1.fetch_add(1, Ordering::Relaxed);
        let _ = self.0.set(7);
    }
}

fn start() -> (Arc<Manual>, Reactor) {
    let manual = Arc::new(Manual::default());
    let reactor = Reactor::start(Arc::clone(&manual) as Arc<dyn Timelines>, 2, Duration::ZERO).expect("a thread");
    (manual, reactor)
}

fn stamp(value: u64) -> Stamp {
    Stamp { queue: QueueId(0), value }
}

fn wait(reactor: &Reactor, value: u64) -> Completion {
    Completion::new(Arc::clone(&reactor.hub), stamp(value), Arc::new(OnceLock::from(())))
}

#[test]
fn a_completion_carries_the_value_its_record_filled_in_and_repeats_it() {
    let (manual, reactor) = start();
    let (slot, finished) = (Arc::new(OnceLock::new()), Arc::new(AtomicUsize::new(0)));
    reactor
        .hub
        .retire(QueueId(0), 1, Box::new(Fill(Arc::clone(&slot), Arc::clone(&finished))))
        .unwrap_or_else(|_| panic!("alive"));
    let mut done = Completion::new(Arc::clone(&reactor.hub), stamp(1), slot);
    assert!(!done.is_complete());
    manual.change(|state| state.counters[0] = 1);
    assert_eq!(futures::executor::block_on(&mut done).expect("complete"), 7);
    assert_eq!(futures::executor::block_on(&mut done).expect("complete"), 7);
    assert!(done.is_complete());
    assert_eq!(finished.load(Ordering::Relaxed), 1);
}

#[test]
fn a_wait_for_less_than_the_reactor_sleeps_on_is_still_woken() {
    let (manual, reactor) = start();
    std::thread::scope(|scope| {
        scope.spawn(|| futures::executor::block_on(wait(&reactor, 10)).expect("complete"));
        std::thread::sleep(Duration::from_millis(20));
        let soon = scope.spawn(|| futures::executor::block_on(wait(&reactor, 3)).expect("complete"));
        std::thread::sleep(Duration::from_millis(20));
        manual.change(|state| state.counters[0] = 4);
        soon.join().expect("no panic");
        manual.change(|state| state.counters[0] = 10);
    });
}

#[test]
fn a_lost_device_reaches_every_waiter_and_every_later_one() {
    let (manual, reactor) = start();
    let finished = Arc::new(AtomicUsize::new(0));
    reactor
        .hub
        .retire(QueueId(1), 5, Box::new(Fill(Arc::default(), Arc::clone(&finished))))
        .unwrap_or_else(|_| panic!("alive"));
    let waits: Vec<_> = (1..=100).map(|value| wait(&reactor, value)).collect();
    manual.change(|state| state.lost = true);
    for result in futures::executor::block_on(futures::future::join_all(waits)) {
        assert!(matches!(result, Err(Error::DeviceLost { .. })), "{result:?}");
    }
    assert!(matches!(futures::executor::block_on(wait(&reactor, 1)), Err(Error::DeviceLost { .. })));
    let refused = reactor.hub.retire(QueueId(1), 6, Box::new(Fill(Arc::default(), Arc::clone(&finished))));
    assert!(matches!(refused, Err((_, Error::DeviceLost { .. }))));
    assert_eq!(finished.load(Ordering::Relaxed), 0, "what did not complete is not finished, only dropped");
    assert_eq!(Arc::strong_count(&finished), 1 + usize::from(refused.is_err()), "the lost record is dropped");
}

#[test]
fn a_timeout_is_not_a_loss() {
    let (manual, reactor) = start();
    let done = wait(&reactor, 1);
    let start = Instant::now();
    let result = futures::executor::block_on(done.wait_for(Duration::from_millis(30)));
    assert!(matches!(result, Err(Error::Timeout { .. })), "{result:?}");
    assert!(start.elapsed() >= Duration::from_millis(30));
    manual.change(|state| state.counters[0] = 1);
    futures::executor::block_on(done.wait_for(Duration::from_secs(10))).expect("complete");
}

#[test]
fn dropped_completions_leave_the_table_as_it_was() {
    let (_manual, reactor) = start();
    let before = reactor.hub.table.waiters();
    let mut cx = Context::from_waker(Waker::noop());
    for value in 1..=10_000 {
        assert_eq!(pin!(wait(&reactor, value)).poll(&mut cx).map(|_| ()), Poll::Pending);
    }
    assert_eq!(reactor.hub.table.waiters(), before);
}

#[test]
fn a_stopped_reactor_retires_what_is_left_and_ends() {
    let (manual, reactor) = start();
    let finished = Arc::new(AtomicUsize::new(0));
    reactor
        .hub
        .retire(QueueId(0), 1, Box::new(Fill(Arc::default(), Arc::clone(&finished))))
        .unwrap_or_else(|_| panic!("alive"));
    reactor.stop();
    assert!(!reactor.join_within(Duration::from_millis(20)), "a record is in flight");
    manual.change(|state| state.counters[0] = 1);
    assert!(reactor.join_within(Duration::from_secs(10)));
    assert_eq!(finished.load(Ordering::Relaxed), 1);
    assert!(matches!(futures::executor::block_on(wait(&reactor, 2)), Err(Error::Closed)));
}

#[test]
fn an_idle_reactor_sleeps() {
    let (manual, _reactor) = start();
    std::thread::sleep(Duration::from_millis(200));
    assert!(manual.sleeps.load(Ordering::Relaxed) <= 2);
}
