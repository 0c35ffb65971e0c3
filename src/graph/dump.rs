//! Plans to look at: as text, as a Mermaid flowchart, as a DOT graph.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::Arc,
};

use super::{
    compiled::{Barrier, Batch, Compiled, Place, PlanStats, scope},
    ir::Structure,
};

/// A compiled graph with the names of its passes and resources: what will run, in which order, with which barriers.
///
/// [`Display`](fmt::Display) is [`to_text`](Self::to_text).
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

    /// The instruction list: batches, waits, barriers, passes, and the lifetimes of transients.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// A Mermaid flowchart: a box for each batch with its passes and barriers in order, arrows for data, dotted ones
    /// for waits, and the lifetimes of transients.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut drawing = Drawing { plan: self, style: &Mermaid, out: String::from("flowchart TD\n") };
        drawing.draw().map(|()| drawing.out).unwrap_or_default()
    }

    /// The same as a DOT graph, for Graphviz.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let start = String::from("digraph plan {\n  node [shape=box];\n");
        let mut drawing = Drawing { plan: self, style: &Dot, out: start };
        let drawn = drawing.draw();
        drawn.map(|()| drawing.out + "}\n").unwrap_or_default()
    }

    fn pass(&self, pass: usize) -> String {
        self.passes.get(pass).map_or_else(|| pass.to_string(), |name| name.to_string())
    }

    fn resource(&self, slot: usize) -> String {
        self.resources.get(slot).map_or_else(|| slot.to_string(), |name| name.to_string())
    }

    /// Who hands which slots to whom: the last writer to those who touch a slot after it, in the order of recording.
    fn edges(&self) -> BTreeMap<(usize, usize), Vec<usize>> {
        let mut edges: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut writers = vec![None; self.structure.slots()];
        for pass in self.in_waves() {
            for used in self.structure.uses(pass) {
                if let Some(writer) = writers[used.slot].filter(|writer| *writer != pass) {
                    let slots = edges.entry((writer, pass)).or_default();
                    slots.extend((!slots.contains(&used.slot)).then_some(used.slot));
                }
            }
            for used in self.structure.uses(pass).filter(|used| used.access.writes()) {
                writers[used.slot] = Some(pass);
            }
        }
        edges
    }

    /// Passes wave by wave, over all queues.
    fn in_waves(&self) -> Vec<usize> {
        let mut positions: Vec<_> = (0..self.compiled.order.len()).collect();
        positions.sort_by_key(|&position| self.compiled.waves[position]);
        positions.into_iter().map(|position| self.compiled.order[position]).collect()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.compiled.write(f, &|pass| self.pass(pass), &|slot| self.resource(slot))
    }
}

/// How a language for graphs says things. Labels are lines.
trait Style {
    fn group(&self, id: &str, label: &str) -> String;
    fn end_group(&self) -> &'static str;
    fn node(&self, id: &str, lines: &[String]) -> String;
    fn edge(&self, from: &str, to: &str, label: &str, dotted: bool) -> String;
}

struct Mermaid;

impl Style for Mermaid {
    fn group(&self, id: &str, label: &str) -> String {
        format!("  subgraph {id}[\"{}\"]\n", entities(label))
    }

    fn end_group(&self) -> &'static str {
        "  end\n"
    }

    fn node(&self, id: &str, lines: &[String]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| entities(line)).collect();
        format!("    {id}[\"{}\"]\n", lines.join("<br/>"))
    }

    fn edge(&self, from: &str, to: &str, label: &str, dotted: bool) -> String {
        let arrow = if dotted { "-.->" } else { "-->" };
        match label.is_empty() {
            true => format!("  {from} {arrow} {to}\n"),
            false => format!("  {from} {arrow}|\"{}\"| {to}\n", entities(label)),
        }
    }
}

/// Mermaid takes markup in labels: what would be some is written as entities.
fn entities(label: &str) -> String {
    let escape = |letter: char| match letter {
        '"' => "#quot;".to_owned(),
        '#' => "#35;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '`' => "#96;".to_owned(),
        letter if letter.is_control() => " ".to_owned(),
        letter => letter.to_string(),
    };
    label.chars().map(escape).collect()
}

struct Dot;

impl Style for Dot {
    fn group(&self, id: &str, label: &str) -> String {
        format!("  subgraph cluster_{id} {{\n    label={};\n", quoted(label))
    }

    fn end_group(&self) -> &'static str {
        "  }\n"
    }

    fn node(&self, id: &str, lines: &[String]) -> String {
        format!("    {id} [label={}];\n", quoted(&lines.join("\n")))
    }

    fn edge(&self, from: &str, to: &str, label: &str, dotted: bool) -> String {
        let style = if dotted { ", style=dotted" } else { "" };
        format!("  {from} -> {to} [label={}{style}];\n", quoted(label))
    }
}

fn quoted(label: &str) -> String {
    format!("\"{}\"", label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

struct Drawing<'a> {
    plan: &'a Plan,
    style: &'a dyn Style,
    out: String,
}

impl Drawing<'_> {
    fn draw(&mut self) -> fmt::Result {
        let compiled = &*self.plan.compiled;
        for (number, batch) in compiled.batches.iter().enumerate() {
            self.batch(number, batch)?;
        }
        for ((from, to), slots) in self.plan.edges() {
            let names: Vec<_> = slots.into_iter().map(|slot| self.plan.resource(slot)).collect();
            self.edge(&format!("p{from}"), &format!("p{to}"), &names.join(", "), false)?;
        }
        for (number, batch) in compiled.batches.iter().enumerate() {
            for wait in &batch.waits {
                let (from, to) = (compiled.batches[*wait].positions.end - 1, batch.positions.start);
                let [from, to] = [from, to].map(|position| format!("p{}", compiled.order[position]));
                self.edge(&from, &to, &format!("batch {number} waits for {wait}"), true)?;
            }
        }
        self.rest(compiled)
    }

    fn batch(&mut self, number: usize, batch: &Batch) -> fmt::Result {
        let compiled = &*self.plan.compiled;
        let label = format!("batch {number} on {}", compiled.queue_name(batch.queue));
        self.out.write_str(&self.style.group(&format!("b{number}"), &label))?;
        // Barriers stand in the way from the pass before them to the one behind.
        let mut way: Vec<String> = Vec::new();
        for position in batch.positions.clone() {
            if let Some(barrier) = compiled.before[position] {
                way.push(self.barrier("barrier", barrier)?);
            }
            let pass = compiled.order[position];
            let lines = [self.plan.pass(pass), format!("wave {}", compiled.waves[position])];
            way.push(format!("p{pass}"));
            self.out.write_str(&self.style.node(&format!("p{pass}"), &lines))?;
        }
        if let Some(barrier) = batch.after {
            way.push(self.barrier("release", barrier)?);
        }
        self.out.write_str(self.style.end_group())?;
        way.windows(2).try_for_each(|pair| match pair.iter().any(|node| node.starts_with('v')) {
            true => self.edge(&pair[0], &pair[1], "", false),
            false => Ok(()),
        })
    }

    fn barrier(&mut self, word: &str, number: u32) -> Result<String, fmt::Error> {
        let id = format!("v{number}");
        let lines = self.barrier_lines(word, &self.plan.compiled.barriers[number as usize]);
        self.out.write_str(&self.style.node(&id, &lines))?;
        Ok(id)
    }

    fn barrier_lines(&self, word: &str, barrier: &Barrier) -> Vec<String> {
        let mut lines = vec![word.to_owned()];
        if !barrier.memory.is_empty() {
            lines.push(format!("{} -> {}", scope(&barrier.memory.source), scope(&barrier.memory.target)));
        }
        for image in &barrier.images {
            let name = self.plan.resource(image.slot) + &self.plan.compiled.part(image.slot, &image.region);
            let (source, target) = (scope(&image.source), scope(&image.target));
            lines.push(format!("{name}: {source} -> {target}, {:?} -> {:?}", image.old, image.new));
        }
        lines
    }

    fn rest(&mut self, compiled: &Compiled) -> fmt::Result {
        let transients = &compiled.transients.places;
        if !transients.is_empty() {
            let lines: Vec<_> = transients.iter().map(|place| self.lifetime(place)).collect();
            self.out.write_str(&self.style.group("transients", "transients"))?;
            self.out.write_str(&self.style.node("t", &lines))?;
            self.out.write_str(self.style.end_group())?;
        }
        if !compiled.culled.is_empty() {
            let lines: Vec<_> = compiled.culled.iter().map(|&pass| self.plan.pass(pass)).collect();
            self.out.write_str(&self.style.group("culled", "culled"))?;
            self.out.write_str(&self.style.node("c", &lines))?;
            self.out.write_str(self.style.end_group())?;
        }
        Ok(())
    }

    fn lifetime(&self, place: &Place) -> String {
        let ([first, last], end) = (place.waves, place.offset + place.bytes);
        format!("{}: waves {first}..={last}, bytes {}..{end}", self.plan.resource(place.slot), place.offset)
    }

    fn edge(&mut self, from: &str, to: &str, label: &str, dotted: bool) -> fmt::Result {
        self.out.write_str(&self.style.edge(from, to, label, dotted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::{QueueId, QueueKind},
        graph::ir::{Needs, PassShape, QueueMap, SlotShape, SlotUse},
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
        let shape = |queue| PassShape { needs: Needs::Dispatches, queue: Some(queue), keep: false };
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
batch 0 on compute
  enter `data` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
  pass `fill`
  barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
  pass `sum`
batch 1 on graphics, waits for 0
  pass `say \"x\"`
culled `idle`
transient `tmp` bytes 0..64, waves 0..=1
";
        assert_eq!(plan().to_text(), expected);
    }

    #[test]
    fn mermaid_has_a_box_for_each_batch_and_arrows_for_data_and_waits() {
        let expected = r##"flowchart TD
  subgraph b0["batch 0 on compute"]
    p0["fill<br/>wave 0"]
    v0["barrier<br/>COMPUTE_SHADER SHADER_STORAGE_WRITE -#gt; COMPUTE_SHADER SHADER_STORAGE_READ"]
    p1["sum<br/>wave 1"]
  end
  p0 --> v0
  v0 --> p1
  subgraph b1["batch 1 on graphics"]
    p2["say #quot;x#quot;<br/>wave 2"]
  end
  p0 -->|"tmp"| p1
  p1 -->|"data"| p2
  p1 -.->|"batch 1 waits for 0"| p2
  subgraph transients["transients"]
    t["tmp: waves 0..=1, bytes 0..64"]
  end
  subgraph culled["culled"]
    c["idle"]
  end
"##;
        assert_eq!(plan().to_mermaid(), expected);
    }

    #[test]
    fn dot_says_the_same() {
        let dot = plan().to_dot();
        assert!(dot.starts_with("digraph plan {\n") && dot.ends_with("}\n"));
        assert!(dot.contains("    p2 [label=\"say \\\"x\\\"\\nwave 2\"];\n"), "{dot}");
        assert!(dot.contains("  p0 -> p1 [label=\"tmp\"];\n"), "{dot}");
        assert!(dot.contains("  p1 -> p2 [label=\"batch 1 waits for 0\", style=dotted];\n"), "{dot}");
    }
}
