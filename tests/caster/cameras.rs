//! Cameras that are hard on a renderer: inside, outside, along faces, with the near plane in the cubes.

use vulkio::{
    glam::Vec3,
    scene::{Bounds, Camera},
};

use super::Cube;
use crate::scenes::Random;

/// Kinds that [`hard`] goes through.
pub(crate) const KINDS: [&str; 5] = ["outside", "inside", "along an axis", "grazing", "through the near plane"];

/// Camera `n` of a scene, of the kind `n` modulo their number.
pub(crate) fn hard(random: &mut Random, n: usize, bounds: Bounds, cubes: &[Cube], size: [u32; 2]) -> Camera {
    let (center, half) = (bounds.center(), bounds.half_extent().max(Vec3::splat(1e-3)));
    let radius = half.length();
    let cube = cubes[random.bits() as usize % cubes.len()];
    let (place, edge) = (cube.center.as_vec3(), cube.half as f32);
    let aside = |random: &mut Random| random.vector(Vec3::NEG_ONE, Vec3::ONE).normalize_or(Vec3::X);
    // Every third has pixels that are not square.
    let stretch = if n % 3 == 2 { random.between(0.5, 2.0) } else { 1.0 };
    let aspect = size[0] as f32 / size[1] as f32 * stretch;
    let lens = |fov: f32, near: f32| Camera::perspective(fov, aspect, near);
    match n % KINDS.len() {
        0 => {
            let eye = center + aside(random) * radius * random.between(1.1, 3.0);
            let near = radius * 10f32.powf(random.between(-4.0, -1.0));
            let up = random.vector(Vec3::NEG_ONE, Vec3::ONE);
            lens(random.between(0.3, 1.2), near).look_at(eye, random.vector(bounds.min, bounds.max), up)
        }
        1 => {
            let eye = random.vector(bounds.min, bounds.max);
            let near = edge * random.between(0.01, 0.5);
            let up = random.vector(Vec3::NEG_ONE, Vec3::ONE);
            lens(random.between(0.6, 2.4), near).look_at(eye, random.vector(bounds.min, bounds.max), up)
        }
        2 => {
            // Looking exactly along an axis, with the eye in the plane of a face or in the middle of a gap: rays that have
            // components of 0 and go along faces.
            let axis = [Vec3::X, Vec3::Y, Vec3::Z, Vec3::NEG_X, Vec3::NEG_Y, Vec3::NEG_Z][random.bits() as usize % 6];
            let across = Vec3::ONE - axis.abs();
            let face = [0.0, edge, -edge][random.bits() as usize % 3];
            let eye = place * across + across * face + (center - axis * (radius * 1.5)) * axis.abs();
            lens(random.between(0.3, 1.2), edge * 0.1).look_at(eye, eye + axis, axis.any_orthogonal_vector())
        }
        3 => {
            // A hand's breadth above a face of the whole scene, nearly along it.
            let eye_height = edge * random.between(0.01, 3.0);
            let out = [random.between(-1.2, 1.2), random.between(-1.2, 1.2)];
            let eye = Vec3::new(center.x + half.x * out[0], bounds.max.y + eye_height, center.z + half.z * out[1]);
            let target = Vec3::new(center.x, bounds.max.y - edge * random.between(0.0, 2.0), center.z);
            lens(random.between(0.5, 1.5), edge * 0.05).look_at(eye, target, Vec3::Y)
        }
        _ => {
            // The near plane cuts a cube, and whatever is beside it.
            let direction = aside(random);
            let away = edge * random.between(1.8, 12.0);
            let near = away + edge * random.between(-1.0, 0.6);
            let up = random.vector(Vec3::NEG_ONE, Vec3::ONE);
            lens(random.between(0.6, 1.6), near.max(0.01 * edge)).look_at(place - direction * away, place, up)
        }
    }
}
