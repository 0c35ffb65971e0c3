//! `./x bench plan [--quick] [FILTER]`: compiling graphs of 1,000 and 10,000 passes, and finding the plan of a graph of
//! 1,000 passes that was compiled before.
//!
//! A graph is declared once; the clock runs while it is asked for its plan's counts, again and again. A [`Graph`] by
//! itself compiles each time: from the declared structure to the finished plan. A frame asks the renderer's cache: a hash
//! of the structure, a lookup, and a comparison in full. (`plan_stats` and not `plan`, which also gathers the names.)
//!
//! In each round both sizes and the lookup run once, and the growth is the ratio within a round.

mod harness;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use harness::{
    Args, Result,
    pairs::{Limits, quantile},
    shapes::{Kept, Shape},
};
use vulkio::{Frame, Gpu, GpuOptions, Graph, PlanStats, Renderer};

/// Microseconds.
const COMPILE_GOAL: f64 = 1000.0;
/// Microseconds.
const LOOKUP_GOAL: f64 = 20.0;
const GROWTH_GOAL: f64 = 12.0;
const SIZES: [usize; 2] = [1_000, 10_000];
/// Lookups a round: one is short beside what reading the clock costs.
const LOOKUPS: u32 = 16;

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("compiling graphs of 1,000 and 10,000 passes", &gpu, &args);
    keep_memory();
    println!(
        "{:<36} {:>27} {:>27} {:>25} {:>27}  barriers, waves, batches of 1,000; rounds",
        "graph", "1,000: compile us", "1,000: lookup us", "10,000: compile us", "growth"
    );
    for shape in Shape::ALL.into_iter().filter(|shape| args.wants(shape.name())) {
        Bench::new(&gpu, shape)?.run(shape, limits(args.quick))?;
    }
    block_on(gpu.close())?;
    Ok(())
}

/// Has glibc's allocator keep memory of some megabytes, as it does in any program that freed such a block once. In one
/// that never did, the kernel takes the memory back after each compile, and page faults are measured in its place.
fn keep_memory() {
    drop(std::hint::black_box(vec![1u8; 31 << 20]));
}

fn limits(quick: bool) -> Limits {
    match quick {
        true => Limits { pairs: 31, time: Duration::from_secs(1), least: 3 },
        false => Limits { pairs: 301, time: Duration::from_secs(8), least: 31 },
    }
}

/// One shape's graphs.
struct Bench {
    graphs: [Graph; 2],
    frame: Frame,
    _renderer: Renderer,
}

impl Bench {
    fn new(gpu: &Gpu, shape: Shape) -> Result<Self> {
        let kept = Kept::new(gpu)?;
        let graphs = SIZES.map(|_| Graph::new(gpu, shape.name()));
        for (graph, passes) in graphs.iter().zip(SIZES) {
            shape.declare(graph, &kept, passes)?;
        }
        let renderer = Renderer::headless(gpu, [8, 8])?;
        let frame = block_on(renderer.frame())?;
        shape.declare(frame.graph(), &kept, SIZES[0])?;
        Ok(Self { graphs, frame, _renderer: renderer })
    }

    fn run(&self, shape: Shape, limits: Limits) -> Result {
        // The frame's plan comes into the cache, and memory is faulted in.
        for _ in 0..3 {
            self.round()?;
        }
        let (start, mut rounds) = (Instant::now(), Vec::new());
        while rounds.len() < limits.least || rounds.len() < limits.pairs && start.elapsed() < limits.time {
            rounds.push(self.round()?);
        }
        self.print(shape, &rounds)
    }

    /// Microseconds: compiling both sizes, and a lookup.
    fn round(&self) -> Result<[f64; 3]> {
        let [small, large] = &self.graphs;
        let compile = |graph: &Graph| timed(|| graph.plan_stats(), 1);
        Ok([compile(small)?, compile(large)?, timed(|| self.frame.plan_stats(), LOOKUPS)?])
    }

    fn print(&self, shape: Shape, rounds: &[[f64; 3]]) -> Result {
        let column = |of: &dyn Fn(&[f64; 3]) -> f64| rounds.iter().map(of).collect::<Vec<_>>();
        let stats = self.graphs[0].plan_stats()?;
        println!(
            "{:<36} {:>27} {:>27} {:>25} {:>27}  {stats:?}; {}",
            shape.name(),
            cell(&column(&|round| round[0]), Some(COMPILE_GOAL)),
            cell(&column(&|round| round[2]), Some(LOOKUP_GOAL)),
            cell(&column(&|round| round[1]), None),
            cell(&column(&|round| round[1] / round[0]), Some(GROWTH_GOAL)),
            rounds.len()
        );
        Ok(())
    }
}

/// Microseconds that one of `count` runs takes.
fn timed(run: impl Fn() -> vulkio::Result<PlanStats>, count: u32) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..count {
        black_box(run()?);
    }
    Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(count))
}

/// Median, middle half, and whether that is what it should be.
fn cell(values: &[f64], goal: Option<f64>) -> String {
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| quantile(values, part));
    let verdict = goal.map_or("", |goal| if middle <= goal { " met" } else { " MISSED" });
    format!("{middle:.1} ({low:.1}-{high:.1}){verdict}")
}
