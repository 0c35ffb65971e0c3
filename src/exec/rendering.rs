//! Beginning and ending dynamic rendering around a pass.

use ash::vk;

use crate::{
    error::Result,
    gpu::device::Device,
    graph::uses::{Rendering, Target},
    resource::{Load, Texel},
};

/// Begins rendering to a pass's attachments, over the whole of them. `flags` say whether other command buffers go on
/// with it.
///
/// # Errors
/// What the driver says to a view of an attachment that has none yet.
pub(crate) fn begin(
    device: &Device,
    cmd: vk::CommandBuffer,
    rendering: &Rendering,
    flags: vk::RenderingFlags,
) -> Result<()> {
    let color = |target| attachment(target, vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL);
    let depth = |target| attachment(target, vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL);
    let colors = rendering.colors.iter().map(color).collect::<Result<Vec<_>>>()?;
    let depth = rendering.depth.as_ref().map(depth).transpose()?;
    let mut info = vk::RenderingInfo::default()
        .flags(flags)
        .render_area(vk::Rect2D { offset: vk::Offset2D::default(), extent: rendering.extent() })
        .layer_count(1)
        .color_attachments(&colors);
    if let Some(depth) = &depth {
        info = info.depth_attachment(depth);
    }
    // SAFETY: the command buffer is being recorded outside of rendering; the attachments are alive, of one size, and in
    // the layouts named: the pass declared them, so the barriers before it saw to that.
    unsafe { device.raw.cmd_begin_rendering(cmd, &info) };
    Ok(())
}

/// Ends it.
pub(crate) fn end(device: &Device, cmd: vk::CommandBuffer) {
    // SAFETY: `begin` was recorded before.
    unsafe { device.raw.cmd_end_rendering(cmd) };
}

fn attachment(target: &Target, layout: vk::ImageLayout) -> Result<vk::RenderingAttachmentInfo<'static>> {
    let info = vk::RenderingAttachmentInfo::default()
        .image_view(target.image.attachment(target.level, target.layer, target.format())?)
        .image_layout(layout)
        .store_op(vk::AttachmentStoreOp::STORE);
    let info = match &target.resolve {
        None => info,
        Some(into) => {
            let mode = match target.image.shape.texel {
                Texel::Color => vk::ResolveModeFlags::AVERAGE,
                Texel::Uint | Texel::Depth => vk::ResolveModeFlags::SAMPLE_ZERO,
            };
            let view = into.image.attachment(into.level, into.layer, into.format())?;
            info.resolve_mode(mode).resolve_image_view(view).resolve_image_layout(layout)
        }
    };
    Ok(match target.load {
        Load::Load => info.load_op(vk::AttachmentLoadOp::LOAD),
        Load::DontCare => info.load_op(vk::AttachmentLoadOp::DONT_CARE),
        Load::Clear(value) => info.load_op(vk::AttachmentLoadOp::CLEAR).clear_value(value),
    })
}
