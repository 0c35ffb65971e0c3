//! The thread that turns uploads into submissions: small ones together, large ones chunk by chunk.

mod loads;
mod small;

use std::{collections::HashMap, sync::Arc, time::Instant};

use super::{
    Core,
    load::Load,
    mailbox::{Landed, Landing, Mail, News},
    order::{Priority, Queue},
    request::Ticket,
    staging::Span,
};
use crate::{
    error::Result,
    exec::{Committed, Transfer},
    pipeline::ComputePipeline,
    sync::Completion,
};

/// Uploads of so many bytes are gathered; larger ones are filled by other threads.
const SMALL: u64 = 1 << 18;
/// So many that wait are not looked through.
const FEW: usize = 1024;

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
