//! What the last accesses to a resource were, and what the next one must wait for: pure rules.

use ash::vk::{AccessFlags2, PipelineStageFlags2};

use crate::resource::Access;

/// Stages and the memory accesses they make: one side of a dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) stages: PipelineStageFlags2,
    pub(crate) mask: AccessFlags2,
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
    pub(crate) fn execution(stages: PipelineStageFlags2) -> Self {
        Self { stages, mask: AccessFlags2::NONE }
    }

    pub(crate) fn covers(&self, other: Self) -> bool {
        self.stages.contains(other.stages) && self.mask.contains(other.mask)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
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
