//! Hints of graphs, frames and schedules say what their plans have.

mod common;
mod scenes;

use std::sync::Arc;

use common::{close, soon, strict_gpu};
use scenes::{Random, seed};
use vulkio::{
    Encoder, Gpu, GpuBuffer, GpuImage, Graph, Member, Record, Registry, RenderTarget, Renderer, Result, Schedule,
    Stage, System, Uses,
};

/// Without what only schedules know: stages.
fn unstaged(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !["between ", "inside ", "for "].iter().any(|word| line.starts_with(word))).collect()
}

fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[tokio::test]
async fn a_graphs_hints_name_its_passes_and_resources() {
    let gpu = strict_gpu();
    let [a, b] = ["a", "b"].map(|name| gpu.buffer::<u32>(name, 64).expect("a buffer"));
    let image = gpu.image::<RenderTarget>("picture", [8, 8]).expect("an image");
    let graph = Graph::new(&gpu, "hinted");
    assert_eq!(graph.hints().expect("hints").to_string(), "no barrier call\n");
    graph.pass("fill").writes(a.slice(0..32).copy_target()).record(|_| ());
    graph.pass("clear").renders(image.clear([0.0; 4])).record(|_| ());
    graph.pass("sum").reads(&a).reads(image.copy_source()).writes(&b).record(|_| ());
    let hints = graph.hints().expect("hints");
    assert_eq!((hints.calls(), graph.plan_stats().expect("a plan").barriers), (1, 1));
    let parts = [
        "1 barrier call\n",
        "at the start, after whatever came before:\n  `a`[0..128]: written by copies in `fill`\n",
        "  `picture`: rendered to in `clear`, whatever it holds\n",
        "before `sum`:\n  `picture`: rendered to in `clear`, then read by copies in `sum`\n",
        "  `a`[0..128]: written by copies in `fill`, then read by compute shaders in `sum`\n",
        "            .image(picture)\n",
        "aspect_mask: vk::ImageAspectFlags::COLOR,\n",
    ];
    says(&hints.to_text(), &parts);
    drop((graph, a, b, image));
    close(gpu).await;
}

#[tokio::test]
async fn a_frames_hints_have_its_target() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [8, 8]).expect("a renderer");
    let words = gpu.buffer::<u32>("words", 64).expect("a buffer");
    let frame = soon("a frame", renderer.frame()).await.expect("a frame");
    frame.pass("clear").renders(frame.target().clear([0.0; 4])).record(|_| ());
    let save = frame.pass("save").copies(frame.target(), &words).record(|_| ());
    assert_eq!(frame.barriers_for(save).expect("barriers").len(), 1);
    let hints = frame.hints().expect("hints");
    assert_eq!(hints.calls(), frame.plan_stats().expect("a plan").barriers);
    says(&hints.to_text(), &["rendered to in `clear`, then read by copies in `save`"]);
    drop((frame, words, renderer));
    close(gpu).await;
}

#[derive(System)]
#[writes(GpuBuffer<Vertices> as copy)]
struct Upload;

#[derive(System)]
struct Draw {
    #[reads]
    numbers: Vec<GpuBuffer<u32>>,
    #[writes(clear = [0.0; 4])]
    target: GpuImage<RenderTarget>,
}

/// Not a vertex by its role, and none by its name: that begins otherwise.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Vertices([f32; 2]);

#[derive(System)]
#[reads(GpuBuffer<VertexOfLine>)]
#[writes(GpuImage<RenderTarget>)]
struct Overlay;

/// A vertex by its name alone.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct VertexOfLine([f32; 2]);

macro_rules! records {
    ($($system:ident)+) => {
        $(impl Record for $system {
            fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
                Ok(())
            }
        })+
    };
}

records!(Upload Draw Overlay);

#[derive(Schedule)]
struct Pictures {
    #[stage]
    upload: Upload,
    #[stage(after = "upload")]
    draw: Draw,
    #[stage(after = "draw")]
    overlay: Overlay,
}

#[tokio::test]
async fn a_schedules_hints_tell_types_from_handles_and_guessed_roles_from_said_ones() {
    let gpu = strict_gpu();
    let target = gpu.image::<RenderTarget>("picture", [8, 8]).expect("an image");
    let numbers = ["one", "two"].map(|name| gpu.buffer(name, 4).expect("a buffer")).to_vec();
    let draw = Draw { numbers, target: target.clone() };
    let pictures = Arc::new(Pictures { upload: Upload, draw, overlay: Overlay });

    // What the type of `Overlay` stands for is not known here: it may be another picture.
    let hints = pictures.hints().expect("hints");
    assert_eq!(hints.calls(), 0);
    says(&hints.to_text(), &["`GpuImage<RenderTarget>`: rendered to in `Overlay`", "`picture`: rendered to in `Draw`"]);
    says(&hints.to_text(), &["roles taken from the names of types: `GpuBuffer<VertexOfLine>` (vertex)\n"]);

    let registry = Registry::new();
    let missing = pictures.hints_in(&registry).expect_err("nothing to find").to_string();
    says(&missing, &["GpuBuffer<"]);
    registry.insert("picture", target);
    registry.insert("mesh", gpu.buffer::<Vertices>("mesh", 4).expect("a buffer"));
    registry.insert("line", gpu.buffer::<VertexOfLine>("line", 4).expect("a buffer"));
    let hints = pictures.hints_in(&registry).expect("hints");
    assert_eq!(hints.calls(), 1);
    let parts = [
        "before `Overlay`:\n  between `draw` and `overlay`:\n    `picture`: rendered to in `Draw`, then rendered to in `Overlay`\n",
        "roles taken from the names of types: `line` (vertex)\n",
    ];
    says(&hints.to_text(), &parts);
    let graph = Graph::new(&gpu, "pictures");
    let _running = graph.run(&pictures, &registry).expect("it runs");
    assert_eq!(unstaged(&graph.hints().expect("hints").to_text()), unstaged(&hints.to_text()));
    drop((graph, registry, pictures));
    close(gpu).await;
}

const BUFFERS: usize = 6;
const IMAGES: usize = 2;
const SYSTEMS: usize = 3;

/// How a system touches one thing.
#[derive(Clone, Copy, Debug)]
enum Touch {
    Read,
    Copied,
    Written,
    Filled,
}

/// A system that touches what it is told to.
struct Told {
    name: String,
    buffers: Vec<(GpuBuffer<u32>, Touch)>,
    images: Vec<(GpuImage<RenderTarget>, Touch)>,
}

impl System for Told {
    fn name(&self) -> &str {
        &self.name
    }

    fn declare(&self, uses: &mut Uses) {
        for (buffer, touch) in &self.buffers {
            match touch {
                Touch::Read => uses.reads(buffer),
                Touch::Copied => uses.reads(buffer.slice(0..8).copy_source()),
                Touch::Written => uses.writes(buffer),
                Touch::Filled => uses.writes(buffer.slice(4..12).copy_target()),
            };
        }
        for (image, touch) in &self.images {
            match touch {
                Touch::Read | Touch::Copied => uses.reads(image.copy_source()),
                Touch::Written => uses.renders(image),
                Touch::Filled => uses.writes(image.copy_target()),
            };
        }
    }

    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

/// Four stages, declared backwards.
struct Any(Vec<Vec<Told>>);

impl Schedule for Any {
    const NAME: &'static str = "Any";
    const STAGES: &'static [Stage] = &[
        Stage { name: "fourth", after: &["third"], members: SYSTEMS },
        Stage { name: "third", after: &["second"], members: SYSTEMS },
        Stage { name: "second", after: &["first"], members: SYSTEMS },
        Stage { name: "first", after: &[], members: SYSTEMS },
    ];

    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member> {
        Some(self.0.get(stage)?.get(index)? as &dyn Member)
    }
}

/// In each stage, a thing is written by one system or read by some.
fn any(random: &mut Random, buffers: &[GpuBuffer<u32>], images: &[GpuImage<RenderTarget>]) -> Any {
    let mut below = |n: usize| random.bits() as usize % n;
    let mut stages = Vec::new();
    for stage in Any::STAGES {
        let system = |index| Told { name: format!("{} {index}", stage.name), buffers: vec![], images: vec![] };
        let mut systems: Vec<_> = (0..SYSTEMS).map(system).collect();
        for buffer in buffers {
            match below(3) {
                0 => systems[below(SYSTEMS)].buffers.push((buffer.clone(), [Touch::Written, Touch::Filled][below(2)])),
                1 => {
                    for system in &mut systems {
                        if let Some(touch) = [None, Some(Touch::Read), Some(Touch::Copied)][below(3)] {
                            system.buffers.push((buffer.clone(), touch));
                        }
                    }
                }
                _ => {}
            }
        }
        for image in images {
            match below(3) {
                0 => systems[below(SYSTEMS)].images.push((image.clone(), [Touch::Written, Touch::Filled][below(2)])),
                1 => systems[below(SYSTEMS)].images.push((image.clone(), Touch::Read)),
                _ => {}
            }
        }
        stages.push(systems);
    }
    Any(stages)
}

#[tokio::test]
async fn hints_of_random_schedules_are_those_of_the_graphs_that_run_them() {
    let seed = seed();
    let mut random = Random(seed);
    let gpu: Gpu = strict_gpu();
    let buffers: Vec<_> = (0..BUFFERS).map(|i| gpu.buffer(&format!("buffer {i}"), 64).expect("a buffer")).collect();
    let images: Vec<_> = (0..IMAGES).map(|i| gpu.image(&format!("image {i}"), [8, 8]).expect("an image")).collect();
    let (registry, mut calls) = (Registry::new(), 0);
    for round in 0..64 {
        let schedule = Arc::new(any(&mut random, &buffers, &images));
        let hints = schedule.hints_in(&registry).expect("hints");
        assert_eq!(schedule.hints().expect("hints"), hints, "all of its systems have handles");
        let graph = Graph::new(&gpu, "any");
        let _running = graph.run(&schedule, &registry).expect("it runs");
        let plan = graph.plan_stats().expect("a plan");
        let what = format!("seed {seed}, schedule {round}");
        assert_eq!((hints.calls(), plan.passes), (plan.barriers, 4 * SYSTEMS), "{what}");
        let (said, found) = (hints.to_text(), graph.hints().expect("hints").to_text());
        // Lines stand in another order where a schedule's are sorted by stages.
        let sorted = |text| {
            let mut lines = unstaged(text);
            lines.sort_unstable();
            lines.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(sorted(&said), sorted(&found), "{what}");
        assert_eq!(said.matches("cmd_pipeline_barrier2").count(), plan.barriers, "{what}");
        calls += hints.calls();
    }
    assert!(calls > 64, "seed {seed}: {calls} calls say little");
    drop((buffers, images));
    close(gpu).await;
}
