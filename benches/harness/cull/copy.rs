//! What copies reach: the yardstick.

use vulkio::{DeviceKind, Gpu};

use super::{Bytes, Result, Row};

const KERNEL: &[u8] = include_bytes!("../../../shaders/spv/bench_copy.comp.spv");
/// Bytes that a workgroup of bench_copy.comp moves: 256 lanes, 4 rounds, 16 bytes.
const PER_GROUP: usize = 16_384;

/// As in bench_copy.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Push {
    from: u64,
    to: u64,
    count: u32,
    unused: u32,
}

/// A copy by command, and one by a kernel.
pub(crate) async fn rows(gpu: &Gpu) -> Result<Vec<Row>> {
    let size = if gpu.info().kind == DeviceKind::Cpu { 64 << 20 } else { 1 << 30 };
    let [from, to] = [gpu.buffer::<u32>("copied", size / 4)?, gpu.buffer::<u32>("copy", size / 4)?];
    gpu.upload(&from, 0, vec![1u32; size / 4]).await?.await?;
    let kernel = gpu.compute_pipeline("bench.copy", KERNEL).await?;
    let push = Push { from: from.address(), to: to.address(), count: (size / 16) as u32, unused: 0 };
    let (source, target) = (from.clone(), to.clone());
    let moved = Some(Bytes(size * 2));
    let by_command = Row::new("copy, vkCmdCopyBuffer", moved, move |frame| {
        let (own_from, own_to) = (source.clone(), target.clone());
        frame.pass("copy").copies(&source, &target).record(move |cmd| {
            cmd.copy(&own_from, 0..own_from.len(), &own_to, 0);
        });
    });
    let by_kernel = Row::new("copy, 16 bytes a lane", moved, move |frame| {
        let kernel = kernel.clone();
        frame.pass("copy").reads(&from).writes(&to).record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch([(size / PER_GROUP) as u32, 1, 1]);
        });
    });
    Ok(vec![by_command, by_kernel])
}
