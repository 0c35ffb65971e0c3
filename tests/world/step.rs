//! One pass of a random graph: what it touches, and what it does, on the CPU.

use std::ops::Range;

use vulkio::QueueKind;

use super::{N, PARTS, SHARES, words_of};
use crate::mix::Factors;

/// One pass, by numbers of buffers and of parts of images.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Fill {
        to: Slice,
        value: u32,
    },
    Copy {
        from: Slice,
        to: Slice,
    },
    Mix {
        a: Slice,
        b: Slice,
        result: Slice,
        factors: Factors,
    },
    /// Writes a share of a buffer, and says that it writes the buffer concurrently.
    Share {
        a: Slice,
        result: Slice,
        factors: Factors,
    },
    Clear {
        part: usize,
        value: u32,
        renders: bool,
    },
    /// Renders over what is there, and draws nothing.
    Load {
        part: usize,
    },
    Out {
        part: usize,
        to: usize,
    },
    In {
        from: usize,
        part: usize,
    },
}

/// Words of a buffer.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) buffer: usize,
    pub(crate) range: Range<usize>,
}

/// How a step touches something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    Read,
    Write,
    Concurrent,
}

/// A buffer or a part of an image, words of it, and how they are touched.
pub(crate) type Used = (Thing, Range<usize>, Touch);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Buffer(usize),
    Part(usize),
}

/// What buffers and parts of images hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) buffers: Vec<Vec<u32>>,
    pub(crate) parts: Vec<Vec<u32>>,
}

impl State {
    fn of(&self, slice: &Slice) -> Vec<u32> {
        self.buffers[slice.buffer][slice.range.clone()].to_vec()
    }

    fn put(&mut self, slice: &Slice, words: &[u32]) {
        self.buffers[slice.buffer][slice.range.clone()].copy_from_slice(words);
    }
}

impl Step {
    pub(crate) fn uses(&self) -> Vec<Used> {
        use Touch::{Concurrent, Read, Write};
        let slice = |slice: &Slice, touch| (Thing::Buffer(slice.buffer), slice.range.clone(), touch);
        let part = |part: usize, touch| (Thing::Part(part), 0..N, touch);
        match self {
            Self::Fill { to, .. } => vec![slice(to, Write)],
            Self::Copy { from, to } => vec![slice(from, Read), slice(to, Write)],
            Self::Mix { a, b, result, .. } => vec![slice(a, Read), slice(b, Read), slice(result, Write)],
            Self::Share { a, result, .. } => {
                vec![slice(a, Read), (Thing::Buffer(result.buffer), 0..N, Concurrent)]
            }
            Self::Clear { part: at, .. } | Self::Load { part: at } => vec![part(*at, Write)],
            Self::Out { part: at, to } => {
                vec![part(*at, Read), (Thing::Buffer(*to), 0..words_of(*at), Write)]
            }
            Self::In { from, part: at } => vec![(Thing::Buffer(*from), 0..words_of(*at), Read), part(*at, Write)],
        }
    }

    /// Whether they must stay in their order.
    pub(crate) fn conflicts(&self, later: &Self) -> bool {
        let pairs = self.uses().into_iter().flat_map(|a| later.uses().into_iter().map(move |b| (a.clone(), b)));
        pairs.into_iter().any(|(a, b)| meet(&a, &b) && !(a.2 == b.2 && a.2 != Touch::Write))
    }

    pub(crate) fn on_cpu(&self, state: &mut State) {
        match self {
            Self::Fill { to, value } => state.buffers[to.buffer][to.range.clone()].fill(*value),
            Self::Copy { from, to } => {
                let words = state.of(from);
                state.put(to, &words);
            }
            Self::Mix { a, b, result, factors } => {
                let mixed = factors.mixed(&state.of(a), &state.of(b), &state.of(result));
                state.put(result, &mixed);
            }
            Self::Share { a, result, factors } => {
                let a = state.of(a);
                let mixed = factors.mixed(&a, &a, &state.of(result));
                state.put(result, &mixed);
            }
            Self::Clear { part, value, .. } => state.parts[*part].fill(*value),
            Self::Load { .. } => {}
            Self::Out { part, to } => {
                let words = state.parts[*part].clone();
                state.buffers[*to][..words.len()].copy_from_slice(&words);
            }
            Self::In { from, part } => {
                let words = state.buffers[*from][..words_of(*part)].to_vec();
                state.parts[*part] = words;
            }
        }
    }

    /// Whether it touches an image that lives in one graph alone.
    pub(crate) fn has_canvas(&self) -> bool {
        self.uses().iter().any(|(thing, ..)| matches!(thing, Thing::Part(part) if *part >= PARTS))
    }

    /// Queues that it may be said to run on.
    pub(crate) fn queues(&self) -> &'static [QueueKind] {
        use QueueKind::{Compute, Graphics, Transfer};
        match self {
            Self::Mix { .. } | Self::Share { .. } | Self::Clear { renders: false, .. } => &[Graphics, Compute],
            Self::Clear { .. } | Self::Load { .. } => &[Graphics],
            _ => &[Graphics, Compute, Transfer],
        }
    }
}

/// Whether two uses touch the same words.
pub(crate) fn meet(a: &Used, b: &Used) -> bool {
    a.0 == b.0 && a.1.start < b.1.end && b.1.start < a.1.end
}

/// Makes up steps of which each reads only what was written before.
pub(crate) struct Maker<'r> {
    pub(crate) random: &'r mut crate::scenes::Random,
    /// Whether nothing is written twice.
    pub(crate) once: bool,
    /// By buffer and by part: whether it holds anything.
    pub(crate) full: [Vec<bool>; 2],
    pub(crate) written: [Vec<bool>; 2],
    /// By buffer: shares that were written concurrently.
    pub(crate) shared: Vec<[bool; SHARES]>,
}

impl Maker<'_> {
    pub(crate) fn steps(&mut self, count: usize) -> Vec<Step> {
        (0..count * 4).filter_map(|_| self.step()).take(count).collect()
    }

    fn below(&mut self, n: usize) -> usize {
        (self.random.bits() % n as u64) as usize
    }

    fn factors(&mut self, n: usize, kept: bool) -> Factors {
        let keep = if kept { [0, 0, 3][self.below(3)] } else { 0 };
        Factors { shift: self.below(n) as u32, add: self.below(9) as u32, multiply: self.below(99) as u32, keep }
    }

    /// Something full to read.
    fn source(&mut self, kind: usize) -> Option<usize> {
        let at = self.below(self.full[kind].len());
        self.full[kind][at].then_some(at)
    }

    /// Something to write; `whole`: it is written from end to end.
    fn target(&mut self, kind: usize, whole: bool) -> Option<usize> {
        let at = self.below(self.full[kind].len());
        let fits = (whole || self.full[kind][at]) && !(self.once && self.written[kind][at]);
        fits.then(|| {
            self.full[kind][at] = true;
            self.written[kind][at] = true;
            at
        })
    }

    /// Words of a buffer to write: all, if it is empty or written only once.
    fn target_slice(&mut self) -> Option<(Slice, bool)> {
        let full = self.full[0].clone();
        let buffer = self.target(0, true)?;
        let kept = full[buffer];
        let start = if kept && !self.once { self.below(N) } else { 0 };
        let end = if kept && !self.once { start + 1 + self.below(N - start) } else { N };
        Some((Slice { buffer, range: start..end }, kept))
    }

    fn source_slice(&mut self, count: usize, other_than: usize) -> Option<Slice> {
        let buffer = self.source(0).filter(|&buffer| buffer != other_than)?;
        let start = self.below(N - count + 1);
        Some(Slice { buffer, range: start..start + count })
    }

    fn step(&mut self) -> Option<Step> {
        let before = (self.full.clone(), self.written.clone());
        let step = self.try_step();
        if step.is_none() {
            (self.full, self.written) = before;
        }
        step
    }

    fn try_step(&mut self) -> Option<Step> {
        match self.below(10) {
            0 => {
                let (to, _) = self.target_slice()?;
                Some(Step::Fill { to, value: self.below(1 << 32) as u32 })
            }
            1 | 2 => {
                let (to, _) = self.target_slice()?;
                let from = self.source_slice(to.range.len(), to.buffer)?;
                Some(Step::Copy { from, to })
            }
            3..=5 => {
                let (result, kept) = self.target_slice()?;
                let n = result.range.len();
                let (a, b) = (self.source_slice(n, result.buffer)?, self.source_slice(n, result.buffer)?);
                Some(Step::Mix { a, b, factors: self.factors(n, kept), result })
            }
            6 => self.share(),
            7 => {
                let (part, value) = (self.target(1, true)?, self.below(1 << 32) as u32);
                Some(Step::Clear { part, value, renders: self.below(2) == 0 })
            }
            8 => {
                let part = self.source(1)?;
                let to = self.target(0, words_of(part) == N)?;
                Some(Step::Out { part, to })
            }
            _ if self.below(3) == 0 && !self.once => {
                let part = self.source(1)?;
                Some(Step::Load { part })
            }
            _ => {
                let (from, part) = (self.source(0)?, self.target(1, true)?);
                Some(Step::In { from, part })
            }
        }
    }

    /// No share is written twice, as nothing would order the two.
    fn share(&mut self) -> Option<Step> {
        let buffer = self.source(0).filter(|_| !self.once)?;
        let (share, count) = (self.below(SHARES), N / SHARES);
        let a = self.source_slice(count, buffer)?;
        if std::mem::replace(&mut self.shared[buffer][share], true) {
            return None;
        }
        let result = Slice { buffer, range: share * count..(share + 1) * count };
        Some(Step::Share { a, result, factors: self.factors(count, true) })
    }
}

const _: () = assert!(N.is_multiple_of(SHARES) && PARTS > 0);
