//! The frames that the frame bench compares: ten passes of dispatches or of draws, through vulkio and by hand.

use std::sync::Arc;

use vulkio::{
    Completion, ComputePipeline, Frame, FrameStats, Gpu, GpuBuffer, GpuImage, GraphicsDesc, GraphicsPipeline,
    RenderTarget, Renderer,
    ash::{self, vk},
};

use super::{
    Result,
    raw::{ByHand, HandPipeline, barrier},
};

const CHAIN: &[u8] = include_bytes!("../../shaders/spv/bench_chain.comp.spv");
const VERTEX: &[u8] = include_bytes!("../../shaders/spv/bench_draw.vert.spv");
const FRAGMENT: &[u8] = include_bytes!("../../shaders/spv/bench_draw.frag.spv");

/// Passes of a frame, each depending on the one before it.
pub(crate) const PASSES: usize = 10;
const NAMES: [&str; PASSES] =
    ["pass 0", "pass 1", "pass 2", "pass 3", "pass 4", "pass 5", "pass 6", "pass 7", "pass 8", "pass 9"];

/// Pixels on each side of a frame's target: small, so that the device is done with it soon.
pub(crate) const SIZE: u32 = 64;
const FORMAT: vk::Format = vk::Format::R8G8B8A8_SRGB;
/// Elements that one dispatch works on, and of a buffer in all.
const GROUP: u32 = 64;
const GROUPS: u32 = 64;

/// What each pass of a frame does, how often.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Reads the buffer that the pass before wrote, and writes its own: push 20 bytes and dispatch, so many times.
    Dispatches(u32),
    /// Draws over what the pass before drew: push 64 bytes and draw, so many times.
    Draws(u32),
}

impl Work {
    /// Commands of a frame.
    pub(crate) fn commands(self) -> u32 {
        let (Self::Dispatches(count) | Self::Draws(count)) = self;
        count * PASSES as u32
    }
}

/// As in shaders/bench_chain.comp.
#[repr(C, packed(4))]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Link {
    from: u64,
    to: u64,
    first: u32,
}

/// As in shaders/bench_draw.vert.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Triangle {
    place: [f32; 4],
    tint: [f32; 4],
    more: [[f32; 4]; 2],
}

/// The constants of one dispatch.
fn link(from: u64, to: u64, index: u32) -> Link {
    Link { from, to, first: index % GROUPS * GROUP }
}

/// The constants of one draw.
fn triangle(pass: usize, index: u32) -> Triangle {
    let [x, y] = [(index % 8) as f32, (index / 8 % 8) as f32].map(|at| at / 4.0 - 1.0);
    Triangle { place: [x, y, 0.05, 0.0], tint: [0.1 * pass as f32, 0.5, 0.5, 1.0], more: [[0.0; 4]; 2] }
}

/// What vulkio's frames use.
pub(crate) struct Ours {
    compute: ComputePipeline,
    graphics: GraphicsPipeline,
    buffers: Vec<GpuBuffer<u32>>,
}

impl Ours {
    pub(crate) async fn new(gpu: &Gpu) -> Result<Self> {
        let desc = GraphicsDesc::new("triangle", VERTEX, FRAGMENT).color(FORMAT);
        Ok(Self {
            compute: gpu.compute_pipeline("chain", CHAIN).await?,
            graphics: gpu.graphics_pipeline(desc).await?,
            buffers: written(gpu).await?,
        })
    }

    /// From asking for a frame to having it submitted.
    pub(crate) async fn frame(&self, renderer: &Renderer, work: Work) -> vulkio::Result<Completion<Arc<FrameStats>>> {
        let frame = renderer.frame().await?;
        match work {
            Work::Dispatches(count) => self.dispatches(&frame, count),
            Work::Draws(count) => self.draws(&frame, count),
        }
        frame.submit().await
    }

    fn dispatches(&self, frame: &Frame, count: u32) {
        for (pass, name) in NAMES.iter().enumerate() {
            let (from, to) = (&self.buffers[(pass + PASSES - 1) % PASSES], &self.buffers[pass]);
            let addresses = (from.address(), to.address());
            let pipeline = self.compute.clone();
            frame.pass(name).reads(from).writes(to).record(move |cmd| {
                cmd.bind(&pipeline);
                for index in 0..count {
                    cmd.push(&link(addresses.0, addresses.1, index)).dispatch([1, 1, 1]);
                }
            });
        }
    }

    fn draws(&self, frame: &Frame, count: u32) {
        let target = frame.target();
        for (pass, name) in NAMES.iter().enumerate() {
            let attachment = if pass == 0 { target.clear([0.0; 4]) } else { target.load() };
            let pipeline = self.graphics.clone();
            frame.pass(name).renders(attachment).record(move |cmd| {
                cmd.bind(&pipeline);
                for index in 0..count {
                    cmd.push(&triangle(pass, index)).draw(0..3, 0..1);
                }
            });
        }
    }
}

/// The first link of a chain reads what the last one wrote, which must have been written once.
async fn written(gpu: &Gpu) -> vulkio::Result<Vec<GpuBuffer<u32>>> {
    let buffers = buffers(gpu, "chain")?;
    for buffer in &buffers {
        gpu.upload(buffer, 0, vec![0; buffer.len()]).await?.await?;
    }
    Ok(buffers)
}

fn buffers(gpu: &Gpu, name: &str) -> vulkio::Result<Vec<GpuBuffer<u32>>> {
    (0..PASSES).map(|index| gpu.buffer(&format!("{name} {index}"), (GROUP * GROUPS) as usize)).collect()
}

/// What the frames by hand use. Buffers and images are vulkio's, as memory that no vulkio frame touches.
pub(crate) struct Theirs {
    compute: HandPipeline,
    graphics: HandPipeline,
    buffers: Vec<GpuBuffer<u32>>,
    targets: Vec<GpuImage<RenderTarget>>,
    frames: usize,
}

impl Theirs {
    /// For `slots` frames in flight. Brings the targets into the layout that every frame finds and leaves them in.
    pub(crate) fn new(gpu: &Gpu, by_hand: &mut ByHand, slots: usize) -> Result<Self> {
        let target = |slot| gpu.image::<RenderTarget>(&format!("by hand {slot}"), [SIZE, SIZE]);
        let theirs = Self {
            compute: HandPipeline::compute(gpu, CHAIN)?,
            graphics: HandPipeline::graphics(gpu, VERTEX, FRAGMENT, FORMAT)?,
            buffers: buffers(gpu, "by hand")?,
            targets: (0..slots).map(target).collect::<vulkio::Result<_>>()?,
            frames: 0,
        };
        by_hand.frame(|device, cmd| theirs.targets.iter().for_each(|target| to_attachment(device, cmd, target)))?;
        by_hand.wait_for_all()?;
        Ok(theirs)
    }

    /// From asking for a frame to having it submitted.
    pub(crate) fn frame(&mut self, by_hand: &mut ByHand, work: Work) -> Result {
        let target = &self.targets[self.frames % self.targets.len()];
        by_hand.frame(|device, cmd| match work {
            Work::Dispatches(count) => self.dispatches(device, cmd, count),
            Work::Draws(count) => self.draws(device, cmd, target, count),
        })?;
        self.frames += 1;
        Ok(())
    }

    fn dispatches(&self, device: &ash::Device, cmd: vk::CommandBuffer, count: u32) {
        use vk::AccessFlags2 as A;
        let both = A::SHADER_STORAGE_READ | A::SHADER_STORAGE_WRITE;
        for pass in 0..PASSES {
            let [from, to] = [&self.buffers[(pass + PASSES - 1) % PASSES], &self.buffers[pass]].map(GpuBuffer::address);
            // SAFETY: the buffer is being recorded outside of rendering; pipeline and buffers outlive the frame.
            unsafe {
                barrier(device, cmd, vk::PipelineStageFlags2::COMPUTE_SHADER, A::SHADER_STORAGE_WRITE, both);
                device.cmd_bind_pipeline(cmd, vk::PipelineBindPoint::COMPUTE, self.compute.raw);
                for index in 0..count {
                    self.compute.push(cmd, &link(from, to, index));
                    device.cmd_dispatch(cmd, 1, 1, 1);
                }
            }
        }
    }

    fn draws(&self, device: &ash::Device, cmd: vk::CommandBuffer, target: &GpuImage<RenderTarget>, count: u32) {
        use vk::AccessFlags2 as A;
        let both = A::COLOR_ATTACHMENT_READ | A::COLOR_ATTACHMENT_WRITE;
        for pass in 0..PASSES {
            // SAFETY: the buffer is being recorded; pipeline and target outlive the frame, and the target is in its layout.
            unsafe {
                let stage = vk::PipelineStageFlags2::COLOR_ATTACHMENT_OUTPUT;
                barrier(device, cmd, stage, A::COLOR_ATTACHMENT_WRITE, both);
                begin_rendering(device, cmd, target, pass == 0);
                device.cmd_bind_pipeline(cmd, vk::PipelineBindPoint::GRAPHICS, self.graphics.raw);
                for index in 0..count {
                    self.graphics.push(cmd, &triangle(pass, index));
                    device.cmd_draw(cmd, 3, 1, 0, 0);
                }
                device.cmd_end_rendering(cmd);
            }
        }
    }
}

/// Begins rendering to the whole of `target`.
///
/// # Safety
///
/// `cmd` is being recorded by this thread, outside of rendering.
unsafe fn begin_rendering(device: &ash::Device, cmd: vk::CommandBuffer, target: &GpuImage<RenderTarget>, clear: bool) {
    let area = vk::Rect2D { offset: vk::Offset2D::default(), extent: vk::Extent2D { width: SIZE, height: SIZE } };
    let load = if clear { vk::AttachmentLoadOp::CLEAR } else { vk::AttachmentLoadOp::LOAD };
    let attachments = [vk::RenderingAttachmentInfo::default()
        // SAFETY: the image outlives the frame.
        .image_view(unsafe { target.view() })
        .image_layout(vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL)
        .load_op(load)
        .store_op(vk::AttachmentStoreOp::STORE)];
    let info = vk::RenderingInfo::default().render_area(area).layer_count(1).color_attachments(&attachments);
    let (width, height) = (SIZE as f32, SIZE as f32);
    let viewport = vk::Viewport { width, height, max_depth: 1.0, ..Default::default() };
    // SAFETY: the caller's promise; the attachment is alive and in the layout named.
    unsafe {
        device.cmd_begin_rendering(cmd, &info);
        device.cmd_set_viewport(cmd, 0, &[viewport]);
        device.cmd_set_scissor(cmd, 0, &[area]);
    }
}

/// Brings a target that holds nothing into the layout of an attachment.
pub(crate) fn to_attachment(device: &ash::Device, cmd: vk::CommandBuffer, target: &GpuImage<RenderTarget>) {
    let range =
        vk::ImageSubresourceRange::default().aspect_mask(vk::ImageAspectFlags::COLOR).level_count(1).layer_count(1);
    let barriers = [vk::ImageMemoryBarrier2::default()
        .dst_stage_mask(vk::PipelineStageFlags2::COLOR_ATTACHMENT_OUTPUT)
        .dst_access_mask(vk::AccessFlags2::COLOR_ATTACHMENT_WRITE)
        .new_layout(vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL)
        .src_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        .dst_queue_family_index(vk::QUEUE_FAMILY_IGNORED)
        // SAFETY: the image outlives the frame.
        .image(unsafe { target.raw() })
        .subresource_range(range)];
    let info = vk::DependencyInfo::default().image_memory_barriers(&barriers);
    // SAFETY: the buffer is being recorded outside of rendering, and the image is alive.
    unsafe { device.cmd_pipeline_barrier2(cmd, &info) };
}
