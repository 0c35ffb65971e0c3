//! What the tests of all scenes look at.

use std::{collections::HashSet, time::Instant};

use glam::Vec3;

use super::{Bounds, Instance, InstanceSource};

pub(super) fn all(source: &dyn InstanceSource) -> Vec<Instance> {
    (0..source.len()).map(|index| source.instance(index)).collect()
}

/// The smallest box around every cube.
pub(super) fn tight(source: &dyn InstanceSource) -> Bounds {
    let nothing = Bounds { min: Vec3::INFINITY, max: Vec3::NEG_INFINITY };
    all(source).iter().fold(nothing, |bounds, cube| {
        let center = Vec3::from_array(cube.position);
        Bounds { min: bounds.min.min(center - cube.half_edge), max: bounds.max.max(center + cube.half_edge) }
    })
}

/// The bounds hold every cube, and no side is further than `slack` from the nearest.
#[track_caller]
pub(super) fn bounds_fit(source: &dyn InstanceSource, slack: f32) {
    let (claimed, tight) = (source.bounds(), tight(source));
    let holds = claimed.min.cmple(tight.min).all() && claimed.max.cmpge(tight.max).all();
    assert!(holds, "{} cubes: {tight:?} outside of {claimed:?}", source.len());
    let spare = (tight.min - claimed.min).max(claimed.max - tight.max).max_element();
    assert!(spare <= slack, "{} cubes: {claimed:?} is {spare} wider than {tight:?}", source.len());
}

/// No two cubes of edge 1 are at one place; all have that edge.
#[track_caller]
pub(super) fn each_at_its_own_place(source: &dyn InstanceSource) {
    let mut seen = HashSet::new();
    for (index, cube) in all(source).iter().enumerate() {
        assert_eq!(cube.half_edge, 0.5, "cube {index}");
        assert!(seen.insert(cube.position.map(f32::to_bits)), "{} cubes: two at {:?}", source.len(), cube.position);
    }
}

/// Prints what one cube of so many takes; a figure to look at, not to assert.
pub(super) fn print_speed(name: &str, source: &dyn InstanceSource) {
    let began = Instant::now();
    let calls = 1_000_000;
    let stride = (source.len() / calls).max(1);
    let sum: f32 = (0..calls).map(|call| source.instance(call * stride % source.len()).position[0]).sum();
    let each = began.elapsed().as_secs_f64() * 1e9 / calls as f64;
    println!("{name}, {} cubes: {each:.1} ns each (sum {sum})", source.len());
}
