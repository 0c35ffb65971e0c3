//! The rasteriser's pictures against those of compute shaders.

mod common;
mod scenes;

use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use vulkio::{
    Cubes, Gpu, NO_ID, RasterPath, Renderer, View, ViewOptions,
    glam::Vec3,
    scene::{Camera, Instance, InstanceSource},
};

const SIZE: [u32; 2] = [131, 77];

async fn draw(renderer: &Renderer, view: &View, camera: Camera) -> (Vec<u32>, Vec<u8>) {
    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    let capture = frame.capture();
    let stats = frame.submit().await.expect("submitted").await.expect("completed");
    assert_eq!(stats.draws, if view.path() == RasterPath::Hardware { 3 } else { 0 });
    (view.ids().await.expect("read back"), capture.await.expect("a picture").bytes().to_vec())
}

/// Draws with both paths; how many pixels show a cube.
async fn compare(gpu: &Gpu, name: &str, cubes: Vec<Instance>, cameras: &[Camera]) -> usize {
    let renderer = Renderer::headless(gpu, SIZE).expect("a renderer");
    let cubes = Cubes::upload(gpu, cubes).await.expect("uploaded");
    let options = ViewOptions::default().lod(false);
    let compute = cubes.view(SIZE, options.path(RasterPath::Compute)).await.expect("a view");
    let hardware = cubes.view(SIZE, options.path(RasterPath::Hardware)).await.expect("a view");
    assert_eq!((compute.path(), hardware.path()), (RasterPath::Compute, RasterPath::Hardware));
    let mut shown = 0;
    for (number, &camera) in cameras.iter().enumerate() {
        for round in 0..2 {
            let (ids, colors) = draw(&renderer, &compute, camera).await;
            let (other_ids, other_colors) = draw(&renderer, &hardware, camera).await;
            let own = ids.iter().filter(|&&id| id != NO_ID).count();
            let differ = ids.iter().zip(&other_ids).filter(|(one, other)| one != other).count();
            // Vertices are snapped to a 256th of a pixel.
            assert!(
                differ * 100 <= own.max(200),
                "{name}, camera {number}, round {round}: {differ} of {own} ids differ"
            );
            let differ = colors.chunks(4).zip(other_colors.chunks(4)).filter(|(one, other)| one != other).count();
            assert!(differ * 20 <= own.max(200), "{name}, camera {number}, round {round}: {differ} colours differ");
            shown += own;
        }
    }
    shown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rasteriser_shows_what_compute_shaders_show() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let heap: Vec<Instance> = (0..2000)
        .map(|i| {
            let place = random.vector(Vec3::splat(-8.0), Vec3::splat(8.0));
            Instance::new(place, [0.5, 0.3, 0.1, 0.05][i % 4], random.vector(Vec3::ZERO, Vec3::ONE).to_array())
        })
        .collect();
    let bounds = heap.bounds();
    let cameras: Vec<Camera> = (0..10).map(|_| random.camera(bounds)).collect();
    let shown = compare(&gpu, "a heap", heap, &cameras).await;
    assert!(shown > 20_000, "only {shown} pixels show a cube");

    let lens = Camera::perspective(0.6, 1.7, 0.1);
    let cameras = [[40.0, 30.0, 50.0], [11.0, 12.0, 9.0], [0.3, 0.4, 30.0]]
        .map(|eye| lens.look_at(eye.into(), Vec3::ZERO, Vec3::Y));
    let shown = compare(&gpu, "a block", block(14, Vec3::ZERO), &cameras).await;
    assert!(shown > 10_000, "only {shown} pixels show a cube");
    close(gpu).await;
}

#[tokio::test]
async fn without_occlusion_the_rasteriser_draws_once_and_shows_the_same() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let cubes = Cubes::upload(&gpu, block(12, Vec3::ZERO)).await.expect("uploaded");
    let options = ViewOptions::default().lod(false).path(RasterPath::Hardware);
    let [with, without] = [true, false].map(|occlusion| cubes.view(SIZE, options.occlusion(occlusion)));
    let (with, without) = (with.await.expect("a view"), without.await.expect("a view"));
    for step in 0..6 {
        let eye = Vec3::new(20.0 - step as f32 * 4.0, 14.0, 18.0);
        let camera = Camera::perspective(0.9, 1.7, 0.1).look_at(eye, Vec3::ZERO, Vec3::Y);
        let (ids, _) = draw(&renderer, &with, camera).await;
        let frame = renderer.frame().await.expect("a frame");
        frame.add(without.draw(camera, frame.target()));
        let stats = frame.submit().await.expect("submitted").await.expect("completed");
        assert_eq!(stats.draws, 2);
        assert!(ids == without.ids().await.expect("read back"), "step {step}");
        assert!(ids.iter().any(|&id| id != NO_ID));
    }
    drop((with, without));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cells_whose_cubes_find_no_place_in_the_list_are_drawn_whole() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let cubes = Cubes::upload(&gpu, block(12, Vec3::ZERO)).await.expect("uploaded");
    let options = ViewOptions::default().path(RasterPath::Hardware);
    let roomy = cubes.view(SIZE, options).await.expect("a view");
    for (room, occlusion) in [(1, true), (1, false), (300, true), (700, false)] {
        let tight = cubes.view(SIZE, options.most_tiles(room).occlusion(occlusion)).await.expect("a view");
        let mut overflows = 0;
        for step in 0..5 {
            // The second picture is that of the first, the others are from elsewhere.
            let eye = Vec3::new(22.0 - (step as f32 - 1.0).max(0.0) * 9.0, 9.0, 16.0);
            let camera = Camera::perspective(0.9, 1.7, 0.1).look_at(eye, Vec3::ZERO, Vec3::Y);
            let (ids, colors) = draw(&renderer, &roomy, camera).await;
            let frame = renderer.frame().await.expect("a frame");
            frame.add(tight.draw(camera, frame.target()));
            let capture = frame.capture();
            frame.submit().await.expect("submitted");
            let picture = capture.await.expect("a picture");
            assert!(ids == tight.ids().await.expect("read back"), "room for {room}, {occlusion}, step {step}");
            assert!(picture.bytes() == colors, "room for {room}, {occlusion}, step {step}");
            overflows += u32::from(tight.counts().await.expect("read back").tiles > room);
        }
        assert!(overflows > 0, "room for {room} is enough for all");
    }
    drop(roomy);
    close(gpu).await;
}

#[tokio::test]
async fn a_target_of_another_size_is_refused() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, [64, 64]).expect("a renderer");
    let cubes = Cubes::upload(&gpu, block(3, Vec3::ZERO)).await.expect("uploaded");
    let options = ViewOptions::default().path(RasterPath::Hardware);
    let view = cubes.view(SIZE, options).await.expect("a view");
    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(Camera::perspective(1.0, 1.0, 0.1), frame.target()));
    let error = frame.submit().await.expect_err("of another size");
    assert!(error.to_string().contains("131 × 77"), "{error}");
    drop(view);
    close(gpu).await;
}
