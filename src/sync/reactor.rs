//! The one thread per `Gpu` that waits for timelines, retires what they reached, and wakes tasks.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::Waker,
    thread::{self, JoinHandle, ThreadId},
    time::{Duration, Instant},
};

use tokio::sync::{Semaphore, watch};

use super::{
    prim::lock,
    table::{Ring, Table},
    timelines::Timelines,
    timers::Timers,
};
use crate::{
    error::{Error, Result, guarded},
    gpu::QueueId,
};

/// What a submission used, given back when it is complete.
pub(crate) trait Retire: Send {
    /// Fills in results: called on the reactor's thread, if the work is complete, before anyone who awaits the stamp is
    /// woken. Dropping the record, which frees things, happens after.
    fn finish(&mut self);
}

/// A retire record.
pub(crate) type Record = Box<dyn Retire>;

/// A pause before the reactor asks the driver again.
const RETRY: Duration = Duration::from_millis(1);

/// What a sleep lasts at the longest. A missed ring costs this much and no more.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// Where futures register. It holds no Vulkan object, so a completion may outlive its device.
pub(crate) struct Hub {
    pub(crate) table: Table<Error, Record>,
    pub(crate) timers: Timers,
    timelines: Weak<dyn Timelines>,
    /// What renderers' `frame()` waits for: closed when there will be no more frames.
    permits: Mutex<Vec<Weak<Semaphore>>>,
}

impl Hub {
    /// Ends the reactor's sleep if `ring` asks for it.
    pub(crate) fn answer(&self, ring: Ring) {
        if ring == Ring::Yes {
            self.ring();
        }
    }

    pub(crate) fn ring(&self) {
        if let Some(timelines) = self.timelines.upgrade() {
            timelines.ring();
        }
    }

    /// Hands `record` over until `value` of `queue` is reached. The caller answers the ring once `value` is submitted:
    /// a reactor that is woken before only gets in the submit's way.
    ///
    /// # Errors
    ///
    /// The device is lost or closed: nothing may be submitted. The record comes back.
    pub(crate) fn retire(&self, queue: QueueId, value: u64, record: Record) -> Result<Ring, (Record, Error)> {
        self.table.retire(queue.index(), value, record)
    }

    /// The device is lost (or closed): answers everything pending and to come with `error`.
    pub(crate) fn fail(&self, error: Error) {
        let mut wakers = Vec::new();
        self.table.fail(error, &mut wakers);
        wake(&mut wakers);
        self.close_permits();
        self.ring(); // what the GPU may still be touching is dropped by the reactor, once nothing runs any more
    }

    /// Closes a renderer's permits when there will be no more frames, so that who waits for one learns of it.
    pub(crate) fn close_with(&self, permits: &Arc<Semaphore>) {
        let mut all = lock(&self.permits);
        all.retain(|permits| permits.strong_count() > 0);
        all.push(Arc::downgrade(permits));
        drop(all);
        if self.table.failure().is_some() {
            permits.close();
        }
    }

    pub(crate) fn close_permits(&self) {
        let permits: Vec<_> = lock(&self.permits).iter().filter_map(Weak::upgrade).collect();
        for permits in permits {
            guarded("a waker", || permits.close());
        }
    }
}

/// The reactor's handle, held by the `Gpu`.
pub(crate) struct Reactor {
    pub(crate) hub: Arc<Hub>,
    stop: Arc<AtomicBool>,
    exited: watch::Receiver<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
    id: ThreadId,
}

impl Reactor {
    /// Starts the thread. It spins on the counters for `spin` before it blocks.
    pub(crate) fn start(timelines: Arc<dyn Timelines>, queues: usize, spin: Duration) -> Result<Self> {
        let hub = Arc::new(Hub {
            table: Table::new(queues),
            timers: Timers::default(),
            timelines: Arc::downgrade(&timelines),
            permits: Mutex::default(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let (exit, exited) = watch::channel(false);
        let mut run = Run {
            hub: Arc::clone(&hub),
            timelines,
            spin,
            few_cores: thread::available_parallelism().is_ok_and(|cores| cores.get() < 4),
            stop: Arc::clone(&stop),
            targets: Vec::new(),
            wakers: Vec::new(),
            records: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("vulkio-reactor".into())
            .spawn(move || {
                run.until_stopped();
                drop(run); // the last of the device may go with it, before anyone is told
                let _ = exit.send(true);
            })
            .map_err(|_| Error::OutOfHostMemory { context: "starting the reactor thread".into() })?;
        let id = thread.thread().id();
        Ok(Self { hub, stop, exited, thread: Mutex::new(Some(thread)), id })
    }

    /// Asks the thread to end once everything submitted is retired.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        self.hub.ring();
    }

    /// Resolves when the thread has ended.
    pub(crate) async fn stopped(&self) {
        let mut exited = self.exited.clone();
        let _ = exited.wait_for(|&done| done).await;
        self.join();
    }

    /// Waits, blocking, at most `timeout` for the thread's end. False if it goes on.
    pub(crate) fn join_within(&self, timeout: Duration) -> bool {
        if thread::current().id() == self.id {
            return true; // it must not wait for itself; it ends when its caller returns
        }
        let deadline = Instant::now().checked_add(timeout);
        while !*self.exited.borrow() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return false;
            }
            thread::sleep(Duration::from_micros(50));
        }
        self.join();
        true
    }

    fn join(&self) {
        if thread::current().id() == self.id {
            return;
        }
        let handle = lock(&self.thread).take();
        if let Some(handle) = handle {
            let _ = handle.join(); // `exited` is set as its last act: nothing is left to wait for
        }
    }
}

/// The thread's state.
struct Run {
    hub: Arc<Hub>,
    timelines: Arc<dyn Timelines>,
    spin: Duration,
    few_cores: bool,
    stop: Arc<AtomicBool>,
    targets: Vec<(usize, u64)>,
    wakers: Vec<Waker>,
    records: Vec<Record>,
}

impl Run {
    fn until_stopped(&mut self) {
        loop {
            if self.stop.load(Ordering::Acquire) && self.hub.table.fail_if_idle(Error::Closed) {
                self.hub.fail(Error::Closed); // wakes who waits for what was never submitted
            }
            if self.hub.table.failure().is_some() {
                return self.give_up();
            }
            match self.sleep().and_then(|()| self.collect()) {
                Ok(()) => {}
                Err(Error::OutOfHostMemory { context }) => {
                    tracing::warn!("{context}: out of host memory; trying again");
                    thread::sleep(RETRY);
                }
                Err(error) => {
                    tracing::error!("the reactor gives up: {error}");
                    self.hub.fail(error);
                }
            }
        }
    }

    /// Drops what the lost device's submissions used.
    fn give_up(&mut self) {
        let hub = &self.hub;
        if hub.table.records() > 0 {
            let records = &mut self.records;
            self.timelines.settle(&mut || *records = hub.table.take_lost());
        }
        release(&mut self.records);
    }

    /// Sleeps until something that anybody waits for may have happened.
    fn sleep(&mut self) -> Result<()> {
        self.hub.table.arm(&mut self.targets);
        let slept = if self.spin()? { Ok(()) } else { self.block() };
        self.hub.table.disarm();
        slept
    }

    fn block(&self) -> Result<()> {
        // `stop` and timers ring after they were set, so one that comes after these looks ends the sleep.
        let timeout = self.hub.timers.next(Instant::now()).map_or(LONGEST_SLEEP, |due| due.min(LONGEST_SLEEP));
        self.timelines.sleep(&self.targets, timeout)
    }

    /// Watches the counters for a while: true if one is reached. Nothing armed: parked at once.
    fn spin(&self) -> Result<bool> {
        if self.targets.is_empty() {
            return Ok(false);
        }
        let start = Instant::now();
        loop {
            for &(queue, value) in &self.targets {
                if self.timelines.counter(queue)? >= value {
                    return Ok(true);
                }
            }
            if self.timelines.rung() || start.elapsed() >= self.spin {
                return Ok(false);
            }
            if self.few_cores {
                thread::yield_now(); // what is waited for may need this very core
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Retires and wakes what the counters have reached.
    fn collect(&mut self) -> Result<()> {
        for &(queue, _) in &self.targets {
            let value = self.timelines.counter(queue)?;
            self.hub.table.take_retired(queue, value, &mut self.records);
            for record in &mut self.records {
                guarded("a listener to frames", || record.finish());
            }
            self.hub.table.advance(queue, value, &mut self.wakers);
        }
        self.hub.timers.expire(Instant::now(), &mut self.wakers);
        wake(&mut self.wakers);
        // Last: freeing things may take its time.
        release(&mut self.records);
        Ok(())
    }
}

/// Drops records. That gives permits back, which wakes.
fn release(records: &mut Vec<Record>) {
    for record in records.drain(..) {
        guarded("a waker", || drop(record));
    }
}

fn wake(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        guarded("a waker", || waker.wake());
    }
}
