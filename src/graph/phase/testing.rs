//! Small graphs for the tests of the later phases.

use ash::vk::{ImageUsageFlags, PipelineStageFlags2 as S};

use crate::{
    gpu::{QueueId, QueueKind},
    graph::{
        compiled::Compiled,
        ir::{Needs, PassShape, QueueMap, SlotShape, SlotUse, Structure, TransientImage},
    },
    resource::{Access, Mode},
};

pub(crate) const READ: Access = Access::storage_read(S::COMPUTE_SHADER);
pub(crate) const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);
pub(crate) const CONCURRENT: Access = Access { mode: Mode::ConcurrentWrite, ..WRITE };
pub(crate) const BUFFER: SlotShape = SlotShape::Buffer { bytes: 64 };
pub(crate) const IMAGE: SlotShape = SlotShape::Image { levels: 1, layers: 1 };
pub(crate) const TEMPORARY: SlotShape = SlotShape::TransientBuffer { bytes: 64 };
pub(crate) const TEMPORARY_IMAGE: SlotShape = SlotShape::TransientImage(TransientImage {
    format: ash::vk::Format::R8G8B8A8_UNORM,
    extent: [4, 4],
    levels: 1,
    layers: 1,
    usage: ImageUsageFlags::COLOR_ATTACHMENT,
    bytes: 64,
    alignment: 64,
    memory_types: 1,
});

/// A use of a whole slot.
pub(crate) fn used(slot: usize, access: Access) -> SlotUse {
    SlotUse { slot, region: None, access, discard: false }
}

/// Passes that say their queues: `g`raphics, `c`ompute or `t`ransfer.
pub(crate) fn structure(slots: &[SlotShape], passes: &[(char, &[SlotUse])]) -> Structure {
    let mut structure = Structure::default();
    slots.iter().for_each(|&shape| _ = structure.slot(shape));
    for (queue, uses) in passes {
        structure.push(on(*queue), uses.iter().copied(), &[]);
    }
    structure
}

pub(crate) fn on(queue: char) -> PassShape {
    let queue = match queue {
        'g' => QueueKind::Graphics,
        'c' => QueueKind::Compute,
        _ => QueueKind::Transfer,
    };
    PassShape { needs: Needs::Copies, queue: Some(queue), keep: true, manual: false }
}

/// Three queues of three families.
pub(crate) fn three() -> QueueMap {
    QueueMap { of_kind: [QueueId(0), QueueId(1), QueueId(2)], families: vec![0, 1, 2] }
}

pub(crate) fn compile(structure: &Structure) -> Compiled {
    Compiled::compile(structure, &three()).expect("a legal graph")
}
