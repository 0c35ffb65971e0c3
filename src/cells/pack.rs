//! Makes cells of a scene's cubes.

use std::ops::Range;

use rayon::prelude::*;

use super::{
    format::{Cell, CellExtent, MOST_IN_CELL, PackedCube},
    order::morton_order,
};
use crate::scene::InstanceSource;

/// A scene's cells, and which cube goes to which slot; the packed cubes are made as they are uploaded.
pub(crate) struct Packing<S> {
    source: S,
    /// The id of the cube in each slot.
    order: Vec<u32>,
    /// The cells, and one that only says where the last one ends.
    pub(crate) cells: Vec<Cell>,
    /// By cell.
    pub(crate) extents: Vec<CellExtent>,
}

impl<S: InstanceSource> Packing<S> {
    /// Orders the cubes of `source` and cuts them into cells, on all of rayon's threads.
    pub(crate) fn new(source: S) -> Self {
        let order = morton_order(&source, source.bounds());
        let (mut cells, extents): (Vec<Cell>, Vec<CellExtent>) = order
            .par_chunks(MOST_IN_CELL)
            .enumerate()
            .map(|(number, ids)| {
                let cubes: Vec<_> = ids.iter().map(|&id| source.instance(id as usize)).collect();
                let cell = Cell::around(&cubes, (number * MOST_IN_CELL) as u32);
                (cell, cell.extent(&cubes))
            })
            .unzip();
        cells.push(Cell { first: order.len() as u32, ..Cell::default() });
        Self { source, order, cells, extents }
    }

    /// Writes the cubes of `slots` to `out`, which is as long.
    pub(crate) fn fill(&self, slots: Range<usize>, out: &mut [PackedCube]) {
        let mut number = self.cells.partition_point(|cell| cell.first as usize <= slots.start) - 1;
        for (slot, place) in slots.zip(out) {
            while self.cells[number + 1].first as usize <= slot {
                number += 1;
            }
            let id = self.order[slot];
            *place = self.cells[number].pack(&self.source.instance(id as usize), id);
        }
    }
}
