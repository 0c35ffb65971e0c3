//! CPU jobs in frames: their output reaches passes and comes back, and what goes wrong with one says which.

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{Hold, Scene, close, poll_once, recorded, soon, strict_gpu, until};
use futures::executor::block_on;
use tokio::{runtime::Builder, sync::oneshot};
use vulkio::{Error, Frame, Gpu, Job, RendererOptions};

/// Counts what of it is alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn scene(gpu: &Gpu) -> Scene {
    Scene::new(gpu, RendererOptions::default().frames_in_flight(1))
}

/// A pass that copies a job's words to the scene's first buffer, and one that copies them on to the second.
fn upload(scene: &Scene, frame: &Frame, job: &Job<Vec<u32>>) {
    let (from, to, own) = (scene.from.clone(), scene.to.clone(), job.clone());
    let target = scene.from.clone();
    frame.pass("upload").after(job).writes(scene.from.copy_target()).record(move |cmd| {
        let words = cmd.output(&own)?;
        cmd.update(&target, 0, words);
        Ok(())
    });
    frame.pass("copy").reads(scene.from.copy_source()).writes(scene.to.copy_target()).record(move |cmd| {
        cmd.copy(&from, 0..64, &to, 0);
    });
}

/// What went wrong with a job, whatever pass it came through.
fn cause(error: &Error) -> &Error {
    match error {
        Error::Record { source, .. } => cause(source),
        error => error,
    }
}

/// Submits a frame and waits for it.
async fn complete(frame: Frame) {
    let done = soon("a submit", frame.submit()).await.expect("submitted");
    soon("a frame", done).await.expect("complete");
}

/// Three frames; the words move through jobs and passes and are never copied on the CPU.
async fn words_come_back(gpu: &Gpu, in_place_below: Duration) {
    let scene = Scene::in_place_below(gpu, RendererOptions::default().frames_in_flight(1), in_place_below);
    let mut words = vec![0; 64];
    let place = words.as_ptr() as usize;
    for n in 1..=3 {
        let frame = scene.frame().await;
        let job = frame.job("count", async move {
            tokio::task::yield_now().await;
            words.iter_mut().for_each(|word| *word += 1);
            words
        });
        assert_eq!(job.name(), "count");
        upload(&scene, &frame, &job);
        complete(frame).await;
        words = soon("the words", job.take()).await.expect("they come back");
        assert_eq!((words[0], words.as_ptr() as usize), (n, place), "moved, not cloned");
        assert_eq!(scene.copied().await, n);
        assert!(matches!(soon("a second take", job.take()).await, Err(Error::Invalid(_))));
    }
}

#[tokio::test]
async fn a_jobs_output_reaches_its_pass_and_comes_back_on_one_thread() {
    let gpu = strict_gpu();
    words_come_back(&gpu, Duration::ZERO).await;
    words_come_back(&gpu, Duration::from_secs(1)).await; // recorded in `submit`'s poll
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_jobs_output_reaches_its_pass_and_comes_back_on_many_threads() {
    let gpu = strict_gpu();
    words_come_back(&gpu, Duration::ZERO).await;
    words_come_back(&gpu, Duration::from_secs(1)).await;
    close(gpu).await;
}

#[tokio::test]
async fn a_submit_that_waits_for_a_job_holds_its_thread_up_for_nobody() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let (tell, told) = oneshot::channel();
    let job = frame.job("wait", async { told.await.expect("the test tells it") });
    upload(&scene, &frame, &job);
    let mut submit = tokio::spawn(frame.submit());
    recorded().await; // on this very thread
    assert!(poll_once(&mut submit).is_pending(), "the job is not finished");
    assert_eq!(gpu.counters().submits, 0);
    tell.send(vec![9; 64]).expect("it waits");
    let done = soon("the submit", submit).await.expect("no panic").expect("submitted");
    soon("the frame", done).await.expect("complete");
    assert_eq!(scene.copied().await, 9);
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_is_not_taken_from_a_pass_that_still_reads_it() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let job = frame.job("words", async { vec![4; 64] });
    let (mut hold, wait) = Hold::new();
    let (own, target) = (job.clone(), scene.from.clone());
    frame.pass("upload").after(&job).writes(scene.from.copy_target()).record(move |cmd| {
        let words = cmd.output(&own)?;
        wait();
        cmd.update(&target, 0, words);
        Ok(())
    });
    let submit = tokio::spawn(frame.submit());
    hold.entered().await;
    let mut take = Box::pin(job.take());
    assert!(poll_once(&mut take).is_pending(), "the pass reads it");
    hold.release();
    assert_eq!(soon("the words", take).await.expect("they come back"), [4; 64]);
    let done = soon("the submit", submit).await.expect("no panic").expect("submitted");
    soon("the frame", done).await.expect("complete");
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_pass_of_a_later_frame_may_use_the_output_too() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let job = frame.job("words", async { vec![5; 64] });
    upload(&scene, &frame, &job);
    complete(frame).await;
    scene.draws(1).await;
    let frame = scene.frame().await;
    upload(&scene, &frame, &job);
    let mut take = Box::pin(job.take());
    assert!(poll_once(&mut take).is_pending(), "the second frame is only declared");
    complete(frame).await;
    assert_eq!(soon("the words", take).await.expect("they come back"), [5; 64]);
    assert_eq!(scene.copied().await, 5);
    drop(scene);
    close(gpu).await;
}

/// A frame whose job goes wrong fails with the job's own error; the next one is right.
async fn fails(scene: &Scene, n: u32, begin: impl FnOnce(&Frame) -> Job<Vec<u32>>) -> Error {
    let submits = scene.gpu.counters().submits;
    let frame = scene.frame().await;
    scene.draw(&frame, n);
    let job = begin(&frame);
    upload(scene, &frame, &job);
    let capture = frame.capture();
    let error = soon("the submit", frame.submit()).await.expect_err("its job went wrong");
    assert!(matches!(soon("the capture", capture).await, Err(Error::Cancelled)));
    assert_eq!(scene.gpu.counters().submits, submits, "nothing was submitted");
    let taken = soon("the take", job.take()).await.expect_err("there is no output");
    assert_eq!(taken.to_string(), cause(&error).to_string());
    scene.draws(n + 1).await; // the failure was told: it does not come out of `frame()` as well
    error
}

async fn jobs_fail_their_frames(gpu: &Gpu) {
    let scene = scene(gpu);
    let broken = |frame: &Frame| frame.try_job("load", async { Err::<Vec<u32>, _>(std::io::Error::other("no disk")) });
    let error = fails(&scene, 1, broken).await;
    let Error::JobFailed { job, source } = cause(&error) else { panic!("{error:?}") };
    assert_eq!((&**job, source.to_string()), ("load", "no disk".to_owned()));
    assert!(error.to_string().ends_with("job `load`: no disk"), "{error}");

    let panics = |frame: &Frame| {
        frame.job("physics", async {
            tokio::task::yield_now().await;
            panic!("the world is flat")
        })
    };
    let error = fails(&scene, 3, panics).await;
    let Error::JobPanicked { job, message } = cause(&error) else { panic!("{error:?}") };
    assert_eq!((&**job, &**message), ("physics", "the world is flat"));
    assert!(error.to_string().ends_with("job `physics` panicked: the world is flat"), "{error}");
}

#[tokio::test]
async fn a_job_that_fails_or_panics_fails_its_frame_only_and_says_its_name() {
    let gpu = strict_gpu();
    jobs_fail_their_frames(&gpu).await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_a_job_that_fails_or_panics_fails_its_frame_only_as_well() {
    let gpu = strict_gpu();
    jobs_fail_their_frames(&gpu).await;
    close(gpu).await;
}

#[tokio::test]
async fn a_failed_job_that_no_pass_waits_for_leaves_its_frame_alone() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let job = frame.try_job("telemetry", async { Err::<(), _>("offline") });
    scene.draw(&frame, 1);
    complete(frame).await;
    assert_eq!(scene.copied().await, 1);
    assert_eq!(soon("the job", job.take()).await.expect_err("it failed").to_string(), "job `telemetry`: offline");
    drop(scene);
    close(gpu).await;
}

/// Where a frame with a job that never ends is dropped.
#[derive(Clone, Copy, Debug)]
enum Dropped {
    Frame,
    Submit,
    WaitingSubmit,
}

async fn dropped_frames_abort_their_jobs(gpu: &Gpu) {
    let scene = scene(gpu);
    for (n, at) in (1..).zip([Dropped::Frame, Dropped::Submit, Dropped::WaitingSubmit]) {
        let count = Arc::default();
        let alive = Alive::new(&count);
        let frame = scene.frame().await;
        let job = frame.job("forever", async move {
            let _alive = alive;
            std::future::pending::<Vec<u32>>().await
        });
        upload(&scene, &frame, &job);
        recorded().await; // the job has begun
        match at {
            Dropped::Frame => drop(frame),
            Dropped::Submit => drop(frame.submit()),
            Dropped::WaitingSubmit => {
                let mut submit = frame.submit();
                assert!(poll_once(&mut submit).is_pending());
                recorded().await;
                drop(submit);
            }
        }
        assert!(matches!(soon("the take", job.take()).await, Err(Error::Cancelled)), "{at:?}");
        assert!(matches!(soon("the end", job.finished()).await, Err(Error::Cancelled)), "{at:?}");
        until("what the job captured is given back", || count.load(Ordering::SeqCst) == 0).await;
        scene.draws(n).await;
    }
}

#[tokio::test]
async fn a_dropped_frame_aborts_its_jobs() {
    let gpu = strict_gpu();
    dropped_frames_abort_their_jobs(&gpu).await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_many_threads_a_dropped_frame_aborts_its_jobs_as_well() {
    let gpu = strict_gpu();
    dropped_frames_abort_their_jobs(&gpu).await;
    close(gpu).await;
}

#[tokio::test]
async fn a_frame_that_fails_aborts_its_other_jobs() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let forever = frame.job("forever", std::future::pending::<u32>());
    frame.pass("bad").record(|_| -> vulkio::Result<()> { Err(Error::Invalid("no ink".into())) });
    soon("the submit", frame.submit()).await.expect_err("a pass failed");
    assert!(matches!(soon("the take", forever.take()).await, Err(Error::Cancelled)));
    scene.draws(1).await;
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn a_job_that_no_pass_waits_for_outlives_its_frame() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let (tell, told) = oneshot::channel::<u32>();
    let job = frame.job("save", async { told.await.expect("the test tells it") });
    scene.draw(&frame, 1);
    complete(frame).await;
    assert!(!job.is_finished());
    scene.draws(2).await;
    tell.send(7).expect("it still runs");
    assert_eq!(soon("the job", job.take()).await.expect("its output"), 7);
    drop(scene);
    close(gpu).await;
}

#[tokio::test]
async fn an_output_that_a_pass_takes_without_after_is_refused_with_what_to_add() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let job = frame.job("load", async { 7 });
    let own = job.clone();
    frame.pass("use").record(move |cmd| cmd.output(&own).map(|_| ()));
    let error = soon("the submit", frame.submit()).await.expect_err("it did not say so");
    assert!(matches!(cause(&error), Error::Graph(message) if message.contains("add `.after(&load)`")), "{error:?}");
    assert!(error.to_string().contains("pass `use`"), "{error}");
    scene.draws(1).await;
    drop(scene);
    close(gpu).await;
}

#[test]
fn a_job_runs_on_the_runtime_that_its_renderer_records_on() {
    let gpu = strict_gpu();
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("recorder").build().expect("a runtime");
    let options = RendererOptions::default().frames_in_flight(1).runtime(runtime.handle().clone());
    let scene = Scene::new(&gpu, options);
    // The future itself is polled here, where there is no runtime.
    block_on(async {
        let frame = scene.renderer.frame().await.expect("a frame");
        let job = frame.job("where", async {
            let name = std::thread::current().name().map(str::to_owned);
            (name, vec![3; 64])
        });
        let (own, target) = (job.clone(), scene.from.clone());
        frame.pass("upload").after(&job).writes(scene.from.copy_target()).record(move |cmd| {
            let (_, words) = cmd.output(&own)?;
            cmd.update(&target, 0, words);
            Ok(())
        });
        frame.submit().await.expect("submitted").await.expect("complete");
        assert_eq!(job.take().await.expect("the output").0.as_deref(), Some("recorder"));
        assert_eq!(*gpu.read(&scene.from, 0..64).await.expect("read"), [3; 64]);
    });
    drop(scene);
    block_on(close(gpu));
}

#[test]
fn a_runtime_that_shuts_down_fails_the_frame_that_waits_for_its_job() {
    let gpu = strict_gpu();
    let runtime = Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
    let scene = Scene::new(&gpu, RendererOptions::default().runtime(runtime.handle().clone()));
    block_on(async {
        let frame = scene.renderer.frame().await.expect("a frame");
        let job = frame.job("forever", std::future::pending::<Vec<u32>>());
        upload(&scene, &frame, &job);
        let mut submit = frame.submit();
        assert!(poll_once(&mut submit).is_pending());
        runtime.shutdown_background();
        let error = submit.await.expect_err("the runtime is gone");
        assert!(matches!(cause(&error), Error::RuntimeGone), "{error:?}");
        // Whether the runtime's end or the failed frame's was first.
        assert!(matches!(job.take().await, Err(Error::RuntimeGone | Error::Cancelled)));
    });
    drop(scene);
    block_on(close(gpu));
}

#[test]
fn without_a_runtime_a_job_has_failed_and_so_has_the_frame_that_needs_it() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    block_on(async {
        let frame = scene.renderer.frame().await.expect("a frame");
        let job = frame.job("load", async { vec![1; 64] });
        assert!(job.is_finished());
        upload(&scene, &frame, &job);
        let error = frame.submit().await.expect_err("its job never ran");
        assert!(matches!(cause(&error), Error::RuntimeGone), "{error:?}");
        assert!(matches!(job.take().await, Err(Error::RuntimeGone)));
        // The next frame has no job, and needs no runtime.
        let frame = scene.renderer.frame().await.expect("a frame");
        scene.draw(&frame, 2);
        frame.submit().await.expect("submitted").await.expect("complete");
        assert_eq!(gpu.read(&scene.to, 0..1).await.expect("read")[0], 2);
    });
    drop(scene);
    block_on(close(gpu));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_draw_from_one_output() {
    let gpu = strict_gpu();
    let scene = scene(&gpu);
    let frame = scene.frame().await;
    let drawn: Arc<Vec<AtomicUsize>> = Arc::new((0..20_000).map(|_| AtomicUsize::new(0)).collect());
    let (list, count) = (Arc::clone(&drawn), drawn.len());
    let job = frame.job("cull", async move { (0..count).rev().collect::<Vec<usize>>() });
    let place = |list: &Vec<usize>| list.len();
    frame.pass("draws").renders(frame.target().clear(common::color(1))).parallel_from(&job, place, {
        move |_cmd, visible: &Vec<usize>, range| {
            visible[range].iter().for_each(|&index| {
                list[index].fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    complete(frame).await;
    assert!(drawn.iter().all(|count| count.load(Ordering::SeqCst) == 1), "each once");
    assert_eq!(soon("the list", job.take()).await.expect("it comes back").len(), count);
    drop(scene);
    close(gpu).await;
}
