//! A ray-caster in double precision that shares no code with the library: which cube a pixel shows, how far away that
//! is, and whether another answer is within the tolerance.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod cameras;
pub(crate) mod frustum;
pub(crate) mod judge;
pub(crate) mod packed;
mod tree;

use std::thread;

use tree::{Ray, Tree};
use vulkio::{
    NO_ID,
    glam::{DVec2, DVec3, Vec3},
    scene::{Camera, Instance},
};

/// How far from a pixel's middle an exact edge excuses another answer, in pixels.
pub(crate) const EDGE: f64 = 1.0 / 128.0;
/// Directions in which that is tried.
const TURNS: usize = 24;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cube {
    pub(crate) center: DVec3,
    pub(crate) half: f64,
}

impl Cube {
    pub(crate) fn min(&self) -> DVec3 {
        self.center - self.half
    }

    pub(crate) fn max(&self) -> DVec3 {
        self.center + self.half
    }
}

impl From<&Instance> for Cube {
    fn from(instance: &Instance) -> Self {
        let center = Vec3::from_array(instance.position).as_dvec3();
        Self { center, half: f64::from(instance.half_edge) }
    }
}

/// What a ray meets first. `distance` is along the camera's forward axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    pub(crate) id: u32,
    pub(crate) distance: f64,
}

/// The rays of a picture.
#[derive(Clone, Copy)]
pub(crate) struct Lens {
    pub(crate) eye: DVec3,
    pub(crate) near: f64,
    pub(crate) size: [u32; 2],
    pub(crate) right: DVec3,
    pub(crate) up: DVec3,
    pub(crate) forward: DVec3,
    /// Half the width and height at distance 1.
    pub(crate) half: DVec2,
}

impl Lens {
    pub(crate) fn new(camera: &Camera, size: [u32; 2]) -> Self {
        let [right, up, forward] = camera.basis();
        let y = (f64::from(camera.fov_y()) / 2.0).tan();
        let half = DVec2::new(y * f64::from(camera.aspect()), y);
        Self { eye: camera.eye().as_dvec3(), near: camera.near().into(), size, right, up, forward, half }
    }

    /// The middle of a pixel, in pixels from the picture's top left corner.
    pub(crate) fn middle(&self, pixel: usize) -> DVec2 {
        let width = self.size[0] as usize;
        DVec2::new((pixel % width) as f64 + 0.5, (pixel / width) as f64 + 0.5)
    }

    /// Pixels that a length of 1 has at distance 1, along X and Y.
    pub(crate) fn scale(&self) -> DVec2 {
        DVec2::new(self.size[0].into(), self.size[1].into()) / (2.0 * self.half)
    }

    /// Its component along the view is 1.
    fn direction(&self, at: DVec2) -> DVec3 {
        let size = DVec2::new(self.size[0].into(), self.size[1].into());
        let across = (2.0 * at / size - 1.0) * self.half;
        self.forward + self.right * across.x - self.up * across.y
    }

    /// The direction through a pixel's middle.
    pub(crate) fn toward(&self, pixel: usize) -> DVec3 {
        self.direction(self.middle(pixel))
    }

    fn ray(&self, at: DVec2) -> Ray {
        Ray::new(self.eye, self.direction(at))
    }

    /// Where a point is in the picture; `None` behind the near plane.
    fn project(&self, point: DVec3) -> Option<DVec2> {
        let offset = point - self.eye;
        let distance = offset.dot(self.forward);
        let size = DVec2::new(self.size[0].into(), self.size[1].into());
        let across = DVec2::new(offset.dot(self.right), -offset.dot(self.up)) / distance / self.half;
        (distance >= self.near).then_some((across + 1.0) * 0.5 * size)
    }
}

/// A scene as rays see it. A cube's id is its index.
pub(crate) struct Caster {
    pub(crate) cubes: Vec<Cube>,
    tree: Tree,
}

impl Caster {
    pub(crate) fn new(instances: &[Instance]) -> Self {
        Self::of(instances.iter().map(Cube::from).collect())
    }

    pub(crate) fn of(cubes: Vec<Cube>) -> Self {
        Self { tree: Tree::new(&cubes), cubes }
    }

    /// Where a ray enters a cube, which may be behind the eye.
    fn enters(&self, ray: &Ray, id: u32) -> Option<f64> {
        let cube = self.cubes.get(id as usize)?;
        let (enter, leave) = ray.span(cube.min(), cube.max());
        (enter <= leave).then_some(enter)
    }

    /// The first cube entered at `near` or beyond.
    fn first(&self, ray: &Ray, near: f64) -> Option<Hit> {
        let mut nearest: Option<Hit> = None;
        self.tree.walk(ray, near, |id| {
            if let Some(distance) = self.enters(ray, id).filter(|&distance| distance >= near) {
                let nearer = |hit: Hit| distance < hit.distance || distance == hit.distance && id < hit.id;
                if nearest.is_none_or(nearer) {
                    nearest = Some(Hit { id, distance });
                }
            }
            nearest.map_or(f64::INFINITY, |hit| hit.distance)
        });
        nearest
    }

    pub(crate) fn cast(&self, lens: &Lens, at: DVec2) -> Option<Hit> {
        self.first(&lens.ray(at), lens.near)
    }

    /// What the middle of each pixel shows, row by row.
    pub(crate) fn picture(&self, lens: &Lens) -> Vec<Option<Hit>> {
        self.at_places(lens, lens.size[0] as usize * lens.size[1] as usize, |pixel| lens.middle(pixel))
    }

    /// What is seen at each of `count` places.
    pub(crate) fn at_places(
        &self,
        lens: &Lens,
        count: usize,
        place: impl Fn(usize) -> DVec2 + Sync,
    ) -> Vec<Option<Hit>> {
        let mut hits = vec![None; count];
        let share = count.div_ceil(4).max(1);
        thread::scope(|scope| {
            for (n, part) in hits.chunks_mut(share).enumerate() {
                let place = &place;
                scope.spawn(move || {
                    part.iter_mut().enumerate().for_each(|(i, hit)| *hit = self.cast(lens, place(n * share + i)));
                });
            }
        });
        hits
    }

    /// Whether a pixel may show `id`, or nothing for [`NO_ID`]: whether a ray within [`EDGE`] of its middle meets that cube, and
    /// in front of it, give or take the rounding of depths, only such cubes as another ray within [`EDGE`] misses or meets
    /// further away. So each cube may be off by that much in the picture, on its own.
    pub(crate) fn may_show(&self, lens: &Lens, pixel: usize, id: u32) -> bool {
        let middle = lens.middle(pixel);
        let turned = |radius: f64| {
            (0..TURNS).map(move |turn| {
                let angle = turn as f64 / TURNS as f64 * std::f64::consts::TAU;
                middle + DVec2::from_angle(angle) * radius
            })
        };
        let around = [middle].into_iter().chain(turned(EDGE)).chain(turned(EDGE / 2.0)).chain(turned(EDGE / 4.0));
        let mut rays: Vec<Ray> = around.map(|at| lens.ray(at)).collect();
        rays.extend(self.nearest_of(lens, middle, id).map(|at| lens.ray(at)));
        rays.iter().any(|ray| self.shows(lens, ray, id, &rays))
    }

    fn shows(&self, lens: &Lens, ray: &Ray, id: u32, rays: &[Ray]) -> bool {
        let rounding = 0.5f64.powi(20);
        let slack = |id: u32, distance: f64| distance * rounding + self.reach(lens, id) * rounding / 4.0;
        let mut limit = f64::INFINITY;
        if id != NO_ID {
            let Some(distance) = self.enters(ray, id) else { return false };
            if distance < lens.near - slack(id, lens.near) {
                return false;
            }
            limit = distance - slack(id, distance);
        }
        let mut hidden = false;
        self.tree.walk(ray, lens.near, |front| {
            let entered = self.enters(ray, front).filter(|_| front != id);
            let in_front = |&at: &f64| at >= lens.near + slack(front, lens.near) && at < limit - slack(front, at);
            hidden = hidden || entered.filter(in_front).is_some() && !self.missed(lens, front, limit, rays);
            if hidden { f64::NEG_INFINITY } else { limit }
        });
        !hidden
    }

    /// Whether one of these rays does not meet a cube between the near plane and `limit`: it is off its outline then, or the
    /// near plane's, or a face is so steep that the place within the pixel decides.
    fn missed(&self, lens: &Lens, id: u32, limit: f64, rays: &[Ray]) -> bool {
        let met = |ray: &Ray| self.enters(ray, id).filter(|&at| at >= lens.near && at < limit);
        rays.iter().any(|ray| met(ray).is_none())
    }

    /// What is rounded to 24 bits when a cube's faces are placed relative to the eye.
    fn reach(&self, lens: &Lens, id: u32) -> f64 {
        let cube = self.cubes[id as usize];
        (cube.center - lens.eye).abs().element_sum() + cube.half
    }

    /// The place of a small cube's outline that is nearest to `at`, if that is within [`EDGE`]: rays in some directions
    /// may all miss it.
    fn nearest_of(&self, lens: &Lens, at: DVec2, id: u32) -> Option<DVec2> {
        let cube = self.cubes.get(id as usize)?;
        let signs = [-1.0, 1.0];
        let corners = signs.into_iter().flat_map(|x| signs.map(|y| signs.map(|z| DVec3::new(x, y, z)))).flatten();
        let corners: Vec<DVec2> =
            corners.map(|corner| lens.project(cube.center + corner * cube.half)).collect::<Option<_>>()?;
        let middle = corners.iter().sum::<DVec2>() / 8.0;
        let nearest_on = |a: DVec2, b: DVec2| {
            let along = ((at - a).dot(b - a) / (b - a).length_squared()).clamp(0.0, 1.0);
            if along.is_nan() { a } else { a + (b - a) * along }
        };
        // The outline is among the lines between all corners, and all of them are within it.
        let places = corners.iter().flat_map(|&a| corners.iter().map(move |&b| nearest_on(a, b)));
        let nearest = places.min_by(|a, b| a.distance_squared(at).total_cmp(&b.distance_squared(at)))?;
        // A little inwards: on the line itself rounding decides.
        let inside = nearest + (middle - nearest) * 1e-6;
        (inside.distance(at) <= EDGE).then_some(inside)
    }
}
