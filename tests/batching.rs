//! Dispatches that gather while the GPU is busy.

mod common;
mod mix;
mod scenes;

use std::{
    collections::HashMap,
    future::{Future, IntoFuture},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Wake, Waker},
    thread,
    time::Duration,
};

use common::{
    Gate, close,
    faults::{Faults, LooseGate},
    open, recorded, soon, strict, until,
};
use futures::{FutureExt, future::join_all};
use mix::Factors;
use scenes::{Random, seed};

use vulkio::{Batching, Dispatch, Error, Gpu, GpuBuffer, Graph, ash::vk};

const N: usize = 64;
/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

struct World {
    gpu: Gpu,
    mix: mix::MixKernel,
    buffers: Vec<GpuBuffer<u32>>,
}

impl World {
    async fn new(batching: Batching, buffers: usize) -> Self {
        Self::on(open(strict().batching(batching)), buffers).await
    }

    async fn on(gpu: Gpu, buffers: usize) -> Self {
        let mix = mix::MixKernel::new(&gpu).await;
        let made = (0..buffers).map(|index| gpu.buffer(&format!("words {index}"), N).expect("memory"));
        let buffers: Vec<GpuBuffer<u32>> = made.collect();
        for (index, buffer) in buffers.iter().enumerate() {
            gpu.upload(buffer, 0, vec![index as u32; N]).await.expect("uploaded").await.expect("there");
        }
        Self { gpu, mix, buffers }
    }

    /// Adds one to each word of a buffer.
    fn count(&self, buffer: usize) -> Dispatch {
        let factors = Factors { add: 1, keep: 1, ..Factors::default() };
        // The last buffer stays zero times nothing: `a` counts 0 times, and `b` is rotated, so it must be zero.
        self.mix.of([&self.buffers[0], &self.buffers[0], &self.buffers[buffer]], factors)
    }

    async fn words(&self, buffer: usize) -> Vec<u32> {
        self.gpu.read(&self.buffers[buffer], 0..N).await.expect("read").to_vec()
    }

    fn submits(&self) -> u64 {
        self.gpu.counters().submits
    }

    /// Keeps the GPU busy until the gate opens.
    async fn busy(&self) -> Gate {
        let gate = Gate::new(&self.gpu);
        let graph = Graph::new(&self.gpu, "busy");
        let (from, to) = (self.buffers[0].clone(), self.gpu.buffer::<u32>("held", N).expect("memory"));
        graph.pass("held").copies(&from, &to).keep().record(move |cmd| _ = cmd.copy(&from, 0..N, &to, 0));
        gate.hold(&graph);
        graph.submit().await.expect("submitted");
        gate
    }

    /// The same, with a gate that keeps no device.
    async fn busy_until_the_end(&self, faults: &Faults) -> LooseGate {
        let gate = LooseGate::new(&self.gpu, faults);
        let graph = Graph::new(&self.gpu, "busy");
        gate.hold(&graph);
        graph.submit().await.expect("submitted");
        gate
    }

    async fn close(self) {
        let Self { gpu, mix, buffers } = self;
        drop((mix, buffers));
        close(gpu).await;
    }
}

/// Two go ahead; others wait for one of them, however long that takes.
fn patient() -> Batching {
    Batching::default().max_delay(LONG).in_flight(2)
}

#[tokio::test]
async fn a_lone_dispatch_is_submitted_by_its_first_poll() {
    let world = World::new(patient(), 2).await;
    let before = world.submits();
    let mut submitted = Box::pin(world.count(1).submit());
    let done = submitted.as_mut().now_or_never().expect("in one poll").expect("submitted");
    assert_eq!(world.submits() - before, 1);
    done.await.expect("complete");
    assert_eq!(world.words(1).await, [2; N]);
    world.close().await;
}

#[tokio::test]
async fn what_comes_while_the_gpu_is_busy_goes_as_one_submission_when_that_is_complete() {
    let world = World::new(patient(), 11).await;
    let gate = world.busy().await;
    let before = world.gpu.counters();
    let mut dispatches: Vec<_> = (0..100).map(|i| Box::pin(world.count(1 + i % 10).submit())).collect();
    let at_once = dispatches.iter_mut().filter_map(|dispatch| dispatch.as_mut().now_or_never()).count();
    let middle = world.gpu.counters();
    assert_eq!((at_once, middle.submits - before.submits), (2, 2), "two are in flight, the others gather");
    gate.open();
    let gathered: Vec<_> = dispatches.into_iter().skip(2).collect();
    let submitted: Vec<_> = join_all(gathered).await.into_iter().map(|outcome| outcome.expect("submitted")).collect();
    let stamps: Vec<_> = submitted.iter().map(vulkio::Completion::stamp).collect();
    assert!(stamps.windows(2).all(|pair| pair[0] == pair[1]), "one submission: {stamps:?}");
    join_all(submitted).await.into_iter().for_each(|done| done.expect("complete"));
    let after = world.gpu.counters();
    assert_eq!(after.submits - before.submits, 3);
    assert_eq!(after.dispatches - before.dispatches, 100);
    // Ten chains of ten, of two of which the first went ahead: nine barriers between ten waves, and one at the entry.
    assert_eq!(after.barriers - middle.barriers, 10);
    for index in 1..11 {
        assert_eq!(world.words(index).await, [index as u32 + 10; N]);
    }
    world.close().await;
}

#[tokio::test]
async fn enough_dispatches_go_without_waiting() {
    let world = World::new(patient().max_batch(10), 2).await;
    let gate = world.busy().await;
    let before = world.submits();
    let mut dispatches: Vec<_> = (0..25).map(|_| Box::pin(world.count(1).submit())).collect();
    let polled: Vec<_> = dispatches.iter_mut().map(|dispatch| dispatch.as_mut().now_or_never().is_some()).collect();
    assert_eq!(world.submits() - before, 4, "two alone, two of ten");
    assert_eq!(
        polled.iter().filter(|is_ready| **is_ready).count(),
        4,
        "those whose poll submitted know at once: {polled:?}"
    );
    gate.open();
    for (dispatch, was_ready) in dispatches.into_iter().zip(polled) {
        if !was_ready {
            dispatch.await.expect("submitted");
        }
    }
    assert_eq!(world.words(1).await, [26; N]);
    assert_eq!(world.submits() - before, 6, "and the last three, and the read");
    world.close().await;
}

#[tokio::test]
async fn who_has_waited_long_enough_goes_while_the_gpu_is_still_busy() {
    let world = World::new(Batching::default().max_delay(Duration::from_millis(5)), 2).await;
    let gate = world.busy().await;
    let before = world.submits();
    let submitted = join_all((0..9).map(|_| world.count(1).submit())).await;
    assert_eq!(submitted.len(), 9);
    let after = world.submits() - before;
    assert!((2..=9).contains(&after), "one alone, the others in as many as the clock made of them: {after}");
    assert!(submitted.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.is_complete())), "the gate is shut");
    gate.open();
    assert_eq!(world.words(1).await, [10; N]);
    world.close().await;
}

#[tokio::test]
async fn a_mistake_in_one_dispatch_is_no_fault_of_the_others() {
    for checks in [true, false] {
        let world = World::on(open(strict().checks(checks).batching(patient())), 4).await;
        let unwritten = world.gpu.buffer::<u32>("unwritten", N).expect("memory");
        let factors = Factors { add: 1, keep: 1, ..Factors::default() };
        let gate = world.busy().await;
        let before = world.submits();
        let mut dispatches: Vec<_> = (0..3).map(|_| Box::pin(world.count(1).submit())).collect();
        let wrong = world.mix.of([&unwritten, &world.buffers[0], &world.buffers[2]], factors);
        dispatches.push(Box::pin(wrong.submit()));
        if checks {
            let undeclared = world.mix.undeclared([&world.buffers[0], &world.buffers[0], &world.buffers[3]], factors);
            dispatches.push(Box::pin(undeclared.reads(&world.buffers[0]).submit()));
        }
        dispatches.push(Box::pin(world.count(1).submit()));
        let count = dispatches.len();
        let mut outcomes = Vec::new();
        for dispatch in &mut dispatches {
            outcomes.push(dispatch.as_mut().now_or_never());
        }
        gate.open();
        let mut errors = Vec::new();
        for (dispatch, outcome) in dispatches.into_iter().zip(outcomes) {
            let outcome = match outcome {
                Some(outcome) => outcome,
                None => dispatch.await,
            };
            match outcome {
                Ok(done) => done.await.expect("complete"),
                Err(error) => errors.push(error.to_string()),
            }
        }
        assert_eq!(errors.len(), count - 4, "{errors:?}");
        assert!(errors[0].contains("unwritten"), "{errors:?}");
        assert!(!checks || errors[1].contains("words 3"), "{errors:?}");
        assert_eq!(world.words(1).await, [5; N]);
        assert_eq!((world.words(2).await, world.words(3).await), (vec![2; N], vec![3; N]), "untouched");
        assert!(world.submits() > before + 2);
        drop(unwritten);
        world.close().await;
    }
}

#[tokio::test]
async fn what_is_dropped_while_it_waits_is_not_submitted_and_holds_nobody_up() {
    let world = World::new(patient(), 3).await;
    let gate = world.busy().await;
    let before = world.gpu.counters().dispatches;
    let mut kept: Vec<_> = (0..4).map(|_| Box::pin(world.count(1).submit())).collect();
    let ready = kept.iter_mut().filter_map(|dispatch| dispatch.as_mut().now_or_never()).count();
    let mut dropped: Vec<_> = (0..10).map(|_| Box::pin(world.count(2).submit())).collect();
    assert!(dropped.iter_mut().all(|dispatch| dispatch.as_mut().now_or_never().is_none()));
    drop(dropped);
    gate.open();
    for dispatch in kept.into_iter().skip(ready) {
        dispatch.await.expect("submitted").await.expect("complete");
    }
    assert_eq!(world.gpu.counters().dispatches - before, 4);
    assert_eq!((world.words(1).await, world.words(2).await), (vec![5; N], vec![2; N]));
    world.close().await;
}

#[tokio::test]
async fn closing_refuses_what_waits_and_loses_nothing_that_was_submitted() {
    let world = World::new(patient(), 2).await;
    let gate = world.busy().await;
    let mut dispatches: Vec<_> = (0..5).map(|_| Box::pin(world.count(1).submit())).collect();
    let ready: Vec<_> = dispatches.iter_mut().filter_map(|dispatch| dispatch.as_mut().now_or_never()).collect();
    assert_eq!(ready.len(), 2);
    let gpu = world.gpu.clone();
    let closing = tokio::spawn(async move { gpu.close().await });
    for dispatch in dispatches.into_iter().skip(2) {
        assert!(matches!(dispatch.await, Err(Error::Closed)));
    }
    gate.open();
    for done in ready {
        done.expect("submitted").await.expect("complete");
    }
    closing.await.expect("no panic").expect("closed");
    assert!(matches!(world.count(1).await, Err(Error::Closed)));
    drop(gate);
    world.close().await;
}

/// A chain of dispatches that each task awaits one after the other, in any order among the tasks.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_dispatch_of_many_tasks_is_done_once_and_in_its_tasks_order() {
    let world = Arc::new(World::new(Batching::default(), 9).await);
    let before = world.gpu.counters().dispatches;
    let tasks = (1..9).map(|buffer| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            for round in 0..20 {
                let doubled = Factors { keep: 3, add: round, ..Factors::default() };
                let [a, b, into] = [0, 0, buffer].map(|index| &world.buffers[index]);
                world.mix.of([a, b, into], doubled).await.expect("done");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("no panic");
    }
    assert_eq!(world.gpu.counters().dispatches - before, 160);
    for buffer in 1..9_u32 {
        let expected = (0..20_u32).fold(buffer, |word, round| word.wrapping_mul(3).wrapping_add(round));
        assert_eq!(world.words(buffer as usize).await, [expected; N]);
    }
    Arc::into_inner(world).expect("the tasks have ended").close().await;
}

/// Dispatches over shared buffers and slices of them, all of one batch, against the same one after the other on the CPU.
#[tokio::test]
async fn a_batch_of_random_dispatches_is_what_one_after_the_other_gives() {
    let seed = seed();
    let mut random = Random(seed);
    for _ in 0..8 {
        // A new one, on which nothing is in flight.
        let world = World::new(patient(), 6).await;
        let mut expected = Vec::new();
        for index in 0..6 {
            expected.push(world.words(index).await);
        }
        let gate = world.busy().await;
        let mut dispatches = Vec::new();
        let mut chains = Chains::default();
        for _ in 0..30 {
            let [a, b, into, part] = [6, 6, 6, 4].map(|most| (random.bits() % most) as usize);
            if a == into || b == into {
                continue; // a shader that reads what others of it write has no one result
            }
            let [shift, add, multiply, keep] =
                [16, 1 << 32, 1 << 32, 1 << 32].map(|most| (random.bits() % most) as u32);
            let factors = Factors { shift, add, multiply, keep };
            let range = part * 16..part * 16 + 16;
            let [of_a, of_b, before] = [a, b, into].map(|index| &expected[index][range.clone()]);
            let mixed = factors.mixed(of_a, of_b, before);
            expected[into][range.clone()].copy_from_slice(&mixed);
            let buffers = [a, b, into].map(|index| &world.buffers[index]);
            if dispatches.len() >= 2 {
                chains.add([(a, part), (b, part)], (into, part)); // two go ahead
            }
            dispatches.push(Box::pin(world.mix.slices(buffers, range, factors).submit()));
        }
        let ready: Vec<_> = dispatches.iter_mut().map(|dispatch| dispatch.as_mut().now_or_never().is_some()).collect();
        assert_eq!(ready.iter().filter(|is_ready| **is_ready).count(), 2);
        let (before, count) = (world.gpu.counters(), dispatches.len() as u64);
        gate.open();
        for (dispatch, was_ready) in dispatches.into_iter().zip(ready) {
            if !was_ready {
                dispatch.await.expect("submitted").await.expect("complete");
            }
        }
        let after = world.gpu.counters();
        assert_eq!((after.submits - before.submits, after.dispatches - before.dispatches), (1, count - 2));
        let (barriers, least) = (after.barriers - before.barriers, chains.longest - 1);
        assert!(
            (least..=least + 1).contains(&barriers),
            "{barriers} barriers, {least} between waves, perhaps one at the entry"
        );
        for (index, expected) in expected.iter().enumerate() {
            assert_eq!(world.words(index).await, *expected, "words {index}");
        }
        world.close().await;
    }
}

/// The longest chain of work each of which must come after the one before.
#[derive(Default)]
struct Chains {
    /// By what is touched: the chains that end with its last write, and with a read of it.
    ends: HashMap<(usize, usize), [u64; 2]>,
    longest: u64,
}

impl Chains {
    fn add(&mut self, reads: [(usize, usize); 2], write: (usize, usize)) {
        let end = |of| self.ends.get(&of).copied().unwrap_or_default();
        let [wrote, read] = end(write);
        let length = 1 + reads.map(|of| end(of)[0]).into_iter().chain([wrote, read]).max().unwrap_or(0);
        self.longest = self.longest.max(length);
        for of in reads {
            let end = &mut self.ends.entry(of).or_default()[1];
            *end = length.max(*end);
        }
        self.ends.entry(write).or_default()[0] = length;
    }
}

#[tokio::test]
async fn a_lost_device_is_told_to_all_that_wait_and_all_that_run() {
    let (options, faults) = Faults::on(strict().batching(patient()));
    let world = World::on(open(options), 2).await;
    let gate = world.busy_until_the_end(&faults).await;
    let mut dispatches: Vec<_> = (0..20).map(|_| Box::pin(world.count(1).into_future())).collect();
    let ready = dispatches.iter_mut().filter_map(|dispatch| dispatch.as_mut().now_or_never()).count();
    assert_eq!(ready, 0, "two are on the GPU, eighteen gather");
    faults.always("vkQueueSubmit2", vk::Result::ERROR_DEVICE_LOST);
    let unlucky = Graph::new(&world.gpu, "unlucky").submit().await.expect_err("the device is lost");
    assert!(unlucky.is_device_lost());
    for outcome in join_all(dispatches).await {
        assert!(matches!(outcome, Err(Error::DeviceLost { .. })), "{outcome:?}");
    }
    assert_eq!(faults.calls("vkQueueSubmit2"), 1, "since the rule was made: nothing is submitted to a lost device");
    assert!(matches!(world.count(1).await, Err(Error::DeviceLost { .. })));
    gate.open();
    let World { gpu, mix, buffers } = world;
    let log = gpu.validation_log();
    drop((mix, buffers));
    assert!(gpu.close().await.is_err_and(|error| error.is_device_lost()));
    drop(gpu);
    faults.wait_for_the_end();
    assert_eq!(log.messages(), Vec::<String>::new());
}

struct Bomb(AtomicBool);

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
        panic!("a waker of the test's");
    }
}

#[tokio::test]
async fn a_waker_that_panics_keeps_nobody_else_from_being_told() {
    let world = World::new(Batching::default().max_delay(LONG), 2).await;
    for kind in ["submission", "completion"] {
        let gate = world.busy().await;
        let first = Box::pin(world.count(1).into_future());
        let bomb = Arc::new(Bomb(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&bomb));
        let mut cx = Context::from_waker(&waker);
        let mut first = first;
        assert!(first.as_mut().poll(&mut cx).is_pending(), "it runs, and its end will wake a bomb");
        let mut submitted = Box::pin(world.count(1).submit());
        let mut others: Vec<_> = (0..4).map(|_| Box::pin(world.count(1).into_future())).collect();
        match kind {
            "submission" => assert!(submitted.as_mut().poll(&mut cx).is_pending()),
            _ => assert!(submitted.as_mut().now_or_never().is_none()),
        }
        assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));
        gate.open();
        for other in others {
            soon("another", other).await.expect("complete");
        }
        soon("the one submitted", submitted).await.expect("submitted").await.expect("complete");
        soon("the first", first).await.expect("complete");
        assert!(bomb.0.load(Ordering::SeqCst), "it went off");
        // Nothing is counted as in flight that is not: else this would wait for an hour.
        soon("a lone one", world.count(1).into_future()).await.expect("complete");
    }
    assert_eq!(world.words(1).await, [15; N]);
    world.close().await;
}

/// Futures that are dropped leave work behind that is on the GPU, or waits; it keeps no device.
#[tokio::test]
async fn dropping_the_last_handle_waits_for_what_runs_and_not_for_what_waits() {
    let (options, faults) = Faults::on(strict().batching(patient()));
    let world = World::on(open(options), 2).await;
    let gate = world.busy_until_the_end(&faults).await;
    let mut dispatches: Vec<_> = (0..6).map(|_| Box::pin(world.count(1).into_future())).collect();
    assert!(dispatches.iter_mut().all(|dispatch| dispatch.as_mut().now_or_never().is_none()), "two run, four wait");
    drop(dispatches);
    let World { gpu, mix, buffers } = world;
    let log = gpu.validation_log();
    drop((mix, buffers));
    let dropping = thread::spawn(move || drop(gpu));
    recorded().await;
    assert!(!dropping.is_finished(), "the gate is shut");
    gate.open();
    until("the device is gone", || dropping.is_finished()).await;
    dropping.join().expect("no panic");
    faults.wait_for_the_end();
    assert_eq!(log.messages(), Vec::<String>::new());
}

#[tokio::test]
async fn steps_of_a_chain_are_looked_at_one_by_one_though_they_go_together() {
    let world = World::on(open(strict().checks(true)), 4).await;
    let [zero, b, c] = [0, 2, 3].map(|index| &world.buffers[index]);
    let factors = Factors { add: 1, keep: 1, ..Factors::default() };
    let right = world.mix.of([zero, zero, b], factors);
    let wrong = world.mix.undeclared([zero, zero, b], factors).reads(zero).writes(c);
    let error = right.then(wrong).await.expect_err("the second writes what only the first declares").to_string();
    assert!(error.contains("words 2"), "{error}");
    assert_eq!(world.words(2).await, [2; N]);
    world.close().await;
}

#[tokio::test]
async fn what_reads_before_others_of_its_batch_write_is_refused_as_it_is_alone() {
    let world = World::new(patient(), 3).await;
    let late = world.gpu.buffer::<u32>("late", N).expect("memory");
    let zero = &world.buffers[0];
    let copy = Factors::linear(1, 0);
    let gate = world.busy().await;
    let mut ahead: Vec<_> = (0..2).map(|_| Box::pin(world.count(1).submit())).collect();
    assert!(ahead.iter_mut().all(|dispatch| dispatch.as_mut().now_or_never().is_some()));
    let early = world.mix.of([&late, zero, &world.buffers[2]], copy);
    let write = world.mix.of([&world.buffers[1], zero, &late], copy);
    let read = world.mix.of([&late, zero, &world.buffers[2]], copy);
    let mut all = [early, write, read].map(|dispatch| Box::pin(dispatch.submit()));
    assert!(all.iter_mut().all(|dispatch| dispatch.as_mut().now_or_never().is_none()));
    gate.open();
    let [early, write, read] = join_all(all).await.try_into().expect("three");
    let error = early.expect_err("nothing had written it").to_string();
    assert!(error.contains("late"), "{error}");
    write.expect("submitted").await.expect("complete");
    read.expect("submitted").await.expect("complete");
    assert_eq!(world.words(2).await, [3; N]);
    drop(late);
    world.close().await;
}
