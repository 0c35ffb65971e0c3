//! A view that leaves out what is hidden shows, at every pixel, what a view that leaves out nothing shows.

mod caster;
mod common;
mod scenes;
mod views;

use caster::{
    Caster, Cube, Lens,
    cameras::hard,
    judge::{Exact, Verdict},
    packed::{all, faithful},
};
use common::{close, soon, strict_gpu};
use scenes::{Random, seed};
use views::{Stand, boxes, put, run};
use vulkio::{
    Cubes, Gpu, GpuBuffer, Graph, NO_ID, RasterPath, ViewOptions,
    glam::Vec3,
    scene::{Bounds, Camera, Instance, InstanceSource, city},
};

/// Both ways to draw, one after the other.
const WAYS: [RasterPath; 2] = [RasterPath::Compute, RasterPath::Hardware];
/// Exact pictures are made now and then.
const LOOK: usize = 97;

/// A city whose cubes move, and two views of it.
struct Town {
    gpu: Gpu,
    cubes: Cubes,
    home: Vec<Instance>,
    now: Vec<Instance>,
    places: GpuBuffer<Instance>,
    bounds: Bounds,
    /// In a street, looking along it: most of the city is hidden from there.
    street: Camera,
    random: Random,
    size: [u32; 2],
    on: Stand,
    off: Stand,
    eye: Vec3,
    seen: Verdict,
    covered: usize,
    changed: usize,
    /// Pixels that may show either of two cubes, and did.
    ties: usize,
    /// Cells drawn with occlusion and without.
    drawn: [u64; 2],
}

impl Town {
    async fn new(count: usize, size: [u32; 2], options: ViewOptions) -> Self {
        let gpu = strict_gpu();
        let source = city(count, 5);
        let (home, bounds) = (all(&source), source.bounds());
        let street = source.street_camera(size[0] as f32 / size[1] as f32);
        let cubes = Cubes::upload(&gpu, source).await.expect("uploaded");
        let places = views::places(&gpu, &home).await;
        let on = Stand::new(&gpu, &cubes, size, options.occlusion(true)).await;
        let off = Stand::new(&gpu, &cubes, size, options.occlusion(false)).await;
        let (seen, random) = (Verdict::default(), Random(seed()));
        let (now, eye) = (home.clone(), street.eye());
        Self {
            gpu,
            cubes,
            home,
            now,
            places,
            bounds,
            street,
            random,
            size,
            on,
            off,
            eye,
            seen,
            covered: 0,
            changed: 0,
            ties: 0,
            drawn: [0; 2],
        }
    }

    fn lens(&self, fov: f32) -> Camera {
        Camera::perspective(fov, self.size[0] as f32 / self.size[1] as f32, 0.05)
    }

    /// Five ways to move, fifty frames each.
    fn camera(&mut self, n: usize) -> Camera {
        let (center, half) = (self.bounds.center(), self.bounds.half_extent());
        let t = n as f32;
        match n / 50 % 5 {
            // A flight along streets, so fast that hardly anything stays in the picture.
            0 => {
                let way = Vec3::new((t * 0.9).sin(), 0.0, (t * 0.7).cos());
                self.eye = self.street.eye() + way * half * 0.5 + Vec3::Y * (t * 0.31).sin().max(0.0) * half.y;
                self.lens(1.2).look_at(self.eye, self.eye + Vec3::new((t * 1.3).cos(), -0.1, (t * 1.3).sin()), Vec3::Y)
            }
            // Somewhere else in every frame.
            1 => {
                let all: Vec<Cube> = self.now.iter().map(Cube::from).collect();
                hard(&mut self.random, n, self.bounds, &all, self.size)
            }
            // Two places in turn: what the history says is always of the other one.
            2 => {
                let side = if n.is_multiple_of(2) { 1.0 } else { -1.0 };
                self.lens(0.9).look_at(center + half * Vec3::new(1.3, 0.2, 0.4) * side, center, Vec3::Y)
            }
            // Standing still.
            3 => self.street,
            // At the spot, turning.
            _ => {
                let toward = Vec3::new((t * 0.6).sin(), -0.1, (t * 0.6).cos());
                self.lens(1.5).look_at(self.eye, self.eye + toward, Vec3::Y)
            }
        }
    }

    /// Four ways to change the scene, a hundred frames each; the first of them is to leave it as it is.
    fn move_cubes(&mut self, n: usize) -> bool {
        let (count, half, center) = (self.home.len(), self.bounds.half_extent(), self.bounds.center());
        match n / 100 % 4 {
            0 => return n.is_multiple_of(100) && self.restore(),
            // A wave.
            1 => {
                for (i, (now, home)) in self.now.iter_mut().zip(&self.home).enumerate() {
                    now.position[1] = home.position[1] + (n as f32 * 0.4 + i as f32 * 0.01).sin() * half.y * 0.2;
                }
            }
            // A wall that is there in every third frame, made of a quarter of all cubes.
            2 => {
                self.now.copy_from_slice(&self.home);
                if n.is_multiple_of(3) {
                    let side = (count as f32 / 4.0).sqrt().ceil() as usize;
                    for (i, now) in self.now.iter_mut().step_by(4).enumerate() {
                        let across = Vec3::new((i % side) as f32, (i / side) as f32, 0.0) / side as f32 * 2.0 - 1.0;
                        let place = Vec3::new(
                            center.x + across.x * half.x,
                            center.y + across.y * half.y,
                            center.z + half.z * 1.1,
                        );
                        now.position = place.to_array();
                        now.half_edge = 1.2 * half.max_element() / side as f32;
                    }
                }
            }
            // A tenth of them jump anywhere, and change their sizes.
            _ => {
                for _ in 0..count / 10 {
                    let i = self.random.bits() as usize % count;
                    let size = 10f32.powf(self.random.between(-1.0, 0.6));
                    self.now[i].position = self.random.vector(self.bounds.min, self.bounds.max).to_array();
                    self.now[i].half_edge = self.home[i].half_edge * size;
                }
            }
        }
        true
    }

    fn restore(&mut self) -> bool {
        self.now.copy_from_slice(&self.home);
        true
    }

    /// One frame: both views, and their ids.
    async fn frame(&mut self, n: usize, moves: bool) {
        let moved = moves && self.move_cubes(n);
        let camera = self.camera(n);
        let graph = Graph::new(&self.gpu, "frame");
        if moved {
            self.changed += 1;
            put(&self.gpu, &self.places, &self.now).await;
            graph.add(self.cubes.refit(&self.places).expect("as many"));
        }
        graph.add(self.on.view.draw(camera, &self.on.target));
        graph.add(self.off.view.draw(camera, &self.off.target));
        run(graph).await;
        let (on, off) = (self.on.last_ids().await, self.off.last_ids().await);
        // Standing still, so that what the frame before showed hides the rest.
        if n / 50 % 5 == 3 && n % 50 == 49 {
            for (sum, stand) in self.drawn.iter_mut().zip([&self.on, &self.off]) {
                let counts = soon("counts", stand.view.counts()).await.expect("read back");
                // What is drawn first are cubes, as many as show; the cells are what hiding spares.
                *sum += u64::from(counts.appeared);
            }
        }
        self.covered += off.iter().filter(|&&id| id != NO_ID).count();
        if n.is_multiple_of(LOOK) {
            let packed = soon("cubes", self.cubes.packed()).await.expect("read back");
            faithful(&self.now, &packed, &format!("frame {n}"));
        }
        if n.is_multiple_of(LOOK) || on != off {
            self.judge(n, camera, &on, &off).await;
        }
    }

    async fn judge(&mut self, n: usize, camera: Camera, on: &[u32], off: &[u32]) {
        let packed = soon("cubes", self.cubes.packed()).await.expect("read back");
        let caster = Caster::new(&packed);
        let exact = Exact::new(&caster, Lens::new(&camera, self.size));
        // The rasteriser shows the first of cubes whose depths round to the same, in whatever order it got them.
        let may_show = |pixel: usize, id: u32| {
            exact.id(pixel) == id || exact.tied(pixel, id) || caster.may_show(&exact.lens, pixel, id)
        };
        let is_tie = |pixel: usize| may_show(pixel, on[pixel]) && may_show(pixel, off[pixel]);
        let differ = (0..on.len()).filter(|&pixel| on[pixel] != off[pixel]).count();
        self.ties += differ;
        let same =
            |pixel: usize| on[pixel] == off[pixel] || self.on.view.path() == RasterPath::Hardware && is_tie(pixel);
        let different: Vec<usize> = (0..on.len()).filter(|&pixel| !same(pixel)).collect();
        let first = different.first().map(|&pixel| (pixel, on[pixel], off[pixel], exact.hits[pixel]));
        let (on, off) = (exact.judge(on), exact.judge(off));
        assert!(
            different.is_empty(),
            "frame {n}: {} pixels differ, the first {first:?}; with occlusion {}, without {}; {camera:?}",
            different.len(),
            on.line(),
            off.line()
        );
        self.seen.add(on);
    }

    async fn end(self, frames: usize) {
        println!("{} pixels covered, the scene changed {} times; {}", self.covered, self.changed, self.seen.line());
        println!("{:?} cells drawn with and without", self.drawn);
        assert!(self.ties * 200 < self.covered, "{} pixels of {} are ties", self.ties, self.covered);
        let [on, off] = self.drawn;
        assert!(
            frames < 250 || self.changed > 0 || on * 10 < off * 8,
            "{on} cells were drawn, {off} without: nothing was left out"
        );
        let pixels = self.size[0] as usize * self.size[1] as usize * frames;
        assert!(self.covered * 4 > pixels, "{} of {pixels} pixels showed a cube", self.covered);
        assert_eq!((self.seen.wrong, self.seen.missing), (0, 0), "{}", self.seen.notes.join("\n"));
        let Self { gpu, cubes, on, off, places, .. } = self;
        drop((cubes, on, off, places));
        close(gpu).await;
    }
}

async fn frames(count: usize, size: [u32; 2], options: ViewOptions, frames: usize, moves: bool) {
    let mut town = Town::new(count, size, options).await;
    for n in 0..frames {
        town.frame(n, moves).await;
    }
    town.end(frames).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_small_frames_of_the_compute_path_miss_nothing() {
    frames(20_000, [45, 33], boxes(RasterPath::Compute), 1000, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_small_frames_of_the_hardware_path_miss_nothing() {
    frames(20_000, [45, 33], boxes(RasterPath::Hardware), 1000, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scene_that_stands_still_misses_nothing() {
    for path in WAYS {
        frames(40_000, [64, 48], boxes(path), 250, false).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_of_any_size_miss_nothing() {
    // Depth pyramids of sizes that halve badly.
    for size in [[1, 1], [2, 3], [5, 200], [127, 1], [65, 65], [129, 31], [33, 255]] {
        for path in WAYS {
            frames(20_000, size, boxes(path), 200, false).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_level_of_detail_what_is_hidden_is_left_out_all_the_same() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    for path in WAYS {
        let source = city(30_000, 6);
        let (bounds, given) = (source.bounds(), all(&source));
        let given: Vec<Cube> = given.iter().map(Cube::from).collect();
        let cubes = Cubes::upload(&gpu, source).await.expect("uploaded");
        let size = [61, 47];
        let options = ViewOptions::default().path(path);
        let on = Stand::new(&gpu, &cubes, size, options.occlusion(true)).await;
        let off = Stand::new(&gpu, &cubes, size, options.occlusion(false)).await;
        for n in 0..150 {
            let near = hard(&mut random, n / 2, bounds, &given, size);
            // Every other from so far that cubes are splats or less.
            let out = (near.eye() - bounds.center()) * if n.is_multiple_of(2) { 1.0 } else { 12.0 };
            let camera = near.look_at(bounds.center() + out, bounds.center(), Vec3::Y);
            let (on, off) = (on.ids(camera).await, off.ids(camera).await);
            let different = (0..on.len()).filter(|&pixel| on[pixel] != off[pixel]);
            let different: Vec<_> = different.map(|pixel| (pixel, on[pixel], off[pixel])).collect();
            // The rasteriser's ties fall to whichever cube was drawn first.
            let most = if matches!(path, RasterPath::Hardware) { size[0] * size[1] / 200 } else { 0 } as usize;
            let count = different.len();
            assert!(count <= most, "frame {n}, {path:?}: {count} differ: {different:?}; {camera:?}");
        }
        drop((on, off, cubes));
    }
    close(gpu).await;
}
