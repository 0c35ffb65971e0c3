//! What device tests share: a strictly validated device, a gate that keeps the GPU busy, and a count of calls.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod faults;
mod gates;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, c_void},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use vulkio::{
    Error, Frame, Gpu, GpuBuffer, GpuOptions, Graph, Intercept, QueueKind, Renderer, RendererOptions, Validation,
    ash::{self, vk},
};

/// Options of a device under core and synchronization validation.
pub(crate) fn strict() -> GpuOptions {
    let hook: Intercept = Arc::new(gates::settle);
    // SAFETY: the one replacement has the type of what it replaces, and calls it.
    unsafe { GpuOptions::default().validation(Validation::Strict).intercept(hook) }
}

/// A device under core and synchronization validation. There being none is a failure.
pub(crate) fn strict_gpu() -> Gpu {
    open(strict())
}

pub(crate) fn open(options: GpuOptions) -> Gpu {
    Gpu::open_blocking(options).expect("tests need a Vulkan device and the validation layer; `./x test` installs both")
}

/// A kind of queue for every family that the device has in use.
pub(crate) fn families(gpu: &Gpu) -> Vec<QueueKind> {
    let mut seen = BTreeSet::new();
    let mut kinds = vec![QueueKind::Graphics, QueueKind::Compute, QueueKind::Transfer];
    // SAFETY: the queue is not used.
    kinds.retain(|&kind| seen.insert(unsafe { gpu.with_queue(kind, |_, family| family) }));
    kinds
}

/// Ends a test: everything given back, and not one message from the validation layer, leaks included.
pub(crate) async fn close(gpu: Gpu) {
    gpu.close().await.expect("the device closes");
    let log = gpu.validation_log();
    drop(gpu);
    assert_eq!(log.messages(), Vec::<String>::new());
}

/// "The GPU is busy until the test says so": a timeline semaphore that graphs wait for on the GPU.
///
/// Opened when dropped, so that a failing test ends.
pub(crate) struct Gate {
    device: ash::Device,
    semaphore: vk::Semaphore,
    is_open: AtomicBool,
    _gpu: Gpu,
}

impl Gate {
    pub(crate) fn new(gpu: &Gpu) -> Self {
        // SAFETY: the handles are used while `_gpu` is alive.
        let device = unsafe { gpu.raw() }.device.clone();
        let mut kind = vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        // SAFETY: the device is alive.
        let semaphore = unsafe { device.create_semaphore(&info, None) }.expect("a semaphore");
        gates::shut();
        Self { device, semaphore, is_open: AtomicBool::new(false), _gpu: gpu.clone() }
    }

    /// Makes a graph wait until the gate opens.
    pub(crate) fn hold(&self, graph: &Graph) {
        // SAFETY: the semaphore lives until the gate is dropped, after the graph has completed: tests see to that; and it
        // is signalled at the latest when it is dropped.
        unsafe { graph.wait_for_raw(self.semaphore, 1) };
    }

    pub(crate) fn open(&self) {
        gates::open(&self.is_open, || {
            let info = vk::SemaphoreSignalInfo::default().semaphore(self.semaphore).value(1);
            // SAFETY: it is done once, so the value is larger than the present one.
            unsafe { self.device.signal_semaphore(&info) }.expect("a signal");
        });
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
        // SAFETY: after this nothing waits for the semaphore any more.
        unsafe {
            let _ = self.device.device_wait_idle();
            self.device.destroy_semaphore(self.semaphore, None);
        }
    }
}

/// Counts the calls of some device-level functions, by function and by the name of the thread that made them.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<(&'static str, String), u64>>>);

impl Calls {
    /// Counted calls of `function`, from threads whose name `threads` accepts.
    pub(crate) fn count(&self, function: &str, threads: impl Fn(&str) -> bool) -> u64 {
        let calls = self.0.lock().expect("not poisoned");
        calls.iter().filter(|((name, thread), _)| *name == function && threads(thread)).map(|(_, count)| count).sum()
    }

    pub(crate) fn total(&self, function: &str) -> u64 {
        self.count(function, |_| true)
    }

    /// By function and thread, for messages.
    pub(crate) fn all(&self) -> BTreeMap<(&'static str, String), u64> {
        self.0.lock().expect("not poisoned").clone()
    }
}

/// One device at a time: the replacement functions have no place for a context.
static CALLS: Mutex<Option<Calls>> = Mutex::new(None);

fn note(function: &'static str) {
    let calls = CALLS.lock().expect("not poisoned").clone();
    if let Some(calls) = calls {
        let thread = thread::current().name().unwrap_or("?").to_owned();
        *calls.0.lock().expect("not poisoned").entry((function, thread)).or_default() += 1;
    }
}

/// Barrier calls that do nothing, and such as could have said the same in fewer words, count as calls of these.
pub(crate) const EMPTY_BARRIER: &str = "vkCmdPipelineBarrier2 of nothing";
pub(crate) const LOOSE_BARRIER: &str = "vkCmdPipelineBarrier2 of several memory barriers";

fn look_at(info: *const vk::DependencyInfo<'_>) {
    // SAFETY: the argument of a call that is being made: it and what it points to are there.
    let (memory, images, buffers) = unsafe {
        let info = &*info;
        let count = info.memory_barrier_count as usize;
        let memory = if count == 0 { &[] } else { std::slice::from_raw_parts(info.p_memory_barriers, count) };
        (memory, info.image_memory_barrier_count, info.buffer_memory_barrier_count)
    };
    let says_nothing =
        |barrier: &vk::MemoryBarrier2<'_>| barrier.src_stage_mask.is_empty() || barrier.dst_stage_mask.is_empty();
    if memory.iter().any(says_nothing) || memory.is_empty() && images == 0 && buffers == 0 {
        note(EMPTY_BARRIER);
    }
    if memory.len() > 1 || buffers > 0 {
        note(LOOSE_BARRIER);
    }
}

macro_rules! shim {
    ($($name:literal $module:ident: fn($($arg:ident: $ty:ty),*) $(-> $ret:ty)? $(=> $look:expr)?;)*) => {
        $(mod $module {
            use super::*;
            pub(super) static REAL: AtomicUsize = AtomicUsize::new(0);
            pub(super) unsafe extern "system" fn counted($($arg: $ty),*) $(-> $ret)? {
                note($name);
                $($look;)?
                let real = REAL.load(Ordering::Acquire);
                // SAFETY: stored when this function was handed out, and the driver's function of this very type.
                let real: unsafe extern "system" fn($($ty),*) $(-> $ret)? = unsafe { std::mem::transmute(real) };
                // SAFETY: the caller's arguments, passed on.
                unsafe { real($($arg),*) }
            }
        })*

        fn replace(name: &CStr, real: *const c_void) -> *const c_void {
            match name.to_bytes() {
                $(name if name == $name.as_bytes() => {
                    $module::REAL.store(real as usize, Ordering::Release);
                    $module::counted as *const c_void
                })*
                _ => gates::settle(name, real),
            }
        }
    };
}

shim! {
    "vkWaitSemaphores" wait_semaphores: fn(device: vk::Device, info: *const vk::SemaphoreWaitInfo<'_>, timeout: u64) -> vk::Result;
    "vkWaitForFences" wait_fences: fn(device: vk::Device, count: u32, fences: *const vk::Fence, all: vk::Bool32, timeout: u64) -> vk::Result;
    "vkQueueWaitIdle" queue_idle: fn(queue: vk::Queue) -> vk::Result;
    "vkDeviceWaitIdle" device_idle: fn(device: vk::Device) -> vk::Result;
    "vkCreateGraphicsPipelines" graphics_pipelines: fn(device: vk::Device, cache: vk::PipelineCache, count: u32, infos: *const vk::GraphicsPipelineCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::Pipeline) -> vk::Result;
    "vkCreateComputePipelines" compute_pipelines: fn(device: vk::Device, cache: vk::PipelineCache, count: u32, infos: *const vk::ComputePipelineCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::Pipeline) -> vk::Result;
    "vkCreateSwapchainKHR" swapchain: fn(device: vk::Device, info: *const vk::SwapchainCreateInfoKHR<'_>, callbacks: *const c_void, out: *mut vk::SwapchainKHR) -> vk::Result;
    "vkAcquireNextImageKHR" acquire: fn(device: vk::Device, swapchain: vk::SwapchainKHR, timeout: u64, semaphore: vk::Semaphore, fence: vk::Fence, index: *mut u32) -> vk::Result;
    "vkQueuePresentKHR" present: fn(queue: vk::Queue, info: *const vk::PresentInfoKHR<'_>) -> vk::Result;
    "vkQueueSubmit2" submit: fn(queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence) -> vk::Result;
    "vkAllocateMemory" allocate: fn(device: vk::Device, info: *const vk::MemoryAllocateInfo<'_>, callbacks: *const c_void, out: *mut vk::DeviceMemory) -> vk::Result;
    "vkFreeMemory" free: fn(device: vk::Device, memory: vk::DeviceMemory, callbacks: *const c_void);
    "vkCreateCommandPool" create_pool: fn(device: vk::Device, info: *const vk::CommandPoolCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::CommandPool) -> vk::Result;
    "vkCreateSemaphore" create_semaphore: fn(device: vk::Device, info: *const vk::SemaphoreCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::Semaphore) -> vk::Result;
    "vkUpdateDescriptorSets" update_sets: fn(device: vk::Device, writes: u32, write: *const c_void, copies: u32, copy: *const c_void);
    "vkCmdPipelineBarrier2" barrier: fn(cmd: vk::CommandBuffer, info: *const vk::DependencyInfo<'_>) => look_at(info);
    "vkCmdCopyBuffer" copy_buffer: fn(cmd: vk::CommandBuffer, from: vk::Buffer, to: vk::Buffer, regions: u32, region: *const vk::BufferCopy);
    "vkCmdDispatch" dispatch: fn(cmd: vk::CommandBuffer, x: u32, y: u32, z: u32);
    "vkCmdDraw" draw: fn(cmd: vk::CommandBuffer, vertices: u32, instances: u32, first_vertex: u32, first_instance: u32);
    "vkCmdDrawIndexedIndirect" draw_indirect: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, count: u32, stride: u32);
    "vkCmdDrawIndexedIndirectCount" draw_indexed_count: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, counts: vk::Buffer, count: u64, most: u32, stride: u32);
    "vkCmdDrawIndirect" draw_plain_indirect: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, count: u32, stride: u32);
    "vkCmdDrawIndirectCount" draw_count: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, counts: vk::Buffer, count: u64, most: u32, stride: u32);
    "vkCmdDrawIndexed" draw_indexed: fn(cmd: vk::CommandBuffer, indices: u32, instances: u32, first: u32, vertex: i32, instance: u32);
    "vkCmdDispatchIndirect" dispatch_indirect: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64);
    "vkCmdBeginRendering" begin_rendering: fn(cmd: vk::CommandBuffer, info: *const vk::RenderingInfo<'_>);
    "vkCmdEndRendering" end_rendering: fn(cmd: vk::CommandBuffer);
    "vkCmdBindPipeline" bind_pipeline: fn(cmd: vk::CommandBuffer, point: vk::PipelineBindPoint, pipeline: vk::Pipeline);
    "vkCmdPushConstants" push_constants: fn(cmd: vk::CommandBuffer, layout: vk::PipelineLayout, stages: vk::ShaderStageFlags, offset: u32, size: u32, values: *const c_void);
    "vkCmdFillBuffer" fill_buffer: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, size: u64, word: u32);
    "vkCmdUpdateBuffer" update_buffer: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, size: u64, bytes: *const c_void);
    "vkCmdCopyImageToBuffer" copy_image_to_buffer: fn(cmd: vk::CommandBuffer, image: vk::Image, layout: vk::ImageLayout, buffer: vk::Buffer, regions: u32, region: *const c_void);
    "vkCmdCopyBufferToImage" copy_buffer_to_image: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, image: vk::Image, layout: vk::ImageLayout, regions: u32, region: *const c_void);
    "vkBeginCommandBuffer" begin: fn(cmd: vk::CommandBuffer, info: *const c_void) -> vk::Result;
}

/// Options whose device counts its calls, and the counts.
pub(crate) fn counting(options: GpuOptions) -> (GpuOptions, Calls) {
    let calls = Calls::default();
    *CALLS.lock().expect("not poisoned") = Some(calls.clone());
    let hook: Intercept = Arc::new(replace);
    // SAFETY: the replacements have the types of what they replace, and call it.
    (unsafe { options.intercept(hook) }, calls)
}

/// What must not take long, or has failed: tests that could hang end by this.
pub(crate) async fn soon<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.unwrap_or_else(|_| panic!("{what} takes forever"))
}

/// Whether an error says that a frame was cancelled or its `Gpu` closed.
pub(crate) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Cancelled | Error::Closed)
}

/// Polls a future once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Waits until something is so, letting other tasks run.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let turn = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(what, turn).await;
}

/// Lets the tasks of a runtime of one thread run until none has anything to do.
pub(crate) async fn recorded() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A pass that begins to record and does not end until it is told to.
pub(crate) struct Hold {
    entered: Option<tokio::sync::oneshot::Receiver<()>>,
    release: std::sync::mpsc::Sender<()>,
}

impl Hold {
    /// The hold, and what the pass is to call.
    pub(crate) fn new() -> (Self, impl FnOnce() + Send + 'static) {
        let (enter, entered) = tokio::sync::oneshot::channel();
        let (release, released) = std::sync::mpsc::channel();
        let wait = move || {
            let _ = enter.send(());
            let _ = released.recv(); // or the test has ended
        };
        (Self { entered: Some(entered), release }, wait)
    }

    /// Waits until the pass is being recorded.
    pub(crate) async fn entered(&mut self) {
        let entered = self.entered.take().expect("asked once");
        soon("the held pass", entered).await.expect("it was called");
    }

    pub(crate) fn release(self) {
        let _ = self.release.send(());
    }
}

/// A small picture whose every pixel, and a chain of two buffers, tell which frame wrote them.
pub(crate) struct Scene {
    pub(crate) gpu: Gpu,
    pub(crate) renderer: Renderer,
    pub(crate) from: GpuBuffer<u32>,
    pub(crate) to: GpuBuffer<u32>,
}

impl Scene {
    /// Frames are recorded in tasks wherever there is a runtime, so that a pass can be held without holding its test.
    pub(crate) fn new(gpu: &Gpu, options: RendererOptions) -> Self {
        Self::in_place_below(gpu, options, Duration::ZERO)
    }

    /// Frames that cost less are recorded in `submit`'s poll.
    pub(crate) fn in_place_below(gpu: &Gpu, options: RendererOptions, cost: Duration) -> Self {
        let options = options.in_place_below(cost);
        let renderer = Renderer::with_options(gpu, [8, 4], options).expect("a renderer");
        let buffer = |name| gpu.buffer::<u32>(name, 64).expect("a buffer");
        Self { gpu: gpu.clone(), renderer, from: buffer("from"), to: buffer("to") }
    }

    pub(crate) async fn frame(&self) -> Frame {
        soon("a frame slot", self.renderer.frame()).await.expect("a frame")
    }

    /// Declares what frame `n` draws: three passes.
    pub(crate) fn draw(&self, frame: &Frame, n: u32) {
        let [from, to, own] = [&self.from, &self.to, &self.from].map(GpuBuffer::clone);
        frame.pass("clear").renders(frame.target().clear(color(n))).record(|_| ());
        frame.pass("fill").writes(self.from.copy_target()).record(move |cmd| {
            cmd.fill(&own, 0..64, n);
        });
        frame.pass("copy").reads(self.from.copy_source()).writes(self.to.copy_target()).record(move |cmd| {
            cmd.copy(&from, 0..64, &to, 0);
        });
    }

    /// Declares `count` passes that record nothing, so that the frame is too large to be recorded in place.
    pub(crate) fn pad(frame: &Frame, count: usize) {
        (0..count).for_each(|i| {
            frame.pass(&format!("pad {i}")).record(|_| ());
        });
    }

    /// Draws frame `n` and looks at all of it.
    pub(crate) async fn draws(&self, n: u32) {
        let frame = self.frame().await;
        self.draw(&frame, n);
        let capture = frame.capture();
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        let stats = soon("a frame", done).await.expect("complete");
        assert_eq!(stats.passes, 5, "three and the two of the capture");
        let picture = soon("a picture", capture).await.expect("a picture");
        assert_eq!(picture.bytes(), pixel(n).repeat(32), "frame {n}");
        assert_eq!(self.copied().await, n);
    }

    /// What the last frame that ran left in the second buffer.
    pub(crate) async fn copied(&self) -> u32 {
        let words = soon("a read", self.gpu.read(&self.to, 0..64)).await.expect("read");
        assert!(words.iter().all(|&word| word == words[0]), "half a copy: {words:?}");
        words[0]
    }
}

/// A colour for a frame's number, at the ends of every channel, where sRGB is exact.
pub(crate) fn color(n: u32) -> [f32; 4] {
    let channel = |bit: u32| if n >> bit & 1 == 1 { 1.0 } else { 0.0 };
    [channel(0), channel(1), channel(2), 1.0]
}

pub(crate) fn pixel(n: u32) -> Vec<u8> {
    color(n).map(|channel| if channel == 0.0 { 0 } else { 255 }).to_vec()
}
