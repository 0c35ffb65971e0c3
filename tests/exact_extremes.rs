//! Scenes that no one would draw, pixel by pixel against the ray-caster: one cube, all in one place, a dust mote beside a moon,
//! far from the origin, through a lens of 177 degrees.

mod caster;
mod common;
mod scenes;
mod views;

use caster::{
    Caster, Cube, Lens,
    cameras::hard,
    judge::{Exact, Verdict},
    packed::faithful,
};
use common::{close, strict_gpu};
use scenes::{Random, seed};
use views::{PATHS, Stand, boxes};
use vulkio::{
    Cubes, Gpu, NO_ID,
    glam::Vec3,
    scene::{Camera, Instance, InstanceSource},
};

const SIZE: [u32; 2] = [96, 64];

/// Draws and compares; how many pixels showed a cube.
async fn check(gpu: &Gpu, name: &str, given: Vec<Instance>, cameras: impl Fn(&[Cube], usize) -> Camera) -> usize {
    let cubes = Cubes::upload(gpu, given.clone()).await.expect("uploaded");
    let packed = cubes.packed().await.expect("read back");
    faithful(&given, &packed, name);
    let caster = Caster::new(&packed);
    let mut verdicts = PATHS.map(|_| Verdict::default());
    let mut covered = 0;
    let mut stands = Vec::new();
    for (_, path) in PATHS {
        stands.push(Stand::new(gpu, &cubes, SIZE, boxes(path)).await);
    }
    for n in 0..10 {
        let camera = cameras(&caster.cubes, n);
        let exact = Exact::new(&caster, Lens::new(&camera, SIZE));
        covered += exact.hits.iter().flatten().count();
        for ((path, stand), verdict) in PATHS.iter().zip(&stands).zip(&mut verdicts) {
            let mut here = exact.judge(&stand.ids(camera).await);
            here.notes.iter_mut().for_each(|note| *note += &format!("; {name}, {path:?}, camera {n}: {camera:?}"));
            verdict.add(here);
        }
    }
    for ((path, _), verdict) in PATHS.into_iter().zip(&verdicts) {
        println!("{name}, {path}: {}", verdict.line());
    }
    for ((path, _), verdict) in PATHS.into_iter().zip(&verdicts) {
        assert_eq!((verdict.wrong, verdict.missing), (0, 0), "{name}, {path}:\n{}", verdict.notes.join("\n"));
    }
    covered
}

fn heap(random: &mut Random, count: usize, center: Vec3, reach: f32, halves: [f32; 2]) -> Vec<Instance> {
    let mut cube = || {
        let place = center + random.vector(Vec3::splat(-reach), Vec3::splat(reach));
        // As many of each order of magnitude.
        let half = halves[0] * (halves[1] / halves[0]).powf(random.between(0.0, 1.0));
        Instance::new(place, half, random.vector(Vec3::ZERO, Vec3::ONE).to_array())
    };
    (0..count).map(|_| cube()).collect()
}

fn any(seed: u64, bounds: vulkio::scene::Bounds) -> impl Fn(&[Cube], usize) -> Camera {
    move |cubes, n| hard(&mut Random(seed.wrapping_add(n as u64)), n, bounds, cubes, SIZE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scene_of_one_cube_or_two_is_what_rays_see() {
    let gpu = strict_gpu();
    let seed = seed();
    for count in [1, 2] {
        let cubes = heap(&mut Random(seed), count, Vec3::new(3.0, -2.0, 5.0), 2.0, [0.5, 1.0]);
        let bounds = cubes.bounds();
        let covered = check(&gpu, "one or two", cubes, any(seed, bounds)).await;
        assert!(covered > 1000, "{covered} pixels show a cube");
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cubes_all_in_one_place_show_one_of_them() {
    let gpu = strict_gpu();
    let seed = seed();
    let cubes = vec![Instance::new(Vec3::splat(7.0), 1.0, [1.0, 0.5, 0.0]); 1000];
    let bounds = cubes.bounds();
    let covered = check(&gpu, "all in one place", cubes, any(seed, bounds)).await;
    assert!(covered > 1000, "{covered} pixels show a cube");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cubes_of_all_sizes_that_cut_each_other_are_what_rays_see() {
    let gpu = strict_gpu();
    let seed = seed();
    let cubes = heap(&mut Random(seed), 3000, Vec3::ZERO, 20.0, [1e-3, 10.0]);
    let bounds = cubes.bounds();
    let covered = check(&gpu, "of all sizes", cubes, any(seed, bounds)).await;
    assert!(covered > 10_000, "{covered} pixels show a cube");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scene_far_from_the_origin_is_what_rays_see() {
    let gpu = strict_gpu();
    let seed = seed();
    let cubes = heap(&mut Random(seed), 2000, Vec3::new(60_000.0, -80_000.0, 40_000.0), 30.0, [0.3, 2.0]);
    let bounds = cubes.bounds();
    let covered = check(&gpu, "far from the origin", cubes, any(seed, bounds)).await;
    assert!(covered > 1000, "{covered} pixels show a cube");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiny_and_enormous_scenes_are_what_rays_see() {
    let gpu = strict_gpu();
    let seed = seed();
    for scale in [1e-4, 1e6] {
        let cubes = heap(&mut Random(seed), 2000, Vec3::ZERO, 30.0 * scale, [0.1 * scale, 2.0 * scale]);
        let bounds = cubes.bounds();
        let covered = check(&gpu, &format!("at {scale}"), cubes, any(seed, bounds)).await;
        assert!(covered > 1000, "{covered} pixels show a cube");
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_widest_and_the_longest_lens_show_what_rays_see() {
    let gpu = strict_gpu();
    let seed = seed();
    let cubes = heap(&mut Random(seed), 2000, Vec3::ZERO, 20.0, [0.2, 2.0]);
    let lens = |_: &[Cube], n: usize| {
        let mut random = Random(seed + n as u64);
        let eye = random.vector(Vec3::splat(-25.0), Vec3::splat(25.0));
        let target = random.vector(Vec3::splat(-10.0), Vec3::splat(10.0));
        let fov = if n.is_multiple_of(2) { 3.1 } else { 2e-3 };
        Camera::perspective(fov, [1.5, 0.2, 8.0][n % 3], 0.01).look_at(eye, target, Vec3::Y)
    };
    let covered = check(&gpu, "lenses", cubes, lens).await;
    assert!(covered > 1000, "{covered} pixels show a cube");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_within_a_cube_only_the_others_are_seen_and_away_from_all_nothing() {
    let gpu = strict_gpu();
    let mut given = heap(&mut Random(seed()), 500, Vec3::ZERO, 10.0, [0.2, 1.0]);
    given[0] = Instance::new(Vec3::ZERO, 3.0, [1.0; 3]);
    let cubes = Cubes::upload(&gpu, given).await.expect("uploaded");
    let caster = Caster::new(&cubes.packed().await.expect("read back"));
    for (path_name, path) in PATHS {
        let stand = Stand::new(&gpu, &cubes, SIZE, boxes(path)).await;
        let within = Camera::perspective(1.2, 1.5, 0.05).look_at(Vec3::splat(0.7), Vec3::new(9.0, 3.0, 1.0), Vec3::Y);
        let ids = stand.ids(within).await;
        assert!(!ids.contains(&0), "{path_name}: a cube is seen from within");
        let exact = Exact::new(&caster, Lens::new(&within, SIZE));
        let verdict = exact.judge(&ids);
        assert_eq!((verdict.wrong, verdict.missing), (0, 0), "{path_name}: {verdict:?}");
        assert!(exact.shown() > 20);

        let away = within.look_at(Vec3::splat(40.0), Vec3::splat(80.0), Vec3::Y);
        assert!(stand.ids(away).await.iter().all(|&id| id == NO_ID), "{path_name}");
        assert_eq!(stand.ids(within).await, ids, "{path_name}: after a look away");
    }
    drop(cubes);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_cubes_for_which_there_is_no_room_in_a_list_are_drawn_all_the_same() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let given = heap(&mut random, 600, Vec3::ZERO, 12.0, [0.5, 6.0]);
    let bounds = given.bounds();
    let cubes = Cubes::upload(&gpu, given).await.expect("uploaded");
    let caster = Caster::new(&cubes.packed().await.expect("read back"));
    let size = [400, 300];
    let mut most = 0;
    for (path_name, path) in PATHS {
        for tiles in [1, 7, 100] {
            let stand = Stand::new(&gpu, &cubes, size, boxes(path).most_tiles(tiles)).await;
            for n in 0..5 {
                let camera = hard(&mut random, n, bounds, &caster.cubes, size);
                let exact = Exact::new(&caster, Lens::new(&camera, size));
                let verdict = exact.judge(&stand.ids(camera).await);
                let counts = stand.view.counts().await.expect("read back");
                most = most.max(counts.tiles);
                let at = format!("{path_name}, room for {tiles}, {counts:?}, camera {n}: {camera:?}");
                println!("{} {at}", verdict.line());
                verdict.check(&at);
            }
        }
    }
    assert!(most > 100, "{most} tiles are no overflow");
    drop(cubes);
    close(gpu).await;
}
