//! What a cube must be to be packed.

use crate::{
    error::{Error, Result},
    scene::Instance,
};

/// Coordinates and half edges may be this large: their squares are summed in f32.
pub(crate) const LARGEST: f32 = 1.152_921_5e18; // 2^60
/// Half edges may be this small, so that a 65,536th of one is still a normal number.
pub(crate) const SMALLEST: f32 = 8.673_617_4e-19; // 2^-60

/// Whether a cube can be packed.
pub(super) fn is_good(cube: &Instance) -> bool {
    // Comparisons with NaN are false.
    cube.position.iter().all(|axis| axis.abs() <= LARGEST) && (SMALLEST..=LARGEST).contains(&cube.half_edge)
}

/// # Errors
/// [`Error::Invalid`], which names the cube and what is wrong with it.
pub(super) fn cube(id: usize, cube: &Instance) -> Result<()> {
    if is_good(cube) {
        return Ok(());
    }
    let Instance { position: [x, y, z], half_edge, .. } = *cube;
    Err(Error::Invalid(if (SMALLEST..=LARGEST).contains(&half_edge) {
        format!("cube {id} is at ({x}, {y}, {z}); coordinates must be numbers within ±{LARGEST:e}")
    } else {
        format!("cube {id} has a half edge of {half_edge}; it must be a number of {SMALLEST:e} to {LARGEST:e}")
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    #[test]
    fn cubes_that_cannot_be_shown_are_named() {
        let good = Instance::new(Vec3::new(-LARGEST, 0.0, LARGEST), 0.5, [0.0; 3]);
        assert!(cube(3, &good).is_ok());
        assert_eq!((LARGEST, SMALLEST), (2f32.powi(60), 2f32.powi(-60)));
        for axis in [f32::NAN, f32::INFINITY, -f32::INFINITY, 1.2e18] {
            let error = cube(41, &Instance { position: [0.0, axis, 1.0], ..good }).expect_err("no place").to_string();
            assert!(error.contains("cube 41") && error.contains(&axis.to_string()), "{error}");
        }
        for half_edge in [f32::NAN, f32::INFINITY, 0.0, -1.0, 1e-20, 1.2e18] {
            let error = cube(7, &Instance { half_edge, ..good }).expect_err("no size").to_string();
            assert!(error.contains("cube 7") && error.contains(&half_edge.to_string()), "{error}");
        }
    }
}
