//! Small uploads: gathered, and submitted together.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{Core, flush::Flush, load::Load, order::Priority, request::Ticket},
    Actor, Flight, room,
};
use crate::{error::Error, exec::scatter_kernel as make_scatter_kernel, pipeline::ComputePipeline};

const MIB: u64 = 1 << 20;

/// A flush gathers so many bytes at most.
const FLUSH: u64 = 2 * MIB;
/// So many flushes may be on their way before a further one waits for more uploads to gather.
const FLUSHES: usize = 2;
/// For so long they are gathered at most.
const GATHERING: Duration = Duration::from_micros(200);

impl Actor {
    /// Submits small uploads together; `false` if there are none, or it is better to wait.
    pub(super) fn flush(&mut self) -> bool {
        if self.small.first().is_none() || self.full || self.gathers() {
            return false;
        }
        let most = FLUSH.min(self.core.staging.longest());
        let first = self.small.first().map_or(0, |ticket| ticket.request.target.bytes());
        let Some(span) = room(&self.core, self.small_bytes.min(most).max(first), 0) else {
            self.full = true;
            return false;
        };
        let mut flush = Flush::new(span);
        while let Some(ticket) = self.small.first()
            && ticket.request.target.bytes() <= flush.room()
            && let Some(ticket) = self.small.pop()
        {
            self.small_bytes -= ticket.request.target.bytes();
            self.gather(&mut flush, ticket);
        }
        if flush.uploads() > 0 {
            self.flushes += 1;
            let (core, kernel) = (Arc::clone(&self.core), &mut self.scatter);
            let (transfer, tickets) = flush.stage(&core, || scatter_kernel(&core, kernel));
            tracing::trace!(target: "vulkio::upload", uploads = tickets.len(), "submitting small uploads");
            self.send(transfer, Flight::Flush(tickets));
        }
        true
    }

    /// Whether it is better to wait for more: while some are on their way, but not for long.
    fn gathers(&mut self) -> bool {
        let is_busy = self.flushes >= FLUSHES && !self.small.has(Priority::Frame) && self.small_bytes < FLUSH;
        let now = Instant::now();
        let until = *self.flush_at.get_or_insert(now + GATHERING);
        if is_busy && now < until {
            return true;
        }
        self.flush_at = None;
        false
    }

    fn gather(&mut self, flush: &mut Flush, ticket: Ticket) {
        // Whatever becomes of it: its owner may be gone, and this one's may be told of its own upload.
        let overlaps = |load: &&mut Load| load.ticket.request.target.overlaps(&ticket.request.target);
        if let Some(load) = self.loads.values_mut().find(overlaps) {
            load.after.push(ticket);
        } else if let Some(source) = ticket.request.begin() {
            flush.add(ticket, source);
        }
    }

    /// There is no staging memory: what needs any fails.
    pub(super) fn refuse_all(&mut self, error: &Error) {
        while let Some(ticket) = self.small.pop() {
            self.small_bytes -= ticket.request.target.bytes();
            ticket.answer(Err(error.clone()));
        }
        let staged = self.loads.iter().filter(|(_, load)| load.source.needs_staging());
        let staged: Vec<_> = staged.map(|(&id, _)| id).collect();
        staged.into_iter().for_each(|id| self.fail(id, error.clone()));
        (self.full, self.full_for_loads) = (false, false);
    }
}

/// The pipeline that scatters. Where it cannot be made, copies must do, which are slow if they are very many.
fn scatter_kernel(core: &Core, kept: &mut Option<Option<ComputePipeline>>) -> Option<ComputePipeline> {
    let make = || {
        let made = make_scatter_kernel(&core.pipelines);
        made.inspect_err(|error| tracing::warn!(target: "vulkio::upload", %error, "uploads are not scattered")).ok()
    };
    kept.get_or_insert_with(make).clone()
}
