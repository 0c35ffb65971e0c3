//! Cuts each slot where the regions of its uses begin and end, so that every use touches whole pieces.

use std::ops::Range;

use crate::{
    graph::{
        compiled::Fault,
        ir::{CompactUse, Region, SlotShape, Structure},
    },
    resource::{Access, Mode},
};

/// As many pieces, and as many touches of pieces, are taken. Plans grow with them, not with passes alone.
const MOST: usize = 1 << 20;

/// A piece of a slot: every use touches all of it or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Atom {
    pub(crate) slot: u32,
    pub(crate) region: Region,
}

/// How a pass touches an atom: at most one for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) pass: u32,
    pub(crate) atom: u32,
    /// Into [`Touches::accesses`].
    access: u32,
    pub(crate) discard: bool,
}

/// The touches of all passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touches {
    /// By slot, then by region.
    pub(crate) atoms: Vec<Atom>,
    /// Whether any slot is in pieces; otherwise each is the atom of its number.
    cut: bool,
    accesses: Vec<Access>,
    /// Pass after pass.
    pub(crate) all: Vec<Touch>,
    /// By pass: where its touches end.
    ends: Vec<u32>,
}

impl Touches {
    /// Where a pass's touches are among all.
    pub(crate) fn range(&self, pass: u32) -> Range<usize> {
        let start = if pass == 0 { 0 } else { self.ends[pass as usize - 1] };
        start as usize..self.ends[pass as usize] as usize
    }

    /// A pass's touches.
    pub(crate) fn of(&self, pass: u32) -> &[Touch] {
        &self.all[self.range(pass)]
    }

    pub(crate) fn access(&self, touch: &Touch) -> &Access {
        &self.accesses[touch.access as usize]
    }

    /// The slot that a touch is of.
    pub(crate) fn slot(&self, touch: &Touch) -> usize {
        self.atoms[touch.atom as usize].slot as usize
    }

    /// Numbers of a slot's atoms.
    pub(crate) fn atoms_of(&self, slot: u32) -> Range<usize> {
        if !self.cut {
            return slot as usize..slot as usize + 1;
        }
        let start = self.atoms.partition_point(|atom| atom.slot < slot);
        start..self.atoms.partition_point(|atom| atom.slot <= slot)
    }
}

/// Cuts the slots and finds what each pass touches.
pub(crate) fn touches(structure: &Structure) -> Result<Touches, Fault> {
    let cuts = if structure.has_regions() { Some(Cuts::new(structure)?) } else { None };
    let atoms = cuts.as_ref().map_or_else(|| whole(structure.shapes()), |cuts| cuts.atoms());
    let last = vec![0; atoms.len()];
    let touches = Touches {
        atoms,
        cut: cuts.is_some(),
        accesses: structure.accesses().to_vec(),
        all: Vec::with_capacity(structure.all_uses()),
        ends: Vec::with_capacity(structure.passes()),
    };
    let mut builder = Builder { touches, last };
    for pass in 0..structure.passes() {
        for used in structure.compact_uses(pass) {
            match &cuts {
                None => builder.touch(pass as u32, used.slot, &used),
                Some(cuts) => cuts.each(&used, |atom| builder.touch(pass as u32, atom, &used)),
            }
        }
        let end = builder.touches.all.len();
        if end > MOST {
            return Err(Fault::TooManyPieces);
        }
        builder.touches.ends.push(end as u32);
    }
    Ok(builder.touches)
}

fn whole(shapes: &[SlotShape]) -> Vec<Atom> {
    shapes.iter().enumerate().map(|(slot, shape)| Atom { slot: slot as u32, region: shape.whole() }).collect()
}

struct Builder {
    touches: Touches,
    /// By atom: the number of its last touch, plus one.
    last: Vec<u32>,
}

impl Builder {
    fn touch(&mut self, pass: u32, atom: u32, used: &CompactUse) {
        let Touches { all, accesses, .. } = &mut self.touches;
        let last = &mut self.last[atom as usize];
        match all.get_mut((*last as usize).wrapping_sub(1)) {
            Some(touch) if touch.pass == pass => join(touch, used, accesses),
            _ => {
                all.push(Touch { pass, atom, access: used.access, discard: used.discard });
                *last = all.len() as u32;
            }
        }
    }
}

/// A pass that touches an atom twice does so once, in both ways.
fn join(touch: &mut Touch, used: &CompactUse, accesses: &mut Vec<Access>) {
    touch.discard &= used.discard;
    if touch.access == used.access {
        return;
    }
    let (a, b) = (accesses[touch.access as usize], accesses[used.access as usize]);
    let both = union(&a, &b);
    let known = accesses.iter().position(|access| *access == both);
    touch.access = known.unwrap_or_else(|| {
        accesses.push(both);
        accesses.len() - 1
    }) as u32;
}

fn union(a: &Access, b: &Access) -> Access {
    // What writes decides: a layout to write in can be read in, too.
    let (first, second) = if b.writes() && !a.writes() { (b, a) } else { (a, b) };
    let mode = match (first.mode, second.mode) {
        (Mode::Read, _) => Mode::Read,
        (Mode::ConcurrentWrite, Mode::ConcurrentWrite) => Mode::ConcurrentWrite,
        // A pass that also reads what it changes concurrently may not see it change.
        _ => Mode::Write,
    };
    Access { stages: a.stages | b.stages, mask: a.mask | b.mask, layout: first.layout, mode }
}

/// Slot and place of cuts.
type Places<'a, T> = &'a [(u32, T)];

/// Where slots are cut.
struct Cuts {
    /// Slot and place, ascending, both ends of the slot included.
    x: Vec<(u32, u64)>,
    y: Vec<(u32, u32)>,
    /// By slot: where its cuts begin in `x` and `y`, and its atoms among all; one more at the end.
    starts: Vec<[usize; 3]>,
}

impl Cuts {
    fn new(structure: &Structure) -> Result<Self, Fault> {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        let mut cut = |slot: u32, region: &Region| {
            x.extend(region.x.map(|place| (slot, place)));
            y.extend(region.y.map(|place| (slot, place)));
        };
        for (slot, shape) in structure.shapes().iter().enumerate() {
            cut(slot as u32, &shape.whole());
        }
        let uses = (0..structure.passes()).flat_map(|pass| structure.compact_uses(pass));
        for (slot, region) in uses.filter_map(|used| Some((used.slot, used.region?))) {
            let whole = structure.shapes()[slot as usize].whole();
            if let Some(region) = region.intersection(&whole) {
                cut(slot, &region);
            }
        }
        x.sort_unstable();
        x.dedup();
        y.sort_unstable();
        y.dedup();
        let starts = starts(&x, &y, structure.slots())?;
        Ok(Self { x, y, starts })
    }

    fn atoms(&self) -> Vec<Atom> {
        let mut atoms = Vec::with_capacity(self.starts.last().map_or(0, |starts| starts[2]));
        for slot in 0..self.starts.len() - 1 {
            let (xs, ys) = self.of(slot);
            for x in xs.windows(2) {
                let row = ys.windows(2).map(|y| Region { x: [x[0].1, x[1].1], y: [y[0].1, y[1].1] });
                atoms.extend(row.map(|region| Atom { slot: slot as u32, region }));
            }
        }
        atoms
    }

    /// Calls `touch` for each atom of a use.
    fn each(&self, used: &CompactUse, mut touch: impl FnMut(u32)) {
        let (xs, ys) = self.of(used.slot as usize);
        let first = self.starts[used.slot as usize][2];
        let (mut x, mut y) = (0..xs.len() - 1, 0..ys.len() - 1);
        if let Some(region) = used.region {
            x = region.x.map(|place| xs.partition_point(|cut| cut.1 < place).min(xs.len() - 1)).into_range();
            y = region.y.map(|place| ys.partition_point(|cut| cut.1 < place).min(ys.len() - 1)).into_range();
        }
        for column in x {
            y.clone().for_each(|row| touch((first + column * (ys.len() - 1) + row) as u32));
        }
    }

    fn of(&self, slot: usize) -> (Places<'_, u64>, Places<'_, u32>) {
        let ([x, y, _], [x_end, y_end, _]) = (self.starts[slot], self.starts[slot + 1]);
        (&self.x[x..x_end], &self.y[y..y_end])
    }
}

fn starts(x: &[(u32, u64)], y: &[(u32, u32)], slots: usize) -> Result<Vec<[usize; 3]>, Fault> {
    let mut starts = vec![[0; 3]];
    let mut next = [0; 3];
    for slot in 0..slots as u32 {
        let across = x[next[0]..].iter().take_while(|cut| cut.0 == slot).count();
        let down = y[next[1]..].iter().take_while(|cut| cut.0 == slot).count();
        next = [next[0] + across, next[1] + down, next[2] + (across - 1) * (down - 1)];
        if next[2] > MOST {
            return Err(Fault::TooManyPieces);
        }
        starts.push(next);
    }
    Ok(starts)
}

trait IntoRange {
    fn into_range(self) -> Range<usize>;
}

impl IntoRange for [usize; 2] {
    fn into_range(self) -> Range<usize> {
        self[0]..self[1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ir::{PassShape, SlotUse};

    fn used(slot: usize, region: Option<Region>, access: Access) -> SlotUse {
        SlotUse { slot, region, access, discard: false }
    }

    fn bytes(touches: &Touches, pass: u32) -> Vec<[u64; 2]> {
        touches.of(pass).iter().map(|touch| touches.atoms[touch.atom as usize].region.x).collect()
    }

    #[test]
    fn a_slot_that_is_used_whole_is_one_piece() {
        let mut structure = Structure::default();
        let slot = structure.slot(SlotShape::Buffer { bytes: 8 });
        structure.push(PassShape::default(), [used(slot, None, Access::COPY_TARGET)], &[]);
        let touches = touches(&structure).expect("few pieces");
        assert_eq!(touches.atoms, [Atom { slot: 0, region: Region::bytes(0..8) }]);
        assert_eq!(bytes(&touches, 0), [[0, 8]]);
    }

    #[test]
    fn overlapping_slices_share_the_piece_that_both_have() {
        // 0: ████████████████      2: whole
        // 1:         ████████████
        let mut structure = Structure::default();
        let slot = structure.slot(SlotShape::Buffer { bytes: 100 });
        for region in [Some(Region::bytes(0..40)), Some(Region::bytes(20..50)), None] {
            structure.push(PassShape::default(), [used(slot, region, Access::COPY_TARGET)], &[]);
        }
        let touches = touches(&structure).expect("few pieces");
        assert_eq!(bytes(&touches, 0), [[0, 20], [20, 40]]);
        assert_eq!(bytes(&touches, 1), [[20, 40], [40, 50]]);
        assert_eq!(bytes(&touches, 2), [[0, 20], [20, 40], [40, 50], [50, 100]]);
        assert_eq!(touches.atoms_of(0), 0..4);
    }

    #[test]
    fn an_image_is_cut_by_levels_and_by_layers() {
        let mut structure = Structure::default();
        structure.slot(SlotShape::Buffer { bytes: 8 });
        let slot = structure.slot(SlotShape::Image { levels: 3, layers: 2 });
        let part = Region::subresources(1..2, 0..1);
        structure.push(PassShape::default(), [used(slot, Some(part), Access::COLOR_ATTACHMENT)], &[]);
        let touches = touches(&structure).expect("few pieces");
        assert_eq!(touches.atoms.len(), 1 + 3 * 2);
        assert_eq!(touches.of(0).len(), 1);
        assert_eq!(touches.atoms[touches.of(0)[0].atom as usize].region, part);
    }

    #[test]
    fn a_pass_that_names_a_piece_twice_touches_it_once_in_both_ways() {
        let mut structure = Structure::default();
        let slot = structure.slot(SlotShape::Buffer { bytes: 8 });
        let uses = [used(slot, None, Access::COPY_SOURCE), used(slot, None, Access::COPY_TARGET)];
        structure.push(PassShape::default(), uses, &[]);
        let touches = touches(&structure).expect("few pieces");
        assert_eq!(touches.of(0).len(), 1);
        let access = touches.access(&touches.of(0)[0]);
        assert_eq!(access.mask, Access::COPY_SOURCE.mask | Access::COPY_TARGET.mask);
        assert_eq!(access.mode, Mode::Write);
    }

    #[test]
    fn a_region_beyond_the_slot_is_cut_off() {
        let mut structure = Structure::default();
        let slot = structure.slot(SlotShape::Buffer { bytes: 8 });
        let outside = [Region::bytes(4..20), Region::bytes(10..20)];
        structure.push(PassShape::default(), outside.map(|region| used(slot, Some(region), Access::COPY_TARGET)), &[]);
        let touches = touches(&structure).expect("few pieces");
        assert_eq!(bytes(&touches, 0), [[4, 8]]);
    }

    #[test]
    fn too_many_pieces_are_a_fault() {
        let mut structure = Structure::default();
        let slot = structure.slot(SlotShape::Image { levels: 2_000, layers: 2_000 });
        for at in 0..2_000 {
            let region = Some(Region::subresources(at..at + 1, at..at + 1));
            structure.push(PassShape::default(), [used(slot, region, Access::COLOR_ATTACHMENT)], &[]);
        }
        assert_eq!(touches(&structure), Err(Fault::TooManyPieces));
    }
}
