//! Fifty systems with random data in random stages: in whichever legal order they run, the result is that of one after the
//! other.

use std::task::{Poll, Waker};

use super::*;

const SYSTEMS: usize = 50;
const STAGES: usize = 12;
const DATA: usize = 24;
/// Of each schedule, so many runs.
const RUNS: usize = 20;
const SCHEDULES: u64 = 50;

/// xorshift64*: good enough to choose, and the same on every machine.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }
}

/// What a system touches: data by number.
#[derive(Clone)]
struct Touches {
    stage: usize,
    reads: Vec<usize>,
    writes: Vec<usize>,
}

/// By stage, those that it comes after, at once or through others.
type After = Vec<Vec<bool>>;

/// Each stage after some of those before it, said in a shuffled declaration.
fn stages(random: &mut Random) -> (Vec<Vec<usize>>, After) {
    let mut direct = Vec::new();
    let mut after: After = vec![vec![false; STAGES]; STAGES];
    for stage in 0..STAGES {
        let named: Vec<_> = (0..stage).filter(|_| random.below(2) == 0).collect();
        for &before in &named {
            let through = after[before].clone();
            after[stage].iter_mut().zip(through).for_each(|(own, through)| *own |= through);
            after[stage][before] = true;
        }
        direct.push(named);
    }
    (direct, after)
}

/// Systems that touch what they may: whatever needs an order has one.
fn systems(random: &mut Random, after: &After) -> Vec<Touches> {
    let mut all: Vec<Touches> = Vec::new();
    for _ in 0..SYSTEMS {
        let mut system = Touches { stage: random.below(STAGES), reads: Vec::new(), writes: Vec::new() };
        for _ in 0..8 {
            let (data, writes) = (random.below(DATA), random.below(2) == 0);
            let known = |other: &Touches| after[system.stage][other.stage] || after[other.stage][system.stage];
            let hurts = |other: &Touches| other.writes.contains(&data) || writes && other.reads.contains(&data);
            let touched = system.reads.contains(&data) || system.writes.contains(&data);
            if touched || all.iter().any(|other| hurts(other) && !known(other)) {
                continue;
            }
            if writes { system.writes.push(data) } else { system.reads.push(data) }
        }
        all.push(system);
    }
    all
}

/// What a system leaves where it wrote, of all that it saw: no two orders of two writers come to the same.
fn mixed(system: usize, before: u64, reads: &[u64]) -> u64 {
    let seed = (before ^ system as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    reads
        .iter()
        .fold(seed.rotate_left(17), |all, read| (all ^ read).wrapping_mul(0xD6E8_FEB8_6659_FD93).rotate_left(29))
}

/// All systems, one after the other: in the order of their stages.
fn in_order(systems: &[Touches], order: &[usize], data: &mut [u64; DATA]) {
    for &stage in order {
        for (number, system) in systems.iter().enumerate().filter(|(_, system)| system.stage == stage) {
            let reads: Vec<_> = system.reads.iter().map(|&read| data[read]).collect();
            system.writes.iter().for_each(|&write| data[write] = mixed(number, data[write], &reads));
        }
    }
}

/// Where systems pause, and who of them goes on is chosen at random.
#[derive(Clone)]
struct Dice(Arc<Mutex<(Random, Vec<Waker>)>>);

impl Dice {
    async fn pause(&self) {
        let mut paused = false;
        std::future::poll_fn(|cx| {
            if paused || lock(&self.0).0.below(3) == 0 {
                return Poll::Ready(());
            }
            paused = true;
            lock(&self.0).1.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Lets one after the other go on until it is aborted.
    async fn roll(self) {
        loop {
            // Sometimes at once, sometimes after others came here as well.
            let turns = lock(&self.0).0.below(3);
            for _ in 0..=turns {
                tokio::task::yield_now().await;
            }
            let mut state = lock(&self.0);
            let (random, paused) = &mut *state;
            let next = (!paused.is_empty()).then(|| random.below(paused.len()));
            let waker = next.map(|next| paused.swap_remove(next));
            drop(state);
            waker.into_iter().for_each(Waker::wake);
        }
    }
}

fn member(number: usize, system: &Touches, data: &[CpuData<u64>], dice: &Dice) -> Box<dyn Member> {
    let dice = dice.clone();
    let work: Work = Box::new(move |reads, writes| {
        let dice = dice.clone();
        Box::pin(async move {
            dice.pause().await;
            let reads: Vec<_> = reads.into_iter().copied().collect();
            dice.pause().await;
            for write in writes {
                let new = mixed(number, *write, &reads);
                *write = 0; // whoever looks at this is early
                dice.pause().await;
                *write = new;
            }
            Ok(())
        })
    });
    let handles = |of: &[usize]| of.iter().map(|&number| data[number].clone()).collect();
    Box::new(Numbers {
        name: format!("S{number}"),
        reads: handles(&system.reads),
        writes: handles(&system.writes),
        work,
    })
}

/// Fifty schedules of fifty systems, each run twenty times, up to three runs of it under way at once.
async fn all_orders_come_to_the_same() {
    const NAMES: [&str; STAGES] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    for seed in 1..=SCHEDULES {
        let mut random = Random::new(seed);
        let (direct, after) = stages(&mut random);
        let touches = systems(&mut random, &after);
        let dice = Dice(Arc::new(Mutex::new((random.clone(), Vec::new()))));
        let data: [_; DATA] = numbers();
        let declared = direct.iter().enumerate().map(|(stage, before)| {
            let own = touches.iter().enumerate().filter(|(_, system)| system.stage == stage);
            let members = own.map(|(number, system)| member(number, system, &data, &dice)).collect();
            let before: Vec<_> = before.iter().map(|&before| NAMES[before]).collect();
            (NAMES[stage], &*before.leak(), members)
        });
        let mut declared: Vec<_> = declared.collect();
        (1..STAGES).for_each(|at| declared.swap(at, random.below(at + 1)));
        let schedule = Made::of(declared);
        let rolling = tokio::spawn(dice.roll());
        let mut under_way = Vec::new();
        for _ in 0..RUNS {
            under_way.push(begin(&schedule).keep());
            if under_way.len() > 2 {
                soon(under_way.remove(0).finished()).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            }
        }
        for scheduled in under_way {
            soon(scheduled.finished()).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
        rolling.abort();
        let mut expected = [0; DATA];
        // The numbers of stages are an order themselves: each names those before it only.
        let order: Vec<_> = (0..STAGES).collect();
        (0..RUNS).for_each(|_| in_order(&touches, &order, &mut expected));
        for (number, data) in data.iter().enumerate() {
            assert_eq!(value(data).await, expected[number], "seed {seed}, data {number}");
        }
        let writers = touches.iter().filter(|system| !system.writes.is_empty()).count();
        assert!(writers > SYSTEMS / 4, "seed {seed}: {writers} systems write, which shows little");
    }
}

#[tokio::test]
async fn fifty_systems_come_to_the_same_in_a_thousand_orders_on_one_thread() {
    all_orders_come_to_the_same().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn fifty_systems_come_to_the_same_in_a_thousand_orders_on_eight_workers() {
    all_orders_come_to_the_same().await;
}
