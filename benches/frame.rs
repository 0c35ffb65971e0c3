//! `./x bench frame [--quick] [FILTER]`: the CPU time of a ten-pass frame against the same frame in hand-written ash.
//!
//! Both sides run in one process, on one device and one queue, and record the same commands with the same barriers:
//! one before each pass. By hand they go into one command buffer of a pool that is reset each frame, behind one
//! `vkWaitSemaphores` that throttles, before one `vkQueueSubmit2` that signals one timeline semaphore.
//!
//! What is measured is CPU work, not waiting for the GPU. A pair is a burst of frames of either side. Before each frame
//! of a burst, its side waits, *off the clock*, until the frame before the last is complete (in rows called "alone":
//! until the last one is). The clock then runs from asking for the frame to having it submitted, and the throttle in
//! between finds its condition met on both sides: by hand a `vkWaitSemaphores` that returns at once, for vulkio a
//! permit that is there at once. (vulkio's slots come back a little after its completions resolve, so its renderer has
//! one slot more than are ever in flight; else the clock would run through that moment.)
//!
//! Measures: `wall`, the goal's; `caller's CPU`, the CPU time of the calling thread in the same interval, which other
//! programs and the driver's threads disturb less (only where the frame is recorded in place); and `process CPU`, that of
//! all threads for the whole burst, waits and vulkio's reactor included (on a software driver, also the GPU's work).

mod harness;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::executor::block_on;
use harness::{
    Args, Result,
    clock::{MEASURES, Reading, Stopwatch, process_cpu},
    frames::{Ours, SIZE, Theirs, Work},
    pairs::{Goal, Limits, Pairs, Summary, print_header, print_row},
    raw::ByHand,
};
use vulkio::{Gpu, GpuOptions, Renderer, RendererOptions};

const GOAL: Goal = Goal(Some(1.25));
/// Frames of one side in a pair.
const BURST: usize = 16;

/// Where vulkio's side records. By hand it is always the calling thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    /// No runtime there: in the poll of `submit`.
    InPlace,
    /// In a task of a multi-threaded tokio runtime, as `#[tokio::main]` makes it: vulkio decides, by what the passes cost
    /// last time, whether to record in place or in tasks on how many workers.
    Tokio,
}

/// A row of the table.
#[derive(Clone, Copy)]
struct Variant {
    name: &'static str,
    work: Work,
    recorded: Where,
    /// Frames in flight: 2, or 1 for frames that find the GPU idle.
    ahead: usize,
}

const VARIANTS: [Variant; 10] = [
    Variant { name: "chain of 10 dispatches, in place", work: Work::Dispatches(1), recorded: Where::InPlace, ahead: 2 },
    Variant { name: "chain of 10 dispatches, alone", work: Work::Dispatches(1), recorded: Where::InPlace, ahead: 1 },
    Variant { name: "chain of 10 dispatches, tokio", work: Work::Dispatches(1), recorded: Where::Tokio, ahead: 2 },
    Variant { name: "10 x 64 dispatches, in place", work: Work::Dispatches(64), recorded: Where::InPlace, ahead: 2 },
    Variant { name: "10 x 64 dispatches, tokio", work: Work::Dispatches(64), recorded: Where::Tokio, ahead: 2 },
    Variant { name: "10 x 1 draws, in place", work: Work::Draws(1), recorded: Where::InPlace, ahead: 2 },
    Variant { name: "10 x 64 draws, in place", work: Work::Draws(64), recorded: Where::InPlace, ahead: 2 },
    Variant { name: "10 x 64 draws, tokio", work: Work::Draws(64), recorded: Where::Tokio, ahead: 2 },
    Variant { name: "10 x 1000 draws, in place", work: Work::Draws(1000), recorded: Where::InPlace, ahead: 2 },
    Variant { name: "10 x 1000 draws, tokio", work: Work::Draws(1000), recorded: Where::Tokio, ahead: 2 },
];

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("CPU time of a frame of 10 passes, from asking for it to having it submitted", &gpu, &args);
    print_header("frame");
    let mut measured = Vec::new();
    for variant in VARIANTS.into_iter().filter(|variant| args.wants(variant.name)) {
        let run = measure(gpu.clone(), variant, limits(variant, args.quick));
        let summaries = match variant.recorded {
            Where::InPlace => block_on(run)?,
            Where::Tokio => {
                let runtime = harness::many_threads()?;
                runtime.block_on(runtime.spawn(run))??
            }
        };
        print_rows(&variant, &summaries);
        measured.push((variant, summaries));
    }
    print_per_command(&measured);
    block_on(gpu.close())?;
    Ok(())
}

fn limits(variant: Variant, quick: bool) -> Limits {
    let heavy = variant.work.commands() > 1000;
    match quick {
        true => Limits { pairs: 12, time: Duration::from_secs(1), least: 2 },
        false => Limits { pairs: 300, time: Duration::from_secs(if heavy { 12 } else { 8 }), least: 9 },
    }
}

/// One row's pairs. A future that can be polled anywhere: where it is polled is what the variants differ in.
async fn measure(gpu: Gpu, variant: Variant, limits: Limits) -> Result<[Summary; 3]> {
    // One slot more than are in flight; see above. Timestamps are off, as by hand.
    let options = RendererOptions::default().frames_in_flight(variant.ahead + 1).timestamps(false);
    let renderer = Renderer::with_options(&gpu, [SIZE, SIZE], options)?;
    let ours = Ours::new(&gpu).await?;
    let mut by_hand = ByHand::new(&gpu, variant.ahead)?;
    let mut theirs = Theirs::new(&gpu, &mut by_hand, variant.ahead)?;
    // The first frames make pools, measure the passes, and fault memory in.
    for _ in 0..2 {
        burst_by_hand(&mut by_hand, &mut theirs, variant)?;
        burst_of_ours(&renderer, &ours, variant).await?;
    }
    let mut pairs = Pairs::new(limits);
    while pairs.more() {
        let hand = burst_by_hand(&mut by_hand, &mut theirs, variant)?;
        pairs.push(hand, burst_of_ours(&renderer, &ours, variant).await?);
    }
    renderer.idle().await?;
    Ok([0, 1, 2].map(|measure| pairs.summary(measure)))
}

fn burst_by_hand(by_hand: &mut ByHand, theirs: &mut Theirs, variant: Variant) -> Result<Reading> {
    let (mut watch, process) = (Stopwatch::default(), process_cpu());
    for _ in 0..BURST {
        by_hand.wait_for_slot()?;
        watch.start();
        theirs.frame(by_hand, variant.work)?;
        watch.stop();
    }
    by_hand.wait_for_all()?;
    Ok(watch.per(BURST, process))
}

async fn burst_of_ours(renderer: &Renderer, ours: &Ours, variant: Variant) -> Result<Reading> {
    let (mut watch, process) = (Stopwatch::default(), process_cpu());
    let mut in_flight = VecDeque::new();
    for _ in 0..BURST {
        if in_flight.len() == variant.ahead
            && let Some(done) = in_flight.pop_front()
        {
            wait(done).await?;
        }
        watch.start();
        let done = ours.frame(renderer, variant.work).await?;
        watch.stop();
        in_flight.push_back(done);
    }
    for done in in_flight {
        wait(done).await?;
    }
    Ok(watch.per(BURST, process))
}

async fn wait(done: vulkio::Completion<Arc<vulkio::FrameStats>>) -> Result {
    done.await?;
    Ok(())
}

fn print_rows(variant: &Variant, summaries: &[Summary; 3]) {
    let [wall, thread, process] = summaries;
    print_row(variant.name, MEASURES[0], wall, GOAL);
    if variant.recorded == Where::InPlace {
        print_row("", MEASURES[1], thread, Goal(None));
    }
    print_row("", MEASURES[2], process, Goal(None));
}

/// What one more draw or dispatch costs: between the frame of fewest and the frame of most of them, recorded in place.
fn print_per_command(measured: &[(Variant, [Summary; 3])]) {
    println!();
    for (what, is_draw) in [("draw (push 64 bytes, draw)", true), ("dispatch (push 20 bytes, dispatch)", false)] {
        for recorded in [Where::InPlace, Where::Tokio] {
            let rows = measured.iter().filter(|(variant, _)| {
                matches!(variant.work, Work::Draws(_)) == is_draw && variant.recorded == recorded && variant.ahead == 2
            });
            let rows: Vec<_> = rows.map(|(variant, [wall, ..])| (variant.work.commands(), wall)).collect();
            let (Some((few, less)), Some((many, more))) = (rows.first(), rows.last()) else { continue };
            if few == many {
                continue;
            }
            let each = |less: f64, more: f64| (more - less) * 1e3 / f64::from(many - few);
            let (hand, ours) = (each(less.by_hand, more.by_hand), each(less.ours, more.ours));
            let place = if recorded == Where::InPlace { "in place" } else { "tokio" };
            println!("ns a {what}, {place}: by hand {hand:.1}, vulkio {ours:.1} (ratio {:.2})", ours / hand);
        }
    }
}
