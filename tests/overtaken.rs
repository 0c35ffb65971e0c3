//! Graphs that are overtaken between their recording and their commit: the entry barrier that they foresaw is not the one
//! that they need.

mod common;

use std::sync::Arc;

use common::{Hold, close, soon, strict_gpu};
use vulkio::{FrameStats, Gpu, GpuImage, Graph, RenderTarget};

const RED: [f32; 4] = [1.0, 0.0, 0.0, 1.0];
const GREEN: [f32; 4] = [0.0, 1.0, 0.0, 1.0];

fn image(gpu: &Gpu) -> GpuImage<RenderTarget> {
    gpu.image("canvas", [4, 4]).expect("an image")
}

async fn clear(gpu: &Gpu, image: &GpuImage<RenderTarget>, color: [f32; 4]) {
    let graph = Graph::new(gpu, "clear");
    graph.pass("clear").renders(image.clear(color)).record(|_| ());
    soon("it", graph.submit()).await.expect("submitted");
}

async fn pixel(gpu: &Gpu, image: &GpuImage<RenderTarget>) -> [u8; 4] {
    let picture = soon("it", gpu.read_image(image)).await.expect("a picture");
    picture.texel(3, 3).expect("inside").try_into().expect("four bytes")
}

/// Runs `graph`, and `between` after its first pass is recorded but before it is committed.
async fn overtaken(graph: Graph, hold: Hold, between: impl Future<Output = ()>) -> Arc<FrameStats> {
    let mut hold = hold;
    // More passes than one task's worth, so that it is recorded on a worker.
    (0..60).for_each(|i| {
        graph.pass(&format!("pad {i}")).record(|_| ());
    });
    let submit = tokio::spawn(graph.submit());
    hold.entered().await;
    between.await;
    hold.release();
    let done = soon("the submit", submit).await.expect("no panic").expect("submitted");
    soon("the graph", done).await.expect("complete")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_was_read_in_between_is_brought_back_for_rendering() {
    let gpu = strict_gpu();
    let image = image(&gpu);
    clear(&gpu, &image, RED).await;
    let (hold, wait) = Hold::new();
    let graph = Graph::new(&gpu, "loads");
    graph.pass("load").renders(image.load()).record(move |_| wait());
    let stats = overtaken(graph, hold, async { assert_eq!(pixel(&gpu, &image).await, [255, 0, 0, 255]) }).await;
    assert_eq!(stats.barriers, 2, "the one foreseen, and its correction");
    assert_eq!(pixel(&gpu, &image).await, [255, 0, 0, 255], "what was there is kept");
    drop(image);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_was_rendered_in_between_is_seen_as_it_is_then() {
    let gpu = strict_gpu();
    let image = image(&gpu);
    clear(&gpu, &image, RED).await;
    assert_eq!(pixel(&gpu, &image).await, [255, 0, 0, 255]); // leaves it in the layout of copies
    let (hold, wait) = Hold::new();
    let graph = Graph::new(&gpu, "loads");
    graph.pass("load").renders(image.load()).record(move |_| wait());
    let stats = overtaken(graph, hold, clear(&gpu, &image, GREEN)).await;
    assert_eq!(stats.barriers, 2);
    assert_eq!(pixel(&gpu, &image).await, [0, 255, 0, 255]);
    // The change of layout that the graph made is booked: the next readers are ordered after it.
    clear(&gpu, &image, RED).await;
    assert_eq!(pixel(&gpu, &image).await, [255, 0, 0, 255]);
    drop(image);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buffer_that_was_written_in_between_is_waited_for() {
    let gpu = strict_gpu();
    let from = gpu.buffer::<u32>("from", 64).expect("a buffer");
    let to = gpu.buffer::<u32>("to", 64).expect("a buffer");
    let (hold, wait) = Hold::new();
    let graph = Graph::new(&gpu, "copies");
    let (source, target) = (from.clone(), to.clone());
    graph.pass("copy").reads(from.copy_source()).writes(to.copy_target()).record(move |cmd| {
        wait();
        cmd.copy(&source, 0..64, &target, 0);
    });
    let between = async {
        soon("it", gpu.upload(&from, 0, vec![7; 64])).await.expect("submitted");
    };
    let stats = overtaken(graph, hold, between).await;
    assert_eq!(*soon("it", gpu.read(&to, 0..64)).await.expect("read"), [7; 64]);
    // Where uploads have a queue of their own, a wait on the GPU takes the barrier's place.
    assert!(stats.barriers <= 1, "nothing was foreseen: {stats}");
    drop((from, to));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_graph_that_nobody_overtook_needs_no_correction() {
    let gpu = strict_gpu();
    let (image, other) = (image(&gpu), gpu.image::<RenderTarget>("other", [4, 4]).expect("an image"));
    clear(&gpu, &image, RED).await;
    let (hold, wait) = Hold::new();
    let graph = Graph::new(&gpu, "loads");
    graph.pass("load").renders(image.load()).record(move |_| wait());
    let stats = overtaken(graph, hold, clear(&gpu, &other, GREEN)).await;
    assert_eq!(stats.barriers, 1, "the one foreseen");
    drop((image, other));
    close(gpu).await;
}
