//! What the presentation engine may answer, at every call: the frame is shown all the same, or the program learns why not.
#![cfg(feature = "window")]

mod common;
mod display;
mod shown;

use std::sync::{Arc, Condvar, Mutex};

use common::{close, color, faults::Faults, open, poll_once, soon, strict, until};
use display::Display;
use shown::{Shown, rgb_of};
use vulkio::{Error, Gpu, ash::vk, window::SurfaceOptions};

const SIZE: [u32; 2] = [48, 32];
const ACQUIRE: &str = "vkAcquireNextImageKHR";
const PRESENT: &str = "vkQueuePresentKHR";
const CREATE: &str = "vkCreateSwapchainKHR";

fn faulty() -> (Gpu, Faults) {
    let (options, faults) = Faults::on(strict().presentation(true));
    (open(options), faults)
}

async fn shown_by(gpu: &Gpu, display: &Display) -> Shown {
    Shown::new(display, gpu, SIZE, SurfaceOptions::default()).await
}

/// Six frames are shown with one call answered otherwise, be it the first or a later one.
async fn six_frames_with(function: &'static str, result: vk::Result, at: u64) {
    let display = Display::start();
    let (gpu, faults) = faulty();
    let shown = shown_by(&gpu, &display).await;
    faults.rule(function, move |n| (n == at).then_some(result));
    for n in 1..=6 {
        shown.fill(color(n)).await.unwrap_or_else(|error| panic!("{function} {result:?} at {at}: {error}"));
    }
    shown.settled(6).await;
    shown.window.wait_for_color(rgb_of(6));
    let stats = shown.surface.stats();
    assert_eq!((stats.presented, stats.dropped), (6, 0), "{function} {result:?} at {at}: {stats:?}");
    let renewed = matches!(result, vk::Result::ERROR_OUT_OF_DATE_KHR | vk::Result::SUBOPTIMAL_KHR);
    // What is known after the last frame would be of use to the next one.
    let of_use = at < 6 || result == vk::Result::ERROR_OUT_OF_DATE_KHR;
    assert_eq!(stats.swapchains, 1 + u64::from(renewed && of_use), "{function} {result:?} at {at}");
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquire_that_is_out_of_date_is_made_again_on_a_new_swapchain() {
    for at in [1, 2, 4, 6] {
        six_frames_with(ACQUIRE, vk::Result::ERROR_OUT_OF_DATE_KHR, at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_present_that_is_out_of_date_shows_the_same_frame_on_a_new_swapchain() {
    for at in [1, 3, 6] {
        six_frames_with(PRESENT, vk::Result::ERROR_OUT_OF_DATE_KHR, at).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_suboptimal_is_shown_and_replaced() {
    for function in [ACQUIRE, PRESENT] {
        for at in [1, 5] {
            six_frames_with(function, vk::Result::SUBOPTIMAL_KHR, at).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_image_the_acquire_is_made_again() {
    for result in [vk::Result::NOT_READY, vk::Result::TIMEOUT] {
        for at in [1, 4] {
            six_frames_with(ACQUIRE, result, at).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_for_which_every_swapchain_is_suboptimal_gets_no_new_one_for_each_frame() {
    let display = Display::start();
    let (gpu, faults) = faulty();
    let shown = shown_by(&gpu, &display).await;
    faults.always(PRESENT, vk::Result::SUBOPTIMAL_KHR);
    for n in 1..=10 {
        shown.fill(color(n)).await.expect("submitted");
    }
    shown.settled(10).await;
    let stats = shown.surface.stats();
    assert_eq!((stats.presented, stats.swapchains), (10, 2), "one was tried");
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_that_stays_out_of_date_leaves_frames_out_and_does_not_spin() {
    let display = Display::start();
    let (gpu, faults) = faulty();
    let shown = shown_by(&gpu, &display).await;
    faults.always(ACQUIRE, vk::Result::ERROR_OUT_OF_DATE_KHR);
    for n in 1..=3 {
        shown.fill(color(n)).await.expect("submitted");
    }
    shown.settled(3).await;
    let calls = faults.calls(ACQUIRE);
    assert_eq!((shown.surface.stats().dropped, calls), (3, 3 * 8));
    faults.never(ACQUIRE);
    shown.show(4).await;
    shown.close().await;
    close(gpu).await;
}

/// The frame after the loss, or one of the next: those on their way are not waited for.
async fn lost(shown: &Shown) -> Error {
    for n in 0..10 {
        if let Err(error) = shown.fill(color(n)).await {
            return error;
        }
    }
    panic!("frames go on")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_surface_comes_out_of_frame_and_a_new_one_of_the_same_window_works() {
    let display = Display::start();
    for (function, at) in [(ACQUIRE, 1), (ACQUIRE, 3), (PRESENT, 1), (PRESENT, 2), (CREATE, 1)] {
        let (gpu, faults) = faulty();
        let shown = shown_by(&gpu, &display).await;
        faults.rule(function, move |n| (n == at).then_some(vk::Result::ERROR_SURFACE_LOST_KHR));
        let error = lost(&shown).await;
        assert!(matches!(error, Error::SurfaceLost), "{function} at {at}: {error}");
        assert!(matches!(lost(&shown).await, Error::SurfaceLost), "it stays lost");
        let Shown { window, surface } = shown;
        soon("closing a lost surface", surface.close()).await.expect("closed");
        let again = Shown::within(&gpu, window, SIZE, SurfaceOptions::default()).await;
        again.show(5).await;
        drop(surface);
        again.close().await;
        close(gpu).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_is_destroyed_under_its_surface_loses_it() {
    let display = Display::start();
    let (gpu, _faults) = faulty();
    let shown = shown_by(&gpu, &display).await;
    shown.show(1).await;
    shown.window.destroy();
    // Mesa says so as it likes: what counts is that the program learns of it and goes on.
    let mut error = None;
    for _ in 0..100 {
        shown.surface.resize([40, 40]);
        if let Err(found) = shown.fill(color(2)).await {
            error = Some(found);
            break;
        }
    }
    let error = error.expect("an error");
    assert!(matches!(error, Error::SurfaceLost | Error::Vulkan { .. }), "{error}");
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_else_fails_names_its_call_once_and_frames_go_on() {
    let display = Display::start();
    for function in [ACQUIRE, PRESENT, CREATE] {
        for result in [vk::Result::ERROR_UNKNOWN, vk::Result::ERROR_OUT_OF_DEVICE_MEMORY] {
            let (gpu, faults) = faulty();
            let shown = shown_by(&gpu, &display).await;
            faults.once(function, result);
            shown.fill(color(1)).await.expect("submitted");
            shown.settled(1).await;
            let error = shown.fill(color(2)).await.expect_err("what became of the first");
            assert!(error.to_string().contains(function), "{error}");
            shown.show(3).await;
            let stats = shown.surface.stats();
            assert_eq!((stats.presented, stats.dropped), (1, 1), "{function} {result:?}");
            shown.close().await;
            close(gpu).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_refused_keeps_its_image_for_the_next_frame() {
    let display = Display::start();
    let (gpu, faults) = faulty();
    let shown = shown_by(&gpu, &display).await;
    shown.show(1).await;
    // Of two submissions the frame's is the first.
    faults.rule("vkQueueSubmit2", |n| (n == 2).then_some(vk::Result::ERROR_OUT_OF_DEVICE_MEMORY));
    shown.fill(color(2)).await.expect("submitted");
    shown.settled(2).await;
    let acquired = faults.calls(ACQUIRE);
    let error = shown.fill(color(3)).await.expect_err("what became of the copy");
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error}");
    shown.show(4).await;
    shown.settled(3).await;
    assert_eq!(faults.calls(ACQUIRE), acquired, "the image was there already");
    assert_eq!(shown.surface.stats().dropped, 1);
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_lost_in_presenting_is_lost_to_everyone() {
    let display = Display::start();
    for function in [ACQUIRE, PRESENT, CREATE] {
        let (gpu, faults) = faulty();
        let shown = shown_by(&gpu, &display).await;
        let other = vulkio::Renderer::headless(&gpu, [8, 8]).expect("a renderer");
        faults.once(function, vk::Result::ERROR_DEVICE_LOST);
        let error = lost(&shown).await;
        assert!(error.is_device_lost(), "{function}: {error}");
        let error = soon("the loss", other.frame()).await.expect_err("lost");
        assert!(error.is_device_lost(), "{function}: {error}");
        assert!(soon("the end", shown.surface.close()).await.expect_err("lost").is_device_lost());
        let log = gpu.validation_log();
        let _ = soon("the end", gpu.close()).await; // an error only if work was under way
        drop((shown, other, gpu));
        faults.wait_for_the_end();
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}

/// A call that does not come back until it is told to.
#[derive(Clone, Default)]
struct Stuck(Arc<(Mutex<(bool, bool)>, Condvar)>);

impl Stuck {
    fn hold(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().expect("not poisoned");
        state.0 = true;
        drop(changed.wait_while(state, |(_, released)| !*released).expect("not poisoned"));
    }

    fn is_held(&self) -> bool {
        self.0.0.lock().expect("not poisoned").0
    }

    fn release(&self) {
        self.0.0.lock().expect("not poisoned").1 = true;
        self.0.1.notify_all();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquire_that_starves_holds_up_its_own_window_alone() {
    let display = Display::start();
    let (gpu, faults) = faulty();
    let (starved, other) = (shown_by(&gpu, &display).await, shown_by(&gpu, &display).await);
    let headless = vulkio::Renderer::headless(&gpu, [8, 8]).expect("a renderer");
    let stuck = Stuck::default();
    let own = stuck.clone();
    faults.rule(ACQUIRE, move |n| {
        if n == 1 {
            own.hold();
        }
        None
    });
    starved.fill(color(1)).await.expect("submitted");
    until("the acquire is made", || stuck.is_held()).await;
    // As many as it has slots; then its own frames wait.
    starved.fill(color(2)).await.expect("submitted");
    let renderer = starved.surface.renderer().clone();
    let mut next = Box::pin(renderer.frame());
    assert!(poll_once(&mut next).is_pending());
    for n in 1..=30 {
        other.fill(color(n)).await.expect("submitted");
        let frame = soon("a frame", headless.frame()).await.expect("a frame");
        frame.pass("clear").renders(frame.target().clear(color(n))).record(|_| ());
        soon("its end", frame.submit().await.expect("submitted")).await.expect("complete");
    }
    other.settled(30).await;
    other.window.wait_for_color(rgb_of(30));
    assert!(poll_once(&mut next).is_pending(), "no slot is free");
    assert_eq!(starved.surface.stats().presented, 0);
    stuck.release();
    drop(soon("its frame", next).await.expect("a frame"));
    starved.settled(2).await;
    starved.close().await;
    other.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_that_gets_no_image_ends_when_it_is_told_to() {
    let display = Display::start();
    let (gpu, faults) = faulty();
    let shown = shown_by(&gpu, &display).await;
    faults.always(ACQUIRE, vk::Result::TIMEOUT);
    shown.fill(color(1)).await.expect("submitted");
    shown.fill(color(2)).await.expect("submitted");
    until("an acquire is made", || faults.calls(ACQUIRE) > 2).await;
    soon("closing", shown.surface.close()).await.expect("closed");
    assert_eq!(shown.surface.stats().dropped, 2);
    shown.close().await;
    close(gpu).await;
}
