//! A plan as boxes and arrows.

use std::{collections::BTreeMap, fmt};

use super::{
    Plan,
    style::{Edge, Node, Style},
};
use crate::{
    graph::{
        compiled::{Barrier, Batch, Compiled, ImageBarrier, Place},
        ir::{Region, SlotUse},
        state::Scope,
    },
    resource::Mode,
};

/// Names go on a further line of a label once they fill one.
const WIDTH: usize = 48;

pub(super) struct Drawing<'a> {
    plan: &'a Plan,
    compiled: &'a Compiled,
    style: &'a dyn Style,
    out: String,
}

impl<'a> Drawing<'a> {
    pub(super) fn of(plan: &'a Plan, style: &'a dyn Style) -> String {
        let mut drawing = Self { plan, compiled: &plan.compiled, style, out: style.begin().to_owned() };
        drawing.draw();
        drawing.out + style.end()
    }

    fn draw(&mut self) {
        for (number, batch) in self.compiled.batches.iter().enumerate() {
            self.batch(number, batch);
        }
        for ((from, to), slots) in edges(self.plan) {
            let names: Vec<_> = slots.into_iter().map(|slot| self.plan.resource(slot)).collect();
            let label = if names.is_empty() { "after".to_owned() } else { names.join(", ") };
            self.edge(Edge::Data, &format!("p{from}"), &format!("p{to}"), &label);
        }
        for (number, batch) in self.compiled.batches.iter().enumerate() {
            self.waits(number, batch);
        }
        self.notes();
    }

    fn batch(&mut self, number: usize, batch: &Batch) {
        let (compiled, queue) = (self.compiled, self.compiled.queue_name(batch.queue));
        let label = format!("batch {number} on {queue}{}", compiled.waits(batch));
        self.out += &self.style.group(&format!("b{number}"), &label);
        // What stands between two barriers: the passes there.
        let mut barriers: Vec<String> = Vec::new();
        let mut between: Vec<Vec<usize>> = vec![Vec::new()];
        for position in batch.positions.clone() {
            if let Some(barrier) = compiled.before[position] {
                barriers.push(self.barrier("barrier", barrier));
                between.push(Vec::new());
            }
            self.pass(position);
            between.last_mut().into_iter().for_each(|passes| passes.push(compiled.order[position]));
        }
        if let Some(barrier) = batch.after {
            barriers.push(self.barrier("release", barrier));
        }
        self.out += self.style.end_group();
        for (index, barrier) in barriers.iter().enumerate() {
            for pass in &between[index] {
                self.edge(Edge::Barrier, &format!("p{pass}"), barrier, "");
            }
            for pass in between.get(index + 1).into_iter().flatten() {
                self.edge(Edge::Barrier, barrier, &format!("p{pass}"), "");
            }
        }
    }

    fn pass(&mut self, position: usize) {
        let pass = self.compiled.order[position];
        let mut lines = vec![format!("{} (wave {})", self.plan.pass(pass), self.compiled.waves[position])];
        lines.extend(self.touches("reads", Mode::Read, pass));
        lines.extend(self.touches("writes", Mode::Write, pass));
        lines.extend(self.touches("writes concurrently", Mode::ConcurrentWrite, pass));
        self.out += &self.style.node(Node::Pass, &format!("p{pass}"), &lines);
    }

    /// What a pass touches in this way, on as many lines as it needs.
    fn touches(&self, word: &str, mode: Mode, pass: usize) -> Vec<String> {
        let uses = self.plan.structure.uses(pass).filter(|used| used.access.mode == mode);
        let names: Vec<_> = uses.map(|used| self.name(used.slot, &region(self.plan, &used))).collect();
        let mut lines: Vec<String> = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let comma = if index + 1 < names.len() { "," } else { "" };
            match lines.last_mut() {
                Some(line) if line.len() + name.len() < WIDTH => *line += &format!(" {name}{comma}"),
                Some(_) => lines.push(format!("{name}{comma}")),
                None => lines.push(format!("{word} {name}{comma}")),
            }
        }
        lines
    }

    fn barrier(&mut self, word: &str, number: u32) -> String {
        let id = format!("v{number}");
        let Barrier { memory, images } = &self.compiled.barriers[number as usize];
        let mut lines = vec![word.to_owned()];
        if !memory.is_empty() {
            lines.extend(between(&memory.source, &memory.target));
        }
        lines.extend(images.iter().flat_map(|image| self.image(image)));
        self.out += &self.style.node(Node::Barrier, &id, &lines);
        id
    }

    fn image(&self, image: &ImageBarrier) -> Vec<String> {
        let name = self.name(image.slot, &image.region);
        let queues = image.transfer.map(|queues| queues.map(|queue| self.compiled.queue_name(queue)));
        let queues = queues.map_or_else(String::new, |[from, to]| format!(", {from} → {to}"));
        let mut lines = vec![format!("image {name}: {:?} → {:?}{queues}", image.old, image.new)];
        lines.extend(between(&image.source, &image.target));
        lines
    }

    fn name(&self, slot: usize, region: &Region) -> String {
        self.plan.resource(slot) + &self.compiled.part(slot, region)
    }

    fn waits(&mut self, number: usize, batch: &Batch) {
        for &wait in &batch.waits {
            let other = &self.compiled.batches[wait];
            let ends = [other.positions.clone().next_back(), batch.positions.clone().next()];
            if let [Some(from), Some(to)] = ends {
                let [from, to] = [from, to].map(|position| format!("p{}", self.compiled.order[position]));
                self.edge(Edge::Wait, &from, &to, &format!("batch {number} waits for {wait}"));
            }
        }
    }

    fn notes(&mut self) {
        let places: Vec<_> = self.compiled.transients.places.iter().map(|place| self.lifetime(place)).collect();
        self.note("transients", &places);
        let culled: Vec<_> = self.compiled.culled.iter().map(|&pass| self.plan.pass(pass)).collect();
        self.note("culled", &culled);
    }

    fn note(&mut self, label: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.out += &self.style.group(label, label);
            self.out += &self.style.node(Node::Note, &format!("{label}_list"), lines);
            self.out += self.style.end_group();
        }
    }

    fn lifetime(&self, place: &Place) -> String {
        let ([first, last], end) = (place.waves, place.offset + place.bytes);
        format!("{}: waves {first}..={last}, bytes {}..{end}", self.plan.resource(place.slot), place.offset)
    }

    fn edge(&mut self, edge: Edge, from: &str, to: &str, label: &str) {
        self.out += &self.style.edge(edge, from, to, label);
    }
}

/// What stands before and what behind, on short lines.
fn between(source: &Scope, target: &Scope) -> Vec<String> {
    let side = |word: &str, scope: &Scope| {
        let stages = named(scope.stages.is_empty(), &scope.stages);
        // No accesses: an order of execution alone.
        let mask = (!scope.mask.is_empty()).then(|| format!("{:?}", scope.mask));
        [Some(format!("{word} {stages}")), mask]
    };
    [side("after", source), side("before", target)].into_iter().flatten().flatten().collect()
}

fn named(empty: bool, flags: &dyn fmt::Debug) -> String {
    if empty { "NONE".to_owned() } else { format!("{flags:?}") }
}

fn region(plan: &Plan, used: &SlotUse) -> Region {
    used.region.unwrap_or_else(|| plan.structure.shapes()[used.slot].extent().whole())
}

/// A write whose contents somebody may still look at.
struct Written {
    pass: usize,
    region: Region,
    concurrent: bool,
}

/// Which pass hands which slots to which, in the order of recording; none where one only comes `after` the other.
fn edges(plan: &Plan) -> BTreeMap<(usize, usize), Vec<usize>> {
    let mut edges: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut written: Vec<Vec<Written>> = (0..plan.structure.slots()).map(|_| Vec::new()).collect();
    for position in plan.in_waves() {
        let pass = plan.compiled.order[position];
        for used in plan.structure.uses(pass) {
            for writer in written[used.slot].iter().filter(|writer| hands_to(writer, pass, &used, plan)) {
                let slots = edges.entry((writer.pass, pass)).or_default();
                slots.extend((!slots.contains(&used.slot)).then_some(used.slot));
            }
        }
        for used in plan.structure.uses(pass).filter(|used| used.access.writes()) {
            write(&mut written[used.slot], pass, &used, region(plan, &used));
        }
        for earlier in plan.structure.after(pass).filter(|earlier| plan.compiled.culled.binary_search(earlier).is_err())
        {
            edges.entry((earlier, pass)).or_default();
        }
    }
    edges
}

fn hands_to(writer: &Written, pass: usize, used: &SlotUse, plan: &Plan) -> bool {
    let both_concurrent = writer.concurrent && used.access.mode == Mode::ConcurrentWrite;
    let meets = writer.region.intersection(&region(plan, used)).is_some();
    writer.pass != pass && meets && !used.discard && !both_concurrent
}

fn write(written: &mut Vec<Written>, pass: usize, used: &SlotUse, region: Region) {
    let concurrent = used.access.mode == Mode::ConcurrentWrite;
    written.retain(|before| (concurrent && before.concurrent) || !region.contains(&before.region));
    written.push(Written { pass, region, concurrent });
}
