//! `C = alpha · A · B + beta · C` on a device, against a CPU.

mod common;
mod numbers;

use common::{close, strict_gpu};
use numbers::{Random, counted, drawn, invalid, uploaded};
use vulkio::{
    Error, Gpu, GpuBuffer, GpuOptions, Validation,
    compute::{self, Gemm, Matrix, Precision, reference},
};

const SEED: u64 = 8;
/// Between rows and behind matrices; it must neither be read nor written.
const NOTHING: f32 = f32::NAN;

/// A matrix on the device, and what it was filled with.
struct Filled {
    buffer: GpuBuffer<f32>,
    matrix: Matrix,
    /// Elements before its first one.
    offset: usize,
    stride: usize,
    shape: [usize; 2],
    /// Its numbers, without gaps.
    numbers: Vec<f32>,
}

impl Filled {
    async fn new(gpu: &Gpu, name: &str, numbers: Vec<f32>, shape: [usize; 2], offset: usize, gap: usize) -> Self {
        let [rows, columns] = shape;
        let stride = columns + gap;
        let mut all = vec![NOTHING; offset + rows * stride + 5];
        for (row, from) in numbers.chunks_exact(columns.max(1)).enumerate() {
            all[offset + row * stride..][..columns].copy_from_slice(from);
        }
        let buffer = uploaded(gpu, name, &all).await;
        let matrix = Matrix::new(buffer.slice(offset..all.len()), rows, columns).stride(stride);
        Self { buffer, matrix, offset, stride, shape, numbers }
    }

    async fn drawn(gpu: &Gpu, name: &str, seed: u64, shape: [usize; 2], (offset, gap): (usize, usize)) -> Self {
        Self::new(gpu, name, drawn(seed, shape[0] * shape[1]), shape, offset, gap).await
    }

    /// What it holds now. Around it, nothing has changed.
    async fn read(&self, gpu: &Gpu) -> Vec<f32> {
        let all = gpu.read(&self.buffer, 0..self.buffer.len()).await.expect("read").to_vec();
        let [rows, columns] = self.shape;
        let mut numbers = Vec::new();
        for (place, &number) in all.iter().enumerate() {
            let at =
                place.checked_sub(self.offset).map(|place| (place / self.stride.max(1), place % self.stride.max(1)));
            match at {
                Some((row, column)) if row < rows && column < columns => numbers.push(number),
                _ => assert!(number.to_bits() == NOTHING.to_bits(), "{number} at {place}, outside of the matrix"),
            }
        }
        numbers
    }
}

/// Of the difference to the exact numbers, relative to these, in Frobenius norm.
fn error(numbers: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(numbers.len(), exact.len());
    let difference: f64 = numbers.iter().zip(exact).map(|(&number, &exact)| (f64::from(number) - exact).powi(2)).sum();
    let norm: f64 = exact.iter().map(|exact| exact.powi(2)).sum();
    assert!(exact.is_empty() || norm > 0.0, "a test on zeros shows nothing");
    if exact.is_empty() { 0.0 } else { (difference / norm).sqrt() }
}

/// Offsets and gaps of A, B and C.
type Places = [(usize, usize); 3];
const TIGHT: Places = [(0, 0); 3];

/// Multiplies random matrices of a shape, and gives the error.
async fn tried(gemm: &Gemm, gpu: &Gpu, [m, n, k]: [usize; 3], alpha: f32, beta: f32, places: Places) -> f64 {
    let a = Filled::drawn(gpu, "A", SEED, [m, k], places[0]).await;
    let b = Filled::drawn(gpu, "B", SEED + 1, [k, n], places[1]).await;
    let c = Filled::drawn(gpu, "C", SEED + 2, [m, n], places[2]).await;
    gemm.of(alpha, &a.matrix, &b.matrix, beta, &c.matrix).expect("work").await.expect("complete");
    let exact = reference::gemm(alpha, &a.numbers, &b.numbers, beta, &c.numbers, [m, n, k]);
    error(&c.read(gpu).await, &exact)
}

#[track_caller]
fn assert_small(error: f64, what: &str) {
    assert!(error <= 1e-6, "{what}: {error:e}");
}

/// Each precision that the device has: the first always. Validation layers that are too old for the second are left off for it.
async fn all() -> Vec<(Gpu, Gemm)> {
    let mut all = Vec::new();
    let gpu = strict_gpu();
    let plain = Gpu::open_blocking(GpuOptions::default().validation(Validation::Off))
        .expect("the device that has just been opened");
    let single = Gemm::new(&gpu, Precision::Single).await.expect("kernels");
    let emulated = [&gpu, &plain].into_iter().find(|gpu| gpu.info().features.cooperative_bfloat16).cloned();
    all.push((gpu, single));
    if let Some(gpu) = emulated {
        let emulated = Gemm::new(&gpu, Precision::Emulated).await.expect("kernels");
        all.push((gpu, emulated));
    }
    drop(plain);
    all
}

/// Around the sides of tiles, of slices in shared memory, and of groups of four.
const SIDES: [usize; 20] = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129];

#[tokio::test]
async fn results_are_right_in_every_shape() {
    println!("seed {SEED}");
    let mut random = Random(SEED);
    let mut any = || SIDES[random.next() as usize % SIDES.len()];
    // Each side in each direction, and then at random.
    let mut shapes: Vec<[usize; 3]> = Vec::new();
    for side in SIDES {
        shapes.extend([[side, any(), any()], [any(), side, any()], [any(), any(), side], [side; 3]]);
    }
    let factors = [(1.0, 0.0), (1.0, 1.0), (-1.5, 0.25)];
    for (gpu, gemm) in all().await {
        for (number, &shape) in shapes.iter().enumerate() {
            let (alpha, beta) = factors[number % factors.len()];
            let error = tried(&gemm, &gpu, shape, alpha, beta, TIGHT).await;
            assert_small(error, &format!("{:?} {shape:?}, {alpha}, {beta}", gemm.precision()));
        }
        drop(gemm);
        close(gpu).await;
    }
    assert_eq!(shapes.len(), 80);
}

#[tokio::test]
async fn every_tile_is_right_at_its_borders_and_in_several_bands() {
    println!("seed {SEED}");
    for (gpu, gemm) in all().await {
        // The largest tile is 128 × 128, the next 64 × 64; each is taken from 192 of them on.
        for shape in [
            [1792, 1796, 20],
            [1799, 1801, 19],
            [1665, 1921, 33],
            [897, 901, 21],
            [900, 900, 36],
            [512, 512, 36],
            [2303, 130, 18],
        ] {
            let error = tried(&gemm, &gpu, shape, 1.0, 0.5, TIGHT).await;
            assert_small(error, &format!("{:?} {shape:?}", gemm.precision()));
        }
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn deep_sums_stay_accurate() {
    println!("seed {SEED}");
    for (gpu, gemm) in all().await {
        // Sums are cut every 2,048 products, emulated ones every 16,384.
        for depth in [2047, 2048, 2049, 2060, 4096, 6151, 16_384, 16_385, 40_000] {
            let error = tried(&gemm, &gpu, [33, 36, depth], 1.0, -2.0, TIGHT).await;
            assert_small(error, &format!("{:?} {depth}", gemm.precision()));
        }
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn sums_of_one_sign_stay_accurate() {
    println!("seed {SEED}");
    for (gpu, gemm) in all().await {
        for depth in [2048, 16_384] {
            let positive = |seed, len| drawn::<f32>(seed, len).iter().map(|number| number.abs()).collect();
            let [m, n] = [36, 33];
            let a = Filled::new(&gpu, "A", positive(SEED, m * depth), [m, depth], 0, 0).await;
            let b = Filled::new(&gpu, "B", positive(SEED + 1, depth * n), [depth, n], 0, 0).await;
            let c = Filled::new(&gpu, "C", vec![0.0; m * n], [m, n], 0, 0).await;
            gemm.of(1.0, &a.matrix, &b.matrix, 0.0, &c.matrix).expect("work").await.expect("complete");
            let exact = reference::gemm(1.0, &a.numbers, &b.numbers, 0.0, &c.numbers, [m, n, depth]);
            let error = error(&c.read(&gpu).await, &exact);
            println!("{:?} {depth}: {error:e}", gemm.precision());
            assert_small(error, &format!("{:?} {depth}", gemm.precision()));
        }
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn strides_and_slices_of_any_alignment_are_right_and_nothing_around_is_touched() {
    println!("seed {SEED}");
    let mut tested = 0;
    for (gpu, gemm) in all().await {
        for place in 0..4 {
            for gap in [0, 1, 3, 4, 8] {
                let places = [(place, gap), (3 - place, 2 * gap), (place, gap + place)];
                for shape in [[65, 68, 36], [64, 67, 33]] {
                    let error = tried(&gemm, &gpu, shape, 0.5, 1.0, places).await;
                    assert_small(error, &format!("{:?} {shape:?} {places:?}", gemm.precision()));
                    tested += 1;
                }
            }
        }
        drop(gemm);
        close(gpu).await;
    }
    assert!(tested >= 40);
}

/// Makes all of a buffer zero: a product of nothing.
async fn zeroed(gemm: &Gemm, buffer: &GpuBuffer<f32>) {
    let (columns, len) = (4096, buffer.len());
    let rows = len / columns;
    let rest = buffer.slice(rows * columns..len);
    for target in [Matrix::new(buffer, rows, columns), Matrix::new(&rest, 1, len % columns)] {
        let a = Matrix::new(buffer.slice(0..0), target.rows(), 0);
        let b = Matrix::new(buffer.slice(0..0), 0, target.columns());
        gemm.of(1.0, &a, &b, 0.0, &target).expect("work").await.expect("complete");
    }
}

#[tokio::test]
async fn rows_may_be_gigabytes_apart() {
    println!("seed {SEED}");
    for (gpu, gemm) in all().await {
        // Beyond 4 GiB where there is room for two such buffers.
        let bytes = gpu.info().max_allocation.min(gpu.info().heap_bytes / 4).min(6 << 30);
        let [m, n, k] = [3, 8, 12];
        let stride = (bytes as usize / 4 - k) / (m - 1) / 4 * 4;
        println!("{} bytes from the first row to the last", (m - 1) * stride * 4);
        let numbers: Vec<f32> = drawn(SEED, m * k);
        let far_a = gpu.buffer::<f32>("far A", (m - 1) * stride + k).expect("a buffer");
        zeroed(&gemm, &far_a).await;
        for (row, numbers) in numbers.chunks_exact(k).enumerate() {
            gpu.upload(&far_a, row * stride, numbers.to_vec()).await.expect("uploaded");
        }
        let b = Filled::drawn(&gpu, "B", SEED + 1, [k, n], (0, 0)).await;
        let far_c = gpu.buffer::<f32>("far C", (m - 1) * stride + n).expect("a buffer");
        let a = Matrix::new(&far_a, m, k).stride(stride);
        let c = Matrix::new(&far_c, m, n).stride(stride);
        gemm.of(1.0, &a, &b.matrix, 0.0, &c).expect("work").await.expect("complete");
        let mut found = Vec::new();
        for row in 0..m {
            found.extend_from_slice(&gpu.read(&far_c, row * stride..row * stride + n).await.expect("read"));
        }
        let exact = reference::gemm(1.0, &numbers, &b.numbers, 0.0, &vec![0.0; m * n], [m, n, k]);
        assert_small(error(&found, &exact), &format!("{:?}", gemm.precision()));
        drop((a, b, c, far_a, far_c, gemm));
        close(gpu).await;
    }
}

#[tokio::test]
async fn a_number_is_the_same_whatever_is_around_it() {
    println!("seed {SEED}");
    let [m, n, k] = [1800, 1796, 52];
    for (gpu, gemm) in all().await {
        let a = Filled::drawn(&gpu, "A", SEED, [m, k], (0, 0)).await;
        let b = Filled::drawn(&gpu, "B", SEED + 1, [k, n], (0, 0)).await;
        let c = Filled::new(&gpu, "C", vec![1.0; m * n], [m, n], 0, 0).await;
        gemm.of(1.0, &a.matrix, &b.matrix, 0.0, &c.matrix).expect("work").await.expect("complete");
        let whole = c.read(&gpu).await;
        // Other tiles, and narrow accesses.
        for (rows, columns) in [(m, 33), (900, 901), (600, 500), (30, 31)] {
            let part_a = Matrix::new(&a.buffer, rows, k);
            let part_b = Matrix::new(b.buffer.slice(7..b.buffer.len()), k, columns).stride(n);
            let part = Filled::new(&gpu, "part", vec![0.0; rows * columns], [rows, columns], 0, 0).await;
            gemm.of(1.0, &part_a, &part_b, 0.0, &part.matrix).expect("work").await.expect("complete");
            let part = part.read(&gpu).await;
            for (row, numbers) in part.chunks_exact(columns).enumerate() {
                assert_eq!(numbers, &whole[row * n + 7..][..columns], "{:?}, row {row} of {rows}", gemm.precision());
            }
        }
        drop((a, b, c, gemm));
        close(gpu).await;
    }
}

#[tokio::test]
async fn empty_products_are_zero_and_empty_results_are_no_work() {
    let filled = drawn::<f32>(SEED, 12);
    for (gpu, gemm) in all().await {
        let c = Filled::new(&gpu, "C", filled.clone(), [3, 4], 0, 0).await;
        let empty = Filled::new(&gpu, "empty", Vec::new(), [0, 0], 0, 0).await;
        let (a, b) = (Matrix::new(&empty.buffer, 3, 0), Matrix::new(&empty.buffer, 0, 4));
        gemm.of(1.0, &a, &b, 2.0, &c.matrix).expect("work").await.expect("complete");
        let doubled: Vec<f32> = filled.iter().map(|number| 2.0 * number).collect();
        assert_eq!(c.read(&gpu).await, doubled);
        gemm.of(1.0, &a, &b, 0.0, &c.matrix).expect("work").await.expect("complete");
        assert_eq!(c.read(&gpu).await, [0.0; 12]);

        let none = Matrix::new(c.buffer.slice(0..0), 0, 4);
        let work = gemm.of(
            1.0,
            &Matrix::new(&empty.buffer, 0, 7),
            &Matrix::new(&c.buffer, 7, 0),
            0.0,
            &Matrix::new(&empty.buffer, 0, 0),
        );
        assert_eq!(counted(&gpu, work.expect("work")).await, (0, 0));
        let work = gemm.of(1.0, &Matrix::new(empty.buffer.slice(0..0), 0, 0), &none, 1.0, &none).expect("work");
        assert_eq!(counted(&gpu, work).await, (0, 0));
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn what_counts_for_nothing_is_not_read() {
    let [m, n, k] = [20, 24, 28];
    let random = |seed, len| drawn::<f32>(seed, len);
    for (gpu, gemm) in all().await {
        let a = Filled::new(&gpu, "A", random(SEED, m * k), [m, k], 0, 0).await;
        let b = Filled::new(&gpu, "B", random(SEED + 1, k * n), [k, n], 0, 0).await;
        let c = Filled::new(&gpu, "C", vec![f32::NAN; m * n], [m, n], 0, 0).await;
        gemm.of(1.0, &a.matrix, &b.matrix, 0.0, &c.matrix).expect("work").await.expect("complete");
        let exact = reference::gemm(1.0, &a.numbers, &b.numbers, 0.0, &c.numbers, [m, n, k]);
        assert_small(error(&c.read(&gpu).await, &exact), "beta of 0");

        let nans = Filled::new(&gpu, "NaNs", vec![f32::NAN; m * k], [m, k], 0, 0).await;
        let before = c.read(&gpu).await;
        gemm.of(0.0, &nans.matrix, &b.matrix, -1.0, &c.matrix).expect("work").await.expect("complete");
        let negated: Vec<f32> = before.iter().map(|number| -number).collect();
        assert_eq!(c.read(&gpu).await, negated);
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn nans_and_infinities_stay_in_their_rows_and_columns() {
    println!("seed {SEED}");
    let [m, n, k] = [70, 68, 40];
    for (gpu, gemm) in all().await {
        for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut in_a, mut in_b) = (drawn::<f32>(SEED, m * k), drawn::<f32>(SEED + 1, k * n));
            in_a[3 * k + 5] = special;
            in_b[7 * n + 66] = special;
            let a = Filled::new(&gpu, "A", in_a, [m, k], 0, 0).await;
            let b = Filled::new(&gpu, "B", in_b, [k, n], 0, 0).await;
            let c = Filled::new(&gpu, "C", vec![0.0; m * n], [m, n], 0, 0).await;
            gemm.of(1.0, &a.matrix, &b.matrix, 0.0, &c.matrix).expect("work").await.expect("complete");
            let exact = reference::gemm(1.0, &a.numbers, &b.numbers, 0.0, &c.numbers, [m, n, k]);
            let is_emulated = gemm.precision() == Precision::Emulated;
            let (mut others, mut others_exact, mut specials) = (Vec::new(), Vec::new(), 0);
            for (place, (&number, &exact)) in c.read(&gpu).await.iter().zip(&exact).enumerate() {
                if place / n == 3 || place % n == 66 {
                    let agrees =
                        if is_emulated || exact.is_nan() { number.is_nan() } else { f64::from(number) == exact };
                    assert!(agrees, "{special} made {number} of {exact} at {place}, {:?}", gemm.precision());
                    specials += 1;
                } else {
                    others.push(number);
                    others_exact.push(exact);
                }
            }
            assert_eq!(specials, m + n - 1);
            assert_small(error(&others, &others_exact), "the others");
        }
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn large_and_small_numbers_keep_their_accuracy() {
    println!("seed {SEED}");
    let [m, n, k] = [65, 66, 67];
    for (gpu, gemm) in all().await {
        for (scale_a, scale_b) in
            [(2f32.powi(60), 2f32.powi(60)), (2f32.powi(-60), 2f32.powi(-40)), (2f32.powi(100), 2f32.powi(-90))]
        {
            let scaled = |seed, len, scale: f32| drawn::<f32>(seed, len).iter().map(|number| number * scale).collect();
            let a = Filled::new(&gpu, "A", scaled(SEED, m * k, scale_a), [m, k], 0, 0).await;
            let b = Filled::new(&gpu, "B", scaled(SEED + 1, k * n, scale_b), [k, n], 0, 0).await;
            let c = Filled::new(&gpu, "C", vec![0.0; m * n], [m, n], 0, 0).await;
            gemm.of(1.0, &a.matrix, &b.matrix, 0.0, &c.matrix).expect("work").await.expect("complete");
            let exact = reference::gemm(1.0, &a.numbers, &b.numbers, 0.0, &c.numbers, [m, n, k]);
            assert_small(error(&c.read(&gpu).await, &exact), &format!("{:?} {scale_a} {scale_b}", gemm.precision()));
        }
        drop(gemm);
        close(gpu).await;
    }
}

#[tokio::test]
async fn products_chain_in_one_graph_with_a_barrier_between_them() {
    let gpu = strict_gpu();
    let side = 40;
    let gemm = Gemm::new(&gpu, Precision::Single).await.expect("kernels");
    let a = Filled::drawn(&gpu, "A", SEED, [side; 2], (0, 0)).await;
    let [b, c] = ["B", "C"].map(|name| gpu.buffer::<f32>(name, side * side).expect("a buffer"));
    let [to_b, to_c] = [&b, &c].map(|buffer| Matrix::new(buffer, side, side));
    // B = A · A, C = B · A.
    let first = gemm.of(1.0, &a.matrix, &a.matrix, 0.0, &to_b).expect("work");
    let second = gemm.of(1.0, &to_b, &a.matrix, 0.0, &to_c).expect("work");
    // The first use of A may wait for its upload.
    let other = gpu.buffer::<f32>("other", side * side).expect("a buffer");
    let before = gemm.of(1.0, &a.matrix, &a.matrix, 0.0, &Matrix::new(&other, side, side)).expect("work");
    assert_eq!(counted(&gpu, before).await.0, 1);
    assert_eq!(counted(&gpu, first.then(second)).await, (2, 1));
    let zeros = vec![0.0; side * side];
    let square = reference::gemm(1.0, &a.numbers, &a.numbers, 0.0, &zeros, [side; 3]);
    let square: Vec<f32> = square.iter().map(|&number| number as f32).collect();
    let cube = reference::gemm(1.0, &square, &a.numbers, 0.0, &zeros, [side; 3]);
    let found = gpu.read(&c, 0..side * side).await.expect("read");
    assert_small(error(&found, &cube), "A · A · A");
    drop((a, b, c, to_b, to_c, gemm));
    close(gpu).await;
}

#[tokio::test]
async fn one_call_multiplies() {
    let gpu = strict_gpu();
    let (a, b) = (uploaded(&gpu, "a", &[1.0, 2.0, 3.0, 4.0]).await, uploaded(&gpu, "b", &[0.0, 1.0, 1.0, 0.0]).await);
    let c = uploaded(&gpu, "c", &[1.0; 4]).await;
    let square = |buffer| Matrix::new(buffer, 2, 2);
    compute::gemm(&gpu, 2.0, &square(&a), &square(&b), 1.0, &square(&c)).await.expect("complete");
    assert_eq!(*gpu.read(&c, 0..4).await.expect("read"), [5.0, 3.0, 9.0, 7.0]);
    close(gpu).await;
}

#[tokio::test]
async fn mistakes_are_named_with_their_cure() {
    let gpu = strict_gpu();
    let other = strict_gpu();
    let gemm = Gemm::new(&gpu, Precision::Single).await.expect("kernels");
    let [a, b, c] = ["left", "right", "result"].map(|name| gpu.buffer::<f32>(name, 100).expect("a buffer"));
    for buffer in [&a, &b] {
        gpu.upload(buffer, 0, drawn(SEED, 100)).await.expect("uploaded");
    }
    let foreign = other.buffer::<f32>("foreign", 100).expect("a buffer");
    let square = |buffer: &GpuBuffer<f32>| Matrix::new(buffer, 10, 10);
    let said = |a: &Matrix, b: &Matrix, c: &Matrix| invalid(gemm.of(1.0, a, b, 0.0, c));
    let names =
        |text: String, words: &[&str]| assert!(words.iter().all(|word| text.contains(word)), "{text}: {words:?}");

    let right = [square(&a), square(&b), square(&c)];
    let [to_a, to_b, to_c] = &right;
    names(said(&Matrix::new(&a, 10, 9), to_b, to_c), &["A, 10 × 9", "B, 10 × 10", "as many columns as B has rows"]);
    names(said(to_a, to_b, &Matrix::new(&c, 9, 10)), &["C, 9 × 10"]);
    names(
        said(&Matrix::new(&a, 10, 11), &Matrix::new(&b, 11, 10), to_c),
        &["A of gemm", "`left`", "10 × 11", "does not fit into 100"],
    );
    names(said(to_a, &Matrix::new(&b, 10, 10).stride(9), to_c), &["`right`", "stride of 9", "at least 10"]);
    names(
        said(to_a, to_b, &Matrix::new(&c, 10, 10).stride(11)),
        &["C of gemm", "`result`", "stride of 11", "does not fit"],
    );
    names(said(to_a, to_b, to_a), &["A of gemm (buffer `left`)", "C of gemm", "overlap", "apart"]);
    names(said(to_a, &Matrix::new(&c, 10, 10), to_c), &["B of gemm", "`result`", "overlap"]);
    names(said(to_a, &Matrix::new(&foreign, 10, 10), to_c), &["`foreign`", "another Gpu"]);
    names(said(&Matrix::new(a.slice(5..105), 10, 10), to_b, to_c), &["`left`", "5..105"]);
    names(said(&Matrix::new(&a, 1 << 31, 1), to_b, to_c), &["less than 2³¹"]);
    names(said(&Matrix::new(&a, usize::MAX, usize::MAX), to_b, to_c), &["`left`"]);
    // A and B may be the same, and halves of a buffer are apart.
    gemm.of(1.0, to_a, to_a, 0.0, to_c).expect("work").await.expect("complete");
    // What lies behind a matrix is no part of it.
    let (low, high) = (Matrix::new(&a, 7, 7), Matrix::new(a.slice(49..100), 7, 7));
    gemm.of(1.0, &low, &low, 0.0, &high).expect("work").await.expect("complete");
    drop((a, b, c, foreign, low, high, gemm));
    close(other).await;
    close(gpu).await;
}

#[tokio::test]
async fn emulation_is_refused_where_the_device_lacks_it_and_labelled_where_it_has_it() {
    let gpu = strict_gpu();
    let made = Gemm::new(&gpu, Precision::Emulated).await;
    match (gpu.info().features.cooperative_bfloat16, made) {
        (true, made) => assert_eq!(made.expect("kernels").precision(), Precision::Emulated),
        (false, Err(Error::MissingFeatures { device, missing })) => {
            assert_eq!(device, gpu.info().name);
            assert!(
                missing.contains("VK_KHR_cooperative_matrix") && missing.contains("Precision::Single"),
                "{missing}"
            );
        }
        (false, other) => panic!("{other:?}"),
    }
    assert_eq!(Gemm::new(&gpu, Precision::default()).await.expect("kernels").precision(), Precision::Single);
    close(gpu).await;
}
