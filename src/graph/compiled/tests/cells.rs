//! Resources cut into cells: parts that every use, barrier and entry touches wholly or not at all.

use std::ops::Range;

use super::dsl::Graph;
use crate::graph::ir::{Region, SlotShape};

/// The cells of all resources, numbered through.
#[derive(Debug, Default)]
pub(super) struct Cells {
    of_resource: Vec<Grid>,
    pub(super) count: usize,
}

/// A resource's cuts in both directions.
#[derive(Debug)]
struct Grid {
    first: usize,
    x: Vec<u64>,
    y: Vec<u32>,
}

pub(super) fn whole(shape: &SlotShape) -> Region {
    match *shape {
        SlotShape::Buffer { bytes } | SlotShape::TransientBuffer { bytes } => Region::bytes(0..bytes),
        SlotShape::Image { levels, layers } => Region::subresources(0..levels, 0..layers),
        SlotShape::TransientImage(image) => Region::subresources(0..image.levels, 0..image.layers),
    }
}

impl Cells {
    /// The cells of one graph's slots.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut cells = Self::default();
        for (slot, desc) in graph.slots.iter().enumerate() {
            cells.add(whole(&desc.shape), regions(graph, slot));
        }
        cells
    }

    /// Adds a resource, cut where `regions` begin and end. Resources are numbered as they are added.
    pub(super) fn add(&mut self, whole: Region, regions: impl Iterator<Item = Region>) {
        let (mut x, mut y) = (whole.x.to_vec(), whole.y.to_vec());
        for region in regions {
            x.extend(region.x);
            y.extend(region.y);
        }
        x.sort_unstable();
        x.dedup();
        y.sort_unstable();
        y.dedup();
        let first = self.count;
        self.count += (x.len() - 1) * (y.len() - 1);
        self.of_resource.push(Grid { first, x, y });
    }

    /// The cells of a region of a resource.
    ///
    /// # Errors
    ///
    /// The region cuts through a cell.
    pub(super) fn within(&self, resource: usize, region: Option<&Region>) -> Result<Vec<usize>, String> {
        let grid = &self.of_resource[resource];
        let (across, width) = (0..grid.x.len() - 1, grid.x.len() - 1);
        let Some(region) = region else {
            return Ok((grid.first..grid.first + width * (grid.y.len() - 1)).collect());
        };
        let columns = span(&grid.x, region.x);
        let rows = span(&grid.y, region.y);
        let (Some(columns), Some(rows)) = (columns, rows) else {
            return Err(format!("{region:?} of resource {resource} ends inside of a cell ({across:?})"));
        };
        Ok(rows.flat_map(|row| columns.clone().map(move |column| grid.first + row * width + column)).collect())
    }
}

fn span<T: Ord + Copy>(cuts: &[T], [from, to]: [T; 2]) -> Option<Range<usize>> {
    let start = cuts.binary_search(&from).ok()?;
    let end = cuts.binary_search(&to).ok()?;
    (start < end).then_some(start..end)
}

/// The regions that a graph's passes name of a slot.
pub(super) fn regions(graph: &Graph, slot: usize) -> impl Iterator<Item = Region> {
    graph.passes.iter().flat_map(|pass| &pass.uses).filter(move |used| used.slot == slot).filter_map(|used| used.region)
}
