//! A job: its end, its users, and those who wait to take its output.

use std::{
    sync::Arc,
    task::{Poll, Waker},
};

use loom::{cell::UnsafeCell, thread};

use crate::{
    MANY, explore,
    progress::{Gone, Progress},
    sleeper::Sleeper,
};

type Answer = Result<u32, Gone<&'static str>>;

/// A job and the place of its output. Loom fails a model in which two threads are there at once and one of them writes.
struct Job {
    progress: Progress<&'static str>,
    output: UnsafeCell<Option<u32>>,
}

// SAFETY: loom's cell reports what would break this promise.
unsafe impl Sync for Job {}

fn wake(wakers: Vec<Waker>) {
    wakers.into_iter().for_each(Waker::wake);
}

impl Job {
    fn running() -> Arc<Self> {
        Arc::new(Self { progress: Progress::running(), output: UnsafeCell::new(None) })
    }

    fn fail(&self) {
        wake(self.progress.fail("aborted").unwrap_or_default());
    }

    /// Puts the output in its place and says so: whether the job counts as finished.
    fn finish(&self) -> bool {
        // SAFETY: nobody looks here before the job is finished.
        self.output.with_mut(|output| unsafe { *output = Some(7) });
        let wakers = self.progress.finish();
        let finished = wakers.is_some();
        wake(wakers.unwrap_or_default());
        finished
    }

    fn wait(&self, mut poll: impl FnMut(&mut Option<usize>, &Waker) -> Poll<Result<(), Gone<&'static str>>>) -> Answer {
        let sleeper = Arc::new(Sleeper::default());
        let waker = Waker::from(Arc::clone(&sleeper));
        let mut key = None;
        loop {
            match poll(&mut key, &waker) {
                Poll::Ready(answer) => {
                    assert_eq!(key, None, "ready, and still registered");
                    return answer.map(|()| 0);
                }
                Poll::Pending => sleeper.wait(),
            }
        }
    }

    fn take(&self) -> Answer {
        self.wait(|key, waker| self.progress.poll_take(key, waker))?;
        // SAFETY: it was this thread's turn, once.
        Ok(self.output.with_mut(|output| unsafe { (*output).take() }).expect("it was put there"))
    }

    /// What a pass does that entered before: waits, reads, leaves.
    fn use_and_leave(&self) -> Answer {
        let answer = self.wait(|key, waker| self.progress.poll_output(key, waker));
        // SAFETY: the job is finished, and nobody takes the output of one that has a user.
        let answer = answer.map(|_| self.output.with(|output| unsafe { *output }).expect("nobody took it"));
        wake(self.progress.leave());
        answer
    }
}

fn spawn<R: 'static>(job: &Arc<Job>, what: impl FnOnce(&Job) -> R + 'static) -> thread::JoinHandle<R> {
    let job = Arc::clone(job);
    thread::spawn(move || what(&job))
}

/// A taker, a pass, and the job's end, all at once.
pub fn a_take_that_races_with_the_end_and_the_last_user_gets_the_output() {
    explore(MANY, || {
        let job = Job::running();
        job.progress.enter();
        let taker = spawn(&job, Job::take);
        let user = spawn(&job, Job::use_and_leave);
        assert!(job.finish());
        assert_eq!(taker.join().expect("no panic"), Ok(7));
        assert_eq!(user.join().expect("no panic"), Ok(7), "the output stayed for its user");
    });
}

/// Two who want the one output, and a pass that leaves.
pub fn of_two_takers_one_gets_the_output_and_the_other_an_answer() {
    explore(MANY, || {
        let job = Job::running();
        job.progress.enter();
        assert!(job.finish());
        let takers = [(); 2].map(|()| spawn(&job, Job::take));
        wake(job.progress.leave());
        let mut answers = takers.map(|taker| taker.join().expect("no panic"));
        answers.sort_by_key(Result::is_err);
        assert_eq!(answers, [Ok(7), Err(Gone::Taken)]);
    });
}

/// A frame that is dropped in the moment its job is finished: the taker and the pass hear the same.
pub fn a_job_that_is_aborted_as_it_ends_gives_its_output_to_all_or_to_none() {
    explore(MANY, || {
        let job = Job::running();
        job.progress.enter();
        let running = spawn(&job, Job::finish);
        let user = spawn(&job, Job::use_and_leave);
        job.fail();
        let expected = if running.join().expect("no panic") { Ok(7) } else { Err(Gone::Failed("aborted")) };
        assert_eq!(user.join().expect("no panic"), expected);
        assert_eq!(job.take(), expected);
    });
}

/// Two waits, one dropped while the job ends: the other is woken.
pub fn a_wait_dropped_meanwhile_takes_back_its_own_registration_only() {
    explore(MANY, || {
        let job = Job::running();
        let taker = spawn(&job, Job::take);
        let dropped = spawn(&job, |job| {
            let mut key = None;
            let _ = job.progress.poll_output(&mut key, Waker::noop());
            if let Some(key) = key {
                job.progress.forget(key);
            }
        });
        assert!(job.finish());
        dropped.join().expect("no panic");
        assert_eq!(taker.join().expect("no panic"), Ok(7));
    });
}
