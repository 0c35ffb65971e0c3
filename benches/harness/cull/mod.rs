//! What the cull bench is made of: scenes, cameras, rows and their times.

pub(crate) mod copy;
pub(crate) mod records;

use vulkio::{
    Cubes, Frame, Gpu, Graph, Renderer,
    glam::Vec3,
    scene::{Bounds, Camera, Instance, InstanceSource},
};

use super::{Result, pairs::quantile};

/// Half an edge, and the distance of neighbours.
const HALF_EDGE: f32 = 0.5;
const SPACING: f32 = 3.0;

/// Cubes in a block, in the order x, y, z; and perhaps others in a second one.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) count: usize,
    pub(crate) side: usize,
    /// Where the second block begins, and how many cubes it has.
    others: Option<(Vec3, usize)>,
}

impl Block {
    pub(crate) const HALF_EDGE: f32 = HALF_EDGE;
    pub(crate) const SPACING: f32 = SPACING;

    pub(crate) fn new(count: usize) -> Self {
        Self { count, side: side_of(count), others: None }
    }

    /// This block, and another one of `count` cubes that `camera` has its back to.
    pub(crate) fn with_others_behind(self, camera: Camera, count: usize) -> Self {
        let back = -camera.basis()[2].as_vec3();
        let size = side_of(count) as f32 * SPACING;
        let middle = camera.eye() + back * size * 2.0;
        Self { others: Some((middle - size / 2.0, count)), ..self }
    }
}

fn side_of(count: usize) -> usize {
    let mut side = (count as f64).cbrt() as usize;
    while side.pow(3) < count {
        side += 1;
    }
    side
}

fn place(index: usize, side: usize) -> Vec3 {
    Vec3::new((index % side) as f32, (index / side % side) as f32, (index / side / side) as f32) * SPACING
}

impl InstanceSource for Block {
    fn len(&self) -> usize {
        self.count + self.others.map_or(0, |others| others.1)
    }

    fn bounds(&self) -> Bounds {
        let of = |first: Vec3, count: usize| {
            let last = (side_of(count).max(1) - 1) as f32 * SPACING;
            Bounds { min: first - HALF_EDGE, max: first + last + HALF_EDGE }
        };
        let own = of(Vec3::ZERO, self.count);
        let others = self.others.map_or(own, |(first, count)| of(first, count));
        Bounds { min: own.min.min(others.min), max: own.max.max(others.max) }
    }

    fn instance(&self, index: usize) -> Instance {
        let position = match self.others {
            Some((first, count)) if index >= self.count => first + place(index - self.count, side_of(count)),
            _ => place(index, self.side),
        };
        Instance::new(position, HALF_EDGE, [0.5; 3])
    }
}

/// A camera, and how many cubes its frustum holds.
pub(crate) struct View {
    pub(crate) camera: Camera,
    pub(crate) visible: usize,
}

impl View {
    /// From outside, with the whole scene in the picture.
    pub(crate) fn of_all(cubes: &Cubes) -> Self {
        Self { camera: outside(cubes, 0.9), visible: cubes.count() }
    }

    /// From the same place, with a lens that is as narrow as it takes.
    pub(crate) async fn of_some(gpu: &Gpu, cubes: &Cubes, part: f64) -> Result<Self> {
        let (mut narrow, mut wide, mut view) = (0.001, 0.9, Self::of_all(cubes));
        for _ in 0..16 {
            let lens = (narrow + wide) / 2.0;
            view.camera = outside(cubes, lens);
            let graph = Graph::new(gpu, "count");
            graph.add(cubes.cull(view.camera));
            graph.submit().await?.await?;
            view.visible = cubes.visible_count().await?;
            *(if view.visible as f64 > part * cubes.count() as f64 { &mut wide } else { &mut narrow }) = lens;
        }
        Ok(view)
    }
}

fn outside(cubes: &Cubes, lens: f32) -> Camera {
    let bounds = cubes.bounds();
    let eye = bounds.center() + Vec3::new(1.0, 0.7, 1.3).normalize() * bounds.half_extent().length() * 2.6;
    Camera::perspective(lens, 16.0 / 9.0, 0.1).look_at(eye, bounds.center(), Vec3::Y)
}

/// What a row must move at the least.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(pub(crate) usize);

/// One row of the table: what a frame of it does.
pub(crate) struct Row {
    name: String,
    moved: Option<Bytes>,
    add: Box<dyn Fn(&Frame)>,
}

impl Row {
    pub(crate) fn new(name: &str, moved: Option<Bytes>, add: impl Fn(&Frame) + 'static) -> Self {
        Self { name: name.to_owned(), moved, add: Box::new(add) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn culling(name: &str, cubes: &Cubes, camera: Camera, every_cube: bool, moved: Option<Bytes>) -> Self {
        let cubes = cubes.clone();
        Self::new(name, moved, move |frame| {
            let (reset, cull) = cubes.cull(camera);
            frame.add((reset, if every_cube { cull.every_cube() } else { cull }));
        })
    }
}

/// How often each row has its turn.
pub(crate) fn rounds(quick: bool) -> usize {
    if quick { 3 } else { 31 }
}

/// Median GPU times, in microseconds.
pub(crate) async fn measure(renderer: &Renderer, rows: &[Row], rounds: usize) -> Result<Vec<f64>> {
    let mut times = vec![Vec::new(); rows.len()];
    for round in 0..rounds + 2 {
        for (row, times) in rows.iter().zip(&mut times) {
            let frame = renderer.frame().await?;
            (row.add)(&frame);
            let stats = frame.submit().await?.await?;
            let gpu = stats.gpu.ok_or("this queue has no timestamps")?;
            // The first ones warm up.
            if round >= 2 {
                times.push(gpu.as_secs_f64() * 1e6);
            }
        }
    }
    Ok(times.iter().map(|times| quantile(times, 0.5)).collect())
}

/// Rows with their times; bandwidths as a share of the best of the rows whose names begin with "copy".
pub(crate) fn print_rows(rows: &[Row], medians: &[f64]) {
    let rate = |row: &Row, time: f64| row.moved.map(|bytes| bytes.0 as f64 / time / 1e3);
    let copies = rows.iter().zip(medians).filter(|(row, _)| row.name.starts_with("copy"));
    let best = copies.filter_map(|(row, &time)| rate(row, time)).fold(f64::NAN, f64::max);
    println!("{:<36} {:>12} {:>10} {:>8}", "row", "median, us", "GB/s", "share");
    for (row, &time) in rows.iter().zip(medians) {
        let (rate, share) = match rate(row, time) {
            Some(rate) if best.is_nan() => (format!("{rate:.1}"), "-".to_owned()),
            Some(rate) => (format!("{rate:.1}"), format!("{:.2}", rate / best)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!("{:<36} {time:>12.1} {rate:>10} {share:>8}", row.name);
    }
}
