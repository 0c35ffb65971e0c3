//! Which of the machine's devices to open.

use std::fmt;

use ash::vk;

use super::{
    features::{API_VERSION, Features},
    options::{DeviceChoice, HOW_TO_CHOOSE, Uuid},
};
use crate::error::{Error, Result};

/// What sort of device it is. The order is that of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DeviceKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the host's memory.
    Integrated,
    /// A part of a GPU, given to a virtual machine.
    Virtual,
    /// None of the other kinds.
    Other,
    /// A driver that runs on the host's processor.
    Cpu,
}

impl From<vk::PhysicalDeviceType> for DeviceKind {
    fn from(kind: vk::PhysicalDeviceType) -> Self {
        match kind {
            vk::PhysicalDeviceType::DISCRETE_GPU => Self::Discrete,
            vk::PhysicalDeviceType::INTEGRATED_GPU => Self::Integrated,
            vk::PhysicalDeviceType::VIRTUAL_GPU => Self::Virtual,
            vk::PhysicalDeviceType::CPU => Self::Cpu,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Other => "other",
            Self::Cpu => "CPU",
        })
    }
}

/// What an opened device is and what it can do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The device's name.
    pub name: String,
    /// What sort of device it is.
    pub kind: DeviceKind,
    /// Its `deviceUUID`: the same device's in every process.
    pub uuid: [u8; 16],
    /// The driver's name and version, in its own words.
    pub driver: String,
    /// The Vulkan version of the device, packed as Vulkan packs it.
    pub api_version: u32,
    /// The vendor's PCI or Khronos number.
    pub vendor_id: u32,
    /// The limits of Vulkan 1.0.
    pub limits: vk::PhysicalDeviceLimits,
    /// The most bytes that one buffer may have.
    pub max_allocation: u64,
    /// Invocations in a subgroup.
    pub subgroup_size: u32,
    /// The smallest and the largest subgroup that a shader can ask for.
    pub subgroup_sizes: [u32; 2],
    /// The most subgroups of a workgroup, for shaders that ask for a size of them.
    pub max_workgroup_subgroups: u32,
    /// What compute shaders can do within a subgroup.
    pub subgroup_operations: vk::SubgroupFeatureFlags,
    /// The optional features, as enabled.
    pub features: Features,
    /// Bytes in the largest device-local heap.
    pub heap_bytes: u64,
    /// Memory types and heaps.
    pub memory: vk::PhysicalDeviceMemoryProperties,
    /// Whether `VK_EXT_memory_budget` is enabled, so that the driver says what is free.
    pub memory_budget: bool,
    /// What address and bytes of imported host memory must be multiples of, in bytes; `None` without
    /// [`Features::external_memory_host`].
    pub import_alignment: Option<u64>,
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, driver, api_version, .. } = self;
        write!(f, "{name} ({kind}, Vulkan {}, {driver})", Version(*api_version))
    }
}

/// One of the machine's devices, as the choice sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DeviceSummary {
    /// The device's name.
    pub name: String,
    /// What sort of device it is.
    pub kind: DeviceKind,
    /// Its `deviceUUID`.
    pub uuid: [u8; 16],
    /// The Vulkan version of the device, packed as Vulkan packs it.
    pub api_version: u32,
    /// What it lacks to be opened; nothing, if it fits.
    pub missing: Vec<String>,
}

impl DeviceSummary {
    /// Whether the device can be opened.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.missing.is_empty()
    }

    fn missing_features(&self) -> Error {
        Error::MissingFeatures { device: self.name.clone(), missing: self.missing.join(", ") }
    }
}

impl fmt::Display for DeviceSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, uuid, .. } = self;
        write!(f, "`{name}` ({kind}, Vulkan {}, UUID {})", Version(self.api_version), Uuid(uuid))
    }
}

/// Writes a packed Vulkan version.
pub(crate) struct Version(pub(crate) u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(v) = *self;
        write!(f, "{}.{}.{}", vk::api_version_major(v), vk::api_version_minor(v), vk::api_version_patch(v))
    }
}

/// The place of the chosen device in `found`.
///
/// # Errors
///
/// [`Error::NoDevice`] where nothing matches, [`Error::MissingFeatures`] where what matches does not fit.
pub(crate) fn choose(found: &[DeviceSummary], choice: &DeviceChoice) -> Result<usize> {
    let matching: Vec<usize> = (0..found.len()).filter(|&index| matches(choice, index, &found[index])).collect();
    let fitting = matching.iter().copied().filter(|&index| found[index].fits());
    if let Some(best) = fitting.min_by_key(|&index| found[index].kind) {
        return Ok(best);
    }
    // Nothing fits. Tell of the one that comes closest; a device of an older Vulkan was not asked for features at all.
    let closeness = |&index: &usize| {
        let DeviceSummary { api_version, missing, kind, .. } = &found[index];
        (*api_version < API_VERSION, missing.len(), *kind)
    };
    match matching.into_iter().min_by_key(closeness) {
        Some(closest) => Err(found[closest].missing_features()),
        None => Err(Error::NoDevice { reason: unmatched(found, choice) }),
    }
}

fn matches(choice: &DeviceChoice, index: usize, candidate: &DeviceSummary) -> bool {
    match choice {
        DeviceChoice::Auto => true,
        DeviceChoice::Index(wanted) => *wanted == index,
        DeviceChoice::Name(part) => candidate.name.to_lowercase().contains(&part.to_lowercase()),
        DeviceChoice::Uuid(uuid) => *uuid == candidate.uuid,
    }
}

/// Why nothing matched, what there is, and how to ask for it.
fn unmatched(found: &[DeviceSummary], choice: &DeviceChoice) -> String {
    let wanted = match choice {
        DeviceChoice::Auto => "there is none".to_owned(),
        DeviceChoice::Index(index) => format!("none has the index {index}"),
        DeviceChoice::Name(part) => format!("none has a name with `{part}` in it"),
        DeviceChoice::Uuid(uuid) => format!("none has the UUID {}", Uuid(uuid)),
    };
    let list: Vec<_> = found.iter().enumerate().map(|(index, candidate)| format!("{index}: {candidate}")).collect();
    format!("{wanted}; found {}; {HOW_TO_CHOOSE}", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(name: &str, kind: DeviceKind) -> DeviceSummary {
        let mut uuid = [0; 16];
        uuid[..name.len().min(16)].copy_from_slice(&name.as_bytes()[..name.len().min(16)]);
        DeviceSummary { name: name.into(), kind, uuid, api_version: vk::API_VERSION_1_3, missing: Vec::new() }
    }

    fn lacking(mut candidate: DeviceSummary, missing: &[&str]) -> DeviceSummary {
        candidate.missing = missing.iter().map(|name| (*name).to_owned()).collect();
        candidate
    }

    fn laptop() -> Vec<DeviceSummary> {
        vec![
            device("llvmpipe", DeviceKind::Cpu),
            device("Intel Iris", DeviceKind::Integrated),
            device("NVIDIA RTX 4090", DeviceKind::Discrete),
            device("NVIDIA RTX 2060", DeviceKind::Discrete),
        ]
    }

    #[test]
    fn auto_prefers_discrete_then_integrated_then_virtual_then_cpu() {
        let mut found = laptop();
        found.insert(1, device("odd", DeviceKind::Other));
        found.insert(1, device("vm", DeviceKind::Virtual));
        let mut order = Vec::new();
        while !found.is_empty() {
            let best = choose(&found, &DeviceChoice::Auto).unwrap();
            order.push(found.remove(best).name);
        }
        assert_eq!(order, ["NVIDIA RTX 4090", "NVIDIA RTX 2060", "Intel Iris", "vm", "odd", "llvmpipe"]);
    }

    #[test]
    fn auto_takes_a_cpu_driver_when_nothing_else_fits() {
        let mut found = laptop();
        for gpu in &mut found[1..] {
            gpu.missing.push("Vulkan 1.3".into());
        }
        assert_eq!(choose(&found, &DeviceChoice::Auto).unwrap(), 0);
    }

    #[test]
    fn a_name_matches_any_part_in_either_case_and_takes_the_best() {
        let found = laptop();
        assert_eq!(choose(&found, &DeviceChoice::Name("nvidia".into())).unwrap(), 2);
        assert_eq!(choose(&found, &DeviceChoice::Name("2060".into())).unwrap(), 3);
        assert_eq!(choose(&found, &DeviceChoice::Name("LLVM".into())).unwrap(), 0);
    }

    #[test]
    fn an_index_and_a_uuid_are_exact() {
        let found = laptop();
        assert_eq!(choose(&found, &DeviceChoice::Index(1)).unwrap(), 1);
        assert_eq!(choose(&found, &DeviceChoice::Uuid(found[3].uuid)).unwrap(), 3);
    }

    #[test]
    fn where_nothing_matches_the_error_lists_what_there_is_and_how_to_ask() {
        let choices = [DeviceChoice::Name("radeon".into()), DeviceChoice::Index(4), DeviceChoice::Uuid([7; 16])];
        for choice in choices {
            let error = choose(&laptop(), &choice).unwrap_err().to_string();
            for part in ["0: `llvmpipe` (CPU", "3: `NVIDIA RTX 2060`", "VULKIO_DEVICE", "Vulkan 1.3.0"] {
                assert!(error.contains(part), "{error}");
            }
            assert!(error.contains(&choice.to_string()), "{error}");
        }
    }

    #[test]
    fn a_chosen_device_that_does_not_fit_is_not_replaced() {
        let mut found = laptop();
        found[1] = lacking(found[1].clone(), &["drawIndirectCount", "shaderInt64"]);
        let error = choose(&found, &DeviceChoice::Index(1)).unwrap_err().to_string();
        assert!(error.contains("Intel Iris") && error.contains("drawIndirectCount, shaderInt64"), "{error}");
    }

    #[test]
    fn where_nothing_fits_the_closest_device_is_named() {
        let mut older = lacking(device("older", DeviceKind::Discrete), &["Vulkan 1.3"]);
        older.api_version = vk::API_VERSION_1_2;
        let found = [
            older,
            lacking(device("old", DeviceKind::Discrete), &["a", "b", "c"]),
            lacking(device("close", DeviceKind::Integrated), &["a", "b"]),
            lacking(device("as close, of a worse kind", DeviceKind::Cpu), &["a", "b"]),
        ];
        assert!(matches!(
            choose(&found, &DeviceChoice::Auto),
            Err(Error::MissingFeatures { device, missing }) if device == "close" && missing == "a, b"
        ));
    }
}
