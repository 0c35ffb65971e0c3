//! What a recording task is given and what it brings back.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use ash::vk;

use super::super::{chunks::Share, counts::Counts, job::JobUse};
use crate::{error::Result, graph::declare::PassBody, pipeline::PipelineInner, sync::prim::lock};

/// One recording task: passes of one batch, next to each other in the plan.
pub(super) struct Task {
    pub(super) batch: usize,
    /// The first position of the plan.
    pub(super) position: usize,
    /// Whether it records the batch's head, and its tail.
    pub(super) first: bool,
    pub(super) last: bool,
    work: Mutex<Work>,
}

impl Task {
    pub(super) fn new(batch: usize, position: usize, work: Work) -> Self {
        Self { batch, position, first: false, last: false, work: Mutex::new(work) }
    }

    /// What there is to do; nothing is left.
    pub(super) fn take(&self) -> Work {
        mem::take(&mut *lock(&self.work))
    }

    pub(super) fn is_ready(&self) -> bool {
        lock(&self.work).jobs().all(JobUse::is_ready)
    }
}

/// The passes of a task.
pub(super) enum Work {
    Passes(Vec<PassBody>),
    /// A share of one pass.
    Share(Arc<PassBody>, Share),
}

impl Default for Work {
    fn default() -> Self {
        Self::Passes(Vec::new())
    }
}

impl Work {
    fn jobs(&self) -> impl Iterator<Item = &JobUse> {
        let passes = match self {
            Self::Passes(passes) => passes.as_slice(),
            Self::Share(pass, _) => std::slice::from_ref(&**pass),
        };
        passes.iter().flat_map(|pass| &pass.jobs)
    }

    /// Waits until the values that its passes look at are there.
    pub(super) async fn jobs_done(&self) -> Result<()> {
        for job in self.jobs() {
            job.ready().await?;
        }
        Ok(())
    }
}

/// What one task recorded.
pub(super) struct Recorded {
    pub(super) batch: usize,
    pub(super) buffers: Vec<vk::CommandBuffer>,
    pub(super) counts: Counts,
    pub(super) pipelines: Vec<Arc<PipelineInner>>,
    /// Nanoseconds by position of the plan.
    pub(super) costs: Vec<(usize, u64)>,
}

impl Recorded {
    pub(super) fn new(batch: usize, passes: usize) -> Self {
        Self {
            batch,
            buffers: Vec::with_capacity(1),
            counts: Counts::default(),
            pipelines: Vec::new(),
            costs: Vec::with_capacity(passes),
        }
    }
}
