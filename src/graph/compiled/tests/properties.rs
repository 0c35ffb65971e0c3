//! What must hold of every plan.

use std::collections::BTreeSet;

use super::{
    dsl::Graph,
    legality, reference,
    simulate::{Skip, simulate},
    stream::{Item, Stream, World, of_plan},
};
use crate::graph::compiled::Compiled;

/// All properties of one plan, judged by itself.
///
/// # Errors
///
/// The first that does not hold, in words.
pub(super) fn check(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    legality::check(graph, plan)?;
    length(graph, plan)?;
    let world = World::of(graph, plan)?;
    let stream = of_plan(plan, &world.cells)?;
    simulate(&world, &stream, Skip::Nothing)?;
    match spare(&world, &stream) {
        Some(skip) => Err(format!("nobody misses {skip:?}")),
        None => Ok(()),
    }
}

/// On one queue there are as many waves as the longest chain is long.
fn length(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    let chain = reference::longest_chain(graph);
    let (waves, bound) = (plan.stats().waves, plan.longest_chain);
    if graph.queues.families.len() == 1 && (waves, bound) != (chain, chain) {
        return Err(format!("{waves} waves, said to be at least {bound}, for a chain of {chain}"));
    }
    Ok(())
}

/// The first instruction that could be left out.
///
/// Not among them are waits between queues of one family: a plan has an image on one queue at a time, also where queues
/// of one family could read it at once. Devices give no such queues: each has a family of its own.
fn spare(world: &World, stream: &Stream) -> Option<Skip> {
    let distinct = world.families.iter().collect::<BTreeSet<_>>().len() == world.families.len();
    let counts = |skip: &Skip| distinct || !matches!(skip, Skip::Wait(..));
    skips(stream).filter(counts).find(|&skip| simulate(world, stream, skip).is_ok())
}

/// Each planned barrier call, each image barrier, each wait.
pub(super) fn skips(stream: &Stream) -> impl Iterator<Item = Skip> {
    stream.batches.iter().enumerate().flat_map(|(number, batch)| {
        let waits = (0..batch.waits.len()).map(move |wait| Skip::Wait(number, wait));
        let calls = batch.items.iter().enumerate().flat_map(move |(item, instruction)| {
            let call = match instruction {
                Item::Call(call) if call.planned => Some(call),
                _ => None,
            };
            let images = call.map_or(0, |call| call.images.len());
            call.map(|_| Skip::Call(number, item))
                .into_iter()
                .chain((0..images).map(move |image| Skip::Image(number, item, image)))
        });
        waits.chain(calls)
    })
}
