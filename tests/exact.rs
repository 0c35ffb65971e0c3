//! The pixels of every scene and both ways to draw against a ray-caster in double precision.

mod caster;
mod common;
mod scenes;
mod views;

use std::collections::BTreeMap;

use caster::{
    Caster, Lens,
    cameras::{KINDS, hard},
    judge::{Exact, Verdict},
    packed::{all, faithful},
};
use common::{close, strict_gpu};
use scenes::{Random, seed};
use views::{PATHS, Stand, boxes};
use vulkio::{
    Cubes,
    scene::{InstanceSource, block, city, field, grid, terrain},
};

const CAMERAS: usize = 20;
const SIZE: [u32; 2] = [128, 96];
const ODD: [[u32; 2]; 6] = [[61, 127], [127, 1], [3, 129], [255, 63], [17, 16], [97, 131]];

/// Draws `source` from cameras at sizes, and compares.
async fn check(name: &str, source: impl InstanceSource, sizes: &[[u32; 2]]) {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let given = all(&source);
    let bounds = source.bounds();
    let cubes = Cubes::upload(&gpu, source).await.expect("uploaded");
    let packed = cubes.packed().await.expect("read back");
    faithful(&given, &packed, name);
    let caster = Caster::new(&packed);

    let mut stands = BTreeMap::new();
    let mut verdicts = PATHS.map(|_| Verdict::default());
    let mut shown = 0;
    for (n, &size) in sizes.iter().enumerate() {
        let camera = hard(&mut random, n, bounds, &caster.cubes, size);
        let exact = Exact::new(&caster, Lens::new(&camera, size));
        shown += exact.shown();
        for (which, (path_name, path)) in PATHS.into_iter().enumerate() {
            // One view for all cameras of a size: each is a teleport to the one before it.
            let stand = match stands.entry((size, path_name)) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(Stand::new(&gpu, &cubes, size, boxes(path)).await)
                }
            };
            let ids = stand.ids(camera).await;
            let mut verdict = exact.judge(&ids);
            let again = stand.ids(camera).await;
            if let Some(pixel) = (0..ids.len()).find(|&pixel| ids[pixel] != again[pixel]) {
                // Equal depths may be shown either way; what is no tie may not change by drawing again.
                let note = |id| (id, caster.may_show(&exact.lens, pixel, id));
                verdict.add(exact.judge(&again));
                verdict.notes.push(format!("pixel {pixel} is {:?}, then {:?}", note(ids[pixel]), note(again[pixel])));
            }
            let at = format!("{name}, {path_name}, camera {n} {} at {size:?}: {camera:?}", KINDS[n % KINDS.len()]);
            if verdict.different > 0 {
                println!("{} {at}\n{}", verdict.line(), verdict.notes.join("\n"));
            }
            verdict.notes.iter_mut().for_each(|note| *note += &format!("; {at}"));
            verdicts[which].add(verdict);
        }
    }
    for ((path, _), verdict) in PATHS.into_iter().zip(&verdicts) {
        println!("{name}, {path}: {}", verdict.line());
    }
    for ((path, _), verdict) in PATHS.into_iter().zip(&verdicts) {
        verdict.check(&format!("{name}, {path}"));
        assert!(verdict.large > 1000, "{name}: {} pixels of large cubes are too few to tell", verdict.large);
    }
    assert!(shown >= 50 * sizes.len(), "{name}: the cameras saw {shown} cubes, too few to tell");
    drop((stands, cubes));
    close(gpu).await;
}

/// Twenty cameras, six of them at odd sizes.
fn small() -> Vec<[u32; 2]> {
    let sizes = (0..CAMERAS).map(|n| if n % 3 == 1 { ODD[n / 3 % ODD.len()] } else { SIZE });
    sizes.collect()
}

const HUGE: [[u32; 2]; 1] = [[1919, 1079]];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grid_is_what_rays_see() {
    check("the grid", grid(10_000), &small()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_block_is_what_rays_see() {
    check("the block", block(5_000), &small()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_field_is_what_rays_see() {
    check("the field", field(4_000, 11), &small()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_city_is_what_rays_see() {
    check("the city", city(8_000, 12), &small()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terrain_is_what_rays_see() {
    check("the terrain", terrain(6_000, 13), &small()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grid_is_what_rays_see_in_a_large_picture_of_odd_size() {
    check("the grid", grid(3_000), &HUGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_block_is_what_rays_see_in_a_large_picture_of_odd_size() {
    check("the block", block(3_000), &HUGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_field_is_what_rays_see_in_a_large_picture_of_odd_size() {
    check("the field", field(3_000, 21), &HUGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_city_is_what_rays_see_in_a_large_picture_of_odd_size() {
    check("the city", city(8_000, 22), &HUGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terrain_is_what_rays_see_in_a_large_picture_of_odd_size() {
    check("the terrain", terrain(6_000, 23), &HUGE).await;
}
