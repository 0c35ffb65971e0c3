//! With level of detail: colours close to those of all boxes, and no holes.

mod caster;
mod common;
mod scenes;
mod views;

use caster::{Caster, Lens, judge::Exact};
use common::{close, strict_gpu};
use scenes::{Random, seed};
use views::{PATHS, Stand, boxes};
use vulkio::{
    Cubes, ViewOptions,
    glam::{DVec3, Vec3},
    scene::{Camera, InstanceSource, block, city, field, grid, terrain},
};

const SIZE: [u32; 2] = [128, 96];
/// Rays a pixel and axis of the picture that is compared with.
const FINE: u32 = 4;
const CAMERAS: usize = 8;
/// Frames from one camera: an anti-aliasing over time has come to rest then.
const FRAMES: usize = 4;

fn linear(byte: u8) -> f64 {
    let c = f64::from(byte) / 255.0;
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn encoded(c: f64) -> f64 {
    let c = c.clamp(0.0, 1.0);
    if c <= 0.0031308 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
}

/// Means of squares of pixels in linear light.
fn means(colors: &[[u8; 4]], size: [u32; 2], side: u32) -> Vec<DVec3> {
    let [width, height] = size;
    let mean = |left: u32, top: u32| {
        let mut sum = DVec3::ZERO;
        for y in top..top + side {
            for x in left..left + side {
                let [r, g, b, _] = colors[(y * width + x) as usize];
                sum += DVec3::new(linear(r), linear(g), linear(b));
            }
        }
        sum / f64::from(side * side)
    };
    let tops = (0..height / side).map(|y| y * side);
    tops.flat_map(|top| (0..width / side).map(move |x| (x * side, top))).map(|(x, y)| mean(x, y)).collect()
}

/// How far two pictures of means are apart as sRGB, from 0 to 1: on average, and at most.
fn apart(a: &[DVec3], b: &[DVec3]) -> [f64; 2] {
    assert_eq!(a.len(), b.len());
    let code = |c: &DVec3| DVec3::from_array(c.to_array().map(encoded));
    let off: Vec<f64> = a.iter().zip(b).map(|(a, b)| (code(a) - code(b)).abs().element_sum() / 3.0).collect();
    [off.iter().sum::<f64>() / off.len() as f64, off.iter().copied().fold(0.0, f64::max)]
}

fn mean(of: &[DVec3]) -> DVec3 {
    of.iter().sum::<DVec3>() / of.len() as f64
}

/// A camera from which a cube of this half edge, at the near side of the scene, is `pixels` large.
fn camera(random: &mut Random, source: &impl InstanceSource, pixels: f32) -> Camera {
    let bounds = source.bounds();
    let fov: f32 = random.between(0.5, 1.0);
    let scale = SIZE[1] as f32 / (2.0 * (fov * 0.5).tan());
    let edge = 2.0 * source.instance(source.len() / 2).half_edge;
    let away = edge * scale / pixels;
    let mut out = random.vector(Vec3::NEG_ONE, Vec3::ONE).normalize_or(Vec3::X);
    out.y = out.y.abs().max(0.2);
    let target = bounds.center() + random.vector(-bounds.half_extent(), bounds.half_extent()) * 0.3;
    let eye = target + out.normalize() * away;
    Camera::perspective(fov, SIZE[0] as f32 / SIZE[1] as f32, edge * 0.1).look_at(eye, target, Vec3::Y)
}

/// A camera for which the scene fills the picture; how many pixels large an edge is then.
fn full(random: &mut Random, source: &impl InstanceSource) -> (Camera, f32) {
    let bounds = source.bounds();
    let (fov, radius) = (0.7f32, bounds.half_extent().length());
    let out = (random.vector(Vec3::NEG_ONE, Vec3::ONE) + Vec3::Y * 0.7).normalize_or(Vec3::Y);
    let away = radius * random.between(0.9, 1.4) / (fov * 0.5).tan();
    let eye = bounds.center() + out * away;
    let edge = 2.0 * source.instance(source.len() / 2).half_edge;
    let camera = Camera::perspective(fov, SIZE[0] as f32 / SIZE[1] as f32, radius * 1e-3);
    let pixels = edge / away * SIZE[1] as f32 / (2.0 * (fov * 0.5).tan());
    (camera.look_at(eye, bounds.center(), Vec3::Y), pixels)
}

async fn check(name: &str, source: impl InstanceSource + Clone) {
    // From 6 pixels an edge down to 0.02.
    let by_size = |random: &mut Random, n: usize| {
        let pixels = 6.0 * 0.44f32.powi(n as i32);
        (camera(random, &source, pixels), pixels)
    };
    compare(name, source.clone(), by_size).await;
}

async fn check_full(name: &str, source: impl InstanceSource + Clone) {
    compare(name, source.clone(), |random, _| full(random, &source)).await;
}

async fn compare(name: &str, source: impl InstanceSource, camera: impl Fn(&mut Random, usize) -> (Camera, f32)) {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let cubes = Cubes::upload(&gpu, source).await.expect("uploaded");
    let caster = Caster::new(&cubes.packed().await.expect("read back"));
    let [width, height] = SIZE;
    let mut failures = Vec::new();
    for (path_name, path) in PATHS {
        let plain = boxes(path).antialias(false);
        let fine = Stand::new(&gpu, &cubes, SIZE.map(|side| side * FINE), plain).await;
        let raw = Stand::new(&gpu, &cubes, SIZE, plain).await;
        // What to look at, and whether it is to be as the fine picture is, or as the raw one, which has the same rays.
        let kinds = [
            ("level of detail, smoothed", ViewOptions::default().path(path), false),
            ("boxes, smoothed", boxes(path), false),
            ("level of detail", ViewOptions::default().path(path).antialias(false), true),
        ];
        let mut stands = Vec::new();
        for (kind, options, is_raw) in kinds {
            stands.push((kind, Stand::new(&gpu, &cubes, SIZE, options).await, is_raw));
        }
        let (mut worst, mut sum) = ([0f64; 4], [0f64; 4]);
        for n in 0..CAMERAS {
            let (camera, pixels) = camera(&mut random, n);
            fine.draw(camera).await;
            raw.draw(camera).await;
            let fine_colors = fine.colors().await;
            let fine_size = SIZE.map(|side| side * FINE);
            let by_rays = [means(&fine_colors, fine_size, FINE), means(&fine_colors, fine_size, 8 * FINE)];
            let raw_colors = raw.colors().await;
            let by_raw = [means(&raw_colors, SIZE, 1), means(&raw_colors, SIZE, 8)];
            let exact = Exact::new(&caster, Lens::new(&camera, SIZE));
            for (kind, stand, is_raw) in &stands {
                for _ in 0..if *is_raw { 1 } else { FRAMES } {
                    stand.draw(camera).await;
                }
                let [reference, reference_blocks] = if *is_raw { &by_raw } else { &by_rays };
                let colors = stand.colors().await;
                let pixel_error = apart(&means(&colors, SIZE, 1), reference)[0];
                let blocks = means(&colors, SIZE, 8);
                let [block_error, block_most] = apart(&blocks, reference_blocks);
                let whole = apart(&[mean(&blocks)], &[mean(reference_blocks)])[0];
                let errors = [pixel_error, block_error, block_most, whole];
                let ids = stand.last_ids().await;
                let holes = exact.holes(&ids);
                let text = format!(
                    "{name}, {path_name}, {kind}, edges of {pixels:.3} pixels: pixels {:.3} %, blocks {:.3} %, worst block \
                     {:.3} %, whole {:.3} %; {} holes in {} x {}",
                    100.0 * errors[0],
                    100.0 * errors[1],
                    100.0 * errors[2],
                    100.0 * errors[3],
                    holes.len(),
                    width,
                    height
                );
                println!("{text}");
                if block_error > 0.01 || whole > 0.01 || !holes.is_empty() {
                    failures.push(format!("{text}; {camera:?}"));
                }
                for i in 0..4 {
                    worst[i] = worst[i].max(errors[i]);
                    sum[i] += errors[i] / (3 * CAMERAS) as f64;
                }
            }
            assert!(exact.shown() > 0, "{name}: nothing to see at {pixels} pixels; {camera:?}");
        }
        println!("{name}, {path_name}: mean {sum:.5?}, worst {worst:.5?} of pixels, blocks, worst blocks, wholes");
    }
    drop(cubes);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grid_with_level_of_detail_has_the_colours_of_all_boxes() {
    check("the grid", grid(10_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_block_with_level_of_detail_has_the_colours_of_all_boxes() {
    check("the block", block(10_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_field_with_level_of_detail_has_the_colours_of_all_boxes() {
    check("the field", field(10_000, 31)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_city_with_level_of_detail_has_the_colours_of_all_boxes() {
    check("the city", city(10_000, 32)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terrain_with_level_of_detail_has_the_colours_of_all_boxes() {
    check("the terrain", terrain(10_000, 33)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_thousands_of_specks_have_the_colours_of_all_boxes() {
    // Smaller than pixels, over all of the picture, with sky between them: each shown as a whole pixel would be too much.
    check_full("a large block", block(200_000)).await;
    check_full("a large field", field(200_000, 34)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_terrain_and_a_wide_city_have_the_colours_of_all_boxes() {
    check_full("a wide terrain", terrain(200_000, 35)).await;
    check_full("a wide city", city(200_000, 36)).await;
}
