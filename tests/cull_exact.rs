//! The culling pass against an exact intersection test in double precision.

mod common;
mod scenes;
mod views;

use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use views::{all, faithful};
use vulkio::{
    Cubes, Gpu, Graph,
    glam::{DVec3, Vec3},
    scene::{self, Camera, Instance, InstanceSource, grid},
};

const CAMERAS: usize = 50;

/// An infinite frustum: the convex hull of its four near corners and of the rays that leave them.
struct Frustum {
    eye: DVec3,
    /// Inward unit normals, and the least that points inside have along them, relative to the eye.
    planes: [(DVec3, f64); 5],
    /// Relative to the eye.
    near_corners: [DVec3; 4],
    rays: [DVec3; 4],
    /// The directions of its edges.
    edges: [DVec3; 6],
}

impl Frustum {
    /// From the lens and the eye, not from the camera's own planes.
    fn new(camera: &Camera) -> Self {
        let [right, up, forward] = camera.basis();
        let y = (f64::from(camera.fov_y()) / 2.0).tan();
        let x = y * f64::from(camera.aspect());
        let near = f64::from(camera.near());
        let rays = [(-x, -y), (x, -y), (x, y), (-x, y)].map(|(x, y)| forward + right * x + up * y);
        let side = |a: usize, b: usize| {
            let normal = rays[a].cross(rays[b]).normalize();
            (normal * normal.dot(forward).signum(), 0.0)
        };
        Self {
            eye: camera.eye().as_dvec3(),
            planes: [side(0, 1), side(1, 2), side(2, 3), side(3, 0), (forward, near)],
            near_corners: rays.map(|ray| ray * near),
            rays,
            edges: [right, up, rays[0], rays[1], rays[2], rays[3]],
        }
    }

    /// Whether a box meets the frustum: exactly when no axis separates them, among the normals of both and the cross
    /// products of their edges.
    fn meets(&self, center: Vec3, half: f64) -> bool {
        let center = center.as_dvec3() - self.eye;
        let reach = |axis: DVec3| axis.abs().element_sum() * half;
        let outside = |&(normal, least): &(DVec3, f64)| normal.dot(center) + reach(normal) < least;
        if self.planes.iter().any(outside) {
            return false;
        }
        let separates = |axis: DVec3| {
            let (low, high) = self.interval(axis);
            axis.dot(center) + reach(axis) < low || axis.dot(center) - reach(axis) > high
        };
        let crossed = self.edges.iter().flat_map(|&edge| DVec3::AXES.map(|axis| edge.cross(axis)));
        // The cross product of parallel edges is no axis.
        !DVec3::AXES.into_iter().chain(crossed.filter(|axis| axis.length_squared() > 1e-20)).any(separates)
    }

    /// Where the frustum lies along an axis.
    fn interval(&self, axis: DVec3) -> (f64, f64) {
        let corners = self.near_corners.map(|corner| axis.dot(corner));
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for corner in corners {
            (low, high) = (low.min(corner), high.max(corner));
        }
        for ray in self.rays {
            // A ray across the axis adds nothing; what a product of f64s makes of 0 is below this.
            let along = axis.dot(ray);
            if along > 1e-12 {
                high = f64::INFINITY;
            } else if along < -1e-12 {
                low = f64::NEG_INFINITY;
            }
        }
        (low, high)
    }
}

/// The ids that the GPU keeps, ascending.
async fn kept(gpu: &Gpu, cubes: &Cubes, camera: Camera) -> Vec<u32> {
    let graph = Graph::new(gpu, "cull");
    graph.add(cubes.cull(camera));
    let stats = graph.submit().await.expect("submitted").await.expect("completed");
    assert_eq!((stats.dispatches, stats.draws, stats.passes, stats.submits), (1, 0, 2, 1));
    cubes.visible().await.expect("read back")
}

async fn check(gpu: &Gpu, name: &str, source: impl InstanceSource, random: &mut Random) {
    let bounds = source.bounds();
    let given = all(&source);
    let cubes = Cubes::upload(gpu, source).await.expect("uploaded");
    // Visible is what lies in the frustum as it is packed.
    let instances = cubes.packed().await.expect("read back");
    faithful(&given, &instances, name);

    let mut seen = 0;
    for number in 0..CAMERAS {
        let camera = random.camera(bounds);
        let kept = kept(gpu, &cubes, camera).await;
        let frustum = Frustum::new(&camera);
        let exact: Vec<u32> = (0..instances.len() as u32)
            .map(|id| (id, instances[id as usize]))
            .filter(|(_, cube)| frustum.meets(Vec3::from_array(cube.position), cube.half_edge.into()))
            .map(|(id, _)| id)
            .collect();
        seen += exact.len();

        let at = format!("{name}, camera {number}: {camera:?}");
        assert!(kept.is_sorted_by(|a, b| a < b), "each cube once; {at}");
        let lost: Vec<_> = exact.iter().filter(|&id| kept.binary_search(id).is_err()).collect();
        assert!(lost.is_empty(), "{} cubes lost, {lost:?}; {at}", lost.len());
        let most = exact.len() + exact.len() / 50 + 16;
        assert!(kept.len() <= most, "{} kept where {} are visible; {at}", kept.len(), exact.len());
    }
    assert!(seen > CAMERAS * 100, "{name}: the cameras saw {seen} cubes, too few to tell");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cube_in_the_exact_frustum_is_kept_and_hardly_any_other() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    check(&gpu, "the grid", grid(10_000), &mut random).await;
    check(&gpu, "a block", block(20, Vec3::ZERO), &mut random).await;
    let far = Vec3::new(60_000.0, -80_000.0, 40_000.0);
    check(&gpu, "a block far from the origin", block(15, far), &mut random).await;
    let heap = (0..4_000).map(|_| {
        let place = random.vector(Vec3::splat(-20.0), Vec3::splat(20.0));
        Instance::new(place, 10f32.powf(random.between(-3.0, 0.5)), [1.0; 3])
    });
    let heap: Vec<Instance> = heap.collect();
    check(&gpu, "a heap of all sizes", heap, &mut random).await;
    check(&gpu, "the block", scene::block(5_000), &mut random).await;
    check(&gpu, "a field", scene::field(5_000, 1), &mut random).await;
    check(&gpu, "a city", scene::city(8_000, 2), &mut random).await;
    check(&gpu, "a terrain", scene::terrain(8_000, 3), &mut random).await;
    close(gpu).await;
}

#[tokio::test]
async fn a_scene_that_is_no_whole_number_of_workgroups_is_culled_to_its_last_cube() {
    let gpu = strict_gpu();
    for count in [1, 255, 2047, 2048, 2049, 6145] {
        let cubes = Cubes::upload(&gpu, grid(count)).await.expect("uploaded");
        let bounds = cubes.bounds();
        let back = Vec3::Z * bounds.half_extent().length() * 4.0;
        let camera = Camera::perspective(1.0, 1.0, 0.1).look_at(bounds.center() + back, bounds.center(), Vec3::Y);
        let all: Vec<u32> = (0..count as u32).collect();
        assert_eq!(kept(&gpu, &cubes, camera).await, all);
        let away = camera.look_at(bounds.center() + back, bounds.center() + back * 2.0, Vec3::Y);
        assert_eq!(kept(&gpu, &cubes, away).await, []);
    }
    close(gpu).await;
}
