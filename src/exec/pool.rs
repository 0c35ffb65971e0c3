//! Command pools: owned by the `Gpu`, lent to one thread for one frame, reset as a whole.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use ash::vk;

use crate::{
    error::{During, Result},
    gpu::{counters::Counters, device::Device},
    sync::prim::lock,
};

/// A pool whose thread has ended may go to another one, and so may one that was not lent for as many leases. A busy thread's
/// is not taken, because it is as large as what that thread records.
const IDLE: u64 = 64;

/// All command pools of a device.
pub(crate) struct Pools {
    device: Arc<Device>,
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    pools: Vec<Pool>,
    /// Leases so far.
    leases: u64,
}

impl Free {
    /// The pool that the thread had before, or one that is idle.
    fn take(&mut self, family: u32, thread: &Arc<Thread>) -> Option<Pool> {
        self.leases += 1;
        let now = self.leases;
        let is_idle = |pool: &Pool| pool.thread.ended.load(Ordering::Relaxed) || now - pool.lent > IDLE;
        let pools = || self.pools.iter();
        let own = pools().rposition(|pool| pool.family == family && Arc::ptr_eq(&pool.thread, thread));
        let found = own.or_else(|| pools().position(|pool| pool.family == family && is_idle(pool)))?;
        let mut pool = self.pools.swap_remove(found);
        pool.lent = now;
        Some(pool)
    }
}

struct Pool {
    raw: vk::CommandPool,
    family: u32,
    buffers: Vec<vk::CommandBuffer>,
    /// How many of `buffers` were handed out since the last reset.
    used: usize,
    /// The thread that recorded with it last: its memory is warm there.
    thread: Arc<Thread>,
    /// When it was lent last, in leases.
    lent: u64,
}

/// What a pool knows of the thread that records with it.
struct Thread {
    number: u32,
    ended: AtomicBool,
}

/// This thread's own. It is only a name and a flag: no thread-local owns anything of Vulkan's, whose destructors would run
/// at a thread's end in any order.
struct ThisThread(Arc<Thread>);

impl ThisThread {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Self(Arc::new(Thread { number: NEXT.fetch_add(1, Ordering::Relaxed), ended: AtomicBool::new(false) }))
    }
}

impl Drop for ThisThread {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Relaxed);
    }
}

thread_local!(static THIS: ThisThread = ThisThread::new());

fn this_thread() -> Arc<Thread> {
    // Gone while the thread ends: then a name that nobody else has.
    THIS.try_with(|this| Arc::clone(&this.0)).unwrap_or_else(|_| Arc::clone(&ThisThread::new().0))
}

/// A small number for this thread.
pub(crate) fn thread_number() -> u32 {
    this_thread().number
}

impl Pools {
    pub(crate) fn new(device: Arc<Device>) -> Arc<Self> {
        Arc::new(Self { device, free: Mutex::default() })
    }

    /// Lends a pool for queues of `family` to the calling thread: the one it had before if that is free.
    pub(crate) fn lease(self: &Arc<Self>, family: u32) -> Result<Lease> {
        let thread = this_thread();
        let found = lock(&self.free).take(family, &thread);
        let mut pool = match found {
            Some(pool) => pool,
            None => self.create(family, &thread)?,
        };
        pool.thread = thread;
        let mut lease = Lease { pools: Arc::clone(self), pool: Some(pool), recording: None };
        lease.reset()?;
        Ok(lease)
    }

    fn create(&self, family: u32, thread: &Arc<Thread>) -> Result<Pool> {
        let info = vk::CommandPoolCreateInfo::default()
            .flags(vk::CommandPoolCreateFlags::TRANSIENT)
            .queue_family_index(family);
        // SAFETY: the family is one that the device was created with.
        let raw = unsafe { self.device.raw.create_command_pool(&info, None) }.during("vkCreateCommandPool")?;
        Counters::add(&self.device.counters.command_pools, 1);
        self.device.labels.name(raw, "recording pool");
        Ok(Pool {
            raw,
            family,
            buffers: Vec::new(),
            used: 0,
            thread: Arc::clone(thread),
            lent: lock(&self.free).leases,
        })
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        for pool in lock(&self.free).pools.drain(..) {
            // SAFETY: a free pool's buffers are not pending: leases in flight are held by their retire records.
            unsafe { self.device.raw.destroy_command_pool(pool.raw, None) };
        }
    }
}

/// A pool on loan. Dropping gives it back, so it is held until the GPU is done with its buffers.
pub(crate) struct Lease {
    pools: Arc<Pools>,
    pool: Option<Pool>,
    /// Begun and not ended.
    recording: Option<vk::CommandBuffer>,
}

impl Lease {
    /// Whether the calling thread may go on with this lease, for queues of `family`.
    pub(crate) fn is_mine(&self, family: u32) -> bool {
        self.pool.as_ref().is_some_and(|pool| Arc::ptr_eq(&pool.thread, &this_thread()) && pool.family == family)
    }

    /// The queue family that its buffers are for.
    pub(crate) fn family(&self) -> u32 {
        self.pool.as_ref().map_or(u32::MAX, |pool| pool.family)
    }

    fn pool(&mut self) -> &mut Pool {
        self.pool.as_mut().expect("a lease holds its pool until it is dropped")
    }

    fn reset(&mut self) -> Result<()> {
        let device = Arc::clone(&self.pools.device);
        let pool = self.pool();
        if pool.used == 0 {
            return Ok(());
        }
        // SAFETY: the pool was free, so none of its buffers is pending or being recorded.
        unsafe { device.raw.reset_command_pool(pool.raw, vk::CommandPoolResetFlags::empty()) }
            .during("vkResetCommandPool")?;
        pool.used = 0;
        Ok(())
    }

    /// Begins a command buffer that is submitted once.
    pub(crate) fn begin(&mut self) -> Result<vk::CommandBuffer> {
        let device = Arc::clone(&self.pools.device);
        let pool = self.pool();
        if pool.used == pool.buffers.len() {
            let info = vk::CommandBufferAllocateInfo::default()
                .command_pool(pool.raw)
                .level(vk::CommandBufferLevel::PRIMARY)
                .command_buffer_count(1);
            // SAFETY: the pool is alive and this lease is its only user.
            let new = unsafe { device.raw.allocate_command_buffers(&info) }.during("vkAllocateCommandBuffers")?;
            pool.buffers.extend(new);
        }
        let buffer = pool.buffers[pool.used];
        let info = vk::CommandBufferBeginInfo::default().flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: the buffer is in its initial state since its pool's last reset.
        unsafe { device.raw.begin_command_buffer(buffer, &info) }.during("vkBeginCommandBuffer")?;
        pool.used += 1;
        self.recording = Some(buffer);
        Ok(buffer)
    }

    /// Ends the command buffer that was begun last. Rendering in it must have been ended.
    pub(crate) fn end(&mut self) -> Result<()> {
        let Some(buffer) = self.recording.take() else { return Ok(()) };
        // SAFETY: the buffer is being recorded, by this lease alone, outside of rendering.
        unsafe { self.pools.device.raw.end_command_buffer(buffer) }.during("vkEndCommandBuffer")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A recording that failed is ended, too, although its pool is reset: NVIDIA's driver 580 carries the data of a
        // vkCmdUpdateBuffer over from a command buffer that was reset while it was being recorded.
        let _ = self.end();
        if let Some(pool) = self.pool.take() {
            lock(&self.pools.free).pools.push(pool);
        }
    }
}
