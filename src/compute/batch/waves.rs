//! The order of a batch: the fewest waves of work that may overlap, and what stands between two of them.

use rustc_hash::FxHashMap;

use crate::{
    graph::{ir::Region, uses::Declaration},
    resource::access::Mode,
};

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
    pub(super) fn of<'s>(steps: impl IntoIterator<Item = &'s [Declaration]>) -> Self {
        let mut waves = Self::default();
        let mut pasts: FxHashMap<usize, Vec<Past>> = FxHashMap::default();
        for (number, declared) in steps.into_iter().enumerate() {
            let (wave, sees_writes) = first_wave(&pasts, declared);
            waves.put(number, wave, sees_writes);
            for used in declared {
                note(pasts.entry(used.resource.id()).or_default(), used, wave);
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
fn first_wave(pasts: &FxHashMap<usize, Vec<Past>>, declared: &[Declaration]) -> (usize, bool) {
    let (mut wave, mut sees_writes) = (0, false);
    for used in declared {
        let region = used.covered();
        let touched = pasts.get(&used.resource.id()).into_iter().flatten();
        for past in touched.filter(|past| past.region.intersection(&region).is_some()) {
            let (written, read) = match used.access.mode {
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

fn note(pasts: &mut Vec<Past>, used: &Declaration, wave: usize) {
    let region = used.covered();
    let known = pasts.iter().position(|past| past.region == region);
    let at = known.unwrap_or_else(|| {
        pasts.push(Past { region, wrote: None, wrote_concurrently: None, read: None });
        pasts.len() - 1
    });
    let past = &mut pasts[at];
    let place = match used.access.mode {
        Mode::Read => &mut past.read,
        Mode::Write => &mut past.wrote,
        Mode::ConcurrentWrite => &mut past.wrote_concurrently,
    };
    *place = (*place).max(Some(wave));
}
