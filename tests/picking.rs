//! Picked pixels name the cube that rays meet.

mod caster;
mod common;
mod scenes;
mod views;

use caster::{Caster, Lens, cameras::hard, judge::Exact};
use common::{close, soon, strict_gpu};
use scenes::{Random, seed};
use views::{PATHS, boxes};
use vulkio::{
    Cubes, Error, InstanceId, NO_ID, Renderer,
    glam::Vec3,
    scene::{Camera, InstanceSource, city},
};

const SIZE: [u32; 2] = [93, 61];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pick_names_the_cube_that_a_ray_meets_there() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let source = city(6_000, 3);
    let bounds = source.bounds();
    let cubes = Cubes::upload(&gpu, source).await.expect("uploaded");
    let caster = Caster::new(&cubes.packed().await.expect("read back"));
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let (mut cube_picks, mut sky_picks) = (0, 0);
    for (name, path) in PATHS {
        let view = soon("a view", cubes.view(SIZE, boxes(path))).await.expect("a view");
        for n in 0..12 {
            let camera = hard(&mut random, n, bounds, &caster.cubes, SIZE);
            let exact = Exact::new(&caster, Lens::new(&camera, SIZE));
            let frame = soon("a slot", renderer.frame()).await.expect("a frame");
            frame.add(view.draw(camera, frame.target()));
            // The corners, and anywhere.
            let [right, bottom] = SIZE.map(|side| side - 1);
            let mut places = vec![[0, 0], [right, 0], [0, bottom], [right, bottom]];
            places.extend((0..20).map(|_| SIZE.map(|side| (random.bits() % u64::from(side)) as u32)));
            let picks: Vec<_> = places.iter().map(|&[x, y]| frame.pick(x, y)).collect();
            soon("a submit", frame.submit()).await.expect("submitted");
            let mut picked = Vec::new();
            for pick in picks {
                picked.push(soon("a pick", pick).await.expect("picked"));
            }
            let ids = soon("ids", view.ids()).await.expect("read back");
            for ([x, y], picked) in places.into_iter().zip(picked) {
                let pixel = (y * SIZE[0] + x) as usize;
                let id = picked.map_or(NO_ID, |InstanceId(id)| id);
                assert_eq!(id, ids[pixel], "{name}, camera {n}, ({x}, {y})");
                let fits = exact.id(pixel) == id || caster.may_show(&exact.lens, pixel, id);
                assert!(fits, "{name}, ({x}, {y}): {id}, not {}; {camera:?}", exact.id(pixel));
                *if picked.is_some() { &mut cube_picks } else { &mut sky_picks } += 1;
            }
        }
    }
    assert!(cube_picks > 100 && sky_picks > 50, "{cube_picks} picks of cubes and {sky_picks} of the sky");
    drop((cubes, renderer));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pick_is_of_its_own_frame_however_many_are_on_their_way() {
    let gpu = strict_gpu();
    let source = city(2_000, 3);
    let center = source.bounds().center();
    let radius = source.bounds().half_extent().length();
    let cubes = Cubes::upload(&gpu, source).await.expect("uploaded");
    let caster = Caster::new(&cubes.packed().await.expect("read back"));
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    for (name, path) in PATHS {
        let view = soon("a view", cubes.view(SIZE, boxes(path))).await.expect("a view");
        let mut waiting = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for n in 0..24 {
            let angle = n as f32 * 0.7;
            let eye = center + Vec3::new(angle.sin(), 0.5, angle.cos()) * radius * 1.5;
            let camera = Camera::perspective(0.7, 1.5, 0.1).look_at(eye, center, Vec3::Y);
            let frame = soon("a slot", renderer.frame()).await.expect("a frame");
            frame.add(view.draw(camera, frame.target()));
            let pick = frame.pick(SIZE[0] / 2, SIZE[1] / 2);
            // Some are asked for and forgotten.
            drop(frame.pick(n, n));
            soon("a submit", frame.submit()).await.expect("submitted");
            waiting.push((camera, pick));
        }
        // The last one first.
        for (camera, pick) in waiting.into_iter().rev() {
            let picked = soon("a pick", pick).await.expect("picked").map_or(NO_ID, |InstanceId(id)| id);
            let lens = Lens::new(&camera, SIZE);
            let pixel = (SIZE[1] / 2 * SIZE[0] + SIZE[0] / 2) as usize;
            assert!(caster.may_show(&lens, pixel, picked), "{name}: {picked}; {camera:?}");
            seen.insert(picked);
        }
        assert!(seen.len() > 4, "{name}: only {seen:?}");
    }
    drop((cubes, renderer));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pick_outside_of_the_picture_or_of_a_frame_without_a_view_is_an_error() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, city(500, 3)).await.expect("uploaded");
    let renderer = Renderer::headless(&gpu, SIZE).expect("a renderer");
    let view = soon("a view", cubes.view(SIZE, boxes(vulkio::RasterPath::Compute))).await.expect("a view");
    let camera = Camera::perspective(1.0, 1.5, 0.1);
    let frame = soon("a slot", renderer.frame()).await.expect("a frame");
    let early = frame.pick(1, 1);
    frame.add(view.draw(camera, frame.target()));
    let outside = [[SIZE[0], 0], [0, SIZE[1]], [u32::MAX, u32::MAX]].map(|[x, y]| frame.pick(x, y));
    let good = frame.pick(SIZE[0] - 1, SIZE[1] - 1);
    soon("a submit", frame.submit()).await.expect("submitted");
    assert!(matches!(soon("a pick", early).await, Err(Error::Invalid(_))));
    for pick in outside {
        assert!(matches!(soon("a pick", pick).await, Err(Error::Invalid(_))));
    }
    soon("a pick", good).await.expect("it is in the picture");

    let frame = soon("a slot", renderer.frame()).await.expect("a frame");
    frame.add(view.draw(camera, frame.target()));
    let pick = frame.pick(3, 3);
    drop(frame);
    assert!(matches!(soon("a pick", pick).await, Err(Error::Cancelled)));
    drop((cubes, view, renderer));
    close(gpu).await;
}
