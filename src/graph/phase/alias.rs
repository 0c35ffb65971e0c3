//! Lays transients into memory: those whose lives do not meet share it.
//!
//! First fit, the largest first. Only transients of one queue share: between queues, waves are no order.

use std::ops::Range;

use super::{cull::Culled, regions::Touches, waves::Waves};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Place, Transients},
        ir::{SlotShape, Structure},
    },
};

/// What suits every use of a buffer.
const BUFFER_ALIGNMENT: u64 = 256;
/// Waves are gathered in as many buckets at most, to find quickly whose lives may meet.
const BUCKETS: u64 = 64;
/// As many neighbours are looked at for a gap; with more of them, memory goes on top.
const MOST_NEIGHBOURS: usize = 256;

/// Where transients lie, and whose memory each takes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Aliases {
    pub(crate) transients: Transients,
    /// By slot, into `predecessors`; empty without transients.
    spans: Vec<Range<u32>>,
    predecessors: Vec<u32>,
}

impl Aliases {
    /// The slots whose memory a transient takes over.
    pub(crate) fn before(&self, slot: usize) -> &[u32] {
        self.spans.get(slot).map_or(&[], |span| &self.predecessors[span.start as usize..span.end as usize])
    }
}

pub(crate) fn alias(
    structure: &Structure,
    touches: &Touches,
    culled: &Culled,
    waves: &Waves,
    queues: &[QueueId],
) -> Aliases {
    let mut items = items(structure, touches, culled, waves, queues);
    if items.is_empty() {
        return Aliases::default();
    }
    let mut aliases = Aliases { spans: vec![0..0; structure.slots()], ..Aliases::default() };
    aliases.transients.image_types = u32::MAX;
    items.sort_unstable_by_key(|item| (item.lane, std::cmp::Reverse(item.bytes), item.slot));
    for lane in items.chunk_by_mut(|a, b| a.lane == b.lane) {
        aliases.lay(lane, waves.count);
    }
    aliases.transients.places.sort_unstable_by_key(|place| place.slot);
    if aliases.transients.image_bytes == 0 {
        aliases.transients.image_types = 0;
    }
    aliases
}

/// Transients that may share memory, by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    image: bool,
    memory_types: u32,
    /// `None`: it is used on several queues, and shares with nobody.
    queue: Option<QueueId>,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    slot: usize,
    lane: Lane,
    bytes: u64,
    alignment: u64,
    first: u32,
    last: u32,
    offset: u64,
}

impl Item {
    fn end(&self) -> u64 {
        self.offset + self.bytes
    }

    /// Whether both may be in use at once.
    fn meets(&self, other: &Self) -> bool {
        self.lane.queue.is_none() || (self.first <= other.last && other.first <= self.last)
    }
}

/// The transients that live passes use.
fn items(structure: &Structure, touches: &Touches, culled: &Culled, waves: &Waves, queues: &[QueueId]) -> Vec<Item> {
    let mut items: Vec<_> = structure.shapes().iter().enumerate().map(|(slot, shape)| item(slot, shape)).collect();
    if items.iter().all(Option::is_none) {
        return Vec::new();
    }
    for &pass in &culled.live {
        let (wave, queue) = (waves.of[pass as usize], queues[pass as usize]);
        for touch in touches.of(pass) {
            let Some(item) = &mut items[touches.slot(touch)] else { continue };
            let new = item.first > item.last;
            (item.first, item.last) = (item.first.min(wave), item.last.max(wave));
            item.lane.queue = if new { Some(queue) } else { item.lane.queue.filter(|known| *known == queue) };
        }
    }
    items.into_iter().flatten().filter(|item| item.first <= item.last).collect()
}

fn item(slot: usize, shape: &SlotShape) -> Option<Item> {
    let (image, bytes, alignment, memory_types) = match shape {
        SlotShape::TransientBuffer { bytes } => (false, *bytes, BUFFER_ALIGNMENT, 0),
        SlotShape::TransientImage(image) => (true, image.bytes, image.alignment.max(1), image.memory_types),
        SlotShape::Buffer { .. } | SlotShape::Image { .. } => return None,
    };
    let lane = Lane { image, memory_types, queue: None };
    Some(Item { slot, lane, bytes: bytes.max(1), alignment, first: u32::MAX, last: 0, offset: 0 })
}

impl Aliases {
    /// Lays one lane behind those before it.
    fn lay(&mut self, lane: &mut [Item], waves: u32) {
        let image = lane[0].lane.image;
        let alignment = lane.iter().map(|item| item.alignment).max().unwrap_or(1);
        let Transients { buffer_bytes, image_bytes, .. } = self.transients;
        let base = if image { image_bytes } else { buffer_bytes }.next_multiple_of(alignment);
        let mut shelf = Shelf::new(waves);
        for number in 0..lane.len() {
            lane[number].offset = shelf.find(&lane[..number], &lane[number]);
            shelf.put(number, &lane[number]);
        }
        self.inherit(lane);
        let end = base + lane.iter().map(Item::end).max().unwrap_or(0);
        let transients = &mut self.transients;
        if image {
            transients.image_bytes = end;
            transients.image_alignment = transients.image_alignment.max(alignment);
            transients.image_types &= lane[0].lane.memory_types;
        } else {
            transients.buffer_bytes = end;
        }
        for item in lane {
            let (offset, waves) = (base + item.offset, [item.first, item.last]);
            transients.places.push(Place { slot: item.slot, offset, bytes: item.bytes, waves });
            transients.unaliased_bytes += item.bytes;
        }
    }

    /// Finds whose memory each takes over: goes through a lane by birth, with the last owner of each byte at hand.
    fn inherit(&mut self, lane: &mut [Item]) {
        lane.sort_unstable_by_key(|item| (item.first, item.slot));
        let mut owners: Vec<(Range<u64>, u32)> = Vec::new();
        for item in lane {
            let from = owners.partition_point(|(bytes, _)| bytes.end <= item.offset);
            let to = from + owners[from..].partition_point(|(bytes, _)| bytes.start < item.end());
            let start = self.predecessors.len();
            for &(_, owner) in &owners[from..to] {
                if !self.predecessors[start..].contains(&owner) {
                    self.predecessors.push(owner);
                }
            }
            self.spans[item.slot] = start as u32..self.predecessors.len() as u32;
            let left = owners[from..to].first().map(|(bytes, owner)| (bytes.start..item.offset, *owner));
            let right = owners[from..to].last().map(|(bytes, owner)| (item.end()..bytes.end, *owner));
            let new = [left, Some((item.offset..item.end(), item.slot as u32)), right];
            owners.splice(from..to, new.into_iter().flatten().filter(|(bytes, _)| !bytes.is_empty()));
        }
    }
}

/// What was laid so far, by when it lives.
struct Shelf {
    waves: u64,
    buckets: Vec<Bucket>,
    neighbours: Vec<[u64; 2]>,
}

#[derive(Clone, Default)]
struct Bucket {
    items: Vec<u32>,
    top: u64,
}

impl Shelf {
    fn new(waves: u32) -> Self {
        let waves = u64::from(waves.max(1));
        Self { waves, buckets: vec![Bucket::default(); waves.min(BUCKETS) as usize], neighbours: Vec::new() }
    }

    fn buckets(&self, item: &Item) -> Range<usize> {
        if item.lane.queue.is_none() {
            return 0..self.buckets.len();
        }
        let bucket = |wave: u32| (u64::from(wave) * self.buckets.len() as u64 / self.waves) as usize;
        bucket(item.first)..bucket(item.last) + 1
    }

    fn put(&mut self, number: usize, item: &Item) {
        let buckets = self.buckets(item);
        for bucket in &mut self.buckets[buckets] {
            bucket.items.push(number as u32);
            bucket.top = bucket.top.max(item.end());
        }
    }

    /// The lowest place where nobody lies whose life meets the item's.
    fn find(&mut self, placed: &[Item], item: &Item) -> u64 {
        let buckets = self.buckets(item);
        let near: usize = self.buckets[buckets.clone()].iter().map(|bucket| bucket.items.len()).sum();
        if near > MOST_NEIGHBOURS {
            let top = self.buckets[buckets].iter().map(|bucket| bucket.top).max().unwrap_or(0);
            return top.next_multiple_of(item.alignment);
        }
        self.neighbours.clear();
        for &number in self.buckets[buckets].iter().flat_map(|bucket| &bucket.items) {
            let other = &placed[number as usize];
            if other.meets(item) {
                self.neighbours.push([other.offset, other.end()]);
            }
        }
        self.neighbours.sort_unstable();
        let mut offset = 0u64;
        for &[start, end] in &self.neighbours {
            if offset + item.bytes <= start {
                break;
            }
            offset = offset.max(end.next_multiple_of(item.alignment));
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANE: Lane = Lane { image: false, memory_types: 0, queue: Some(QueueId::GRAPHICS) };

    /// Bytes, first and last wave.
    fn laid(items: &[(u64, u32, u32)]) -> Aliases {
        let item =
            |(slot, &(bytes, first, last))| Item { slot, lane: LANE, bytes, alignment: 256, first, last, offset: 0 };
        let mut lane: Vec<_> = items.iter().enumerate().map(item).collect();
        lane.sort_by_key(|item| (std::cmp::Reverse(item.bytes), item.slot));
        let mut aliases = Aliases { spans: vec![0..0; items.len()], ..Aliases::default() };
        aliases.lay(&mut lane, 8);
        aliases.transients.places.sort_by_key(|place| place.slot);
        aliases
    }

    fn offsets(aliases: &Aliases) -> Vec<u64> {
        aliases.transients.places.iter().map(|place| place.offset).collect()
    }

    #[test]
    fn lives_that_do_not_meet_share_memory() {
        let aliases = laid(&[(1024, 0, 1), (1024, 2, 3)]);
        assert_eq!((offsets(&aliases), aliases.transients.buffer_bytes), (vec![0, 0], 1024));
        assert_eq!((aliases.before(0), aliases.before(1)), (&[][..], &[0][..]));
        assert_eq!(aliases.transients.unaliased_bytes, 2048);
    }

    #[test]
    fn lives_that_meet_in_one_wave_do_not_share() {
        assert_eq!(offsets(&laid(&[(1024, 0, 2), (1024, 2, 3)])), [0, 1024]);
    }

    #[test]
    fn two_small_ones_fit_where_a_large_one_was() {
        let aliases = laid(&[(1024, 0, 0), (512, 1, 2), (512, 1, 2), (1024, 3, 3)]);
        assert_eq!(offsets(&aliases), [0, 0, 512, 0]);
        assert_eq!(aliases.before(3), [1, 2], "the first owner is two lives back");
    }

    #[test]
    fn a_rest_of_an_older_owner_is_inherited_too() {
        let aliases = laid(&[(1024, 0, 0), (512, 1, 2), (1024, 3, 3)]);
        assert_eq!(aliases.before(2), [1, 0]);
    }

    #[test]
    fn among_very_many_nobody_lies_upon_a_neighbour() {
        let many: Vec<_> = (0..2_000).map(|number| (256 * (1 + number % 7), (number % 8) as u32, 7)).collect();
        let aliases = laid(&many);
        let mut places: Vec<_> = aliases.transients.places.iter().map(|p| (p.offset, p.offset + p.bytes)).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|pair| pair[0].1 <= pair[1].0), "all of them live in wave 7");
    }
}
