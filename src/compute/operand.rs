//! What operations are given, checked.

use std::{mem::size_of, ops::Range, sync::Arc};

use crate::{
    error::{Error, Result},
    gpu::Gpu,
    resource::{BufferInner, BufferSlice},
};

/// A slice that lies within its buffer, which is of the right device.
pub(super) struct Operand {
    /// What the operation calls it.
    role: &'static str,
    buffer: Arc<BufferInner>,
    bytes: Range<u64>,
    elements: Range<usize>,
    /// Where its first element is.
    pub(super) address: u64,
}

impl Operand {
    /// # Errors
    /// [`Error::Invalid`] if the range is not within the buffer, or the buffer is a transient or another device's.
    pub(super) fn new<T>(gpu: &Gpu, role: &'static str, slice: &BufferSlice<T>) -> Result<Self> {
        let buffer = Arc::clone(slice.buffer());
        if !Arc::ptr_eq(&buffer.device, &gpu.shared.device) {
            return Err(Error::Invalid(format!(
                "{role}: buffer `{}` belongs to another Gpu; make one on this Gpu",
                buffer.name
            )));
        }
        let bytes = slice.bytes()?;
        let start = buffer.address().filter(|_| buffer.transient_of.is_none()).ok_or_else(|| {
            Error::Invalid(format!(
                "{role}: the address of the transient `{}` is known only while its graph is recorded; use a buffer of `Gpu::buffer`",
                buffer.name
            ))
        })?;
        Ok(Self { role, address: start + bytes.start, bytes, elements: slice.range(), buffer })
    }

    /// Two of the same length, which are the very same elements or have none in common.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Invalid`] if they are not.
    pub(super) fn pair<T>(gpu: &Gpu, roles: [&'static str; 2], slices: [&BufferSlice<T>; 2]) -> Result<[Self; 2]> {
        let (a, b) = (Self::new(gpu, roles[0], slices[0])?, Self::new(gpu, roles[1], slices[1])?);
        a.check_length(&b)?;
        a.check_same_or_apart(&b)?;
        Ok([a, b])
    }

    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// How messages call it.
    pub(super) fn text(&self) -> String {
        let Self { role, buffer, elements, .. } = self;
        let is_whole = (self.bytes.end - self.bytes.start) == buffer.bytes;
        let range = if is_whole { String::new() } else { format!(", elements {}..{}", elements.start, elements.end) };
        format!("{role} (buffer `{}`{range})", buffer.name)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buffer, &other.buffer) && self.bytes == other.bytes
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (&self.bytes, &other.bytes);
        let has_bytes = a.start < a.end && b.start < b.end;
        Arc::ptr_eq(&self.buffer, &other.buffer) && has_bytes && a.start < b.end && b.start < a.end
    }

    /// # Errors
    /// [`Error::Invalid`] if the two have different lengths.
    fn check_length(&self, other: &Self) -> Result<()> {
        if self.len() == other.len() {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "{} has {} elements, and {} has {}; take slices of the same length",
            self.text(),
            self.len(),
            other.text(),
            other.len()
        )))
    }

    /// # Errors
    /// [`Error::Invalid`] if the two overlap, but are not the same elements.
    fn check_same_or_apart(&self, other: &Self) -> Result<()> {
        if self.is_same(other) || !self.overlaps(other) {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "{} and {} overlap; they must be the very same elements, or have none in common",
            self.text(),
            other.text()
        )))
    }

    /// How many words its first element is beyond a multiple of 16 bytes.
    pub(super) fn misaligned_words(&self) -> u32 {
        (self.address % 16 / size_of::<u32>() as u64) as u32
    }
}

/// Workgroups in two directions, as any device takes them: at least as many as are asked for, and few more.
pub(super) fn grid(groups: u64) -> [u32; 3] {
    /// What every device takes in one direction.
    const MOST: u64 = 65_535;
    let rows = groups.div_ceil(MOST);
    let across = if rows == 0 { 0 } else { groups.div_ceil(rows) };
    // More rows than fit have more words behind them than memory has.
    [across, rows, 1].map(|groups| u32::try_from(groups).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_all_groups_that_are_asked_for_and_few_more() {
        assert_eq!(grid(0), [0, 0, 1]);
        assert_eq!(grid(65_535), [65_535, 1, 1]);
        assert_eq!(grid(65_536), [32_768, 2, 1]);
        for groups in [1, 2, 65_534, 65_537, 131_071, 1 << 20, (1 << 32) - 1] {
            let [x, y, z] = grid(groups).map(u64::from);
            assert!(x * y * z >= groups && x * y * z - groups < y, "{groups}: {x} × {y}");
            assert!(x <= 65_535 && y <= 65_537, "{groups}: {x} × {y}");
        }
    }
}
