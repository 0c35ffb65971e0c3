//! Sums, the least and the greatest of numbers on a device, against a CPU.

mod common;
mod numbers;

use common::{close, strict_gpu};
use numbers::{Drawn, counted, drawn, invalid, sizes, uploaded};
use vulkio::{
    Gpu, Graph,
    compute::{self, Element, Reduce, reference},
};

/// As in src/compute/reduce.rs.
const BLOCK: usize = 4096;
const MOST_GROUPS: usize = 1056;
const LANES: usize = 256;
const SEED: u64 = 88;

/// The sum in the order in which the shader makes it.
fn in_order(numbers: &[f32]) -> f32 {
    let groups = numbers.len().div_ceil(BLOCK).clamp(1, MOST_GROUPS);
    let partials: Vec<f32> = (0..groups).map(|group| of_group(numbers, group, groups)).collect();
    let mut lanes = [0.0; LANES];
    for (i, partial) in partials.iter().enumerate() {
        lanes[i % LANES] += partial;
    }
    halved(lanes)
}

fn of_group(numbers: &[f32], group: usize, groups: usize) -> f32 {
    let mut lanes = [[0.0f32; 4]; LANES];
    for block in numbers.chunks(BLOCK).skip(group).step_by(groups) {
        for (i, number) in block.iter().enumerate() {
            lanes[i / 4 % LANES][i % 4] += number;
        }
    }
    halved(lanes.map(|[x, y, z, w]| (x + y) + (z + w)))
}

fn halved(mut lanes: [f32; LANES]) -> f32 {
    let mut under = LANES / 2;
    while under > 0 {
        for i in 0..under {
            lanes[i] += lanes[i + under];
        }
        under /= 2;
    }
    lanes[0]
}

fn bound(numbers: &[f32]) -> f64 {
    let sum: f64 = numbers.iter().map(|&number| f64::from(number).abs()).sum();
    (numbers.len() as f64 / 2f64.powi(20) + 40.0) * 2f64.powi(-24) * sum
}

async fn integers_are_exact<T: Drawn>(gpu: &Gpu) {
    let all = sizes(1 << 15, &[BLOCK]);
    let numbers = drawn::<T>(SEED, all[all.len() - 1]);
    let x = uploaded(gpu, "x", &numbers).await;
    let [sum, min, max] = [Reduce::<T>::sum(gpu).await, Reduce::min(gpu).await, Reduce::max(gpu).await]
        .map(|made| made.expect("a kernel"));
    for size in all {
        let some = &numbers[..size];
        let slice = || x.slice(0..size);
        assert_eq!(sum.read(slice()).await.expect("a sum"), reference::sum(some), "sum of {size}");
        assert_eq!(min.read(slice()).await.expect("a minimum"), reference::min(some), "least of {size}");
        assert_eq!(max.read(slice()).await.expect("a maximum"), reference::max(some), "greatest of {size}");
    }
}

#[tokio::test]
async fn integers_are_exact_at_every_size_and_sums_of_them_wrap_around() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    integers_are_exact::<u32>(&gpu).await;
    integers_are_exact::<i32>(&gpu).await;
    close(gpu).await;
}

#[tokio::test]
async fn sums_of_floats_are_near_the_exact_one_and_the_same_bits_wherever_they_lie() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let all = sizes(1 << 15, &[BLOCK]);
    let most = all[all.len() - 1];
    let numbers = drawn::<f32>(SEED, most);
    let sum = Reduce::sum(&gpu).await.expect("a kernel");
    for start in 0..4 {
        let x = uploaded(&gpu, "x", &[&[f32::NAN; 3][..start], &numbers].concat()).await;
        for &size in &all {
            let some = &numbers[..size];
            let result = sum.read(x.slice(start..start + size)).await.expect("a sum");
            let exact: f64 = some.iter().map(|&number| f64::from(number)).sum();
            assert!((f64::from(result) - exact).abs() <= bound(some), "{size}: {result} for {exact}");
            assert_eq!(result.to_bits(), in_order(some).to_bits(), "{size} from {start}: {result} in another order");
        }
    }
    drop(sum);
    close(gpu).await;
}

#[tokio::test]
async fn workgroups_that_have_several_blocks_each_add_up_all_of_them() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let size = BLOCK * MOST_GROUPS + 5 * BLOCK + 77;
    let numbers = drawn::<f32>(SEED, size);
    let x = uploaded(&gpu, "x", &numbers).await;
    for size in [BLOCK * MOST_GROUPS - 1, BLOCK * MOST_GROUPS, BLOCK * MOST_GROUPS + 1, size] {
        let result = compute::sum(&gpu, x.slice(0..size)).await.expect("a sum");
        let some = &numbers[..size];
        let exact: f64 = some.iter().map(|&number| f64::from(number)).sum();
        assert!((f64::from(result) - exact).abs() <= bound(some), "{size}: {result} for {exact}");
        assert_eq!(result.to_bits(), in_order(some).to_bits(), "{size}: {result} in another order");
        assert_eq!(compute::max(&gpu, x.slice(0..size)).await.expect("a maximum"), reference::max(some), "{size}");
    }
    drop(x);
    close(gpu).await;
}

#[tokio::test]
async fn the_least_and_the_greatest_of_floats_are_exact_wherever_they_lie() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let numbers = drawn::<f32>(SEED, 3 * BLOCK + 5);
    let (min, max) = (Reduce::min(&gpu).await.expect("a kernel"), Reduce::max(&gpu).await.expect("a kernel"));
    for at in [0, 1, 2, 3, 4, 1023, BLOCK - 1, BLOCK, 3 * BLOCK + 3, 3 * BLOCK + 4] {
        for (planted, other) in [(f32::NEG_INFINITY, f32::INFINITY), (-3.5, 3.5), (f32::MIN, f32::MAX)] {
            let mut numbers = numbers.clone();
            numbers[at] = planted;
            let x = uploaded(&gpu, "x", &numbers).await;
            assert_eq!(min.read(&x).await.expect("a minimum"), planted, "at {at}");
            assert_eq!(max.read(&x).await.expect("a maximum"), reference::max(&numbers), "at {at}");
            numbers[at] = other;
            let x = uploaded(&gpu, "x", &numbers).await;
            assert_eq!(max.read(&x).await.expect("a maximum"), other, "at {at}");
            assert_eq!(min.read(&x).await.expect("a minimum"), reference::min(&numbers), "at {at}");
        }
    }
    drop((min, max));
    close(gpu).await;
}

#[tokio::test]
async fn a_nan_wins_and_minus_zero_is_less_than_zero() {
    let gpu = strict_gpu();
    let x = gpu.buffer::<f32>("x", 5000).expect("a buffer");
    for nan in [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001), f32::from_bits(0xffff_ffff)] {
        for at in [0, 2500, 4999] {
            let mut numbers = drawn::<f32>(SEED, 5000);
            (numbers[7], numbers[8], numbers[at]) = (f32::INFINITY, f32::NEG_INFINITY, nan);
            gpu.upload(&x, 0, numbers).await.expect("uploaded");
            let [min, max, sum] =
                [compute::min(&gpu, &x).await, compute::max(&gpu, &x).await, compute::sum(&gpu, &x).await];
            for result in [min.expect("a minimum"), max.expect("a maximum")] {
                assert_eq!(result.to_bits(), f32::NAN.to_bits(), "{nan:?} at {at}: {result}");
            }
            assert!(sum.expect("a sum").is_nan());
        }
    }
    let zeros = uploaded(&gpu, "zeros", &[0.0, -0.0, 0.0]).await;
    let min = compute::min(&gpu, &zeros).await.expect("a minimum");
    assert_eq!(min.to_bits(), (-0.0f32).to_bits());
    let max = compute::max(&gpu, zeros.slice(0..2)).await.expect("a maximum");
    assert_eq!(max.to_bits(), 0.0f32.to_bits());
    let infinities = uploaded(&gpu, "infinities", &[f32::INFINITY, 1.0, f32::NEG_INFINITY]).await;
    assert!(compute::sum(&gpu, &infinities).await.expect("a sum").is_nan());
    assert_eq!(compute::sum(&gpu, infinities.slice(0..2)).await.expect("a sum"), f32::INFINITY);
    drop((x, zeros, infinities));
    close(gpu).await;
}

async fn of_nothing<T: Drawn>(gpu: &Gpu) {
    let x = uploaded(gpu, "x", &drawn::<T>(SEED, 9)).await;
    let nothing = || x.slice(4..4);
    assert_eq!(compute::sum(gpu, nothing()).await.expect("a sum"), T::default());
    assert_eq!(compute::min(gpu, nothing()).await.expect("a minimum"), T::GREATEST);
    assert_eq!(compute::max(gpu, nothing()).await.expect("a maximum"), T::LEAST);
}

#[tokio::test]
async fn of_no_numbers_there_is_the_result_that_changes_no_other() {
    let gpu = strict_gpu();
    assert_eq!(<(f32, u32, i32)>::default(), (0.0, 0, 0));
    assert_eq!((f32::GREATEST, u32::LEAST, i32::LEAST), (f32::INFINITY, 0, i32::MIN));
    of_nothing::<f32>(&gpu).await;
    of_nothing::<u32>(&gpu).await;
    of_nothing::<i32>(&gpu).await;
    close(gpu).await;
}

#[tokio::test]
async fn one_dispatch_does_it_again_and_again_and_nothing_is_allocated() {
    let gpu = strict_gpu();
    let sum = Reduce::<u32>::sum(&gpu).await.expect("a kernel");
    let x = uploaded(&gpu, "x", &drawn::<u32>(SEED, 5 * BLOCK)).await;
    let results = gpu.buffer::<u32>("results", 64).expect("a buffer");
    let numbers = gpu.read(&x, 0..x.len()).await.expect("read").to_vec();
    let of = |i| sum.of(x.slice(0..(i + 1) * 300), results.slice(i..i + 1)).expect("work");
    // Several at once, so that one is always at hand while another is about to be given back.
    let warm = Graph::new(&gpu, "warm");
    (0..6).for_each(|i| warm.add(of(i)));
    warm.submit().await.expect("submitted").await.expect("complete");
    gpu.read(&x, 0..1).await.expect("read"); // what was lent is given back just after it is complete, and before later work is
    let before = gpu.counters();
    for i in 0..64 {
        let (dispatches, barriers) = counted(&gpu, of(i)).await;
        // The barrier is for the workgroups' count, which the reduction before this one has set back.
        assert!(dispatches == 1 && barriers <= 1, "{i}: {dispatches}, {barriers}");
    }
    assert_eq!(gpu.counters().device_allocations, before.device_allocations);
    let results = gpu.read(&results, 0..64).await.expect("read").to_vec();
    let right: Vec<u32> = (0..64).map(|i| reference::sum(&numbers[..(i + 1) * 300])).collect();
    assert_eq!(results, right);
    drop((x, sum));
    close(gpu).await;
}

#[tokio::test]
async fn reductions_of_one_graph_need_no_barrier_between_them() {
    let gpu = strict_gpu();
    let x = uploaded(&gpu, "x", &drawn::<i32>(SEED, 3 * BLOCK)).await;
    let numbers = gpu.read(&x, 0..x.len()).await.expect("read").to_vec();
    let results = gpu.buffer::<i32>("results", 3).expect("a buffer");
    let [sum, min, max] =
        [Reduce::sum(&gpu).await, Reduce::min(&gpu).await, Reduce::max(&gpu).await].map(|made| made.expect("a kernel"));
    let reduced = async |times: usize| {
        let graph = Graph::new(&gpu, "three");
        for _ in 0..times {
            for (i, reduce) in [&sum, &min, &max].into_iter().enumerate() {
                graph.add(reduce.of(&x, results.slice(i..i + 1)).expect("work"));
            }
        }
        graph.submit().await.expect("submitted").await.expect("complete")
    };
    reduced(3).await; // makes what they work with
    gpu.read(&x, 0..1).await.expect("read"); // what was lent is given back just after it is complete, and before later work is
    let stats = reduced(1).await;
    assert_eq!(stats.dispatches, 3);
    assert!(stats.barriers <= 1, "one that the graph before needs: {}", stats.barriers);
    let all = *gpu.read(&results, 0..3).await.expect("read").first_chunk::<3>().expect("three");
    assert_eq!(all, [reference::sum(&numbers), reference::min(&numbers), reference::max(&numbers)]);
    drop((x, results, sum, min, max));
    close(gpu).await;
}

#[tokio::test]
async fn mistakes_are_errors_that_name_the_buffers() {
    let (gpu, other) = (strict_gpu(), strict_gpu());
    let sum = Reduce::<f32>::sum(&gpu).await.expect("a kernel");
    let (x, two) = (uploaded(&gpu, "spins", &[1.0; 100]).await, uploaded(&gpu, "two", &[1.0; 2]).await);
    let text = invalid(sum.of(&x, &two));
    assert!(text.contains("result of sum") && text.contains("`two`") && text.contains("slice of one"), "{text}");
    let text = invalid(sum.of(&x, x.slice(99..100)));
    assert!(text.contains("`spins`, elements 99..100") && text.contains("apart"), "{text}");
    assert!(sum.of(x.slice(0..99), x.slice(99..100)).is_ok(), "beside the numbers");
    let text = invalid(sum.of(x.slice(0..101), two.slice(0..1)));
    assert!(text.contains("`spins`") && text.contains("beyond"), "{text}");
    let foreign = uploaded(&other, "foreign", &[1.0]).await;
    for text in [invalid(sum.of(&x, &foreign)), invalid(compute::max(&gpu, &foreign).await)] {
        assert!(text.contains("`foreign`") && text.contains("another Gpu"), "{text}");
    }
    drop((x, two, foreign, sum));
    close(other).await;
    close(gpu).await;
}
