//! A terse way to write a graph down: names for passes and slots, and one method per kind of access.

use std::ops::Range;

use ash::vk;
use vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

use crate::{
    gpu::{QueueId, QueueKind},
    graph::{
        compiled::{Compiled, Fault},
        ir::{Needs, PassShape, QueueMap, Region, SlotShape, SlotUse, Structure, TransientImage},
    },
    resource::{Access, Mode},
};

/// A graph as it was declared: what the compiler is given, and what the checker judges by.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    pub(super) passes: Vec<Pass>,
    pub(super) slots: Vec<SlotDesc>,
    pub(super) any_order: bool,
    pub(super) queues: QueueMap,
}

#[derive(Clone, Debug)]
pub(super) struct SlotDesc {
    pub(super) name: String,
    pub(super) shape: SlotShape,
}

#[derive(Clone, Debug)]
pub(super) struct Pass {
    pub(super) name: String,
    pub(super) queue: Option<QueueKind>,
    pub(super) keep: bool,
    /// Its owner makes its barriers.
    pub(super) manual: bool,
    pub(super) uses: Vec<SlotUse>,
    pub(super) after: Vec<usize>,
}

/// A slot of a graph, all of it or a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) index: usize,
    image: bool,
    region: Option<Region>,
}

impl Slot {
    pub(super) fn region(self) -> Option<Region> {
        self.region
    }

    pub(super) fn bytes(self, bytes: Range<u64>) -> Self {
        Self { region: Some(Region::bytes(bytes)), ..self }
    }

    pub(super) fn level(self, level: u32) -> Self {
        self.part(level..level + 1, 0..1)
    }

    pub(super) fn part(self, levels: Range<u32>, layers: Range<u32>) -> Self {
        Self { region: Some(Region::subresources(levels, layers)), ..self }
    }
}

/// A storage image that a compute shader writes.
pub(super) const STORAGE_IMAGE: Access = Access {
    stages: S::COMPUTE_SHADER,
    mask: A::from_raw(A::SHADER_STORAGE_READ.as_raw() | A::SHADER_STORAGE_WRITE.as_raw()),
    layout: L::GENERAL,
    mode: Mode::Write,
};

/// A texture that a fragment shader samples.
pub(super) const SAMPLED: Access = Access {
    stages: S::FRAGMENT_SHADER,
    mask: A::SHADER_SAMPLED_READ,
    layout: L::SHADER_READ_ONLY_OPTIMAL,
    mode: Mode::Read,
};

/// A texture that a compute shader samples.
pub(super) const SAMPLED_IN_COMPUTE: Access = Access { stages: S::COMPUTE_SHADER, ..SAMPLED };

/// Distinct queues for graphics, compute and transfer, each of its own family.
pub(super) fn three_queues() -> QueueMap {
    QueueMap { of_kind: [QueueId(0), QueueId(1), QueueId(2)], families: vec![0, 1, 2] }
}

/// A compute queue beside the graphics queue, of its own family; copies go to the graphics queue.
pub(super) fn two_queues() -> QueueMap {
    QueueMap { of_kind: [QueueId(0), QueueId(1), QueueId(0)], families: vec![0, 1] }
}

/// Two queues of one family.
pub(super) fn twin_queues() -> QueueMap {
    QueueMap { families: vec![0, 0], ..two_queues() }
}

impl Graph {
    /// Of a device with one queue.
    pub(super) fn new() -> Self {
        Self::on(QueueMap::one())
    }

    pub(super) fn on(queues: QueueMap) -> Self {
        Self { passes: Vec::new(), slots: Vec::new(), any_order: false, queues }
    }

    pub(super) fn slot(&mut self, name: impl Into<String>, shape: SlotShape) -> Slot {
        let image = matches!(shape, SlotShape::Image { .. } | SlotShape::TransientImage(_));
        self.slots.push(SlotDesc { name: name.into(), shape });
        Slot { index: self.slots.len() - 1, image, region: None }
    }

    /// A buffer of 1,024 bytes that lives across graphs.
    pub(super) fn buffer(&mut self, name: &str) -> Slot {
        self.slot(name, SlotShape::Buffer { bytes: 1024 })
    }

    pub(super) fn buffers<const N: usize>(&mut self, names: [&str; N]) -> [Slot; N] {
        names.map(|name| self.buffer(name))
    }

    /// An image of one subresource that lives across graphs.
    pub(super) fn image(&mut self, name: &str) -> Slot {
        self.slot(name, SlotShape::Image { levels: 1, layers: 1 })
    }

    pub(super) fn image_of(&mut self, name: &str, levels: u32, layers: u32) -> Slot {
        self.slot(name, SlotShape::Image { levels, layers })
    }

    pub(super) fn transient(&mut self, name: &str, bytes: u64) -> Slot {
        self.slot(name, SlotShape::TransientBuffer { bytes })
    }

    pub(super) fn transient_image(&mut self, name: &str, bytes: u64) -> Slot {
        self.slot(name, SlotShape::TransientImage(transient_image(bytes, 1)))
    }

    pub(super) fn pass(&mut self, name: impl Into<String>) -> &mut Pass {
        let (name, queue, keep, manual) = (name.into(), None, false, false);
        self.passes.push(Pass { name, queue, keep, manual, uses: Vec::new(), after: Vec::new() });
        self.passes.last_mut().expect("one was pushed")
    }

    pub(super) fn structure(&self) -> Structure {
        let mut structure = Structure::with_capacity(self.passes.len(), 0);
        for slot in &self.slots {
            structure.slot(slot.shape);
        }
        if self.any_order {
            structure.any_order();
        }
        for pass in &self.passes {
            let shape = PassShape { needs: pass.needs(), queue: pass.queue, keep: pass.keep, manual: pass.manual };
            structure.push(shape, pass.uses.iter().cloned(), &pass.after);
        }
        structure
    }

    pub(super) fn compile(&self) -> Result<Compiled, Fault> {
        Compiled::compile(&self.structure(), &self.queues)
    }

    pub(super) fn text(&self, plan: &Compiled) -> String {
        let mut text = String::new();
        let pass = |pass: usize| self.passes[pass].name.clone();
        let slot = |slot: usize| self.slots[slot].name.clone();
        plan.write(&mut text, &pass, &slot).expect("a string takes everything");
        text
    }

    /// Compiles, compares the plan's text with `expected`, and has the checker judge the plan.
    #[track_caller]
    pub(super) fn expect(&self, expected: &str) -> Compiled {
        let plan = self.compile().unwrap_or_else(|fault| panic!("{fault:?}"));
        let text = self.text(&plan);
        let expected = dedent(expected);
        assert!(text.trim_end() == expected, "the plan is\n{text}\n\nand should be\n{expected}\n");
        if let Err(error) = super::properties::check(self, &plan) {
            panic!("{error}\n{text}");
        }
        plan
    }

    /// The fault that compiling must end in.
    #[track_caller]
    pub(super) fn fault(&self) -> Fault {
        match self.compile() {
            Err(fault) => fault,
            Ok(plan) => panic!("it compiled:\n{}", self.text(&plan)),
        }
    }
}

/// The body of a transient image: only its size and the memory it may be in matter to a plan.
pub(super) fn transient_image(bytes: u64, memory_types: u32) -> TransientImage {
    TransientImage {
        format: vk::Format::R8G8B8A8_UNORM,
        extent: [16, 16],
        levels: 1,
        layers: 1,
        usage: vk::ImageUsageFlags::COLOR_ATTACHMENT,
        bytes,
        alignment: 1024,
        memory_types,
    }
}

/// Without the indentation that all lines share, and without the blank lines around.
fn dedent(text: &str) -> String {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let shared = lines().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines().map(|line| line[shared..].trim_end()).collect::<Vec<_>>().join("\n")
}

impl Pass {
    pub(super) fn uses(&mut self, slot: Slot, access: Access) -> &mut Self {
        self.uses.push(SlotUse { slot: slot.index, region: slot.region, access, discard: false });
        self
    }

    /// Writes without a need for what was there.
    pub(super) fn discards(&mut self, slot: Slot, access: Access) -> &mut Self {
        self.uses.push(SlotUse { slot: slot.index, region: slot.region, access, discard: true });
        self
    }

    /// In a compute shader.
    pub(super) fn reads(&mut self, slot: Slot) -> &mut Self {
        let read = Access::storage_read(S::COMPUTE_SHADER);
        self.uses(slot, if slot.image { SAMPLED_IN_COMPUTE } else { read })
    }

    /// In a compute shader.
    pub(super) fn writes(&mut self, slot: Slot) -> &mut Self {
        let write = Access::storage_write(S::COMPUTE_SHADER);
        self.uses(slot, if slot.image { STORAGE_IMAGE } else { write })
    }

    /// In a compute shader, beside other passes that do the same.
    pub(super) fn adds(&mut self, slot: Slot) -> &mut Self {
        let write = if slot.image { STORAGE_IMAGE } else { Access::storage_write(S::COMPUTE_SHADER) };
        self.uses(slot, Access { mode: Mode::ConcurrentWrite, ..write })
    }

    /// In a vertex shader.
    pub(super) fn draws(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, Access::storage_read(S::VERTEX_SHADER))
    }

    pub(super) fn indirect(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, Access::INDIRECT)
    }

    pub(super) fn index(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, Access::INDEX)
    }

    pub(super) fn copies_from(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, if slot.image { Access::IMAGE_COPY_SOURCE } else { Access::COPY_SOURCE })
    }

    pub(super) fn copies_to(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, if slot.image { Access::IMAGE_COPY_TARGET } else { Access::COPY_TARGET })
    }

    pub(super) fn blits(&mut self, from: Slot, to: Slot) -> &mut Self {
        self.uses(from, Access::BLIT_SOURCE).uses(to, Access::BLIT_TARGET)
    }

    pub(super) fn samples(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, SAMPLED)
    }

    /// Renders into a colour attachment that it clears.
    pub(super) fn clears(&mut self, slot: Slot) -> &mut Self {
        self.discards(slot, Access::COLOR_ATTACHMENT)
    }

    /// Renders into a colour attachment on top of what is there.
    pub(super) fn renders(&mut self, slot: Slot) -> &mut Self {
        self.uses(slot, Access::COLOR_ATTACHMENT)
    }

    pub(super) fn on(&mut self, queue: QueueKind) -> &mut Self {
        self.queue = Some(queue);
        self
    }

    pub(super) fn keep(&mut self) -> &mut Self {
        self.keep = true;
        self
    }

    /// After the pass of that number.
    pub(super) fn after(&mut self, pass: usize) -> &mut Self {
        self.after.push(pass);
        self
    }

    /// What its queue must be able to do, by the stages that it uses.
    pub(super) fn needs(&self) -> Needs {
        let stages = self.uses.iter().fold(S::NONE, |stages, used| stages | used.access.stages);
        let dispatches = S::COMPUTE_SHADER | S::DRAW_INDIRECT;
        if !(stages & !(S::ALL_TRANSFER | dispatches)).is_empty() {
            Needs::Graphics
        } else if stages.intersects(dispatches) {
            Needs::Dispatches
        } else {
            Needs::Copies
        }
    }
}
