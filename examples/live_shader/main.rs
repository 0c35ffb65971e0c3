//! A picture that is drawn again whenever its shaders are saved. Ctrl-C ends it.
//!
//! `cargo run --features glsl --example live_shader [FOLDER]`, then edit palette.glsl, sky.frag or sky.vert in
//! examples/live_shader (or in FOLDER) and look at live_shader.png.

use std::path::PathBuf;

use vulkio::{Gpu, GpuOptions, Renderer, ash::vk};

#[tokio::main]
async fn main() -> vulkio::Result<()> {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/live_shader");
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| own.into()));
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let renderer = Renderer::headless(&gpu, [320, 240])?;
    let (vertex, fragment) = (folder.join("sky.vert"), folder.join("sky.frag"));
    let mut sky = gpu
        .live_graphics_pipeline(vertex, fragment, |desc| desc.color(vk::Format::R8G8B8A8_SRGB)) // and depth, blending, ..
        .await?;
    loop {
        match sky.error() {
            // The compiler's words, with file and line; what is drawn with stays what it was.
            Some(error) => println!("{error}"),
            None => {
                let frame = renderer.frame().await?;
                let pipeline = sky.current(); // kept by the frame, whatever is saved meanwhile
                frame.pass("sky").renders(frame.target().discard()).record(move |cmd| {
                    cmd.bind(&pipeline).draw(0..3, 0..1);
                });
                frame.submit().await?;
                renderer.capture().await?.save_png("live_shader.png").await?;
                println!("wrote live_shader.png");
            }
        }
        tokio::select! {
            changed = sky.changed() => changed?,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    gpu.close().await
}
