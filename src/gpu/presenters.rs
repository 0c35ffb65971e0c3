//! The threads that present: they end with their `Gpu`.

use std::{
    mem,
    sync::Mutex,
    thread::{self, JoinHandle, ThreadId},
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Result},
    sync::prim::lock,
};

/// A thread that presents, and how it is told to end.
struct Presenter {
    stop: Box<dyn Fn() + Send>,
    thread: JoinHandle<()>,
}

/// The threads that present frames of one `Gpu`.
#[derive(Default)]
pub(crate) struct Presenters(Mutex<State>);

#[derive(Default)]
struct State {
    running: Vec<Presenter>,
    closed: bool,
}

impl Presenters {
    /// Starts one, and gives its name: `stop` tells it to end, and may be called more than once.
    ///
    /// # Errors
    /// [`Error::Closed`], or no thread can be started: then nothing runs.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows present"))]
    pub(crate) fn start(
        &self,
        stop: impl Fn() + Send + 'static,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<ThreadId> {
        self.tidy(); // handles of surfaces that were dropped, which nobody else collects
        let mut state = lock(&self.0);
        if state.closed {
            return Err(Error::Closed);
        }
        let thread = thread::Builder::new().name("vulkio-present".into()).spawn(run);
        let thread =
            thread.map_err(|_| Error::OutOfHostMemory { context: "starting a thread that presents".into() })?;
        let id = thread.thread().id();
        state.running.push(Presenter { stop: Box::new(stop), thread });
        Ok(id)
    }

    /// Waits, blocking, until a thread that was told to end is gone. Nobody waits for one that somebody else collects.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows present"))]
    pub(crate) fn join(&self, id: ThreadId) {
        let mut state = lock(&self.0);
        let found = state.running.iter().position(|presenter| presenter.thread.thread().id() == id);
        let found = found.map(|at| state.running.swap_remove(at));
        drop(state);
        if let Some(presenter) = found {
            join(presenter.thread);
        }
    }

    /// Whether none runs.
    pub(crate) fn are_gone(&self) -> bool {
        lock(&self.0).running.is_empty()
    }

    /// Collects the threads that have ended.
    fn tidy(&self) {
        let mut state = lock(&self.0);
        let (ended, running): (Vec<_>, _) =
            mem::take(&mut state.running).into_iter().partition(|it| it.thread.is_finished());
        state.running = running;
        drop(state);
        ended.into_iter().for_each(|presenter: Presenter| join(presenter.thread));
    }

    /// Tells all to end; none is started from now on.
    pub(crate) fn stop(&self) {
        let mut state = lock(&self.0);
        state.closed = true;
        state.running.iter().for_each(|presenter| (presenter.stop)());
    }

    /// Waits, blocking, up to `limit` for all to end; whether they have. Not for the thread that calls.
    pub(crate) fn join_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now().checked_add(limit);
        let running = mem::take(&mut lock(&self.0).running);
        let own = thread::current().id();
        running.into_iter().filter(|presenter| presenter.thread.thread().id() != own).fold(true, |all, presenter| {
            while !presenter.thread.is_finished() {
                if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                    return false;
                }
                thread::sleep(Duration::from_micros(100));
            }
            join(presenter.thread);
            all
        })
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread that presents panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(60);

    /// A thread that ends when it is told to.
    fn start(presenters: &Presenters) -> Result<ThreadId> {
        let (tell, told) = mpsc::channel::<()>();
        let tell = Mutex::new(Some(tell));
        presenters.start(move || drop(lock(&tell).take()), move || assert!(told.recv().is_err()))
    }

    #[test]
    fn threads_end_when_they_are_told_to_and_none_is_started_after() {
        let presenters = Presenters::default();
        assert!(presenters.are_gone());
        start(&presenters).unwrap();
        start(&presenters).unwrap();
        assert!(!presenters.are_gone());
        presenters.stop();
        presenters.stop();
        assert!(presenters.join_within(LONG));
        assert!(presenters.are_gone());
        assert!(matches!(start(&presenters), Err(Error::Closed)));
    }

    #[test]
    fn a_thread_that_does_not_end_is_left_to_itself() {
        let presenters = Presenters::default();
        let (go, gate) = mpsc::channel::<()>();
        presenters.start(|| (), move || gate.recv().unwrap()).unwrap();
        presenters.stop();
        assert!(!presenters.join_within(Duration::from_millis(1)));
        go.send(()).unwrap();
    }

    #[test]
    fn threads_that_have_ended_are_collected() {
        let presenters = Presenters::default();
        presenters.start(|| (), || ()).unwrap();
        start(&presenters).unwrap();
        while lock(&presenters.0).running.len() > 1 {
            presenters.tidy();
            thread::yield_now();
        }
        // Those that are never asked for are collected when the next one starts.
        for _ in 0..100 {
            presenters.start(|| (), || ()).unwrap();
            while !lock(&presenters.0).running.last().unwrap().thread.is_finished() {
                thread::yield_now();
            }
        }
        assert!(lock(&presenters.0).running.len() <= 2);
        presenters.stop();
        assert!(presenters.join_within(LONG));
    }
}
