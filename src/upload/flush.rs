//! Small uploads that one submission makes: by one copy command for each buffer, or by one dispatch where they go to very
//! many places.

use std::{ops::Range, sync::Arc};

use ash::vk::BufferCopy;
use rustc_hash::FxHashMap;

use super::{
    Core,
    coalesce::coalesce,
    data::Source,
    mailbox::{Landed, Landing},
    request::Ticket,
    staging::Span,
};
use crate::{
    error::guarded,
    exec::{MOST_COPIED, Scatter, Transfer, index_bytes},
    gpu::QueueKind,
    graph::ir::Region,
    pipeline::ComputePipeline,
    resource::{Access, BufferInner, Resource},
    sync::prim::lock,
};

/// The most regions of a buffer that are told apart when its readers are waited for. Beyond that, all from the first to the
/// last byte counts.
const MOST_REGIONS: usize = 16;

/// Uploads that share a span of staging memory.
pub(super) struct Flush {
    span: Span,
    used: u64,
    /// By target.
    writes: FxHashMap<usize, Writes>,
    uploads: usize,
}

/// What goes to one buffer, in the order in which it is to take effect.
struct Writes {
    buffer: Arc<BufferInner>,
    data: Vec<(Ticket, Source)>,
}

impl Flush {
    pub(super) fn new(span: Span) -> Self {
        Self { span, used: 0, writes: FxHashMap::default(), uploads: 0 }
    }

    /// The bytes that it has room for.
    pub(super) fn room(&self) -> u64 {
        self.span.bytes() - self.used
    }

    /// How many there are.
    pub(super) fn uploads(&self) -> usize {
        self.uploads
    }

    /// Adds an upload to a buffer, for which there is room.
    pub(super) fn add(&mut self, ticket: Ticket, source: Source) {
        let Some((buffer, _)) = ticket.request.target.places() else { return }; // images are not gathered
        let writes = self
            .writes
            .entry(Arc::as_ptr(buffer).addr())
            .or_insert_with(|| Writes { buffer: Arc::clone(buffer), data: Vec::new() });
        self.used += ticket.request.target.bytes();
        self.uploads += 1;
        writes.data.push((ticket, source));
    }

    /// Stages the data. Gives what is to be submitted, and who waits for that. `kernel` makes the pipeline that scatters, or
    /// finds it.
    pub(super) fn stage(
        self,
        core: &Core,
        kernel: impl FnOnce() -> Option<ComputePipeline>,
    ) -> (Transfer, Vec<Ticket>) {
        let Self { mut span, used, writes, uploads } = self;
        let mut transfer = Transfer::on(QueueKind::Transfer);
        let mut tickets = Vec::with_capacity(uploads);
        let (mut at, mut kernel, mut made) = (0, Some(kernel), None);
        for writes in writes.into_values() {
            let copies = writes.stage(&mut span, &mut at);
            let Writes { buffer, data } = writes;
            let (owners, sources): (Vec<_>, Vec<_>) = data.into_iter().unzip();
            tickets.extend(owners);
            guarded("data that was uploaded", || drop(sources));
            let regions = coalesce(copies.clone());
            let are_many = regions.len() > MOST_COPIED;
            if are_many && let Some(make) = kernel.take() {
                made = make();
            }
            let kernel = made.as_ref().filter(|_| are_many && bytes(&copies) == bytes(&regions));
            let staged = (&span, &copies[..], grain(&copies));
            let is_scattered =
                kernel.is_some_and(|kernel| scatter(core, &mut transfer, kernel, &buffer, staged).is_some());
            let access = if is_scattered { scatters() } else { Access::COPY_TARGET };
            let resource = Resource::Buffer(Arc::clone(&buffer));
            for region in touched(&regions, |gap| lock(&buffer.state).has_hidden(gap)) {
                transfer.touches(&resource, region, access, false);
            }
            if !is_scattered {
                // Buffers that are uploaded to have memory of their own.
                transfer.copy(span.raw(), buffer.raw().unwrap_or_default(), regions);
            }
        }
        transfer.keep(span);
        transfer.keep(Landing { mailbox: Arc::clone(&core.mailbox), bytes: used, what: Landed::Flush });
        (transfer, tickets)
    }
}

impl Writes {
    /// Writes the data from byte `at` of the span on, one after the other. Gives where each comes from and goes to.
    fn stage(&self, span: &mut Span, at: &mut u64) -> Vec<BufferCopy> {
        let start = span.offset();
        let mut place = &mut span.bytes_mut()[*at as usize..];
        let mut copies = Vec::with_capacity(self.data.len());
        for (ticket, source) in &self.data {
            let (Some((_, places)), Some(bytes)) = (ticket.request.target.places(), source.host_bytes()) else {
                continue;
            };
            let (target, rest) = std::mem::take(&mut place).split_at_mut(bytes.len());
            target.copy_from_slice(bytes);
            place = rest;
            for range in places {
                let size = range.end - range.start;
                copies.push(BufferCopy { src_offset: start + *at, dst_offset: range.start, size });
                *at += size;
            }
        }
        copies
    }
}

fn scatters() -> Access {
    Access::storage_write(ash::vk::PipelineStageFlags2::COMPUTE_SHADER)
}

/// Adds a dispatch that writes the staged data, which lies without gaps in `span`, to where `copies` say; `None` if there is
/// no room for the list of places, or a shader cannot write them.
fn scatter(
    core: &Core,
    transfer: &mut Transfer,
    kernel: &ComputePipeline,
    buffer: &Arc<BufferInner>,
    (span, copies, grain): (&Span, &[BufferCopy], u64),
) -> Option<()> {
    let data = copies.first()?.src_offset;
    let elements = (bytes(copies) / grain) as usize;
    let last = copies.iter().map(|copy| (copy.dst_offset + copy.size) / grain).max().unwrap_or(0);
    if !grain.is_multiple_of(4) || !data.is_multiple_of(4) || u32::try_from(last).is_err() {
        return None;
    }
    let mut list = core.staging.take_present(index_bytes(elements) as u64, 0)?;
    let indices = copies.iter().flat_map(|copy| copy.dst_offset / grain..(copy.dst_offset + copy.size) / grain);
    for (place, index) in list.bytes_mut().chunks_exact_mut(size_of::<u32>()).zip(indices) {
        place.copy_from_slice(&(index as u32).to_ne_bytes());
    }
    let data = span.segment_address() + data;
    let scatter = Scatter::with_list(buffer, list.address(), data, elements, grain as usize);
    transfer.scatter(&core.pipelines, kernel, &scatter).ok()?; // the target has memory of its own
    transfer.keep(list);
    Some(())
}

/// The largest element that all of them consist of, in bytes.
fn grain(copies: &[BufferCopy]) -> u64 {
    copies.iter().fold(0, |grain, copy| gcd(gcd(grain, copy.dst_offset), copy.size))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn bytes(copies: &[BufferCopy]) -> u64 {
    copies.iter().map(|copy| copy.size).sum()
}

/// Where the copies go, joined where they touch; they are in order. Of very many, all that lies between counts, too, unless
/// some of it is `hidden`: that must not seem to be written.
fn touched(copies: &[BufferCopy], hidden: impl Fn(Region) -> bool) -> Vec<Region> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for copy in copies {
        let end = copy.dst_offset + copy.size;
        match ranges.last_mut() {
            Some(last) if last.end == copy.dst_offset => last.end = end,
            _ => ranges.push(copy.dst_offset..end),
        }
    }
    let ends = ranges.first().zip(ranges.last()).map(|(first, last)| Region::bytes(first.start..last.end));
    match ends.filter(|ends| ranges.len() > MOST_REGIONS && !hidden(*ends)) {
        Some(ends) => vec![ends],
        None => ranges.into_iter().map(Region::bytes).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(dst_offset: u64, size: u64) -> BufferCopy {
        BufferCopy { src_offset: 7 * dst_offset, dst_offset, size }
    }

    #[test]
    fn a_few_places_are_told_apart_and_neighbours_are_one() {
        let copies = [copy(0, 4), copy(4, 4), copy(16, 4)];
        assert_eq!(touched(&copies, |_| false), [Region::bytes(0..8), Region::bytes(16..20)]);
    }

    #[test]
    fn many_places_count_as_all_that_is_between_them() {
        let apart = |count: u64| (0..count).map(|i| copy(i * 8, 4)).collect::<Vec<_>>();
        assert_eq!(touched(&apart(16), |_| false).len(), 16);
        assert_eq!(touched(&apart(17), |_| false), [Region::bytes(0..132)]);
        assert_eq!(touched(&apart(17), |region| region == Region::bytes(0..132)).len(), 17);
    }

    #[test]
    fn the_grain_divides_every_place_and_every_size() {
        assert_eq!(grain(&[copy(0, 64), copy(256, 64)]), 64);
        assert_eq!(grain(&[copy(0, 64), copy(48, 32)]), 16);
        assert_eq!(grain(&[copy(6, 4)]), 2);
        assert_eq!(grain(&[copy(0, 12)]), 12);
    }
}
