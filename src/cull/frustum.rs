//! The camera's frustum as cull.comp tests it: five planes around the eye, rounded so that nothing visible is lost.

use glam::DVec4;

use crate::scene::Camera;

/// The frustum's part of the push constants.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Frustum {
    eye: [f32; 3],
    /// `xyz`: the inward normal. `w`: how far outside the plane a point at the eye may be.
    planes: [[f32; 4]; 5],
}

impl Frustum {
    /// All that does not depend on the cube is summed in f64 and rounded once.
    ///
    /// A plane that passes through the eye has no offset, so precision follows the distance to the camera and not
    /// the size of the world. A box is dropped when it is outside of one plane: next to the frustum's edges, some
    /// that touch two planes from outside are kept; for cubes up to half their spacing that is under 2 %.
    pub(crate) fn new(camera: &Camera) -> Self {
        // For callers who work out a frustum from an f32 matrix: it is off by as much.
        let margin = f64::from(camera.eye().abs().element_sum() + camera.near()) * f64::from(f32::EPSILON);
        let planes = camera.planes_from_eye().map(|plane: DVec4| {
            let normal = plane.truncate();
            normal.as_vec3().extend((plane.w + margin) as f32).to_array()
        });
        Self { eye: camera.eye().to_array(), planes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::{DVec3, Vec3};

    /// What cull.comp does, in Rust.
    fn touches(frustum: &Frustum, position: Vec3, half: f32) -> bool {
        let offset = position - Vec3::from_array(frustum.eye);
        let slack = (offset.abs().element_sum() + half) * (1.0 / 524_288.0);
        frustum.planes.iter().all(|&[x, y, z, w]| {
            let normal = Vec3::new(x, y, z);
            normal.dot(offset) + normal.abs().element_sum() * half + w + slack >= 0.0
        })
    }

    #[test]
    fn boxes_that_touch_a_plane_from_outside_are_kept_however_far_away_the_world_is() {
        let half = 0.5;
        for scale in [1.0, 1e3, 1e5, 1e7] {
            let eye = Vec3::new(0.7, -0.3, 0.2) * scale;
            let camera = Camera::perspective(1.2, 1.7, 0.1).look_at(eye, eye + Vec3::new(0.3, 0.5, -2.0), Vec3::Y);
            let frustum = Frustum::new(&camera);
            for (i, plane) in camera.planes().iter().take(4).enumerate() {
                let normal = plane.truncate();
                let [right, up, forward] = camera.basis();
                let along = (forward + if i < 2 { up } else { right } * 0.1).reject_from(normal).normalize();
                for step in 1..200 {
                    let on_plane = eye.as_dvec3() + along * f64::from(step) * 3.7;
                    let reach = normal.abs().element_sum() * f64::from(half);
                    let center = (on_plane - normal * reach).as_vec3();
                    // The centre was rounded to f32; judge the one that the GPU gets.
                    let exact = plane.dot(center.as_dvec3().extend(1.0)) + reach >= 0.0;
                    assert!(!exact || touches(&frustum, center, half), "plane {i}, step {step}, scale {scale}");
                    let outside = (on_plane - normal * (reach * 1.01 + f64::from(scale) * 1e-4)).as_vec3();
                    assert!(!touches(&frustum, outside, half), "plane {i}, step {step}, scale {scale}");
                }
            }
        }
    }

    #[test]
    fn boxes_behind_the_camera_are_dropped() {
        let frustum = Frustum::new(&Camera::perspective(1.0, 1.0, 0.1));
        assert!(touches(&frustum, Vec3::Z * -10.0, 0.5));
        assert!(touches(&frustum, Vec3::Z * 0.3, 0.5), "its front reaches through the near plane");
        assert!(!touches(&frustum, Vec3::Z * 0.5, 0.5));
        assert!(!touches(&frustum, DVec3::Z.as_vec3() * 1e6, 0.5));
    }
}
