//! A derived system costs nothing: it records the calls of the pass that is written by hand, in their order, with their
//! arguments. Its GPU resources are in fields or in a registry, with CPU data or without.

mod common;
mod trace;

use std::collections::BTreeMap;

use common::{close, open, soon, strict};
use vulkio::{
    ComputePipeline, CpuData, Depth, DrawArgs, Encoder, Gpu, GpuBuffer, GpuData, GpuImage, Graph, GraphicsDesc,
    GraphicsPipeline, Record, Registry, RenderTarget, Result, System, ash::vk,
};

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(vertex)]
struct Corner {
    at: [f32; 2],
    tint: [u8; 4],
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(vertex)]
struct Place([f32; 2]);

/// As in shaders/saxpy.comp.
#[derive(Clone, Copy, bytemuck::NoUninit)]
#[repr(C)]
struct Saxpy {
    x: u64,
    y: u64,
    a: f32,
    n: u32,
}

struct Factor(f32);

const SKY: [f32; 4] = [0.0, 0.5, 1.0, 1.0];

/// What all of them are made of.
struct World {
    gpu: Gpu,
    x: GpuBuffer<f32>,
    y: GpuBuffer<f32>,
    words: GpuBuffer<u32>,
    args: GpuBuffer<DrawArgs>,
    corners: GpuBuffer<Corner>,
    places: GpuBuffer<Place>,
    target: GpuImage<RenderTarget>,
    depth: GpuImage<Depth>,
    kernel: ComputePipeline,
    pipeline: GraphicsPipeline,
}

impl World {
    async fn new() -> Self {
        let gpu = open(trace::traced(strict()));
        let vertex = include_bytes!("../shaders/spv/test_vertices.vert.spv");
        let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
        let desc = GraphicsDesc::new("squares", vertex, fragment)
            .color(vk::Format::R8G8B8A8_SRGB)
            .depth(vk::Format::D32_SFLOAT);
        let desc = desc.vertices::<Corner>().instances::<Place>();
        let kernel = gpu.compute_pipeline("saxpy", include_bytes!("../shaders/spv/saxpy.comp.spv"));
        Self {
            x: gpu.buffer("x", 64).expect("a buffer"),
            y: gpu.buffer("y", 64).expect("a buffer"),
            words: gpu.buffer("words", 32).expect("a buffer"),
            args: gpu.buffer("args", 2).expect("a buffer"),
            corners: gpu.buffer("corners", 6).expect("a buffer"),
            places: gpu.buffer("places", 4).expect("a buffer"),
            target: gpu.image("target", [8, 4]).expect("an image"),
            depth: gpu.image("depth", [8, 4]).expect("an image"),
            kernel: kernel.await.expect("a pipeline"),
            pipeline: gpu.graphics_pipeline(desc).await.expect("a pipeline"),
            gpu,
        }
    }

    /// Every buffer gets contents.
    async fn fill(&self) {
        let corner = Corner { at: [0.5, 0.5], tint: [255; 4] };
        let args = DrawArgs { vertex_count: 3, instance_count: 1, ..DrawArgs::default() };
        let uploads = async {
            self.gpu.upload(&self.x, 0, vec![1.0; 64]).await?.await?;
            self.gpu.upload(&self.y, 0, vec![2.0; 64]).await?.await?;
            self.gpu.upload(&self.args, 0, vec![args; 2]).await?.await?;
            self.gpu.upload(&self.corners, 0, vec![corner; 6]).await?.await?;
            self.gpu.upload(&self.places, 0, vec![Place([0.0; 2]); 4]).await?.await
        };
        soon("uploads", uploads).await.expect("uploaded");
    }

    fn registry(&self) -> Registry {
        let registry = Registry::new();
        registry.insert("x", self.x.clone());
        registry.insert("y", self.y.clone());
        registry.insert("words", self.words.clone());
        registry.insert("args", self.args.clone());
        registry.insert("corners", self.corners.clone());
        registry.insert("places", self.places.clone());
        registry.insert("target", self.target.clone());
        registry.insert("depth", self.depth.clone());
        registry.insert("factor", CpuData::new(Factor(2.0)));
        registry
    }

    /// What a graph of the systems that `add` adds calls.
    async fn calls(&self, add: impl FnOnce(&Graph)) -> Vec<String> {
        let graph = Graph::new(&self.gpu, "one");
        trace::take();
        add(&graph);
        let done = soon("the submit", graph.submit()).await.expect("submitted");
        let calls = trace::take();
        soon("the graph", done).await.expect("complete");
        calls
    }
}

/// `y = a * x + y`.
fn multiply(cmd: &mut Encoder<'_>, kernel: &ComputePipeline, x: &GpuBuffer<f32>, y: &GpuBuffer<f32>, a: f32) {
    let push = Saxpy { x: x.address(), y: y.address(), a, n: x.len() as u32 };
    cmd.bind(kernel).push(&push).dispatch([1, 1, 1]);
}

fn draw(
    cmd: &mut Encoder<'_>,
    pipeline: &GraphicsPipeline,
    corners: &GpuBuffer<Corner>,
    places: &GpuBuffer<Place>,
    args: &GpuBuffer<DrawArgs>,
) {
    cmd.bind(pipeline).vertex_buffer(corners).instance_buffer(places).draw(0..6, 0..4).draw_indirect(args, 0..2);
}

fn by_hand(world: &World, graph: &Graph) {
    let (kernel, x, y) = (world.kernel.clone(), world.x.clone(), world.y.clone());
    graph.pass("Multiply").reads(&x).writes(&y).record(move |cmd| multiply(cmd, &kernel, &x, &y, 2.0));
    let (pipeline, corners, places) = (world.pipeline.clone(), world.corners.clone(), world.places.clone());
    let args = world.args.clone();
    graph
        .pass("Draw")
        .reads(corners.vertex())
        .reads(places.vertex())
        .reads(args.indirect())
        .renders(world.target.clear(SKY))
        .depth(world.depth.clear(0.0))
        .record(move |cmd| draw(cmd, &pipeline, &corners, &places, &args));
    let (target, words) = (world.target.clone(), world.words.clone());
    graph.pass("Look").reads(target.copy_source()).writes(words.copy_target()).record(move |cmd| {
        cmd.copy_image(&target, &words);
    });
}

mod fields {
    use super::*;

    #[derive(System)]
    pub(super) struct Multiply {
        #[reads]
        pub(super) x: GpuBuffer<f32>,
        #[writes]
        pub(super) y: GpuBuffer<f32>,
        pub(super) kernel: ComputePipeline,
    }

    impl Record for Multiply {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            multiply(cmd, &self.kernel, &self.x, &self.y, 2.0);
            Ok(())
        }
    }

    /// With CPU data.
    #[derive(System)]
    #[system(name = "Multiply")]
    pub(super) struct MultiplyBy {
        #[reads]
        pub(super) x: GpuBuffer<f32>,
        #[writes]
        pub(super) y: GpuBuffer<f32>,
        #[reads]
        pub(super) factor: CpuData<Factor>,
        pub(super) kernel: ComputePipeline,
    }

    impl Record for MultiplyBy {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            let factor = cmd.read(&self.factor)?;
            multiply(cmd, &self.kernel, &self.x, &self.y, factor.0);
            Ok(())
        }
    }

    #[derive(System)]
    pub(super) struct Draw {
        #[reads]
        pub(super) corners: GpuBuffer<Corner>,
        #[reads]
        pub(super) places: GpuBuffer<Place>,
        #[reads(indirect)]
        pub(super) args: GpuBuffer<DrawArgs>,
        #[writes(clear = SKY)]
        pub(super) target: GpuImage<RenderTarget>,
        #[writes(clear = self.far)]
        pub(super) depth: Option<GpuImage<Depth>>,
        pub(super) far: f32,
        pub(super) pipeline: GraphicsPipeline,
    }

    impl Record for Draw {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            draw(cmd, &self.pipeline, &self.corners, &self.places, &self.args);
            Ok(())
        }
    }

    #[derive(System)]
    pub(super) struct Look {
        #[reads(copy)]
        pub(super) target: GpuImage<RenderTarget>,
        #[writes(copy)]
        pub(super) words: GpuBuffer<u32>,
    }

    impl Record for Look {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            cmd.copy_image(&self.target, &self.words);
            Ok(())
        }
    }

    pub(super) fn draw_and_look(world: &World) -> (Draw, Look) {
        let World { corners, places, args, target, depth, pipeline, words, .. } = world;
        let draw = Draw {
            corners: corners.clone(),
            places: places.clone(),
            args: args.clone(),
            target: target.clone(),
            depth: Some(depth.clone()),
            far: 0.0,
            pipeline: pipeline.clone(),
        };
        (draw, Look { target: target.clone(), words: words.clone() })
    }
}

mod found {
    use super::*;

    /// Pipelines are in no registry.
    pub(super) struct Pipelines(pub(super) ComputePipeline, pub(super) GraphicsPipeline);

    #[derive(System)]
    #[reads(GpuBuffer<f32> = "x", Factor, Pipelines)]
    #[writes(GpuBuffer<f32> = "y")]
    pub(super) struct Multiply;

    impl Record for Multiply {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            let factor = cmd.read(&cmd.found::<CpuData<Factor>>()?)?;
            let pipelines = cmd.read(&cmd.found::<CpuData<Pipelines>>()?)?;
            let (x, y) = (cmd.found_named("x")?, cmd.found_named("y")?);
            multiply(cmd, &pipelines.0, &x, &y, factor.0);
            Ok(())
        }
    }

    #[derive(System)]
    #[reads(GpuBuffer<Corner>, GpuBuffer<Place>, GpuBuffer<DrawArgs>, Pipelines)]
    #[writes(GpuImage<RenderTarget> as clear(SKY), GpuImage<Depth> as clear(0.0))]
    pub(super) struct Draw;

    impl Record for Draw {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            let pipelines = cmd.read(&cmd.found::<CpuData<Pipelines>>()?)?;
            let (corners, places, args) = (cmd.found()?, cmd.found()?, cmd.found()?);
            draw(cmd, &pipelines.1, &corners, &places, &args);
            Ok(())
        }
    }

    #[derive(System)]
    #[reads(GpuImage<RenderTarget> as copy)]
    #[writes(GpuBuffer<u32> as copy)]
    pub(super) struct Look;

    impl Record for Look {
        fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
            let (target, words) = (cmd.found::<GpuImage<RenderTarget>>()?, cmd.found::<GpuBuffer<u32>>()?);
            cmd.copy_image(&target, &words);
            Ok(())
        }
    }
}

#[tokio::test]
async fn derived_systems_record_the_calls_of_passes_written_by_hand() {
    let world = World::new().await;
    world.fill().await;
    let registry = world.registry();
    registry.insert("pipelines", CpuData::new(found::Pipelines(world.kernel.clone(), world.pipeline.clone())));
    // The first graph comes after the uploads; from the second on, each finds the resources as the one before left them.
    world.calls(|graph| by_hand(&world, graph)).await;
    let by_hand = world.calls(|graph| by_hand(&world, graph)).await;
    let mut counts = BTreeMap::<_, u32>::new();
    for call in &by_hand {
        *counts.entry(call.split([' ', ',']).next().unwrap_or_default()).or_default() += 1;
    }
    let times = |name| counts.get(name).copied().unwrap_or_default();
    assert_eq!(
        [
            "vkCmdDispatch",
            "vkCmdDraw",
            "vkCmdDrawIndirect",
            "vkCmdBeginRendering",
            "vkCmdCopyImageToBuffer",
            "vkQueueSubmit2"
        ]
        .map(times),
        [1; 6],
        "{by_hand:#?}"
    );
    assert!((1..=3).contains(&times("vkCmdPipelineBarrier2")), "{by_hand:#?}");

    let World { x, y, kernel, .. } = &world;
    let (x, y, kernel) = (x.clone(), y.clone(), kernel.clone());
    let in_fields = |graph: &Graph| {
        let (draw, look) = fields::draw_and_look(&world);
        graph.add((fields::Multiply { x: x.clone(), y: y.clone(), kernel: kernel.clone() }, draw, look));
    };
    assert_eq!(world.calls(in_fields).await, by_hand, "in fields");

    let factor = CpuData::new(Factor(2.0));
    let with_cpu_data = |graph: &Graph| {
        let (draw, look) = fields::draw_and_look(&world);
        let multiply =
            fields::MultiplyBy { x: x.clone(), y: y.clone(), factor: factor.clone(), kernel: kernel.clone() };
        let _no_job_fails = graph.add_from(&registry, multiply).expect("its resources are its own");
        graph.add((draw, look));
    };
    assert_eq!(world.calls(with_cpu_data).await, by_hand, "with CPU data");

    let in_a_registry = |graph: &Graph| {
        for added in [
            graph.add_from(&registry, found::Multiply),
            graph.add_from(&registry, found::Draw),
            graph.add_from(&registry, found::Look),
        ] {
            let _no_job_fails = added.expect("all of them are there");
        }
    };
    assert_eq!(world.calls(in_a_registry).await, by_hand, "in a registry");
    close(world.gpu).await;
}
