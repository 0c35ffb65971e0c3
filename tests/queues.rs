//! Frames whose passes go to several queues: on a device of one queue the same is true as on one of three.

mod common;
mod line;
mod mix;

use std::time::Duration;

use common::{Calls, close, counting, open, soon, strict, strict_gpu};
use line::{Line, N, queues};
use mix::{Factors, words};
use vulkio::{
    Gpu, GpuBuffer, GpuImage, Graph, Ids, QueueKind,
    QueueKind::{Compute, Graphics, Transfer},
    Renderer, RendererOptions, TransientBuffer,
};

fn counted() -> (Gpu, Calls) {
    let (options, calls) = counting(strict());
    (open(options), calls)
}

#[tokio::test]
async fn a_chain_over_three_queues_is_right_in_every_frame_and_counted_at_the_calls() {
    let (gpu, calls) = counted();
    let line = Line::new(&gpu, RendererOptions::default()).await;
    let queues = queues(&gpu);
    let mut frames = Vec::new();
    for n in 0..12 {
        let frame = line.frame().await;
        line.declare(&frame, n);
        let plan = frame.plan_stats().expect("a plan");
        assert_eq!((plan.passes, plan.culled, plan.queues), (6, 0, queues));
        // Five links in a row; on one queue they are one submission with four barriers, and nothing waits.
        if queues == 1 {
            assert_eq!((plan.waves, plan.barriers, plan.lower_bound, plan.batches, plan.waits), (5, 4, 4, 1, 0));
        } else {
            assert!(plan.batches >= 5 && plan.waits >= 4, "{plan:?}");
        }
        let before = ["vkQueueSubmit2", "vkCmdPipelineBarrier2", "vkCmdDispatch"].map(|call| calls.total(call));
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        assert_eq!(done.stamps().count(), queues);
        let stats = soon("a frame", done).await.expect("complete");
        let after = ["vkQueueSubmit2", "vkCmdPipelineBarrier2", "vkCmdDispatch"].map(|call| calls.total(call));
        let counted = [0, 1, 2].map(|call| after[call] - before[call]);
        assert_eq!(counted, [stats.submits, stats.barriers, stats.dispatches], "{stats}");
        assert_eq!((stats.passes, stats.dispatches), (6, 3));
        assert!(stats.submits >= queues as u64 && stats.submits <= plan.batches as u64, "{stats} of {plan:?}");
        frames.push(n);
        if n % 3 == 2 {
            line.check(&frames, &format!("frame {n}")).await;
        }
    }
    drop(line);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn frames_over_three_queues_in_flight_together_stay_in_their_order() {
    let gpu = strict_gpu();
    for in_place in [Duration::ZERO, Duration::from_secs(1)] {
        let options = RendererOptions::default().frames_in_flight(4).in_place_below(in_place);
        let line = Line::new(&gpu, options).await;
        let mut frames = Vec::new();
        let mut all = Vec::new();
        for n in 0..40 {
            match n % 5 {
                3 => {
                    let frame = line.frame().await;
                    line.declare(&frame, 1000);
                    drop((n % 2 == 0).then(|| frame.submit()));
                }
                4 => {
                    // What the CPU writes between two frames is seen by the second alone.
                    let upload = line.gpu.upload(&line.sum, 0, vec![0; N]);
                    soon("an upload", upload).await.expect("uploaded");
                    frames.clear();
                }
                _ => {
                    all.push(line.submit(n).await);
                    frames.push(n);
                }
            }
            if n % 7 == 6 {
                line.check(&frames, &format!("frame {n}")).await;
            }
        }
        line.check(&frames, "the last").await;
        for done in all {
            assert_eq!(soon("a frame", done).await.expect("complete").dispatches, 3);
        }
    }
    close(gpu).await;
}

#[tokio::test]
async fn a_fan_over_all_queues_joins_on_each_of_them() {
    let gpu = strict_gpu();
    let line = Line::new(&gpu, RendererOptions::default()).await;
    let results: Vec<_> = (0..3).map(|i| gpu.buffer::<u32>(&format!("result {i}"), N).expect("a buffer")).collect();
    for (n, source) in (1..).zip([Graphics, Compute, Transfer, Graphics, Compute, Transfer]) {
        let frame = line.frame().await;
        let graph = frame.graph();
        let [root, b, c, d] = [0, 1, 2, 3].map(|i| line.line[i].clone());
        let own = root.clone();
        graph.pass("root").queue(source).writes(root.copy_target()).record(move |cmd| {
            cmd.fill(&own, 0..N, n);
        });
        line.mixed(graph, Graphics, &root, &b, Factors::linear(3, 0));
        line.mixed(graph, Compute, &root, &c, Factors::linear(5, 0));
        let (from, to) = (root.clone(), d.clone());
        graph.pass("copy").queue(Transfer).copies(&root, &d).record(move |cmd| {
            cmd.copy(&from, 0..N, &to, 0);
        });
        // Each join takes from two queues; the second and the third run on both that can compute.
        for (queue, (result, [left, right])) in
            [Compute, Graphics, Compute].into_iter().zip(results.iter().zip([[&b, &d], [&c, &d], [&b, &c]]))
        {
            let record = line.mix.of(left, right, result, Factors::linear(1, 0));
            graph.pass("join").queue(queue).reads(left).reads(right).writes(result).record(record);
        }
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        soon("a frame", done).await.expect("complete");
        let expected = [3 * n + n.rotate_left(7), 5 * n + n.rotate_left(7), 3 * n + (5 * n).rotate_left(7)];
        for (result, expected) in results.iter().zip(expected) {
            assert_eq!(words(&gpu, result).await, [expected; N], "frame {n} from {source:?}");
        }
    }
    drop((line, results));
    close(gpu).await;
}

/// A pass that copies an image to a buffer.
fn copied_out(graph: &Graph, queue: QueueKind, image: &GpuImage<Ids>, to: &GpuBuffer<u32>) {
    let (from, own) = (image.clone(), to.clone());
    graph.pass("out").queue(queue).copies(image, to).record(move |cmd| {
        cmd.copy_image(&from, &own);
    });
}

#[tokio::test]
async fn an_image_goes_from_queue_to_queue_and_keeps_its_texels() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [8, 8]).expect("a renderer");
    let image = gpu.image::<Ids>("wanderer", [8, 8]).expect("an image");
    let from = gpu.buffer::<u32>("from", N).expect("a buffer");
    let mut expected = vec![0; N];
    let mut outs: Vec<(GpuBuffer<u32>, Vec<u32>)> = Vec::new();
    for n in 0..24u32 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let graph = frame.graph();
        match n % 4 {
            0 => {
                expected = vec![n; N];
                graph.pass("clear").renders(image.clear(n)).record(|_| ());
            }
            // What was there is kept, wherever it went since.
            1 | 3 => {
                graph.pass("load").renders(image.load()).record(|_| ());
            }
            _ => {
                expected = (0..N as u32).map(|i| i * n).collect();
                soon("an upload", gpu.upload(&from, 0, expected.clone())).await.expect("uploaded");
                let (source, target) = (from.clone(), image.clone());
                let queue = if n % 8 == 2 { Transfer } else { Compute };
                graph.pass("in").queue(queue).copies(&from, &image).record(move |cmd| {
                    cmd.copy_to_image(&source, &target);
                });
            }
        }
        // Also out on two queues of one frame, one after the other or at once.
        for queue in
            [[Transfer, Compute], [Compute, Transfer], [Transfer, Graphics], [Graphics, Compute]][n as usize % 4]
        {
            let out = gpu.buffer(&format!("out {n}"), N).expect("a buffer");
            copied_out(graph, queue, &image, &out);
            outs.push((out, expected.clone()));
        }
        soon("a submit", frame.submit()).await.expect("submitted");
        if n % 5 == 4 {
            let picture = soon("a picture", gpu.read_image(&image)).await.expect("a picture");
            assert_eq!(picture.bytes(), bytemuck::cast_slice::<u32, u8>(&expected), "frame {n}");
        }
    }
    for (i, (out, expected)) in outs.iter().enumerate() {
        assert_eq!(&words(&gpu, out).await, expected, "frame {}", i / 2);
    }
    drop((renderer, image, from, outs));
    close(gpu).await;
}

#[tokio::test]
async fn transients_of_both_kinds_go_from_queue_to_queue() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [8, 8]).expect("a renderer");
    let outs: Vec<_> = (0..10).map(|i| gpu.buffer::<u32>(&format!("out {i}"), N).expect("a buffer")).collect();
    for (n, out) in (1..).zip(&outs) {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let graph = frame.graph();
        let image: GpuImage<Ids> = frame.image("canvas", [8, 8]).expect("a transient");
        let second: GpuImage<Ids> = frame.image("second", [8, 8]).expect("a transient");
        let between: TransientBuffer<u32> = frame.buffer("between", N).expect("a transient");
        graph.pass("clear").renders(image.clear(n)).record(|_| ());
        let (from, to) = (image.clone(), between.clone());
        graph.pass("out").queue(Transfer).copies(&image, &between).record(move |cmd| {
            cmd.copy_image(&from, &to);
        });
        let (from, to) = (between.clone(), second.clone());
        graph.pass("in").queue(Compute).copies(&between, &second).record(move |cmd| {
            cmd.copy_to_image(&from, &to);
        });
        graph.pass("load").renders(second.load()).record(|_| ());
        copied_out(graph, Transfer, &second, out);
        assert_eq!(frame.plan_stats().expect("a plan").queues, queues(&gpu));
        soon("a submit", frame.submit()).await.expect("submitted");
    }
    for (n, out) in (1..).zip(&outs) {
        assert_eq!(words(&gpu, out).await, [n; N], "frame {n}");
    }
    drop((renderer, outs));
    close(gpu).await;
}
