//! What a derived system touches, known from its type.

use std::any::TypeId;

use crate::resource::GpuResourceMeta;

/// What a derived system says of one of its CPU resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CpuResourceMeta {
    /// The type.
    pub id: TypeId,
    /// The type as the system writes it.
    pub type_name: &'static str,
    /// The field that holds it; `None` in the unit-struct form.
    pub field: Option<&'static str>,
    /// Of several in a registry, the name of the one that is meant.
    pub instance: Option<&'static str>,
}

/// The CPU data that a system touches.
pub trait ResourceAccess {
    /// What it reads.
    fn reads() -> Vec<CpuResourceMeta>;
    /// What it writes.
    fn writes() -> Vec<CpuResourceMeta>;
}

/// The GPU resources that a system touches.
pub trait GpuResourceAccess {
    /// What it reads.
    const GPU_READS: &'static [GpuResourceMeta];
    /// What it writes.
    const GPU_WRITES: &'static [GpuResourceMeta];
    /// Its name.
    const NAME: &'static str;

    /// What it reads.
    #[must_use]
    fn gpu_reads() -> &'static [GpuResourceMeta] {
        Self::GPU_READS
    }

    /// What it writes.
    #[must_use]
    fn gpu_writes() -> &'static [GpuResourceMeta] {
        Self::GPU_WRITES
    }

    /// For each resource, what must be visible to the system before it, and what those after it must wait for: in words.
    #[must_use]
    fn barrier_requirements() -> String {
        crate::graph::hints::requirements(Self::NAME, Self::GPU_READS, Self::GPU_WRITES)
    }
}
