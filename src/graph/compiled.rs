//! A compiled graph: the order of its passes, the barriers between its waves, the batches they go to the queues in,
//! and how it meets the outside. All by number: no names, no handles.

use std::ops::Range;

use ash::vk::ImageLayout;

use super::{
    ir::{Extent, QueueMap, Region, Structure},
    phase,
    state::{Dependency, Scope},
};
use crate::{
    gpu::{QueueId, QueueKind},
    resource::Access,
};

mod text;

/// An immutable instruction list. It assumes nothing about the state its imports arrive in: that is worked out when
/// it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compiled {
    /// Live passes in the order of recording: batch after batch; within a batch by wave, then as declared.
    pub(crate) order: Vec<usize>,
    /// Whether that is all passes in the order in which they were declared.
    pub(crate) as_declared: bool,
    /// By position in `order`.
    pub(crate) waves: Vec<u32>,
    /// By position in `order`: which of `barriers` stands before it.
    pub(crate) before: Vec<Option<u32>>,
    /// None of them is empty.
    pub(crate) barriers: Vec<Barrier>,
    /// What passes need before them whose owners make it.
    pub(crate) owed: Vec<Owed>,
    /// In an order in which each waits only for earlier ones.
    pub(crate) batches: Vec<Batch>,
    /// By slot, then by region.
    pub(crate) imports: Vec<Import>,
    /// Of all imports.
    pub(crate) entries: Vec<Entry>,
    pub(crate) transients: Transients,
    /// Passes that were left out, since nobody looks at what they write.
    pub(crate) culled: Vec<usize>,
    /// Passes on the longest dependent chain.
    pub(crate) longest_chain: usize,
    /// How large the slots are.
    pub(crate) extents: Vec<Extent>,
    /// By `QueueId`: what the queue is called.
    pub(crate) queues: Vec<QueueKind>,
}

/// Passes that go to one queue in one `VkSubmitInfo2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) queue: QueueId,
    /// Into `order`.
    pub(crate) positions: Range<usize>,
    /// Batches of other queues, one per queue at most, none redundant.
    pub(crate) waits: Vec<usize>,
    /// Entries made at its head.
    pub(crate) entries: Vec<usize>,
    /// A barrier call after its last pass: releases of images to queues of other families.
    pub(crate) after: Option<u32>,
}

/// A resource, or a region of one, that lives across graphs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) slot: usize,
    pub(crate) region: Region,
    /// Into `entries`.
    pub(crate) entries: Range<usize>,
    pub(crate) exit: Exit,
}

impl Import {
    /// Whether the plan writes it.
    pub(crate) fn is_written(&self) -> bool {
        self.exit.writes.iter().any(Option::is_some)
    }
}

/// How a plan first touches an import on one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) import: usize,
    pub(crate) queue: QueueId,
    pub(crate) batch: usize,
    pub(crate) access: Access,
    /// What was there does not matter.
    pub(crate) discard: bool,
    /// The plan only reads at first, and changes it here later: all that counts is who read it before the plan.
    pub(crate) after_readers: bool,
}

impl Entry {
    /// Whether it needs what was there, and leaves it.
    pub(crate) fn only_reads(&self) -> bool {
        !self.discard && !self.after_readers && !self.access.writes()
    }
}

/// How a plan leaves an import behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) layout: ImageLayout,
    /// The queue that used it last, whose family an image belongs to.
    pub(crate) owner: QueueId,
    /// The last group that wrote (a change of layout counts as a write), by queue; all `None` if the plan only read.
    pub(crate) writes: [Option<Mark>; QueueId::MOST],
    /// Who read after it.
    pub(crate) reads: [Option<Mark>; QueueId::MOST],
}

/// A use at a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) batch: usize,
    pub(crate) scope: Scope,
}

/// One `vkCmdPipelineBarrier2`: one memory barrier for everything, and image barriers where layouts or owners change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Barrier {
    pub(crate) memory: Dependency,
    pub(crate) images: Vec<ImageBarrier>,
}

impl Barrier {
    pub(crate) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.images.is_empty()
    }
}

/// A change of layout or owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageBarrier {
    pub(crate) slot: usize,
    pub(crate) region: Region,
    pub(crate) source: Scope,
    pub(crate) target: Scope,
    pub(crate) old: ImageLayout,
    pub(crate) new: ImageLayout,
    /// From, to: an ownership transfer between their families; `None` within one family.
    pub(crate) transfer: Option<[QueueId; 2]>,
}

/// What a pass whose owner makes its barriers needs before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// Into `order`.
    pub(crate) position: usize,
    /// What it touches, slot and region; `None`: it comes after a pass that it names.
    pub(crate) region: Option<(usize, Region)>,
    pub(crate) need: Need,
}

/// A part of a barrier call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Memory(Dependency),
    Image(ImageBarrier),
}

/// Where the resources that live inside the plan lie in the memory that they share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transients {
    pub(crate) buffer_bytes: u64,
    pub(crate) image_bytes: u64,
    pub(crate) image_alignment: u64,
    /// Bits of the memory types that all images can be bound to.
    pub(crate) image_types: u32,
    /// What they would take if each had memory of its own.
    pub(crate) unaliased_bytes: u64,
    /// By slot.
    pub(crate) places: Vec<Place>,
}

/// A transient's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: usize,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    /// First and last wave that uses it.
    pub(crate) waves: [u32; 2],
}

/// What is wrong with a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A pass reads a transient, or a part of one, that nothing has written.
    NeverWritten { pass: usize, slot: usize },
    /// Each of these passes comes after the one before it, and the first after the last.
    Cycle { passes: Vec<usize>, slot: Option<usize> },
    /// Two passes conflict and nothing says which comes first.
    Unordered { first: usize, second: usize, slot: usize },
    /// A pass asks for a queue that cannot do what it needs.
    Queue { pass: usize, kind: QueueKind },
    /// More passes than a graph takes.
    TooManyPasses,
    /// More pieces that regions cut resources into, or more uses of them, than a graph takes.
    TooManyPieces,
}

/// Figures of a plan, known before anything runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanStats {
    /// Passes that run.
    pub passes: usize,
    /// Passes that were left out, since nobody looks at what they write.
    pub culled: usize,
    /// Waves: sets of passes that may overlap on the GPU.
    pub waves: usize,
    /// Barrier calls inside the plan. Those at its entry, if any, are worked out at commit; those that [`manual`] passes bring are
    /// not among them.
    ///
    /// [`manual`]: crate::Pass::manual
    pub barriers: usize,
    /// The fewest barrier calls that any order of these passes on one queue could do with: the longest chain minus one.
    pub lower_bound: usize,
    /// Submissions to queues.
    pub batches: usize,
    /// Distinct queues that get any.
    pub queues: usize,
    /// Waits of one queue for another inside the plan.
    pub waits: usize,
    /// Memory of resources that live inside the plan.
    pub transient_bytes: u64,
    /// What that would be if none shared its memory with another.
    pub transient_bytes_unaliased: u64,
}

impl PlanStats {
    /// Barrier calls per pass; zero for an empty plan.
    #[must_use]
    pub fn barriers_per_pass(&self) -> f64 {
        if self.passes == 0 { 0.0 } else { self.barriers as f64 / self.passes as f64 }
    }
}

impl Compiled {
    /// Runs the phases.
    pub(crate) fn compile(structure: &Structure, queues: &QueueMap) -> Result<Self, Fault> {
        phase::compile(structure, queues)
    }

    /// Figures of the plan.
    pub(crate) fn stats(&self) -> PlanStats {
        let used = |queue: &usize| self.batches.iter().any(|batch| batch.queue.index() == *queue);
        PlanStats {
            passes: self.order.len(),
            culled: self.culled.len(),
            waves: self.waves.iter().max().map_or(0, |&last| last as usize + 1),
            barriers: self.barriers.len(),
            lower_bound: self.longest_chain.saturating_sub(1),
            batches: self.batches.len(),
            queues: (0..QueueId::MOST).filter(used).count(),
            waits: self.batches.iter().map(|batch| batch.waits.len()).sum(),
            transient_bytes: self.transients.buffer_bytes + self.transients.image_bytes,
            transient_bytes_unaliased: self.transients.unaliased_bytes,
        }
    }
}

#[cfg(test)]
mod tests;
