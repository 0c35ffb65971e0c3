//! Dispatches of 64 KiB, where the way to the device is what counts: latency, delay, CPU.

use std::{
    ffi::{CStr, c_void},
    mem,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use vulkio::{DeviceKind, Gpu, GpuOptions, Intercept, ash::vk};

use super::{
    super::{
        Args, Error, Result,
        clock::{MEASURES, Reading, Stopwatch, process_cpu},
        instructions::{self, PerDraw},
        many_threads, option_and_number,
        pairs::{Goal, Limits, Pairs, Summary, print_header, print_row, quantile},
        raw::ByHand,
    },
    BATCHES,
    report::CpuRow,
    sides::{HandWay, Small, Way},
};

/// Of an awaited dispatch against submitting and waiting by hand.
const LATENCY: Goal = Goal(Some(1.2));
/// Microseconds that a lone dispatch may come later to `vkQueueSubmit2` than in a graph of its own.
const DELAY: f64 = 2.0;
/// CPU of dispatches awaited together against a submit each, and against the best batch by hand.
const CPU: [f64; 2] = [0.5, 1.1];

/// How long the reactor watches a counter before it blocks: that is CPU time, for latency.
const SPINS: [Duration; 2] = [Duration::ZERO, Duration::from_micros(20)];

fn limits(quick: bool) -> Limits {
    match quick {
        true => Limits { pairs: 100, time: Duration::from_millis(500), least: 5 },
        false => Limits { pairs: 2000, time: Duration::from_secs(2), least: 51 },
    }
}

const SINGLE: &str = "single-threaded";
const MULTI: &str = "multi-threaded";

/// Both kinds of runtime, by name.
fn runtimes() -> Result<[(&'static str, Runtime); 2]> {
    let single = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok([(SINGLE, single), (MULTI, many_threads()?)])
}

/// Runs a future in a task of a runtime.
fn run<T: Send + 'static>(runtime: &Runtime, future: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    runtime.block_on(runtime.spawn(future))?
}

/// One awaited dispatch against submitting and waiting by hand.
pub(crate) fn latency(args: &Args) -> Result {
    for spin in SPINS {
        let gpu = Gpu::open_blocking(GpuOptions::default().spin(spin))?;
        print_header(&format!("one dispatch of 64 KiB, awaited; spin {spin:?}"));
        for (name, runtime) in runtimes()? {
            let summary = run(&runtime, latency_pairs(gpu.clone(), limits(args.quick)))?;
            print_row(&format!("{name} tokio"), "wall", &summary, LATENCY);
        }
        println!();
        futures::executor::block_on(gpu.close())?;
    }
    Ok(())
}

async fn latency_pairs(gpu: Gpu, limits: Limits) -> Result<Summary> {
    let small = Arc::new(Small::new(&gpu, 1).await?);
    let (mut by_hand, mut pairs, mut runs) = (ByHand::new(&gpu, 1)?, Pairs::new(limits), 0);
    for _ in 0..20 {
        small.by_hand(&mut by_hand, HandWay::Batched, 1)?;
        small.dispatch(0).await?;
        runs += 1;
    }
    while pairs.more() {
        let start = Instant::now();
        small.by_hand(&mut by_hand, HandWay::Batched, 1)?;
        let hand = micros(start);
        let start = Instant::now();
        small.dispatch(0).await?;
        pairs.push([hand], [micros(start)]);
        runs += 1;
    }
    small.check(0, runs, runs).await?;
    Ok(pairs.summary(0))
}

fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// When `vkQueueSubmit2` was called last, in nanoseconds since the first look.
static SUBMITTED: AtomicU64 = AtomicU64::new(0);
static REAL_SUBMIT: AtomicUsize = AtomicUsize::new(0);
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

unsafe extern "system" fn noted_submit(
    queue: vk::Queue,
    count: u32,
    infos: *const vk::SubmitInfo2<'_>,
    fence: vk::Fence,
) -> vk::Result {
    SUBMITTED.store(BEGAN.elapsed().as_nanos() as u64, Ordering::Relaxed);
    // SAFETY: stored when this function was handed out: the driver's function of this very type.
    let real: vk::PFN_vkQueueSubmit2 = unsafe { mem::transmute(REAL_SUBMIT.load(Ordering::Relaxed)) };
    // SAFETY: the caller's arguments, passed on.
    unsafe { real(queue, count, infos, fence) }
}

fn noted(name: &CStr, real: *const c_void) -> *const c_void {
    if name != c"vkQueueSubmit2" {
        return real;
    }
    REAL_SUBMIT.store(real as usize, Ordering::Relaxed);
    noted_submit as *const c_void
}

/// From declaring a lone dispatch to `vkQueueSubmit2`: awaited by itself against a graph that is submitted at once.
pub(crate) fn delay(args: &Args) -> Result {
    let hook: Intercept = Arc::new(noted);
    // SAFETY: the one replacement has the type of what it replaces, and calls it.
    let gpu = Gpu::open_blocking(unsafe { GpuOptions::default().intercept(hook) })?;
    println!("a lone dispatch, from declaring it to the call of vkQueueSubmit2");
    println!("{:<30} {:>10} {:>10} {:>10} {:>12}  goal", "", "by hand us", "graph us", "awaited us", "later by us");
    for (name, runtime) in runtimes()? {
        let [hand, graph, awaited, later] = run(&runtime, delays(gpu.clone(), limits(args.quick)))?;
        let verdict = if later <= DELAY { "met" } else { "MISSED" };
        println!(
            "{:<30} {hand:>10.2} {graph:>10.2} {awaited:>10.2} {later:>12.2}  <= {DELAY} {verdict}",
            format!("{name} tokio")
        );
    }
    println!();
    Ok(futures::executor::block_on(gpu.close())?)
}

/// Medians: by hand, through a graph, awaited; and of the differences of the last two, taken within each round.
async fn delays(gpu: Gpu, limits: Limits) -> Result<[f64; 4]> {
    let small = Arc::new(Small::new(&gpu, 1).await?);
    let mut by_hand = ByHand::new(&gpu, 1)?;
    let mut samples: [Vec<f64>; 4] = Default::default();
    let (start, mut rounds) = (Instant::now(), 0);
    while rounds < limits.least || rounds < limits.pairs && start.elapsed() < limits.time {
        let (began, _) = (now(), small.by_hand(&mut by_hand, HandWay::Batched, 1)?);
        let hand = till_submit(began);
        let began = now();
        let done = small.submit_graph().await?;
        let graph = till_submit(began);
        done.await?;
        let (began, _) = (now(), small.dispatch(0).await?);
        let awaited = till_submit(began);
        rounds += 1;
        // The first ones warm up.
        if rounds > 20 {
            for (samples, sample) in samples.iter_mut().zip([hand, graph, awaited, awaited - graph]) {
                samples.push(sample);
            }
        }
    }
    Ok([0, 1, 2, 3].map(|i| quantile(&samples[i], 0.5)))
}

fn now() -> u64 {
    BEGAN.elapsed().as_nanos() as u64
}

fn till_submit(began: u64) -> f64 {
    SUBMITTED.load(Ordering::Relaxed).saturating_sub(began) as f64 / 1e3
}

/// A way to get dispatches to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Technique {
    Hand(HandWay),
    Ours(Way),
}

const TECHNIQUES: [(Technique, &str); 6] = [
    (Technique::Hand(HandWay::Each), "by hand, a submit each"),
    (Technique::Hand(HandWay::Batched), "by hand, one command buffer"),
    (Technique::Ours(Way::Each), "vulkio, a graph each"),
    (Technique::Ours(Way::Together), "vulkio, awaited together"),
    (Technique::Ours(Way::Tasks), "vulkio, a task each"),
    (Technique::Ours(Way::Graph), "vulkio, one graph"),
];
/// What the two goals are ratios to.
const SUBMIT_EACH: usize = 2;
const BEST_BY_HAND: usize = 1;
const TOGETHER: usize = 3;
/// Measures of a reading.
const CALLER: usize = 1;
const PROCESS: usize = 2;

/// The CPU time of many dispatches that have nothing to do with one another, by technique and batch.
pub(crate) fn cpu(args: &Args) -> Result<Vec<CpuRow>> {
    let mut rows = Vec::new();
    for spin in SPINS {
        let gpu = Gpu::open_blocking(GpuOptions::default().spin(spin))?;
        for (name, runtime) in runtimes()? {
            rows.extend(cpu_of(args, &gpu, spin, name, &runtime)?);
        }
        futures::executor::block_on(gpu.close())?;
    }
    Ok(rows)
}

/// On one kind of runtime.
fn cpu_of(args: &Args, gpu: &Gpu, spin: Duration, name: &str, runtime: &Runtime) -> Result<Vec<CpuRow>> {
    // On a CPU driver the process also does the GPU's work, and the calling thread is what can be compared.
    let is_software = gpu.info().kind == DeviceKind::Cpu;
    let compared = if is_software && name == SINGLE { CALLER } else { PROCESS };
    let (by, runtime_name) = (MEASURES[compared], format!("{name}, spin {spin:?}"));
    println!("dispatches of 64 KiB, {runtime_name}, us a dispatch: medians, and ratios of {by} within a round");
    println!(
        "{:<36} {:>5} {:>9} {:>9} {:>9} {:>9} {:>11} {:>9}",
        "", "batch", "wall", "caller", "process", "submits", "to each", "to hand"
    );
    let mut rows = Vec::new();
    for batch in BATCHES {
        let measured = run(runtime, cpu_rounds(gpu.clone(), batch, limits(args.quick)))?;
        // Tasks move between threads at an await: there is no one caller.
        let has_caller = name == SINGLE;
        rows.extend(print_cpu(&measured, batch, &runtime_name, has_caller, compared));
    }
    print_cpu_verdict(&rows);
    println!();
    Ok(rows)
}

/// Of each technique the readings by round, and the calls of `vkQueueSubmit2` for a dispatch.
type Measured = Vec<(Vec<Reading>, f64)>;

async fn cpu_rounds(gpu: Gpu, batch: usize, limits: Limits) -> Result<Measured> {
    let small = Arc::new(Small::new(&gpu, batch).await?);
    let mut by_hand = ByHand::new(&gpu, batch)?;
    let mut measured: Measured = vec![(Vec::new(), 0.0); TECHNIQUES.len()];
    let (start, mut rounds) = (Instant::now(), 0);
    while rounds < limits.least || rounds < limits.pairs && start.elapsed() < limits.time {
        for (&(technique, _), (readings, submits)) in TECHNIQUES.iter().zip(&mut measured) {
            let (mut watch, process, before) = (Stopwatch::default(), process_cpu(), gpu.counters().submits);
            watch.start();
            match technique {
                Technique::Hand(way) => small.by_hand(&mut by_hand, way, batch)?,
                Technique::Ours(way) => small.run(way, batch).await?,
            }
            watch.stop();
            *submits = match technique {
                Technique::Hand(HandWay::Each) => 1.0,
                Technique::Hand(HandWay::Batched) => 1.0 / batch as f64,
                Technique::Ours(_) => (gpu.counters().submits - before) as f64 / batch as f64,
            };
            // The first rounds make pools and plans.
            if rounds >= 3 {
                readings.push(watch.per(batch, process));
            }
        }
        rounds += 1;
    }
    small.check(batch - 1, rounds * 4, rounds * 2).await?;
    Ok(measured)
}

fn print_cpu(measured: &Measured, batch: usize, runtime: &str, has_caller: bool, compared: usize) -> Vec<CpuRow> {
    let column = |technique: usize, measure: usize| -> Vec<f64> {
        measured[technique].0.iter().map(|reading| reading[measure]).collect()
    };
    let ratio = |technique: usize, to: usize| {
        let (own, other) = (column(technique, compared), column(to, compared));
        quantile(&own.iter().zip(other).map(|(own, other)| own / other).collect::<Vec<_>>(), 0.5)
    };
    let mut rows = Vec::new();
    for (i, &(technique, name)) in TECHNIQUES.iter().enumerate() {
        let row = CpuRow {
            technique: name,
            runtime: runtime.to_owned(),
            batch,
            micros: [0, 1, 2].map(|measure| match measure {
                CALLER if !has_caller => f64::NAN,
                _ => quantile(&column(i, measure), 0.5),
            }),
            submits: measured[i].1,
            to_each: ratio(i, SUBMIT_EACH),
            to_hand: ratio(i, BEST_BY_HAND),
            goal: technique == TECHNIQUES[TOGETHER].0,
        };
        row.print();
        rows.push(row);
    }
    rows
}

fn print_cpu_verdict(rows: &[CpuRow]) {
    let largest = rows.iter().filter(|row| row.goal).max_by_key(|row| row.batch);
    let Some(row) = largest else { return };
    let verdict = |ratio: f64, most: f64| if ratio <= most { "met" } else { "MISSED" };
    let [each, hand] = CPU;
    println!(
        "awaited together, {} at a time: {:.2} of a graph each, goal <= {each} {}; {:.2} of the best by hand, goal <= {hand} {}",
        row.batch,
        row.to_each,
        verdict(row.to_each, each),
        row.to_hand,
        verdict(row.to_hand, hand)
    );
}

/// What callgrind counts: so many dispatches, 256 at a time, each side as it does it best.
const COUNTED: [(&str, &str, Technique); 4] = [
    ("by hand, one command buffer", "--callgrind-hand", Technique::Hand(HandWay::Batched)),
    ("vulkio, a graph each", "--callgrind-each", Technique::Ours(Way::Each)),
    ("vulkio, awaited together", "--callgrind-together", Technique::Ours(Way::Together)),
    ("vulkio, one graph", "--callgrind-graph", Technique::Ours(Way::Graph)),
];

/// Instructions a dispatch outside of the driver; or, where one of these was asked for, what is counted.
pub(crate) fn instructions() -> Result {
    for (_, option, technique) in COUNTED {
        if let Some(dispatches) = option_and_number(option) {
            return once(technique, dispatches);
        }
    }
    println!("instructions a dispatch of 64 KiB, {} at a time, single-threaded tokio", BATCHES[2]);
    let mut by_hand = None;
    for (name, option, _) in COUNTED {
        let PerDraw { ours, elsewhere } = instructions::count(option, 4 * BATCHES[2])?;
        let ratio = ours / *by_hand.get_or_insert(ours);
        println!("{name:<30} {ours:>9.1} outside of the driver, ratio {ratio:>7.2}; {elsewhere:.0} elsewhere");
    }
    Ok(())
}

fn once(technique: Technique, dispatches: usize) -> Result {
    let gpu = Gpu::open_blocking(GpuOptions::default().spin(Duration::ZERO))?;
    let [(_, runtime), _] = runtimes()?;
    runtime.block_on(async {
        let batch = BATCHES[2];
        let small = Arc::new(Small::new(&gpu, batch).await?);
        let mut by_hand = ByHand::new(&gpu, 1)?;
        for _ in 0..dispatches / batch {
            match technique {
                Technique::Hand(way) => small.by_hand(&mut by_hand, way, batch)?,
                Technique::Ours(way) => small.run(way, batch).await?,
            }
        }
        Ok::<_, Error>(())
    })?;
    instructions::leave()
}
