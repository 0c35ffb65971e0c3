//! What an island is painted like.

use glam::Vec3;

use super::height::Ground;
use crate::scene::{
    colors::{gradient, rgb, varied},
    hash::fraction,
};

/// From the shore outwards.
const SEA: [Vec3; 4] = [rgb(0x6fc7c4), rgb(0x3a9bb5), rgb(0x2a6f9e), rgb(0x1f4e85)];
const SAND: Vec3 = rgb(0xe3d3a0);
/// Upwards.
const PLANTS: [Vec3; 4] = [rgb(0x8fb04e), rgb(0x5f9142), rgb(0x3f7440), rgb(0x5d7a4c)];
const ROCK: [Vec3; 3] = [rgb(0x8b7d6b), rgb(0x7d7872), rgb(0x94908c)];
const SNOW: Vec3 = rgb(0xf6f8fb);

/// The colour of a column; `relief` is the height of the highest.
pub(super) fn color(ground: &Ground, relief: f32, bits: u64) -> Vec3 {
    let [grain, chance] = [fraction(bits, 40), fraction(bits, 16)];
    if ground.height < 1.0 {
        let depth = (1.0 - ground.height) / (relief * 0.09 + 1.0);
        return varied(gradient(&SEA, depth.sqrt()), grain, 0.035);
    }
    let height = ground.height / relief.max(1.0);
    // Borders are ragged: each column is taken a little higher or lower than it is.
    let ragged = height + (chance - 0.5) * 0.05;
    if ragged < 0.035 && ground.slope < 0.8 {
        return varied(SAND, grain, 0.06);
    }
    if ragged > 0.66 && ground.slope < 1.75 {
        return varied(SNOW, grain, 0.03);
    }
    let steep = ground.slope + (chance - 0.5) * 0.35;
    if steep > 1.05 || ragged > 0.55 {
        return varied(gradient(&ROCK, ragged), grain, 0.12);
    }
    varied(gradient(&PLANTS, ragged * 2.2), grain, 0.14)
}
