//! One triangle, drawn without a window and saved as triangle.png.

use vulkio::{Gpu, GpuOptions, GraphicsDesc, Renderer, ash::vk};

#[tokio::main]
async fn main() -> vulkio::Result<()> {
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let vertex = include_bytes!("../shaders/spv/triangle.vert.spv");
    let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
    let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let pipeline = gpu.graphics_pipeline(desc).await?;

    let renderer = Renderer::headless(&gpu, [640, 480])?;
    let frame = renderer.frame().await?;
    let target = frame.target();
    frame.pass("triangle").renders(target.clear([0.02, 0.02, 0.03, 1.0])).record(move |cmd| {
        cmd.bind(&pipeline).draw(0..3, 0..1);
    });
    frame.submit().await?;

    renderer.capture().await?.save_png("triangle.png").await?;
    println!("{}: wrote triangle.png", gpu.info().name);
    gpu.close().await
}
