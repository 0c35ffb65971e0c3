//! Folds each resource's consecutive compatible accesses into groups. (Daxa's access groups.)
//!
//! Members of one group need nothing between them; between two groups stands exactly one dependency.

use crate::{graph::ir::Structure, resource::Access};

/// Consecutive accesses of one resource that may overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The union of the members' stages and masks.
    pub(crate) access: Access,
    pub(crate) discard: bool,
    /// Indices of passes, ascending.
    pub(crate) passes: Vec<usize>,
}

/// The groups of all slots, and which group each use fell into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// By slot, in order of declaration.
    pub(crate) of_slot: Vec<Vec<Group>>,
    /// By use, of all passes: the index of the group in its slot.
    pub(crate) of_use: Vec<usize>,
}

pub(crate) fn groups(structure: &Structure) -> Groups {
    let of_use = Vec::with_capacity(structure.all_uses().len());
    let mut groups = Groups { of_slot: vec![Vec::new(); structure.slots], of_use };
    for pass in 0..structure.passes() {
        for used in structure.uses(pass) {
            let slot = &mut groups.of_slot[used.slot];
            match slot.last_mut() {
                Some(group) if compatible(&group.access, &used.access) => join(group, pass, &used.access),
                _ => slot.push(Group { access: used.access, discard: used.discard, passes: vec![pass] }),
            }
            groups.of_use.push(slot.len() - 1);
        }
    }
    groups
}

/// Reads of the same layout need nothing between them.
fn compatible(group: &Access, next: &Access) -> bool {
    !group.writes() && !next.writes() && group.layout == next.layout
}

/// Widens a group, and with it the barrier before the group: the later reader then needs none of its own.
fn join(group: &mut Group, pass: usize, access: &Access) {
    group.access.stages |= access.stages;
    group.access.mask |= access.mask;
    group.passes.push(pass);
}
