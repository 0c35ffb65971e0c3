//! The live buffers of a device, by address.

use std::{
    collections::BTreeMap,
    ops::Range,
    ptr::NonNull,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::Extents;

/// All buffers of a device that shaders can reach.
#[derive(Default)]
pub(crate) struct Buffers(RwLock<BTreeMap<u64, Known>>);

struct Known {
    bytes: u64,
    name: Arc<str>,
    page: Option<PageMemory>,
}

/// Memory that the host wrote for one recording, which can be read here.
#[derive(Clone)]
pub(crate) struct PageMemory {
    pub(crate) mapped: NonNull<u8>,
    pub(crate) extents: Arc<Extents>,
}

// SAFETY: the pointer is to memory that stays mapped while its buffer is among the live ones, and is read there alone.
unsafe impl Send for PageMemory {}
// SAFETY: as above.
unsafe impl Sync for PageMemory {}

/// What lies at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// What recordings write, in memory that goes so far.
    Data(Range<u64>),
    /// A buffer of this name.
    Buffer(Arc<str>),
    /// Nothing that vulkio made.
    Nothing,
}

impl Buffers {
    pub(crate) fn add(&self, address: u64, bytes: u64, name: &Arc<str>) {
        self.write().insert(address, Known { bytes, name: Arc::clone(name), page: None });
    }

    /// Says that the buffer at an address is for what recordings write.
    pub(crate) fn is_for_pages(&self, address: u64, page: PageMemory) {
        if let Some(known) = self.write().get_mut(&address) {
            known.page = Some(page);
        }
    }

    /// Before the buffer goes.
    pub(crate) fn remove(&self, address: u64) {
        self.write().remove(&address);
    }

    pub(crate) fn at(&self, address: u64) -> At {
        let all = self.read();
        match find(&all, address) {
            None => At::Nothing,
            Some((_, Known { page: None, name, .. })) => At::Buffer(Arc::clone(name)),
            Some((start, Known { page: Some(_), bytes, .. })) => At::Data(start..start + bytes),
        }
    }

    /// How much of what a recording wrote lies from this address on.
    pub(crate) fn data_from(&self, address: u64) -> u64 {
        match find(&self.read(), address) {
            Some((_, Known { page: Some(page), .. })) => page.extents.end_at(address).map_or(0, |end| end - address),
            _ => 0,
        }
    }

    /// The addresses that a recording wrote at these, which all lie in the same data. Those that do not are left out.
    pub(crate) fn addresses_in(&self, places: impl Iterator<Item = u64>, into: &mut Vec<u64>) {
        let all = self.read();
        for place in places {
            let Some((start, Known { page: Some(page), .. })) = find(&all, place) else { continue };
            let fits = page.extents.end_at(place).is_some_and(|end| place.saturating_add(8) <= end);
            if fits {
                // SAFETY: the buffer is mapped from there, and stays alive while it is among these, which are locked; the eight
                // bytes lie within what was written. Nobody writes there again before the submission is complete, for
                // whoever has the address; for others, the value is wrong and does no harm.
                into.push(unsafe { page.mapped.add((place - start) as usize).cast::<u64>().read_unaligned() });
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u64, Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, Known>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find(all: &BTreeMap<u64, Known>, address: u64) -> Option<(u64, &Known)> {
    let (&start, known) = all.range(..=address).next_back()?;
    (address - start < known.bytes).then_some((start, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_found_by_any_of_its_addresses_until_it_goes() {
        let buffers = Buffers::default();
        buffers.add(0x1000, 0x100, &"a".into());
        buffers.add(0x1100, 0x100, &"b".into());
        let name = |address| match buffers.at(address) {
            At::Buffer(name) => Some(name.to_string()),
            _ => None,
        };
        assert_eq!([0xfff, 0x1000, 0x10ff, 0x1100, 0x1200].map(name), {
            let (a, b) = (Some("a".to_owned()), Some("b".to_owned()));
            [None, a.clone(), a, b, None]
        });
        buffers.remove(0x1000);
        assert_eq!((name(0x1000), buffers.at(0x1000)), (None, At::Nothing));
    }

    #[test]
    fn addresses_are_read_where_a_recording_wrote_and_nowhere_else() {
        let mut words = [7_u64, 8, 9];
        let (mapped, address) = (NonNull::from(&mut words).cast(), 0x4000);
        let buffers = Buffers::default();
        buffers.add(address, 24, &"page".into());
        let extents = Arc::new(Extents::new(address, 24));
        extents.note(address, 16);
        buffers.is_for_pages(address, PageMemory { mapped, extents });
        let mut found = Vec::new();
        buffers.addresses_in([address, address + 8, address + 16, address + 9].into_iter(), &mut found);
        assert_eq!(found, [7, 8]);
        assert_eq!(buffers.at(address + 15), At::Data(address..address + 24));
        assert_eq!([15, 16, 24].map(|offset| buffers.data_from(address + offset)), [1, 0, 0]);
    }
}
