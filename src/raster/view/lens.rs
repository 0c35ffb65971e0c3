//! A camera for a picture of a certain size, as shaders use it: rays of pixels, and pixels of points.

use glam::DVec3;

use crate::scene::Camera;

/// The sides of a picture have 16 bits each, and half of what that counts is beyond every device's images.
pub(crate) const MOST_PIXELS: u32 = 16_384;

/// As in lens.glsl.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Lens {
    eye: [f32; 3],
    near: f32,
    forward: [f32; 3],
    size: u32,
    /// `across · p / forward · p` counts pixels to the right of the picture's middle, `down` below it; `p` from the eye.
    across: [f32; 3],
    margin: f32,
    down: [f32; 3],
    /// The ray through the middle of pixel (0, 0). Its part along `forward` is 1.
    ray: [f32; 3],
    /// How it changes from pixel to pixel, as parts of `across` and `down`.
    steps: [f32; 2],
}

impl Lens {
    /// Worked out in f64 and rounded once. With `lod`, cells that are far away are drawn in part.
    pub(crate) fn new(camera: &Camera, size: [u32; 2], lod: bool) -> Self {
        let [right, up, forward] = camera.basis();
        let half = camera.half_size();
        let [width, height] = size.map(f64::from);
        let (across, down) = (right * (width / (2.0 * half[0])), -up * (height / (2.0 * half[1])));
        let (ray_x, ray_y) = (right * (2.0 * half[0] / width), -up * (2.0 * half[1] / height));
        let ray = forward - ray_x * ((width - 1.0) * 0.5) - ray_y * ((height - 1.0) * 0.5);
        let single = |v: DVec3| v.as_vec3().to_array();
        Self {
            eye: camera.eye().to_array(),
            near: camera.near(),
            forward: single(forward),
            size: size[0] | size[1] << 16 | u32::from(lod) << 31,
            across: single(across),
            // A projection errs by a few units in the last place of what it multiplies.
            margin: 0.002 + 8e-7 * across.length().max(down.length()) as f32,
            down: single(down),
            ray: single(ray),
            steps: [0, 1].map(|axis| (2.0 * half[axis] / [width, height][axis]).powi(2) as f32),
        }
    }

    /// A lens for which points project to so many pixels more on each side.
    pub(crate) fn widened(self, pixels: f32) -> Self {
        Self { margin: self.margin + pixels, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    #[test]
    fn a_point_on_a_pixels_ray_is_projected_to_that_pixel() {
        let camera = Camera::perspective(1.1, 1.6, 0.25).look_at(Vec3::new(3.0, -2.0, 7.0), Vec3::X, Vec3::Y);
        let lens = Lens::new(&camera, [1919, 1079], false);
        let v = |a: [f32; 3]| Vec3::from_array(a);
        for (x, y) in [(0.0, 0.0), (1918.0, 0.0), (700.0, 1078.0), (959.0, 539.0)] {
            let ray = v(lens.ray) + x * lens.steps[0] * v(lens.across) + y * lens.steps[1] * v(lens.down);
            assert!((ray.dot(v(lens.forward)) - 1.0).abs() < 1e-6);
            let point = ray * 37.0;
            let distance = point.dot(v(lens.forward));
            let at = [v(lens.across).dot(point) / distance + 959.0, v(lens.down).dot(point) / distance + 539.0];
            assert!((at[0] - x).abs() < lens.margin && (at[1] - y).abs() < lens.margin, "{at:?} for {x}, {y}");
        }
    }

    #[test]
    fn the_outermost_pixels_are_half_a_pixel_inside_of_the_frustum() {
        let camera = Camera::perspective(0.9, 1.5, 0.1);
        let lens = Lens::new(&camera, [300, 200], true);
        let corner = Vec3::from_array(lens.ray);
        let [x, y] = camera.half_size().map(|half| half as f32);
        assert!((corner - Vec3::new(-x * 299.0 / 300.0, y * 199.0 / 200.0, -1.0)).length() < 1e-6, "{corner}");
    }

    #[test]
    fn push_constants_have_room_for_a_lens_and_six_addresses() {
        assert_eq!(size_of::<Lens>(), 128 - 6 * 8);
    }
}
