//! The compiler's phases: pure functions from data to data.
//!
//! ```text
//! regions ─▶ edges ─▶ cull ─▶ queues ─▶ groups ─▶ waves ─▶ alias ─▶ batches ─▶ barriers ─▶ lower
//! ```

pub(crate) mod alias;
pub(crate) mod barriers;
pub(crate) mod batches;
pub(crate) mod cull;
pub(crate) mod edges;
pub(crate) mod groups;
pub(crate) mod lower;
pub(crate) mod queues;
pub(crate) mod regions;
#[cfg(test)]
mod testing;
pub(crate) mod waves;

use barriers::reasons::{Listener, Reason, Reasons};

use super::{
    compiled::{Compiled, Fault},
    ir::{QueueMap, Structure},
};

/// A graph takes as many passes.
pub(crate) const MOST_PASSES: usize = 10_000;

/// Runs them all.
pub(crate) fn compile(structure: &Structure, map: &QueueMap) -> Result<Compiled, Fault> {
    compile_with(structure, map, &mut ())
}

/// Runs them all, and says what each part of each barrier call is for.
pub(crate) fn explain(structure: &Structure, map: &QueueMap) -> Result<(Compiled, Vec<Reason>), Fault> {
    let mut reasons = Reasons::default();
    let compiled = compile_with(structure, map, &mut reasons)?;
    Ok((compiled, reasons.all))
}

fn compile_with(structure: &Structure, map: &QueueMap, listener: &mut impl Listener) -> Result<Compiled, Fault> {
    if structure.passes() > MOST_PASSES {
        return Err(Fault::TooManyPasses);
    }
    let touches = regions::touches(structure)?;
    let sequence = edges::sequence(structure, &touches)?;
    let culled = cull::cull(structure, &touches, sequence);
    let queues = queues::queues(structure, &touches, &culled, map)?;
    let groups = groups::groups(structure, &touches, &culled.live, &queues);
    let waves = waves::waves(structure, &touches, &culled, &groups);
    let aliases = alias::alias(structure, &touches, &culled, &waves, &queues);
    let schedule = batches::schedule(structure, &touches, &culled, &groups, &waves, &queues, map);
    let input = barriers::Input {
        structure,
        map,
        touches: &touches,
        live: &culled.is_live,
        groups: &groups,
        schedule: &schedule,
        aliases: &aliases,
    };
    let barriers = barriers::barriers(input, listener);
    let mut batches = schedule.batches.clone();
    let (imports, entries) = lower::imports(input, &barriers, &mut batches);
    batches.iter_mut().zip(&barriers.after).for_each(|(batch, after)| batch.after = *after);
    let order: Vec<_> = schedule.order.iter().map(|&pass| pass as usize).collect();
    Ok(Compiled {
        as_declared: order.iter().copied().eq(0..structure.passes()),
        waves: schedule.times.iter().map(|time| time / 2).collect(),
        order,
        before: barriers.before,
        barriers: barriers.calls,
        owed: barriers.owed,
        batches,
        imports,
        entries,
        transients: aliases.transients,
        culled: culled.culled,
        longest_chain: waves.count as usize,
        extents: structure.shapes().iter().map(|shape| shape.extent()).collect(),
        queues: map.kinds(),
    })
}
