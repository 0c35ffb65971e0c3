//! Gives each pass a queue: the one it says, or one close to its data.

use super::{cull::Culled, regions::Touches};
use crate::{
    gpu::{QueueId, QueueKind},
    graph::{
        compiled::Fault,
        ir::{Needs, QueueMap, Structure},
    },
    resource::Mode,
};

/// The queue of each pass; those of culled ones do not count.
pub(crate) fn queues(
    structure: &Structure,
    touches: &Touches,
    culled: &Culled,
    map: &QueueMap,
) -> Result<Vec<QueueId>, Fault> {
    check(structure, culled)?;
    let mut queues = vec![QueueId::GRAPHICS; structure.passes()];
    if map.len() <= 1 {
        return Ok(queues);
    }
    let consumers = consumers(structure, touches, culled, map);
    // By atom: who wrote what is there.
    let mut producers = vec![Set::default(); touches.atoms.len()];
    for &pass in &culled.live {
        let mut from = Set::default();
        for touch in touches.of(pass).iter().filter(|touch| !touch.discard && touches.access(touch).reads()) {
            from.0 |= producers[touch.atom as usize].0;
        }
        let shape = structure.pass(pass as usize);
        let near = if from.0 == 0 { consumers[pass as usize] } else { from };
        let chosen = match shape.queue {
            Some(kind) => map.of_kind[kind as usize],
            None if shape.needs == Needs::Graphics => QueueId::GRAPHICS,
            None => near.only().filter(|&queue| map.can(queue, shape.needs)).unwrap_or(QueueId::GRAPHICS),
        };
        queues[pass as usize] = chosen;
        for touch in touches.of(pass) {
            let producers = &mut producers[touch.atom as usize];
            match touches.access(touch).mode {
                Mode::Read => {}
                Mode::Write => *producers = Set::of(chosen),
                Mode::ConcurrentWrite => producers.0 |= Set::of(chosen).0,
            }
        }
    }
    Ok(queues)
}

fn check(structure: &Structure, culled: &Culled) -> Result<(), Fault> {
    for &pass in &culled.live {
        let shape = structure.pass(pass as usize);
        // By kind, not by what this device's queue can do: what runs on one device runs on all.
        if let Some(kind) = shape.queue.filter(|&kind: &QueueKind| !shape.needs.met_by(kind)) {
            return Err(Fault::Queue { pass: pass as usize, kind });
        }
    }
    Ok(())
}

/// By pass: the queues that are said by those who read what it writes.
fn consumers(structure: &Structure, touches: &Touches, culled: &Culled, map: &QueueMap) -> Vec<Set> {
    let mut consumers = vec![Set::default(); structure.passes()];
    let mut wanted = vec![Set::default(); touches.atoms.len()];
    for &pass in culled.live.iter().rev() {
        let said = structure.pass(pass as usize).queue.map(|kind| Set::of(map.of_kind[kind as usize]));
        for touch in touches.of(pass) {
            let (access, wanted) = (touches.access(touch), &mut wanted[touch.atom as usize]);
            if access.writes() {
                consumers[pass as usize].0 |= wanted.0;
            }
            if access.mode == Mode::Write {
                *wanted = Set::default();
            }
            if access.reads() && !touch.discard {
                wanted.0 |= said.unwrap_or_default().0;
            }
        }
    }
    consumers
}

/// A set of queues: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Set(u8);

impl Set {
    fn of(queue: QueueId) -> Self {
        Self(1 << queue.index())
    }

    /// The only one in it.
    fn only(self) -> Option<QueueId> {
        (self.0.count_ones() == 1).then(|| QueueId(self.0.trailing_zeros() as u8))
    }
}

#[cfg(test)]
mod tests {
    use ash::vk::PipelineStageFlags2 as S;

    use super::*;
    use crate::{
        graph::{
            ir::{PassShape, SlotShape, SlotUse},
            phase::{cull::cull, regions::touches},
        },
        resource::Access,
    };

    const READ: Access = Access::storage_read(S::COMPUTE_SHADER);
    const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);
    const UNSAID: PassShape = PassShape { needs: Needs::Dispatches, queue: None, keep: false, manual: false };
    const COMPUTE: PassShape = PassShape { queue: Some(QueueKind::Compute), ..UNSAID };
    const DRAW: PassShape = PassShape { needs: Needs::Graphics, ..UNSAID };

    fn of(passes: &[(PassShape, &[(usize, Access)])]) -> Result<Vec<u8>, Fault> {
        let mut structure = Structure::default();
        (0..3).for_each(|_| _ = structure.slot(SlotShape::Buffer { bytes: 4 }));
        for (shape, uses) in passes {
            let uses = uses.iter().map(|&(slot, access)| SlotUse { slot, region: None, access, discard: false });
            structure.push(*shape, uses, &[]);
        }
        let touches = touches(&structure)?;
        let culled = cull(&structure, &touches, (0..passes.len() as u32).collect());
        let map = QueueMap { of_kind: [QueueId(0), QueueId(1), QueueId(2)], families: vec![0, 1, 2] };
        Ok(queues(&structure, &touches, &culled, &map)?.into_iter().map(|queue| queue.0).collect())
    }

    #[test]
    fn a_pass_goes_where_its_producers_are() {
        assert_eq!(of(&[(COMPUTE, &[(0, WRITE)]), (UNSAID, &[(0, READ), (1, WRITE)])]), Ok(vec![1, 1]));
        assert_eq!(of(&[(COMPUTE, &[(0, WRITE)]), (DRAW, &[(0, READ)])]), Ok(vec![1, 0]));
        let mixed: [(_, &[_]); 3] =
            [(COMPUTE, &[(0, WRITE)]), (DRAW, &[(1, WRITE)]), (UNSAID, &[(0, READ), (1, READ)])];
        assert_eq!(of(&mixed), Ok(vec![1, 0, 0]));
    }

    #[test]
    fn a_pass_without_producers_goes_where_its_consumers_say() {
        assert_eq!(of(&[(UNSAID, &[(0, WRITE)]), (COMPUTE, &[(0, READ)])]), Ok(vec![1, 1]));
        assert_eq!(of(&[(UNSAID, &[(0, WRITE)]), (UNSAID, &[(0, READ)])]), Ok(vec![0, 0]));
    }

    #[test]
    fn a_queue_that_cannot_do_it_is_a_fault_or_not_chosen() {
        let shape = PassShape { queue: Some(QueueKind::Transfer), ..UNSAID };
        assert_eq!(of(&[(shape, &[(0, WRITE)])]), Err(Fault::Queue { pass: 0, kind: QueueKind::Transfer }));
        let copy = PassShape { needs: Needs::Copies, ..shape };
        assert_eq!(of(&[(copy, &[(0, Access::COPY_TARGET)]), (UNSAID, &[(0, READ)])]), Ok(vec![2, 0]));
    }
}
