//! Puts every pass into the earliest wave that its groups allow.

use super::groups::Groups;
use crate::graph::ir::Structure;

/// The wave of each pass. The number of waves is the longest chain of dependent groups, so none needs fewer.
pub(crate) fn waves(structure: &Structure, groups: &Groups) -> Vec<usize> {
    // Per slot and group, the first wave after all of its members.
    let mut ends: Vec<Vec<usize>> = groups.of_slot.iter().map(|slot| vec![0; slot.len()]).collect();
    let mut waves = Vec::with_capacity(structure.passes.len());
    for (pass, of_use) in structure.passes.iter().zip(&groups.of_use) {
        // A group's predecessor is complete here: its members were all declared before this pass.
        let after = |slot: usize, group: usize| if group == 0 { 0 } else { ends[slot][group - 1] };
        let wave = pass.uses.iter().zip(of_use).map(|(used, &group)| after(used.slot, group)).max().unwrap_or(0);
        for (used, &group) in pass.uses.iter().zip(of_use) {
            let end = &mut ends[used.slot][group];
            *end = (*end).max(wave + 1);
        }
        waves.push(wave);
    }
    waves
}
