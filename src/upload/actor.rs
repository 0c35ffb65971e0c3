//! The thread that turns uploads into submissions: small ones together, large ones chunk by chunk.

use std::{
    collections::HashMap,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Core,
    chunk::{self, Chunk, From},
    data::Source,
    flush::Flush,
    load::{self, Failed, Load},
    mailbox::{Landing, Mail, News},
    order::{Priority, Queue},
    request::Ticket,
    target::Target,
};
use crate::{
    error::{Error, Result},
    exec::{Committed, Transfer, scatter_kernel as make_scatter_kernel},
    pipeline::ComputePipeline,
    sync::Completion,
};

const MIB: u64 = 1 << 20;

/// Uploads of so many bytes are gathered; larger ones are filled by other threads.
const SMALL: u64 = MIB / 4;
/// A flush gathers so many bytes at most.
const FLUSH: u64 = 2 * MIB;
/// So many flushes may be on their way before a further one waits for more uploads to gather.
const FLUSHES: usize = 2;
/// Loads that have begun.
const LOADS: usize = 16;
/// Bytes of loads that are being filled at once: enough for every thread.
const FILLING: u64 = 16 * MIB;
/// Chunks of a load that are cut ahead, where nothing is to be filled.
const CHUNKS_IN_PLACE: usize = 2;
/// Bytes of loads that are on their way at once, and while frames upload: theirs wait behind them.
const WINDOW: u64 = 24 * MIB;
const WINDOW_BESIDE_FRAMES: u64 = 6 * MIB;
/// For so long after a frame's upload there may be another one.
const FRAMES_LAST: Duration = Duration::from_millis(100);

/// What the thread knows.
pub(super) struct Actor {
    core: Arc<Core>,
    small: Queue<Ticket>,
    small_bytes: u64,
    /// Loads that have not begun.
    waiting: Queue<Ticket>,
    loads: HashMap<u64, Load>,
    flights: HashMap<u64, Flight>,
    /// For loads and flights.
    next_id: u64,
    flushes: usize,
    filling: u64,
    /// Bytes of loads on their way, frames' own left out.
    flying: u64,
    last_frame: Option<Instant>,
    /// Staging memory is used up: nothing that needs any is tried before some is given back.
    full: bool,
    /// It is used up but for what is left for others than loads.
    full_for_loads: bool,
    /// The pipeline for small uploads that go to very many places, once there were any.
    scatter: Option<ComputePipeline>,
}

/// Copies of which is not known whether they were submitted.
enum Flight {
    Flush(Vec<Ticket>),
    Chunks {
        load: u64,
        last: bool,
    },
    /// The last copy of a load.
    Whole {
        load: u64,
    },
}

impl Actor {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            small: Queue::default(),
            small_bytes: 0,
            waiting: Queue::default(),
            loads: HashMap::new(),
            flights: HashMap::new(),
            next_id: 0,
            flushes: 0,
            filling: 0,
            flying: 0,
            last_frame: None,
            full: false,
            full_for_loads: false,
            scatter: None,
        }
    }

    /// Works until it is told to stop. What is not answered then is closed.
    pub(super) fn run(mut self) {
        loop {
            let Mail { tickets, news, stop } = self.core.mailbox.take();
            if stop {
                return;
            }
            news.into_iter().for_each(|news| self.hear(news));
            self.admit(tickets);
            self.work();
        }
    }

    fn admit(&mut self, tickets: Vec<Ticket>) {
        let now = Instant::now();
        for ticket in tickets {
            let (priority, bytes) = (ticket.request.priority, ticket.request.target.bytes());
            if priority == Priority::Frame {
                self.last_frame = Some(now);
            }
            if ticket.request.is_host_data() && bytes <= SMALL && matches!(ticket.request.target, Target::Buffer { .. })
            {
                self.small_bytes += bytes;
                self.small.push(now, priority, ticket);
            } else {
                self.waiting.push(now, priority, ticket);
            }
        }
    }

    /// Does all that can be done now.
    fn work(&mut self) {
        loop {
            let flushed = self.flush();
            let begun = self.begin_loads();
            let filled = self.begin_chunk();
            let submitted = self.submit_chunks();
            if !(flushed || begun || filled || submitted) {
                return;
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Room => (self.full, self.full_for_loads) = (false, false),
            News::Landed { small: true, .. } => self.flushes -= 1,
            News::Landed { bytes, small: false } => self.flying -= bytes,
            News::Filled { load, chunk, outcome } => self.filled(load, chunk, outcome),
            News::Submitted { flight, outcome } => self.submitted(flight, outcome),
        }
    }

    // Small uploads.

    /// Submits small uploads together; `false` if there are none, or it is better to wait.
    fn flush(&mut self) -> bool {
        let waits = self.flushes >= FLUSHES && !self.small.has(Priority::Frame) && self.small_bytes < FLUSH;
        if self.small.first().is_none() || self.full || waits {
            return false;
        }
        let span = match self.core.staging.take(self.small_bytes.min(FLUSH).min(self.core.staging.longest()), 0) {
            Ok(Some(span)) => span,
            Ok(None) => {
                self.full = true;
                return false;
            }
            Err(error) => {
                self.refuse_small(error);
                return true;
            }
        };
        let mut flush = Flush::new(span);
        while let Some(ticket) = self.small.first()
            && ticket.request.target.bytes() <= flush.room()
            && let Some(ticket) = self.small.pop()
        {
            self.small_bytes -= ticket.request.target.bytes();
            self.gather(&mut flush, ticket);
        }
        if !flush.is_empty() {
            self.flushes += 1;
            let (core, kernel) = (Arc::clone(&self.core), &mut self.scatter);
            let (transfer, tickets) = flush.stage(&core, || scatter_kernel(&core, kernel));
            tracing::trace!(target: "vulkio::upload", uploads = tickets.len(), "submitting small uploads");
            self.send(transfer, Flight::Flush(tickets));
        }
        true
    }

    fn gather(&mut self, flush: &mut Flush, ticket: Ticket) {
        let is_before =
            |load: &&mut Load| load.is_in_pieces() && load.ticket.request.target.overlaps(&ticket.request.target);
        if let Some(load) = self.loads.values_mut().find(is_before) {
            load.after.push(ticket);
        } else if let Some(Source::Host(bytes)) = ticket.request.begin() {
            flush.add(ticket, bytes);
        }
    }

    fn refuse_small(&mut self, error: Error) {
        if let Some(ticket) = self.small.pop() {
            self.small_bytes -= ticket.request.target.bytes();
            ticket.answer(Err(error));
        }
    }

    // Loads.

    /// Begins loads that wait; `false` if there are none, or enough have begun.
    fn begin_loads(&mut self) -> bool {
        let mut any = false;
        while self.loads.len() < LOADS || self.waiting.has(Priority::Frame) {
            let Some(ticket) = self.waiting.pop() else { break };
            self.begin_load(ticket);
            any = true;
        }
        any
    }

    fn begin_load(&mut self, ticket: Ticket) {
        let overlaps = |load: &&mut Load| load.ticket.request.target.overlaps(&ticket.request.target);
        if let Some(load) = self.loads.values_mut().find(overlaps) {
            load.after.push(ticket);
            return;
        }
        let Some(source) = ticket.request.begin() else { return }; // cancelled
        match Load::new(&self.core.device, ticket, source, Instant::now()) {
            Ok(load) => {
                let id = self.id();
                self.loads.insert(id, load);
            }
            Err(Failed { ticket, error }) => ticket.answer(Err(error)),
        }
    }

    /// Begins the next chunk of the load whose turn it is; `false` if none can begin.
    fn begin_chunk(&mut self) -> bool {
        let may = |load: &Load| load.next().is_some() && self.has_room_for(load);
        let Some(id) = self.first_load(may) else { return false };
        match self.chunk(id) {
            Ok(begun) => begun,
            Err(error) => {
                self.fail(id, error);
                true
            }
        }
    }

    fn has_room_for(&self, load: &Load) -> bool {
        if !load.source.needs_staging() {
            return load.chunks() < CHUNKS_IN_PLACE;
        }
        let loads_may = self.filling < FILLING && !self.full_for_loads;
        !self.full && (loads_may || load.priority() == Priority::Frame)
    }

    fn chunk(&mut self, id: u64) -> Result<bool> {
        let (now, frames) = (Instant::now(), self.beside_frames());
        let Some(load) = self.loads.get_mut(&id) else { return Ok(false) };
        let Some(at) = load.next() else { return Ok(false) };
        let grain = load.ticket.request.target.grain();
        let is_frames = load.priority() == Priority::Frame;
        let length = chunk::length(at, load.source.needs_staging(), frames && !is_frames, grain);
        let range = load.range(length);
        if let Some(chunk) = load::in_place(&load.source, range.clone()) {
            load.begin(chunk, now);
            return Ok(true);
        }
        let bytes = range.end - range.start;
        // Loads leave room for what frames upload.
        let reserve = if is_frames { 0 } else { self.core.staging.longest().min(self.core.budget / 4) };
        let Some(span) = self.core.staging.take(bytes, reserve)? else {
            *(if is_frames { &mut self.full } else { &mut self.full_for_loads }) = true;
            return Ok(false);
        };
        let span = Arc::new(span);
        let names = (id, load.next_number());
        let Core { fill, mailbox, .. } = &*self.core;
        let unfilled = chunk::fill(fill, mailbox, names, is_frames, &load.source, &range, &span, grain)?;
        load.begin(Chunk { range, from: From::Span(span, 0), unfilled }, now);
        self.filling += bytes;
        Ok(true)
    }

    fn filled(&mut self, id: u64, chunk: u64, outcome: Result<()>) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        match outcome {
            Ok(()) => self.filling -= load.filled(chunk),
            Err(error) => self.fail(id, error),
        }
    }

    /// Submits what is filled of the load whose turn it is; `false` if there is nothing, or enough is on its way.
    fn submit_chunks(&mut self) -> bool {
        let window = if self.beside_frames() { WINDOW_BESIDE_FRAMES } else { WINDOW };
        let is_open = self.flying < window;
        let may = |load: &Load| load.is_ready() && (is_open || load.priority() == Priority::Frame);
        let Some(id) = self.first_load(may) else { return false };
        let Some(load) = self.loads.get_mut(&id) else { return false };
        let (mut transfer, bytes, last) = load.submit();
        if load.priority() != Priority::Frame {
            self.flying += bytes;
            transfer.keep(Landing { mailbox: Arc::clone(&self.core.mailbox), bytes, small: false });
        }
        self.send(transfer, Flight::Chunks { load: id, last });
        true
    }

    /// Of the loads that may, the one whose turn it is.
    fn first_load(&self, may: impl Fn(&Load) -> bool) -> Option<u64> {
        let turn = |load: &Load| load.came + load.priority().patience();
        self.loads.iter().filter(|(_, load)| may(load)).min_by_key(|(id, load)| (turn(load), **id)).map(|(&id, _)| id)
    }

    fn beside_frames(&self) -> bool {
        self.last_frame.is_some_and(|last| last.elapsed() < FRAMES_LAST)
    }

    fn fail(&mut self, id: u64, error: Error) {
        if let Some(load) = self.end(id) {
            load.ticket.answer(Err(error));
        }
    }

    /// Takes a load out; what has waited for it goes on.
    fn end(&mut self, id: u64) -> Option<Load> {
        let mut load = self.loads.remove(&id)?;
        self.filling -= load.unfilled_bytes();
        self.admit(mem::take(&mut load.after));
        Some(load)
    }

    // Submissions.

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn send(&mut self, transfer: Transfer, flight: Flight) {
        let id = self.id();
        self.flights.insert(id, flight);
        let mailbox = Arc::clone(&self.core.mailbox);
        let told = move |outcome: Result<Committed>| {
            let outcome = outcome.map(|committed| committed.done.without_value());
            mailbox.tell(News::Submitted { flight: id, outcome });
        };
        self.core.submitter.transfer(transfer, Box::new(told));
    }

    fn submitted(&mut self, flight: u64, outcome: Result<Completion>) {
        match self.flights.remove(&flight) {
            Some(Flight::Flush(tickets)) => {
                tickets.into_iter().for_each(|ticket| ticket.answer(outcome.clone()));
            }
            Some(Flight::Chunks { load, last }) => self.chunks_submitted(load, last, outcome),
            Some(Flight::Whole { load }) => self.finish(load, outcome),
            None => {}
        }
    }

    fn chunks_submitted(&mut self, id: u64, last: bool, outcome: Result<Completion>) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        match outcome {
            Err(_) if load.is_overtaken() => {
                self.filling -= load.unfilled_bytes();
                if let Err(error) = load.begin_again(&self.core.device) {
                    self.fail(id, error);
                }
            }
            Err(error) => self.fail(id, error),
            Ok(_) if !last => load.answered(),
            Ok(done) => {
                load.answered();
                match load.publish() {
                    Some(transfer) => self.send(transfer, Flight::Whole { load: id }),
                    None => self.finish(id, Ok(done)),
                }
            }
        }
    }

    fn finish(&mut self, id: u64, outcome: Result<Completion>) {
        if let Some(load) = self.end(id) {
            let (target, took) = (&load.ticket.request.target, load.began.elapsed());
            let (name, bytes) = (target.name(), target.bytes());
            tracing::debug!(target: "vulkio::upload", name, bytes, ?took, ok = outcome.is_ok(), "load submitted");
            load.ticket.answer(outcome);
        }
    }
}

/// The pipeline that scatters. Where it cannot be made, copies must do, which are slow if they are very many.
fn scatter_kernel(core: &Core, kept: &mut Option<ComputePipeline>) -> Option<ComputePipeline> {
    if kept.is_none() {
        let made = make_scatter_kernel(&core.pipelines);
        *kept = made.inspect_err(|error| tracing::warn!(target: "vulkio::upload", %error, "no scatter")).ok();
    }
    kept.clone()
}
