//! A graph's structure, as the phases see it: which pass touches which slot how. No handles, no closures.

use crate::resource::Access;

/// Everything a plan depends on: two graphs with equal structures have equal plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Structure {
    /// Of all passes, in the order they were declared; within a pass, each slot at most once.
    uses: Vec<SlotUse>,
    /// By pass: where its uses end.
    ends: Vec<usize>,
    /// Number of distinct resources; uses name them by `0..slots`.
    pub(crate) slots: usize,
}

/// How a pass touches a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlotUse {
    pub(crate) slot: usize,
    pub(crate) access: Access,
    /// What was there before does not matter (a cleared attachment).
    pub(crate) discard: bool,
}

impl Structure {
    /// Room for `passes` with `uses` among them.
    pub(crate) fn with_capacity(passes: usize, uses: usize) -> Self {
        Self { uses: Vec::with_capacity(uses), ends: Vec::with_capacity(passes), slots: 0 }
    }

    /// Adds a pass.
    pub(crate) fn push(&mut self, uses: impl IntoIterator<Item = SlotUse>) {
        self.uses.extend(uses);
        self.ends.push(self.uses.len());
        let added = &self.uses[self.start(self.ends.len() - 1)..];
        self.slots = added.iter().map(|used| used.slot + 1).fold(self.slots, usize::max);
    }

    /// Number of passes.
    pub(crate) fn passes(&self) -> usize {
        self.ends.len()
    }

    /// A pass's uses.
    pub(crate) fn uses(&self, pass: usize) -> &[SlotUse] {
        &self.uses[self.range(pass)]
    }

    /// Where a pass's uses are among those of all passes.
    pub(crate) fn range(&self, pass: usize) -> std::ops::Range<usize> {
        self.start(pass)..self.ends[pass]
    }

    /// All uses, pass after pass.
    pub(crate) fn all_uses(&self) -> &[SlotUse] {
        &self.uses
    }

    fn start(&self, pass: usize) -> usize {
        if pass == 0 { 0 } else { self.ends[pass - 1] }
    }
}
