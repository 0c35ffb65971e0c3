//! What the tests of views share: a view with its target, and what it shows.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{
    Cubes, FrameStats, Gpu, GpuBuffer, GpuImage, Graph, RasterPath, RenderTarget, View, ViewOptions,
    scene::{Camera, Instance},
};

use crate::common::soon;

pub(crate) const PATHS: [(&str, RasterPath); 3] =
    [("hardware", RasterPath::Hardware), ("compute", RasterPath::Compute), ("auto", RasterPath::Auto)];

/// Every cube as the box that it is.
pub(crate) fn boxes(path: RasterPath) -> ViewOptions {
    ViewOptions::default().path(path).lod(false)
}

/// A view and the image that it draws to.
pub(crate) struct Stand {
    gpu: Gpu,
    pub(crate) view: View,
    pub(crate) target: GpuImage<RenderTarget>,
}

impl Stand {
    pub(crate) async fn new(gpu: &Gpu, cubes: &Cubes, size: [u32; 2], options: ViewOptions) -> Self {
        let view = soon("a view", cubes.view(size, options)).await.expect("a view");
        let target = gpu.image::<RenderTarget>("target", size).expect("an image");
        Self { gpu: gpu.clone(), view, target }
    }

    pub(crate) async fn draw(&self, camera: Camera) -> FrameStats {
        let graph = Graph::new(&self.gpu, "a view");
        graph.add(self.view.draw(camera, &self.target));
        run(graph).await
    }

    /// Draws, and the caller's id of each pixel.
    pub(crate) async fn ids(&self, camera: Camera) -> Vec<u32> {
        self.draw(camera).await;
        self.last_ids().await
    }

    pub(crate) async fn last_ids(&self) -> Vec<u32> {
        soon("ids", self.view.ids()).await.expect("read back")
    }

    /// The colours of the last draw as sRGB bytes.
    pub(crate) async fn colors(&self) -> Vec<[u8; 4]> {
        let picture = soon("a picture", self.gpu.read_image(&self.target)).await.expect("read back");
        picture.bytes().as_chunks::<4>().0.to_vec()
    }
}

pub(crate) async fn run(graph: Graph) -> FrameStats {
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    *soon("a frame", done).await.expect("complete")
}

/// A buffer with these cubes, in their order.
pub(crate) async fn places(gpu: &Gpu, cubes: &[Instance]) -> GpuBuffer<Instance> {
    let buffer = gpu.buffer("places", cubes.len()).expect("a buffer");
    put(gpu, &buffer, cubes).await;
    buffer
}

pub(crate) async fn put(gpu: &Gpu, buffer: &GpuBuffer<Instance>, cubes: &[Instance]) {
    soon("an upload", gpu.upload(buffer, 0, cubes.to_vec())).await.expect("uploaded");
}
