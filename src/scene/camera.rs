//! The camera: perspective, reversed Z, infinite far plane.

use glam::{DVec3, DVec4, Mat4, Vec3, Vec4};

/// The angles a view may have, in radians: a lens of 0 or 180 degrees sees nothing.
const FIELD_OF_VIEW: std::ops::RangeInclusive<f32> = 1e-3..=3.1;
const NEAREST: f32 = 1e-6;

/// A perspective camera.
///
/// Depth is *reversed*: 1 at the near plane, 0 at infinity, nothing is too far. This is where float depth is
/// precise over the whole range. Clip space is Vulkan's, with Y down. Every part of vulkio that needs depth takes
/// it from [`Camera::projection`]: the depth of a point `d` in front of the camera's plane is `near / d`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    eye: Vec3,
    // The basis is kept in f64: planes, matrix and reference renderers all start from the same unit vectors.
    right: DVec3,
    up: DVec3,
    forward: DVec3,
    fov_y: f32,
    aspect: f32,
    near: f32,
}

impl Camera {
    /// A camera at the origin that looks along −Z with +Y up.
    ///
    /// `fov_y` is the vertical angle of view in radians, `aspect` the target's width over its height, `near` the
    /// distance of the near plane in world units. Values that no lens has (a NaN, a negative distance) are moved
    /// to the closest that works.
    #[must_use]
    pub fn perspective(fov_y: f32, aspect: f32, near: f32) -> Self {
        Self {
            eye: Vec3::ZERO,
            right: DVec3::X,
            up: DVec3::Y,
            forward: DVec3::NEG_Z,
            fov_y: within(fov_y, *FIELD_OF_VIEW.start(), *FIELD_OF_VIEW.end()),
            aspect: within(aspect, 1e-3, 1e3),
            near: within(near, NEAREST, 1e6),
        }
    }

    /// The same camera at `eye`, turned towards `target` with `up` upwards in the picture.
    ///
    /// If `target` is `eye`, it keeps its direction; if `up` is along the direction, another up is taken.
    #[must_use]
    pub fn look_at(self, eye: Vec3, target: Vec3, up: Vec3) -> Self {
        let forward = (target.as_dvec3() - eye.as_dvec3()).try_normalize().unwrap_or(self.forward);
        let right = forward
            .cross(up.as_dvec3())
            .try_normalize()
            // A cross product this short has no direction left.
            .filter(|_| forward.cross(up.as_dvec3().normalize_or_zero()).length_squared() > 1e-12)
            .unwrap_or_else(|| forward.any_orthonormal_vector());
        Self { eye, forward, right, up: right.cross(forward), ..self }
    }

    /// Where it is, in world units.
    #[must_use]
    pub fn eye(&self) -> Vec3 {
        self.eye
    }

    /// The unit vectors to the right and up in the picture and into it.
    #[must_use]
    pub fn basis(&self) -> [DVec3; 3] {
        [self.right, self.up, self.forward]
    }

    /// The vertical angle of view, in radians.
    #[must_use]
    pub fn fov_y(&self) -> f32 {
        self.fov_y
    }

    /// Width over height of what it sees.
    #[must_use]
    pub fn aspect(&self) -> f32 {
        self.aspect
    }

    /// The distance of the near plane, in world units.
    #[must_use]
    pub fn near(&self) -> f32 {
        self.near
    }

    /// Half the width and half the height of what it sees at distance 1.
    #[must_use]
    pub fn half_size(&self) -> [f64; 2] {
        let y = (f64::from(self.fov_y) * 0.5).tan();
        [y * f64::from(self.aspect), y]
    }

    /// View space (X right, Y up, looking along −Z) to Vulkan's clip space.
    #[must_use]
    pub fn projection(&self) -> Mat4 {
        let [x, y] = self.half_size();
        Mat4::from_cols(
            Vec4::X * (1.0 / x) as f32,
            Vec4::Y * (-1.0 / y) as f32,
            // w = −z, the distance; the near plane is depth 1 because z = near there.
            Vec4::NEG_W,
            Vec4::Z * self.near,
        )
    }

    /// World space *relative to the eye* to view space: a rotation only.
    ///
    /// Subtract [`eye`](Self::eye) from a position first: large coordinates then cancel before they round.
    #[must_use]
    pub fn rotation(&self) -> Mat4 {
        let rows = [self.right, self.up, -self.forward].map(|axis| axis.as_vec3().extend(0.0));
        Mat4::from_cols(rows[0], rows[1], rows[2], Vec4::W).transpose()
    }

    /// World space to clip space.
    #[must_use]
    pub fn view_projection(&self) -> Mat4 {
        self.projection() * self.rotation() * Mat4::from_translation(-self.eye)
    }

    /// The frustum's planes: left, right, bottom, top, near. There is no far plane.
    ///
    /// `xyz` is the inward unit normal `n` and `w` an offset in world units: a point `p` is inside where
    /// `n · p + w ≥ 0` for all five. Computed in f64 from the camera's values.
    #[must_use]
    pub fn planes(&self) -> [DVec4; 5] {
        let eye = self.eye.as_dvec3();
        self.planes_from_eye().map(|plane| {
            let normal = plane.truncate();
            normal.extend(plane.w - normal.dot(eye))
        })
    }

    /// As [`planes`](Self::planes), for points relative to the eye.
    pub(crate) fn planes_from_eye(&self) -> [DVec4; 5] {
        let [x, y] = self.half_size();
        let side = |axis: DVec3, reach: f64| (axis + self.forward * reach).normalize().extend(0.0);
        [
            side(self.right, x),
            side(-self.right, x),
            side(self.up, y),
            side(-self.up, y),
            self.forward.extend(-f64::from(self.near)),
        ]
    }
}

/// `value` clamped; `low` for a NaN.
fn within(value: f32, low: f32, high: f32) -> f32 {
    value.max(low).min(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::FRAC_PI_2;

    fn tilted() -> Camera {
        Camera::perspective(1.1, 1.6, 0.25).look_at(
            Vec3::new(3.0, -2.0, 7.0),
            Vec3::new(-1.0, 4.0, 2.0),
            Vec3::new(0.1, 1.0, 0.2),
        )
    }

    fn ndc(camera: &Camera, point: Vec3) -> Vec3 {
        let clip = camera.view_projection() * point.extend(1.0);
        clip.truncate() / clip.w
    }

    #[test]
    fn the_near_plane_has_depth_one_and_infinity_zero() {
        let camera = Camera::perspective(FRAC_PI_2, 1.0, 0.5);
        assert_eq!(ndc(&camera, Vec3::Z * -0.5).z, 1.0);
        assert_eq!(ndc(&camera, Vec3::Z * -50.0).z, 0.01);
        assert_eq!((camera.projection() * Vec4::NEG_Z).z, 0.0);
    }

    #[test]
    fn up_in_the_world_is_up_in_the_picture() {
        let camera = Camera::perspective(FRAC_PI_2, 2.0, 0.1);
        let corner = ndc(&camera, Vec3::new(2.0, 1.0, -1.0));
        assert!((corner.x - 1.0).abs() < 1e-6 && (corner.y + 1.0).abs() < 1e-6, "{corner}");
    }

    #[test]
    fn the_target_is_in_the_middle_of_the_picture() {
        let middle = ndc(&tilted(), Vec3::new(-1.0, 4.0, 2.0));
        assert!(middle.truncate().length() < 1e-5, "{middle}");
    }

    #[test]
    fn planes_are_unit_vectors_that_agree_with_the_matrix() {
        let camera = tilted();
        for plane in camera.planes() {
            assert!((plane.truncate().length() - 1.0).abs() < 1e-14);
        }
        for i in 0..1000 {
            let point = Vec3::new((i % 10) as f32, (i / 10 % 10) as f32, (i / 100) as f32) * 3.7 - 15.0;
            let clip = camera.view_projection() * point.extend(1.0);
            let by_matrix = clip.x.abs() <= clip.w && clip.y.abs() <= clip.w && clip.z <= clip.w;
            let by_planes = camera.planes().iter().all(|plane| plane.dot(point.as_dvec3().extend(1.0)) >= 0.0);
            assert_eq!(by_matrix, by_planes, "{point}");
        }
    }

    #[test]
    fn a_degenerate_view_is_still_a_view() {
        let up_along_view = Camera::perspective(1.0, 1.0, 0.1).look_at(Vec3::ZERO, Vec3::Y * 3.0, Vec3::Y);
        let nowhere = tilted().look_at(Vec3::ONE, Vec3::ONE, Vec3::ZERO);
        let nonsense = Camera::perspective(f32::NAN, -1.0, 0.0);
        for camera in [up_along_view, nowhere, nonsense] {
            assert!(camera.view_projection().is_finite());
            let [right, up, forward] = camera.basis();
            assert!(right.cross(up).dot(forward) < -1.0 + 1e-9, "right-handed, looking along −Z: {camera:?}");
        }
        assert_eq!(nowhere.basis()[2], tilted().basis()[2]);
    }
}
