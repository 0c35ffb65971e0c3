//! An opened device: what everything else in the crate is made from.

use std::{
    ffi::{CStr, CString, c_void},
    mem::ManuallyDrop,
    ptr,
    sync::Arc,
};

use ash::{ext, khr, vk};
use dashmap::DashMap;

pub(crate) use super::choice::DeviceInfo;
use super::{
    choice::{DeviceSummary, Version, choose},
    cooperative,
    counters::Counters,
    features::{API_VERSION, FeatureSet, Features, lacking},
    instance::{Instance, creation_lock},
    labels::Labels,
    options::{GpuOptions, Intercept, Validation},
    presentation::Presentation,
    queues::{Families, Queues},
    validation::ValidationLog,
};
use crate::{
    checks::Checks,
    error::{During, Error, Result},
    memory::Memory,
};

/// Must be enabled wherever a device has it; the binding has it under its beta names.
const PORTABILITY_SUBSET: &CStr = c"VK_KHR_portability_subset";

/// An opened device with its queues and memory.
///
/// Whatever is made from it holds an `Arc` of it, so that it is destroyed last. Whoever submits work keeps it until that
/// work has retired: the drop does not wait.
pub(crate) struct Device {
    pub(crate) raw: ash::Device,
    pub(crate) physical: vk::PhysicalDevice,
    pub(crate) info: DeviceInfo,
    pub(crate) queues: Queues,
    pub(crate) labels: Labels,
    pub(crate) counters: Arc<Counters>,
    pub(crate) validation: Arc<ValidationLog>,
    /// If what shaders touch is compared with what passes declare.
    pub(crate) checks: Option<Checks>,
    /// If it was opened to present.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows present"))]
    pub(crate) presentation: Option<Presentation>,
    memory: ManuallyDrop<Memory>,
    /// What images of a format can be used for: asked of the driver once.
    formats: DashMap<vk::Format, vk::FormatFeatureFlags>,
    owned: bool,
    /// Dropped after the device, by the order of fields.
    pub(crate) instance: Arc<Instance>,
}

impl Device {
    /// Opens the device that the options choose. Blocks for as long as loading the drivers takes.
    pub(crate) fn open(options: &GpuOptions) -> Result<Arc<Self>> {
        let _creation = creation_lock();
        let (choice, validation) = (options.device_choice()?, options.validation_level()?);
        let mut extensions = options.extension_names()?;
        let presentation = options.wants_presentation();
        if presentation {
            extensions.push(khr::swapchain::NAME.to_owned());
        }
        let instance = Instance::open(validation, options.wants_labels(validation), presentation)?;
        let mut found = Vec::new();
        for physical in instance.physical_devices()? {
            found.push(Found::examine(&instance, physical, &extensions)?);
        }
        let candidates: Vec<_> = found.iter().map(|found| found.candidate.clone()).collect();
        let chosen = found.swap_remove(choose(&candidates, &choice)?);
        let device = chosen.open(instance, extensions, options)?;
        tracing::info!(
            device = device.info.name,
            driver = device.info.driver,
            queues = device.queues.len(),
            ?validation,
            checks = device.checks.is_some(),
            "opened a Vulkan device"
        );
        Ok(device)
    }

    /// The devices there are.
    pub(crate) fn list() -> Result<Vec<DeviceSummary>> {
        let _creation = creation_lock();
        let instance = Instance::open(Validation::Off, false, false)?;
        let devices = instance.physical_devices()?;
        devices.into_iter().map(|physical| Ok(Found::examine(&instance, physical, &[])?.candidate)).collect()
    }

    /// Takes over a device that was made elsewhere, without owning it.
    ///
    /// # Safety
    ///
    /// As [`RawDevice`] says.
    pub(crate) unsafe fn from_raw(raw: RawDevice, options: &GpuOptions) -> Result<Arc<Self>> {
        let instance = Instance::borrowed(raw.entry.clone(), raw.instance.clone(), raw.debug_utils);
        let found = Found::examine(&instance, raw.physical_device, &[])?;
        if !found.candidate.missing.is_empty() {
            let missing = found.candidate.missing.join(", ");
            return Err(Error::MissingFeatures { device: found.candidate.name, missing });
        }
        let roles = raw.roles(&found.queue_families)?;
        let parts = Parts {
            physical: raw.physical_device,
            queues: Queues::new(roles, &found.queue_families),
            features: raw.features,
            memory_budget: raw.memory_budget,
            present_queue: None,
            checks: options.wants_checks()?,
            owned: false,
        };
        Self::assemble(instance, raw.device, parts, None)
    }

    /// The device's memory.
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Puts a new device together; destroys it, if it is to be owned, where that fails.
    fn assemble(
        instance: Arc<Instance>,
        raw: ash::Device,
        parts: Parts,
        intercept: Option<&Intercept>,
    ) -> Result<Arc<Self>> {
        let Parts { physical, queues, features, memory_budget, present_queue, checks, owned } = parts;
        let info = describe(&instance, physical, features, memory_budget);
        let counters = Arc::new(Counters::default());
        let memory = Memory::new(&instance.raw, &raw, physical, &info, Arc::clone(&counters)).inspect_err(|_| {
            if owned {
                destroy(&raw);
            }
        })?;
        let labels = if instance.debug_utils {
            let (handle, instance) = (raw.handle(), &instance.raw);
            // SAFETY: the extension is enabled on the instance, and the functions are the device's.
            unsafe { Labels::on(handle, |name| load(instance, handle, intercept, name)) }
        } else {
            Labels::off()
        };
        labels.name(raw.handle(), &info.name);
        for queue in &queues.all {
            labels.name(queue.raw, queue.name);
        }
        let presentation = (!instance.presentation.is_empty()).then(|| {
            let handle = raw.handle();
            // SAFETY: the extensions are enabled on an instance and device that are to present; the queue was made for it.
            unsafe { Presentation::new(&instance, |name| load(&instance.raw, handle, intercept, name), present_queue) }
        });
        let validation = Arc::clone(&instance.log);
        let memory = ManuallyDrop::new(memory);
        Ok(Arc::new(Self {
            raw,
            physical,
            info,
            queues,
            labels,
            counters,
            validation,
            checks: checks.then(Checks::default),
            presentation,
            memory,
            formats: DashMap::new(),
            owned,
            instance,
        }))
    }
}

impl Device {
    /// What images of a format can be used for.
    pub(crate) fn format_features(&self, format: vk::Format) -> vk::FormatFeatureFlags {
        if let Some(known) = self.formats.get(&format) {
            return *known;
        }
        // SAFETY: the physical device is the one that the device was made from, on this instance.
        let properties = unsafe { self.instance.raw.get_physical_device_format_properties(self.physical, format) };
        self.formats.insert(format, properties.optimal_tiling_features);
        properties.optimal_tiling_features
    }

    /// The time between two timestamps of a queue, which may have wrapped around in between.
    pub(crate) fn between(&self, queue: super::QueueId, [from, to]: [u64; 2]) -> std::time::Duration {
        let bits = self.queues.get(queue).timestamp_bits;
        let mask = 1u64.checked_shl(bits).map_or(u64::MAX, |bit| bit - 1);
        let ticks = to.wrapping_sub(from) & mask;
        std::time::Duration::from_nanos((ticks as f64 * f64::from(self.info.limits.timestamp_period)) as u64)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: dropped here only, and not used after. It must go first: it frees memory of the device.
        unsafe { ManuallyDrop::drop(&mut self.memory) };
        if self.owned {
            destroy(&self.raw);
        }
    }
}

/// Destroys a device of our own, which nothing uses any more.
fn destroy(raw: &ash::Device) {
    let _creation = creation_lock();
    // SAFETY: everything made from the device held an `Arc` of its owner and is gone, so that this call is the last.
    unsafe { raw.destroy_device(None) };
}

/// What tells one device apart in `assemble`.
struct Parts {
    physical: vk::PhysicalDevice,
    queues: Queues,
    features: Features,
    memory_budget: bool,
    /// For presenting alone.
    present_queue: Option<vk::Queue>,
    checks: bool,
    owned: bool,
}

/// A physical device, examined.
struct Found {
    physical: vk::PhysicalDevice,
    candidate: DeviceSummary,
    extensions: Vec<vk::ExtensionProperties>,
    queue_families: Vec<vk::QueueFamilyProperties>,
    optional: Features,
}

impl Found {
    fn examine(instance: &Instance, physical: vk::PhysicalDevice, wanted: &[CString]) -> Result<Self> {
        // SAFETY: `physical` is a device of this living instance, for this call and the two below.
        let properties = unsafe { instance.raw.get_physical_device_properties(physical) };
        // SAFETY: as above.
        let queue_families = unsafe { instance.raw.get_physical_device_queue_family_properties(physical) };
        // SAFETY: as above.
        let extensions = unsafe { instance.raw.enumerate_device_extension_properties(physical) }
            .during("vkEnumerateDeviceExtensionProperties")?;
        let mut found = Self {
            physical,
            candidate: DeviceSummary {
                name: name_of(&properties),
                kind: properties.device_type.into(),
                uuid: uuid_of(instance, physical, properties.api_version),
                api_version: properties.api_version,
                missing: Vec::new(),
            },
            extensions,
            queue_families,
            optional: Features::default(),
        };
        found.judge(instance, wanted);
        Ok(found)
    }

    /// Finds out what the device lacks, and which optional features it has.
    fn judge(&mut self, instance: &Instance, wanted: &[CString]) {
        let missing = &mut self.candidate.missing;
        if self.candidate.api_version >= API_VERSION {
            // SAFETY: a device of the instance, and of Vulkan 1.3.
            let set = unsafe { FeatureSet::of(&instance.raw, self.physical) };
            self.optional = Features::supported(&set, |name| has(&self.extensions, name));
            // SAFETY: as above, and the device has the extensions.
            self.optional.cooperative_bfloat16 = self.optional.cooperative_bfloat16
                && !instance.log.is_older_than(cooperative::LAYER_VERSION)
                && unsafe { cooperative::has_bfloat16(&instance.entry, &instance.raw, self.physical) };
            missing.extend(lacking(&set).into_iter().map(str::to_owned));
        } else {
            // Older devices cannot be asked for features of 1.3.
            missing.push(format!("Vulkan 1.3 (it has {})", Version(self.candidate.api_version)));
        }
        if Families::choose(&self.queue_families).is_none() {
            missing.push("a queue that renders and computes".into());
        }
        for name in wanted {
            if !has(&self.extensions, name) {
                missing.push(format!("the extension {}", name.to_string_lossy()));
            }
        }
    }

    fn open(self, instance: Arc<Instance>, mut extensions: Vec<CString>, options: &GpuOptions) -> Result<Arc<Device>> {
        let (intercept, checks) = (options.interceptor(), options.wants_checks()?);
        let families = Families::choose(&self.queue_families)
            .ok_or_else(|| Error::NoDevice { reason: format!("{} has no queue that renders", self.candidate) })?;
        for name in [ext::memory_budget::NAME, PORTABILITY_SUBSET] {
            if has(&self.extensions, name) {
                extensions.push(name.to_owned());
            }
        }
        extensions.extend(self.optional.extensions().map(CStr::to_owned));
        extensions.sort_unstable();
        extensions.dedup(); // the caller may have named one of ours
        let presents_apart = !instance.presentation.is_empty() && self.has_queue_to_spare(families.graphics);
        let raw = self.create(&instance, families, presents_apart, &extensions, intercept)?;
        // SAFETY: one queue of each of these families was just created.
        let roles = families.roles().map(|family| (unsafe { raw.get_device_queue(family, 0) }, family));
        // SAFETY: as above, and then there is a second one.
        let present_queue = presents_apart.then(|| unsafe { raw.get_device_queue(families.graphics, 1) });
        let parts = Parts {
            physical: self.physical,
            queues: Queues::new(roles, &self.queue_families),
            features: self.optional,
            memory_budget: has(&self.extensions, ext::memory_budget::NAME),
            present_queue,
            checks,
            owned: true,
        };
        Device::assemble(instance, raw, parts, intercept)
    }

    /// Whether a family has a queue beside the one that is taken for what the family does.
    fn has_queue_to_spare(&self, family: u32) -> bool {
        self.queue_families.get(family as usize).is_some_and(|family| family.queue_count > 1)
    }

    fn create(
        &self,
        instance: &Instance,
        families: Families,
        presents_apart: bool,
        extensions: &[CString],
        intercept: Option<&Intercept>,
    ) -> Result<ash::Device> {
        let queue = |family| {
            let priorities: &[f32] = if presents_apart && family == families.graphics { &[1.0; 2] } else { &[1.0] };
            vk::DeviceQueueCreateInfo::default().queue_family_index(family).queue_priorities(priorities)
        };
        let queues: Vec<_> = families.distinct().into_iter().map(queue).collect();
        let names: Vec<_> = extensions.iter().map(|name| name.as_ptr()).collect();
        FeatureSet::to_enable(&self.optional).chained(|features| {
            let mut handle = vk::Device::null();
            let info = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&names)
                .push_next(features);
            let _creation = creation_lock();
            // SAFETY: everything that is enabled was found on this device, and all structures live through the call. The
            // function is called as it is because the binding would load the entry points past the hook.
            unsafe { (instance.raw.fp_v1_0().create_device)(self.physical, &info, ptr::null(), &mut handle) }
                .result()
                .during("vkCreateDevice")?;
            // SAFETY: `load` gives the functions of this device, or the hook's, whose giver promised that they fit.
            Ok(unsafe { ash::Device::load_with(|name| load(&instance.raw, handle, intercept, name), handle) })
        })
    }
}

/// A device's entry point, past the hook if there is one.
fn load(instance: &ash::Instance, device: vk::Device, intercept: Option<&Intercept>, name: &CStr) -> *const c_void {
    // SAFETY: the device is a living one of this instance.
    let found = unsafe { instance.get_device_proc_addr(device, name.as_ptr()) };
    let found = found.map_or(ptr::null(), |function| function as *const c_void);
    intercept.map_or(found, |hook| hook(name, found))
}

fn has(extensions: &[vk::ExtensionProperties], name: &CStr) -> bool {
    extensions.iter().any(|extension| extension.extension_name_as_c_str() == Ok(name))
}

fn name_of(properties: &vk::PhysicalDeviceProperties) -> String {
    properties.device_name_as_c_str().map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned())
}

/// The device's UUID; zeros before Vulkan 1.1, which has none.
fn uuid_of(instance: &Instance, physical: vk::PhysicalDevice, api_version: u32) -> [u8; 16] {
    let mut ids = vk::PhysicalDeviceIDProperties::default();
    if api_version >= vk::API_VERSION_1_1 {
        let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut ids);
        // SAFETY: a device of this living instance, and of a version that knows the structure.
        unsafe { instance.raw.get_physical_device_properties2(physical, &mut all) };
    }
    ids.device_uuid
}

/// All that is to be known about a device of Vulkan 1.3.
fn describe(instance: &Instance, physical: vk::PhysicalDevice, features: Features, memory_budget: bool) -> DeviceInfo {
    let mut v11 = vk::PhysicalDeviceVulkan11Properties::default();
    let mut v12 = vk::PhysicalDeviceVulkan12Properties::default();
    let mut v13 = vk::PhysicalDeviceVulkan13Properties::default();
    let mut host = vk::PhysicalDeviceExternalMemoryHostPropertiesEXT::default();
    let mut all = vk::PhysicalDeviceProperties2::default().push_next(&mut v11).push_next(&mut v12).push_next(&mut v13);
    if features.external_memory_host {
        all = all.push_next(&mut host);
    }
    // SAFETY: a device of this living instance, and of Vulkan 1.3; what it has no extension for is not in the chain.
    unsafe { instance.raw.get_physical_device_properties2(physical, &mut all) };
    let properties = all.properties;
    // SAFETY: as above.
    let memory = unsafe { instance.raw.get_physical_device_memory_properties(physical) };
    DeviceInfo {
        name: name_of(&properties),
        kind: properties.device_type.into(),
        uuid: v11.device_uuid,
        driver: driver_of(&v12),
        api_version: properties.api_version,
        vendor_id: properties.vendor_id,
        limits: properties.limits,
        max_allocation: v11.max_memory_allocation_size.min(v13.max_buffer_size),
        subgroup_size: v11.subgroup_size,
        subgroup_sizes: [v13.min_subgroup_size, v13.max_subgroup_size],
        max_workgroup_subgroups: v13.max_compute_workgroup_subgroups,
        subgroup_operations: match v11.subgroup_supported_stages.contains(vk::ShaderStageFlags::COMPUTE) {
            true => v11.subgroup_supported_operations,
            false => vk::SubgroupFeatureFlags::empty(),
        },
        features: Features {
            // Compute shaders are what ask.
            subgroup_size_control: features.subgroup_size_control
                && v13.required_subgroup_size_stages.contains(vk::ShaderStageFlags::COMPUTE),
            ..features
        },
        heap_bytes: largest_device_heap(&memory),
        memory,
        memory_budget,
        import_alignment: features.external_memory_host.then_some(host.min_imported_host_pointer_alignment),
    }
}

fn driver_of(v12: &vk::PhysicalDeviceVulkan12Properties<'_>) -> String {
    let words = [v12.driver_name_as_c_str(), v12.driver_info_as_c_str()];
    let words = words.into_iter().flatten().map(CStr::to_string_lossy).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn largest_device_heap(memory: &vk::PhysicalDeviceMemoryProperties) -> u64 {
    let heaps = memory.memory_heaps_as_slice().iter();
    let local = heaps.filter(|heap| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL));
    local.map(|heap| heap.size).max().unwrap_or(0)
}

/// A device that was made elsewhere, for `Gpu::from_raw`.
///
/// # Safety
///
/// This structure is only data; giving it to `Gpu::from_raw` promises that
/// - the handles are valid and belong together, and stay so until the `Gpu` and everything made from it is gone; vulkio
///   destroys none of them;
/// - the device was made with Vulkan 1.3 and with all features that vulkio requires: `shaderInt64`,
///   `shaderDrawParameters`, `bufferDeviceAddress`, `drawIndirectCount`, `scalarBlockLayout`, `vulkanMemoryModel`,
///   `vulkanMemoryModelDeviceScope`, `subgroupBroadcastDynamicId`, `timelineSemaphore`, `hostQueryReset`, `synchronization2`, `dynamicRendering` and
///   `maintenance4`;
/// - what the fields below say to be enabled is enabled;
/// - nobody else submits to the queues, or waits for them or for the device to be idle, while vulkio might.
pub struct RawDevice {
    /// The loader.
    pub entry: ash::Entry,
    /// The instance, of Vulkan 1.3 or later.
    pub instance: ash::Instance,
    /// The physical device.
    pub physical_device: vk::PhysicalDevice,
    /// The device. Its function table is used as it is.
    pub device: ash::Device,
    /// A queue of a family with graphics and compute.
    pub graphics: RawQueue,
    /// A queue of a family with compute; without one the graphics queue serves.
    pub compute: Option<RawQueue>,
    /// A queue for copies; without one the graphics queue serves.
    pub transfer: Option<RawQueue>,
    /// The optional features that are enabled; those that are extensions, `external_memory_host`, included.
    pub features: Features,
    /// Whether `VK_EXT_debug_utils` is enabled on the instance.
    pub debug_utils: bool,
    /// Whether `VK_EXT_memory_budget` is enabled on the device.
    pub memory_budget: bool,
}

/// A queue of a [`RawDevice`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawQueue {
    /// The queue.
    pub raw: vk::Queue,
    /// The family that it belongs to.
    pub family: u32,
}

impl RawDevice {
    /// The queue of each role, if their families can do it.
    fn roles(&self, families: &[vk::QueueFamilyProperties]) -> Result<[(vk::Queue, u32); 3]> {
        use vk::QueueFlags as Q;
        let (compute, transfer) = (self.compute.unwrap_or(self.graphics), self.transfer.unwrap_or(self.graphics));
        Ok([
            role("graphics", self.graphics, families, &[Q::GRAPHICS | Q::COMPUTE])?,
            role("compute", compute, families, &[Q::COMPUTE])?,
            // Families that render or compute can copy without saying so.
            role("transfer", transfer, families, &[Q::TRANSFER, Q::COMPUTE, Q::GRAPHICS])?,
        ])
    }
}

/// The queue, if its family has all flags of one of `any_of`.
fn role(
    name: &str,
    queue: RawQueue,
    families: &[vk::QueueFamilyProperties],
    any_of: &[vk::QueueFlags],
) -> Result<(vk::Queue, u32)> {
    let flags = families.get(queue.family as usize).map_or(vk::QueueFlags::empty(), |family| family.queue_flags);
    if any_of.iter().any(|wanted| flags.contains(*wanted)) {
        return Ok((queue.raw, queue.family));
    }
    let family = queue.family;
    Err(Error::Invalid(format!(
        "RawDevice::{name} is of queue family {family}, which this device lacks or which cannot do that work; give a \
         queue of another family"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vk::QueueFlags as Q;

    #[test]
    fn a_raw_queue_of_a_family_that_cannot_do_its_role_is_refused() {
        let families = [Q::GRAPHICS | Q::COMPUTE, Q::TRANSFER]
            .map(|flags| vk::QueueFamilyProperties::default().queue_flags(flags).queue_count(1));
        let queue = |family| RawQueue { raw: vk::Queue::null(), family };
        assert!(role("graphics", queue(0), &families, &[Q::GRAPHICS | Q::COMPUTE]).is_ok());
        assert!(role("transfer", queue(0), &families, &[Q::TRANSFER, Q::COMPUTE]).is_ok());
        for family in [1, 2] {
            let error = role("compute", queue(family), &families, &[Q::COMPUTE]).unwrap_err().to_string();
            assert!(error.contains("RawDevice::compute") && error.contains(&family.to_string()), "{error}");
        }
    }

    #[test]
    fn the_largest_heap_is_looked_for_on_the_device_only() {
        let mut memory = vk::PhysicalDeviceMemoryProperties { memory_heap_count: 3, ..Default::default() };
        memory.memory_heaps[0] = vk::MemoryHeap { size: 64, flags: vk::MemoryHeapFlags::empty() };
        memory.memory_heaps[1] = vk::MemoryHeap { size: 8, flags: vk::MemoryHeapFlags::DEVICE_LOCAL };
        memory.memory_heaps[2] = vk::MemoryHeap { size: 24, flags: vk::MemoryHeapFlags::DEVICE_LOCAL };
        assert_eq!(largest_device_heap(&memory), 24);
    }
}
