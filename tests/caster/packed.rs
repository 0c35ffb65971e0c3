//! Packed cubes beside those that were given.

use vulkio::scene::{Instance, InstanceSource};

/// All cubes of a source.
pub(crate) fn all(source: &impl InstanceSource) -> Vec<Instance> {
    (0..source.len()).map(|index| source.instance(index)).collect()
}

/// Asserts that packed cubes are those that were given, to within what 16 bits can say; of each axis and of the half edge the
/// largest difference.
#[track_caller]
pub(crate) fn faithful(given: &[Instance], packed: &[Instance], at: &str) {
    assert_eq!(given.len(), packed.len(), "{at}");
    let low = |axis: usize| given.iter().map(|cube| cube.position[axis]).fold(f32::INFINITY, f32::min);
    let high = |axis: usize| given.iter().map(|cube| cube.position[axis]).fold(f32::NEG_INFINITY, f32::max);
    let largest = given.iter().map(|cube| cube.half_edge).fold(0.0, f32::max);
    for axis in 0..3 {
        // A cell is no larger than the scene, and its step at most twice what its extent needs; far out floats are coarser.
        let extent = high(axis) - low(axis);
        let most = extent / 65_535.0 * 2.0 + high(axis).abs().max(low(axis).abs()) * f32::EPSILON;
        for (id, (given, packed)) in given.iter().zip(packed).enumerate() {
            let off = (given.position[axis] - packed.position[axis]).abs();
            assert!(
                off <= most,
                "cube {id} is {off} off along axis {axis}, {most} at most: {given:?} {packed:?}; {at}"
            );
        }
    }
    for (id, (given, packed)) in given.iter().zip(packed).enumerate() {
        let off = (given.half_edge - packed.half_edge).abs();
        assert!(off <= largest / 65_536.0, "cube {id}'s half edge is {off} off: {given:?} {packed:?}; {at}");
        assert_eq!(given.color, packed.color, "cube {id}; {at}");
    }
}
