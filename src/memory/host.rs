//! The host's own memory, as the device may import it.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    any::type_name,
    fmt,
    marker::PhantomData,
    mem::size_of,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    slice,
};

use bytemuck::Pod;

use crate::error::{Error, Result, guarded};

/// The most that Vulkan lets a device ask for (`minImportedHostPointerAlignment`), so that pages suit every device.
const PAGE: usize = 64 << 10;

/// Elements in page-aligned memory of the host, for [`Gpu::import`](crate::Gpu::import); derefs to a slice. All bytes are
/// zero at first.
///
/// It takes whole steps of 64 KiB.
///
/// ```
/// let mut pages = vulkio::HostPages::<u32>::new(1000)?;
/// pages[..3].copy_from_slice(&[1, 2, 3]);
/// assert_eq!((pages.len(), pages[2], pages[999]), (1000, 3, 0));
/// # Ok::<(), vulkio::Error>(())
/// ```
pub struct HostPages<T> {
    pages: PageRun,
    len: usize,
    element: PhantomData<T>,
}

impl<T: Pod> HostPages<T> {
    /// Memory for `len` elements. Where the system gives out zeroed memory on first touch, nothing is touched yet.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `len` is 0 or `T` has no size or is aligned to more than 64 KiB;
    /// [`Error::OutOfHostMemory`].
    pub fn new(len: usize) -> Result<Self> {
        check_element::<T>("host pages", len)?;
        if align_of::<T>() > PAGE {
            let element = type_name::<T>();
            return Err(Error::Invalid(format!("host pages: `{element}` is aligned to more than {PAGE} bytes")));
        }
        let pages = len.checked_mul(size_of::<T>()).and_then(PageRun::zeroed);
        let pages = pages.ok_or_else(|| Error::OutOfHostMemory { context: "making host pages".into() })?;
        Ok(Self { pages, len, element: PhantomData })
    }

    /// Host memory without its element type, and the elements in it.
    pub(crate) fn into_memory(self) -> (HostMemory, usize) {
        let Self { pages, len, .. } = self;
        (HostMemory { start: pages.start, bytes: pages.bytes, owner: Owner::Pages(pages) }, len)
    }

    /// The first `len` elements of pages that had as many before.
    pub(crate) fn of(pages: PageRun, len: usize) -> Self {
        Self { pages, len, element: PhantomData }
    }
}

impl<T: Pod> Deref for HostPages<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `len` elements lie within the pages, which are aligned for them, live as long as this, and are
        // initialized; any bytes are a `T`.
        unsafe { slice::from_raw_parts(self.pages.start.cast().as_ptr(), self.len) }
    }
}

impl<T: Pod> DerefMut for HostPages<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`; the pages are this one's alone.
        unsafe { slice::from_raw_parts_mut(self.pages.start.cast().as_ptr(), self.len) }
    }
}

impl<T> fmt::Debug for HostPages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostPages").field("len", &self.len).finish_non_exhaustive()
    }
}

/// Whole pages, which this owns.
pub(crate) struct PageRun {
    /// The first page border in the allocation.
    start: NonNull<u8>,
    /// From there: a multiple of [`PAGE`].
    bytes: usize,
    allocation: NonNull<u8>,
}

// SAFETY: the memory is this one's alone, whichever thread that is on; shared, it only hands out addresses.
unsafe impl Send for PageRun {}
// SAFETY: as above.
unsafe impl Sync for PageRun {}

impl PageRun {
    /// Room for `bytes`, which are not zero; `None` if there is no memory.
    fn zeroed(bytes: usize) -> Option<Self> {
        let bytes = bytes.checked_next_multiple_of(PAGE)?;
        // SAFETY: a page at least, so not of size zero.
        let allocation = NonNull::new(unsafe { alloc_zeroed(Self::layout(bytes)?) })?;
        // SAFETY: there is a page more than `bytes`, so the next border and `bytes` from there are within.
        let start = unsafe { allocation.add(allocation.align_offset(PAGE)) };
        Some(Self { start, bytes, allocation })
    }

    /// A page more than is used, and no alignment: allocators clear aligned memory by hand, but know when the system
    /// gives them cleared memory.
    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes.checked_add(PAGE)?, 1).ok()
    }
}

impl Drop for PageRun {
    fn drop(&mut self) {
        if let Some(layout) = Self::layout(self.bytes) {
            // SAFETY: allocated with this layout, and nobody's any more.
            unsafe { dealloc(self.allocation.as_ptr(), layout) };
        }
    }
}

/// Memory of the host that a device may import, and what keeps it.
pub(crate) struct HostMemory {
    pub(crate) start: NonNull<u8>,
    pub(crate) bytes: usize,
    owner: Owner,
}

enum Owner {
    Pages(PageRun),
    Foreign(#[expect(dead_code, reason = "it is only dropped")] Foreign),
}

/// What keeps memory that was made elsewhere: only ever dropped.
struct Foreign(Option<Box<dyn Send>>);

impl Drop for Foreign {
    fn drop(&mut self) {
        // It may be the reactor that lets go of it.
        guarded("the owner of imported memory", || drop(self.0.take()));
    }
}

// SAFETY: the start is only an address here; the owner is `Send`.
unsafe impl Send for HostMemory {}
// SAFETY: shared, it only hands out the address; the owner is reached by the drop alone.
unsafe impl Sync for HostMemory {}

impl HostMemory {
    /// Memory that `keep` keeps.
    ///
    /// # Safety
    /// `bytes` from `start` on must stay readable, and unwritten, until `keep` is dropped.
    pub(crate) unsafe fn foreign(start: NonNull<u8>, bytes: usize, keep: impl Send + 'static) -> Self {
        Self { start, bytes, owner: Owner::Foreign(Foreign(Some(Box::new(keep)))) }
    }

    /// Whether pages of our own are the owner.
    pub(crate) fn is_pages(&self) -> bool {
        matches!(self.owner, Owner::Pages(_))
    }

    /// Those pages.
    pub(crate) fn into_pages(self) -> Option<PageRun> {
        match self.owner {
            Owner::Pages(pages) => Some(pages),
            Owner::Foreign(_) => None,
        }
    }

    /// Whether a device imports it that asks for this alignment.
    ///
    /// # Errors
    /// [`Error::Invalid`], with the alignment.
    pub(crate) fn check(&self, alignment: u64) -> Result<()> {
        check_span(self.start.addr().get() as u64, self.bytes as u64, alignment)
    }
}

fn check_span(start: u64, bytes: u64, alignment: u64) -> Result<()> {
    if !start.is_multiple_of(alignment) {
        return Err(Error::Invalid(format!(
            "import of host memory at {start:#x}; this device takes addresses that are multiples of {alignment}"
        )));
    }
    if !bytes.is_multiple_of(alignment) {
        return Err(Error::Invalid(format!(
            "import of {bytes} bytes of host memory; this device takes multiples of {alignment}"
        )));
    }
    Ok(())
}

/// Whether there can be so many elements.
///
/// # Errors
/// [`Error::Invalid`] if not.
pub(crate) fn check_element<T>(what: &str, len: usize) -> Result<()> {
    if len == 0 {
        return Err(Error::Invalid(format!("{what}: 0 elements; there must be at least one")));
    }
    if size_of::<T>() == 0 {
        return Err(Error::Invalid(format!("{what}: the element `{}` has no bytes", type_name::<T>())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    #[test]
    fn pages_begin_at_a_page_end_at_one_and_are_zero() {
        for len in [1, PAGE, PAGE + 1, 3 * PAGE] {
            let mut pages = HostPages::<u8>::new(len).expect("memory");
            assert_eq!((pages.len(), pages.as_ptr().addr() % PAGE), (len, 0));
            assert!(pages.iter().all(|&byte| byte == 0));
            pages.fill(7);
            let (memory, len) = pages.into_memory();
            assert_eq!(memory.bytes, len.next_multiple_of(PAGE));
            assert!(memory.check(PAGE as u64).is_ok());
            assert!(memory.is_pages());
            let pages = HostPages::<u8>::of(memory.into_pages().expect("they were pages"), len);
            assert!(pages.iter().all(|&byte| byte == 7));
        }
    }

    #[test]
    fn pages_of_nothing_and_of_more_than_there_is_are_refused() {
        assert!(matches!(HostPages::<u8>::new(0), Err(Error::Invalid(_))));
        assert!(matches!(HostPages::<[u8; 0]>::new(1), Err(Error::Invalid(_))));
        for len in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8] {
            assert!(matches!(HostPages::<u64>::new(len), Err(Error::OutOfHostMemory { .. })), "{len}");
        }
    }

    #[test]
    fn a_span_that_is_not_aligned_is_refused_with_the_alignment() {
        assert!(check_span(3 << 12, 5 << 12, 4096).is_ok());
        for (start, bytes) in [((3 << 12) + 64, 4096), (4096, 4100), (4096, 2048)] {
            let error = check_span(start, bytes, 4096).expect_err("misaligned").to_string();
            assert!(error.contains("multiples of 4096"), "{error}");
        }
    }

    #[test]
    fn what_keeps_foreign_memory_is_dropped_once_and_its_panic_goes_no_further() {
        struct Owner(Arc<AtomicUsize>);
        impl Drop for Owner {
            fn drop(&mut self) {
                self.0.fetch_add(1, Relaxed);
                panic!("dropped");
            }
        }
        let drops = Arc::new(AtomicUsize::new(0));
        // SAFETY: it is not read.
        let memory = unsafe { HostMemory::foreign(NonNull::dangling(), 4096, Owner(Arc::clone(&drops))) };
        assert!(!memory.is_pages());
        assert_eq!(drops.load(Relaxed), 0);
        drop(memory);
        assert_eq!(drops.load(Relaxed), 1);
    }
}
