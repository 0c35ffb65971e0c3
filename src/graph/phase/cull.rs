//! Leaves out passes whose results nobody looks at.

use super::regions::Touches;
use crate::graph::ir::Structure;

/// What remains, and what does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Culled {
    /// Passes that run, each after all that it depends on.
    pub(crate) live: Vec<u32>,
    /// The others, ascending.
    pub(crate) culled: Vec<usize>,
    /// By pass.
    pub(crate) is_live: Vec<bool>,
}

/// A pass is left out if it has no side effect and all it writes are transients whose contents no later pass needs.
pub(crate) fn cull(structure: &Structure, touches: &Touches, sequence: Vec<u32>) -> Culled {
    let is_live = vec![true; sequence.len()];
    if !structure.shapes().iter().any(|shape| shape.is_transient()) {
        return Culled { live: sequence, culled: Vec::new(), is_live };
    }
    let transient = |atom: u32| structure.shapes()[touches.atoms[atom as usize].slot as usize].is_transient();
    let mut cull = Culled { live: sequence, culled: Vec::new(), is_live };
    let mut needed = vec![false; touches.atoms.len()];
    for &pass in cull.live.iter().rev() {
        let matters = |atom: u32| !transient(atom) || needed[atom as usize];
        let mut writes = touches.of(pass).iter().filter(|touch| touches.access(touch).writes()).peekable();
        let live =
            structure.pass(pass as usize).keep || writes.peek().is_none() || writes.any(|touch| matters(touch.atom));
        cull.is_live[pass as usize] = live;
        if live {
            need(touches, pass, &mut needed);
        }
    }
    let Culled { live, culled, is_live } = &mut cull;
    culled.extend((0..is_live.len()).filter(|&pass| !is_live[pass]));
    live.retain(|&pass| is_live[pass as usize]);
    cull
}

fn need(touches: &Touches, pass: u32, needed: &mut [bool]) {
    for touch in touches.of(pass) {
        let needed = &mut needed[touch.atom as usize];
        // A write that looks at nothing may still leave parts as they were: it ends no need.
        *needed = !touch.discard && (*needed || touches.access(touch).reads());
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
        resource::Access,
    };

    const READ: Access = Access::storage_read(S::COMPUTE_SHADER);
    const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);

    /// Slots 0 and 1 are transient, 2 is not. A use is a slot, an access, and whether it discards.
    fn culled(passes: &[&[(usize, Access, bool)]], keep: &[usize]) -> Vec<usize> {
        let mut structure = Structure::default();
        structure.slot(SlotShape::TransientBuffer { bytes: 4 });
        structure.slot(SlotShape::TransientBuffer { bytes: 4 });
        structure.slot(SlotShape::Buffer { bytes: 4 });
        for (pass, uses) in passes.iter().enumerate() {
            let uses = uses.iter().map(|&(slot, access, discard)| SlotUse { slot, region: None, access, discard });
            structure.push(PassShape { keep: keep.contains(&pass), ..PassShape::default() }, uses, &[]);
        }
        let touches = touches(&structure).expect("few pieces");
        cull(&structure, &touches, (0..passes.len() as u32).collect()).culled
    }

    #[test]
    fn a_chain_that_ends_in_nothing_is_culled_whole() {
        // 0 ─▶ 1 ─▶ nobody
        assert_eq!(culled(&[&[(0, WRITE, false)], &[(0, READ, false), (1, WRITE, false)]], &[]), [0, 1]);
    }

    #[test]
    fn a_chain_that_ends_in_an_import_stays() {
        assert_eq!(culled(&[&[(0, WRITE, false)], &[(0, READ, false), (2, WRITE, false)]], &[]), [0; 0]);
    }

    #[test]
    fn a_kept_pass_keeps_what_it_reads() {
        let passes: [&[_]; 2] = [&[(0, WRITE, false)], &[(0, READ, false), (1, WRITE, false)]];
        assert_eq!(culled(&passes, &[1]), [0; 0]);
        assert_eq!(culled(&passes, &[0]), [1]);
    }

    #[test]
    fn a_discard_ends_a_need() {
        let passes: [&[_]; 3] = [&[(0, WRITE, false)], &[(0, WRITE, true)], &[(0, READ, false), (2, WRITE, false)]];
        assert_eq!(culled(&passes, &[]), [0]);
    }

    #[test]
    fn a_pass_that_declares_no_write_is_never_culled() {
        assert_eq!(culled(&[&[(0, WRITE, false)], &[(0, READ, false)], &[]], &[]), [0; 0]);
    }
}
