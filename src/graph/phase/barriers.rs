//! One merged barrier between two waves, and what each resource enters and leaves the plan with.

use ash::vk::ImageLayout;

use super::groups::{Group, Groups};
use crate::graph::state::{Dependency, Entry, Exit, Relayout, Scope};

/// What one `vkCmdPipelineBarrier2` holds: a memory barrier for everything, and image barriers where layouts change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Barrier {
    /// Source and target of the one memory barrier; empty if no buffer and no layout-keeping image needs it.
    pub(crate) memory: Dependency,
    pub(crate) images: Vec<ImageBarrier>,
}

/// A change of layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageBarrier {
    pub(crate) slot: usize,
    pub(crate) dependency: Dependency,
}

impl Barrier {
    pub(crate) fn is_empty(&self) -> bool {
        self.memory.is_empty() && self.images.is_empty()
    }

    /// Merges a slot's dependency in.
    pub(crate) fn add(&mut self, slot: usize, dependency: Dependency) {
        if dependency.relayout.is_some() {
            self.images.push(ImageBarrier { slot, dependency });
        } else if !dependency.is_empty() {
            self.memory.source |= dependency.source;
            self.memory.target |= dependency.target;
        }
    }
}

/// A resource's way through the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) slot: usize,
    pub(crate) entry: Entry,
    pub(crate) exit: Exit,
}

/// The barrier before each wave (the one before wave 0 is empty: it is made at commit) and the imports.
pub(crate) fn barriers(groups: &Groups, waves: &[usize]) -> (Vec<Barrier>, Vec<Import>) {
    let count = waves.iter().max().map_or(0, |last| last + 1);
    let mut barriers = vec![Barrier::default(); count];
    let mut imports = Vec::new();
    for (slot, groups) in groups.of_slot.iter().enumerate() {
        let Some(first) = groups.first() else { continue };
        for pair in groups.windows(2) {
            let at = pair[1].passes.iter().map(|&pass| waves[pass]).min().unwrap_or(0);
            barriers[at].add(slot, between(&pair[0], &pair[1]));
        }
        let entry = Entry { access: first.access, discard: first.discard };
        imports.push(Import { slot, entry, exit: exit(groups) });
    }
    (barriers, imports)
}

/// The dependency between two neighbouring groups of a slot.
fn between(from: &Group, to: &Group) -> Dependency {
    let source = if from.access.writes() {
        Scope::written_by(&from.access)
    } else {
        // The write before these reads is available already: only their execution counts.
        Scope::execution(from.access.stages)
    };
    let moved = to.access.layout != from.access.layout && to.access.layout != ImageLayout::UNDEFINED;
    let old = if to.discard { ImageLayout::UNDEFINED } else { from.access.layout };
    let relayout = moved.then_some(Relayout { old, new: to.access.layout });
    Dependency { source, target: Scope::of(&to.access), relayout }
}

fn exit(groups: &[Group]) -> Exit {
    let mut exit = Exit { layout: ImageLayout::UNDEFINED, write: None, read: Scope::default() };
    for (index, group) in groups.iter().enumerate() {
        let relayout = index > 0 && groups[index - 1].access.layout != group.access.layout;
        exit.layout = group.access.layout;
        if group.access.writes() {
            exit.write = Some(Scope::written_by(&group.access));
            exit.read = Scope::default();
        } else if relayout {
            // The transition is a write of its own, before these reads.
            exit.write = Some(Scope::execution(group.access.stages));
            exit.read = Scope::of(&group.access);
        } else {
            exit.read = Scope::of(&group.access);
        }
    }
    exit
}
