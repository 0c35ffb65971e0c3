//! Frames over several queues that are held on one of them, or cancelled.

mod common;
mod line;
mod mix;

use std::time::Duration;

use common::{Gate, Hold, close, poll_once, soon, strict_gpu, until};
use line::{Line, N, queues};
use vulkio::{
    Error, Graph, Ids,
    QueueKind::{Compute, Graphics, Transfer},
    RendererOptions,
};

#[tokio::test]
async fn a_frame_is_complete_when_all_its_queues_are() {
    let gpu = strict_gpu();
    let line = Line::new(&gpu, RendererOptions::default()).await;
    for held in [Compute, Transfer, Graphics] {
        let gate = Gate::new(&gpu);
        let before = Graph::on(&gpu, "before", held);
        gate.hold(&before);
        let busy = soon("a submit", before.submit()).await.expect("submitted");
        // Three passes that have nothing to do with one another; one of them is behind what is held.
        let frame = line.frame().await;
        for (queue, buffer) in [Graphics, Compute, Transfer].into_iter().zip(&line.line) {
            let own = buffer.clone();
            frame.pass("fill").queue(queue).writes(buffer.copy_target()).record(move |cmd| {
                cmd.fill(&own, 0..N, 3);
            });
        }
        let mut done = soon("a submit", frame.submit()).await.expect("submitted");
        let free: Vec<_> = done.stamps().filter(|stamp| stamp.queue != busy.stamp().queue).collect();
        assert_eq!(free.len(), queues(&gpu) - 1);
        for kind in [Graphics, Compute, Transfer] {
            let last = gpu.submitted(kind);
            if free.contains(&last.stamp()) {
                soon("a queue that is not held", last).await.expect("complete");
            }
        }
        assert!(poll_once(&mut done).is_pending());
        assert!(!done.is_complete());
        gate.open();
        soon("the frame", &mut done).await.expect("complete");
        assert!(done.is_complete() && busy.is_complete());
    }
    drop(line);
    close(gpu).await;
}

#[tokio::test]
async fn a_gate_before_a_frame_holds_all_its_queues() {
    let gpu = strict_gpu();
    let line = Line::new(&gpu, RendererOptions::default()).await;
    let gate = Gate::new(&gpu);
    let frame = line.frame().await;
    line.declare(&frame, 5);
    gate.hold(frame.graph());
    let done = soon("a submit", frame.submit()).await.expect("submitted");
    let next = line.submit(6).await;
    let late = done.wait_for(Duration::from_millis(20)).await;
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    for stamp in done.stamps() {
        let kinds = [Graphics, Compute, Transfer].map(|kind| gpu.submitted(kind));
        let of_queue = kinds.iter().find(|last| last.stamp().queue == stamp.queue).expect("a queue of the device");
        assert!(!of_queue.is_complete(), "{stamp:?} was not held");
    }
    gate.open();
    soon("the frame", done).await.expect("complete");
    soon("the next", next).await.expect("complete");
    line.check(&[5, 6], "after the gate").await;
    drop((line, gate));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_over_all_queues_that_is_cancelled_reaches_none_of_them() {
    let gpu = strict_gpu();
    let options = RendererOptions::default().frames_in_flight(1).in_place_below(Duration::ZERO);
    let line = Line::new(&gpu, options).await;
    line.submit(1).await;
    line.check(&[1], "the first").await;
    for round in 0..4 {
        let submits = gpu.counters().submits;
        let (mut hold, wait) = Hold::new();
        let frame = line.frame().await;
        frame.pass("held").queue([Graphics, Compute, Transfer][round % 3]).record(move |_| wait());
        line.declare(&frame, 77);
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        hold.entered().await;
        drop(submit);
        hold.release();
        drop(line.frame().await);
        assert_eq!(gpu.counters().submits, submits);
    }
    let last = line.submit(2).await;
    line.check(&[1, 2], "none of the cancelled").await;
    until("it is known to be complete", || last.is_complete()).await;
    drop(line);
    close(gpu).await;
}

#[tokio::test]
async fn a_gate_holds_a_queue_that_first_gives_an_image_away() {
    let gpu = strict_gpu();
    let image = gpu.image::<Ids>("given away", [8, 8]).expect("an image");
    let [out, other] = ["out", "other"].map(|name| gpu.buffer::<u32>(name, N).expect("a buffer"));
    let graph = Graph::new(&gpu, "draw");
    graph.pass("draw").renders(image.clear(4)).record(|_| ());
    soon("it", graph.submit()).await.expect("submitted");
    let gate = Gate::new(&gpu);
    let graph = Graph::new(&gpu, "held");
    let (from, to, own) = (image.clone(), out.clone(), other.clone());
    // The graphics queue releases the image for this pass, and has work of its own in the same graph.
    graph.pass("out").queue(Compute).copies(&image, &out).record(move |cmd| {
        cmd.copy_image(&from, &to);
    });
    graph.pass("fill").queue(Graphics).writes(other.copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..N, 1);
    });
    gate.hold(&graph);
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    for kind in [Compute, Graphics] {
        let late = gpu.submitted(kind).wait_for(Duration::from_millis(20)).await;
        assert!(matches!(late, Err(Error::Timeout { .. })), "{kind:?}: {late:?}");
    }
    gate.open();
    soon("the graph", done).await.expect("complete");
    assert_eq!(*soon("a read", gpu.read(&out, 0..N)).await.expect("read"), [4; N]);
    assert_eq!(*soon("a read", gpu.read(&other, 0..N)).await.expect("read"), [1; N]);
    drop((image, out, other, gate));
    close(gpu).await;
}
