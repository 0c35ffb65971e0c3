//! Code that is generic over back ends runs on the renderer, and on one that only counts.

mod common;

use std::{
    future::{Ready, ready},
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use common::{close, soon, strict_gpu};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vulkio::{BackendFrame, Encoder, Error, GraphicsDesc, RenderBackend, Renderer, Result, ash::vk};

type EncoderOf<'a, B> = <<B as RenderBackend>::Frame as BackendFrame>::Encoder<'a>;

const FRAMES: u32 = 5;

/// Draws frames of a sky with something on it, and waits for all of them.
async fn film<B, P>(backend: B, paint: P) -> Result<Vec<B::Stats>>
where
    B: RenderBackend,
    P: Fn(&mut EncoderOf<'_, B>) + Clone + Send + 'static,
{
    let (mut submitted, mut stats) = (Vec::new(), Vec::new());
    for n in 0..FRAMES {
        let frame = backend.begin_frame().await?;
        assert_eq!(frame.size(), [8, 4]);
        frame.draw("sky", Some(common::color(n)), |_| Ok(()));
        let paint = paint.clone();
        frame.draw("subject", None, move |cmd| {
            paint(cmd);
            Ok(())
        });
        submitted.push(backend.end_frame(frame).await?);
    }
    for done in submitted {
        stats.push(done.await?);
    }
    Ok(stats)
}

/// Begins a frame that it drops, and one that fails.
async fn blunders<B: RenderBackend>(backend: B) -> Error {
    let frame = backend.begin_frame().await.expect("a frame");
    frame.draw("never", None, |_| panic!("recorded, and not submitted"));
    drop(frame);
    let frame = backend.begin_frame().await.expect("a frame");
    frame.draw("bad", None, |_| Err(Error::Invalid("no ink".into())));
    backend.end_frame(frame).await.err().expect("a pass failed")
}

/// A back end that runs passes and counts what they draw.
#[derive(Clone)]
struct Counter {
    slots: Arc<Semaphore>,
    frames: Arc<AtomicU64>,
}

struct CounterFrame {
    _slot: OwnedSemaphorePermit,
    passes: Mutex<Vec<CountedPass>>,
}

type CountedPass = Box<dyn FnOnce(&mut Tally<'_>) -> Result<()> + Send>;

/// Counts a pass's draws.
struct Tally<'a>(&'a mut u64);

impl Counter {
    fn new() -> Self {
        Self { slots: Arc::new(Semaphore::new(1)), frames: Arc::default() }
    }
}

impl RenderBackend for Counter {
    type Frame = CounterFrame;
    type Stats = u64;
    type Done = Ready<Result<u64>>;

    async fn begin_frame(&self) -> Result<CounterFrame> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| Error::Closed)?;
        Ok(CounterFrame { _slot: slot, passes: Mutex::default() })
    }

    async fn end_frame(&self, frame: CounterFrame) -> Result<Self::Done> {
        let mut draws = 0;
        for pass in mem::take(&mut *frame.passes.lock().expect("not poisoned")) {
            pass(&mut Tally(&mut draws))?;
        }
        self.frames.fetch_add(1, Ordering::SeqCst);
        Ok(ready(Ok(draws)))
    }
}

impl BackendFrame for CounterFrame {
    type Encoder<'a> = Tally<'a>;

    fn size(&self) -> [u32; 2] {
        [8, 4]
    }

    fn draw<F>(&self, _: &str, _: Option<[f32; 4]>, record: F)
    where
        F: FnOnce(&mut Tally<'_>) -> Result<()> + Send + 'static,
    {
        self.passes.lock().expect("not poisoned").push(Box::new(record));
    }
}

#[tokio::test]
async fn a_back_end_that_counts_runs_what_the_renderer_runs() {
    let counter = Counter::new();
    let film = tokio::spawn(film(counter.clone(), |tally: &mut Tally<'_>| *tally.0 += 1));
    assert_eq!(soon("the film", film).await.expect("no panic").expect("it ran"), [1; FRAMES as usize]);
    assert_eq!(counter.frames.load(Ordering::SeqCst), u64::from(FRAMES));
    let error = soon("blunders", tokio::spawn(blunders(counter.clone()))).await.expect("no panic");
    assert!(error.to_string().contains("no ink"), "{error}");
    assert_eq!(counter.frames.load(Ordering::SeqCst), u64::from(FRAMES));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_renderer_is_a_back_end() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [8, 4]).expect("a renderer");
    let [vertex, fragment]: [&[u8]; 2] =
        [include_bytes!("../shaders/spv/triangle.vert.spv"), include_bytes!("../shaders/spv/triangle.frag.spv")];
    let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let triangle = gpu.graphics_pipeline(desc).await.expect("a pipeline");
    let paint = move |cmd: &mut Encoder<'_>| {
        cmd.bind(&triangle).draw(0..3, 0..1);
    };
    let film = tokio::spawn(film(renderer.clone(), paint));
    let stats = soon("the film", film).await.expect("no panic").expect("it ran");
    assert_eq!(stats.iter().map(|stats| (stats.passes, stats.draws)).collect::<Vec<_>>(), [(2, 1); FRAMES as usize]);
    let picture = soon("a picture", renderer.capture()).await.expect("a picture");
    assert_eq!(picture.bytes()[..4], common::pixel(FRAMES - 1), "a corner shows the last sky");
    assert_ne!(picture.bytes()[4 * (2 * 8 + 4)..][..4], common::pixel(FRAMES - 1), "and the middle something on it");

    let submits = gpu.counters().submits;
    let error = soon("blunders", tokio::spawn(blunders(renderer.clone()))).await.expect("no panic");
    assert_eq!(error.to_string(), "pass `bad`: no ink");
    assert_eq!(gpu.counters().submits, submits);
    drop(renderer);
    close(gpu).await;
}
