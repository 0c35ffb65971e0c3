//! What a device is given: batches of barriers and passes, of one plan or of several frames.

use ash::vk::ImageLayout;

use super::{
    bits::Bits,
    cells::{Cells, whole},
    dsl::Graph,
    reference::{live, program_order},
};
use crate::{
    graph::{
        compiled::{Barrier, Compiled, Entry, ImageBarrier},
        ir::SlotShape,
        state::Scope,
    },
    resource::{Access, Mode},
};

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) batches: Vec<Batch>,
}

#[derive(Debug)]
pub(super) struct Batch {
    pub(super) queue: usize,
    pub(super) waits: Vec<usize>,
    pub(super) items: Vec<Item>,
}

#[derive(Debug)]
pub(super) enum Item {
    /// What an entry promises, where a plan is judged without a past.
    Enter {
        cells: Vec<usize>,
        access: Access,
        after_readers: bool,
    },
    /// By its number in the `World`.
    Pass(usize),
    Call(Call),
}

/// One barrier call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) memory: Option<[Bits; 2]>,
    pub(super) images: Vec<Image>,
    /// Whether the plan has it; else a prologue.
    pub(super) planned: bool,
}

#[derive(Debug)]
pub(super) struct Image {
    pub(super) cells: Vec<usize>,
    pub(super) source: Bits,
    pub(super) target: Bits,
    pub(super) old: ImageLayout,
    pub(super) new: ImageLayout,
    /// From and to which queue.
    pub(super) transfer: Option<[usize; 2]>,
}

/// Everything the stream speaks of.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) families: Vec<u32>,
    pub(super) cells: Cells,
    /// By cell.
    pub(super) state: Vec<CellDesc>,
    pub(super) passes: Vec<PassDesc>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct CellDesc {
    pub(super) image: bool,
    /// Whether it has a past that entries stand for.
    pub(super) entered: bool,
    /// Cells of other transients in the same memory.
    pub(super) overlaps: Vec<usize>,
    /// The group that was declared last, and how it touches.
    group: Option<(usize, Mode)>,
    frame: usize,
}

#[derive(Debug)]
pub(super) struct PassDesc {
    pub(super) name: String,
    pub(super) after: Vec<usize>,
    /// Whether another pass is declared to be after it.
    pub(super) is_awaited: bool,
    pub(super) uses: Vec<Use>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Use {
    pub(super) cell: usize,
    pub(super) access: Access,
    pub(super) bits: Bits,
    /// Accesses of a cell with one number may overlap; with different ones the smaller is first.
    pub(super) group: usize,
    /// What was there does not matter to it.
    pub(super) discard: bool,
}

impl World {
    /// Of one graph by itself: slots are resources.
    pub(super) fn of(graph: &Graph, plan: &Compiled) -> Result<Self, String> {
        let mut world = Self { cells: Cells::of(graph), families: graph.queues.families.clone(), ..Self::default() };
        world.state.resize(world.cells.count, CellDesc::default());
        for (slot, desc) in graph.slots.iter().enumerate() {
            let imported = matches!(desc.shape, SlotShape::Buffer { .. } | SlotShape::Image { .. });
            world.describe(slot, &desc.shape, imported)?;
        }
        world.overlap(graph, plan, &|slot| slot)?;
        world.add(graph, 0, &|slot| slot)?;
        Ok(world)
    }

    pub(super) fn describe(&mut self, resource: usize, shape: &SlotShape, entered: bool) -> Result<(), String> {
        let image = matches!(shape, SlotShape::Image { .. } | SlotShape::TransientImage(_));
        for cell in self.cells.within(resource, Some(&whole(shape)))? {
            self.state[cell] = CellDesc { image, entered, ..CellDesc::default() };
        }
        Ok(())
    }

    /// Notes which transients of a plan are in the same memory.
    pub(super) fn overlap(
        &mut self,
        graph: &Graph,
        plan: &Compiled,
        resource: &dyn Fn(usize) -> usize,
    ) -> Result<(), String> {
        let is_image = |slot: usize| matches!(graph.slots[slot].shape, SlotShape::TransientImage(_));
        for a in &plan.transients.places {
            for b in &plan.transients.places {
                let apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
                if a.slot != b.slot && is_image(a.slot) == is_image(b.slot) && !apart {
                    let others = self.cells.within(resource(b.slot), None)?;
                    for cell in self.cells.within(resource(a.slot), None)? {
                        self.state[cell].overlaps.extend(&others);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the live passes of a frame's graph in program order, and gives the number of its first pass.
    pub(super) fn add(
        &mut self,
        graph: &Graph,
        frame: usize,
        resource: &dyn Fn(usize) -> usize,
    ) -> Result<usize, String> {
        let (first, live) = (self.passes.len(), live(graph));
        for (pass, desc) in graph.passes.iter().enumerate() {
            let after = desc.after.iter().filter(|&&earlier| live[earlier]).map(|earlier| first + earlier).collect();
            let is_awaited = graph.passes.iter().zip(&live).any(|(other, live)| *live && other.after.contains(&pass));
            self.passes.push(PassDesc { name: desc.name.clone(), after, is_awaited, uses: Vec::new() });
        }
        for pass in program_order(graph).into_iter().filter(|&pass| live[pass]) {
            for used in &graph.passes[pass].uses {
                for cell in self.cells.within(resource(used.slot), used.region.as_ref())? {
                    let group = self.state[cell].join(frame, &used.access);
                    let bits = Bits::of(&Scope::of(&used.access));
                    self.passes[first + pass].uses.push(Use {
                        cell,
                        access: used.access,
                        bits,
                        group,
                        discard: used.discard,
                    });
                }
            }
        }
        Ok(first)
    }
}

impl CellDesc {
    /// The group that the next access in program order is in.
    fn join(&mut self, frame: usize, access: &Access) -> usize {
        let mode = access.mode;
        let number = match self.group {
            None => 1,
            Some((number, last)) if last == mode && mode == Mode::Read => number,
            Some((number, last)) if last == mode && mode == Mode::ConcurrentWrite && self.frame == frame => number,
            Some((number, _)) => number + 1,
        };
        self.group = Some((number, mode));
        self.frame = frame;
        number
    }
}

/// A plan's instructions by themselves; its entries stand for the past.
pub(super) fn of_plan(plan: &Compiled, cells: &Cells) -> Result<Stream, String> {
    let mut stream = Stream::default();
    for index in 0..plan.batches.len() {
        let mut items = Vec::new();
        for &entry in &plan.batches[index].entries {
            items.push(enter(plan, &plan.entries[entry], cells)?);
        }
        stream.push(plan, index, items, &|slot| slot, (0, 0), cells)?;
    }
    Ok(stream)
}

fn enter(plan: &Compiled, entry: &Entry, cells: &Cells) -> Result<Item, String> {
    let import = &plan.imports[entry.import];
    let cells = cells.within(import.slot, Some(&import.region))?;
    Ok(Item::Enter { cells, access: entry.access, after_readers: entry.after_readers })
}

impl Stream {
    /// Appends a plan's batch after its `items` so far. Its passes and batches are numbered from `first`.
    pub(super) fn push(
        &mut self,
        plan: &Compiled,
        index: usize,
        mut items: Vec<Item>,
        resource: &dyn Fn(usize) -> usize,
        first: (usize, usize),
        cells: &Cells,
    ) -> Result<(), String> {
        let batch = &plan.batches[index];
        for position in batch.positions.clone() {
            if let Some(barrier) = plan.before[position] {
                items.push(Item::Call(call(&plan.barriers[barrier as usize], resource, cells)?));
            }
            items.push(Item::Pass(first.0 + plan.order[position]));
        }
        if let Some(barrier) = batch.after {
            items.push(Item::Call(call(&plan.barriers[barrier as usize], resource, cells)?));
        }
        let waits = batch.waits.iter().map(|wait| first.1 + wait).collect();
        self.batches.push(Batch { queue: batch.queue.index(), waits, items });
        Ok(())
    }
}

pub(super) fn call(barrier: &Barrier, resource: &dyn Fn(usize) -> usize, cells: &Cells) -> Result<Call, String> {
    let memory = &barrier.memory;
    let memory = (!memory.is_empty()).then(|| [Bits::of(&memory.source), Bits::of(&memory.target)]);
    let image = |image: &ImageBarrier| -> Result<Image, String> {
        Ok(Image {
            cells: cells.within(resource(image.slot), Some(&image.region))?,
            source: Bits::of(&image.source),
            target: Bits::of(&image.target),
            old: image.old,
            new: image.new,
            transfer: image.transfer.map(|queues| queues.map(|queue| queue.index())),
        })
    };
    let images = barrier.images.iter().map(image).collect::<Result<_, _>>()?;
    Ok(Call { memory, images, planned: true })
}
