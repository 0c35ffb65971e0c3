//! What the tests of cubes share: random numbers, cameras and scenes.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{
    glam::Vec3,
    scene::{Bounds, Camera, Instance},
};

/// The seed of this run: printed, and taken from `VULKIO_SEED` if that is set.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("VULKIO_SEED") {
        Ok(text) => text.parse().expect("VULKIO_SEED is a number"),
        Err(_) => 20_261_121,
    };
    println!("VULKIO_SEED={seed}");
    seed
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(crate) fn vector(&mut self, low: Vec3, high: Vec3) -> Vec3 {
        Vec3::new(self.between(low.x, high.x), self.between(low.y, high.y), self.between(low.z, high.z))
    }

    /// A camera in or near `bounds`, turned anywhere, with any lens.
    pub(crate) fn camera(&mut self, bounds: Bounds) -> Camera {
        let margin = bounds.half_extent().max_element() * 0.5;
        let eye = self.vector(bounds.min - margin, bounds.max + margin);
        let target = self.vector(bounds.min, bounds.max);
        let up = self.vector(Vec3::NEG_ONE, Vec3::ONE);
        let near = 10f32.powf(self.between(-2.0, 0.7));
        Camera::perspective(self.between(0.2, 2.4), self.between(0.4, 2.5), near).look_at(eye, target, up)
    }
}

/// `side`³ cubes at a spacing of 2, around `center`.
pub(crate) fn block(side: usize, center: Vec3) -> Vec<Instance> {
    let middle = (side as f32 - 1.0) * 0.5;
    (0..side.pow(3))
        .map(|i| {
            let cell = Vec3::new((i % side) as f32, (i / side % side) as f32, (i / side / side) as f32);
            let color = cell / side as f32;
            Instance::new(center + (cell - middle) * 2.0, 0.5, color.to_array())
        })
        .collect()
}
