//! A schedule as boxes and arrows.

use super::{Schedule, Stage};
use crate::{
    graph::dump::style::{entities, quoted},
    system::{Act, Member},
};

/// The systems of a stage, each with its number there.
fn members<S: Schedule>(schedule: &S, stage: usize) -> impl Iterator<Item = (usize, &dyn Member)> {
    (0..S::STAGES[stage].members).filter_map(move |index| Some((index, schedule.member(stage, index)?)))
}

/// Pairs of stages of which the second names the first.
fn arrows(stages: &[Stage]) -> impl Iterator<Item = (usize, usize)> {
    let index = |name: &&str| stages.iter().position(|stage| stage.name == *name);
    let before = move |stage: &Stage| stage.after.iter().filter_map(index).collect::<Vec<_>>();
    stages.iter().enumerate().flat_map(move |(to, stage)| before(stage).into_iter().map(move |from| (from, to)))
}

pub(super) fn mermaid<S: Schedule>(schedule: &S) -> String {
    let mut out = "flowchart TD\n".to_owned();
    for (number, stage) in S::STAGES.iter().enumerate() {
        out += &format!("  subgraph s{number}[\"{}\"]\n", entities(stage.name));
        for (index, member) in members(schedule, number) {
            let name = entities(member.name());
            out += &match member.act() {
                Act::Gpu(_) => format!("    m{number}_{index}[\"{name}\"]\n"),
                Act::Cpu(_) => format!("    m{number}_{index}([\"{name}\"])\n"),
            };
        }
        out += "  end\n";
    }
    for (from, to) in arrows(S::STAGES) {
        out += &format!("  s{from} --> s{to}\n");
    }
    out
}

pub(super) fn dot<S: Schedule>(schedule: &S) -> String {
    // Arrows of Graphviz lead from box to box; `compound` cuts them off at the frames around these.
    let mut out = format!(
        "digraph {} {{\n  compound=true;\n  node [shape=box, fontname=\"sans-serif\", style=filled, fillcolor=\"#e8eefc\"];\n",
        quoted(S::NAME)
    );
    for (number, stage) in S::STAGES.iter().enumerate() {
        let label = quoted(stage.name);
        out +=
            &format!("  subgraph cluster_s{number} {{\n    label={label}; fontname=\"sans-serif\"; style=rounded;\n");
        for (index, member) in members(schedule, number) {
            let style = match member.act() {
                Act::Gpu(_) => "",
                Act::Cpu(_) => ", style=\"rounded,filled\", fillcolor=\"#eef7e8\"",
            };
            out += &format!("    m{number}_{index} [label={}{style}];\n", quoted(member.name()));
        }
        if stage.members == 0 {
            out += &format!("    m{number}_0 [style=invis];\n");
        }
        out += "  }\n";
    }
    for (from, to) in arrows(S::STAGES) {
        out += &format!("  m{from}_0 -> m{to}_0 [ltail=cluster_s{from}, lhead=cluster_s{to}];\n");
    }
    out + "}\n"
}
