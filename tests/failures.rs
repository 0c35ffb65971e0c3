//! Whatever fails in a frame of passes and jobs of every sort, it is named, the next frame is right, and nothing leaks.

mod common;
mod mix;
mod tiles;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{close, poll_once, soon, strict_gpu, until};
use mix::{Factors, Mix, buffer, words};
use tiles::Tiles;
use vulkio::{
    CounterSnapshot, Error, Frame, Gpu, GpuBuffer, PassId, QueueKind, RendererOptions, TransientBuffer, ash::vk,
};

const N: usize = 64;
const TILES: usize = 50;

/// Everything that can fail, in the order of the frame.
const WHO: [&str; 8] = ["numbers", "upload", "move", "shares", "copy", "draw", "open", "picture"];
const JOBS: [&str; 2] = ["numbers", "picture"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Panics,
    Fails,
}

/// Who fails, and how. It is in everything that a frame owns.
#[derive(Clone)]
struct Fault(Arc<Option<(&'static str, How)>>);

impl Fault {
    fn of(&self, name: &str) -> Result<(), Error> {
        match *self.0 {
            Some((who, How::Panics)) if who == name => panic!("{name} has had it"),
            Some((who, How::Fails)) if who == name => Err(Error::Invalid(format!("{name} has had it"))),
            _ => Ok(()),
        }
    }
}

/// What the error must say.
fn expected(who: &str, how: How) -> String {
    match (JOBS.contains(&who), how) {
        (true, How::Panics) => format!("job `{who}` panicked: {who} has had it"),
        (true, How::Fails) => format!("job `{who}`: {who} has had it"),
        (false, How::Panics) => format!("pass `{who}` panicked while recording: {who} has had it"),
        (false, How::Fails) => format!("pass `{who}`: {who} has had it"),
    }
}

/// Numbers go from a job through four passes on all queues; beside them a picture is drawn.
struct Works {
    gpu: Gpu,
    tiles: Tiles,
    mix: Mix,
    zeros: GpuBuffer<u32>,
    first: GpuBuffer<u32>,
    last: GpuBuffer<u32>,
    opened: GpuBuffer<u32>,
}

impl Works {
    async fn new(gpu: &Gpu, options: RendererOptions) -> Self {
        let named = |name| gpu.buffer(name, N).expect("a buffer");
        Self {
            tiles: Tiles::with(gpu, options.frames_in_flight(1), false).await,
            mix: Mix::new(gpu).await,
            zeros: buffer(gpu, "zeros", vec![0; N]).await,
            first: named("first"),
            last: named("last"),
            opened: named("opened"),
            gpu: gpu.clone(),
        }
    }

    /// Declares frame `n`. What its open pass says comes out of here, too.
    fn declare(&self, frame: &Frame, n: u32, fault: &Fault) -> Result<(), Error> {
        self.numbers(frame, n, fault);
        self.picture(frame, fault);
        let open: PassId = frame.pass("open").writes(self.opened.copy_target()).open();
        frame.with_encoder(open, |cmd| {
            cmd.fill(&self.opened, 0..N / 2, n);
        })?;
        let value = frame.with_encoder(open, |cmd| {
            // A mistake in what is recorded stands for an error, which a call has no place for.
            let end = if fault.of("open").is_err() { N + 1 } else { N };
            cmd.fill(&self.opened, N / 2..end, n);
            n
        })?;
        assert_eq!(value, n);
        Ok(())
    }

    fn numbers(&self, frame: &Frame, n: u32, fault: &Fault) {
        let [in_job, in_upload, in_move, in_shares, in_copy] = [(); 5].map(|()| fault.clone());
        let numbers = frame.try_job("numbers", async move {
            tokio::task::yield_now().await;
            in_job.of("numbers").map(|()| vec![n; N])
        });
        let (own, first) = (numbers.clone(), self.first.clone());
        frame.pass("upload").after(&numbers).writes(self.first.copy_target()).record(move |cmd| {
            cmd.update(&first, 0, cmd.output(&own)?);
            in_upload.of("upload")
        });
        let [moved, shared]: [TransientBuffer<u32>; 2] =
            ["moved", "shared"].map(|name| frame.buffer(name, N).expect("a transient"));
        let (mix, zeros, first, to) = (self.mix.clone(), self.zeros.clone(), self.first.clone(), moved.clone());
        let pass = frame.pass("move").queue(QueueKind::Compute).reads(&self.first).reads(&self.zeros).writes(&moved);
        pass.record(move |cmd| {
            let addresses = [first.address(), zeros.address(), cmd.address(&to)];
            mix.at(cmd, addresses, N as u32, Factors::linear(3, 1));
            in_move.of("move")
        });
        let (mix, zeros, from, to) = (self.mix.clone(), self.zeros.clone(), moved.clone(), shared.clone());
        frame.pass("shares").reads(&moved).reads(&self.zeros).writes(&shared).parallel(N, move |cmd, range| {
            for i in range {
                let [from, to] = [&from, &to].map(|buffer| cmd.address(buffer) + 4 * i as u64);
                mix.at(cmd, [from, zeros.address(), to], 1, Factors::linear(5, 2));
            }
            in_shares.of("shares")
        });
        let (from, to) = (shared.clone(), self.last.clone());
        frame.pass("copy").queue(QueueKind::Transfer).copies(&shared, &self.last).record(move |cmd| {
            cmd.copy(&from, 0..N, &to, 0);
            in_copy.of("copy")
        });
    }

    fn picture(&self, frame: &Frame, fault: &Fault) {
        let [in_job, in_draw] = [(); 2].map(|()| fault.clone());
        let job = frame.try_job("picture", async move { in_job.of("picture").map(|()| TILES) });
        let tiles = self.tiles.tiles();
        self.tiles.pass_named(frame, "draw").parallel_from(
            &job,
            |&count| count,
            move |cmd, _, range| {
                tiles(cmd, range);
                in_draw.of("draw")
            },
        );
    }

    /// Frame `n` is right.
    async fn good(&self, n: u32) -> Vec<u8> {
        let frame = self.tiles.frame().await;
        let fault = Fault(Arc::new(None));
        self.declare(&frame, n, &fault).expect("recorded");
        let (picture, stats) = self.tiles.finish(frame).await;
        assert_eq!((stats.draws, stats.dispatches, stats.culled), (TILES as u64, N as u64 + 1, 0));
        assert_eq!(self.last_number().await, n);
        assert_eq!(soon("a read", words(&self.gpu, &self.opened)).await, [n; N]);
        until("the frame is given back", || Arc::strong_count(&fault.0) == 1).await;
        picture
    }

    /// The number of the last frame that ran.
    async fn last_number(&self) -> u32 {
        let words = soon("a read", words(&self.gpu, &self.last)).await;
        let first = soon("a read", self.gpu.read(&self.first, 0..1)).await.expect("read")[0];
        assert_eq!(words, [5 * (3 * first + 1) + 2; N], "a part of a frame");
        first
    }

    async fn bad(&self, n: u32, who: &'static str, how: How) {
        let submits = self.gpu.counters().submits;
        let fault = Fault(Arc::new(Some((who, how))));
        let frame = self.tiles.frame().await;
        let declared = self.declare(&frame, n, &fault);
        assert_eq!(declared.is_err(), who == "open");
        let capture = frame.capture();
        let error = soon("a submit", frame.submit()).await.expect_err("something failed").to_string();
        if who == "open" && how == How::Fails {
            assert!(error.starts_with("pass `open`: ") && error.contains("`opened`"), "{error}");
        } else {
            assert_eq!(error, expected(who, how));
        }
        assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
        assert_eq!(self.gpu.counters().submits, submits, "{who} {how:?}");
        until("the frame is given back", || Arc::strong_count(&fault.0) == 1).await;
    }

    /// Drops a frame after so many polls. It may have been submitted then; whole or not at all.
    async fn dropped(&self, last: u32, n: u32, polls: u32) -> u32 {
        let fault = Fault(Arc::new(None));
        let frame = self.tiles.frame().await;
        self.declare(&frame, n, &fault).expect("recorded");
        if polls == 0 {
            drop(frame);
        } else {
            let mut submit = frame.submit();
            for _ in 1..polls {
                if poll_once(&mut submit).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(submit);
        }
        until("the frame is given back", || Arc::strong_count(&fault.0) == 1).await;
        drop(self.tiles.frame().await); // which waits for what runs
        let number = self.last_number().await;
        assert!([last, n].contains(&number), "{number}");
        number
    }
}

/// What may not grow.
fn held(seen: &CounterSnapshot) -> [u64; 4] {
    [seen.device_bytes, seen.device_allocations, seen.semaphores, seen.pipelines]
}

async fn everything_fails(options: RendererOptions, most_pools: u64) {
    let gpu = strict_gpu();
    let works = Works::new(&gpu, options).await;
    let right = works.good(0).await;
    let (mut n, mut warm) = (0, None);
    for round in 0..6 {
        for how in [How::Panics, How::Fails] {
            for who in WHO {
                works.bad(9999, who, how).await;
                n += 1;
                assert!(works.good(n).await == right, "the picture after {who} {how:?}");
            }
        }
        let mut last = n;
        for polls in 0..12 {
            last = works.dropped(last, 1000 + polls, polls).await;
        }
        assert!(works.good(n).await == right);
        let seen = gpu.counters();
        if round == 1 {
            warm = Some(held(&seen));
        }
        assert!(round < 1 || warm == Some(held(&seen)), "round {round}: {:?}, not {warm:?}", held(&seen));
        assert!(seen.command_pools <= most_pools, "round {round}: {} command pools", seen.command_pools);
    }
    drop(works);
    close(gpu).await;
}

#[tokio::test]
async fn on_a_runtime_of_one_thread_every_failure_is_told_by_name_and_leaves_nothing() {
    everything_fails(RendererOptions::default(), 12).await;
    everything_fails(RendererOptions::default().in_place_below(Duration::ZERO), 12).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn on_many_workers_every_failure_is_told_by_name_and_leaves_nothing() {
    everything_fails(RendererOptions::default().in_place_below(Duration::ZERO), 36).await;
}

#[tokio::test]
async fn what_is_wrong_first_is_told_and_nothing_else_is() {
    let gpu = strict_gpu();
    let works = Works::new(&gpu, RendererOptions::default()).await;
    works.good(1).await;
    let frame = works.tiles.frame().await;
    let order = Arc::new(Mutex::new(Vec::new()));
    for i in 0..3 {
        let order = Arc::clone(&order);
        frame.pass(&format!("bad {i}")).record(move |_| -> Result<(), Error> {
            order.lock().expect("not poisoned").push(i);
            Err(Error::Vulkan { call: "vkNothing".into(), result: vk::Result::ERROR_UNKNOWN })
        });
    }
    let error = soon("a submit", frame.submit()).await.expect_err("all are bad");
    assert_eq!(error.to_string(), "pass `bad 0`: vkNothing failed with ERROR_UNKNOWN");
    assert_eq!(*order.lock().expect("not poisoned"), [0], "what comes after a failure is not recorded");
    works.good(2).await; // nor does `frame()` tell anything
    drop(works);
    close(gpu).await;
}
