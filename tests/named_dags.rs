//! Graphs of a known shape, of real dispatches: their barriers, counted at the call.

mod common;
mod mix;

use common::{Calls, EMPTY_BARRIER, LOOSE_BARRIER, Scene, close, counting, open, soon, strict};
use mix::{Factors, Mix, buffer, one_queue, words};
use vulkio::{Gpu, GpuBuffer, Graph, PlanStats, RendererOptions};

const N: usize = 64;
const FACTORS: Factors = Factors { shift: 5, add: 1, multiply: 3, keep: 0 };

/// Layers of dispatches: each reads two of the layer before it.
///
/// ```text
///   o o o o      wide
///   |X|X|X|
///   o o o o      deep
/// ```
struct Dag {
    gpu: Gpu,
    calls: Calls,
    mix: Mix,
    zeros: GpuBuffer<u32>,
    /// Two layers' buffers, in turns.
    layers: [Vec<GpuBuffer<u32>>; 2],
    deep: usize,
}

/// What one run of it took: its plan, and calls of barriers and dispatches.
struct Taken {
    plan: PlanStats,
    barriers: u64,
    dispatches: u64,
}

impl Taken {
    fn per_dispatch(&self) -> f64 {
        self.barriers as f64 / self.dispatches as f64
    }
}

impl Dag {
    async fn new(wide: usize, deep: usize) -> Self {
        let (options, calls) = counting(strict());
        let gpu = open(options);
        let layer = |layer: usize| {
            let named = |i| gpu.buffer(&format!("buffer {layer}.{i}"), N).expect("a buffer");
            (0..wide).map(named).collect()
        };
        let layers = [layer(0), layer(1)];
        let (mix, zeros) = (Mix::new(&gpu).await, buffer(&gpu, "zeros", vec![0; N]).await);
        // What was uploaded is shown to shaders here, and needs no barrier after this.
        let graph = Graph::new(&gpu, "look");
        graph.pass("look").reads(&zeros).record(|_| ());
        soon("a submit", graph.submit()).await.expect("submitted");
        Self { gpu, calls, mix, zeros, layers, deep }
    }

    /// What a dispatch of the layer reads.
    fn sources(&self, layer: usize, i: usize) -> [&GpuBuffer<u32>; 2] {
        let before = &self.layers[(layer + 1) % 2];
        match layer {
            0 => [&self.zeros; 2],
            _ => [&before[i], &before[(i + 1) % before.len()]],
        }
    }

    fn declare(&self, graph: &Graph) {
        for layer in 0..self.deep {
            for (i, to) in self.layers[layer % 2].iter().enumerate() {
                let [a, b] = self.sources(layer, i);
                graph.pass("dispatch").reads(a).reads(b).writes(to).record(self.mix.of(a, b, to, FACTORS));
            }
        }
    }

    fn counts(&self) -> [u64; 2] {
        ["vkCmdPipelineBarrier2", "vkCmdDispatch"].map(|call| self.calls.total(call))
    }

    fn taken(&self, plan: PlanStats, before: [u64; 2]) -> Taken {
        let after = self.counts();
        assert_eq!([EMPTY_BARRIER, LOOSE_BARRIER].map(|call| self.calls.total(call)), [0; 2]);
        Taken { plan, barriers: after[0] - before[0], dispatches: after[1] - before[1] }
    }

    async fn graph(&self) -> Taken {
        let graph = Graph::new(&self.gpu, "dag");
        self.declare(&graph);
        let (plan, before) = (graph.plan_stats().expect("a plan"), self.counts());
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        let stats = soon("a graph", done).await.expect("complete");
        let taken = self.taken(plan, before);
        assert_eq!((stats.barriers, stats.dispatches), (taken.barriers, taken.dispatches));
        taken
    }

    async fn frame(&self, scene: &Scene) -> Taken {
        let frame = scene.frame().await;
        self.declare(frame.graph());
        let (plan, before) = (frame.plan_stats().expect("a plan"), self.counts());
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        let stats = soon("a frame", done).await.expect("complete");
        let taken = self.taken(plan, before);
        assert_eq!((stats.barriers, stats.dispatches), (taken.barriers, taken.dispatches));
        assert_eq!(stats.barriers_per_dispatch(), taken.per_dispatch());
        taken
    }

    /// Every dispatch did what it should.
    async fn check(&self) {
        let zeros = vec![0; N];
        let mut before = vec![zeros.clone(); self.layers[0].len()];
        let mut last = before.clone();
        for _ in 0..self.deep {
            let mixed = |i: usize| FACTORS.mixed(&before[i], &before[(i + 1) % before.len()], &zeros);
            last = (0..before.len()).map(mixed).collect();
            before.clone_from(&last);
        }
        for (buffer, expected) in self.layers[(self.deep - 1) % 2].iter().zip(&last) {
            assert_eq!(&soon("a read", words(&self.gpu, buffer)).await, expected, "{}", buffer.name());
        }
    }

    /// The first run, and steady ones, through a graph or a frame: never more than `most` barriers for a dispatch.
    async fn measured(wide: usize, deep: usize, through_frame: bool, most: f64) {
        let dag = Self::new(wide, deep).await;
        let scene = Scene::new(&dag.gpu, RendererOptions::default());
        for n in 0..4 {
            let taken = if through_frame { dag.frame(&scene).await } else { dag.graph().await };
            let Taken { plan, barriers, dispatches } = &taken;
            assert_eq!((plan.passes, plan.waves, plan.barriers, plan.culled), (wide * deep, deep, deep - 1, 0));
            assert_eq!((plan.lower_bound, plan.batches, plan.queues, plan.waits), (deep - 1, 1, 1, 0));
            // One call between two waves, and from the second time on one before the first: what it writes was read.
            let entry = u64::from(n > 0 && deep > 0);
            assert_eq!((*barriers, *dispatches), (deep as u64 - 1 + entry, (wide * deep) as u64), "run {n}");
            assert!(taken.per_dispatch() <= most, "run {n}: {} barriers per dispatch", taken.per_dispatch());
            println!("{wide} x {deep}, run {n}: {barriers} / {dispatches} = {:.4}", taken.per_dispatch());
        }
        dag.check().await;
        let Self { gpu, .. } = dag;
        drop((dag.layers, dag.zeros, dag.mix, scene));
        close(gpu).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_wide_and_sixty_four_deep_takes_at_most_seven_hundredths_of_a_barrier_per_dispatch() {
    Dag::measured(16, 64, false, 0.07).await;
    Dag::measured(16, 64, true, 0.07).await;
}

#[tokio::test]
async fn two_wide_and_sixty_four_deep_takes_at_most_half_a_barrier_per_dispatch() {
    Dag::measured(2, 64, false, 0.5).await;
    Dag::measured(2, 64, true, 0.5).await;
}

#[tokio::test]
async fn a_chain_takes_a_barrier_between_two_links_and_no_more() {
    for deep in [1, 2, 3, 100] {
        Dag::measured(1, deep, false, 1.0).await;
        Dag::measured(1, deep, true, 1.0).await;
    }
}

#[tokio::test]
async fn what_has_nothing_to_do_with_one_another_takes_no_barrier() {
    Dag::measured(64, 1, false, 1.0 / 64.0).await;
    Dag::measured(64, 1, true, 1.0 / 64.0).await;
}

#[tokio::test]
async fn reads_of_what_was_shown_to_them_take_no_barrier_however_often_they_come() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let zeros = buffer(&gpu, "zeros", vec![0; N]).await;
    let scene = Scene::new(&gpu, RendererOptions::default());
    for n in 0..6 {
        let before = calls.total("vkCmdPipelineBarrier2");
        let frame = scene.frame().await;
        for _ in 0..20 {
            frame.pass("look").reads(&zeros).record(|_| ());
        }
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        soon("a frame", done).await.expect("complete");
        let most = u64::from(n == 0 && one_queue(&gpu));
        assert_eq!(calls.total("vkCmdPipelineBarrier2") - before, most, "frame {n}");
    }
    assert_eq!(calls.total(EMPTY_BARRIER), 0);
    drop((zeros, scene));
    close(gpu).await;
}

/// ```text
///       fork              1
///   /  /  \  \
///  o  o    o  o  ..     wide
///   \  \  /  /
///       join              1      and again, `deep` times
/// ```
#[tokio::test]
async fn diamonds_take_two_barriers_each_however_wide() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let mix = Mix::new(&gpu).await;
    let (wide, deep) = (8, 10);
    let ends = [0, 1].map(|i| gpu.buffer::<u32>(&format!("end {i}"), N).expect("a buffer"));
    let sides: Vec<_> = (0..wide).map(|i| gpu.buffer::<u32>(&format!("side {i}"), N).expect("a buffer")).collect();
    soon("it", gpu.upload(&ends[0], 0, vec![1; N])).await.expect("uploaded");
    let mut expected = 1u32;
    for n in 0..3 {
        let graph = Graph::new(&gpu, "diamonds");
        for _ in 0..deep {
            let from = &ends[0];
            for side in &sides {
                let record = mix.of(from, from, side, Factors::linear(1, 0));
                graph.pass("side").reads(from).writes(side).record(record);
            }
            let side = expected.wrapping_add(expected.rotate_left(7));
            expected = side.wrapping_mul(5).wrapping_add(side.rotate_left(7)).wrapping_add(2);
            // It reads all sides, of which it mixes two.
            let record = mix.of(&sides[0], &sides[wide - 1], from, Factors::linear(5, 2));
            let join = sides.iter().fold(graph.pass("join"), |pass, side| pass.reads(side));
            join.writes(from).record(record);
        }
        let plan = graph.plan_stats().expect("a plan");
        assert_eq!((plan.waves, plan.barriers, plan.lower_bound), (2 * deep, 2 * deep - 1, 2 * deep - 1));
        let before = calls.total("vkCmdPipelineBarrier2");
        soon("a submit", graph.submit()).await.expect("submitted");
        let entry = u64::from(n > 0 || one_queue(&gpu));
        assert_eq!(calls.total("vkCmdPipelineBarrier2") - before, 2 * deep as u64 - 1 + entry, "run {n}");
        assert_eq!(soon("a read", words(&gpu, &ends[0])).await, [expected; N]);
    }
    assert_eq!([EMPTY_BARRIER, LOOSE_BARRIER].map(|call| calls.total(call)), [0; 2]);
    drop((mix, ends, sides));
    close(gpu).await;
}
