//! Pictures of many small triangles that lie over one another, so that the order in which they are drawn shows.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{ops::Range, sync::Arc, time::Duration};

use vulkio::{
    Depth, Encoder, Frame, FrameStats, Gpu, GpuImage, GraphicsDesc, GraphicsPipeline, PassId, Renderer,
    RendererOptions, ash::vk,
};

use crate::common::soon;

const SIDE: u32 = 32;

/// As in shaders/bench_draw.vert.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Triangle {
    place: [f32; 4],
    tint: [f32; 4],
    more: [[f32; 4]; 2],
}

impl Triangle {
    fn of(index: usize) -> Self {
        let byte = |step: usize| (index * step % 256) as f32 / 255.0;
        let place = [byte(37) * 2.0 - 1.0, byte(101) * 2.0 - 1.0, 0.4, 0.0];
        Self { place, tint: [byte(3), byte(7), byte(11), 1.0], more: [[0.0; 4]; 2] }
    }
}

/// How a pass of so many triangles is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Once,
    Parallel,
    FromJob,
}

pub(crate) struct Tiles {
    pub(crate) renderer: Renderer,
    pub(crate) pipeline: GraphicsPipeline,
    /// Of equal depths, the first that is drawn is seen.
    depth: Option<GpuImage<Depth>>,
}

impl Tiles {
    pub(crate) async fn new(gpu: &Gpu, workers: usize, depth: bool) -> Self {
        let options = RendererOptions::default().workers(workers).in_place_below(Duration::ZERO);
        Self::with(gpu, options.frames_in_flight(1), depth).await
    }

    pub(crate) async fn with(gpu: &Gpu, options: RendererOptions, depth: bool) -> Self {
        let vertex = include_bytes!("../../shaders/spv/bench_draw.vert.spv");
        let fragment = include_bytes!("../../shaders/spv/bench_draw.frag.spv");
        let mut desc = GraphicsDesc::new("tiles", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
        if depth {
            desc = desc.depth(vk::Format::D32_SFLOAT);
        }
        Self {
            renderer: Renderer::with_options(gpu, [SIDE; 2], options).expect("a renderer"),
            pipeline: gpu.graphics_pipeline(desc).await.expect("a pipeline"),
            depth: depth.then(|| gpu.image("depth", [SIDE; 2]).expect("an image")),
        }
    }

    pub(crate) async fn frame(&self) -> Frame {
        soon("a slot", self.renderer.frame()).await.expect("a frame")
    }

    /// What records some of the triangles.
    pub(crate) fn tiles(&self) -> impl Fn(&mut Encoder<'_>, Range<usize>) + Send + Sync + 'static + use<> {
        let pipeline = self.pipeline.clone();
        move |cmd, range| {
            cmd.bind(&pipeline);
            for index in range {
                cmd.push(&Triangle::of(index)).draw(0..3, 0..1);
            }
        }
    }

    /// A pass that clears the target, and the depth, for others to draw.
    pub(crate) fn pass<'f>(&self, frame: &'f Frame) -> vulkio::Pass<'f> {
        self.pass_named(frame, "tiles")
    }

    pub(crate) fn pass_named<'f>(&self, frame: &'f Frame, name: &str) -> vulkio::Pass<'f> {
        let pass = frame.pass(name).renders(frame.target().clear([0.0, 0.0, 1.0, 1.0]));
        match &self.depth {
            Some(depth) => pass.depth(depth.clear(0.0)),
            None => pass,
        }
    }

    pub(crate) fn declare(&self, frame: &Frame, items: usize, mode: Mode) -> PassId {
        let (pass, tiles) = (self.pass(frame), self.tiles());
        match mode {
            Mode::Once => pass.record(move |cmd| tiles(cmd, 0..items)),
            Mode::Parallel => pass.parallel(items, tiles),
            Mode::FromJob => {
                let job = frame.job("count", async move { items });
                pass.parallel_from(&job, |&items| items, move |cmd, _, range| tiles(cmd, range))
            }
        }
    }

    /// The picture of a frame.
    pub(crate) async fn finish(&self, frame: Frame) -> (Vec<u8>, Arc<FrameStats>) {
        let capture = frame.capture();
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        let stats = soon("a frame", done).await.expect("complete");
        (soon("a picture", capture).await.expect("a picture").bytes().to_vec(), stats)
    }

    pub(crate) async fn draw(&self, items: usize, mode: Mode) -> (Vec<u8>, Arc<FrameStats>) {
        let frame = self.frame().await;
        self.declare(&frame, items, mode);
        self.finish(frame).await
    }
}
