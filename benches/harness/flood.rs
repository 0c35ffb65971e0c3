//! Ten thousand tasks that await completions of one device, over and over.
//!
//! **What is counted**: a completion is one task that polled a [`Completion`] of a real submission, was told `Pending`
//! and so stood in the reactor's table, was woken by the reactor, was polled again by tokio, and got its answer. One
//! that is found complete at its first poll is not counted.
//!
//! Submissions take the device about 100 µs each, so that the newest is not complete when a task asks for it. A
//! thread of its own keeps [`AHEAD`] of them in flight. Each task awaits the newest, and then the next newest; so about
//! ten thousand wait at any time for the few submissions in flight, and several hundred to several thousand share one.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use vulkio::Completion;

use super::{Result, pairs::quantile, spin::Spin};

/// Tasks: completions in flight.
pub(crate) const TASKS: usize = 10_000;
/// Submissions in flight.
const AHEAD: usize = 8;
/// Handles of the newest submission's completion, so that tasks do not queue for one lock.
const SHARDS: usize = 16;

/// What came out.
pub(crate) struct Flood {
    /// Completions a second: lower quartile, median and upper quartile of the windows.
    pub(crate) rate: [f64; 3],
    /// Tasks registered with the reactor, median of the samples.
    pub(crate) waiting: f64,
    /// First polls that found their completion complete, as a share of all. They are not counted.
    pub(crate) ready_at_once: f64,
    /// `vkQueueSubmit2` calls a second.
    pub(crate) submissions: f64,
}

struct Shared {
    newest: Vec<Mutex<Completion>>,
    tasks: Vec<Tally>,
    submissions: AtomicU64,
    stop: AtomicBool,
}

/// One task's, alone on its cache line: it is written at every completion.
#[derive(Default)]
#[repr(align(64))]
struct Tally {
    waiting: AtomicBool,
    completed: AtomicU64,
    at_once: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs it on a runtime, sampled for `windows` windows of 100 ms.
pub(crate) fn run(runtime: &tokio::runtime::Runtime, spin: Arc<Spin>, rounds: u32, windows: usize) -> Result<Flood> {
    let first = block_on(spin.submit(rounds))?.without_value();
    let shared = Arc::new(Shared {
        newest: (0..SHARDS).map(|_| Mutex::new(first.clone())).collect(),
        tasks: (0..TASKS).map(|_| Tally::default()).collect(),
        submissions: AtomicU64::new(0),
        stop: AtomicBool::new(false),
    });
    let submitter = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || keep_submitting(&shared, &spin, rounds))
    };
    let tasks: Vec<_> = (0..TASKS).map(|index| runtime.spawn(keep_waiting(Arc::clone(&shared), index))).collect();
    let flood = sample(&shared, windows);
    shared.stop.store(true, Ordering::Relaxed);
    submitter.join().map_err(|_| "the submitting thread panicked")??;
    for task in tasks {
        runtime.block_on(task)??;
    }
    Ok(flood)
}

/// Keeps the device busy until told to stop.
fn keep_submitting(shared: &Shared, spin: &Spin, rounds: u32) -> vulkio::Result<()> {
    let mut in_flight = VecDeque::new();
    while !shared.stop.load(Ordering::Relaxed) {
        while in_flight.front().is_some_and(Completion::is_complete) {
            in_flight.pop_front();
        }
        if in_flight.len() == AHEAD {
            // Not awaited: it would be woken in its turn among all the tasks, and the device would run dry.
            thread::sleep(Duration::from_micros(20));
            continue;
        }
        let done = block_on(spin.submit(rounds))?.without_value();
        shared.submissions.fetch_add(1, Ordering::Relaxed);
        for newest in &shared.newest {
            *lock(newest) = done.clone();
        }
        in_flight.push_back(done);
    }
    Ok(())
}

/// A task: awaits the newest submission, again and again.
async fn keep_waiting(shared: Arc<Shared>, index: usize) -> vulkio::Result<()> {
    let tally = &shared.tasks[index];
    while !shared.stop.load(Ordering::Relaxed) {
        let newest = lock(&shared.newest[index % SHARDS]).clone();
        if wait(tally, newest).await? {
            tally.completed.fetch_add(1, Ordering::Relaxed);
        } else {
            tally.at_once.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Whether it had to be waited for.
async fn wait(tally: &Tally, completion: Completion) -> vulkio::Result<bool> {
    let mut completion = std::pin::pin!(completion);
    let mut waited = false;
    std::future::poll_fn(|cx| match completion.as_mut().poll(cx) {
        Poll::Ready(result) => {
            tally.waiting.store(false, Ordering::Relaxed);
            Poll::Ready(result)
        }
        Poll::Pending => {
            waited = true;
            tally.waiting.store(true, Ordering::Relaxed);
            Poll::Pending
        }
    })
    .await?;
    Ok(waited)
}

fn sample(shared: &Shared, windows: usize) -> Flood {
    thread::sleep(Duration::from_millis(300)); // until it runs evenly
    let sum = |of: fn(&Tally) -> u64| shared.tasks.iter().map(of).sum::<u64>() as f64;
    let completed = || sum(|tally| tally.completed.load(Ordering::Relaxed));
    let at_once = || sum(|tally| tally.at_once.load(Ordering::Relaxed));
    let submissions = || shared.submissions.load(Ordering::Relaxed) as f64;
    let before = (completed(), at_once(), submissions());
    let start = Instant::now();
    let (mut rates, mut waiting) = (Vec::new(), Vec::new());
    for _ in 0..windows {
        let (from, since) = (completed(), Instant::now());
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(10));
            waiting.push(sum(|tally| u64::from(tally.waiting.load(Ordering::Relaxed))));
        }
        rates.push((completed() - from) / since.elapsed().as_secs_f64());
    }
    let (counted, skipped) = (completed() - before.0, at_once() - before.1);
    Flood {
        rate: [0.25, 0.5, 0.75].map(|part| quantile(&rates, part)),
        waiting: quantile(&waiting, 0.5),
        ready_at_once: skipped / (counted + skipped),
        submissions: (submissions() - before.2) / start.elapsed().as_secs_f64(),
    }
}
