//! Random plans against the slow model: all hazards are covered, and little else is waited for.

use ash::vk;
use proptest::prelude::*;
use vk::{ImageLayout as L, PipelineStageFlags2 as S};

use super::{
    Arrival, MOST_PARTS, Relayout, Scope, Tracker,
    model::{Gpu, Now},
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Entry, Exit, Import, Mark},
        ir::Region,
    },
    resource::{Access, Mode},
    sync::Stamp,
};

/// Passes that touch a region without waiting for each other: at most one access a queue.
#[derive(Clone, Debug)]
struct Group {
    uses: Vec<(QueueId, Access)>,
    discard: bool,
}

impl Group {
    fn mode(&self) -> Mode {
        self.uses[0].1.mode
    }

    fn layout(&self) -> L {
        self.uses[0].1.layout
    }

    /// Whether the planner would have made one group of the two.
    fn folds_into(&self, before: &Self) -> bool {
        self.layout() == before.layout() && self.mode() == before.mode() && self.mode() != Mode::Write
    }

    fn writes(&self) -> bool {
        self.mode() != Mode::Read
    }
}

/// What one plan does with one region.
#[derive(Clone, Debug)]
struct Journey {
    region: Region,
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Plan {
    journeys: Vec<Journey>,
    dropped: bool,
}

#[derive(Clone, Debug)]
struct Setting {
    whole: Region,
    /// By queue, for an image.
    families: Option<Vec<u32>>,
    /// Regions are merged beyond the bound, and wait for more than they must.
    exact: bool,
}

impl Setting {
    fn tracker(&self) -> Tracker {
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
struct Lowered {
    entries: Vec<Entry>,
    exit: Exit,
    /// By group, then by use.
    batches: Vec<Vec<usize>>,
}

fn lower(import: usize, journey: &Journey, families: Option<&[u32]>, first: usize) -> Lowered {
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

struct World {
    setting: Setting,
    tracker: Tracker,
    gpu: Gpu,
}

impl World {
    fn new(setting: Setting) -> Self {
        let gpu = Gpu::new(setting.whole.x[1], setting.whole.y[1], setting.families.clone());
        Self { tracker: setting.tracker(), gpu, setting }
    }

    fn run(&mut self, plan: &Plan) {
        let mut first = 0;
        let mut lowered = Vec::new();
        for (import, journey) in plan.journeys.iter().enumerate() {
            let one = lower(import, journey, self.setting.families.as_deref(), first);
            first += one.batches.iter().map(Vec::len).sum::<usize>();
            lowered.push(one);
        }
        let arrive = |(journey, lowered): (&Journey, &Lowered)| -> Vec<Arrival> {
            lowered.entries.iter().map(|entry| self.tracker.arrive(journey.region, entry)).collect()
        };
        let arrivals: Vec<Vec<Arrival>> = plan.journeys.iter().zip(&lowered).map(arrive).collect();
        if plan.dropped {
            return;
        }
        for ((journey, lowered), arrivals) in plan.journeys.iter().zip(&lowered).zip(&arrivals) {
            for (entry, arrival) in lowered.entries.iter().zip(arrivals) {
                self.check_economy(journey, entry, arrival);
            }
        }
        let mut stamps = Vec::new();
        for ((journey, lowered), arrivals) in plan.journeys.iter().zip(&lowered).zip(&arrivals) {
            self.execute(journey, lowered, arrivals, &mut stamps);
        }
        for (slot, ((journey, lowered), arrivals)) in plan.journeys.iter().zip(&lowered).zip(&arrivals).enumerate() {
            let import = Import { slot, region: journey.region, entries: 0..lowered.entries.len(), exit: lowered.exit };
            self.tracker.depart(&import, &lowered.entries, arrivals, &stamps);
        }
        self.check_knowledge();
    }

    /// Submits a journey's batches to the model, one after another.
    fn execute(&mut self, journey: &Journey, lowered: &Lowered, arrivals: &[Arrival], stamps: &mut Vec<Stamp>) {
        let mut before: Vec<(Stamp, Access)> = Vec::new();
        for (at, group) in journey.groups.iter().enumerate() {
            let mut number = None;
            let mut done = Vec::new();
            for (&(queue, access), &batch) in group.uses.iter().zip(&lowered.batches[at]) {
                let arrived: Vec<(&Entry, &Arrival)> =
                    lowered.entries.iter().zip(arrivals).filter(|(entry, _)| entry.batch == batch).collect();
                let stamp = self.enter(queue, &before, &arrived);
                stamps.push(stamp);
                if at > 0 {
                    self.between(journey, at, stamp, &before, access);
                }
                // After the transitions of its barrier.
                let number = *number.get_or_insert_with(|| self.gpu.next_group());
                let now = Now { region: journey.region, group: number, access, discard: group.discard };
                self.gpu.access(stamp, &now);
                self.gpu.end(stamp);
                done.push((stamp, access));
            }
            before = done;
        }
    }

    /// The head of a batch: waits, acquires, and the barrier that the arrivals ask for.
    fn enter(&mut self, queue: QueueId, before: &[(Stamp, Access)], arrived: &[(&Entry, &Arrival)]) -> Stamp {
        let mut waits: Vec<Stamp> =
            before.iter().map(|&(stamp, _)| stamp).filter(|stamp| stamp.queue != queue).collect();
        for (_, arrival) in arrived {
            waits.extend(&arrival.waits);
            waits.extend(arrival.acquires.iter().map(|acquire| self.gpu.release(acquire)).collect::<Vec<_>>());
        }
        let stamp = self.gpu.begin(queue, &waits);
        for (entry, arrival) in arrived {
            for acquire in &arrival.acquires {
                self.gpu.acquired(stamp, acquire);
            }
            if !arrival.memory.is_empty() {
                self.gpu.barrier(queue, None, arrival.memory.source, arrival.memory.target);
            }
            for relayout in &arrival.layouts {
                self.gpu.relayout(stamp, relayout, entry.discard);
            }
        }
        stamp
    }

    /// What the planner puts between two groups.
    fn between(&mut self, journey: &Journey, at: usize, stamp: Stamp, before: &[(Stamp, Access)], access: Access) {
        let (region, target) = (journey.region, Scope::of(&access));
        let here = before.iter().find(|(past, _)| past.queue == stamp.queue).map(|(_, access)| access);
        let source = match here {
            Some(access) if access.writes() => Scope::written_by(access),
            Some(access) => Scope::execution(access.stages),
            None => Scope::execution(access.stages),
        };
        let (from, to) = (&journey.groups[at - 1], &journey.groups[at]);
        let foreign = self
            .setting
            .families
            .as_ref()
            .is_some_and(|families| families[from.uses[0].0.index()] != families[stamp.queue.index()]);
        if foreign {
            // The planner's own transfer: a release at the end of the last batch, an acquire at the head of this one.
            for cell in self.gpu.cells(region) {
                self.gpu.cells[cell].owner = Some(stamp.queue);
            }
        }
        if from.layout() != to.layout() {
            let old = if to.discard { L::UNDEFINED } else { from.layout() };
            let relayout = Relayout { region, source, target, old, new: to.layout() };
            self.gpu.relayout(stamp, &relayout, to.discard);
        } else if here.is_some() {
            self.gpu.barrier(stamp.queue, Some(region), source, target);
        }
    }

    /// Nothing is waited for that does not matter, and what is visible costs nothing.
    fn check_economy(&self, journey: &Journey, entry: &Entry, arrival: &Arrival) {
        let (queue, access) = (entry.queue, &entry.access);
        for (at, wait) in arrival.waits.iter().enumerate() {
            assert_ne!(wait.queue, queue);
            assert!(arrival.waits[at + 1..].iter().all(|other| other.queue != wait.queue), "two waits: {arrival:?}");
        }
        if !self.setting.exact {
            return;
        }
        let changes = access.writes() || !arrival.layouts.is_empty() || entry.after_readers;
        // A release is a change, too.
        let changes = changes || !arrival.acquires.is_empty();
        let releases = arrival.acquires.iter().flat_map(|acquire| acquire.after.iter().chain([&acquire.from]));
        for stamp in arrival.waits.iter().chain(releases) {
            assert!(self.matters(journey.region, *stamp, changes), "{entry:?} waits for {stamp:?}: {arrival:?}");
        }
        if !changes && self.is_visible(journey.region, entry) {
            assert_eq!(*arrival, Arrival::default(), "{entry:?} sees everything already");
        }
        if self.gpu.cells(journey.region).all(|cell| self.gpu.cells[cell].changed_by == 0) && !changes {
            assert_eq!(*arrival, Arrival::default(), "nobody wrote it");
        }
    }

    /// Whether a stamp is of an access that conflicts, and that no later change stands for.
    fn matters(&self, region: Region, stamp: Stamp, changes: bool) -> bool {
        let conflicts = self.gpu.history.iter().filter(|past| past.stamp == stamp && (changes || past.changes));
        conflicts.into_iter().any(|past| {
            let last = |cell: usize| self.gpu.cells[cell].changed_by <= past.group;
            past.region.intersection(&region).is_some_and(|region| self.gpu.cells(region).any(last))
        })
    }

    /// Whether the queue read all of it in this way since it was changed.
    fn is_visible(&self, region: Region, entry: &Entry) -> bool {
        let scope = Scope::of(&entry.access);
        let seen = |cell: usize| {
            let cell = &self.gpu.cells[cell];
            let family = |queue: QueueId| self.setting.families.as_ref().map(|families| families[queue.index()]);
            cell.owner.is_none_or(|owner| family(owner) == family(entry.queue))
                && cell.layout == entry.access.layout
                && cell.read.iter().any(|&(queue, read)| queue == entry.queue && read.covers(scope))
        };
        self.gpu.cells(region).all(seen)
    }

    fn check_knowledge(&self) {
        let whole = self.setting.whole;
        if self.setting.families.is_some() {
            for (region, layout) in self.tracker.layouts(whole) {
                assert!(self.gpu.cells(region).all(|cell| self.gpu.cells[cell].layout == layout));
            }
        } else {
            assert!(self.tracker.parts.len() <= MOST_PARTS);
        }
        let part = |(x, y): (u64, u32)| Region { x: [x, x + 1], y: [y, y + 1] };
        let cells = (0..whole.y[1]).flat_map(|y| (0..whole.x[1]).map(move |x| part((x, y))));
        for (region, cell) in cells.zip(&self.gpu.cells) {
            let written = self.tracker.is_written(region);
            assert!(written == cell.written || written && !self.setting.exact, "{region:?}");
        }
    }
}

fn check((setting, plans): (Setting, Vec<Plan>)) {
    let mut world = World::new(setting);
    for plan in &plans {
        world.run(plan);
    }
}

fn buffer() -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    plans(Setting { whole: Region::bytes(0..16), families: None, exact: true }, 8, 2, 24)
}

fn long_buffer() -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    plans(Setting { whole: Region::bytes(0..400), families: None, exact: false }, 3, 60, 200)
}

fn image() -> impl Strategy<Value = (Setting, Vec<Plan>)> {
    let families = prop::sample::select(vec![vec![0, 1, 2], vec![0, 0, 1], vec![0, 1, 1], vec![0, 0, 0]]);
    families.prop_flat_map(|families| {
        let whole = Region::subresources(0..4, 0..3);
        plans(Setting { whole, families: Some(families), exact: true }, 3, 2, 24)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_plans_on_a_buffer_have_no_hazard_and_no_needless_wait(plans in buffer()) {
        check(plans);
    }

    #[test]
    fn random_plans_on_an_image_have_no_hazard_and_no_needless_wait(plans in image()) {
        check(plans);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_plans_on_a_buffer_of_many_regions_have_no_hazard(plans in long_buffer()) {
        check(plans);
    }
}
