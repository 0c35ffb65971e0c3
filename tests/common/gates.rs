//! Keeps the validation layer from meeting a gate half open.
//!
//! The layer notes a signal of the host after the driver has made it. If the GPU is faster, and the reactor asks for the
//! counter in between, layer 1.3.239 waits with its lock held for a note that the signalling thread cannot make without
//! that lock: ten seconds later it says "UNASSIGNED-VkSemaphore-state-timeout ... most likely a validation bug"
//! (KhronosGroup/Vulkan-ValidationLayers issues 4649 and 4968). So counters are not read while a gate is being opened.

use std::{
    ffi::{CStr, c_void},
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use vulkio::ash::vk;

/// How many gates are shut. Held while one is opened.
static SHUT: Mutex<usize> = Mutex::new(0);
static ALL_OPEN: Condvar = Condvar::new();

/// There is another shut gate.
pub(crate) fn shut() {
    *SHUT.lock().expect("not poisoned") += 1;
}

/// Opens a gate with `signal`, once.
pub(crate) fn open(is_open: &AtomicBool, signal: impl FnOnce()) {
    let mut shut = SHUT.lock().expect("not poisoned");
    if !is_open.swap(true, Ordering::SeqCst) {
        signal();
        *shut -= 1;
        ALL_OPEN.notify_all();
    }
}

/// Returns when no gate is being opened.
pub(crate) fn settled() {
    drop(SHUT.lock().expect("not poisoned"));
}

/// Returns when every gate is open.
pub(crate) fn all_open() {
    let shut = SHUT.lock().expect("not poisoned");
    drop(ALL_OPEN.wait_while(shut, |shut| *shut > 0).expect("not poisoned"));
}

/// The hook of [`strict`](super::strict).
pub(crate) fn settle(name: &CStr, real: *const c_void) -> *const c_void {
    if name != c"vkGetSemaphoreCounterValue" {
        return real;
    }
    REAL.store(real as usize, Ordering::Release);
    counter as *const c_void
}

static REAL: AtomicUsize = AtomicUsize::new(0);

unsafe extern "system" fn counter(device: vk::Device, semaphore: vk::Semaphore, value: *mut u64) -> vk::Result {
    settled();
    let real = REAL.load(Ordering::Acquire);
    // SAFETY: stored by `settle`, and of this type.
    let real: vk::PFN_vkGetSemaphoreCounterValue = unsafe { std::mem::transmute(real) };
    // SAFETY: the caller's arguments, passed on.
    unsafe { real(device, semaphore, value) }
}
