//! Stages and accesses as the checker counts them: one bit for each that cannot be split further.

use ash::vk::{AccessFlags2 as A, PipelineStageFlags2 as S};

use crate::graph::state::Scope;

/// Stages that cannot be split. Their logical order (a draw's vertices before its fragments) is not used: the planner
/// names the stages it means, and the checker takes it at its word.
const STAGES: [S; STAGE_COUNT] = [
    S::DRAW_INDIRECT,
    S::INDEX_INPUT,
    S::VERTEX_ATTRIBUTE_INPUT,
    S::VERTEX_SHADER,
    S::FRAGMENT_SHADER,
    S::EARLY_FRAGMENT_TESTS,
    S::LATE_FRAGMENT_TESTS,
    S::COLOR_ATTACHMENT_OUTPUT,
    S::COMPUTE_SHADER,
    S::COPY,
    S::BLIT,
    S::RESOLVE,
    S::CLEAR,
    S::HOST,
];
pub(super) const STAGE_COUNT: usize = 14;

const READS: [A; 11] = [
    A::INDIRECT_COMMAND_READ,
    A::INDEX_READ,
    A::VERTEX_ATTRIBUTE_READ,
    A::UNIFORM_READ,
    A::SHADER_SAMPLED_READ,
    A::SHADER_STORAGE_READ,
    A::INPUT_ATTACHMENT_READ,
    A::COLOR_ATTACHMENT_READ,
    A::DEPTH_STENCIL_ATTACHMENT_READ,
    A::TRANSFER_READ,
    A::HOST_READ,
];
const WRITES: [A; 5] = [
    A::SHADER_STORAGE_WRITE,
    A::COLOR_ATTACHMENT_WRITE,
    A::DEPTH_STENCIL_ATTACHMENT_WRITE,
    A::TRANSFER_WRITE,
    A::HOST_WRITE,
];

/// Sets of stages and accesses.
pub(super) type Stages = u16;
pub(super) type Accesses = u16;

/// Every stage: what a semaphore waits for and holds back. The host has no part in a submission.
pub(super) const ALL_STAGES: Stages = ((1 << STAGE_COUNT) - 1) & !(1 << (STAGE_COUNT - 1));
pub(super) const ALL_READS: Accesses = (1 << READS.len()) - 1;
pub(super) const ALL_WRITES: Accesses = ((1 << WRITES.len()) - 1) << READS.len();

pub(super) fn stages(flags: S) -> Stages {
    let mut bits = named(flags);
    if flags.contains(S::ALL_COMMANDS) {
        bits |= ALL_STAGES;
    }
    if flags.contains(S::ALL_TRANSFER) {
        bits |= named(S::COPY | S::BLIT | S::RESOLVE | S::CLEAR);
    }
    if flags.contains(S::ALL_GRAPHICS) {
        bits |= ALL_STAGES & !named(S::COMPUTE_SHADER | S::COPY | S::BLIT | S::RESOLVE | S::CLEAR);
    }
    bits
}

fn named(flags: S) -> Stages {
    STAGES.iter().enumerate().filter(|(_, flag)| flags.contains(**flag)).fold(0, |bits, (index, _)| bits | 1 << index)
}

pub(super) fn accesses(flags: A) -> Accesses {
    let mut bits = 0;
    for (index, &flag) in READS.iter().chain(&WRITES).enumerate() {
        bits |= Accesses::from(flags.contains(flag)) << index;
    }
    for (whole, parts) in [
        (A::MEMORY_READ, ALL_READS),
        (A::MEMORY_WRITE, ALL_WRITES),
        (A::SHADER_READ, accesses_of(A::SHADER_SAMPLED_READ | A::SHADER_STORAGE_READ | A::UNIFORM_READ)),
        (A::SHADER_WRITE, accesses_of(A::SHADER_STORAGE_WRITE)),
    ] {
        bits |= if flags.contains(whole) { parts } else { 0 };
    }
    bits
}

fn accesses_of(flags: A) -> Accesses {
    let all = READS.iter().chain(&WRITES).enumerate();
    all.filter(|(_, flag)| flags.contains(**flag)).fold(0, |bits, (index, _)| bits | 1 << index)
}

/// One side of a dependency, or what an access touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) stages: Stages,
    pub(super) accesses: Accesses,
}

impl Bits {
    pub(super) const EVERYTHING: Self = Self { stages: ALL_STAGES, accesses: ALL_READS | ALL_WRITES };

    pub(super) fn of(scope: &Scope) -> Self {
        Self { stages: stages(scope.stages), accesses: accesses(scope.mask) }
    }
}

/// The single stages in a set.
pub(super) fn each(stages: Stages) -> impl Iterator<Item = usize> {
    (0..STAGE_COUNT).filter(move |index| stages & 1 << index != 0)
}
