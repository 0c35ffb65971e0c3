//! How far apart the points of a cloud are.

use rayon::prelude::*;

use glam::Vec3;

use super::points::Points;

/// Points that are looked at.
const SAMPLES: usize = 64;
/// Which of the others nearest to it: with four around it, a point on a surface is surrounded.
const NEAREST: usize = 4;

/// The squared distances to the nearest, the nearest first.
type Near = [f32; NEAREST];

/// The spacing: a typical distance to the fourth nearest other place; 1 where all points are at one place.
pub(super) fn of(points: &Points) -> f32 {
    let samples: Vec<Vec3> = (0..SAMPLES).map(|n| points.at((points.len() - 1) * n / (SAMPLES - 1)).0).collect();
    let nothing = vec![[f32::INFINITY; NEAREST]; SAMPLES];
    let near = points
        .pieces()
        .par_iter()
        .fold(
            || nothing.clone(),
            |mut near, piece| {
                for (near, sample) in near.iter_mut().zip(&samples) {
                    piece.iter().for_each(|point| take(near, point.position.distance_squared(*sample)));
                }
                near
            },
        )
        .reduce(
            || nothing.clone(),
            |mut one, other| {
                one.iter_mut().zip(other).for_each(|(one, other)| other.into_iter().for_each(|far| take(one, far)));
                one
            },
        );
    // Of fewer than five places, the furthest there is.
    let far = |near: &Near| near.iter().copied().filter(|far| far.is_finite()).reduce(f32::max);
    let mut spacings: Vec<f32> = near.iter().filter_map(far).map(f32::sqrt).collect();
    spacings.sort_unstable_by(f32::total_cmp);
    spacings.get(spacings.len() / 2).copied().unwrap_or(1.0)
}

/// Keeps a distance if it is among the nearest; none is to the same place.
fn take(near: &mut Near, far: f32) {
    if far >= near[NEAREST - 1] || far <= 0.0 {
        return;
    }
    let at = near.partition_point(|&nearer| nearer <= far);
    near.copy_within(at..NEAREST - 1, at + 1);
    near[at] = far;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::hash::unit;
    use glam::DVec3;

    fn cloud(places: impl IntoIterator<Item = DVec3>) -> Points {
        let mut points = Points::new(false);
        places.into_iter().for_each(|place| points.push(place, None).expect("a point"));
        points
    }

    #[test]
    fn a_lattice_has_its_own_spacing() {
        let layer = (0..40_000).map(|i| DVec3::new((i % 200) as f64, 3.0, (i / 200) as f64) * 0.25);
        assert_eq!(of(&cloud(layer)), 0.25);
        let space = (0..27_000).map(|i| DVec3::new((i % 30) as f64, (i / 30 % 30) as f64, (i / 900) as f64) * 7.0);
        assert_eq!(of(&cloud(space)), 7.0);
    }

    #[test]
    fn a_random_surface_has_about_the_spacing_of_a_lattice_as_dense() {
        let place = |i: u64| DVec3::new(unit(i * 2).into(), 0.0, unit(i * 2 + 1).into()) * 200.0;
        let spacing = of(&cloud((0..40_000).map(place)));
        assert!((0.8..1.4).contains(&spacing), "{spacing}");
    }

    #[test]
    fn few_points_have_a_spacing_too() {
        assert_eq!(of(&cloud([DVec3::ONE])), 1.0);
        assert_eq!(of(&cloud([DVec3::ONE; 100])), 1.0);
        assert_eq!(of(&cloud([DVec3::ZERO, DVec3::X * 3.0])), 3.0);
    }
}
