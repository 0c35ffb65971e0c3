//! Frames of a chain of passes on three queues, whose results tell in which order they ran.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{collections::BTreeSet, sync::Arc};

use vulkio::{
    Completion, Frame, FrameStats, Gpu, GpuBuffer, Graph, PassId, QueueKind,
    QueueKind::{Compute, Graphics, Transfer},
    Renderer, RendererOptions,
};

use crate::{
    common::{self, soon},
    mix::{Factors, Mix, buffer, words},
};

/// Words of a buffer, and texels of an image of 8 x 8.
pub(crate) const N: usize = 64;

/// A line of buffers, each made from the one before it on another queue.
pub(crate) struct Line {
    pub(crate) gpu: Gpu,
    pub(crate) renderer: Renderer,
    pub(crate) mix: Mix,
    pub(crate) zeros: GpuBuffer<u32>,
    pub(crate) line: Vec<GpuBuffer<u32>>,
    /// What the frames so far came to.
    pub(crate) sum: GpuBuffer<u32>,
}

impl Line {
    pub(crate) async fn new(gpu: &Gpu, options: RendererOptions) -> Self {
        let line = (0..4).map(|i| gpu.buffer(&format!("line {i}"), N).expect("a buffer")).collect();
        Self {
            gpu: gpu.clone(),
            renderer: Renderer::with_options(gpu, [8, 8], options).expect("a renderer"),
            mix: Mix::new(gpu).await,
            zeros: buffer(gpu, "zeros", vec![0; N]).await,
            line,
            sum: buffer(gpu, "sum", vec![0; N]).await,
        }
    }

    pub(crate) async fn frame(&self) -> Frame {
        soon("a slot", self.renderer.frame()).await.expect("a frame")
    }

    pub(crate) fn mixed(
        &self,
        graph: &Graph,
        queue: QueueKind,
        from: &GpuBuffer<u32>,
        to: &GpuBuffer<u32>,
        factors: Factors,
    ) -> PassId {
        let record = self.mix.of(from, &self.zeros, to, factors);
        graph.pass("mix").queue(queue).reads(from).reads(&self.zeros).writes(to).record(record)
    }

    /// Five passes on three queues, each after the one before it; the target is drawn on the side.
    pub(crate) fn declare(&self, frame: &Frame, n: u32) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| self.line[i].clone());
        let graph = frame.graph();
        let own = a.clone();
        graph.pass("fill").queue(Transfer).writes(a.copy_target()).record(move |cmd| {
            cmd.fill(&own, 0..N, n);
        });
        self.mixed(graph, Compute, &a, &b, Factors::linear(3, 1));
        self.mixed(graph, Graphics, &b, &c, Factors::linear(5, 2));
        let (from, to) = (c.clone(), d.clone());
        graph.pass("copy").queue(Transfer).copies(&c, &d).record(move |cmd| {
            cmd.copy(&from, 0..N, &to, 0);
        });
        self.mixed(graph, Compute, &d, &self.sum, Factors { keep: 7, ..Factors::linear(1, 0) });
        frame.pass("draw").renders(frame.target().clear(common::color(n))).record(|_| ());
    }

    pub(crate) async fn submit(&self, n: u32) -> Completion<Arc<FrameStats>> {
        let frame = self.frame().await;
        self.declare(&frame, n);
        soon("a submit", frame.submit()).await.expect("submitted")
    }

    pub(crate) async fn check(&self, frames: &[u32], what: &str) {
        let of = |n: &u32| 5u32.wrapping_mul(n.wrapping_mul(3).wrapping_add(1)).wrapping_add(2);
        let sum = frames.iter().fold(0u32, |sum, n| sum.wrapping_mul(7).wrapping_add(of(n)));
        assert_eq!(soon("a read", words(&self.gpu, &self.sum)).await, [sum; N], "{what}");
    }
}

/// Distinct queues of the device.
pub(crate) fn queues(gpu: &Gpu) -> usize {
    [Graphics, Compute, Transfer]
        .map(|kind| gpu.submitted(kind).stamp().queue)
        .into_iter()
        .collect::<BTreeSet<_>>()
        .len()
}
