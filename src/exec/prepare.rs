//! Preparing a commit: its stamps, its waits, and the prologues that its recording did not foresee.

use std::sync::{Arc, OnceLock, atomic::Ordering};

use ash::vk;

use super::{
    barrier,
    counts::Counts,
    entry,
    retire::{self, Submitted},
    stats::FrameStats,
    submitter::{Claim, Commit, Handover, Later, Queues, Submitter, Told, advance, drop_later, tell},
    turn::Turn,
};
use crate::{
    error::{Error, Result},
    gpu::QueueId,
    graph::{
        compiled::{Barrier, Compiled, ImageBarrier, Import},
        state::{Acquire, Arrival, Tracker},
    },
    resource::Resource,
    sync::{Retire, Ring, Stamp, prim::lock},
};

/// A commit that has its values.
pub(super) struct Prepared {
    pub(super) parts: Vec<Part>,
    pub(super) slots: Arc<[Resource]>,
    /// By slot: states to go back to if the submit fails.
    pub(super) undo: Vec<(usize, Tracker)>,
    /// On each queue the last stamp; that of the last batch is last.
    pub(super) last: Vec<Stamp>,
    pub(super) value: Arc<OnceLock<Arc<FrameStats>>>,
    /// Whether the reactor sleeps on something later.
    pub(super) rings: Vec<Ring>,
    pub(super) serial: u64,
    pub(super) turns: Vec<Turn>,
    pub(super) told: Told,
}

/// What goes into one `VkSubmitInfo2`.
pub(super) struct Part {
    pub(super) stamp: Stamp,
    pub(super) waits: Vec<(vk::Semaphore, u64)>,
    pub(super) buffers: Vec<vk::CommandBuffer>,
    /// Around the last part of a commit.
    pub(super) handover: Option<Handover>,
}

/// What a commit becomes, step by step.
struct Preparation<'s> {
    submitter: &'s Submitter,
    submitted: Submitted,
    counts: Counts,
    parts: Vec<Part>,
    /// By batch of the plan.
    stamps: Vec<Stamp>,
}

impl Submitter {
    /// Gives a commit its values and what it did not foresee. A failure is told to its owner alone.
    /// `last` is the queue of the part before it, whose `vkQueueSubmit2` takes more.
    pub(super) fn prepare(
        &self,
        queues: &mut Queues,
        commit: Commit,
        last: Option<QueueId>,
        later: &mut Later,
    ) -> Option<Prepared> {
        let Commit {
            plan,
            slots,
            buffers,
            waits,
            handover,
            foreseen,
            unwritten,
            is_upload,
            claim,
            submitted,
            turns,
            told,
        } = commit;
        let mut arrivals = entry::arrivals(&plan, &slots);
        let before = queues.given;
        let mut preparation = Preparation {
            submitter: self,
            submitted,
            counts: Counts::default(),
            parts: Vec::new(),
            stamps: Vec::new(),
        };
        let result = check_contents(&plan, &slots, &unwritten, is_upload)
            .and_then(|()| check_claim(&plan, &slots, claim.as_ref()))
            .and_then(|()| preparation.batches(queues, &plan, &slots, buffers, &waits, &foreseen, &mut arrivals));
        let Preparation { mut submitted, counts, mut parts, stamps, .. } = preparation;
        if let Some(last) = parts.last_mut() {
            last.handover = handover;
        }
        counts.book(&self.device.counters);
        submitted.counts += counts;
        submitted.submits = calls(&parts, last);
        let fail = |queues: &mut Queues, later: &mut Later, told, error| {
            take_back_to(queues, before);
            tell(later, told, Err(error));
            None
        };
        if let Err(error) = result {
            // Told first: who gets the frame's slot must find the failure.
            let nothing = fail(queues, later, told, error);
            drop_later(later, submitted);
            return nothing;
        }
        let last = last_of_each_queue(&parts);
        let value = Arc::clone(&submitted.value);
        // Before the submit: the reactor publishes no value whose record it has not run.
        let rings = match self.retire(submitted, &last, later) {
            Ok(rings) => rings,
            Err(error) => return fail(queues, later, told, error),
        };
        let undo = advance(&plan, &slots, &arrivals, &stamps, claim.is_some_and(|claim| claim.hidden));
        queues.serial += 1;
        Some(Prepared { parts, slots, undo, last, value, rings, serial: queues.serial, turns, told })
    }

    /// Leaves the record with the reactor, for each queue that must reach its last stamp.
    fn retire(&self, submitted: Submitted, last: &[Stamp], later: &mut Later) -> Result<Vec<Ring>> {
        let records: Vec<Box<dyn Retire>> = match last.len() {
            1 => vec![Box::new(submitted)],
            count => retire::Part::split(submitted, count).map(|part| Box::new(part) as _).collect(),
        };
        let mut rings = Vec::with_capacity(last.len());
        for (stamp, record) in last.iter().zip(records) {
            match self.hub.retire(stamp.queue, stamp.value, record) {
                Ok(ring) => rings.push(ring),
                // The device is lost: then all records are dropped by whoever found out.
                Err((record, error)) => {
                    drop_later(later, record);
                    return Err(error);
                }
            }
        }
        Ok(rings)
    }
}

fn take_back_to(queues: &mut Queues, before: [u64; QueueId::MOST]) {
    for (queue, value) in before.into_iter().enumerate() {
        queues.take_back(Stamp { queue: QueueId(queue as u8), value: value + 1 });
    }
}

/// The `vkQueueSubmit2` calls that are made for these parts, after one for the queue `last`.
fn calls(parts: &[Part], last: Option<QueueId>) -> u64 {
    let runs = parts.chunk_by(|a, b| a.stamp.queue == b.stamp.queue).count();
    let joins = parts.first().is_some_and(|part| last == Some(part.stamp.queue));
    runs.saturating_sub(usize::from(joins)) as u64
}

/// Of each queue the last stamp; that of the last part is last. Releases count: their command buffers are the commit's, too.
fn last_of_each_queue(parts: &[Part]) -> Vec<Stamp> {
    let mut last: Vec<Stamp> = Vec::with_capacity(1);
    for stamp in parts.iter().rev().map(|part| part.stamp) {
        if last.iter().all(|later| later.queue != stamp.queue) {
            last.insert(0, stamp);
        }
    }
    last
}

/// What is read first must have been written once, by anyone; and whatever needs old contents must not find half of new ones
/// there. Uploads write what is hidden.
fn check_contents(plan: &Compiled, slots: &[Resource], unwritten: &[(usize, Arc<str>)], is_upload: bool) -> Result<()> {
    for (index, entry) in plan.entries.iter().enumerate() {
        let import = &plan.imports[entry.import];
        let resource = &slots[import.slot];
        // Others may have written it since recording began, or have begun to replace it.
        if entry.only_reads() && !lock(resource.state()).is_written(import.region) {
            return Err(not_written(resource, unwritten.iter().find(|(entry, _)| *entry == index)));
        }
        let looks = !entry.discard && entry.access.writes() && entry.access.reads();
        if looks && !is_upload && lock(resource.state()).has_hidden(import.region) {
            let name = resource.name();
            return Err(Error::Graph(format!(
                "a pass uses `{name}`, which is being uploaded; await the upload before"
            )));
        }
    }
    Ok(())
}

fn not_written(resource: &Resource, pass: Option<&(usize, Arc<str>)>) -> Error {
    let name = resource.name();
    Error::Graph(match pass {
        Some((_, pass)) => {
            format!("pass `{pass}` reads `{name}`, which nothing has written yet; write, upload or clear it before")
        }
        None => format!("a pass reads `{name}`, which is being replaced; take its new version for this frame"),
    })
}

/// What is written piece by piece must be nobody else's meanwhile.
fn check_claim(plan: &Compiled, slots: &[Resource], claim: Option<&Claim>) -> Result<()> {
    let Some(claim) = claim else { return Ok(()) };
    let is_free = |import: &Import| lock(slots[import.slot].state()).is_unwritten(import.region);
    match plan.imports.iter().filter(|import| import.is_written()).find(|import| !is_free(import)) {
        None => Ok(()),
        Some(import) => {
            claim.overtaken.store(true, Ordering::Release);
            let name = slots[import.slot].name();
            Err(Error::Graph(format!("`{name}` was written by something else while it was uploaded")))
        }
    }
}

impl Preparation<'_> {
    #[expect(clippy::too_many_arguments, reason = "a commit in its parts")]
    fn batches(
        &mut self,
        queues: &mut Queues,
        plan: &Compiled,
        slots: &[Resource],
        buffers: Vec<Vec<vk::CommandBuffer>>,
        foreign: &[(vk::Semaphore, u64)],
        foreseen: &[Arrival],
        arrivals: &mut [Arrival],
    ) -> Result<()> {
        for (batch, mut buffers) in plan.batches.iter().zip(buffers) {
            let acquires: Vec<_> =
                entry::acquires(plan, batch, arrivals).map(|(slot, it)| (slot, it.clone())).collect();
            let released = self.release(queues, batch.queue, &acquires, foreign, slots)?;
            let correction = entry::correction(plan, slots, batch, foreseen, arrivals);
            let prologue = self.prologue(batch.queue, &acquires, &correction, slots)?;
            buffers.splice(0..0, prologue);
            let entries = batch.entries.iter().flat_map(|&index| arrivals[index].waits.iter().copied());
            let others = batch.waits.iter().map(|&other| self.stamps[other]);
            let needed = queues.clocks.needed(batch.queue, entries.chain(others).chain(released));
            let stamp = self.part(queues, batch.queue, &needed, foreign, buffers);
            self.stamps.push(stamp);
        }
        Ok(())
    }

    /// Adds a part after `needed`, and gives its stamp.
    fn part(
        &mut self,
        queues: &mut Queues,
        queue: QueueId,
        needed: &[Stamp],
        foreign: &[(vk::Semaphore, u64)],
        buffers: Vec<vk::CommandBuffer>,
    ) -> Stamp {
        // What comes later on the queue is after a wait, too: the first part there waits for all.
        let first = self.parts.iter().all(|part| part.stamp.queue != queue);
        let mut waits = if first { foreign.to_vec() } else { Vec::new() };
        let timelines = &self.submitter.timelines;
        waits.extend(needed.iter().map(|wait| (timelines.semaphore(wait.queue), wait.value)));
        let stamp = queues.give(queue);
        queues.clocks.advance(stamp, needed);
        self.parts.push(Part { stamp, waits, buffers, handover: None });
        stamp
    }

    /// Images that another family owns are released there, each in a part of its own, after whatever used them last.
    fn release(
        &mut self,
        queues: &mut Queues,
        to: QueueId,
        acquires: &[(usize, Acquire)],
        foreign: &[(vk::Semaphore, u64)],
        slots: &[Resource],
    ) -> Result<Vec<Stamp>> {
        let mut released = Vec::new();
        for from in (0..QueueId::MOST).map(|queue| QueueId(queue as u8)) {
            let images = transfers(acquires.iter().filter(|(_, acquire)| acquire.from.queue == from), to);
            if images.is_empty() {
                continue;
            }
            let cmd = self.record(from, &[Barrier { images, ..Barrier::default() }], slots)?;
            // Two queues of one family may both have used an image.
            let after = acquires.iter().filter(|(_, acquire)| acquire.from.queue == from).flat_map(|it| &it.1.after);
            let needed = queues.clocks.needed(from, after.copied());
            released.push(self.part(queues, from, &needed, foreign, cmd.into_iter().collect()));
        }
        Ok(released)
    }

    /// Acquires, and the barrier that the recording did not foresee.
    fn prologue(
        &mut self,
        queue: QueueId,
        acquires: &[(usize, Acquire)],
        correction: &Barrier,
        slots: &[Resource],
    ) -> Result<Option<vk::CommandBuffer>> {
        let acquire = Barrier { images: transfers(acquires.iter(), queue), ..Barrier::default() };
        self.record(queue, &[acquire, correction.clone()], slots)
    }

    /// A command buffer of barriers; none if there are none.
    fn record(
        &mut self,
        queue: QueueId,
        barriers: &[Barrier],
        slots: &[Resource],
    ) -> Result<Option<vk::CommandBuffer>> {
        if barriers.iter().all(Barrier::is_empty) {
            return Ok(None);
        }
        let device = &self.submitter.device;
        let family = device.queues.get(queue).family;
        let leases = &mut self.submitted.leases;
        // One of the frame's own pools where there is one: all its tasks have ended.
        let lease = match leases.iter().position(|lease| lease.family() == family) {
            Some(own) => &mut leases[own],
            None => {
                leases.push(self.submitter.pools.lease(family)?);
                leases.last_mut().expect("just pushed")
            }
        };
        let cmd = lease.begin()?;
        for barrier in barriers.iter().filter(|barrier| !barrier.is_empty()) {
            barrier::record(device, cmd, barrier, slots, &mut self.counts);
        }
        lease.end()?;
        Ok(Some(cmd))
    }
}

/// Both halves of an ownership transfer are the same barrier, recorded on either queue. The layout stays.
fn transfers<'a>(acquires: impl Iterator<Item = &'a (usize, Acquire)>, to: QueueId) -> Vec<ImageBarrier> {
    let everything = entry::everything();
    let transfer = |(slot, acquire): &(usize, Acquire)| ImageBarrier {
        slot: *slot,
        region: acquire.region,
        source: everything.source,
        target: everything.target,
        old: acquire.layout,
        new: acquire.layout,
        transfer: Some([acquire.from.queue, to]),
    };
    acquires.map(transfer).collect()
}
