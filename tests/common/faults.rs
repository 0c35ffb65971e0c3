//! Faults and pauses put between vulkio and the driver: a device whose calls a test answers itself.

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_void},
    fs,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use vulkio::{
    Gpu, GpuOptions, Graph, Intercept,
    ash::{self, vk},
};

use super::gates;

/// Decides about one call, the n-th from 1: `Some` is answered instead of the driver.
type Rule = Arc<dyn Fn(u64) -> Option<vk::Result> + Send + Sync>;

/// The rules of the device that was opened last.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    destroyed: Condvar,
}

#[derive(Default)]
struct State {
    rules: BTreeMap<&'static str, Rule>,
    calls: BTreeMap<&'static str, u64>,
    last_acts: Vec<Box<dyn FnOnce() + Send>>,
    devices_destroyed: u32,
}

/// The replacement functions have no place for a context. One device at a time has rules.
static CURRENT: Mutex<Option<Faults>> = Mutex::new(None);

impl Faults {
    /// Options of a device that asks before it calls.
    pub(crate) fn on(options: GpuOptions) -> (GpuOptions, Self) {
        let faults = Self::default();
        *CURRENT.lock().expect("not poisoned") = Some(faults.clone());
        let hook: Intercept = Arc::new(replace);
        // SAFETY: the replacements have the types of what they replace; they call it, or answer what it may answer.
        (unsafe { options.intercept(hook) }, faults)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("not poisoned")
    }

    /// Sets the rule of a function. It may block, and is called without a lock held.
    pub(crate) fn rule(
        &self,
        function: &'static str,
        rule: impl Fn(u64) -> Option<vk::Result> + Send + Sync + 'static,
    ) {
        let mut state = self.state();
        state.calls.insert(function, 0); // counted from here on
        state.rules.insert(function, Arc::new(rule));
    }

    /// The next call answers `result`, those after it are the driver's.
    pub(crate) fn once(&self, function: &'static str, result: vk::Result) {
        self.rule(function, move |n| (n == 1).then_some(result));
    }

    /// All calls from now on answer `result`.
    pub(crate) fn always(&self, function: &'static str, result: vk::Result) {
        self.rule(function, move |_| Some(result));
    }

    pub(crate) fn never(&self, function: &'static str) {
        self.rule(function, |_| None);
    }

    /// Calls since the function's rule was set, or the device was opened.
    pub(crate) fn calls(&self, function: &'static str) -> u64 {
        self.state().calls.get(function).copied().unwrap_or(0)
    }

    /// Something to do just before the device is destroyed.
    pub(crate) fn before_the_end(&self, act: impl FnOnce() + Send + 'static) {
        self.state().last_acts.push(Box::new(act));
    }

    /// Waits, blocking, until the device is destroyed and vulkio's threads have ended: the instance goes after the device,
    /// on whichever thread that was, and a process that exits meanwhile would pull the driver away from under it.
    pub(crate) fn wait_for_the_end(&self) {
        let limit = Instant::now() + Duration::from_secs(60);
        let mut state = self.state();
        while state.devices_destroyed == 0 {
            assert!(Instant::now() < limit, "the device is never destroyed");
            state = self.0.destroyed.wait_timeout(state, Duration::from_secs(1)).expect("not poisoned").0;
        }
        drop(state);
        while vulkio_threads() > 0 {
            assert!(Instant::now() < limit, "a thread of vulkio's never ends");
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn ended(&self) -> bool {
        self.state().devices_destroyed > 0
    }

    fn ask(&self, function: &'static str) -> Option<vk::Result> {
        let mut state = self.state();
        let n = state.calls.entry(function).or_default();
        *n += 1;
        let n = *n;
        let rule = state.rules.get(function).cloned();
        drop(state);
        let answer = rule.and_then(|rule| rule(n));
        match function {
            "vkGetSemaphoreCounterValue" => gates::settled(),
            // It would wait for them anyway, but in the layer.
            "vkDeviceWaitIdle" | "vkQueueWaitIdle" if thread::current().name() == Some("vulkio-reactor") => {
                gates::all_open();
            }
            _ => {}
        }
        answer
    }
}

/// Threads of this process that vulkio named. None are seen where there is no `/proc`.
fn vulkio_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    // A thread may end between the two looks; then its name cannot be read.
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("vulkio-")).count()
}

fn current() -> Option<Faults> {
    CURRENT.lock().expect("not poisoned").clone()
}

fn ask(function: &'static str) -> Option<vk::Result> {
    current().and_then(|faults| faults.ask(function))
}

macro_rules! fallible {
    ($($name:literal $module:ident: fn($($arg:ident: $ty:ty),*);)*) => {
        $(mod $module {
            use super::*;
            pub(super) static REAL: AtomicUsize = AtomicUsize::new(0);
            pub(super) unsafe extern "system" fn asked($($arg: $ty),*) -> vk::Result {
                let answer = ask($name);
                if let Some(result) = answer.filter(|&result| result != vk::Result::SUBOPTIMAL_KHR) {
                    return result;
                }
                let real = REAL.load(Ordering::Acquire);
                // SAFETY: it was stored when this function was handed out, and is the driver's function of this very type.
                let real: unsafe extern "system" fn($($ty),*) -> vk::Result = unsafe { std::mem::transmute(real) };
                // SAFETY: the caller's arguments, passed on.
                let result = unsafe { real($($arg),*) };
                // A success with a remark: the driver has done what it was asked.
                if result == vk::Result::SUCCESS { answer.unwrap_or(result) } else { result }
            }
        })*

        fn replace(name: &CStr, real: *const c_void) -> *const c_void {
            match name.to_bytes() {
                $(name if name == $name.as_bytes() => {
                    $module::REAL.store(real as usize, Ordering::Release);
                    $module::asked as *const c_void
                })*
                b"vkDestroyDevice" => {
                    destroy::REAL.store(real as usize, Ordering::Release);
                    destroy::told as *const c_void
                }
                _ => real,
            }
        }
    };
}

fallible! {
    "vkQueueSubmit2" submit: fn(queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence);
    "vkWaitSemaphores" wait: fn(device: vk::Device, info: *const vk::SemaphoreWaitInfo<'_>, timeout: u64);
    "vkGetSemaphoreCounterValue" counter: fn(device: vk::Device, semaphore: vk::Semaphore, value: *mut u64);
    "vkSignalSemaphore" signal: fn(device: vk::Device, info: *const vk::SemaphoreSignalInfo<'_>);
    "vkDeviceWaitIdle" idle: fn(device: vk::Device);
    "vkQueueWaitIdle" queue_idle: fn(queue: vk::Queue);
    "vkAllocateMemory" allocate: fn(device: vk::Device, info: *const vk::MemoryAllocateInfo<'_>, callbacks: *const c_void, out: *mut vk::DeviceMemory);
    "vkCreateBuffer" buffer: fn(device: vk::Device, info: *const vk::BufferCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::Buffer);
    "vkCreateCommandPool" pool: fn(device: vk::Device, info: *const vk::CommandPoolCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::CommandPool);
    "vkAllocateCommandBuffers" buffers: fn(device: vk::Device, info: *const vk::CommandBufferAllocateInfo<'_>, out: *mut vk::CommandBuffer);
    "vkBeginCommandBuffer" begin: fn(buffer: vk::CommandBuffer, info: *const vk::CommandBufferBeginInfo<'_>);
    "vkEndCommandBuffer" end: fn(buffer: vk::CommandBuffer);
    "vkResetCommandPool" reset: fn(device: vk::Device, pool: vk::CommandPool, flags: vk::CommandPoolResetFlags);
    "vkCreateSwapchainKHR" swapchain: fn(device: vk::Device, info: *const vk::SwapchainCreateInfoKHR<'_>, callbacks: *const c_void, out: *mut vk::SwapchainKHR);
    "vkAcquireNextImageKHR" acquire: fn(device: vk::Device, swapchain: vk::SwapchainKHR, timeout: u64, semaphore: vk::Semaphore, fence: vk::Fence, index: *mut u32);
    "vkQueuePresentKHR" present: fn(queue: vk::Queue, info: *const vk::PresentInfoKHR<'_>);
    "vkCreateComputePipelines" compute: fn(device: vk::Device, cache: vk::PipelineCache, count: u32, infos: *const vk::ComputePipelineCreateInfo<'_>, callbacks: *const c_void, out: *mut vk::Pipeline);
}

mod destroy {
    use super::*;
    pub(super) static REAL: AtomicUsize = AtomicUsize::new(0);
    pub(super) unsafe extern "system" fn told(device: vk::Device, callbacks: *const c_void) {
        let faults = current();
        if let Some(faults) = &faults {
            let acts = std::mem::take(&mut faults.state().last_acts);
            acts.into_iter().for_each(|act| act());
        }
        // SAFETY: stored when this function was handed out; the type is vkDestroyDevice's.
        let real: unsafe extern "system" fn(vk::Device, *const c_void) =
            unsafe { std::mem::transmute(REAL.load(Ordering::Acquire)) };
        // SAFETY: the caller's arguments, passed on.
        unsafe { real(device, callbacks) };
        if let Some(faults) = &faults {
            faults.state().devices_destroyed += 1;
            faults.0.destroyed.notify_all();
        }
    }
}

/// A gate that holds no `Gpu`: it lasts until the device is destroyed. For tests of who destroys the device, and when.
#[derive(Clone)]
pub(crate) struct LooseGate(Arc<Loose>);

struct Loose {
    device: ash::Device,
    /// Null once the device is being destroyed.
    semaphore: Mutex<vk::Semaphore>,
    is_open: AtomicBool,
}

impl LooseGate {
    pub(crate) fn new(gpu: &Gpu, faults: &Faults) -> Self {
        // SAFETY: the device's functions are used until `before_the_end` only.
        let device = unsafe { gpu.raw() }.device.clone();
        let mut kind = vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        // SAFETY: the device is alive.
        let semaphore = unsafe { device.create_semaphore(&info, None) }.expect("a semaphore");
        gates::shut();
        let (semaphore, is_open) = (Mutex::new(semaphore), AtomicBool::new(false));
        let gate = Self(Arc::new(Loose { device, semaphore, is_open }));
        let own = gate.clone();
        faults.before_the_end(move || {
            let semaphore = std::mem::take(&mut *own.0.semaphore.lock().expect("not poisoned"));
            // SAFETY: the device is about to be destroyed, so nothing waits for it any more.
            unsafe { own.0.device.destroy_semaphore(semaphore, None) };
        });
        gate
    }

    /// Makes a graph wait until the gate opens. It must be opened before the test ends.
    pub(crate) fn hold(&self, graph: &Graph) {
        let semaphore = *self.0.semaphore.lock().expect("not poisoned");
        // SAFETY: the semaphore lives as long as the device, and tests open every gate.
        unsafe { graph.wait_for_raw(semaphore, 1) };
    }

    /// Opens the gate, once. Does nothing when the device is gone.
    pub(crate) fn open(&self) {
        let semaphore = self.0.semaphore.lock().expect("not poisoned");
        gates::open(&self.0.is_open, || {
            if *semaphore != vk::Semaphore::null() {
                let info = vk::SemaphoreSignalInfo::default().semaphore(*semaphore).value(1);
                // SAFETY: the lock keeps the semaphore, and so the device, alive; this is done once.
                unsafe { self.0.device.signal_semaphore(&info) }.expect("a signal");
            }
        });
    }
}
