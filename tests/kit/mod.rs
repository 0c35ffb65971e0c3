//! What mistakes are made with, and what is said to them.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{
    ComputePipeline, Depth, DispatchArgs, DrawArgs, DrawIndexedArgs, Encoder, Error, Gpu, GpuBuffer, GpuImage, Graph,
    GraphicsDesc, GraphicsPipeline, Ids, Pass, QueueKind, RenderTarget, ash::vk,
};

use crate::common::soon;

/// What the mistakes are made with.
pub(crate) struct Kit {
    pub(crate) gpu: Gpu,
    pub(crate) words: GpuBuffer<u32>,
    pub(crate) other: GpuBuffer<u32>,
    pub(crate) draws: GpuBuffer<DrawArgs>,
    pub(crate) indexed: GpuBuffer<DrawIndexedArgs>,
    pub(crate) groups: GpuBuffer<DispatchArgs>,
    pub(crate) picture: GpuImage<RenderTarget>,
    pub(crate) large: GpuImage<RenderTarget>,
    pub(crate) depth: GpuImage<Depth>,
    pub(crate) ids: GpuImage<Ids>,
    pub(crate) kernel: ComputePipeline,
    pub(crate) triangle: GraphicsPipeline,
}

impl Kit {
    pub(crate) async fn new(gpu: &Gpu) -> Self {
        let vertex = include_bytes!("../../shaders/spv/triangle.vert.spv");
        let fragment = include_bytes!("../../shaders/spv/triangle.frag.spv");
        let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
        Self {
            words: gpu.buffer("words", 64).expect("a buffer"),
            other: gpu.buffer("other", 64).expect("a buffer"),
            draws: gpu.buffer("draws", 4).expect("a buffer"),
            indexed: gpu.buffer("indexed", 4).expect("a buffer"),
            groups: gpu.buffer("groups", 4).expect("a buffer"),
            picture: gpu.image("picture", [8, 4]).expect("an image"),
            large: gpu.image("large", [16, 16]).expect("an image"),
            depth: gpu.image("depth", [8, 4]).expect("an image"),
            ids: gpu.image("ids", [8, 4]).expect("an image"),
            kernel: gpu
                .compute_pipeline("saxpy", include_bytes!("../../shaders/spv/saxpy.comp.spv"))
                .await
                .expect("a pipeline"),
            triangle: gpu.graphics_pipeline(desc).await.expect("a pipeline"),
            gpu: gpu.clone(),
        }
    }

    /// The message of a mistake in recording a pass that `declare` declares.
    pub(crate) async fn recording(
        &self,
        declare: impl FnOnce(Pass<'_>) -> Pass<'_>,
        record: impl FnOnce(&mut Encoder<'_>) + Send + 'static,
    ) -> String {
        let graph = Graph::new(&self.gpu, "wrong");
        declare(graph.pass("mistake")).record(record);
        let error = soon("the submit", graph.submit()).await.expect_err("a mistake");
        let Error::Record { pass, .. } = &error else { panic!("{error:?}") };
        assert_eq!(pass, "mistake");
        error.to_string()
    }

    /// The message of a mistake in declaring a pass.
    pub(crate) async fn declaring(&self, queue: QueueKind, declare: impl FnOnce(Pass<'_>) -> Pass<'_>) -> String {
        let graph = Graph::on(&self.gpu, "wrong", queue);
        declare(graph.pass("mistake")).record(|_| ());
        let early = graph.plan_stats().expect_err("the plan knows it").to_string();
        let error = soon("the submit", graph.submit()).await.expect_err("a mistake");
        assert!(matches!(error, Error::Graph(_)), "{error:?}");
        assert_eq!(error.to_string(), early);
        early
    }
}

/// That a message names all of these.
#[track_caller]
pub(crate) fn names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}
