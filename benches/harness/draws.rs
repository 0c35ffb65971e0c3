//! What the record bench draws, for both sides: the constants of each draw, and the shaders.

use std::hint::black_box;

use bytemuck::NoUninit;
use vulkio::{
    ash::vk,
    glam::{Mat4, Vec3, Vec4},
};

pub(crate) const VERTEX: &[u8] = include_bytes!("../../shaders/spv/bench_draw.vert.spv");
pub(crate) const FRAGMENT: &[u8] = include_bytes!("../../shaders/spv/bench_draw.frag.spv");
pub(crate) const FORMAT: vk::Format = vk::Format::R8G8B8A8_SRGB;
/// Pixels on each side of the target: the device has next to nothing to do.
pub(crate) const SIZE: u32 = 8;

/// Makes the 64 bytes that a draw pushes. `place.z` of shaders/bench_draw.vert stays 0, so that all three corners of
/// each triangle fall together and the device drops it.
pub(crate) trait Constants: Copy + Send + Sync + 'static {
    const NAME: &'static str;
    type Value: NoUninit;
    fn of(self, draw: usize) -> Self::Value;
}

/// As a program that draws things in places makes them: camera * the thing's translation.
#[derive(Clone, Copy)]
pub(crate) struct Matrices {
    world_to_clip: Mat4,
}

impl Matrices {
    pub(crate) fn new() -> Self {
        let view = Mat4::from_translation(Vec3::new(-8.0, -8.0, -20.0));
        // Reversed Z, infinite far plane.
        let clip = Mat4::from_cols(Vec4::X, Vec4::Y, -Vec4::W, 0.1 * Vec4::Z);
        // Nothing of it is known when the loops are compiled.
        Self { world_to_clip: black_box(clip * view) }
    }
}

impl Constants for Matrices {
    const NAME: &'static str = "matrices";
    type Value = Mat4;

    #[inline]
    fn of(self, draw: usize) -> Mat4 {
        let [x, y, z] = [draw % 16, draw / 16 % 16, draw / 256].map(|at| at as f32);
        self.world_to_clip * Mat4::from_translation(Vec3::new(x, y, -z))
    }
}

/// Next to nothing is computed: what is left is the recording.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl Constants for Plain {
    const NAME: &'static str = "plain";
    type Value = [u32; 16];

    #[inline]
    fn of(self, draw: usize) -> [u32; 16] {
        let mut value = [0; 16];
        value[4] = draw as u32;
        value
    }
}
