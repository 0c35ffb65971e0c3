//! The end of surfaces: with frames in flight, with handles dropped, in whatever order; nothing is left behind.
#![cfg(feature = "window")]

mod common;
mod display;
mod shown;

use std::{fs, sync::Arc, thread, time::Duration};

use common::{Gate, close, color, faults::Faults, open, soon, strict, until};
use display::Display;
use futures::future::join_all;
use shown::{Shown, presenting_gpu, rgb_of};
use vulkio::{Error, Gpu, RendererOptions, window::SurfaceOptions};

const SIZE: [u32; 2] = [48, 32];

fn three_in_flight() -> SurfaceOptions {
    SurfaceOptions::default().renderer(RendererOptions::default().frames_in_flight(3))
}

/// Threads of this process that present.
fn presenting_threads() -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("a list of threads").flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("vulkio-present")).count()
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").expect("a list of files").count()
}

/// A frame that waits for the gate.
async fn held(shown: &Shown, gate: &Gate, n: u32) {
    let frame = soon("a frame", shown.surface.renderer().frame()).await.expect("a frame");
    frame.pass("clear").renders(frame.target().clear(color(n))).record(|_| ());
    gate.hold(frame.graph());
    soon("a submit", frame.submit()).await.expect("submitted");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_with_frames_in_flight_waits_for_them_and_lets_go_of_the_window() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, SIZE, three_in_flight()).await;
    shown.show(1).await;
    let gate = Gate::new(&gpu);
    for n in 2..4 {
        held(&shown, &gate, n).await;
    }
    let surface = shown.surface.clone();
    let closing = tokio::spawn(async move { surface.close().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!closing.is_finished(), "the copy is on the GPU");
    assert!(Arc::strong_count(&shown.window) > 1);
    // Nobody else is held up.
    let other = Shown::new(&display, &gpu, SIZE, SurfaceOptions::default()).await;
    let error = soon("a frame", shown.surface.renderer().frame()).await.map(drop).expect_err("closing");
    assert!(matches!(error, Error::Closed), "{error}");
    gate.open();
    soon("closing", closing).await.expect("no panic").expect("closed");
    other.show(5).await;
    let stats = shown.surface.stats();
    assert_eq!(stats.presented + stats.dropped, 3);
    shown.close().await;
    other.close().await;
    assert_eq!(presenting_threads(), 0);
    drop(gate);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_handles_end_a_surface_without_waiting() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let gate = Gate::new(&gpu);
    let Shown { window, surface } = Shown::new(&display, &gpu, SIZE, three_in_flight()).await;
    let renderer = surface.renderer().clone();
    let shown = Shown { window: window.clone(), surface };
    held(&shown, &gate, 1).await;
    held(&shown, &gate, 2).await;
    let Shown { surface, window: other } = shown;
    drop(other);
    drop(surface); // returns while the GPU is held
    let error = soon("a frame", renderer.frame()).await.map(drop).expect_err("it has ended");
    assert!(matches!(error, Error::Closed), "{error}");
    gate.open();
    until("the window is let go of", || Arc::strong_count(&window) == 1).await;
    until("the thread has ended", || presenting_threads() == 0).await;
    drop((gate, renderer));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_outlives_its_surface_is_drawn_and_not_shown() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, SIZE, three_in_flight()).await;
    let frame = soon("a frame", shown.surface.renderer().frame()).await.expect("a frame");
    frame.pass("clear").renders(frame.target().clear(color(3))).record(|_| ());
    soon("closing", shown.surface.close()).await.expect("closed");
    let capture = frame.capture();
    soon("its end", frame.submit().await.expect("submitted")).await.expect("complete");
    let picture = soon("a picture", capture).await.expect("a picture");
    assert_eq!(picture.texel(0, 0), Some(&common::pixel(3)[..]));
    assert_eq!((shown.surface.stats().presented, shown.surface.stats().dropped), (0, 1));
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn surfaces_that_come_and_go_leave_no_thread_and_no_file_behind() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let window = display.window(SIZE);
    let mut before = None;
    for n in 1..=20 {
        let shown = Shown::within(&gpu, window.clone(), SIZE, three_in_flight()).await;
        shown.fill(color(n)).await.expect("submitted");
        shown.settled(1).await;
        let Shown { surface, .. } = shown;
        soon("closing", surface.close()).await.expect("closed");
        drop(surface);
        until("the threads have ended", || presenting_threads() == 0).await;
        until("the slots are given back", || {
            let now = (open_files(), gpu.counters().device_bytes);
            // The first ones make what is kept: threads of helpers, blocks of memory.
            if n == 5 {
                before = Some(now);
            }
            n < 5 || before == Some(now)
        })
        .await;
    }
    assert_eq!(Arc::strong_count(&window), 1);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_windows_each_show_their_own() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let mut all = Vec::new();
    for i in 0..4u32 {
        all.push(Shown::new(&display, &gpu, [32 + i, 32], three_in_flight()).await);
    }
    let draw = async |i: u32, shown: &Shown| {
        for n in 0..20 {
            let size = [32 + (n + i) % 7, 32];
            shown.window.resize(size);
            shown.surface.resize(size);
            shown.fill(color(n + i)).await.expect("submitted");
        }
        shown.settled(20).await;
    };
    join_all((0..).zip(&all).map(|(i, shown)| draw(i, shown))).await;
    for (i, shown) in (0..4u32).zip(all) {
        assert_eq!(shown.surface.stats().dropped, 0);
        shown.window.wait_for_color(rgb_of(19 + i));
        shown.close().await;
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gpu_that_is_closed_ends_its_surfaces_first() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let one = Shown::new(&display, &gpu, SIZE, three_in_flight()).await;
    let other = Shown::new(&display, &gpu, SIZE, three_in_flight()).await;
    for n in 0..5 {
        one.fill(color(n)).await.expect("submitted");
        other.fill(color(n)).await.expect("submitted");
    }
    soon("closing", gpu.close()).await.expect("closed");
    assert_eq!(presenting_threads(), 0);
    for shown in [&one, &other] {
        assert_eq!(Arc::strong_count(&shown.window), 1);
        let error = shown.fill(color(1)).await.expect_err("closed");
        assert!(matches!(error, Error::Closed), "{error}");
        let stats = shown.surface.stats();
        assert_eq!(stats.presented + stats.dropped, 5);
    }
    let window = one.window.clone();
    let refused = vulkio::window::Surface::new(&gpu, window, SIZE, SurfaceOptions::default()).await;
    assert!(matches!(refused, Err(Error::Closed)), "{refused:?}");
    one.close().await;
    other.close().await;
    close(gpu).await;
}

#[test]
fn everything_dropped_in_any_order_ends_by_itself() {
    let display = Display::start();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (options, faults) = Faults::on(strict().presentation(true));
        let gpu: Gpu = open(options);
        let log = gpu.validation_log();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let shown = runtime.block_on(async {
            let shown = Shown::new(&display, &gpu, SIZE, three_in_flight()).await;
            for n in 0..4 {
                shown.fill(color(n)).await.expect("submitted");
            }
            shown
        });
        let (mut gpu, mut shown, mut runtime) = (Some(gpu), Some(shown), Some(runtime));
        for part in order {
            match part {
                0 => drop(gpu.take()),
                1 => drop(shown.take()),
                _ => drop(runtime.take()),
            }
            thread::sleep(Duration::from_millis(2));
        }
        faults.wait_for_the_end();
        assert_eq!(presenting_threads(), 0);
        assert_eq!(log.messages(), Vec::<String>::new(), "{order:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_that_is_not_waited_for_is_none() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let window = display.window(SIZE);
    for _ in 0..10 {
        let mut making = Box::pin(vulkio::window::Surface::new(&gpu, window.clone(), SIZE, SurfaceOptions::default()));
        let _ = common::poll_once(&mut making);
    }
    drop(vulkio::window::Surface::new(&gpu, window.clone(), SIZE, SurfaceOptions::default()));
    until("the window is let go of", || Arc::strong_count(&window) == 1).await;
    until("the threads have ended", || presenting_threads() == 0).await;
    let shown = Shown::within(&gpu, window, SIZE, SurfaceOptions::default()).await;
    shown.show(2).await;
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_to_which_nothing_is_submitted_does_nothing() {
    let display = Display::start();
    let (options, calls) = common::counting(strict().presentation(true));
    let gpu = open(options);
    let shown = Shown::new(&display, &gpu, SIZE, SurfaceOptions::default()).await;
    shown.show(1).await;
    shown.settled(1).await;
    let before = calls.count("vkAcquireNextImageKHR", |_| true);
    shown.surface.resize([40, 40]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(calls.total("vkAcquireNextImageKHR"), before);
    assert_eq!(shown.surface.stats().swapchains, 1);
    shown.close().await;
    close(gpu).await;
}
