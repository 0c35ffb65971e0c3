//! What systems touch, where no graph has been declared yet.

use std::sync::Arc;

use ash::vk;

use super::{Hints, Names, PassName, SlotName, requirements};
use crate::{
    error::{Error, Result},
    gpu::QueueKind,
    graph::{
        Uses, declare,
        ir::{PassShape, QueueMap, SlotShape, SlotUse, Structure},
        uses::{Declaration, Label},
    },
    resource::{Access, GpuResourceKind, GpuResourceMeta, Mode},
    schedule::{Order, Schedule},
    system::{Act, Binding, Registry},
};

/// What the systems of a schedule touch, in its order, as [`Member::outline`](crate::Member::outline) says it: handles where
/// a system has them, else types.
#[derive(Debug, Default)]
pub struct Outline {
    structure: Structure,
    names: Names,
    /// By slot.
    keys: Vec<Key>,
    /// Of the device that any of the handles is of.
    pub(super) queues: Option<QueueMap>,
    /// Of the system that is being outlined.
    now: System,
}

/// What one system touches.
#[derive(Debug, Default)]
struct System {
    uses: Uses,
    reads: &'static [GpuResourceMeta],
    writes: &'static [GpuResourceMeta],
}

/// What tells resources apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// A handle's.
    Handle(usize),
    /// One of a registry: the type, and the instance.
    Type(&'static str, Option<&'static str>),
}

impl Outline {
    /// Where the system declares the handles that it has.
    pub fn uses(&mut self) -> &mut Uses {
        &mut self.now.uses
    }

    /// What the system finds in a registry.
    pub fn system(&mut self, reads: &'static [GpuResourceMeta], writes: &'static [GpuResourceMeta]) {
        (self.now.reads, self.now.writes) = (reads, writes);
    }

    /// As [`uses`](Self::uses), for a system that was bound to a registry.
    pub(crate) fn bound(&mut self, uses: Uses) {
        self.now.uses = uses;
    }

    /// Ends a system: all that was said since the one before is what it touches.
    pub(crate) fn end(&mut self, name: &str, stage: &'static str, queue: Option<QueueKind>) -> Result<()> {
        let System { mut uses, reads, writes } = std::mem::take(&mut self.now);
        let labels = uses.take_labels();
        let (declared, rendering) = uses.resolve(name)?;
        let handles = declare::needs(queue, &declared, &rendering);
        let mut all: Vec<_> = declared.iter().map(|declaration| self.declared(declaration)).collect();
        for Label { resource, meta } in labels {
            if let Some(slot) = self.keys.iter().position(|key| *key == Key::Handle(resource)) {
                self.names.slots[slot].infers(meta);
            }
        }
        let shaders = requirements::shaders(reads, writes);
        for meta in reads.iter().chain(writes) {
            let used = self.typed(meta, shaders);
            match all.iter_mut().find(|known| known.slot == used.slot) {
                Some(known) => merge(name, meta, known, &used)?,
                None => all.push(used),
            }
        }
        let accesses: Vec<_> = all.iter().map(|used| used.access).collect();
        let needs = if declared.is_empty() { declare::needs_of(queue, &accesses) } else { handles };
        let shape = PassShape { needs, queue, ..PassShape::default() };
        self.structure.push(shape, all, &[]);
        self.names.passes.push(PassName { name: name.into(), stage: Some(stage) });
        Ok(())
    }

    /// Whether an order is known for each two systems of which one writes what the other touches.
    fn is_ordered(&self, is_known: impl Fn(usize, usize) -> bool) -> Result<()> {
        let region = |used: &SlotUse| used.region.unwrap_or_else(|| self.structure.shapes()[used.slot].whole());
        let meet = |a: &SlotUse, b: &SlotUse| {
            let beside = a.access.mode.goes_beside(b.access.mode);
            a.slot == b.slot && !beside && region(a).intersection(&region(b)).is_some()
        };
        for second in 0..self.structure.passes() {
            for first in (0..second).filter(|&first| !is_known(first, second)) {
                let both = |used: &SlotUse| self.structure.uses(first).any(|earlier| meet(&earlier, used));
                if let Some(used) = self.structure.uses(second).find(both) {
                    return Err(self.unordered(first, second, used.slot));
                }
            }
        }
        Ok(())
    }

    fn unordered(&self, first: usize, second: usize, slot: usize) -> Error {
        let named = |pass: usize| {
            let PassName { name, stage } = &self.names.passes[pass];
            (Arc::clone(name), stage.unwrap_or_default())
        };
        let ((a, of_a), (b, of_b), slot) = (named(first), named(second), &self.names.slots[slot].name);
        let advice = match of_a == of_b {
            true => format!("move the one that comes second to a stage that is `after = \"{of_a}\"`"),
            false => format!("say `after = \"{of_a}\"` of stage `{of_b}`, or the other way round"),
        };
        Error::Graph(format!(
            "systems `{a}` (stage `{of_a}`) and `{b}` (stage `{of_b}`) both touch `{slot}`, at least one of them writes it, and \
             nothing says which comes first; {advice}"
        ))
    }

    /// The hints of the plan of all of it: on the queues of the device that its handles are of; where it has none, on one.
    pub(crate) fn hints(self) -> Result<Hints> {
        let Self { structure, names, queues, .. } = self;
        let (passes, slots) = (names.passes.clone(), names.slots.clone());
        let hints = Hints::new(structure, &queues.unwrap_or_else(QueueMap::one), names);
        hints.map_err(|fault| {
            let pass = |pass: usize| passes.get(pass).map_or("?", |pass| &*pass.name);
            let slot = |slot: usize| slots.get(slot).map_or("?", |slot| &*slot.name);
            declare::explain(fault, passes.len(), pass, slot)
        })
    }

    fn declared(&mut self, declaration: &Declaration) -> SlotUse {
        let Declaration { resource, region, access, discard, .. } = declaration;
        self.queues.get_or_insert_with(|| resource.device().queues.map.clone());
        let slot = self.slot(Key::Handle(resource.id()), resource.shape(), || SlotName::of(resource));
        SlotUse { slot, region: *region, access: *access, discard: *discard }
    }

    fn typed(&mut self, meta: &'static GpuResourceMeta, shaders: vk::PipelineStageFlags2) -> SlotUse {
        let access = requirements::resolved(meta, shaders);
        // How large it is, only a handle knows.
        let shape = match meta.kind {
            GpuResourceKind::Buffer => SlotShape::Buffer { bytes: 1 },
            GpuResourceKind::Image => SlotShape::Image { levels: 1, layers: 1 },
        };
        let slot = self.slot(Key::Type(meta.identity, meta.instance), shape, || SlotName {
            name: requirements::name(meta).into(),
            inferred: None,
            aspect: vk::ImageAspectFlags::COLOR,
        });
        self.names.slots[slot].infers(meta);
        if access.layout == vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL {
            self.names.slots[slot].aspect = vk::ImageAspectFlags::DEPTH;
        }
        SlotUse { slot, region: None, access, discard: meta.discard }
    }

    fn slot(&mut self, key: Key, shape: SlotShape, name: impl FnOnce() -> SlotName) -> usize {
        self.keys.iter().position(|known| *known == key).unwrap_or_else(|| {
            self.keys.push(key);
            self.names.slots.push(name());
            self.structure.slot(shape)
        })
    }
}

/// The hints of a schedule: with a registry of all its systems, without one as far as their types tell.
///
/// # Errors
///
/// [`Error::Graph`]: stages in a cycle, systems that conflict in stages without an order, what is not in the registry.
pub(crate) fn of_schedule<S: Schedule>(schedule: &S, registry: Option<&Registry>) -> Result<Hints> {
    let order = Order::of(S::NAME, S::STAGES)?;
    let (mut outline, mut stages) = (Outline::default(), Vec::new());
    for &stage in &order.sequence {
        let said = &S::STAGES[stage];
        for member in (0..said.members).filter_map(|index| schedule.member(stage, index)) {
            if let Act::Cpu(_) = member.act() {
                continue;
            }
            match registry {
                None => member.outline(&mut outline),
                Some(registry) => {
                    let mut binding = Binding::default();
                    member.bind(registry, &mut binding)?;
                    outline.bound(binding.uses);
                }
            }
            outline.end(member.name(), said.name, member.queue())?;
            stages.push(stage);
        }
    }
    outline.is_ordered(|a, b| order.is_known(stages[a], stages[b]))?;
    outline.hints()
}

/// What one system says twice is one use.
fn merge(system: &str, meta: &GpuResourceMeta, into: &mut SlotUse, other: &SlotUse) -> Result<()> {
    let (a, b) = (into.access, other.access);
    if a.layout != b.layout {
        return Err(Error::Graph(format!(
            "system `{system}` needs `{}` in two layouts at once ({:?} and {:?}); split it into two systems",
            requirements::name(meta),
            a.layout,
            b.layout
        )));
    }
    // A system that reads what it writes concurrently reads what others write: that needs order.
    let mode = if a.mode == b.mode { a.mode } else { Mode::Write };
    into.access = Access { mode, ..a.and(b) };
    into.discard &= other.discard;
    Ok(())
}
