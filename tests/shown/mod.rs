//! Windows whose surface shows frames.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;

use vulkio::{
    Error, Gpu, Picture,
    window::{Surface, SurfaceOptions},
};

use crate::{
    common::{open, soon, strict, until},
    display::{Display, Window},
};

pub(crate) fn presenting_gpu() -> Gpu {
    open(strict().presentation(true))
}

/// A window and its surface.
pub(crate) struct Shown {
    pub(crate) window: Arc<Window>,
    pub(crate) surface: Surface,
}

impl Shown {
    pub(crate) async fn new(display: &Display, gpu: &Gpu, size: [u32; 2], options: SurfaceOptions) -> Self {
        let window = display.window(size);
        Self::within(gpu, window, size, options).await
    }

    pub(crate) async fn within(gpu: &Gpu, window: Arc<Window>, size: [u32; 2], options: SurfaceOptions) -> Self {
        let surface = soon("a surface", Surface::new(gpu, Arc::clone(&window), size, options)).await;
        Self { window, surface: surface.expect("a surface") }
    }

    /// Submits a frame of one colour, and waits for the GPU.
    pub(crate) async fn fill(&self, color: [f32; 4]) -> Result<(), Error> {
        let frame = soon("a frame", self.surface.renderer().frame()).await?;
        frame.pass("fill").renders(frame.target().clear(color)).record(|_| ());
        soon("a submit", frame.submit()).await?;
        Ok(())
    }

    /// As [`fill`](Self::fill), in the colour of a number, which is exact; and waits until it is shown everywhere.
    pub(crate) async fn show(&self, n: u32) {
        self.fill(crate::common::color(n)).await.expect("submitted");
        self.window.wait_for_color(rgb_of(n));
    }

    /// Waits until so many frames were shown or left out.
    pub(crate) async fn settled(&self, frames: u64) {
        let settled = || {
            let stats = self.surface.stats();
            stats.presented + stats.dropped == frames
        };
        until(&format!("{frames} frames"), settled).await;
    }

    /// Ends it, and sees to it that nobody keeps the window.
    pub(crate) async fn close(self) {
        soon("closing a surface", self.surface.close()).await.expect("closed");
        let Self { window, surface } = self;
        drop(surface);
        assert_eq!(Arc::strong_count(&window), 1, "the window is let go of");
    }
}

/// The colour of [`color`](crate::common::color), as the screen has it.
pub(crate) fn rgb_of(n: u32) -> [u8; 3] {
    let pixel = crate::common::pixel(n);
    [pixel[0], pixel[1], pixel[2]]
}

/// Red, green and blue of each pixel.
pub(crate) fn rgb(picture: &Picture) -> Vec<u8> {
    picture.bytes().chunks_exact(4).flat_map(|texel| [texel[0], texel[1], texel[2]]).collect()
}
