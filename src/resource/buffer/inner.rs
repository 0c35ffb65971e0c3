//! Buffers without their element types: with memory of their own, or placed in an arena while a graph lives.

use std::{
    fmt,
    mem::{self, ManuallyDrop},
    ptr::NonNull,
    sync::{Arc, OnceLock, Weak, atomic::Ordering::Relaxed},
};

use ash::vk;

use super::{
    super::{State, image::unplaced, new_buffer_state},
    hosted::Hosted,
};
use crate::{
    error::{During, Error, Result},
    gpu::device::Device,
    graph::ir::Region,
    memory::{Allocation, Dedicated, HostMemory, MemoryKind, PageRun},
    sync::prim::lock,
};

/// What any buffer may be used for. Narrower flags buy nothing on the devices there are.
const USAGE: vk::BufferUsageFlags = vk::BufferUsageFlags::from_raw(
    vk::BufferUsageFlags::STORAGE_BUFFER.as_raw()
        | vk::BufferUsageFlags::UNIFORM_BUFFER.as_raw()
        | vk::BufferUsageFlags::VERTEX_BUFFER.as_raw()
        | vk::BufferUsageFlags::INDEX_BUFFER.as_raw()
        | vk::BufferUsageFlags::VERTEX_BUFFER.as_raw()
        | vk::BufferUsageFlags::INDIRECT_BUFFER.as_raw()
        | vk::BufferUsageFlags::TRANSFER_SRC.as_raw()
        | vk::BufferUsageFlags::TRANSFER_DST.as_raw()
        | vk::BufferUsageFlags::SHADER_DEVICE_ADDRESS.as_raw(),
);

/// A buffer without its element type.
pub struct BufferInner {
    pub(crate) device: Arc<Device>,
    pub(crate) bytes: u64,
    pub(crate) kind: MemoryKind,
    pub(crate) name: Arc<str>,
    pub(crate) state: State,
    /// The graph that it lives in, if it lives in one alone.
    pub(crate) transient_of: Option<u64>,
    /// Where its memory goes when the last handle is gone.
    home: Option<Weak<dyn BufferHome>>,
    body: Body,
}

enum Body {
    Own(OwnBuffer),
    /// In memory of the host; `None` once that is taken back.
    Hosted(Option<Hosted>),
    /// From when the graph is recorded on.
    Placed(OnceLock<Placed>),
}

/// A Vulkan buffer with memory of its own.
pub(crate) struct OwnBuffer {
    device: Arc<Device>,
    raw: vk::Buffer,
    bytes: u64,
    kind: MemoryKind,
    address: u64,
    allocation: ManuallyDrop<Allocation>,
}

/// The smallest page that an operating system has.
const PAGE: usize = 4096;

/// Who lent a buffer its memory.
pub(crate) trait BufferHome: Send + Sync {
    /// The last handle is gone, and the GPU is done with it. Called on any thread.
    fn take_back(&self, own: OwnBuffer);
}

struct Placed {
    arena: Arc<BufferInner>,
    offset: u64,
}

/// Where a buffer's first byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) raw: vk::Buffer,
    pub(crate) offset: u64,
}

impl BufferInner {
    /// Makes a buffer of `bytes`, which must not be zero.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] before any Vulkan call if no heap could hold it; else as [`Gpu::buffer`](crate::Gpu::buffer).
    pub(crate) fn new(device: &Arc<Device>, name: &str, bytes: u64, kind: MemoryKind) -> Result<Self> {
        let body = Body::Own(OwnBuffer::new(device, name, bytes, kind)?);
        Ok(Self::with(device, name, bytes, kind, None, body))
    }

    /// As [`new`](Self::new), for the host to write, with every page of it there.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn resident(device: &Arc<Device>, name: &str, bytes: u64, kind: MemoryKind) -> Result<Self> {
        let mut own = OwnBuffer::new(device, name, bytes, kind)?;
        own.make_resident();
        Ok(Self::with(device, name, bytes, kind, None, Body::Own(own)))
    }

    /// The first `bytes` of `own`, in a state as if it were new: the GPU is done with what it was before.
    pub(crate) fn lent(own: OwnBuffer, name: &str, bytes: u64, home: Weak<dyn BufferHome>) -> Self {
        let (device, kind) = (Arc::clone(&own.device), own.kind);
        let mut inner = Self::with(&device, name, bytes, kind, None, Body::Own(own));
        inner.home = Some(home);
        inner
    }

    /// A buffer of `bytes`, which must not be zero, that lives inside the graph with this id: it has no memory before
    /// it is placed.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] if no heap could hold it.
    pub(crate) fn transient(device: &Arc<Device>, name: &str, bytes: u64, graph: u64) -> Result<Self> {
        device.memory().check(name, bytes, MemoryKind::Device)?;
        let body = Body::Placed(OnceLock::new());
        Ok(Self::with(device, name, bytes, MemoryKind::Device, Some(graph), body))
    }

    /// Imports memory of the host, of which the buffer has the first `bytes`: for copies to read, and nothing else. It
    /// takes long; not for a runtime's worker.
    ///
    /// # Errors
    /// As [`Hosted::import`].
    pub(crate) fn hosted(device: &Arc<Device>, name: &str, bytes: u64, host: HostMemory) -> Result<Self> {
        let body = Body::Hosted(Some(Hosted::import(device, name, bytes, host)?));
        Ok(Self::with(device, name, bytes, MemoryKind::Upload, None, body))
    }

    /// Takes pages back that were imported, if this is in such; nothing uses the buffer after.
    pub(crate) fn take_pages(&mut self) -> Option<PageRun> {
        let Body::Hosted(hosted) = &mut self.body else { return None };
        let hosted = hosted.take_if(|hosted| hosted.host.is_pages())?;
        hosted.destroy(&self.device).into_pages()
    }

    fn with(
        device: &Arc<Device>,
        name: &str,
        bytes: u64,
        kind: MemoryKind,
        transient_of: Option<u64>,
        body: Body,
    ) -> Self {
        let state = new_buffer_state(Region::bytes(0..bytes));
        if kind.is_written_by_host() {
            // Which no graph sees.
            lock(&state).assume_written();
        }
        let inner =
            Self { device: Arc::clone(device), bytes, kind, name: name.into(), state, transient_of, home: None, body };
        if let (Some(checks), Body::Own(own)) = (&device.checks, &inner.body) {
            checks.buffers.add(own.address, bytes, &inner.name);
        }
        inner
    }

    /// Gives a transient buffer its place in an arena, once.
    ///
    /// # Errors
    /// [`Error::Graph`] if it has one, or needs none.
    pub(crate) fn place(&self, arena: &Arc<Self>, offset: u64) -> Result<()> {
        let placed = Placed { arena: Arc::clone(arena), offset };
        let fresh = match &self.body {
            Body::Own(_) | Body::Hosted(_) => false,
            Body::Placed(place) => place.set(placed).is_ok(),
        };
        let name = &self.name;
        if fresh { Ok(()) } else { Err(Error::Graph(format!("`{name}` has memory already; a transient gets it once"))) }
    }

    /// The Vulkan buffer that it is or lies in; `None` while a transient has no place.
    pub(crate) fn raw(&self) -> Option<vk::Buffer> {
        match &self.body {
            Body::Own(own) => Some(own.raw),
            Body::Hosted(hosted) => hosted.as_ref().map(|hosted| hosted.raw),
            Body::Placed(place) => place.get().and_then(|placed| placed.arena.raw()),
        }
    }

    /// Where it begins in that.
    pub(crate) fn offset(&self) -> u64 {
        match &self.body {
            Body::Own(_) | Body::Hosted(_) => 0,
            Body::Placed(place) => place.get().map_or(0, |placed| placed.offset),
        }
    }

    pub(crate) fn spot(&self) -> Option<Spot> {
        self.raw().map(|raw| Spot { raw, offset: self.offset() })
    }

    /// The address of its first byte; `None` while a transient has no place, and for memory of the host.
    pub(crate) fn address(&self) -> Option<u64> {
        match &self.body {
            Body::Own(own) => Some(own.address),
            Body::Hosted(_) => None,
            Body::Placed(place) => place.get().and_then(|placed| Some(placed.arena.address()? + placed.offset)),
        }
    }

    /// All of its bytes.
    pub(crate) fn whole(&self) -> Region {
        Region::bytes(0..self.bytes)
    }

    /// Whether it is memory of the host, which the GPU only reads.
    pub(crate) fn is_hosted(&self) -> bool {
        matches!(self.body, Body::Hosted(_))
    }

    /// Why it has no address.
    pub(crate) fn unaddressed(&self) -> Error {
        let name = &self.name;
        match self.body {
            Body::Hosted(_) => Error::Graph(format!("`{name}` is memory of the host; shaders read a copy of it")),
            Body::Own(_) | Body::Placed(_) => unplaced(name),
        }
    }

    /// Where the host sees the buffer, unless it is in device memory alone.
    pub(crate) fn mapped(&self) -> Option<NonNull<u8>> {
        match &self.body {
            Body::Own(own) => own.mapped(),
            Body::Hosted(hosted) => hosted.as_ref().map(|hosted| hosted.host.start),
            Body::Placed(_) => None,
        }
    }
}

impl Drop for BufferInner {
    fn drop(&mut self) {
        if let (Some(checks), Body::Own(own)) = (&self.device.checks, &self.body) {
            checks.buffers.remove(own.address);
        }
        if let Some(home) = self.home.as_ref().and_then(Weak::upgrade)
            && let Body::Own(own) = mem::replace(&mut self.body, Body::Placed(OnceLock::new()))
        {
            home.take_back(own);
        }
        if let Body::Hosted(hosted) = &mut self.body {
            // The host's memory goes after what was imported of it.
            drop(hosted.take().map(|hosted| hosted.destroy(&self.device)));
        }
    }
}

impl OwnBuffer {
    /// # Errors
    /// As [`BufferInner::new`].
    pub(crate) fn new(device: &Arc<Device>, name: &str, bytes: u64, kind: MemoryKind) -> Result<Self> {
        device.memory().check(name, bytes, kind)?;
        let raw = create(device, bytes)?;
        let allocation = place(device, name, raw, kind).inspect_err(|_| {
            // SAFETY: the buffer was made above and nothing uses it.
            unsafe { device.raw.destroy_buffer(raw, None) }
        })?;
        device.labels.name(raw, name);
        let info = vk::BufferDeviceAddressInfo::default().buffer(raw);
        // SAFETY: the buffer is bound to memory that may have an address, and has the usage for it.
        let address = unsafe { device.raw.get_buffer_device_address(&info) };
        if kind == MemoryKind::Readback {
            device.counters.readback_bytes.fetch_add(bytes, Relaxed);
        }
        let (device, allocation) = (Arc::clone(device), ManuallyDrop::new(allocation));
        Ok(Self { device, raw, bytes, kind, address, allocation })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the host sees its first byte, unless it is in device memory.
    pub(crate) fn mapped(&self) -> Option<NonNull<u8>> {
        self.allocation.mapped
    }

    /// Makes every page that the host sees present, before anybody else knows of the buffer: a copy that touches pages first
    /// runs at a fraction of its speed.
    pub(crate) fn make_resident(&mut self) {
        let Some(start) = self.mapped() else { return };
        for offset in (0..self.bytes as usize).step_by(PAGE) {
            // SAFETY: all of the buffer is mapped from there, and this is its only owner.
            unsafe { start.add(offset).write_volatile(0) };
        }
    }
}

impl Drop for OwnBuffer {
    fn drop(&mut self) {
        // SAFETY: whoever submits work holds the buffer until that work has completed, so the device does not use it.
        unsafe { self.device.raw.destroy_buffer(self.raw, None) };
        // SAFETY: the allocation is taken here, in the only place, and never looked at again.
        let allocation = unsafe { ManuallyDrop::take(&mut self.allocation) };
        self.device.memory().free(allocation);
        if self.kind == MemoryKind::Readback {
            self.device.counters.readback_bytes.fetch_sub(self.bytes, Relaxed);
        }
    }
}

impl fmt::Debug for BufferInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("name", &self.name)
            .field("bytes", &self.bytes)
            .field("memory", &self.kind.word())
            .field("transient", &self.transient_of.is_some())
            .finish_non_exhaustive()
    }
}

fn create(device: &Device, bytes: u64) -> Result<vk::Buffer> {
    let families = &device.queues.families;
    let mut info = vk::BufferCreateInfo::default().size(bytes).usage(USAGE);
    if families.len() > 1 {
        // Buffers pass between queues by semaphores alone; ownership transfers would buy nothing for them.
        info = info.sharing_mode(vk::SharingMode::CONCURRENT).queue_family_indices(families);
    }
    // SAFETY: the structure is valid and the families are those that the device was made with.
    unsafe { device.raw.create_buffer(&info, None) }.during("vkCreateBuffer")
}

/// Gives the buffer memory.
fn place(device: &Device, name: &str, raw: vk::Buffer, kind: MemoryKind) -> Result<Allocation> {
    // SAFETY: the buffer was just made on this device.
    let requirements = unsafe { device.raw.get_buffer_memory_requirements(raw) };
    let memory = device.memory();
    let allocation = memory.allocate(name, requirements, kind, Some(Dedicated::Buffer(raw)), &device.labels)?;
    // SAFETY: the buffer is unbound, and the memory meets its requirements from that offset on.
    match unsafe { device.raw.bind_buffer_memory(raw, allocation.memory, allocation.offset) }
        .during("vkBindBufferMemory")
    {
        Ok(()) => Ok(allocation),
        Err(error) => {
            memory.free(allocation);
            Err(error)
        }
    }
}
