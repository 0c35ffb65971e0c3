//! Plans to look at: as text, as a Mermaid flowchart, as a DOT graph.

mod drawing;
pub(crate) mod style;

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use drawing::Drawing;
use style::{Dot, Mermaid};

use super::{
    compiled::{Compiled, PlanStats},
    ir::Structure,
};

/// A compiled graph with the names of its passes and resources: what will run, in which order, with which barriers.
///
/// [`Display`](fmt::Display) is [`to_text`](Self::to_text). It is what [`Frame::plan`](crate::Frame::plan) gives for the
/// frame of the `cubes` example:
///
/// ```text
/// passes 2, waves 2, barriers 1 (at least 1 on one queue), batches 1, queues 1
/// batch 0 on graphics
///   enter `cubes.kept` ALL_TRANSFER TRANSFER_WRITE
///   enter `cubes.cells` COMPUTE_SHADER SHADER_STORAGE_READ
///   ..
///   pass `cubes.reset`
///   barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
///   pass `cubes.cull`
///   ..
/// wave 0: `cubes.reset`
/// wave 1: `cubes.cull`
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub(crate) structure: Arc<Structure>,
    pub(crate) compiled: Arc<Compiled>,
    /// By number.
    pub(crate) passes: Vec<Arc<str>>,
    /// By slot.
    pub(crate) resources: Vec<Arc<str>>,
}

impl Plan {
    /// Figures of the plan.
    #[must_use]
    pub fn stats(&self) -> PlanStats {
        self.compiled.stats()
    }

    /// The figures in a line; the instruction list: batches with their waits, `enter` for each first touch of a resource
    /// from outside (what must stand before it is worked out at the commit), barriers and passes, with what is left to the
    /// owners of `manual` ones; culled passes; the memory and lifetimes of transients; and which passes may overlap, wave by wave.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// A Mermaid flowchart: a frame for each batch, in it the passes with what they touch, and the barriers between them,
    /// dashed, with stages and accesses. Solid arrows are data, open lines lead through barriers, dotted arrows are waits
    /// of one queue for another. Transients have a box with their lifetimes, culled passes one with their names.
    ///
    /// Mermaid by itself refuses flowcharts of more than 500 arrows (its `maxEdges`): [`to_dot`](Self::to_dot) has no limit.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        Drawing::of(self, &Mermaid)
    }

    /// The same as a DOT graph, for Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        Drawing::of(self, &Dot)
    }

    fn pass(&self, pass: usize) -> String {
        self.passes.get(pass).map_or_else(|| pass.to_string(), |name| name.to_string())
    }

    fn resource(&self, slot: usize) -> String {
        self.resources.get(slot).map_or_else(|| slot.to_string(), |name| name.to_string())
    }

    /// Positions in `order`, wave by wave, over all queues.
    fn in_waves(&self) -> Vec<usize> {
        let mut positions: Vec<_> = (0..self.compiled.order.len()).collect();
        positions.sort_by_key(|&position| self.compiled.waves[position]);
        positions
    }

    fn write_waves(&self, f: &mut impl Write) -> fmt::Result {
        let wave = |position: &usize| self.compiled.waves[*position];
        for positions in self.in_waves().chunk_by(|a, b| wave(a) == wave(b)) {
            let names: Vec<_> =
                positions.iter().map(|&position| format!("`{}`", self.pass(self.compiled.order[position]))).collect();
            writeln!(f, "wave {}: {}", wave(&positions[0]), names.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlanStats { passes, waves, barriers, lower_bound, batches, queues, .. } = self.stats();
        writeln!(
            f,
            "passes {passes}, waves {waves}, barriers {barriers} (at least {lower_bound} on one queue), batches {batches}, queues {queues}"
        )?;
        self.compiled.write(f, &|pass| self.pass(pass), &|slot| self.resource(slot))?;
        self.write_waves(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::{QueueId, QueueKind},
        graph::ir::{Needs, PassShape, QueueMap, Region, SlotShape, SlotUse},
        resource::Access,
    };
    use ash::vk::PipelineStageFlags2 as S;

    const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);
    const READ: Access = Access::storage_read(S::COMPUTE_SHADER);

    /// `fill` ─▶ `sum` on one queue, `sum` ─▶ `say "x"` on another; `idle` is culled.
    fn plan() -> Plan {
        let mut structure = Structure::default();
        structure.slot(SlotShape::TransientBuffer { bytes: 64 });
        structure.slot(SlotShape::Buffer { bytes: 64 });
        let shape = |queue| PassShape { needs: Needs::Dispatches, queue: Some(queue), keep: false, manual: false };
        let used = |slot, access| SlotUse { slot, region: None, access, discard: false };
        structure.push(shape(QueueKind::Compute), [used(0, WRITE)], &[]);
        structure.push(shape(QueueKind::Compute), [used(0, READ), used(1, WRITE)], &[]);
        structure.push(shape(QueueKind::Graphics), [used(1, READ)], &[]);
        structure.push(shape(QueueKind::Graphics), [used(0, WRITE)], &[]);
        let map = QueueMap { of_kind: [QueueId(0), QueueId(1), QueueId(0)], families: vec![0, 1] };
        let compiled = Arc::new(Compiled::compile(&structure, &map).expect("a legal graph"));
        let names = |names: &[&str]| names.iter().map(|&name| Arc::from(name)).collect();
        let passes = names(&["fill", "sum", "say \"x\"", "idle"]);
        Plan { structure: Arc::new(structure), compiled, passes, resources: names(&["tmp", "data"]) }
    }

    #[test]
    fn the_text_names_passes_and_resources() {
        let expected = "\
passes 3, waves 3, barriers 1 (at least 2 on one queue), batches 2, queues 2
batch 0 on compute
  enter `data` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
  pass `fill`
  barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
  pass `sum`
batch 1 on graphics, waits for 0
  pass `say \"x\"`
culled `idle`
transient `tmp` bytes 0..64, waves 0..=1
wave 0: `fill`
wave 1: `sum`
wave 2: `say \"x\"`
";
        assert_eq!(plan().to_text(), expected);
    }

    #[test]
    fn mermaid_has_a_box_for_each_batch_and_arrows_for_data_and_waits() {
        let expected = r##"flowchart TD
  classDef barrier fill:none,stroke-dasharray:4,font-size:12px
  subgraph b0["batch 0 on compute"]
    p0["fill (wave 0)<br/>writes tmp"]
    v0["barrier<br/>after COMPUTE_SHADER<br/>SHADER_STORAGE_WRITE<br/>before COMPUTE_SHADER<br/>SHADER_STORAGE_READ"]:::barrier
    p1["sum (wave 1)<br/>reads tmp<br/>writes data"]
  end
  p0 --- v0
  v0 --- p1
  subgraph b1["batch 1 on graphics, waits for 0"]
    p2["say #quot;x#quot; (wave 2)<br/>reads data"]
  end
  p0 -->|"tmp"| p1
  p1 -->|"data"| p2
  p1 -.->|"batch 1 waits for 0"| p2
  subgraph transients["transients"]
    transients_list["tmp: waves 0..=1, bytes 0..64"]
  end
  subgraph culled["culled"]
    culled_list["idle"]
  end
"##;
        assert_eq!(plan().to_mermaid(), expected);
    }

    #[test]
    fn dot_says_the_same() {
        let dot = plan().to_dot();
        assert!(dot.starts_with("digraph plan {\n") && dot.ends_with("}\n"));
        assert!(dot.contains("    p2 [label=\"say \\\"x\\\" (wave 2)\\nreads data\", style=filled"), "{dot}");
        assert!(dot.contains("  p0 -> p1 [label=\"tmp\"];\n"), "{dot}");
        assert!(dot.contains("  p0 -> v0 [dir=none, color=gray];\n"), "{dot}");
        assert!(dot.contains("  p1 -> p2 [label=\"batch 1 waits for 0\", style=dotted];\n"), "{dot}");
    }

    /// Which lines lead where: `from kind to`.
    fn lines(slots: &[SlotShape], passes: &[&[SlotUse]], after: &[usize]) -> Vec<String> {
        let mut structure = Structure::default();
        slots.iter().for_each(|&shape| _ = structure.slot(shape));
        for (index, uses) in passes.iter().enumerate() {
            let after = if index + 1 == passes.len() { after } else { &[] };
            structure.push(PassShape { keep: true, ..PassShape::default() }, uses.iter().copied(), after);
        }
        let compiled = Arc::new(Compiled::compile(&structure, &QueueMap::one()).expect("a legal graph"));
        let plan = Plan { structure: Arc::new(structure), compiled, passes: Vec::new(), resources: Vec::new() };
        let drawn = plan.to_mermaid();
        drawn.lines().filter(|line| line.contains("--")).map(|line| line.trim().to_owned()).collect()
    }

    fn part(slot: usize, bytes: std::ops::Range<u64>, access: Access) -> SlotUse {
        SlotUse { slot, region: Some(Region::bytes(bytes)), access, discard: false }
    }

    /// `0`, `1` ─▶ `2`, `3`
    #[test]
    fn a_barrier_stands_between_all_passes_before_it_and_all_behind() {
        let buffer = SlotShape::Buffer { bytes: 64 };
        let used = |slot, access| part(slot, 0..64, access);
        let passes: [&[_]; 4] = [&[used(0, WRITE)], &[used(1, WRITE)], &[used(0, READ)], &[used(1, READ)]];
        let expected = ["p0 --- v0", "p1 --- v0", "v0 --- p2", "v0 --- p3", "p0 -->|\"0\"| p2", "p1 -->|\"1\"| p3"];
        assert_eq!(lines(&[buffer; 2], &passes, &[]), expected);
    }

    /// Two halves are written, then both are read, then one; the last pass is said to come after the first.
    #[test]
    fn data_goes_from_those_who_wrote_a_part_to_those_who_look_at_it() {
        let passes: [&[_]; 4] =
            [&[part(0, 0..32, WRITE)], &[part(0, 32..64, WRITE)], &[part(0, 0..64, READ)], &[part(0, 32..64, READ)]];
        let mut drawn = lines(&[SlotShape::Buffer { bytes: 64 }], &passes, &[0]);
        drawn.retain(|line| line.contains("-->"));
        let expected = ["p0 -->|\"0\"| p2", "p0 -->|\"after\"| p3", "p1 -->|\"0\"| p2", "p1 -->|\"0\"| p3"];
        assert_eq!(drawn, expected);
    }
}
