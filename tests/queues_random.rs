//! Random frames whose passes are spread over all queues, several in flight, some dropped, some submitted late, with
//! uploads and read-backs between them: all of it does what a CPU does.

mod common;
mod mix;
mod scenes;
mod world;

use std::collections::BTreeSet;

use common::{close, poll_once, soon, strict_gpu};
use scenes::{Random, seed};
use vulkio::{Completion, Finalized, Frame, FrameStats, Gpu, QueueKind, Renderer, RendererOptions};
use world::{Step, World};

const ROUNDS: usize = 200;

/// Where a step runs: where the planner likes, or where it is said.
fn queue(random: &mut Random, step: &Step) -> Option<QueueKind> {
    let kinds = step.queues();
    let chosen = random.bits() as usize % (kinds.len() + 1);
    // What copies goes where what it copies is, which may be a queue that does not clear.
    let chosen = if matches!(step, Step::Clear { renders: false, .. }) { chosen.min(kinds.len() - 1) } else { chosen };
    kinds.get(chosen).copied()
}

struct Run {
    gpu: Gpu,
    renderer: Renderer,
    random: Random,
    world: World,
    /// Recorded, and not submitted.
    late: Option<(Finalized, Vec<Step>)>,
    done: Vec<Completion<std::sync::Arc<FrameStats>>>,
    queues: usize,
}

impl Run {
    async fn declared(&mut self) -> (Frame, Vec<Step>) {
        let frame = soon("a slot", self.renderer.frame()).await.expect("a frame");
        let count = 1 + self.random.bits() as usize % 14;
        let steps = World::steps(&mut self.random, count, false);
        let things = self.world.things(frame.graph());
        for step in &steps {
            let queue = queue(&mut self.random, step);
            self.world.declare(frame.graph(), &things, step, queue, []);
        }
        let plan = frame.plan_stats().expect("a plan");
        assert_eq!(plan.passes + plan.culled, steps.len());
        self.queues = self.queues.max(plan.queues);
        (frame, steps)
    }

    async fn frame(&mut self) {
        let (frame, steps) = self.declared().await;
        let plan = frame.plan_stats().expect("a plan");
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        // One stamp a queue, for all that the plan names and those that release an image besides.
        let queues: BTreeSet<_> = done.stamps().map(|stamp| stamp.queue).collect();
        assert_eq!(queues.len(), done.stamps().count());
        assert!(
            (plan.queues.max(1)..=3).contains(&done.stamps().count()),
            "{:?} of {plan:?}",
            done.stamps().collect::<Vec<_>>()
        );
        self.world.advance(&steps);
        self.done.push(done);
    }

    /// At any stage.
    async fn dropped_frame(&mut self) {
        let (frame, _) = self.declared().await;
        match self.random.bits() % 4 {
            0 => drop(frame),
            1 => drop(frame.submit()), // unpolled
            2 => drop(soon("a recording", frame.finalize()).await.expect("recorded")),
            _ => {
                let job = frame.job("never", std::future::pending::<()>());
                frame.pass("waits").after(&job).record(|_| ());
                let mut submit = frame.submit();
                assert!(poll_once(&mut submit).is_pending());
            }
        }
    }

    /// Recorded now, submitted some rounds later.
    async fn late_frame(&mut self) {
        match self.late.take() {
            None => {
                let (frame, steps) = self.declared().await;
                let held = soon("a recording", frame.finalize()).await.expect("recorded");
                self.late = Some((held, steps));
            }
            Some((held, steps)) => {
                self.done.push(soon("a submit", held.submit()).await.expect("submitted"));
                self.world.advance(&steps);
            }
        }
    }

    async fn round(&mut self, what: &str) {
        match self.random.bits() % 8 {
            0 => self.dropped_frame().await,
            1 => self.late_frame().await,
            2 => self.world.upload(&mut self.random).await,
            3 => self.world.check_one(self.random.bits() as usize, what).await,
            _ => self.frame().await,
        }
    }
}

async fn random_frames(options: RendererOptions, seed: u64) {
    let mut random = Random(seed);
    let gpu = strict_gpu();
    let world = World::new(&gpu, &mut random).await;
    let renderer = Renderer::with_options(&gpu, [8, 8], options).expect("a renderer");
    let mut run = Run { gpu: gpu.clone(), renderer, random, world, late: None, done: Vec::new(), queues: 0 };
    for round in 0..ROUNDS {
        let what = format!("seed {seed}, round {round}");
        run.round(&what).await;
        if round % 10 == 9 {
            run.world.check(&what).await;
        }
    }
    while run.late.is_some() {
        run.late_frame().await;
    }
    run.world.check(&format!("seed {seed}, the end")).await;
    for done in std::mem::take(&mut run.done) {
        soon("a frame", done).await.expect("complete");
    }
    let distinct: std::collections::BTreeSet<_> = [QueueKind::Graphics, QueueKind::Compute, QueueKind::Transfer]
        .map(|kind| run.gpu.submitted(kind).stamp().queue)
        .into();
    assert_eq!(run.queues, distinct.len(), "some frame uses all queues");
    drop(run);
    close(gpu).await;
}

#[tokio::test]
async fn frames_on_all_queues_recorded_in_place_do_what_a_cpu_does() {
    let options = RendererOptions::default().frames_in_flight(3);
    random_frames(options.in_place_below(std::time::Duration::from_secs(1)), seed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn frames_on_all_queues_recorded_by_many_workers_do_what_a_cpu_does() {
    let options = RendererOptions::default().frames_in_flight(4);
    random_frames(options.in_place_below(std::time::Duration::ZERO), seed() + 1).await;
}

#[tokio::test]
async fn frames_on_all_queues_one_at_a_time_do_what_a_cpu_does() {
    // A frame that is recorded and kept has a slot of its own.
    random_frames(RendererOptions::default().frames_in_flight(2), seed() + 2).await;
}
