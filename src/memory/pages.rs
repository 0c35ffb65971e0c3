//! Memory that the host writes for one recording: pages, lent until the GPU is done with them.
//!
//! Nothing orders the host's writes but the submission, and nothing else has to. Of "Host Write Ordering Guarantees"
//! the specification says that a queue submission command "defines a memory dependency with prior host operations",
//! whose first access scope "includes all host writes to mappable device memory that are available to the host memory
//! domain" and whose second one "includes all memory access performed by the device". Coherent memory makes the writes
//! available, and a page is written before the recording that leased it is submitted. So shaders and copies read it with
//! no barrier, and no tracker knows of it.

use std::{
    any::type_name,
    mem,
    ops::Range,
    ptr::NonNull,
    sync::{Arc, Mutex},
};

use bytemuck::NoUninit;

use super::MemoryKind;
use crate::{
    checks::{Extents, PageMemory},
    error::{Error, Result},
    gpu::device::Device,
    resource::{BufferInner, buffer::Spot},
    sync::prim::lock,
};

/// The usual page: many frames' uniforms, or a small frame's deltas.
const PAGE: u64 = 64 << 10;
/// Usual pages are cut from buffers of this size, so that there are few buffers.
const SLAB: u64 = 1 << 20;
/// As many bytes of pages are kept while nobody uses them. Of what comes back beyond that, the oldest goes.
const MOST_IDLE: u64 = 64 << 20;
/// What any shader may ask of an address; larger than it on all known devices.
const LEAST_ALIGNMENT: u64 = 256;

/// The pages of a device.
pub(crate) struct Pages {
    device: Arc<Device>,
    alignment: u64,
    idle: Mutex<Idle<Page>>,
}

/// A part of a mapped buffer, for one lease at a time.
struct Page {
    bytes: u64,
    /// Where shaders find its first byte, where copies do, and where the host does.
    address: u64,
    spot: Spot,
    mapped: NonNull<u8>,
    /// Where checks learn how much is written, if they are on.
    extents: Option<Arc<Extents>>,
    _buffer: Arc<BufferInner>,
}

// SAFETY: the pointer is to memory that stays mapped while `_buffer` is held, whichever thread holds the page; a page is
// written by the lease that owns it alone, through `&mut`.
unsafe impl Send for Page {}
// SAFETY: as for `Send`: a shared page gives nobody the pointer.
unsafe impl Sync for Page {}

/// Room in a page, to be written once and in order: the memory may be write-combined.
pub(crate) struct Place<'l> {
    pub(crate) bytes: &'l mut [u8],
    /// Where copies find it.
    pub(crate) spot: Spot,
    /// Where shaders find it.
    pub(crate) address: u64,
}

impl Pages {
    pub(crate) fn new(device: Arc<Device>) -> Arc<Self> {
        let limits = &device.info.limits;
        let uniform = limits.min_uniform_buffer_offset_alignment;
        let alignment = uniform.max(limits.min_storage_buffer_offset_alignment).max(LEAST_ALIGNMENT);
        Arc::new(Self { device, alignment, idle: Mutex::default() })
    }

    /// A lease that holds nothing yet.
    pub(crate) fn lease(self: &Arc<Self>) -> PageLease {
        PageLease { pages: Arc::clone(self), held: Vec::new(), open: 0 }
    }

    /// A page of at least `bytes`, for its owner alone.
    fn take(&self, bytes: u64) -> Result<Page> {
        let bytes = page_bytes(bytes);
        // Its own statement: nothing is locked while memory is allocated.
        let idle = lock(&self.idle).take(bytes);
        match idle {
            Some((_, page)) => Ok(page),
            None if bytes == PAGE => self.cut_slab(),
            None => {
                let buffer = self.buffer(bytes)?;
                Page::new(&buffer, 0..bytes, self.watched(&buffer))
            }
        }
    }

    /// The first page of a new slab; the others are idle from now on.
    fn cut_slab(&self) -> Result<Page> {
        let slab = self.buffer(SLAB)?;
        let extents = self.watched(&slab);
        let page = |range| Page::new(&slab, range, extents.clone());
        let first = page(0..PAGE)?;
        let rest = (1..SLAB / PAGE).map(|index| page(index * PAGE..(index + 1) * PAGE));
        let rest = rest.collect::<Result<Vec<_>>>()?;
        self.give_back(rest);
        Ok(first)
    }

    fn buffer(&self, bytes: u64) -> Result<Arc<BufferInner>> {
        let make = |kind| BufferInner::new(&self.device, "frame data", bytes, kind);
        let buffer = match make(MemoryKind::Direct) {
            // The window onto device memory may be small and full. Host memory serves as well, over the bus.
            Err(error @ Error::OutOfDeviceMemory { .. }) => {
                tracing::debug!(target: "vulkio::memory", %error, "frame data goes to host memory");
                make(MemoryKind::Upload)?
            }
            made => made?,
        };
        Ok(Arc::new(buffer))
    }

    /// Where checks are on, lets them know that a buffer holds what recordings write.
    fn watched(&self, buffer: &BufferInner) -> Option<Arc<Extents>> {
        let (checks, address, mapped) = (self.device.checks.as_ref()?, buffer.address()?, buffer.mapped()?);
        let extents = Arc::new(Extents::new(address, buffer.bytes));
        checks.buffers.is_for_pages(address, PageMemory { mapped, extents: Arc::clone(&extents) });
        Some(extents)
    }

    fn give_back(&self, pages: impl IntoIterator<Item = Page>) {
        let mut idle = lock(&self.idle);
        pages.into_iter().for_each(|page| idle.put(page.bytes, page));
        let surplus = idle.surplus();
        drop(idle);
        drop(surplus); // freeing memory takes a while
    }
}

impl Page {
    fn new(buffer: &Arc<BufferInner>, range: Range<u64>, extents: Option<Arc<Extents>>) -> Result<Self> {
        let unmapped = || Error::Invalid("frame data in memory that is not mapped; this is a mistake in vulkio".into());
        let raw = buffer.raw().ok_or_else(unmapped)?;
        let (address, start) = buffer.address().zip(buffer.mapped()).ok_or_else(unmapped)?;
        // SAFETY: all of the buffer is mapped from `start` on, and the range lies within it.
        let mapped = unsafe { start.add(range.start as usize) };
        Ok(Self {
            address: address + range.start,
            spot: Spot { raw, offset: range.start },
            bytes: range.end - range.start,
            mapped,
            extents,
            _buffer: Arc::clone(buffer),
        })
    }

    /// Where in it `bytes` have room, of which the first `used` are taken.
    fn room(&self, used: u64, bytes: u64, alignment: u64) -> Option<u64> {
        room(self.address, used..self.bytes, bytes, alignment)
    }

    /// The `bytes` from `start` on, where [`room`](Self::room) found them.
    fn place(&mut self, start: u64, bytes: u64) -> Place<'_> {
        // SAFETY: the bytes lie within the page, which is its lease's alone, and none of them was in a place before: so
        // nothing that was submitted reads them. Any bytes are bytes.
        let slice = unsafe { std::slice::from_raw_parts_mut(self.mapped.add(start as usize).as_ptr(), bytes as usize) };
        if let Some(extents) = &self.extents {
            extents.note(self.address + start, bytes);
        }
        let spot = Spot { offset: self.spot.offset + start, ..self.spot };
        Place { bytes: slice, spot, address: self.address + start }
    }
}

/// Pages on loan, filled from their beginning. Dropping gives them back, so it is held until the GPU is done with them.
pub(crate) struct PageLease {
    pages: Arc<Pages>,
    held: Vec<Held>,
    /// Which of them is filled next.
    open: usize,
}

struct Held {
    page: Page,
    used: u64,
}

impl PageLease {
    /// Room for `bytes`, which nobody else gets while the lease lasts, at a multiple of `alignment` or more.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] for a further page, or what the driver says.
    pub(crate) fn reserve(&mut self, bytes: usize, alignment: usize) -> Result<Place<'_>> {
        let (bytes, alignment) = (bytes as u64, self.pages.alignment.max(alignment as u64));
        let index = self.with_room(bytes, alignment)?;
        let Held { page, used } = &mut self.held[index];
        let start = page.room(*used, bytes, alignment).ok_or_else(|| too_large(bytes))?;
        *used = start + bytes;
        Ok(page.place(start, bytes))
    }

    /// Which page has room: the open one, or a new one. Of those two, that stays open which has more left.
    fn with_room(&mut self, bytes: u64, alignment: u64) -> Result<usize> {
        let open = self.held.get(self.open);
        if open.is_some_and(|held| held.page.room(held.used, bytes, alignment).is_some()) {
            return Ok(self.open);
        }
        let left = open.map_or(0, |held| held.page.bytes - held.used);
        // More than `bytes`: a buffer's own address is not as much aligned on every driver.
        let page = self.pages.take(bytes.saturating_add(alignment))?;
        let new = self.held.len();
        if page.bytes.saturating_sub(bytes) >= left {
            self.open = new;
        }
        self.held.push(Held { page, used: 0 });
        Ok(new)
    }

    /// Copies values to the frame's memory, and gives the address at which shaders find the first of them.
    ///
    /// # Errors
    /// [`Error::Invalid`] for 0 bytes; else as [`reserve`](Self::reserve).
    pub(crate) fn write<T: NoUninit>(&mut self, values: &[T]) -> Result<u64> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        if bytes.is_empty() {
            let (count, element) = (values.len(), type_name::<T>());
            return Err(Error::Invalid(format!(
                "frame data of {count} `{element}`, which is 0 bytes and has no address; leave it out"
            )));
        }
        let place = self.reserve(bytes.len(), align_of::<T>())?;
        place.bytes.copy_from_slice(bytes);
        Ok(place.address)
    }

    /// All that it holds; nothing is left.
    pub(crate) fn take(&mut self) -> Self {
        Self { pages: Arc::clone(&self.pages), held: mem::take(&mut self.held), open: mem::take(&mut self.open) }
    }
}

impl Drop for PageLease {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            self.pages.give_back(self.held.drain(..).map(|held| held.page));
        }
    }
}

/// What nobody uses.
struct Idle<P> {
    /// Of the usual size; the last to come is the first to go.
    usual: Vec<P>,
    /// Others, with their sizes, the oldest first.
    large: Vec<(u64, P)>,
    bytes: u64,
}

impl<P> Default for Idle<P> {
    fn default() -> Self {
        Self { usual: Vec::new(), large: Vec::new(), bytes: 0 }
    }
}

impl<P> Idle<P> {
    /// One of at least `bytes` and no more than twice as much: the smallest.
    fn take(&mut self, bytes: u64) -> Option<(u64, P)> {
        let found = match bytes {
            PAGE => self.usual.pop().map(|page| (PAGE, page)),
            _ => self.smallest(bytes).map(|index| self.large.remove(index)),
        };
        found.inspect(|(bytes, _)| self.bytes -= bytes)
    }

    fn smallest(&self, bytes: u64) -> Option<usize> {
        let fits = |&index: &usize| (bytes..=bytes.saturating_mul(2)).contains(&self.large[index].0);
        (0..self.large.len()).filter(fits).min_by_key(|&index| self.large[index].0)
    }

    fn put(&mut self, bytes: u64, page: P) {
        self.bytes += bytes;
        match bytes {
            PAGE => self.usual.push(page),
            _ => self.large.push((bytes, page)),
        }
    }

    /// What is more than is kept: large pages first, the oldest of them before others.
    fn surplus(&mut self) -> Vec<P> {
        let mut surplus = Vec::new();
        while self.bytes > MOST_IDLE {
            let (bytes, page) = match self.large.is_empty() {
                true => (PAGE, self.usual.remove(0)),
                false => self.large.remove(0),
            };
            self.bytes -= bytes;
            surplus.push(page);
        }
        surplus
    }
}

/// Where `bytes` have room in the `free` part of a page whose first byte is at `address`.
fn room(address: u64, free: Range<u64>, bytes: u64, alignment: u64) -> Option<u64> {
    let start = (address + free.start).checked_next_multiple_of(alignment)? - address;
    (start.checked_add(bytes)? <= free.end).then_some(start)
}

/// The size of the page that serves `bytes`: a power of two up to a MiB, then whole MiB.
fn page_bytes(bytes: u64) -> u64 {
    match bytes {
        ..=SLAB => bytes.next_power_of_two().max(PAGE),
        _ => bytes.checked_next_multiple_of(SLAB).unwrap_or(u64::MAX),
    }
}

/// A mistake within vulkio: a page is taken for what it has no room for.
fn too_large(bytes: u64) -> Error {
    Error::Invalid(format!("{bytes} bytes of frame data do not fit their page; this is a mistake in vulkio"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_begins_at_an_aligned_address_whatever_the_pages_own_is() {
        assert_eq!(room(4096, 0..PAGE, 10, 256), Some(0));
        assert_eq!(room(4096, 10..PAGE, 10, 256), Some(256));
        assert_eq!(room(4096 + 64, 0..PAGE, 10, 256), Some(192));
        assert_eq!(room(4096 + 64, 193..PAGE, 10, 256), Some(448));
    }

    #[test]
    fn a_page_is_filled_to_its_last_byte_and_no_further() {
        assert_eq!(room(0, 0..512, 512, 256), Some(0));
        assert_eq!(room(0, 256..512, 256, 256), Some(256));
        assert_eq!(room(0, 257..512, 1, 256), None);
        assert_eq!(room(0, 0..512, 513, 256), None);
        assert_eq!(room(0, 512..512, 0, 256), Some(512));
        assert_eq!(room(0, 0..512, u64::MAX, 256), None);
    }

    #[test]
    fn pages_come_in_few_sizes() {
        let sizes = [1, PAGE, PAGE + 1, SLAB - 1, SLAB, SLAB + 1, 5 * SLAB + 7].map(page_bytes);
        assert_eq!(sizes, [PAGE, PAGE, 2 * PAGE, SLAB, SLAB, 2 * SLAB, 6 * SLAB]);
        assert_eq!(page_bytes(u64::MAX), u64::MAX);
    }

    #[test]
    fn an_idle_page_serves_what_is_not_less_than_half_of_it() {
        let mut idle = Idle::default();
        idle.put(PAGE, "usual");
        idle.put(4 * SLAB, "four");
        idle.put(2 * SLAB, "two");
        assert_eq!(idle.take(8 * SLAB), None, "too small");
        assert_eq!(idle.take(SLAB), Some((2 * SLAB, "two")));
        assert_eq!(idle.take(SLAB), None, "more than twice as large");
        assert_eq!(idle.take(3 * SLAB), Some((4 * SLAB, "four")));
        assert_eq!(idle.take(PAGE), Some((PAGE, "usual")));
        assert_eq!((idle.take(PAGE), idle.bytes), (None, 0));
    }

    #[test]
    fn of_more_than_is_kept_the_oldest_large_page_goes_first() {
        let mut idle = Idle::default();
        idle.put(PAGE, 0);
        idle.put(MOST_IDLE / 2, 1);
        idle.put(MOST_IDLE / 2 - PAGE, 2);
        assert_eq!((idle.surplus(), idle.bytes), (vec![], MOST_IDLE));
        idle.put(PAGE, 3);
        assert_eq!((idle.surplus(), idle.bytes), (vec![1], MOST_IDLE / 2 + PAGE));
        idle.put(2 * MOST_IDLE, 4);
        assert_eq!((idle.surplus(), idle.bytes), (vec![2, 4], 2 * PAGE));
    }

    #[test]
    fn usual_pages_are_kept_up_to_the_same_bound() {
        let mut idle = Idle::default();
        let most = MOST_IDLE / PAGE;
        (0..most + 2).for_each(|page| idle.put(PAGE, page));
        assert_eq!((idle.surplus(), idle.bytes), (vec![0, 1], MOST_IDLE));
        assert_eq!(idle.take(PAGE), Some((PAGE, most + 1)));
    }
}
