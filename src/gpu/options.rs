//! What a caller may say about the device to open, and what the environment fills in.

use std::{
    env,
    ffi::{CStr, CString, c_void},
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    thread,
    time::Duration,
};

use crate::{
    compute::{Batching, Tuning},
    error::{Error, Result},
    gpu::DeviceInfo,
};

/// The environment variable that chooses the device where the program does not.
const DEVICE_VARIABLE: &str = "VULKIO_DEVICE";
/// The environment variable that turns validation on where the program does not say.
const VALIDATION_VARIABLE: &str = "VULKIO_VALIDATION";
/// The environment variable that turns checks on or off where the program does not say.
const CHECKS_VARIABLE: &str = "VULKIO_CHECKS";
/// How the device is chosen, for error messages.
pub(crate) const HOW_TO_CHOOSE: &str =
    "set VULKIO_DEVICE or GpuOptions::device to `auto`, to an index, to a part of a name or to a UUID of that list";

/// A hook over the device's entry points, see [`GpuOptions::intercept`].
///
/// It is called with the name of each device-level Vulkan function and the driver's pointer to it (null where the driver
/// has none) and returns the pointer that vulkio shall call.
pub type Intercept = Arc<dyn Fn(&CStr, *const c_void) -> *const c_void + Send + Sync>;

/// What to open and how; everything has a default.
///
/// ```
/// use vulkio::{DeviceChoice, GpuOptions, Validation};
///
/// let options = GpuOptions::default().device(DeviceChoice::Index(0)).validation(Validation::On);
/// # let _ = options;
/// ```
#[derive(Clone, Default)]
pub struct GpuOptions {
    device: Option<DeviceChoice>,
    validation: Option<Validation>,
    checks: Option<bool>,
    labels: Option<bool>,
    close_timeout: Option<Duration>,
    spin: Option<Duration>,
    batching: Option<Batching>,
    staging_bytes: Option<u64>,
    readback_bytes: Option<u64>,
    pipeline_cache: Option<PathBuf>,
    extensions: Vec<String>,
    presentation: bool,
    intercept: Option<Intercept>,
}

impl GpuOptions {
    /// Chooses the device. Without this the environment variable `VULKIO_DEVICE` does, and without that
    /// [`DeviceChoice::Auto`] holds.
    #[must_use]
    pub fn device(mut self, choice: DeviceChoice) -> Self {
        self.device = Some(choice);
        self
    }

    /// Chooses the level of validation. Without this the environment variable `VULKIO_VALIDATION` (`off`, `on` or
    /// `strict`) does, and without that validation is off.
    #[must_use]
    pub fn validation(mut self, validation: Validation) -> Self {
        self.validation = Some(validation);
        self
    }

    /// Whether encoders compare what shaders touch by address with what their pass declared. Without this the environment
    /// variable `VULKIO_CHECKS` (`on` or `off`) does, and without that they do in debug builds; off, checks cost nothing.
    ///
    /// What a shader reads and writes through addresses is taken from its SPIR-V when its pipeline is made; which buffers
    /// these addresses are of, from the push constants of each draw and dispatch, and from what
    /// [`Encoder::data`](crate::Encoder::data) and [`Frame::data`](crate::Frame::data) wrote where those point. A buffer
    /// that the pass did not declare, or declared in another way, fails the recording with
    /// [`Error::Graph`](crate::Error::Graph), which says what to add. What a pass declares and never touches is a warning of
    /// [`tracing`] under the target `vulkio::checks`, once for each pass and resource.
    ///
    /// Addresses that a shader computes, or finds in memory of the device, are not followed, and commands recorded after
    /// [`Encoder::raw`](crate::Encoder::raw) was asked for are not looked at.
    #[must_use]
    pub fn checks(mut self, checks: bool) -> Self {
        self.checks = Some(checks);
        self
    }

    /// Whether objects and passes carry their names into debuggers and validation messages. By default they do in debug
    /// builds and wherever validation is on; off, labels cost nothing.
    #[must_use]
    pub fn labels(mut self, labels: bool) -> Self {
        self.labels = Some(labels);
        self
    }

    /// How long dropping the last handle of a `Gpu` that was not closed may wait for the device. One second by default.
    #[must_use]
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.close_timeout = Some(limit);
        self
    }

    /// How long the thread that waits for the device watches a counter before it sleeps. Spinning sees a completion
    /// sooner and costs a core for that long. By default 20 µs, or nothing on machines with fewer than four cores.
    #[must_use]
    pub fn spin(mut self, time: Duration) -> Self {
        self.spin = Some(time);
        self
    }

    /// How dispatches of kernels gather while the GPU is busy.
    #[must_use]
    pub fn batching(mut self, batching: Batching) -> Self {
        self.batching = Some(batching);
        self
    }

    /// The most bytes of staging memory: what uploads are copied through on their way to the GPU. Where it is all in use,
    /// uploads wait. 96 MiB by default; at least 1 MiB. Two thirds are for uploads of data that lies elsewhere, one third
    /// is for [`Gpu::stage`](crate::Gpu::stage). Nothing is allocated before it is needed.
    #[must_use]
    pub fn staging_bytes(mut self, bytes: u64) -> Self {
        self.staging_bytes = Some(bytes);
        self
    }

    /// The most bytes of read-back memory to keep for later reads when nobody uses them; 256 MiB by default. The driver
    /// takes long to make such memory. It is given up where memory runs short.
    #[must_use]
    pub fn readback_bytes(mut self, bytes: u64) -> Self {
        self.readback_bytes = Some(bytes);
        self
    }

    /// Keeps what the driver compiles in a folder, so that the next run need not compile it again. By default nothing is
    /// kept.
    ///
    /// The file is read when the device is opened. It is written, by a thread of its own, when pipelines were made and then
    /// none for two seconds, and when the `Gpu` is closed. Its name and its first bytes tell device, driver and version of
    /// vulkio; one of another, or one that is damaged, is ignored with a warning. Several processes may share a folder.
    #[must_use]
    pub fn pipeline_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pipeline_cache = Some(folder.into());
        self
    }

    /// Device extensions to enable beside those that vulkio takes by itself, for code that uses the raw handles. A
    /// device that lacks one of them does not fit. Repeated calls add up.
    #[must_use]
    pub fn extensions<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.extensions.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whether frames are to be shown in windows: enables what that takes, of Vulkan's instance and of the device. A device
    /// that cannot present does not fit. Off by default.
    #[must_use]
    pub fn presentation(mut self, presentation: bool) -> Self {
        self.presentation = presentation;
        self
    }

    /// Lets `hook` see, and replace, each device-level entry point as it is loaded: for counting calls and for injecting
    /// faults.
    ///
    /// # Safety
    ///
    /// Every pointer that the hook returns must be null only where it was given null, and must otherwise be a function of
    /// the type and the meaning that Vulkan gives to that name, callable for as long as the `Gpu` lives.
    #[must_use]
    pub unsafe fn intercept(mut self, hook: Intercept) -> Self {
        self.intercept = Some(hook);
        self
    }

    /// The device to open: as said here, else by the environment.
    pub(crate) fn device_choice(&self) -> Result<DeviceChoice> {
        match &self.device {
            Some(choice) => Ok(choice.clone()),
            None => Ok(from_variable(DEVICE_VARIABLE, variable(DEVICE_VARIABLE))?.unwrap_or_default()),
        }
    }

    /// The level of validation: as said here, else by the environment.
    pub(crate) fn validation_level(&self) -> Result<Validation> {
        match self.validation {
            Some(validation) => Ok(validation),
            None => Ok(from_variable(VALIDATION_VARIABLE, variable(VALIDATION_VARIABLE))?.unwrap_or_default()),
        }
    }

    /// Whether to compare commands with declarations: as said here, else by the environment, else in debug builds.
    pub(crate) fn wants_checks(&self) -> Result<bool> {
        match self.checks {
            Some(checks) => Ok(checks),
            None => Ok(from_variable(CHECKS_VARIABLE, variable(CHECKS_VARIABLE))?
                .map_or(cfg!(debug_assertions), |switch: Switch| switch == Switch::On)),
        }
    }

    /// Whether to name objects, given the level of validation that was settled on.
    pub(crate) fn wants_labels(&self, validation: Validation) -> bool {
        self.labels.unwrap_or(cfg!(debug_assertions) || validation != Validation::Off)
    }

    /// The longest that a drop may wait.
    pub(crate) fn close_limit(&self) -> Duration {
        self.close_timeout.unwrap_or(Duration::from_secs(1))
    }

    /// The budget for staging memory.
    pub(crate) fn staging_budget(&self) -> u64 {
        self.staging_bytes.unwrap_or(96 << 20).max(1 << 20)
    }

    /// How dispatches gather.
    pub(crate) fn batching_policy(&self, device: &DeviceInfo) -> Batching {
        self.batching.unwrap_or_else(|| Tuning::of(device).batching)
    }

    /// How long the reactor spins before it parks.
    pub(crate) fn spin_time(&self) -> Duration {
        self.spin.unwrap_or_else(|| default_spin(thread::available_parallelism().map_or(1, usize::from)))
    }

    /// The most bytes of read-back memory to keep.
    pub(crate) fn readback_bound(&self) -> u64 {
        self.readback_bytes.unwrap_or(256 << 20)
    }

    /// The folder for what the driver compiles.
    pub(crate) fn pipeline_cache_folder(&self) -> Option<&Path> {
        self.pipeline_cache.as_deref()
    }

    /// The extra device extensions, as Vulkan wants them.
    pub(crate) fn extension_names(&self) -> Result<Vec<CString>> {
        let c_name = |name: &String| {
            CString::new(name.as_str()).map_err(|_| {
                Error::Invalid(format!("the device extension name {name:?} contains a NUL character; remove it"))
            })
        };
        self.extensions.iter().map(c_name).collect()
    }

    /// Whether surfaces can be made.
    pub(crate) fn wants_presentation(&self) -> bool {
        self.presentation
    }

    /// The hook over entry points, if there is one.
    pub(crate) fn interceptor(&self) -> Option<&Intercept> {
        self.intercept.as_ref()
    }
}

impl fmt::Debug for GpuOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuOptions")
            .field("device", &self.device)
            .field("validation", &self.validation)
            .field("checks", &self.checks)
            .field("labels", &self.labels)
            .field("close_timeout", &self.close_timeout)
            .field("spin", &self.spin)
            .field("batching", &self.batching)
            .field("readback_bytes", &self.readback_bytes)
            .field("pipeline_cache", &self.pipeline_cache)
            .field("extensions", &self.extensions)
            .field("presentation", &self.presentation)
            .field("intercept", &self.intercept.is_some())
            .finish()
    }
}

/// Spinning takes a core away from the program, so machines with few of them do not spin.
fn default_spin(cores: usize) -> Duration {
    if cores < 4 { Duration::ZERO } else { Duration::from_micros(20) }
}

/// The variable's text. One that is not UTF-8 is kept with replacement characters, so that the error can show it.
fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Parses a variable's value; an empty one counts as not set.
fn from_variable<T: FromStr<Err = Error>>(name: &str, value: Option<String>) -> Result<Option<T>> {
    match value.as_deref().map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|error| Error::Invalid(format!("{name}: {error}"))),
    }
}

/// Which physical device to open.
///
/// Parsed from text, `auto` is [`Auto`](Self::Auto), a whole number is an [`Index`](Self::Index), 32 hexadecimal digits
/// with or without dashes are a [`Uuid`](Self::Uuid), and anything else is a [`Name`](Self::Name).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The best device that has the required features: discrete before integrated before virtual, and a CPU driver only
    /// where nothing else fits. Equals keep the loader's order.
    #[default]
    Auto,
    /// The best device whose name contains this text, in either case.
    Name(String),
    /// The device at this position, from zero, in the order of `vkEnumeratePhysicalDevices`.
    Index(usize),
    /// The device with this `deviceUUID`, as `vulkaninfo --summary` prints it.
    Uuid([u8; 16]),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::Invalid`] for empty text.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::Invalid(
                "an empty text chooses no device; use `auto`, an index, a part of a device's name, or a UUID".into(),
            ));
        }
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        // A UUID made of decimal digits alone does not fit into an index, so trying the index first hides none.
        if let Ok(index) = text.parse() {
            return Ok(Self::Index(index));
        }
        Ok(parse_uuid(text).map_or_else(|| Self::Name(text.to_owned()), Self::Uuid))
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "{index}"),
            Self::Uuid(uuid) => write!(f, "{}", Uuid(uuid)),
        }
    }
}

/// Sixteen bytes from 32 hexadecimal digits, with dashes anywhere between them.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Option<Vec<u32>> = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 32)?;
    let mut uuid = [0; 16];
    for (byte, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (pair[0] << 4 | pair[1]) as u8;
    }
    Some(uuid)
}

/// Writes a UUID in groups of 8-4-4-4-12 digits.
pub(crate) struct Uuid<'a>(pub(crate) &'a [u8; 16]);

impl fmt::Display for Uuid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// How closely the Khronos validation layer watches.
///
/// Its warnings and errors go to [`tracing`] under the target `vulkio::validation`, and are counted and kept for
/// `Gpu::validation_messages`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Validation {
    /// No layer is loaded.
    #[default]
    Off,
    /// The layer's core checks.
    On,
    /// Core checks and synchronization validation; a message fails the operation that notices it.
    Strict,
}

impl FromStr for Validation {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::Invalid`], listing the allowed words, for any other text.
    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            "strict" => Ok(Self::Strict),
            _ => Err(Error::Invalid(format!("`{text}` is no level of validation; use `off`, `on` or `strict`"))),
        }
    }
}

/// What an environment variable may say of something that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Switch {
    Off,
    On,
}

impl FromStr for Switch {
    type Err = Error;

    /// # Errors
    /// [`Error::Invalid`], with the allowed words, for any other text.
    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "off" | "false" | "0" => Ok(Self::Off),
            "on" | "true" | "1" => Ok(Self::On),
            _ => Err(Error::Invalid(format!("`{text}` says neither yes nor no; use `on` or `off`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAVAPIPE: [u8; 16] = *b"mesa22.3.6\0\0\0\0\0\0";

    fn choice(text: &str) -> DeviceChoice {
        text.parse().unwrap()
    }

    #[test]
    fn a_device_choice_is_a_word_a_number_a_uuid_or_a_name() {
        assert_eq!(choice(" Auto "), DeviceChoice::Auto);
        assert_eq!(choice("1"), DeviceChoice::Index(1));
        assert_eq!(choice("6d657361-3232-2e33-2e36-000000000000"), DeviceChoice::Uuid(LAVAPIPE));
        assert_eq!(choice("6D657361-32322E33-2E360000-00000000"), DeviceChoice::Uuid(LAVAPIPE));
        assert_eq!(choice("RTX 4090"), DeviceChoice::Name("RTX 4090".into()));
        assert_eq!(choice("-1"), DeviceChoice::Name("-1".into()));
        assert!("  ".parse::<DeviceChoice>().is_err());
    }

    #[test]
    fn a_uuid_of_decimal_digits_is_not_an_index() {
        let text = "12345678-1234-1234-1234-123456789012";
        assert!(matches!(choice(text), DeviceChoice::Uuid(_)));
        assert!(matches!(choice(&text.replace('-', "")), DeviceChoice::Uuid(_)));
    }

    #[test]
    fn a_device_choice_prints_as_it_is_parsed() {
        for choice in
            [DeviceChoice::Auto, DeviceChoice::Index(7), DeviceChoice::Uuid(LAVAPIPE), DeviceChoice::Name("x y".into())]
        {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
    }

    #[test]
    fn a_wrong_level_of_validation_is_answered_with_the_right_ones() {
        assert_eq!("STRICT".parse::<Validation>().unwrap(), Validation::Strict);
        let error = from_variable::<Validation>(VALIDATION_VARIABLE, Some("yes".into())).unwrap_err().to_string();
        for part in [VALIDATION_VARIABLE, "yes", "off", "on", "strict"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(from_variable::<Validation>(VALIDATION_VARIABLE, Some(" ".into())).unwrap(), None);
        assert_eq!(from_variable::<DeviceChoice>(DEVICE_VARIABLE, None).unwrap(), None);
    }

    #[test]
    fn what_the_program_says_wins_over_the_environment() {
        let options = GpuOptions::default().device(DeviceChoice::Index(3)).validation(Validation::Off);
        assert_eq!(options.device_choice().unwrap(), DeviceChoice::Index(3));
        assert_eq!(options.validation_level().unwrap(), Validation::Off);
    }

    #[test]
    fn checks_are_on_where_somebody_says_so_and_else_in_debug_builds() {
        assert!(GpuOptions::default().checks(true).wants_checks().unwrap());
        assert!(!GpuOptions::default().checks(false).wants_checks().unwrap());
        assert_eq!(["ON", "true", "0", "off"].map(|word| word.parse::<Switch>().unwrap()), {
            use Switch::{Off, On};
            [On, On, Off, Off]
        });
        let error = from_variable::<Switch>(CHECKS_VARIABLE, Some("perhaps".into())).unwrap_err().to_string();
        assert!(["VULKIO_CHECKS", "perhaps", "`on`", "`off`"].iter().all(|part| error.contains(part)), "{error}");
    }

    #[test]
    fn small_machines_do_not_spin() {
        assert_eq!(default_spin(3), Duration::ZERO);
        assert_eq!(default_spin(4), Duration::from_micros(20));
    }

    #[test]
    fn an_extension_name_with_a_nul_is_refused() {
        let options = GpuOptions::default().extensions(["VK_EXT_good", "VK\0bad"]);
        assert!(matches!(options.extension_names(), Err(Error::Invalid(_))));
        assert_eq!(GpuOptions::default().extensions(["VK_A"]).extensions(["VK_B"]).extension_names().unwrap().len(), 2);
    }
}
