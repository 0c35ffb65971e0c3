//! Random plans, and what the planner would say of them.

use ash::vk;
use proptest::prelude::*;
use vk::{ImageLayout as L, PipelineStageFlags2 as S};

use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Entry, Exit, Mark},
        ir::Region,
        state::{Scope, Tracker},
    },
    resource::{Access, Mode},
};

/// Passes that touch a region without waiting for each other: at most one access a queue.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) uses: Vec<(QueueId, Access)>,
    pub(super) discard: bool,
}

impl Group {
    fn mode(&self) -> Mode {
        self.uses[0].1.mode
    }

    pub(super) fn layout(&self) -> L {
        self.uses[0].1.layout
    }

    /// Whether the planner would have made one group of the two.
    fn folds_into(&self, before: &Self) -> bool {
        self.layout() == before.layout() && self.mode() == before.mode() && self.mode() != Mode::Write
    }

    pub(super) fn writes(&self) -> bool {
        self.mode() != Mode::Read
    }
}

/// What one plan does with one region.
#[derive(Clone, Debug)]
pub(super) struct Journey {
    pub(super) region: Region,
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) journeys: Vec<Journey>,
    pub(super) dropped: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) whole: Region,
    /// By queue, for an image.
    pub(super) families: Option<Vec<u32>>,
    /// Regions are merged beyond the bound, and wait for more than they must.
    pub(super) exact: bool,
}

impl Setting {
    pub(super) fn tracker(&self) -> Tracker {
        match &self.families {
            Some(families) => Tracker::exclusive(self.whole, families),
            None => Tracker::new(self.whole),
        }
    }
}

fn queue() -> impl Strategy<Value = QueueId> {
    (0..QueueId::MOST as u8).prop_map(QueueId)
}

fn buffer_group() -> impl Strategy<Value = Group> {
    let read = prop::sample::select(vec![
        Access::INDIRECT,
        Access::INDEX,
        Access::COPY_SOURCE,
        Access::storage_read(S::COMPUTE_SHADER),
        Access::storage_read(S::VERTEX_SHADER),
        Access::storage_read(S::FRAGMENT_SHADER),
    ]);
    let written = || prop::sample::select(vec![Access::COPY_TARGET, Access::storage_write(S::COMPUTE_SHADER)]);
    let concurrent = written().prop_map(|access| Access { mode: Mode::ConcurrentWrite, ..access });
    let group = |uses| Group { uses, discard: false };
    prop_oneof![
        3 => prop::collection::btree_map(queue(), read, 1..=3),
        2 => prop::collection::btree_map(queue(), written(), 1),
        1 => prop::collection::btree_map(queue(), concurrent, 1..=3),
    ]
    .prop_map(move |uses| group(uses.into_iter().collect()))
}

fn image_group() -> impl Strategy<Value = Group> {
    let access = prop::sample::select(vec![
        Access::IMAGE_COPY_SOURCE,
        Access { stages: S::COMPUTE_SHADER, mask: vk::AccessFlags2::SHADER_READ, ..Access::IMAGE_COPY_SOURCE },
        Access { layout: L::TRANSFER_DST_OPTIMAL, ..Access::COPY_TARGET },
        Access::COLOR_ATTACHMENT,
    ]);
    (queue(), access, prop::bool::weighted(0.2)).prop_map(|(queue, access, discard)| {
        let discard = discard && access.writes();
        Group { uses: vec![(queue, access)], discard }
    })
}

fn span(most: u32, longest: u32) -> impl Strategy<Value = [u32; 2]> {
    (0..most, 1..=longest).prop_map(move |(from, count)| [from, (from + count).min(most)])
}

/// A part, `parts` times as often as the whole.
fn region(whole: Region, longest: u32, parts: u32) -> impl Strategy<Value = Region> {
    let some = (span(whole.x[1] as u32, longest), span(whole.y[1], longest));
    let some = some.prop_map(|(x, y)| Region { x: x.map(u64::from), y });
    prop_oneof![1 => Just(whole), parts => some]
}

fn plan(region: BoxedStrategy<Region>, group: BoxedStrategy<Group>) -> impl Strategy<Value = Plan> {
    let journey = (region, prop::collection::vec(group, 1..=3)).prop_map(|(region, mut groups)| {
        groups.dedup_by(|group, before| group.folds_into(before));
        Journey { region, groups }
    });
    (prop::collection::vec(journey, 1..=3), prop::bool::weighted(0.2)).prop_map(|(all, dropped)| {
        let mut journeys: Vec<Journey> = Vec::new();
        for journey in all {
            if journeys.iter().all(|other| other.region.intersection(&journey.region).is_none()) {
                journeys.push(journey);
            }
        }
        Plan { journeys, dropped }
    })
}

fn plans(setting: Setting, longest: u32, parts: u32, most: usize) -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    let group = if setting.families.is_some() { image_group().boxed() } else { buffer_group().boxed() };
    let plan = plan(region(setting.whole, longest, parts).boxed(), group);
    prop::collection::vec(plan, 1..most).prop_map(move |plans| (setting.clone(), plans))
}

/// What the planner would say of a journey: entries, exit, and which batch each group's queues are in.
pub(super) struct Lowered {
    pub(super) entries: Vec<Entry>,
    pub(super) exit: Exit,
    /// By group, then by use.
    pub(super) batches: Vec<Vec<usize>>,
}

pub(super) fn lower(import: usize, journey: &Journey, families: Option<&[u32]>, first: usize) -> Lowered {
    let groups = &journey.groups;
    let mut next = first..;
    let batches: Vec<Vec<usize>> = groups.iter().map(|group| next.by_ref().take(group.uses.len()).collect()).collect();
    let entries_of = |at: usize, after_readers: bool| {
        let group: &Group = &groups[at];
        let discard = group.discard && !after_readers;
        let entry = move |(&(queue, access), &batch): (&(QueueId, Access), &usize)| Entry {
            import,
            queue,
            batch,
            access,
            discard,
            after_readers,
        };
        group.uses.iter().zip(&batches[at]).map(entry).collect::<Vec<_>>()
    };
    let mut entries = entries_of(0, false);
    if !groups[0].writes() && groups.len() > 1 {
        entries.extend(entries_of(1, true));
    }
    Lowered { entries, exit: exit(groups, families, &batches), batches }
}

fn exit(groups: &[Group], families: Option<&[u32]>, batches: &[Vec<usize>]) -> Exit {
    let family = |group: &Group| families.map(|families| families[group.uses[0].0.index()]);
    let last = &groups[groups.len() - 1];
    let mut exit = Exit { layout: last.layout(), owner: last.uses[0].0, writes: [None; 3], reads: [None; 3] };
    for (at, group) in groups.iter().enumerate() {
        let moved = at > 0 && (groups[at - 1].layout() != group.layout() || family(&groups[at - 1]) != family(group));
        if moved || group.writes() {
            (exit.writes, exit.reads) = ([None; 3], [None; 3]);
        }
        for ((queue, access), &batch) in group.uses.iter().zip(&batches[at]) {
            let mark = |scope| Some(Mark { batch, scope });
            if group.writes() {
                exit.writes[queue.index()] = mark(Scope::written_by(access));
            } else if moved {
                exit.writes[queue.index()] = mark(Scope::execution(access.stages));
                exit.reads[queue.index()] = mark(Scope::of(access));
            } else {
                exit.reads[queue.index()] = mark(Scope::of(access));
            }
        }
    }
    exit
}

pub(super) fn buffer() -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    plans(Setting { whole: Region::bytes(0..16), families: None, exact: true }, 8, 2, 24)
}

pub(super) fn long_buffer() -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    plans(Setting { whole: Region::bytes(0..400), families: None, exact: false }, 3, 60, 200)
}

pub(super) fn image() -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    let families = prop::sample::select(vec![vec![0, 1, 2], vec![0, 0, 1], vec![0, 1, 1], vec![0, 0, 0]]);
    families.prop_flat_map(|families| {
        let whole = Region::subresources(0..4, 0..3);
        plans(Setting { whole, families: Some(families), exact: true }, 3, 2, 24)
    })
}
