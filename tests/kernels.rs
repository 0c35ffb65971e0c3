//! Kernels: compute shaders with typed push constants, awaited and in graphs.

mod common;

use bytemuck::{Pod, Zeroable};
use common::{close, counting, open, strict, strict_gpu};
use vulkio::{Dispatch, Error, Gpu, GpuBuffer, GpuData, Graph, Kernel, KernelOptions, Texture};

const SAXPY: &[u8] = include_bytes!("../shaders/spv/saxpy.comp.spv");
const N: usize = 1000;

#[derive(Clone, Copy, Pod, Zeroable, GpuData)]
#[role(storage)]
#[repr(C)]
struct Saxpy {
    x: u64,
    y: u64,
    a: f32,
    n: u32,
}

struct World {
    gpu: Gpu,
    saxpy: Kernel<Saxpy>,
    x: GpuBuffer<f32>,
    y: GpuBuffer<f32>,
}

impl World {
    async fn new(gpu: Gpu) -> Self {
        let saxpy = gpu.kernel("saxpy", SAXPY).await.expect("a kernel");
        let (x, y) = (gpu.buffer("x", N).expect("memory"), gpu.buffer("y", N).expect("memory"));
        gpu.upload(&x, 0, (0..N).map(|i| i as f32).collect::<Vec<_>>()).await.expect("uploaded");
        gpu.upload(&y, 0, vec![1.0; N]).await.expect("uploaded");
        Self { gpu, saxpy, x, y }
    }

    /// `y += a x`, declared.
    fn add(&self, a: f32) -> Dispatch {
        self.undeclared(a).reads(&self.x).writes(&self.y)
    }

    fn undeclared(&self, a: f32) -> Dispatch {
        let push = Saxpy { x: self.x.address(), y: self.y.address(), a, n: N as u32 };
        self.saxpy.over(&push, [N as u32, 1, 1])
    }

    /// Whether `y` is `a x + 1` now.
    async fn is(&self, a: f32) {
        let y = self.gpu.read(&self.y, 0..N).await.expect("read");
        let wrong = (0..N).find(|&i| y[i] != a * i as f32 + 1.0);
        assert_eq!(wrong.map(|i| (i, y[i])), None, "a = {a}");
    }

    async fn close(self) {
        let Self { gpu, saxpy, x, y } = self;
        drop((saxpy, x, y));
        close(gpu).await;
    }
}

fn refused(error: Error) -> String {
    match error {
        Error::Shader { name, reason } => format!("{name}: {reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_awaited_dispatch_is_complete_and_writes_no_descriptor() {
    let (options, calls) = counting(strict());
    let world = World::new(open(options)).await;
    let before = (world.gpu.counters(), calls.total("vkUpdateDescriptorSets"));
    world.add(2.0).await.expect("done");
    world.is(2.0).await;
    let after = world.gpu.counters();
    assert_eq!(after.dispatches - before.0.dispatches, 1);
    assert_eq!(calls.total("vkUpdateDescriptorSets") - before.1, 0);
    assert_eq!(world.saxpy.local_size(), [256, 1, 1]);
    world.close().await;
}

#[tokio::test]
async fn what_follows_sees_what_was_written_whether_awaited_submitted_or_in_a_graph() {
    let world = World::new(strict_gpu()).await;
    world.add(1.0).await.expect("done");
    let submitted = world.add(1.0).submit().await.expect("submitted");
    let graph = Graph::new(&world.gpu, "two");
    graph.add(world.add(1.0));
    graph.add(world.add(1.0).then(world.add(1.0)));
    assert_eq!(graph.plan_stats().expect("a plan").barriers, 2, "three passes, one after the other");
    graph.submit().await.expect("submitted");
    world.add(1.0).then(world.add(1.0)).await.expect("done");
    assert!(submitted.is_complete());
    world.is(7.0).await;
    world.close().await;
}

#[tokio::test]
async fn push_constants_that_the_shader_does_not_expect_are_refused_with_both_names() {
    #[derive(Clone, Copy, Pod, Zeroable, GpuData)]
    #[role(storage)]
    #[repr(C)]
    struct Swapped {
        x: u64,
        y: u64,
        n: u32,
        a: f32,
    }
    #[derive(Clone, Copy, Pod, Zeroable, GpuData)]
    #[role(storage)]
    #[repr(C)]
    struct Short {
        x: u64,
        y: u64,
        a: f32,
        _end: [u8; 0],
        _pad: u32,
    }

    let gpu = strict_gpu();
    let error = refused(gpu.kernel::<Swapped>("saxpy", SAXPY).await.expect_err("swapped"));
    assert!(error.contains("Swapped") && error.contains("the shader expects a 32-bit float at byte 16"), "{error}");
    assert!(error.contains("there is the 32-bit integer `n` at byte 16"), "{error}");
    let error = refused(gpu.kernel::<[u32; 4]>("saxpy", SAXPY).await.expect_err("short"));
    assert!(error.contains("a 32-bit float at byte 16, and there are 16 bytes"), "{error}");
    let error = refused(gpu.kernel::<[u64; 20]>("saxpy", SAXPY).await.expect_err("large"));
    assert!(error.contains("160 bytes") && error.contains("at most 128"), "{error}");
    gpu.kernel::<Short>("saxpy", SAXPY).await.expect("other names are no mistake");
    let as_words = gpu.kernel::<[u32; 6]>("saxpy", SAXPY).await.expect_err("a float among words");
    assert!(refused(as_words).contains("a 32-bit float at byte 16, where there is the 32-bit integer `[4]`"));
    close(gpu).await;
}

#[tokio::test]
async fn options_that_shader_or_device_do_not_have_are_refused() {
    let gpu = strict_gpu();
    let kernel = |options| {
        let gpu = gpu.clone();
        async move { gpu.kernel_with::<Saxpy>("saxpy", SAXPY, &options).await }
    };
    let error = refused(kernel(KernelOptions::default().constant(3, 1)).await.expect_err("no such constant"));
    assert!(error.contains("no specialisation constant 3") && error.contains("it has []"), "{error}");
    let error = refused(kernel(KernelOptions::default().subgroup_size(3)).await.expect_err("no power of two"));
    assert!(error.contains("subgroups of 3"), "{error}");
    let error = refused(kernel(KernelOptions::default().subgroup_size(1 << 20)).await.expect_err("too large"));
    assert!(error.contains("subgroups of 1048576"), "{error}");
    let [least, _] = gpu.info().subgroup_sizes;
    if gpu.info().features.subgroup_size_control {
        kernel(KernelOptions::default().subgroup_size(least)).await.expect("one that it has");
    }
    let error = gpu.kernel::<Saxpy>("none", b"void main() {}      ").await.expect_err("no SPIR-V");
    assert!(refused(error).contains("glslangValidator"));
    close(gpu).await;
}

#[tokio::test]
async fn what_a_kernel_touches_and_does_not_declare_is_named() {
    let world = World::new(open(strict().checks(true))).await;
    let error = world.undeclared(1.0).reads(&world.x).await.expect_err("y is written").to_string();
    assert!(error.contains("saxpy") && error.contains("`y`") && error.contains(".writes("), "{error}");
    world.is(0.0).await;
    world.close().await;
}

#[tokio::test]
async fn what_no_kernel_reaches_is_refused_with_what_to_use() {
    let world = World::new(strict_gpu()).await;
    let other = strict_gpu();
    let foreign: GpuBuffer<f32> = other.buffer("foreign", N).expect("memory");
    let image = world.gpu.image::<Texture>("picture", [4, 4]).expect("memory");
    let graph = Graph::new(&world.gpu, "graph");
    let transient = graph.buffer::<f32>("middle", N).expect("declared");
    let wrong = [
        (world.undeclared(1.0).reads(&foreign), "another Gpu"),
        (world.undeclared(1.0).reads(&image), "use a pass for images"),
        (world.undeclared(1.0).reads(&transient), "transient"),
        (world.undeclared(1.0).reads(world.x.indirect()), "hand it the buffer itself"),
        (world.undeclared(1.0).reads(world.x.slice(0..N + 1)), "x"),
    ];
    let submits = world.gpu.counters().submits;
    for (dispatch, expected) in wrong {
        let error = dispatch.await.expect_err(expected).to_string();
        assert!(error.contains(expected) && error.contains("saxpy"), "{error}");
    }
    assert_eq!(world.gpu.counters().submits, submits);
    graph.add(World::new(other.clone()).await.add(1.0));
    let error = graph.submit().await.expect_err("two devices").to_string();
    assert!(error.contains("another Gpu"), "{error}");
    drop((foreign, image, transient));
    close(other).await;
    world.close().await;
}

#[tokio::test]
async fn nothing_to_do_is_done_without_a_submission() {
    let world = World::new(strict_gpu()).await;
    let submits = world.gpu.counters().submits;
    let push = Saxpy { x: world.x.address(), y: world.y.address(), a: 1.0, n: 0 };
    world.saxpy.over(&push, [0, 1, 1]).reads(&world.x).writes(&world.y).await.expect("nothing");
    Dispatch::nothing(&world.gpu).await.expect("nothing");
    assert!(Dispatch::nothing(&world.gpu).submit().await.expect("nothing").is_complete());
    assert_eq!(world.gpu.counters().submits, submits);
    world.is(0.0).await;
    world.close().await;
}

#[tokio::test]
async fn more_workgroups_than_the_device_takes_are_refused_with_its_limit() {
    let world = World::new(strict_gpu()).await;
    let most = world.gpu.info().limits.max_compute_work_group_count;
    let push = Saxpy { x: world.x.address(), y: world.y.address(), a: 1.0, n: N as u32 };
    if let Some(more) = most[1].checked_add(1) {
        let error = world.saxpy.dispatch(&push, [1, more, 1]).reads(&world.x).writes(&world.y).await;
        let error = error.expect_err("too many").to_string();
        assert!(error.contains(&format!("{most:?}")), "{error}");
    }
    world.is(0.0).await;
    world.close().await;
}
