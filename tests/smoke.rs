//! The shortest path through everything, counted from outside as well.

mod common;

use common::{Gate, close, counting, open, soon, strict};
use vulkio::{Graph, Renderer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cleared_frame_is_captured_and_our_counts_are_the_drivers() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let renderer = Renderer::headless(&gpu, [16, 8]).expect("a renderer");
    let frame = renderer.frame().await.expect("a frame");
    frame.pass("clear").renders(frame.target().clear([1.0, 0.0, 0.0, 1.0])).record(|_| ());
    let capture = frame.capture();
    let stats = soon("the frame", frame.submit().await.expect("submitted")).await.expect("complete");
    let picture = soon("the picture", capture).await.expect("a picture");
    assert_eq!(picture.texel(15, 7), Some(&[255, 0, 0, 255][..]));
    assert_eq!(picture.texel(16, 7), None);
    assert_eq!((stats.passes, stats.submits, stats.draws), (3, 1, 0));
    let seen = gpu.counters();
    assert_eq!(seen.submits, calls.total("vkQueueSubmit2"));
    assert_eq!(seen.barriers, calls.total("vkCmdPipelineBarrier2"));
    assert_eq!(seen.device_allocations, calls.total("vkAllocateMemory"));
    assert_eq!(seen.semaphores, calls.total("vkCreateSemaphore"));
    assert_eq!(seen.command_pools, calls.total("vkCreateCommandPool"));
    assert_eq!(stats.barriers, seen.barriers);
    drop((picture, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn a_gated_graph_is_incomplete_until_the_gate_opens() {
    let gpu = open(strict());
    let gate = Gate::new(&gpu);
    let graph = Graph::new(&gpu, "gated");
    gate.hold(&graph);
    let done = graph.submit().await.expect("submitted");
    let timeout = done.wait_for(std::time::Duration::from_millis(50)).await;
    assert!(matches!(timeout, Err(vulkio::Error::Timeout { .. })), "{timeout:?}");
    gate.open();
    soon("the graph", done).await.expect("complete");
    drop(gate);
    close(gpu).await;
}
