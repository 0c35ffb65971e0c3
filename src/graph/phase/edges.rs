//! The order in which passes are looked at: each after those whose data it uses and those it names.
//!
//! By default that is the order of declaration. With `any_order` it follows from the data: see [`Web`].

use std::{cmp::Reverse, collections::BinaryHeap};

use super::regions::{Touch, Touches};
use crate::{
    graph::{compiled::Fault, ir::Structure},
    resource::Access,
};

/// Passes, each after all that it depends on.
pub(crate) fn sequence(structure: &Structure, touches: &Touches) -> Result<Vec<u32>, Fault> {
    let sequence = if structure.is_any_order() { from_data(structure, touches)? } else { as_declared(structure)? };
    never_written(structure, touches, &sequence)?;
    Ok(sequence)
}

/// Whether two accesses of one atom may overlap: reads of one layout, or concurrent writes in one.
pub(crate) fn compatible(a: &Access, b: &Access) -> bool {
    a.mode.goes_beside(b.mode) && a.layout == b.layout
}

fn as_declared(structure: &Structure) -> Result<Vec<u32>, Fault> {
    for pass in 0..structure.passes() {
        if let Some(later) = structure.after(pass).find(|&other| other >= pass) {
            return Err(Fault::Cycle { passes: vec![pass, later], slot: None });
        }
    }
    Ok((0..structure.passes() as u32).collect())
}

fn never_written(structure: &Structure, touches: &Touches, sequence: &[u32]) -> Result<(), Fault> {
    if !structure.shapes().iter().any(|shape| shape.is_transient()) {
        return Ok(());
    }
    let mut written: Vec<_> =
        touches.atoms.iter().map(|atom| !structure.shapes()[atom.slot as usize].is_transient()).collect();
    for &pass in sequence {
        for touch in touches.of(pass) {
            let writes = touches.access(touch).writes();
            if !writes && !touch.discard && !written[touch.atom as usize] {
                return Err(Fault::NeverWritten { pass: pass as usize, slot: touches.slot(touch) });
            }
            written[touch.atom as usize] |= writes;
        }
    }
    Ok(())
}

fn from_data(structure: &Structure, touches: &Touches) -> Result<Vec<u32>, Fault> {
    let by_atom = ByAtom::new(touches);
    let mut web = Web { earlier: vec![Vec::new(); structure.passes()] };
    for pass in 0..structure.passes() {
        if let Some(unknown) = structure.after(pass).find(|&other| other >= structure.passes()) {
            return Err(Fault::Cycle { passes: vec![pass, unknown], slot: None });
        }
        web.earlier[pass].extend(structure.after(pass).map(|other| (other as u32, None)));
    }
    let said = web.clone();
    let mut contested = Vec::new();
    for atom in 0..touches.atoms.len() {
        match by_atom.writers(touches, atom) {
            [None, _] => {}
            [Some(writer), None] => web.read_after(writer, by_atom.of(atom), touches, &said),
            [Some(_), Some(_)] => contested.push(atom),
        }
    }
    let sequence = web.sort()?;
    web.check_contested(&contested, &by_atom, touches, &sequence)?;
    Ok(sequence)
}

/// The touches of each atom.
struct ByAtom {
    /// Numbers of touches, atom after atom.
    touches: Vec<u32>,
    starts: Vec<u32>,
}

impl ByAtom {
    fn new(touches: &Touches) -> Self {
        let mut starts = vec![0; touches.atoms.len() + 1];
        touches.all.iter().for_each(|touch| starts[touch.atom as usize + 1] += 1);
        (1..starts.len()).for_each(|atom| starts[atom] += starts[atom - 1]);
        let mut next = starts.clone();
        let mut sorted = vec![0; touches.all.len()];
        for (number, touch) in touches.all.iter().enumerate() {
            let place = &mut next[touch.atom as usize];
            sorted[*place as usize] = number as u32;
            *place += 1;
        }
        Self { touches: sorted, starts }
    }

    fn of(&self, atom: usize) -> &[u32] {
        &self.touches[self.starts[atom] as usize..self.starts[atom + 1] as usize]
    }

    /// The first two passes that write an atom.
    fn writers(&self, touches: &Touches, atom: usize) -> [Option<u32>; 2] {
        let all = self.of(atom).iter().map(|&number| &touches.all[number as usize]);
        let mut writers = all.filter(|touch| touches.access(touch).writes()).map(|touch| touch.pass);
        [writers.next(), writers.next()]
    }
}

/// Which pass comes after which, and because of which slot.
#[derive(Clone)]
struct Web {
    earlier: Vec<Vec<(u32, Option<u32>)>>,
}

impl Web {
    /// Puts all who read what only `writer` writes after it, but for those that it comes after by its own word.
    fn read_after(&mut self, writer: u32, numbers: &[u32], touches: &Touches, said: &Self) {
        let before = said.all_before(writer);
        for touch in numbers.iter().map(|&number| &touches.all[number as usize]).filter(|touch| touch.pass != writer) {
            let slot = Some(touches.slot(touch) as u32);
            let (later, earlier) =
                if before.binary_search(&touch.pass).is_ok() { (writer, touch.pass) } else { (touch.pass, writer) };
            self.earlier[later as usize].push((earlier, slot));
        }
    }

    /// All that a pass comes after, ascending.
    fn all_before(&self, pass: u32) -> Vec<u32> {
        let mut found = std::collections::BTreeSet::new();
        let mut open = vec![pass];
        while let Some(pass) = open.pop() {
            open.extend(self.earlier[pass as usize].iter().map(|edge| edge.0).filter(|&earlier| found.insert(earlier)));
        }
        found.into_iter().collect()
    }

    /// Each pass after those that it comes after; otherwise as declared.
    fn sort(&self) -> Result<Vec<u32>, Fault> {
        let mut missing: Vec<_> = self.earlier.iter().map(Vec::len).collect();
        let mut later = vec![Vec::new(); missing.len()];
        for (pass, earlier) in self.earlier.iter().enumerate() {
            earlier.iter().for_each(|edge| later[edge.0 as usize].push(pass as u32));
        }
        let mut ready: BinaryHeap<_> =
            (0..missing.len() as u32).filter(|&pass| missing[pass as usize] == 0).map(Reverse).collect();
        let mut sequence = Vec::with_capacity(missing.len());
        while let Some(Reverse(pass)) = ready.pop() {
            sequence.push(pass);
            for &next in &later[pass as usize] {
                missing[next as usize] -= 1;
                if missing[next as usize] == 0 {
                    ready.push(Reverse(next));
                }
            }
        }
        if sequence.len() == missing.len() { Ok(sequence) } else { Err(self.cycle(&missing)) }
    }

    /// Follows passes that miss something back until one comes again.
    fn cycle(&self, missing: &[usize]) -> Fault {
        let stuck = |pass: &u32| missing[*pass as usize] > 0;
        let mut way = Vec::new();
        let mut pass = (0..missing.len() as u32).find(stuck).unwrap_or_default();
        let mut slot = None;
        while !way.contains(&pass) {
            way.push(pass);
            let Some(edge) = self.earlier[pass as usize].iter().find(|edge| stuck(&edge.0)) else { break };
            pass = edge.0;
        }
        let start = way.iter().position(|&known| known == pass).unwrap_or_default();
        let cycle: Vec<_> = way[start..].iter().rev().copied().collect();
        for (index, &later) in cycle.iter().enumerate() {
            let earlier = cycle[(index + cycle.len() - 1) % cycle.len()];
            let edge = self.earlier[later as usize].iter().find(|edge| edge.0 == earlier && edge.1.is_some());
            slot = slot.or(edge.and_then(|edge| edge.1));
        }
        Fault::Cycle {
            passes: cycle.into_iter().map(|pass| pass as usize).collect(),
            slot: slot.map(|slot| slot as usize),
        }
    }

    /// Whether all that conflict at atoms with several writers are in an order.
    fn check_contested(
        &self,
        contested: &[usize],
        by_atom: &ByAtom,
        touches: &Touches,
        sequence: &[u32],
    ) -> Result<(), Fault> {
        if contested.is_empty() {
            return Ok(());
        }
        let reach = Reach::new(self, sequence);
        let mut place = vec![0u32; sequence.len()];
        sequence.iter().enumerate().for_each(|(index, &pass)| place[pass as usize] = index as u32);
        for &atom in contested {
            let mut all: Vec<&Touch> = by_atom.of(atom).iter().map(|&number| &touches.all[number as usize]).collect();
            all.sort_unstable_by_key(|touch| place[touch.pass as usize]);
            // Neighbouring groups in order, all are: what conflicts across several goes through those between.
            let groups: Vec<_> = all.chunk_by(|a, b| compatible(touches.access(a), touches.access(b))).collect();
            for (later, earlier) in groups.windows(2).flat_map(|pair| pairs(pair[1], pair[0])) {
                if !reach.is_before(earlier.pass, later.pass) {
                    let [first, second] = [earlier.pass.min(later.pass), earlier.pass.max(later.pass)];
                    let (first, second) = (first as usize, second as usize);
                    return Err(Fault::Unordered { first, second, slot: touches.slot(later) });
                }
            }
        }
        Ok(())
    }
}

fn pairs<'a>(a: &'a [&'a Touch], b: &'a [&'a Touch]) -> impl Iterator<Item = (&'a Touch, &'a Touch)> {
    a.iter().flat_map(move |&first| b.iter().map(move |&second| (first, second)))
}

/// Which pass comes, over however many others, before which: a bit for each pair.
struct Reach {
    words: usize,
    bits: Vec<u64>,
}

impl Reach {
    fn new(web: &Web, sequence: &[u32]) -> Self {
        let words = sequence.len().div_ceil(64);
        let mut reach = Self { words, bits: vec![0; words * sequence.len()] };
        for &pass in sequence {
            for &(earlier, _) in &web.earlier[pass as usize] {
                reach.add(earlier as usize, pass as usize);
            }
        }
        reach
    }

    fn add(&mut self, earlier: usize, later: usize) {
        let [from, to] = [earlier * self.words, later * self.words];
        for word in 0..self.words {
            self.bits[to + word] |= self.bits[from + word];
        }
        self.bits[to + earlier / 64] |= 1 << (earlier % 64);
    }

    fn is_before(&self, earlier: u32, later: u32) -> bool {
        self.bits[later as usize * self.words + earlier as usize / 64] >> (earlier % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use ash::vk::PipelineStageFlags2 as S;

    use super::*;
    use crate::{
        graph::{
            ir::{PassShape, SlotShape, SlotUse},
            phase::regions::touches,
        },
        resource::Mode,
    };

    const READ: Access = Access::storage_read(S::COMPUTE_SHADER);
    const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);

    /// What a pass touches, and what it comes after.
    type Pass<'a> = (&'a [(usize, Access)], &'a [usize]);

    fn order(slots: usize, shape: SlotShape, passes: &[Pass<'_>]) -> Result<Vec<u32>, Fault> {
        let mut structure = Structure::default();
        (0..slots).for_each(|_| _ = structure.slot(shape));
        structure.any_order();
        for (uses, after) in passes {
            let uses = uses.iter().map(|&(slot, access)| SlotUse { slot, region: None, access, discard: false });
            structure.push(PassShape::default(), uses, after);
        }
        sequence(&structure, &touches(&structure)?)
    }

    const BUFFER: SlotShape = SlotShape::Buffer { bytes: 4 };
    const TRANSIENT: SlotShape = SlotShape::TransientBuffer { bytes: 4 };

    #[test]
    fn a_read_comes_after_the_only_writer_wherever_that_is() {
        // 1 ─▶ 0
        assert_eq!(order(1, TRANSIENT, &[(&[(0, READ)], &[]), (&[(0, WRITE)], &[])]), Ok(vec![1, 0]));
    }

    #[test]
    fn a_read_comes_before_the_writer_that_says_so() {
        assert_eq!(order(1, BUFFER, &[(&[(0, READ)], &[]), (&[(0, WRITE)], &[0])]), Ok(vec![0, 1]));
    }

    #[test]
    fn passes_that_each_read_what_the_other_writes_are_a_cycle() {
        let fault = order(2, BUFFER, &[(&[(0, READ), (1, WRITE)], &[]), (&[(0, WRITE), (1, READ)], &[])]);
        let Err(Fault::Cycle { mut passes, slot }) = fault else { panic!("{fault:?}") };
        passes.sort_unstable();
        assert_eq!(passes, [0, 1]);
        assert!(slot.is_some());
    }

    #[test]
    fn two_writers_need_an_order() {
        let passes: [Pass<'_>; 2] = [(&[(0, WRITE)], &[]), (&[(0, WRITE)], &[])];
        assert_eq!(order(1, BUFFER, &passes), Err(Fault::Unordered { first: 0, second: 1, slot: 0 }));
        assert_eq!(order(1, BUFFER, &[(&[(0, WRITE)], &[]), (&[(0, WRITE)], &[0])]), Ok(vec![0, 1]));
    }

    #[test]
    fn an_order_may_go_through_the_data_of_others() {
        // 2 ─(1)▶ 1 ─(2)▶ 0, where 2 and 0 write slot 0
        let passes: [Pass<'_>; 3] =
            [(&[(2, READ), (0, WRITE)], &[]), (&[(1, READ), (2, WRITE)], &[]), (&[(0, WRITE), (1, WRITE)], &[])];
        assert_eq!(order(3, BUFFER, &passes), Ok(vec![2, 1, 0]));
    }

    #[test]
    fn concurrent_writers_need_no_order_among_each_other() {
        let concurrent = Access { mode: Mode::ConcurrentWrite, ..WRITE };
        assert_eq!(order(1, BUFFER, &[(&[(0, concurrent)], &[]), (&[(0, concurrent)], &[])]), Ok(vec![0, 1]));
    }

    #[test]
    fn a_read_of_a_transient_that_nobody_writes_is_a_fault() {
        assert_eq!(order(1, TRANSIENT, &[(&[(0, READ)], &[])]), Err(Fault::NeverWritten { pass: 0, slot: 0 }));
        assert_eq!(order(1, BUFFER, &[(&[(0, READ)], &[])]), Ok(vec![0]));
    }
}
