//! The commit: the one place where timeline values are given, resource states advance, and `vkQueueSubmit2` is called.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use ash::vk;
use tokio::sync::oneshot;

use super::{
    clocks::Clocks,
    commits::Commits,
    pool::Pools,
    prepare::{Part, Prepared},
    retire::Submitted,
    stats::FrameStats,
    turn::Turn,
};
use crate::{
    error::{During, Error, Result, guarded},
    gpu::{QueueId, QueueKind, counters::Counters, device::Device},
    graph::{
        compiled::Compiled,
        state::{Arrival, Tracker},
    },
    resource::Resource,
    sync::{Completion, DeviceTimelines, Hub, Retire, Stamp, prim::lock},
};

/// A recorded graph on its way to its queues.
pub(crate) struct Commit {
    pub(crate) plan: Arc<Compiled>,
    /// By slot of the plan.
    pub(crate) slots: Arc<[Resource]>,
    /// By batch of the plan.
    pub(crate) buffers: Vec<Vec<vk::CommandBuffer>>,
    /// The caller's own timeline semaphores to wait for.
    pub(crate) waits: Vec<(vk::Semaphore, u64)>,
    /// Binary semaphores around its last batch.
    pub(crate) handover: Option<Handover>,
    /// By entry of the plan: how the recorded buffers take it to be entered.
    pub(crate) foreseen: Vec<Arrival>,
    /// Entries that read what nothing had written when recording began, and the passes that do.
    pub(crate) unwritten: Vec<(usize, Arc<str>)>,
    /// Whether it is an upload's: those write what is hidden from graphs.
    pub(crate) is_upload: bool,
    /// If what it writes is part of something larger.
    pub(crate) claim: Option<Claim>,
    /// Given back when the work is complete.
    pub(crate) submitted: Submitted,
    /// Taken in the order of commits.
    pub(crate) turns: Vec<Turn>,
    /// Told how it went.
    pub(crate) told: Told,
}

/// What a commit says of the regions it writes, when they are written piece by piece by several commits: nobody may have
/// written, and nobody may read, any of it before the last.
#[derive(Clone)]
pub(crate) struct Claim {
    /// Whether this is not the last piece.
    pub(crate) hidden: bool,
    /// Set where somebody else has written: then nothing is submitted.
    pub(crate) overtaken: Arc<AtomicBool>,
}

/// Binary semaphores around a commit: between the presentation engine and the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handover {
    pub(crate) wait: vk::Semaphore,
    pub(crate) signal: vk::Semaphore,
}

/// What is done in the order of commits.
#[expect(clippy::large_enum_variant, reason = "nearly all are commits")]
enum Item {
    Commit(Commit),
    /// Looks at states of resources, or changes them, between commits.
    Look(Look),
}

/// What it gives is called once the lock is released.
type Look = Box<dyn FnOnce(&Submitter) -> Box<dyn FnOnce()> + Send>;

/// A commit that was submitted.
pub(crate) struct Committed {
    pub(crate) done: Completion<Arc<FrameStats>>,
    /// Its place in the order of all commits.
    pub(crate) serial: u64,
}

/// Called once with the outcome of a commit.
pub(crate) type Told = Box<dyn FnOnce(Result<Committed>) + Send>;

/// Submits commits in order, to all queues of a device. One lock serves all queues, because the states of resources
/// that they share advance in one order.
pub(crate) struct Submitter {
    pub(super) device: Arc<Device>,
    pub(super) timelines: Arc<DeviceTimelines>,
    pub(super) hub: Arc<Hub>,
    pub(super) pools: Arc<Pools>,
    commits: Commits<Item, Queues>,
    /// By queue: the last value that was submitted, for those who do not want to wait for the lock.
    submitted: Box<[AtomicU64]>,
    /// Whether anything ever waited for semaphores of the caller's.
    waited_for_others: AtomicBool,
}

/// What the lock protects.
#[derive(Default)]
pub(super) struct Queues {
    /// By queue: the last value given.
    pub(super) given: [u64; QueueId::MOST],
    pub(super) clocks: Clocks,
    /// Commits so far.
    pub(super) serial: u64,
}

impl Queues {
    /// The next stamp of a queue.
    pub(super) fn give(&mut self, queue: QueueId) -> Stamp {
        let value = &mut self.given[queue.index()];
        *value += 1;
        Stamp { queue, value: *value }
    }

    /// Takes stamps from `first` on back: nobody will signal them.
    pub(super) fn take_back(&mut self, first: Stamp) {
        self.given[first.queue.index()] = first.value - 1;
        self.clocks.take_back(first.queue, first.value);
    }
}

/// What is to be done once the lock is released: telling wakes tasks, and a waker may do anything.
pub(super) type Later = Vec<Box<dyn FnOnce()>>;

pub(super) fn tell(later: &mut Later, told: Told, outcome: Result<Committed>) {
    // Guarded: what one of them wakes must not keep the others from being told.
    later.push(Box::new(move || {
        guarded("a waker", || told(outcome));
    }));
}

pub(super) fn drop_later<T: 'static>(later: &mut Later, value: T) {
    later.push(Box::new(move || {
        guarded("a waker", || drop(value));
    }));
}

impl Submitter {
    pub(crate) fn new(device: Arc<Device>, timelines: Arc<DeviceTimelines>, hub: Arc<Hub>, pools: Arc<Pools>) -> Self {
        let submitted = (0..device.queues.len()).map(|_| AtomicU64::new(0)).collect();
        let (commits, waited_for_others) = (Commits::new(Queues::default()), AtomicBool::new(false));
        Self { device, timelines, hub, pools, commits, submitted, waited_for_others }
    }

    /// Whether what was submitted may wait for semaphores that vulkio knows nothing of.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "presenting asks"))]
    pub(crate) fn waits_for_others(&self) -> bool {
        self.waited_for_others.load(Ordering::Acquire)
    }

    /// Puts a commit on the list, and submits what is there unless somebody else is at it.
    pub(crate) fn commit(&self, commit: Commit) {
        if !commit.waits.is_empty() {
            self.waited_for_others.store(true, Ordering::Release);
        }
        self.commits.commit(Item::Commit(commit), |queues, items| self.work_off(queues, items));
    }

    /// Has `look` called between two commits: the states of resources that it sees are not being changed. Resolves to what
    /// that gives; not at all if the device is lost.
    pub(crate) fn between_commits<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Self) -> R + Send + 'static,
    ) -> oneshot::Receiver<R> {
        let (seen, result) = oneshot::channel();
        let look = move |this: &Self| {
            let found = look(this);
            Box::new(move || drop(seen.send(found))) as Box<dyn FnOnce()> // nobody may wait for it any more
        };
        self.commits.commit(Item::Look(Box::new(look)), |queues, items| self.work_off(queues, items));
        result
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
        self.commits.hold(alone, |queues, items| self.work_off(queues, items))
    }

    /// The device is lost: somebody else than a commit found out.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "presenting may find out"))]
    pub(crate) fn lost(&self, error: Error) {
        self.hub.fail(error);
    }

    /// A completion of no work, which is complete.
    pub(crate) fn nothing(&self) -> Completion {
        self.completion(Stamp { queue: self.device.queues.id(QueueKind::Graphics), value: 0 })
    }

    /// The completion of a stamp.
    pub(crate) fn completion(&self, stamp: Stamp) -> Completion {
        Completion::new(Arc::clone(&self.hub), stamp, Arc::new(OnceLock::from(())))
    }

    fn work_off(&self, queues: &mut Queues, items: Vec<Item>) -> Later {
        let mut later = Later::new();
        let Some(_submitting) = self.timelines.submitting() else {
            self.refuse(items, &mut later);
            return later;
        };
        let mut prepared: Vec<Prepared> = Vec::with_capacity(items.len());
        for item in items {
            let commit = match item {
                Item::Commit(commit) => commit,
                Item::Look(look) => {
                    let tell = look(self);
                    later.push(Box::new(move || {
                        guarded("a waker", tell);
                    }));
                    continue;
                }
            };
            let last = prepared.last().and_then(|commit| commit.parts.last()).map(|part| part.stamp.queue);
            prepared.extend(self.prepare(queues, commit, last, &mut later));
        }
        self.submit(queues, prepared, &mut later);
        later
    }

    /// The device is lost.
    fn refuse(&self, items: Vec<Item>, later: &mut Later) {
        let lost = self.hub.table.failure().unwrap_or(Error::Closed);
        let commits = items.into_iter().filter_map(|item| match item {
            Item::Commit(commit) => Some(commit),
            Item::Look(_) => None,
        });
        for Commit { submitted, turns, told, .. } in commits {
            tell(later, told, Err(lost.clone())); // first: who gets the frame's slot must find the failure
            drop_later(later, (submitted, turns));
        }
    }

    /// Submits what was prepared, with one call for each run of parts on one queue.
    fn submit(&self, queues: &mut Queues, prepared: Vec<Prepared>, later: &mut Later) {
        let parts: Vec<&Part> = prepared.iter().flat_map(|commit| &commit.parts).collect();
        let mut done = 0;
        let mut failure = None;
        for run in parts.chunk_by(|a, b| a.stamp.queue == b.stamp.queue) {
            failure = self.queue_submit(run).err();
            if failure.is_some() {
                break;
            }
            done += run.len();
            let last = run[run.len() - 1].stamp;
            self.submitted[last.queue.index()].store(last.value, Ordering::Release);
        }
        match failure {
            None => prepared.into_iter().for_each(|commit| self.succeed(commit, later)),
            Some(error) => self.fail(queues, prepared, done, &error, later),
        }
    }

    fn succeed(&self, commit: Prepared, later: &mut Later) {
        for ring in commit.rings {
            self.hub.answer(ring);
        }
        for left in commit.turns.into_iter().filter_map(|turn| turn()) {
            drop_later(later, left);
        }
        let done = Completion::of_all(Arc::clone(&self.hub), &commit.last, commit.value);
        tell(later, commit.told, Ok(Committed { done, serial: commit.serial }));
    }

    /// `done` parts were submitted before one was refused. Out of memory leaves everything that the refused call names
    /// "unaffected by the call or its failure": values, states and records go back to where they were. Of a commit of
    /// which a part runs already, on another queue, the images that it touched count as lost, whole.
    fn fail(&self, queues: &mut Queues, prepared: Vec<Prepared>, mut done: usize, error: &Error, later: &mut Later) {
        if error.is_device_lost() {
            // The GPU may have got some of it: the reactor drops the records, once nothing runs any more.
            let (hub, error) = (Arc::clone(&self.hub), error.clone());
            later.push(Box::new(move || hub.fail(error)));
        }
        let mut failed = Vec::new();
        for commit in prepared {
            let running = done.min(commit.parts.len());
            done -= running;
            match running == commit.parts.len() {
                true => self.succeed(commit, later),
                false => failed.push((commit, running)),
            }
        }
        // From the back, as each found the states that the one before it left.
        for (commit, running) in failed.into_iter().rev() {
            let Prepared { parts, slots, undo, turns, told, .. } = commit;
            tell(later, told, Err(error.clone())); // first: who gets the frame's slot must find the failure
            drop_later(later, turns);
            self.undo(queues, (&parts, &slots, &undo), running, error, later);
        }
    }

    fn undo(
        &self,
        queues: &mut Queues,
        (parts, slots, states): (&[Part], &[Resource], &[(usize, Tracker)]),
        running: usize,
        error: &Error,
        later: &mut Later,
    ) {
        let (running, refused) = parts.split_at(running);
        let running: Vec<Stamp> = running.iter().map(|part| part.stamp).collect();
        let mut records = Vec::new();
        for part in refused.iter().rev() {
            queues.take_back(part.stamp);
            if !error.is_device_lost() {
                records.extend(self.hub.table.withdraw(part.stamp.queue.index(), part.stamp.value));
            }
        }
        for (slot, before) in states.iter().rev() {
            let state = if running.is_empty() { before.clone() } else { before.lost(&running) };
            *lock(slots[*slot].state()) = state;
        }
        if running.is_empty() {
            drop_later(later, records);
        } else {
            self.keep(records, &running, later);
        }
    }

    /// Holds the records of a commit that failed until the parts of it that run are complete.
    fn keep(&self, records: Vec<Box<dyn Retire>>, running: &[Stamp], later: &mut Later) {
        let records = Arc::new(Mutex::new(records));
        for &stamp in running {
            match self.hub.retire(stamp.queue, stamp.value, Box::new(Keep(Arc::clone(&records)))) {
                Ok(ring) => self.hub.answer(ring),
                Err((record, _)) => drop_later(later, record),
            }
        }
    }

    fn count_submit(&self, queue: QueueId) {
        let counters = &self.device.counters;
        Counters::add(&counters.submits, 1);
        let of_kind = match self.device.queues.kind(queue) {
            QueueKind::Graphics => &counters.graphics_submits,
            QueueKind::Compute => &counters.compute_submits,
            QueueKind::Transfer => &counters.transfer_submits,
        };
        Counters::add(of_kind, 1);
    }

    fn queue_submit(&self, run: &[&Part]) -> Result<()> {
        // Whole batches wait and signal: they begin and end with any stage.
        let at = |semaphore, value| {
            vk::SemaphoreSubmitInfo::default()
                .semaphore(semaphore)
                .value(value)
                .stage_mask(vk::PipelineStageFlags2::ALL_COMMANDS)
        };
        let infos: Vec<_> = run
            .iter()
            .map(|part| {
                let mut waits: Vec<_> = part.waits.iter().map(|&(semaphore, value)| at(semaphore, value)).collect();
                let mut signals = vec![at(self.timelines.semaphore(part.stamp.queue), part.stamp.value)];
                if let Some(Handover { wait, signal }) = part.handover {
                    waits.push(at(wait, 0)); // binary: the value does not count
                    signals.push(at(signal, 0));
                }
                let buffer = |&cmd| vk::CommandBufferSubmitInfo::default().command_buffer(cmd);
                let buffers: Vec<_> = part.buffers.iter().map(buffer).collect();
                (waits, signals, buffers)
            })
            .collect();
        let submits: Vec<_> = infos
            .iter()
            .map(|(waits, signals, buffers)| {
                vk::SubmitInfo2::default()
                    .wait_semaphore_infos(waits)
                    .signal_semaphore_infos(signals)
                    .command_buffer_infos(buffers)
            })
            .collect();
        let queue = run[0].stamp.queue;
        self.count_submit(queue);
        let raw = self.device.queues.get(queue).raw;
        // SAFETY: the commit lock makes this thread the queue's only user; buffers are ended, semaphores alive, and
        // all that the work uses is held by its retire record.
        unsafe { self.device.raw.queue_submit2(raw, &submits, vk::Fence::null()) }.during("vkQueueSubmit2")
    }
}

/// Records of work that will not be finished, kept for the part of it that runs.
struct Keep(#[expect(dead_code, reason = "held, not looked at")] Arc<Mutex<Vec<Box<dyn Retire>>>>);

impl Retire for Keep {
    fn finish(&mut self) {}
}

/// Advances the states of everything the plan touches; gives back what they were, by slot.
pub(super) fn advance(
    plan: &Compiled,
    slots: &[Resource],
    arrivals: &[Arrival],
    stamps: &[Stamp],
    hidden: bool,
) -> Vec<(usize, Tracker)> {
    let mut undo: Vec<(usize, Tracker)> = Vec::with_capacity(plan.imports.len());
    for import in &plan.imports {
        let mut state = lock(slots[import.slot].state());
        // Regions of one slot are neighbours: one copy serves them.
        if undo.last().is_none_or(|last| last.0 != import.slot) {
            undo.push((import.slot, state.clone()));
        }
        let entries = import.entries.clone();
        state.depart(hidden, import, &plan.entries[entries.clone()], &arrivals[entries], stamps);
    }
    undo
}
