//! What a plan's shape must be, whatever it synchronizes.

use std::collections::BTreeSet;

use super::{dsl::Graph, reference};
use crate::{
    gpu::QueueId,
    graph::{compiled::Compiled, ir::SlotShape},
};

/// Checks all of it.
///
/// # Errors
///
/// The first thing that is wrong, in words.
pub(super) fn check(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    passes(graph, plan)?;
    batches(plan)?;
    queues(graph, plan)?;
    calls(plan)?;
    entries(plan)?;
    lifetimes(graph, plan)
}

fn ensure(right: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(what()) }
}

/// Every live pass runs once, and no other.
fn passes(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    let live = reference::live(graph);
    let expected: Vec<_> = (0..live.len()).filter(|&pass| live[pass]).collect();
    let mut planned = plan.order.clone();
    planned.sort_unstable();
    ensure(planned == expected, || format!("the live passes are {expected:?}, planned were {planned:?}"))?;
    let culled: Vec<_> = (0..live.len()).filter(|&pass| !live[pass]).collect();
    ensure(plan.culled == culled, || format!("culled {:?} and not {culled:?}", plan.culled))?;
    let as_declared = plan.order.iter().copied().eq(0..live.len());
    ensure(plan.as_declared == as_declared, || format!("as_declared is {}", plan.as_declared))
}

/// Batches follow one another, wait for earlier ones of other queues, and go by wave and declaration inside.
fn batches(plan: &Compiled) -> Result<(), String> {
    let mut end = 0;
    for (number, batch) in plan.batches.iter().enumerate() {
        let positions = &batch.positions;
        ensure(positions.start == end && positions.end > end, || format!("batch {number} is {positions:?}"))?;
        end = positions.end;
        let mut queues = BTreeSet::new();
        for &wait in &batch.waits {
            let other = plan.batches[wait].queue;
            let legal = wait < number && other != batch.queue && queues.insert(other);
            ensure(legal, || format!("batch {number} on {:?} waits for {:?}", batch.queue, batch.waits))?;
        }
        let sorted = positions.clone().map(|position| (plan.waves[position], plan.order[position])).is_sorted();
        ensure(sorted, || format!("batch {number} is not sorted by wave and declaration"))?;
    }
    ensure(end == plan.order.len(), || "passes without a batch".into())
}

fn queues(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    for batch in &plan.batches {
        for &pass in &plan.order[batch.positions.clone()] {
            let desc = &graph.passes[pass];
            let said = desc.queue.is_none_or(|kind| graph.queues.of_kind[kind as usize] == batch.queue);
            let able = graph.queues.can(batch.queue, desc.needs());
            ensure(said && able, || format!("{} is on {:?}", desc.name, batch.queue))?;
        }
    }
    Ok(())
}

/// Every call is made once, does something, and is the only one on its queue between two waves. What takes an image over
/// from another queue stands behind the wait for that queue, and is extra.
fn calls(plan: &Compiled) -> Result<(), String> {
    let made = plan.before.iter().chain(plan.batches.iter().map(|batch| &batch.after)).flatten();
    let mut made: Vec<_> = made.map(|&call| call as usize).collect();
    made.sort_unstable();
    ensure(made.iter().copied().eq(0..plan.barriers.len()), || format!("calls {made:?} are made"))?;
    ensure(plan.barriers.iter().all(|barrier| !barrier.is_empty()), || "an empty barrier".into())?;
    let mut latest = [None; QueueId::MOST];
    for batch in &plan.batches {
        let mut wave = latest[batch.queue.index()];
        for position in batch.positions.clone() {
            if let Some(call) = plan.before[position] {
                let extra = position == batch.positions.start
                    && !batch.waits.is_empty()
                    && !plan.barriers[call as usize].images.is_empty();
                let boundary = wave < Some(plan.waves[position]);
                ensure(boundary || extra, || format!("a call inside of a wave, before position {position}"))?;
            }
            wave = Some(plan.waves[position]);
        }
        latest[batch.queue.index()] = wave;
    }
    Ok(())
}

/// Entries and batches name each other.
fn entries(plan: &Compiled) -> Result<(), String> {
    for (index, import) in plan.imports.iter().enumerate() {
        for entry in import.entries.clone() {
            let found = &plan.entries[entry];
            let batch = &plan.batches[found.batch];
            let right = found.import == index && batch.entries.contains(&entry) && batch.queue == found.queue;
            ensure(right, || format!("entry {entry} is not where it says"))?;
        }
    }
    let in_batches: usize = plan.batches.iter().map(|batch| batch.entries.len()).sum();
    ensure(in_batches == plan.entries.len(), || "an entry that no batch makes, or two do".into())
}

/// Transients in the same memory live one after the other, on one queue.
fn lifetimes(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    let transients = &plan.transients;
    for (index, a) in transients.places.iter().enumerate() {
        let is_image = graph.slots[a.slot].shape.is_image();
        let room = if is_image { transients.image_bytes } else { transients.buffer_bytes };
        ensure(a.offset + a.bytes <= room, || format!("{a:?} ends behind {room}"))?;
        let (_, bytes, alignment) = memory(&graph.slots[a.slot].shape);
        let fits = a.bytes >= bytes && a.offset % alignment == 0;
        ensure(fits, || format!("{a:?} takes {bytes} bytes at multiples of {alignment}"))?;
        ensure(used_waves(graph, plan, a.slot) == a.waves, || format!("{a:?} lives otherwise"))?;
        for b in &transients.places[..index] {
            let same = graph.slots[b.slot].shape.is_image() == is_image;
            let apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
            let after = a.waves[1] < b.waves[0] || b.waves[1] < a.waves[0];
            ensure(!same || apart || after, || format!("{a:?} and {b:?} are in the same memory at the same time"))?;
            let types = [a, b].map(|place| memory(&graph.slots[place.slot].shape).0);
            ensure(!same || apart || types[0] == types[1], || format!("{a:?} and {b:?} are of other memory types"))?;
        }
    }
    Ok(())
}

/// What a transient asks for: memory types, bytes, alignment.
fn memory(shape: &SlotShape) -> (u32, u64, u64) {
    match shape {
        SlotShape::TransientImage(image) => (image.memory_types, image.bytes, image.alignment),
        SlotShape::TransientBuffer { bytes } | SlotShape::Buffer { bytes } => (0, *bytes, 256),
        SlotShape::Image { .. } => (0, 0, 1),
    }
}

fn used_waves(graph: &Graph, plan: &Compiled, slot: usize) -> [u32; 2] {
    let uses = |position: &usize| graph.passes[plan.order[*position]].uses.iter().any(|used| used.slot == slot);
    let waves: Vec<_> = (0..plan.order.len()).filter(uses).map(|position| plan.waves[position]).collect();
    [waves.iter().min(), waves.iter().max()].map(|wave| wave.copied().unwrap_or_default())
}
