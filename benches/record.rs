//! `./x bench record [--quick] [--raw-only] [--cold] [FILTER]`: a pass of very many draws, each with 64 bytes of push
//! constants, recorded by 1 to 16 workers through vulkio and by hand; and `./x bench record --instructions`, which
//! counts instructions a draw by valgrind's callgrind instead of time.
//!
//! All run in one process, on one device and one queue, in rounds: in each, every side runs once with every number of
//! workers. The clock runs from beginning to record (by hand with the reset of the pools, for vulkio with
//! `frame.pass`) to the frame being committed: by hand the return of `vkQueueSubmit2`, for vulkio that of
//! `frame.submit().await`. Waiting for the device is off the clock, and the device is idle when the clock starts; what
//! it is given to do is next to nothing: triangles that are points, into 8 x 8 pixels.
//!
//! By hand there are two techniques (secondary command buffers; primaries that suspend and resume the rendering), both
//! with threads that live as long as the bench. Its speed-up is that of the technique which is faster with so many
//! threads, over the one which is faster with one.
//!
//! Workers are warm: just before the clock starts, both sides give all of theirs something to do (not with `--cold`).
//! The helpers by hand then still spin when the frame begins, and tokio's are in whatever state its idle ones are in.
//!
//! The control is a loop of multiplications and additions, cut in equal parts for the same threads: what the cores
//! themselves make of more workers.

mod harness;

use std::{
    thread,
    time::{Duration, Instant},
};

use futures::executor::block_on;
use harness::{
    Args, Result, alu,
    draws::{Constants, Matrices, Plain},
    hand_record::{HandRecord, Technique},
    instructions::{self, PerDraw},
    option,
    our_record::{How, OurRecord},
    pairs::Limits,
    record_table,
    rounds::{Rounds, Side},
    team::Team,
};
use vulkio::{Gpu, GpuOptions};

/// The most workers that the goals speak of.
const MOST_WORKERS: usize = 16;

/// Everything that runs in a round.
struct Bench {
    team: Team,
    workers: Vec<usize>,
    /// By number of workers and technique: pools are kept apart.
    hands: Vec<[HandRecord; 2]>,
    /// None with `--raw-only`.
    ours: Vec<OurRecord>,
    warm: bool,
    rounds: usize,
}

/// By hand, too, nothing is recorded by the process's first thread, for which C libraries allocate in other ways.
fn main() -> Result {
    thread::spawn(run).join().map_err(|_| "the bench panicked")?
}

fn run() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    for counted in COUNTED {
        if let Some(draws) = harness::option_and_number(counted.option) {
            return (counted.record)(&gpu, draws);
        }
    }
    if harness::flag("--instructions") {
        return count_instructions(&gpu, &args);
    }
    harness::print_machine("recording draws, from beginning to committed", &gpu, &args);
    for draws in if args.quick { vec![10_000] } else { vec![100_000, 1_000_000] } {
        compare(&gpu, &args, draws, Matrices::new())?;
        compare(&gpu, &args, draws, Plain)?;
    }
    block_on(gpu.close())?;
    Ok(())
}

/// What callgrind counts: one worker, one frame.
struct Counted {
    name: &'static str,
    /// Records that once, with the number of draws that follows.
    option: &'static str,
    record: fn(&Gpu, usize) -> Result,
}

const COUNTED: [Counted; 3] = [
    Counted { name: "by hand", option: "--callgrind-raw", record: once_by_hand },
    Counted {
        name: "vulkio, record",
        option: "--callgrind-record",
        record: |gpu, draws| once(gpu, How::Record, draws),
    },
    Counted {
        name: "vulkio, parallel",
        option: "--callgrind-ours",
        record: |gpu, draws| once(gpu, How::Parallel, draws),
    },
];

fn once_by_hand(gpu: &Gpu, draws: usize) -> Result {
    let mut hand = HandRecord::new(gpu, 1, 1)?;
    hand.frame(&mut Team::new(1), Technique::Suspended, draws, Matrices::new())?;
    instructions::leave()
}

fn once(gpu: &Gpu, how: How, draws: usize) -> Result {
    let ours = OurRecord::new(gpu, 1)?;
    ours.commit(how, draws, Matrices::new())?;
    instructions::leave()
}

fn count_instructions(gpu: &Gpu, args: &Args) -> Result {
    harness::print_machine("instructions a draw, one worker, matrices", gpu, args);
    let mut by_hand = None;
    for counted in COUNTED {
        let PerDraw { ours, elsewhere } = instructions::count(counted.option, 20_000)?;
        let ratio = ours / *by_hand.get_or_insert(ours);
        let verdict = if ratio <= record_table::ONE_WORKER { "met" } else { "MISSED" };
        println!(
            "{:<18} {ours:>8.1} outside of the driver, ratio {ratio:.3}, goal <= {} {verdict}; {elsewhere:.1} elsewhere",
            counted.name,
            record_table::ONE_WORKER
        );
    }
    Ok(())
}

/// One table.
fn compare<C: Constants>(gpu: &Gpu, args: &Args, draws: usize, constants: C) -> Result {
    let name = format!("{draws} draws, {}", C::NAME);
    if !args.wants(&name) {
        return Ok(());
    }
    let mut bench = Bench::new(gpu)?;
    // The first rounds make pools, measure the pass, and fault memory in.
    let mut rounds = Rounds::default();
    for _ in 0..3 {
        bench.round(&mut Rounds::default(), draws, constants)?;
    }
    let (limits, start, mut taken) = (limits(args.quick), Instant::now(), 0);
    while taken < limits.least || taken < limits.pairs && start.elapsed() < limits.time {
        bench.round(&mut rounds, draws, constants)?;
        taken += 1;
    }
    println!("{name}; {taken} rounds in {:.0?}", start.elapsed());
    record_table::print(&rounds, &bench.workers, draws, !bench.ours.is_empty());
    println!();
    Ok(())
}

fn limits(quick: bool) -> Limits {
    match quick {
        true => Limits { pairs: 31, time: Duration::from_secs(4), least: 5 },
        false => Limits { pairs: 101, time: Duration::from_secs(15), least: 31 },
    }
}

/// 1, 2, 4, 8 and 16, as far as there are cores.
fn worker_counts() -> Vec<usize> {
    let most = option("--workers").unwrap_or_else(harness::cores).clamp(1, MOST_WORKERS);
    let mut counts: Vec<_> = (0..).map(|power| 1 << power).take_while(|&count| count < most).collect();
    counts.push(most);
    counts
}

impl Bench {
    fn new(gpu: &Gpu) -> Result<Self> {
        let workers = worker_counts();
        let most = workers.iter().copied().max().unwrap_or(1);
        let pieces_each = option("--pieces").unwrap_or(1);
        let hand = |threads| HandRecord::new(gpu, threads, pieces_each);
        let hands = workers.iter().map(|&threads| Ok([hand(threads)?, hand(threads)?])).collect::<Result<_>>()?;
        let ours = match harness::flag("--raw-only") {
            true => Vec::new(),
            false => workers.iter().map(|&workers| OurRecord::new(gpu, workers)).collect::<Result<_>>()?,
        };
        Ok(Self { team: Team::new(most), workers, hands, ours, warm: !harness::flag("--cold"), rounds: 0 })
    }

    /// Whatever comes later in a round has the same before it in every second round only.
    fn round<C: Constants>(&mut self, rounds: &mut Rounds, draws: usize, constants: C) -> Result {
        let mut turns: Vec<_> = (0..self.workers.len()).flat_map(|index| self.turns(index)).collect();
        if self.rounds % 2 == 1 {
            turns.reverse();
        }
        self.rounds += 1;
        for (index, side) in turns {
            let workers = self.workers[index];
            let time = match side {
                Side::Hand(technique) => self.by_hand(index, technique, draws, constants)?,
                Side::Ours(how) => self.ours[index].frame(how, draws, constants, self.warm)?,
                Side::Alu => alu::time(&mut self.team, workers, draws),
            };
            rounds.push(side, workers, time.as_secs_f64() * 1e9);
        }
        Ok(())
    }

    /// What runs with that number of workers.
    fn turns(&self, index: usize) -> Vec<(usize, Side)> {
        let mut sides = vec![Side::Hand(Technique::Secondaries), Side::Hand(Technique::Suspended), Side::Alu];
        if !self.ours.is_empty() {
            sides.push(Side::Ours(How::Parallel));
            if self.workers[index] == 1 {
                sides.push(Side::Ours(How::Record));
            }
        }
        sides.into_iter().map(|side| (index, side)).collect()
    }

    fn by_hand<C: Constants>(
        &mut self,
        index: usize,
        technique: Technique,
        draws: usize,
        constants: C,
    ) -> Result<Duration> {
        if self.warm {
            self.team.run(self.workers[index], |_| ());
        }
        let hand = &mut self.hands[index][technique as usize];
        let start = Instant::now();
        hand.frame(&mut self.team, technique, draws, constants)?;
        let took = start.elapsed();
        hand.wait_for_all()?;
        Ok(took)
    }
}
