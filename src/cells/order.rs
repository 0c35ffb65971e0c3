//! The order in which cubes are packed: along a Morton curve, so that neighbours in space are neighbours in memory.
//!
//! G. M. Morton: A computer oriented geodetic data base and a new technique in file sequencing (1966).

use glam::Vec3;
use rayon::prelude::*;

use crate::scene::{Bounds, InstanceSource};

/// Bits of a key along each axis.
const BITS: u32 = 10;

/// The ids of all cubes, in Morton order of their places in `bounds`.
pub(super) fn morton_order(source: &impl InstanceSource, bounds: Bounds) -> Vec<u32> {
    let scale = ((1 << BITS) as f32) / (bounds.max - bounds.min).max(Vec3::splat(f32::MIN_POSITIVE));
    let mut keys: Vec<u64> = (0..source.len())
        .into_par_iter()
        .map(|id| {
            let place = Vec3::from_array(source.instance(id).position);
            (morton((place - bounds.min) * scale) << 32) | id as u64
        })
        .collect();
    keys.par_sort_unstable();
    keys.into_par_iter().map(|key| key as u32).collect()
}

/// The bits of three coordinates, in turn.
fn morton(place: Vec3) -> u64 {
    let last = ((1 << BITS) - 1) as f32;
    let [x, y, z] = place.clamp(Vec3::ZERO, Vec3::splat(last)).to_array().map(|axis| spread(axis as u64));
    x | y << 1 | z << 2
}

/// Each bit at three times its place.
fn spread(mut x: u64) -> u64 {
    x = (x | x << 16) & 0x0300_00ff;
    x = (x | x << 8) & 0x0300_f00f;
    x = (x | x << 4) & 0x030c_30c3;
    (x | x << 2) & 0x0924_9249
}
