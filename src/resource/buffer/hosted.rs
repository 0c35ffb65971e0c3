//! Buffers in the host's own memory, imported (`VK_EXT_external_memory_host`): sources of copies, which the device only
//! reads.

use ash::{ext, vk};

use crate::{
    error::{During, Error, Result},
    gpu::{counters::Counters, device::Device},
    memory::{HostMemory, MemoryKind},
};

const HANDLE: vk::ExternalMemoryHandleTypeFlags = vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT;
const USAGE: vk::BufferUsageFlags = vk::BufferUsageFlags::TRANSFER_SRC;

/// A buffer whose memory was imported, and that memory.
pub(super) struct Hosted {
    pub(super) raw: vk::Buffer,
    imported: vk::DeviceMemory,
    pub(super) host: HostMemory,
}

impl Hosted {
    /// Imports `host`, of which the buffer has the first `bytes`. Pinning the pages takes long: not for a runtime's
    /// worker.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the memory is not aligned, or this device cannot import it; else what the driver says.
    pub(super) fn import(device: &Device, name: &str, bytes: u64, host: HostMemory) -> Result<Self> {
        check(device, name, bytes, &host)?;
        let raw = create(device, bytes)?;
        let imported = import(device, name, raw, &host).inspect_err(|_| {
            // SAFETY: the buffer was made above and nothing uses it.
            unsafe { device.raw.destroy_buffer(raw, None) }
        })?;
        let hosted = Self { raw, imported, host };
        // SAFETY: the buffer is unbound, and the memory was chosen for it.
        let bound = unsafe { device.raw.bind_buffer_memory(raw, imported, 0) }.during("vkBindBufferMemory");
        if let Err(error) = bound {
            hosted.destroy(device);
            return Err(error);
        }
        device.labels.name(raw, name);
        device.labels.name(imported, name);
        Ok(hosted)
    }

    /// Gives back what was imported. Nothing may use the buffer any more, on the device.
    pub(super) fn destroy(self, device: &Device) -> HostMemory {
        // SAFETY: the caller's promise; the host's memory lives on until both calls are through.
        unsafe {
            device.raw.destroy_buffer(self.raw, None);
            device.raw.free_memory(self.imported, None);
        }
        self.host
    }
}

fn check(device: &Device, name: &str, bytes: u64, host: &HostMemory) -> Result<()> {
    let Some(alignment) = device.info.import_alignment else { return Err(unable(device, name)) };
    host.check(alignment)?;
    let most = device.info.max_allocation;
    if bytes > most {
        return Err(Error::Invalid(format!(
            "import of {bytes} bytes as `{name}`; one buffer of this device has {most} at most: import them in parts"
        )));
    }
    let info = vk::PhysicalDeviceExternalBufferInfo::default().usage(USAGE).handle_type(HANDLE);
    let mut answer = vk::ExternalBufferProperties::default();
    // SAFETY: a device of this living instance.
    unsafe {
        let instance = &device.instance.raw;
        instance.get_physical_device_external_buffer_properties(device.physical, &info, &mut answer);
    }
    let features = answer.external_memory_properties.external_memory_features;
    if features.contains(vk::ExternalMemoryFeatureFlags::IMPORTABLE) { Ok(()) } else { Err(unable(device, name)) }
}

fn unable(device: &Device, name: &str) -> Error {
    Error::Invalid(format!(
        "import of `{name}`: `{}` cannot import host memory (VK_EXT_external_memory_host); upload it instead",
        device.info.name
    ))
}

fn create(device: &Device, bytes: u64) -> Result<vk::Buffer> {
    let families = &device.queues.families;
    let mut external = vk::ExternalMemoryBufferCreateInfo::default().handle_types(HANDLE);
    let mut info = vk::BufferCreateInfo::default().size(bytes).usage(USAGE).push_next(&mut external);
    if families.len() > 1 {
        info = info.sharing_mode(vk::SharingMode::CONCURRENT).queue_family_indices(families);
    }
    // SAFETY: the structure is valid, the families are the device's, and it can import such buffers.
    unsafe { device.raw.create_buffer(&info, None) }.during("vkCreateBuffer")
}

/// The host's memory as the device's, of a type that serves the buffer.
fn import(device: &Device, name: &str, raw: vk::Buffer, host: &HostMemory) -> Result<vk::DeviceMemory> {
    // SAFETY: the buffer was just made on this device.
    let needs = unsafe { device.raw.get_buffer_memory_requirements(raw) };
    let allowed = needs.memory_type_bits & importable_types(device, host)?;
    // Coherent, so that what the host writes reaches the device without a flush; and cached, as it is for the host.
    let type_index = MemoryKind::Readback.choose(&device.info.memory, allowed);
    let type_index = type_index.filter(|_| needs.size <= host.bytes as u64).ok_or_else(|| {
        Error::Invalid(format!(
            "import of `{name}`: no memory type of this device takes it (memory types allowed: {allowed:#b}; {} bytes of \
             {} needed); upload it instead",
            needs.size, host.bytes
        ))
    })?;
    let mut pointer =
        vk::ImportMemoryHostPointerInfoEXT::default().handle_type(HANDLE).host_pointer(host.start.as_ptr().cast());
    let info = vk::MemoryAllocateInfo::default()
        .allocation_size(host.bytes as u64)
        .memory_type_index(type_index)
        .push_next(&mut pointer);
    // It is one of as many as the device allows, and holds no byte of the device's memory.
    Counters::add(&device.counters.device_allocations, 1);
    // SAFETY: the memory is aligned for the import and stays where it is for as long as it is imported.
    unsafe { device.raw.allocate_memory(&info, None) }.during("vkAllocateMemory")
}

/// The memory types, as bits, that the host's memory can be imported as.
fn importable_types(device: &Device, host: &HostMemory) -> Result<u32> {
    let extension = ext::external_memory_host::Device::new(&device.instance.raw, &device.raw);
    let mut properties = vk::MemoryHostPointerPropertiesEXT::default();
    let (function, pointer) = (extension.fp().get_memory_host_pointer_properties_ext, host.start.as_ptr());
    // SAFETY: the extension is enabled, and the pointer is to memory that is aligned as the device asks.
    unsafe { function(device.raw.handle(), HANDLE, pointer.cast(), &mut properties) }
        .result()
        .during("vkGetMemoryHostPointerPropertiesEXT")?;
    Ok(properties.memory_type_bits)
}
