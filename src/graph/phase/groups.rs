//! Folds each atom's consecutive compatible accesses into groups. (Daxa's access groups.)
//!
//! Members of one group need nothing between them; between two groups stands exactly one dependency for each queue.

use ash::vk::ImageLayout;

use super::{edges::compatible, regions::Touches};
use crate::{
    gpu::QueueId,
    graph::{ir::Structure, state::Scope},
    resource::{Access, Mode},
};

/// No group, no side, no position.
pub(crate) const NONE: u32 = u32::MAX;

/// Consecutive accesses of one atom that may overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) atom: u32,
    pub(crate) previous: u32,
    pub(crate) next: u32,
    /// The first of its sides; the others follow by [`Side::next`].
    pub(crate) side: u32,
    pub(crate) layout: ImageLayout,
    pub(crate) mode: Mode,
    pub(crate) discard: bool,
}

/// The members of a group that run on one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) group: u32,
    pub(crate) next: u32,
    pub(crate) queue: QueueId,
    /// The union of the members' stages and masks.
    pub(crate) scope: Scope,
}

/// All groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    pub(crate) all: Vec<Group>,
    pub(crate) sides: Vec<Side>,
    /// By touch; [`NONE`] for those of culled passes.
    pub(crate) side_of: Vec<u32>,
    /// By atom: its first and last group.
    pub(crate) ends: Vec<[u32; 2]>,
}

impl Group {
    pub(crate) fn writes(&self) -> bool {
        self.mode != Mode::Read
    }
}

impl Groups {
    /// A group, unless the number stands for none.
    pub(crate) fn get(&self, group: u32) -> Option<&Group> {
        self.all.get(group as usize)
    }

    /// The group before a group on the same atom.
    pub(crate) fn before(&self, group: &Group) -> Option<&Group> {
        self.get(group.previous)
    }

    /// The group that a touch belongs to.
    pub(crate) fn of_touch(&self, touch: usize) -> u32 {
        self.sides[self.side_of[touch] as usize].group
    }

    /// The sides of a group, with their numbers.
    pub(crate) fn sides(&self, group: &Group) -> impl Iterator<Item = (usize, &Side)> {
        let mut next = group.side as usize;
        std::iter::from_fn(move || {
            let (number, side) = (next, self.sides.get(next)?);
            next = side.next as usize;
            Some((number, side))
        })
    }

    /// How the members of a side touch their atom.
    pub(crate) fn access(&self, side: &Side) -> Access {
        let group = &self.all[side.group as usize];
        Access { stages: side.scope.stages, mask: side.scope.mask, layout: group.layout, mode: group.mode }
    }

    /// What has to be over, and made available, before others touch what this side touched.
    pub(crate) fn left_by(&self, side: &Side) -> Scope {
        match self.all[side.group as usize].writes() {
            true => Scope::written_by(&self.access(side)),
            // What was written before these reads is available already: only their execution counts.
            false => Scope::execution(side.scope.stages),
        }
    }
}

pub(crate) fn groups(structure: &Structure, touches: &Touches, live: &[u32], queues: &[QueueId]) -> Groups {
    let is_image = structure.shapes().iter().map(|shape| shape.is_image()).collect();
    let capacity = touches.all.len();
    let groups = Groups {
        all: Vec::with_capacity(capacity),
        sides: Vec::with_capacity(capacity),
        side_of: vec![NONE; capacity],
        ends: vec![[NONE; 2]; touches.atoms.len()],
    };
    let mut fold = Fold { groups, is_image, touches };
    for &pass in live {
        for touch in touches.range(pass) {
            fold.add(touch, queues[pass as usize]);
        }
    }
    fold.groups
}

struct Fold<'a> {
    groups: Groups,
    is_image: Vec<bool>,
    touches: &'a Touches,
}

impl Fold<'_> {
    fn add(&mut self, number: usize, queue: QueueId) {
        let touch = &self.touches.all[number];
        let access = self.touches.access(touch);
        let last = self.groups.ends[touch.atom as usize][1];
        let joined = self.groups.get(last).is_some_and(|group| self.joins(group, access, queue));
        if !joined {
            self.open(touch.atom, access);
        }
        let group = self.groups.ends[touch.atom as usize][1];
        let discard = touch.discard && access.writes();
        let known = &mut self.groups.all[group as usize];
        known.discard = discard && (known.discard || !joined);
        self.groups.side_of[number] = self.side(group, queue, access);
    }

    /// Images stay on one queue within a group: nobody else may see them until their owner is done.
    fn joins(&self, group: &Group, access: &Access, queue: QueueId) -> bool {
        let same = Access { stages: access.stages, mask: access.mask, layout: group.layout, mode: group.mode };
        let here = || self.groups.sides(group).all(|(_, side)| side.queue == queue);
        compatible(&same, access) && (!self.is_image[self.touches.atoms[group.atom as usize].slot as usize] || here())
    }

    fn open(&mut self, atom: u32, access: &Access) {
        let (all, ends) = (&mut self.groups.all, &mut self.groups.ends[atom as usize]);
        let (number, previous) = (all.len() as u32, ends[1]);
        let (layout, mode) = (access.layout, access.mode);
        all.push(Group { atom, previous, next: NONE, side: NONE, layout, mode, discard: false });
        match all.get_mut(previous as usize) {
            Some(before) => before.next = number,
            None => ends[0] = number,
        }
        ends[1] = number;
    }

    /// The group's side on a queue, widened by another access: a later reader widens the barrier before the group, and
    /// then needs none of its own.
    fn side(&mut self, group: u32, queue: QueueId, access: &Access) -> u32 {
        let Groups { all, sides, .. } = &mut self.groups;
        let group_side = &mut all[group as usize].side;
        let mut number = *group_side;
        while let Some(side) = sides.get_mut(number as usize) {
            if side.queue == queue {
                side.scope |= Scope::of(access);
                return number;
            }
            number = side.next;
        }
        sides.push(Side { group, next: *group_side, queue, scope: Scope::of(access) });
        *group_side = sides.len() as u32 - 1;
        *group_side
    }
}

#[cfg(test)]
mod tests {
    use ash::vk::PipelineStageFlags2 as S;

    use super::*;
    use crate::graph::{
        ir::{PassShape, SlotShape, SlotUse},
        phase::regions::touches,
    };

    const READ: Access = Access::storage_read(S::COMPUTE_SHADER);
    const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);
    const CONCURRENT: Access = Access { mode: Mode::ConcurrentWrite, ..WRITE };

    /// The sizes of the groups of one slot that each pass touches once, on the given queue.
    fn sizes(shape: SlotShape, passes: &[(Access, u8)]) -> Vec<usize> {
        let mut structure = Structure::default();
        let slot = structure.slot(shape);
        for &(access, _) in passes {
            structure.push(PassShape::default(), [SlotUse { slot, region: None, access, discard: false }], &[]);
        }
        let touches = touches(&structure).expect("few pieces");
        let live: Vec<_> = (0..passes.len() as u32).collect();
        let queues: Vec<_> = passes.iter().map(|&(_, queue)| QueueId(queue)).collect();
        let groups = groups(&structure, &touches, &live, &queues);
        let of = |group| (0..passes.len()).filter(|&touch| groups.of_touch(touch) == group).count();
        (0..groups.all.len() as u32).map(of).collect()
    }

    const BUFFER: SlotShape = SlotShape::Buffer { bytes: 4 };
    const IMAGE: SlotShape = SlotShape::Image { levels: 1, layers: 1 };

    #[test]
    fn reads_between_writes_are_one_group() {
        let all = [WRITE, READ, Access::INDIRECT, WRITE, WRITE].map(|access| (access, 0));
        assert_eq!(sizes(BUFFER, &all), [1, 2, 1, 1]);
    }

    #[test]
    fn concurrent_writes_are_one_group() {
        assert_eq!(sizes(BUFFER, &[CONCURRENT, CONCURRENT, WRITE, CONCURRENT].map(|access| (access, 0))), [2, 1, 1]);
    }

    #[test]
    fn reads_of_a_buffer_on_several_queues_are_one_group() {
        assert_eq!(sizes(BUFFER, &[(WRITE, 0), (READ, 0), (READ, 1), (READ, 2)]), [1, 3]);
    }

    #[test]
    fn an_image_has_a_group_for_each_layout_and_owner() {
        let copy = Access::IMAGE_COPY_SOURCE;
        assert_eq!(sizes(IMAGE, &[(copy, 0), (copy, 0), (copy, 1), (Access::BLIT_SOURCE, 1)]), [2, 2]);
        let sampled = Access { layout: ImageLayout::GENERAL, ..copy };
        assert_eq!(sizes(IMAGE, &[(copy, 0), (sampled, 0)]), [1, 1]);
    }
}
