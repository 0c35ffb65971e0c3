//! The one error type of the crate.

use std::{
    borrow::Cow,
    error::Error as StdError,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use ash::vk;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The cause behind an [`Error`], shared so that the error can be cloned to every waiter.
pub type Source = Arc<dyn StdError + Send + Sync>;

/// Everything that can go wrong, in words that say what happened, to what, and what to do.
///
/// The type is `Clone` because one event (a lost device, say) reaches many futures.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The Vulkan loader library is not installed.
    #[error(
        "no Vulkan loader was found ({source}); install it: `apt install libvulkan1 mesa-vulkan-drivers` on \
         Debian and Ubuntu, `dnf install vulkan-loader mesa-vulkan-drivers` on Fedora, or your GPU vendor's driver"
    )]
    NoLoader {
        /// What the dynamic linker said.
        source: Source,
    },
    /// No Vulkan device is there, or none fits what was asked for.
    #[error("no Vulkan device: {reason}")]
    NoDevice {
        /// What was looked for, what was found, and what to install or ask for instead.
        reason: String,
    },
    /// A device is there, but lacks features that vulkio needs.
    #[error(
        "device `{device}` lacks {missing}; vulkio needs Vulkan 1.3 with these: update its driver, or choose another device with VULKIO_DEVICE"
    )]
    MissingFeatures {
        /// The device that came closest.
        device: String,
        /// The features it lacks, comma-separated.
        missing: String,
    },
    /// The validation layer was asked for and is not installed.
    #[error(
        "Vulkan validation was asked for, but the layer VK_LAYER_KHRONOS_validation is not installed: \
         `apt install vulkan-validationlayers`, or turn validation off"
    )]
    NoValidationLayer,
    /// Strict validation saw a message.
    #[error("Vulkan validation: {message}")]
    Validation {
        /// The layer's first message that was not reported yet.
        message: String,
    },
    /// The device stopped answering; everything on it is gone. Open a new [`Gpu`](crate::Gpu) to go on.
    #[error("the GPU device was lost ({context}); open a new Gpu to go on")]
    DeviceLost {
        /// The call that reported the loss.
        context: Cow<'static, str>,
    },
    /// A request beyond what the device's heap or its budget has left. Nothing was allocated.
    #[error("{}", out_of_device_memory(.what, *.requested, *.available, *.heap))]
    OutOfDeviceMemory {
        /// The resource that asked.
        what: String,
        /// Bytes asked for; 0 where the driver ran out in a call that names no size.
        requested: u64,
        /// Bytes free in the heap's budget when it was asked.
        available: u64,
        /// Bytes in the heap.
        heap: u64,
    },
    /// The host ran out of memory.
    #[error("out of host memory in {context}")]
    OutOfHostMemory {
        /// The call that reported it.
        context: Cow<'static, str>,
    },
    /// The surface is gone; make a new one.
    #[error("the surface was lost; make a new one from its window")]
    SurfaceLost,
    /// The wait was longer than allowed. The device is not lost and the work goes on.
    #[error("not complete within {after:?}; the work goes on and can be awaited again")]
    Timeout {
        /// The time that was allowed.
        after: Duration,
    },
    /// A frame or graph was dropped, or failed, before it was submitted; what waited for its results gets this.
    #[error("the frame was dropped, or failed, before it was submitted")]
    Cancelled,
    /// The [`Gpu`](crate::Gpu), or the surface that shows a renderer's frames, was closed.
    #[error("the Gpu, or the surface of these frames, was closed; open a new one")]
    Closed,
    /// The declared graph makes no sense.
    #[error("graph: {0}")]
    Graph(String),
    /// A value handed to vulkio is out of its range. Nothing was changed.
    #[error("{0}")]
    Invalid(String),
    /// A shader or a pipeline was refused.
    #[error("shader `{name}`: {reason}")]
    Shader {
        /// The shader's name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pass's recording closure returned an error.
    #[error("pass `{pass}`: {source}")]
    Record {
        /// The pass.
        pass: String,
        /// What it returned.
        source: Box<Error>,
    },
    /// A pass's recording closure panicked. Only its frame failed.
    #[error("pass `{pass}` panicked while recording: {message}")]
    RecordPanicked {
        /// The pass.
        pass: String,
        /// The panic's message.
        message: String,
    },
    /// A CPU job of a frame returned an error. The passes that wait for it, and so its frame, fail with it.
    #[error("job `{job}`: {source}")]
    JobFailed {
        /// The job.
        job: String,
        /// What it returned.
        source: Source,
    },
    /// A CPU job of a frame panicked. The passes that wait for it, and so its frame, fail with it.
    #[error("job `{job}` panicked: {message}")]
    JobPanicked {
        /// The job.
        job: String,
        /// The panic's message.
        message: String,
    },
    /// A stream that was to be uploaded gave an error.
    #[error("upload of a stream to `{buffer}`: {source}; the {elements} elements before that are written")]
    StreamFailed {
        /// The buffer.
        buffer: String,
        /// The elements that the stream gave before; their copies are submitted.
        elements: usize,
        /// The stream's error.
        source: Source,
    },
    /// A task on a helper thread panicked.
    #[error("{task} panicked: {message}")]
    HelperPanicked {
        /// What the helper was doing.
        task: Cow<'static, str>,
        /// The panic's message.
        message: String,
    },
    /// The tokio runtime that was to record a frame, or to run a job of it, has shut down; or there was none for the
    /// job.
    #[error(
        "no tokio runtime runs this frame's recording or job any more, or none did; submit from a running runtime, or \
         give one in RendererOptions::runtime"
    )]
    RuntimeGone,
    /// Reading or writing a file failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: Source,
    },
    /// A file is not what its format says, or makes no scene of cubes.
    #[error("{path}, {place}: {reason}")]
    Malformed {
        /// The file.
        path: String,
        /// Where in it: a line, or a byte.
        place: String,
        /// What is wrong there, and what to do.
        reason: String,
    },
    /// Settings that are wrong: a line for each, which begins with where it was said (`config.toml:12:9: `, an environment
    /// variable, a switch), and says what is wrong and what is allowed.
    #[error("{0}")]
    Config(String),
    /// There is no display, or it refused a window, or the event loop ended.
    #[error("{0}")]
    Window(String),
    /// Any other refusal of the driver.
    #[error("{call} failed with {result:?}")]
    Vulkan {
        /// The call.
        call: Cow<'static, str>,
        /// Its result.
        result: vk::Result,
    },
}

impl Error {
    /// Sorts a failed Vulkan call into its variant; `call` is its name.
    pub(crate) fn vulkan(call: impl Into<Cow<'static, str>>, result: vk::Result) -> Self {
        let call = call.into();
        match result {
            vk::Result::ERROR_DEVICE_LOST => Self::DeviceLost { context: call },
            vk::Result::ERROR_OUT_OF_HOST_MEMORY => Self::OutOfHostMemory { context: call },
            vk::Result::ERROR_OUT_OF_DEVICE_MEMORY => {
                Self::OutOfDeviceMemory { what: call.into_owned(), requested: 0, available: 0, heap: 0 }
            }
            vk::Result::ERROR_SURFACE_LOST_KHR => Self::SurfaceLost,
            result => Self::Vulkan { call, result },
        }
    }

    /// Whether the device is gone, be it the cause or the cause's cause.
    #[must_use]
    pub fn is_device_lost(&self) -> bool {
        match self {
            Self::DeviceLost { .. } => true,
            Self::Record { source, .. } => source.is_device_lost(),
            Self::JobFailed { source, .. } | Self::StreamFailed { source, .. } => {
                source.downcast_ref().is_some_and(Self::is_device_lost)
            }
            _ => false,
        }
    }
}

/// Names the call that failed: `device.create_fence(..).during("vkCreateFence")?`.
pub(crate) trait During<T> {
    fn during(self, call: &'static str) -> Result<T>;
}

impl<T> During<T> for Result<T, vk::Result> {
    fn during(self, call: &'static str) -> Result<T> {
        self.map_err(|result| Error::vulkan(call, result))
    }
}

fn out_of_device_memory(what: &str, requested: u64, available: u64, heap: u64) -> String {
    if requested == 0 {
        return format!("out of device memory in {what}; free some, or use less at once");
    }
    format!(
        "out of device memory: `{what}` asked for {}, {} are free in its heap of {}",
        Bytes(requested),
        Bytes(available),
        Bytes(heap)
    )
}

/// A panic payload in words.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a payload that is not a string".to_owned())
}

/// Runs what may call foreign code (a waker, a subscriber, a captured value's drop), whose panic must not reach the
/// caller's other duties: it is logged. `whose` names the code.
pub(crate) fn guarded<R>(whose: &str, f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f))
        .inspect_err(|payload| tracing::error!("{whose} panicked: {}", panic_message(&**payload)))
        .ok()
}

/// A number of bytes for people: exact below 1 KiB, then in binary units.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        write!(f, "{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_for_people() {
        assert_eq!(Bytes(1023).to_string(), "1023 B");
        assert_eq!(Bytes(1 << 20).to_string(), "1.0 MiB");
        assert_eq!(Bytes(3 << 39).to_string(), "1.5 TiB");
    }

    #[test]
    fn a_lost_device_is_known_through_the_pass_that_met_it() {
        let lost = Error::vulkan("vkQueueSubmit2", vk::Result::ERROR_DEVICE_LOST);
        assert!(Error::Record { pass: "draw".into(), source: Box::new(lost) }.is_device_lost());
        assert!(!Error::Closed.is_device_lost());
    }

    #[test]
    fn a_lost_device_is_known_through_the_job_that_met_it() {
        let failed = |source: Error| Error::JobFailed { job: "load".into(), source: Arc::new(source) };
        let lost = Error::vulkan("vkQueueSubmit2", vk::Result::ERROR_DEVICE_LOST);
        assert!(failed(lost).is_device_lost());
        assert!(!failed(Error::Closed).is_device_lost());
    }
}
