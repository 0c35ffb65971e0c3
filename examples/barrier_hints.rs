//! Which barriers stand between an upload of vertices and the draw that reads them: what each system needs, what the
//! schedule has of it, and what the plan of a real graph has. Only the last part needs a GPU.

use std::sync::Arc;

use vulkio::{
    CpuData, Encoder, Gpu, GpuBuffer, GpuData, GpuImage, GpuOptions, GpuResourceAccess, Graph, GraphicsDesc,
    GraphicsPipeline, Record, Registry, RenderTarget, Result, Schedule, System, ash::vk,
};

/// As in shaders/hello_vertices.vert.
#[derive(Clone, Copy, GpuData, bytemuck::Pod, bytemuck::Zeroable)]
#[role(vertex)]
#[repr(C)]
struct Vertex {
    corner: [f32; 2],
    tint: [f32; 3],
}

const TRIANGLE: [Vertex; 3] = [
    Vertex { corner: [-0.75, 0.7], tint: [0.0, 1.0, 0.0] },
    Vertex { corner: [0.75, 0.7], tint: [0.0, 0.0, 1.0] },
    Vertex { corner: [0.0, -0.75], tint: [1.0, 0.0, 0.0] },
];

/// Writes vertices: by a copy, since that is what data of the role `vertex` is written by.
#[derive(System)]
#[writes(GpuBuffer<Vertex>)]
struct UploadMeshes;

impl Record for UploadMeshes {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let vertices = cmd.found::<GpuBuffer<Vertex>>()?;
        cmd.update(&vertices, 0, &TRIANGLE);
        Ok(())
    }
}

/// Reads them, and renders.
#[derive(System)]
#[reads(GraphicsPipeline, GpuBuffer<Vertex>)]
#[writes(GpuImage<RenderTarget> as clear([0.02, 0.02, 0.03, 1.0]))]
struct DrawScene;

impl Record for DrawScene {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let vertices = cmd.found::<GpuBuffer<Vertex>>()?;
        let pipeline = cmd.found::<CpuData<GraphicsPipeline>>()?;
        let pipeline = cmd.read(&pipeline)?;
        cmd.bind(&*pipeline).vertex_buffer(&vertices).draw(0..3, 0..1);
        Ok(())
    }
}

#[derive(Schedule)]
struct Pipeline {
    #[stage]
    upload: UploadMeshes,
    #[stage(after = "upload")]
    render: DrawScene,
}

#[tokio::main]
async fn main() -> Result<()> {
    println!("{}", UploadMeshes::barrier_requirements());
    println!("{}", DrawScene::barrier_requirements());
    let schedule = Arc::new(Pipeline { upload: UploadMeshes, render: DrawScene });
    println!("{}", schedule.hints()?);
    println!("{}", schedule.to_mermaid());

    let gpu = match Gpu::open(GpuOptions::default()).await {
        Ok(gpu) => gpu,
        Err(error) => {
            println!("no GPU to draw on: {error}");
            return Ok(());
        }
    };
    let desc = GraphicsDesc::new(
        "triangle",
        include_bytes!("../shaders/spv/hello_vertices.vert.spv"),
        include_bytes!("../shaders/spv/triangle.frag.spv"),
    );
    let desc = desc.color(vk::Format::R8G8B8A8_SRGB).vertices::<Vertex>();
    let registry = Registry::new();
    registry.insert("triangle", CpuData::new(gpu.graphics_pipeline(desc).await?));
    registry.insert("vertices", gpu.buffer::<Vertex>("vertices", TRIANGLE.len())?);
    let target = gpu.image::<RenderTarget>("target", [640, 480])?;
    registry.insert("target", target.clone());

    // The same, with the names of real resources; and the plan of the graph that runs it.
    let hints = schedule.hints_in(&registry)?;
    println!("{hints}");
    let graph = Graph::new(&gpu, "frame");
    let systems = graph.run(&schedule, &registry)?;
    assert_eq!(graph.plan_stats()?.barriers, hints.calls());
    graph.submit().await?.await?;
    systems.finished().await?;
    gpu.read_image(&target).await?.save_png("barrier_hints.png").await?;
    println!("{}: wrote barrier_hints.png", gpu.info().name);
    drop((registry, target));
    gpu.close().await
}
