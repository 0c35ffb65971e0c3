//! How far the data at an address goes, in memory that recordings write for their shaders.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Data begin at multiples of this.
const SLOT: u64 = 256;

/// The sizes of what was written to a buffer, by where it begins.
pub(crate) struct Extents {
    first: u64,
    /// In each slot the bytes of the data that begin there, 0 if none do.
    slots: Box<[AtomicU32]>,
}

impl Extents {
    /// Of a buffer of `bytes` at `address`.
    pub(crate) fn new(address: u64, bytes: u64) -> Self {
        let count = (address + bytes).div_ceil(SLOT) - address / SLOT;
        Self { first: address / SLOT, slots: (0..count).map(|_| AtomicU32::new(0)).collect() }
    }

    /// Notes that `bytes` of data begin at `address`. What was there before is gone.
    pub(crate) fn note(&self, address: u64, bytes: u64) {
        let Some(start) = self.slot(address) else { return };
        let end = (start + bytes.div_ceil(SLOT) as usize).min(self.slots.len());
        self.slots[start].store(u32::try_from(bytes).unwrap_or(u32::MAX), Relaxed);
        self.slots[start + 1..end.max(start + 1)].iter().for_each(|slot| slot.store(0, Relaxed));
    }

    /// Where the data end that lie at `address`.
    pub(crate) fn end_at(&self, address: u64) -> Option<u64> {
        let last = self.slot(address)?;
        let (index, bytes) = (0..=last)
            .rev()
            .map(|index| (index, u64::from(self.slots[index].load(Relaxed))))
            .find(|(_, bytes)| *bytes > 0)?;
        let end = (self.first + index as u64) * SLOT + bytes;
        (address < end).then_some(end)
    }

    fn slot(&self, address: u64) -> Option<usize> {
        let slot = (address / SLOT).checked_sub(self.first)? as usize;
        (slot < self.slots.len()).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_end_where_they_were_said_to() {
        let extents = Extents::new(0x1000, 0x1000);
        extents.note(0x1100, 600);
        assert_eq!(extents.end_at(0x1100), Some(0x1100 + 600));
        assert_eq!(extents.end_at(0x1300), Some(0x1100 + 600), "of their inside");
        assert_eq!((extents.end_at(0x1000), extents.end_at(0x1100 + 600)), (None, None), "before and behind them");
        assert_eq!((extents.end_at(0xfff), extents.end_at(0x2000)), (None, None), "elsewhere");
    }

    #[test]
    fn what_is_written_over_older_data_is_all_that_is_there() {
        let extents = Extents::new(0x1000, 0x1000);
        extents.note(0x1200, 256);
        extents.note(0x1000, 0x800);
        assert_eq!(extents.end_at(0x1200), Some(0x1800));
        extents.note(0x1f00, u64::MAX);
        assert!(extents.end_at(0x1fff).is_some(), "no further than the buffer");
    }
}
