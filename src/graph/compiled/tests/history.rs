//! Several frames on the same resources: plans committed through trackers, as the executor does it.

use ash::vk::{AccessFlags2 as A, PipelineStageFlags2 as S};

use super::{
    bits::Bits,
    cells::{regions, whole},
    dsl::Graph,
    stream::{Batch, Call, CellDesc, Image, Item, Stream, World},
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::Compiled,
        ir::SlotShape,
        state::{Acquire, Arrival, Dependency, Relayout, Scope, Tracker},
    },
    sync::Stamp,
};

/// What was committed so far.
pub(super) struct History {
    pub(super) world: World,
    pub(super) stream: Stream,
    pub(super) trackers: Vec<Tracker>,
    frames: usize,
    /// By queue, and by value less one: which batch of the stream it is the stamp of.
    stamped: [Vec<usize>; QueueId::MOST],
    resources: usize,
}

/// The calls at a batch's head, and what it waits for.
type Prologue = (Vec<Item>, Vec<usize>);

fn outlives(shape: &SlotShape) -> bool {
    matches!(shape, SlotShape::Buffer { .. } | SlotShape::Image { .. })
}

impl History {
    /// For frames that declare the same imports, in the same order, before anything else.
    pub(super) fn new(graphs: &[Graph]) -> Self {
        let first = &graphs[0];
        let mut world = World { families: first.queues.families.clone(), ..World::default() };
        let imports: Vec<_> = first.slots.iter().map(|desc| desc.shape).take_while(outlives).collect();
        for (slot, shape) in imports.iter().enumerate() {
            world.cells.add(whole(shape), graphs.iter().flat_map(|graph| regions(graph, slot)));
            world.state.resize(world.cells.count, CellDesc::default());
            world.describe(slot, shape, false).expect("a whole is made of cells");
        }
        let trackers = imports.iter().map(|shape| tracker(shape, &world.families)).collect();
        let resources = imports.len();
        Self { world, stream: Stream::default(), trackers, frames: 0, stamped: Default::default(), resources }
    }

    /// What stands before each entry now, by number. Nothing changes.
    pub(super) fn arrive(&self, plan: &Compiled) -> Vec<Arrival> {
        let arrival = |entry: &crate::graph::compiled::Entry| {
            let import = &plan.imports[entry.import];
            self.trackers[import.slot].arrive(import.region, entry)
        };
        plan.entries.iter().map(arrival).collect()
    }

    /// Appends a plan to the stream, behind its prologues, and books it.
    pub(super) fn commit(&mut self, graph: &Graph, plan: &Compiled) -> Result<Vec<Arrival>, String> {
        let arrivals = self.arrive(plan);
        let imports = self.trackers.len();
        let added = self.resources;
        self.add_transients(graph);
        let resource = move |slot: usize| if slot < imports { slot } else { added + slot - imports };
        let first_pass = self.world.add(graph, self.frames, &resource)?;
        self.world.overlap(graph, plan, &resource)?;
        let mut prologues = self.prologues(plan, &arrivals)?;
        let first = (first_pass, self.stream.batches.len());
        let mut stamps = Vec::new();
        for (index, batch) in plan.batches.iter().enumerate() {
            let (items, waits) = std::mem::take(&mut prologues[index]);
            self.stream.push(plan, index, items, &resource, first, &self.world.cells)?;
            let pushed = self.stream.batches.len() - 1;
            self.stream.batches[pushed].waits.extend(waits);
            stamps.push(self.stamp(batch.queue, pushed));
        }
        for import in &plan.imports {
            let range = import.entries.clone();
            self.trackers[import.slot].depart(false, import, &plan.entries[range.clone()], &arrivals[range], &stamps);
        }
        self.frames += 1;
        Ok(arrivals)
    }

    /// Transients are new resources each time.
    fn add_transients(&mut self, graph: &Graph) {
        for (slot, desc) in graph.slots.iter().enumerate().skip(self.trackers.len()) {
            self.world.cells.add(whole(&desc.shape), regions(graph, slot));
            self.world.state.resize(self.world.cells.count, CellDesc::default());
            self.world.describe(self.resources, &desc.shape, false).expect("a whole is made of cells");
            self.resources += 1;
        }
    }

    /// By batch. Releases are submitted ahead of all batches.
    fn prologues(&mut self, plan: &Compiled, arrivals: &[Arrival]) -> Result<Vec<Prologue>, String> {
        let mut prologues = Vec::new();
        for batch in &plan.batches {
            let (mut memory, mut images, mut acquired) = (Dependency::default(), Vec::new(), Vec::new());
            let mut waits = Vec::new();
            for &entry in &batch.entries {
                let (arrival, slot) = (&arrivals[entry], plan.imports[plan.entries[entry].import].slot);
                memory |= arrival.memory;
                waits.extend(arrival.waits.iter().map(|&stamp| self.batch_of(stamp)));
                for relayout in &arrival.layouts {
                    images.push(self.relayout(slot, relayout)?);
                }
                for acquire in &arrival.acquires {
                    waits.push(self.release(slot, acquire, batch.queue)?);
                    acquired.push(self.transfer(slot, acquire, batch.queue)?);
                }
            }
            let memory = (!memory.is_empty()).then(|| [Bits::of(&memory.source), Bits::of(&memory.target)]);
            let calls =
                [Call { memory: None, images: acquired, planned: false }, Call { memory, images, planned: false }];
            let made = calls.into_iter().filter(|call| call.memory.is_some() || !call.images.is_empty());
            prologues.push((made.map(Item::Call).collect(), waits));
        }
        Ok(prologues)
    }

    /// A submission that does nothing but release an image's region.
    fn release(&mut self, slot: usize, acquire: &Acquire, to: QueueId) -> Result<usize, String> {
        let images = vec![self.transfer(slot, acquire, to)?];
        let waits = acquire.after.iter().map(|&stamp| self.batch_of(stamp)).collect();
        let call = Call { memory: None, images, planned: false };
        let queue = acquire.from.queue;
        self.stream.batches.push(Batch { queue: queue.index(), waits, items: vec![Item::Call(call)] });
        let pushed = self.stream.batches.len() - 1;
        self.stamp(queue, pushed);
        Ok(pushed)
    }

    /// Either half of it.
    fn transfer(&self, slot: usize, acquire: &Acquire, to: QueueId) -> Result<Image, String> {
        let source = Scope { stages: S::ALL_COMMANDS, mask: A::MEMORY_WRITE };
        let target = Scope { stages: S::ALL_COMMANDS, mask: A::MEMORY_READ | A::MEMORY_WRITE };
        Ok(Image {
            cells: self.world.cells.within(slot, Some(&acquire.region))?,
            source: Bits::of(&source),
            target: Bits::of(&target),
            old: acquire.layout,
            new: acquire.layout,
            transfer: Some([acquire.from.queue.index(), to.index()]),
        })
    }

    fn relayout(&self, slot: usize, relayout: &Relayout) -> Result<Image, String> {
        Ok(Image {
            cells: self.world.cells.within(slot, Some(&relayout.region))?,
            source: Bits::of(&relayout.source),
            target: Bits::of(&relayout.target),
            old: relayout.old,
            new: relayout.new,
            transfer: None,
        })
    }

    fn stamp(&mut self, queue: QueueId, batch: usize) -> Stamp {
        let stamped = &mut self.stamped[queue.index()];
        stamped.push(batch);
        Stamp { queue, value: stamped.len() as u64 }
    }

    fn batch_of(&self, stamp: Stamp) -> usize {
        self.stamped[stamp.queue.index()][stamp.value as usize - 1]
    }
}

fn tracker(shape: &SlotShape, families: &[u32]) -> Tracker {
    match shape.is_image() {
        true => Tracker::exclusive(whole(shape), families),
        false => Tracker::new(whole(shape)),
    }
}
