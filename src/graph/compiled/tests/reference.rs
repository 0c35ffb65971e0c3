//! What a graph means, worked out pair by pair: the order of its passes, who is alive, the longest chain.

use ash::vk::ImageLayout;

use super::{
    cells::{Cells, whole},
    dsl::Graph,
};
use crate::{
    graph::ir::{SlotShape, SlotUse},
    resource::{Access, Mode},
};

/// One pass's access to one cell.
#[derive(Clone, Copy, Debug)]
pub(super) struct CellUse {
    pub(super) cell: usize,
    pub(super) access: Access,
    pub(super) discard: bool,
}

/// By pass: the cells it touches, in the numbering of `cells`.
pub(super) fn cell_uses(graph: &Graph, cells: &Cells) -> Vec<Vec<CellUse>> {
    let of_use = |used: &SlotUse| {
        let (slot, access, discard) = (used.slot, used.access, used.discard);
        let within = cells.within(slot, used.region.as_ref()).expect("cells are cut along the uses");
        within.into_iter().map(move |cell| CellUse { cell, access, discard })
    };
    graph.passes.iter().map(|pass| pass.uses.iter().flat_map(of_use).collect()).collect()
}

/// A legal order of the passes that everything else is measured by: as declared, or with `any_order` sorted along what
/// is read from whom.
pub(super) fn program_order(graph: &Graph) -> Vec<usize> {
    let count = graph.passes.len();
    if !graph.any_order {
        return (0..count).collect();
    }
    let reach = edges_of_any_order(graph);
    let mut order: Vec<usize> = Vec::with_capacity(count);
    while order.len() < count {
        let is_next =
            |pass: &usize| !order.contains(pass) && (0..count).all(|p| order.contains(&p) || !reach[p][*pass]);
        order.push((0..count).find(is_next).expect("the graph has no cycle"));
    }
    order
}

/// `after`, and from the only writer of a cell to its readers unless `after` has the reader first.
fn edges_of_any_order(graph: &Graph) -> Vec<Vec<bool>> {
    let count = graph.passes.len();
    let mut after = vec![vec![false; count]; count];
    for (pass, desc) in graph.passes.iter().enumerate() {
        desc.after.iter().for_each(|&earlier| after[earlier][pass] = true);
    }
    close(&mut after);
    let cells = Cells::of(graph);
    let uses = cell_uses(graph, &cells);
    let mut edges = after.clone();
    for cell in 0..cells.count {
        let who = |write| {
            let uses = uses.iter().enumerate();
            let touches = move |(_, of): &(usize, &Vec<CellUse>)| {
                of.iter().any(|used| used.cell == cell && used.access.writes() == write)
            };
            uses.filter(touches).map(|(pass, _)| pass).collect::<Vec<_>>()
        };
        let [writer] = who(true)[..] else { continue };
        for reader in who(false).into_iter().filter(|&reader| reader != writer) {
            edges[writer][reader] |= !after[reader][writer];
        }
    }
    close(&mut edges);
    edges
}

fn close(reach: &mut [Vec<bool>]) {
    for over in 0..reach.len() {
        let beyond = reach[over].clone();
        for from in reach.iter_mut().filter(|from| from[over]) {
            from.iter_mut().zip(&beyond).for_each(|(to, reached)| *to |= reached);
        }
    }
}

/// Whether each pass is alive: kept, or writes nothing, or writes what outlives the graph or is looked at later.
pub(super) fn live(graph: &Graph) -> Vec<bool> {
    let cells = Cells::of(graph);
    let uses = cell_uses(graph, &cells);
    let mut wanted = vec![false; cells.count];
    for (slot, desc) in graph.slots.iter().enumerate() {
        let outlives = matches!(desc.shape, SlotShape::Buffer { .. } | SlotShape::Image { .. });
        let whole = whole(&desc.shape);
        cells.within(slot, Some(&whole)).into_iter().flatten().for_each(|cell| wanted[cell] = outlives);
    }
    let outlives = wanted.clone();
    let mut live = vec![false; graph.passes.len()];
    for &pass in program_order(graph).iter().rev() {
        let writes = || uses[pass].iter().filter(|used| used.access.writes());
        live[pass] = graph.passes[pass].keep || writes().next().is_none() || writes().any(|used| wanted[used.cell]);
        if live[pass] {
            for used in &uses[pass] {
                // Who only writes needs nothing, but may leave a part as it was.
                let needs = !used.discard && (wanted[used.cell] || used.access.mask != used.access.write_mask());
                wanted[used.cell] = needs || outlives[used.cell];
            }
        }
    }
    live
}

/// Whether one of two accesses to a cell must come before the other.
pub(super) fn conflict(a: &Access, b: &Access) -> bool {
    let beside = a.mode == Mode::ConcurrentWrite && b.mode == Mode::ConcurrentWrite;
    let moved = a.layout != b.layout && a.layout != ImageLayout::UNDEFINED && b.layout != ImageLayout::UNDEFINED;
    moved || (a.writes() || b.writes()) && !beside
}

/// The number of passes on the longest chain of live passes of which each depends on the one before.
pub(super) fn longest_chain(graph: &Graph) -> usize {
    let cells = Cells::of(graph);
    let uses = cell_uses(graph, &cells);
    let live = live(graph);
    let order: Vec<_> = program_order(graph).into_iter().filter(|&pass| live[pass]).collect();
    let mut ends = vec![0; graph.passes.len()];
    for (index, &pass) in order.iter().enumerate() {
        let depends = |&&earlier: &&usize| {
            let meets = |a: &CellUse| uses[pass].iter().any(|b| a.cell == b.cell && conflict(&a.access, &b.access));
            graph.passes[pass].after.contains(&earlier) || uses[earlier].iter().any(meets)
        };
        ends[pass] = 1 + order[..index].iter().filter(depends).map(|&earlier| ends[earlier]).max().unwrap_or(0);
    }
    ends.into_iter().max().unwrap_or(0)
}
