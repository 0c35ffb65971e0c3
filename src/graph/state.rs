//! What the last accesses to a resource were, and what the next one must wait for: pure rules.
//!
//! Only a commit advances a [`Tracker`], under the submission lock; a frame that is dropped changes nothing.

mod arrival;
mod parts;
mod past;
mod scope;

#[cfg(test)]
mod model;
#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;

use ash::vk::{ImageLayout, PipelineStageFlags2};

pub(crate) use arrival::{Acquire, Arrival, Relayout};
use parts::Parts;
use past::{Coming, Past};
pub(crate) use scope::{Dependency, Scope, possible};

use super::{
    compiled::{Entry, Import},
    ir::Region,
};
use crate::{gpu::QueueId, sync::Stamp};

/// The pasts of a resource's regions.
///
/// Regions with equal pasts become one. A buffer has at most 64: beyond that, neighbours are merged, and later accesses
/// wait for more than they would have to.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    /// By queue, for what only one family at a time may use.
    families: Option<[u32; QueueId::MOST]>,
    parts: Parts,
}

/// As many regions of a buffer are told apart.
const MOST_PARTS: usize = 64;

impl Tracker {
    /// Of a resource that all queue families share: a buffer.
    pub(crate) fn new(whole: Region) -> Self {
        Self { families: None, parts: Parts::new(whole) }
    }

    /// Of an image (`VK_SHARING_MODE_EXCLUSIVE`): the family that used a region last owns it. `families` is by queue.
    pub(crate) fn exclusive(whole: Region, families: &[u32]) -> Self {
        let family = |queue: usize| families.get(queue).copied().unwrap_or_default();
        Self { families: Some(std::array::from_fn(family)), ..Self::new(whole) }
    }

    /// Somebody outside hands it over to a queue by a semaphore that all commands wait for: as if these stages had used it.
    pub(crate) fn handed_over(&mut self, queue: QueueId, stages: PipelineStageFlags2) {
        self.parts.iter_mut().for_each(|part| part.past.handed_over(queue, stages));
    }

    /// What must stand before `entry`, at the head of its batch.
    pub(crate) fn arrive(&self, region: Region, entry: &Entry) -> Arrival {
        let mut arrival = Arrival::default();
        for (region, past) in self.parts.meeting(region) {
            let foreign = self.is_foreign(past, entry.queue);
            past.arrive(region, Coming { entry, foreign }, &mut arrival);
        }
        arrival
    }

    /// Books a submitted plan: `entries` and `arrivals` are those of the import, `stamps` are by batch. What is written
    /// `hidden` is a piece of something larger.
    pub(crate) fn depart(
        &mut self,
        hidden: bool,
        import: &Import,
        entries: &[Entry],
        arrivals: &[Arrival],
        stamps: &[Stamp],
    ) {
        let exit = &import.exit;
        let owner = self.families.map(|_| exit.owner);
        if import.is_written() {
            let mut past = Past::left_by(exit, owner, stamps);
            (past.written, past.hidden) = (!hidden, hidden);
            self.parts.replace(import.region, past);
        } else {
            self.parts.update(import.region, |region, past| {
                for (entry, arrival) in entries.iter().zip(arrivals) {
                    past.entered(region, entry, arrival, stamps[entry.batch]);
                }
                past.read_until(exit, stamps);
                past.owner = owner;
            });
        }
        // The subresources of an image bound it already, and their layouts must be known exactly.
        if self.families.is_none() && self.parts.len() > MOST_PARTS {
            self.parts.thin_out(MOST_PARTS);
        }
    }

    /// The layouts that an image's regions are in.
    pub(crate) fn layouts(&self, region: Region) -> impl Iterator<Item = (Region, ImageLayout)> {
        self.parts.meeting(region).map(|(region, past)| (region, past.layout))
    }

    /// The last uses of the region.
    pub(crate) fn uses(&self, region: Region) -> impl Iterator<Item = Stamp> {
        self.parts.meeting(region).flat_map(|(_, past)| past.uses())
    }

    /// The host has written the region, while nothing used it.
    pub(crate) fn written_by_host(&mut self, region: Region) {
        self.parts.update(region, |_, past| (past.written, past.hidden) = (true, false));
    }

    /// Whether every part of the region was ever written.
    pub(crate) fn is_written(&self, region: Region) -> bool {
        self.parts.meeting(region).all(|(_, past)| past.written)
    }

    /// Whether no part of the region was ever written.
    pub(crate) fn is_unwritten(&self, region: Region) -> bool {
        !self.parts.meeting(region).any(|(_, past)| past.written)
    }

    /// Somebody else wrote it: the host, say.
    pub(crate) fn assume_written(&mut self) {
        self.parts.iter_mut().for_each(|part| part.past.written = true);
    }

    /// Says that nobody may read the region: it is being written piece by piece.
    pub(crate) fn hide(&mut self, region: Region) {
        self.parts.update(region, |_, past| (past.written, past.hidden) = (false, true));
    }

    /// Says that the region is not being written any more; what of it was not written is as if it never was.
    pub(crate) fn show(&mut self, region: Region) {
        self.parts.update(region, |_, past| past.hidden = false);
    }

    /// Whether any part of the region is being written piece by piece.
    pub(crate) fn has_hidden(&self, region: Region) -> bool {
        self.parts.meeting(region).any(|(_, past)| past.hidden)
    }

    /// What is left of it when a plan that was to change it runs in part, up to the stamps in `running`: who comes next
    /// waits for all of that, and an image's contents and layout are gone.
    pub(crate) fn lost(&self, running: &[Stamp]) -> Self {
        let mut lost = self.clone();
        let is_image = self.families.is_some();
        lost.parts.iter_mut().for_each(|part| part.past.lose(running, is_image));
        lost
    }

    fn is_foreign(&self, past: &Past, queue: QueueId) -> bool {
        let family = |queue: QueueId| self.families.map(|families| families[queue.index()]);
        past.owner.is_some_and(|owner| family(owner) != family(queue))
    }
}
