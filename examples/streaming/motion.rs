//! The cubes' places at any time, made by the CPU.

use std::{ops::Range, sync::Arc};

use vulkio::{
    UploadData,
    glam::Vec3,
    scene::{Bounds, Camera, Instance, InstanceSource},
};

const SPACING: f32 = 2.0;
const HALF_EDGE: f32 = 0.5;
/// How high a cube hops.
const HOP: f32 = 0.9;
/// Hops a second.
const HOPS: f64 = 0.7;
/// Seconds of the camera's round.
const ROUND: f32 = 20.0;

/// A block of cubes, each hopping in its own rhythm.
#[derive(Clone)]
pub(crate) struct Motion {
    rest: Arc<Vec<Instance>>,
    bounds: Bounds,
}

impl Motion {
    pub(crate) fn new(count: usize) -> Self {
        let side = (1..).find(|side| side * side * side >= count).unwrap_or(1);
        let rest: Vec<_> = (0..count).map(|index| at_rest(index, side)).collect();
        let bounds = Bounds::around(&rest).unwrap_or(Bounds { min: Vec3::ZERO, max: Vec3::ONE });
        Self { rest: Arc::new(rest), bounds }
    }

    /// The cubes at rest, as a scene.
    pub(crate) fn scene(&self) -> impl InstanceSource {
        self.rest.to_vec()
    }

    /// The places at a time in seconds, made where they are uploaded from, by several threads.
    pub(crate) fn at(&self, time: f64) -> UploadData<Instance> {
        let rest = Arc::clone(&self.rest);
        // A turn of the phase is 2^32.
        let now = (time * HOPS).fract() * f64::from(u32::MAX);
        UploadData::generated(rest.len(), move |range, place| hop(&rest, now as u32, range, place))
    }

    /// A camera that flies a round inside the block and looks outwards: it sees a small part of the cubes.
    pub(crate) fn camera(&self, time: f64, aspect: f32) -> Camera {
        let (sin, cos) = (time as f32 / ROUND * std::f32::consts::TAU).sin_cos();
        let out = Vec3::new(cos, 0.3 * sin, sin);
        let eye = self.bounds.center() + out * self.bounds.half_extent() * 0.55;
        let ahead = Vec3::new(-sin, 0.2, cos) + out;
        Camera::perspective(0.9, aspect, 0.1).look_at(eye, eye + ahead, Vec3::Y)
    }
}

/// One of a block of `side` cubes each way, coloured by its place.
fn at_rest(index: usize, side: usize) -> Instance {
    let cell = [index % side, index / side % side, index / side / side].map(|cell| cell as f32);
    let last = (side.max(2) - 1) as f32;
    Instance::new(Vec3::from_array(cell) * SPACING, HALF_EDGE, cell.map(|cell| 0.15 + 0.85 * cell / last))
}

fn hop(rest: &[Instance], now: u32, range: Range<usize>, place: &mut [Instance]) {
    for ((index, rest), cube) in range.clone().zip(&rest[range]).zip(place) {
        // Neighbours are far apart in their rhythm: the golden ratio's multiples.
        let phase = (index as u32).wrapping_mul(0x9e37_79b9).wrapping_add(now);
        let part = (phase >> 8) as f32 / (1 << 24) as f32;
        let [x, y, z] = rest.position;
        *cube = Instance { position: [x, y + HOP * 4.0 * part * (1.0 - part), z], ..*rest };
    }
}
