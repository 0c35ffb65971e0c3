//! The order in which cubes are packed: along a curve, so that neighbours in space are neighbours in memory.
//!
//! Eight bytes a cube are all that it takes: the cubes are counted into buckets by the first bits of their keys, then
//! written there, then each bucket is sorted by the rest. Where many cubes share a key, as in clumps, they are ordered
//! once more within their own bounds.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use bytemuck::TransparentWrapper;
use glam::Vec3;
use rayon::prelude::*;

use super::{check, curve::Curve, stop::Stop};
use crate::{
    error::Result,
    scene::{Bounds, InstanceSource},
};

/// Bits of a key that an entry has room for; the bucket says the others.
const KEPT_BITS: u32 = 32;
/// Cubes in a bucket, about: a core sorts them within its cache.
const BUCKET: usize = 1 << 16;
const MOST_BUCKET_BITS: u32 = 13;
/// As many cubes with the same key as this may stay in the order of their ids.
const RUN: usize = 16;
/// More are looked at by several threads.
const BY_ONE_THREAD: usize = 1 << 18;
/// Parts of the work for each thread, so that all end at about the same time.
const PIECES_A_THREAD: usize = 4;
const LEAST_PIECE: usize = 1 << 14;

/// A cube in the order: its id, and how far apart it and the one before it are.
///
/// That is the length of the smallest of the curve's boxes with both; 0 for the first of all. Before they are sorted, a
/// key is in its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, TransparentWrapper)]
#[repr(transparent)]
pub(super) struct Entry(u64);

impl Entry {
    fn keyed(key: u64, id: usize) -> Self {
        Self(key << KEPT_BITS | id as u64)
    }

    pub(super) fn id(self) -> usize {
        self.0 as u32 as usize
    }

    fn key(self) -> u64 {
        self.0 >> KEPT_BITS
    }

    pub(super) fn gap(self) -> f32 {
        f32::from_bits(self.key() as u32)
    }

    pub(super) fn with_gap(gap: f32, id: usize) -> Self {
        Self::keyed(gap.to_bits().into(), id)
    }

    fn set_gap(&mut self, gap: f32) {
        *self = Self::with_gap(gap, self.id());
    }
}

/// All cubes in their order.
pub(super) struct Order(Vec<u64>);

impl Order {
    pub(super) fn entries(&self) -> &[Entry] {
        Entry::wrap_slice(&self.0)
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        Entry::wrap_slice_mut(&mut self.0)
    }

    /// Puts the cubes of `source` in order, on all of rayon's threads.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for a cube that cannot be shown; [`Error::Cancelled`](crate::Error::Cancelled).
    pub(super) fn of(source: &impl InstanceSource, stop: &Stop) -> Result<Self> {
        let count = source.len();
        let bits = (count / BUCKET).max(1).ilog2().min(MOST_BUCKET_BITS);
        let Bounds { min, max } = box_for(source)?;
        let buckets = Curve::new(min, max, bits + KEPT_BITS).map(|curve| Buckets { bits, curve });
        let Some(buckets) = buckets else {
            return Ok(Self((0..count as u64).collect())); // all in one place
        };
        let pieces = pieces(count);
        let mut counts = buckets.count(source, &pieces, stop)?;
        let ends = places(&mut counts);
        let mut order = Self(vec![0; count]);
        buckets.scatter(source, &pieces, counts, &mut order.0, stop)?;
        buckets.sort(source, &ends, order.entries_mut(), stop)?;
        Ok(order)
    }
}

/// The source's box; where that is none, one that was looked for.
fn box_for(source: &impl InstanceSource) -> Result<Bounds> {
    let said = source.bounds();
    if said.min.is_finite() && said.max.is_finite() && (said.max - said.min).max_element() > 0.0 {
        return Ok(said);
    }
    (0..source.len()).into_par_iter().try_for_each(|id| check::cube(id, &source.instance(id)))?;
    let ids = (0..source.len()).into_par_iter();
    Ok(ids.map(|id| at(source, id)).reduce(|| NOTHING, Bounds::join))
}

const NOTHING: Bounds = Bounds { min: Vec3::INFINITY, max: Vec3::NEG_INFINITY };

fn at(source: &impl InstanceSource, id: usize) -> Bounds {
    let place = Vec3::from_array(source.instance(id).position);
    Bounds { min: place, max: place }
}

/// Ranges of ids, all but the last equally long.
fn pieces(count: usize) -> Vec<Range<usize>> {
    let length = count.div_ceil(rayon::current_num_threads() * PIECES_A_THREAD).max(LEAST_PIECE);
    (0..count).step_by(length).map(|first| first..count.min(first + length)).collect()
}

/// From how many cubes each piece has for each bucket to where the first of them goes; gives the buckets' ends.
fn places(counts: &mut [Vec<u32>]) -> Vec<usize> {
    let buckets = counts.first().map_or(0, Vec::len);
    let mut next = 0u32;
    let mut ends = Vec::with_capacity(buckets);
    for bucket in 0..buckets {
        for counts in counts.iter_mut() {
            let count = std::mem::replace(&mut counts[bucket], next);
            next += count;
        }
        ends.push(next as usize);
    }
    ends
}

/// How keys are divided: their first bits are the bucket.
struct Buckets {
    bits: u32,
    curve: Curve,
}

impl Buckets {
    /// A cube's bucket and its entry.
    fn find(&self, id: usize, position: [f32; 3]) -> (usize, Entry) {
        let key = self.curve.key(position);
        ((key >> self.shift()) as usize, Entry::keyed(key, id))
    }

    fn shift(&self) -> u32 {
        self.curve.bits() - self.bits
    }

    /// By piece and bucket, how many cubes go there.
    fn count(&self, source: &impl InstanceSource, pieces: &[Range<usize>], stop: &Stop) -> Result<Vec<Vec<u32>>> {
        let count = |piece: &Range<usize>| {
            stop.check()?;
            let mut counts = vec![0; 1 << self.bits];
            for id in piece.clone() {
                let cube = source.instance(id);
                check::cube(id, &cube)?;
                counts[self.find(id, cube.position).0] += 1;
            }
            Ok(counts)
        };
        let counts: Vec<Result<_>> = pieces.par_iter().map(count).collect();
        counts.into_iter().collect() // of several mistakes the first
    }

    /// Writes the entries to their buckets.
    fn scatter(
        &self,
        source: &impl InstanceSource,
        pieces: &[Range<usize>],
        places: Vec<Vec<u32>>,
        out: &mut [u64],
        stop: &Stop,
    ) -> Result<()> {
        let out = shared(out);
        pieces.par_iter().zip(places).try_for_each(|(piece, mut places)| {
            stop.check()?;
            for id in piece.clone() {
                let (bucket, entry) = self.find(id, source.instance(id).position);
                // A source that changes its mind writes to another's place: wrong, but not beyond the end.
                if let Some(slot) = out.get(places[bucket] as usize) {
                    slot.store(entry.0, Relaxed);
                }
                places[bucket] += 1;
            }
            Ok(())
        })
    }

    fn sort(&self, source: &impl InstanceSource, ends: &[usize], mut entries: &mut [Entry], stop: &Stop) -> Result<()> {
        let (mut start, mut before, mut runs) = (0, None, Vec::new());
        for (bucket, &end) in ends.iter().enumerate() {
            if end == start {
                continue;
            }
            let (run, rest) = entries.split_at_mut(end - start);
            let key = (bucket as u64) << self.shift();
            let gap = before.map_or(0.0, |before| self.curve.gap(before, key));
            runs.push((gap, run));
            (start, before, entries) = (end, Some(key), rest);
        }
        runs.into_par_iter().try_for_each(|(gap, run)| {
            sort(source, &self.curve, run, stop)?;
            run[0].set_gap(gap);
            Ok(())
        })
    }
}

/// For threads that write to different places.
fn shared(entries: &mut [u64]) -> &[AtomicU64] {
    const { assert!(align_of::<AtomicU64>() == align_of::<u64>()) };
    // SAFETY: both have the same size, bits and alignment, and nobody else has the slice while the result lives.
    unsafe { &*(std::ptr::from_mut(entries) as *const [AtomicU64]) }
}

/// Sorts entries with keys of one curve, and puts gaps in the keys' place; 0 for the first.
fn sort(source: &impl InstanceSource, curve: &Curve, entries: &mut [Entry], stop: &Stop) -> Result<()> {
    stop.check()?;
    if entries.len() > BY_ONE_THREAD {
        entries.par_sort_unstable();
    } else {
        entries.sort_unstable();
    }
    let mut before = None;
    for run in entries.chunk_by_mut(|one, other| one.key() == other.key()) {
        let key = run[0].key();
        if run.len() > RUN {
            sort_within(source, run, stop)?;
        } else {
            run.iter_mut().for_each(|entry| entry.set_gap(0.0));
        }
        run[0].set_gap(before.map_or(0.0, |before| curve.gap(before, key)));
        before = Some(key);
    }
    Ok(())
}

/// Sorts entries along a curve of their own.
///
/// It ends: in a box with a size, those at its ends get different keys, and if there is none they stay as they are.
fn sort_within(source: &impl InstanceSource, entries: &mut [Entry], stop: &Stop) -> Result<()> {
    let bounds = if entries.len() > BY_ONE_THREAD {
        entries.par_iter().map(|entry| at(source, entry.id())).reduce(|| NOTHING, Bounds::join)
    } else {
        entries.iter().map(|entry| at(source, entry.id())).fold(NOTHING, Bounds::join)
    };
    let Some(curve) = Curve::new(bounds.min, bounds.max, KEPT_BITS) else {
        entries.iter_mut().for_each(|entry| entry.set_gap(0.0));
        return Ok(());
    };
    let key = |entry: &mut Entry| *entry = Entry::keyed(curve.key(source.instance(entry.id()).position), entry.id());
    if entries.len() > BY_ONE_THREAD {
        entries.par_iter_mut().for_each(key);
    } else {
        entries.iter_mut().for_each(key);
    }
    sort(source, &curve, entries, stop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Instance;

    fn cubes(places: impl IntoIterator<Item = Vec3>) -> Vec<Instance> {
        places.into_iter().map(|place| Instance::new(place, 0.5, [1.0; 3])).collect()
    }

    fn ids(order: &Order) -> Vec<usize> {
        order.entries().iter().map(|entry| entry.id()).collect()
    }

    #[test]
    fn neighbours_come_together_and_gaps_say_how_far_boxes_reach() {
        // Eight corners of eight cubes each, given corner by corner.
        let corner = |i: usize| Vec3::new((i & 1) as f32, (i >> 1 & 1) as f32, (i >> 2 & 1) as f32);
        let cubes = cubes((0..64).map(|i| corner(i % 8) * 100.0 + corner(i / 8) * 4.0));
        let order = Order::of(&cubes, &Stop::default()).expect("ordered");
        for (rank, eight) in ids(&order).chunks(8).enumerate() {
            assert!(eight.iter().all(|id| id % 8 == eight[0] % 8), "eight {rank} is of several corners: {eight:?}");
        }
        let gaps: Vec<_> = order.entries().iter().map(|entry| entry.gap()).collect();
        assert_eq!(gaps[0], 0.0);
        assert!(gaps.iter().enumerate().skip(1).all(|(rank, &gap)| (gap > 50.0) == (rank % 8 == 0)), "{gaps:?}");
        assert!(gaps.iter().skip(1).all(|&gap| gap >= 4.0));
    }

    #[test]
    fn a_clump_in_a_large_world_is_ordered_within_itself() {
        let mut places: Vec<_> = (0..1000).map(|i| Vec3::new((i * 619 % 1000) as f32 * 1e-3 + 5.0, 7.0, 9.0)).collect();
        places.extend([Vec3::splat(-1e9), Vec3::splat(1e9)]);
        let cubes = cubes(places);
        let order = Order::of(&cubes, &Stop::default()).expect("ordered");
        let along: Vec<_> = ids(&order).into_iter().filter(|&id| id < 1000).map(|id| cubes[id].position[0]).collect();
        assert!(along.is_sorted(), "{along:?}");
    }

    #[test]
    fn cubes_in_one_place_and_bounds_without_sense_come_to_an_end() {
        struct Lies(Vec<Instance>, Bounds);
        impl InstanceSource for Lies {
            fn len(&self) -> usize {
                self.0.len()
            }
            fn bounds(&self) -> Bounds {
                self.1
            }
            fn instance(&self, index: usize) -> Instance {
                self.0[index]
            }
        }
        let same = cubes((0..5000).map(|_| Vec3::ONE));
        assert!(ids(&Order::of(&same, &Stop::default()).expect("ordered")).into_iter().eq(0..5000));
        let line = cubes((0..5000).map(|i| Vec3::X * (i * 7 % 5000) as f32));
        let (zero, far) = (Vec3::ZERO, Vec3::splat(1e7));
        for (min, max) in [(zero, zero), (Vec3::NAN, Vec3::NAN), (far, zero), (far, far * 2.0), (-far * 1e9, far * 1e9)]
        {
            let source = Lies(line.clone(), Bounds { min, max });
            let order = Order::of(&source, &Stop::default()).expect("ordered");
            assert!(ids(&order).windows(2).all(|pair| line[pair[0]].position[0] < line[pair[1]].position[0]));
        }
    }

    #[test]
    fn many_cubes_go_through_many_buckets() {
        let seed = 0x5eed_u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32
        };
        let cubes = cubes((0..600_000).map(|_| Vec3::new(random(), random() * 0.1, random() * 3.0)));
        let order = Order::of(&cubes, &Stop::default()).expect("ordered");
        let mut seen = ids(&order);
        let place = |id: usize| Vec3::from_array(cubes[id].position);
        let steps: f32 = seen.windows(2).map(|pair| place(pair[0]).distance(place(pair[1]))).sum();
        // About the cubes' mean distance: the curve's jumps are few. In the order of ids it is 1.
        assert!(steps / 6e5 < 0.03, "{}", steps / 6e5);
        for (entry, pair) in order.entries().iter().skip(1).zip(seen.windows(2)) {
            let apart = (place(pair[0]) - place(pair[1])).abs().max_element();
            assert!(apart <= entry.gap() * 1.0001 || entry.gap() == 0.0, "{apart} {}", entry.gap());
        }
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..600_000));
    }

    #[test]
    fn nobody_waits_for_an_order_that_was_stopped() {
        let stop = Stop::default();
        stop.stop();
        let result = Order::of(&cubes((0..9).map(|i| Vec3::X * i as f32)), &stop);
        assert!(matches!(result, Err(crate::Error::Cancelled)));
    }
}
