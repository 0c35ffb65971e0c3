//! Vertices and instances that are fetched from buffers: the picture, the barrier, and what is refused.

mod common;
mod scenes;

use std::ops::Range;

use common::{close, soon, strict_gpu};
use scenes::{Random, seed};
use vulkio::{
    Encoder, Gpu, GpuBuffer, GpuData, GpuImage, Graph, GraphicsDesc, GraphicsPipeline, RenderTarget, Role, VertexData,
    ash::vk,
};

const SIDE: u32 = 8;
const UNORM: vk::Format = vk::Format::R8G8B8A8_UNORM;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Corner {
    at: [f32; 2],
    tint: [u8; 4],
}

impl GpuData for Corner {
    const ROLE: Role = Role::Vertex;
}

impl VertexData for Corner {
    const ATTRIBUTES: &'static [(vk::Format, usize)] =
        &[(vk::Format::R32G32_SFLOAT, 0), (vk::Format::R8G8B8A8_UNORM, 8)];
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Place([f32; 2]);

impl GpuData for Place {
    const ROLE: Role = Role::Vertex;
}

impl VertexData for Place {
    const ATTRIBUTES: &'static [(vk::Format, usize)] = &[(vk::Format::R32G32_SFLOAT, 0)];
}

/// A square of one pixel, in two triangles.
fn square(tint: [u8; 4]) -> [Corner; 6] {
    let side = 2.0 / SIDE as f32;
    [[0, 0], [0, 1], [1, 1], [0, 0], [1, 1], [1, 0]]
        .map(|[x, y]| Corner { at: [x as f32 * side, y as f32 * side], tint })
}

fn place(pixel: u32) -> Place {
    Place([pixel % SIDE, pixel / SIDE].map(|at| at as f32 * 2.0 / SIDE as f32 - 1.0))
}

struct Scene {
    gpu: Gpu,
    pipeline: GraphicsPipeline,
    corners: GpuBuffer<Corner>,
    places: GpuBuffer<Place>,
    target: GpuImage<RenderTarget>,
}

const RED: [u8; 4] = [255, 0, 0, 255];
const BLUE: [u8; 4] = [0, 0, 255, 255];

impl Scene {
    /// A red and a blue square, and pixels to put them at.
    async fn new(pixels: &[u32]) -> Self {
        let gpu = strict_gpu();
        let vertex = include_bytes!("../shaders/spv/test_vertices.vert.spv");
        let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
        let desc = GraphicsDesc::new("squares", vertex, fragment).color(UNORM);
        let desc = desc.vertices::<Corner>().instances::<Place>();
        let pipeline = soon("a pipeline", gpu.graphics_pipeline(desc)).await.expect("a pipeline");
        let corners = gpu.buffer("corners", 12).expect("a buffer");
        let places = gpu.buffer("places", pixels.len()).expect("a buffer");
        let target = gpu.image_with_format("target", [SIDE; 2], UNORM).expect("an image");
        let all = [square(RED), square(BLUE)].concat();
        let upload = soon("an upload", gpu.upload(&corners, 0, all)).await.expect("an upload");
        soon("its copy", upload).await.expect("a copy");
        let upload =
            soon("an upload", gpu.upload(&places, 0, pixels.iter().map(|&at| place(at)).collect::<Vec<_>>())).await;
        soon("its copy", upload.expect("an upload")).await.expect("a copy");
        Self { gpu, pipeline, corners, places, target }
    }

    /// What a pass that records this draws, or its error.
    async fn drawn(&self, record: impl FnOnce(&mut Encoder<'_>, &Self) + Send + 'static) -> Result<Vec<u32>, String> {
        let graph = Graph::new(&self.gpu, "squares");
        let own = Self { gpu: self.gpu.clone(), ..self.handles() };
        let pass = graph.pass("draw").reads(self.corners.vertex()).reads(self.places.vertex());
        pass.renders(self.target.clear([0.0; 4])).record(move |cmd| record(cmd, &own));
        soon("the work", soon("the graph", graph.submit()).await.map_err(|error| error.to_string())?)
            .await
            .expect("done");
        let picture = soon("the picture", self.gpu.read_image(&self.target)).await.expect("a picture");
        Ok(picture.bytes().chunks_exact(4).map(|texel| u32::from_le_bytes([texel[0], texel[1], texel[2], 0])).collect())
    }

    fn handles(&self) -> Self {
        let Self { gpu, pipeline, corners, places, target } = self;
        let (gpu, pipeline, corners) = (gpu.clone(), pipeline.clone(), corners.clone());
        Self { gpu, pipeline, corners, places: places.clone(), target: target.clone() }
    }

    async fn refused(&self, record: impl FnOnce(&mut Encoder<'_>, &Self) + Send + 'static) -> String {
        self.drawn(record).await.expect_err("a mistake")
    }
}

fn bind(cmd: &mut Encoder<'_>, scene: &Scene) {
    cmd.bind(&scene.pipeline).vertex_buffer(&scene.corners).instance_buffer(&scene.places);
}

#[tokio::test]
async fn draws_fetch_the_vertices_and_instances_of_their_ranges() {
    let mut random = Random(seed());
    let pixels: Vec<u32> = (0..40).map(|_| random.bits() as u32 % (SIDE * SIDE)).collect();
    let scene = Scene::new(&pixels).await;
    for _ in 0..8 {
        let mut range = || {
            let [a, b] = [random.bits() as u32 % 41, random.bits() as u32 % 41];
            a.min(b)..a.max(b)
        };
        let ranges: [Range<u32>; 2] = [range(), range()];
        let mut expected = vec![0; (SIDE * SIDE) as usize];
        for (range, tint) in ranges.iter().zip([RED, BLUE]) {
            let color = u32::from_le_bytes([tint[0], tint[1], tint[2], 0]);
            pixels[range.start as usize..range.end as usize].iter().for_each(|&at| expected[at as usize] = color);
        }
        let [red, blue] = ranges;
        let seen = scene.drawn(move |cmd, scene| {
            bind(cmd, scene);
            cmd.draw(0..6, red).draw(6..12, blue);
        });
        assert_eq!(seen.await.expect("drawn"), expected);
    }
    close(scene.gpu).await;
}

#[tokio::test]
async fn indexed_draws_fetch_the_vertices_that_indices_name() {
    let scene = Scene::new(&[3, 9]).await;
    let indices = scene.gpu.buffer::<u16>("indices", 6).expect("a buffer");
    let upload = soon("an upload", scene.gpu.upload(&indices, 0, vec![0u16, 1, 2, 3, 4, 5])).await.expect("an upload");
    soon("its copy", upload).await.expect("a copy");
    let graph = Graph::new(&scene.gpu, "squares");
    let pass = graph.pass("draw").reads(scene.corners.vertex()).reads(scene.places.vertex()).reads(indices.index());
    let own = scene.handles();
    pass.renders(scene.target.clear([0.0; 4])).record(move |cmd| {
        bind(cmd, &own);
        cmd.index_buffer(&indices).draw_indexed(0..6, 6, 1..2);
    });
    soon("the work", soon("the graph", graph.submit()).await.expect("submitted")).await.expect("done");
    let picture = soon("the picture", scene.gpu.read_image(&scene.target)).await.expect("a picture");
    let blue: Vec<usize> = (0..64).filter(|at| picture.bytes()[at * 4..at * 4 + 3] == [0, 0, 255]).collect();
    assert_eq!(blue, [9]);
    close(scene.gpu).await;
}

#[tokio::test]
async fn one_barrier_stands_between_a_copy_of_vertices_and_the_draw_that_fetches_them() {
    let scene = Scene::new(&[0]).await;
    let graph = Graph::new(&scene.gpu, "squares");
    let own = scene.handles();
    graph.pass("upload").writes(scene.corners.copy_target()).record(move |cmd| {
        cmd.update(&own.corners, 0, &square(BLUE));
    });
    let own = scene.handles();
    let pass = graph.pass("draw").reads(scene.corners.vertex()).reads(scene.places.vertex());
    pass.renders(scene.target.clear([0.0; 4])).record(move |cmd| {
        bind(cmd, &own);
        cmd.draw(0..6, 0..1);
    });
    let text = graph.plan().expect("a plan").to_text();
    assert_eq!(graph.plan_stats().expect("figures").barriers, 1, "{text}");
    assert!(text.contains("ALL_TRANSFER TRANSFER_WRITE -> VERTEX_ATTRIBUTE_INPUT VERTEX_ATTRIBUTE_READ"), "{text}");
    soon("the work", soon("the graph", graph.submit()).await.expect("submitted")).await.expect("done");
    let picture = soon("the picture", scene.gpu.read_image(&scene.target)).await.expect("a picture");
    assert_eq!(picture.bytes()[..4], [0, 0, 255, 255]);
    close(scene.gpu).await;
}

#[tokio::test]
async fn draws_that_fetch_what_is_not_there_are_refused_with_advice() {
    let scene = Scene::new(&[0, 1]).await;
    let said = scene.refused(|cmd, scene| {
        cmd.bind(&scene.pipeline).draw(0..6, 0..1);
    });
    let said = said.await;
    assert!(said.contains("pass `draw`") && said.contains("`cmd.vertex_buffer(..)`"), "{said}");
    let said = scene.refused(|cmd, scene| {
        cmd.bind(&scene.pipeline).vertex_buffer(&scene.corners).draw(0..6, 0..1);
    });
    let said = said.await;
    assert!(said.contains("`cmd.instance_buffer(..)`"), "{said}");
    let said = scene.refused(|cmd, scene| {
        cmd.bind(&scene.pipeline).vertex_buffer(&scene.places).instance_buffer(&scene.places).draw(0..6, 0..1);
    });
    let said = said.await;
    assert!(said.contains("other elements") && said.contains("`cmd.vertex_buffer(..)`"), "{said}");
    for (vertices, instances, wrong) in
        [(7..13, 0..1, "vertices 7..13 from a buffer of 12"), (0..6, 1..3, "instances 1..3 from a buffer of 2")]
    {
        let said = scene.refused(move |cmd, scene| {
            bind(cmd, scene);
            cmd.draw(vertices, instances);
        });
        let said = said.await;
        assert!(said.contains(wrong), "{said}");
    }
    close(scene.gpu).await;
}

#[tokio::test]
async fn a_slice_is_fetched_from_by_the_numbers_of_the_whole_buffer() {
    let scene = Scene::new(&[5]).await;
    for (drawn, is_fine) in [(6..12, true), (5..11, false)] {
        let graph = Graph::new(&scene.gpu, "squares");
        let own = scene.handles();
        let pass = graph.pass("draw").reads(scene.corners.slice(6..12).vertex()).reads(scene.places.vertex());
        pass.renders(scene.target.clear([0.0; 4])).record(move |cmd| {
            bind(cmd, &own);
            cmd.draw(drawn, 0..1);
        });
        match soon("the graph", graph.submit()).await {
            Ok(done) => drop(soon("the work", done).await.expect("done")),
            Err(error) => {
                assert!(!is_fine && error.to_string().contains("which the pass declared 6..12"), "{error}");
            }
        }
    }
    let picture = soon("the picture", scene.gpu.read_image(&scene.target)).await.expect("a picture");
    assert_eq!(picture.bytes()[5 * 4..6 * 4], [0, 0, 255, 255]);
    close(scene.gpu).await;
}

#[tokio::test]
async fn a_buffer_that_the_pass_did_not_declare_as_vertices_is_named() {
    let scene = Scene::new(&[0]).await;
    let graph = Graph::new(&scene.gpu, "squares");
    let own = scene.handles();
    graph.pass("draw").reads(&scene.corners).renders(scene.target.clear([0.0; 4])).record(move |cmd| bind(cmd, &own));
    let said = soon("the graph", graph.submit()).await.expect_err("a mistake").to_string();
    assert!(said.contains("`corners`") && said.contains("`.reads(corners.vertex())`"), "{said}");
    close(scene.gpu).await;
}
