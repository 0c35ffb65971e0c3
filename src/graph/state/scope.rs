//! The two sides of a dependency.

use ash::vk;
use vk::{AccessFlags2 as A, PipelineStageFlags2 as S};

use crate::resource::Access;

/// Stages and the memory accesses they make: one side of a dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) stages: S,
    pub(crate) mask: A,
}

impl Scope {
    pub(crate) fn of(access: &Access) -> Self {
        Self { stages: access.stages, mask: access.mask }
    }

    /// What a later access must have made available: a write's writes.
    pub(crate) fn written_by(access: &Access) -> Self {
        Self { stages: access.stages, mask: access.write_mask() }
    }

    /// Execution only: what a write must wait for after a read.
    pub(crate) fn execution(stages: S) -> Self {
        Self { stages, mask: A::NONE }
    }

    pub(crate) fn covers(&self, other: Self) -> bool {
        self.stages.contains(other.stages) && self.mask.contains(other.mask)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Adds a scope that was made visible by a barrier of its own. What that barrier showed to one stage it did not show
    /// to another, so where the union would claim it did, only the new scope remains.
    pub(super) fn widen(&mut self, other: Self) {
        if self.claims_nothing_beside(other) && other.claims_nothing_beside(*self) {
            *self |= other;
        } else {
            *self = other;
        }
    }

    /// Whether none of this scope's own stages could make those accesses that only `other` has.
    fn claims_nothing_beside(self, other: Self) -> bool {
        !possible(self.stages & !other.stages).intersects(other.mask & !self.mask)
    }
}

impl std::ops::BitOrAssign for Scope {
    fn bitor_assign(&mut self, other: Self) {
        self.stages |= other.stages;
        self.mask |= other.mask;
    }
}

/// A memory dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Dependency {
    pub(crate) source: Scope,
    pub(crate) target: Scope,
}

impl Dependency {
    pub(crate) fn is_empty(&self) -> bool {
        self.source.is_empty()
    }
}

impl std::ops::BitOrAssign for Dependency {
    fn bitor_assign(&mut self, other: Self) {
        self.source |= other.source;
        self.target |= other.target;
    }
}

const ANYWHERE: A = A::from_raw(A::MEMORY_READ.as_raw() | A::MEMORY_WRITE.as_raw());
const TRANSFER: A = A::from_raw(A::TRANSFER_READ.as_raw() | A::TRANSFER_WRITE.as_raw());
const COLOR: A = A::from_raw(A::COLOR_ATTACHMENT_READ.as_raw() | A::COLOR_ATTACHMENT_WRITE.as_raw());
const DEPTH: A = A::from_raw(A::DEPTH_STENCIL_ATTACHMENT_READ.as_raw() | A::DEPTH_STENCIL_ATTACHMENT_WRITE.as_raw());
const HOST: A = A::from_raw(A::HOST_READ.as_raw() | A::HOST_WRITE.as_raw());
const SHADER: A = A::from_raw(
    A::SHADER_READ.as_raw()
        | A::SHADER_WRITE.as_raw()
        | A::SHADER_STORAGE_READ.as_raw()
        | A::SHADER_STORAGE_WRITE.as_raw()
        | A::SHADER_SAMPLED_READ.as_raw()
        | A::UNIFORM_READ.as_raw(),
);

/// The accesses that stages can make; all of them for stages that are not known here.
pub(crate) fn possible(stages: S) -> A {
    const TRANSFERS: S =
        S::from_raw(S::ALL_TRANSFER.as_raw() | S::COPY.as_raw() | S::BLIT.as_raw() | S::CLEAR.as_raw());
    const TESTS: S = S::from_raw(S::EARLY_FRAGMENT_TESTS.as_raw() | S::LATE_FRAGMENT_TESTS.as_raw());
    const SHADERS: S = S::from_raw(S::VERTEX_SHADER.as_raw() | S::COMPUTE_SHADER.as_raw());
    const KINDS: [(S, A); 8] = [
        (SHADERS, SHADER),
        (TRANSFERS, TRANSFER),
        (S::DRAW_INDIRECT, A::INDIRECT_COMMAND_READ),
        (S::INDEX_INPUT, A::INDEX_READ),
        (S::VERTEX_ATTRIBUTE_INPUT, A::VERTEX_ATTRIBUTE_READ),
        (S::COLOR_ATTACHMENT_OUTPUT, COLOR),
        (TESTS, DEPTH),
        (S::HOST, HOST),
    ];
    let mut unknown = stages;
    let mut masks = ANYWHERE;
    for (kind, mask) in KINDS {
        if stages.intersects(kind) {
            masks |= mask;
            unknown &= !kind;
        }
    }
    // A fragment shader reads input attachments beside what the others do: nothing that any access here names.
    if unknown == S::FRAGMENT_SHADER {
        masks | SHADER | A::INPUT_ATTACHMENT_READ
    } else if unknown.is_empty() {
        masks
    } else {
        !A::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(stages: S, mask: A) -> Scope {
        Scope { stages, mask }
    }

    #[test]
    fn scopes_whose_stages_cannot_make_each_others_accesses_are_united() {
        let mut seen = Scope::of(&Access::INDIRECT);
        seen.widen(Scope::of(&Access::INDEX));
        seen.widen(Scope::of(&Access::VERTEX));
        seen.widen(Scope::of(&Access::storage_read(S::COMPUTE_SHADER)));
        seen.widen(Scope::of(&Access::COPY_SOURCE));
        let compute = Access::storage_read(S::COMPUTE_SHADER);
        let all = [Access::INDIRECT, Access::INDEX, Access::VERTEX, compute, Access::COPY_SOURCE];
        assert!(all.iter().all(|access| seen.covers(Scope::of(access))));
    }

    #[test]
    fn stages_that_make_the_same_accesses_are_united() {
        let mut seen = scope(S::VERTEX_SHADER, A::SHADER_STORAGE_READ);
        seen.widen(scope(S::COMPUTE_SHADER, A::SHADER_STORAGE_READ));
        assert_eq!(seen, scope(S::VERTEX_SHADER | S::COMPUTE_SHADER, A::SHADER_STORAGE_READ));
    }

    #[test]
    fn a_union_that_would_claim_what_no_barrier_showed_keeps_the_newest_scope() {
        let mut seen = scope(S::VERTEX_SHADER, A::SHADER_STORAGE_READ);
        let uniform = scope(S::COMPUTE_SHADER, A::UNIFORM_READ);
        seen.widen(uniform);
        assert_eq!(seen, uniform, "the storage read of the compute shader was never shown anything");
        seen.widen(scope(S::TRANSFORM_FEEDBACK_EXT, A::TRANSFORM_FEEDBACK_COUNTER_READ_EXT));
        assert_eq!(seen.stages, S::TRANSFORM_FEEDBACK_EXT, "unknown stages may make any access");
    }
}
