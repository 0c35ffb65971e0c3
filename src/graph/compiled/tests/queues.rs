//! Several queues: who runs where, who waits for whom, and who owns an image.

use super::dsl::{Graph, three_queues, twin_queues, two_queues};
use crate::gpu::{QueueId, QueueKind::*};

/// The batches' queues and waits.
fn batches(plan: &crate::graph::compiled::Compiled) -> Vec<(u8, Vec<usize>)> {
    plan.batches.iter().map(|batch| (batch.queue.0, batch.waits.clone())).collect()
}

#[test]
fn a_read_on_another_queue_is_a_wait_and_no_barrier() {
    // compute:  simulate ─x┐
    // graphics:            └▶ draw
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    g.pass("simulate").writes(x).on(Compute);
    g.pass("draw").draws(x);
    let plan = g.expect(
        "
        batch 0 on compute
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
        batch 1 on graphics, waits for 0
          pass `draw`
        ",
    );
    let stats = plan.stats();
    assert_eq!((stats.batches, stats.queues, stats.waits, stats.barriers), (2, 2, 1, 0));
}

#[test]
fn on_a_device_with_one_queue_the_choice_does_not_matter() {
    // simulate (compute) ─x▶ draw
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("simulate").writes(x).on(Compute);
    g.pass("draw").draws(x);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> VERTEX_SHADER SHADER_STORAGE_READ
          pass `draw`
        ",
    );
    assert_eq!((plan.stats().queues, plan.stats().waits), (1, 0));
}

#[test]
fn a_write_after_a_read_on_another_queue_is_a_wait() {
    // graphics: draw ─x┐
    // compute:         └▶ simulate
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    g.pass("draw").draws(x);
    g.pass("simulate").writes(x).on(Compute);
    g.expect(
        "
        batch 0 on graphics
          enter `x` VERTEX_SHADER SHADER_STORAGE_READ
          pass `draw`
        batch 1 on compute, waits for 0
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE, after readers
          pass `simulate`
        ",
    );
}

#[test]
fn queues_without_common_data_do_not_wait() {
    // graphics: draw (x)
    // compute:  simulate (y)
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("draw").draws(x);
    g.pass("simulate").writes(y).on(Compute);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` VERTEX_SHADER SHADER_STORAGE_READ
          pass `draw`
        batch 1 on compute
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
        ",
    );
    assert_eq!((plan.stats().waves, plan.stats().waits), (1, 0));
}

#[test]
fn a_queue_that_waited_once_does_not_wait_again() {
    // compute:  a ─x┐
    //             ─y┼┐
    // graphics:     └▶ b ─▶ c (x and y, and what b wrote)
    let mut g = Graph::on(two_queues());
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("a").writes(x).writes(y).on(Compute);
    g.pass("b").draws(x).copies_to(z);
    g.pass("c").draws(y).copies_from(z);
    let plan = g.expect(
        "
        batch 0 on compute
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
        batch 1 on graphics, waits for 0
          enter `z` ALL_TRANSFER TRANSFER_WRITE
          pass `b`
          barrier ALL_TRANSFER TRANSFER_WRITE -> ALL_TRANSFER TRANSFER_READ
          pass `c`
        ",
    );
    assert_eq!(plan.stats().waits, 1);
}

#[test]
fn a_wait_over_a_third_queue_is_enough() {
    // transfer: upload ─x┬──────────────┐
    // compute:           └▶ cull ─y┐    │ (implied)
    // graphics:                    └▶ draw
    let mut g = Graph::on(three_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("upload").copies_to(x).on(Transfer);
    g.pass("cull").reads(x).writes(y).on(Compute);
    g.pass("draw").draws(x).indirect(y).on(Graphics);
    g.expect(
        "
        batch 0 on transfer
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `upload`
        batch 1 on compute, waits for 0
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `cull`
        batch 2 on graphics, waits for 1
          pass `draw`
        ",
    );
}

#[test]
fn a_diamond_over_three_queues_joins_with_two_waits() {
    //           ┌─x▶ cull (compute)  ─y┐
    // upload ───┤                      ├▶ draw (graphics)
    // (transfer)└─x▶ copy (transfer) ─z┘
    let mut g = Graph::on(three_queues());
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("upload").copies_to(x).on(Transfer);
    g.pass("cull").reads(x).writes(y).on(Compute);
    g.pass("copy").copies_from(x).copies_to(z).on(Transfer);
    g.pass("draw").indirect(y).draws(z).on(Graphics);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    let last = plan.batches.last().expect("four batches");
    assert_eq!((plan.stats().batches, plan.stats().waits, last.waits.len()), (4, 3, 2), "{}", g.text(&plan));
}

#[test]
fn work_goes_back_and_forth() {
    // graphics: a ─x┐         ┌▶ c
    // compute:      └▶ b ─y───┘
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a").uses(x, crate::resource::Access::storage_write(ash::vk::PipelineStageFlags2::FRAGMENT_SHADER));
    g.pass("b").reads(x).writes(y).on(Compute);
    g.pass("c").draws(y);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` FRAGMENT_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
        batch 1 on compute, waits for 0
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `b`
        batch 2 on graphics, waits for 1
          pass `c`
        ",
    );
    assert_eq!(plan.stats().waves, 3);
}

#[test]
fn work_beside_a_wait_is_not_held_up() {
    // graphics: shadows ───────┐ (before the wait)
    // compute:  simulate ─x┐   │
    // graphics:            └▶ draw
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("shadows").copies_to(y).on(Graphics);
    g.pass("simulate").writes(x).on(Compute);
    g.pass("draw").draws(x).draws(y);
    g.expect(
        "
        batch 0 on graphics
          enter `y` ALL_TRANSFER TRANSFER_WRITE
          pass `shadows`
        batch 1 on compute
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
        batch 2 on graphics, waits for 1
          barrier ALL_TRANSFER TRANSFER_WRITE -> VERTEX_SHADER SHADER_STORAGE_READ
          pass `draw`
        ",
    );
}

#[test]
fn concurrent_writers_on_two_queues_do_not_wait_for_one_another() {
    // compute:  add1 ─x┐
    // graphics: add2 ─x┴▶ read
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    g.pass("add1").adds(x).on(Compute);
    g.pass("add2").adds(x).on(Graphics);
    g.pass("read").indirect(x).on(Graphics);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add2`
        batch 1 on compute
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add1`
        batch 2 on graphics, waits for 1
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `read`
        ",
    );
    assert_eq!((plan.stats().waves, plan.stats().waits, plan.stats().barriers), (2, 1, 1), "{}", g.text(&plan));
}

#[test]
fn readers_on_two_queues_wait_for_one_writer() {
    // graphics: copy ─x┬▶ draw
    // compute:         └▶ cull
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("copy").copies_to(x).on(Graphics);
    g.pass("draw").draws(x);
    g.pass("cull").reads(x).writes(y).on(Compute);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((plan.stats().waits, plan.stats().barriers), (1, 1), "{}", g.text(&plan));
    assert!(g.text(&plan).contains("  barrier ALL_TRANSFER TRANSFER_WRITE -> VERTEX_SHADER SHADER_STORAGE_READ\n"));
}

#[test]
fn an_image_changes_its_owner_with_a_release_and_an_acquire() {
    // compute:  paint ─i┐
    // graphics:         └▶ sample
    let mut g = Graph::on(two_queues());
    let i = g.image("i");
    g.pass("paint").writes(i).on(Compute);
    g.pass("sample").samples(i);
    let plan = g.expect(
        "
        batch 0 on compute
          enter `i` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE -> GENERAL
          pass `paint`
          release
            image `i` COMPUTE_SHADER SHADER_STORAGE_WRITE -> NONE NONE, GENERAL -> SHADER_READ_ONLY_OPTIMAL, compute -> graphics
        batch 1 on graphics, waits for 0
          barrier
            image `i` FRAGMENT_SHADER NONE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, GENERAL -> SHADER_READ_ONLY_OPTIMAL, compute -> graphics
          pass `sample`
        ",
    );
    let [release, acquire] = [0, 1].map(|call: usize| plan.barriers[call].images.clone());
    let (release, acquire) = if plan.batches[0].after == Some(0) { (release, acquire) } else { (acquire, release) };
    assert_eq!((release.len(), acquire.len(), plan.barriers.len()), (1, 1, 2));
    assert_eq!(release[0].transfer, Some([QueueId(1), QueueId(0)]));
    assert_eq!(
        (release[0].transfer, release[0].old, release[0].new),
        (acquire[0].transfer, acquire[0].old, acquire[0].new)
    );
    assert_eq!(batches(&plan), [(1, vec![]), (0, vec![0])]);
}

#[test]
fn an_image_that_is_thrown_away_changes_its_owner_for_nothing() {
    // compute:  paint ─i┐
    // graphics:         └▶ draw (clears)
    let mut g = Graph::on(two_queues());
    let i = g.image("i");
    g.pass("paint").writes(i).on(Compute);
    g.pass("draw").clears(i);
    let plan = g.expect(
        "
        batch 0 on compute
          enter `i` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE -> GENERAL
          pass `paint`
        batch 1 on graphics, waits for 0
          barrier
            image `i` COLOR_ATTACHMENT_OUTPUT NONE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL
          pass `draw`
        ",
    );
    assert_eq!(batches(&plan), [(1, vec![]), (0, vec![0])]);
    assert_eq!((plan.barriers.len(), plan.batches[0].after), (1, None));
    assert_eq!(plan.barriers[0].images[0].transfer, None);
}

#[test]
fn queues_of_one_family_share_images() {
    // compute:  paint ─i┐
    // graphics:         └▶ sample      one family: the layout changes, the owner does not
    let mut g = Graph::on(twin_queues());
    let i = g.image("i");
    g.pass("paint").writes(i).on(Compute);
    g.pass("sample").samples(i);
    let plan = g.expect(
        "
        batch 0 on compute
          enter `i` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE -> GENERAL
          pass `paint`
        batch 1 on graphics, waits for 0
          barrier
            image `i` FRAGMENT_SHADER NONE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, GENERAL -> SHADER_READ_ONLY_OPTIMAL
          pass `sample`
        ",
    );
    assert_eq!((plan.barriers.len(), plan.batches[0].after), (1, None));
    let image = plan.barriers[0].images[0];
    assert_eq!(image.transfer, None);
    assert!(!image.source.stages.is_empty(), "a transition with no source stage does not wait for the semaphore");
}

#[test]
fn a_pass_without_a_choice_follows_its_producers() {
    // simulate (compute) ─x▶ sort ─x▶ draw (graphics)
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    g.pass("simulate").writes(x).on(Compute);
    g.pass("sort").writes(x);
    g.pass("draw").draws(x);
    g.expect(
        "
        batch 0 on compute
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `sort`
        batch 1 on graphics, waits for 0
          pass `draw`
        ",
    );
}

#[test]
fn a_pass_without_producers_follows_its_consumers() {
    // reset ─x▶ simulate (compute)
    let mut g = Graph::on(two_queues());
    let x = g.buffer("x");
    g.pass("reset").copies_to(x);
    g.pass("simulate").writes(x).on(Compute);
    g.expect(
        "
        batch 0 on compute
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `reset`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
        ",
    );
}

#[test]
fn a_pass_that_draws_never_leaves_the_graphics_queue() {
    // simulate (compute) ─x▶ draw, though its only producer is on compute
    let mut g = Graph::on(three_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("simulate").writes(x).on(Compute);
    g.pass("draw").draws(x);
    g.pass("copy").copies_to(y);
    let plan = g.compile().expect("a plan");
    let queue = |pass: usize| {
        let position = plan.order.iter().position(|&p| p == pass).expect("it is planned");
        plan.batches.iter().find(|batch| batch.positions.contains(&position)).expect("it has a batch").queue
    };
    assert_eq!([0, 1, 2].map(queue), [QueueId(1), QueueId(0), QueueId(0)]);
}

#[test]
fn after_across_queues_is_a_wait() {
    // graphics: draw ─after┐
    // compute:             └▶ simulate
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("draw").draws(x);
    g.pass("simulate").writes(y).on(Compute).after(0);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` VERTEX_SHADER SHADER_STORAGE_READ
          pass `draw`
        batch 1 on compute, waits for 0
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `simulate`
        ",
    );
    assert_eq!(batches(&plan), [(0, vec![]), (1, vec![0])]);
}
