//! Chains, diamonds, fans: in which order passes go, and how many barriers stand between them.

use super::dsl::Graph;
use crate::graph::compiled::Compiled;

#[test]
fn an_empty_graph_has_an_empty_plan() {
    let plan = Graph::new().expect("");
    let empty = Compiled { as_declared: true, queues: plan.queues.clone(), ..Compiled::default() };
    assert_eq!(plan, empty);
}

#[test]
fn a_pass_that_touches_nothing_is_still_a_pass() {
    // a    b
    let mut g = Graph::new();
    g.pass("a");
    g.pass("b");
    g.expect(
        "
        batch 0 on graphics
          pass `a`
          pass `b`
        ",
    );
}

#[test]
fn a_chain_has_one_barrier_less_than_passes() {
    // a ─x▶ b ─x▶ c ─x▶ d
    let mut g = Graph::new();
    let x = g.buffer("x");
    for name in ["a", "b", "c", "d"] {
        g.pass(name).writes(x);
    }
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `b`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `c`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `d`
        ",
    );
    let stats = plan.stats();
    assert_eq!((stats.passes, stats.waves, stats.barriers, stats.lower_bound), (4, 4, 3, 3));
    assert_eq!(stats.barriers_per_pass(), 0.75);
}

#[test]
fn chains_side_by_side_share_their_barriers() {
    // a1 ─x▶ a2
    // b1 ─y▶ b2
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a1").copies_to(x);
    g.pass("a2").reads(x);
    g.pass("b1").writes(y);
    g.pass("b2").indirect(y);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a1`
          pass `b1`
          barrier COMPUTE_SHADER | ALL_TRANSFER TRANSFER_WRITE | SHADER_STORAGE_WRITE -> DRAW_INDIRECT | COMPUTE_SHADER INDIRECT_COMMAND_READ | SHADER_STORAGE_READ
          pass `a2`
          pass `b2`
        ",
    );
    assert_eq!((plan.order.as_slice(), plan.as_declared), ([0, 2, 1, 3].as_slice(), false));
    assert_eq!(plan.waves, [0, 0, 1, 1]);
}

#[test]
fn two_resources_between_the_same_passes_need_one_barrier() {
    //   ┌─x─┐
    // a ┼─y─┼▶ b
    //   └─z─┘
    let mut g = Graph::new();
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("a").writes(x).writes(y).writes(z);
    g.pass("b").reads(x).indirect(y).copies_from(z);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `z` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT | COMPUTE_SHADER | ALL_TRANSFER INDIRECT_COMMAND_READ | TRANSFER_READ | SHADER_STORAGE_READ
          pass `b`
        ",
    );
    assert!(plan.as_declared);
}

#[test]
fn a_diamond_has_three_waves_and_two_barriers() {
    //        ┌─x▶ left ─y─┐
    // source ┤            ├▶ join
    //        └─x▶ right ─z┘
    let mut g = Graph::new();
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("source").copies_to(x);
    g.pass("left").reads(x).writes(y);
    g.pass("right").reads(x).writes(z);
    g.pass("join").indirect(y).indirect(z);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `z` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `source`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `left`
          pass `right`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `join`
        ",
    );
    assert_eq!((plan.stats().waves, plan.stats().barriers, plan.longest_chain), (3, 2, 3));
}

#[test]
fn a_fan_out_needs_one_barrier_for_all_readers() {
    //        ┌─x▶ r1
    // source ┼─x▶ r2
    //        └─x▶ r3
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("source").writes(x);
    g.pass("r1").reads(x);
    g.pass("r2").draws(x);
    g.pass("r3").copies_from(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `source`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> VERTEX_SHADER | COMPUTE_SHADER | ALL_TRANSFER TRANSFER_READ | SHADER_STORAGE_READ
          pass `r1`
          pass `r2`
          pass `r3`
        ",
    );
}

#[test]
fn a_fan_in_needs_one_barrier_for_all_writers() {
    // w1 ─x┐
    // w2 ─y┼▶ sink
    // w3 ─z┘
    let mut g = Graph::new();
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("w1").writes(x);
    g.pass("w2").copies_to(y);
    g.pass("w3").writes(z);
    g.pass("sink").reads(x).reads(y).reads(z);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` ALL_TRANSFER TRANSFER_WRITE
          enter `z` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `w1`
          pass `w2`
          pass `w3`
          barrier COMPUTE_SHADER | ALL_TRANSFER TRANSFER_WRITE | SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `sink`
        ",
    );
    assert_eq!(plan.stats().barriers_per_pass(), 0.25);
}

#[test]
fn a_late_independent_pass_moves_to_the_first_wave() {
    // a ─x▶ b
    // c
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a").writes(x);
    g.pass("b").reads(x);
    g.pass("c").writes(y);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          pass `c`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `b`
        ",
    );
}

#[test]
fn a_short_chain_beside_a_long_one_adds_no_barrier() {
    // a ─x▶ b ─x▶ c ─x▶ d
    // e ─y▶ f
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    for name in ["a", "b", "c", "d"] {
        g.pass(name).writes(x);
    }
    g.pass("e").writes(y);
    g.pass("f").reads(y);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          pass `e`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `b`
          pass `f`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `c`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `d`
        ",
    );
    assert_eq!((plan.stats().passes, plan.stats().barriers, plan.stats().lower_bound), (6, 3, 3));
}

#[test]
fn after_waits_for_everything() {
    // a ─after▶ b
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a").writes(x);
    g.pass("b").writes(y).after(0);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          barrier ALL_COMMANDS MEMORY_WRITE -> ALL_COMMANDS MEMORY_READ | MEMORY_WRITE
          pass `b`
        ",
    );
}

#[test]
fn after_holds_passes_back_that_touch_nothing() {
    // a ─after▶ b ─after▶ c
    let mut g = Graph::new();
    g.pass("a");
    g.pass("b").after(0);
    g.pass("c").after(1);
    let plan = g.expect(
        "
        batch 0 on graphics
          pass `a`
          barrier ALL_COMMANDS MEMORY_WRITE -> ALL_COMMANDS MEMORY_READ | MEMORY_WRITE
          pass `b`
          barrier ALL_COMMANDS MEMORY_WRITE -> ALL_COMMANDS MEMORY_READ | MEMORY_WRITE
          pass `c`
        ",
    );
    assert_eq!((plan.stats().waves, plan.longest_chain), (3, 3));
}

#[test]
fn with_any_order_a_reader_may_be_declared_before_its_writer() {
    // declared: reader, writer      writer ─x▶ reader
    let mut g = Graph::new();
    g.any_order = true;
    let x = g.buffer("x");
    g.pass("reader").reads(x);
    g.pass("writer").copies_to(x);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `writer`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `reader`
        ",
    );
    assert_eq!((plan.order.as_slice(), plan.as_declared), ([1, 0].as_slice(), false));
}

#[test]
fn with_any_order_a_chain_may_be_declared_backwards() {
    // declared: c, b, a      a ─x▶ b ─y▶ c
    let mut g = Graph::new();
    g.any_order = true;
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("c").indirect(y);
    g.pass("b").reads(x).writes(y);
    g.pass("a").copies_to(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `b`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `c`
        ",
    );
}

#[test]
fn with_any_order_after_may_put_a_reader_before_the_only_writer() {
    // reader ─after▶ writer, both of x
    let mut g = Graph::new();
    g.any_order = true;
    let x = g.buffer("x");
    g.pass("reader").reads(x);
    g.pass("writer").copies_to(x).after(0);
    let plan = g.compile().expect("after says which is first");
    assert_eq!(plan.order, [0, 1]);
    super::properties::check(&g, &plan).expect("a sound plan");
}
