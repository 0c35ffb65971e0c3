//! A compiled graph as text: the instruction list that plan tests compare.

use std::fmt::{self, Write};

use ash::vk::{AccessFlags2, ImageLayout};

use super::{Barrier, Batch, Compiled, Entry, ImageBarrier, Need};
use crate::{
    gpu::{QueueId, QueueKind},
    graph::{
        ir::{Extent, Region},
        state::{Dependency, Scope},
    },
};

/// Gives the names of passes or slots.
pub(crate) type Names<'a> = &'a dyn Fn(usize) -> String;

impl Compiled {
    /// Writes the instruction list, with the names that the closures give.
    pub(crate) fn write(&self, f: &mut impl Write, pass: Names<'_>, slot: Names<'_>) -> fmt::Result {
        let mut text = Text { compiled: self, f, pass, slot };
        for number in 0..self.batches.len() {
            text.batch(number)?;
        }
        for &culled in &self.culled {
            writeln!(text.f, "culled `{}`", pass(culled))?;
        }
        text.transients()
    }

    /// What a queue is called.
    pub(crate) fn queue_name(&self, queue: QueueId) -> &'static str {
        match self.queues.get(queue.index()) {
            Some(QueueKind::Graphics) | None => "graphics",
            Some(QueueKind::Compute) => "compute",
            Some(QueueKind::Transfer) => "transfer",
        }
    }

    /// What follows the name of a slot where only a part of it is meant.
    pub(crate) fn part(&self, slot: usize, region: &Region) -> String {
        match self.extents.get(slot) {
            Some(extent) if extent.whole() == *region => String::new(),
            Some(Extent::Image { .. }) => format!("[levels {:?}, layers {:?}]", region.levels(), region.layers()),
            _ => format!("[{}..{}]", region.x[0], region.x[1]),
        }
    }

    /// A wait list as it follows the name of a queue.
    pub(crate) fn waits(&self, batch: &Batch) -> String {
        let waits: Vec<_> = batch.waits.iter().map(usize::to_string).collect();
        if waits.is_empty() { String::new() } else { format!(", waits for {}", waits.join(", ")) }
    }
}

/// The passes and slots have numbers for names.
impl fmt::Display for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, &|pass| pass.to_string(), &|slot| slot.to_string())
    }
}

/// Stages and accesses by name.
fn scope(scope: &Scope) -> String {
    let stages = if scope.stages.is_empty() { "NONE".to_owned() } else { format!("{:?}", scope.stages) };
    format!("{stages} {}", mask(scope.mask))
}

fn mask(mask: AccessFlags2) -> String {
    if mask.is_empty() { "NONE".to_owned() } else { format!("{mask:?}") }
}

struct Text<'a, W> {
    compiled: &'a Compiled,
    f: &'a mut W,
    pass: Names<'a>,
    slot: Names<'a>,
}

impl<W: Write> Text<'_, W> {
    fn batch(&mut self, number: usize) -> fmt::Result {
        let compiled = self.compiled;
        let batch = &compiled.batches[number];
        writeln!(self.f, "batch {number} on {}{}", compiled.queue_name(batch.queue), compiled.waits(batch))?;
        for &entry in &batch.entries {
            self.entry(&compiled.entries[entry])?;
        }
        for position in batch.positions.clone() {
            if let Some(barrier) = compiled.before[position] {
                self.barrier("barrier", &compiled.barriers[barrier as usize])?;
            }
            for owed in compiled.owed.iter().filter(|owed| owed.position == position) {
                self.owed(&owed.need)?;
            }
            writeln!(self.f, "  pass `{}`", (self.pass)(compiled.order[position]))?;
        }
        match batch.after {
            Some(barrier) => self.barrier("release", &compiled.barriers[barrier as usize]),
            None => Ok(()),
        }
    }

    fn entry(&mut self, entry: &Entry) -> fmt::Result {
        let import = &self.compiled.imports[entry.import];
        let access = scope(&Scope::of(&entry.access));
        write!(self.f, "  enter {} {access}", self.name(import.slot, &import.region))?;
        if entry.access.layout != ImageLayout::UNDEFINED {
            write!(self.f, " -> {:?}", entry.access.layout)?;
        }
        let discard = if entry.discard { ", discard" } else { "" };
        let after = if entry.after_readers { ", after readers" } else { "" };
        writeln!(self.f, "{discard}{after}")
    }

    fn barrier(&mut self, word: &str, barrier: &Barrier) -> fmt::Result {
        let memory = &barrier.memory;
        match memory.is_empty() {
            true => writeln!(self.f, "  {word}")?,
            false => writeln!(self.f, "  {word} {} -> {}", scope(&memory.source), scope(&memory.target))?,
        }
        barrier.images.iter().try_for_each(|image| self.image(image))
    }

    /// What the pass's owner makes before it.
    fn owed(&mut self, need: &Need) -> fmt::Result {
        match need {
            Need::Memory(Dependency { source, target }) => {
                writeln!(self.f, "  manual {} -> {}", scope(source), scope(target))
            }
            Need::Image(image) => {
                writeln!(self.f, "  manual")?;
                self.image(image)
            }
        }
    }

    fn image(&mut self, image: &ImageBarrier) -> fmt::Result {
        let (name, source, target) = (self.name(image.slot, &image.region), scope(&image.source), scope(&image.target));
        write!(self.f, "    image {name} {source} -> {target}, {:?} -> {:?}", image.old, image.new)?;
        match image.transfer {
            Some([from, to]) => {
                writeln!(self.f, ", {} -> {}", self.compiled.queue_name(from), self.compiled.queue_name(to))
            }
            None => writeln!(self.f),
        }
    }

    fn transients(&mut self) -> fmt::Result {
        for place in &self.compiled.transients.places {
            let (name, end) = ((self.slot)(place.slot), place.offset + place.bytes);
            let [first, last] = place.waves;
            writeln!(self.f, "transient `{name}` bytes {}..{end}, waves {first}..={last}", place.offset)?;
        }
        Ok(())
    }

    fn name(&self, slot: usize, region: &Region) -> String {
        format!("`{}`{}", (self.slot)(slot), self.compiled.part(slot, region))
    }
}
