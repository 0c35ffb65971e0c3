//! The validation layer's messages: counted, kept, and passed on to `tracing`.

use std::{
    ffi::{CStr, c_char, c_void},
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ash::vk;
use vk::{DebugUtilsMessageSeverityFlagsEXT as Severity, DebugUtilsMessageTypeFlagsEXT as Kind};

use super::options::Validation;

/// How many messages are kept. The first ones: later ones are mostly their consequences.
const KEPT: usize = 64;

/// A message that one version of the layer gives wrongly.
struct FalsePositive {
    /// The message's id name.
    id: &'static str,
    /// The layer's `specVersion`.
    layer: u32,
}

/// The proven false positives. Each entry needs the upstream issue in a comment.
const FALSE_POSITIVES: &[FalsePositive] = &[
    // Rendering that three or more command buffers carry on: of one that resumes it and suspends it again, the layer
    // takes the two in the wrong order (KhronosGroup/Vulkan-ValidationLayers#4195).
    FalsePositive { id: "VUID-VkSubmitInfo2KHR-commandBuffer-06192", layer: vk::make_api_version(0, 1, 3, 239) },
    FalsePositive { id: "VUID-VkSubmitInfo2-commandBuffer-06192", layer: vk::make_api_version(0, 1, 4, 309) },
];

/// What one device's validation has said so far.
#[derive(Debug, Default)]
pub(crate) struct ValidationLog {
    /// Whether a message fails the operation that notices it.
    pub(crate) strict: bool,
    /// The layer's `specVersion`; zero without a layer.
    layer: u32,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    count: u64,
    kept: Vec<String>,
    /// How many of `count` were handed out by `take_new` or passed over by it.
    reported: u64,
}

impl ValidationLog {
    /// An empty log for a layer of the given `specVersion`.
    pub(crate) fn new(validation: Validation, layer: u32) -> Self {
        Self { strict: validation == Validation::Strict, layer, heard: Mutex::default() }
    }

    /// Whether the layer listens to the device at all.
    pub(crate) fn is_on(&self) -> bool {
        self.layer != 0
    }

    /// Whether the layer listens, and is older than this `specVersion`.
    pub(crate) fn is_older_than(&self, version: u32) -> bool {
        self.is_on() && self.layer < version
    }

    /// Warnings and errors so far.
    pub(crate) fn count(&self) -> u64 {
        self.heard().count
    }

    /// The first messages, oldest first. There may have been more than are kept; `count` knows.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.heard().kept.clone()
    }

    /// The oldest message that came since the last call. Those that came with it count as reported too, so that one
    /// mistake does not fail several operations in turn.
    pub(crate) fn take_new(&self) -> Option<String> {
        let mut heard = self.heard();
        if heard.reported == heard.count {
            return None;
        }
        let first = heard.kept.get(heard.reported as usize).cloned();
        heard.reported = heard.count;
        Some(first.unwrap_or_else(|| format!("{} messages by now; only the first {KEPT} were kept", heard.count)))
    }

    /// What to hand to Vulkan so that its messages come here.
    ///
    /// The pointer inside is this log's address: the log must outlive the messenger and the instance made with it.
    pub(crate) fn messenger(&self) -> vk::DebugUtilsMessengerCreateInfoEXT<'static> {
        vk::DebugUtilsMessengerCreateInfoEXT::default()
            .message_severity(Severity::WARNING | Severity::ERROR)
            .message_type(Kind::GENERAL | Kind::VALIDATION | Kind::PERFORMANCE)
            .pfn_user_callback(Some(on_message))
            .user_data(std::ptr::from_ref(self).cast_mut().cast())
    }

    fn hear(&self, message: String) {
        let mut heard = self.heard();
        heard.count += 1;
        if heard.kept.len() < KEPT {
            heard.kept.push(message);
        }
    }

    fn is_false_positive(&self, id: &str) -> bool {
        FALSE_POSITIVES.iter().any(|known| known.id == id && known.layer == self.layer)
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // The guarded code does not panic half-way through a change, so a poisoned log is still a good one.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where Vulkan delivers its messages, on whatever thread made the call they are about.
unsafe extern "system" fn on_message(
    severity: Severity,
    kind: Kind,
    data: *const vk::DebugUtilsMessengerCallbackDataEXT<'_>,
    log: *mut c_void,
) -> vk::Bool32 {
    // A subscriber that panics must not unwind through the driver's frames.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: Vulkan passes callback data that is valid for the call, and the user data given in `messenger`, whose
        // caller keeps the log alive.
        let (data, log) = unsafe { (data.as_ref(), log.cast::<ValidationLog>().as_ref()) };
        if let (Some(data), Some(log)) = (data, log) {
            // SAFETY: as above; the strings and arrays that the data points to live as long.
            unsafe { deliver(log, severity, kind, data) };
        }
    }));
    vk::FALSE // the call that caused the message goes on
}

/// Sorts one message: the layer's are counted, the loader's and the driver's only logged.
///
/// # Safety
///
/// The strings and arrays of `data` must be valid.
unsafe fn deliver(
    log: &ValidationLog,
    severity: Severity,
    kind: Kind,
    data: &vk::DebugUtilsMessengerCallbackDataEXT<'_>,
) {
    // SAFETY: as the caller promises.
    let (id, message) = unsafe { (text(data.p_message_id_name), describe(data)) };
    if !kind.intersects(Kind::VALIDATION | Kind::PERFORMANCE) {
        // The loader talks here about drivers and layers that it passed over: nothing the program did wrong.
        tracing::debug!(target: "vulkio::loader", "{message}");
        return;
    }
    if log.is_false_positive(&id) {
        tracing::trace!(target: "vulkio::validation", "known false positive: {message}");
        return;
    }
    log.hear(message.clone());
    if severity.contains(Severity::ERROR) {
        tracing::error!(target: "vulkio::validation", "{message}");
    } else {
        tracing::warn!(target: "vulkio::validation", "{message}");
    }
}

/// The message and, where the layer knows them, the labels it came under.
///
/// # Safety
///
/// The strings and arrays of `data` must be valid.
unsafe fn describe(data: &vk::DebugUtilsMessengerCallbackDataEXT<'_>) -> String {
    // SAFETY: as the caller promises.
    let (mut message, labels) = unsafe {
        let labels = match data.cmd_buf_label_count {
            0 => &[],
            n => std::slice::from_raw_parts(data.p_cmd_buf_labels, n as usize),
        };
        (text(data.p_message), labels)
    };
    for label in labels {
        // SAFETY: as the caller promises.
        let _ = write!(message, " [in `{}`]", unsafe { text(label.p_label_name) });
    }
    message
}

/// # Safety
///
/// `string` must be null or a C string.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: not null, so a C string by the caller's promise.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(log: &ValidationLog, kind: Kind, message: &CStr) {
        let label = vk::DebugUtilsLabelEXT::default().label_name(c"draw");
        let labels = [label];
        let data = vk::DebugUtilsMessengerCallbackDataEXT::default()
            .message_id_name(c"VUID-made-up")
            .message(message)
            .cmd_buf_labels(&labels);
        let info = log.messenger();
        let callback = info.pfn_user_callback.unwrap();
        // SAFETY: the data and the log outlive the call.
        let stop = unsafe { callback(Severity::ERROR, kind, &data, info.p_user_data) };
        assert_eq!(stop, vk::FALSE);
    }

    #[test]
    fn messages_of_the_layer_are_counted_and_those_of_the_loader_are_not() {
        let log = ValidationLog::new(Validation::Strict, 1);
        say(&log, Kind::GENERAL, c"skipped a driver");
        assert_eq!((log.count(), log.take_new()), (0, None));
        say(&log, Kind::VALIDATION, c"wrong");
        say(&log, Kind::PERFORMANCE, c"slow");
        assert_eq!(log.count(), 2);
        assert_eq!(log.messages(), ["wrong [in `draw`]", "slow [in `draw`]"]);
    }

    #[test]
    fn one_mistake_is_reported_once() {
        let log = ValidationLog::new(Validation::Strict, 1);
        say(&log, Kind::VALIDATION, c"cause");
        say(&log, Kind::VALIDATION, c"consequence");
        assert_eq!(log.take_new().as_deref(), Some("cause [in `draw`]"));
        assert_eq!(log.take_new(), None);
        say(&log, Kind::VALIDATION, c"another");
        assert_eq!(log.take_new().as_deref(), Some("another [in `draw`]"));
    }

    #[test]
    fn the_log_stays_bounded_and_goes_on_counting() {
        let log = ValidationLog::new(Validation::On, 1);
        for _ in 0..KEPT {
            say(&log, Kind::VALIDATION, c"again");
        }
        assert!(log.take_new().is_some());
        say(&log, Kind::VALIDATION, c"one more");
        assert_eq!((log.count(), log.messages().len()), (KEPT as u64 + 1, KEPT));
        assert!(log.take_new().unwrap().contains("65 messages"));
    }
}
