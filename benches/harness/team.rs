//! Warm threads for the hand-written side: they live as long as the bench, spin for their next job for a while, and park
//! after that.

use std::{
    hint,
    ptr::{self, NonNull},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle, Thread},
    time::{Duration, Instant},
};

/// How long a helper that has nothing to do keeps its core.
const SPIN: Duration = Duration::from_micros(50);

/// A calling thread and its helpers.
pub(crate) struct Team {
    shared: Arc<Shared>,
    joins: Vec<JoinHandle<()>>,
}

struct Shared {
    /// By helper; helper 0 is thread 1 of the team.
    seats: Vec<Seat>,
    /// Points to the `&dyn Fn(usize)` of the job that is running.
    job: AtomicPtr<()>,
    /// Threads of the job that is running.
    threads: AtomicUsize,
    /// Helpers that are not through with it.
    pending: AtomicUsize,
    panicked: AtomicBool,
    over: AtomicBool,
}

/// A helper's own cache lines.
#[repr(align(128))]
#[derive(Default)]
struct Seat {
    /// Jobs given so far.
    given: AtomicU64,
    thread: OnceLock<Thread>,
}

impl Team {
    /// Of so many threads, the calling one included.
    pub(crate) fn new(threads: usize) -> Self {
        let helpers = threads.saturating_sub(1);
        let shared = Arc::new(Shared {
            seats: (0..helpers).map(|_| Seat::default()).collect(),
            job: AtomicPtr::default(),
            threads: AtomicUsize::new(0),
            pending: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            over: AtomicBool::new(false),
        });
        let joins: Vec<_> = (0..helpers).map(|helper| spawn(&shared, helper)).collect();
        for (seat, join) in shared.seats.iter().zip(&joins) {
            seat.thread.get_or_init(|| join.thread().clone());
        }
        Self { shared, joins }
    }

    /// Runs `job(0)` here and `job(1)`, `job(2)`, .. on helpers, at the same time; `threads` in all. Returns when all are
    /// through.
    pub(crate) fn run(&mut self, threads: usize, job: impl Fn(usize) + Sync) {
        assert!((1..=self.shared.seats.len() + 1).contains(&threads), "a team is as large as it was made");
        let job: &(dyn Fn(usize) + Sync) = &job;
        let shared = &*self.shared;
        shared.job.store((&raw const job).cast_mut().cast(), Ordering::Relaxed);
        shared.threads.store(threads, Ordering::Relaxed);
        shared.pending.store(threads - 1, Ordering::Relaxed);
        // Whatever happens here, nobody leaves before the helpers are through with what they borrow.
        let all = AllThrough(shared);
        shared.call(0);
        job(0);
        drop(all);
        assert!(!shared.panicked.load(Ordering::Relaxed), "a helper panicked");
    }
}

struct AllThrough<'a>(&'a Shared);

impl Drop for AllThrough<'_> {
    fn drop(&mut self) {
        spin_until(Duration::from_millis(1), || self.0.pending.load(Ordering::Acquire) == 0, thread::yield_now);
        self.0.job.store(ptr::null_mut(), Ordering::Relaxed);
    }
}

impl Shared {
    /// Thread `caller` of the team gives its share of the others the job. Everybody who is called calls two more, so
    /// that waking fifteen parked threads is not one thread's work.
    fn call(&self, caller: usize) {
        for thread in [2 * caller + 1, 2 * caller + 2] {
            if thread < self.threads.load(Ordering::Relaxed) {
                self.seats[thread - 1].call();
            }
        }
    }

    fn serve(&self, helper: usize) {
        let seat = &self.seats[helper];
        for given in 1.. {
            spin_until(SPIN, || seat.given.load(Ordering::Acquire) == given, thread::park);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let _through = Through(self);
            self.call(helper + 1);
            let job = NonNull::new(self.job.load(Ordering::Relaxed)).expect("a call comes after its job");
            // SAFETY: `run` stored a pointer to such a reference before the call, and keeps both alive until every
            // helper it called is through.
            let job = unsafe { *job.cast::<&(dyn Fn(usize) + Sync)>().as_ref() };
            job(helper + 1);
        }
    }
}

impl Seat {
    fn call(&self) {
        // Release: with the job, and on to those that the called one calls.
        self.given.fetch_add(1, Ordering::Release);
        if let Some(thread) = self.thread.get() {
            // Costs a system call only if it is parked.
            thread.unpark();
        }
    }
}

/// A helper that is in a job; dropped, also by a panic, it is through with it.
struct Through<'a>(&'a Shared);

impl Drop for Through<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.panicked.store(true, Ordering::Relaxed);
        }
        self.0.pending.fetch_sub(1, Ordering::Release);
    }
}

fn spawn(shared: &Arc<Shared>, helper: usize) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::Builder::new()
        .name(format!("by hand {}", helper + 1))
        .spawn(move || shared.serve(helper))
        .expect("the system has room for a thread a core")
}

/// Spins until `done`, for `most`; after that calls `pause` in between.
fn spin_until(most: Duration, done: impl Fn() -> bool, pause: impl Fn()) {
    let start = Instant::now();
    while !done() {
        for _ in 0..32 {
            hint::spin_loop();
        }
        if start.elapsed() > most && !done() {
            pause();
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.shared.seats.iter().for_each(Seat::call);
        for join in self.joins.drain(..) {
            // A panic was reported by `run`.
            let _ = join.join();
        }
    }
}
