//! What stands between a resource's past and a plan.

use ash::vk::ImageLayout;

use super::{
    parts::join,
    scope::{Dependency, Scope},
};
use crate::{graph::ir::Region, sync::Stamp};

/// What stands between a resource's past and a plan's first access on one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// What a barrier on the queue itself must wait for.
    pub(crate) memory: Dependency,
    /// Changes of layout, made by image barriers after the waits and the acquires.
    pub(crate) layouts: Vec<Relayout>,
    /// Points on other queues that must be reached first; one a queue at most. A batch waits with all its commands.
    pub(crate) waits: Vec<Stamp>,
    /// Regions to take over from another queue family first.
    pub(crate) acquires: Vec<Acquire>,
}

/// An image's change of layout, made by a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Relayout {
    pub(crate) region: Region,
    pub(crate) source: Scope,
    pub(crate) target: Scope,
    pub(crate) old: ImageLayout,
    pub(crate) new: ImageLayout,
}

/// An image region that a queue of another family owns: it must be released there and acquired here, layout unchanged,
/// before `layouts`. The acquire shows everything to everything (`ALL_COMMANDS`, `MEMORY_READ | MEMORY_WRITE`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acquire {
    pub(crate) region: Region,
    /// The last use on the queue that releases it.
    pub(crate) from: Stamp,
    /// Uses on other queues that the release must wait for; empty where each queue has a family of its own.
    pub(crate) after: Vec<Stamp>,
    pub(crate) layout: ImageLayout,
}

impl Arrival {
    /// Keeps one wait a queue, the latest.
    pub(super) fn wait(&mut self, stamp: Stamp) {
        match self.waits.iter_mut().find(|wait| wait.queue == stamp.queue) {
            Some(wait) => wait.value = wait.value.max(stamp.value),
            None => self.waits.push(stamp),
        }
    }

    /// Adds a change of layout; neighbours that change alike become one image barrier.
    pub(super) fn relayout(&mut self, relayout: Relayout) {
        for other in &mut self.layouts {
            let alike = Relayout { region: other.region, ..relayout } == *other;
            if let Some(region) = join(&other.region, &relayout.region).filter(|_| alike) {
                other.region = region;
                return;
            }
        }
        self.layouts.push(relayout);
    }

    /// Adds a take-over; neighbours that come from one use become one.
    pub(super) fn acquire(&mut self, acquire: Acquire) {
        for other in &mut self.acquires {
            let alike = other.from == acquire.from && other.after == acquire.after && other.layout == acquire.layout;
            if let Some(region) = join(&other.region, &acquire.region).filter(|_| alike) {
                other.region = region;
                return;
            }
        }
        self.acquires.push(acquire);
    }

    /// Whether `region` is written by the arrival itself: a layout transition or an acquire.
    pub(super) fn changes(&self, region: &Region) -> bool {
        let meets = |other: &Region| other.intersection(region).is_some();
        self.layouts.iter().any(|relayout| meets(&relayout.region))
            || self.acquires.iter().any(|acquire| meets(&acquire.region))
    }
}
