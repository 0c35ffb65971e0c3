//! What device tests share: a strictly validated device, a gate that keeps the GPU busy, and a count of calls.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_void},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::Duration,
};

use vulkio::{
    Error, Gpu, GpuOptions, Graph, Intercept, Validation,
    ash::{self, vk},
};

/// Options of a device under core and synchronization validation.
pub(crate) fn strict() -> GpuOptions {
    GpuOptions::default().validation(Validation::Strict)
}

/// A device under core and synchronization validation. There being none is a failure.
pub(crate) fn strict_gpu() -> Gpu {
    open(strict())
}

pub(crate) fn open(options: GpuOptions) -> Gpu {
    Gpu::open_blocking(options).expect("tests need a Vulkan device and the validation layer; `./x test` installs both")
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
        Self { device, semaphore, _gpu: gpu.clone() }
    }

    /// Makes a graph wait until the gate opens.
    pub(crate) fn hold(&self, graph: &Graph) {
        // SAFETY: the semaphore lives until the gate is dropped, after the graph has completed: tests see to that; and it
        // is signalled at the latest when it is dropped.
        unsafe { graph.wait_for_raw(self.semaphore, 1) };
    }

    pub(crate) fn open(&self) {
        // SAFETY: the semaphore is alive.
        let now = unsafe { self.device.get_semaphore_counter_value(self.semaphore) }.expect("a counter");
        if now == 0 {
            let info = vk::SemaphoreSignalInfo::default().semaphore(self.semaphore).value(1);
            // SAFETY: the value is larger than the present one.
            unsafe { self.device.signal_semaphore(&info) }.expect("a signal");
        }
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

/// One device a process: the replacement functions have no place for a context.
static CALLS: OnceLock<Calls> = OnceLock::new();

fn note(function: &'static str) {
    if let Some(calls) = CALLS.get() {
        let thread = thread::current().name().unwrap_or("?").to_owned();
        *calls.0.lock().expect("not poisoned").entry((function, thread)).or_default() += 1;
    }
}

macro_rules! shim {
    ($($name:literal $module:ident: fn($($arg:ident: $ty:ty),*) $(-> $ret:ty)?;)*) => {
        $(mod $module {
            use super::*;
            pub(super) static REAL: OnceLock<usize> = OnceLock::new();
            pub(super) unsafe extern "system" fn counted($($arg: $ty),*) $(-> $ret)? {
                note($name);
                let real = *REAL.get().expect("loaded before it is called");
                // SAFETY: `real` is the driver's function of this very type.
                let real: unsafe extern "system" fn($($ty),*) $(-> $ret)? = unsafe { std::mem::transmute(real) };
                // SAFETY: the caller's arguments, passed on.
                unsafe { real($($arg),*) }
            }
        })*

        fn replace(name: &CStr, real: *const c_void) -> *const c_void {
            match name.to_bytes() {
                $(name if name == $name.as_bytes() => {
                    $module::REAL.get_or_init(|| real as usize);
                    $module::counted as *const c_void
                })*
                _ => real,
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
    "vkQueueSubmit2" submit: fn(queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence) -> vk::Result;
    "vkAllocateMemory" allocate: fn(device: vk::Device, info: *const vk::MemoryAllocateInfo<'_>, callbacks: *const c_void, out: *mut vk::DeviceMemory) -> vk::Result;
    "vkFreeMemory" free: fn(device: vk::Device, memory: vk::DeviceMemory, callbacks: *const c_void);
    "vkCreateCommandPool" create_pool: fn(device: vk::Device, info: *const vk::CommandPoolCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::CommandPool) -> vk::Result;
    "vkCreateSemaphore" create_semaphore: fn(device: vk::Device, info: *const vk::SemaphoreCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::Semaphore) -> vk::Result;
    "vkUpdateDescriptorSets" update_sets: fn(device: vk::Device, writes: u32, write: *const c_void, copies: u32, copy: *const c_void);
    "vkCmdPipelineBarrier2" barrier: fn(cmd: vk::CommandBuffer, info: *const vk::DependencyInfo<'_>);
    "vkCmdDispatch" dispatch: fn(cmd: vk::CommandBuffer, x: u32, y: u32, z: u32);
    "vkCmdDraw" draw: fn(cmd: vk::CommandBuffer, vertices: u32, instances: u32, first_vertex: u32, first_instance: u32);
    "vkCmdDrawIndexedIndirect" draw_indirect: fn(cmd: vk::CommandBuffer, buffer: vk::Buffer, offset: u64, count: u32, stride: u32);
}

/// Options whose device counts its calls, and the counts.
pub(crate) fn counting(options: GpuOptions) -> (GpuOptions, Calls) {
    let calls = CALLS.get_or_init(Calls::default).clone();
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
