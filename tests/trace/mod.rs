//! The commands that a device gets, in the order in which it gets them, with their arguments: what is pointed to, not where that is.
//!
//! How many command buffers they are in is left out: that follows from how long they took to record before.

use std::{
    ffi::{CStr, c_void},
    slice,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use vulkio::{GpuOptions, Intercept, ash::vk};

use vk::CommandBuffer as Cmd;

/// Of this process's one traced device.
static TRACE: Mutex<Trace> = Mutex::new(Trace { recorded: Vec::new(), submitted: Vec::new() });

struct Trace {
    /// By command buffer.
    recorded: Vec<(Cmd, String)>,
    submitted: Vec<String>,
}

/// Options of a device whose commands are traced.
pub(crate) fn traced(options: GpuOptions) -> GpuOptions {
    let hook: Intercept = Arc::new(replace);
    // SAFETY: the replacements have the types of what they replace, and call it.
    unsafe { options.intercept(hook) }
}

/// What was submitted since this was asked last.
pub(crate) fn take() -> Vec<String> {
    std::mem::take(&mut TRACE.lock().expect("not poisoned").submitted)
}

fn note(cmd: Cmd, call: String) {
    TRACE.lock().expect("not poisoned").recorded.push((cmd, call));
}

/// What Vulkan points to.
fn all<'a, T>(first: *const T, count: u32) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    // SAFETY: the argument of a call that is being made, which has as many of them.
    unsafe { slice::from_raw_parts(first, count as usize) }
}

fn barriers(info: *const vk::DependencyInfo<'_>) -> String {
    // SAFETY: as above.
    let info = unsafe { &*info };
    let memory = all(info.p_memory_barriers, info.memory_barrier_count);
    let images = all(info.p_image_memory_barriers, info.image_memory_barrier_count);
    let buffers = all(info.p_buffer_memory_barriers, info.buffer_memory_barrier_count);
    format!("{memory:?} {images:?} {buffers:?}")
}

fn rendering(info: *const vk::RenderingInfo<'_>) -> String {
    // SAFETY: as above.
    let info = unsafe { &*info };
    let colors = all(info.p_color_attachments, info.color_attachment_count);
    let depth = if info.p_depth_attachment.is_null() { &[] } else { all(info.p_depth_attachment, 1) };
    let attachment = |attachment: &vk::RenderingAttachmentInfo<'_>| {
        // SAFETY: as a depth it has one word, and as a colour four; any bits are words.
        let clear = unsafe {
            match attachment.image_layout {
                vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL => {
                    [attachment.clear_value.depth_stencil.depth.to_bits(), 0, 0, 0]
                }
                _ => attachment.clear_value.color.uint32,
            }
        };
        let vk::RenderingAttachmentInfo { image_view, image_layout, load_op, store_op, .. } = attachment;
        let clear = (*load_op == vk::AttachmentLoadOp::CLEAR).then_some(clear);
        format!("{image_view:?} {image_layout:?} {load_op:?} {store_op:?} {clear:?}")
    };
    let colors: Vec<_> = colors.iter().map(attachment).collect();
    let depth: Vec<_> = depth.iter().map(attachment).collect();
    format!("{:?} {} {colors:?} {depth:?}", info.render_area, info.layer_count)
}

fn submitted(count: u32, infos: *const vk::SubmitInfo2<'_>) {
    let mut trace = TRACE.lock().expect("not poisoned");
    let Trace { recorded, submitted } = &mut *trace;
    for info in all(infos, count) {
        submitted.push(format!("vkQueueSubmit2, {} waits", info.wait_semaphore_info_count));
        for buffer in all(info.p_command_buffer_infos, info.command_buffer_info_count) {
            let calls = recorded.extract_if(.., |(cmd, _)| *cmd == buffer.command_buffer);
            submitted.extend(calls.map(|(_, call)| call));
        }
        submitted.push(format!("{} signals", info.signal_semaphore_info_count));
    }
}

macro_rules! shim {
    ($($name:literal $module:ident: fn($first:ident: $first_ty:ty $(, $arg:ident: $ty:ty)*) $(-> $ret:ty)? => $look:expr;)*) => {
        $(mod $module {
            use super::*;
            pub(super) static REAL: AtomicUsize = AtomicUsize::new(0);
            pub(super) unsafe extern "system" fn told($first: $first_ty $(, $arg: $ty)*) $(-> $ret)? {
                $look;
                let real = REAL.load(Ordering::Acquire);
                // SAFETY: stored when this function was handed out, and the driver's function of this very type.
                let real: unsafe extern "system" fn($first_ty $(, $ty)*) $(-> $ret)? = unsafe { std::mem::transmute(real) };
                // SAFETY: the caller's arguments, passed on.
                unsafe { real($first $(, $arg)*) }
            }
        })*

        fn replace(name: &CStr, real: *const c_void) -> *const c_void {
            match name.to_bytes() {
                $(name if name == $name.as_bytes() => {
                    $module::REAL.store(real as usize, Ordering::Release);
                    $module::told as *const c_void
                })*
                _ => real,
            }
        }
    };
}

shim! {
    "vkQueueSubmit2" submit: fn(queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence) -> vk::Result => submitted(count, infos);
    "vkCmdPipelineBarrier2" barrier: fn(cmd: Cmd, info: *const vk::DependencyInfo<'_>) => note(cmd, format!("vkCmdPipelineBarrier2 {}", barriers(info)));
    "vkCmdBeginRendering" begin_rendering: fn(cmd: Cmd, info: *const vk::RenderingInfo<'_>) => note(cmd, format!("vkCmdBeginRendering {}", rendering(info)));
    "vkCmdEndRendering" end_rendering: fn(cmd: Cmd) => note(cmd, "vkCmdEndRendering".into());
    "vkCmdSetViewport" viewport: fn(cmd: Cmd, first: u32, count: u32, all_of: *const vk::Viewport) => note(cmd, format!("vkCmdSetViewport {first} {:?}", all(all_of, count)));
    "vkCmdSetScissor" scissor: fn(cmd: Cmd, first: u32, count: u32, all_of: *const vk::Rect2D) => note(cmd, format!("vkCmdSetScissor {first} {:?}", all(all_of, count)));
    "vkCmdBindPipeline" bind: fn(cmd: Cmd, point: vk::PipelineBindPoint, pipeline: vk::Pipeline) => note(cmd, format!("vkCmdBindPipeline {point:?} {pipeline:?}"));
    "vkCmdBindDescriptorSets" sets: fn(cmd: Cmd, point: vk::PipelineBindPoint, layout: vk::PipelineLayout, first: u32, count: u32, sets: *const vk::DescriptorSet, offsets: u32, offset: *const u32) => note(cmd, format!("vkCmdBindDescriptorSets {point:?} {layout:?} {first} {:?} {:?}", all(sets, count), all(offset, offsets)));
    "vkCmdPushConstants" push: fn(cmd: Cmd, layout: vk::PipelineLayout, stages: vk::ShaderStageFlags, offset: u32, size: u32, values: *const c_void) => note(cmd, format!("vkCmdPushConstants {layout:?} {stages:?} {offset} {:?}", all(values.cast::<u8>(), size)));
    "vkCmdBindVertexBuffers" vertices: fn(cmd: Cmd, first: u32, count: u32, buffers: *const vk::Buffer, offsets: *const u64) => note(cmd, format!("vkCmdBindVertexBuffers {first} {:?} {:?}", all(buffers, count), all(offsets, count)));
    "vkCmdBindIndexBuffer" indices: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64, kind: vk::IndexType) => note(cmd, format!("vkCmdBindIndexBuffer {buffer:?} {offset} {kind:?}"));
    "vkCmdDraw" draw: fn(cmd: Cmd, vertices: u32, instances: u32, vertex: u32, instance: u32) => note(cmd, format!("vkCmdDraw {vertices} {instances} {vertex} {instance}"));
    "vkCmdDrawIndexed" draw_indexed: fn(cmd: Cmd, indices: u32, instances: u32, index: u32, vertex: i32, instance: u32) => note(cmd, format!("vkCmdDrawIndexed {indices} {instances} {index} {vertex} {instance}"));
    "vkCmdDrawIndirect" draw_indirect: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64, count: u32, stride: u32) => note(cmd, format!("vkCmdDrawIndirect {buffer:?} {offset} {count} {stride}"));
    "vkCmdDrawIndexedIndirect" draw_indexed_indirect: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64, count: u32, stride: u32) => note(cmd, format!("vkCmdDrawIndexedIndirect {buffer:?} {offset} {count} {stride}"));
    "vkCmdDrawIndexedIndirectCount" draw_count: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64, counts: vk::Buffer, at: u64, most: u32, stride: u32) => note(cmd, format!("vkCmdDrawIndexedIndirectCount {buffer:?} {offset} {counts:?} {at} {most} {stride}"));
    "vkCmdDispatch" dispatch: fn(cmd: Cmd, x: u32, y: u32, z: u32) => note(cmd, format!("vkCmdDispatch {x} {y} {z}"));
    "vkCmdDispatchIndirect" dispatch_indirect: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64) => note(cmd, format!("vkCmdDispatchIndirect {buffer:?} {offset}"));
    "vkCmdFillBuffer" fill: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64, size: u64, word: u32) => note(cmd, format!("vkCmdFillBuffer {buffer:?} {offset} {size} {word}"));
    "vkCmdUpdateBuffer" update: fn(cmd: Cmd, buffer: vk::Buffer, offset: u64, size: u64, bytes: *const c_void) => note(cmd, format!("vkCmdUpdateBuffer {buffer:?} {offset} {:?}", all(bytes.cast::<u8>(), size as u32)));
    "vkCmdCopyBuffer" copy: fn(cmd: Cmd, from: vk::Buffer, to: vk::Buffer, count: u32, regions: *const vk::BufferCopy) => note(cmd, format!("vkCmdCopyBuffer {from:?} {to:?} {:?}", all(regions, count)));
    "vkCmdCopyImage" copy_image: fn(cmd: Cmd, from: vk::Image, from_layout: vk::ImageLayout, to: vk::Image, to_layout: vk::ImageLayout, count: u32, regions: *const vk::ImageCopy) => note(cmd, format!("vkCmdCopyImage {from:?} {from_layout:?} {to:?} {to_layout:?} {:?}", all(regions, count)));
    "vkCmdBlitImage" blit: fn(cmd: Cmd, from: vk::Image, from_layout: vk::ImageLayout, to: vk::Image, to_layout: vk::ImageLayout, count: u32, regions: *const vk::ImageBlit, filter: vk::Filter) => note(cmd, format!("vkCmdBlitImage {from:?} {from_layout:?} {to:?} {to_layout:?} {:?} {filter:?}", all(regions, count)));
    "vkCmdCopyImageToBuffer" image_to_buffer: fn(cmd: Cmd, from: vk::Image, layout: vk::ImageLayout, to: vk::Buffer, count: u32, regions: *const vk::BufferImageCopy) => note(cmd, format!("vkCmdCopyImageToBuffer {from:?} {layout:?} {to:?} {:?}", all(regions, count)));
    "vkCmdCopyBufferToImage" buffer_to_image: fn(cmd: Cmd, from: vk::Buffer, to: vk::Image, layout: vk::ImageLayout, count: u32, regions: *const vk::BufferImageCopy) => note(cmd, format!("vkCmdCopyBufferToImage {from:?} {to:?} {layout:?} {:?}", all(regions, count)));
    "vkCmdClearColorImage" clear: fn(cmd: Cmd, image: vk::Image, layout: vk::ImageLayout, value: *const vk::ClearColorValue, count: u32, ranges: *const vk::ImageSubresourceRange) => note(cmd, format!("vkCmdClearColorImage {image:?} {layout:?} {:?}", all(ranges, count)));
}
