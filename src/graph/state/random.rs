//! Random plans against the slow model: all hazards are covered, and little else is waited for.

mod plans;

use ash::vk::ImageLayout as L;
use plans::{Journey, Lowered, Plan, Setting, buffer, image, long_buffer, lower};
use proptest::prelude::*;

use super::{
    Arrival, MOST_PARTS, Relayout, Scope, Tracker,
    model::{Gpu, Now},
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Entry, Import},
        ir::Region,
    },
    resource::Access,
    sync::Stamp,
};

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
            self.tracker.depart(false, &import, &lowered.entries, arrivals, &stamps);
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
