//! What a recording task is given and what it brings back.

use std::{
    mem,
    sync::{Arc, Mutex},
};

use ash::vk;

use super::super::{chunks::Share, counts::Counts, job::JobUse};
use crate::{
    error::Result,
    gpu::QueueKind,
    graph::{
        declare::{Body, Parallel, PassBody, ShareFn},
        manual::Given,
        uses::{Declaration, Label, Rendering},
    },
    memory::PageLease,
    pipeline::Kept,
    sync::prim::lock,
};

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
        lock(&self.work).jobs().into_iter().all(JobUse::is_ready)
    }
}

/// The passes of a task.
pub(super) enum Work {
    Passes(Vec<PassBody>),
    /// A share of one pass.
    Share(Arc<SharedPass>, Share),
}

/// A pass that several tasks record.
pub(super) struct SharedPass {
    pub(super) name: Arc<str>,
    pub(super) declared: Vec<Declaration>,
    pub(super) rendering: Rendering,
    pub(super) labels: Vec<Label>,
    pub(super) jobs: Vec<JobUse>,
    pub(super) queue: Option<QueueKind>,
    pub(super) manual: Option<Vec<Given>>,
    pub(super) record: Box<ShareFn>,
}

impl SharedPass {
    /// `None` if the pass is not one to be shared.
    pub(super) fn new(pass: PassBody) -> Option<Arc<Self>> {
        let PassBody { name, declared, rendering, labels, jobs, queue, manual, body } = pass;
        match body {
            Body::Parallel(Parallel { record, .. }) => {
                Some(Arc::new(Self { name, declared, rendering, labels, jobs, queue, manual, record }))
            }
            _ => None,
        }
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::Passes(Vec::new())
    }
}

impl Work {
    fn jobs(&self) -> Vec<&JobUse> {
        match self {
            Self::Passes(passes) => passes.iter().flat_map(|pass| &pass.jobs).collect(),
            Self::Share(pass, _) => pass.jobs.iter().collect(),
        }
    }

    /// Waits until the values that its passes look at are there.
    pub(super) fn jobs_done(&self) -> impl Future<Output = Result<()>> + Send {
        // Not borrowed as a whole: closures may not be shared between threads.
        let jobs = self.jobs();
        async move {
            for job in jobs {
                job.ready().await?;
            }
            Ok(())
        }
    }
}

/// What one task recorded.
pub(super) struct Recorded {
    pub(super) batch: usize,
    pub(super) buffers: Vec<vk::CommandBuffer>,
    pub(super) counts: Counts,
    /// Of what owners recorded themselves.
    pub(super) opened: Counts,
    pub(super) kept: Vec<Kept>,
    /// What its passes wrote for their shaders.
    pub(super) pages: PageLease,
    /// Nanoseconds by position of the plan.
    pub(super) costs: Vec<(usize, u64)>,
}

impl Recorded {
    pub(super) fn new(batch: usize, passes: usize, pages: PageLease) -> Self {
        Self {
            batch,
            buffers: Vec::with_capacity(1),
            counts: Counts::default(),
            opened: Counts::default(),
            kept: Vec::new(),
            pages,
            costs: Vec::with_capacity(passes),
        }
    }
}
