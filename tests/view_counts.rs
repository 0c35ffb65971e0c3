//! What the CPU does for a frame of a view does not depend on how many cubes there are.

mod common;
mod scenes;
mod views;

use std::collections::BTreeMap;

use common::{Calls, close, counting, open, soon};
use views::PATHS;
use vulkio::{
    CounterSnapshot, Cubes, FrameStats, Gpu, GpuOptions, RasterPath, Renderer, Validation, ViewOptions,
    glam::Vec3,
    scene::{Camera, block},
};

const SIZE: [u32; 2] = [64, 48];
const WARM_UP: usize = 8;
const FRAMES: usize = 12;

/// Made by threads that wait for the GPU, as often as it takes.
const WAITS: [&str; 1] = ["vkWaitSemaphores"];

fn by_function(calls: &Calls) -> BTreeMap<&'static str, u64> {
    let mut sums = BTreeMap::new();
    for ((function, _), count) in calls.all() {
        if !WAITS.contains(&function) {
            *sums.entry(function).or_default() += count;
        }
    }
    sums
}

/// What must not grow after warm-up.
fn made(counters: &CounterSnapshot) -> [u64; 4] {
    [counters.device_allocations, counters.command_pools, counters.pipelines, counters.descriptor_writes]
}

/// Calls for all counted frames by function, and the figures of one frame.
async fn count(
    gpu: &Gpu,
    calls: &Calls,
    cubes: &Cubes,
    options: ViewOptions,
) -> (BTreeMap<&'static str, u64>, FrameStats) {
    let renderer = Renderer::headless(gpu, SIZE).expect("a renderer");
    let view = soon("a view", cubes.view(SIZE, options)).await.expect("a view");
    let (center, half) = (cubes.bounds().center(), cubes.bounds().half_extent());
    let mut before = (by_function(calls), gpu.counters());
    let mut figures: Option<FrameStats> = None;
    for n in 0..WARM_UP + FRAMES {
        if n == WARM_UP {
            before = (by_function(calls), gpu.counters());
        }
        let angle = n as f32 * 0.3;
        let eye = center + Vec3::new(angle.sin(), 0.4, angle.cos()) * half.length() * 1.4;
        let camera = Camera::perspective(1.0, 4.0 / 3.0, 0.1).look_at(eye, center, Vec3::Y);
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        frame.add(view.draw(camera, frame.target()));
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        let stats = soon("a frame", done).await.expect("complete");
        if n >= WARM_UP {
            let plain = |stats: FrameStats| {
                (stats.passes, stats.culled, stats.draws, stats.dispatches, stats.barriers, stats.submits)
            };
            let first = *figures.get_or_insert(stats);
            assert_eq!(plain(stats), plain(first), "frame {n} is another than the first");
        }
    }
    let after = by_function(calls);
    let counters = gpu.counters();
    assert_eq!(made(&counters), made(&before.1), "allocations, pools, pipelines, descriptor writes after warm-up");
    assert_eq!(counters.descriptor_writes, 0);
    assert_eq!(calls.total("vkUpdateDescriptorSets"), 0);
    let ids = soon("ids", view.ids()).await.expect("read back");
    let covered = ids.iter().filter(|&&id| id != vulkio::NO_ID).count();
    assert!(covered * 5 > ids.len(), "{covered} pixels show a cube: nothing was drawn");
    let grown =
        after.iter().map(|(&function, &count)| (function, count - before.0.get(function).copied().unwrap_or(0)));
    (grown.filter(|&(_, count)| count > 0).collect(), figures.expect("frames were drawn"))
}

async fn check(options: impl Fn(RasterPath) -> ViewOptions, counts: &[usize]) {
    // Not under validation: the layer would take minutes for a million cubes, and what is counted are our calls.
    let (gpu_options, calls) = counting(GpuOptions::default().validation(Validation::Off));
    let gpu = open(gpu_options);
    for (name, path) in PATHS {
        let mut first = None;
        for &cubes in counts {
            let scene = Cubes::upload(&gpu, block(cubes)).await.expect("uploaded");
            assert_eq!(scene.count(), cubes);
            let (seen, stats) = count(&gpu, &calls, &scene, options(path)).await;
            println!("{name}, {cubes} cubes: {stats}; {seen:?}");
            assert!(seen.get("vkCmdPipelineBarrier2").is_some_and(|&count| count >= FRAMES as u64), "{seen:?}");
            assert!(seen.get("vkQueueSubmit2") == Some(&(FRAMES as u64)), "{seen:?}");
            let (count, expected) = first.get_or_insert_with(|| (cubes, seen.clone()));
            assert_eq!(&seen, expected, "{name}: {cubes} cubes take other calls than {count}");
        }
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cubes_and_a_million_take_the_same_vulkan_calls() {
    check(|path| ViewOptions::default().path(path), &[10_000, 100_000, 1_000_000]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_level_of_detail_or_occlusion_the_calls_are_as_many_for_any_number_of_cubes() {
    check(|path| ViewOptions::default().path(path).lod(false).occlusion(false), &[1, 300, 10_000, 100_000]).await;
}
