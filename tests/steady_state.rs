//! Ten thousand small frames: after warm-up nothing is made any more, and memory stays where it is.

mod common;
mod mix;
mod steady;

use common::{Calls, close, counting, families, open, soon};
use steady::{FRAMES_IN_FLIGHT, Scene, WORKERS, made, meet};
use vulkio::{CounterSnapshot, GpuOptions, Renderer, RendererOptions, Validation};

/// The counters' figures are the shim's, but for the semaphore of the gate, which the test made.
fn check_counts(seen: &CounterSnapshot, calls: &Calls) {
    for (counted, function) in [
        (seen.device_allocations, "vkAllocateMemory"),
        (seen.command_pools, "vkCreateCommandPool"),
        (seen.semaphores + 1, "vkCreateSemaphore"),
        (seen.descriptor_writes, "vkUpdateDescriptorSets"),
        (seen.submits, "vkQueueSubmit2"),
        (seen.barriers, "vkCmdPipelineBarrier2"),
    ] {
        assert_eq!(counted, calls.total(function), "{function}");
    }
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("how much is resident");
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number of KiB");
    kib << 10
}

#[cfg_attr(not(target_os = "linux"), ignore = "resident memory is read from /proc")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_small_frames_make_nothing_new_after_warm_up() {
    // Not under validation: the layer of Debian 12 keeps some memory for every submit.
    let (options, calls) = counting(GpuOptions::default().validation(Validation::Off));
    let gpu = open(options);
    let mut scene = Scene::new(&gpu).await;
    scene.warm_up().await;
    let (mut warm, mut before) = (None, 0);
    for n in 0..10_000 {
        scene.draw(n).await;
        if n == 500 {
            warm = Some(made(&gpu.counters()));
        }
        if n == 2_000 {
            before = resident();
        }
    }
    scene.renderer.idle().await.expect("idle");
    let grown = resident().saturating_sub(before);
    let seen = gpu.counters();
    assert_eq!(Some(made(&seen)), warm, "allocations, bytes, pools, semaphores, descriptor writes, pipelines");
    check_counts(&seen, &calls);
    assert_eq!((seen.dispatches, seen.draws, seen.descriptor_writes), (20_000, 10_000, 0));
    // And those of the upload thread, which has two submissions of small uploads on their way at most.
    let most = (WORKERS as u64 + 1) * FRAMES_IN_FLIGHT as u64 * families(&gpu).len() as u64 + 2;
    assert!(seen.command_pools <= most, "{} command pools; {most} are the bound", seen.command_pools);
    // The allocators of libc and of the driver round and keep what is freed; 128 bytes a frame are more than this.
    println!("{} KiB more are resident after 8,000 frames", grown >> 10);
    assert!(grown < 1 << 20, "{} KiB more are resident after 8,000 frames", grown >> 10);
    drop(scene);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_waited_for_the_only_slot_finds_the_pools_of_the_one_before_free() {
    let gpu = open(GpuOptions::default().validation(Validation::Off));
    let options = RendererOptions::default().frames_in_flight(1).workers(WORKERS);
    let renderer = Renderer::with_options(&gpu, [16, 16], options).expect("a renderer");
    for n in 0..2_000 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        meet(&frame, n % 16);
        soon("a submit", frame.submit()).await.expect("submitted");
    }
    let pools = gpu.counters().command_pools;
    assert!(pools <= WORKERS as u64 + 1, "{pools} command pools for one frame of {WORKERS} workers at a time");
    drop(renderer);
    close(gpu).await;
}
