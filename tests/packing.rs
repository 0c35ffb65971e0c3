//! Scenes packed and uploaded: every cube once and where it was, what is refused, and what it takes.

mod common;
mod scenes;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Waker},
};

use common::{close, open, strict, strict_gpu, until};
use scenes::{Random, seed};
use vulkio::{
    Cubes, Error, Gpu,
    glam::Vec3,
    scene::{self, Bounds, Instance, InstanceSource},
};

/// A source that says what it likes of its bounds, and tells how often it was asked.
#[derive(Clone)]
struct Odd {
    cubes: Arc<Vec<Instance>>,
    bounds: Bounds,
    asked: Arc<AtomicUsize>,
    /// Which question makes it panic.
    panics_at: usize,
}

impl Odd {
    fn new(cubes: Vec<Instance>) -> Self {
        let bounds = cubes.bounds();
        Self { cubes: Arc::new(cubes), bounds, asked: Arc::default(), panics_at: usize::MAX }
    }
}

impl InstanceSource for Odd {
    fn len(&self) -> usize {
        self.cubes.len()
    }

    fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn instance(&self, index: usize) -> Instance {
        assert!(self.asked.fetch_add(1, Relaxed) < self.panics_at, "out of cubes");
        self.cubes[index]
    }
}

fn cloud(random: &mut Random, count: usize) -> Vec<Instance> {
    (0..count).map(|_| cube(random, Vec3::ZERO, Vec3::new(90.0, 20.0, 50.0))).collect()
}

/// Clumps of all sizes, far apart.
fn clumps(random: &mut Random, count: usize) -> Vec<Instance> {
    let centers: Vec<_> = (0..9).map(|_| random.vector(Vec3::splat(-1e4), Vec3::splat(1e4))).collect();
    let mut near = |center| {
        let reach = 10f32.powf(random.between(-6.0, 1.0));
        cube(random, center, Vec3::splat(reach))
    };
    (0..count).map(|i| near(centers[i * i % centers.len()])).collect()
}

fn cube(random: &mut Random, center: Vec3, reach: Vec3) -> Instance {
    let place = center + random.vector(-reach, reach);
    Instance { position: place.to_array(), half_edge: random.between(0.01, 0.7), color: random.bits() as u32 }
}

/// Every cube must be there under its id, at most half a step of a cell that spans `reach` from where it was.
async fn check(gpu: &Gpu, name: &str, source: impl InstanceSource, reach: f32) {
    let cubes: Vec<_> = (0..source.len()).map(|id| source.instance(id)).collect();
    let scene = Cubes::upload(gpu, source).await.expect("uploaded");
    let packed = scene.packed().await.expect("read back");
    assert_eq!((packed.len(), scene.count()), (cubes.len(), cubes.len()), "{name}");
    // Steps are powers of two: up to twice as long as they would have to be.
    let step = reach / 65_535.0 * 2.0;
    for (id, (seen, cube)) in packed.iter().zip(&cubes).enumerate() {
        let off = (Vec3::from_array(seen.position) - Vec3::from_array(cube.position)).abs().max_element();
        // Differences of f32s are rounded as well.
        let most = step * 0.505 + f32::EPSILON * Vec3::from_array(cube.position).abs().max_element();
        assert!(off <= most, "{name}: cube {id} is at {:?}, and is drawn at {:?}", cube.position, seen.position);
        assert!((seen.half_edge - cube.half_edge).abs() <= 0.7 / 65_536.0, "{name}: cube {id}");
        assert_eq!(seen.color, cube.color, "{name}: cube {id}");
    }
    let (bounds, exact) = (scene.bounds(), cubes.bounds());
    assert_eq!(bounds, exact, "{name}");
    let cells = scene.cell_count();
    assert!(cells <= cubes.len().div_ceil(128) && cells >= cubes.len().div_ceil(256), "{name}: {cells} cells");
    println!("{name}: {} cubes in {cells} cells", cubes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cube_is_packed_once_and_stays_where_it_was() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    check(&gpu, "grid", scene::grid(10_000), 0.0).await;
    check(&gpu, "block", scene::block(9_000), 0.0).await;
    check(&gpu, "city", scene::city(8_000, 3), 0.0).await;
    check(&gpu, "terrain", scene::terrain(8_000, 3), 0.0).await;
    for count in [1, 2, 127, 128, 255, 256, 257, 383, 384, 5000] {
        check(&gpu, "cloud", cloud(&mut random, count), 180.0).await;
    }
    check(&gpu, "clumps", clumps(&mut random, 9000), 2e4).await;
    check(&gpu, "one place", vec![cube(&mut random, Vec3::ONE, Vec3::ZERO); 700], 0.0).await;
    close(gpu).await;
}

#[tokio::test]
async fn bounds_that_do_not_hold_the_cubes_do_no_harm() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let source = Odd::new(cloud(&mut random, 4000));
    let far = Vec3::splat(1e6);
    for (min, max) in
        [(Vec3::ZERO, Vec3::ONE), (far, far * 2.0), (far, -far), (Vec3::ZERO, Vec3::ZERO), (Vec3::NAN, Vec3::INFINITY)]
    {
        check(&gpu, "lies", Odd { bounds: Bounds { min, max }, ..source.clone() }, 180.0).await;
    }
    close(gpu).await;
}

#[tokio::test]
async fn cubes_that_cannot_be_shown_are_refused_by_their_ids() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let good = cloud(&mut random, 3000);
    drop(Cubes::upload(&gpu, good.clone()).await.expect("uploaded"));
    let before = gpu.counters().device_bytes;
    for (id, position, half_edge, words) in [
        (0, [f32::NAN, 0.0, 0.0], 0.5, "NaN"),
        (1234, [0.0, f32::INFINITY, 0.0], 0.5, "inf"),
        (2999, [0.0, 0.0, -2e18], 0.5, "-2000000000000000000"),
        (7, [0.0; 3], 0.0, "half edge of 0"),
        (8, [0.0; 3], -0.5, "half edge of -0.5"),
        (9, [0.0; 3], f32::NAN, "half edge of NaN"),
    ] {
        let mut cubes = good.clone();
        cubes[id] = Instance { position, half_edge, color: 0 };
        let error = Cubes::upload(&gpu, cubes).await.expect_err("not a cube");
        assert!(matches!(error, Error::Invalid(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("cube {id} ")) && text.contains(words), "{text}");
    }
    assert!(matches!(Cubes::upload(&gpu, Vec::new()).await, Err(Error::Invalid(_))));
    gpu.idle_bytes(before).await;
    close(gpu).await;
}

#[tokio::test]
async fn a_scene_beyond_the_device_is_refused_before_anything_is_asked_or_allocated() {
    struct Endless(usize);
    impl InstanceSource for Endless {
        fn len(&self) -> usize {
            self.0
        }
        fn bounds(&self) -> Bounds {
            panic!("asked for bounds")
        }
        fn instance(&self, _: usize) -> Instance {
            panic!("asked for a cube")
        }
    }
    let gpu = strict_gpu();
    let most = Cubes::most(&gpu);
    assert!((1 << 20..=1 << 31).contains(&most), "{most}");
    let before = gpu.counters().device_allocations;
    for count in [most + 1, 1 << 32, usize::MAX] {
        let error = Cubes::upload(&gpu, Endless(count)).await.expect_err("too many");
        assert!(error.to_string().contains(&most.to_string()), "{error}");
    }
    assert_eq!(gpu.counters().device_allocations, before);
    close(gpu).await;
}

#[tokio::test]
async fn a_source_that_panics_is_an_error_whenever_it_does() {
    let gpu = strict_gpu();
    let source = Odd::new(cloud(&mut Random(seed()), 3000));
    drop(Cubes::upload(&gpu, source.clone()).await.expect("uploaded"));
    let questions = source.asked.load(Relaxed);
    let before = gpu.counters().device_bytes;
    // The last questions are asked as the cubes are written to staging memory.
    for panics_at in (0..questions).step_by(questions / 9).chain([questions - 1]) {
        let source = Odd { panics_at, asked: Arc::default(), ..source.clone() };
        let error = Cubes::upload(&gpu, source).await.expect_err("it panicked");
        assert!(matches!(&error, Error::HelperPanicked { message, .. } if message.contains("out of cubes")), "{error}");
    }
    gpu.idle_bytes(before).await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_dropped_ends_and_gives_everything_back() {
    let gpu = strict_gpu();
    let source = Odd::new(cloud(&mut Random(seed()), 20_000));
    drop(Cubes::upload(&gpu, source.clone()).await.expect("uploaded"));
    let (questions, before) = (source.asked.load(Relaxed), gpu.counters().device_bytes);
    for part in 0..8 {
        let source = Odd { asked: Arc::default(), ..source.clone() };
        let mut upload = Box::pin(Cubes::upload(&gpu, source.clone()));
        assert!(upload.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        while source.asked.load(Relaxed) < questions * part / 8 {
            let _ = upload.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            tokio::task::yield_now().await;
        }
        drop(upload);
        // Whoever works for it lets go of it.
        until("the source is dropped", || Arc::strong_count(&source.asked) == 1).await;
    }
    gpu.idle_bytes(before).await;
    close(gpu).await;
}

#[tokio::test]
async fn at_its_peak_a_scene_takes_its_cubes_and_what_does_not_grow_with_them() {
    // More than a block of memory is allocated on its own, so that the figure is the scene's.
    const COUNT: u64 = 5_000_000;
    const BLOCK: u64 = 64 << 20;
    const STAGING: u64 = 16 << 20;
    const BYTES: u64 = 17;
    // What a hundred million cubes come to, with the staging memory that there is by default.
    const { assert!(100_000_000 * BYTES + BLOCK + (96 << 20) <= 100_000_000 * 24) };

    let gpu = open(strict().staging_bytes(STAGING));
    let before = gpu.counters();
    let cubes = Cubes::upload(&gpu, scene::grid(COUNT as usize)).await.expect("uploaded");
    let after = gpu.counters();
    let (held, peak) = (after.device_bytes - before.device_bytes, after.peak_device_bytes - before.device_bytes);
    println!("{held} bytes for {COUNT} cubes, {peak} at the peak");
    assert!(held >= COUNT * 16);
    assert!(peak <= COUNT * BYTES + BLOCK + STAGING, "{peak} bytes at the peak");
    drop(cubes);
    close(gpu).await;
}

/// Waits until no more memory is held than before.
trait IdleBytes {
    fn idle_bytes(&self, before: u64) -> impl Future<Output = ()>;
}

impl IdleBytes for Gpu {
    async fn idle_bytes(&self, before: u64) {
        until("memory is given back", || self.counters().device_bytes <= before).await;
    }
}
