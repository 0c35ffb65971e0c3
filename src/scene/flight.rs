//! A camera's path around a scene.

use std::f32::consts::TAU;

use glam::Vec3;

use super::{Bounds, Camera, hash::unit};

const FIELD_OF_VIEW: f32 = 0.9;
const NEAR: f32 = 0.1;
/// How round the path is: a box with its corners rounded off, as the norm of this exponent makes it.
const ROUNDNESS: f32 = 8.0;
/// How far off the box the path runs, half way and at its ends, in the scene's largest half extent.
const GAP: [f32; 2] = [0.08, 0.5];
/// How high above the scene's middle it is seen from, half way and at its ends, in radians.
const ELEVATION: [f32; 2] = [0.12, 0.6];
/// How far ahead of the middle the camera looks when it is close, in half extents: it flies along the cubes then.
const AHEAD: f32 = 0.6;

/// A flight once around a scene: from an overview down to where it passes close by, and back.
///
/// The same bounds and seed give the same flight.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    bounds: Bounds,
    start: f32,
    direction: f32,
}

impl Flight {
    /// A flight around `bounds`; `seed` chooses where it starts and which way it goes.
    #[must_use]
    pub fn around(bounds: Bounds, seed: u64) -> Self {
        let [start, direction] = [1, 2].map(|n| unit(seed.wrapping_mul(2).wrapping_add(n)));
        Self { bounds, start: start * TAU, direction: if direction < 0.5 { 1.0 } else { -1.0 } }
    }

    /// The camera at time `t`, 0 at the start and 1 after one round, for a picture of the given aspect.
    #[must_use]
    pub fn camera(&self, t: f32, aspect: f32) -> Camera {
        let center = self.bounds.center();
        let half = self.bounds.half_extent().max(Vec3::splat(1e-3));
        // 0 at both ends, 1 half way.
        let close = 0.5 - 0.5 * (t * TAU).cos();
        let swing = |[near, far]: [f32; 2]| far + (near - far) * close;

        let (sin, cos) = (self.start + self.direction * t * TAU).sin_cos();
        let (up, level) = swing(ELEVATION).sin_cos();
        let out = Vec3::new(sin * level, up, cos * level);
        let eye = center + out * (shell(out / half) + swing(GAP) * half.max_element());
        let heading = Vec3::new(cos, 0.0, -sin) * self.direction;
        let ahead = heading * ((heading * half).length() * AHEAD * close);
        Camera::perspective(FIELD_OF_VIEW, aspect, NEAR).look_at(eye, center + ahead, Vec3::Y)
    }
}

/// How far along a direction the rounded box reaches; the direction is given in half extents of the scene.
fn shell(direction: Vec3) -> f32 {
    let scale = direction.abs().max_element();
    let norm = scale * (direction / scale).abs().powf(ROUNDNESS).element_sum().powf(1.0 / ROUNDNESS);
    // The box's corners, all three coordinates 1, are on it.
    3f32.powf(1.0 / ROUNDNESS) / norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{InstanceSource, grid};

    #[test]
    fn a_flight_never_enters_the_scene_and_always_looks_at_it() {
        for count in [1, 100, 100_000, 1_000_000, 10_000_000] {
            let bounds = grid(count).bounds();
            for seed in 0..20 {
                for step in 0..100 {
                    let camera = Flight::around(bounds, seed).camera(step as f32 / 100.0, 1.5);
                    let outside = camera.eye().cmplt(bounds.min).any() || camera.eye().cmpgt(bounds.max).any();
                    assert!(outside, "{count} cubes, seed {seed}, step {step}");
                    let forward = camera.basis()[2].as_vec3();
                    assert!(
                        forward.dot(bounds.center() - camera.eye()) > 0.0,
                        "{count} cubes, seed {seed}, step {step}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_flight_ends_where_it_began() {
        let flight = Flight::around(grid(100_000).bounds(), 3);
        assert!(flight.camera(0.0, 1.0).eye().distance(flight.camera(1.0, 1.0).eye()) < 1e-3);
    }

    #[test]
    fn seeds_differ_and_repeat() {
        let bounds = grid(1000).bounds();
        let eye = |seed| Flight::around(bounds, seed).camera(0.3, 1.0).eye();
        assert_eq!(eye(5), eye(5));
        assert_ne!(eye(5), eye(6));
    }
}
