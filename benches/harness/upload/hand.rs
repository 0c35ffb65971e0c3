//! Copies by hand: memory bound to one buffer each, one `vkCmdCopyBuffer` on the transfer queue, one wait; and the copy
//! into staging memory by several threads.

use std::{
    ptr::NonNull,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use vulkio::{
    Gpu, QueueKind,
    ash::{self, vk},
};

use super::{
    super::{Result, raw::ByHand, team::Team},
    micros,
};

/// Where a buffer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Device,
    /// In host memory that the CPU caches.
    Cached,
    /// In host memory that it does not.
    Uncached,
}

impl Place {
    /// The flags that its memory must have, and those that it should not.
    fn flags(self) -> [vk::MemoryPropertyFlags; 2] {
        use vk::MemoryPropertyFlags as P;
        let host = P::HOST_VISIBLE | P::HOST_COHERENT;
        match self {
            Self::Device => [P::DEVICE_LOCAL, P::HOST_VISIBLE],
            Self::Cached => [host | P::HOST_CACHED, P::DEVICE_LOCAL],
            Self::Uncached => [host, P::DEVICE_LOCAL | P::HOST_CACHED],
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Device => "device memory",
            Self::Cached => "cached host memory",
            Self::Uncached => "uncached host memory",
        }
    }
}

/// A buffer with memory of its own, mapped if it is the host's.
pub(crate) struct HandBuffer {
    device: ash::Device,
    raw: vk::Buffer,
    memory: vk::DeviceMemory,
    start: Option<NonNull<u8>>,
    bytes: usize,
    /// Keeps the device alive.
    _gpu: Gpu,
}

impl HandBuffer {
    /// Every page of the host's memory is touched.
    pub(crate) fn new(gpu: &Gpu, place: Place, bytes: usize) -> Result<Self> {
        // SAFETY: `_gpu` outlives the copies of the handles, which destroy nothing of vulkio's.
        let handles = unsafe { gpu.raw() };
        let device = handles.device.clone();
        let usage = vk::BufferUsageFlags::TRANSFER_SRC | vk::BufferUsageFlags::TRANSFER_DST;
        let info = vk::BufferCreateInfo::default().size(bytes as u64).usage(usage);
        // SAFETY: the device is alive.
        let raw = unsafe { device.create_buffer(&info, None) }?;
        // SAFETY: the buffer was just made, the physical device is that of the device.
        let (needs, types) = unsafe {
            let types = handles.instance.get_physical_device_memory_properties(handles.physical_device);
            (device.get_buffer_memory_requirements(raw), types)
        };
        let index = memory_type(&types, needs.memory_type_bits, place).ok_or("no memory of that type")?;
        let info = vk::MemoryAllocateInfo::default().allocation_size(needs.size).memory_type_index(index);
        // SAFETY: size and type are what the buffer needs.
        let memory = unsafe { device.allocate_memory(&info, None) }?;
        // SAFETY: neither is bound yet.
        unsafe { device.bind_buffer_memory(raw, memory, 0) }?;
        let mut buffer = Self { device, raw, memory, start: None, bytes, _gpu: gpu.clone() };
        if place != Place::Device {
            // SAFETY: the memory is host-visible, and not mapped yet.
            let start = unsafe { buffer.device.map_memory(memory, 0, vk::WHOLE_SIZE, vk::MemoryMapFlags::empty()) }?;
            buffer.start = NonNull::new(start.cast());
            buffer.bytes_mut().fill(1);
        }
        Ok(buffer)
    }

    /// The host's bytes; none of the device's.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let Some(start) = self.start else { return &mut [] };
        // SAFETY: so many bytes are mapped for as long as the buffer lives, and were written when it was made; the benches
        // wait for their copies before they look.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), self.bytes) }
    }
}

impl Drop for HandBuffer {
    fn drop(&mut self) {
        // SAFETY: the benches wait for what they submitted before they drop what it used.
        unsafe {
            self.device.destroy_buffer(self.raw, None);
            self.device.free_memory(self.memory, None);
        }
    }
}

/// The first that has none of the flags that it should not have; else the first that will do.
fn memory_type(types: &vk::PhysicalDeviceMemoryProperties, allowed: u32, place: Place) -> Option<u32> {
    let [needed, avoided] = place.flags();
    let types = types.memory_types_as_slice().iter().enumerate();
    let fitting = types.filter(|(index, kind)| allowed & 1 << index != 0 && kind.property_flags.contains(needed));
    let fitting: Vec<_> = fitting.collect();
    let best = fitting.iter().find(|(_, kind)| !kind.property_flags.intersects(avoided));
    best.or(fitting.first()).map(|(index, _)| *index as u32)
}

/// Copies on the transfer queue, one at a time.
pub(crate) struct HandCopies(ByHand);

impl HandCopies {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self(ByHand::on(gpu, QueueKind::Transfer, 1)?))
    }

    /// One command of one region; microseconds until it is complete.
    pub(crate) fn copy(&mut self, from: &HandBuffer, to: &HandBuffer) -> Result<f64> {
        let size = from.bytes.min(to.bytes) as u64;
        self.regions(from, to, &[vk::BufferCopy { src_offset: 0, dst_offset: 0, size }])
    }

    /// As [`copy`](Self::copy), to device memory that was never written. Making it is off the clock.
    pub(crate) fn copy_to_new(&mut self, gpu: &Gpu, from: &HandBuffer) -> Result<f64> {
        let to = HandBuffer::new(gpu, Place::Device, from.bytes)?;
        self.copy(from, &to)
    }

    /// One command; microseconds until it is complete, and what it wrote is visible to the host.
    pub(crate) fn regions(&mut self, from: &HandBuffer, to: &HandBuffer, regions: &[vk::BufferCopy]) -> Result<f64> {
        let start = Instant::now();
        self.0.frame(|device, cmd| {
            let visible = [vk::MemoryBarrier2::default()
                .src_stage_mask(vk::PipelineStageFlags2::COPY)
                .src_access_mask(vk::AccessFlags2::TRANSFER_WRITE)
                .dst_stage_mask(vk::PipelineStageFlags2::HOST)
                .dst_access_mask(vk::AccessFlags2::HOST_READ)];
            // SAFETY: both buffers live until the wait below, and the regions lie within them.
            unsafe {
                device.cmd_copy_buffer(cmd, from.raw, to.raw, regions);
                if to.start.is_some() {
                    device.cmd_pipeline_barrier2(cmd, &vk::DependencyInfo::default().memory_barriers(&visible));
                }
            }
        })?;
        self.0.wait_for_all()?;
        Ok(micros(start))
    }
}

/// The host memory that a copy to the device is faster from.
pub(crate) fn faster_staging(gpu: &Gpu, copies: &mut HandCopies, bytes: usize) -> Result<(Place, HandBuffer)> {
    let to = HandBuffer::new(gpu, Place::Device, bytes)?;
    let mut best: Option<(f64, Place, HandBuffer)> = None;
    for place in [Place::Cached, Place::Uncached] {
        let from = HandBuffer::new(gpu, place, bytes)?;
        let mut times = Vec::new();
        for _ in 0..5 {
            times.push(copies.copy(&from, &to)?);
        }
        let time = times.into_iter().fold(f64::INFINITY, f64::min);
        if best.as_ref().is_none_or(|(least, ..)| time < *least) {
            best = Some((time, place, from));
        }
    }
    let (_, place, buffer) = best.ok_or("no staging memory")?;
    Ok((place, buffer))
}

/// A `memcpy` cut into as many equal parts as there are threads; microseconds.
pub(crate) fn fill(team: &mut Team, threads: usize, from: &[u8], to: &mut [u8]) -> f64 {
    let part = from.len().div_ceil(threads).max(1);
    let parts: Vec<_> = from.chunks(part).zip(to.chunks_mut(part)).map(Mutex::new).collect();
    let start = Instant::now();
    team.run(threads, |thread| {
        if let Some(part) = parts.get(thread) {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let (from, to) = &mut *part;
            to.copy_from_slice(from);
        }
    });
    micros(start)
}
