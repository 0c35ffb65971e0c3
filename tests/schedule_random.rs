//! Fifty systems of the CPU and the GPU with random data: however they interleave, buffers and numbers come to what they
//! would one after the other.

mod common;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use common::{close, soon, strict_gpu};
use vulkio::{CpuData, Encoder, Gpu, GpuBuffer, Graph, Member, Record, Registry, Result, Run, Schedule, Stage, System};

const DATA: usize = 20;
const WORDS: usize = 8;
const PER_STAGE: usize = 5;
/// In each run of a seed, as many graphs are under way at once.
const AT_ONCE: usize = 3;

/// xorshift64*: good enough to choose, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) as usize % n
    }
}

/// What becomes of a number: no two orders come to the same.
fn mixed(number: u32, by: u32) -> u32 {
    (number ^ by).wrapping_mul(0x9E37_79B1).rotate_left(13) ^ by
}

/// So many times does a system let others go first; another number each time.
async fn pause(from: &AtomicU64) {
    for _ in 0..Random(from.fetch_add(1, Ordering::Relaxed) * 2 + 1).below(4) {
        tokio::task::yield_now().await;
    }
}

/// From one number to another, on the CPU.
#[derive(System)]
struct Mix {
    #[reads]
    from: CpuData<u32>,
    #[writes]
    to: CpuData<u32>,
    pauses: Arc<AtomicU64>,
}

impl Run for Mix {
    async fn run(&self, from: &u32, to: &mut u32) -> Result<()> {
        pause(&self.pauses).await;
        let new = mixed(*to, *from);
        *to = 0; // whoever looks at this is early
        pause(&self.pauses).await;
        *to = new;
        Ok(())
    }
}

/// A number of the CPU into a word of a buffer.
#[derive(System)]
struct Put {
    #[reads]
    from: CpuData<u32>,
    #[writes(copy)]
    to: GpuBuffer<u32>,
    word: usize,
}

impl Record for Put {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let number = *cmd.read(&self.from)?;
        cmd.fill(&self.to, self.word..self.word + 1, number);
        Ok(())
    }
}

/// Some words of a buffer over those of another, a word further.
#[derive(System)]
struct Shift {
    #[reads(copy)]
    from: GpuBuffer<u32>,
    #[writes(copy)]
    to: GpuBuffer<u32>,
    words: usize,
}

impl Record for Shift {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.copy(&self.from, 0..self.words, &self.to, 1);
        Ok(())
    }
}

/// One of the three, by the numbers of what it touches.
#[derive(Clone, Copy)]
struct Chosen {
    kind: usize,
    from: usize,
    to: usize,
    word: usize,
}

impl Chosen {
    /// What it touches: kind and number, and whether it writes.
    fn touches(self) -> [(bool, usize, bool); 2] {
        let on_gpu = [self.kind == 2, self.kind != 0];
        [(on_gpu[0], self.from, false), (on_gpu[1], self.to, true)]
    }

    fn hurts(self, other: Self) -> bool {
        let theirs = other.touches();
        let meets = |own: (bool, usize, bool)| {
            theirs.iter().any(|their| (their.0, their.1) == (own.0, own.1) && (their.2 || own.2))
        };
        self.touches().into_iter().any(meets)
    }

    fn apply(self, numbers: &mut [u32], buffers: &mut [[u32; WORDS]]) {
        let Self { kind, from, to, word } = self;
        match kind {
            0 => numbers[to] = mixed(numbers[to], numbers[from]),
            1 => buffers[to][word] = numbers[from],
            _ => {
                let moved = buffers[from];
                buffers[to][1..=word].copy_from_slice(&moved[..word]);
            }
        }
    }
}

/// Fifty of them.
struct Fifty(Vec<Box<dyn Member>>);

impl Schedule for Fifty {
    const STAGES: &'static [Stage] = &[
        stage("a", &[]),
        stage("e", &["a"]),
        stage("b", &["a"]),
        stage("d", &["c", "b"]),
        stage("c", &["a"]),
        stage("f", &["d"]),
        stage("g", &["e", "d"]),
        stage("h", &["f"]),
        stage("j", &["i", "h"]),
        stage("i", &["g"]),
    ];
    const NAME: &'static str = "Fifty";

    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member> {
        self.0.get(stage * PER_STAGE + index).map(|member| &**member)
    }
}

const fn stage(name: &'static str, after: &'static [&'static str]) -> Stage {
    Stage { name, after, members: PER_STAGE }
}

/// By stage, all that it comes after.
fn after() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut stages: Vec<_> = Fifty::STAGES.iter().collect();
    stages.sort_by_key(|stage| stage.name); // named in their order
    for stage in stages {
        let through = stage.after.iter().flat_map(|before| all[before].clone());
        let through = through.chain(stage.after.iter().copied()).collect();
        all.insert(stage.name, through);
    }
    all
}

/// Systems of which those that need an order have one, stage after stage as they are declared.
fn choose(random: &mut Random) -> Vec<(&'static str, Chosen)> {
    let after = after();
    let known = |a: &'static str, b: &'static str| after[a].contains(&b) || after[b].contains(&a);
    let mut all: Vec<(&'static str, Chosen)> = Vec::new();
    for stage in Fifty::STAGES {
        for _ in 0..PER_STAGE {
            let chosen = (0..1_000).find_map(|_| {
                let [kind, from, to] = [3, DATA, DATA].map(|n| random.below(n));
                let chosen = Chosen { kind, from, to, word: 1 + random.below(WORDS - 1) };
                let fits =
                    |&(other, earlier): &(&'static str, Chosen)| known(stage.name, other) || !chosen.hurts(earlier);
                ((kind == 1 || from != to) && all.iter().all(fits)).then_some(chosen)
            });
            all.push((stage.name, chosen.expect("there is room for one more")));
        }
    }
    all
}

/// The words of a buffer, or one number.
struct Handles {
    numbers: Vec<CpuData<u32>>,
    buffers: Vec<GpuBuffer<u32>>,
    pauses: Arc<AtomicU64>,
}

impl Handles {
    fn new(gpu: &Gpu, seed: u64) -> Self {
        let buffer = |number| gpu.buffer(&format!("words {number}"), WORDS).expect("a buffer");
        let numbers = (0..DATA as u32).map(CpuData::new).collect();
        Self { numbers, buffers: (0..DATA).map(buffer).collect(), pauses: Arc::new(AtomicU64::new(seed << 32)) }
    }

    fn member(&self, chosen: Chosen) -> Box<dyn Member> {
        let Chosen { kind, from, to, word } = chosen;
        let number = |index: usize| self.numbers[index].clone();
        let buffer = |index: usize| self.buffers[index].clone();
        match kind {
            0 => Box::new(Mix { from: number(from), to: number(to), pauses: Arc::clone(&self.pauses) }),
            1 => Box::new(Put { from: number(from), to: buffer(to), word }),
            _ => Box::new(Shift { from: buffer(from), to: buffer(to), words: word }),
        }
    }
}

/// Writes all words, so that none is read before.
async fn zero(gpu: &Gpu, buffers: &[GpuBuffer<u32>]) {
    for buffer in buffers {
        soon("an upload", gpu.upload(buffer, 0, vec![0; WORDS])).await.expect("uploaded");
    }
}

async fn come_to_the_same(gpu: &Gpu, seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let chosen = choose(&mut random);
    let handles = Handles::new(gpu, seed);
    zero(gpu, &handles.buffers).await;
    let schedule = Arc::new(Fifty(chosen.iter().map(|(_, chosen)| handles.member(*chosen)).collect()));
    let registry = Registry::new();
    let runs = (0..AT_ONCE).map(|number| {
        let graph = Graph::new(gpu, &format!("run {number}"));
        let scheduled = graph.run(&schedule, &registry).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        (graph, scheduled)
    });
    let runs: Vec<_> = runs.collect();
    for (graph, scheduled) in runs {
        let done = soon("a submit", graph.submit()).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        soon("the graph", done).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        soon("the systems", scheduled.finished()).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    let mut numbers: Vec<_> = (0..DATA as u32).collect();
    let mut buffers = vec![[0; WORDS]; DATA];
    let mut in_order = chosen.clone();
    in_order.sort_by_key(|(stage, _)| *stage);
    (0..AT_ONCE).for_each(|_| in_order.iter().for_each(|(_, chosen)| chosen.apply(&mut numbers, &mut buffers)));
    for number in 0..DATA {
        let own = *soon("a number", handles.numbers[number].read()).await;
        assert_eq!(own, numbers[number], "seed {seed}, number {number}");
        let words = soon("a read", gpu.read(&handles.buffers[number], ..)).await.expect("read");
        assert_eq!(words.as_ref(), buffers[number], "seed {seed}, buffer {number}");
    }
}

async fn many(gpu: &Gpu, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        come_to_the_same(gpu, seed).await;
    }
}

#[tokio::test]
async fn fifty_systems_with_passes_come_to_the_same_in_any_order_on_one_thread() {
    let gpu = strict_gpu();
    many(&gpu, 1..31).await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn fifty_systems_with_passes_come_to_the_same_in_any_order_on_eight_workers() {
    let gpu = strict_gpu();
    many(&gpu, 31..61).await;
    close(gpu).await;
}
