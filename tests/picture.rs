//! Pictures of views against a ray-caster that shares no code with it.

mod common;
mod scenes;

use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use vulkio::{
    Cubes, Gpu, NO_ID, RasterPath, Renderer, SKY, View, ViewOptions,
    glam::{DVec3, Vec3},
    scene::{Camera, Instance, InstanceSource, grid},
};

const SIZE: [u32; 2] = [192, 128];

/// What a ray meets first: the cube's index and which of its six faces.
#[derive(Clone, Copy, PartialEq)]
struct Hit {
    id: u32,
    face: usize,
    distance: f64,
}

/// The scene as the ray-caster sees it.
struct Caster<'a> {
    camera: Camera,
    diagonal: f64,
    instances: &'a [Instance],
}

impl Caster<'_> {
    fn eye(&self) -> DVec3 {
        self.camera.eye().as_dvec3()
    }

    /// The ray through the middle of a pixel; its component along the view is 1.
    fn ray(&self, x: u32, y: u32) -> DVec3 {
        let [right, up, forward] = self.camera.basis();
        let tangent = (f64::from(self.camera.fov_y()) / 2.0).tan();
        let across = (f64::from(x) + 0.5) / f64::from(SIZE[0]) * 2.0 - 1.0;
        let down = (f64::from(y) + 0.5) / f64::from(SIZE[1]) * 2.0 - 1.0;
        forward + right * (across * tangent * f64::from(self.camera.aspect())) - up * (down * tangent)
    }

    fn cast(&self, ray: DVec3) -> Option<Hit> {
        let mut nearest: Option<Hit> = None;
        for (id, instance) in self.instances.iter().enumerate() {
            let center = Vec3::from_array(instance.position).as_dvec3() - self.eye();
            let Some((depth, face)) = enter(ray, center, instance.half_edge.into()) else { continue };
            // Nothing in front of the near plane is drawn, and a cube that is cut open shows no inside.
            if depth >= f64::from(self.camera.near()) && nearest.is_none_or(|hit| depth < hit.distance) {
                nearest = Some(Hit { id: id as u32, face, distance: depth });
            }
        }
        // From depth along the view to the length of the ray.
        nearest.map(|hit| Hit { distance: hit.distance * ray.length(), ..hit })
    }

    /// The sRGB bytes of what was hit: the light of shaders/include/light.glsl, worked out again.
    fn color(&self, hit: Option<Hit>) -> [f64; 3] {
        let sky = SKY.map(f64::from);
        let Some(hit) = hit else { return sky.map(to_srgb_byte) };
        let mut normal = DVec3::ZERO;
        normal[hit.face / 2] = if hit.face % 2 == 0 { 1.0 } else { -1.0 };
        let sun = normal.dot(DVec3::new(0.48, 0.80, 0.36).normalize()).max(0.0) * 0.78;
        let above = 0.5 + 0.5 * normal.y;
        let fade = 1.0 - (-(hit.distance / (self.diagonal * 1.6)).powi(2)).exp();
        let bytes = self.instances[hit.id as usize].color.to_le_bytes();
        std::array::from_fn(|i| {
            let sheen = [0.035, 0.045, 0.070][i];
            let albedo = sheen + (1.0 - sheen) * from_srgb(f64::from(bytes[i]) / 255.0);
            let ambient = [0.15, 0.13, 0.12][i] * (1.0 - above) + [0.34, 0.42, 0.54][i] * above;
            let lit = albedo * (ambient + [1.00, 0.94, 0.84][i] * sun);
            to_srgb_byte(lit * (1.0 - fade) + sky[i] * fade)
        })
    }
}

/// Where a ray from the origin enters a box, and through which face: +x −x +y −y +z −z.
fn enter(ray: DVec3, center: DVec3, half: f64) -> Option<(f64, usize)> {
    let (mut entry, mut exit, mut face) = (f64::NEG_INFINITY, f64::INFINITY, 0);
    for axis in 0..3 {
        let (low, high) = (center[axis] - half, center[axis] + half);
        if ray[axis] == 0.0 {
            if low > 0.0 || high < 0.0 {
                return None;
            }
            continue;
        }
        let (near, far, through) = if ray[axis] > 0.0 { (low, high, 2 * axis + 1) } else { (high, low, 2 * axis) };
        if near / ray[axis] > entry {
            (entry, face) = (near / ray[axis], through);
        }
        exit = exit.min(far / ray[axis]);
    }
    (entry <= exit && entry > 0.0).then_some((entry, face))
}

fn from_srgb(c: f64) -> f64 {
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn to_srgb_byte(c: f64) -> f64 {
    let c = c.clamp(0.0, 1.0);
    255.0 * if c <= 0.0031308 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }
}

/// Draws a frame; the ids and the colours of its pixels.
async fn render(renderer: &Renderer, view: &View, camera: Camera) -> (Vec<u32>, Vec<[u8; 4]>) {
    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    let stats = frame.submit().await.expect("submitted").await.expect("completed");
    assert_eq!(stats.submits, 1);
    let picture = renderer.capture().await.expect("read back");
    assert_eq!(picture.size(), SIZE);
    (view.ids().await.expect("read back"), picture.bytes().as_chunks::<4>().0.to_vec())
}

/// Compares the pixels away from edges; how many of them show a cube.
fn compare(caster: &Caster<'_>, ids: &[u32], colors: &[[u8; 4]], at: &str) -> usize {
    let [width, height] = SIZE.map(|side| side as usize);
    let hits: Vec<Option<Hit>> =
        (0..width * height).map(|i| caster.cast(caster.ray((i % width) as u32, (i / width) as u32))).collect();
    let shown = |i: usize| hits[i].map(|hit| (hit.id, hit.face));
    let inner = |i: usize| {
        let (x, y) = (i % width, i / width);
        let columns = x.saturating_sub(1)..=(x + 1).min(width - 1);
        let mut rows = y.saturating_sub(1)..=(y + 1).min(height - 1);
        rows.all(|y| columns.clone().all(|x| shown(y * width + x) == shown(i)))
    };
    let inner: Vec<usize> = (0..width * height).filter(|&i| inner(i)).collect();

    let id = |i: usize| hits[i].map_or(NO_ID, |hit| hit.id);
    let same = inner.iter().filter(|&&i| ids[i] == id(i)).count();
    assert!(same * 1000 >= inner.len() * 999, "{same} of {} pixels show the same cube; {at}", inner.len());
    for &i in inner.iter().filter(|&&i| ids[i] == id(i)) {
        let expected = caster.color(hits[i]);
        let close = colors[i].iter().zip(expected).all(|(&is, should)| (f64::from(is) - should).abs() <= 2.5);
        assert!(close, "pixel {i} is {:?} and should be {expected:?}; {at}", colors[i]);
    }
    inner.iter().filter(|&&i| hits[i].is_some()).count()
}

async fn check(gpu: &Gpu, name: &str, source: impl InstanceSource, cameras: &[Camera]) {
    let bounds = source.bounds();
    let instances: Vec<_> = (0..source.len()).map(|index| source.instance(index)).collect();
    let renderer = Renderer::headless(gpu, SIZE).expect("a renderer");
    let cubes = Cubes::upload(gpu, source).await.expect("uploaded");
    let diagonal = f64::from((bounds.max - bounds.min).length());

    let options = ViewOptions::default().lod(false).antialias(false);
    for path in [RasterPath::Hardware, RasterPath::Compute] {
        let view = cubes.view(SIZE, options.path(path)).await.expect("a view");
        check_path(&renderer, &format!("{name}, {path:?}"), &view, cameras, diagonal, &instances).await;
    }
}

async fn check_path(
    renderer: &Renderer,
    name: &str,
    view: &View,
    cameras: &[Camera],
    diagonal: f64,
    instances: &[Instance],
) {
    let mut shown = 0;
    for &camera in cameras {
        let (ids, colors) = render(renderer, view, camera).await;
        let caster = Caster { camera, diagonal, instances };
        shown += compare(&caster, &ids, &colors, &format!("{name}: {camera:?}"));
    }
    assert!(shown > 5000, "{name}: only {shown} pixels show a cube away from its edges");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_picture_is_that_of_a_ray_caster() {
    let gpu = strict_gpu();
    let lens = Camera::perspective(0.9, SIZE[0] as f32 / SIZE[1] as f32, 0.1);
    let of = |eye: [f32; 3], target: [f32; 3]| lens.look_at(eye.into(), target.into(), Vec3::Y);

    let over_the_edge = of([-80.0, -90.0, -44.0], [-90.0, -96.0, -50.0]);
    let along_a_row = of([-99.0, -98.0, -48.2], [-90.0, -97.0, -50.0]);
    check(&gpu, "the grid", grid(2_500), &[over_the_edge, along_a_row]).await;

    let outside = of([13.0, 11.5, 13.5], [6.0, 4.0, 5.0]);
    // Between the cubes, with some cut by the near plane.
    let inside = of([1.0, 0.9, 1.1], [-6.0, -3.0, -7.0]);
    check(&gpu, "a block", block(10, Vec3::ZERO), &[outside, inside]).await;

    let mut random = Random(seed());
    let heap: Vec<Instance> = (0..800)
        .map(|_| {
            let position = random.vector(Vec3::splat(-12.0), Vec3::splat(12.0));
            Instance::new(position, 1.0, random.vector(Vec3::ZERO, Vec3::ONE).to_array())
        })
        .collect();
    let across = of([17.0, 14.0, 18.0], [0.0, 0.0, 0.0]);
    let within = of([0.3, 0.2, -0.4], [6.0, -4.0, 5.0]);
    check(&gpu, "a heap of cubes that cut each other", heap, &[across, within]).await;
    close(gpu).await;
}
