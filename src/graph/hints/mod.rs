//! Hints: which barriers a plan has between its passes, for which resource, and why.

mod outline;
mod requirements;
mod text;
pub(crate) mod words;

use std::{fmt, sync::Arc};

use ash::vk;

pub use outline::Outline;
pub(crate) use outline::of_schedule;
pub(crate) use requirements::requirements;

use super::{
    compiled::{Compiled, Fault, Need, Owed},
    declare::Declared,
    ir::{QueueMap, SlotShape, Structure},
    phase,
    phase::barriers::reasons::{Part, Reason},
    uses::Label,
};
use crate::{
    error::Result,
    resource::{GpuResourceMeta, Resource, Role},
};

/// The barriers of a plan, and what each of them is for: from [`Graph::hints`](super::Graph::hints),
/// [`Frame::hints`](crate::Frame::hints) and [`Schedule::hints`](crate::Schedule::hints).
///
/// [`Display`](fmt::Display) says, for each call of `vkCmdPipelineBarrier2`, which passes it stands between and what each
/// resource needs of it, in words and as stages and accesses; then the call itself in Rust, as `ash` takes it, to paste
/// where barriers are written by hand. What stands at the start, for what came before, only the commit knows: hints list
/// what is asked for there. Nothing of it has to be pasted for vulkio's sake.
///
/// ```text
/// 1 barrier call
///
/// at the start, after whatever came before:
///   `vertices`: written by copies in `UploadMeshes`
///     -> ALL_TRANSFER TRANSFER_WRITE
///   ..
///
/// before `DrawScene`:
///   between `upload` and `render`:
///     `vertices`: written by copies in `UploadMeshes`, then read as vertices in `DrawScene`
///       ALL_TRANSFER TRANSFER_WRITE -> VERTEX_ATTRIBUTE_INPUT VERTEX_ATTRIBUTE_READ
///
///     let memory = [vk::MemoryBarrier2::default()
///     ..
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints {
    pub(crate) structure: Structure,
    pub(crate) compiled: Compiled,
    pub(crate) reasons: Vec<Reason>,
    names: Names,
}

/// What passes and resources are called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) passes: Vec<PassName>,
    pub(crate) slots: Vec<SlotName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PassName {
    pub(crate) name: Arc<str>,
    pub(crate) stage: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SlotName {
    pub(crate) name: Arc<str>,
    /// The role of its data, if that was taken from the name of the type.
    pub(crate) inferred: Option<Role>,
    pub(crate) aspect: vk::ImageAspectFlags,
}

impl SlotName {
    fn of(resource: &Resource) -> Self {
        let aspect = match resource {
            Resource::Image(image) => image.shape.aspect(),
            Resource::Buffer(_) => vk::ImageAspectFlags::NONE,
        };
        Self { name: Arc::clone(resource.name()), inferred: None, aspect }
    }

    /// Notes a role that was taken from the name of a type.
    fn infers(&mut self, meta: &GpuResourceMeta) {
        self.inferred = self.inferred.or(meta.role.filter(|_| meta.inferred));
    }
}

impl Hints {
    pub(crate) fn new(structure: Structure, queues: &QueueMap, names: Names) -> std::result::Result<Self, Fault> {
        let (compiled, reasons) = phase::explain(&structure, queues)?;
        Ok(Self { structure, compiled, reasons, names })
    }

    /// Those of a graph as far as it is declared.
    pub(crate) fn of_declared(declared: &Declared, queues: &QueueMap) -> Result<Self> {
        let passes =
            declared.passes.iter().map(|pass| PassName { name: Arc::clone(&pass.name), stage: None }).collect();
        let mut slots: Vec<_> = declared.slots.all().iter().map(SlotName::of).collect();
        for Label { resource, meta } in declared.passes.iter().flat_map(|pass| &pass.labels) {
            if let Some(slot) = declared.slots.all().iter().position(|known| known.id() == *resource) {
                slots[slot].infers(meta);
            }
        }
        let hints = Self::new(declared.structure.clone(), queues, Names { passes, slots });
        hints.map_err(|fault| declared.explain(fault))
    }

    /// How many barrier calls there are: as many as in [`PlanStats`](super::PlanStats).
    #[must_use]
    pub fn calls(&self) -> usize {
        self.compiled.barriers.len()
    }

    /// All of it: see [`Hints`].
    #[must_use]
    pub fn to_text(&self) -> String {
        text::text(self)
    }

    /// What is left to a pass, in words.
    pub(crate) fn why(&self, pass: usize, owed: &Owed) -> String {
        let is_it = |reason: &&Reason| {
            let need = match reason.part {
                Part::Memory { dependency, .. } => Need::Memory(dependency),
                Part::Image(image) => Need::Image(image),
                Part::Wait => return false,
            };
            reason.call.is_none() && reason.pass == pass && need == owed.need
        };
        self.reasons.iter().find(is_it).map(|reason| text::why(self, reason)).unwrap_or_default()
    }

    /// The slots whose role was taken from the name of a type.
    fn inferred(&self) -> impl Iterator<Item = (&str, Role)> {
        self.names.slots.iter().filter_map(|slot| Some((&*slot.name, slot.inferred?)))
    }

    fn is_image(&self, slot: usize) -> bool {
        self.structure.shapes().get(slot).is_some_and(SlotShape::is_image)
    }
}

impl fmt::Display for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests;
