//! Hints of the schedule that is everybody's first: one system writes vertices, another draws them.

use ash::vk::{self, AccessFlags2, PipelineStageFlags2};

use super::Outline;
use crate::{
    error::Result,
    exec::Encoder,
    gpu::QueueKind,
    resource::{Access, GpuResourceKind, GpuResourceMeta, Role},
    schedule::{Schedule, Stage},
    system::{Act, Binding, CpuMember, GpuMember, GpuResourceAccess, Guards, Member, Registry},
};

const fn vertices(attribute: &'static str, access: Access) -> GpuResourceMeta {
    let meta = GpuResourceMeta::new(GpuResourceKind::Buffer, "GpuBuffer<Vertex>", attribute, access);
    GpuResourceMeta { role: Some(Role::Vertex), inferred: true, ..meta }
}

const fn target(attribute: &'static str) -> GpuResourceMeta {
    let kind = GpuResourceKind::Image;
    GpuResourceMeta::new(kind, "GpuImage<RenderTarget>", attribute, Access::COLOR_ATTACHMENT)
}

/// A system that finds what it touches in a registry.
macro_rules! system {
    ($name:ident, [$($read:expr),*], [$($write:expr),*]) => {
        struct $name;

        impl GpuResourceAccess for $name {
            const GPU_READS: &'static [GpuResourceMeta] = &[$($read),*];
            const GPU_WRITES: &'static [GpuResourceMeta] = &[$($write),*];
            const NAME: &'static str = stringify!($name);
        }

        impl GpuMember for $name {
            fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
                Ok(())
            }
        }

        impl Member for $name {
            fn name(&self) -> &str {
                Self::NAME
            }

            fn bind(&self, _: &Registry, _: &mut Binding) -> Result<()> {
                Ok(())
            }

            fn outline(&self, to: &mut Outline) {
                to.system(Self::GPU_READS, Self::GPU_WRITES);
            }

            fn act(&self) -> Act<'_> {
                Act::Gpu(self)
            }
        }
    };
}

system!(UploadMeshes, [], [vertices("#[writes(GpuBuffer<Vertex>)]", Access::COPY_TARGET)]);
system!(
    DrawScene,
    [vertices("#[reads(GpuBuffer<Vertex>)]", Access::VERTEX)],
    [target("#[writes(GpuImage<RenderTarget>)]")]
);

/// A system of CPU data: hints are not about it.
struct Think;

impl CpuMember for Think {
    fn run<'a>(&'a self, _: &'a mut Guards) -> futures::future::BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

impl Member for Think {
    fn name(&self) -> &str {
        "Think"
    }

    fn bind(&self, _: &Registry, _: &mut Binding) -> Result<()> {
        Ok(())
    }

    fn outline(&self, _: &mut Outline) {}

    fn act(&self) -> Act<'_> {
        Act::Cpu(self)
    }
}

struct Pipeline {
    upload: UploadMeshes,
    think: Think,
    render: DrawScene,
}

impl Schedule for Pipeline {
    const NAME: &'static str = "Pipeline";
    const STAGES: &'static [Stage] =
        &[Stage { name: "render", after: &["upload"], members: 1 }, Stage { name: "upload", after: &[], members: 2 }];

    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member> {
        match (stage, index) {
            (0, 0) => Some(&self.render),
            (1, 0) => Some(&self.upload),
            (1, 1) => Some(&self.think),
            _ => None,
        }
    }
}

const PIPELINE: Pipeline = Pipeline { upload: UploadMeshes, think: Think, render: DrawScene };

#[test]
fn the_hint_between_an_upload_of_vertices_and_their_draw_is_exact() {
    let hints = PIPELINE.hints().expect("hints");
    let expected = include_str!("tests/upload_draw.txt");
    assert_eq!(hints.to_string(), expected);
    assert_eq!(hints.calls(), 1);
}

#[test]
fn requirements_say_what_stands_before_and_after_each_resource() {
    assert_eq!(DrawScene::barrier_requirements(), include_str!("tests/draw_scene.txt"));
    assert_eq!(UploadMeshes::barrier_requirements(), include_str!("tests/upload_meshes.txt"));
}

/// What is to be pasted compiles as it stands.
#[expect(dead_code, reason = "it is compiled, and not called")]
fn pasted(device: &ash::Device, cmd: vk::CommandBuffer, render_target: vk::Image) {
    include!("tests/memory.rs");
    include!("tests/images.rs");
}

#[test]
fn the_calls_to_paste_are_those_that_were_compiled() {
    let inner = |block: &str| block.trim_start_matches("{\n").trim_end_matches("}\n").to_owned();
    let hints = PIPELINE.hints().expect("hints").to_text();
    assert!(hints.contains(&inner(include_str!("tests/memory.rs"))), "{hints}");
    let hints = Line(Fill, Post, DrawScene).hints().expect("hints").to_text();
    assert!(hints.contains(&inner(include_str!("tests/images.rs"))), "{hints}");
}

#[test]
fn the_plan_has_what_the_hint_says() {
    let plan = PIPELINE.hints().expect("hints").compiled;
    let barrier = &plan.barriers[0].memory;
    let copied = (PipelineStageFlags2::ALL_TRANSFER, AccessFlags2::TRANSFER_WRITE);
    let fetched = (PipelineStageFlags2::VERTEX_ATTRIBUTE_INPUT, AccessFlags2::VERTEX_ATTRIBUTE_READ);
    assert_eq!((barrier.source.stages, barrier.source.mask), copied);
    assert_eq!((barrier.target.stages, barrier.target.mask), fetched);
}

system!(Fill, [], [target("#[writes(GpuImage<RenderTarget>)]")]);
system!(
    Post,
    [GpuResourceMeta::new(
        GpuResourceKind::Image,
        "GpuImage<RenderTarget>",
        "#[reads(GpuImage<RenderTarget>)]",
        Access::IMAGE_COPY_SOURCE
    )],
    [vertices("#[writes(GpuBuffer<Vertex>)]", Access::COPY_TARGET)]
);

struct Line(Fill, Post, DrawScene);

impl Schedule for Line {
    const NAME: &'static str = "Line";
    const STAGES: &'static [Stage] = &[
        Stage { name: "fill", after: &[], members: 1 },
        Stage { name: "post", after: &["fill"], members: 1 },
        Stage { name: "draw", after: &["post"], members: 1 },
    ];

    fn member(&self, stage: usize, _: usize) -> Option<&dyn Member> {
        match stage {
            0 => Some(&self.0),
            1 => Some(&self.1),
            _ => Some(&self.2),
        }
    }
}

#[test]
fn changes_of_layout_are_said_with_the_image() {
    let hints = Line(Fill, Post, DrawScene).hints().expect("hints");
    assert_eq!(hints.to_string(), include_str!("tests/layouts.txt"));
    assert_eq!((hints.calls(), hints.compiled.barriers[1].images.len()), (2, 1));
}

/// Which of the two comes first, nothing says.
struct Torn(UploadMeshes, DrawScene);

impl Schedule for Torn {
    const NAME: &'static str = "Torn";
    const STAGES: &'static [Stage] =
        &[Stage { name: "upload", after: &[], members: 1 }, Stage { name: "render", after: &[], members: 1 }];

    fn member(&self, stage: usize, _: usize) -> Option<&dyn Member> {
        if stage == 0 { Some(&self.0) } else { Some(&self.1) }
    }
}

#[test]
fn systems_that_conflict_in_stages_without_an_order_are_named() {
    let error = Torn(UploadMeshes, DrawScene).hints().expect_err("refused").to_string();
    for word in ["`UploadMeshes`", "`upload`", "`DrawScene`", "`render`", "`GpuBuffer<Vertex>`", "after = \"upload\""] {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn who_asks_for_a_queue_gets_the_plan_of_that_queue() {
    let mut outline = Outline::default();
    outline.system(UploadMeshes::GPU_READS, UploadMeshes::GPU_WRITES);
    outline.end("upload", "upload", Some(QueueKind::Transfer)).expect("a system");
    outline.system(DrawScene::GPU_READS, DrawScene::GPU_WRITES);
    outline.end("draw", "render", None).expect("a system");
    outline.queues = Some(crate::graph::ir::QueueMap {
        of_kind: [crate::gpu::QueueId(0), crate::gpu::QueueId(1), crate::gpu::QueueId(2)],
        families: vec![0, 1, 2],
    });
    let hints = outline.hints().expect("hints");
    assert_eq!(hints.calls(), 0);
    let text = hints.to_string();
    assert!(text.contains("before `draw` on graphics, by a semaphore:"), "{text}");
}
