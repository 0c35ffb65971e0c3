//! Frames in a window: what the screen shows is what was drawn, in the order in which it was submitted.
#![cfg(feature = "window")]

mod common;
mod display;
mod shown;

use std::sync::Arc;

use common::{close, color, counting, open, soon, strict, until};
use display::Display;
use futures::future::join_all;
use shown::{Shown, presenting_gpu, rgb, rgb_of};
use vulkio::{
    Error, Frame, GpuBuffer, RendererOptions,
    ash::vk,
    window::{Surface, SurfaceOptions, Vsync},
};

const SIZE: [u32; 2] = [64, 48];

fn three_in_flight() -> SurfaceOptions {
    SurfaceOptions::default().renderer(RendererOptions::default().frames_in_flight(3))
}

/// Every value that a channel can have, in all three.
fn all_values() -> Vec<u8> {
    let texel = |i: u32| [i as u8, (i * 7) as u8, (i * 31 + i / 256) as u8, 255];
    (0..SIZE[0] * SIZE[1]).flat_map(texel).collect()
}

fn draws(frame: &Frame, texels: &GpuBuffer<u8>) {
    let (from, to) = (texels.clone(), frame.target());
    frame.pass("paint").reads(texels.copy_source()).writes(to.copy_target()).record(move |cmd| {
        cmd.copy_to_image(&from, &to);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_shows_every_value_of_every_channel_as_it_was_drawn_in_each_format() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let texels = gpu.buffer::<u8>("texels", all_values().len()).expect("a buffer");
    gpu.upload(&texels, 0, all_values()).await.expect("uploaded");
    let formats = [None, Some(vk::Format::B8G8R8A8_SRGB), Some(vk::Format::B8G8R8A8_UNORM)];
    for format in formats {
        let options = format.map_or_else(three_in_flight, |format| three_in_flight().format(format));
        let shown = Shown::new(&display, &gpu, SIZE, options).await;
        let frame = soon("a frame", shown.surface.renderer().frame()).await.expect("a frame");
        assert_eq!(frame.size(), SIZE);
        draws(&frame, &texels);
        let capture = frame.capture();
        frame.submit().await.expect("submitted").await.expect("complete");
        let picture = soon("a picture", capture).await.expect("a picture");
        assert_eq!(picture.bytes(), all_values());
        shown.window.wait_for(&format!("the frame in {format:?}"), |grab| grab.rgb == rgb(&picture));
        let stats = shown.surface.stats();
        assert_eq!((stats.presented, stats.dropped, stats.swapchains, stats.size), (1, 0, 1, SIZE));
        assert_eq!(stats.mode, vk::PresentModeKHR::FIFO);
        shown.close().await;
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_many_tasks_are_shown_in_the_order_of_their_commits_and_none_is_left_out() {
    const TASKS: u32 = 4;
    const EACH: u32 = 10;
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Arc::new(Shown::new(&display, &gpu, SIZE, three_in_flight()).await);
    let mut pictures = shown.surface.renderer().capture_stream();
    let last = tokio::spawn(async move {
        let mut last = None;
        for _ in 0..TASKS * EACH {
            last = Some(soon("a picture", pictures.next()).await.expect("one of them").expect("a picture"));
        }
        last.expect("the last one")
    });
    let draw = |task: u32| {
        let shown = Arc::clone(&shown);
        tokio::spawn(async move {
            for i in 0..EACH {
                let value = ((task * EACH + i) as f32 + 0.5) / (TASKS * EACH) as f32;
                shown.fill([value, 1.0 - value, value * value, 1.0]).await.expect("submitted");
            }
        })
    };
    for task in join_all((0..TASKS).map(draw)).await {
        task.expect("drawn");
    }
    shown.settled(u64::from(TASKS * EACH)).await;
    let last = last.await.expect("captured");
    let stats = shown.surface.stats();
    assert_eq!((stats.presented, stats.dropped, stats.swapchains), (u64::from(TASKS * EACH), 0, 1));
    shown.window.wait_for("the frame that was committed last", |grab| grab.rgb == rgb(&last));
    Arc::into_inner(shown).expect("the only one").close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_mailbox_frames_may_be_left_out_and_the_last_one_is_shown() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, SIZE, three_in_flight().vsync(Vsync::Mailbox)).await;
    for n in 0..50 {
        shown.fill(color(n)).await.expect("submitted");
    }
    shown.settled(50).await;
    shown.window.wait_for_color(rgb_of(49));
    assert_eq!(shown.surface.stats().mode, vk::PresentModeKHR::MAILBOX);
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_vsync_is_a_new_swapchain_for_the_next_frame_and_the_same_wish_is_none() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, SIZE, SurfaceOptions::default()).await;
    let modes = [
        (Vsync::On, vk::PresentModeKHR::FIFO, 1),
        (Vsync::Off, vk::PresentModeKHR::IMMEDIATE, 2),
        (Vsync::Off, vk::PresentModeKHR::IMMEDIATE, 2),
        (Vsync::On, vk::PresentModeKHR::FIFO, 3),
    ];
    for (n, (vsync, mode, swapchains)) in (1..).zip(modes) {
        shown.surface.set_vsync(vsync);
        shown.show(n).await;
        shown.settled(n.into()).await;
        let stats = shown.surface.stats();
        assert_eq!((stats.mode, stats.swapchains), (mode, swapchains), "{vsync:?}");
    }
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_draws_nothing_shows_what_its_target_has_and_before_that_nothing() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let options = SurfaceOptions::default().renderer(RendererOptions::default().frames_in_flight(1));
    let shown = Shown::new(&display, &gpu, SIZE, options).await;
    let empty = async || soon("a frame", shown.surface.renderer().frame()).await.expect("a frame").submit().await;
    empty().await.expect("submitted");
    shown.settled(1).await;
    assert_eq!(shown.surface.stats().dropped, 1);
    shown.show(5).await;
    empty().await.expect("submitted");
    shown.settled(3).await;
    assert_eq!(shown.surface.stats().presented, 2);
    shown.window.wait_for_color(rgb_of(5));
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_frames_are_not_shown_and_hold_nothing_up() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, SIZE, SurfaceOptions::default()).await;
    for n in 0..20 {
        let frame = soon("a frame", shown.surface.renderer().frame()).await.expect("a frame");
        frame.pass("clear").renders(frame.target().clear(color(n))).record(|_| ());
        match n % 3 {
            0 => drop(frame),
            1 => drop(frame.submit()),
            _ => drop(frame.submit().await.expect("submitted")),
        }
    }
    shown.settled(6).await;
    assert_eq!(shown.surface.stats().presented, 6);
    shown.window.wait_for_color(rgb_of(17));
    shown.close().await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_that_blocks_is_made_on_a_runtime_thread() {
    let display = Display::start();
    let (options, calls) = counting(strict().presentation(true));
    let gpu = open(options);
    let shown = Shown::new(&display, &gpu, SIZE, SurfaceOptions::default()).await;
    for n in 0..8 {
        shown.fill(color(n)).await.expect("submitted");
        shown.surface.resize([64 + n, 48]);
        shown.window.resize([64 + n, 48]);
    }
    shown.settled(8).await;
    shown.close().await;
    let presenting = |thread: &str| thread == "vulkio-present";
    for function in ["vkCreateSwapchainKHR", "vkAcquireNextImageKHR", "vkQueuePresentKHR"] {
        assert!(calls.count(function, presenting) > 0, "{:?}", calls.all());
        assert_eq!(calls.count(function, |thread| !presenting(thread)), 0, "{:?}", calls.all());
    }
    for function in ["vkWaitSemaphores", "vkWaitForFences", "vkQueueWaitIdle", "vkDeviceWaitIdle"] {
        assert_eq!(calls.count(function, |thread| !thread.starts_with("vulkio-")), 0, "{:?}", calls.all());
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_cost_one_submission_for_the_copy_and_no_memory_once_they_are_warm() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let shown = Shown::new(&display, &gpu, SIZE, SurfaceOptions::default()).await;
    for n in 0..10 {
        shown.fill(color(n)).await.expect("submitted");
    }
    shown.settled(10).await;
    let before = gpu.counters();
    for n in 0..20 {
        shown.fill(color(n)).await.expect("submitted");
    }
    shown.settled(30).await;
    let after = gpu.counters();
    assert!(after.submits - before.submits <= 40, "{} submits", after.submits - before.submits);
    assert_eq!(after.device_allocations, before.device_allocations);
    // How many copies are under way at once is a matter of time, and bounded by the frames in flight: 2.
    assert!(after.command_pools <= before.command_pools + 2, "{before:?} {after:?}");
    assert!(after.semaphores <= before.semaphores + 2, "{before:?} {after:?}");
    assert_eq!(after.descriptor_writes, before.descriptor_writes);
    shown.close().await;
    close(gpu).await;
}

#[tokio::test]
async fn a_gpu_that_was_not_opened_to_present_says_what_to_do() {
    let display = Display::start();
    let gpu = open(strict());
    let window = display.window(SIZE);
    let error = Surface::new(&gpu, window.clone(), SIZE, SurfaceOptions::default()).await.expect_err("not to present");
    assert!(
        matches!(&error, Error::Invalid(text) if text.contains("GpuOptions::default().presentation(true)")),
        "{error}"
    );
    assert_eq!(Arc::strong_count(&window), 1);
    close(gpu).await;
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_and_leaves_nothing_behind() {
    let display = Display::start();
    let gpu = presenting_gpu();
    let window = display.window(SIZE);
    let refused = async |options| {
        let surface = Surface::new(&gpu, window.clone(), SIZE, options);
        soon("a refusal", surface).await.expect_err("not so").to_string()
    };
    let error = refused(SurfaceOptions::default().format(vk::Format::R16G16B16A16_SFLOAT)).await;
    assert!(error.contains("R16G16B16A16_SFLOAT") && error.contains("B8G8R8A8"), "{error}");
    let error = refused(SurfaceOptions::default().renderer(RendererOptions::default().frames_in_flight(0))).await;
    assert!(error.contains("1 to 16"), "{error}");
    until("the window is let go of", || Arc::strong_count(&window) == 1).await;
    // The window is as good as before.
    let shown = Shown::within(&gpu, window, SIZE, SurfaceOptions::default()).await;
    shown.show(3).await;
    shown.close().await;
    close(gpu).await;
}

#[tokio::test]
async fn without_a_window_a_surface_takes_an_extension_and_says_which() {
    let gpu = presenting_gpu();
    match Surface::headless(&gpu, SIZE, SurfaceOptions::default()).await {
        Ok(surface) => {
            let frame = soon("a frame", surface.renderer().frame()).await.expect("a frame");
            frame.pass("clear").renders(frame.target().clear([1.0; 4])).record(|_| ());
            frame.submit().await.expect("submitted").await.expect("complete");
            until("the frame is presented", || surface.stats().presented == 1).await;
            surface.close().await.expect("closed");
        }
        Err(error) => assert!(error.to_string().contains("VK_EXT_headless_surface"), "{error}"),
    }
    close(gpu).await;
}
