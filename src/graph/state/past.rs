//! The last accesses to one region, and what the next one must wait for.

use ash::vk::{AccessFlags2, ImageLayout, PipelineStageFlags2};

use super::{
    arrival::{Acquire, Arrival, Relayout},
    scope::{Dependency, Scope},
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Entry, Exit, Mark},
        ir::Region,
    },
    resource::Access,
    sync::Stamp,
};

type ByQueue<T> = [T; QueueId::MOST];

/// A use at a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Touch {
    stamp: Stamp,
    scope: Scope,
}

impl Touch {
    fn of(mark: &Mark, stamps: &[Stamp]) -> Self {
        Self { stamp: stamps[mark.batch], scope: mark.scope }
    }

    /// Both, at the later stamp.
    fn join(&mut self, other: Self) {
        self.stamp = self.stamp.max(other.stamp);
        self.scope |= other.scope;
    }
}

/// The last accesses to a region, in commit order.
///
/// Whoever reads has waited for all `writers`: a later change that waits for the `readers`, if there are any, need not
/// wait for the writers as well, unless the past was `merged`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) layout: ImageLayout,
    /// The queue that used an image last; its family owns it. `None` for what families share.
    pub(super) owner: Option<QueueId>,
    /// Whether it was ever written.
    pub(super) written: bool,
    /// Whether it is being written piece by piece: nobody may read it before it is whole.
    pub(super) hidden: bool,
    /// Who wrote last: several queues where their writes were concurrent.
    writers: ByQueue<Option<Touch>>,
    /// What sees the last writes already, by queue. Where it is not empty, the queue waited for the other queues' writes,
    /// and all of its later work sees those; the scope is for its own writes.
    visible: ByQueue<Scope>,
    /// Reads since the last writes.
    readers: ByQueue<Option<Touch>>,
    /// Of several regions: who read the one did not wait for the writers of the other.
    merged: bool,
}

/// What arrives: an entry, and whether the region is another family's.
#[derive(Clone, Copy)]
pub(super) struct Coming<'a> {
    pub(super) entry: &'a Entry,
    pub(super) foreign: bool,
}

impl Past {
    /// See [`Tracker::lost`](super::Tracker::lost).
    pub(super) fn lose(&mut self, running: &[Stamp], is_image: bool) {
        let scope = Scope { stages: PipelineStageFlags2::ALL_COMMANDS, mask: AccessFlags2::MEMORY_WRITE };
        for &stamp in running {
            let touch = Touch { stamp, scope };
            let writer = &mut self.writers[stamp.queue.index()];
            writer.get_or_insert(touch).join(touch);
        }
        // Readers from before are waited for as writers are.
        for reader in self.readers.iter_mut().filter_map(Option::take) {
            self.writers[reader.stamp.queue.index()].get_or_insert(reader).join(reader);
        }
        self.visible = Default::default();
        if is_image {
            (self.layout, self.owner, self.written) = (ImageLayout::UNDEFINED, None, false);
        }
    }

    /// See [`Tracker::handed_over`](super::Tracker::handed_over).
    pub(super) fn handed_over(&mut self, queue: QueueId, stages: PipelineStageFlags2) {
        let touch = Touch { stamp: Stamp { queue, value: 0 }, scope: Scope::execution(stages) };
        self.writers[queue.index()] = Some(touch);
    }

    /// When each queue wrote it last, and read it since.
    pub(super) fn uses(&self) -> impl Iterator<Item = Stamp> {
        self.writers.iter().chain(&self.readers).flatten().map(|touch| touch.stamp)
    }

    /// Adds to `arrival` what must stand before the access.
    pub(super) fn arrive(&self, region: Region, coming: Coming<'_>, arrival: &mut Arrival) {
        let Coming { entry, foreign } = coming;
        if entry.after_readers {
            let source = wait_for(&self.readers, entry.queue, arrival);
            meet(arrival, source, after_readers(&entry.access));
        } else if foreign && !entry.discard {
            self.take_over(region, entry, arrival);
        } else {
            self.follow(region, coming, arrival);
        }
    }

    fn follow(&self, region: Region, Coming { entry, foreign }: Coming<'_>, arrival: &mut Arrival) {
        let access = &entry.access;
        // A discard takes an image from another family without asking: not even its layout arrives.
        let relayout = access.layout != ImageLayout::UNDEFINED && (foreign || access.layout != self.layout);
        let source = if relayout || access.writes() {
            self.before_change(entry.queue, arrival)
        } else {
            self.before_read(entry, arrival)
        };
        if relayout {
            let old = if entry.discard { ImageLayout::UNDEFINED } else { self.layout };
            arrival.relayout(self.relayout(region, entry, old, source));
        } else {
            meet(arrival, source, Scope::of(&entry.access));
        }
    }

    /// A write, or a transition: after all reads, or where there are none, after the writes.
    fn before_change(&self, queue: QueueId, arrival: &mut Arrival) -> Scope {
        let mut source = wait_for(self.last(), queue, arrival);
        if self.merged {
            source |= wait_for(&self.writers, queue, arrival);
        }
        source
    }

    fn before_read(&self, entry: &Entry, arrival: &mut Arrival) -> Scope {
        let seen = self.visible[entry.queue.index()];
        if seen.covers(Scope::of(&entry.access)) {
            return Scope::default();
        }
        if seen.is_empty() {
            return wait_for(&self.writers, entry.queue, arrival);
        }
        // The waits for other queues hold for all that comes later on this one.
        self.writers[entry.queue.index()].map(|own| own.scope).unwrap_or_default()
    }

    /// The accesses that a change must come after.
    fn last(&self) -> &ByQueue<Option<Touch>> {
        if self.readers.iter().any(Option::is_some) { &self.readers } else { &self.writers }
    }

    fn relayout(&self, region: Region, entry: &Entry, old: ImageLayout, source: Scope) -> Relayout {
        let after_waits = source.is_empty() && self.last().iter().any(Option::is_some);
        // A transition with no source stage would chain with nothing and could run before the semaphore wait is over. The
        // batch waits with all commands, so any stage chains with it; the target's own stages are those that hold up no
        // other work on this queue.
        let source = if after_waits { Scope::execution(entry.access.stages) } else { source };
        Relayout { region, source, target: Scope::of(&entry.access), old, new: entry.access.layout }
    }

    /// An image that another family owns: released there after its last uses, then acquired.
    fn take_over(&self, region: Region, entry: &Entry, arrival: &mut Arrival) {
        let touches = || self.last().iter().flatten().map(|touch| touch.stamp);
        let by_owner = |stamp: &Stamp| Some(stamp.queue) == self.owner;
        if let Some(from) = touches().find(by_owner).or_else(|| touches().next()) {
            let after = touches().filter(|stamp| stamp.queue != from.queue).collect();
            arrival.acquire(Acquire { region, from, after, layout: self.layout });
        }
        if entry.access.layout != self.layout {
            arrival.relayout(self.relayout(region, entry, self.layout, Scope::default()));
        }
    }

    /// What a plan leaves behind that wrote all of the region.
    pub(super) fn left_by(exit: &Exit, owner: Option<QueueId>, stamps: &[Stamp]) -> Self {
        let touch = |mark: &Option<Mark>| mark.as_ref().map(|mark| Touch::of(mark, stamps));
        let read = |mark: &Option<Mark>| mark.as_ref().map(|mark| Touch::of(mark, stamps).scope).unwrap_or_default();
        Self {
            layout: exit.layout,
            owner,
            written: true,
            hidden: false,
            writers: exit.writes.each_ref().map(touch),
            visible: exit.reads.each_ref().map(read),
            readers: exit.reads.each_ref().map(|mark| touch(mark).map(execution_only)),
            merged: false,
        }
    }

    /// Books an entry of a plan that only read.
    pub(super) fn entered(&mut self, region: &Region, entry: &Entry, arrival: &Arrival, stamp: Stamp) {
        let queue = entry.queue.index();
        if arrival.changes(region) {
            // A transition counts as a write; its barrier showed it to its target.
            let transition = Touch { stamp, scope: Scope::execution(entry.access.stages) };
            let Self { layout, owner, written, hidden, .. } = *self;
            let kept = Self { layout, owner, written, hidden, ..Self::default() };
            *self = kept;
            self.writers[queue] = Some(transition);
        }
        self.visible[queue].widen(Scope::of(&entry.access));
    }

    /// Books the reads of a plan that only read.
    pub(super) fn read_until(&mut self, exit: &Exit, stamps: &[Stamp]) {
        self.layout = exit.layout;
        let touch = |mark: &Option<Mark>| mark.as_ref().map(|mark| execution_only(Touch::of(mark, stamps)));
        join_each(&mut self.readers, &exit.reads.each_ref().map(touch));
    }

    /// Makes one past of two that is careful for both.
    pub(super) fn merge(&mut self, other: &Self) {
        join_each(&mut self.writers, &other.writers);
        join_each(&mut self.readers, &other.readers);
        self.visible = Default::default();
        self.merged = true;
        self.written |= other.written;
        self.hidden |= other.hidden;
    }
}

fn join_each(touches: &mut ByQueue<Option<Touch>>, others: &ByQueue<Option<Touch>>) {
    for (touch, other) in touches.iter_mut().zip(others) {
        if let Some(other) = *other {
            touch.get_or_insert(other).join(other);
        }
    }
}

/// A read changed nothing that would have to be made available.
fn execution_only(touch: Touch) -> Touch {
    Touch { scope: Scope::execution(touch.scope.stages), ..touch }
}

/// Adds a memory dependency on the queue itself, if there is a source.
fn meet(arrival: &mut Arrival, source: Scope, target: Scope) {
    if !source.is_empty() {
        arrival.memory |= Dependency { source, target };
    }
}

/// What must come after readers of before the plan, where the plan reads before it changes. For an image the change may be
/// a transition, which comes after the stages of the plan's own reads: whatever those are, all commands chain with them.
fn after_readers(access: &Access) -> Scope {
    let stages =
        if access.layout == ImageLayout::UNDEFINED { access.stages } else { PipelineStageFlags2::ALL_COMMANDS };
    Scope { stages, mask: access.mask }
}

/// Waits for other queues; gives back what a barrier on this one must have as its source.
fn wait_for(touches: &ByQueue<Option<Touch>>, queue: QueueId, arrival: &mut Arrival) -> Scope {
    let mut source = Scope::default();
    for touch in touches.iter().flatten() {
        if touch.stamp.queue == queue {
            source |= touch.scope;
        } else {
            arrival.wait(touch.stamp);
        }
    }
    source
}
