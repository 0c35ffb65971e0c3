//! A graph's structure, as the phases see it: which pass touches which slot how. No handles, no closures.

use crate::resource::Access;

/// Everything a plan depends on: two graphs with equal structures have equal plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Structure {
    /// In the order they were declared.
    pub(crate) passes: Vec<PassNode>,
    /// Number of distinct resources; uses name them by `0..slots`.
    pub(crate) slots: usize,
}

/// One pass's uses, each slot at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PassNode {
    pub(crate) uses: Vec<SlotUse>,
}

/// How a pass touches a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlotUse {
    pub(crate) slot: usize,
    pub(crate) access: Access,
    /// What was there before does not matter (a cleared attachment).
    pub(crate) discard: bool,
}
