//! Beginning and ending dynamic rendering around a pass.

use ash::vk;

use crate::{
    gpu::device::Device,
    graph::uses::Rendering,
    resource::{ImageInner, Load},
};

/// Begins rendering to a pass's attachments, over the whole of them.
pub(crate) fn begin(device: &Device, cmd: vk::CommandBuffer, rendering: &Rendering) {
    let colors: Vec<_> = rendering
        .colors
        .iter()
        .map(|(image, load)| attachment(image, load, vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL))
        .collect();
    let depth = rendering
        .depth
        .as_ref()
        .map(|(image, load)| attachment(image, load, vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL));
    let mut info = vk::RenderingInfo::default()
        .render_area(vk::Rect2D { offset: vk::Offset2D::default(), extent: rendering.extent() })
        .layer_count(1)
        .color_attachments(&colors);
    if let Some(depth) = &depth {
        info = info.depth_attachment(depth);
    }
    // SAFETY: the command buffer is being recorded outside of rendering; the attachments are alive, of one size, and in
    // the layouts named: the pass declared them, so the barriers before it saw to that.
    unsafe { device.raw.cmd_begin_rendering(cmd, &info) };
}

/// Ends it.
pub(crate) fn end(device: &Device, cmd: vk::CommandBuffer) {
    // SAFETY: `begin` was recorded before.
    unsafe { device.raw.cmd_end_rendering(cmd) };
}

fn attachment(image: &ImageInner, load: &Load, layout: vk::ImageLayout) -> vk::RenderingAttachmentInfo<'static> {
    let info = vk::RenderingAttachmentInfo::default()
        .image_view(image.view)
        .image_layout(layout)
        .store_op(vk::AttachmentStoreOp::STORE);
    match *load {
        Load::Load => info.load_op(vk::AttachmentLoadOp::LOAD),
        Load::DontCare => info.load_op(vk::AttachmentLoadOp::DONT_CARE),
        Load::Clear(value) => info.load_op(vk::AttachmentLoadOp::CLEAR).clear_value(value),
    }
}
