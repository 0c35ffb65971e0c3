//! Names for objects and passes, as debuggers and validation messages show them.

use std::ffi::{CStr, CString, c_void};

use ash::{ext::debug_utils, vk};

/// Names up to this many bytes are handed over without an allocation.
const SHORT: usize = 128;

/// Writes debug names; does nothing at all where labels are off.
pub(crate) struct Labels(Option<Functions>);

struct Functions {
    calls: debug_utils::DeviceFn,
    device: vk::Device,
}

impl Labels {
    /// Labels that are off.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// Labels of `device`, whose entry points `load` finds.
    ///
    /// # Safety
    ///
    /// `VK_EXT_debug_utils` must be enabled on the device's instance, and `load` must give the device's functions.
    pub(crate) unsafe fn on(device: vk::Device, load: impl FnMut(&CStr) -> *const c_void) -> Self {
        Self(Some(Functions { calls: debug_utils::DeviceFn::load(load), device }))
    }
    /// Names an object of this device. Whoever names it must be the only one to use it at that moment.
    pub(crate) fn name<H: vk::Handle>(&self, handle: H, name: &str) {
        let Some(functions) = &self.0 else { return };
        with_c_string(name, |name| {
            let info = vk::DebugUtilsObjectNameInfoEXT::default().object_handle(handle).object_name(name);
            // SAFETY: the extension is enabled, and the handle is the caller's own. A name that could not be kept is no
            // reason to fail, so the result is of no interest.
            let _ = unsafe { (functions.calls.set_debug_utils_object_name_ext)(functions.device, &info) };
        });
    }

    /// Opens a named region in a command buffer that is being recorded.
    pub(crate) fn begin(&self, cmd: vk::CommandBuffer, name: &str) {
        let Some(functions) = &self.0 else { return };
        with_c_string(name, |name| {
            let label = vk::DebugUtilsLabelEXT::default().label_name(name);
            // SAFETY: the extension is enabled, and the caller is recording `cmd`.
            unsafe { (functions.calls.cmd_begin_debug_utils_label_ext)(cmd, &label) };
        });
    }

    /// Closes the region that was opened last.
    pub(crate) fn end(&self, cmd: vk::CommandBuffer) {
        let Some(functions) = &self.0 else { return };
        // SAFETY: the extension is enabled, and the caller is recording `cmd` and has opened a region in it.
        unsafe { (functions.calls.cmd_end_debug_utils_label_ext)(cmd) };
    }
}

/// Calls `f` with `text` as a C string, cut at its first NUL.
fn with_c_string(text: &str, f: impl FnOnce(&CStr)) {
    let bytes = text.as_bytes();
    let bytes = &bytes[..bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len())];
    if bytes.len() < SHORT {
        let mut copy = [0; SHORT];
        copy[..bytes.len()].copy_from_slice(bytes);
        if let Ok(short) = CStr::from_bytes_until_nul(&copy) {
            f(short);
        }
    } else if let Ok(long) = CString::new(bytes) {
        f(&long);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_c(text: &str) -> String {
        let mut out = None;
        with_c_string(text, |c| out = Some(c.to_str().unwrap().to_owned()));
        out.unwrap()
    }

    #[test]
    fn names_of_any_length_reach_vulkan() {
        for n in [0, 1, SHORT - 1, SHORT, SHORT + 1, 1000] {
            let name = "n".repeat(n);
            assert_eq!(as_c(&name), name);
        }
    }

    #[test]
    fn a_name_ends_at_its_first_nul() {
        assert_eq!(as_c("cubes\0and more"), "cubes");
        assert_eq!(as_c(&format!("{}\0x", "n".repeat(SHORT))), "n".repeat(SHORT));
    }
}
