//! What a city is painted like.

use glam::Vec3;

use super::plan::{Cube, Plan};
use crate::scene::{
    colors::{rgb, varied},
    hash::fraction,
};

const WALLS: [Vec3; 9] = [
    rgb(0xc9b79c),
    rgb(0xa65e46),
    rgb(0xd8d2c4),
    rgb(0x8f9aa3),
    rgb(0xb98b66),
    rgb(0xe3dccb),
    rgb(0x6f7b85),
    rgb(0x93594a),
    rgb(0xcfc4a8),
];
const GLASS: [Vec3; 3] = [rgb(0x3a5a78), rgb(0x2f4858), rgb(0x4d7288)];
const LIT: Vec3 = rgb(0xffd88a);
const ROOF: Vec3 = rgb(0x6b6a68);
const SHOPS: [Vec3; 4] = [rgb(0x35424b), rgb(0x7a3b32), rgb(0x2f5d50), rgb(0x8a6d3b)];
const ASPHALT: Vec3 = rgb(0x44484e);
const PAVEMENT: Vec3 = rgb(0x97938b);
const MARKING: Vec3 = rgb(0xe4e0d2);
const GRASS: Vec3 = rgb(0x64904a);

/// How a facade has its windows.
#[derive(Clone, Copy)]
enum Windows {
    Single,
    Bands,
    Strips,
    Curtain,
}

/// A tower's style.
pub(super) struct Look {
    wall: Vec3,
    glass: Vec3,
    shop: Vec3,
    windows: Windows,
}

impl Look {
    /// A style by a number of random bits.
    pub(super) fn of(bits: u64) -> Self {
        let pick = |shift: u32, of: usize| (bits >> shift) as usize % 65_536 % of;
        Self {
            wall: varied(WALLS[pick(0, WALLS.len())], fraction(bits, 40), 0.08),
            glass: GLASS[pick(8, GLASS.len())],
            shop: SHOPS[pick(16, SHOPS.len())],
            windows: [Windows::Single, Windows::Single, Windows::Bands, Windows::Strips, Windows::Curtain][pick(24, 5)],
        }
    }

    /// The colour of one of its cubes.
    pub(super) fn color(&self, cube: &Cube, bits: u64) -> Vec3 {
        let [x, z] = cube.on_floor;
        let edge = |at: u64| at == 0 || at + 1 == cube.width;
        let chance = fraction(bits, 40);
        let plain = match (edge(x), edge(z)) {
            (true, true) => self.wall,
            (false, false) => {
                return varied(if cube.floor + 1 >= cube.floors { ROOF } else { self.wall }, chance, 0.06);
            }
            (true, false) => self.facade(cube, z),
            (false, true) => self.facade(cube, x),
        };
        if plain == self.glass && fraction(bits, 16) < 0.07 {
            return varied(LIT, chance, 0.1);
        }
        varied(plain, chance, if plain == self.glass { 0.16 } else { 0.05 })
    }

    fn facade(&self, cube: &Cube, along: u64) -> Vec3 {
        // The topmost floor is the parapet.
        if cube.floor + 1 >= cube.floors {
            return self.wall;
        }
        if cube.floor == 0 && cube.width > 2 {
            return self.shop;
        }
        let storey = cube.floor % 3;
        let window = match self.windows {
            Windows::Single => storey == 1 && along % 2 == 1,
            Windows::Bands => storey != 0,
            Windows::Strips => along % 2 == 1,
            Windows::Curtain => storey != 0 || !along.is_multiple_of(4),
        };
        if window { self.glass } else { self.wall }
    }
}

/// The colour of the ground: streets with pavements and a broken line, and courts of grass.
pub(super) fn ground(plan: &Plan, place: [u64; 2], bits: u64) -> Vec3 {
    let [x, z] = place.map(|at| at % plan.pitch());
    let chance = fraction(bits, 40);
    match [x, z].map(|at| at < plan.street) {
        [false, false] => varied(GRASS, chance, 0.14),
        [true, true] => varied(ASPHALT, chance, 0.05),
        [true, false] => street(plan, x, z, chance),
        [false, true] => street(plan, z, x, chance),
    }
}

fn street(plan: &Plan, across: u64, along: u64, chance: f32) -> Vec3 {
    let beside = across == 0 || across + 1 == plan.street;
    if beside && plan.street >= 5 {
        return varied(PAVEMENT, chance, 0.05);
    }
    // The width is odd: there is a middle.
    if across == plan.street / 2 && along % 6 < 3 {
        return varied(MARKING, chance, 0.03);
    }
    varied(ASPHALT, chance, 0.05)
}
