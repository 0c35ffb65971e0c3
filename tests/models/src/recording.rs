//! A frame's end: its recording tasks, its owner, and the state word that says who decides.

use loom::{
    sync::{Arc, Mutex, atomic::AtomicUsize},
    thread,
};

use crate::{
    MANY, explore,
    prim::{Ordering, lock},
    word::Word,
};

/// What the tasks of a recording share, as in `src/exec/recording.rs`.
struct Recording {
    word: Word,
    remaining: AtomicUsize,
    parts: Mutex<Parts>,
    ended: Mutex<Ended>,
}

#[derive(Default)]
struct Parts {
    recorded: Vec<usize>,
    failed: bool,
}

/// How it ended, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ended {
    /// Command buffers of each submit.
    submitted: Vec<usize>,
    /// Command buffers thrown away, each time.
    given_back: Vec<usize>,
    /// Errors told.
    errors: usize,
}

impl Recording {
    fn of_tasks(tasks: usize) -> Arc<Self> {
        Arc::new(Self {
            word: Word::recording(),
            remaining: AtomicUsize::new(tasks),
            parts: Mutex::default(),
            ended: Mutex::default(),
        })
    }

    fn run(&self, task: usize, fails: bool) {
        if !self.word.is_cancelled() {
            if fails {
                lock(&self.parts).failed = true;
                self.word.cancel();
            } else {
                lock(&self.parts).recorded.push(task);
            }
        }
        if self.remaining.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.conclude();
        }
    }

    fn conclude(&self) {
        let parts = std::mem::take(&mut *lock(&self.parts));
        let buffers = parts.recorded.len();
        let mut ended = lock(&self.ended);
        if parts.failed {
            ended.errors += 1;
            ended.given_back.push(buffers);
        } else if self.word.begin_commit() {
            ended.submitted.push(buffers);
        } else {
            ended.given_back.push(buffers);
        }
    }

    /// Runs two tasks, the second failing or not, against an owner who cancels: whether it did so in time, and the end.
    fn cancelled_meanwhile(second_fails: bool) -> (bool, Ended) {
        let recording = Self::of_tasks(2);
        let tasks = [(0, false), (1, second_fails)].map(|(task, fails)| {
            let recording = Arc::clone(&recording);
            thread::spawn(move || recording.run(task, fails))
        });
        let cancelled = recording.word.cancel();
        for task in tasks {
            task.join().expect("a task ends");
        }
        let ended = lock(&recording.ended).clone();
        assert!(lock(&recording.parts).recorded.is_empty(), "something was left behind");
        (cancelled, ended)
    }
}

/// Two tasks that end and an owner who cancels: submitted whole, or given back, and the owner knows which.
pub fn a_frame_is_committed_whole_or_cancelled_whole() {
    explore(MANY, || {
        let (cancelled, ended) = Recording::cancelled_meanwhile(false);
        assert_eq!(ended.submitted.len() + ended.given_back.len(), 1, "ended once: {ended:?}");
        if cancelled {
            assert!(ended.submitted.is_empty(), "cancelled, and submitted: {ended:?}");
        } else {
            assert_eq!(ended.submitted, [2], "too late to cancel, so it goes out whole");
        }
        assert_eq!(ended.errors, 0);
    });
}

/// As before, with a task that fails: nothing is submitted, and what was recorded is given back once.
pub fn a_frame_with_a_failing_pass_is_never_submitted() {
    explore(MANY, || {
        let (cancelled, ended) = Recording::cancelled_meanwhile(true);
        assert!(ended.submitted.is_empty(), "{ended:?}");
        assert_eq!(ended.given_back.len(), 1, "{ended:?}");
        // Cancelled before it began, the failing task may never have run; else its error is told once.
        assert!(ended.errors == 1 || cancelled && ended.errors == 0, "{ended:?}");
    });
}
