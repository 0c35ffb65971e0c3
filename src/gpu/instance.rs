//! The Vulkan loader, an instance, and the messenger that listens to its validation.

use std::{
    cell::Cell,
    env,
    ffi::{CStr, c_char},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use ash::{ext::debug_utils, khr, vk};

use super::{features::API_VERSION, options::Validation, validation::ValidationLog};
use crate::error::{During, Error, Result};

const LAYER: &CStr = c"VK_LAYER_KHRONOS_validation";

/// Held while instances and devices are created, asked and destroyed: the loader's own lists are not safe against two
/// threads that do so at once.
static CREATION: Mutex<()> = Mutex::new(());

thread_local!(static HELD: Cell<bool> = const { Cell::new(false) });

/// The process-wide lock for creating and destroying instances and devices, or a part of holding it.
pub(crate) struct Creation(Option<MutexGuard<'static, ()>>);

/// Takes the lock, unless this thread has it: opening a device makes an instance, and drops it where that fails.
pub(crate) fn creation_lock() -> Creation {
    if HELD.replace(true) {
        return Creation(None);
    }
    Creation(Some(CREATION.lock().unwrap_or_else(PoisonError::into_inner)))
}

impl Drop for Creation {
    fn drop(&mut self) {
        if self.0.is_some() {
            HELD.set(false);
        }
    }
}

/// The loader library, loaded once and never unloaded: drivers leave thread-locals behind that must not lose their code.
fn entry() -> Result<&'static ash::Entry> {
    static ENTRY: OnceLock<ash::Entry> = OnceLock::new();
    if let Some(entry) = ENTRY.get() {
        return Ok(entry);
    }
    // SAFETY: the system's Vulkan loader is trusted to initialise itself soundly, and `ENTRY` keeps it loaded.
    let entry = unsafe { ash::Entry::load() }.map_err(|error| Error::NoLoader { source: Arc::new(error) })?;
    Ok(ENTRY.get_or_init(|| entry))
}

/// A Vulkan instance. Destroyed with its last owner, unless it came from outside.
pub(crate) struct Instance {
    pub(crate) raw: ash::Instance,
    pub(crate) entry: ash::Entry,
    /// Whether `VK_EXT_debug_utils` is enabled.
    pub(crate) debug_utils: bool,
    /// The extensions with which surfaces are made, if they can be.
    pub(crate) presentation: Vec<&'static CStr>,
    pub(crate) log: Arc<ValidationLog>,
    messenger: Option<(debug_utils::Instance, vk::DebugUtilsMessengerEXT)>,
    owned: bool,
}

impl Instance {
    /// Makes an instance with the validation that was asked for, and with debug utilities if that or labels need them; for
    /// `presentation` with all kinds of surfaces that the loader offers.
    pub(crate) fn open(validation: Validation, labels: bool, presentation: bool) -> Result<Arc<Self>> {
        let entry = entry()?;
        let layer = match validation {
            Validation::Off => None,
            Validation::On | Validation::Strict => Some(Layer::find(entry)?),
        };
        let offered = Offered::ask(entry, layer.is_some())?;
        let debug_utils = (labels || layer.is_some()) && offered.has(debug_utils::NAME);
        let mut enabled = extensions(&offered, validation, debug_utils)?;
        let presentation = if presentation { surface_extensions(&offered)? } else { Vec::new() };
        enabled.extend_from_slice(&presentation);
        let log = Arc::new(ValidationLog::new(validation, layer.map_or(0, |layer| layer.version)));
        let raw = create(entry, &enabled, validation, &log)?;
        let mut instance =
            Self { raw, entry: entry.clone(), debug_utils, presentation, log, messenger: None, owned: true };
        if layer.is_some() {
            instance.messenger = Some(instance.listen()?); // on failure the drop below destroys the instance
        }
        Ok(Arc::new(instance))
    }

    /// Wraps an instance of the caller's, which stays the caller's to destroy.
    pub(crate) fn borrowed(entry: ash::Entry, raw: ash::Instance, debug_utils: bool) -> Arc<Self> {
        let presentation = Vec::new();
        Arc::new(Self { raw, entry, debug_utils, presentation, log: Arc::default(), messenger: None, owned: false })
    }

    /// The physical devices, in the loader's order; never none.
    pub(crate) fn physical_devices(&self) -> Result<Vec<vk::PhysicalDevice>> {
        // SAFETY: the instance is alive.
        match unsafe { self.raw.enumerate_physical_devices() } {
            Ok(devices) if !devices.is_empty() => Ok(devices),
            // The loader fails like this where drivers are listed, but none of them starts.
            Ok(_) | Err(vk::Result::ERROR_INITIALIZATION_FAILED) => Err(no_driver()),
            Err(result) => Err(Error::vulkan("vkEnumeratePhysicalDevices", result)),
        }
    }

    fn listen(&self) -> Result<(debug_utils::Instance, vk::DebugUtilsMessengerEXT)> {
        let functions = debug_utils::Instance::new(&self.entry, &self.raw);
        // SAFETY: the extension is enabled wherever the layer is, and the log lives until the messenger is destroyed.
        let messenger = unsafe { functions.create_debug_utils_messenger(&self.log.messenger(), None) }
            .during("vkCreateDebugUtilsMessengerEXT")?;
        Ok((functions, messenger))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _creation = creation_lock();
        if let Some((functions, messenger)) = self.messenger.take() {
            // SAFETY: made from this instance, and used by nobody else.
            unsafe { functions.destroy_debug_utils_messenger(messenger, None) };
        }
        if self.owned {
            // SAFETY: devices hold an `Arc` of their instance, so none is left. The log, to which the instance's creation
            // chain points for messages of this very call, is dropped after this function.
            unsafe { self.raw.destroy_instance(None) };
        }
    }
}

/// The validation layer, as installed.
#[derive(Clone, Copy)]
struct Layer {
    version: u32,
}

impl Layer {
    fn find(entry: &ash::Entry) -> Result<Self> {
        // SAFETY: the entry is loaded.
        let layers =
            unsafe { entry.enumerate_instance_layer_properties() }.during("vkEnumerateInstanceLayerProperties")?;
        let found = layers.iter().find(|layer| layer.layer_name_as_c_str() == Ok(LAYER));
        found.map(|layer| Self { version: layer.spec_version }).ok_or(Error::NoValidationLayer)
    }
}

/// The instance extensions on offer.
struct Offered(Vec<vk::ExtensionProperties>);

impl Offered {
    fn ask(entry: &ash::Entry, with_layer: bool) -> Result<Self> {
        let ask = |layer| {
            // SAFETY: the entry is loaded, and `layer` is null or the name of an installed layer.
            unsafe { entry.enumerate_instance_extension_properties(layer) }
                .during("vkEnumerateInstanceExtensionProperties")
        };
        let mut all = ask(None)?;
        if with_layer {
            all.extend(ask(Some(LAYER))?);
        }
        Ok(Self(all))
    }

    fn has(&self, name: &CStr) -> bool {
        self.0.iter().any(|extension| extension.extension_name_as_c_str() == Ok(name))
    }
}

/// The instance extensions to enable.
fn extensions(offered: &Offered, validation: Validation, debug_utils: bool) -> Result<Vec<&'static CStr>> {
    let mut enabled = Vec::new();
    if debug_utils {
        enabled.push(debug_utils::NAME);
    } else if validation != Validation::Off {
        return Err(Error::NoValidationLayer); // it brings this extension along; without, nobody would hear it
    }
    if validation == Validation::Strict {
        if !offered.has(ash::ext::validation_features::NAME) {
            return Err(Error::Invalid(
                "the installed VK_LAYER_KHRONOS_validation offers no synchronization validation; update it \
                 (vulkan-validationlayers), or use Validation::On"
                    .into(),
            ));
        }
        enabled.push(ash::ext::validation_features::NAME);
    }
    if cfg!(target_vendor = "apple") && offered.has(khr::portability_enumeration::NAME) {
        enabled.push(khr::portability_enumeration::NAME);
    }
    Ok(enabled)
}

/// The extensions for every kind of window that the loader knows. A driver need not support them all: whether a device
/// presents to a window is asked when there is one.
fn surface_extensions(offered: &Offered) -> Result<Vec<&'static CStr>> {
    const KINDS: [&CStr; 7] = [
        khr::xlib_surface::NAME,
        khr::xcb_surface::NAME,
        khr::wayland_surface::NAME,
        khr::win32_surface::NAME,
        khr::android_surface::NAME,
        ash::ext::metal_surface::NAME,
        ash::ext::headless_surface::NAME,
    ];
    let mut enabled = vec![khr::surface::NAME];
    enabled.extend(KINDS.into_iter().filter(|name| offered.has(name)));
    if !offered.has(khr::surface::NAME) || enabled.len() == 1 {
        return Err(Error::Window(
            "presentation was asked for, and the Vulkan loader knows no kind of window (VK_KHR_surface and its like); install a \
             driver that does, or leave `GpuOptions::presentation` off"
                .into(),
        ));
    }
    Ok(enabled)
}

fn create(
    entry: &ash::Entry,
    extensions: &[&'static CStr],
    validation: Validation,
    log: &ValidationLog,
) -> Result<ash::Instance> {
    let application = vk::ApplicationInfo::default().engine_name(c"vulkio").api_version(API_VERSION);
    let layers: &[*const c_char] = if validation == Validation::Off { &[] } else { &[LAYER.as_ptr()] };
    let names: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
    let mut info = vk::InstanceCreateInfo::default()
        .application_info(&application)
        .enabled_layer_names(layers)
        .enabled_extension_names(&names);
    if extensions.contains(&khr::portability_enumeration::NAME) {
        info = info.flags(vk::InstanceCreateFlags::ENUMERATE_PORTABILITY_KHR);
    }
    // A messenger can only be made from an instance; this one hears the instance being created and destroyed.
    let mut early = log.messenger();
    let mut checks = vk::ValidationFeaturesEXT::default()
        .enabled_validation_features(&[vk::ValidationFeatureEnableEXT::SYNCHRONIZATION_VALIDATION]);
    if validation != Validation::Off {
        info = info.push_next(&mut early);
    }
    if validation == Validation::Strict {
        info = info.push_next(&mut checks);
    }
    let _creation = creation_lock();
    // SAFETY: the structures and names live until the call returns; the log, which the driver goes on pointing to, is
    // kept by the `Instance` that the caller makes.
    unsafe { entry.create_instance(&info, None) }.map_err(|result| match result {
        vk::Result::ERROR_INCOMPATIBLE_DRIVER => no_driver(),
        vk::Result::ERROR_LAYER_NOT_PRESENT => Error::NoValidationLayer, // its library does not load
        result => Error::vulkan("vkCreateInstance", result),
    })
}

/// The error of a machine on which the loader finds no driver that works.
fn no_driver() -> Error {
    let hidden = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
        .iter()
        .filter_map(|name| env::var_os(name).map(|value| format!("{name}={}", value.to_string_lossy())));
    Error::NoDevice { reason: no_driver_reason(&hidden.collect::<Vec<_>>()) }
}

/// What to do about it: `hidden` are the variables that name the drivers in place of the system's directories.
fn no_driver_reason(hidden: &[String]) -> String {
    let mut reason = "the Vulkan loader found no working driver. Install one: `apt install mesa-vulkan-drivers` on Debian \
                      and Ubuntu or `dnf install mesa-vulkan-drivers` on Fedora (drivers for AMD and Intel, and one that \
                      runs on the CPU), or your GPU vendor's driver"
        .to_owned();
    if !hidden.is_empty() {
        reason.push_str("; or unset what hides the installed ones: ");
        reason.push_str(&hidden.join(" "));
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(names: &[&CStr]) -> Offered {
        let extension = |name: &&CStr| vk::ExtensionProperties::default().extension_name(name).unwrap();
        Offered(names.iter().map(extension).collect())
    }

    #[test]
    fn strict_validation_asks_for_the_layers_features() {
        let offered = offered(&[debug_utils::NAME, ash::ext::validation_features::NAME]);
        let enabled = extensions(&offered, Validation::Strict, true).unwrap();
        assert!(enabled.contains(&debug_utils::NAME) && enabled.contains(&ash::ext::validation_features::NAME));
        assert_eq!(extensions(&offered, Validation::On, true).unwrap(), [debug_utils::NAME]);
        assert!(extensions(&offered, Validation::Off, false).unwrap().is_empty());
    }

    #[test]
    fn for_presentation_every_kind_of_surface_on_offer_is_enabled() {
        let some = offered(&[khr::surface::NAME, khr::xcb_surface::NAME, debug_utils::NAME]);
        assert_eq!(surface_extensions(&some).unwrap(), [khr::surface::NAME, khr::xcb_surface::NAME]);
        for none in [&[][..], &[khr::surface::NAME], &[khr::xcb_surface::NAME]] {
            let error = surface_extensions(&offered(none)).unwrap_err().to_string();
            assert!(error.contains("GpuOptions::presentation"), "{error}");
        }
    }

    #[test]
    fn validation_that_nobody_could_hear_is_an_error() {
        assert!(matches!(extensions(&offered(&[]), Validation::On, false), Err(Error::NoValidationLayer)));
        let error = extensions(&offered(&[debug_utils::NAME]), Validation::Strict, true).unwrap_err();
        assert!(error.to_string().contains("update it"), "{error}");
    }

    #[test]
    fn without_a_driver_the_error_says_what_to_install_and_what_hides_it() {
        assert!(no_driver_reason(&[]).contains("apt install mesa-vulkan-drivers"));
        assert!(!no_driver_reason(&[]).contains("unset"));
        assert!(no_driver_reason(&["VK_ICD_FILENAMES=/none".into()]).ends_with("VK_ICD_FILENAMES=/none"));
    }
}
