//! Places in memory, by how a shader gets there: push constants, what lies at an address that was read there, and so on.

use rustc_hash::FxHashMap;

use crate::spirv::{Id, Module, Step};

/// The number of a place.
pub(super) type PlaceId = usize;

/// Some bytes: of the push constants, or of the memory at an address. What is written in two ways counts as two places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Where the address lies; `None`: the push constants themselves.
    pub(super) behind: Option<PlaceId>,
    pub(super) offset: Offset,
    /// How a shader's author would write it.
    pub(super) text: String,
}

/// How far from where the memory begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Offset {
    pub(crate) bytes: u32,
    /// Arrays of which any element may be meant: the distance of elements, and how many there are.
    pub(crate) any_of: Vec<(u32, Option<u32>)>,
    /// Somewhere in the same memory.
    pub(crate) is_lost: bool,
}

/// A shader that goes to more places goes round in circles.
const MOST_PLACES: usize = 16_384;
/// So many elements of arrays are looked at.
const MOST_ELEMENTS: usize = 4096;

impl Offset {
    /// Calls `with` for each offset that may be meant in memory of `room` bytes. Whether these were all.
    pub(crate) fn each(&self, room: u64, mut with: impl FnMut(u64)) -> bool {
        if self.any_of.is_empty() && !self.is_lost {
            with(u64::from(self.bytes));
            return true;
        }
        let mut all = vec![u64::from(self.bytes)];
        let mut is_all = !self.is_lost;
        for &(stride, count) in &self.any_of {
            let stride = u64::from(stride.max(1));
            let several = all.iter().flat_map(|&start| {
                let count = count.map_or_else(|| room.saturating_sub(start) / stride, u64::from);
                (0..count).map(move |index| start + index * stride)
            });
            let next: Vec<_> = several.take(MOST_ELEMENTS + 1).collect();
            is_all &= next.len() <= MOST_ELEMENTS;
            all = next;
        }
        if !self.is_lost {
            all.into_iter().take(MOST_ELEMENTS).for_each(with);
        }
        is_all
    }
}

/// All places that came up, each once, those that others are behind of first.
#[derive(Default)]
pub(super) struct Places {
    all: Vec<Place>,
    numbers: FxHashMap<Place, PlaceId>,
}

/// So many addresses are followed, one behind the other: what is longer is a list, whose end only the GPU knows.
const MOST_BEHIND: usize = 8;

impl Places {
    pub(super) fn get(&self, id: PlaceId) -> &Place {
        &self.all[id]
    }

    /// Whether there were too many to tell them apart.
    pub(super) fn are_full(&self) -> bool {
        self.all.len() >= MOST_PLACES
    }

    fn number(&mut self, place: Place) -> PlaceId {
        if let Some(&known) = self.numbers.get(&place) {
            return known;
        }
        if self.are_full() {
            return self.all.len() - 1;
        }
        self.all.push(place.clone());
        self.numbers.insert(place, self.all.len() - 1);
        self.all.len() - 1
    }

    /// The beginning of the push constants, in a variable of this name.
    pub(super) fn push_constants(&mut self, name: &str) -> PlaceId {
        self.number(Place { behind: None, offset: Offset::default(), text: name.to_owned() })
    }

    /// The beginning of what the address at `place` points to. `None` at the end of a long chain.
    pub(super) fn behind(&mut self, place: PlaceId) -> Option<PlaceId> {
        let depth = std::iter::successors(Some(place), |&place| self.get(place).behind).count();
        if depth > MOST_BEHIND {
            return None;
        }
        let text = self.get(place).text.clone();
        Some(self.number(Place { behind: Some(place), offset: Offset::default(), text }))
    }

    /// A part of what lies at a place.
    pub(super) fn part(
        &mut self,
        place: PlaceId,
        module: &Module<'_>,
        ty: Id,
        index: Option<u32>,
        step: &Step,
    ) -> PlaceId {
        let Place { behind, mut offset, mut text } = self.get(place).clone();
        if !offset.is_lost {
            text.push_str(&module.written(ty, index));
        }
        offset.bytes = offset.bytes.saturating_add(step.bytes);
        offset.is_lost |= step.is_lost;
        offset.any_of.extend(step.any_of);
        if offset.is_lost {
            offset = Offset { is_lost: true, ..Offset::default() };
        }
        self.number(Place { behind, offset, text })
    }

    /// Somewhere in the same memory.
    pub(super) fn somewhere(&mut self, place: PlaceId) -> PlaceId {
        let Place { behind, text, .. } = self.get(place).clone();
        self.number(Place { behind, offset: Offset { is_lost: true, ..Offset::default() }, text })
    }
}
