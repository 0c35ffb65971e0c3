//! What is known of one access to memory as the instruction stream goes on: whom it happens before, and who sees it.
//!
//! An access is split into one part per stage, as each stage is synchronized by itself. A barrier orders a part if its
//! source names the part's stage, or a stage that is ordered after the part already (an execution dependency chain).
//! A write becomes available where a source names both its stage and its access, and visible to the targets of that
//! barrier and of all that are chained to it. A semaphore does all of this for everything.

use super::bits::{ALL_WRITES, Accesses, Bits, STAGE_COUNT, Stages, each};
use crate::gpu::QueueId;

const QUEUES: usize = QueueId::MOST;

/// Which queue an instruction is on, and in which batch of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) queue: usize,
    pub(super) batch: usize,
}

/// The part of an access that one stage makes (or that no stage makes: a change of layout).
#[derive(Clone, Debug)]
struct Part {
    stage: Stages,
    /// Writes that are not available yet.
    hidden: Accesses,
    /// By queue: stages of later commands that it happens before.
    before: [Stages; QUEUES],
    /// By queue and stage: accesses that see it.
    seen: [[Accesses; STAGE_COUNT]; QUEUES],
}

/// An access, from when it is recorded.
#[derive(Clone, Debug)]
pub(super) struct Touch {
    /// Where it was made; `None` for one from before the stream.
    pub(super) place: Option<Place>,
    parts: Vec<Part>,
    /// By queue: the first batch at whose end all of it is over, as semaphores tell.
    over: [usize; QUEUES],
}

impl Touch {
    /// Of commands.
    pub(super) fn new(place: Place, bits: Bits) -> Self {
        let parts = each(bits.stages).map(|stage| Part::new(1 << stage, bits.accesses & ALL_WRITES)).collect();
        Self { place: Some(place), parts, over: over_at(place) }
    }

    /// Of a barrier itself (a change of layout or of owner): available at once, and seen by the barrier's target.
    pub(super) fn by_barrier(place: Place, target: Bits) -> Self {
        let mut part = Part::new(0, 0);
        part.reach(place.queue, target);
        Self { place: Some(place), parts: vec![part], over: over_at(place) }
    }

    /// From before the stream: over for those only who enter.
    pub(super) fn past() -> Self {
        Self { place: None, parts: vec![Part::new(0, 0)], over: [usize::MAX; QUEUES] }
    }

    /// An entry: what is before the stream is over for, and seen by, `bits` at `place`.
    pub(super) fn enter(&mut self, place: Place, bits: Bits) {
        self.parts.iter_mut().for_each(|part| part.reach(place.queue, bits));
        let over = &mut self.over[place.queue];
        *over = place.batch.min(*over);
    }

    /// A barrier's execution dependency, and its memory dependency if `memory` is among what it covers.
    pub(super) fn barrier(&mut self, queue: usize, source: Bits, target: Bits, memory: bool) {
        let here = self.place.is_some_and(|place| place.queue == queue);
        for part in &mut self.parts {
            part.barrier(queue, here, source, target, memory);
        }
    }

    /// A semaphore signalled at the end of `from`, waited for by `to`.
    pub(super) fn wait(&mut self, from: Place, to: Place) {
        if self.over[from.queue] > from.batch {
            return;
        }
        for part in &mut self.parts {
            part.hidden = 0;
            part.reach(to.queue, Bits::EVERYTHING);
        }
        let over = &mut self.over[to.queue];
        *over = to.batch.min(*over);
    }

    /// Whether commands of these stages on that queue come after all of it.
    pub(super) fn is_over(&self, queue: usize, stages: Stages) -> bool {
        self.parts.iter().all(|part| stages & !part.before[queue] == 0)
    }

    /// Whether those accesses see it.
    pub(super) fn is_seen(&self, queue: usize, bits: Bits) -> bool {
        self.parts.iter().all(|part| each(bits.stages).all(|stage| bits.accesses & !part.seen[queue][stage] == 0))
    }

    /// Whether a barrier with this source comes after all of it, and has all of its writes available.
    pub(super) fn is_sourced(&self, queue: usize, source: Bits) -> bool {
        let here = self.place.is_some_and(|place| place.queue == queue);
        self.parts.iter().all(|part| {
            let named = here && part.stage & source.stages != 0;
            let hidden = if named { part.hidden & !source.accesses } else { part.hidden };
            (named || part.before[queue] & source.stages != 0) && hidden == 0
        })
    }
}

fn over_at(place: Place) -> [usize; QUEUES] {
    let mut over = [usize::MAX; QUEUES];
    over[place.queue] = place.batch;
    over
}

impl Part {
    fn new(stage: Stages, hidden: Accesses) -> Self {
        Self { stage, hidden, before: [0; QUEUES], seen: [[0; STAGE_COUNT]; QUEUES] }
    }

    fn barrier(&mut self, queue: usize, here: bool, source: Bits, target: Bits, memory: bool) {
        let named = here && self.stage & source.stages != 0;
        if !named && self.before[queue] & source.stages == 0 {
            return;
        }
        if named && memory {
            self.hidden &= !source.accesses;
        }
        self.before[queue] |= target.stages;
        if memory && self.hidden == 0 {
            self.see(queue, target);
        }
    }

    fn reach(&mut self, queue: usize, target: Bits) {
        self.before[queue] |= target.stages;
        self.see(queue, target);
    }

    fn see(&mut self, queue: usize, target: Bits) {
        for stage in each(target.stages) {
            self.seen[queue][stage] |= target.accesses;
        }
    }
}
