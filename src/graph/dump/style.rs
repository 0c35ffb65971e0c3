//! How languages for graphs say things.

/// A language for graphs. Labels are lines.
pub(super) trait Style {
    fn begin(&self) -> &'static str;
    fn end(&self) -> &'static str;
    fn group(&self, id: &str, label: &str) -> String;
    fn end_group(&self) -> &'static str;
    fn node(&self, node: Node, id: &str, lines: &[String]) -> String;
    fn edge(&self, edge: Edge, from: &str, to: &str, label: &str) -> String;
}

/// What a box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Pass,
    Barrier,
    Note,
}

/// What a line between boxes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// One pass comes after another, mostly for data.
    Data,
    /// Through a barrier.
    Barrier,
    /// One queue waits for another.
    Wait,
}

pub(super) struct Mermaid;

impl Style for Mermaid {
    fn begin(&self) -> &'static str {
        "flowchart TD\n  classDef barrier fill:none,stroke-dasharray:4,font-size:12px\n"
    }

    fn end(&self) -> &'static str {
        ""
    }

    fn group(&self, id: &str, label: &str) -> String {
        format!("  subgraph {id}[\"{}\"]\n", entities(label))
    }

    fn end_group(&self) -> &'static str {
        "  end\n"
    }

    fn node(&self, node: Node, id: &str, lines: &[String]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| entities(line)).collect();
        let class = if node == Node::Barrier { ":::barrier" } else { "" };
        format!("    {id}[\"{}\"]{class}\n", lines.join("<br/>"))
    }

    fn edge(&self, edge: Edge, from: &str, to: &str, label: &str) -> String {
        let arrow = match edge {
            Edge::Data => "-->",
            Edge::Barrier => "---",
            Edge::Wait => "-.->",
        };
        let label = if label.is_empty() { String::new() } else { format!("|\"{}\"|", entities(label)) };
        format!("  {from} {arrow}{label} {to}\n")
    }
}

/// Mermaid takes markup in labels: what would be some is written as entities.
pub(crate) fn entities(label: &str) -> String {
    let escape = |letter: char| match letter {
        '"' => "#quot;".to_owned(),
        '#' => "#35;".to_owned(),
        '&' => "#amp;".to_owned(),
        '<' => "#lt;".to_owned(),
        '>' => "#gt;".to_owned(),
        '`' => "#96;".to_owned(),
        letter if letter.is_control() => " ".to_owned(),
        letter => letter.to_string(),
    };
    label.chars().map(escape).collect()
}

pub(super) struct Dot;

impl Style for Dot {
    fn begin(&self) -> &'static str {
        "digraph plan {\n  node [shape=box, fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n"
    }

    fn end(&self) -> &'static str {
        "}\n"
    }

    fn group(&self, id: &str, label: &str) -> String {
        format!("  subgraph cluster_{id} {{\n    label={}; fontname=\"sans-serif\"; style=rounded;\n", quoted(label))
    }

    fn end_group(&self) -> &'static str {
        "  }\n"
    }

    fn node(&self, node: Node, id: &str, lines: &[String]) -> String {
        let style = match node {
            Node::Pass => ", style=filled, fillcolor=\"#e8eefc\"",
            Node::Barrier => ", style=dashed, fontsize=9",
            Node::Note => ", shape=note, fontsize=10",
        };
        format!("    {id} [label={}{style}];\n", quoted(&lines.join("\n")))
    }

    fn edge(&self, edge: Edge, from: &str, to: &str, label: &str) -> String {
        let label = (!label.is_empty()).then(|| format!("label={}", quoted(label)));
        let style = match edge {
            Edge::Data => None,
            Edge::Barrier => Some("dir=none, color=gray"),
            Edge::Wait => Some("style=dotted"),
        };
        let attributes: Vec<_> = label.as_deref().into_iter().chain(style).collect();
        let attributes = if attributes.is_empty() { String::new() } else { format!(" [{}]", attributes.join(", ")) };
        format!("  {from} -> {to}{attributes};\n")
    }
}

pub(crate) fn quoted(label: &str) -> String {
    format!("\"{}\"", label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
