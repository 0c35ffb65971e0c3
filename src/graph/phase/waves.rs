//! Puts every pass into the earliest wave that its groups allow.

use super::groups::Groups;
use crate::graph::ir::Structure;

/// The wave of each pass. The number of waves is the longest chain of dependent groups, so none needs fewer.
pub(crate) fn waves(structure: &Structure, groups: &Groups) -> Vec<usize> {
    // Per slot and group, the first wave after all of its members.
    let mut ends: Vec<Vec<usize>> = groups.of_slot.iter().map(|slot| vec![0; slot.len()]).collect();
    let mut waves = Vec::with_capacity(structure.passes());
    for pass in 0..structure.passes() {
        let members = || structure.uses(pass).iter().map(|used| used.slot).zip(&groups.of_use[structure.range(pass)]);
        // A group's predecessor is complete here: its members were all declared before this pass.
        let after = |slot: usize, group: usize| if group == 0 { 0 } else { ends[slot][group - 1] };
        let wave = members().map(|(slot, &group)| after(slot, group)).max().unwrap_or(0);
        for (slot, &group) in members() {
            let end = &mut ends[slot][group];
            *end = (*end).max(wave + 1);
        }
        waves.push(wave);
    }
    waves
}
