//! A schedule as Mermaid and DOT say it.

use super::*;
use crate::schedule::Schedule;

struct Game([Numbers; 3]);

impl Schedule for Game {
    const STAGES: &'static [Stage] = &[
        Stage { name: "move", after: &[], members: 2 },
        Stage { name: "say \"x\"", after: &["move"], members: 1 },
        Stage { name: "none", after: &["move"], members: 0 },
    ];
    const NAME: &'static str = "Game";

    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member> {
        self.0.get(stage * 2 + index).map(|member| member as _)
    }
}

fn game() -> Game {
    Game(["Fly", "Fall", "Say"].map(|name| Numbers::adding(name, &[], &[])))
}

#[test]
fn mermaid_has_a_frame_for_each_stage() {
    let expected = r##"flowchart TD
  subgraph s0["move"]
    m0_0(["Fly"])
    m0_1(["Fall"])
  end
  subgraph s1["say #quot;x#quot;"]
    m1_0(["Say"])
  end
  subgraph s2["none"]
  end
  s0 --> s1
  s0 --> s2
"##;
    assert_eq!(game().to_mermaid(), expected);
}

#[test]
fn dot_says_the_same() {
    let dot = game().to_dot();
    assert!(dot.starts_with("digraph \"Game\" {\n  compound=true;\n") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("    label=\"say \\\"x\\\"\";"), "{dot}");
    assert!(dot.contains("    m0_1 [label=\"Fall\", style=\"rounded,filled\""), "{dot}");
    assert!(dot.contains("  m0_0 -> m2_0 [ltail=cluster_s0, lhead=cluster_s2];\n"), "{dot}");
    assert!(dot.contains("    m2_0 [style=invis];\n"), "{dot}");
}
