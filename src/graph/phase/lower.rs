//! How imports enter and leave the plan.

use ash::vk::{AccessFlags2, ImageLayout};

use super::{
    barriers::{Barriers, Input},
    groups::{Group, NONE, Side},
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Batch, Entry, Exit, Import, Mark},
        state::Scope,
    },
    resource::{Access, Mode},
};

/// Imports with their entries, which are also noted in the batches at whose heads they are made.
pub(crate) fn imports(input: Input<'_>, barriers: &Barriers, batches: &mut [Batch]) -> (Vec<Import>, Vec<Entry>) {
    let atoms = input.touches.atoms.iter().zip(&input.groups.ends);
    let imported = atoms.filter(|(atom, _)| !input.structure.shapes()[atom.slot as usize].is_transient());
    let count = imported.clone().filter(|(_, ends)| ends[0] != NONE).count();
    let (imports, entries) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut lower = Lower { input, barriers, imports, entries };
    for (atom, ends) in imported {
        if let (Some(first), Some(last)) = (input.groups.get(ends[0]), input.groups.get(ends[1])) {
            let start = lower.entries.len();
            lower.enter(first);
            let (entries, exit) = (start..lower.entries.len(), lower.exit(last));
            lower.imports.push(Import { slot: atom.slot as usize, region: atom.region, entries, exit });
        }
    }
    for (number, entry) in lower.entries.iter().enumerate() {
        batches[entry.batch].entries.push(number);
    }
    (lower.imports, lower.entries)
}

struct Lower<'a> {
    input: Input<'a>,
    barriers: &'a Barriers,
    imports: Vec<Import>,
    entries: Vec<Entry>,
}

impl Lower<'_> {
    fn enter(&mut self, first: &Group) {
        self.enter_group(first, false);
        if first.writes() {
            return;
        }
        let mut group = first;
        while let Some(next) = self.input.groups.get(group.next) {
            if self.input.changes_hands(group, next) {
                return self.enter_change(group, next);
            }
            if next.writes() {
                return self.enter_group(next, true);
            }
            group = next;
        }
    }

    /// Before an image barrier after reads. It waits for certain stages of the plan only, so readers from before the plan
    /// must be ordered before those same stages, on the queue that makes the barrier (the release, if there is one).
    fn enter_change(&mut self, before: &Group, next: &Group) {
        let Input { groups, map, schedule, .. } = self.input;
        let [from, to] = [before, next].map(|group| groups.sides[group.side as usize]);
        let [[_, last], [position, _]] = [before, next].map(|group| self.barriers.spans[group.side as usize]);
        let released = !next.discard && map.family(from.queue) != map.family(to.queue);
        let here = from.queue == to.queue && !schedule.went_round(to.queue, last, position);
        let stages = if released || here { from.scope.stages } else { to.scope.stages };
        // Both the call and the release stand behind the last of the reads.
        let (queue, position) = if released || here { (from.queue, last) } else { (to.queue, position) };
        let (mask, layout) = (AccessFlags2::NONE, ImageLayout::UNDEFINED);
        self.entries.push(Entry {
            import: self.imports.len(),
            queue,
            batch: self.batch(position),
            access: Access { stages, mask, layout, mode: Mode::Write },
            discard: false,
            after_readers: true,
        });
    }

    fn enter_group(&mut self, group: &Group, after_readers: bool) {
        for (number, side) in self.sides(group) {
            self.entries.push(Entry {
                import: self.imports.len(),
                queue: side.queue,
                batch: self.batch(self.barriers.spans[number][0]),
                access: self.input.groups.access(&side),
                discard: group.discard && !after_readers,
                after_readers,
            });
        }
    }

    /// From the last group back to the one that wrote.
    fn exit(&self, last: &Group) -> Exit {
        let owner = self.sides(last).next().map_or(QueueId::GRAPHICS, |(_, side)| side.queue);
        let mut exit = Exit { layout: last.layout, owner, writes: Default::default(), reads: Default::default() };
        let mut group = last;
        loop {
            let before = self.input.groups.before(group);
            for (number, side) in self.sides(group) {
                let [first, last] = self.barriers.spans[number].map(|position| self.batch(position));
                if group.writes() {
                    let scope = self.input.groups.left_by(&side);
                    exit.writes[side.queue.index()] = Some(Mark { batch: last, scope });
                    continue;
                }
                read(&mut exit.reads[side.queue.index()], Mark { batch: last, scope: side.scope });
                if before.is_some_and(|before| self.input.changes_hands(before, group)) {
                    // The change is a write of its own, before these reads.
                    let scope = Scope::execution(side.scope.stages);
                    exit.writes[side.queue.index()] = Some(Mark { batch: first, scope });
                }
            }
            match before {
                Some(before) if exit.writes.iter().all(Option::is_none) => group = before,
                _ => return exit,
            }
        }
    }

    fn batch(&self, position: u32) -> usize {
        self.input.schedule.batch_of[position as usize] as usize
    }

    /// A group's sides by queue.
    fn sides(&self, group: &Group) -> impl Iterator<Item = (usize, Side)> + use<> {
        let mut sides = [None; QueueId::MOST];
        for (number, side) in self.input.groups.sides(group) {
            sides[side.queue.index()] = Some((number, *side));
        }
        sides.into_iter().flatten()
    }
}

/// A reader before others that are known.
fn read(known: &mut Option<Mark>, mark: Mark) {
    let known = known.get_or_insert(mark);
    known.batch = known.batch.max(mark.batch);
    known.scope |= mark.scope;
}

#[cfg(test)]
mod tests {
    use ash::vk::{ImageLayout, PipelineStageFlags2 as S};

    use super::*;
    use crate::{graph::phase::testing::*, resource::Access};

    #[test]
    fn each_queue_that_reads_first_has_an_entry_and_the_one_that_writes_later() {
        let passes: [(char, &[_]); 3] = [('g', &[used(0, READ)]), ('c', &[used(0, READ)]), ('t', &[used(0, WRITE)])];
        let plan = compile(&structure(&[BUFFER], &passes));
        let entries: Vec<_> =
            plan.entries.iter().map(|entry| (entry.queue.0, entry.batch, entry.after_readers)).collect();
        assert_eq!(entries, [(0, 0, false), (1, 1, false), (2, 2, true)]);
        assert_eq!(plan.imports[0].entries, 0..3);
        assert_eq!(plan.batches.iter().map(|batch| batch.entries.clone()).collect::<Vec<_>>(), [[0], [1], [2]]);
    }

    #[test]
    fn a_plan_that_only_reads_leaves_readers_by_queue() {
        let passes: [(char, &[_]); 3] =
            [('g', &[used(0, READ)]), ('c', &[used(0, READ)]), ('g', &[used(0, Access::INDIRECT)])];
        let exit = compile(&structure(&[BUFFER], &passes)).imports[0].exit;
        assert_eq!(exit.writes, [None; 3]);
        let stages = exit.reads.map(|read| read.map(|mark| (mark.batch, mark.scope.stages)));
        assert_eq!(stages, [Some((0, S::COMPUTE_SHADER | S::DRAW_INDIRECT)), Some((1, S::COMPUTE_SHADER)), None]);
    }

    #[test]
    fn the_last_write_is_left_with_those_who_read_after_it() {
        let passes: [(char, &[_]); 3] =
            [('g', &[used(0, READ)]), ('c', &[used(0, WRITE)]), ('g', &[used(0, Access::INDIRECT)])];
        let exit = compile(&structure(&[BUFFER], &passes)).imports[0].exit;
        assert_eq!(exit.writes, [None, Some(Mark { batch: 1, scope: Scope::written_by(&WRITE) }), None]);
        assert_eq!(exit.reads, [Some(Mark { batch: 2, scope: Scope::of(&Access::INDIRECT) }), None, None]);
        assert_eq!(exit.owner, QueueId(0));
    }

    #[test]
    fn a_change_of_layout_is_the_last_write() {
        let passes: [(char, &[_]); 2] =
            [('g', &[used(0, Access::COLOR_ATTACHMENT)]), ('g', &[used(0, Access::IMAGE_COPY_SOURCE)])];
        let exit = compile(&structure(&[IMAGE], &passes)).imports[0].exit;
        assert_eq!(exit.layout, ImageLayout::TRANSFER_SRC_OPTIMAL);
        assert_eq!(exit.writes[0], Some(Mark { batch: 0, scope: Scope::execution(S::ALL_TRANSFER) }));
        assert_eq!(exit.reads[0], Some(Mark { batch: 0, scope: Scope::of(&Access::IMAGE_COPY_SOURCE) }));
    }

    #[test]
    fn transients_are_no_imports() {
        let plan = compile(&structure(&[TEMPORARY], &[('g', &[used(0, WRITE)])]));
        assert_eq!((plan.imports.len(), plan.entries.len()), (0, 0));
        assert_eq!(plan.transients.places.len(), 1);
    }
}
