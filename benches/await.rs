//! `./x bench await [--quick] [FILTER]`: submitting and awaiting through vulkio against submitting and
//! `vkWaitSemaphores` in hand-written ash; and completions a second with ten thousand in flight.
//!
//! Both sides run in one process, on one device and one queue, alternating, on the same thread. A run is one submission:
//! from beginning to declare or record it to knowing that the GPU is done with it. By hand that is a pool reset, a
//! command buffer, one `vkQueueSubmit2` and one blocking `vkWaitSemaphores`; for vulkio a [`Graph`], its `submit` and its
//! completion, awaited in a task of a tokio runtime, single- or multi-threaded.
//!
//! Submissions: `empty`, a command buffer without commands, as vulkio submits it for a graph without passes; `signal`,
//! the same graph against a submission by hand that has no command buffer at all; and `100 us`, one dispatch that is
//! calibrated to keep the device busy for about that long, behind the same barrier on both sides.
//!
//! The reactor's spin, which watches the counter before it blocks, is off in one half of the rows and 20 µs in the other.

mod harness;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use harness::{
    Args, Result, flood,
    pairs::{Goal, Limits, Pairs, Summary, print_header, print_row},
    raw::ByHand,
    spin::Spin,
};
use tokio::runtime::Runtime;
use vulkio::{DeviceKind, Gpu, GpuOptions, Graph};

/// Completions a second.
const FLOOD_GOAL: f64 = 1e6;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Submission {
    Empty,
    Signal,
    Busy,
}

impl Submission {
    fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Signal => "signal",
            Self::Busy => "100 us",
        }
    }
}

/// An opened device, and what both sides use on it.
struct Bench {
    gpu: Gpu,
    spin: Arc<Spin>,
    /// For the 100 µs.
    rounds: u32,
    time: Duration,
}

impl Bench {
    fn open(spin: Duration) -> Result<Self> {
        let gpu = Gpu::open_blocking(GpuOptions::default().spin(spin))?;
        let spin = Arc::new(block_on(Spin::new(&gpu))?);
        let (rounds, time) = spin.calibrate(&mut ByHand::new(&gpu, 1)?, Duration::from_micros(100))?;
        Ok(Self { gpu, spin, rounds, time })
    }
}

fn main() -> Result {
    let args = Args::parse();
    for (index, spin) in [Duration::ZERO, Duration::from_micros(20)].into_iter().enumerate() {
        let bench = Arc::new(Bench::open(spin)?);
        if index == 0 {
            harness::print_machine("submit and await", &bench.gpu, &args);
        }
        println!("spin {spin:?}; the `100 us` submission takes {:.1?} ({} rounds)", bench.time, bench.rounds);
        print_header("submission");
        run_pairs(&bench, spin, &args)?;
        if args.wants("completions") {
            run_flood(&bench, &args)?;
        }
        println!();
        block_on(bench.gpu.close())?;
    }
    Ok(())
}

fn run_pairs(bench: &Arc<Bench>, spin: Duration, args: &Args) -> Result {
    let goal = goal(bench.gpu.info().kind, spin);
    for submission in [Submission::Empty, Submission::Signal, Submission::Busy] {
        for (kind, single) in [("single-threaded", true), ("multi-threaded", false)] {
            let name = format!("{}, spin {spin:?}, {kind} tokio", submission.name());
            if !args.wants(&name) {
                continue;
            }
            let runtime = if single { single_threaded()? } else { harness::many_threads()? };
            let run = measure(Arc::clone(bench), submission, limits(args.quick));
            let summary = runtime.block_on(runtime.spawn(run))??;
            print_row(&name, "wall", &summary, goal);
        }
    }
    Ok(())
}

fn goal(kind: DeviceKind, spin: Duration) -> Goal {
    Goal(Some(match (kind, spin.is_zero()) {
        (DeviceKind::Cpu, _) => 1.5,
        (_, true) => 1.2,
        (_, false) => 0.7,
    }))
}

fn limits(quick: bool) -> Limits {
    match quick {
        true => Limits { pairs: 200, time: Duration::from_secs(1), least: 10 },
        false => Limits { pairs: 5000, time: Duration::from_secs(6), least: 100 },
    }
}

fn single_threaded() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

async fn measure(bench: Arc<Bench>, submission: Submission, limits: Limits) -> Result<Summary> {
    let mut by_hand = ByHand::new(&bench.gpu, 1)?;
    for _ in 0..50 {
        blocking(&bench, &mut by_hand, submission)?;
        awaited(&bench, submission).await?;
    }
    let mut pairs = Pairs::new(limits);
    while pairs.more() {
        let start = Instant::now();
        blocking(&bench, &mut by_hand, submission)?;
        let hand = start.elapsed();
        let start = Instant::now();
        awaited(&bench, submission).await?;
        pairs.push([micros(hand)], [micros(start.elapsed())]);
    }
    Ok(pairs.summary(0))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn blocking(bench: &Bench, by_hand: &mut ByHand, submission: Submission) -> Result {
    match submission {
        Submission::Empty => by_hand.frame(|_, _| ())?,
        Submission::Signal => by_hand.signal()?,
        Submission::Busy => by_hand.frame(|device, cmd| bench.spin.record(device, cmd, bench.rounds))?,
    }
    Ok(by_hand.wait_for_all()?)
}

async fn awaited(bench: &Bench, submission: Submission) -> vulkio::Result<()> {
    let done = match submission {
        Submission::Empty | Submission::Signal => Graph::new(&bench.gpu, "empty").submit().await?,
        Submission::Busy => bench.spin.submit(bench.rounds).await?,
    };
    done.await.map(drop)
}

fn run_flood(bench: &Bench, args: &Args) -> Result {
    let runtime = harness::many_threads()?;
    let windows = if args.quick { 3 } else { 30 };
    let flood = flood::run(&runtime, Arc::clone(&bench.spin), bench.rounds, windows)?;
    let [low, rate, high] = flood.rate;
    let verdict = if rate >= FLOOD_GOAL { "met" } else { "MISSED" };
    println!(
        "completions a second, {} tasks: {rate:.0} (middle half of {windows} windows of 100 ms: {low:.0}-{high:.0}), goal >= \
         {FLOOD_GOAL:.0} {verdict}; {:.0} tasks registered with the reactor at a time; {:.0} submissions a second; {:.1} % of \
         first polls found their completion complete and are not counted",
        flood::TASKS,
        flood.waiting,
        flood.submissions,
        flood.ready_at_once * 100.0,
    );
    Ok(())
}
