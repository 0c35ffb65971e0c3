//! Cubes that moved are packed again by the GPU as the CPU packs them: bit for bit.

mod common;
mod scenes;

use common::{close, strict_gpu};
use scenes::{Random, block, seed};
use vulkio::{
    Cubes, Error, Gpu, GpuBuffer, Graph, NO_ID, Renderer, Systems, ViewOptions,
    glam::Vec3,
    scene::{Camera, Instance, InstanceSource, Wave, grid},
};

/// Clusters with room for themselves, which halving the world again and again keeps apart. So each is a cell of its own,
/// wherever its cubes are in it.
const CLUSTERS: usize = 16;

fn center(cluster: usize) -> Vec3 {
    Vec3::new((cluster % 4) as f32, (cluster / 4) as f32, 0.0) * 64.0 - 100.0
}

/// How many cubes a cluster has: two are too many for one cell.
fn size(cluster: usize) -> usize {
    129 + cluster * 127 / (CLUSTERS - 1)
}

/// Cubes around the clusters' centres, in turn, as far as `reach` goes.
fn clusters(random: &mut Random, reach: f32) -> Vec<Instance> {
    let mut cubes: Vec<_> = (0..CLUSTERS).flat_map(|cluster| vec![cluster; size(cluster)]).collect();
    for i in (1..cubes.len()).rev() {
        cubes.swap(i, random.bits() as usize % (i + 1));
    }
    cubes.into_iter().map(|cluster| cube(random, center(cluster), reach)).collect()
}

fn cube(random: &mut Random, center: Vec3, reach: f32) -> Instance {
    let place = center + random.vector(Vec3::splat(-reach), Vec3::splat(reach));
    let half_edge = if random.bits().is_multiple_of(2) { 0.5 } else { 2f32.powf(random.between(-12.0, 0.0)) };
    Instance { position: place.to_array(), half_edge, color: random.bits() as u32 }
}

/// The cluster of a cube.
fn cluster_of(cube: &Instance) -> usize {
    (0..CLUSTERS)
        .min_by_key(|&cluster| Vec3::from_array(cube.position).distance(center(cluster)) as u32)
        .expect("there are clusters")
}

async fn buffer(gpu: &Gpu, cubes: &[Instance]) -> GpuBuffer<Instance> {
    let buffer = gpu.buffer("places", cubes.len()).expect("a buffer");
    gpu.upload(&buffer, 0, cubes.to_vec()).await.expect("uploaded");
    buffer
}

async fn run(gpu: &Gpu, systems: impl Systems) {
    let graph = Graph::new(gpu, "refit");
    graph.add(systems);
    graph.submit().await.expect("submitted").await.expect("completed");
}

async fn packed(gpu: &Gpu, cubes: &[Instance]) -> Vec<Instance> {
    Cubes::upload(gpu, cubes.to_vec()).await.expect("uploaded").packed().await.expect("read back")
}

/// As bits: a difference in the sign of 0 is one.
fn bits(cubes: &[Instance]) -> Vec<[u32; 5]> {
    let bits = |cube: &Instance| {
        let [x, y, z] = cube.position.map(f32::to_bits);
        [x, y, z, cube.half_edge.to_bits(), cube.color]
    };
    cubes.iter().map(bits).collect()
}

fn assert_same(seen: &[Instance], expected: &[Instance], what: &str) {
    assert_eq!(seen.len(), expected.len(), "{what}");
    let differing: Vec<_> = (0..seen.len()).filter(|&id| bits(&seen[id..=id]) != bits(&expected[id..=id])).collect();
    if let Some(&id) = differing.first() {
        panic!("{what}: {} of {} differ; {id}: {:?}, {:?}", differing.len(), seen.len(), seen[id], expected[id]);
    }
}

#[tokio::test]
async fn what_the_gpu_packs_has_the_bits_of_what_the_cpu_packs() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let before = clusters(&mut random, 20.0);
    let cubes = Cubes::upload(&gpu, before.clone()).await.expect("uploaded");
    let bounds = cubes.bounds();
    for round in 0..12 {
        // From all in one point to all over the cluster's room.
        let reach = [0.0, 1e-6, 1e-3, 0.3, 7.9, 20.0][round % 6];
        let now: Vec<_> = before.iter().map(|old| cube(&mut random, center(cluster_of(old)), reach)).collect();
        let places = buffer(&gpu, &now).await;
        run(&gpu, cubes.refit(&places).expect("as many")).await;
        assert_same(&cubes.packed().await.expect("read back"), &packed(&gpu, &now).await, &format!("reach {reach}"));
    }
    assert_eq!((cubes.count(), cubes.bounds()), (before.len(), bounds));
    close(gpu).await;
}

#[tokio::test]
async fn one_cell_of_any_numbers_is_packed_alike() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    for round in 0..40 {
        let count = 1 + random.bits() as usize % 128;
        let magnitude = |random: &mut Random, low, high| 2f32.powf(random.between(low, high));
        let (scale, spread) = (magnitude(&mut random, -50.0, 55.0), magnitude(&mut random, -30.0, 1.0));
        let number = |random: &mut Random| match random.bits() % 16 {
            0 => 0.0,
            1 => -0.0,
            2 => f32::from_bits(random.bits() as u32 & 0x807f_ffff), // too small for a GPU to tell from 0
            3 => scale * random.between(-1.0, 1.0),
            _ => scale * (1.0 + spread * random.between(-1.0, 1.0)),
        };
        let now: Vec<_> = (0..count)
            .map(|_| Instance {
                position: [number(&mut random), number(&mut random), number(&mut random)],
                half_edge: 0.37 * magnitude(&mut random, -18.0, 0.0),
                color: random.bits() as u32,
            })
            .collect();
        let before = (0..count).map(|_| cube(&mut random, Vec3::ZERO, 3.0)).collect::<Vec<_>>();
        let cubes = Cubes::upload(&gpu, before).await.expect("uploaded");
        run(&gpu, cubes.refit(&buffer(&gpu, &now).await).expect("as many")).await;
        let what = format!("round {round}, {count} cubes, scale {scale:e}, spread {spread:e}");
        assert_same(&cubes.packed().await.expect("read back"), &packed(&gpu, &now).await, &what);
    }
    close(gpu).await;
}

#[tokio::test]
async fn cubes_whose_places_make_no_sense_stay_and_harm_no_other() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let before = clusters(&mut random, 10.0);
    let cubes = Cubes::upload(&gpu, before.clone()).await.expect("uploaded");
    let old = cubes.packed().await.expect("read back");
    let mut now: Vec<_> = before.iter().map(|old| cube(&mut random, center(cluster_of(old)), 15.0)).collect();
    let mut expected = now.clone();
    for (turn, id) in (0..now.len()).step_by(9).enumerate() {
        expected[id] = old[id];
        let (axis, bad) = (id % 3, [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.2e18, f32::MAX][turn % 5]);
        match turn % 3 {
            0 => now[id].half_edge = [0.0, -0.5, 1e-20, f32::NAN, f32::INFINITY][turn % 5],
            _ => now[id].position[axis] = bad,
        }
    }
    run(&gpu, cubes.refit(&buffer(&gpu, &now).await).expect("as many")).await;
    assert_same(&cubes.packed().await.expect("read back"), &packed(&gpu, &expected).await, "bad ones among good ones");
    close(gpu).await;
}

#[tokio::test]
async fn some_cubes_are_packed_again_with_their_cells_and_no_other() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let before = clusters(&mut random, 10.0);
    let cubes = Cubes::upload(&gpu, before.clone()).await.expect("uploaded");
    let mut expected = before.clone();
    for round in 0..5 {
        let now: Vec<_> = before.iter().map(|old| cube(&mut random, center(cluster_of(old)), 15.0)).collect();
        let moved: Vec<usize> = (0..CLUSTERS).filter(|_| random.bits().is_multiple_of(3)).chain([round]).collect();
        let of_moved = |id: &usize| moved.contains(&cluster_of(&before[*id]));
        for id in (0..now.len()).filter(of_moved) {
            expected[id] = now[id];
        }
        // A few of each cluster, some twice.
        let ids: Vec<_> = (0..now.len()).filter(of_moved).filter(|id| id % 11 < 3).map(|id| id as u32).collect();
        let places = buffer(&gpu, &now).await;
        let refit = cubes.refit_some(&places, [&ids[..], &ids[..5]].concat()).await.expect("as many");
        run(&gpu, refit).await;
        let what = format!("round {round}, clusters {moved:?}");
        assert_same(&cubes.packed().await.expect("read back"), &packed(&gpu, &expected).await, &what);
    }
    close(gpu).await;
}

#[tokio::test]
async fn a_cull_after_a_refit_sees_the_cubes_where_they_are() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, block(12, Vec3::ZERO)).await.expect("uploaded");
    let moved: Vec<_> = block(12, Vec3::X * 500.0);
    let camera = |x: f32| Camera::perspective(1.0, 1.0, 0.1).look_at(Vec3::new(x, 0.0, 60.0), Vec3::X * x, Vec3::Y);
    let places = buffer(&gpu, &moved).await;
    let mut seen = Vec::new();
    for refit in [false, true] {
        for x in [0.0, 500.0] {
            let graph = Graph::new(&gpu, "cull");
            if refit {
                graph.add(cubes.refit(&places).expect("as many"));
            }
            graph.add(cubes.cull(camera(x)));
            graph.submit().await.expect("submitted").await.expect("completed");
            seen.push(cubes.visible_count().await.expect("read back"));
        }
    }
    assert_eq!(seen, [1728, 0, 0, 1728]);
    close(gpu).await;
}

#[tokio::test]
async fn a_scene_that_was_refitted_is_seen_as_one_that_was_uploaded_so() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    // Cells without any extent get one: who goes by what they were loses most of their cubes.
    let before = clusters(&mut random, 0.0);
    let now: Vec<_> = before.iter().map(|old| cube(&mut random, center(cluster_of(old)), 25.0)).collect();
    let refitted = Cubes::upload(&gpu, before).await.expect("uploaded");
    run(&gpu, refitted.refit(&buffer(&gpu, &now).await).expect("as many")).await;
    let fresh = Cubes::upload(&gpu, now.clone()).await.expect("uploaded");

    let renderer = Renderer::headless(&gpu, [96, 64]).expect("a renderer");
    let options = ViewOptions::default().lod(false);
    let views =
        [refitted.view([96, 64], options).await.expect("a view"), fresh.view([96, 64], options).await.expect("a view")];
    let mut seen = 0;
    for _ in 0..12 {
        let camera = random.camera(now.bounds());
        run(&gpu, (refitted.cull(camera), fresh.cull(camera))).await;
        assert_eq!(
            refitted.visible().await.expect("read back"),
            fresh.visible().await.expect("read back"),
            "{camera:?}"
        );
        let mut ids = Vec::new();
        for view in &views {
            let frame = renderer.frame().await.expect("a frame");
            frame.add(view.draw(camera, frame.target()));
            frame.submit().await.expect("submitted").await.expect("completed");
            ids.push(view.ids().await.expect("read back"));
        }
        assert!(ids[0] == ids[1], "{camera:?}");
        seen += ids[0].iter().filter(|&&id| id != NO_ID).count();
    }
    assert!(seen > 1000, "the cameras saw cubes at {seen} pixels, too few to tell");
    drop((refitted, fresh, views, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn places_that_do_not_fit_the_scene_are_refused() {
    let (gpu, other) = (strict_gpu(), strict_gpu());
    let all = block(5, Vec3::ZERO);
    let cubes = Cubes::upload(&gpu, all.clone()).await.expect("uploaded");
    let (fewer, foreign, places) =
        (buffer(&gpu, &all[1..]).await, buffer(&other, &all).await, buffer(&gpu, &all).await);
    let error = cubes.refit(&fewer).expect_err("not as many").to_string();
    assert!(error.contains("125") && error.contains("124") && error.contains("places"), "{error}");
    assert!(matches!(cubes.refit(&foreign), Err(Error::Invalid(_))));
    assert!(matches!(cubes.refit_some(&fewer, vec![0]).await, Err(Error::Invalid(_))));
    let error = cubes.refit_some(&places, vec![3, 125]).await.expect_err("no such cube").to_string();
    assert!(error.contains("cube 125"), "{error}");
    assert!(matches!(cubes.refit_some(&places, vec![]).await, Err(Error::Invalid(_))));
    drop((cubes, fewer, places, foreign));
    close(gpu).await;
    close(other).await;
}

#[tokio::test]
async fn chunks_have_no_seams() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let before = clusters(&mut random, 10.0);
    let whole = Cubes::upload(&gpu, before.clone()).await.expect("uploaded");
    // 2^6 cubes: each cell lies in three to five chunks.
    let cubes = Cubes::upload_in_chunks(&gpu, before.clone(), 6).await.expect("uploaded");
    assert!((32..64).contains(&before.len().div_ceil(64)));
    assert_same(&cubes.packed().await.expect("read back"), &whole.packed().await.expect("read back"), "uploaded");

    let now: Vec<_> = before.iter().map(|old| cube(&mut random, center(cluster_of(old)), 15.0)).collect();
    let places = buffer(&gpu, &now).await;
    run(&gpu, (cubes.refit(&places).expect("as many"), whole.refit(&places).expect("as many"))).await;
    assert_same(&cubes.packed().await.expect("read back"), &whole.packed().await.expect("read back"), "refitted");
    for _ in 0..5 {
        let camera = random.camera(now.bounds());
        run(&gpu, (cubes.cull(camera), whole.cull(camera))).await;
        assert_eq!(cubes.visible().await.expect("read back"), whole.visible().await.expect("read back"));
    }
    let error = Cubes::upload_in_chunks(&gpu, before, 4).await.expect_err("too many chunks").to_string();
    assert!(error.contains("64 chunks"), "{error}");
    drop((cubes, whole, places));
    close(gpu).await;
}

#[tokio::test]
async fn a_wave_moves_each_cube_by_its_id_and_the_time() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, grid(9000)).await.expect("uploaded");
    let rest = cubes.packed().await.expect("read back");
    let wave = Wave::new(&cubes, 3.0).await.expect("made");
    for time in [0.0, 1.25, -7.0, 1e6] {
        run(&gpu, (wave.at(time), cubes.refit(wave.places()).expect("as many"))).await;
        let places = gpu.read(wave.places(), ..).await.expect("read back");
        let packed = cubes.packed().await.expect("read back");
        for (id, rest) in rest.iter().enumerate() {
            let [x, y, z] = rest.position;
            let exact = f64::from(y) + 3.0 * (time + 0.1 * id as f64).sin();
            // Sines are good to 2^-11 on every GPU.
            let off = f64::from(places[id].position[1]) - exact;
            assert!(off.abs() < 2e-3, "cube {id} at {time} s is off by {off}");
            assert_eq!(Instance { position: [x, places[id].position[1], z], ..*rest }, places[id]);
            let seen = packed[id].position;
            assert_eq!((seen[0], seen[2], packed[id].half_edge, packed[id].color), (x, z, 0.5, rest.color));
            assert!((seen[1] - places[id].position[1]).abs() < 1e-2, "{seen:?}");
        }
    }
    assert!(matches!(Wave::new(&cubes, f32::NAN).await, Err(Error::Invalid(_))));
    drop((cubes, wave));
    close(gpu).await;
}
