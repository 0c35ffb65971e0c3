//! What the reactor sleeps on: the queues' timeline semaphores and a doorbell, or a stand-in in tests.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, TryLockError},
    time::{Duration, Instant},
};

use ash::vk;

use super::prim::lock;
use crate::{
    error::{During, Result},
    gpu::{DeviceKind, QueueId, counters::Counters, device::Device},
};

/// How soon a ring is heard in a wait for one semaphore. Commits ring only when nothing is waited for, so this is about
/// timers, failures and the end.
const SLICE: Duration = Duration::from_millis(1);

/// A set of counters that only grow, one per queue, and a bell that ends a sleep early.
pub(crate) trait Timelines: Send + Sync + 'static {
    /// The present value of `queue`'s counter.
    fn counter(&self, queue: usize) -> Result<u64>;
    /// Sleeps until any target is reached, the bell rings, or `timeout` is over; a ring since the last sleep ends it
    /// at once. With no targets only the bell and the timeout count.
    fn sleep(&self, targets: &[(usize, u64)], timeout: Duration) -> Result<()>;
    /// Whether the bell rang since the last sleep ended.
    fn rung(&self) -> bool;
    /// Ends the present or the next sleep.
    fn ring(&self);
    /// Calls `then` when nothing runs and nobody submits any more: once the device is lost, when that is soon.
    fn settle(&self, then: &mut dyn FnMut());
}

/// The real ones: a timeline semaphore per queue and one signalled by the host.
pub(crate) struct DeviceTimelines {
    device: Arc<Device>,
    queues: Vec<vk::Semaphore>,
    doorbell: vk::Semaphore,
    bell: Mutex<Bell>,
    parked: Condvar,
    /// On this device a wait for ANY of several semaphores keeps a core busy.
    any_polls: bool,
    /// Held while anything is submitted to the device's queues.
    submitting: Mutex<()>,
}

#[derive(Default)]
struct Bell {
    rings: u64,
    answered: u64,
    /// The doorbell semaphore's value.
    signalled: u64,
    sleeper: Sleeper,
}

/// Where the reactor is, as far as a ring is concerned.
#[derive(Default, PartialEq)]
enum Sleeper {
    #[default]
    Awake,
    /// On the condition variable: nothing is armed.
    Parked,
    /// In `vkWaitSemaphores`.
    Waiting,
}

/// Whether a wait ended by what it waited for.
#[derive(Clone, Copy, PartialEq)]
enum Reached {
    Yes,
    No,
}

impl DeviceTimelines {
    pub(crate) fn new(device: Arc<Device>) -> Result<Self> {
        let mut timelines = Self {
            queues: Vec::new(),
            doorbell: vk::Semaphore::null(),
            bell: Mutex::default(),
            parked: Condvar::new(),
            // Mesa's software driver: its semaphores have no common wait, so the runtime polls them. A wait for one sleeps.
            // Under validation it stays with ANY: layer 1.3.239 now and then takes 10 s to book a successful wait for one
            // ("Timeout waiting for timeline semaphore state to update. This is most likely a validation bug").
            any_polls: device.info.kind == DeviceKind::Cpu && device.queues.len() == 1 && !device.validation.is_on(),
            submitting: Mutex::default(),
            device,
        };
        // Pushed one by one, so that `Drop` gives back those made before a failure.
        for index in 0..timelines.device.queues.len() {
            let name = format!("timeline of the {} queue", timelines.device.queues.all[index].name);
            let semaphore = create(&timelines.device, &name)?;
            timelines.queues.push(semaphore);
        }
        timelines.doorbell = create(&timelines.device, "doorbell")?;
        Ok(timelines)
    }

    /// Waits for any target or the doorbell.
    fn wait_any(&self, targets: &[(usize, u64)], doorbell: u64, timeout: Duration) -> Result<Reached> {
        let mut semaphores: Vec<_> = targets.iter().map(|&(queue, _)| self.queues[queue]).collect();
        let mut values: Vec<_> = targets.iter().map(|&(_, value)| value).collect();
        semaphores.push(self.doorbell);
        values.push(doorbell);
        self.wait(vk::SemaphoreWaitFlags::ANY, &semaphores, &values, timeout)
    }

    /// Waits for one target, looking at the bell now and then.
    fn wait_in_slices(&self, (queue, value): (usize, u64), timeout: Duration) -> Result<Reached> {
        let start = Instant::now();
        loop {
            let semaphore = [self.queues[queue]];
            let reached = self.wait(vk::SemaphoreWaitFlags::empty(), &semaphore, &[value], SLICE)?;
            if reached == Reached::Yes || self.rung() || start.elapsed() >= timeout {
                return Ok(reached);
            }
        }
    }

    fn wait(
        &self,
        flags: vk::SemaphoreWaitFlags,
        semaphores: &[vk::Semaphore],
        values: &[u64],
        timeout: Duration,
    ) -> Result<Reached> {
        let info = vk::SemaphoreWaitInfo::default().flags(flags).semaphores(semaphores).values(values);
        // SAFETY: all semaphores are alive timelines, and as many values stand beside them.
        match unsafe { self.device.raw.wait_semaphores(&info, timeout.as_nanos() as u64) } {
            Ok(()) => Ok(Reached::Yes),
            Err(vk::Result::TIMEOUT) => Ok(Reached::No),
            Err(result) => Err(result).during("vkWaitSemaphores"),
        }
    }

    /// Makes the caller the only user of the device's queues, however long that takes.
    pub(crate) fn alone(&self) -> MutexGuard<'_, ()> {
        lock(&self.submitting)
    }

    /// Makes the caller, which holds the commit lock, the only user of the device's queues. `None` if the device is lost
    /// and [`settle`](Timelines::settle) has them: that may take long.
    pub(crate) fn submitting(&self) -> Option<MutexGuard<'_, ()>> {
        match self.submitting.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    pub(crate) fn semaphore(&self, queue: QueueId) -> vk::Semaphore {
        self.queues[usize::from(queue.0)]
    }
}

fn create(device: &Device, name: &str) -> Result<vk::Semaphore> {
    let mut kind = vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
    let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
    // SAFETY: the device is alive and timelineSemaphore is enabled on it.
    let semaphore = unsafe { device.raw.create_semaphore(&info, None) }.during("vkCreateSemaphore")?;
    Counters::add(&device.counters.semaphores, 1);
    device.labels.name(semaphore, name);
    Ok(semaphore)
}

impl Timelines for DeviceTimelines {
    fn counter(&self, queue: usize) -> Result<u64> {
        // SAFETY: the semaphore is alive and a timeline.
        unsafe { self.device.raw.get_semaphore_counter_value(self.queues[queue]) }.during("vkGetSemaphoreCounterValue")
    }

    fn sleep(&self, targets: &[(usize, u64)], timeout: Duration) -> Result<()> {
        let mut bell = lock(&self.bell);
        if targets.is_empty() && bell.rings == bell.answered {
            bell.sleeper = Sleeper::Parked;
            let waited = self.parked.wait_timeout_while(bell, timeout, |bell| bell.rings == bell.answered);
            bell = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        if bell.rings != bell.answered || targets.is_empty() {
            bell.sleeper = Sleeper::Awake;
            bell.answered = bell.rings;
            return Ok(());
        }
        let doorbell = bell.signalled + 1;
        // Without a semaphore to ring there is nobody to signal: the sleeper looks for rings itself.
        bell.sleeper = if self.any_polls { Sleeper::Awake } else { Sleeper::Waiting };
        drop(bell);
        let waited = match (self.any_polls, targets) {
            (true, &[target]) => self.wait_in_slices(target, timeout),
            _ => self.wait_any(targets, doorbell, timeout),
        };
        let mut bell = lock(&self.bell);
        bell.sleeper = Sleeper::Awake;
        bell.answered = bell.rings;
        drop(bell);
        waited.map(drop)
    }

    fn rung(&self) -> bool {
        let bell = lock(&self.bell);
        bell.rings != bell.answered
    }

    fn settle(&self, then: &mut dyn FnMut()) {
        let _submitting = self.alone();
        for queue in &self.device.queues.all {
            // Such waits "must return in finite time even in the case of a lost device", and a return of
            // VK_ERROR_DEVICE_LOST counts like one of VK_SUCCESS for whether resources are in use.
            // SAFETY: nobody else uses the queue while `submitting` is held.
            if let Err(result) = unsafe { self.device.raw.queue_wait_idle(queue.raw) } {
                tracing::debug!("vkQueueWaitIdle on the lost device: {result:?}");
            }
        }
        then();
    }

    fn ring(&self) {
        let mut bell = lock(&self.bell);
        bell.rings += 1;
        match bell.sleeper {
            Sleeper::Awake => {}
            Sleeper::Parked => self.parked.notify_one(),
            Sleeper::Waiting => {
                bell.signalled += 1;
                let info = vk::SemaphoreSignalInfo::default().semaphore(self.doorbell).value(bell.signalled);
                // Under the bell's lock: values must be signalled in order.
                // SAFETY: the doorbell is an alive timeline, and the value is larger than any before it.
                if let Err(result) = unsafe { self.device.raw.signal_semaphore(&info) } {
                    // The reactor wakes by its timeout instead and meets the same trouble itself.
                    tracing::warn!("vkSignalSemaphore on the doorbell failed with {result:?}");
                }
            }
        }
    }
}

impl Drop for DeviceTimelines {
    fn drop(&mut self) {
        for &semaphore in self.queues.iter().chain([&self.doorbell]) {
            // SAFETY: whoever submits or waits holds an `Arc` of `self`, so nothing uses it any more; null is allowed.
            unsafe { self.device.raw.destroy_semaphore(semaphore, None) };
        }
    }
}
