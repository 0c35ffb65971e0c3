//! Per-frame deltas: many small ranges of a buffer, written by one command.

mod scatter;

use std::{ops::Range, sync::Arc};

use ash::vk;
use bytemuck::Pod;

use crate::{
    error::{Error, Result},
    gpu::{QueueKind, counters::Counters},
    graph::{Graph, Pass, PassId, ir::Region},
    resource::{
        Access, Buffer, BufferInner, Part, Resource, Use,
        overlap::{Piece, Write, merge, runs},
        range::byte_range,
    },
    sync::prim::lock,
};

pub(crate) use scatter::{Push, Scatter, ScatterKernel, index_bytes, kernel as scatter_kernel};

/// As many ranges go as regions of one copy; more are scattered.
pub(crate) const MOST_COPIED: usize = 256;
/// Ranges that are longer on average are copied, however many: a scatter reads an index for each element. Not measured.
const LONG_RANGE: usize = 4096;
/// As many ranges are declared one by one. They are a part of the plan, so other ranges are another plan; and a buffer's
/// tracker tells few apart.
const MOST_DECLARED: usize = 16;

impl Graph {
    /// Writes ranges of a buffer: pairs of the first element and the data for it and those after it. One pass is added for
    /// all of them, and its id is given; with no ranges there is no pass.
    ///
    /// The data are copied now, into memory of this graph's own: no frame waits for another, however many are in flight.
    /// Of ranges that overlap the later one counts. Up to 256 ranges, neighbours counted as one, are regions of one
    /// `vkCmdCopyBuffer`. More of them are packed and written by one dispatch, unless they are long, the graph is for the
    /// transfer queue, or elements are not whole words of 4 bytes: then they are regions of one copy as well.
    ///
    /// The pass declares the ranges that it writes, if they are 16 at most. With more it declares the whole buffer, if that
    /// was written before; else all from the first range to the last, and what is between them counts as written then.
    ///
    /// In a graph of [any order](Graph::any_order), give all ranges of a buffer in one call: nothing says which of two comes
    /// first.
    ///
    /// It is for the small part of a buffer that changes every frame. A large one is better uploaded with
    /// [`Gpu::upload`](crate::Gpu::upload), off the graphics queue.
    ///
    /// ```no_run
    /// # use vulkio::{Frame, GpuBuffer};
    /// # fn example(frame: &Frame, bodies: GpuBuffer<[f32; 4]>, moved: Vec<(usize, [f32; 4])>) -> vulkio::Result<()> {
    /// // `moved`: which bodies moved in this frame, and where to.
    /// frame.update(&bodies, moved.into_iter().map(|(index, place)| (index, [place])))?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if a range has no elements or reaches beyond the buffer, or the buffer belongs to another `Gpu`;
    /// [`Error::OutOfDeviceMemory`] if there is no room for the data. Nothing was declared then.
    pub fn update<T: Pod, D: AsRef<[T]>>(
        &self,
        buffer: &impl Buffer<Element = T>,
        ranges: impl IntoIterator<Item = (usize, D)>,
    ) -> Result<Option<PassId>> {
        let ranges: Vec<(usize, D)> = ranges.into_iter().collect();
        let ranges = ranges.iter().map(|(at, data)| (*at, data.as_ref()));
        let (writes, data): (Vec<_>, Vec<_>) =
            ranges.map(|(at, data)| (Write { at, len: data.len() }, bytemuck::cast_slice(data))).unzip();
        let target = buffer.inner();
        check(self, target, size_of::<T>(), &writes)?;
        if writes.is_empty() {
            return Ok(None);
        }
        Delta::new(target, size_of::<T>(), &writes, &data).add_to(self).map(Some)
    }
}

fn check(graph: &Graph, target: &Arc<BufferInner>, element: usize, writes: &[Write]) -> Result<()> {
    let name = &target.name;
    if !Arc::ptr_eq(&target.device, &graph.gpu().shared.device) {
        return Err(Error::Invalid(format!("update of `{name}`, which belongs to another Gpu; make one on this Gpu")));
    }
    let len = target.bytes as usize / element.max(1);
    for &Write { at, len: count } in writes {
        byte_range(name, &(at..at.saturating_add(count)), len, element)?;
        if count == 0 {
            return Err(Error::Invalid(format!("update of `{name}` with 0 elements at element {at}; leave it out")));
        }
    }
    Ok(())
}

/// What is to be written to a buffer.
struct Delta<'d> {
    target: &'d Arc<BufferInner>,
    /// Bytes of an element.
    element: usize,
    pieces: Vec<Piece>,
    runs: Vec<Range<usize>>,
    /// By write.
    data: &'d [&'d [u8]],
}

impl<'d> Delta<'d> {
    fn new(target: &'d Arc<BufferInner>, element: usize, writes: &[Write], data: &'d [&'d [u8]]) -> Self {
        let pieces = merge(writes);
        let runs = runs(&pieces);
        Self { target, element, pieces, runs, data }
    }

    fn add_to(&self, graph: &Graph) -> Result<PassId> {
        if is_scattered(&self.runs, self.element, graph.queue()) { self.scatter(graph) } else { self.copy(graph) }
    }

    /// One copy, of a region for each run.
    fn copy(&self, graph: &Graph) -> Result<PassId> {
        let from = graph.with_pages(|pages| {
            let place = pages.reserve(self.bytes(), 1)?;
            self.pack(place.bytes);
            Ok(place.spot)
        })?;
        self.book(graph, self.bytes());
        let (regions, target) = (self.regions(from.offset), Arc::clone(self.target));
        let record = move |cmd: &mut super::Encoder<'_>| {
            cmd.copy_regions(from.raw, &target, regions);
        };
        Ok(self.declare(graph, Some(Access::COPY_TARGET)).record(record))
    }

    /// One dispatch.
    fn scatter(&self, graph: &Graph) -> Result<PassId> {
        let elements = self.elements();
        let in_front = scatter::index_bytes(elements);
        let list = graph.with_pages(|pages| {
            let place = pages.reserve(in_front + self.bytes(), 1)?;
            let (indices, data) = place.bytes.split_at_mut(in_front);
            scatter::write_indices(&self.runs, indices);
            self.pack(data);
            Ok(place.address)
        })?;
        self.book(graph, in_front + self.bytes());
        let shared = &graph.gpu().shared;
        let kernel = shared.scatter.get(shared);
        let scatter = Scatter::new(self.target, list, elements, self.element);
        let pass = self.declare(graph, None).after(&kernel);
        Ok(pass.record(move |cmd| scatter.record(cmd, cmd.output(&kernel)?)))
    }

    /// Writes the pieces one after the other.
    fn pack(&self, mut to: &mut [u8]) {
        for Piece { write, from, .. } in &self.pieces {
            let bytes = &self.data[*write][from.start * self.element..from.end * self.element];
            let (place, rest) = to.split_at_mut(bytes.len());
            place.copy_from_slice(bytes);
            to = rest;
        }
    }

    /// Of the packed pieces, which begin at `from`.
    fn regions(&self, from: u64) -> Vec<vk::BufferCopy> {
        let mut src_offset = from;
        let region = |run: &Range<usize>| {
            let bytes = self.bytes_of(run);
            let region = vk::BufferCopy { src_offset, dst_offset: bytes.start, size: bytes.end - bytes.start };
            src_offset += region.size;
            region
        };
        self.runs.iter().map(region).collect()
    }

    /// The pass, with what it writes.
    fn declare<'g>(&self, graph: &'g Graph, access: Option<Access>) -> Pass<'g> {
        let mut pass = graph.pass(&format!("update {}", self.target.name));
        let resource = Resource::Buffer(Arc::clone(self.target));
        for part in self.parts(&resource) {
            pass.uses().writes(Use { resource: resource.clone(), part, access });
        }
        pass
    }

    fn parts(&self, resource: &Resource) -> Vec<Part> {
        let part = |run: &Range<usize>| Part::Region(Region::bytes(self.bytes_of(run)));
        if self.runs.len() <= MOST_DECLARED {
            return self.runs.iter().map(part).collect();
        }
        // The same whatever the ranges are, so that the next frame finds its plan again.
        if lock(resource.state()).is_written(resource.whole()) {
            return vec![Part::Whole];
        }
        let ends = self.runs.first().zip(self.runs.last());
        ends.map(|(first, last)| part(&(first.start..last.end))).into_iter().collect()
    }

    fn bytes_of(&self, run: &Range<usize>) -> Range<u64> {
        let at = |element: usize| element as u64 * self.element as u64;
        at(run.start)..at(run.end)
    }

    fn elements(&self) -> usize {
        self.runs.iter().map(Range::len).sum()
    }

    fn bytes(&self) -> usize {
        self.elements() * self.element
    }

    fn book(&self, graph: &Graph, bytes: usize) {
        Counters::add(&graph.gpu().shared.device.counters.frame_data_bytes, bytes as u64);
    }
}

/// Whether a dispatch writes the ranges; else a copy does.
fn is_scattered(runs: &[Range<usize>], element: usize, queue: Option<QueueKind>) -> bool {
    let elements: usize = runs.iter().map(Range::len).sum();
    runs.len() > MOST_COPIED
        && elements.saturating_mul(element) / runs.len() < LONG_RANGE
        && queue != Some(QueueKind::Transfer)
        && scatter::can_write(runs, element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_other(count: usize, len: usize) -> Vec<Range<usize>> {
        (0..count).map(|i| 2 * i * len..(2 * i + 1) * len).collect()
    }

    #[test]
    fn more_ranges_than_one_copy_should_take_are_scattered() {
        assert!(!is_scattered(&every_other(256, 1), 4, None));
        assert!(is_scattered(&every_other(257, 1), 4, None));
        assert!(is_scattered(&every_other(10_000, 16), 4, Some(QueueKind::Compute)));
    }

    #[test]
    fn what_a_shader_cannot_write_or_does_not_gain_from_is_copied_however_many_there_are() {
        let many = every_other(10_000, 1);
        assert!(!is_scattered(&many, 4, Some(QueueKind::Transfer)), "no shaders there");
        assert!(!is_scattered(&many, 6, None), "no whole words");
        assert!(!is_scattered(&every_other(300, 1024), 4, None), "long");
        assert!(is_scattered(&every_other(300, 1023), 4, None));
    }
}
