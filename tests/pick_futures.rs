//! Picks: several a frame and of several views, dropped, cancelled, and such as cannot be.

mod common;
mod scenes;

use common::{close, is_gone, soon, strict_gpu};
use futures::future::join_all;
use scenes::block;
use vulkio::{
    Cubes, Error, Frame, Gpu, InstanceId, NO_ID, RasterPath, Renderer, View, ViewOptions,
    glam::Vec3,
    scene::{Camera, Instance},
};

const SIZE: [u32; 2] = [48, 32];

fn camera(eye: Vec3) -> Camera {
    Camera::perspective(0.9, 1.5, 0.1).look_at(eye, Vec3::ZERO, Vec3::Y)
}

async fn view(gpu: &Gpu, cubes: Vec<Instance>, path: RasterPath) -> View {
    let cubes = Cubes::upload(gpu, cubes).await.expect("uploaded");
    cubes.view(SIZE, ViewOptions::default().path(path)).await.expect("a view")
}

async fn submit(frame: Frame) {
    soon("a submit", frame.submit()).await.expect("submitted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_pixel_can_be_picked_and_is_what_the_view_shows() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    for path in [RasterPath::Compute, RasterPath::Hardware] {
        let view = view(&gpu, block(5, Vec3::ZERO), path).await;
        for step in 0..3 {
            let frame = renderer.frame().await.expect("a frame");
            frame.add(view.draw(camera(Vec3::new(9.0 - step as f32 * 5.0, 7.0, 12.0)), frame.target()));
            let pixels = (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).map(move |x| (x, y)));
            let picks: Vec<_> = pixels.map(|(x, y)| frame.pick(x, y)).collect();
            let stats = soon("a submit", frame.submit()).await.expect("submitted").await.expect("complete");
            let picked = soon("all picks", join_all(picks)).await;
            let ids = view.ids().await.expect("read back");
            let expected = ids.iter().map(|&id| (id != NO_ID).then_some(InstanceId(id)));
            for (pixel, (picked, expected)) in picked.into_iter().zip(expected).enumerate() {
                assert_eq!(picked.expect("picked"), expected, "pixel {pixel}, step {step}, {path:?}");
            }
            assert!(ids.contains(&NO_ID) && ids.iter().any(|&id| id != NO_ID));
            assert_eq!(stats.culled, 0);
        }
    }
    drop(renderer);
    close(gpu).await;
}

#[tokio::test]
async fn picks_are_of_the_view_that_was_added_last_before_them() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let one = |half| vec![Instance::new(Vec3::ZERO, half, [0.5; 3])];
    let small = view(&gpu, one(0.5), RasterPath::Compute).await;
    let mut two = one(0.5);
    two.insert(0, Instance::new(Vec3::X * 50.0, 0.5, [0.5; 3]));
    let other = view(&gpu, two, RasterPath::Compute).await;
    let camera = camera(Vec3::Z * 4.0);
    let [x, y] = [SIZE[0] / 2, SIZE[1] / 2];
    for any_order in [false, true] {
        let frame = renderer.frame().await.expect("a frame");
        if any_order {
            frame.any_order();
        }
        // Pictures of the same frame need targets of their own where nothing says which of them comes last.
        let target: vulkio::GpuImage<vulkio::RenderTarget> = gpu.image("target", SIZE).expect("an image");
        frame.add(small.draw(camera, &target));
        let first = [frame.pick(x, y), frame.pick(0, 0)];
        frame.add(other.draw(camera, frame.target()));
        let second = [frame.pick(x, y), frame.pick(0, 0)];
        submit(frame).await;
        let picked = join_all(first.into_iter().chain(second)).await;
        let picked: Vec<_> = picked.into_iter().map(|pick| pick.expect("picked")).collect();
        assert_eq!(picked, [Some(InstanceId(0)), None, Some(InstanceId(1)), None], "any order: {any_order}");
    }
    drop((small, other, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn what_cannot_be_picked_says_why() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let view = view(&gpu, block(2, Vec3::ZERO), RasterPath::Compute).await;
    let frame = renderer.frame().await.expect("a frame");
    let early = frame.pick(0, 0);
    frame.add(view.draw(camera(Vec3::Z * 9.0), frame.target()));
    let beyond = [frame.pick(SIZE[0], 0), frame.pick(0, SIZE[1]), frame.pick(u32::MAX, u32::MAX)];
    let fine = frame.pick(0, 0);
    submit(frame).await;
    let error = early.await.expect_err("nothing was drawn");
    assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains("view.draw"), "{error}");
    for pick in beyond {
        let error = pick.await.expect_err("outside");
        assert!(error.to_string().contains("48 × 32"), "{error}");
    }
    assert_eq!(fine.await.expect("picked"), None);
    drop((view, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn dropped_picks_and_dropped_frames_change_nothing() {
    let gpu = strict_gpu();
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let view = view(&gpu, block(3, Vec3::ZERO), RasterPath::Compute).await;
    let camera = camera(Vec3::new(0.0, 0.0, 4.0));
    let [x, y] = [SIZE[0] / 2, SIZE[1] / 2];
    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    let cancelled = frame.pick(x, y);
    drop(frame);
    assert!(is_gone(&soon("a cancelled pick", cancelled).await.expect_err("the frame is gone")));

    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    let passes = frame.plan_stats().expect("a plan").passes;
    drop((frame.pick(x, y), frame.pick(0, 0)));
    let stats = soon("a submit", frame.submit()).await.expect("submitted").await.expect("complete");
    assert_eq!(stats.passes as usize, passes as usize, "nobody waits for a pick");

    let frame = renderer.frame().await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    drop(frame.pick(0, 0));
    let kept = frame.pick(x, y);
    let finalized = frame.finalize().await.expect("recorded");
    soon("a submit", finalized.submit()).await.expect("submitted");
    // The middle cube of the front: 1 + 1 * 3 + 2 * 9.
    assert_eq!(soon("a pick", kept).await.expect("picked"), Some(InstanceId(22)));
    drop((view, renderer));
    close(gpu).await;
}
