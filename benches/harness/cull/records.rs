//! Culling with a record of 48 bytes an instance.

use vulkio::{ComputePipeline, Gpu, GpuBuffer, Renderer, scene::Camera};

use super::{Block, Result, Row};

const FILL: &[u8] = include_bytes!("../../../shaders/spv/bench_records.comp.spv");
const CULL: &[u8] = include_bytes!("../../../shaders/spv/bench_records_cull.comp.spv");

const RECORD_BYTES: usize = 48;
const COMMAND_BYTES: usize = 24;
/// Texels of the pyramid in bench_records_cull.comp, 1024 x 512 and down.
const PYRAMID: usize = 1024 * 512 * 4 / 3 + 16;
/// Lanes of a workgroup of the culling kernel.
const LANES: usize = 64;

/// As in bench_records.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Fill {
    records: u64,
    shown: u64,
    count: u32,
    side: u32,
    spacing: f32,
    half_edge: f32,
}

/// As in bench_records_cull.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Cull {
    records: u64,
    shown: u64,
    commands: u64,
    command_count: u64,
    pyramid: u64,
    count: u32,
    phase: u32,
    eye: [f32; 3],
    near: f32,
    axes: [[f32; 3]; 3],
    unused: u32,
}

#[derive(Clone)]
struct Buffers {
    records: GpuBuffer<[u32; RECORD_BYTES / 4]>,
    shown: GpuBuffer<u32>,
    commands: GpuBuffer<[u32; COMMAND_BYTES / 4]>,
    command_count: GpuBuffer<u32>,
    pyramid: GpuBuffer<f32>,
}

/// A row of a scene that is `block` as records.
pub(crate) async fn row(gpu: &Gpu, renderer: &Renderer, block: Block, camera: Camera, name: &str) -> Result<Row> {
    let buffers = Buffers {
        records: gpu.buffer("records", block.count)?,
        shown: gpu.buffer("shown", block.count)?,
        commands: gpu.buffer("commands", block.count)?,
        command_count: gpu.buffer("command count", 1)?,
        pyramid: gpu.buffer("pyramid", PYRAMID)?,
    };
    // Nothing hides anything: every texel is as far as can be.
    gpu.upload(&buffers.pyramid, 0, vec![0.0f32; PYRAMID]).await?;
    fill(gpu, renderer, block, &buffers).await?;
    let kernel = gpu.compute_pipeline("bench.records.cull", CULL).await?;
    let most = gpu.info().limits.max_compute_work_group_count[0];
    let groups = block.count.div_ceil(LANES) as u32;
    let groups = [groups.min(most), groups.div_ceil(groups.min(most)), 1];
    let push = push(&buffers, block, camera);
    Ok(Row::new(name, None, move |frame| {
        let count = buffers.command_count.clone();
        frame.pass("reset").writes(count.copy_target()).record({
            let count = count.clone();
            move |cmd| {
                cmd.fill(&count, 0..1, 0);
            }
        });
        for phase in 0..2 {
            let kernel: ComputePipeline = kernel.clone();
            let push = Cull { phase, ..push };
            let pass = frame.pass("records").reads(&buffers.records).reads(&buffers.pyramid);
            pass.writes(&buffers.shown).writes(&buffers.commands).writes(&count).record(move |cmd| {
                cmd.bind(&kernel).push(&push).dispatch(groups);
            });
        }
    }))
}

async fn fill(gpu: &Gpu, renderer: &Renderer, block: Block, buffers: &Buffers) -> Result {
    let kernel = gpu.compute_pipeline("bench.records", FILL).await?;
    let push = Fill {
        records: buffers.records.address(),
        shown: buffers.shown.address(),
        count: block.count as u32,
        side: block.side as u32,
        spacing: Block::SPACING,
        half_edge: Block::HALF_EDGE,
    };
    let frame = renderer.frame().await?;
    frame.pass("fill").writes(&buffers.records).writes(&buffers.shown).record(move |cmd| {
        cmd.bind(&kernel).push(&push).dispatch([1024, 1, 1]);
    });
    frame.submit().await?.await?;
    Ok(())
}

fn push(buffers: &Buffers, block: Block, camera: Camera) -> Cull {
    let [right, up, forward] = camera.basis();
    let [half_width, half_height] = camera.half_size();
    let axes = [right / half_width, up / half_height, forward].map(|axis| axis.as_vec3().to_array());
    Cull {
        records: buffers.records.address(),
        shown: buffers.shown.address(),
        commands: buffers.commands.address(),
        command_count: buffers.command_count.address(),
        pyramid: buffers.pyramid.address(),
        count: block.count as u32,
        phase: 0,
        eye: camera.eye().to_array(),
        near: camera.near(),
        axes,
        unused: 0,
    }
}
