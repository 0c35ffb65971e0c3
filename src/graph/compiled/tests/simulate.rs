//! Runs an instruction stream on the model of memory, and stops at the first thing that is wrong.

use ash::vk::ImageLayout;

use super::{
    bits::Bits,
    memory::{Place, Touch},
    stream::{Batch, Call, Image, Item, Stream, Use, World},
};
use crate::resource::Mode;

/// An instruction that is left out, to see whether anybody misses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skip {
    Nothing,
    /// A barrier call: batch, item.
    Call(usize, usize),
    /// An image barrier of a call: batch, item, number.
    Image(usize, usize, usize),
    /// A wait of a batch.
    Wait(usize, usize),
}

/// Who touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    PastWrite,
    PastRead,
    Pass(usize),
    Change,
    Release,
}

#[derive(Debug)]
struct Op {
    who: Who,
    touch: Touch,
    writes: bool,
    concurrent: bool,
    group: usize,
}

/// A cell as the stream goes on.
#[derive(Debug, Default)]
struct Cell {
    ops: Vec<Op>,
    layout: ImageLayout,
    owner: Option<u32>,
    released: Option<([usize; 2], ImageLayout, ImageLayout)>,
    /// A change of layout threw the contents away, and nobody has said yet that this does not matter.
    lost: bool,
    touched: bool,
    /// Its memory was given to another.
    over: bool,
}

struct Run<'a> {
    world: &'a World,
    stream: &'a Stream,
    skip: Skip,
    cells: Vec<Cell>,
    /// Passes that others are declared to be after: what they must be through with is everything.
    awaited: Vec<(usize, Touch)>,
}

/// Runs the stream, less what is skipped.
///
/// # Errors
///
/// The first hazard, wrong layout or wrong owner, in words.
pub(super) fn simulate(world: &World, stream: &Stream, skip: Skip) -> Result<(), String> {
    let cells = world.state.iter().map(|desc| Cell { ops: past(desc.entered), ..Cell::default() }).collect();
    let mut run = Run { world, stream, skip, cells, awaited: Vec::new() };
    (0..stream.batches.len()).try_for_each(|batch| run.batch(batch))
}

fn past(entered: bool) -> Vec<Op> {
    let op = |who, writes| Op { who, touch: Touch::past(), writes, concurrent: false, group: 0 };
    if entered { vec![op(Who::PastWrite, true), op(Who::PastRead, false)] } else { Vec::new() }
}

impl Run<'_> {
    fn batch(&mut self, number: usize) -> Result<(), String> {
        let batch: &Batch = &self.stream.batches[number];
        let place = Place { queue: batch.queue, batch: number };
        for (index, &wait) in batch.waits.iter().enumerate() {
            if wait >= number {
                return Err(format!("batch {number} waits for batch {wait}, which is later"));
            }
            if self.skip != Skip::Wait(number, index) {
                let from = Place { queue: self.stream.batches[wait].queue, batch: wait };
                self.touches().for_each(|touch| touch.wait(from, place));
            }
        }
        for (index, item) in batch.items.iter().enumerate() {
            match item {
                Item::Enter { cells, access, after_readers } => {
                    let bits = Bits::of(&crate::graph::state::Scope::of(access));
                    let changes = access.writes() || *after_readers;
                    cells.iter().for_each(|&cell| self.enter(cell, place, bits, changes, *after_readers));
                    cells.iter().for_each(|&cell| self.enter_layout(cell, place, access.layout));
                }
                Item::Pass(pass) => self.pass(place, *pass)?,
                Item::Call(_) if self.skip == Skip::Call(number, index) => {}
                Item::Call(call) => self.call(place, call, index)?,
            }
        }
        Ok(())
    }

    fn touches(&mut self) -> impl Iterator<Item = &mut Touch> {
        let ops = self.cells.iter_mut().flat_map(|cell| &mut cell.ops).map(|op| &mut op.touch);
        ops.chain(self.awaited.iter_mut().map(|(_, touch)| touch))
    }

    fn enter(&mut self, cell: usize, place: Place, bits: Bits, changes: bool, after_readers: bool) {
        for op in &mut self.cells[cell].ops {
            let meant = match op.who {
                Who::PastWrite => !after_readers,
                Who::PastRead => changes,
                _ => false,
            };
            if meant {
                op.touch.enter(place, bits);
            }
        }
    }

    fn enter_layout(&mut self, cell: usize, place: Place, layout: ImageLayout) {
        let (family, cell) = (self.world.families[place.queue], &mut self.cells[cell]);
        if !cell.touched {
            cell.layout = layout;
            cell.owner = cell.owner.or(Some(family));
        }
        cell.touched = true;
    }

    fn pass(&mut self, place: Place, pass: usize) -> Result<(), String> {
        let desc = &self.world.passes[pass];
        for earlier in &desc.after {
            self.is_through(place, *earlier, pass)?;
        }
        desc.uses.iter().try_for_each(|used| self.check_use(place, pass, used))?;
        for used in &desc.uses {
            self.book(place, pass, used);
        }
        if desc.is_awaited {
            self.awaited.push((pass, Touch::new(place, Bits::EVERYTHING)));
        }
        Ok(())
    }

    fn is_through(&self, place: Place, earlier: usize, pass: usize) -> Result<(), String> {
        let found = self.awaited.iter().find(|(awaited, _)| *awaited == earlier);
        let through = found.is_some_and(|(_, touch)| {
            touch.is_over(place.queue, Bits::EVERYTHING.stages) && touch.is_seen(place.queue, Bits::EVERYTHING)
        });
        let message = || format!("{} is not through before {}", self.name(earlier), self.name(pass));
        through.then_some(()).ok_or_else(message)
    }

    fn check_use(&self, place: Place, pass: usize, used: &Use) -> Result<(), String> {
        let cell = &self.cells[used.cell];
        let say = |what: &str| Err(format!("{} at cell {}: {what}", self.name(pass), used.cell));
        if cell.over {
            return say("its memory belongs to another transient by now");
        }
        if cell.released.is_some() {
            return say("it was released and not acquired");
        }
        let desc = &self.world.state[used.cell];
        if desc.image && cell.layout != used.access.layout {
            return say(&format!("the layout is {:?} and not {:?}", cell.layout, used.access.layout));
        }
        if desc.image && cell.owner.is_some_and(|owner| owner != self.world.families[place.queue]) {
            return say("another queue family owns it");
        }
        if cell.lost && !used.discard && !used.access.writes() {
            return say("its contents were thrown away");
        }
        let others = desc.overlaps.iter().flat_map(|&other| &self.cells[other].ops).map(|op| (op, true));
        for (op, other) in cell.ops.iter().map(|op| (op, false)).chain(others) {
            if other || op.conflicts(pass, used) {
                self.check_order(place, op, pass, used, other)?;
            }
        }
        Ok(())
    }

    fn check_order(&self, place: Place, op: &Op, pass: usize, used: &Use, other: bool) -> Result<(), String> {
        let (who, name) = (self.who(op), self.name(pass));
        let say = |what: &str| Err(format!("{name} at cell {}: {what} {who}", used.cell));
        if !other && op.group > used.group {
            return say("it was moved behind");
        }
        if !op.touch.is_over(place.queue, used.bits.stages) {
            return say("it does not wait for");
        }
        if op.writes && !op.touch.is_seen(place.queue, used.bits) {
            return say("it does not see");
        }
        Ok(())
    }

    fn book(&mut self, place: Place, pass: usize, used: &Use) {
        let overlaps = &self.world.state[used.cell].overlaps;
        overlaps.iter().for_each(|&other| {
            let other = &mut self.cells[other];
            other.over |= other.touched;
        });
        let (writes, concurrent) = (used.access.writes(), used.access.mode == Mode::ConcurrentWrite);
        let touch = Touch::new(place, used.bits);
        let cell = &mut self.cells[used.cell];
        (cell.touched, cell.lost) = (true, false);
        if writes && !concurrent {
            cell.ops.clear();
        } else {
            cell.forget(used.group);
        }
        cell.ops.push(Op { who: Who::Pass(pass), touch, writes, concurrent, group: used.group });
    }

    fn call(&mut self, place: Place, call: &Call, item: usize) -> Result<(), String> {
        let kept = |index: &usize| self.skip != Skip::Image(place.batch, item, *index);
        let images: Vec<_> = (0..call.images.len()).filter(kept).map(|index| &call.images[index]).collect();
        for image in &images {
            image.cells.iter().try_for_each(|&cell| self.check_change(place, cell, image))?;
        }
        if let Some([source, target]) = call.memory {
            self.touches().for_each(|touch| touch.barrier(place.queue, source, target, true));
        }
        for image in &images {
            image.cells.iter().for_each(|&cell| self.change(place, cell, image));
        }
        Ok(())
    }

    /// Whether all that touched the cell is over, and available, when the image barrier changes its layout or owner.
    fn check_change(&self, place: Place, index: usize, image: &Image) -> Result<(), String> {
        let (cell, desc) = (&self.cells[index], &self.world.state[index]);
        let say = |what: &str| Err(format!("image barrier at cell {index}, batch {}: {what}", place.batch));
        if !desc.image {
            return say("it is a buffer's");
        }
        if cell.over {
            return say("its memory belongs to another transient by now");
        }
        self.check_owner(place, cell, image).or_else(|what| say(&what))?;
        let acquires = image.transfer.is_some_and(|[_, to]| to == place.queue);
        if !acquires && image.old != ImageLayout::UNDEFINED && image.old != cell.layout {
            return say(&format!("the layout is {:?} and not {:?}", cell.layout, image.old));
        }
        let others = desc.overlaps.iter().flat_map(|&other| &self.cells[other].ops);
        for op in cell.ops.iter().chain(others) {
            if !op.touch.is_sourced(place.queue, image.source) {
                return say(&format!("it does not wait for {}", self.who(op)));
            }
        }
        Ok(())
    }

    fn check_owner(&self, place: Place, cell: &Cell, image: &Image) -> Result<(), String> {
        let family = self.world.families[place.queue];
        match image.transfer {
            None if image.old == ImageLayout::UNDEFINED => Ok(()),
            None if cell.released.is_some() => Err("it was released and not acquired".into()),
            None if cell.owner.is_some_and(|owner| owner != family) => Err("another queue family owns it".into()),
            None => Ok(()),
            Some([from, to]) if self.world.families[from] == self.world.families[to] => {
                Err("a transfer within one family".into())
            }
            Some([from, _]) if from == place.queue => match cell.released {
                None if cell.owner == Some(family) => Ok(()),
                _ => Err("it is released by one that does not own it".into()),
            },
            Some(queues) if queues[1] == place.queue => match cell.released {
                Some(released) if released == (queues, image.old, image.new) => Ok(()),
                _ => Err(format!("it is acquired, but was released as {:?}", cell.released)),
            },
            Some(_) => Err("a transfer between two other queues".into()),
        }
    }

    fn change(&mut self, place: Place, index: usize, image: &Image) {
        let (family, queue) = (self.world.families[place.queue], place.queue);
        let releases = image.transfer.is_some_and(|[from, _]| from == queue);
        let cell = &mut self.cells[index];
        if image.old == image.new && image.transfer.is_none() {
            // No more than a memory dependency of this image. That it orders other commands, too, is not counted on.
            cell.ops.iter_mut().for_each(|op| op.touch.barrier(queue, image.source, image.target, true));
            return;
        }
        let target = if releases { Bits::default() } else { image.target };
        let group = cell.ops.iter().map(|op| op.group).max().unwrap_or(0);
        let who = if releases { Who::Release } else { Who::Change };
        let touch = Touch::by_barrier(place, target);
        cell.ops.clear();
        cell.ops.push(Op { who, touch, writes: true, concurrent: false, group });
        cell.touched = true;
        if releases {
            cell.released = image.transfer.map(|queues| (queues, image.old, image.new));
        } else {
            cell.released = None;
            cell.owner = Some(family);
            cell.lost |= image.old == ImageLayout::UNDEFINED && cell.layout != ImageLayout::UNDEFINED;
            cell.layout = image.new;
        }
        for &other in &self.world.state[index].overlaps {
            let other = &mut self.cells[other];
            other.over |= other.touched;
            other.ops.clear();
        }
    }

    fn name(&self, pass: usize) -> &str {
        &self.world.passes[pass].name
    }

    fn who(&self, op: &Op) -> String {
        match op.who {
            Who::PastWrite => "what was written before the plan".into(),
            Who::PastRead => "what was read before the plan".into(),
            Who::Pass(pass) => format!("{}, {:?}", self.name(pass), op.touch.place),
            Who::Change => format!("the change of layout, {:?}", op.touch.place),
            Who::Release => format!("the release, {:?}", op.touch.place),
        }
    }
}

impl Op {
    /// Whether it may not overlap a pass's use of the same cell.
    fn conflicts(&self, pass: usize, used: &Use) -> bool {
        let beside = self.concurrent && used.access.mode == Mode::ConcurrentWrite && self.group == used.group;
        self.who != Who::Pass(pass) && (self.writes || used.access.writes()) && !beside
    }
}

impl Cell {
    /// Drops what is ordered before the group before `group`: whoever comes after that is after these, too.
    fn forget(&mut self, group: usize) {
        let written = self.ops.iter().filter(|op| op.writes && op.group < group).map(|op| op.group).max();
        if let Some(written) = written {
            self.ops.retain(|op| op.group >= written);
        }
    }
}
