//! Checks in passes of every kind: that render, that are open, that are recorded in shares, that take arguments from buffers.
#![cfg(feature = "glsl")]

mod checked;
mod common;

use std::sync::Arc;

use checked::{Kit, Way::*, plain, shader};
use common::{Calls, close, counting, open, soon, strict};
use vulkio::{DrawArgs, GpuBuffer, GpuImage, Graph, GraphicsDesc, GraphicsPipeline, RenderTarget, ash::vk};

const VERTEX: &str = "layout(push_constant, scalar) uniform Push { Words vertices; Words colors; } push;
    void main() { gl_Position = vec4(float(push.vertices.at[0])); }";
const FRAGMENT: &str = "layout(push_constant, scalar) uniform Push { Words vertices; Words colors; } push;
    layout(location = 0) out vec4 color;
    void main() { color = vec4(float(push.colors.at[0])); }";
const COUNTING: &str = "layout(push_constant, scalar) uniform Push { Words vertices; Words colors; } push;
    layout(location = 0) out vec4 color;
    void main() { color = vec4(float(atomicAdd(push.colors.at[0], 1))); }";

async fn graphics(kit: &Kit, name: &str, fragment: &str) -> GraphicsPipeline {
    let (vertex, fragment) = (shader("vert", VERTEX), shader("frag", fragment));
    let desc = GraphicsDesc::new(name, &vertex, &fragment).color(vk::Format::R8G8B8A8_SRGB);
    soon("a pipeline", kit.gpu.graphics_pipeline(desc)).await.expect("a pipeline")
}

/// A picture, and what becomes of a graph with one pass that draws.
struct Drawing {
    kit: Kit,
    picture: GpuImage<RenderTarget>,
}

impl Drawing {
    async fn new() -> Self {
        let gpu = open(strict().checks(true));
        let picture = gpu.image("picture", [8, 4]).expect("an image");
        Self { kit: Kit::new(&gpu).await, picture }
    }

    async fn close(self) {
        let gpu = self.kit.gpu.clone();
        drop(self);
        close(gpu).await;
    }
}

async fn submitted(graph: Graph) -> Result<(), String> {
    let done = soon("a submit", graph.submit()).await.map_err(|error| error.to_string())?;
    soon("a graph", done).await.map(drop).map_err(|error| error.to_string())
}

fn lacks(said: &Result<(), String>, parts: &[&str]) -> Vec<String> {
    let said = said.clone().err().unwrap_or_default();
    parts.iter().filter(|part| !said.contains(**part)).map(|part| format!("{said:?} lacks {part:?}")).collect()
}

#[tokio::test]
async fn both_stages_of_a_draw_are_looked_at_and_named() {
    let drawing = Drawing::new().await;
    let (kit, picture) = (&drawing.kit, &drawing.picture);
    let draws = graphics(kit, "draws", FRAGMENT).await;
    let counts = graphics(kit, "counts", COUNTING).await;
    let [a, b, _] = kit.addresses();
    let draw = |ways, pipeline: &GraphicsPipeline| {
        let (graph, pipeline) = (Graph::new(&kit.gpu, "graph"), pipeline.clone());
        let pass = graph.pass("drawn").renders(picture.clear([0.0; 4]));
        kit.declare(pass, ways).record(move |cmd| _ = cmd.bind(&pipeline).push(&[a, b]).draw(0..3, 0..1));
        submitted(graph)
    };
    let said = draw(&[(1, Reads)], &draws).await;
    let vertex = "the vertex shader of pipeline `draws` reads `first`, whose address it finds in `push.vertices`";
    assert_eq!(lacks(&said, &["pass `drawn`", vertex, "add `.reads(&first)`"]), [""; 0]);
    let said = draw(&[(0, Reads)], &draws).await;
    let fragment = "the fragment shader of pipeline `draws` reads `second`, whose address it finds in `push.colors`";
    assert_eq!(lacks(&said, &[fragment, "add `.reads(&second)`"]), [""; 0]);
    let said = draw(&[(0, Reads), (1, Reads)], &counts).await;
    let writes = "the fragment shader of pipeline `counts` reads and writes `second`";
    assert_eq!(lacks(&said, &[writes, "declared only that it reads it", "add `.writes(&second)`"]), [""; 0]);
    assert_eq!(draw(&[(0, Reads), (1, Reads)], &draws).await, Ok(()));
    assert_eq!(draw(&[(0, Reads), (1, Writes)], &counts).await, Ok(()));
    drawing.close().await;
}

#[tokio::test]
async fn a_draw_or_dispatch_whose_arguments_are_in_a_buffer_is_looked_at() {
    let drawing = Drawing::new().await;
    let (kit, picture) = (&drawing.kit, &drawing.picture);
    let arguments = kit.gpu.buffer::<DrawArgs>("arguments", 1).expect("a buffer");
    soon("an upload", kit.gpu.upload(&arguments, 0, vec![DrawArgs::default()])).await.expect("uploaded");
    let draws = graphics(kit, "draws", FRAGMENT).await;
    let pipeline = kit.pipeline("stores", &plain("push.a.at[0] = 1;")).await;
    let [a, b, _] = kit.addresses();
    for (declares, way) in [(false, Reads), (true, Writes)] {
        let graph = Graph::new(&kit.gpu, "graph");
        let (pipeline, args) = (pipeline.clone(), kit.args.clone());
        kit.declare(graph.pass("indirect").reads(args.indirect()), &[(0, way)])
            .record(move |cmd| _ = cmd.bind(&pipeline).push(&[a, 0, 0, 0]).dispatch_indirect(&args, 0));
        let said = submitted(graph).await;
        match declares {
            true => assert_eq!(said, Ok(())),
            false => assert_eq!(lacks(&said, &["pass `indirect`", "writes `first`", "add `.writes(&first)`"]), [""; 0]),
        }
        let graph = Graph::new(&kit.gpu, "graph");
        let (pipeline, args) = (draws.clone(), arguments.clone());
        let ways: &[_] = if declares { &[(0, Reads), (1, Reads)] } else { &[(1, Reads)] };
        kit.declare(graph.pass("indirect").reads(args.indirect()).renders(picture.clear([0.0; 4])), ways)
            .record(move |cmd| _ = cmd.bind(&pipeline).push(&[a, b]).draw_indirect(&args, 0..1));
        let said = submitted(graph).await;
        match declares {
            true => assert_eq!(said, Ok(())),
            false => assert_eq!(lacks(&said, &["pass `indirect`", "reads `first`", "add `.reads(&first)`"]), [""; 0]),
        }
    }
    drop(arguments);
    drawing.close().await;
}

#[tokio::test]
async fn indexed_draws_and_those_in_shares_are_looked_at() {
    let drawing = Drawing::new().await;
    let (kit, picture) = (&drawing.kit, &drawing.picture);
    let draws = graphics(kit, "draws", FRAGMENT).await;
    let [a, b, _] = kit.addresses();
    let graph = Graph::new(&kit.gpu, "graph");
    let (pipeline, indices) = (draws.clone(), kit.words[2].clone());
    kit.declare(graph.pass("indexed").renders(picture.clear([0.0; 4])), &[(0, Reads), (2, Index)]).record(move |cmd| {
        cmd.bind(&pipeline).index_buffer(&indices).push(&[a, b]).draw_indexed(0..3, 0, 0..1);
    });
    assert_eq!(lacks(&submitted(graph).await, &["pass `indexed`", "reads `second`", "add `.reads(&second)`"]), [""; 0]);
    let graph = Graph::new(&kit.gpu, "graph");
    let pipeline = draws.clone();
    kit.declare(graph.pass("shared").renders(picture.clear([0.0; 4])), &[(0, Reads)]).parallel(8, move |cmd, range| {
        cmd.bind(&pipeline).push(&[a, b]);
        range.for_each(|_| _ = cmd.draw(0..3, 0..1));
    });
    assert_eq!(lacks(&submitted(graph).await, &["pass `shared`", "reads `second`"]), [""; 0]);
    drawing.close().await;
}

#[tokio::test]
async fn open_passes_are_looked_at_call_by_call_one_within_another_too() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let pipeline = kit.pipeline("stores", &plain("push.a.at[0] = 1;")).await;
    let [a, b, _] = kit.addresses();
    let graph = Graph::new(&gpu, "graph");
    let outer = kit.declare(graph.pass("outer"), &[(0, Writes)]).keep().open();
    let inner = kit.declare(graph.pass("inner"), &[(1, Writes)]).keep().open();
    let dispatch = |cmd: &mut vulkio::Encoder<'_>, address: u64| {
        cmd.bind(&pipeline).push(&[address, 0, 0, 0]).dispatch([1; 3]);
    };
    let within = graph.with_encoder(outer, |cmd| {
        dispatch(cmd, a);
        let within = graph.with_encoder(inner, |inner| {
            dispatch(inner, b);
            // The outer one, from within: each has its own declarations.
            cmd.push(&[a, 0, 0, 0]).dispatch([1; 3]);
            dispatch(inner, b);
        });
        dispatch(cmd, a);
        within
    });
    assert!(matches!(within, Ok(Ok(()))), "{within:?}");
    assert_eq!(submitted(graph).await, Ok(()));
    let graph = Graph::new(&gpu, "graph");
    let pass = kit.declare(graph.pass("open"), &[(0, Writes)]).keep().open();
    let said = graph.with_encoder(pass, |cmd| dispatch(cmd, b)).map_err(|error| error.to_string());
    assert_eq!(lacks(&said, &["pass `open`", "writes `second`", "add `.writes(&second)`"]), [""; 0]);
    assert_eq!(submitted(graph).await, said, "and the graph is not submitted");
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn what_a_frame_or_graph_wrote_is_followed() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let push = "layout(push_constant, scalar) uniform Push { Inner data; Words b; Words c; uint n; } push;";
    let pipeline = kit
        .pipeline("follows", &checked::compute(&format!("{push} void main() {{ push.data.words.at[0] = 1; }}")))
        .await;
    let [a, ..] = kit.addresses();
    for way in [Reads, Writes] {
        let graph = Graph::new(&gpu, "graph");
        let data = graph.data(&[a, 0, 0, 0]).expect("data").address();
        let pipeline = pipeline.clone();
        kit.declare(graph.pass("followed"), &[(0, way)])
            .keep()
            .record(move |cmd| _ = cmd.bind(&pipeline).push(&[data, 0, 0, 0]).dispatch([1; 3]));
        let said = submitted(graph).await;
        match way {
            Writes => assert_eq!(said, Ok(())),
            _ => assert_eq!(lacks(&said, &["writes `first`", "in `push.data.words`"]), [""; 0]),
        }
    }
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn constants_that_are_pushed_first_or_in_parts_count_at_the_draw() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let pipeline = kit.pipeline("copies", &plain("push.a.at[0] = push.b.at[0];")).await;
    let loads = kit.pipeline("loads", &plain("push.c.at[0] = push.a.at[0];")).await;
    let [a, b, c] = kit.addresses();
    let (copies, stored) = (pipeline.clone(), loads.clone());
    // Pushed before anything is bound; the first word anew; for another pipeline that uses it in another way.
    let said = kit
        .runs(&[(0, Writes), (1, Reads), (2, Writes)], move |cmd| {
            cmd.push(&[a, b, c, 0]).bind(&copies).dispatch([1; 3]).bind(&stored).push(&b).dispatch([1; 3]);
        })
        .await;
    assert_eq!(said, Ok(()));
    let said = kit
        .runs(&[(0, Writes), (1, Reads), (2, Writes)], move |cmd| {
            cmd.push(&[a, b, c, 0]).bind(&pipeline).dispatch([1; 3]).push(&b).dispatch([1; 3]);
        })
        .await;
    assert_eq!(lacks(&said, &["writes `second`", "`push.a`", "add `.writes(&second)`"]), [""; 0]);
    drop((kit, loads));
    close(gpu).await;
}

#[tokio::test]
async fn after_a_mistake_nothing_is_recorded_and_the_first_is_told() {
    let (options, calls) = counting(strict().checks(true));
    let gpu = open(options);
    let kit = Kit::new(&gpu).await;
    let pipeline = kit.pipeline("stores", &plain("push.a.at[0] = 1;")).await;
    let [a, b, c] = kit.addresses();
    let dispatches = |calls: &Calls| calls.total("vkCmdDispatch");
    let before = (dispatches(&calls), calls.total("vkQueueSubmit2"));
    let words = kit.words[0].clone();
    let said = kit
        .runs(&[(0, Writes)], move |cmd| {
            cmd.bind(&pipeline);
            [a, b, c, a].iter().for_each(|&address| _ = cmd.push(&[address, 0, 0, 0]).dispatch([1; 3]));
            cmd.fill(&words, 0..1, 0); // not declared either, and later
        })
        .await;
    assert_eq!(lacks(&said, &["writes `second`"]), [""; 0]);
    assert_eq!((dispatches(&calls), calls.total("vkQueueSubmit2")), (before.0 + 1, before.1));
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn what_cannot_be_known_is_no_mistake() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let nothing = kit.pipeline("stores", &plain("if (push.n == 1) { push.a.at[0] = 1; }")).await;
    let stores = kit.pipeline("stores always", &plain("push.a.at[0] = 2;")).await;
    let [a, ..] = kit.addresses();
    // An address of nobody's, and none.
    let pipeline = nothing.clone();
    let said = kit.runs(&[], move |cmd| {
        cmd.bind(&pipeline).push(&[0x10_u64, 0, 0, 0]).dispatch([1; 3]).push(&[0_u64; 4]).dispatch([1; 3]);
    });
    assert_eq!(said.await, Ok(()));
    // Whoever records by hand says by that that it is right.
    let pipeline = stores.clone();
    let said = kit.runs(&[(0, Writes)], move |cmd| {
        // SAFETY: it is not used.
        let _ = unsafe { cmd.raw() };
        cmd.bind(&pipeline).push(&[a, 0, 0, 0]).dispatch([1; 3]);
    });
    assert_eq!(said.await, Ok(()));
    // What a shader finds in memory of the device, nobody but the GPU knows.
    let push = "layout(push_constant, scalar) uniform Push { Inner data; Words b; Words c; uint n; } push;";
    let follows = checked::compute(&format!("{push} void main() {{ push.data.words.at[0] = push.data.n; }}"));
    let follows = kit.pipeline("follows", &follows).await;
    let table: GpuBuffer<u64> = gpu.buffer("table", 4).expect("a buffer");
    soon("an upload", gpu.upload(&table, 0, vec![a, 0, 0, 0])).await.expect("uploaded");
    let graph = Graph::new(&gpu, "graph");
    let at = table.address();
    kit.declare(graph.pass("table").reads(&table), &[(0, Writes)])
        .record(move |cmd| _ = cmd.bind(&follows).push(&[at, 0, 0, 0]).dispatch([1; 3]));
    assert_eq!(submitted(graph).await, Ok(()));
    drop((table, kit, nothing, stores));
    close(gpu).await;
}

#[tokio::test]
async fn transients_are_known_where_they_lie() {
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let pipeline = Arc::new(kit.pipeline("copies", &plain("push.a.at[0] = push.b.at[0];")).await);
    let [a, ..] = kit.addresses();
    for rightly in [false, true] {
        let graph = Graph::new(&gpu, "graph");
        let passing = graph.buffer::<u32>("passing", 64).expect("a buffer");
        let (copies, into) = (Arc::clone(&pipeline), passing.clone());
        let first = graph.pass("first").reads(&kit.words[0]).writes(&passing);
        first.record(move |cmd| {
            let into = cmd.address(&into);
            cmd.bind(&*copies).push(&[into, a, 0, 0]).dispatch([1; 3]);
        });
        let (copies, from) = (Arc::clone(&pipeline), passing.clone());
        let second = kit.declare(graph.pass("second"), &[(0, if rightly { Writes } else { Reads })]).reads(&passing);
        second.keep().record(move |cmd| {
            let from = cmd.address(&from);
            cmd.bind(&*copies).push(&[a, from, 0, 0]).dispatch([1; 3]);
        });
        let said = submitted(graph).await;
        match rightly {
            true => assert_eq!(said, Ok(())),
            false => assert_eq!(lacks(&said, &["pass `second`", "writes `first`"]), [""; 0]),
        }
    }
    let graph = Graph::new(&gpu, "graph");
    let passing = graph.buffer::<u32>("passing", 64).expect("a buffer");
    let (copies, from) = (Arc::clone(&pipeline), passing.clone());
    graph.pass("fill").writes(passing.copy_target()).record({
        let passing = passing.clone();
        move |cmd| _ = cmd.fill(&passing, 0..64, 1)
    });
    kit.declare(graph.pass("swapped").reads(&passing), &[(0, Reads)]).keep().record(move |cmd| {
        let from = cmd.address(&from);
        cmd.bind(&*copies).push(&[from, a, 0, 0]).dispatch([1; 3]);
    });
    assert_eq!(
        lacks(&submitted(graph).await, &["pass `swapped`", "writes `passing`", "add `.writes(&passing)`"]),
        [""; 0]
    );
    drop((kit, pipeline));
    close(gpu).await;
}
