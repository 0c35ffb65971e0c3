//! What a view shows against every cube tried for every pixel, in f64.

mod common;
mod scenes;

use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use vulkio::{
    Cubes, Gpu, NO_ID, RasterPath, Renderer, View, ViewOptions,
    glam::{DVec3, Vec3},
    scene::{Camera, Instance},
};

const SIZE: [u32; 2] = [97, 61];

fn exact() -> ViewOptions {
    ViewOptions::default().path(RasterPath::Compute).lod(false)
}

/// Every cube, relative to the eye.
struct Caster {
    camera: Camera,
    size: [u32; 2],
    boxes: Vec<(DVec3, f64)>,
}

impl Caster {
    fn new(cubes: &[Instance], camera: Camera, size: [u32; 2]) -> Self {
        let eye = camera.eye().as_dvec3();
        let boxes = cubes.iter();
        let boxes = boxes.map(|cube| (Vec3::from_array(cube.position).as_dvec3() - eye, f64::from(cube.half_edge)));
        Self { camera, size, boxes: boxes.collect() }
    }

    /// The ray through a point of the picture, in pixels; its part along the view is 1.
    fn ray(&self, x: f64, y: f64) -> DVec3 {
        let [right, up, forward] = self.camera.basis();
        let half = self.camera.half_size();
        let [across, down] = [x / f64::from(self.size[0]), y / f64::from(self.size[1])].map(|part| 2.0 * part - 1.0);
        forward + right * (across * half[0]) - up * (down * half[1])
    }

    /// Where the ray enters a cube, if it does behind the near plane.
    fn enter(&self, id: usize, ray: DVec3) -> Option<f64> {
        let (center, half) = self.boxes[id];
        let (a, b) = ((center - half) / ray, (center + half) / ray);
        let (first, last) = (a.min(b).max_element(), a.max(b).min_element());
        (first <= last && first >= f64::from(self.camera.near())).then_some(first)
    }

    fn cast(&self, ray: DVec3) -> Option<(u32, f64)> {
        let hits = (0..self.boxes.len()).filter_map(|id| Some((id as u32, self.enter(id, ray)?)));
        hits.min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Whether `id` is what shows within 1/128 of a pixel around its middle.
    fn excuses(&self, x: u32, y: u32, id: u32) -> bool {
        let offsets = [-1.0, 0.0, 1.0].map(|step| step / 128.0);
        let points = offsets.iter().flat_map(|dx| offsets.iter().map(move |dy| (dx, dy)));
        let mut rays = points.map(|(dx, dy)| self.ray(f64::from(x) + 0.5 + dx, f64::from(y) + 0.5 + dy));
        rays.any(|ray| match self.cast(ray) {
            None => id == NO_ID,
            // Depths are floats.
            Some((front, t)) => {
                front == id || (id != NO_ID && self.enter(id as usize, ray).is_some_and(|own| own <= t * (1.0 + 1e-6)))
            }
        })
    }
}

/// Compares all pixels; how many of them show a cube, and how many differ and are excused.
fn compare(caster: &Caster, ids: &[u32], what: &str) -> (usize, usize) {
    let [width, height] = caster.size;
    assert_eq!(ids.len(), (width * height) as usize);
    let (mut shown, mut excused) = (0, 0);
    for (i, &id) in ids.iter().enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        let front = caster.cast(caster.ray(f64::from(x) + 0.5, f64::from(y) + 0.5)).map_or(NO_ID, |(id, _)| id);
        shown += usize::from(front != NO_ID);
        if front != id {
            assert!(caster.excuses(x, y, id), "pixel {x}, {y} shows {id} and should show {front}; {what}");
            excused += 1;
        }
    }
    (shown, excused)
}

async fn draw(renderer: &Renderer, view: &View, camera: Camera) -> Vec<u32> {
    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    frame.submit().await.expect("submitted").await.expect("completed");
    view.ids().await.expect("read back")
}

/// Draws with every camera, twice, as the second frame begins with what the first one showed.
async fn check(gpu: &Gpu, name: &str, cubes: &[Instance], cameras: &[Camera], options: ViewOptions) -> usize {
    let renderer = Renderer::headless(gpu, SIZE).expect("a renderer");
    let uploaded = Cubes::upload(gpu, cubes.to_vec()).await.expect("uploaded");
    let view = uploaded.view(SIZE, options).await.expect("a view");
    let (mut shown, mut excused) = (0, 0);
    for (n, &camera) in cameras.iter().enumerate() {
        let caster = Caster::new(cubes, camera, SIZE);
        for round in 0..2 {
            let ids = draw(&renderer, &view, camera).await;
            let what = format!("{name}, camera {n}, round {round}: {camera:?}");
            let counts = compare(&caster, &ids, &what);
            (shown, excused) = (shown + counts.0, excused + counts.1);
        }
    }
    println!("{name}: {shown} pixels show a cube, {excused} are on an edge; {:?}", view.counts().await);
    assert!(excused * 500 <= shown, "{name}: {excused} of {shown} pixels are on an edge");
    shown
}

/// Cubes of several sizes whose values packing does not change.
fn heap(random: &mut Random, count: usize, reach: f32) -> Vec<Instance> {
    let place =
        |random: &mut Random| (random.vector(Vec3::splat(-reach), Vec3::splat(reach)) * 1024.0).round() / 1024.0;
    let cubes = (0..count).map(|i| {
        let half = [0.5, 0.25, 0.125, 0.0625][i % 4];
        Instance::new(place(random), half, random.vector(Vec3::ZERO, Vec3::ONE).to_array())
    });
    cubes.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_pixel_shows_the_cube_that_a_ray_through_its_middle_meets_first() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let cubes = heap(&mut random, 1200, 6.0);
    let bounds = vulkio::scene::InstanceSource::bounds(&cubes);
    let cameras: Vec<Camera> = (0..12).map(|_| random.camera(bounds)).collect();
    let shown = check(&gpu, "a heap", &cubes, &cameras, exact()).await;
    assert!(shown > 20_000, "only {shown} pixels show a cube");

    // Cubes of a pixel and less, in rows that hide each other.
    let cubes = block(12, Vec3::ZERO);
    let lens = Camera::perspective(0.4, 1.6, 0.1);
    let cameras = [[60.0, 50.0, 70.0], [-200.0, 11.0, 3.0], [400.0, 300.0, -200.0]]
        .map(|eye| lens.look_at(eye.into(), Vec3::ZERO, Vec3::Y));
    let shown = check(&gpu, "a far block", &cubes, &cameras, exact()).await;
    assert!(shown > 2000, "only {shown} pixels show a cube");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_cubes_are_drawn_whole_also_where_their_list_is_full() {
    let gpu = strict_gpu();
    let mut random = Random(seed() + 1);
    let cubes = heap(&mut random, 300, 2.0);
    // Among the cubes, some cut by the near plane.
    let cameras: Vec<Camera> = (0..8)
        .map(|_| {
            let eye = random.vector(Vec3::splat(-2.0), Vec3::splat(2.0));
            let target = random.vector(Vec3::NEG_ONE, Vec3::ONE);
            Camera::perspective(1.2, 1.6, 0.05).look_at(eye, target, Vec3::Y)
        })
        .collect();
    for options in [exact(), exact().most_tiles(1), exact().most_tiles(3).occlusion(false)] {
        let shown = check(&gpu, &format!("{options:?}"), &cubes, &cameras, options).await;
        assert!(shown > 40_000, "only {shown} pixels show a cube");
    }
    close(gpu).await;
}

/// One camera after the other in a city: steps along a street, turns, and jumps.
fn walk(random: &mut Random, start: Camera, frames: usize) -> Vec<Camera> {
    let mut camera = start;
    let forward = |camera: &Camera| camera.basis()[2].as_vec3();
    let steps = (0..frames).map(|n| {
        let ahead = camera.eye() + forward(&camera);
        camera = match n % 8 {
            7 => {
                let eye = random.vector(Vec3::new(-40.0, 1.5, -40.0), Vec3::new(40.0, 30.0, 40.0));
                camera.look_at(eye, random.vector(Vec3::splat(-20.0), Vec3::splat(20.0)), Vec3::Y)
            }
            3 => camera.look_at(camera.eye(), ahead + random.vector(Vec3::NEG_ONE, Vec3::ONE), Vec3::Y),
            _ => camera.look_at(camera.eye() + forward(&camera) * 0.7, ahead + forward(&camera), Vec3::Y),
        };
        camera
    });
    steps.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_that_are_left_out_as_hidden_change_no_pixel() {
    let gpu = strict_gpu();
    let mut random = Random(seed() + 2);
    let city = vulkio::scene::city(60_000, 3);
    let cameras = walk(&mut random, city.street_camera(1.6), 40);
    let cubes = Cubes::upload(&gpu, city).await.expect("uploaded");
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    for options in [exact(), exact().lod(true), exact().most_tiles(2)] {
        let all = cubes.view(SIZE, options.occlusion(false)).await.expect("a view");
        let front = cubes.view(SIZE, options).await.expect("a view");
        let (mut drawn, mut in_all) = (0, 0);
        for (n, &camera) in cameras.iter().enumerate() {
            let expected = draw(&renderer, &all, camera).await;
            let ids = draw(&renderer, &front, camera).await;
            let different = ids.iter().zip(&expected).filter(|(id, expected)| id != expected).count();
            assert_eq!(different, 0, "frame {n} of {options:?}: {camera:?}");
            let [front, all] = [front.counts().await.expect("read back"), all.counts().await.expect("read back")];
            assert!(front.shown > 0 || ids.iter().all(|&id| id == NO_ID), "frame {n}: {front:?}");
            assert_eq!(all.kept, 0);
            drawn += front.appeared;
            in_all += all.appeared;
        }
        println!("{drawn} of {in_all} cells show or may; {options:?}");
        assert!(drawn * 4 < in_all * 3, "{drawn} of {in_all} cells show or may");
    }
    close(gpu).await;
}

/// Means of blocks of 8 × 8 pixels, as linear light.
fn blocks(bytes: &[u8], size: [u32; 2]) -> Vec<f64> {
    let linear = |byte: u8| {
        let c = f64::from(byte) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    let (across, down) = (size[0] as usize / 8, size[1] as usize / 8);
    let mut means = vec![0.0; across * down * 3];
    for (i, &byte) in bytes.iter().enumerate().filter(|(i, _)| i % 4 < 3) {
        let (x, y) = (i / 4 % size[0] as usize / 8, i / 4 / size[0] as usize / 8);
        means[(y * across + x) * 3 + i % 4] += linear(byte) / 64.0;
    }
    means
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_a_far_cell_stands_for_all_of_it() {
    const SIZE: [u32; 2] = [160, 96];
    let gpu = strict_gpu();
    let terrain = vulkio::scene::terrain(30_000, 5);
    let bounds = vulkio::scene::InstanceSource::bounds(&terrain);
    let cubes = Cubes::upload(&gpu, terrain).await.expect("uploaded");
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let lens = Camera::perspective(0.8, 160.0 / 96.0, 1.0);
    let mut changed = 0;
    for (n, away) in [1.7, 4.0, 8.0, 12.0].into_iter().enumerate() {
        let out = Vec3::new(1.0, 0.7 + 0.2 * n as f32, -0.6).normalize() * bounds.half_extent().length() * away;
        let camera = lens.look_at(bounds.center() + out, bounds.center(), Vec3::Y);
        let mut pictures = Vec::new();
        for lod in [false, true] {
            let view = cubes.view(SIZE, exact().lod(lod)).await.expect("a view");
            let ids = draw(&renderer, &view, camera).await;
            let picture = renderer.capture().await.expect("read back");
            pictures.push((blocks(picture.bytes(), SIZE), ids));
        }
        let [(exact, exact_ids), (parts, part_ids)] = &pictures[..] else { unreachable!("two were drawn") };
        let error = exact.iter().zip(parts).map(|(a, b)| (a - b).abs()).sum::<f64>() / exact.len() as f64;
        let distinct = |ids: &[u32]| ids.iter().collect::<std::collections::BTreeSet<_>>().len();
        println!("{away}: error {error:.5}, {} and {} cubes", distinct(exact_ids), distinct(part_ids));
        assert!(error <= 0.01, "{away}: the mean of blocks is off by {error}");
        changed += usize::from(part_ids != exact_ids);
        let [width, height] = SIZE.map(|side| side as usize);
        let inner = (1..height - 1).flat_map(|y| (1..width - 1).map(move |x| y * width + x));
        for i in inner.filter(|i| (0..9).all(|k| exact_ids[i + k / 3 * width + k % 3 - width - 1] != NO_ID)) {
            assert_ne!(part_ids[i], NO_ID, "{away}: a hole at pixel {}, {}", i % width, i / width);
        }
    }
    assert!(changed >= 2, "{changed} pictures show other cubes: nothing stood for all");
    close(gpu).await;
}

#[tokio::test]
async fn a_target_of_another_size_or_format_fails_the_frame_with_both() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, block(2, Vec3::ZERO)).await.expect("uploaded");
    let view = cubes.view([32, 16], ViewOptions::default()).await.expect("a view");
    let camera = Camera::perspective(1.0, 2.0, 0.1);
    let renderer = Renderer::headless(&gpu, [16, 32]).expect("a renderer");
    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    let error = frame.submit().await.expect_err("another size").to_string();
    assert!(error.contains("32 × 16") && error.contains("16 × 32"), "{error}");

    let format = vulkio::ash::vk::Format::B8G8R8A8_SRGB;
    let image = gpu.image_with_format::<vulkio::RenderTarget>("bgra", [32, 16], format).expect("an image");
    let graph = vulkio::Graph::new(&gpu, "other format");
    graph.add(view.draw(camera, &image));
    let error = graph.submit().await.expect_err("another format").to_string();
    assert!(error.contains("`bgra`") && error.contains("R8G8B8A8_SRGB"), "{error}");
    assert!(view.ids().await.expect("read back").iter().all(|&id| id == NO_ID), "nothing was drawn");
    for size in [[0, 4], [4, 16_385]] {
        assert!(cubes.view(size, ViewOptions::default()).await.is_err());
    }
    close(gpu).await;
}
