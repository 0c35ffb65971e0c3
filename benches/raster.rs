//! `./x bench raster [--quick] [--count=N] [--width=W --height=H]`: GPU times of pictures of a block of cubes seen from outside,
//! by the rasteriser in several ways and by compute shaders; 1,000,000 cubes at 1920 × 1080 on a GPU, 30,000 at 640 × 360 on a
//! CPU driver.
//!
//! `36 indices` draws each cube as an instance with all six faces, at a place made of its number, without a view around it:
//! no culling, no picture made of it. The others are frames of views, level of detail and occlusion off: cells tested, drawn,
//! resolved. Of the rasteriser's, an instance is so many cubes, three faces each. Medians of rounds in which every row has
//! its turn.

mod harness;

use futures::executor::block_on;
use harness::{
    Args, Result,
    cull::{Block, Row, View as Seen, measure, print_rows, rounds},
};
use vulkio::{
    Cubes, Depth, DeviceKind, Gpu, GpuImage, GpuOptions, GraphicsDesc, Ids, RasterPath, Renderer, ViewOptions, ash::vk,
    scene::Camera,
};

const VERTEX: &[u8] = include_bytes!("../shaders/spv/bench_cube.vert.spv");
const FRAGMENT: &[u8] = include_bytes!("../shaders/spv/raster_word.frag.spv");

/// As in bench_cube.vert.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Push {
    eye_to_clip: [[f32; 4]; 4],
    eye: [f32; 3],
    side: u32,
    spacing: f32,
    half_edge: f32,
}

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("ways to draw cubes, GPU time", &gpu, &args);
    let software = gpu.info().kind == DeviceKind::Cpu;
    let option = |name, hard, soft| harness::option(name).unwrap_or(if software { soft } else { hard });
    let size = [option("--width", 1920, 640) as u32, option("--height", 1080, 360) as u32];
    block_on(compare(&gpu, &args, option("--count", 1_000_000, 30_000), size))?;
    block_on(gpu.close())?;
    Ok(())
}

async fn compare(gpu: &Gpu, args: &Args, count: usize, size: [u32; 2]) -> Result {
    let renderer = Renderer::headless(gpu, size)?;
    let block = Block::new(count);
    let cubes = Cubes::upload(gpu, block).await?;
    let camera = Seen::of_all(&cubes).camera;
    let mut rows = vec![instances(gpu, block, camera, size).await?];
    let options = ViewOptions::default().lod(false).occlusion(false);
    for power in [5, 6, 7, 8] {
        let options = options.path(RasterPath::Hardware).cubes_an_instance(power);
        rows.push(view(&format!("three faces, {} an instance", 1 << power), &cubes, camera, size, options).await?);
    }
    let smooth = options.path(RasterPath::Hardware).samples(4);
    rows.push(view("three faces, 4 samples", &cubes, camera, size, smooth).await?);
    rows.push(view("compute shaders", &cubes, camera, size, options.path(RasterPath::Compute)).await?);
    let [width, height] = size;
    println!("{count} cubes, {width} x {height} pixels");
    let medians = measure(&renderer, &rows, rounds(args.quick)).await?;
    print_rows(&rows, &medians);
    println!("\nmillion cubes a second:");
    for (row, time) in rows.iter().zip(&medians) {
        println!("{:<36} {:>12.1}", row.name(), count as f64 / time);
    }
    Ok(())
}

async fn view(name: &str, cubes: &Cubes, camera: Camera, size: [u32; 2], options: ViewOptions) -> Result<Row> {
    let view = cubes.view(size, options).await?;
    Ok(Row::new(name, None, move |frame| frame.add(view.draw(camera, frame.target()))))
}

async fn instances(gpu: &Gpu, block: Block, camera: Camera, size: [u32; 2]) -> Result<Row> {
    let desc = GraphicsDesc::new("36 indices", VERTEX, FRAGMENT)
        .color(vk::Format::R32_UINT)
        .depth(vk::Format::D32_SFLOAT)
        .cull(vk::CullModeFlags::BACK);
    let pipeline = gpu.graphics_pipeline(desc).await?;
    let (words, depth): (GpuImage<Ids>, GpuImage<Depth>) = (gpu.image("words", size)?, gpu.image("depth", size)?);
    let faces = (0..6u16).flat_map(|face| [0, 1, 2, 0, 2, 3].map(|corner| face * 4 + corner));
    let indices = gpu.buffer::<u16>("indices", 36)?;
    gpu.upload(&indices, 0, faces.collect::<Vec<_>>()).await?;
    let push = Push {
        eye_to_clip: (camera.projection() * camera.rotation()).to_cols_array_2d(),
        eye: camera.eye().to_array(),
        side: block.side as u32,
        spacing: Block::SPACING,
        half_edge: Block::HALF_EDGE,
    };
    Ok(Row::new("36 indices, 1 an instance", None, move |frame| {
        let (pipeline, own_indices) = (pipeline.clone(), indices.clone());
        let pass = frame.pass("instances").reads(indices.index()).renders(words.clear(0)).depth(depth.clear(0.0));
        pass.record(move |cmd| {
            cmd.bind(&pipeline).push(&push).index_buffer(&own_indices).draw_indexed(0..36, 0, 0..block.count as u32);
        });
    }))
}
