//! A plan's entries: what stands between what its resources were used for last and what it uses them for first.
//!
//! What that is, only the commit knows. Recording foresees it from the states as they are, and puts it at the head of
//! each batch's first command buffer, since a command buffer of its own costs a microsecond or two. Where another commit
//! came in between, the commit puts a prologue in front that leads to what was foreseen.

use ash::vk;
use vk::{AccessFlags2, ImageLayout, PipelineStageFlags2};

use crate::{
    graph::{
        compiled::{Barrier, Batch, Compiled, Entry, ImageBarrier, Import},
        ir::Region,
        state::{Acquire, Arrival, Dependency, Relayout, Scope},
    },
    resource::Resource,
    sync::prim::lock,
};

/// What the plan's entries would have to wait for if it were committed now, in their order.
pub(crate) fn arrivals(plan: &Compiled, slots: &[Resource]) -> Vec<Arrival> {
    let arrive = |entry: &Entry| {
        let import = &plan.imports[entry.import];
        lock(slots[import.slot].state()).arrive(import.region, entry)
    };
    plan.entries.iter().map(arrive).collect()
}

/// What recording takes the arrivals to be. That nobody has used an image yet is not relied upon: a transition from
/// nothing would throw away what another commit may have written by then.
pub(crate) fn foreseen(plan: &Compiled, slots: &[Resource]) -> Vec<Arrival> {
    let mut arrivals = arrivals(plan, slots);
    for (entry, arrival) in plan.entries.iter().zip(&mut arrivals) {
        arrival.layouts.retain(|change| entry.discard || change.old != ImageLayout::UNDEFINED);
    }
    arrivals
}

/// One barrier for all entries of a batch.
pub(crate) fn barrier(plan: &Compiled, batch: &Batch, arrivals: &[Arrival]) -> Barrier {
    let mut barrier = Barrier::default();
    for &index in &batch.entries {
        let arrival = &arrivals[index];
        if !arrival.memory.is_empty() {
            barrier.memory.source |= arrival.memory.source;
            barrier.memory.target |= arrival.memory.target;
        }
        let slot = plan.imports[plan.entries[index].import].slot;
        barrier.images.extend(arrival.layouts.iter().map(|change| image_barrier(slot, change)));
    }
    barrier
}

fn image_barrier(slot: usize, change: &Relayout) -> ImageBarrier {
    let &Relayout { region, source, target, old, new } = change;
    ImageBarrier { slot, region, source, target, old, new, transfer: None }
}

/// What must be released elsewhere and acquired here before a batch.
pub(crate) fn acquires<'a>(
    plan: &'a Compiled,
    batch: &'a Batch,
    arrivals: &'a [Arrival],
) -> impl Iterator<Item = (usize, &'a Acquire)> {
    let of_entry = |&index: &usize| {
        let slot = plan.imports[plan.entries[index].import].slot;
        arrivals[index].acquires.iter().map(move |acquire| (slot, acquire))
    };
    batch.entries.iter().flat_map(of_entry)
}

/// What must stand before a batch that begins with the barrier `foreseen`, now that the plan arrives through `actual`:
/// nothing where that is the same. Adds to `actual` the changes of layout that the batch makes.
pub(crate) fn correction(
    plan: &Compiled,
    slots: &[Resource],
    batch: &Batch,
    foreseen: &[Arrival],
    actual: &mut [Arrival],
) -> Barrier {
    let same = |&index: &usize| {
        let (foreseen, actual) = (&foreseen[index], &actual[index]);
        foreseen.memory == actual.memory && foreseen.layouts == actual.layouts
    };
    let mut correction = Barrier::default();
    if batch.entries.iter().all(same) {
        return correction;
    }
    // Rare, so simple: everything before is over and visible.
    correction.memory = everything();
    for &index in batch.entries.iter().filter(|&&index| !plan.entries[index].after_readers) {
        let entry = &plan.entries[index];
        let import = &plan.imports[entry.import];
        let state = lock(slots[import.slot].state());
        for (region, present) in state.layouts(import.region) {
            lead_to(&foreseen[index], entry, region, present, import.slot, &mut correction);
        }
        drop(state);
        book(import, entry, &foreseen[index], &mut actual[index]);
    }
    correction
}

/// Brings `region` from its `present` layout to the one that the recorded entry takes it to be in.
fn lead_to(
    foreseen: &Arrival,
    entry: &Entry,
    region: Region,
    present: ImageLayout,
    slot: usize,
    correction: &mut Barrier,
) {
    let Dependency { source, target } = everything();
    // A discard takes an image from whoever owns it without asking.
    let old = if entry.discard { ImageLayout::UNDEFINED } else { present };
    let mut lead = |region, new| {
        if new != ImageLayout::UNDEFINED && new != present {
            correction.images.push(ImageBarrier { slot, region, source, target, old, new, transfer: None });
        }
    };
    let mut unchanged = vec![region];
    for change in &foreseen.layouts {
        let Some(part) = change.region.intersection(&region) else { continue };
        lead(part, change.old);
        let rest = |left: Region| match left.intersection(&part) {
            Some(common) => left.around(&common).into_iter().flatten().collect(),
            None => vec![left],
        };
        unchanged = unchanged.into_iter().flat_map(rest).collect();
    }
    unchanged.into_iter().for_each(|region| lead(region, entry.access.layout));
}

/// A change of layout is a write, whoever asked for it.
fn book(import: &Import, entry: &Entry, foreseen: &Arrival, actual: &mut Arrival) {
    let target = Scope::of(&entry.access);
    if !(actual.layouts.is_empty() && foreseen.layouts.is_empty()) {
        let new = entry.access.layout;
        let source = everything().source;
        actual.layouts = vec![Relayout { region: import.region, source, target, old: ImageLayout::UNDEFINED, new }];
    }
    actual.memory = Dependency { source: everything().source, target };
}

/// All that was, before all that comes.
pub(crate) fn everything() -> Dependency {
    let stages = PipelineStageFlags2::ALL_COMMANDS;
    let source = Scope { stages, mask: AccessFlags2::MEMORY_WRITE };
    let target = Scope { stages, mask: AccessFlags2::MEMORY_READ | AccessFlags2::MEMORY_WRITE };
    Dependency { source, target }
}
