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
    flush::Flush,
    load::{self, Failed, GROUP, Load, Plan, WHOLE},
    mailbox::{Landed, Landing, Mail, News},
    order::{Priority, Queue},
    request::Ticket,
    staging::Span,
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
/// For so long they are gathered at most.
const GATHERING: Duration = Duration::from_micros(200);
/// So many that wait are not looked through.
const FEW: usize = 1024;
/// Loads that have begun.
const LOADS: usize = 16;
/// The most bytes of device memory that loads into memory in use go through at once, but for one that is larger.
const SHADOWS: u64 = 256 * MIB;
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
    /// When small uploads are submitted at the latest that are gathered now.
    flush_at: Option<Instant>,
    /// Bytes of device memory that loads go through, until they are where they belong.
    shadows: u64,
    /// Loads that wait for some of that.
    without_shadow: Vec<Ticket>,
    /// How many tickets wait when they are looked through for cancelled ones.
    look_at: usize,
    /// The pipeline for small uploads that go to very many places, once there were any; `None` in it if there can be none.
    scatter: Option<Option<ComputePipeline>>,
}

/// Copies of which is not known whether they were submitted.
enum Flight {
    Flush(Vec<Ticket>),
    Chunks {
        load: u64,
        attempt: u32,
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
            flush_at: None,
            shadows: 0,
            without_shadow: Vec::new(),
            look_at: FEW,
            scatter: None,
        }
    }

    /// Works until it is told to stop. What is not answered then is closed.
    pub(super) fn run(mut self) {
        loop {
            let Mail { tickets, news, stop } = self.core.mailbox.take(self.flush_at.filter(|_| !self.full));
            news.into_iter().for_each(|news| self.hear(news));
            if stop {
                return;
            }
            self.admit(tickets);
            self.work();
        }
    }

    fn admit(&mut self, tickets: Vec<Ticket>) {
        let now = Instant::now();
        for mut ticket in tickets {
            let (priority, bytes) = (ticket.request.priority, ticket.request.target.bytes());
            let came = *ticket.came.get_or_insert(now);
            if priority == Priority::Frame {
                self.last_frame = Some(now);
            }
            if ticket.request.may_be_gathered(SMALL) {
                self.small_bytes += bytes;
                self.small.push(came, priority, ticket);
            } else {
                self.waiting.push(came, priority, ticket);
            }
        }
        self.forget_cancelled();
    }

    /// Those that nobody asks for any more hold their targets, so they are dropped before their turn if they may be many.
    fn forget_cancelled(&mut self) {
        if self.small.len() + self.waiting.len() < self.look_at {
            return;
        }
        let small_bytes = &mut self.small_bytes;
        self.small.retain(|ticket| {
            let is_wanted = ticket.request.is_wanted();
            *small_bytes -= if is_wanted { 0 } else { ticket.request.target.bytes() };
            is_wanted
        });
        self.waiting.retain(|ticket| ticket.request.is_wanted());
        self.look_at = FEW.max(2 * (self.small.len() + self.waiting.len()));
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
            News::Room | News::Grown(Ok(())) => (self.full, self.full_for_loads) = (false, false),
            News::Grown(Err(error)) => self.refuse_all(&error),
            News::Landed { what: Landed::Flush, .. } => self.flushes -= 1,
            News::Landed { what: Landed::Chunks, bytes } => self.flying -= bytes,
            News::Landed { what: Landed::Shadow, bytes } => {
                self.shadows -= bytes;
                self.admit_again();
            }
            News::Filled { load, chunk, outcome } => self.filled(load, chunk, outcome),
            News::Submitted { flight, outcome } => self.submitted(flight, outcome),
        }
    }

    // Small uploads.

    /// Submits small uploads together; `false` if there are none, or it is better to wait.
    fn flush(&mut self) -> bool {
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
    fn refuse_all(&mut self, error: &Error) {
        while let Some(ticket) = self.small.pop() {
            self.small_bytes -= ticket.request.target.bytes();
            ticket.answer(Err(error.clone()));
        }
        let staged = self.loads.iter().filter(|(_, load)| load.source.needs_staging());
        let staged: Vec<_> = staged.map(|(&id, _)| id).collect();
        staged.into_iter().for_each(|id| self.fail(id, error.clone()));
        (self.full, self.full_for_loads) = (false, false);
    }

    // Loads.

    /// Begins loads that wait; `false` if there are none, or enough have begun.
    fn begin_loads(&mut self) -> bool {
        let mut any = false;
        loop {
            let is_full = self.loads.len() >= LOADS;
            let next = if is_full { self.waiting.pop_of(Priority::Frame) } else { self.waiting.pop() };
            let Some(ticket) = next else { return any };
            self.begin_load(ticket);
            any = true;
        }
    }

    fn begin_load(&mut self, ticket: Ticket) {
        let overlaps = |load: &&mut Load| load.ticket.request.target.overlaps(&ticket.request.target);
        if let Some(load) = self.loads.values_mut().find(overlaps) {
            load.after.push(ticket);
            return;
        }
        let target = &ticket.request.target;
        let (plan, bytes) = (Plan::of(target, self.core.longest_chunk()), target.bytes());
        if plan == Plan::Shadow && self.shadows > 0 && self.shadows + bytes > SHADOWS {
            self.without_shadow.push(ticket);
            return;
        }
        let Some(source) = ticket.request.begin() else { return }; // cancelled
        match Load::new(&self.core.device, ticket, source, plan, Instant::now()) {
            Ok(load) => {
                self.shadows += load.shadow_bytes();
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
        let longest = self.core.longest_chunk();
        let length = chunk::length(at, load.source.needs_staging(), frames && !is_frames, grain, longest);
        let range = load.range(length);
        if let Some(chunk) = load::in_place(&load.source, range.clone()) {
            load.begin(chunk, now);
            return Ok(true);
        }
        let bytes = range.end - range.start;
        // Loads leave room for what frames upload.
        let reserve = if is_frames { 0 } else { self.core.reserve() };
        let Some(span) = room(&self.core, bytes, reserve) else {
            // Others may need none, or may take what is reserved.
            *(if is_frames { &mut self.full } else { &mut self.full_for_loads }) = true;
            return Ok(true);
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
        let (window, most) = if self.beside_frames() { (WINDOW_BESIDE_FRAMES, WHOLE) } else { (WINDOW, GROUP) };
        let is_open = self.flying < window;
        let may = |load: &Load| load.is_ready(most) && (is_open || load.priority() == Priority::Frame);
        let Some(id) = self.first_load(may) else { return false };
        let Some(load) = self.loads.get_mut(&id) else { return false };
        let (mut transfer, bytes, last) = load.submit(most);
        if load.priority() != Priority::Frame {
            self.flying += bytes;
            transfer.keep(Landing { mailbox: Arc::clone(&self.core.mailbox), bytes, what: Landed::Chunks });
        }
        let attempt = load.attempt();
        self.send(transfer, Flight::Chunks { load: id, attempt, last });
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
            load.show();
            self.answer(load, Err(error));
        }
    }

    /// Its data goes where no other upload waits for it: unmapping a large vector takes milliseconds, and whatever a program's
    /// data does when it is dropped, it does not do here.
    fn answer(&self, load: Load, outcome: Result<Completion>) {
        let Load { ticket, source, .. } = load;
        ticket.answer(outcome);
        let _ = self.core.fill.spawn(false, move || drop(source)); // a pool that is closed drops it at once
    }

    /// Takes a load out; what has waited for it goes on.
    fn end(&mut self, id: u64) -> Option<Load> {
        let mut load = self.loads.remove(&id)?;
        self.filling -= load.unfilled_bytes();
        if !load.is_published() {
            // No copy of it will say that it landed.
            self.shadows -= load.shadow_bytes();
            self.admit_again();
        }
        self.admit(mem::take(&mut load.after));
        Some(load)
    }

    /// Those that waited for the memory of shadows look again.
    fn admit_again(&mut self) {
        let tickets = mem::take(&mut self.without_shadow);
        self.admit(tickets);
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
                Ticket::answer_all(tickets, &outcome);
            }
            Some(Flight::Chunks { load, attempt, last }) => self.chunks_submitted((load, attempt), last, outcome),
            Some(Flight::Whole { load }) => self.finish(load, outcome),
            None => {}
        }
    }

    fn chunks_submitted(&mut self, (id, attempt): (u64, u32), last: bool, outcome: Result<Completion>) {
        let Some(load) = self.loads.get_mut(&id).filter(|load| load.attempt() == attempt) else { return };
        match outcome {
            Err(_) if load.is_overtaken() => {
                self.filling -= load.unfilled_bytes();
                match load.begin_again(&self.core.device) {
                    Ok(()) => self.shadows += load.shadow_bytes(),
                    Err(error) => self.fail(id, error),
                }
            }
            Err(error) => self.fail(id, error),
            Ok(_) if !last => load.answered(),
            Ok(done) => {
                load.answered();
                match load.publish() {
                    Some(mut transfer) => {
                        let (mailbox, bytes) = (Arc::clone(&self.core.mailbox), load.shadow_bytes());
                        transfer.keep(Landing { mailbox, bytes, what: Landed::Shadow });
                        self.send(transfer, Flight::Whole { load: id });
                    }
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
            self.answer(load, outcome);
        }
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

/// Some staging memory, if it is free. If there could be more of it, that is made, elsewhere: it takes milliseconds, in which
/// others go on.
fn room(core: &Arc<Core>, bytes: u64, reserve: u64) -> Option<Span> {
    let span = core.staging.take_present(bytes, reserve);
    if span.is_none() && core.staging.begin_to_grow() {
        let own = Arc::clone(core);
        let grow = move || own.mailbox.tell(News::Grown(own.staging.grow_now()));
        let _ = core.fill.spawn(true, grow); // closed: then nothing goes on
    }
    span
}
