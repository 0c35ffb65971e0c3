//! The commit: the one place where timeline values are given, resource states advance, and `vkQueueSubmit2` is called.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use ash::vk;

use super::{barrier, commits::Commits, counts::Counts, entry, pool::Pools, retire::Submitted, stats::FrameStats};
use crate::{
    error::{During, Error, Result, guarded},
    gpu::{QueueId, counters::Counters, device::Device},
    graph::{
        phase::barriers::{Barrier, Import},
        plan::Plan,
        state::{Arrival, ResourceState},
    },
    resource::Resource,
    sync::{Completion, DeviceTimelines, Hub, Ring, Stamp, prim::lock},
};

/// A recorded graph on its way to a queue.
pub(crate) struct Commit {
    pub(crate) queue: QueueId,
    pub(crate) plan: Arc<Plan>,
    /// By slot of the plan.
    pub(crate) slots: Arc<[Resource]>,
    pub(crate) buffers: Vec<vk::CommandBuffer>,
    /// The caller's own timeline semaphores to wait for.
    pub(crate) waits: Vec<(vk::Semaphore, u64)>,
    /// How the first of `buffers` takes the plan to be entered.
    pub(crate) foreseen: Vec<Arrival>,
    /// Given back when the work is complete.
    pub(crate) submitted: Submitted,
    /// Told how it went.
    pub(crate) told: Told,
}

/// Called once with the outcome of a commit.
pub(crate) type Told = Box<dyn FnOnce(Result<Completion<Arc<FrameStats>>>) + Send>;

/// Submits commits in order, to all queues of a device. One lock serves all queues, because the states of resources
/// that they share advance in one order.
pub(crate) struct Submitter {
    device: Arc<Device>,
    timelines: Arc<DeviceTimelines>,
    hub: Arc<Hub>,
    pools: Arc<Pools>,
    commits: Commits<Commit, Queues>,
    /// By queue: the last value that was submitted, for those who do not want to wait for the lock.
    submitted: Box<[AtomicU64]>,
}

/// What the lock protects.
struct Queues {
    /// By queue: the last value given.
    given: Vec<u64>,
    /// By queue and other queue: the value that the first has waited for already.
    waited: Vec<Vec<u64>>,
}

/// A commit that has its value.
struct Prepared {
    stamp: Stamp,
    waits: Vec<(vk::Semaphore, u64)>,
    /// Values of other queues among `waits`.
    waited: Vec<Stamp>,
    buffers: Vec<vk::CommandBuffer>,
    slots: Arc<[Resource]>,
    /// By slot: states to go back to if the submit fails.
    undo: Vec<(usize, ResourceState)>,
    value: Arc<OnceLock<Arc<FrameStats>>>,
    /// Whether the reactor sleeps on something later.
    ring: Ring,
    told: Told,
}

/// What is to be done once the lock is released: telling wakes tasks, and a waker may do anything.
type Later = Vec<Box<dyn FnOnce()>>;

fn tell(later: &mut Later, told: Told, outcome: Result<Completion<Arc<FrameStats>>>) {
    // Guarded: what one of them wakes must not keep the others from being told.
    later.push(Box::new(move || {
        guarded("a waker", || told(outcome));
    }));
}

fn drop_later<T: 'static>(later: &mut Later, value: T) {
    later.push(Box::new(move || {
        guarded("a waker", || drop(value));
    }));
}

impl Submitter {
    pub(crate) fn new(device: Arc<Device>, timelines: Arc<DeviceTimelines>, hub: Arc<Hub>, pools: Arc<Pools>) -> Self {
        let queues = device.queues.len();
        let state = Queues { given: vec![0; queues], waited: vec![vec![0; queues]; queues] };
        let submitted = (0..queues).map(|_| AtomicU64::new(0)).collect();
        Self { device, timelines, hub, pools, commits: Commits::new(state), submitted }
    }

    /// Puts a commit on the list, and submits what is there unless somebody else is at it.
    pub(crate) fn commit(&self, commit: Commit) {
        self.commits.commit(commit, |queues, commits| self.work_off(queues, commits));
    }

    /// The last stamp submitted to every queue.
    pub(crate) fn last_stamps(&self) -> impl Iterator<Item = Stamp> {
        let stamp = |(index, value): (usize, &AtomicU64)| Stamp {
            queue: QueueId(index as u8),
            value: value.load(Ordering::Acquire),
        };
        self.submitted.iter().enumerate().map(stamp)
    }

    /// Runs `f` while nobody submits.
    pub(crate) fn hold<R>(&self, f: impl FnOnce() -> R) -> R {
        let alone = |_: &mut Queues| {
            let _submitting = self.timelines.alone();
            f()
        };
        self.commits.hold(alone, |queues, commits| self.work_off(queues, commits))
    }

    /// The completion of a stamp.
    pub(crate) fn completion(&self, stamp: Stamp) -> Completion {
        Completion::new(Arc::clone(&self.hub), stamp, Arc::new(OnceLock::from(())))
    }

    fn work_off(&self, queues: &mut Queues, commits: Vec<Commit>) -> Later {
        let mut later = Later::new();
        let Some(_submitting) = self.timelines.submitting() else {
            self.refuse(commits, &mut later);
            return later;
        };
        let mut commits = commits.into_iter().peekable();
        while let Some(queue) = commits.peek().map(|commit| commit.queue) {
            // One call for neighbours on one queue; a commit that depends on another queue sees that one submitted.
            let mut prepared = Vec::new();
            while let Some(mut commit) = commits.next_if(|commit| commit.queue == queue) {
                commit.submitted.submits = u64::from(prepared.is_empty());
                prepared.extend(self.prepare(queues, commit, &mut later));
            }
            if !prepared.is_empty() {
                self.submit(queues, queue, prepared, &mut later);
            }
        }
        later
    }

    /// The device is lost.
    fn refuse(&self, commits: Vec<Commit>, later: &mut Later) {
        let lost = self.hub.table.failure().unwrap_or(Error::Closed);
        for Commit { submitted, told, .. } in commits {
            drop_later(later, submitted);
            tell(later, told, Err(lost.clone()));
        }
    }

    /// Gives a commit its value and what it did not foresee. A failure is told to its owner alone.
    fn prepare(&self, queues: &mut Queues, commit: Commit, later: &mut Later) -> Option<Prepared> {
        let Commit { queue, plan, slots, mut buffers, waits, foreseen, mut submitted, told } = commit;
        let mut arrivals = entry::arrivals(&plan, &slots, queue);
        let correction = entry::correction(&plan, &slots, &foreseen, &mut arrivals);
        let mut counts = Counts::default();
        match self.record_correction(queue, &correction, &slots, &mut submitted, &mut counts) {
            Ok(correction) => buffers.splice(0..0, correction),
            Err(error) => {
                drop_later(later, submitted);
                tell(later, told, Err(error));
                return None;
            }
        };
        counts.book(&self.device.counters);
        queues.given[queue.index()] += 1;
        let stamp = Stamp { queue, value: queues.given[queue.index()] };
        let waited = needed_waits(&queues.waited[queue.index()], &arrivals);
        let mut all_waits = waits;
        all_waits.extend(waited.iter().map(|wait| (self.timelines.semaphore(wait.queue), wait.value)));
        submitted.counts += counts;
        let value = Arc::clone(&submitted.value);
        // Before the submit: the reactor publishes no value whose record it has not run.
        let ring = match self.hub.retire(queue, stamp.value, Box::new(submitted)) {
            Ok(ring) => ring,
            Err((record, error)) => {
                queues.given[queue.index()] -= 1;
                drop_later(later, record);
                tell(later, told, Err(error));
                return None;
            }
        };
        let undo = advance(&plan, &slots, &arrivals, stamp);
        Some(Prepared { stamp, waits: all_waits, waited, buffers, slots, undo, value, ring, told })
    }

    /// The barrier that the recording did not foresee.
    fn record_correction(
        &self,
        queue: QueueId,
        correction: &Barrier,
        slots: &[Resource],
        submitted: &mut Submitted,
        counts: &mut Counts,
    ) -> Result<Option<vk::CommandBuffer>> {
        if correction.is_empty() {
            return Ok(None);
        }
        if submitted.leases.is_empty() {
            submitted.leases.push(self.pools.lease(self.device.queues.get(queue).family)?);
        }
        // One of the frame's own pools: all its tasks have ended.
        let cmd = submitted.leases[0].begin()?;
        barrier::record(&self.device, cmd, correction, slots, counts);
        // SAFETY: the buffer was begun above and holds one barrier.
        unsafe { self.device.raw.end_command_buffer(cmd) }.during("vkEndCommandBuffer")?;
        Ok(Some(cmd))
    }

    fn submit(&self, queues: &mut Queues, queue: QueueId, prepared: Vec<Prepared>, later: &mut Later) {
        match self.queue_submit(queue, &prepared) {
            Ok(()) => {
                for commit in prepared {
                    for stamp in commit.waited {
                        let waited = &mut queues.waited[queue.index()][stamp.queue.index()];
                        *waited = stamp.value.max(*waited);
                    }
                    self.hub.answer(commit.ring);
                    self.submitted[queue.index()].store(commit.stamp.value, Ordering::Release);
                    let completion = Completion::new(Arc::clone(&self.hub), commit.stamp, commit.value);
                    tell(later, commit.told, Ok(completion));
                }
            }
            Err(error) => self.undo(queues, queue, prepared, &error, later),
        }
    }

    /// Out of memory leaves everything that the submit names "unaffected by the call or its failure": values, states and
    /// records go back to where they were.
    fn undo(&self, queues: &mut Queues, queue: QueueId, prepared: Vec<Prepared>, error: &Error, later: &mut Later) {
        let first = prepared[0].stamp.value;
        if error.is_device_lost() {
            // The GPU may have got some of it: the reactor drops the records, once nothing runs any more.
            let (hub, error) = (Arc::clone(&self.hub), error.clone());
            later.push(Box::new(move || hub.fail(error)));
        } else {
            drop_later(later, self.hub.table.withdraw(queue.index(), first));
        }
        queues.given[queue.index()] = first - 1;
        for commit in prepared.iter().rev() {
            for &(slot, state) in commit.undo.iter().rev() {
                *lock(commit.slots[slot].state()) = state;
            }
        }
        for commit in prepared {
            tell(later, commit.told, Err(error.clone()));
        }
    }

    fn queue_submit(&self, queue: QueueId, prepared: &[Prepared]) -> Result<()> {
        // Whole batches wait and signal: they begin and end with any stage.
        let at = |semaphore, value| {
            vk::SemaphoreSubmitInfo::default()
                .semaphore(semaphore)
                .value(value)
                .stage_mask(vk::PipelineStageFlags2::ALL_COMMANDS)
        };
        let parts: Vec<_> = prepared
            .iter()
            .map(|commit| {
                let waits: Vec<_> = commit.waits.iter().map(|&(semaphore, value)| at(semaphore, value)).collect();
                let signals = [at(self.timelines.semaphore(queue), commit.stamp.value)];
                let buffer = |&cmd| vk::CommandBufferSubmitInfo::default().command_buffer(cmd);
                let buffers: Vec<_> = commit.buffers.iter().map(buffer).collect();
                (waits, signals, buffers)
            })
            .collect();
        let infos: Vec<_> = parts
            .iter()
            .map(|(waits, signals, buffers)| {
                vk::SubmitInfo2::default()
                    .wait_semaphore_infos(waits)
                    .signal_semaphore_infos(signals)
                    .command_buffer_infos(buffers)
            })
            .collect();
        Counters::add(&self.device.counters.submits, 1);
        let raw = self.device.queues.get(queue).raw;
        // SAFETY: the commit lock makes this thread the queue's only user; buffers are ended, semaphores alive, and
        // all that the work uses is held by its retire record.
        unsafe { self.device.raw.queue_submit2(raw, &infos, vk::Fence::null()) }.during("vkQueueSubmit2")
    }
}

/// One wait a queue, for the latest value, and none that this queue has waited for before.
fn needed_waits(waited: &[u64], arrivals: &[Arrival]) -> Vec<Stamp> {
    let mut waits: Vec<Stamp> = Vec::new();
    for &stamp in arrivals.iter().flat_map(|arrival| &arrival.waits) {
        if waited[stamp.queue.index()] >= stamp.value {
            continue;
        }
        match waits.iter_mut().find(|wait| wait.queue == stamp.queue) {
            Some(wait) => wait.value = wait.value.max(stamp.value),
            None => waits.push(stamp),
        }
    }
    waits
}

/// Advances the states of everything the plan touches; gives back what they were, by slot.
fn advance(plan: &Plan, slots: &[Resource], arrivals: &[Arrival], stamp: Stamp) -> Vec<(usize, ResourceState)> {
    let import = |(import, arrival): (&Import, &Arrival)| {
        let mut state = lock(slots[import.slot].state());
        let before = *state;
        state.depart(stamp, &import.entry, arrival, &import.exit);
        (import.slot, before)
    };
    plan.imports.iter().zip(arrivals).map(import).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_waits_once_for_the_latest_value_of_another() {
        let stamp = |queue, value| Stamp { queue: QueueId(queue), value };
        let arrival = |waits: &[Stamp]| Arrival { waits: waits.to_vec(), ..Arrival::default() };
        let arrivals = [arrival(&[stamp(1, 4), stamp(2, 9)]), arrival(&[stamp(1, 7)]), arrival(&[])];
        assert_eq!(needed_waits(&[0, 0, 0], &arrivals), [stamp(1, 7), stamp(2, 9)]);
        assert_eq!(needed_waits(&[0, 4, 9], &arrivals), [stamp(1, 7)]);
        assert_eq!(needed_waits(&[0, 7, 9], &arrivals), []);
    }
}
