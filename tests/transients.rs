//! What lives inside a graph: its contents, the memory that it shares, and what it must not be used for.

mod common;

use common::{close, soon, strict_gpu};
use vulkio::{
    Buffer, ComputePipeline, Encoder, Error, Gpu, GpuBuffer, GpuImage, Graph, Ids, PassId, RenderTarget, Renderer,
    RendererOptions, TransientBuffer,
};

const N: usize = 1024;

/// As in shaders/test_mix.comp: `multiply * a + add`, word by word, where `b` is zero.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Push {
    a: u64,
    b: u64,
    result: u64,
    n: u32,
    shift: u32,
    add: u32,
    multiply: u32,
    keep: u32,
    _end: u32,
}

/// The kernel, and a buffer of zeros for it.
struct Kit {
    gpu: Gpu,
    kernel: ComputePipeline,
    zeros: GpuBuffer<u32>,
}

impl Kit {
    async fn new(gpu: &Gpu) -> Self {
        let shader = include_bytes!("../shaders/spv/test_mix.comp.spv");
        let kernel = gpu.compute_pipeline("mix", shader).await.expect("a pipeline");
        let zeros = gpu.buffer("zeros", N).expect("a buffer");
        gpu.upload(&zeros, 0, vec![0u32; N]).await.expect("uploaded").await.expect("complete");
        Self { gpu: gpu.clone(), kernel, zeros }
    }

    /// What records `to = multiply * from + add`.
    fn linear<A, B>(
        &self,
        from: &A,
        to: &B,
        multiply: u32,
        add: u32,
    ) -> impl FnOnce(&mut Encoder<'_>) + Send + use<A, B>
    where
        A: Buffer<Element = u32> + Clone + Send + 'static,
        B: Buffer<Element = u32> + Clone + Send + 'static,
    {
        let (kernel, zeros, from, to) = (self.kernel.clone(), self.zeros.clone(), from.clone(), to.clone());
        move |cmd| {
            let [a, b, result] = [cmd.address(&from), cmd.address(&zeros), cmd.address(&to)];
            let push = Push { a, b, result, n: N as u32, shift: 0, add, multiply, keep: 0, _end: 0 };
            cmd.bind(&kernel).push(&push).dispatch([N.div_ceil(64) as u32, 1, 1]);
        }
    }

    async fn words(&self, buffer: &GpuBuffer<u32>) -> Vec<u32> {
        soon("a read", self.gpu.read(buffer, 0..buffer.len())).await.expect("read").to_vec()
    }
}

async fn run(graph: Graph) {
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("a graph", done).await.expect("complete");
}

/// A chain of `links` transients from a fill with `first` to `result`: each is three times the one before, and one more.
fn chain(kit: &Kit, graph: &Graph, links: usize, first: u32, result: &GpuBuffer<u32>) {
    let transients: Vec<TransientBuffer<u32>> =
        (0..links).map(|i| graph.buffer(&format!("link {i}"), N).expect("a transient")).collect();
    let own = transients[0].clone();
    graph.pass("fill").writes(transients[0].copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..N, first);
    });
    for pair in transients.windows(2) {
        let record = kit.linear(&pair[0], &pair[1], 3, 1);
        graph.pass("link").reads(&pair[0]).reads(&kit.zeros).writes(&pair[1]).record(record);
    }
    let (last, to) = (transients[links - 1].clone(), result.clone());
    graph.pass("out").copies(&last, result).record(move |cmd| {
        cmd.copy(&last, 0..N, &to, 0);
    });
}

fn chained(links: usize, first: u32) -> u32 {
    (1..links).fold(first, |word, _| word.wrapping_mul(3).wrapping_add(1))
}

#[tokio::test]
async fn a_chain_of_transients_takes_the_memory_of_two() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let result = gpu.buffer::<u32>("result", N).expect("a buffer");
    for first in [1, 1000] {
        let graph = Graph::new(&gpu, "chain");
        chain(&kit, &graph, 10, first, &result);
        let stats = graph.plan_stats().expect("a plan");
        assert_eq!((stats.passes, stats.culled, stats.waves, stats.barriers), (11, 0, 11, 10));
        assert_eq!((stats.transient_bytes, stats.transient_bytes_unaliased), (2 * 4 * N as u64, 10 * 4 * N as u64));
        run(graph).await;
        assert_eq!(kit.words(&result).await, vec![chained(10, first); N]);
    }
    drop((kit, result));
    close(gpu).await;
}

#[tokio::test]
async fn graphs_one_after_the_other_use_the_same_arena() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let result = gpu.buffer::<u32>("result", N).expect("a buffer");
    let once = async |first| {
        let graph = Graph::new(&gpu, "chain");
        chain(&kit, &graph, 4, first, &result);
        run(graph).await;
        assert_eq!(kit.words(&result).await, vec![chained(4, first); N]);
    };
    for first in 0..4 {
        once(first).await;
    }
    let before = gpu.counters();
    for first in 4..24 {
        once(first).await;
    }
    let after = gpu.counters();
    assert_eq!(after.device_allocations, before.device_allocations);
    assert_eq!(after.device_bytes, before.device_bytes);
    drop((kit, result));
    close(gpu).await;
}

#[tokio::test]
async fn graphs_in_flight_together_have_an_arena_each() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let results: Vec<_> = (0..8).map(|i| gpu.buffer::<u32>(&format!("result {i}"), N).expect("a buffer")).collect();
    let mut all = Vec::new();
    for (i, result) in results.iter().enumerate() {
        let graph = Graph::new(&gpu, "chain");
        chain(&kit, &graph, 5, i as u32, result);
        all.push(soon("a submit", graph.submit()).await.expect("submitted"));
    }
    for done in all {
        soon("a graph", done).await.expect("complete");
    }
    for (i, result) in results.iter().enumerate() {
        assert_eq!(kit.words(result).await, vec![chained(5, i as u32); N], "graph {i}");
    }
    drop((kit, results));
    close(gpu).await;
}

#[tokio::test]
async fn transient_images_that_never_live_together_share_memory() {
    let gpu = strict_gpu();
    let results: Vec<_> = (0..3).map(|i| gpu.buffer::<u32>(&format!("result {i}"), 64).expect("a buffer")).collect();
    for round in 0..3 {
        let graph = Graph::new(&gpu, "images");
        let mut last: Option<PassId> = None;
        for (i, result) in results.iter().enumerate() {
            let image: GpuImage<Ids> = graph.image(&format!("image {i}"), [8, 8]).expect("a transient");
            let render = graph.pass("render").renders(image.clear(round * 10 + i as u32));
            match last {
                Some(last) => render.after(last).record(|_| ()),
                None => render.record(|_| ()),
            };
            let (from, to) = (image.clone(), result.clone());
            let copy = graph.pass("copy").copies(&image, result).record(move |cmd| {
                cmd.copy_image(&from, &to);
            });
            last = Some(copy);
        }
        let stats = graph.plan_stats().expect("a plan");
        assert_eq!(stats.transient_bytes * 3, stats.transient_bytes_unaliased);
        run(graph).await;
        for (i, result) in results.iter().enumerate() {
            let words = soon("a read", gpu.read(result, 0..64)).await.expect("read").to_vec();
            assert_eq!(words, [round * 10 + i as u32; 64], "image {i} of round {round}");
        }
    }
    drop(results);
    close(gpu).await;
}

#[tokio::test]
async fn frames_have_transients_of_their_own() {
    let gpu = strict_gpu();
    let renderer = Renderer::with_options(&gpu, [8, 8], RendererOptions::default()).expect("a renderer");
    let mut before = gpu.counters();
    for n in 0..12 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let image: GpuImage<RenderTarget> = frame.image("behind", [16, 16]).expect("a transient");
        frame.pass("behind").renders(image.clear([(n % 2) as f32, 0.0, 1.0, 1.0])).record(|_| ());
        let (from, to) = (image.clone(), frame.target().clone());
        frame.pass("scale").reads(image.blit_source()).writes(frame.target().blit_target()).record(move |cmd| {
            cmd.blit(&from, &to, vulkio::Filter::Nearest);
        });
        let capture = frame.capture();
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        let picture = soon("a picture", capture).await.expect("a picture");
        soon("a frame", done).await.expect("complete");
        let expected = [if n % 2 == 1 { 255 } else { 0 }, 0, 255, 255];
        assert_eq!(picture.bytes(), expected.repeat(64), "frame {n}");
        if n == 5 {
            before = gpu.counters();
        }
    }
    assert_eq!(gpu.counters().device_bytes, before.device_bytes);
    drop(renderer);
    close(gpu).await;
}

#[tokio::test]
async fn a_transient_of_another_graph_is_refused_by_name() {
    let gpu = strict_gpu();
    let home = Graph::new(&gpu, "home");
    let buffer: TransientBuffer<u32> = home.buffer("stray", N).expect("a transient");
    let image: GpuImage<Ids> = home.image("picture", [8, 8]).expect("a transient");
    for declare in [0, 1] {
        let graph = Graph::new(&gpu, "other");
        let pass = graph.pass("mistake");
        let (pass, name) = match declare {
            0 => (pass.writes(&buffer), "`stray`"),
            _ => (pass.renders(image.clear(0)), "`picture`"),
        };
        pass.record(|_| ());
        let error = soon("the submit", graph.submit()).await.expect_err("a mistake");
        assert!(matches!(error, Error::Graph(_)), "{error:?}");
        let said = error.to_string();
        assert!(said.contains("`mistake`") && said.contains(name) && said.contains("another graph"), "{said}");
    }
    assert_eq!(gpu.counters().submits, 0);
    drop((home, buffer, image));
    close(gpu).await;
}

#[tokio::test]
async fn a_transient_that_a_pass_did_not_declare_has_no_address_there() {
    let gpu = strict_gpu();
    let graph = Graph::new(&gpu, "home");
    let buffer: TransientBuffer<u32> = graph.buffer("scratch", N).expect("a transient");
    graph.pass("mistake").record(move |cmd| {
        assert_eq!(cmd.address(&buffer), 0);
    });
    let error = soon("the submit", graph.submit()).await.expect_err("a mistake");
    assert!(matches!(error, Error::Record { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("`mistake`") && said.contains("the address of `scratch`"), "{said}");
    close(gpu).await;
}

#[tokio::test]
async fn a_transient_that_nobody_wrote_cannot_be_read() {
    let gpu = strict_gpu();
    let result = gpu.buffer::<u32>("result", N).expect("a buffer");
    let graph = Graph::new(&gpu, "home");
    let buffer: TransientBuffer<u32> = graph.buffer("scratch", N).expect("a transient");
    graph.pass("mistake").copies(&buffer, &result).record(|_| ());
    let error = graph.plan_stats().expect_err("a mistake");
    assert!(matches!(error, Error::Graph(_)), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("`mistake`") && said.contains("`scratch`"), "{said}");
    drop((graph, buffer, result));
    close(gpu).await;
}

#[tokio::test]
async fn a_transient_larger_than_any_heap_is_refused_when_it_is_made() {
    let gpu = strict_gpu();
    let graph = Graph::new(&gpu, "home");
    let error = graph.buffer::<u64>("all", usize::MAX).expect_err("more than there is");
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    let error = graph.buffer::<u64>("none", 0).expect_err("nothing");
    assert!(error.to_string().contains("`none`"), "{error}");
    let error = graph.image::<Ids>("none", [0, 8]).expect_err("nothing");
    assert!(error.to_string().contains("`none`"), "{error}");
    drop(graph);
    close(gpu).await;
}

#[tokio::test]
async fn a_transient_kept_beyond_its_graph_keeps_its_memory_and_no_more() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let result = gpu.buffer::<u32>("result", N).expect("a buffer");
    let graph = Graph::new(&gpu, "home");
    let kept: TransientBuffer<u32> = graph.buffer("kept", N).expect("a transient");
    let own = kept.clone();
    graph.pass("fill").writes(kept.copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..N, 3);
    });
    let (from, to) = (kept.clone(), result.clone());
    graph.pass("out").copies(&kept, &result).record(move |cmd| {
        cmd.copy(&from, 0..N, &to, 0);
    });
    run(graph).await;
    assert_eq!(kit.words(&result).await, [3; N]);
    let graph = Graph::new(&gpu, "later");
    chain(&kit, &graph, 3, 5, &result);
    run(graph).await;
    assert_eq!(kit.words(&result).await, [chained(3, 5); N]);
    assert_eq!((kept.len(), kept.name()), (N, "kept"));
    drop((kit, result, kept));
    close(gpu).await;
}
