//! What the rasteriser makes of lists, against a ray-caster in double precision.

use glam::{DVec3, Vec3};

use super::*;
use crate::{
    Cubes, GpuBuffer, GpuOptions, Graph, Validation,
    cells::CellStore,
    scene::{Camera, Instance},
};

const SIZE: [u32; 2] = [97, 64];

/// A packed scene and what it is to the CPU.
struct Scene {
    scene: Cubes,
    /// The dequantised cubes, by word.
    cubes: Vec<(u32, Instance)>,
}

impl Scene {
    async fn new(gpu: &Gpu, cubes: Vec<Instance>) -> Self {
        let scene = Cubes::upload(gpu, cubes).await.expect("uploaded");
        let store = &scene.shared.store;
        let cells = gpu.read(&store.cells, ..).await.expect("read");
        let packed = gpu.read(&store.chunks[0], ..).await.expect("read");
        let cubes = (0..store.cell_count as usize).flat_map(|number| {
            let (first, end) = (cells[number].first as usize, cells[number + 1].first as usize);
            let cubes: Vec<_> = packed[first..end].iter().map(|cube| cells[number].unpack(cube)).collect();
            cubes.into_iter().enumerate().map(move |(index, cube)| ((number << 8 | index) as u32, cube))
        });
        let cubes = cubes.collect();
        Self { scene, cubes }
    }

    fn store(&self) -> &CellStore {
        &self.scene.shared.store
    }
}

/// The ray through a point of the picture, in pixels.
fn ray(camera: &Camera, x: f64, y: f64) -> DVec3 {
    let [right, up, forward] = camera.basis();
    let [half_width, half_height] = camera.half_size();
    let [width, height] = SIZE.map(f64::from);
    forward + right * ((2.0 * x / width - 1.0) * half_width) - up * ((2.0 * y / height - 1.0) * half_height)
}

/// The nearest cube that the ray enters behind the near plane, and the depth there.
fn cast(scene: &Scene, camera: &Camera, ray: DVec3) -> Option<(u32, f64)> {
    let near = f64::from(camera.near());
    let entries = scene.cubes.iter().filter_map(|(word, cube)| {
        let center = Vec3::from_array(cube.position).as_dvec3() - camera.eye().as_dvec3();
        let half = f64::from(cube.half_edge);
        let (a, b) = ((center - half) / ray, (center + half) / ray);
        let (entry, exit) = (a.min(b).max_element(), a.max(b).min_element());
        (entry <= exit && entry >= near).then_some((*word, entry))
    });
    let (word, entry) = entries.min_by(|one, other| one.1.total_cmp(&other.1))?;
    Some((word, near / entry))
}

/// Whether a ray within 1/128 of a pixel sees what the GPU did.
fn near_an_edge(scene: &Scene, camera: &Camera, [x, y]: [f64; 2], seen: Option<u32>) -> bool {
    (0..16).any(|turn| {
        let (down, across) = (f64::from(turn) * std::f64::consts::TAU / 16.0).sin_cos();
        let ray = ray(camera, x + across / 128.0, y + down / 128.0);
        cast(scene, camera, ray).map(|hit| hit.0) == seen
    })
}

/// How many pixels show a cube; all are as the ray-caster has them.
fn compare(scene: &Scene, camera: &Camera, visibility: &[u64], what: &str) -> usize {
    let (mut shown, mut excused) = (0, 0);
    for (pixel, &seen) in visibility.iter().enumerate() {
        let at = [pixel as u32 % SIZE[0], pixel as u32 / SIZE[0]].map(|side| f64::from(side) + 0.5);
        let hit = cast(scene, camera, ray(camera, at[0], at[1]));
        let (word, depth) = ((seen != 0).then_some(seen as u32), f64::from(f32::from_bits((seen >> 32) as u32)));
        shown += usize::from(hit.is_some());
        match hit {
            Some((expected, exact)) if word == Some(expected) => {
                assert!((depth / exact - 1.0).abs() < 2e-3, "{what}: depth {depth} for {exact} at {at:?}");
            }
            None if word.is_none() => {}
            _ => {
                assert!(near_an_edge(scene, camera, at, word), "{what}: {word:x?} for {hit:x?} at {at:?}");
                excused += 1;
            }
        }
    }
    assert!(excused * 100 <= visibility.len(), "{what}: {excused} pixels are next to edges");
    shown
}

/// Draws `batches`, the first after clearing; what is visible then.
async fn draw(
    gpu: &Gpu,
    hardware: &Hardware,
    scene: &Scene,
    camera: &Camera,
    batches: &[(Listed, Vec<u32>)],
) -> Vec<u64> {
    let pixels = (SIZE[0] * SIZE[1]) as usize;
    let visibility = gpu.buffer::<u64>("visibility", pixels).expect("a buffer");
    gpu.upload(&visibility, 0, vec![0u64; pixels]).await.expect("uploaded");
    let graph = Graph::new(gpu, "draw");
    for (number, (listed, entries)) in batches.iter().enumerate() {
        let list: GpuBuffer<u32> = gpu.buffer("list", 2 + entries.len()).expect("a buffer");
        // More are wanted than have room.
        let words = [entries.len() as u32 + 9, entries.len() as u32].into_iter().chain(entries.iter().copied());
        gpu.upload(&list, 0, words.collect::<Vec<_>>()).await.expect("uploaded");
        let (count, entries) = (list.address(), list.address() + 8);
        let batch = Batch {
            listed: *listed,
            entries,
            count,
            empties: number == 0 && *listed == Listed::Cells,
            buffer: (&list).into(),
        };
        hardware.args(graph.pass("args"), &batch);
        let drawn = Drawn { scene: scene.store(), camera, batch: &batch, first: number == 0, target: None, haze: 0.0 };
        hardware.draw(graph.pass("draw"), &drawn);
        hardware.copy(graph.pass("copy"));
        hardware.merge(graph.pass("merge"), &visibility);
    }
    graph.submit().await.expect("submitted").await.expect("complete");
    gpu.read(&visibility, ..).await.expect("read").to_vec()
}

/// A heap of cubes of all sizes that cut each other.
fn heap(count: usize) -> Vec<Instance> {
    let mut bits = 20_261_122_u64;
    let mut random = move || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (bits >> 40) as f32 / (1u64 << 24) as f32
    };
    let cube = |_| {
        let place = Vec3::new(random(), random(), random()) * 20.0 - 10.0;
        Instance::new(place, 0.2 + random() * random(), [random(), random(), random()])
    };
    (0..count).map(cube).collect()
}

fn cameras() -> Vec<Camera> {
    let lens = |near| Camera::perspective(0.9, SIZE[0] as f32 / SIZE[1] as f32, near);
    let of = |near, eye: [f32; 3], target: [f32; 3]| lens(near).look_at(eye.into(), target.into(), Vec3::Y);
    vec![
        of(0.1, [21.0, 17.0, 23.0], [0.0, 0.0, 0.0]),
        // Within the heap; the near plane of the second cuts through many cubes.
        of(0.05, [0.3, 0.2, -0.4], [6.0, -4.0, 5.0]),
        of(4.0, [-2.0, 3.0, 1.0], [6.0, -4.0, -5.0]),
        // Along an axis: two of three faces show their backs.
        of(0.1, [0.0, 0.0, 30.0], [0.0, 0.0, 0.0]),
        of(0.1, [-19.0, 0.5, 0.5], [0.0, 0.5, 0.5]),
    ]
}

async fn opened() -> (Gpu, Hardware) {
    let gpu = Gpu::open_blocking(GpuOptions::default().validation(Validation::Strict)).expect("tests need a device");
    let hardware = Hardware::new(&gpu, SIZE, 1, 1, None).await.expect("pipelines");
    (gpu, hardware)
}

async fn close(gpu: Gpu) {
    gpu.close().await.expect("the device closes");
    assert_eq!(gpu.validation_log().messages(), Vec::<String>::new());
}

#[tokio::test]
async fn lists_of_cells_and_of_words_show_what_a_ray_caster_sees() {
    let (gpu, hardware) = opened().await;
    let scene = Scene::new(&gpu, heap(700)).await;
    let cells = scene.store().cell_count;
    assert!(cells > 2, "{cells} cells");
    let words: Vec<u32> = scene.cubes.iter().map(|cube| cube.0).collect();
    let mut shown = 0;
    for (number, camera) in cameras().iter().enumerate() {
        let at = |what: &str| format!("{what}, camera {number}");
        let all = draw(&gpu, &hardware, &scene, camera, &[(Listed::Cells, (0..cells).collect())]).await;
        shown += compare(&scene, camera, &all, &at("all cells"));

        let [odd, even] = [1, 0].map(|rest| (0..cells).filter(|cell| cell % 2 == rest).collect());
        let two = draw(&gpu, &hardware, &scene, camera, &[(Listed::Cells, odd), (Listed::Cells, even)]).await;
        compare(&scene, camera, &two, &at("cells in two draws"));

        let by_word = draw(&gpu, &hardware, &scene, camera, &[(Listed::Words, words.clone())]).await;
        compare(&scene, camera, &by_word, &at("words"));

        let (far, near) = words.split_at(words.len() / 3);
        let far = far.iter().map(|word| word >> 8).collect::<std::collections::BTreeSet<_>>();
        let batches = [(Listed::Words, near.to_vec()), (Listed::Cells, far.into_iter().collect())];
        let mixed = draw(&gpu, &hardware, &scene, camera, &batches).await;
        compare(&scene, camera, &mixed, &at("words, then cells"));
    }
    assert!(shown > 5 * 1000, "only {shown} pixels show a cube");
    drop((scene, hardware));
    close(gpu).await;
}

#[tokio::test]
async fn empty_lists_draw_nothing_and_leave_what_was_drawn() {
    let (gpu, hardware) = opened().await;
    let scene = Scene::new(&gpu, heap(300)).await;
    let camera = cameras()[0];
    let none = [(Listed::Cells, Vec::new()), (Listed::Words, Vec::new())];
    let empty = draw(&gpu, &hardware, &scene, &camera, &none).await;
    assert!(empty.iter().all(|&seen| seen == 0));
    let all = (Listed::Cells, (0..scene.store().cell_count).collect());
    let alone = draw(&gpu, &hardware, &scene, &camera, std::slice::from_ref(&all)).await;
    let [cells, words] = none;
    let between = draw(&gpu, &hardware, &scene, &camera, &[words, all, cells]).await;
    assert!(alone.iter().any(|&seen| seen != 0) && alone == between);
    drop((scene, hardware));
    close(gpu).await;
}

#[tokio::test]
async fn instances_of_any_number_of_cubes_draw_the_same() {
    let (gpu, mut hardware) = opened().await;
    let scene = Scene::new(&gpu, heap(500)).await;
    let camera = cameras()[1];
    let cells = (Listed::Cells, (0..scene.store().cell_count).collect());
    let words = (Listed::Words, scene.cubes.iter().map(|cube| cube.0).collect());
    let mut pictures = Vec::new();
    for shift in [5, 6, 7, 8] {
        hardware.mesh = Mesh::new(&gpu, Some(shift)).await.expect("a mesh");
        for list in [&cells, &words] {
            pictures.push(draw(&gpu, &hardware, &scene, &camera, std::slice::from_ref(list)).await);
        }
    }
    assert!(pictures[0].iter().any(|&seen| seen != 0));
    assert!(pictures.windows(2).all(|pair| pair[0] == pair[1]));
    drop((scene, hardware));
    close(gpu).await;
}
