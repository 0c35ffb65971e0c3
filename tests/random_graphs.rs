//! Random graphs of mixes, copies and fills, against a CPU and against a slow, separate idea of which barriers they need.

mod common;
mod mix;
mod scenes;

use common::{close, soon, strict_gpu};
use mix::{Factors, Mix, buffer, one_queue, words};
use scenes::{Random, seed};
use vulkio::{Gpu, GpuBuffer, Graph, PlanStats, QueueKind};

const BUFFERS: usize = 5;
/// Not a multiple of a workgroup's size.
const N: usize = 100;

/// A way of touching a buffer that barriers tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Shader,
    Copy,
}

/// One pass, by numbers of buffers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Mix {
        a: usize,
        b: usize,
        result: usize,
        factors: Factors,
    },
    Copy {
        from: usize,
        at: usize,
        to: usize,
        to_at: usize,
        count: usize,
    },
    Fill {
        buffer: usize,
        at: usize,
        count: usize,
        value: u32,
    },
    /// Declares a read and records nothing.
    Look {
        buffer: usize,
        kind: Kind,
    },
}

impl Step {
    fn random(random: &mut Random, queue: QueueKind) -> Self {
        let mut below = |n: usize| (random.bits() % n as u64) as usize;
        let other_than = |buffer: usize, step: usize| (buffer + 1 + step) % BUFFERS;
        let (buffer, at) = (below(BUFFERS), below(N));
        match below(6) {
            0 => Self::Fill { buffer, at, count: 1 + below(N - at), value: below(1 << 32) as u32 },
            1 | 2 => {
                let count = 1 + below(N - at);
                let (to, to_at) = (other_than(buffer, below(BUFFERS - 1)), below(N - count + 1));
                Self::Copy { from: buffer, at, to, to_at, count }
            }
            // A transfer queue runs no shaders.
            _ if queue == QueueKind::Transfer => Self::Fill { buffer, at, count: N - at, value: below(1000) as u32 },
            _ => {
                let [a, b] = [below(BUFFERS - 1), below(BUFFERS - 1)].map(|step| other_than(buffer, step));
                let mut factor = |most: usize| below(most) as u32;
                let factors = Factors {
                    shift: factor(N),
                    add: factor(9),
                    multiply: factor(99),
                    keep: [0, 0, 3][factor(3) as usize],
                };
                Self::Mix { a, b, result: buffer, factors }
            }
        }
    }

    fn random_look(random: &mut Random) -> Self {
        let kinds = [Kind::Shader, Kind::Copy];
        Self::Look { buffer: random.bits() as usize % BUFFERS, kind: kinds[random.bits() as usize % 2] }
    }

    /// Buffers it reads and writes. A mix that keeps reads its result, too; that it writes it says as much.
    fn uses(&self) -> (Vec<usize>, Option<usize>, Kind) {
        match *self {
            Self::Mix { a, b, result, .. } => (vec![a, b], Some(result), Kind::Shader),
            Self::Copy { from, to, .. } => (vec![from], Some(to), Kind::Copy),
            Self::Fill { buffer, .. } => (Vec::new(), Some(buffer), Kind::Copy),
            Self::Look { buffer, kind } => (vec![buffer], None, kind),
        }
    }

    fn conflicts(&self, later: &Self) -> bool {
        let ((reads, write, _), (later_reads, later_write, _)) = (self.uses(), later.uses());
        let touches = |write: Option<usize>, reads: &[usize]| write.is_some_and(|buffer| reads.contains(&buffer));
        write.is_some() && write == later_write || touches(write, &later_reads) || touches(later_write, &reads)
    }

    fn on_cpu(&self, buffers: &mut [Vec<u32>]) {
        match *self {
            Self::Mix { a, b, result, factors } => {
                buffers[result] = factors.mixed(&buffers[a], &buffers[b], &buffers[result]);
            }
            Self::Copy { from, at, to, to_at, count } => {
                let words = buffers[from][at..at + count].to_vec();
                buffers[to][to_at..to_at + count].copy_from_slice(&words);
            }
            Self::Fill { buffer, at, count, value } => buffers[buffer][at..at + count].fill(value),
            Self::Look { .. } => {}
        }
    }

    fn declare(&self, graph: &Graph, mix: &Mix, buffers: &[GpuBuffer<u32>]) {
        match *self {
            Self::Mix { a, b, result, factors } => {
                let (a, b, result) = (&buffers[a], &buffers[b], &buffers[result]);
                graph.pass("mix").reads(a).reads(b).writes(result).record(mix.of(a, b, result, factors));
            }
            Self::Copy { from, at, to, to_at, count } => {
                let (from, to) = (buffers[from].clone(), buffers[to].clone());
                graph.pass("copy").reads(from.copy_source()).writes(to.copy_target()).record(move |cmd| {
                    cmd.copy(&from, at..at + count, &to, to_at);
                });
            }
            Self::Fill { buffer, at, count, value } => {
                let buffer = buffers[buffer].clone();
                graph.pass("fill").writes(buffer.copy_target()).record(move |cmd| {
                    cmd.fill(&buffer, at..at + count, value);
                });
            }
            Self::Look { buffer, kind: Kind::Shader } => {
                graph.pass("look").reads(&buffers[buffer]).record(|_| ());
            }
            Self::Look { buffer, kind: Kind::Copy } => {
                graph.pass("look").reads(buffers[buffer].copy_source()).record(|_| ());
            }
        }
    }
}

/// The fewest waves: the longest chain of conflicts.
fn waves(steps: &[Step]) -> usize {
    let mut wave: Vec<usize> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let after = (0..i).filter(|&earlier| steps[earlier].conflicts(step)).map(|earlier| wave[earlier] + 1);
        wave.push(after.max().unwrap_or(0));
    }
    wave.into_iter().max().map_or(0, |last| last + 1)
}

/// What the past of a buffer asks of the next graph, on one queue.
#[derive(Clone, Debug, Default)]
struct Past {
    touched: bool,
    written: bool,
    /// Kinds of reads that a barrier has shown the last write to.
    visible: Vec<Kind>,
}

impl Past {
    fn written(&mut self) {
        *self = Self { touched: true, written: true, visible: Vec::new() };
    }

    /// Books a graph's reads: whether they need a barrier first.
    fn read(&mut self, kinds: &[Kind]) -> bool {
        self.touched = true;
        let unseen = self.written && kinds.iter().any(|kind| !self.visible.contains(kind));
        if unseen {
            self.visible.extend(kinds);
        }
        unseen
    }

    /// Books a graph, as this buffer's reads and writes in their order: whether it needs a barrier before it.
    fn graph(&mut self, uses: &[(bool, Kind)]) -> bool {
        let mut runs = uses.chunk_by(|a, b| !a.0 && !b.0).map(|run| {
            let kinds: Vec<_> = run.iter().map(|&(_, kind)| kind).collect();
            (run[0].0, kinds)
        });
        let Some((writes, kinds)) = runs.next() else { return false };
        let needs = if writes { self.touched } else { self.read(&kinds) };
        if writes {
            self.written();
        }
        for (writes, kinds) in runs {
            if writes {
                self.written();
            } else {
                self.read(&kinds); // the plan's own barrier
            }
        }
        needs
    }
}

fn needs_prologue(steps: &[Step], pasts: &mut [Past]) -> bool {
    let mut needs = false;
    for (buffer, past) in pasts.iter_mut().enumerate() {
        let mut uses = Vec::new();
        for step in steps {
            let (reads, write, kind) = step.uses();
            if write == Some(buffer) {
                uses.push((true, kind));
            } else if reads.contains(&buffer) {
                uses.push((false, kind));
            }
        }
        needs |= past.graph(&uses);
    }
    needs
}

/// Submits the steps as one graph: its plan's figures, and how many barriers it should take on one queue.
async fn submit(gpu: &Gpu, queue: QueueKind, steps: &[Step], mix: &Mix, buffers: &[GpuBuffer<u32>]) -> Submitted {
    let graph = Graph::on(gpu, "random", queue);
    steps.iter().for_each(|step| step.declare(&graph, mix, buffers));
    let plan = graph.plan_stats().expect("a plan");
    (plan, soon("a submit", graph.submit()).await.expect("submitted"))
}

type Submitted = (PlanStats, vulkio::Completion<std::sync::Arc<vulkio::FrameStats>>);

#[tokio::test]
async fn fifty_random_graphs_do_what_a_cpu_does_with_as_few_barriers_as_can_be() {
    let seed = seed();
    let mut random = Random(seed);
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let mut expected: Vec<Vec<u32>> = (0..BUFFERS).map(|_| (0..N).map(|_| random.bits() as u32).collect()).collect();
    let mut buffers = Vec::new();
    for (i, words) in expected.iter().enumerate() {
        buffers.push(buffer(&gpu, &format!("buffer {i}"), words.clone()).await);
    }
    let aliased = one_queue(&gpu);
    let mut pasts = vec![Past::default(); BUFFERS];
    pasts.iter_mut().for_each(Past::written);
    let mut longest = 0;

    for round in 0..50 {
        // Some graphs, one after the other without waiting, on any queue.
        let mut submitted = Vec::new();
        for _ in 0..1 + random.bits() % 4 {
            let kinds = [QueueKind::Graphics, QueueKind::Compute, QueueKind::Transfer];
            let queue = kinds[random.bits() as usize % 3];
            let count = 1 + random.bits() % 12;
            // Some only look: whether they need a barrier depends on what was made visible before.
            let steps: Vec<_> = match (random.bits() % 3, queue) {
                (0, QueueKind::Graphics | QueueKind::Compute) => {
                    (0..count.div_ceil(4)).map(|_| Step::random_look(&mut random)).collect()
                }
                _ => (0..count).map(|_| Step::random(&mut random, queue)).collect(),
            };
            let (plan, done) = submit(&gpu, queue, &steps, &mix, &buffers).await;
            steps.iter().for_each(|step| step.on_cpu(&mut expected));
            let waves = waves(&steps);
            longest = longest.max(waves);
            let found = (plan.passes, plan.waves, plan.barriers, plan.lower_bound);
            assert_eq!(found, (steps.len(), waves, waves - 1, waves - 1), "seed {seed}, round {round}: {steps:#?}");
            let barriers = waves as u64 - 1 + u64::from(needs_prologue(&steps, &mut pasts));
            submitted.push((steps, barriers, done));
        }
        for (i, buffer) in buffers.iter().enumerate() {
            let found = soon("a read", words(&gpu, buffer)).await;
            pasts[i].read(&[Kind::Copy]);
            let wrong = found.iter().zip(&expected[i]).position(|(found, expected)| found != expected);
            assert_eq!(wrong, None, "seed {seed}, round {round}, buffer {i}: {found:?} after {submitted:#?}");
        }
        for (steps, barriers, done) in submitted {
            let stats = soon("a graph", done).await.expect("complete");
            if aliased {
                assert_eq!(stats.barriers, barriers, "seed {seed}, round {round}: {steps:#?}");
            }
        }
    }
    assert!(longest >= 6, "seed {seed}: chains of {longest} waves test little");
    drop((mix, buffers));
    close(gpu).await;
}
