//! The order of a batch: the fewest waves of work that may overlap, and what stands between two of them.

use rustc_hash::FxHashMap;

use crate::{graph::ir::Region, resource::access::Mode};

/// What a step does to a region of a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched {
    /// Of the resource.
    pub(super) id: usize,
    pub(super) region: Region,
    pub(super) mode: Mode,
}

/// Steps in the order in which they are recorded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Waves {
    /// By wave, the numbers of its steps.
    pub(super) steps: Vec<Vec<usize>>,
    /// By wave but the first: whether what was written before it must become visible to it; else it only waits.
    pub(super) sees_writes: Vec<bool>,
}

/// The last waves that touched a region of a resource.
struct Past {
    region: Region,
    wrote: Option<usize>,
    wrote_concurrently: Option<usize>,
    read: Option<usize>,
}

impl Waves {
    /// Puts each step into the first wave that comes after all that it depends on: so there are as many waves as the longest chain of
    /// steps has members, and no order has fewer.
    pub(super) fn of<S: Iterator<Item = Touched> + Clone>(steps: impl IntoIterator<Item = S>) -> Self {
        let mut waves = Self::default();
        let mut pasts: FxHashMap<usize, Vec<Past>> = FxHashMap::default();
        for (number, step) in steps.into_iter().enumerate() {
            let (wave, sees_writes) = first_wave(&pasts, step.clone());
            waves.put(number, wave, sees_writes);
            for touched in step {
                note(pasts.entry(touched.id).or_default(), touched, wave);
            }
        }
        waves
    }

    fn put(&mut self, step: usize, wave: usize, sees_writes: bool) {
        if self.steps.len() <= wave {
            self.steps.resize_with(wave + 1, Vec::new);
            self.sees_writes.resize(wave, false);
        }
        self.steps[wave].push(step);
        if let Some(before) = wave.checked_sub(1) {
            self.sees_writes[before] |= sees_writes;
        }
    }
}

/// The first wave that a step can be in, and whether it then sees writes of the one before.
///
/// A write that a step sees may lie several waves back: then a barrier of memory just before the step's own wave makes it visible, too, as
/// a barrier's first scope is all that was recorded before it.
fn first_wave(pasts: &FxHashMap<usize, Vec<Past>>, step: impl Iterator<Item = Touched>) -> (usize, bool) {
    let (mut wave, mut sees_writes) = (0, false);
    for Touched { id, region, mode } in step {
        let pasts = pasts.get(&id).into_iter().flatten();
        for past in pasts.filter(|past| past.region.intersection(&region).is_some()) {
            let (written, read) = match mode {
                Mode::Read => (past.wrote.max(past.wrote_concurrently), None),
                Mode::Write => (past.wrote.max(past.wrote_concurrently), past.read),
                Mode::ConcurrentWrite => (past.wrote, past.read),
            };
            sees_writes |= written.is_some();
            wave = wave.max(written.max(read).map_or(0, |before| before + 1));
        }
    }
    (wave, sees_writes)
}

fn note(pasts: &mut Vec<Past>, Touched { region, mode, .. }: Touched, wave: usize) {
    let known = pasts.iter().position(|past| past.region == region);
    let at = known.unwrap_or_else(|| {
        pasts.push(Past { region, wrote: None, wrote_concurrently: None, read: None });
        pasts.len() - 1
    });
    let past = &mut pasts[at];
    let place = match mode {
        Mode::Read => &mut past.read,
        Mode::Write => &mut past.wrote,
        Mode::ConcurrentWrite => &mut past.wrote_concurrently,
    };
    *place = (*place).max(Some(wave));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn touch(id: usize, bytes: std::ops::Range<u64>, mode: Mode) -> Touched {
        Touched { id, region: Region::bytes(bytes), mode }
    }

    fn waves(steps: &[Vec<Touched>]) -> Waves {
        Waves::of(steps.iter().map(|step| step.iter().copied()))
    }

    fn reads(id: usize) -> Touched {
        touch(id, 0..4, Mode::Read)
    }

    fn writes(id: usize) -> Touched {
        touch(id, 0..4, Mode::Write)
    }

    /// ```text
    /// a ─┬─ b ─┬─ d      e
    ///    └─ c ─┘
    /// ```
    #[test]
    fn a_diamond_has_three_waves_and_what_is_apart_is_in_the_first() {
        let found = waves(&[
            vec![writes(0)],
            vec![reads(0), writes(1)],
            vec![reads(0), writes(2)],
            vec![reads(1), reads(2), writes(3)],
            vec![writes(4)],
        ]);
        assert_eq!(found.steps, [vec![0, 4], vec![1, 2], vec![3]]);
        assert_eq!(found.sees_writes, [true, true]);
    }

    #[test]
    fn a_write_after_a_read_waits_and_sees_nothing() {
        let found = waves(&[vec![reads(0), writes(1)], vec![writes(0)]]);
        assert_eq!((found.steps, found.sees_writes), (vec![vec![0], vec![1]], vec![false]));
    }

    #[test]
    fn concurrent_writes_share_a_wave_and_a_read_of_them_comes_after_all() {
        let concurrent = touch(0, 0..4, Mode::ConcurrentWrite);
        let found = waves(&[vec![concurrent], vec![concurrent], vec![reads(0)], vec![concurrent]]);
        assert_eq!((found.steps, found.sees_writes), (vec![vec![0, 1], vec![2], vec![3]], vec![true, false]));
    }

    #[test]
    fn parts_of_a_buffer_that_do_not_meet_have_no_order() {
        let part = |start| vec![touch(0, start..start + 8, Mode::Write)];
        assert_eq!(waves(&[part(0), part(8), part(16)]).steps, [vec![0, 1, 2]]);
        let found = waves(&[part(0), part(8), part(4)]);
        assert_eq!((found.steps, found.sees_writes), (vec![vec![0, 1], vec![2]], vec![true]));
        assert_eq!(waves(&[]), Waves::default());
    }

    fn conflict(a: &[Touched], b: &[Touched]) -> [bool; 2] {
        let meet = |a: &Touched, b: &Touched| a.id == b.id && a.region.intersection(&b.region).is_some();
        let pairs = || a.iter().flat_map(|a| b.iter().map(move |b| (a, b))).filter(|(a, b)| meet(a, b));
        let order = |(a, b): (&Touched, &Touched)| !a.mode.goes_beside(b.mode);
        [pairs().any(order), pairs().any(|pair| order(pair) && pair.0.mode != Mode::Read)]
    }

    fn step() -> impl Strategy<Value = Vec<Touched>> {
        let mode = prop_oneof![3 => Just(Mode::Read), 2 => Just(Mode::Write), 1 => Just(Mode::ConcurrentWrite)];
        let touched = (0..3_usize, 0..6_u64, 1..4_u64, mode)
            .prop_map(|(id, start, len, mode)| touch(id, start..start + len, mode));
        prop::collection::vec(touched, 1..4)
    }

    proptest! {
        #[test]
        fn every_hazard_has_a_barrier_of_its_kind_and_there_are_as_many_as_the_longest_chain_needs(
            steps in prop::collection::vec(step(), 0..20)
        ) {
            let found = waves(&steps);
            let mut wave_of = vec![0; steps.len()];
            for (wave, numbers) in found.steps.iter().enumerate() {
                prop_assert!(!numbers.is_empty());
                numbers.iter().for_each(|&step| wave_of[step] = wave);
            }
            let mut longest = vec![1_usize; steps.len()];
            for (b, second) in steps.iter().enumerate() {
                for (a, first) in steps[..b].iter().enumerate() {
                    let [ordered, sees] = conflict(first, second);
                    if ordered {
                        longest[b] = longest[b].max(longest[a] + 1);
                        prop_assert!(wave_of[a] < wave_of[b], "{a} before {b}");
                        prop_assert!(!sees || found.sees_writes[wave_of[a]..wave_of[b]].contains(&true), "{a} seen by {b}");
                    }
                }
            }
            prop_assert_eq!(found.steps.len(), longest.iter().copied().max().unwrap_or(0));
            prop_assert_eq!(found.steps.iter().map(Vec::len).sum::<usize>(), steps.len());
        }
    }
}
