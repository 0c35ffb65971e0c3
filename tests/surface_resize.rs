//! Windows that change their size under frames in flight.
#![cfg(feature = "window")]

mod common;
mod display;
mod shown;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use common::{close, color, poll_once, soon, until};
use display::Display;
use shown::{Shown, presenting_gpu, rgb_of};
use vulkio::{Error, RendererOptions, window::SurfaceOptions};

/// Numbers that look random, from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) as u32) % below
    }

    fn size(&mut self) -> [u32; 2] {
        match self.next(6) {
            0 => [1, 1],
            1 => [1, 1 + self.next(128)],
            _ => [1 + self.next(128), 1 + self.next(128)],
        }
    }
}

fn seed() -> u64 {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(clock.as_nanos() as u64 | 1);
    println!("SEED={seed}");
    seed
}

/// What is drawn and shown at the end is right, whatever came before.
async fn ends_well(shown: &Shown, size: [u32; 2]) {
    shown.window.resize(size);
    shown.surface.resize(size);
    shown.show(6).await;
    let grab = shown.window.grab();
    assert_eq!(grab.size, size);
    until("a swapchain of that size", || shown.surface.stats().size == size).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_resizes_leave_a_window_that_shows_its_frames() {
    let mut random = Random(seed());
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, [32, 32], SurfaceOptions::default()).await;
    for n in 0..100 {
        let size = random.size();
        match random.next(4) {
            0 => shown.window.resize(size),  // the surface does not know yet
            1 => shown.surface.resize(size), // the window is not that size yet, or any more
            _ => {
                shown.window.resize(size);
                shown.surface.resize(size);
            }
        }
        for _ in 0..random.next(3) {
            shown.fill(color(n)).await.expect("submitted");
        }
    }
    ends_well(&shown, [40, 30]).await;
    let stats = shown.surface.stats();
    println!("{stats:?}");
    assert!(stats.swapchains > 10, "{stats:?}");
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resizes_beside_frames_in_flight_tear_nothing_down() {
    let seed = seed();
    let display = Display::start();
    let gpu = presenting_gpu();
    let options = SurfaceOptions::default().renderer(RendererOptions::default().frames_in_flight(3));
    let shown = Arc::new(Shown::new(&display, &gpu, [32, 32], options).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let (own, over) = (Arc::clone(&shown), Arc::clone(&is_over));
    let drawing = tokio::spawn(async move {
        let mut frames = 0;
        while !over.load(Ordering::SeqCst) {
            own.fill(color(frames)).await.expect("submitted");
            frames += 1;
        }
        frames
    });
    let mut random = Random(seed);
    for _ in 0..100 {
        let size = random.size();
        if random.next(5) == 0 {
            shown.surface.resize([0, size[1]]);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        shown.window.resize(size);
        shown.surface.resize(size);
        tokio::time::sleep(Duration::from_millis(u64::from(random.next(8)))).await;
    }
    is_over.store(true, Ordering::SeqCst);
    let frames = drawing.await.expect("drawn");
    ends_well(&shown, [64, 24]).await;
    shown.settled(u64::from(frames) + 1).await;
    println!("{frames} frames: {:?}", shown.surface.stats());
    Arc::into_inner(shown).expect("the only one").close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_has_the_size_of_the_window_when_it_began_and_is_scaled_to_the_present_one() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, [32, 16], SurfaceOptions::default()).await;
    shown.show(1).await;
    let frame = soon("a frame", shown.surface.renderer().frame()).await.expect("a frame");
    shown.window.resize([50, 70]);
    shown.surface.resize([50, 70]);
    assert_eq!((frame.size(), shown.surface.renderer().size()), ([32, 16], [50, 70]));
    frame.pass("clear").renders(frame.target().clear(color(2))).record(|_| ());
    frame.submit().await.expect("submitted");
    let grab = shown.window.wait_for_color(rgb_of(2));
    assert_eq!(grab.size, [50, 70]);
    let frame = soon("a frame", shown.surface.renderer().frame()).await.expect("a frame");
    assert_eq!(frame.target().extent(), [50, 70]);
    drop(frame);
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_window_has_no_pixels_its_frames_wait() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, [0, 0], SurfaceOptions::default()).await;
    let renderer = shown.surface.renderer().clone();
    assert_eq!(renderer.size(), [0, 0]);
    let mut waiting = Box::pin(renderer.frame());
    assert!(poll_once(&mut waiting).is_pending());
    shown.surface.resize([0, 48]);
    assert!(poll_once(&mut waiting).is_pending());
    shown.window.resize([64, 48]);
    shown.surface.resize([64, 48]);
    let frame = soon("a frame", waiting).await.expect("a frame");
    assert_eq!(frame.size(), [64, 48]);
    drop(frame);
    shown.show(3).await;
    // Another time, until the surface is closed, and until the Gpu is.
    shown.surface.resize([0, 0]);
    let waiting = tokio::spawn(async move { renderer.frame().await.map(drop) });
    tokio::task::yield_now().await;
    shown.close().await;
    let error = soon("the end", waiting).await.expect("no panic").expect_err("no frame");
    assert!(matches!(error, Error::Closed), "{error}");
    let shown = Shown::new(&display, &gpu, [0, 0], SurfaceOptions::default()).await;
    let renderer = shown.surface.renderer().clone();
    let waiting = tokio::spawn(async move { renderer.frame().await.map(drop) });
    tokio::task::yield_now().await;
    let own = gpu.clone();
    let closing = tokio::spawn(async move { own.close().await });
    let error = soon("the end", waiting).await.expect("no panic").expect_err("no frame");
    assert!(matches!(error, Error::Closed), "{error}");
    closing.await.expect("no panic").expect("closed");
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_larger_than_any_image_is_drawn_smaller() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let most = gpu.info().limits.max_image_dimension2_d;
    let shown = Shown::new(&display, &gpu, [16, 16], SurfaceOptions::default()).await;
    shown.surface.resize([u32::MAX, 2]);
    assert_eq!(shown.surface.renderer().size(), [most, 2]);
    shown.show(4).await;
    shown.close().await;
    close(gpu).await;
}
