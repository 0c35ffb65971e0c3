//! Graphs that cannot be compiled.

use super::dsl::{Graph, three_queues, two_queues};
use crate::{
    gpu::QueueKind::{Compute, Transfer},
    graph::compiled::Fault,
};

#[test]
fn reading_a_transient_that_nobody_wrote() {
    // (nobody) ─t▶ a
    let mut g = Graph::new();
    let t = g.transient("t", 64);
    g.pass("a").reads(t);
    assert_eq!(g.fault(), Fault::NeverWritten { pass: 0, slot: t.index });
}

#[test]
fn reading_a_transient_before_it_is_written() {
    // a (reads t)   b ─t▶
    let mut g = Graph::new();
    let x = g.buffer("x");
    let t = g.transient("t", 64);
    g.pass("a").reads(t).writes(x);
    g.pass("b").copies_to(t);
    assert_eq!(g.fault(), Fault::NeverWritten { pass: 0, slot: t.index });
}

#[test]
fn reading_a_part_of_a_transient_that_nobody_wrote() {
    // a ─t[0..64]▶ b (reads t[0..128])
    let mut g = Graph::new();
    let t = g.transient("t", 1024);
    g.pass("a").copies_to(t.bytes(0..64));
    g.pass("b").reads(t.bytes(0..128));
    assert_eq!(g.fault(), Fault::NeverWritten { pass: 1, slot: t.index });
}

#[test]
fn an_import_may_be_read_before_it_is_written() {
    // a (reads x): the past may have written it
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("a").reads(x);
    g.compile().expect("whoever commits it checks that");
}

#[test]
fn passes_that_each_read_what_the_other_writes() {
    // a ─x▶ b ─y▶ a
    let mut g = Graph::new();
    g.any_order = true;
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a").writes(x).reads(y);
    g.pass("b").reads(x).writes(y);
    let Fault::Cycle { mut passes, slot } = g.fault() else { panic!("{:?}", g.fault()) };
    passes.sort_unstable();
    assert_eq!(passes, [0, 1]);
    assert!(slot == Some(x.index) || slot == Some(y.index));
}

#[test]
fn a_cycle_of_three() {
    // a ─x▶ b ─y▶ c ─z▶ a, and d beside it
    let mut g = Graph::new();
    g.any_order = true;
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("d").indirect(x);
    g.pass("a").writes(x).reads(z);
    g.pass("b").reads(x).writes(y);
    g.pass("c").reads(y).writes(z);
    let Fault::Cycle { mut passes, .. } = g.fault() else { panic!("{:?}", g.fault()) };
    passes.sort_unstable();
    assert_eq!(passes, [1, 2, 3], "and not the one that only reads");
}

#[test]
fn two_writers_that_nothing_orders() {
    // a ─x?   b ─x?
    let mut g = Graph::new();
    g.any_order = true;
    let x = g.buffer("x");
    g.pass("a").writes(x);
    g.pass("b").writes(x);
    assert_eq!(g.fault(), Fault::Unordered { first: 0, second: 1, slot: x.index });
}

#[test]
fn two_writers_that_after_orders_and_a_reader_that_nothing_does() {
    // a ─x▶ b (after a)   r (of x, when?)
    let mut g = Graph::new();
    g.any_order = true;
    let x = g.buffer("x");
    g.pass("a").writes(x);
    g.pass("b").writes(x).after(0);
    g.pass("r").reads(x);
    let Fault::Unordered { first, second, slot } = g.fault() else { panic!("{:?}", g.fault()) };
    assert!(first == 2 || second == 2, "{first} and {second}");
    assert_eq!(slot, x.index);
}

#[test]
fn concurrent_writers_need_no_order() {
    // a ─x┐
    // b ─x┘ in any order
    let mut g = Graph::new();
    g.any_order = true;
    let x = g.buffer("x");
    g.pass("a").adds(x);
    g.pass("b").adds(x);
    let plan = g.compile().expect("a plan");
    assert_eq!(plan.stats().waves, 1);
}

#[test]
fn drawing_on_a_queue_that_cannot() {
    let mut g = Graph::on(two_queues());
    let i = g.image("i");
    g.pass("draw").clears(i).on(Compute);
    assert_eq!(g.fault(), Fault::Queue { pass: 0, kind: Compute });
}

#[test]
fn dispatching_on_a_queue_that_only_copies() {
    let mut g = Graph::on(three_queues());
    let x = g.buffer("x");
    g.pass("copy").copies_to(x).on(Transfer);
    g.pass("dispatch").writes(x).on(Transfer);
    assert_eq!(g.fault(), Fault::Queue { pass: 1, kind: Transfer });
}

#[test]
fn more_passes_than_a_graph_takes() {
    let mut g = Graph::new();
    for _ in 0..10_001 {
        g.pass("p");
    }
    assert_eq!(g.fault(), Fault::TooManyPasses);
    g.passes.truncate(10_000);
    assert_eq!(g.compile().expect("as many as it takes").stats().passes, 10_000);
}
