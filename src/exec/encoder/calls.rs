//! The driver's functions for the commands that come by the hundred thousand.
//!
//! A draw looks at no state: where draws are not allowed, the function that it calls does nothing. It is counted all the
//! same, and that is how the encoder finds out later.

use ash::vk;

use super::ready::Ready;
use crate::gpu::device::Device;

/// Copied out of the device's table, which saves a load for each command.
pub(super) struct Calls {
    pub(super) bind_pipeline: vk::PFN_vkCmdBindPipeline,
    pub(super) push_constants: vk::PFN_vkCmdPushConstants,
    pub(super) draw: vk::PFN_vkCmdDraw,
    pub(super) draw_indexed: vk::PFN_vkCmdDrawIndexed,
    pub(super) dispatch: vk::PFN_vkCmdDispatch,
}

impl Calls {
    pub(super) fn new(device: &Device, ready: Ready) -> Self {
        let all = device.raw.fp_v1_0();
        Self {
            bind_pipeline: all.cmd_bind_pipeline,
            push_constants: if ready.has(Ready::PUSH) { all.cmd_push_constants } else { no_push },
            draw: if ready.has(Ready::DRAW) { all.cmd_draw } else { no_draw },
            draw_indexed: all.cmd_draw_indexed,
            dispatch: all.cmd_dispatch,
        }
    }
}

unsafe extern "system" fn no_draw(_: vk::CommandBuffer, _: u32, _: u32, _: u32, _: u32) {}

unsafe extern "system" fn no_push(
    _: vk::CommandBuffer,
    _: vk::PipelineLayout,
    _: vk::ShaderStageFlags,
    _: u32,
    _: u32,
    _: *const std::ffi::c_void,
) {
}
