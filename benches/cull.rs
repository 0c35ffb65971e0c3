//! `./x bench cull [--quick] [--count=N] [FILTER]`: culling without occlusion, against what the memory of the device gives.
//!
//! Times are the GPU's, from the first command of a frame to the end of the last (two timestamps a frame), medians of rounds
//! in which every row has its turn. `copy` is the faster of `vkCmdCopyBuffer` and of a kernel that moves 16 bytes a lane;
//! its bandwidth counts bytes read and bytes written.
//!
//! `flat` reads and tests every cube and writes the list of the visible ones: 16 bytes a cube and 4 a visible one are what it
//! must move, and its share of the copy's bandwidth is taken of these. `cells` is what programs get: whole cells are decided
//! at once where they can be. `records` is culling as renderers do it that keep a record of 48 bytes an instance: two phases
//! over all instances, a bit for each, an atomic for each visible one, and a command of 24 bytes; its camera holds still, so
//! that the first phase passes all on and the second none.
//!
//! `growth` is the cost of 1,000,000 visible cubes alone, and with the rest of `--count` behind the camera.

mod harness;

use futures::executor::block_on;
use harness::{
    Args, Result,
    cull::{Block, Bytes, Row, View, copy, print_rows, records, rounds},
};
use vulkio::{Cubes, DeviceKind, Gpu, GpuOptions, Renderer, scene::Camera};

/// The goal for reads and list writes of the flat cull, as a share of the copy's bandwidth.
const SHARE: f64 = 0.8;
/// The visible part of the scene, besides all of it.
const SOME: f64 = 0.11;
const GROWTH: f64 = 3.0;

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("culling without occlusion, GPU time", &gpu, &args);
    let software = gpu.info().kind == DeviceKind::Cpu;
    let count = harness::option("--count").unwrap_or(if software { 1_000_000 } else { 100_000_000 });
    block_on(bandwidth(&gpu, &args, count))?;
    if args.wants("growth") {
        block_on(growth(&gpu, &args, count))?;
    }
    block_on(gpu.close())?;
    Ok(())
}

async fn bandwidth(gpu: &Gpu, args: &Args, count: usize) -> Result {
    let renderer = Renderer::headless(gpu, [16, 16])?;
    let block = Block::new(count);
    let cubes = Cubes::upload(gpu, block).await?;
    let all = View::of_all(&cubes);
    let some = View::of_some(gpu, &cubes, SOME).await?;
    let mut rows = copy::rows(gpu).await?;
    for view in [&all, &some] {
        let seen = format!("{:.0} % visible", view.visible as f64 * 100.0 / count as f64);
        if args.wants("flat") {
            let moved = Bytes(count * 16 + view.visible * 4);
            rows.push(Row::culling(&format!("flat, {seen}"), &cubes, view.camera, true, Some(moved)));
        }
        if args.wants("cells") {
            rows.push(Row::culling(&format!("cells, {seen}"), &cubes, view.camera, false, None));
        }
        if args.wants("records") {
            rows.push(records::row(gpu, &renderer, block, view.camera, &format!("records, {seen}")).await?);
        }
    }
    println!("{count} cubes in a block; goal for `flat`: a share of {SHARE} of the copy's bandwidth");
    let medians = harness::cull::measure(&renderer, &rows, rounds(args.quick)).await?;
    print_rows(&rows, &medians);
    Ok(())
}

async fn growth(gpu: &Gpu, args: &Args, count: usize) -> Result {
    let renderer = Renderer::headless(gpu, [16, 16])?;
    let few = (count / 100).max(1);
    let alone = Cubes::upload(gpu, Block::new(few)).await?;
    let view = View::of_all(&alone);
    let behind = Block::new(few).with_others_behind(view.camera, count - few);
    let among = Cubes::upload(gpu, behind).await?;
    let row = |name: &str, cubes: &Cubes, camera: Camera| Row::culling(name, cubes, camera, false, None);
    let rows = [
        row(&format!("cells, {few} cubes"), &alone, view.camera),
        row(&format!("cells, {few} of {count} cubes"), &among, view.camera),
    ];
    println!("\nthe same {few} cubes visible; goal: at most {GROWTH} times the time");
    let medians = harness::cull::measure(&renderer, &rows, rounds(args.quick)).await?;
    print_rows(&rows, &medians);
    println!("ratio {:.2}; {} visible", medians[1] / medians[0], among.visible_count().await?);
    Ok(())
}
