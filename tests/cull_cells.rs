//! Culling by cells against testing every cube.

mod common;
mod scenes;

use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use vulkio::{
    Cubes, Gpu, Graph,
    glam::Vec3,
    scene::{Camera, grid},
};

/// The ids that a cull keeps, ascending, with and without a look at whole cells.
async fn kept(gpu: &Gpu, cubes: &Cubes, camera: Camera, every_cube: bool) -> Vec<u32> {
    let graph = Graph::new(gpu, "cull");
    let (reset, cull) = cubes.cull(camera);
    graph.add((reset, if every_cube { cull.every_cube() } else { cull }));
    graph.submit().await.expect("submitted").await.expect("completed");
    cubes.visible().await.expect("read back")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_that_are_inside_or_outside_as_a_whole_change_nothing() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    for cubes in [
        Cubes::upload(&gpu, grid(9_999)).await.expect("uploaded"),
        Cubes::upload(&gpu, block(19, Vec3::new(3000.0, -200.0, 70.0))).await.expect("uploaded"),
    ] {
        let (mut some, mut all) = (0, 0);
        for number in 0..40 {
            let camera = random.camera(cubes.bounds());
            let by_cell = kept(&gpu, &cubes, camera, false).await;
            assert_eq!(by_cell, kept(&gpu, &cubes, camera, true).await, "camera {number}: {camera:?}");
            some += usize::from(!by_cell.is_empty() && by_cell.len() < cubes.count());
            all += usize::from(by_cell.len() * 2 > cubes.count());
        }
        assert!(some > 10 && all > 0, "{some} cameras saw some, {all} more than half of the cubes");
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cull_that_nobody_reset_before_is_an_error_when_its_count_is_asked_for() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, grid(500)).await.expect("uploaded");
    let camera = Camera::perspective(1.5, 1.0, 0.1).look_at(Vec3::new(300.0, 300.0, 300.0), Vec3::ZERO, Vec3::Y);
    let graph = Graph::new(&gpu, "cull");
    let (reset, cull) = cubes.cull(camera);
    graph.add((reset, cull, cubes.cull(camera).1));
    graph.submit().await.expect("submitted").await.expect("completed");
    let error = cubes.visible_count().await.expect_err("a mistake").to_string();
    assert!(error.contains("1000 cubes of 500") && error.contains("`cubes.cull(..)`"), "{error}");
    drop(cubes);
    close(gpu).await;
}
