//! What dispatches cost in Vulkan calls, counted twice: by the library, and outside of it at the device's functions.
//!
//! The bound that barriers are held against is worked out here, from hazards alone: the dispatches on the longest path, less
//! one. It shares no code with the plan's.

mod common;
mod mix;

use std::{future::IntoFuture, sync::Arc, time::Duration};

use common::{Calls, EMPTY_BARRIER, Gate, LOOSE_BARRIER, close, counting, open, poll_once, soon, strict};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use mix::{Factors, MixKernel, buffer, words};
use tokio::task::JoinSet;
use vulkio::{
    Batching, CounterSnapshot, Dispatch, FrameStats, Gpu, GpuBuffer, Graph, PlanStats,
    compute::{self, Matrix},
};

const N: usize = 256;
const FACTORS: Factors = Factors { shift: 3, add: 1, multiply: 5, keep: 0 };
/// Runs of each DAG; those after the first two find everything made.
const RUNS: usize = 5;
const WARM_UP: usize = 2;
/// Two runs' submissions, of which those of the first may be complete and not given back yet.
const MOST_POOLS: u64 = 8;

/// A dispatch: the buffers that it reads, of which it mixes the first and the last, and the one that it writes.
#[derive(Clone, Debug)]
struct Node {
    reads: Vec<usize>,
    writes: usize,
}

/// Dispatches in the order of their declaration. Buffer 0 holds zeros, and nobody writes it.
#[derive(Clone, Debug)]
struct Dag {
    name: &'static str,
    nodes: Vec<Node>,
}

impl Node {
    fn new(reads: impl IntoIterator<Item = usize>, writes: usize) -> Self {
        Self { reads: reads.into_iter().collect(), writes }
    }

    fn touches(&self, buffer: usize) -> bool {
        self.writes == buffer || self.reads.contains(&buffer)
    }

    /// Whether the two cannot overlap: one of them writes what the other touches.
    fn conflicts(&self, other: &Self) -> bool {
        self.touches(other.writes) || other.touches(self.writes)
    }

    fn sources(&self) -> [usize; 2] {
        [self.reads[0], self.reads[self.reads.len() - 1]]
    }
}

impl Dag {
    /// `o - o - o - o`
    fn chain(deep: usize) -> Self {
        Self { name: "chain", nodes: (0..deep).map(|i| Node::new([i], i + 1)).collect() }
    }

    /// One that writes, and many that read that.
    fn fan_out(wide: usize) -> Self {
        let readers = (0..wide).map(|i| Node::new([1], 2 + i));
        Self { name: "fan-out", nodes: [Node::new([0], 1)].into_iter().chain(readers).collect() }
    }

    /// Many that write, and one that reads all of that.
    fn fan_in(wide: usize) -> Self {
        let writers = (0..wide).map(|i| Node::new([0], 1 + i));
        Self { name: "fan-in", nodes: writers.chain([Node::new(1..=wide, wide + 1)]).collect() }
    }

    /// A fan-out, and a fan-in of it.
    fn diamond(wide: usize) -> Self {
        let fork = Node::new([0], 1);
        let sides = (0..wide).map(|i| Node::new([1], 2 + i));
        let join = Node::new(2..2 + wide, 2 + wide);
        Self { name: "diamond", nodes: [fork].into_iter().chain(sides).chain([join]).collect() }
    }

    /// Nothing to do with one another.
    fn independent(wide: usize) -> Self {
        Self { name: "independent", nodes: (0..wide).map(|i| Node::new([0], 1 + i)).collect() }
    }

    /// Chains beside one another, declared one after the other.
    fn chains(wide: usize, deep: usize) -> Self {
        let at = |chain: usize, i: usize| if i == 0 { 0 } else { chain * deep + i };
        let node = |chain, i| Node::new([at(chain, i)], at(chain, i + 1));
        Self { name: "chains", nodes: (0..wide).flat_map(|chain| (0..deep).map(move |i| node(chain, i))).collect() }
    }

    /// Each writes what the one before it still reads: no data goes on, and still none may overtake.
    fn overwritten(deep: usize) -> Self {
        let node = |i: usize| Node::new([if i == 0 { 0 } else { 1 + i % 2 }], 1 + (i + 1) % 2);
        Self { name: "overwritten", nodes: (0..deep).map(node).collect() }
    }

    fn all() -> Vec<Self> {
        vec![
            Self::chain(1),
            Self::chain(2),
            Self::chain(50),
            Self::fan_out(16),
            Self::fan_in(16),
            Self::diamond(8),
            Self::independent(1),
            Self::independent(64),
            Self::chains(4, 16),
            Self::overwritten(12),
        ]
    }

    /// Barriers that no order of these dispatches on one queue can do without.
    fn bound(&self) -> usize {
        let mut depths = Vec::<usize>::new();
        for node in &self.nodes {
            let before = self.nodes.iter().zip(&depths).filter(|(before, _)| before.conflicts(node));
            let depth = 1 + before.map(|(_, &depth)| depth).max().unwrap_or(0);
            depths.push(depth);
        }
        depths.into_iter().max().unwrap_or(1) - 1
    }

    fn buffers(&self) -> usize {
        1 + self.nodes.iter().map(|node| node.writes).max().unwrap_or(0)
    }

    /// What each buffer holds after one more run.
    fn run(&self, contents: &mut [Vec<u32>]) {
        for node in &self.nodes {
            let [a, b] = node.sources();
            contents[node.writes] = FACTORS.mixed(&contents[a], &contents[b], &contents[node.writes]);
        }
    }
}

/// A DAG on a device, and what its buffers should hold.
struct Bench {
    gpu: Gpu,
    calls: Calls,
    mix: MixKernel,
    dag: Dag,
    buffers: Vec<GpuBuffer<u32>>,
    /// Written by dispatches that keep the GPU busy, one each.
    own: Vec<GpuBuffer<u32>>,
    expected: Vec<Vec<u32>>,
}

/// What keeps the GPU busy until its gate opens.
struct Ahead {
    gate: Gate,
    done: BoxFuture<'static, ()>,
}

/// Calls so far, as the library counts them and as they are counted outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    dispatches: u64,
    barriers: u64,
    submits: u64,
    descriptor_writes: u64,
    allocations: u64,
    pools: u64,
}

impl Counts {
    fn ours(seen: &CounterSnapshot) -> Self {
        Self {
            dispatches: seen.dispatches,
            barriers: seen.barriers,
            submits: seen.submits,
            descriptor_writes: seen.descriptor_writes,
            allocations: seen.device_allocations,
            pools: seen.command_pools,
        }
    }

    fn outside(calls: &Calls) -> Self {
        Self {
            dispatches: calls.total("vkCmdDispatch"),
            barriers: calls.total("vkCmdPipelineBarrier2"),
            submits: calls.total("vkQueueSubmit2"),
            descriptor_writes: calls.total("vkUpdateDescriptorSets"),
            allocations: calls.total("vkAllocateMemory"),
            pools: calls.total("vkCreateCommandPool"),
        }
    }

    /// What came since.
    fn since(self, before: Self) -> Self {
        Self {
            dispatches: self.dispatches - before.dispatches,
            barriers: self.barriers - before.barriers,
            submits: self.submits - before.submits,
            descriptor_writes: self.descriptor_writes - before.descriptor_writes,
            allocations: self.allocations - before.allocations,
            pools: self.pools - before.pools,
        }
    }
}

/// Submissions before dispatches gather.
const IN_FLIGHT: usize = 1;

impl Bench {
    async fn new(dag: Dag) -> Self {
        // Nothing but the completion of what was submitted before lets dispatches go that gather.
        let batching = Batching::default().in_flight(IN_FLIGHT).max_delay(Duration::from_secs(3600));
        let (options, calls) = counting(strict().batching(batching));
        let gpu = open(options);
        let mix = MixKernel::new(&gpu).await;
        let mut buffers = vec![buffer(&gpu, "zeros", vec![0; N]).await];
        buffers.extend((1..dag.buffers()).map(|i| gpu.buffer(&format!("buffer {i}"), N).expect("a buffer")));
        let own = (0..IN_FLIGHT).map(|i| gpu.buffer(&format!("own {i}"), N).expect("a buffer")).collect();
        // What was uploaded is shown to shaders here, and needs no barrier after this.
        let graph = Graph::new(&gpu, "look");
        graph.pass("look").reads(&buffers[0]).record(|_| ());
        soon("a look", soon("a submit", graph.submit()).await.expect("submitted")).await.expect("complete");
        let expected = vec![vec![0; N]; buffers.len()];
        Self { gpu, calls, mix, dag, buffers, own, expected }
    }

    /// Both counts, which agree.
    fn counts(&self) -> Counts {
        let (ours, outside) = (Counts::ours(&self.gpu.counters()), Counts::outside(&self.calls));
        assert_eq!(ours, outside, "{}: the library's counts, and those at the device's functions", self.dag.name);
        ours
    }

    fn dispatch(&self, node: &Node) -> Dispatch {
        let [a, b] = node.sources().map(|i| &self.buffers[i]);
        let work = self.mix.of([a, b, &self.buffers[node.writes]], FACTORS);
        node.reads.iter().fold(work, |work, &read| work.reads(&self.buffers[read]))
    }

    fn declare(&self, graph: &Graph) {
        self.dag.nodes.iter().for_each(|node| graph.add(self.dispatch(node)));
    }

    /// All of it as one piece of work.
    fn whole(&self) -> Dispatch {
        self.dag.nodes.iter().fold(Dispatch::nothing(&self.gpu), |work, node| work.then(self.dispatch(node)))
    }

    async fn graph(&mut self) -> (PlanStats, FrameStats) {
        let graph = Graph::new(&self.gpu, self.dag.name);
        self.declare(&graph);
        let plan = graph.plan_stats().expect("a plan");
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        self.dag.run(&mut self.expected);
        (plan, *soon("a graph", done).await.expect("complete"))
    }

    /// As many submissions of dispatches on their way as there may be: those that come now gather.
    async fn busy(&self) -> Ahead {
        let gate = Gate::new(&self.gpu);
        let graph = Graph::new(&self.gpu, "busy");
        gate.hold(&graph);
        soon("a submit", graph.submit()).await.expect("submitted");
        let mut all = Vec::new();
        for own in &self.own {
            let work = self.mix.of([&self.buffers[0], &self.buffers[0], own], FACTORS);
            all.push(soon("a submit", work.submit()).await.expect("submitted"));
        }
        let done = async {
            all.into_iter().collect::<FuturesUnordered<_>>().for_each(|done| async { done.expect("complete") }).await
        };
        Ahead { gate, done: done.boxed() }
    }

    async fn check(&self) {
        for (buffer, expected) in self.buffers.iter().zip(&self.expected) {
            assert_eq!(&soon("a read", words(&self.gpu, buffer)).await, expected, "{}", buffer.name());
        }
    }

    async fn close(self) {
        assert_eq!([EMPTY_BARRIER, LOOSE_BARRIER].map(|call| self.calls.total(call)), [0; 2]);
        let pools = self.counts().pools;
        assert!(pools <= MOST_POOLS, "{pools} command pools");
        let gpu = self.gpu.clone();
        drop(self);
        close(gpu).await;
    }
}

#[test]
fn the_bounds_of_the_named_dags_are_what_their_pictures_say() {
    let bounds: Vec<_> = Dag::all().iter().map(|dag| (dag.name, dag.nodes.len(), dag.bound())).collect();
    let expected = [
        ("chain", 1, 0),
        ("chain", 2, 1),
        ("chain", 50, 49),
        ("fan-out", 17, 1),
        ("fan-in", 17, 1),
        ("diamond", 10, 2),
        ("independent", 1, 0),
        ("independent", 64, 0),
        ("chains", 64, 15),
        ("overwritten", 12, 11),
    ];
    assert_eq!(bounds, expected);
}

#[tokio::test]
async fn every_named_dag_takes_as_many_barriers_as_its_longest_path_and_writes_no_descriptor() {
    for dag in Dag::all() {
        let (bound, dispatches) = (dag.bound(), dag.nodes.len() as u64);
        let mut bench = Bench::new(dag).await;
        for run in 0..RUNS {
            let before = bench.counts();
            let (plan, stats) = bench.graph().await;
            let took = bench.counts().since(before);
            let name = format!("{} of {dispatches}, run {run}: {took:?}", bench.dag.name);
            assert_eq!((plan.lower_bound, plan.barriers), (bound, bound), "{name}");
            // What the run before wrote stands before the first dispatch of this one.
            let entry = u64::from(run > 0);
            assert_eq!(took.barriers, bound as u64 + entry, "{name}");
            assert_eq!((stats.barriers, stats.dispatches), (took.barriers, took.dispatches), "{name}");
            assert_eq!((took.dispatches, took.submits, took.descriptor_writes), (dispatches, 1, 0), "{name}");
            if run >= WARM_UP {
                assert_eq!(took.allocations, 0, "{name}");
            }
        }
        bench.check().await;
        bench.close().await;
    }
}

#[tokio::test]
async fn awaited_as_one_piece_of_work_a_dag_takes_no_more_than_in_a_graph() {
    for dag in Dag::all() {
        let (bound, dispatches) = (dag.bound() as u64, dag.nodes.len() as u64);
        let mut bench = Bench::new(dag).await;
        for run in 0..RUNS {
            let before = bench.counts();
            soon("a dag", bench.whole().into_future()).await.expect("complete");
            bench.dag.run(&mut bench.expected);
            let took = bench.counts().since(before);
            let name = format!("{} of {dispatches}, run {run}: {took:?}", bench.dag.name);
            assert_eq!((took.dispatches, took.submits, took.descriptor_writes), (dispatches, 1, 0), "{name}");
            assert_eq!(took.barriers, bound + u64::from(run > 0), "{name}");
            if run >= WARM_UP {
                assert_eq!(took.allocations, 0, "{name}");
            }
        }
        bench.check().await;
        bench.close().await;
    }
}

#[tokio::test]
async fn awaited_one_by_one_each_dispatch_takes_a_submit_a_barrier_at_most_and_nothing_else() {
    for dag in [Dag::chain(20), Dag::diamond(8), Dag::overwritten(12)] {
        let dispatches = dag.nodes.len() as u64;
        let mut bench = Bench::new(dag).await;
        for run in 0..RUNS {
            let before = bench.counts();
            for node in bench.dag.nodes.clone() {
                soon("a dispatch", bench.dispatch(&node).into_future()).await.expect("complete");
            }
            bench.dag.run(&mut bench.expected);
            let took = bench.counts().since(before);
            let name = format!("{} of {dispatches}, run {run}: {took:?}", bench.dag.name);
            assert_eq!((took.dispatches, took.submits, took.descriptor_writes), (dispatches, dispatches, 0), "{name}");
            assert!(took.barriers <= dispatches, "{name}");
            if run >= WARM_UP {
                assert_eq!(took.allocations, 0, "{name}");
            }
        }
        bench.check().await;
        bench.close().await;
    }
}

#[tokio::test]
async fn what_gathers_while_the_gpu_is_busy_takes_one_submit_and_the_barriers_of_one_graph() {
    for dag in Dag::all() {
        let (bound, dispatches) = (dag.bound() as u64, dag.nodes.len() as u64);
        let mut bench = Bench::new(dag).await;
        for run in 0..RUNS {
            let ahead = bench.busy().await;
            let before = bench.counts();
            let works: Vec<_> =
                bench.dag.nodes.iter().map(|node| Box::pin(bench.dispatch(node).into_future())).collect();
            let mut works = futures::future::join_all(works);
            assert!(poll_once(&mut works).is_pending(), "the GPU is busy");
            assert_eq!(bench.counts(), before, "they gather");
            ahead.gate.open();
            soon("those before", ahead.done).await;
            for work in soon("a dag", works).await {
                work.expect("complete");
            }
            bench.dag.run(&mut bench.expected);
            let took = bench.counts().since(before);
            let name = format!("{} of {dispatches}, run {run}: {took:?}", bench.dag.name);
            assert_eq!((took.dispatches, took.submits, took.descriptor_writes), (dispatches, 1, 0), "{name}");
            // What stands before the first of them is there or not: what was submitted before has to do with buffer 0 alone.
            assert!((bound..=bound + 1).contains(&took.barriers), "{name}");
            if run >= WARM_UP {
                assert_eq!(took.allocations, 0, "{name}");
            }
        }
        bench.check().await;
        bench.close().await;
    }
}

/// ```text
/// saxpy ─┬─ reduce
///        └─ scan ─┬─ reduce
///                 └─ gemm
/// ```
#[tokio::test]
async fn operations_in_one_graph_take_as_many_barriers_as_their_longest_path() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let saxpy = soon("saxpy", compute::Saxpy::new(&gpu)).await.expect("saxpy");
    let sum = soon("sum", compute::Reduce::<f32>::sum(&gpu)).await.expect("sum");
    let scan = soon("scan", compute::Scan::<f32>::inclusive(&gpu)).await.expect("scan");
    let gemm = soon("gemm", compute::Gemm::new(&gpu, compute::Precision::Single)).await.expect("gemm");
    let (rows, columns) = (50, 100);
    let count = rows * columns;
    let ones = async |name| {
        let buffer = gpu.buffer::<f32>(name, count).expect("a buffer");
        soon("an upload", gpu.upload(&buffer, 0, vec![1.0; count])).await.expect("uploaded");
        buffer
    };
    let (x, y) = (ones("x").await, ones("y").await);
    let sums = gpu.buffer::<f32>("sums", count).expect("a buffer");
    let product = gpu.buffer::<f32>("product", rows * rows).expect("a buffer");
    let totals = ["total of y", "total of sums"].map(|name| gpu.buffer::<f32>(name, 1).expect("a buffer"));
    let declare = |graph: &Graph| {
        graph.add(saxpy.of(2.0, &x, &y).expect("saxpy"));
        graph.add(sum.of(&y, &totals[0]).expect("a sum"));
        graph.add(scan.of(&y, &sums).expect("a scan"));
        graph.add(sum.of(&sums, &totals[1]).expect("a sum"));
        let (a, b) = (Matrix::new(&sums, rows, columns), Matrix::new(&y, columns, rows));
        graph.add(gemm.of(1.0, &a, &b, 0.0, &Matrix::new(&product, rows, rows)).expect("a product"));
    };
    let graph = Graph::new(&gpu, "warm-up");
    (0..2).for_each(|_| declare(&graph));
    soon("a warm-up", soon("a submit", graph.submit()).await.expect("submitted")).await.expect("complete");
    for run in 0..RUNS {
        // What a run used is given back just after those who await it are woken, and before those of the next submission are.
        let graph = Graph::new(&gpu, "nothing");
        soon("nothing", soon("a submit", graph.submit()).await.expect("submitted")).await.expect("complete");
        let before = (Counts::ours(&gpu.counters()), Counts::outside(&calls));
        let graph = Graph::new(&gpu, "operations");
        declare(&graph);
        let plan = graph.plan_stats().expect("a plan");
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        soon("a graph", done).await.expect("complete");
        let took = Counts::ours(&gpu.counters()).since(before.0);
        assert_eq!(took, Counts::outside(&calls).since(before.1), "both counts, run {run}");
        let name = format!("run {run}: {took:?}");
        assert_eq!((plan.lower_bound, plan.barriers), (2, 2), "{name}");
        // What the run before wrote stands before the first dispatch of this one.
        assert_eq!((took.dispatches, took.barriers, took.submits), (5, 3, 1), "{name}");
        assert_eq!((took.descriptor_writes, took.allocations), (0, 0), "{name}");
        // y grows by twice x each time, in the warm-up too.
        let each = f64::from(1 + 2 * (run as u32 + 3));
        let n = count as f64;
        let totals = [soon("a read", gpu.read(&totals[0], ..)).await, soon("a read", gpu.read(&totals[1], ..)).await];
        let [of_y, of_sums] = totals.map(|total| f64::from(total.expect("read")[0]));
        assert_eq!(of_y, each * n, "run {run}");
        let expected = each * n * (n + 1.0) / 2.0;
        assert!((of_sums - expected).abs() <= 1e-6 * expected, "run {run}: {of_sums}, not {expected}");
        // The last row of A times a column of B, in which all are equal.
        let row: f64 = (count - columns + 1..=count).map(|place| each * place as f64).sum();
        let last = f64::from(soon("a read", gpu.read(&product, rows * rows - 1..rows * rows)).await.expect("read")[0]);
        assert!((last - each * row).abs() <= 1e-5 * each * row, "run {run}: {last}, not {}", each * row);
    }
    assert_eq!([EMPTY_BARRIER, LOOSE_BARRIER].map(|call| calls.total(call)), [0; 2]);
    drop((saxpy, sum, scan, gemm, x, y, sums, totals, product));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_that_await_over_and_over_allocate_nothing_after_their_first_round() {
    const TASKS: usize = 16;
    const AWAITS: usize = 20;
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let (mix, sum) =
        (Arc::new(MixKernel::new(&gpu).await), soon("sum", compute::Reduce::<u32>::sum(&gpu)).await.expect("sum"));
    let zeros = buffer(&gpu, "zeros", vec![0; N]).await;
    let mut counters = Vec::new();
    for i in 0..TASKS {
        counters
            .push((buffer(&gpu, &format!("counter {i}"), vec![0; N]).await, gpu.buffer("sum", 1).expect("a buffer")));
    }
    let one_more = Factors { add: 1, keep: 1, ..Factors::default() };
    for round in 0..RUNS {
        let before = (Counts::ours(&gpu.counters()), Counts::outside(&calls));
        let mut tasks = JoinSet::new();
        for (counter, total) in counters.clone() {
            let (mix, sum, zeros) = (Arc::clone(&mix), sum.clone(), zeros.clone());
            tasks.spawn(async move {
                for _ in 0..AWAITS {
                    mix.of([&zeros, &zeros, &counter], one_more).await.expect("complete");
                    sum.of(&counter, &total).expect("a sum").await.expect("complete");
                }
            });
        }
        while let Some(ended) = soon("the tasks", tasks.join_next()).await {
            ended.expect("no task panics");
        }
        let took = Counts::ours(&gpu.counters()).since(before.0);
        assert_eq!(took, Counts::outside(&calls).since(before.1), "both counts, round {round}");
        let awaited = (TASKS * AWAITS * 2) as u64;
        assert!(took.dispatches >= awaited && took.submits <= awaited, "round {round}: {took:?}");
        assert_eq!(took.descriptor_writes, 0, "round {round}: {took:?}");
        if round > 0 {
            assert_eq!(took.allocations, 0, "round {round}: {took:?}");
        }
        let count = ((round + 1) * AWAITS) as u32;
        for (counter, total) in &counters {
            assert_eq!(soon("a read", words(&gpu, counter)).await, vec![count; N], "round {round}");
            assert_eq!(soon("a read", words(&gpu, total)).await, [count * N as u32], "round {round}");
        }
    }
    assert_eq!([EMPTY_BARRIER, LOOSE_BARRIER].map(|call| calls.total(call)), [0; 2]);
    drop((mix, sum, zeros, counters));
    close(gpu).await;
}
