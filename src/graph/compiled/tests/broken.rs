//! The checker itself: plans that were broken by hand must not pass.

use super::{
    dsl::{Graph, two_queues},
    properties,
    simulate::{Skip, simulate},
    stream::{World, of_plan},
};
use crate::{gpu::QueueKind::Compute, graph::compiled::Compiled};

/// copy ─x▶ work ─y▶ draw ─i▶ post
fn line() -> (Graph, Compiled) {
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    let i = g.image("i");
    g.pass("copy").copies_to(x);
    g.pass("work").reads(x).writes(y);
    g.pass("draw").indirect(y).clears(i);
    g.pass("post").samples(i).copies_to(x);
    let plan = g.compile().expect("a plan");
    properties::check(&g, &plan).expect("a sound plan");
    (g, plan)
}

/// compute: simulate ─x▶ paint ─i▶ graphics: draw (x, i)
fn two() -> (Graph, Compiled) {
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    let i = g.image("i");
    g.pass("simulate").writes(x).on(Compute);
    g.pass("paint").reads(x).writes(i).on(Compute);
    g.pass("draw").draws(x).samples(i);
    let plan = g.compile().expect("a plan");
    properties::check(&g, &plan).expect("a sound plan");
    (g, plan)
}

#[track_caller]
fn caught((graph, plan): (Graph, Compiled), breaks: impl FnOnce(&mut Compiled), message: &str) {
    let mut broken = plan;
    breaks(&mut broken);
    let error = properties::check(&graph, &broken).expect_err("it is broken");
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_barrier_that_is_missing_is_caught() {
    let (graph, plan) = line();
    let world = World::of(&graph, &plan).expect("cells");
    let stream = of_plan(&plan, &world.cells).expect("a stream");
    let missing = properties::skips(&stream).map(|skip| simulate(&world, &stream, skip));
    let errors: Vec<_> = missing.filter_map(Result::err).collect();
    assert_eq!(errors.len(), 4, "three calls and an image barrier: {errors:?}");
    assert!(simulate(&world, &stream, Skip::Nothing).is_ok());
}

#[test]
fn a_barrier_too_many_is_caught() {
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a").writes(x);
    g.pass("b").writes(y);
    g.pass("c").writes(x).after(1);
    let mut plan = g.compile().expect("a plan");
    let again = plan.barriers[0].clone();
    plan.barriers.push(again);
    plan.before[1] = Some(1);
    plan.waves = vec![0, 1, 2];
    let world = World::of(&g, &plan).expect("cells");
    let stream = of_plan(&plan, &world.cells).expect("a stream");
    let spare = properties::skips(&stream).filter(|&skip| simulate(&world, &stream, skip).is_ok()).count();
    assert_eq!(spare, 1, "the one between a and b");
}

#[test]
fn a_stage_that_is_missing_is_caught() {
    use ash::vk::PipelineStageFlags2 as S;
    caught(line(), |plan| plan.barriers[1].memory.target.stages = S::VERTEX_SHADER, "it does not wait for");
    caught(line(), |plan| plan.barriers[1].memory.source.stages = S::VERTEX_SHADER, "it does not wait for");
}

#[test]
fn an_access_that_is_missing_is_caught() {
    use ash::vk::AccessFlags2 as A;
    caught(line(), |plan| plan.barriers[1].memory.target.mask = A::INDEX_READ, "it does not see");
    caught(line(), |plan| plan.barriers[1].memory.source.mask = A::NONE, "it does not see");
}

#[test]
fn passes_in_another_order_are_caught() {
    caught(
        line(),
        |plan| {
            plan.order.swap(1, 2);
            plan.as_declared = false;
        },
        "",
    );
    caught(line(), |plan| plan.order[1] = 0, "the live passes are");
}

#[test]
fn a_layout_that_is_wrong_is_caught() {
    use ash::vk::ImageLayout as L;
    caught(line(), |plan| plan.barriers[2].images[0].new = L::GENERAL, "the layout is GENERAL");
    caught(line(), |plan| plan.barriers[2].images[0].old = L::GENERAL, "the layout is COLOR_ATTACHMENT_OPTIMAL");
    caught(line(), |plan| plan.barriers[2].images[0].old = L::UNDEFINED, "its contents were thrown away");
}

#[test]
fn a_transition_that_waits_for_nobody_is_caught() {
    caught(line(), |plan| plan.barriers[2].images[0].source = Default::default(), "it does not wait for");
}

#[test]
fn a_wait_that_is_missing_is_caught() {
    caught(two(), |plan| plan.batches[1].waits.clear(), "it does not wait for the release");
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    g.pass("simulate").writes(x).on(Compute);
    g.pass("draw").draws(x);
    let plan = g.compile().expect("a plan");
    caught((g, plan), |plan| plan.batches[1].waits.clear(), "it does not wait for");
}

#[test]
fn a_wait_too_many_is_caught() {
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("simulate").writes(x).on(Compute);
    g.pass("draw").draws(y);
    let plan = g.compile().expect("a plan");
    caught((g, plan), |plan| plan.batches[1].waits.push(0), "nobody misses Wait(1, 0)");
}

#[test]
fn an_owner_that_is_wrong_is_caught() {
    caught(
        two(),
        |plan| {
            plan.barriers.iter_mut().for_each(|barrier| {
                barrier.images.iter_mut().for_each(|image| image.transfer = None);
            })
        },
        "",
    );
    caught(two(), |plan| plan.batches[0].after = None, "calls");
}

#[test]
fn transients_that_overlap_are_caught() {
    // a ─s┐
    // b ─t┴▶ c ─x▶
    let mut g = Graph::new();
    let x = g.buffer("x");
    let [s, t] = ["s", "t"].map(|name| g.transient(name, 256));
    g.pass("a").copies_to(s);
    g.pass("b").copies_to(t);
    g.pass("c").reads(s).reads(t).writes(x);
    let plan = g.compile().expect("a plan");
    caught((g, plan), |plan| plan.transients.places[1].offset = plan.transients.places[0].offset, "at the same time");
}

#[test]
fn shared_memory_without_a_barrier_is_caught() {
    // a ─s▶ b    c ─t▶ d, after one another
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    let [s, t] = ["s", "t"].map(|name| g.transient(name, 256));
    g.pass("a").copies_to(s);
    g.pass("b").reads(s).writes(x);
    g.pass("c").indirect(x).copies_to(t);
    g.pass("d").reads(t).writes(y);
    let plan = g.compile().expect("a plan");
    assert_eq!(plan.stats().transient_bytes, 256);
    properties::check(&g, &plan).expect("a sound plan");
    caught(
        (g, plan),
        |plan| {
            use ash::vk::PipelineStageFlags2 as S;
            plan.barriers[1].memory.target.stages &= !S::ALL_TRANSFER;
        },
        "it does not wait for",
    );
}

#[test]
fn an_entry_that_is_missing_is_caught() {
    caught(
        line(),
        |plan| {
            plan.batches[0].entries.remove(0);
            plan.imports[0].entries = 0..0;
        },
        "an entry",
    );
    let (graph, plan) = two();
    let world = World::of(&graph, &plan).expect("cells");
    let mut stream = of_plan(&plan, &world.cells).expect("a stream");
    stream.batches[0].items.remove(0);
    assert!(simulate(&world, &stream, Skip::Nothing).is_err_and(|error| error.contains("before the plan")));
}
