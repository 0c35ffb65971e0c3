//! A graph's structure, as the phases see it: which pass touches which slot how. No handles, no closures.
//!
//! It is kept in flat words, because each frame hashes and compares the whole of it to find its plan again.

use std::ops::Range;

use ash::vk;

use crate::{
    gpu::{QueueId, QueueKind},
    resource::Access,
};

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

    /// What both have, if they have anything in common.
    pub(crate) fn intersection(&self, other: &Self) -> Option<Self> {
        let x = [self.x[0].max(other.x[0]), self.x[1].min(other.x[1])];
        let y = [self.y[0].max(other.y[0]), self.y[1].min(other.y[1])];
        (x[0] < x[1] && y[0] < y[1]).then_some(Self { x, y })
    }

    /// What is left around `inner`, which lies in it: below, above, left, right.
    pub(crate) fn around(&self, inner: &Self) -> [Option<Self>; 4] {
        let band = |from, to| (from < to).then_some(Self { x: self.x, y: [from, to] });
        let side = |from, to| (from < to).then_some(Self { x: [from, to], y: inner.y });
        [
            band(self.y[0], inner.y[0]),
            band(inner.y[1], self.y[1]),
            side(self.x[0], inner.x[0]),
            side(inner.x[1], self.x[1]),
        ]
    }

    pub(crate) fn contains(&self, other: &Self) -> bool {
        self.x[0] <= other.x[0] && other.x[1] <= self.x[1] && self.y[0] <= other.y[0] && other.y[1] <= self.y[1]
    }

    /// An image's mip levels.
    pub(crate) fn levels(&self) -> Range<u32> {
        self.x[0] as u32..self.x[1] as u32
    }

    /// An image's array layers.
    pub(crate) fn layers(&self) -> Range<u32> {
        self.y[0]..self.y[1]
    }
}

/// What the queue of a pass must be able to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Needs {
    #[default]
    Copies,
    Dispatches,
    Graphics,
}

impl Needs {
    /// Whether every queue of this kind can do it, on whatever device.
    pub(crate) fn met_by(self, kind: QueueKind) -> bool {
        match kind {
            QueueKind::Graphics => true,
            QueueKind::Compute => self <= Self::Dispatches,
            QueueKind::Transfer => self == Self::Copies,
        }
    }
}

/// What a pass is, beside what it touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct PassShape {
    pub(crate) needs: Needs,
    /// `None`: the planner chooses.
    pub(crate) queue: Option<QueueKind>,
    /// It has a side effect: it is never culled.
    pub(crate) keep: bool,
    /// Its owner makes the barriers that it needs after other passes of the graph.
    pub(crate) manual: bool,
}

/// How a pass touches a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlotUse {
    pub(crate) slot: usize,
    /// `None`: the whole of it.
    pub(crate) region: Option<Region>,
    pub(crate) access: Access,
    /// What was there before does not matter (a cleared attachment).
    pub(crate) discard: bool,
}

/// What a slot stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SlotShape {
    /// Lives across graphs.
    Buffer { bytes: u64 },
    /// Lives across graphs.
    Image { levels: u32, layers: u32 },
    /// Lives inside one graph.
    TransientBuffer { bytes: u64 },
    /// Lives inside one graph.
    TransientImage(TransientImage),
}

/// An image that lives inside one graph, and the memory that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TransientImage {
    pub(crate) format: vk::Format,
    pub(crate) extent: [u32; 2],
    pub(crate) levels: u32,
    pub(crate) layers: u32,
    pub(crate) usage: vk::ImageUsageFlags,
    pub(crate) bytes: u64,
    pub(crate) alignment: u64,
    /// Bits of the memory types that it can be bound to.
    pub(crate) memory_types: u32,
}

/// How large a slot is, and of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Extent {
    Buffer { bytes: u64 },
    Image { levels: u32, layers: u32 },
}

impl Extent {
    /// All of it.
    pub(crate) fn whole(self) -> Region {
        match self {
            // A rectangle is never empty, even where a resource is.
            Self::Buffer { bytes } => Region::bytes(0..bytes.max(1)),
            Self::Image { levels, layers } => Region::subresources(0..levels.max(1), 0..layers.max(1)),
        }
    }
}

impl SlotShape {
    /// How large it is.
    pub(crate) fn extent(&self) -> Extent {
        match *self {
            Self::Buffer { bytes } | Self::TransientBuffer { bytes } => Extent::Buffer { bytes },
            Self::Image { levels, layers } => Extent::Image { levels, layers },
            Self::TransientImage(image) => Extent::Image { levels: image.levels, layers: image.layers },
        }
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Region {
        self.extent().whole()
    }

    pub(crate) fn is_image(&self) -> bool {
        matches!(self, Self::Image { .. } | Self::TransientImage(_))
    }

    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::TransientBuffer { .. } | Self::TransientImage(_))
    }
}

/// Words of a pass in [`Structure::passes`]: its shape, where its uses end, where its `after` ends.
const PASS: usize = 3;
/// Words of a use in [`Structure::uses`]: slot, access and discard, region.
const USE: usize = 3;
/// The region of a use of the whole.
const WHOLE: u32 = u32::MAX;

/// Everything a plan depends on beside the queues: two graphs with equal structures have equal plans.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Structure {
    passes: Vec<u32>,
    uses: Vec<u32>,
    after: Vec<u32>,
    slots: Vec<SlotShape>,
    /// Each access once; uses name them by number.
    accesses: Vec<Access>,
    regions: Vec<Region>,
    any_order: bool,
    has_manual: bool,
}

/// A use as it is kept: everything by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompactUse {
    pub(crate) slot: u32,
    pub(crate) access: u32,
    pub(crate) discard: bool,
    pub(crate) region: Option<Region>,
}

impl Structure {
    /// Room for `passes` with `uses` among them.
    pub(crate) fn with_capacity(passes: usize, uses: usize) -> Self {
        let (passes, uses) = (Vec::with_capacity(passes * PASS), Vec::with_capacity(uses * USE));
        Self { passes, uses, ..Self::default() }
    }

    /// Adds a slot and gives its number.
    pub(crate) fn slot(&mut self, shape: SlotShape) -> usize {
        self.slots.push(shape);
        self.slots.len() - 1
    }

    /// Adds a pass and gives its number. `after`: passes that must be through before it, memory included.
    pub(crate) fn push(&mut self, pass: PassShape, uses: impl IntoIterator<Item = SlotUse>, after: &[usize]) -> usize {
        for used in uses {
            let words = self.compact(&used);
            self.uses.extend_from_slice(&words);
        }
        self.after.extend(after.iter().map(|&pass| pass as u32));
        self.has_manual |= pass.manual;
        self.passes.extend_from_slice(&[bits(pass), (self.uses.len() / USE) as u32, self.after.len() as u32]);
        self.passes() - 1
    }

    /// Order follows from data and `after` alone, wherever passes are declared.
    pub(crate) fn any_order(&mut self) {
        self.any_order = true;
    }

    pub(crate) fn is_any_order(&self) -> bool {
        self.any_order
    }

    /// Leaves a pass's barriers to its owner.
    pub(crate) fn make_manual(&mut self, pass: usize) {
        self.has_manual = true;
        self.passes[pass * PASS] = bits(PassShape { manual: true, ..self.pass(pass) });
    }

    /// Whether the owner of any pass makes its barriers.
    pub(crate) fn has_manual(&self) -> bool {
        self.has_manual
    }

    /// Number of passes.
    pub(crate) fn passes(&self) -> usize {
        self.passes.len() / PASS
    }

    /// Number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// What the slots stand for.
    pub(crate) fn shapes(&self) -> &[SlotShape] {
        &self.slots
    }

    /// What a pass is.
    pub(crate) fn pass(&self, pass: usize) -> PassShape {
        shape(self.passes[pass * PASS])
    }

    /// How a pass touches slots, in the order it said.
    pub(crate) fn uses(&self, pass: usize) -> impl ExactSizeIterator<Item = SlotUse> + '_ {
        self.compact_uses(pass).map(|used| SlotUse {
            slot: used.slot as usize,
            region: used.region,
            access: self.accesses[used.access as usize],
            discard: used.discard,
        })
    }

    /// The passes that must be through before a pass, beside those whose data it touches.
    pub(crate) fn after(&self, pass: usize) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.after[self.range(pass, 2)].iter().map(|&pass| pass as usize)
    }

    /// Number of uses of all passes.
    pub(crate) fn all_uses(&self) -> usize {
        self.uses.len() / USE
    }

    /// Each access that is used, by number.
    pub(crate) fn accesses(&self) -> &[Access] {
        &self.accesses
    }

    /// Whether any use is of a part of its slot.
    pub(crate) fn has_regions(&self) -> bool {
        !self.regions.is_empty()
    }

    pub(crate) fn compact_uses(&self, pass: usize) -> impl ExactSizeIterator<Item = CompactUse> + '_ {
        let range = self.range(pass, 1);
        self.uses[range.start * USE..range.end * USE].chunks_exact(USE).map(|words| CompactUse {
            slot: words[0],
            access: words[1] >> 1,
            discard: words[1] & 1 == 1,
            region: (words[2] != WHOLE).then(|| self.regions[words[2] as usize]),
        })
    }

    fn range(&self, pass: usize, word: usize) -> Range<usize> {
        let start = if pass == 0 { 0 } else { self.passes[(pass - 1) * PASS + word] };
        start as usize..self.passes[pass * PASS + word] as usize
    }

    fn compact(&mut self, used: &SlotUse) -> [u32; USE] {
        debug_assert!(used.slot < self.slots.len(), "slot {} was not declared", used.slot);
        let access = self.intern(used.access) << 1 | u32::from(used.discard);
        let region = used.region.filter(|region| *region != self.slots[used.slot].whole());
        let region = region.map_or(WHOLE, |region| {
            self.regions.push(region);
            self.regions.len() as u32 - 1
        });
        [used.slot as u32, access, region]
    }

    fn intern(&mut self, access: Access) -> u32 {
        let known = self.accesses.iter().position(|known| *known == access);
        known.unwrap_or_else(|| {
            self.accesses.push(access);
            self.accesses.len() - 1
        }) as u32
    }
}

fn bits(pass: PassShape) -> u32 {
    let queue = pass.queue.map_or(0, |kind| kind as u32 + 1);
    pass.needs as u32 | queue << 2 | u32::from(pass.keep) << 4 | u32::from(pass.manual) << 5
}

fn shape(bits: u32) -> PassShape {
    let needs = [Needs::Copies, Needs::Dispatches, Needs::Graphics][(bits & 3) as usize];
    let queue = match bits >> 2 & 3 {
        0 => None,
        1 => Some(QueueKind::Graphics),
        2 => Some(QueueKind::Compute),
        _ => Some(QueueKind::Transfer),
    };
    PassShape { needs, queue, keep: bits >> 4 & 1 == 1, manual: bits >> 5 == 1 }
}

/// Which queues there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct QueueMap {
    /// By `QueueKind as usize`; several kinds may share one queue.
    pub(crate) of_kind: [QueueId; 3],
    /// By `QueueId`.
    pub(crate) families: Vec<u32>,
}

impl QueueMap {
    /// A single queue for everything.
    pub(crate) fn one() -> Self {
        Self { of_kind: [QueueId::GRAPHICS; 3], families: vec![0] }
    }

    /// Number of distinct queues.
    pub(crate) fn len(&self) -> usize {
        self.families.len()
    }

    /// The family of a queue.
    pub(crate) fn family(&self, queue: QueueId) -> u32 {
        self.families.get(queue.index()).copied().unwrap_or_default()
    }

    /// Whether a queue can do what a pass needs.
    pub(crate) fn can(&self, queue: QueueId, needs: Needs) -> bool {
        KINDS.into_iter().any(|kind| self.of_kind[kind as usize] == queue && needs.met_by(kind))
    }

    /// The kind that each queue is called by: the first that it serves.
    pub(crate) fn kinds(&self) -> Vec<QueueKind> {
        let kind = |queue| KINDS.into_iter().find(|&kind| self.of_kind[kind as usize].index() == queue);
        (0..self.len()).map(|queue| kind(queue).unwrap_or(QueueKind::Graphics)).collect()
    }
}

const KINDS: [QueueKind; 3] = [QueueKind::Graphics, QueueKind::Compute, QueueKind::Transfer];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_comes_back() {
        let mut structure = Structure::default();
        let buffer = structure.slot(SlotShape::Buffer { bytes: 64 });
        let image = structure.slot(SlotShape::Image { levels: 2, layers: 3 });
        let part = Region::subresources(0..1, 2..3);
        let uses = [
            SlotUse { slot: buffer, region: None, access: Access::COPY_SOURCE, discard: false },
            SlotUse { slot: image, region: Some(part), access: Access::COLOR_ATTACHMENT, discard: true },
        ];
        let first = PassShape { needs: Needs::Copies, queue: Some(QueueKind::Transfer), keep: true, manual: false };
        let second = PassShape { needs: Needs::Graphics, queue: None, keep: false, manual: true };
        assert_eq!(structure.push(first, uses, &[]), 0);
        assert_eq!(structure.push(second, [], &[0]), 1);
        assert_eq!((structure.passes(), structure.slots(), structure.all_uses()), (2, 2, 2));
        assert_eq!((structure.pass(0), structure.pass(1)), (first, second));
        assert_eq!(structure.uses(0).collect::<Vec<_>>(), uses);
        assert_eq!((structure.uses(1).len(), structure.after(0).len()), (0, 0));
        assert_eq!(structure.after(1).collect::<Vec<_>>(), [0]);
    }

    #[test]
    fn a_region_that_is_the_whole_is_the_whole() {
        let with = |region| {
            let mut structure = Structure::default();
            let slot = structure.slot(SlotShape::Buffer { bytes: 64 });
            let used = SlotUse { slot, region, access: Access::COPY_SOURCE, discard: false };
            structure.push(PassShape::default(), [used], &[]);
            structure
        };
        assert_eq!(with(None), with(Some(Region::bytes(0..64))));
        assert_ne!(with(None), with(Some(Region::bytes(0..63))));
    }

    #[test]
    fn regions_that_only_touch_have_nothing_in_common() {
        let [a, b] = [Region::bytes(0..4), Region::bytes(4..8)];
        assert_eq!(a.intersection(&b), None);
        assert_eq!(Region::bytes(2..6).intersection(&b), Some(Region::bytes(4..6)));
        assert!(Region::bytes(0..8).contains(&b) && !a.contains(&b));
    }

    #[test]
    fn a_queue_that_serves_several_kinds_can_do_what_any_of_them_can() {
        let map = QueueMap { of_kind: [QueueId(0), QueueId(0), QueueId(1)], families: vec![0, 2] };
        assert!(map.can(QueueId(0), Needs::Graphics) && map.can(QueueId(1), Needs::Copies));
        assert!(!map.can(QueueId(1), Needs::Dispatches));
        assert_eq!(map.kinds(), [QueueKind::Graphics, QueueKind::Transfer]);
    }
}
