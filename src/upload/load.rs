//! Loads: uploads in chunks, whole or not at all to whoever reads them.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use ash::vk;

use super::{
    chunk::{Chunk, Origin},
    data::Source,
    order::Priority,
    request::Ticket,
    target::Target,
};
use crate::{
    error::Result,
    exec::{Claim, Transfer},
    gpu::{QueueKind, device::Device},
    graph::ir::Region,
    memory::MemoryKind,
    resource::{Access, BufferInner, Resource, Spot},
    sync::prim::lock,
};

/// What is no longer than this is copied by one submission, wherever it goes.
pub(super) const WHOLE: u64 = 2 << 20;

/// The most bytes that one submission copies.
pub(super) const GROUP: u64 = 16 << 20;

/// An upload in chunks.
pub(super) struct Load {
    pub(super) ticket: Ticket,
    pub(super) source: Source,
    pub(super) way: Way,
    pub(super) began: Instant,
    /// When it came, or when its last chunk began: it queues anew for each.
    pub(super) came: Instant,
    /// The first byte that belongs to no chunk yet.
    next: u64,
    /// By number: chunks that are not submitted.
    chunks: BTreeMap<u64, Chunk>,
    /// The number of the next chunk; it never starts again, so that late news of a chunk that was given up is known as such.
    number: u64,
    /// Submissions of which is not known how they went.
    unanswered: usize,
    /// How often it was begun; what becomes of an earlier attempt does not matter any more.
    attempt: u32,
    published: bool,
    overtaken: Arc<AtomicBool>,
    /// What overlaps it and came later.
    pub(super) after: Vec<Ticket>,
}

/// How the chunks become whole.
pub(super) enum Way {
    /// There is one submission.
    Whole,
    /// Nobody may read the target before the last chunk, as nothing was written there.
    Pieces,
    /// Through memory of its own, which is copied to the target at the end.
    Shadow(Target),
}

/// The way that a load is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Whole,
    Pieces,
    Shadow,
}

impl Plan {
    /// For all of a target, where chunks can be so long at most.
    pub(super) fn of(target: &Target, longest: u64) -> Self {
        if target.bytes() <= WHOLE.min(longest) {
            Self::Whole
        } else if target.takes_pieces() {
            Self::Pieces
        } else {
            Self::Shadow
        }
    }
}

impl Load {
    /// # Errors
    /// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory) for a shadow, with the ticket to tell.
    pub(super) fn new(
        device: &Arc<Device>,
        ticket: Ticket,
        source: Source,
        plan: Plan,
        now: Instant,
    ) -> Result<Self, Failed> {
        let way = match plan {
            Plan::Whole => Ok(Way::Whole),
            Plan::Pieces if ticket.request.target.hide() => Ok(Way::Pieces),
            Plan::Pieces | Plan::Shadow => shadow(device, &ticket.request.target),
        };
        match way {
            Ok(way) => Ok(Self {
                ticket,
                source,
                way,
                began: now,
                came: now,
                next: 0,
                chunks: BTreeMap::new(),
                number: 0,
                unanswered: 0,
                attempt: 0,
                published: false,
                overtaken: Arc::default(),
                after: Vec::new(),
            }),
            Err(error) => Err(Failed { ticket, error }),
        }
    }

    pub(super) fn priority(&self) -> Priority {
        self.ticket.request.priority
    }

    /// Bytes of device memory that it goes through.
    pub(super) fn shadow_bytes(&self) -> u64 {
        if matches!(self.way, Way::Shadow(_)) { self.bytes() } else { 0 }
    }

    /// Whether its copy from there is submitted, or refused.
    pub(super) fn is_published(&self) -> bool {
        self.published
    }

    pub(super) fn is_in_pieces(&self) -> bool {
        matches!(self.way, Way::Pieces)
    }

    fn bytes(&self) -> u64 {
        self.ticket.request.target.bytes()
    }

    /// Where the next chunk begins; `None` if all have begun.
    pub(super) fn next(&self) -> Option<u64> {
        (self.next < self.bytes()).then_some(self.next)
    }

    /// The range of the next chunk, which is to be as long as this at most.
    pub(super) fn range(&self, length: u64) -> Range<u64> {
        let whole = matches!(self.way, Way::Whole);
        let end = if whole { self.bytes() } else { self.bytes().min(self.next.saturating_add(length)) };
        self.next..end
    }

    /// Chunks that are not submitted.
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn next_number(&self) -> u64 {
        self.number
    }

    /// Adds the next chunk.
    pub(super) fn begin(&mut self, chunk: Chunk, now: Instant) {
        self.next = chunk.range.end;
        self.came = now;
        self.chunks.insert(self.number, chunk);
        self.number += 1;
    }

    /// A piece is written; gives the bytes of the chunk if it was the last one.
    pub(super) fn filled(&mut self, chunk: u64) -> u64 {
        let Some(chunk) = self.chunks.get_mut(&chunk) else { return 0 };
        chunk.unfilled -= 1;
        if chunk.unfilled == 0 { chunk.bytes() } else { 0 }
    }

    /// Whether there is something to be submitted, of so many bytes at most.
    pub(super) fn is_ready(&self, most: u64) -> bool {
        let is_filled = |chunk: &Chunk| chunk.unfilled == 0;
        let any = self.chunks.values().any(is_filled);
        let all = self.next == self.bytes() && self.chunks.values().all(is_filled);
        // The last submission makes the others count, so it waits until none of them can fail any more.
        any && (!all || self.unanswered == 0 || (self.chunks.len() > 1 && self.chunks_bytes() > most))
    }

    fn chunks_bytes(&self) -> u64 {
        self.chunks.values().map(Chunk::bytes).sum()
    }

    /// Bytes of chunks that are being filled.
    pub(super) fn unfilled_bytes(&self) -> u64 {
        self.chunks.values().filter(|chunk| chunk.unfilled > 0).map(Chunk::bytes).sum()
    }

    /// The copies of some chunks that are filled, of so many bytes at most, their bytes, and whether they are the last.
    pub(super) fn submit(&mut self, most: u64) -> (Transfer, u64, bool) {
        let chunks = self.take_filled(most);
        let last = self.next == self.bytes() && self.chunks.is_empty();
        let bytes = chunks.iter().map(Chunk::bytes).sum();
        let mut transfer = Transfer::on(self.target().queue());
        if let (Way::Whole, [chunk]) = (&self.way, &chunks[..]) {
            self.target().copy_whole(&mut transfer, chunk.from.spot());
        } else {
            self.copy_parts(&mut transfer, &chunks, last);
        }
        if self.is_in_pieces() {
            transfer.claim(Claim { hidden: !last, overtaken: Arc::clone(&self.overtaken) });
        }
        chunks.into_iter().for_each(|chunk| transfer.keep(chunk.from));
        self.unanswered += 1;
        (transfer, bytes, last)
    }

    /// Chunks that are filled, up to what one submission takes; at least one, if there is one.
    fn take_filled(&mut self, most: u64) -> Vec<Chunk> {
        let mut room = most;
        let mut taken = Vec::new();
        let filled: Vec<_> = self.chunks.iter().filter(|(_, chunk)| chunk.unfilled == 0).map(|(&key, _)| key).collect();
        for key in filled {
            let length = self.chunks[&key].bytes();
            if length > room && !taken.is_empty() {
                break;
            }
            room = room.saturating_sub(length);
            taken.extend(self.chunks.remove(&key));
        }
        taken
    }

    /// Where the chunks go.
    fn target(&self) -> &Target {
        match &self.way {
            Way::Shadow(shadow) => shadow,
            Way::Whole | Way::Pieces => &self.ticket.request.target,
        }
    }

    fn copy_parts(&self, transfer: &mut Transfer, chunks: &[Chunk], last: bool) {
        let Target::Buffer { buffer, range: all, .. } = self.target() else { return }; // images go through a buffer
        let resource = Resource::Buffer(Arc::clone(buffer));
        let mut by_source: BTreeMap<u64, Vec<vk::BufferCopy>> = BTreeMap::new();
        for Chunk { range, from, .. } in chunks {
            let Spot { raw, offset } = from.spot();
            let (dst_offset, size) = (all.start + range.start, range.end - range.start);
            let copy = vk::BufferCopy { src_offset: offset, dst_offset, size };
            by_source.entry(vk::Handle::as_raw(raw)).or_default().push(copy);
            if !last {
                let region = Region::bytes(dst_offset..dst_offset + size);
                transfer.touches(&resource, region, Access::COPY_TARGET, false);
            }
        }
        if last {
            // All of it, so that its past is one again, and readers see every chunk.
            transfer.touches(&resource, Region::bytes(all.clone()), Access::COPY_TARGET, false);
        }
        let target = buffer.raw().unwrap_or_default(); // it has memory of its own
        for (source, copies) in by_source {
            transfer.copy(vk::Handle::from_raw(source), target, super::coalesce::coalesce(copies));
        }
    }

    /// A submission went well.
    pub(super) fn answered(&mut self) {
        self.unanswered -= 1;
    }

    /// Whether a submission was refused because something else has written the target meanwhile.
    pub(super) fn is_overtaken(&self) -> bool {
        self.overtaken.load(Ordering::Acquire)
    }

    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Begins again, through a shadow: then it is whole, and after what has overtaken it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(super) fn begin_again(&mut self, device: &Arc<Device>) -> Result<()> {
        self.show();
        self.chunks.clear();
        (self.next, self.unanswered, self.overtaken) = (0, 0, Arc::default());
        self.attempt += 1;
        self.way = shadow(device, &self.ticket.request.target)?;
        Ok(())
    }

    /// Gives the target up, of which pieces are written: it is as if nothing had been.
    pub(super) fn show(&self) {
        if self.is_in_pieces() {
            let target = &self.ticket.request.target;
            lock(target.resource().state()).show(target.region());
        }
    }

    /// The copy of the shadow to the target, if there is one. It is made by a queue that computes: those that only copy
    /// are slow within the device's memory (43 GB/s against 196 on an H100, docs/numbers.md).
    pub(super) fn publish(&mut self) -> Option<Transfer> {
        let Way::Shadow(Target::Buffer { buffer, .. }) = &self.way else { return None };
        let target = &self.ticket.request.target;
        let queue = match target {
            Target::Buffer { .. } | Target::Ranges { .. } => QueueKind::Compute,
            Target::Image(_) => QueueKind::Graphics,
        };
        let mut transfer = Transfer::on(queue);
        let shadow = Resource::Buffer(Arc::clone(buffer));
        transfer.touches(&shadow, shadow.whole(), Access::COPY_SOURCE, false);
        target.copy_whole(&mut transfer, buffer.spot()?);
        self.published = true;
        Some(transfer)
    }
}

/// A load that could not begin.
pub(super) struct Failed {
    pub(super) ticket: Ticket,
    pub(super) error: crate::Error,
}

fn shadow(device: &Arc<Device>, target: &Target) -> Result<Way> {
    let name = format!("shadow of {}", target.name());
    let buffer = BufferInner::new(device, &name, target.bytes(), MemoryKind::Device)?;
    Ok(Way::Shadow(Target::shadow(Arc::new(buffer))))
}

/// What a chunk of data that the GPU reads where it is needs no filling for.
pub(super) fn in_place(source: &Source, range: Range<u64>) -> Option<Chunk> {
    let from = match source {
        Source::Staged(span) => Origin::Span(Arc::clone(span), range.start),
        Source::Mapped(buffer, at) => Origin::Mapped(Arc::clone(buffer), at + range.start),
        Source::Host(_) | Source::Inline(..) | Source::Generated(_) => return None,
    };
    Some(Chunk { range, from, unfilled: 0 })
}
