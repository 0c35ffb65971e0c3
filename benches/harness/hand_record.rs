//! A frame of many draws recorded by many threads, by hand, in either technique.
//!
//! Each thread has a command pool of its own for each frame in flight, reset as a whole before it records.

use std::{
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use vulkio::{
    Gpu, GpuImage, QueueKind, RenderTarget,
    ash::{self, prelude::VkResult, vk},
};

use super::{
    Result,
    draws::{Constants, FORMAT, FRAGMENT, SIZE, VERTEX},
    frames::to_attachment,
    raw::{ByHand, HandPipeline, barrier},
    team::Team,
};

const IN_FLIGHT: usize = 2;

/// How many threads' draws come into one rendering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Technique {
    /// Secondary command buffers that inherit the rendering of one primary, which executes them.
    Secondaries,
    /// Primaries that suspend and resume one rendering, in one `VkSubmitInfo2`. One piece is a plain primary.
    Suspended,
}

/// Records by hand, with so many threads.
pub(crate) struct HandRecord {
    device: ash::Device,
    /// Submits; its own command buffers are the primaries around secondaries.
    by_hand: ByHand,
    pipeline: HandPipeline,
    slots: Vec<Slot>,
    threads: usize,
    /// Command buffers a frame.
    pieces: usize,
    frames: usize,
}

struct Slot {
    target: GpuImage<RenderTarget>,
    lanes: Vec<Lane>,
}

/// What one thread records into. Each on cache lines of its own; the lock is never contended.
#[repr(align(128))]
struct Lane(Mutex<Buffers>);

struct Buffers {
    device: ash::Device,
    pool: vk::CommandPool,
    primaries: Vec<vk::CommandBuffer>,
    secondaries: Vec<vk::CommandBuffer>,
    /// What was recorded since the last reset: piece and command buffer.
    recorded: Vec<(usize, vk::CommandBuffer)>,
}

impl HandRecord {
    /// With `threads` threads, and as many pieces for each as `pieces_each` says: what a thread finds left over when it
    /// is through with its first piece, it takes.
    pub(crate) fn new(gpu: &Gpu, threads: usize, pieces_each: usize) -> Result<Self> {
        // SAFETY: the copy is used while `by_hand` lives, which keeps the device.
        let device = unsafe { gpu.raw() }.device.clone();
        // SAFETY: only the number is used.
        let family = unsafe { gpu.with_queue(QueueKind::Graphics, |_, family| family) };
        let slot = |index| {
            let target = gpu.image::<RenderTarget>(&format!("by hand {index}"), [SIZE, SIZE])?;
            let lanes = (0..threads).map(|_| Lane::new(&device, family)).collect::<VkResult<_>>()?;
            Result::Ok(Slot { target, lanes })
        };
        let slots = (0..IN_FLIGHT).map(slot).collect::<Result<Vec<_>>>()?;
        let mut by_hand = ByHand::new(gpu, IN_FLIGHT)?;
        by_hand.frame(|device, cmd| slots.iter().for_each(|slot| to_attachment(device, cmd, &slot.target)))?;
        by_hand.wait_for_all()?;
        let pipeline = HandPipeline::graphics(gpu, VERTEX, FRAGMENT, FORMAT)?;
        Ok(Self { device, by_hand, pipeline, slots, threads, pieces: threads * pieces_each.max(1), frames: 0 })
    }

    /// One frame, from the resets of its pools to the return of `vkQueueSubmit2`.
    pub(crate) fn frame<C: Constants>(
        &mut self,
        team: &mut Team,
        technique: Technique,
        draws: usize,
        constants: C,
    ) -> VkResult<()> {
        let slot = &self.slots[self.frames % IN_FLIGHT];
        self.frames += 1;
        let failure = Mutex::new(Ok(()));
        let left = AtomicUsize::new(self.threads);
        team.run(self.threads, |thread| {
            if let Err(error) = self.lane(slot, thread, &left, technique, draws, constants) {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
            }
        });
        failure.into_inner().unwrap_or_else(PoisonError::into_inner)?;
        let recorded = slot.recorded(self.pieces);
        match technique {
            Technique::Suspended => self.by_hand.submit_recorded(&recorded),
            Technique::Secondaries => self.by_hand.frame(|device, cmd| execute(device, cmd, &slot.target, &recorded)),
        }
    }

    /// Waits until everything submitted is complete.
    pub(crate) fn wait_for_all(&self) -> VkResult<()> {
        self.by_hand.wait_for_all()
    }

    /// What one thread does.
    fn lane<C: Constants>(
        &self,
        slot: &Slot,
        thread: usize,
        left: &AtomicUsize,
        technique: Technique,
        draws: usize,
        constants: C,
    ) -> VkResult<()> {
        let mut buffers = slot.lanes[thread].0.lock().unwrap_or_else(PoisonError::into_inner);
        buffers.reset()?;
        let mut piece = thread;
        while piece < self.pieces {
            let range = draws * piece / self.pieces..draws * (piece + 1) / self.pieces;
            let cmd = buffers.next(technique, piece)?;
            match technique {
                Technique::Secondaries => self.secondary(cmd, range, constants)?,
                Technique::Suspended => self.suspended(cmd, &slot.target, piece, range, constants)?,
            }
            piece = left.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn secondary<C: Constants>(&self, cmd: vk::CommandBuffer, range: Range<usize>, constants: C) -> VkResult<()> {
        use vk::CommandBufferUsageFlags as F;
        let formats = [FORMAT];
        let mut rendering = vk::CommandBufferInheritanceRenderingInfo::default()
            .color_attachment_formats(&formats)
            .rasterization_samples(vk::SampleCountFlags::TYPE_1);
        let inheritance = vk::CommandBufferInheritanceInfo::default().push_next(&mut rendering);
        let begin = vk::CommandBufferBeginInfo::default()
            .flags(F::ONE_TIME_SUBMIT | F::RENDER_PASS_CONTINUE)
            .inheritance_info(&inheritance);
        // SAFETY: the buffer is of a pool that this thread has just reset; what it uses outlives the frame.
        unsafe {
            self.device.begin_command_buffer(cmd, &begin)?;
            self.draws(cmd, range, constants);
            self.device.end_command_buffer(cmd)
        }
    }

    fn suspended<C: Constants>(
        &self,
        cmd: vk::CommandBuffer,
        target: &GpuImage<RenderTarget>,
        piece: usize,
        range: Range<usize>,
        constants: C,
    ) -> VkResult<()> {
        let (first, last) = (piece == 0, piece + 1 == self.pieces);
        let mut flags = vk::RenderingFlags::empty();
        if !first {
            flags |= vk::RenderingFlags::RESUMING;
        }
        if !last {
            flags |= vk::RenderingFlags::SUSPENDING;
        }
        let begin = vk::CommandBufferBeginInfo::default().flags(vk::CommandBufferUsageFlags::ONE_TIME_SUBMIT);
        // SAFETY: the buffer is of a pool that this thread has just reset; what it uses outlives the frame, and the
        // target is in its layout.
        unsafe {
            self.device.begin_command_buffer(cmd, &begin)?;
            if first {
                after_last_frame(&self.device, cmd);
            }
            begin_rendering(&self.device, cmd, target, flags);
            self.draws(cmd, range, constants);
            self.device.cmd_end_rendering(cmd);
            self.device.end_command_buffer(cmd)
        }
    }

    /// The draws themselves, and the state that no command buffer has from another.
    ///
    /// # Safety
    ///
    /// `cmd` is being recorded by this thread, inside of rendering.
    unsafe fn draws<C: Constants>(&self, cmd: vk::CommandBuffer, range: Range<usize>, constants: C) {
        let device = &self.device;
        let (width, height) = (SIZE as f32, SIZE as f32);
        let viewport = vk::Viewport { width, height, max_depth: 1.0, ..Default::default() };
        // SAFETY: the caller's promise; the pipeline outlives the frame.
        unsafe {
            device.cmd_set_viewport(cmd, 0, &[viewport]);
            device.cmd_set_scissor(cmd, 0, &[area()]);
            device.cmd_bind_pipeline(cmd, vk::PipelineBindPoint::GRAPHICS, self.pipeline.raw);
            for draw in range {
                self.pipeline.push(cmd, &constants.of(draw));
                device.cmd_draw(cmd, 3, 1, 0, 0);
            }
        }
    }
}

impl Drop for HandRecord {
    fn drop(&mut self) {
        // The pools go with the slots, before `by_hand` would wait. A device that is lost runs nothing any more either.
        let _ = self.by_hand.wait_for_all();
    }
}

impl Slot {
    /// The command buffers of a frame, in order of their pieces.
    fn recorded(&self, pieces: usize) -> Vec<vk::CommandBuffer> {
        let mut all = vec![vk::CommandBuffer::null(); pieces];
        for Lane(buffers) in &self.lanes {
            let buffers = buffers.lock().unwrap_or_else(PoisonError::into_inner);
            buffers.recorded.iter().for_each(|&(piece, cmd)| all[piece] = cmd);
        }
        all
    }
}

impl Lane {
    fn new(device: &ash::Device, family: u32) -> VkResult<Self> {
        let info = vk::CommandPoolCreateInfo::default()
            .flags(vk::CommandPoolCreateFlags::TRANSIENT)
            .queue_family_index(family);
        // SAFETY: the device has a queue of this family.
        let pool = unsafe { device.create_command_pool(&info, None) }?;
        let device = device.clone();
        Ok(Self(Mutex::new(Buffers { device, pool, primaries: vec![], secondaries: vec![], recorded: vec![] })))
    }
}

impl Buffers {
    fn reset(&mut self) -> VkResult<()> {
        self.recorded.clear();
        // SAFETY: the benches wait for the frame before they record into its slot again.
        unsafe { self.device.reset_command_pool(self.pool, vk::CommandPoolResetFlags::empty()) }
    }

    /// The next command buffer that was not used since the reset; made if there is none, which is over after a frame.
    fn next(&mut self, technique: Technique, piece: usize) -> VkResult<vk::CommandBuffer> {
        let (level, buffers) = match technique {
            Technique::Secondaries => (vk::CommandBufferLevel::SECONDARY, &mut self.secondaries),
            Technique::Suspended => (vk::CommandBufferLevel::PRIMARY, &mut self.primaries),
        };
        if buffers.len() == self.recorded.len() {
            let info =
                vk::CommandBufferAllocateInfo::default().command_pool(self.pool).level(level).command_buffer_count(1);
            // SAFETY: the pool is this thread's, by the lane's lock.
            buffers.extend(unsafe { self.device.allocate_command_buffers(&info) }?);
        }
        let cmd = buffers[self.recorded.len()];
        self.recorded.push((piece, cmd));
        Ok(cmd)
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: `HandRecord` waits for what it submitted before it drops its slots.
        unsafe { self.device.destroy_command_pool(self.pool, None) };
    }
}

/// The primary around secondaries.
fn execute(
    device: &ash::Device,
    cmd: vk::CommandBuffer,
    target: &GpuImage<RenderTarget>,
    secondaries: &[vk::CommandBuffer],
) {
    // SAFETY: the buffer is being recorded by this thread, outside of rendering; the secondaries are ended, and inherit
    // a rendering of this format.
    unsafe {
        after_last_frame(device, cmd);
        begin_rendering(device, cmd, target, vk::RenderingFlags::CONTENTS_SECONDARY_COMMAND_BUFFERS);
        device.cmd_execute_commands(cmd, secondaries);
        device.cmd_end_rendering(cmd);
    }
}

/// A frame's barrier: the target was drawn to before.
///
/// # Safety
///
/// `cmd` is being recorded by this thread, outside of rendering.
unsafe fn after_last_frame(device: &ash::Device, cmd: vk::CommandBuffer) {
    use vk::AccessFlags2 as A;
    let both = A::COLOR_ATTACHMENT_READ | A::COLOR_ATTACHMENT_WRITE;
    let stage = vk::PipelineStageFlags2::COLOR_ATTACHMENT_OUTPUT;
    // SAFETY: the caller's promise.
    unsafe { barrier(device, cmd, stage, A::COLOR_ATTACHMENT_WRITE, both) };
}

/// Begins rendering to the whole of `target`, which is cleared. A rendering that is resumed says the same once more.
///
/// # Safety
///
/// `cmd` is being recorded by this thread, outside of rendering.
unsafe fn begin_rendering(
    device: &ash::Device,
    cmd: vk::CommandBuffer,
    target: &GpuImage<RenderTarget>,
    flags: vk::RenderingFlags,
) {
    let attachments = [vk::RenderingAttachmentInfo::default()
        // SAFETY: the image outlives the frame.
        .image_view(unsafe { target.view() })
        .image_layout(vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL)
        .load_op(vk::AttachmentLoadOp::CLEAR)
        .store_op(vk::AttachmentStoreOp::STORE)];
    let info =
        vk::RenderingInfo::default().flags(flags).render_area(area()).layer_count(1).color_attachments(&attachments);
    // SAFETY: the caller's promise; the attachment is alive and in the layout named.
    unsafe { device.cmd_begin_rendering(cmd, &info) };
}

fn area() -> vk::Rect2D {
    vk::Rect2D { offset: vk::Offset2D::default(), extent: vk::Extent2D { width: SIZE, height: SIZE } }
}
