//! A graph's structure, as the phases see it: which pass touches which slot how. No handles, no closures.

use std::ops::Range;

use ash::vk;

use crate::resource::Access;

// GLUE: from here to the next such line are stand-ins; the new compiler's file has them.

/// A rectangle of a resource: of a buffer bytes x {0..1}, of an image levels x layers. Half-open; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Region {
    pub(crate) x: [u64; 2],
    pub(crate) y: [u32; 2],
}

impl Region {
    pub(crate) fn bytes(range: Range<u64>) -> Self {
        Self { x: [range.start, range.end], y: [0, 1] }
    }

    pub(crate) fn subresources(levels: Range<u32>, layers: Range<u32>) -> Self {
        Self { x: [levels.start.into(), levels.end.into()], y: [layers.start, layers.end] }
    }

    pub(crate) fn intersection(&self, other: &Self) -> Option<Self> {
        let x = [self.x[0].max(other.x[0]), self.x[1].min(other.x[1])];
        let y = [self.y[0].max(other.y[0]), self.y[1].min(other.y[1])];
        (x[0] < x[1] && y[0] < y[1]).then_some(Self { x, y })
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.intersection(other).as_ref() == Some(other)
    }

    pub(crate) fn levels(&self) -> Range<u32> {
        self.x[0] as u32..self.x[1] as u32
    }

    pub(crate) fn layers(&self) -> Range<u32> {
        self.y[0]..self.y[1]
    }
}

/// What a slot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(dead_code, reason = "the new compiler reads it")]
pub(crate) enum SlotShape {
    Buffer { bytes: u64 },
    Image { levels: u32, layers: u32 },
    TransientBuffer { bytes: u64 },
    TransientImage(TransientImage),
}

/// What a transient image is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransientImage {
    pub(crate) format: vk::Format,
    pub(crate) extent: [u32; 2],
    pub(crate) levels: u32,
    pub(crate) layers: u32,
    pub(crate) usage: vk::ImageUsageFlags,
    pub(crate) bytes: u64,
    pub(crate) alignment: u64,
    pub(crate) memory_types: u32,
}

// GLUE: to here.

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
