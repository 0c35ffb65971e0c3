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
