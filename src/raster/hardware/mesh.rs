//! The indices of an instance: three faces for each of its cubes. The corners are made in include/raster.glsl.

use crate::{Gpu, error::Result, resource::GpuBuffer};

/// Two triangles for each of three faces.
const INDICES_PER_CUBE: u32 = 18;
/// Numbers of corners, of which one is never seen.
const CORNERS: u16 = 8;

/// An instance is two to this power cubes. Fewer waste less on cells that are not full; more are fewer instances.
const SHIFT: u32 = 6;

/// What every instance shares.
pub(super) struct Mesh {
    pub(super) indices: GpuBuffer<u16>,
    /// An instance is two to this power cubes.
    pub(super) shift: u32,
}

impl Mesh {
    /// The mesh of instances of two to the power of `shift` cubes, 256 at the most.
    pub(super) async fn new(gpu: &Gpu, shift: Option<u32>) -> Result<Self> {
        let shift = shift.unwrap_or(SHIFT);
        let all: Vec<u16> = indices(1 << shift).collect();
        let indices = gpu.buffer::<u16>("raster.indices", all.len())?;
        gpu.upload(&indices, 0, all).await?;
        Ok(Self { indices, shift })
    }

    /// Indices of one instance.
    pub(super) fn index_count(&self) -> u32 {
        INDICES_PER_CUBE << self.shift
    }
}

/// The triangles of `cubes` cubes, counter-clockwise as seen from outside. Each face is a fan, and its triangles begin at
/// the corner that has the bit of its axis alone.
fn indices(cubes: u16) -> impl Iterator<Item = u16> {
    (0..cubes).flat_map(|cube| {
        (0..3).flat_map(move |axis| {
            let [along, across] = [1, 2].map(|turn| 1 << ((axis + turn) % 3));
            let first = 1 << axis;
            [first, first | along, 7, first, 7, first | across].map(|corner| cube * CORNERS + corner)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    /// What `corner_of` in include/raster.glsl makes of a corner of a cube of edge 2 around `center`, as seen from the
    /// origin: its place, and the face that it provokes.
    fn corner(center: Vec3, bits: u16) -> (Vec3, usize) {
        let side = center.to_array().map(|axis| if axis > 0.0 { -1.0 } else { 1.0 });
        let mirrored = side.iter().product::<f32>() < 0.0;
        let order = if mirrored { [1, 0, 2] } else { [0, 1, 2] };
        let place = Vec3::from_array(std::array::from_fn(|axis| {
            center[axis] + side[axis] * if bits >> order[axis] & 1 == 1 { 1.0 } else { -1.0 }
        }));
        let axis = match bits {
            1 if mirrored => 1,
            2 if mirrored => 0,
            bits => usize::from(bits >> 1).min(2),
        };
        (place, axis * 2 + usize::from(side[axis] < 0.0))
    }

    #[test]
    fn the_three_faces_towards_the_eye_turn_counter_clockwise_wherever_it_is() {
        let all: Vec<u16> = indices(1).collect();
        assert_eq!(all.len(), INDICES_PER_CUBE as usize);
        for octant in 0..8 {
            let center = Vec3::from_array([0, 1, 2].map(|axis| if octant >> axis & 1 == 1 { 5.0 } else { -3.0 }));
            let mut area = [0.0; 6];
            for triangle in all.chunks(3) {
                let [a, b, c] = [0, 1, 2].map(|i| corner(center, triangle[i]).0);
                let face = corner(center, triangle[0]).1;
                let mut normal = Vec3::ZERO;
                normal[face / 2] = if face.is_multiple_of(2) { 1.0 } else { -1.0 };
                let turn = (b - a).cross(c - a);
                assert_eq!(turn.normalize(), normal, "{triangle:?} around {center}");
                assert_eq!((a - center).dot(normal), 1.0);
                assert!(normal.dot(a) < 0.0, "the eye is in front of it");
                area[face] += turn.length() * 0.5;
            }
            let seen = area.iter().filter(|&&area| area > 0.0).count();
            assert_eq!((seen, area.iter().sum::<f32>()), (3, 12.0));
        }
    }

    #[test]
    fn the_faces_of_the_axes_that_the_eye_is_beside_are_back_faces() {
        // The eye is at the origin, between the planes of the cube's X and Y faces: of three faces, two show their backs.
        let center = Vec3::new(0.5, -0.25, -9.0);
        let all: Vec<u16> = indices(1).collect();
        let fronts = all.chunks(3).filter(|triangle| {
            let [a, b, c] = [0, 1, 2].map(|i| corner(center, triangle[i]).0);
            (b - a).cross(c - a).dot(a) < 0.0
        });
        assert_eq!(fronts.count(), 2, "the two triangles of one face");
    }

    #[test]
    fn every_cube_of_an_instance_has_corners_of_its_own() {
        let all: Vec<u16> = indices(256).collect();
        for (cube, own) in all.chunks(INDICES_PER_CUBE as usize).enumerate() {
            assert!(own.iter().all(|index| usize::from(index / CORNERS) == cube));
            assert!(own.iter().all(|index| index % CORNERS != 0), "the corner that is away from the eye");
        }
    }
}
