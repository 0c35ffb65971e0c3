//! Where towers stand and how high they are, so that there are as many cubes as were asked for.

use glam::Vec3;

use crate::scene::hash::{fraction, mix};

/// Blocks have three plots along each side; the middle one is the court.
const PLOTS: u64 = 3;
const TOWERS: u64 = PLOTS * PLOTS - 1;

/// The ground plan, in cubes. A block has its streets on its lower sides; the last have one on their upper sides too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Along each side of the city; 0 is a single tower and no ground.
    pub(super) blocks: u64,
    /// A tower's width.
    pub(super) tower: u64,
    /// A street's width.
    pub(super) street: u64,
}

impl Plan {
    /// From a street to the next.
    pub(super) fn pitch(&self) -> u64 {
        PLOTS * self.tower + self.street
    }

    pub(super) fn width(&self) -> u64 {
        if self.blocks == 0 { self.tower } else { self.blocks * self.pitch() + self.street }
    }

    /// The corner with the smallest coordinates, at the ground.
    pub(super) fn corner(&self) -> Vec3 {
        let half = (self.width() / 2) as f32;
        Vec3::new(-half, 0.0, -half)
    }

    /// Cubes of the ground in a block and its two streets.
    fn ground_of_block(&self) -> u64 {
        self.pitch().pow(2) - TOWERS * self.tower.pow(2)
    }

    pub(super) fn ground_cubes(&self) -> u64 {
        if self.blocks == 0 { 0 } else { self.width().pow(2) - TOWERS * self.towers_area() }
    }

    fn towers_area(&self) -> u64 {
        self.blocks.pow(2) * self.tower.pow(2)
    }

    /// The place of a cube of the ground: the blocks' first, then the street behind the last of them.
    pub(super) fn ground(&self, index: u64) -> [u64; 2] {
        let (pitch, street) = (self.pitch(), self.street);
        let each = self.ground_of_block();
        let block = index / each;
        if block < self.blocks.pow(2) {
            let [x, z] = self.ground_in_block(index % each);
            return [block % self.blocks * pitch + x, block / self.blocks * pitch + z];
        }
        let rest = index - self.blocks.pow(2) * each;
        let (width, inner) = (self.width(), self.blocks * pitch);
        match rest.checked_sub(street * width) {
            None => [inner + rest / width, rest % width],
            Some(rest) => [rest % inner, inner + rest / inner],
        }
    }

    fn ground_in_block(&self, index: u64) -> [u64; 2] {
        let (pitch, street, tower) = (self.pitch(), self.street, self.tower);
        let across = pitch * street;
        let Some(rest) = index.checked_sub(across) else { return [index % pitch, index / pitch] };
        let along = (pitch - street) * street;
        let Some(court) = rest.checked_sub(along) else { return [rest % street, street + rest / street] };
        [street + tower + court % tower, street + tower + court / tower]
    }

    /// The corner of a tower.
    fn tower_corner(&self, tower: u64) -> [u64; 2] {
        if self.blocks == 0 {
            return [0, 0];
        }
        let (block, plot) = (tower / TOWERS, tower % TOWERS);
        // The court comes after the first four plots.
        let plot = if plot >= TOWERS / 2 { plot + 1 } else { plot };
        let at = |block: u64, plot: u64| block * self.pitch() + self.street + plot * self.tower;
        [at(block % self.blocks, plot % PLOTS), at(block / self.blocks, plot / PLOTS)]
    }

    /// How far the upper part of a tower stands back.
    fn inset(&self) -> u64 {
        (self.tower / 6).max(1)
    }
}

/// A tower's floors: wide ones below, then narrower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Floors {
    wide: u32,
    narrow: u32,
}

impl Floors {
    /// `floors` in all; `high` ones stand back above.
    fn of(plan: &Plan, floors: u32, high: bool) -> Self {
        let narrow = if high && plan.tower >= 5 && floors >= 8 { floors * 3 / 8 } else { 0 };
        Self { wide: floors - narrow, narrow }
    }

    fn all(self) -> u32 {
        self.wide + self.narrow
    }

    fn cubes(self, plan: &Plan) -> u64 {
        let narrow = plan.tower.saturating_sub(2 * plan.inset());
        u64::from(self.wide) * plan.tower.pow(2) + u64::from(self.narrow) * narrow.pow(2)
    }

    /// Width of the topmost floor, and how far that stands back.
    fn top(self, plan: &Plan) -> [u64; 2] {
        if self.narrow > 0 { [plan.tower - 2 * plan.inset(), plan.inset()] } else { [plan.tower, 0] }
    }
}

/// A cube of a tower.
#[derive(Debug)]
pub(super) struct Cube {
    pub(super) tower: usize,
    /// In the city.
    pub(super) place: [u64; 2],
    pub(super) floor: u32,
    /// The tower's.
    pub(super) floors: u32,
    /// On its floor, and that floor's width.
    pub(super) on_floor: [u64; 2],
    pub(super) width: u64,
}

/// All towers. Cubes go from tower to tower, floor by floor; those left over are on top of the last.
#[derive(Clone, Debug)]
pub(super) struct Towers {
    /// Index of each tower's first cube.
    first: Vec<u64>,
    /// The tower of each cube whose index is a multiple of 2 to the `stride`: where a search begins.
    near: Vec<u32>,
    stride: u32,
    floors: Vec<Floors>,
    /// Floors of the highest, that of the cubes left over among them.
    highest: u32,
}

impl Towers {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.floors.len()
    }

    pub(super) fn highest(&self) -> u32 {
        self.highest
    }

    fn tower_of(&self, index: u64) -> usize {
        let begin = (index >> self.stride) as usize;
        let mut tower = self.near.get(begin).or(self.near.last()).map_or(0, |&tower| tower as usize);
        while self.first.get(tower + 1).is_some_and(|&next| next <= index) {
            tower += 1;
        }
        tower
    }

    pub(super) fn cube(&self, plan: &Plan, index: u64) -> Cube {
        let tower = self.tower_of(index);
        let floors = self.floors[tower];
        // A tower has fewer than 2³² cubes; dividing 32 bits is twice as fast.
        let (floor, rest, (width, inset)) = locate(plan, floors, (index - self.first[tower]) as u32);
        let on_floor = [rest % width, rest / width].map(u64::from);
        let width = u64::from(width);
        let corner = plan.tower_corner(tower as u64);
        let place = [corner[0] + inset + on_floor[0], corner[1] + inset + on_floor[1]];
        Cube { tower, place, floor, floors: floors.all(), on_floor, width }
    }
}

/// The floor of a tower's cube, its index there, and the floor's width and inset.
fn locate(plan: &Plan, floors: Floors, index: u32) -> (u32, u32, (u32, u64)) {
    let width = plan.tower as u32;
    let area = width.pow(2);
    match index.checked_sub(floors.wide * area) {
        Some(rest) if floors.narrow > 0 => {
            let [width, inset] = floors.top(plan);
            let area = width.pow(2) as u32;
            (floors.wide + rest / area, rest % area, (width as u32, inset))
        }
        _ => (index / area, index % area, (width, 0)),
    }
}

/// A plan and its towers with exactly `count` cubes.
pub(super) fn fit(count: u64, seed: u64) -> (Plan, Towers) {
    // Towers grow with their number, slowly: small cities have houses.
    let share = count as f64 / 1e8;
    let tower = (16.0 * share.powf(0.18)).round().max(1.0) as u64;
    let street = (tower * 7 / 10).max(3) | 1;
    let floors = (40.0 * share.powf(0.17)).max(2.0);
    let block = Plan { blocks: 1, tower, street };
    let each = block.ground_of_block() as f64 + (TOWERS * tower.pow(2)) as f64 * floors;
    let mut blocks = (count as f64 / each).sqrt().round().max(1.0) as u64;
    // At least two floors everywhere.
    let least = |plan: &Plan| plan.ground_cubes() + 2 * TOWERS * plan.towers_area();
    while blocks > 0 && least(&Plan { blocks, ..block.clone() }) > count {
        blocks -= 1;
    }
    let tower = if blocks > 0 { tower } else { ((count as f64 / 3.0).cbrt() as u64).max(1) };
    let plan = Plan { blocks, tower, street };
    let towers = build(&plan, count - plan.ground_cubes(), seed);
    (plan, towers)
}

/// Towers of `cubes` in all: the greatest heights, in the same proportions, that are not too many, and the rest as further
/// floors.
fn build(plan: &Plan, cubes: u64, seed: u64) -> Towers {
    let wishes: Vec<f64> = (0..(plan.blocks.pow(2) * TOWERS).max(1)).map(|tower| wish(plan, tower, seed)).collect();
    let at = |scale: f64| wishes.iter().map(move |wish| Floors::of(plan, (wish * scale) as u32, *wish > 1.3));
    let fits = |scale: f64| at(scale).map(|floors| floors.cubes(plan)).sum::<u64>() <= cubes;
    let [mut low, mut high] = [0.0, 2.0];
    while fits(high) {
        [low, high] = [high, high * 2.0];
    }
    for _ in 0..48 {
        let middle = (low + high) * 0.5;
        if fits(middle) { low = middle } else { high = middle }
    }
    let mut floors: Vec<Floors> = at(low).collect();
    let mut rest = cubes - floors.iter().map(|floors| floors.cubes(plan)).sum::<u64>();
    heighten(plan, &mut floors, &mut rest);

    let mut first = Vec::with_capacity(floors.len());
    let mut next = 0;
    for tower in &floors {
        first.push(next);
        next += tower.cubes(plan);
    }
    let over = floors.last().filter(|_| rest > 0).map_or(0, |last| last.all() + 1);
    let highest = floors.iter().map(|tower| tower.all()).fold(over, u32::max);
    // As many steps as towers, or up to twice that.
    let stride = (next / first.len() as u64).max(1).ilog2();
    let mut tower = 0;
    let near = (0..=next >> stride).map(|step| {
        while first.get(tower + 1).is_some_and(|&next| next <= step << stride) {
            tower += 1;
        }
        tower as u32
    });
    let near = near.collect();
    Towers { first, near, stride, floors, highest }
}

/// Adds floors, one tower after the other, until what is left is less than any floor.
fn heighten(plan: &Plan, towers: &mut [Floors], rest: &mut u64) {
    loop {
        let before = *rest;
        for tower in &mut *towers {
            let area = tower.top(plan)[0].pow(2);
            if *rest >= area {
                *rest -= area;
                if tower.narrow > 0 { tower.narrow += 1 } else { tower.wide += 1 }
            }
        }
        if *rest == before {
            return;
        }
    }
}

/// How high a tower is beside the others: 1 is usual, more is near the middle, and a few stand out.
fn wish(plan: &Plan, tower: u64, seed: u64) -> f64 {
    if plan.blocks == 0 {
        return 1.0;
    }
    let bits = mix(seed ^ mix(tower));
    let [chance, luck] = [fraction(bits, 40), fraction(bits, 16)].map(f64::from);
    let middle = plan.blocks as f64 * 0.5;
    let block = tower / TOWERS;
    let [x, z] = [block % plan.blocks, block / plan.blocks].map(|at| (at as f64 + 0.5 - middle) / middle);
    let central = (-(x * x + z * z) / 0.18).exp();
    let usual = 0.55 + 0.5 * chance + 0.9 * central * chance;
    if luck > 0.965 - 0.1 * central { usual * (1.9 + 1.2 * central) } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_is_every_place_without_a_tower_once() {
        for (blocks, tower, street) in [(1, 1, 3), (2, 3, 3), (3, 2, 5), (4, 7, 5)] {
            let plan = Plan { blocks, tower, street };
            let mut seen = vec![0; (plan.width() * plan.width()) as usize];
            let mut mark = |[x, z]: [u64; 2]| seen[(z * plan.width() + x) as usize] += 1;
            (0..plan.ground_cubes()).for_each(|index| mark(plan.ground(index)));
            for of in 0..plan.blocks.pow(2) * TOWERS {
                let [x, z] = plan.tower_corner(of);
                (0..tower * tower).for_each(|at| mark([x + at % tower, z + at / tower]));
            }
            assert!(seen.iter().all(|&times| times == 1), "{plan:?}");
        }
    }

    #[test]
    fn towers_and_ground_make_the_count_but_for_less_than_a_floor() {
        for count in (1..3000).chain([1_000_000, 99_999_999, 100_000_000, 1_000_000_000]) {
            let (plan, towers) = fit(count, 77);
            let whole = plan.ground_cubes() + towers.floors.iter().map(|floors| floors.cubes(&plan)).sum::<u64>();
            let [top, _] = towers.floors.last().map_or([1, 0], |last| last.top(&plan));
            assert!(whole <= count && count - whole < top.pow(2), "{count}: {whole}");
        }
    }
}
