//! `y = a * x + y` on a device, against a CPU.

mod common;
mod numbers;

use bytemuck::{Pod, Zeroable};
use common::{close, strict_gpu};
use numbers::{counted, drawn, invalid, sizes, uploaded};
use vulkio::{
    Gpu, GpuBuffer, GpuData, GpuOptions, Graph, KernelOptions,
    compute::{self, Saxpy, reference},
};

/// Elements of a workgroup.
const BLOCK: usize = 1024;
const SEED: u64 = 8;

/// Each result is as near to the f64 reference as is promised.
#[track_caller]
fn assert_near(what: &str, a: f32, x: &[f32], before: &[f32], after: &[f32]) {
    assert_eq!(before.len(), after.len(), "{what}");
    for (i, ((&x, &before), &after)) in x.iter().zip(before).zip(after).enumerate() {
        let exact = f64::from(a) * f64::from(x) + f64::from(before);
        let room = 2f64.powi(-23) * (f64::from(a * x).abs() + f64::from(before).abs());
        assert!((f64::from(after) - exact).abs() <= room, "{what}, element {i}: {after} for {exact}");
    }
}

async fn contents(gpu: &Gpu, buffer: &GpuBuffer<f32>) -> Vec<f32> {
    gpu.read(buffer, 0..buffer.len()).await.expect("read").to_vec()
}

#[tokio::test]
async fn results_are_right_at_every_size() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let saxpy = Saxpy::new(&gpu).await.expect("a kernel");
    let all = sizes(1 << 14, &[BLOCK]);
    assert!(all.contains(&0) && all.contains(&(3 * BLOCK + 1)));
    let most = all[all.len() - 1];
    let (xs, ys) = (drawn::<f32>(SEED, most), drawn::<f32>(SEED + 1, most));
    let x = uploaded(&gpu, "x", &xs).await;
    for size in all {
        let y = uploaded(&gpu, "y", &ys).await;
        saxpy.of(-1.7, x.slice(0..size), y.slice(0..size)).expect("work").await.expect("complete");
        let after = contents(&gpu, &y).await;
        assert_near(&format!("{size}"), -1.7, &xs[..size], &ys[..size], &after[..size]);
        assert_eq!(after[size..], ys[size..], "beyond {size}");
    }
    drop((x, saxpy));
    close(gpu).await;
}

#[tokio::test]
async fn slices_of_every_alignment_are_right_and_touch_nothing_else() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let saxpy = Saxpy::new(&gpu).await.expect("a kernel");
    let most = 2 * BLOCK + 16;
    let (xs, ys) = (drawn::<f32>(SEED, most), drawn::<f32>(SEED + 1, most));
    let x = uploaded(&gpu, "x", &xs).await;
    let mut tried = 0;
    for (x_start, y_start) in (0..4).flat_map(|x| (0..4).map(move |y| (x, y))) {
        for size in [1, 2, 3, 4, 6, 9, BLOCK - 1, BLOCK + 2, 2 * BLOCK + 5] {
            let y = uploaded(&gpu, "y", &ys).await;
            let (from, to) = (x_start..x_start + size, y_start..y_start + size);
            saxpy.of(3.25, x.slice(from.clone()), y.slice(to.clone())).expect("work").await.expect("complete");
            let after = contents(&gpu, &y).await;
            let what = format!("{size} from {x_start} to {y_start}");
            assert_near(&what, 3.25, &xs[from], &ys[to.clone()], &after[to.clone()]);
            assert_eq!(after[..to.start], ys[..to.start], "{what}: before");
            assert_eq!(after[to.end..], ys[to.end..], "{what}: behind");
            tried += 1;
        }
    }
    assert_eq!(tried, 144);
    drop((x, saxpy));
    close(gpu).await;
}

#[derive(Clone, Copy, Pod, Zeroable, GpuData)]
#[role(storage)]
#[repr(C)]
struct Push {
    x: u64,
    y: u64,
    count: u64,
    a: f32,
    head: u32,
}

#[tokio::test]
async fn more_workgroups_than_fit_in_a_row_do_all_of_it() {
    let gpu = strict_gpu();
    let spirv = include_bytes!("../shaders/spv/compute_saxpy.comp.spv");
    // Small ones, of 32 elements, so that there are many of them.
    let options = KernelOptions::default().constant(0, 8).constant(1, 1);
    let kernel = gpu.kernel_with::<Push>("small saxpy", spirv, &options).await.expect("a kernel");
    assert_eq!(kernel.local_size(), [8, 1, 1]);
    let (rows, across, tail) = (2, 40_000, 3);
    let size = (rows * across - 5) * 32 + tail;
    let (xs, ys) = (drawn::<f32>(SEED, size), drawn::<f32>(SEED + 1, size));
    let (x, y) = (uploaded(&gpu, "x", &xs).await, uploaded(&gpu, "y", &ys).await);
    let push = Push { x: x.address(), y: y.address(), count: size as u64, a: 0.5, head: 0 };
    kernel.dispatch(&push, [across as u32, rows as u32, 1]).reads(&x).writes(&y).await.expect("complete");
    assert_near("many", 0.5, &xs, &ys, &contents(&gpu, &y).await);
    drop((x, y, kernel));
    close(gpu).await;
}

#[tokio::test]
async fn the_one_liner_does_the_same_and_x_may_be_y() {
    let gpu = strict_gpu();
    let (xs, ys) = (drawn::<f32>(SEED, 1000), drawn::<f32>(SEED + 1, 1000));
    let (x, y) = (uploaded(&gpu, "x", &xs).await, uploaded(&gpu, "y", &ys).await);
    compute::saxpy(&gpu, 2.0, &x, &y).await.expect("complete");
    let after = contents(&gpu, &y).await;
    assert_near("apart", 2.0, &xs, &ys, &after);
    // Twice a number and the number itself: rounded once on a CPU, and at most twice on a device.
    compute::saxpy(&gpu, 2.0, &y, &y).await.expect("complete");
    let mut tripled = after.clone();
    reference::saxpy(2.0, &after, &mut tripled);
    assert_eq!(contents(&gpu, &y).await, tripled, "the product is exact, so there is one rounding");
    drop((x, y));
    close(gpu).await;
}

#[tokio::test]
async fn nans_and_infinities_go_the_way_of_ieee() {
    let gpu = strict_gpu();
    let inf = f32::INFINITY;
    let (xs, ys) = ([f32::NAN, 1.0, inf, -inf, inf, 0.0], [1.0, f32::NAN, 1.0, 1.0, -inf, inf]);
    let (x, y) = (uploaded(&gpu, "x", &xs).await, uploaded(&gpu, "y", &ys).await);
    compute::saxpy(&gpu, 1.0, &x, &y).await.expect("complete");
    let after = contents(&gpu, &y).await;
    assert!(after[0].is_nan() && after[1].is_nan() && after[4].is_nan(), "{after:?}");
    assert_eq!((after[2], after[3], after[5]), (inf, -inf, inf));
    drop((x, y));
    close(gpu).await;
}

#[tokio::test]
async fn one_dispatch_and_no_barrier_does_it_and_nothing_is_allocated() {
    let gpu = strict_gpu();
    let saxpy = Saxpy::new(&gpu).await.expect("a kernel");
    let (x, y) = (uploaded(&gpu, "x", &[1.0; 9999]).await, uploaded(&gpu, "y", &[0.0; 9999]).await);
    let of = || saxpy.of(1.0, &x, &y).expect("work");
    counted(&gpu, of()).await;
    let before = gpu.counters().device_allocations;
    // That the one before has written `y` is a barrier between the two, and none of this one's own.
    for _ in 0..20 {
        let (dispatches, barriers) = counted(&gpu, of()).await;
        assert!(dispatches == 1 && barriers <= 1, "{dispatches}, {barriers}");
    }
    assert_eq!(gpu.counters().device_allocations, before);
    assert_eq!(contents(&gpu, &y).await, [21.0; 9999]);
    assert_eq!(counted(&gpu, saxpy.of(1.0, x.slice(5..5), y.slice(7..7)).expect("work")).await, (0, 0), "of nothing");
    drop((x, y, saxpy));
    close(gpu).await;
}

#[tokio::test]
async fn mistakes_are_errors_that_name_the_buffers() {
    let (gpu, other) = (strict_gpu(), strict_gpu());
    let saxpy = Saxpy::new(&gpu).await.expect("a kernel");
    let (x, y) = (uploaded(&gpu, "spins", &[1.0; 100]).await, uploaded(&gpu, "fields", &[1.0; 101]).await);
    let text = invalid(saxpy.of(1.0, &x, &y));
    assert!(
        text.contains("`spins`") && text.contains("100") && text.contains("`fields`") && text.contains("101"),
        "{text}"
    );
    let text = invalid(saxpy.of(1.0, x.slice(0..10), x.slice(5..15)));
    assert!(text.contains("`spins`, elements 5..15") && text.contains("overlap"), "{text}");
    assert!(saxpy.of(1.0, x.slice(0..10), x.slice(10..20)).is_ok(), "side by side");
    let text = invalid(saxpy.of(1.0, x.slice(0..101), &y));
    assert!(text.contains("`spins`") && text.contains("beyond"), "{text}");
    let foreign = uploaded(&other, "foreign", &[1.0; 100]).await;
    let text = invalid(saxpy.of(1.0, &foreign, &x));
    assert!(text.contains("`foreign`") && text.contains("another Gpu"), "{text}");
    drop((x, y, foreign, saxpy));
    close(other).await;
    close(gpu).await;
}

#[tokio::test]
#[ignore = "takes 8 GiB of device memory"]
async fn elements_of_four_gigabytes_are_right() {
    // Nearly 4 GiB, which are the most that one buffer has on NVIDIA: byte offsets beyond 2³¹.
    let huge = (1 << 30) - (1 << 20) + 12_345;
    let gpu = Gpu::open_blocking(GpuOptions::default()).expect("a device");
    let (x, y) = (gpu.buffer::<f32>("x", huge).expect("4 GiB"), gpu.buffer::<f32>("y", huge).expect("4 GiB"));
    // Some numbers here and there, up to the end.
    let graph = Graph::new(&gpu, "numbers");
    for (name, buffer, number) in [("x", &x, 1.5), ("y", &y, 0.25)] {
        let filled = buffer.clone();
        graph.pass(name).writes(buffer.copy_target()).record(move |cmd| {
            (0..63).for_each(|i| _ = cmd.update(&filled, i * (1 << 24), &[number; 16]));
            cmd.update(&filled, huge - 16, &[number; 16]);
        });
    }
    graph.submit().await.expect("submitted").await.expect("complete");
    compute::saxpy(&gpu, 2.0, x.slice(0..huge), y.slice(0..huge)).await.expect("complete");
    for at in (0..63).map(|i| i * (1 << 24)).chain([huge - 16]) {
        assert_eq!(*gpu.read(&y, at..at + 16).await.expect("read"), [3.25; 16], "at {at}");
    }
    drop((x, y));
    gpu.close().await.expect("it closes");
}
