//! Sums of all numbers up to each on a device, against a CPU.

mod common;
mod numbers;

use bytemuck::{Pod, Zeroable};
use common::{close, strict_gpu};
use numbers::{Drawn, Random, counted, drawn, invalid, sizes, uploaded};
use vulkio::{
    DeviceKind, Gpu, GpuBuffer, GpuData, GpuOptions, Graph, Kernel, KernelOptions,
    compute::{self, Element, Scan, reference},
};

/// Elements of a tile, as in src/compute/scan.rs.
const TILE: usize = 5120;
const SEED: u64 = 888;

async fn contents<T: Element>(gpu: &Gpu, buffer: &GpuBuffer<T>, len: usize) -> Vec<T> {
    gpu.read(buffer, 0..len).await.expect("read").to_vec()
}

/// Where two lists differ first, which says more than both of them.
#[track_caller]
fn assert_all<T: Element>(what: &str, got: &[T], right: &[T]) {
    assert_eq!(got.len(), right.len(), "{what}");
    let wrong = got.iter().zip(right).position(|(got, right)| got != right);
    if let Some(i) = wrong {
        panic!("{what}: element {i} of {} is {} and should be {}", got.len(), got[i], right[i]);
    }
}

async fn integers_are_exact<T: Drawn>(gpu: &Gpu) {
    let all = sizes(1 << 15, &[TILE]);
    let most = all[all.len() - 1];
    let numbers = drawn::<T>(SEED, most);
    let x = uploaded(gpu, "x", &numbers).await;
    let (inclusive, exclusive) =
        (Scan::inclusive(gpu).await.expect("a kernel"), Scan::exclusive(gpu).await.expect("a kernel"));
    let planted = drawn::<T>(SEED + 1, most + 1);
    let (right, right_before) = (reference::inclusive_scan(&numbers), reference::exclusive_scan(&numbers));
    for size in all {
        for (scan, right, name) in [(&inclusive, &right, "inclusive"), (&exclusive, &right_before, "exclusive")] {
            let y = uploaded(gpu, "y", &planted).await;
            scan.of(x.slice(0..size), y.slice(0..size)).expect("work").await.expect("complete");
            let sums = contents(gpu, &y, y.len()).await;
            assert_all(&format!("{name} sums of {size}"), &sums[..size], &right[..size]);
            assert_all(&format!("what is beyond {size}"), &sums[size..], &planted[size..]);
        }
    }
}

#[tokio::test]
async fn sums_of_integers_are_exact_at_every_size_and_wrap_around() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    integers_are_exact::<u32>(&gpu).await;
    integers_are_exact::<i32>(&gpu).await;
    close(gpu).await;
}

#[track_caller]
fn assert_near(what: &str, numbers: &[f32], sums: &[f32], is_inclusive: bool) {
    let (mut sum, mut magnitude) = (0.0, 0.0);
    let steps = (numbers.len() as f64 / TILE as f64 + 400.0) * 2f64.powi(-24);
    for (i, &number) in numbers.iter().enumerate() {
        let before = sum;
        sum += f64::from(number);
        magnitude += f64::from(number).abs();
        let exact = if is_inclusive { sum } else { before };
        let error = (f64::from(sums[i]) - exact).abs();
        assert!(error <= steps * magnitude, "{what}: element {i} is {} and should be {exact}", sums[i]);
    }
}

#[tokio::test]
async fn sums_of_floats_are_near_the_exact_ones_at_every_size() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let all = sizes(1 << 17, &[TILE]);
    let numbers = drawn::<f32>(SEED, all[all.len() - 1]);
    let (x, y) = (uploaded(&gpu, "x", &numbers).await, uploaded(&gpu, "y", &numbers).await);
    for size in all.into_iter().filter(|&size| size > 0) {
        compute::inclusive_scan(&gpu, x.slice(0..size), y.slice(0..size)).await.expect("complete");
        assert_near(&format!("inclusive of {size}"), &numbers[..size], &contents(&gpu, &y, size).await, true);
        compute::exclusive_scan(&gpu, x.slice(0..size), y.slice(0..size)).await.expect("complete");
        assert_near(&format!("exclusive of {size}"), &numbers[..size], &contents(&gpu, &y, size).await, false);
    }
    drop((x, y));
    close(gpu).await;
}

#[tokio::test]
async fn slices_of_every_alignment_are_right_and_touch_nothing_else() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let scan = Scan::inclusive(&gpu).await.expect("a kernel");
    let most = 2 * TILE + 16;
    let (numbers, planted) = (drawn::<u32>(SEED, most), drawn::<u32>(SEED + 1, most));
    let x = uploaded(&gpu, "x", &numbers).await;
    let mut tried = 0;
    for (from, to) in (0..4).flat_map(|from| (0..4).map(move |to| (from, to))) {
        for size in [1, 2, 3, 5, TILE - 2, TILE, 2 * TILE + 7] {
            let y = uploaded(&gpu, "y", &planted).await;
            scan.of(x.slice(from..from + size), y.slice(to..to + size)).expect("work").await.expect("complete");
            let sums = contents(&gpu, &y, most).await;
            let what = format!("{size} from {from} to {to}");
            assert_all(&what, &sums[to..to + size], &reference::inclusive_scan(&numbers[from..from + size]));
            assert_all(&what, &sums[..to], &planted[..to]);
            assert_all(&what, &sums[to + size..], &planted[to + size..]);
            tried += 1;
        }
    }
    assert_eq!(tried, 112);
    drop((x, scan));
    close(gpu).await;
}

#[tokio::test]
async fn sums_in_place_are_the_same() {
    let gpu = strict_gpu();
    let (scan, before) =
        (Scan::inclusive(&gpu).await.expect("a kernel"), Scan::exclusive(&gpu).await.expect("a kernel"));
    for (start, size) in [(0, 1), (0, TILE), (0, 40 * TILE + 9), (3, 17 * TILE)] {
        let numbers = drawn::<i32>(SEED, start + size);
        let x = uploaded(&gpu, "x", &numbers).await;
        let slice = || x.slice(start..start + size);
        scan.of(slice(), slice()).expect("work").await.expect("complete");
        let once = reference::inclusive_scan(&numbers[start..]);
        let sums = contents(&gpu, &x, start + size).await;
        assert_all(&format!("{size} from {start}"), &sums[start..], &once);
        assert_all(&format!("before {start}"), &sums[..start], &numbers[..start]);
        before.of(slice(), slice()).expect("work").await.expect("complete");
        let twice = reference::exclusive_scan(&once);
        assert_all(&format!("{size} from {start}"), &contents(&gpu, &x, start + size).await[start..], &twice);
    }
    drop((scan, before));
    close(gpu).await;
}

/// As in shaders/include/scan.glsl.
#[derive(Clone, Copy, Pod, Zeroable, GpuData)]
#[role(storage)]
#[repr(C)]
struct Push {
    numbers: u64,
    sums: u64,
    said: u64,
    count: u64,
    tiles: u32,
    epoch: u32,
}

/// The shader with small tiles, and with workgroups that misbehave.
struct Small {
    /// For sums apart from the numbers, and in their place.
    kernels: [Kernel<Push>; 2],
    tile: usize,
}

impl Small {
    async fn new(gpu: &Gpu, more: &[(u32, u32)]) -> Self {
        let subgroup = gpu.info().subgroup_size;
        let lanes = subgroup * 2;
        let fenced = gpu.info().kind != DeviceKind::Cpu;
        let options = KernelOptions::default().subgroup_size(subgroup).constant(0, lanes).constant(1, u32::KIND);
        let options = more
            .iter()
            .fold(options.constant(3, 1).constant(8, 2).constant(FENCED, fenced.into()), |options, &(id, value)| {
                options.constant(id, value)
            });
        let kernel = async |spirv| gpu.kernel_with("small scan", spirv, &options).await.expect("a kernel");
        let apart = kernel(include_bytes!("../shaders/spv/compute_scan.comp.spv")).await;
        let in_place = kernel(include_bytes!("../shaders/spv/compute_scan_in_place.comp.spv")).await;
        Self { kernels: [apart, in_place], tile: lanes as usize * 4 }
    }

    /// Scans `numbers`, of which all tiles but the last are whole, with `across` × `rows` workgroups.
    async fn scan(&self, gpu: &Gpu, numbers: &[u32], in_place: bool, [across, rows]: [u32; 2]) -> Vec<u32> {
        let tiles = numbers.len().div_ceil(self.tile);
        assert!(across as usize * rows as usize >= tiles);
        let x = uploaded(gpu, "x", numbers).await;
        let y = if in_place { x.clone() } else { gpu.buffer("y", numbers.len()).expect("a buffer") };
        let said = uploaded(gpu, "said", &vec![0_u32; 2 + tiles * 2]).await;
        let push = Push {
            numbers: x.address(),
            sums: y.address(),
            said: said.address(),
            count: numbers.len() as u64,
            tiles: tiles as u32,
            epoch: 5,
        };
        let work = self.kernels[usize::from(in_place)].dispatch(&push, [across, rows, 1]);
        let work = if in_place { work } else { work.reads(&x) };
        work.writes(&y).writes(&said).await.expect("complete");
        contents(gpu, &y, numbers.len()).await
    }
}

/// The shader's constants.
const WINDOW: u32 = 4;
const PATIENCE: u32 = 5;
const BACKWARDS: u32 = 6;
const MUTE: u32 = 7;
const DRAWN: u32 = 9;
const FENCED: u32 = 10;

#[tokio::test]
async fn tiles_whose_predecessors_have_not_run_get_on_without_them() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let mut wrong_ways = 0;
    for (window, patience) in [(1, 0), (1, 3), (2, 0), (4, 1)] {
        let small = Small::new(&gpu, &[(BACKWARDS, 1), (WINDOW, window), (PATIENCE, patience)]).await;
        for tiles in [1, 2, 7, 8, 9, 33, 150] {
            let numbers = drawn::<u32>(SEED, tiles * small.tile - 3);
            let right = reference::inclusive_scan(&numbers);
            for in_place in [false, true] {
                let what = format!("{tiles} tiles, window {window}, in place: {in_place}");
                assert_all(&what, &small.scan(&gpu, &numbers, in_place, [tiles as u32, 1]).await, &right);
                wrong_ways += 1;
            }
        }
    }
    assert_eq!(wrong_ways, 56);
    close(gpu).await;
}

#[tokio::test]
async fn tiles_that_never_say_anything_are_spoken_for() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    for mute in [1, 2, 3, 9] {
        for window in [1, 2] {
            let small = Small::new(&gpu, &[(MUTE, mute), (WINDOW, window), (PATIENCE, 0), (DRAWN, mute % 2)]).await;
            for tiles in [2, 9, 20, 70] {
                let numbers = drawn::<u32>(SEED, tiles * small.tile);
                let right = reference::inclusive_scan(&numbers);
                let what = format!("{tiles} tiles, of which every {mute}. is mute, window {window}");
                assert_all(&what, &small.scan(&gpu, &numbers, false, [tiles as u32, 1]).await, &right);
            }
        }
    }
    close(gpu).await;
}

#[tokio::test]
async fn more_workgroups_than_fit_in_a_row_do_all_of_it() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let small = Small::new(&gpu, &[]).await;
    let (across, rows) = (33_000, 2);
    let numbers = drawn::<u32>(SEED, (across * rows - 7) * small.tile - 1);
    let sums = small.scan(&gpu, &numbers, false, [across as u32, rows as u32]).await;
    assert_all("66,000 tiles", &sums, &reference::inclusive_scan(&numbers));
    drop(small);
    close(gpu).await;
}

#[tokio::test]
async fn from_a_nan_on_all_sums_are_and_infinities_stay() {
    let gpu = strict_gpu();
    let size = 3 * TILE;
    for at in [0, 5, TILE - 1, TILE, 2 * TILE + 77] {
        let mut numbers = drawn::<f32>(SEED, size);
        numbers[at] = f32::INFINITY;
        let later = at + 3000;
        numbers[later] = f32::NEG_INFINITY;
        let x = uploaded(&gpu, "x", &numbers).await;
        let y = gpu.buffer::<f32>("y", size).expect("a buffer");
        for own in [0, 1] {
            let scan = if own == 0 { Scan::inclusive(&gpu).await } else { Scan::exclusive(&gpu).await };
            scan.expect("a kernel").of(&x, &y).expect("work").await.expect("complete");
            let sums = contents(&gpu, &y, size).await;
            assert!(sums[..at + own].iter().all(|sum| sum.is_finite()), "before {at}");
            assert!(sums[at + own..later + own].iter().all(|&sum| sum == f32::INFINITY), "from {at}");
            assert!(sums[later + own..].iter().all(|sum| sum.is_nan()), "from {later}");
        }
    }
    close(gpu).await;
}

#[tokio::test]
async fn what_tiles_said_in_earlier_scans_says_nothing_in_later_ones() {
    println!("seed {SEED}");
    let gpu = strict_gpu();
    let scan = Scan::inclusive(&gpu).await.expect("a kernel");
    let most = 24 * TILE;
    let (x, y) = (gpu.buffer::<u32>("x", most).expect("a buffer"), gpu.buffer::<u32>("y", most).expect("a buffer"));
    // Several at once, so that one is always at hand while another is about to be given back.
    let warm = Graph::new(&gpu, "warm");
    let z = uploaded(&gpu, "z", &drawn::<u32>(SEED, 6 * most)).await;
    (0..6).for_each(|i| {
        let slice = || z.slice(i * most..(i + 1) * most);
        warm.add(scan.of(slice(), slice()).expect("work"));
    });
    warm.submit().await.expect("submitted").await.expect("complete");
    contents(&gpu, &z, 1).await; // what was lent is given back just after it is complete, and before later work is
    let allocations = gpu.counters().device_allocations;
    let mut random = Random(SEED);
    for round in 0..60 {
        let size = 1 + random.next() as usize % most;
        let numbers = drawn::<u32>(SEED + round, size);
        gpu.upload(&x, 0, numbers.clone()).await.expect("uploaded");
        let (dispatches, barriers) = counted(&gpu, scan.of(x.slice(0..size), y.slice(0..size)).expect("work")).await;
        // The barrier is for what the one before has written.
        assert!(dispatches == 1 && barriers <= 1, "round {round}: {dispatches}, {barriers}");
        assert_all(
            &format!("{size} in round {round}"),
            &contents(&gpu, &y, size).await,
            &reference::inclusive_scan(&numbers),
        );
    }
    assert_eq!(gpu.counters().device_allocations, allocations);
    drop((x, y, z, scan));
    close(gpu).await;
}

#[tokio::test]
async fn scans_of_one_graph_do_not_disturb_each_other() {
    let gpu = strict_gpu();
    let scan = Scan::exclusive(&gpu).await.expect("a kernel");
    let numbers: Vec<_> = (0..6).map(|i| drawn::<i32>(SEED + i, 5 * TILE + i as usize)).collect();
    let mut pairs = Vec::new();
    for numbers in &numbers {
        let x = uploaded(&gpu, "x", numbers).await;
        pairs.push((x, gpu.buffer::<i32>("y", numbers.len()).expect("a buffer")));
    }
    for _ in 0..5 {
        let graph = Graph::new(&gpu, "six");
        pairs.iter().for_each(|(x, y)| graph.add(scan.of(x, y).expect("work")));
        graph.submit().await.expect("submitted").await.expect("complete");
        for ((_, y), numbers) in pairs.iter().zip(&numbers) {
            assert_all("of six", &contents(&gpu, y, numbers.len()).await, &reference::exclusive_scan(numbers));
        }
    }
    drop((pairs, scan));
    close(gpu).await;
}

#[tokio::test]
async fn mistakes_are_errors_that_name_the_buffers() {
    let (gpu, other) = (strict_gpu(), strict_gpu());
    let scan = Scan::<u32>::inclusive(&gpu).await.expect("a kernel");
    let (x, y) = (uploaded(&gpu, "counts", &[1; 100]).await, uploaded(&gpu, "firsts", &[1; 99]).await);
    let text = invalid(scan.of(&x, &y));
    assert!(text.contains("`counts`) has 100") && text.contains("`firsts`) has 99"), "{text}");
    let text = invalid(scan.of(x.slice(0..50), x.slice(1..51)));
    assert!(text.contains("`counts`, elements 1..51") && text.contains("overlap"), "{text}");
    assert!(scan.of(x.slice(0..50), x.slice(50..100)).is_ok(), "side by side");
    let text = invalid(scan.of(x.slice(50..101), y.slice(0..51)));
    assert!(text.contains("`counts`") && text.contains("beyond"), "{text}");
    let foreign = uploaded(&other, "foreign", &[1; 99]).await;
    let text = invalid(scan.of(&y, &foreign));
    assert!(text.contains("`foreign`") && text.contains("another Gpu"), "{text}");
    assert_eq!(counted(&gpu, scan.of(x.slice(3..3), y.slice(9..9)).expect("work")).await, (0, 0), "of nothing");
    drop((x, y, foreign, scan));
    close(other).await;
    close(gpu).await;
}

/// Nearly 4 GiB, which are the most that one buffer has on NVIDIA: byte offsets beyond 2³¹.
const HUGE: usize = (1 << 30) - (1 << 20) + 12_345;

#[tokio::test]
#[ignore = "takes 8 GiB of device memory"]
async fn sums_of_four_gigabytes_are_right() {
    let gpu = open_plain();
    let (x, y) = (gpu.buffer::<u32>("x", HUGE).expect("4 GiB"), gpu.buffer::<u32>("y", HUGE).expect("4 GiB"));
    let (filled, graph) = (x.clone(), Graph::new(&gpu, "ones"));
    graph.pass("ones").writes(x.copy_target()).record(move |cmd| _ = cmd.fill(&filled, 0..HUGE, 3));
    graph.submit().await.expect("submitted").await.expect("complete");
    assert_eq!(compute::sum(&gpu, &x).await.expect("a sum"), 3_u32.wrapping_mul(HUGE as u32));
    assert_eq!(compute::max(&gpu, x.slice(1..HUGE)).await.expect("a maximum"), 3);
    compute::inclusive_scan(&gpu, &x, &y).await.expect("complete");
    for start in [0, (1 << 29) - 50, (1 << 30) - (1 << 20) - 50, HUGE - 100] {
        let sums = gpu.read(&y, start..start + 100).await.expect("read");
        let right: Vec<u32> = (start..start + 100).map(|i| 3_u32.wrapping_mul(i as u32 + 1)).collect();
        assert_all(&format!("from {start}"), &sums, &right);
    }
    drop((x, y));
    gpu.close().await.expect("it closes");
}

fn open_plain() -> Gpu {
    Gpu::open_blocking(GpuOptions::default()).expect("a device")
}
