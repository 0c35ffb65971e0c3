//! A floor of tiles up to the horizon, with mip levels and anisotropy, saved as texture.png.

use vulkio::{Gpu, GpuOptions, Graph, GraphicsDesc, ImageDesc, Renderer, SamplerDesc, Texture, ash::vk};

#[tokio::main]
async fn main() -> vulkio::Result<()> {
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let vertex = include_bytes!("../shaders/spv/hello_texture.vert.spv");
    let fragment = include_bytes!("../shaders/spv/hello_texture.frag.spv");
    let desc = GraphicsDesc::new("floor", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let pipeline = gpu.graphics_pipeline(desc).await?;

    let tiles = gpu.image_with::<Texture>("tiles", ImageDesc::new([64, 64]).levels(7))?;
    let texel =
        |i: usize| if (i / 32 + i / 2048).is_multiple_of(2) { [230, 225, 210, 255] } else { [60, 80, 110, 255] };
    gpu.upload_image(&tiles.level(0), (0..64 * 64).flat_map(texel).collect::<Vec<u8>>()).await?;
    let graph = Graph::new(&gpu, "mips");
    graph.mips(&tiles);
    graph.submit().await?;
    let sampler = gpu.sampler(SamplerDesc::default().anisotropy(16))?;

    let renderer = Renderer::headless(&gpu, [640, 480])?;
    let frame = renderer.frame().await?;
    let target = frame.target();
    frame.pass("floor").reads(&tiles).renders(target.clear([0.3, 0.5, 0.9, 1.0])).record(move |cmd| {
        cmd.texture(&tiles, &sampler); // number 0
        cmd.bind(&pipeline).draw(0..6, 0..1);
    });
    frame.submit().await?;

    renderer.capture().await?.save_png("texture.png").await?;
    println!("{}: wrote texture.png", gpu.info().name);
    gpu.close().await
}
