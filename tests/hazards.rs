//! Barriers and waits that follow from declarations are right and no more than needed: exact results, exact counts.

mod common;
mod mix;

use std::sync::Arc;

use common::{close, soon, strict_gpu};
use mix::{Factors, Mix, buffer, one_queue, words};
use vulkio::{
    DispatchArgs, FrameStats, Gpu, GpuBuffer, GpuImage, Graph, GraphicsDesc, GraphicsPipeline, QueueKind, RenderTarget,
    Renderer, ash::vk,
};

const N: usize = 256;

async fn run(graph: Graph) -> Arc<FrameStats> {
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("a graph", done).await.expect("complete")
}

fn ramp(multiply: u32) -> Vec<u32> {
    (0..N as u32).map(|i| i.wrapping_mul(multiply)).collect()
}

fn copy(graph: &Graph, from: &GpuBuffer<u32>, to: &GpuBuffer<u32>) {
    let (source, target) = (from.clone(), to.clone());
    graph.pass("copy").reads(from.copy_source()).writes(to.copy_target()).record(move |cmd| {
        cmd.copy(&source, 0..source.len(), &target, 0);
    });
}

fn fill(graph: &Graph, buffer: &GpuBuffer<u32>, value: u32) {
    let target = buffer.clone();
    graph.pass("fill").writes(buffer.copy_target()).record(move |cmd| {
        cmd.fill(&target, 0..target.len(), value);
    });
}

/// Declares a link of a chain.
type Declare<'a> = &'a dyn Fn(&Graph);

#[tokio::test]
async fn a_chain_over_every_kind_of_access_has_a_barrier_between_its_links() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let mut first = ramp(77);
    first[..3].copy_from_slice(&[1, 0, 0]);
    let a = buffer(&gpu, "a", first.clone()).await;
    let zeros = buffer(&gpu, "zeros", vec![0; N]).await;
    let [b, c, d] = ["b", "c", "d"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    let args = gpu.buffer::<DispatchArgs>("args", 1).expect("a buffer");
    let (by, last) = (Factors::linear(3, 1), Factors::linear(5, 7));
    // The first words come out as 4, 1, 1: as many workgroups as the words take.
    let make = || {
        let graph = Graph::new(&gpu, "chain");
        graph.pass("compute").reads(&a).reads(&zeros).writes(&b).record(mix.of(&a, &zeros, &b, by));
        copy(&graph, &b, &c);
        let arguments = mix.arguments(&c, &zeros, &args, Factors::linear(1, 0));
        graph.pass("arguments").reads(&c).reads(&zeros).writes(&args).record(arguments);
        let indirect = mix.indirect(&c, &zeros, &d, &args, last);
        graph.pass("indirect").reads(args.indirect()).reads(&c).reads(&zeros).writes(&d).record(indirect);
        let plan = graph.plan_stats().expect("a plan");
        assert_eq!((plan.passes, plan.waves, plan.barriers, plan.lower_bound), (4, 4, 3, 3));
        graph
    };
    let stats = run(make()).await;
    assert_eq!((stats.passes, stats.dispatches, stats.submits), (4, 3, 1));
    // The uploads stand before it: as a barrier, or as a wait for another queue.
    assert_eq!(stats.barriers, 3 + u64::from(one_queue(&gpu)));
    let expected: Vec<u32> = first.iter().map(|word| (word * 3 + 1) * 5 + 7).collect();
    assert_eq!(words(&gpu, &d).await, expected);

    gpu.upload(&d, 0, vec![0; N]).await.expect("uploaded").await.expect("complete");
    assert_eq!(run(make()).await.barriers, 4, "one before it, whatever the graphs before did to its buffers");
    assert_eq!(words(&gpu, &d).await, expected);
    drop((mix, a, zeros, b, c, d, args));
    close(gpu).await;
}

#[tokio::test]
async fn readers_share_a_wave_and_a_writer_waits_for_all_of_them() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    let factors = Factors { shift: 5, add: 9, multiply: 11, keep: 0 };
    let read = |graph: &Graph, to: &GpuBuffer<u32>| {
        graph.pass("read").reads(&a).writes(to).record(mix.of(&a, &a, to, factors));
    };
    let of = |value: u32| factors.mixed(&[value; N], &[value; N], &[0; N]);

    // In one graph.
    let graph = Graph::new(&gpu, "one");
    fill(&graph, &a, 100);
    read(&graph, &b);
    read(&graph, &c);
    fill(&graph, &a, 200);
    read(&graph, &d);
    let plan = graph.plan_stats().expect("a plan");
    assert_eq!((plan.passes, plan.waves, plan.barriers, plan.lower_bound), (5, 4, 3, 3));
    let stats = run(graph).await;
    assert_eq!((stats.barriers, stats.dispatches), (3, 3), "new buffers need none at first");
    assert_eq!([words(&gpu, &b).await, words(&gpu, &c).await, words(&gpu, &d).await], [of(100), of(100), of(200)]);

    // One graph each, submitted one after the other without waiting for any.
    let graphs: [&dyn Fn(&Graph); 5] = [
        &|graph| fill(graph, &a, 300),
        &|graph| read(graph, &b),
        &|graph| read(graph, &c),
        &|graph| fill(graph, &a, 400),
        &|graph| read(graph, &d),
    ];
    let mut done = Vec::new();
    for declare in graphs {
        let graph = Graph::new(&gpu, "many");
        declare(&graph);
        assert_eq!(graph.plan_stats().expect("a plan").barriers, 0);
        done.push(soon("a submit", graph.submit()).await.expect("submitted"));
    }
    let mut barriers = Vec::new();
    for done in done {
        barriers.push(soon("a graph", done).await.expect("complete").barriers);
    }
    assert_eq!(barriers, [1, 1, 1, 1, 1], "each waits for what was done to its own result or source");
    assert_eq!([words(&gpu, &b).await, words(&gpu, &c).await, words(&gpu, &d).await], [of(300), of(300), of(400)]);
    drop((mix, a, b, c, d));
    close(gpu).await;
}

#[tokio::test]
async fn what_a_barrier_made_visible_needs_no_second_one() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let a = gpu.buffer::<u32>("a", N).expect("a buffer");
    let graph = Graph::new(&gpu, "fill");
    fill(&graph, &a, 3);
    run(graph).await;
    let mut results = Vec::new();
    for (i, expected) in [1, 0, 0].into_iter().enumerate() {
        let result = gpu.buffer::<u32>("result", N).expect("a buffer");
        let graph = Graph::new(&gpu, "read");
        graph.pass("read").reads(&a).writes(&result).record(mix.of(&a, &a, &result, Factors::linear(i as u32, 0)));
        assert_eq!(run(graph).await.barriers, expected, "graph {i}");
        results.push(result);
    }
    for (i, result) in results.iter().enumerate() {
        let expected = Factors::linear(i as u32, 0).mixed(&[3; N], &[3; N], &[0; N]);
        assert_eq!(words(&gpu, result).await, expected);
    }
    drop((mix, a, results));
    close(gpu).await;
}

async fn triangle(gpu: &Gpu) -> GraphicsPipeline {
    let vertex = include_bytes!("../shaders/spv/triangle.vert.spv");
    let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
    let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    gpu.graphics_pipeline(desc).await.expect("a pipeline")
}

#[tokio::test]
async fn an_image_is_drawn_copied_and_drawn_again() {
    const SIZE: [u32; 2] = [32, 16];
    const BYTES: usize = 32 * 16 * 4;
    let gpu = strict_gpu();
    let pipeline = triangle(&gpu).await;
    let image: GpuImage<RenderTarget> = gpu.image("target", SIZE).expect("an image");
    let copies = ["first", "second"].map(|name| gpu.buffer::<u8>(name, BYTES).expect("a buffer"));
    let draw = |graph: &Graph| {
        let pipeline = pipeline.clone();
        graph.pass("triangle").renders(&image).record(move |cmd| {
            cmd.bind(&pipeline).draw(0..3, 0..1);
        });
    };
    let copy = |graph: &Graph, to: &GpuBuffer<u8>| {
        let (source, target) = (image.clone(), to.clone());
        graph.pass("copy").reads(image.copy_source()).writes(to.copy_target()).record(move |cmd| {
            cmd.copy_image(&source, &target);
        });
    };

    let graph = Graph::new(&gpu, "both");
    graph.pass("red").renders(image.clear([1.0, 0.0, 0.0, 1.0])).record(|_| ());
    draw(&graph);
    copy(&graph, &copies[0]);
    graph.pass("blue").renders(image.clear([0.0, 0.0, 1.0, 1.0])).record(|_| ());
    copy(&graph, &copies[1]);
    let plan = graph.plan_stats().expect("a plan");
    assert_eq!((plan.passes, plan.waves, plan.barriers, plan.lower_bound), (5, 5, 4, 4));
    let stats = run(graph).await;
    assert_eq!((stats.draws, stats.barriers), (1, 5), "one more, from no layout to the attachment's");

    // Over what the copy left, in another graph.
    let graph = Graph::new(&gpu, "again");
    draw(&graph);
    assert_eq!(run(graph).await.barriers, 1);
    let last = gpu.read_image(&image).await.expect("read");

    let [first, second] = [gpu.read(&copies[0], 0..BYTES).await, gpu.read(&copies[1], 0..BYTES).await];
    let (first, second) = (first.expect("read"), second.expect("read"));
    assert!(second.chunks_exact(4).all(|texel| texel == [0, 0, 255, 255]), "cleared after it was copied");
    let mut covered = 0;
    for (first, last) in first.chunks_exact(4).zip(last.bytes().chunks_exact(4)) {
        let triangle = first != [255, 0, 0, 255];
        assert_eq!(last, if triangle { first } else { &[0, 0, 255, 255] });
        covered += u32::from(triangle);
    }
    assert!((100..200).contains(&covered), "the triangle covers {covered} texels");
    drop((pipeline, image, copies, first, second, last));
    close(gpu).await;
}

#[tokio::test]
async fn an_image_that_is_copied_twice_changes_its_layout_once() {
    const BYTES: usize = 16 * 16 * 4;
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> = gpu.image("target", [16, 16]).expect("an image");
    let texels = gpu.buffer::<u8>("texels", BYTES).expect("a buffer");
    let graph = Graph::new(&gpu, "mixed");
    graph.pass("clear").renders(image.clear([0.0, 1.0, 0.0, 1.0])).record(|_| ());
    let barriers_of_a_look = async || {
        let before = gpu.counters().barriers;
        let picture = gpu.read_image(&image).await.expect("read");
        assert!(picture.bytes().chunks_exact(4).all(|texel| texel == [0, 255, 0, 255]));
        gpu.counters().barriers - before
    };
    // One barrier for both: the image's layout, and the copy over the copy.
    let (source, target) = (image.clone(), texels.clone());
    let other = gpu.buffer::<u8>("other", BYTES).expect("a buffer");
    gpu.upload(&other, 0, vec![7; BYTES]).await.expect("uploaded").await.expect("complete");
    let (from, to) = (other.clone(), texels.clone());
    graph.pass("before").reads(other.copy_source()).writes(texels.copy_target()).record(move |cmd| {
        cmd.copy(&from, 0..BYTES, &to, 0);
    });
    graph.pass("copy").reads(image.copy_source()).writes(texels.copy_target()).record(move |cmd| {
        cmd.copy_image(&source, &target);
    });
    let plan = graph.plan_stats().expect("a plan");
    assert_eq!((plan.passes, plan.waves, plan.barriers), (3, 2, 1));
    assert_eq!(run(graph).await.barriers, 2);
    let copied = gpu.read(&texels, 0..BYTES).await.expect("read");
    assert!(copied.chunks_exact(4).all(|texel| texel == [0, 255, 0, 255]));
    // It stays in the layout of copies: only what the copy wrote is shown to the host.
    assert_eq!([barriers_of_a_look().await, barriers_of_a_look().await], [1, 1]);

    let graph = Graph::new(&gpu, "again");
    graph.pass("draw over").renders(&image).record(|_| ());
    assert_eq!(run(graph).await.barriers, 1);
    assert_eq!([barriers_of_a_look().await, barriers_of_a_look().await], [2, 1]);
    drop((image, texels, other, copied));
    close(gpu).await;
}

#[tokio::test]
async fn frames_that_are_captured_and_drawn_again_have_three_barriers_each() {
    let gpu = strict_gpu();
    let pipeline = triangle(&gpu).await;
    let renderer = Renderer::headless(&gpu, [16, 16]).expect("a renderer");
    let mut pending = Vec::new();
    for n in 0..6u32 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let pipeline = pipeline.clone();
        frame.pass("draw").renders(frame.target().clear(common::color(n))).record(move |cmd| {
            cmd.bind(&pipeline).draw(0..3, 0..1);
        });
        let capture = frame.capture();
        let plan = frame.plan_stats().expect("a plan");
        assert_eq!((plan.passes, plan.barriers), (1, 0), "the copy is added when it is submitted");
        pending.push((n, capture, soon("a submit", frame.submit()).await.expect("submitted")));
    }
    for (n, capture, done) in pending {
        // To the attachment's layout, to the copy's, and to the host.
        assert_eq!(soon("a frame", done).await.expect("complete").barriers, 3, "frame {n}");
        let picture = soon("a picture", capture).await.expect("a picture");
        assert_eq!(picture.texel(0, 0), Some(&*common::pixel(n)), "frame {n}");
        assert_ne!(picture.texel(8, 8), Some(&*common::pixel(n)), "frame {n}");
    }
    drop((pipeline, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn work_on_several_queues_runs_in_the_order_it_was_submitted() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    let results: Vec<_> = (0..12).map(|i| gpu.buffer::<u32>(&format!("result {i}"), N).expect("a buffer")).collect();
    let (first, second) = (Factors { shift: 3, add: 1, multiply: 7, keep: 0 }, Factors::linear(13, 5));
    let mut done = Vec::new();
    for (round, result) in (0u32..).zip(&results) {
        let graphs: [(QueueKind, Declare<'_>); 5] = [
            (QueueKind::Transfer, &|graph| fill(graph, &a, round)),
            (QueueKind::Compute, &|graph| {
                graph.pass("mix").reads(&a).writes(&b).record(mix.of(&a, &a, &b, first));
            }),
            (QueueKind::Transfer, &|graph| copy(graph, &b, &c)),
            (QueueKind::Graphics, &|graph| {
                graph.pass("mix").reads(&c).reads(&b).writes(&d).record(mix.of(&c, &b, &d, second));
            }),
            (QueueKind::Transfer, &|graph| copy(graph, &d, result)),
        ];
        for (queue, declare) in graphs {
            let graph = Graph::on(&gpu, "link", queue);
            declare(&graph);
            done.push(soon("a submit", graph.submit()).await.expect("submitted"));
        }
    }
    let aliased = one_queue(&gpu);
    for (i, done) in done.into_iter().enumerate() {
        let stats = soon("a graph", done).await.expect("complete");
        if aliased {
            assert_eq!(stats.barriers, u64::from(i > 0), "graph {i}");
        }
    }
    for (round, result) in (0u32..).zip(&results) {
        let b = first.mixed(&[round; N], &[round; N], &[0; N]);
        assert_eq!(words(&gpu, result).await, second.mixed(&b, &b, &[0; N]), "round {round}");
    }
    drop((mix, a, b, c, d, results));
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_sees_the_upload_before_it_and_not_the_one_after() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let renderer = Renderer::headless(&gpu, [8, 8]).expect("a renderer");
    let source = gpu.buffer::<u32>("source", N).expect("a buffer");
    let zeros = buffer(&gpu, "zeros", vec![0; N]).await;
    let results: Vec<_> = (0..12).map(|i| gpu.buffer::<u32>(&format!("result {i}"), N).expect("a buffer")).collect();
    for (round, result) in (1u32..).zip(&results) {
        soon("an upload", gpu.upload(&source, 0, ramp(round))).await.expect("uploaded");
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let record = mix.of(&source, &zeros, result, Factors::linear(1, round));
        frame.pass("use").reads(&source).reads(&zeros).writes(result).record(record);
        frame.pass("clear").renders(frame.target().clear([0.0; 4])).record(|_| ());
        soon("a submit", frame.submit()).await.expect("submitted");
    }
    for (round, result) in (1u32..).zip(&results) {
        let expected: Vec<u32> = ramp(round).into_iter().map(|word| word + round).collect();
        assert_eq!(words(&gpu, result).await, expected, "round {round}");
    }
    drop((mix, renderer, source, zeros, results));
    close(gpu).await;
}
