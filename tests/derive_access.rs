//! What derived systems say of themselves, by their types alone: no device is needed.
#![cfg(feature = "derive")]

use std::any::TypeId;

use vulkio::{
    Access, Binding, BufferSlice, ComputePipeline, CpuData, Depth, DrawArgs, Encoder, GpuBuffer, GpuData, GpuImage,
    GpuResourceAccess, GpuResourceKind, GpuResourceMeta, Ids, Mode, QueueKind, Record, Registry, RenderTarget,
    ResourceAccess, Result, Role, Run, Schedule, Subimage, System, Texture, TransientBuffer, VertexData,
    ash::vk::{self, PipelineStageFlags2 as S},
};

const GRAPHICS: S = S::from_raw(S::VERTEX_SHADER.as_raw() | S::FRAGMENT_SHADER.as_raw());

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(vertex)]
struct Corner {
    position: [f32; 3],
    color: [u8; 4],
    _padding: u32,
    layer: u32,
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct VertexOfSorts(u32);

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(transparent)]
#[role(indirect)]
struct IndexLike(u32);

struct Transform;
struct Speed;

type Corners = GpuBuffer<Corner>;

#[derive(System)]
#[system(name = "draw the scene", queue = "graphics")]
#[allow(dead_code)]
struct DrawScene {
    #[reads]
    corners: Corners,
    #[reads]
    instances: GpuBuffer<u32>,
    #[reads(indirect)]
    #[reads(copy)]
    args: GpuBuffer<DrawArgs>,
    #[reads]
    textures: Vec<GpuImage<Texture>>,
    #[reads(copy)]
    old: Option<Subimage<Ids>>,
    #[writes(concurrent)]
    counts: [BufferSlice<u32>; 2],
    #[writes]
    target: GpuImage<RenderTarget>,
    #[writes(clear = self.far)]
    depth: GpuImage<Depth>,
    #[reads]
    transform: CpuData<Transform>,
    #[ignored]
    spare: GpuBuffer<u32>,
    far: f32,
    pipeline: ComputePipeline,
}

impl Record for DrawScene {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

/// What the tests compare of a resource.
fn told(meta: &GpuResourceMeta) -> (Option<&str>, &str, Option<Role>, &str, S, Mode) {
    (meta.field, meta.type_name, meta.role, meta.attribute, meta.access.stages, meta.access.mode)
}

#[test]
fn the_field_form_says_of_each_field_what_it_is_and_how_it_is_touched() {
    let reads: Vec<_> = DrawScene::gpu_reads().iter().map(told).collect();
    let (vertex, storage, indirect) = (Some(Role::Vertex), Some(Role::Storage), Some(Role::Indirect));
    assert_eq!(
        reads,
        [
            (Some("corners"), "Corners", vertex, "#[reads]", S::VERTEX_ATTRIBUTE_INPUT, Mode::Read),
            (Some("instances"), "GpuBuffer<u32>", storage, "#[reads]", GRAPHICS, Mode::Read),
            (Some("args"), "GpuBuffer<DrawArgs>", indirect, "#[reads(indirect)]", S::DRAW_INDIRECT, Mode::Read),
            (Some("args"), "GpuBuffer<DrawArgs>", indirect, "#[reads(copy)]", S::ALL_TRANSFER, Mode::Read),
            (Some("textures"), "Vec<GpuImage<Texture>>", None, "#[reads]", GRAPHICS, Mode::Read),
            (Some("old"), "Option<Subimage<Ids>>", None, "#[reads(copy)]", S::ALL_TRANSFER, Mode::Read),
        ]
    );
    let writes: Vec<_> = DrawScene::gpu_writes().iter().map(told).collect();
    let (color, depth) = (Access::COLOR_ATTACHMENT.stages, Access::DEPTH_ATTACHMENT.stages);
    let concurrent = Mode::ConcurrentWrite;
    assert_eq!(
        writes,
        [
            (Some("counts"), "[BufferSlice<u32>; 2]", storage, "#[writes(concurrent)]", GRAPHICS, concurrent),
            (Some("target"), "GpuImage<RenderTarget>", None, "#[writes]", color, Mode::Write),
            (Some("depth"), "GpuImage<Depth>", None, "#[writes(clear = self.far)]", depth, Mode::Write),
        ]
    );
    let discarded: Vec<_> = DrawScene::gpu_writes().iter().map(|meta| meta.discard).collect();
    assert_eq!(discarded, [false, false, true]);
    assert_eq!(DrawScene::NAME, "draw the scene");
    let kinds: Vec<_> = DrawScene::gpu_reads().iter().map(|meta| meta.kind).collect();
    assert_eq!(kinds.iter().filter(|&&kind| kind == GpuResourceKind::Image).count(), 2);
    assert!(DrawScene::gpu_reads().iter().chain(DrawScene::gpu_writes()).all(|meta| !meta.inferred));
}

#[test]
fn cpu_data_is_told_by_type_and_field_and_makes_no_pass() {
    let reads = DrawScene::reads();
    let [transform] = &reads[..] else { panic!("{reads:?}") };
    assert_eq!((transform.id, transform.type_name), (TypeId::of::<Transform>(), "Transform"));
    assert_eq!((transform.field, transform.instance), (Some("transform"), None));
    assert_eq!(DrawScene::writes(), []);
    assert!(Move::gpu_reads().is_empty() && Move::gpu_writes().is_empty());
    assert_eq!(Move::reads().iter().map(|meta| meta.type_name).collect::<Vec<_>>(), ["Speed"]);
    assert_eq!(Move::writes().iter().map(|meta| meta.type_name).collect::<Vec<_>>(), ["Transform"]);
}

#[derive(System)]
#[reads(Speed)]
#[writes(Transform = "mine")]
struct Move;

impl Run for Move {
    async fn run(&self, _: &Speed, _: &mut Transform) -> Result<()> {
        Ok(())
    }
}

#[derive(System)]
#[reads(Transform, GpuBuffer<VertexOfSorts>, GpuBuffer<IndexLike>, GpuBuffer<Corner> = "left")]
#[reads(GpuBuffer<u32> as uniform, GpuImage<Texture>)]
#[writes(GpuImage<RenderTarget> as clear([0.0; 4]), GpuImage<Ids> = "ids")]
struct DrawSimple;

impl Record for DrawSimple {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn the_unit_form_infers_roles_from_names_only_where_the_type_has_none_and_says_so() {
    let roles: Vec<_> = DrawSimple::gpu_reads().iter().map(|meta| (meta.role, meta.inferred, meta.instance)).collect();
    assert_eq!(
        roles,
        [
            (Some(Role::Vertex), true, None),
            (Some(Role::Indirect), false, None),
            (Some(Role::Vertex), false, Some("left")),
            (Some(Role::Storage), false, None),
            (None, false, None),
        ]
    );
    let attributes = |metas: &[GpuResourceMeta]| metas.iter().map(|meta| meta.attribute).collect::<Vec<_>>();
    assert_eq!(
        attributes(DrawSimple::gpu_reads()),
        [
            "#[reads(GpuBuffer<VertexOfSorts>)]",
            "#[reads(GpuBuffer<IndexLike>)]",
            "#[reads(GpuBuffer<Corner> = \"left\")]",
            "#[reads(GpuBuffer<u32> as uniform)]",
            "#[reads(GpuImage<Texture>)]",
        ]
    );
    assert_eq!(
        attributes(DrawSimple::gpu_writes()),
        ["#[writes(GpuImage<RenderTarget> as clear([0.0; 4]))]", "#[writes(GpuImage<Ids> = \"ids\")]"]
    );
    assert!(DrawSimple::gpu_reads().iter().all(|meta| meta.field.is_none() && meta.identity.contains("derive_access")));
}

#[derive(System)]
struct Sum<T: GpuData, const N: usize> {
    #[reads]
    parts: [TransientBuffer<T>; N],
    #[writes]
    total: GpuBuffer<T>,
    #[writes(copy)]
    raw: GpuBuffer<[T; N]>,
}

impl<T: GpuData, const N: usize> Record for Sum<T, N> {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        let _ = (&self.parts, &self.total, &self.raw);
        Ok(())
    }
}

#[test]
fn a_generic_system_has_the_roles_of_its_arguments() {
    let of = |metas: &[GpuResourceMeta]| metas.iter().map(|meta| (meta.role, meta.access)).collect::<Vec<_>>();
    let (reads, writes) = (Sum::<Corner, 3>::gpu_reads(), Sum::<Corner, 3>::gpu_writes());
    assert_eq!(of(reads), [(Some(Role::Vertex), Access::VERTEX)]);
    let copied = Access::COPY_TARGET;
    assert_eq!(of(writes), [(Some(Role::Vertex), copied), (Some(Role::Storage), copied)]);
    assert_eq!(of(Sum::<IndexLike, 1>::gpu_reads()), [(Some(Role::Indirect), Access::INDIRECT)]);
    assert_eq!(Sum::<IndexLike, 1>::gpu_writes()[0].access, Access::storage_write(S::COMPUTE_SHADER));
}

#[test]
fn vertices_have_a_location_for_each_field_but_padding() {
    type F = vk::Format;
    assert_eq!(Corner::ATTRIBUTES, [(F::R32G32B32_SFLOAT, 0), (F::R8G8B8A8_UNORM, 12), (F::R32_UINT, 20)]);
    assert_eq!((Corner::ROLE, IndexLike::ROLE), (Role::Vertex, Role::Indirect));
}

#[test]
fn systems_go_where_systems_go() {
    fn system<S: System>() {}
    fn member<M: vulkio::Member>() {}
    system::<Sum<Corner, 2>>();
    member::<Sum<Corner, 2>>();
    member::<DrawScene>();
    member::<DrawSimple>();
    member::<Move>();
    let name = |member: &dyn vulkio::Member| member.name().to_owned();
    assert_eq!([name(&Move), name(&DrawSimple)], ["Move", "DrawSimple"]);
    assert_eq!(vulkio::Member::queue(&Move), None::<QueueKind>);
    let _: fn(&Move, &Registry, &mut Binding) -> Result<()> = vulkio::Member::bind;
}

/// Systems and a schedule whose names come through a macro.
macro_rules! made {
    ($fill:ident, $words:ident, $step:ident, $schedule:ident, $first:ident, $second:ident) => {
        #[derive(System)]
        struct $fill {
            #[writes(copy)]
            $words: GpuBuffer<u32>,
        }

        impl Record for $fill {
            fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
                cmd.fill(&self.$words, 0..1, 0);
                Ok(())
            }
        }

        #[derive(System)]
        #[reads(Transform)]
        #[writes(Speed)]
        struct $step;

        impl Run for $step {
            async fn run(&self, _: &Transform, _: &mut Speed) -> Result<()> {
                Ok(())
            }
        }

        #[derive(Schedule)]
        struct $schedule {
            #[stage]
            $first: $fill,
            #[stage]
            $second: ($step,),
        }
    };
}

made!(FillWords, words, Step, Whole, fill, step);

#[test]
fn names_may_come_through_a_macro() {
    assert_eq!((FillWords::NAME, FillWords::GPU_WRITES.len()), ("FillWords", 1));
    assert_eq!((Step::reads().len(), Step::writes().len()), (1, 1));
    let stages: Vec<_> = <Whole as Schedule>::STAGES.iter().map(|stage| (stage.name, stage.members)).collect();
    assert_eq!(stages, [("fill", 1), ("step", 1)]);
}
