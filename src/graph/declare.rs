//! What was declared: passes with their uses, resources with their numbers.

use std::sync::Arc;

use ash::vk;

use super::{
    checks::{self, Home},
    compiled::Fault,
    ir::{Needs, PassShape, SlotUse, Structure},
    manual::{self, Given, PassBarrier},
    slots::Slots,
    uses::{Declaration, Label, Rendering, Uses},
};
use crate::{
    error::{Error, Result},
    exec::{Encoder, JobOwner, JobUse, Opened, RecordFn, Share, Shown},
    gpu::{QueueKind, device::Device},
    memory::PageLease,
    resource::{Access, Resource, Texel},
};

/// A pass as it was declared, ready to record.
pub(crate) struct PassBody {
    pub(crate) name: Arc<str>,
    pub(crate) declared: Vec<Declaration>,
    pub(crate) rendering: Rendering,
    /// What a derived system calls what it declared.
    pub(crate) labels: Vec<Label>,
    /// What it waits for before it is recorded.
    pub(crate) jobs: Vec<JobUse>,
    pub(crate) queue: Option<QueueKind>,
    /// The barriers that its owner makes before it, if the plan leaves them to it.
    pub(crate) manual: Option<Vec<Given>>,
    pub(crate) body: Body,
}

/// How a pass is recorded.
pub(crate) enum Body {
    /// In one go.
    Once(RecordFn),
    /// In shares, on several workers.
    Parallel(Parallel),
    /// By its owner, with `with_encoder`.
    Opened(Arc<Opened>),
}

/// A pass that is recorded in shares.
pub(crate) struct Parallel {
    /// How many there are to be shared, where that is known.
    pub(crate) items: Option<usize>,
    pub(crate) record: Box<ShareFn>,
}

/// A pass as its body sees it.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'p> {
    pub(crate) name: &'p Arc<str>,
    pub(crate) declared: &'p [Declaration],
    pub(crate) rendering: &'p Rendering,
    pub(crate) labels: &'p [Label],
}

/// Records one share.
pub(crate) type ShareFn = dyn Fn(&mut Encoder<'_>, Share) -> Result<()> + Send + Sync;

/// A pass on its way into a graph.
pub(crate) struct NewPass {
    pub(crate) name: Arc<str>,
    pub(crate) uses: Uses,
    pub(crate) queue: Option<QueueKind>,
    pub(crate) keep: bool,
    /// Indices of passes.
    pub(crate) after: Vec<usize>,
    pub(crate) jobs: Vec<JobUse>,
    /// What its owner makes before it; `None`: the plan makes that.
    pub(crate) manual: Option<Vec<PassBarrier>>,
}

/// All that was declared so far.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) structure: Structure,
    pub(crate) slots: Slots,
    pub(crate) passes: Vec<PassBody>,
    pub(crate) jobs: Vec<JobOwner>,
    pub(crate) waits: Vec<(vk::Semaphore, u64)>,
    /// What was written for its passes' shaders and copies.
    pub(crate) pages: Vec<PageLease>,
    /// The picture of cubes that was drawn last.
    pub(crate) shown: Option<Shown>,
    /// The first thing that was wrong; it comes out of `submit`.
    pub(crate) error: Option<Error>,
}

/// How much was declared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sizes {
    passes: usize,
    uses: usize,
    slots: usize,
}

impl Declared {
    /// Room for as much as a frame before it declared.
    pub(crate) fn with_capacity(sizes: Sizes) -> Self {
        let Sizes { passes, uses, slots } = sizes;
        Self {
            structure: Structure::with_capacity(passes, uses),
            slots: Slots::with_capacity(slots),
            passes: Vec::with_capacity(passes),
            ..Self::default()
        }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let Self { structure, passes, .. } = self;
        Sizes { passes: passes.len(), uses: structure.all_uses(), slots: structure.slots() }
    }

    /// Adds a pass to the graph with this id, and gives its number. One that is wrong is not added, and the graph fails.
    pub(crate) fn add(
        &mut self,
        device: &Arc<Device>,
        graph: u64,
        pass: NewPass,
        body: impl FnOnce(Opening<'_>) -> Body,
    ) -> usize {
        let index = self.passes.len();
        if let Err(error) = self.try_add(device, graph, pass, body) {
            self.error.get_or_insert(error);
        }
        index
    }

    fn try_add(
        &mut self,
        device: &Arc<Device>,
        graph: u64,
        pass: NewPass,
        body: impl FnOnce(Opening<'_>) -> Body,
    ) -> Result<()> {
        let NewPass { name, mut uses, queue, keep, after, jobs, manual } = pass;
        let labels = uses.take_labels();
        let (declared, rendering) = uses.resolve(&name)?;
        checks::check(&Home { device, queue, graph }, &name, &declared, &rendering)?;
        let shape = PassShape { needs: needs(queue, &declared, &rendering), queue, keep, manual: manual.is_some() };
        let manual = manual.map(|barriers| manual::given(&name, &declared, barriers)).transpose()?;
        let Self { structure, slots, .. } = self;
        let numbers: Vec<_> = declared.iter().map(|declaration| slots.of(structure, &declaration.resource)).collect();
        let in_slot = |(declaration, slot): (&Declaration, usize)| SlotUse {
            slot,
            region: declaration.region,
            access: declaration.access,
            discard: declaration.discard,
        };
        structure.push(shape, declared.iter().zip(numbers).map(in_slot), &after);
        let body = body(Opening { name: &name, declared: &declared, rendering: &rendering, labels: &labels });
        self.passes.push(PassBody { name, declared, rendering, labels, jobs, queue, manual, body });
        Ok(())
    }

    /// A fault of the compiler in the graph's own words.
    pub(crate) fn explain(&self, fault: Fault) -> Error {
        let pass = |index: usize| self.passes.get(index).map_or("?", |pass| &*pass.name);
        let slot = |index: usize| self.slots.all().get(index).map_or("?", |resource| resource.name());
        explain(fault, self.passes.len(), pass, slot)
    }
}

/// A fault of the compiler in words, with the names of passes and slots.
pub(crate) fn explain<'n>(
    fault: Fault,
    passes: usize,
    pass: impl Fn(usize) -> &'n str,
    slot: impl Fn(usize) -> &'n str,
) -> Error {
    Error::Graph(match fault {
        Fault::NeverWritten { pass: reader, slot: read } => format!(
            "pass `{}` reads `{}`, which lives in this graph alone and which no pass before it writes",
            pass(reader),
            slot(read)
        ),
        Fault::Unordered { first, second, slot: both } => format!(
            "passes `{}` and `{}` both touch `{}`, at least one of them writes it, and nothing says which comes first; say \
             `.after(..)` on one of them",
            pass(first),
            pass(second),
            slot(both)
        ),
        Fault::Cycle { passes: cycle, slot: through } => {
            let names: Vec<_> = cycle.iter().map(|&index| format!("`{}`", pass(index))).collect();
            let through = through.map_or_else(String::new, |through| format!(" (through `{}`)", slot(through)));
            format!(
                "a cycle: each of the passes {} comes before the next one, the last before the first{through}",
                names.join(", ")
            )
        }
        Fault::Queue { pass: index, kind } => format!(
            "pass `{}` does what the {kind:?} queue cannot; ask for another queue, or leave the choice to the planner",
            pass(index)
        ),
        Fault::TooManyPasses => {
            format!("{} passes; a graph holds {} at most", passes, super::phase::MOST_PASSES)
        }
        Fault::TooManyPieces => {
            "its passes name so many parts of buffers or images that these fall into more than 2^20 pieces or uses of \
             pieces; name fewer, or whole resources"
                .to_owned()
        }
    })
}

/// What the queue of a pass that declares this must be able to do.
pub(crate) fn needs(queue: Option<QueueKind>, declared: &[Declaration], rendering: &Rendering) -> Needs {
    if !rendering.is_empty() {
        return Needs::Graphics;
    }
    // Copies of depths, which a transfer queue may refuse.
    let is_depth = |declaration: &Declaration| match &declaration.resource {
        Resource::Image(image) => image.shape.texel == Texel::Depth,
        Resource::Buffer(_) => false,
    };
    if declared.iter().any(is_depth) {
        return Needs::Graphics;
    }
    needs_of(queue, &declared.iter().map(|declaration| declaration.access).collect::<Vec<_>>())
}

/// What the queue of a pass that touches colours and buffers so must be able to do.
pub(crate) fn needs_of(queue: Option<QueueKind>, accesses: &[Access]) -> Needs {
    use vk::PipelineStageFlags2 as S;
    let copies = S::ALL_TRANSFER | S::COPY | S::HOST;
    let dispatches = copies | S::CLEAR | S::COMPUTE_SHADER | S::DRAW_INDIRECT;
    let stages = accesses.iter().fold(S::NONE, |all, access| all | access.stages);
    // What is written in an image may be a clear.
    let is_target = |access: &Access| access.layout == vk::ImageLayout::TRANSFER_DST_OPTIMAL;
    if queue.is_none() && copies.contains(stages) && accesses.iter().any(is_target) {
        return Needs::Dispatches;
    }
    if copies.contains(stages) {
        Needs::Copies
    } else if dispatches.contains(stages) {
        Needs::Dispatches
    } else {
        Needs::Graphics
    }
}
