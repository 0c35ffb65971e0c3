//! The hand-written side: what a careful program writes with ash for the same work, on the same device and queue.
//!
//! Two command pools, reset as a whole, one command buffer each; one timeline semaphore; one `vkQueueSubmit2` a frame;
//! `vkWaitSemaphores` on the value of two frames ago before a pool is used again.

use bytemuck::NoUninit;
use vulkio::{
    Gpu, QueueKind,
    ash::{self, prelude::VkResult, util::read_spv, vk},
};

use super::Result;

/// A frame loop by hand.
pub(crate) struct ByHand {
    device: ash::Device,
    queue: vk::Queue,
    timeline: vk::Semaphore,
    /// The last value submitted.
    value: u64,
    slots: Vec<Slot>,
    /// Keeps the device alive.
    _gpu: Gpu,
}

struct Slot {
    pool: vk::CommandPool,
    buffer: vk::CommandBuffer,
    /// The value of its last submission.
    last: u64,
}

impl ByHand {
    /// With `frames` in flight, on the graphics queue.
    pub(crate) fn new(gpu: &Gpu, frames: usize) -> Result<Self> {
        Self::on(gpu, QueueKind::Graphics, frames)
    }

    /// With `frames` in flight.
    pub(crate) fn on(gpu: &Gpu, queue: QueueKind, frames: usize) -> Result<Self> {
        // SAFETY: `_gpu` outlives the copy, which destroys nothing of vulkio's.
        let device = unsafe { gpu.raw() }.device.clone();
        // SAFETY: the queue outlives this call as well. The benches are its only users beside vulkio, and take turns
        // with it: while one side submits or waits, the other side does nothing.
        let (queue, family) = unsafe { gpu.with_queue(queue, |queue, family| (queue, family)) };
        let mut kind = vk::SemaphoreTypeCreateInfo::default().semaphore_type(vk::SemaphoreType::TIMELINE);
        let info = vk::SemaphoreCreateInfo::default().push_next(&mut kind);
        // SAFETY: the device is alive and has timeline semaphores.
        let timeline = unsafe { device.create_semaphore(&info, None) }?;
        let slots = (0..frames).map(|_| Slot::new(&device, family)).collect::<VkResult<_>>()?;
        Ok(Self { device, queue, timeline, value: 0, slots, _gpu: gpu.clone() })
    }

    /// Waits until the next frame's slot is free.
    pub(crate) fn wait_for_slot(&self) -> VkResult<()> {
        self.wait(self.slots[self.next_slot()].last)
    }

    /// Waits until everything submitted is complete.
    pub(crate) fn wait_for_all(&self) -> VkResult<()> {
        self.wait(self.value)
    }

    /// One frame: throttled, recorded, submitted.
    pub(crate) fn frame(&mut self, record: impl FnOnce(&ash::Device, vk::CommandBuffer)) -> VkResult<()> {
        let index = self.next_slot();
        self.wait(self.slots[index].last)?;
        let Slot { pool, buffer, .. } = self.slots[index];
        let begin = vk::CommandBufferBeginInfo::default().flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: the slot's last submission is complete, so pool and buffer are free; what `record` records lives on.
        unsafe {
            self.device.reset_command_pool(pool, vk::CommandPoolResetFlags::empty())?;
            self.device.begin_command_buffer(buffer, &begin)?;
            record(&self.device, buffer);
            self.device.end_command_buffer(buffer)?;
        }
        self.submit(&[vk::CommandBufferSubmitInfo::default().command_buffer(buffer)])?;
        self.slots[index].last = self.value;
        Ok(())
    }

    /// A submission of command buffers that were recorded elsewhere. The caller waits for it before it records into them
    /// again.
    pub(crate) fn submit_recorded(&mut self, buffers: &[vk::CommandBuffer]) -> VkResult<()> {
        let infos: Vec<_> =
            buffers.iter().map(|&buffer| vk::CommandBufferSubmitInfo::default().command_buffer(buffer)).collect();
        self.submit(&infos)
    }

    /// A submission that only signals.
    pub(crate) fn signal(&mut self) -> VkResult<()> {
        self.submit(&[])
    }

    fn submit(&mut self, buffers: &[vk::CommandBufferSubmitInfo<'_>]) -> VkResult<()> {
        let signals = [vk::SemaphoreSubmitInfo::default()
            .semaphore(self.timeline)
            .value(self.value + 1)
            .stage_mask(vk::PipelineStageFlags2::ALL_COMMANDS)];
        let info = vk::SubmitInfo2::default().command_buffer_infos(buffers).signal_semaphore_infos(&signals);
        // SAFETY: the buffers are ended, the semaphore is alive, and nobody else uses the queue now.
        unsafe { self.device.queue_submit2(self.queue, &[info], vk::Fence::null()) }?;
        self.value += 1;
        Ok(())
    }

    fn next_slot(&self) -> usize {
        self.value as usize % self.slots.len()
    }

    fn wait(&self, value: u64) -> VkResult<()> {
        let (semaphores, values) = ([self.timeline], [value]);
        let info = vk::SemaphoreWaitInfo::default().semaphores(&semaphores).values(&values);
        // SAFETY: the semaphore is alive.
        unsafe { self.device.wait_semaphores(&info, u64::MAX) }
    }
}

impl Slot {
    fn new(device: &ash::Device, family: u32) -> VkResult<Self> {
        let info = vk::CommandPoolCreateInfo::default()
            .flags(vk::CommandPoolCreateFlags::TRANSIENT)
            .queue_family_index(family);
        // SAFETY: the device has a queue of this family.
        let pool = unsafe { device.create_command_pool(&info, None) }?;
        let info = vk::CommandBufferAllocateInfo::default().command_pool(pool).command_buffer_count(1);
        // SAFETY: the pool was just made.
        let buffers = unsafe { device.allocate_command_buffers(&info) }?;
        Ok(Self { pool, buffer: buffers[0], last: 0 })
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        // A device that is lost runs nothing any more either.
        let _ = self.wait_for_all();
        // SAFETY: everything submitted is complete.
        unsafe {
            for slot in &self.slots {
                self.device.destroy_command_pool(slot.pool, None);
            }
            self.device.destroy_semaphore(self.timeline, None);
        }
    }
}

/// A pipeline and its layout: push constants alone.
pub(crate) struct HandPipeline {
    device: ash::Device,
    pub(crate) layout: vk::PipelineLayout,
    pub(crate) raw: vk::Pipeline,
    _gpu: Gpu,
}

impl HandPipeline {
    pub(crate) fn compute(gpu: &Gpu, shader: &[u8]) -> Result<Self> {
        // SAFETY: `_gpu` outlives the copy.
        let device = unsafe { gpu.raw() }.device.clone();
        let layout = layout(&device)?;
        let module = module(&device, shader)?;
        let info =
            vk::ComputePipelineCreateInfo::default().stage(stage(module, vk::ShaderStageFlags::COMPUTE)).layout(layout);
        // SAFETY: module and layout were just made.
        let made = unsafe { device.create_compute_pipelines(vk::PipelineCache::null(), &[info], None) };
        // SAFETY: a pipeline does not need its module any more.
        unsafe { device.destroy_shader_module(module, None) };
        Ok(Self { raw: made.map_err(|(_, result)| result)?[0], device, layout, _gpu: gpu.clone() })
    }

    /// Draws triangle lists into one attachment of `format`.
    pub(crate) fn graphics(gpu: &Gpu, vertex: &[u8], fragment: &[u8], format: vk::Format) -> Result<Self> {
        // SAFETY: `_gpu` outlives the copy.
        let device = unsafe { gpu.raw() }.device.clone();
        let layout = layout(&device)?;
        let modules = [module(&device, vertex)?, module(&device, fragment)?];
        let stages =
            [stage(modules[0], vk::ShaderStageFlags::VERTEX), stage(modules[1], vk::ShaderStageFlags::FRAGMENT)];
        let made = draws_triangles(&device, layout, &stages, format);
        for module in modules {
            // SAFETY: a pipeline does not need its modules any more.
            unsafe { device.destroy_shader_module(module, None) };
        }
        Ok(Self { raw: made?, device, layout, _gpu: gpu.clone() })
    }

    /// Pushes constants.
    ///
    /// # Safety
    ///
    /// `cmd` is being recorded, by this thread.
    pub(crate) unsafe fn push<T: NoUninit>(&self, cmd: vk::CommandBuffer, constants: &T) {
        let bytes = bytemuck::bytes_of(constants);
        // SAFETY: the caller's promise; the layout takes 128 bytes.
        unsafe { self.device.cmd_push_constants(cmd, self.layout, vk::ShaderStageFlags::ALL, 0, bytes) };
    }
}

impl Drop for HandPipeline {
    fn drop(&mut self) {
        // SAFETY: the benches wait for what they submitted before they drop what it used.
        unsafe {
            self.device.destroy_pipeline(self.raw, None);
            self.device.destroy_pipeline_layout(self.layout, None);
        }
    }
}

fn layout(device: &ash::Device) -> VkResult<vk::PipelineLayout> {
    let range = [vk::PushConstantRange::default().stage_flags(vk::ShaderStageFlags::ALL).size(128)];
    let info = vk::PipelineLayoutCreateInfo::default().push_constant_ranges(&range);
    // SAFETY: the device is alive.
    unsafe { device.create_pipeline_layout(&info, None) }
}

fn module(device: &ash::Device, shader: &[u8]) -> Result<vk::ShaderModule> {
    let words = read_spv(&mut std::io::Cursor::new(shader))?;
    // SAFETY: the words are SPIR-V, compiled by `./x shaders`.
    Ok(unsafe { device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(&words), None) }?)
}

fn stage(module: vk::ShaderModule, stage: vk::ShaderStageFlags) -> vk::PipelineShaderStageCreateInfo<'static> {
    vk::PipelineShaderStageCreateInfo::default().stage(stage).module(module).name(c"main")
}

fn draws_triangles(
    device: &ash::Device,
    layout: vk::PipelineLayout,
    stages: &[vk::PipelineShaderStageCreateInfo<'_>],
    format: vk::Format,
) -> VkResult<vk::Pipeline> {
    let vertex_input = vk::PipelineVertexInputStateCreateInfo::default();
    let assembly = vk::PipelineInputAssemblyStateCreateInfo::default().topology(vk::PrimitiveTopology::TRIANGLE_LIST);
    let viewport = vk::PipelineViewportStateCreateInfo::default().viewport_count(1).scissor_count(1);
    let raster = vk::PipelineRasterizationStateCreateInfo::default().line_width(1.0);
    let samples = vk::PipelineMultisampleStateCreateInfo::default().rasterization_samples(vk::SampleCountFlags::TYPE_1);
    let blends = [vk::PipelineColorBlendAttachmentState::default().color_write_mask(vk::ColorComponentFlags::RGBA)];
    let blend = vk::PipelineColorBlendStateCreateInfo::default().attachments(&blends);
    let dynamic = [vk::DynamicState::VIEWPORT, vk::DynamicState::SCISSOR];
    let dynamic = vk::PipelineDynamicStateCreateInfo::default().dynamic_states(&dynamic);
    let formats = [format];
    let mut rendering = vk::PipelineRenderingCreateInfo::default().color_attachment_formats(&formats);
    let info = vk::GraphicsPipelineCreateInfo::default()
        .stages(stages)
        .vertex_input_state(&vertex_input)
        .input_assembly_state(&assembly)
        .viewport_state(&viewport)
        .rasterization_state(&raster)
        .multisample_state(&samples)
        .color_blend_state(&blend)
        .dynamic_state(&dynamic)
        .layout(layout)
        .push_next(&mut rendering);
    // SAFETY: modules and layout are alive.
    let made = unsafe { device.create_graphics_pipelines(vk::PipelineCache::null(), &[info], None) };
    made.map(|pipelines| pipelines[0]).map_err(|(_, result)| result)
}

/// A memory barrier for everything, by hand.
///
/// # Safety
///
/// `cmd` is being recorded outside of rendering, by this thread.
pub(crate) unsafe fn barrier(
    device: &ash::Device,
    cmd: vk::CommandBuffer,
    stage: vk::PipelineStageFlags2,
    write: vk::AccessFlags2,
    access: vk::AccessFlags2,
) {
    let memory = [vk::MemoryBarrier2::default()
        .src_stage_mask(stage)
        .src_access_mask(write)
        .dst_stage_mask(stage)
        .dst_access_mask(access)];
    let info = vk::DependencyInfo::default().memory_barriers(&memory);
    // SAFETY: the caller's promise.
    unsafe { device.cmd_pipeline_barrier2(cmd, &info) };
}
