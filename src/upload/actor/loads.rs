//! Loads: begun, cut in chunks, and ended.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    super::{
        Core,
        chunk::{self, Chunk, Origin},
        load::{self, Failed, GROUP, Load, Plan, WHOLE},
        mailbox::{Landed, Landing},
        order::Priority,
        request::Ticket,
    },
    Actor, Flight, room,
};
use crate::{
    error::{Error, Result},
    sync::Completion,
};

const MIB: u64 = 1 << 20;

/// Loads that have begun.
const LOADS: usize = 16;
/// The most bytes of device memory that loads into memory in use go through at once, but for one that is larger.
const SHADOWS: u64 = 256 * MIB;
/// Bytes of loads that are being filled at once: enough for every thread.
const FILLING: u64 = 24 * MIB;
/// Chunks of a load that are cut ahead, where nothing is to be filled.
const CHUNKS_IN_PLACE: usize = 2;
/// Bytes of loads that are on their way at once, and while frames upload: theirs wait behind them.
const WINDOW: u64 = 24 * MIB;
const WINDOW_BESIDE_FRAMES: u64 = 6 * MIB;
/// For so long after a frame's upload there may be another one.
const FRAMES_LAST: Duration = Duration::from_millis(100);

impl Actor {
    /// Begins loads that wait; `false` if there are none, or enough have begun.
    pub(super) fn begin_loads(&mut self) -> bool {
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
    pub(super) fn begin_chunk(&mut self) -> bool {
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
        load.begin(Chunk { range, from: Origin::Span(span, 0), unfilled }, now);
        self.filling += bytes;
        Ok(true)
    }

    pub(super) fn filled(&mut self, id: u64, chunk: u64, outcome: Result<()>) {
        let Some(load) = self.loads.get_mut(&id) else { return };
        match outcome {
            Ok(()) => self.filling -= load.filled(chunk),
            Err(error) => self.fail(id, error),
        }
    }

    /// Submits what is filled of the load whose turn it is; `false` if there is nothing, or enough is on its way.
    pub(super) fn submit_chunks(&mut self) -> bool {
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

    pub(super) fn fail(&mut self, id: u64, error: Error) {
        if let Some(load) = self.end(id) {
            load.show();
            self.answer(load, Err(error));
        }
    }

    /// Its data goes where no other upload waits for it: unmapping a large vector takes milliseconds, and whatever a program's
    /// data does when it is dropped, it does not do here.
    pub(super) fn answer(&self, load: Load, outcome: Result<Completion>) {
        let Load { ticket, source, .. } = load;
        ticket.answer(outcome);
        let _ = self.core.fill.spawn(false, move || drop(source)); // a pool that is closed drops it at once
    }

    /// Takes a load out; what has waited for it goes on.
    pub(super) fn end(&mut self, id: u64) -> Option<Load> {
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
    pub(super) fn admit_again(&mut self) {
        let tickets = mem::take(&mut self.without_shadow);
        self.admit(tickets);
    }
}
