//! Makes cells of a scene's cubes.

use std::{ops::Range, sync::Arc, time::Instant};

use rayon::prelude::*;

use super::{
    cut,
    format::{Cell, CellExtent, PackedCube},
    order::{Entry, Order},
    stop::Stop,
    times::PackTimes,
};
use crate::{
    error::Result,
    scene::{Bounds, InstanceSource},
};

/// A scene's cells, and which cube goes to which slot; the packed cubes are made as they are uploaded.
///
/// It takes eight bytes of host memory a cube, and 32 a cell.
pub(crate) struct Packing<S> {
    source: S,
    /// The cube of each slot.
    order: Order,
    /// The cells, and one that only says where the last one ends.
    pub(crate) cells: Arc<Vec<Cell>>,
    /// By cell.
    pub(crate) extents: Arc<Vec<CellExtent>>,
    /// Around all cubes, whatever the source says.
    pub(crate) bounds: Bounds,
    /// So far: nothing is uploaded.
    pub(crate) times: PackTimes,
}

impl<S: InstanceSource> Packing<S> {
    /// Orders the cubes of `source` and cuts them into cells, on all of rayon's threads.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for a cube that cannot be shown; [`Error::Cancelled`](crate::Error::Cancelled).
    pub(crate) fn new(source: S, stop: &Stop) -> Result<Self> {
        let began = Instant::now();
        let mut order = Order::of(&source, stop)?;
        let mut times = PackTimes { order: began.elapsed(), ..PackTimes::default() };
        let parts = cut(&source, order.entries_mut(), stop)?;
        let bounds = parts.iter().map(|part| part.bounds).reduce(Bounds::join);
        let bounds = bounds.unwrap_or_else(|| source.bounds());
        let count: usize = parts.iter().map(|part| part.cells.len()).sum();
        let (mut cells, mut extents) = (Vec::with_capacity(count + 1), Vec::with_capacity(count));
        for part in parts {
            cells.extend(part.cells);
            extents.extend(part.extents);
        }
        cells.push(Cell { first: order.entries().len() as u32, ..Cell::default() });
        times.cells = began.elapsed() - times.order;
        Ok(Self { source, order, cells: Arc::new(cells), extents: Arc::new(extents), bounds, times })
    }

    /// How many cubes there are.
    pub(crate) fn len(&self) -> usize {
        self.order.entries().len()
    }

    /// Writes the cubes of `slots` to `out`, which is as long.
    pub(crate) fn fill(&self, slots: Range<usize>, out: &mut [PackedCube]) {
        let mut number = self.cells.partition_point(|cell| cell.first as usize <= slots.start) - 1;
        for ((slot, entry), place) in slots.clone().zip(&self.order.entries()[slots]).zip(out) {
            while self.cells[number + 1].first as usize <= slot {
                number += 1;
            }
            let id = entry.id();
            *place = self.cells[number].pack(&self.source.instance(id), id as u32);
        }
    }
}

/// The cells of a segment.
struct Part {
    cells: Vec<Cell>,
    extents: Vec<CellExtent>,
    bounds: Bounds,
}

/// Cuts the order into cells, and puts the cubes of each in the order of its slots.
fn cut(source: &impl InstanceSource, mut entries: &mut [Entry], stop: &Stop) -> Result<Vec<Part>> {
    let mut segments = Vec::new();
    for range in cut::segments(entries) {
        let (segment, rest) = entries.split_at_mut(range.len());
        segments.push((range.start, segment));
        entries = rest;
    }
    let parts = segments.into_par_iter().map(|(first, segment)| {
        stop.check()?;
        Ok(cut_segment(source, first, segment))
    });
    parts.collect()
}

fn cut_segment(source: &impl InstanceSource, first: usize, entries: &mut [Entry]) -> Part {
    let ends = cut::cells(entries);
    let (mut cells, mut extents) = (Vec::with_capacity(ends.len()), Vec::with_capacity(ends.len()));
    let (mut cubes, mut bounds) = (Vec::new(), None);
    let mut start = 0;
    for end in ends {
        let run = &mut entries[start..end];
        cut::spread(run);
        cubes.clear();
        cubes.extend(run.iter().map(|entry| source.instance(entry.id())));
        let (cell, extent) = Cell::around(&cubes, (first + start) as u32);
        cells.push(cell);
        extents.push(extent);
        bounds = bounds.into_iter().chain(Bounds::around(&cubes)).reduce(Bounds::join);
        start = end;
    }
    Part { cells, extents, bounds: bounds.unwrap_or_else(|| source.bounds()) }
}
