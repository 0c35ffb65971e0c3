//! A window that shows a triangle: resized, closed, ended by Ctrl-C as one expects.
//!
//! `cargo run --features window --example hello_window`

use vulkio::{GraphicsDesc, ash::vk, config::Config, window};

fn main() -> vulkio::Result<()> {
    window::run(Config::default(), |app| async move {
        let vertex = include_bytes!("../shaders/spv/triangle.vert.spv");
        let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
        let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
        let pipeline = app.gpu().graphics_pipeline(desc).await?;

        // Waits for a free frame slot, which is what paces it; `None` once the window is to close.
        while let Some(frame) = app.frame().await? {
            let (target, pipeline) = (frame.target(), pipeline.clone());
            frame.pass("triangle").renders(target.clear([0.02, 0.02, 0.03, 1.0])).record(move |cmd| {
                cmd.bind(&pipeline).draw(0..3, 0..1);
            });
            frame.submit().await?;
        }
        Ok(())
    })
}
