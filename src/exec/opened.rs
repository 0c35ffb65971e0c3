//! Passes that their owner records, with `with_encoder`: each call into a command buffer of its own.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Instant,
};

use ash::vk;

use super::{
    counts::Counts,
    encoder::{Encoder, Inputs},
    pool::Lease,
    recording::outcome,
    rendering,
};
use crate::{
    checks::Pass,
    error::{Error, Result},
    gpu::{QueueKind, Shared},
    graph::{
        declare::Opening,
        uses::{Declaration, Label, Rendering},
    },
    memory::PageLease,
    pipeline::Kept,
    sync::prim::lock,
};

/// An open pass.
pub(crate) struct Opened {
    name: Arc<str>,
    declared: Vec<Declaration>,
    rendering: Rendering,
    labels: Vec<Label>,
    queue: QueueKind,
    parts: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By call, in the order in which they began; none while it lasts.
    buffers: Vec<Option<vk::CommandBuffer>>,
    rest: OpenedParts,
    /// The graph is submitted: it takes no more.
    taken: bool,
}

/// What was recorded.
#[derive(Default)]
pub(crate) struct OpenedParts {
    pub(crate) buffers: Vec<vk::CommandBuffer>,
    pub(crate) leases: Vec<Lease>,
    pub(crate) pages: Vec<PageLease>,
    pub(crate) counts: Counts,
    pub(crate) kept: Vec<Kept>,
    pub(crate) nanoseconds: u64,
}

impl Opened {
    pub(crate) fn new(pass: Opening<'_>, queue: QueueKind) -> Self {
        let Opening { name, declared, rendering, labels } = pass;
        Self {
            name: Arc::clone(name),
            declared: declared.to_vec(),
            rendering: rendering.clone(),
            labels: labels.to_vec(),
            queue,
            parts: Mutex::default(),
        }
    }

    /// All that was recorded.
    pub(crate) fn take(&self) -> OpenedParts {
        let mut state = lock(&self.parts);
        state.taken = true;
        let buffers = mem::take(&mut state.buffers).into_iter().flatten().collect();
        OpenedParts { buffers, ..mem::take(&mut state.rest) }
    }

    /// Records `record`'s commands, after those of calls that began before.
    pub(crate) fn record<R>(&self, shared: &Shared, record: impl FnOnce(&mut Encoder<'_>) -> R) -> Result<R> {
        let began = Instant::now();
        let family = shared.device.queues.get(shared.device.queues.id(self.queue)).family;
        let (place, own, pages) = self.enter(family)?;
        let mut lease = own.map_or_else(|| shared.pools.lease(family), Ok)?;
        let mut counts = Counts::default();
        let mut kept = Vec::new();
        let mut pages = pages.unwrap_or_else(|| shared.pages.lease());
        let result = self.record_with(shared, &mut lease, &mut counts, &mut kept, &mut pages, record);
        counts.book(&shared.device.counters);
        let mut state = lock(&self.parts);
        state.rest.leases.push(lease);
        state.rest.pages.push(pages);
        let (value, buffer) = result?;
        state.buffers[place] = Some(buffer);
        state.rest.counts += counts;
        state.rest.kept.append(&mut kept);
        state.rest.nanoseconds += began.elapsed().as_nanos() as u64;
        Ok(value)
    }

    /// A place among the calls, this thread's pool if it recorded into this pass before, and pages that no other call is
    /// writing to.
    fn enter(&self, family: u32) -> Result<(usize, Option<Lease>, Option<PageLease>)> {
        let mut state = lock(&self.parts);
        if state.taken {
            let name = &self.name;
            return Err(Error::Graph(format!("with_encoder of pass `{name}`, whose graph is submitted already")));
        }
        state.buffers.push(None);
        let OpenedParts { leases, pages, .. } = &mut state.rest;
        let own = leases.iter().position(|lease| lease.is_mine(family)).map(|index| leases.swap_remove(index));
        let pages = pages.pop();
        Ok((state.buffers.len() - 1, own, pages))
    }

    fn record_with<R>(
        &self,
        shared: &Shared,
        lease: &mut Lease,
        counts: &mut Counts,
        kept: &mut Vec<Kept>,
        pages: &mut PageLease,
        record: impl FnOnce(&mut Encoder<'_>) -> R,
    ) -> Result<(R, vk::CommandBuffer)> {
        let device = &shared.device;
        let cmd = lease.begin()?;
        let renders = !self.rendering.is_empty();
        if renders {
            let both = vk::RenderingFlags::RESUMING | vk::RenderingFlags::SUSPENDING;
            rendering::begin(device, cmd, &self.rendering, both)?;
        }
        let inputs = Inputs {
            device,
            layout: &shared.pipelines.layout,
            queue: self.queue,
            pass: Pass { name: &self.name, declared: &self.declared, rendering: &self.rendering, labels: &self.labels },
            jobs: &[],
            cmd,
            keep: kept,
            pages,
            counts,
        };
        let mut encoder = Encoder::new(inputs);
        let returned = catch_unwind(AssertUnwindSafe(|| record(&mut encoder)));
        let stuck = encoder.finish(false);
        if renders {
            rendering::end(device, cmd);
        }
        lease.end()?;
        let mut value = None;
        let returned = returned.map(|returned| {
            value = Some(returned);
            Ok(())
        });
        outcome(&self.name, returned, stuck)?;
        Ok((value.ok_or(Error::Cancelled)?, cmd))
    }
}
