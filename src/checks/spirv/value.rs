//! What is known of a value: where addresses in it came from.

use super::place::{PlaceId, Places};
use crate::spirv::{Id, Module};

/// A call's place in the tree of calls; the entry point's is 0.
pub(super) type Call = usize;

/// A variable of a function, in one call of it; those outside of functions are in call [`GLOBAL`].
pub(super) type Local = (Call, Id);
pub(super) const GLOBAL: Call = usize::MAX;

/// An index of which nothing is known.
pub(super) const ANY: u32 = u32::MAX;

/// A value has no more parts that are addresses, and they are no deeper in it: what has, is no program.
const MOST_PARTS: usize = 512;
const MOST_NESTED: usize = 64;

/// Where a value, or a part of one, came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The bytes at a place, laid out as this type.
    Contents(PlaceId, Id),
    /// The address of a place.
    Address(PlaceId),
    /// A pointer to a part of a variable that no address reaches.
    Local(Local, Vec<u32>),
    /// Zero, or undefined: nobody follows it.
    Null,
}

/// All that a value may be: parts of it, and where they came from. The flow of control is not looked at, so there may be
/// several origins of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Value(Vec<(Vec<u32>, Origin)>);

impl Value {
    pub(super) fn of(origin: Origin) -> Self {
        Self(vec![(Vec::new(), origin)])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is no room for more, so that some may be missing.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= MOST_PARTS
    }

    /// Adds what another value may be. Whether that was more.
    pub(super) fn add(&mut self, other: Self) -> bool {
        let before = self.0.len();
        for part in other.0 {
            if !self.is_full() && part.0.len() <= MOST_NESTED && !self.0.contains(&part) {
                self.0.push(part);
            }
        }
        self.0.len() > before
    }

    /// The origins of the value itself, parts left out.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter().filter(|(path, _)| path.is_empty()).map(|(_, origin)| origin)
    }

    /// As a part of something larger.
    pub(super) fn under(mut self, path: &[u32]) -> Self {
        self.0.iter_mut().for_each(|(own, _)| drop(own.splice(0..0, path.iter().copied())));
        self
    }

    /// Without the part at `path`.
    pub(super) fn without(mut self, path: &[u32]) -> Self {
        self.0.retain(|(own, _)| !own.starts_with(path));
        self
    }

    /// A part of it.
    pub(super) fn part(&self, index: u32, module: &Module<'_>, places: &mut Places) -> Self {
        let mut found = Self::default();
        for (path, origin) in &self.0 {
            match (path.split_first(), origin) {
                (Some((&first, rest)), _) if first == index || first == ANY || index == ANY => {
                    found.add(Self(vec![(rest.to_vec(), origin.clone())]));
                }
                (None, &Origin::Contents(place, ty)) => {
                    let constant = (index != ANY).then_some(index);
                    if let Some(step) = module.step(ty, constant)
                        && (module.holds_addresses(step.ty) || module.is_address(ty))
                    {
                        let part = places.part(place, module, ty, constant, &step);
                        found.add(Self::of(Origin::Contents(part, step.ty)));
                    }
                }
                (None, Origin::Null) => _ = found.add(Self::of(Origin::Null)),
                _ => {}
            }
        }
        found
    }

    /// Of two words that were put together, as an address of this type: that of which the lower one is half.
    pub(super) fn joined(&self, ty: Id) -> Self {
        let joined = self.0.iter().filter_map(|(path, origin)| match (path.as_slice(), origin) {
            ([], _) => Some(origin.clone()),
            ([0], &Origin::Contents(place, _)) => Some(Origin::Contents(place, ty)),
            _ => None,
        });
        Self(joined.map(|origin| (Vec::new(), origin)).collect())
    }
}
