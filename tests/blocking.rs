//! No call that blocks is made on a runtime's thread, by anything there is to await.

mod common;

use std::sync::Arc;

use common::{Calls, Gate, Scene, counting, open, strict};
use tokio::runtime::{Builder, Runtime};
use vulkio::{Error, Gpu, Graph, GraphicsDesc, QueueKind, RendererOptions, ash::vk};

const BLOCKING: [&str; 6] = [
    "vkWaitSemaphores",
    "vkWaitForFences",
    "vkQueueWaitIdle",
    "vkDeviceWaitIdle",
    "vkCreateGraphicsPipelines",
    "vkCreateComputePipelines",
];

/// The name of every thread that is the runtime's.
const WORKER: &str = "app-worker";

/// Everything there is to await, while a gate opens and shuts.
async fn everything(gpu: Gpu, gates: [Arc<Gate>; 3]) {
    let compute = gpu.compute_pipeline("saxpy", include_bytes!("../shaders/spv/saxpy.comp.spv"));
    let vertex = include_bytes!("../shaders/spv/triangle.vert.spv");
    let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
    let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let (kernel, triangle) = tokio::join!(compute, gpu.graphics_pipeline(desc));
    let (kernel, triangle) = (kernel.expect("a pipeline"), triangle.expect("a pipeline"));
    let scene = Scene::new(&gpu, RendererOptions::default());
    gpu.upload(&scene.to, 0, vec![5; 64]).await.expect("submitted").await.expect("complete");
    gpu.upload_with(&scene.from, |_, place| place.fill(1)).await.expect("filled");
    for (n, gate) in (1..).zip(&gates) {
        let frame = scene.frame().await;
        scene.draw(&frame, n);
        let triangle = triangle.clone();
        frame.pass("triangle").renders(frame.target().load()).record(move |cmd| {
            cmd.bind(&triangle).draw(0..3, 0..1);
        });
        Scene::pad(&frame, if n == 1 { 0 } else { 12 });
        gate.hold(frame.graph());
        let capture = frame.capture();
        let done = frame.submit().await.expect("submitted");
        let late = done.wait_for(std::time::Duration::from_millis(5)).await;
        assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
        let waits = tokio::spawn(done.clone());
        tokio::task::yield_now().await;
        gate.open();
        waits.await.expect("no panic").expect("complete");
        assert_eq!(capture.await.expect("a picture").size(), [8, 4]);
        assert_eq!(scene.copied().await, n);
    }
    for n in 4..20 {
        scene.draws(n).await;
    }
    let graph = Graph::on(&gpu, "compute", QueueKind::Compute);
    let push = scene.from.address();
    graph.pass("nothing").writes(&scene.from).record(move |cmd| {
        // No floats to add.
        let [low, high] = [push as u32, (push >> 32) as u32];
        cmd.bind(&kernel).push(&[low, high, low, high, 0, 0]).dispatch([1, 1, 1]);
    });
    graph.submit().await.expect("submitted").await.expect("complete");
    let picture = scene.renderer.capture().await.expect("a picture");
    let path = std::env::temp_dir().join(format!("vulkio-blocking-{}.png", std::process::id()));
    picture.save_png(&path).await.expect("saved");
    std::fs::remove_file(path).expect("it was saved");
    scene.renderer.idle().await.expect("idle");
    drop((scene, picture, triangle));
    gpu.close().await.expect("closed");
}

/// Runs it on threads of a known name, and counts.
fn on(runtime: &Runtime, block_on: bool) {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let log = gpu.validation_log();
    let gates = [(); 3].map(|()| Arc::new(Gate::new(&gpu)));
    let all = everything(gpu.clone(), gates.clone());
    if block_on {
        std::thread::scope(|scope| {
            let worker = std::thread::Builder::new().name(WORKER.into());
            worker.spawn_scoped(scope, || runtime.block_on(all)).expect("a thread").join().expect("no panic");
        });
    } else {
        runtime.block_on(runtime.spawn(all)).expect("no panic");
    }
    // Gates wait when they are dropped: here, on the test's own thread.
    check(&calls);
    drop(gates);
    drop(gpu);
    assert_eq!(log.messages(), Vec::<String>::new());
}

fn check(calls: &Calls) {
    for function in BLOCKING {
        let blocked = calls.count(function, |thread| thread.starts_with(WORKER));
        assert_eq!(blocked, 0, "{function} on a runtime's thread: {:?}", calls.all());
    }
    // That the count sees what there is to see.
    let total = |function| calls.total(function);
    assert!(total("vkWaitSemaphores") > 0, "{:?}", calls.all());
    assert_eq!((total("vkCreateGraphicsPipelines"), total("vkCreateComputePipelines")), (1, 1));
    assert!(calls.count("vkQueueSubmit2", |thread| thread.starts_with(WORKER)) > 20, "{:?}", calls.all());
    for function in ["vkWaitForFences", "vkQueueWaitIdle", "vkDeviceWaitIdle"] {
        assert_eq!(total(function), 0, "{function} is never needed");
    }
}

#[test]
fn no_worker_of_a_runtime_of_many_threads_blocks() {
    on(
        &Builder::new_multi_thread().worker_threads(2).thread_name(WORKER).enable_all().build().expect("a runtime"),
        false,
    );
}

#[test]
fn a_runtime_of_one_thread_does_not_block() {
    on(&Builder::new_current_thread().enable_all().build().expect("a runtime"), true);
}
