//! The culling pass against an exact intersection test in double precision.

mod caster;
mod common;
mod scenes;

use caster::{
    Cube, Lens,
    frustum::Frustum,
    packed::{all, faithful},
};
use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use vulkio::{
    Cubes, Gpu, Graph,
    glam::Vec3,
    scene::{self, Camera, Instance, InstanceSource, grid},
};

const CAMERAS: usize = 50;

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
        let frustum = Frustum::new(&Lens::new(&camera, [1, 1]));
        let exact: Vec<u32> = (0..instances.len() as u32)
            .map(|id| (id, instances[id as usize]))
            .filter(|(_, cube)| frustum.meets(&Cube::from(cube)))
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
