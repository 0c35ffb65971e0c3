//! One recording task: its passes go into a command buffer, with the barriers of the plan before them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use ash::vk;

use super::{
    Recording, UNUSED,
    work::{Recorded, SharedPass, Task, Work},
};
use crate::{
    checks::Pass,
    error::{Error, Result, guarded, panic_message},
    exec::{
        barrier,
        chunks::Share,
        encoder::{Encoder, Inputs},
        entry,
        opened::Opened,
        pool::{Lease, thread_number},
        rendering,
    },
    gpu::{QueueId, QueueKind},
    graph::{
        compiled::Batch,
        declare::{Body, PassBody},
        manual::Given,
        uses::{Declaration, Label, Rendering},
    },
    memory::PageLease,
    sync::prim::lock,
};

/// A recording task that takes longer holds a worker up, and everything that runs on it.
const SLOW_PASS: Duration = Duration::from_millis(1);

/// A pass without its closure.
struct View<'p> {
    name: &'p Arc<str>,
    declared: &'p [Declaration],
    rendering: &'p Rendering,
    labels: &'p [Label],
    jobs: &'p [crate::exec::JobUse],
    queue: Option<QueueKind>,
    position: usize,
    /// How its rendering is cut, if this is a share of it.
    share: Option<Share>,
}

impl Recording {
    /// Records a task's passes.
    pub(super) fn record(&self, task: usize, work: Work) -> Result<Recorded> {
        let task = &self.tasks[task];
        let queue = self.plan.batches[task.batch].queue;
        let (mut lease, pages) = self.leases(queue)?;
        let mut recorded = Recorded::new(task.batch, 1, pages);
        let result = self.record_into(&mut lease, task, work, &mut recorded);
        let mut parts = lock(&self.parts);
        parts.leases.push(lease);
        // The next task goes on where this one stopped.
        parts.pages.push(recorded.pages.take());
        result.map(|()| recorded)
    }

    /// This thread's pool for this frame, and pages that no other task is writing to.
    fn leases(&self, queue: QueueId) -> Result<(Lease, PageLease)> {
        let family = self.shared.device.queues.get(queue).family;
        let mut parts = lock(&self.parts);
        let own = parts.leases.iter().position(|lease| lease.is_mine(family));
        let own = own.map(|index| parts.leases.swap_remove(index));
        let pages = parts.pages.pop();
        drop(parts);
        let lease = own.map_or_else(|| self.shared.pools.lease(family), Ok)?;
        Ok((lease, pages.unwrap_or_else(|| self.shared.pages.lease())))
    }

    fn record_into(&self, lease: &mut Lease, task: &Task, work: Work, recorded: &mut Recorded) -> Result<()> {
        let device = &self.shared.device;
        recorded.buffers.push(lease.begin()?);
        if task.first {
            self.head(task.batch, recorded)?;
        }
        let result = match work {
            Work::Passes(passes) => self.passes(lease, task.position, passes, recorded),
            Work::Share(pass, share) => self.share(&pass, share, task.position, recorded),
        };
        if task.last && result.is_ok() {
            self.tail(task.batch, recorded);
        }
        // Counted at the calls, so also for a recording that failed.
        recorded.counts.book(&device.counters);
        result?;
        recorded.counts += recorded.opened; // booked when they were recorded
        lease.end()
    }

    /// A batch's head: what its resources come from.
    fn head(&self, batch: usize, recorded: &mut Recorded) -> Result<()> {
        let queue = self.plan.batches[batch].queue;
        let of_queue = |batch: &Batch| batch.queue == queue;
        if let (Some(timestamps), true) = (&self.timestamps, !self.plan.batches[..batch].iter().any(of_queue)) {
            timestamps.begin(current(recorded), queue);
        }
        let barrier = entry::barrier(&self.plan, &self.plan.batches[batch], &lock(&self.parts).foreseen);
        if !barrier.is_empty() {
            barrier::record(&self.shared.device, current(recorded), &barrier, &self.slots, &mut recorded.counts);
        }
        Ok(())
    }

    /// A batch's tail: images that another queue takes over.
    fn tail(&self, batch: usize, recorded: &mut Recorded) {
        let Batch { queue, after, .. } = self.plan.batches[batch];
        if let Some(index) = after {
            self.barrier(index, recorded);
        }
        let of_queue = |batch: &Batch| batch.queue == queue;
        if let (Some(timestamps), true) = (&self.timestamps, !self.plan.batches[batch + 1..].iter().any(of_queue)) {
            timestamps.end(current(recorded), queue);
        }
    }

    fn barrier(&self, index: u32, recorded: &mut Recorded) {
        let barrier = &self.plan.barriers[index as usize];
        barrier::record(&self.shared.device, current(recorded), barrier, &self.slots, &mut recorded.counts);
    }

    fn barrier_before(&self, position: usize, recorded: &mut Recorded) {
        if let Some(index) = self.plan.before[position] {
            self.barrier(index, recorded);
        }
    }

    /// What the owner of a pass makes before it.
    fn given(&self, given: Option<&[Given]>, recorded: &mut Recorded) {
        if let Some(given) = given {
            barrier::record_given(&self.shared.device, current(recorded), given, &mut recorded.counts);
        }
    }

    fn passes(&self, lease: &mut Lease, first: usize, passes: Vec<PassBody>, recorded: &mut Recorded) -> Result<()> {
        let mut passes = passes.into_iter();
        for (position, pass) in (first..).zip(passes.by_ref()) {
            let before = Instant::now();
            self.barrier_before(position, recorded);
            let name = Arc::clone(&pass.name);
            if let Err(error) = self.pass(lease, position, pass, recorded) {
                guarded(UNUSED, || drop(passes));
                return Err(error);
            }
            book(&name, position, before, recorded);
        }
        Ok(())
    }

    fn pass(&self, lease: &mut Lease, position: usize, pass: PassBody, recorded: &mut Recorded) -> Result<()> {
        let PassBody { name, declared, rendering, labels, jobs, queue, manual, body } = pass;
        self.given(manual.as_deref(), recorded);
        let (name, declared, rendering, labels, jobs) = (&name, &*declared, &rendering, &*labels, &*jobs);
        let view = View { name, declared, rendering, labels, jobs, queue, position, share: None };
        match body {
            Body::Once(record) => self.encode(&view, recorded, record),
            Body::Opened(opened) => self.opened(lease, &view, &opened, recorded),
            // Cut into shares wherever it stands.
            Body::Parallel(parallel) => {
                self.encode(&view, recorded, |cmd| (parallel.record)(cmd, Share { index: 0, of: 1 }))
            }
        }
    }

    fn share(&self, pass: &SharedPass, share: Share, position: usize, recorded: &mut Recorded) -> Result<()> {
        let before = Instant::now();
        if share.is_first() {
            self.barrier_before(position, recorded);
            self.given(pass.manual.as_deref(), recorded);
        }
        let SharedPass { name, declared, rendering, labels, jobs, queue, record, .. } = pass;
        let view = View { name, declared, rendering, labels, jobs, queue: *queue, position, share: Some(share) };
        self.encode(&view, recorded, |cmd| record(cmd, share))?;
        book(name, position, before, recorded);
        Ok(())
    }

    /// A pass that its owner recorded: its buffers go between one that begins its rendering and one that ends it.
    fn opened(&self, lease: &mut Lease, view: &View<'_>, opened: &Opened, recorded: &mut Recorded) -> Result<()> {
        let device = &self.shared.device;
        let parts = opened.take();
        let renders = !view.rendering.is_empty();
        let queue = self.plan.batches[recorded.batch].queue;
        let span = self.pass_span(view.name);
        span.record("cpu_us", parts.nanoseconds as f64 / 1e3);
        if let Some(times) = &self.pass_times {
            times.start(current(recorded), queue, view.position, &span);
        }
        device.labels.begin(current(recorded), view.name);
        if renders {
            rendering::begin(device, current(recorded), view.rendering, vk::RenderingFlags::SUSPENDING)?;
            rendering::end(device, current(recorded));
        }
        lease.end()?;
        recorded.buffers.extend(parts.buffers);
        recorded.opened += parts.counts;
        recorded.kept.extend(parts.kept);
        recorded.costs.push((view.position, parts.nanoseconds));
        let mut all = lock(&self.parts);
        all.leases.extend(parts.leases);
        all.pages.extend(parts.pages);
        drop(all);
        recorded.buffers.push(lease.begin()?);
        if renders {
            rendering::begin(device, current(recorded), view.rendering, vk::RenderingFlags::RESUMING)?;
            rendering::end(device, current(recorded));
        }
        device.labels.end(current(recorded));
        if let Some(times) = &self.pass_times {
            times.stop(current(recorded), queue, view.position);
        }
        Ok(())
    }

    /// Calls a pass's closure with an encoder.
    fn encode(
        &self,
        pass: &View<'_>,
        recorded: &mut Recorded,
        record: impl FnOnce(&mut Encoder<'_>) -> Result<()>,
    ) -> Result<()> {
        let device = &self.shared.device;
        let cmd = current(recorded);
        let span = self.pass_span(pass.name);
        // For the span alone: what the pass cost is booked by whoever calls.
        let began = (!span.is_disabled()).then(Instant::now);
        let entered = span.enter();
        // Around all shares: a label is a command, and between shares that carry rendering on there must be none.
        let (first, last) = (pass.share.is_none_or(Share::is_first), pass.share.is_none_or(Share::is_last));
        if first {
            device.labels.begin(cmd, pass.name);
        }
        let queue = self.plan.batches[recorded.batch].queue;
        if let (Some(times), true) = (&self.pass_times, first) {
            times.start(cmd, queue, pass.position, &span);
        }
        let renders = !pass.rendering.is_empty();
        if renders {
            rendering::begin(device, cmd, pass.rendering, flags(pass.share))?;
        }
        let inputs = Inputs {
            device,
            layout: &self.shared.pipelines.layout,
            // What it may do is what its queue can, also where that is an alias of one that can do more.
            queue: pass.queue.unwrap_or_else(|| device.queues.kind(queue)),
            pass: Pass { name: pass.name, declared: pass.declared, rendering: pass.rendering, labels: pass.labels },
            jobs: pass.jobs,
            cmd,
            keep: &mut recorded.kept,
            pages: &mut recorded.pages,
            counts: &mut recorded.counts,
        };
        let mut encoder = Encoder::new(inputs);
        let returned = catch_unwind(AssertUnwindSafe(|| record(&mut encoder)));
        let is_all = matches!(returned, Ok(Ok(()))) && pass.share.is_none_or(|share| share.of == 1);
        let stuck = encoder.finish(is_all);
        if renders {
            rendering::end(device, cmd);
        }
        if let (Some(times), true) = (&self.pass_times, last) {
            times.stop(cmd, queue, pass.position);
        }
        if last {
            device.labels.end(cmd);
        }
        drop(entered);
        if let Some(began) = began {
            span.record("cpu_us", began.elapsed().as_secs_f64() * 1e6);
        }
        outcome(pass.name, returned, stuck)
    }

    fn pass_span(&self, name: &str) -> tracing::Span {
        use tracing::field::Empty;
        tracing::trace_span!(
            target: "vulkio::pass", parent: &self.span, "pass",
            frame = self.number, pass = name, worker = thread_number(), cpu_us = Empty, gpu_us = Empty
        )
    }
}

/// What a recorded pass comes to.
pub(crate) fn outcome(pass: &str, returned: std::thread::Result<Result<()>>, stuck: Result<()>) -> Result<()> {
    match returned {
        Ok(result) => {
            result.and(stuck).map_err(|source| Error::Record { pass: pass.to_owned(), source: Box::new(source) })
        }
        Err(payload) => {
            let message = panic_message(&*payload);
            guarded("a panic's payload", || drop(payload));
            Err(Error::RecordPanicked { pass: pass.to_owned(), message })
        }
    }
}

fn flags(share: Option<Share>) -> vk::RenderingFlags {
    let mut flags = vk::RenderingFlags::empty();
    if share.is_some_and(|share| !share.is_first()) {
        flags |= vk::RenderingFlags::RESUMING;
    }
    if share.is_some_and(|share| !share.is_last()) {
        flags |= vk::RenderingFlags::SUSPENDING;
    }
    flags
}

fn book(name: &str, position: usize, before: Instant, recorded: &mut Recorded) {
    let cost = before.elapsed();
    recorded.costs.push((position, cost.as_nanos() as u64));
    if cost > SLOW_PASS {
        let advice = "recording held a worker up; split the pass, or move work into a job";
        tracing::warn!(target: "vulkio::pass", pass = name, ?cost, "{advice}");
    }
}

/// The command buffer that is being recorded.
fn current(recorded: &Recorded) -> vk::CommandBuffer {
    recorded.buffers.last().copied().unwrap_or_default()
}
