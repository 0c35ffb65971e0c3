//! A plan's entry: the barrier between what its resources were used for last and what it uses them for first.
//!
//! What that is, only the commit knows. Recording foresees it from the states as they are, and puts it at the head of
//! the first command buffer, since a command buffer of its own costs a microsecond or two. Where another commit came in
//! between, the commit puts a barrier in front that leads to what was foreseen.

use ash::vk;
use vk::{AccessFlags2, ImageLayout, PipelineStageFlags2};

use crate::{
    gpu::QueueId,
    graph::{
        phase::barriers::{Barrier, ImageBarrier},
        plan::Plan,
        state::{Arrival, Dependency, Relayout, Scope},
    },
    resource::Resource,
    sync::prim::lock,
};

/// What the plan's imports would have to wait for if it were committed now, in their order.
pub(crate) fn arrivals(plan: &Plan, slots: &[Resource], queue: QueueId) -> Vec<Arrival> {
    plan.imports.iter().map(|import| lock(slots[import.slot].state()).arrive(queue, &import.entry)).collect()
}

/// One barrier for all of them.
pub(crate) fn barrier(plan: &Plan, arrivals: &[Arrival]) -> Barrier {
    let mut barrier = Barrier::default();
    for (import, arrival) in plan.imports.iter().zip(arrivals) {
        barrier.add(import.slot, arrival.dependency);
    }
    barrier
}

/// What must stand before a command buffer that begins with the barrier `foreseen`, now that the plan arrives through
/// `actual`: nothing where that is the same. Adds to `actual` the changes of layout that the command buffer makes.
pub(crate) fn correction(plan: &Plan, slots: &[Resource], foreseen: &[Arrival], actual: &mut [Arrival]) -> Barrier {
    let mut correction = Barrier::default();
    let same = |(foreseen, actual): (&Arrival, &Arrival)| foreseen.dependency == actual.dependency;
    if foreseen.iter().zip(&*actual).all(same) {
        return correction;
    }
    // Rare, so simple: everything before is over and visible.
    correction.memory = everything();
    for ((import, foreseen), actual) in plan.imports.iter().zip(foreseen).zip(actual) {
        let assumed = foreseen.dependency.relayout.map_or(import.entry.access.layout, |change| change.old);
        let present = lock(slots[import.slot].state()).layout();
        if assumed != ImageLayout::UNDEFINED && assumed != present {
            let relayout = Some(Relayout { old: present, new: assumed });
            correction
                .images
                .push(ImageBarrier { slot: import.slot, dependency: Dependency { relayout, ..everything() } });
        }
        // A change of layout is a write, whoever asked for it.
        actual.dependency.relayout = actual.dependency.relayout.or(foreseen.dependency.relayout);
        if !actual.dependency.is_empty() {
            actual.dependency.target = Scope::of(&import.entry.access);
        }
    }
    correction
}

fn everything() -> Dependency {
    let stages = PipelineStageFlags2::ALL_COMMANDS;
    let source = Scope { stages, mask: AccessFlags2::MEMORY_WRITE };
    let target = Scope { stages, mask: AccessFlags2::MEMORY_READ | AccessFlags2::MEMORY_WRITE };
    Dependency { source, target, relayout: None }
}
