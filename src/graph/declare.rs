//! Declaring passes: what each touches, and the closure that records it.

use std::sync::Arc;

use ash::vk;

use super::{
    Graph, checks,
    ir::Structure,
    slots::Slots,
    uses::{Declaration, Rendering, Uses},
};
use crate::{
    error::{Error, Result},
    exec::{Encoder, RecordFn, Recorded},
    gpu::{QueueKind, device::Device},
    resource::{Attachment, CopySide, Use},
};

/// A pass as it was declared, ready to record.
pub(crate) struct PassBody {
    pub(crate) name: Arc<str>,
    pub(crate) declared: Vec<Declaration>,
    pub(crate) rendering: Rendering,
    pub(crate) record: RecordFn,
}

/// All that was declared so far.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) structure: Structure,
    pub(crate) slots: Slots,
    pub(crate) passes: Vec<PassBody>,
    pub(crate) waits: Vec<(vk::Semaphore, u64)>,
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
        Sizes { passes: passes.len(), uses: structure.all_uses().len(), slots: structure.slots }
    }

    pub(crate) fn add(&mut self, device: &Arc<Device>, queue: QueueKind, name: Arc<str>, uses: Uses, record: RecordFn) {
        if let Err(error) = self.try_add(device, queue, name, uses, record) {
            self.error.get_or_insert(error);
        }
    }

    fn try_add(
        &mut self,
        device: &Arc<Device>,
        queue: QueueKind,
        name: Arc<str>,
        uses: Uses,
        record: RecordFn,
    ) -> Result<()> {
        let (declared, rendering) = uses.resolve(&name)?;
        let home = checks::Home { device, queue: Some(queue), graph: 0 }; // GLUE: the graph's id
        checks::check(&home, &name, &declared, &rendering)?;
        let slots = &mut self.slots;
        // GLUE: the old compiler takes a slot once a pass.
        let mut merged: Vec<super::ir::SlotUse> = Vec::new();
        for used in declared.iter().map(|declaration| declaration.in_slot(slots.of(&declaration.resource))) {
            match merged.iter_mut().find(|known| known.slot == used.slot) {
                None => merged.push(used),
                Some(known) => {
                    known.access.stages |= used.access.stages;
                    known.access.mask |= used.access.mask;
                    known.access.mode = if used.access.writes() { used.access.mode } else { known.access.mode };
                    known.discard = false;
                }
            }
        }
        self.structure.push(merged);
        self.passes.push(PassBody { name, declared, rendering, record });
        Ok(())
    }
}

/// A pass being declared; [`record`](Self::record) adds it to its graph.
///
/// A mistake in a declaration is kept and comes out of `submit`, so that chains stay short.
#[must_use = "a pass is added to the graph by `.record(..)`"]
pub struct Pass<'g> {
    graph: &'g Graph,
    name: Arc<str>,
    uses: Uses,
}

impl<'g> Pass<'g> {
    pub(crate) fn new(graph: &'g Graph, name: &str) -> Self {
        Self { graph, name: name.into(), uses: Uses::default() }
    }

    /// See [`Uses::reads`].
    pub fn reads(mut self, resource: impl Into<Use>) -> Self {
        self.uses.reads(resource);
        self
    }

    /// See [`Uses::writes`].
    pub fn writes(mut self, resource: impl Into<Use>) -> Self {
        self.uses.writes(resource);
        self
    }

    /// See [`Uses::writes_concurrently`].
    pub fn writes_concurrently(mut self, resource: impl Into<Use>) -> Self {
        self.uses.writes_concurrently(resource);
        self
    }

    /// See [`Uses::copies`].
    pub fn copies(mut self, from: impl CopySide, to: impl CopySide) -> Self {
        self.uses.copies(from, to);
        self
    }

    /// See [`Uses::renders`].
    pub fn renders(mut self, target: impl Into<Attachment>) -> Self {
        self.uses.renders(target);
        self
    }

    /// See [`Uses::depth`].
    pub fn depth(mut self, target: impl Into<Attachment>) -> Self {
        self.uses.depth(target);
        self
    }

    /// Adds the pass. `record` is called once, on some thread, when the graph was submitted; it may return `()` or
    /// `Result<()>`. A panic in it fails this graph only.
    ///
    /// The encoder cannot leave the closure, nor be held across an `.await`:
    ///
    /// ```compile_fail
    /// # fn example(graph: &vulkio::Graph) {
    /// let mut stolen = None;
    /// graph.pass("thief").record(|cmd| stolen = Some(cmd));
    /// # }
    /// ```
    pub fn record<R: Recorded>(self, record: impl FnOnce(&mut Encoder<'_>) -> R + Send + 'static) {
        let record: RecordFn = Box::new(move |cmd| record(cmd).into_result());
        self.graph.add_pass(self.name, self.uses, record);
    }
}
