//! Small uploads that one submission copies, by one copy command for each buffer.

use std::{collections::HashMap, sync::Arc};

use ash::vk;

use super::{
    coalesce::coalesce,
    mailbox::{Landing, Mailbox},
    request::Ticket,
    staging::Span,
    target::Target,
};
use crate::{
    exec::Transfer,
    gpu::QueueKind,
    graph::ir::Region,
    resource::{Access, BufferInner, Resource},
};

/// The most regions of a buffer that are told apart when its readers are waited for. Beyond that, all from the first to the
/// last byte counts.
const MOST_REGIONS: usize = 16;

/// What is copied out of one span of staging memory.
pub(super) struct Flush {
    span: Span,
    used: u64,
    /// By target.
    copies: HashMap<usize, (Arc<BufferInner>, Vec<vk::BufferCopy>)>,
    tickets: Vec<Ticket>,
}

impl Flush {
    pub(super) fn new(span: Span) -> Self {
        Self { span, used: 0, copies: HashMap::new(), tickets: Vec::new() }
    }

    /// The bytes that it has room for.
    pub(super) fn room(&self) -> u64 {
        self.span.bytes() - self.used
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// Stages an upload to a buffer: `bytes`, for which there is room.
    pub(super) fn add(&mut self, ticket: Ticket, bytes: &[u8]) {
        if let Target::Buffer { buffer, range, .. } = &ticket.request.target {
            let size = bytes.len() as u64;
            self.span.bytes_mut()[self.used as usize..][..bytes.len()].copy_from_slice(bytes);
            let src_offset = self.span.offset() + self.used;
            let copy = vk::BufferCopy { src_offset, dst_offset: range.start, size };
            let id = Arc::as_ptr(buffer).addr();
            self.copies.entry(id).or_insert_with(|| (Arc::clone(buffer), Vec::new())).1.push(copy);
            self.used += size;
        }
        self.tickets.push(ticket);
    }

    /// The copies, and who waits for them to be submitted.
    pub(super) fn into_transfer(self, mailbox: &Arc<Mailbox>) -> (Transfer, Vec<Ticket>) {
        let Self { span, used, copies, tickets } = self;
        let mut transfer = Transfer::on(QueueKind::Transfer);
        for (buffer, copies) in copies.into_values() {
            let copies = coalesce(copies);
            let resource = Resource::Buffer(Arc::clone(&buffer));
            for region in touched(&copies) {
                transfer.touches(&resource, region, Access::COPY_TARGET, false);
            }
            // Buffers that are uploaded to have memory of their own.
            transfer.copy(span.raw(), buffer.raw().unwrap_or_default(), copies);
        }
        transfer.keep(span);
        transfer.keep(Landing { mailbox: Arc::clone(mailbox), bytes: used, small: true });
        (transfer, tickets)
    }
}

/// Where the copies go, joined where they touch; they are in order.
fn touched(copies: &[vk::BufferCopy]) -> Vec<Region> {
    let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
    for copy in copies {
        let end = copy.dst_offset + copy.size;
        match ranges.last_mut() {
            Some(last) if last.end == copy.dst_offset => last.end = end,
            _ => ranges.push(copy.dst_offset..end),
        }
    }
    match (ranges.first(), ranges.last()) {
        (Some(first), Some(last)) if ranges.len() > MOST_REGIONS => vec![Region::bytes(first.start..last.end)],
        _ => ranges.into_iter().map(Region::bytes).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(dst_offset: u64, size: u64) -> vk::BufferCopy {
        vk::BufferCopy { src_offset: 7 * dst_offset, dst_offset, size }
    }

    #[test]
    fn a_few_places_are_told_apart_and_neighbours_are_one() {
        let copies = [copy(0, 4), copy(4, 4), copy(16, 4)];
        assert_eq!(touched(&copies), [Region::bytes(0..8), Region::bytes(16..20)]);
    }

    #[test]
    fn many_places_count_as_all_that_is_between_them() {
        let apart = |count: u64| (0..count).map(|i| copy(i * 8, 4)).collect::<Vec<_>>();
        assert_eq!(touched(&apart(16)).len(), 16);
        assert_eq!(touched(&apart(17)), [Region::bytes(0..132)]);
    }
}
