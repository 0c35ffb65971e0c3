//! The driver's functions for the commands that come by the hundred thousand.
//!
//! A draw looks at no state: where draws are not allowed, the function that it calls does nothing. It is counted all the
//! same, and that is how the encoder finds out later. Checks, too, are nothing but other functions.

use ash::vk;

use super::ready::Ready;
use crate::{
    checks::{Commands, Watch, watched},
    gpu::device::Device,
};

/// Copied out of the device's table, which saves a load for each command.
pub(super) struct Calls {
    pub(super) bind_pipeline: vk::PFN_vkCmdBindPipeline,
    pub(super) push_constants: vk::PFN_vkCmdPushConstants,
    pub(super) draw: vk::PFN_vkCmdDraw,
    pub(super) draw_indexed: vk::PFN_vkCmdDrawIndexed,
    pub(super) dispatch: vk::PFN_vkCmdDispatch,
    /// What all of them but `bind_pipeline` take for the command buffer.
    pub(super) cmd: vk::CommandBuffer,
}

impl Calls {
    /// Those for what is ready; with a watch on some of them, if there is one.
    pub(super) fn new(device: &Device, ready: Ready, cmd: vk::CommandBuffer, watch: Option<&Watch<'_>>) -> Self {
        let all = device.raw.fp_v1_0();
        let (commands, cmd) = match watch {
            Some(watch) => (WATCHED, watched::handle(watch)),
            None => (drivers(device), cmd),
        };
        let Commands { push_constants, draw, draw_indexed, dispatch } = commands;
        Self {
            bind_pipeline: all.cmd_bind_pipeline,
            push_constants: if ready.has(Ready::PUSH) { push_constants } else { no_push },
            draw: if ready.has(Ready::DRAW) { draw } else { no_draw },
            draw_indexed,
            dispatch,
            cmd,
        }
    }
}

const WATCHED: Commands = Commands {
    push_constants: watched::push_constants,
    draw: watched::draw,
    draw_indexed: watched::draw_indexed,
    dispatch: watched::dispatch,
};

/// The driver's own.
pub(super) fn drivers(device: &Device) -> Commands {
    let all = device.raw.fp_v1_0();
    Commands {
        push_constants: all.cmd_push_constants,
        draw: all.cmd_draw,
        draw_indexed: all.cmd_draw_indexed,
        dispatch: all.cmd_dispatch,
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
