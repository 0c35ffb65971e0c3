//! Small frames over and over, whose results are known.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use vulkio::{
    CounterSnapshot, Frame, Gpu, GpuBuffer, Graph, GraphicsDesc, GraphicsPipeline, Renderer, RendererOptions, ash::vk,
};

use crate::{
    common::{Gate, families, soon},
    mix::{self, Factors, Mix},
};

pub(crate) const FRAMES_IN_FLIGHT: usize = 2;
pub(crate) const WORKERS: usize = 2;
pub(crate) const WORDS: usize = 64;

/// What is drawn over and over: two counters that a compute pass each adds to, and a triangle.
pub(crate) struct Scene {
    gpu: Gpu,
    pub(crate) renderer: Renderer,
    mix: Mix,
    triangle: GraphicsPipeline,
    zeros: GpuBuffer<u32>,
    counters: [GpuBuffer<u32>; 2],
    /// What the counters must hold.
    expected: u32,
}

impl Scene {
    pub(crate) async fn new(gpu: &Gpu) -> Self {
        // On the workers, however little there is to record.
        let options = RendererOptions::default().in_place_below(Duration::ZERO);
        let options = options.frames_in_flight(FRAMES_IN_FLIGHT).workers(WORKERS);
        let vertex = include_bytes!("../../shaders/spv/triangle.vert.spv");
        let fragment = include_bytes!("../../shaders/spv/triangle.frag.spv");
        let triangle = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
        let buffer = |name| gpu.buffer(name, WORDS).expect("a buffer");
        Self {
            renderer: Renderer::with_options(gpu, [16, 16], options).expect("a renderer"),
            mix: Mix::new(gpu).await,
            triangle: gpu.graphics_pipeline(triangle).await.expect("a pipeline"),
            zeros: mix::buffer(gpu, "zeros", vec![0; WORDS]).await,
            counters: [buffer("counter 0"), buffer("counter 1")],
            gpu: gpu.clone(),
            expected: 0,
        }
    }

    pub(crate) fn declare(&self, frame: &Frame) {
        for counter in &self.counters {
            let one_more = Factors { add: 1, keep: 1, ..Factors::default() };
            let record = self.mix.of(&self.zeros, &self.zeros, counter, one_more);
            frame.pass("count").reads(&self.zeros).writes(counter).record(record);
        }
        let triangle = self.triangle.clone();
        frame.pass("draw").renders(frame.target().clear([0.0, 0.0, 0.0, 1.0])).record(move |cmd| {
            cmd.bind(&triangle).draw(0..3, 0..1);
        });
    }

    /// As much at once as there ever is: behind a gate, every slot's frame, recorded by all workers, and what goes beside
    /// them. What is made for that is all that is needed later, whatever the threads do.
    pub(crate) async fn warm_up(&mut self) {
        let gate = Gate::new(&self.gpu);
        for extra in 0..FRAMES_IN_FLIGHT {
            let frame = soon("a slot", self.renderer.frame()).await.expect("a frame");
            meet(&frame, extra);
            gate.hold(frame.graph());
            soon("a submit", frame.submit()).await.expect("submitted");
        }
        // Two uploads or a read go beside the frames, on whichever queue.
        for kind in families(&self.gpu) {
            for _ in 0..2 {
                let graph = Graph::on(&self.gpu, "beside", kind);
                gate.hold(&graph);
                soon("a submit", graph.submit()).await.expect("submitted");
            }
        }
        gate.open();
        soon("the gated frames", self.renderer.idle()).await.expect("idle");
    }

    /// Draws frame `n`, now and then with an upload before it and a look at the results after it.
    pub(crate) async fn draw(&mut self, n: u32) {
        if n.is_multiple_of(50) {
            for counter in &self.counters {
                soon("an upload", self.gpu.upload(counter, 0, vec![n; WORDS])).await.expect("uploaded");
            }
            self.expected = n;
        }
        let frame = soon("a slot", self.renderer.frame()).await.expect("a frame");
        self.declare(&frame);
        let capture = n.is_multiple_of(400).then(|| frame.capture());
        soon("a submit", frame.submit()).await.expect("submitted");
        self.expected += 1;
        if n % 50 == 30 {
            for counter in &self.counters {
                let read = soon("a read", self.gpu.read(counter, 0..WORDS)).await.expect("read");
                assert!(read.iter().all(|&word| word == self.expected), "frame {n}: {read:?}, not {}", self.expected);
            }
        }
        if let Some(capture) = capture {
            let picture = soon("a picture", capture).await.expect("a picture");
            assert_eq!(picture.texel(0, 0), Some(&[0, 0, 0, 255][..]), "frame {n}");
            assert_ne!(picture.texel(8, 8), Some(&[0, 0, 0, 255][..]), "frame {n}: no triangle");
        }
    }
}

/// Declares passes that every worker records a share of: long frames, of more lengths in turn than plans are kept, are not
/// cut by what they took.
pub(crate) fn meet(frame: &Frame, extra: usize) {
    let passes = 8 * WORKERS + extra;
    let meeting = Arc::<Meeting>::default();
    for pass in 0..passes {
        let meeting = Arc::clone(&meeting);
        frame.pass("meet").record(move |_| {
            if pass == 0 || pass == passes - 1 {
                meeting.wait_for(WORKERS);
            }
        });
    }
}

/// Where threads wait for each other.
#[derive(Default)]
struct Meeting {
    here: Mutex<usize>,
    all: Condvar,
}

impl Meeting {
    fn wait_for(&self, threads: usize) {
        let mut here = self.here.lock().expect("not poisoned");
        *here += 1;
        self.all.notify_all();
        let missing = |here: &mut usize| *here < threads;
        let (_here, waited) =
            self.all.wait_timeout_while(here, Duration::from_secs(20), missing).expect("not poisoned");
        assert!(!waited.timed_out(), "the frame was not cut into a task for each of {threads} workers");
    }
}

/// What must not grow.
pub(crate) fn made(seen: &CounterSnapshot) -> [u64; 6] {
    let CounterSnapshot { device_allocations, device_bytes, command_pools, semaphores, descriptor_writes, .. } = *seen;
    [device_allocations, device_bytes, command_pools, semaphores, descriptor_writes, seen.pipelines]
}
