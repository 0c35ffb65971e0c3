//! Frames in a window: what the screen shows is what was drawn, in the order in which it was submitted.
#![cfg(feature = "window")]

mod common;
mod display;

use common::{close, open, soon, strict, until};
use display::Display;
use vulkio::{
    Gpu, Picture,
    window::{Surface, SurfaceOptions},
};

fn presenting_gpu() -> Gpu {
    open(strict().presentation(true))
}

/// Red, green and blue of each pixel.
fn rgb(picture: &Picture) -> Vec<u8> {
    picture.bytes().chunks_exact(4).flat_map(|texel| [texel[0], texel[1], texel[2]]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_shows_the_frame_that_was_drawn() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let window = display.window([64, 48]);
    let surface = soon("a surface", Surface::new(&gpu, window.clone(), [64, 48], SurfaceOptions::default()));
    let surface = surface.await.expect("a surface");
    let frame = soon("a frame", surface.renderer().frame()).await.expect("a frame");
    assert_eq!(frame.size(), [64, 48]);
    frame.pass("clear").renders(frame.target().clear([0.5, 0.25, 0.0, 1.0])).record(|_| ());
    let capture = frame.capture();
    frame.submit().await.expect("submitted").await.expect("complete");
    let picture = capture.await.expect("a picture");
    until("the frame is presented", || surface.stats().presented == 1).await;
    window.wait_for("the frame's own pixels", |grab| grab.rgb == rgb(&picture));
    let stats = surface.stats();
    assert_eq!((stats.dropped, stats.swapchains, stats.size), (0, 1, [64, 48]));
    surface.close().await.expect("closed");
    drop(surface);
    close(gpu).await;
}
