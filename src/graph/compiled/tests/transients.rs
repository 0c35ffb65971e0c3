//! Resources that live inside one graph: culling, lifetimes, shared memory.

use super::dsl::{Graph, SAMPLED, transient_image, two_queues};
use crate::{
    gpu::QueueKind::Compute,
    graph::{compiled::Place, ir::SlotShape},
    resource::Access,
};

fn place(plan: &crate::graph::compiled::Compiled, slot: super::dsl::Slot) -> Place {
    let places = &plan.transients.places;
    *places.iter().find(|place| place.slot == slot.index).expect("every live transient has a place")
}

#[test]
fn transients_that_do_not_live_at_once_share_memory() {
    // a ─s▶ b ─x▶ c ─t▶ d ─y▶      s and t never meet
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    let s = g.transient("s", 4096);
    let t = g.transient("t", 2048);
    g.pass("a").copies_to(s);
    g.pass("b").reads(s).writes(x);
    g.pass("c").reads(x).copies_to(t);
    g.pass("d").reads(t).writes(y);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `b`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER | ALL_TRANSFER TRANSFER_WRITE | SHADER_STORAGE_READ
          pass `c`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `d`
        transient `s` bytes 0..4096, waves 0..=1
        transient `t` bytes 0..2048, waves 2..=3
        ",
    );
    assert_eq!((plan.stats().transient_bytes, plan.stats().transient_bytes_unaliased), (4096, 6144));
}

#[test]
fn transients_that_live_at_once_do_not_share_memory() {
    // a ─s┐
    // b ─t┴▶ c ─x▶
    let mut g = Graph::new();
    let x = g.buffer("x");
    let s = g.transient("s", 1000);
    let t = g.transient("t", 2048);
    g.pass("a").copies_to(s);
    g.pass("b").copies_to(t);
    g.pass("c").reads(s).reads(t).writes(x);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((place(&plan, s).offset % 256, place(&plan, t).offset % 256), (0, 0));
    assert!(plan.stats().transient_bytes >= 3048);
    assert_eq!(place(&plan, s).waves, [0, 1]);
}

#[test]
fn memory_is_not_shared_across_queues() {
    // graphics: a ─s▶ b ─x┐
    // compute:            └▶ c ─t▶ d ─y▶
    let mut g = Graph::on(two_queues());
    let [x, y] = g.buffers(["x", "y"]);
    let s = g.transient("s", 1024);
    let t = g.transient("t", 1024);
    g.pass("a").copies_to(s).on(crate::gpu::QueueKind::Graphics);
    g.pass("b").draws(s).copies_to(x);
    g.pass("c").reads(x).writes(t).on(Compute);
    g.pass("d").reads(t).writes(y).on(Compute);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!(plan.stats().transient_bytes, plan.stats().transient_bytes_unaliased, "{}", g.text(&plan));
}

#[test]
fn a_pass_whose_result_nobody_reads_is_culled() {
    // a ─t▶ (nobody)
    // b ─x▶
    let mut g = Graph::new();
    let x = g.buffer("x");
    let t = g.transient("t", 64);
    g.pass("a").copies_to(t);
    g.pass("b").writes(x);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `b`
        culled `a`
        ",
    );
    assert_eq!((plan.stats().passes, plan.stats().culled, plan.stats().transient_bytes), (1, 1, 0));
}

#[test]
fn culling_goes_back_through_a_chain() {
    // a ─s▶ b ─t▶ c ─u▶ (nobody)
    let mut g = Graph::new();
    let [s, t, u] = ["s", "t", "u"].map(|name| g.transient(name, 64));
    g.pass("a").copies_to(s);
    g.pass("b").reads(s).writes(t);
    g.pass("c").reads(t).writes(u);
    let plan = g.expect(
        "
        culled `a`
        culled `b`
        culled `c`
        ",
    );
    assert_eq!((plan.stats().batches, plan.stats().waves, plan.longest_chain), (0, 0, 0));
}

#[test]
fn a_side_effect_keeps_a_pass_and_what_it_reads() {
    // a ─s▶ b (keep) ─t▶ (nobody)
    let mut g = Graph::new();
    let [s, t] = ["s", "t"].map(|name| g.transient(name, 256));
    g.pass("a").copies_to(s);
    g.pass("b").reads(s).writes(t).keep();
    g.expect(
        "
        batch 0 on graphics
          pass `a`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `b`
        transient `s` bytes 0..256, waves 0..=1
        transient `t` bytes 256..512, waves 1..=1
        ",
    );
}

#[test]
fn a_discard_ends_the_need_for_what_was_there() {
    // a ─t▶ b (discards) ─t▶ c ─x▶      nobody needs a
    let mut g = Graph::new();
    let x = g.buffer("x");
    let t = g.transient("t", 256);
    g.pass("a").copies_to(t);
    g.pass("b").discards(t, Access::storage_write(ash::vk::PipelineStageFlags2::COMPUTE_SHADER));
    g.pass("c").reads(t).writes(x);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((plan.culled.as_slice(), plan.order.as_slice()), ([0].as_slice(), [1, 2].as_slice()));
}

#[test]
fn a_pass_that_writes_nothing_is_never_culled() {
    // a ─t▶ b (reads only)
    let mut g = Graph::new();
    let t = g.transient("t", 256);
    g.pass("a").copies_to(t);
    g.pass("b").reads(t);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((plan.culled.len(), plan.order.len()), (0, 2));
}

#[test]
fn a_producer_moves_to_its_consumer_if_that_adds_no_wave() {
    // a ─x▶ b ─x▶ c ─x▶ d
    // e ─t──────────────┘      e could run first, but t lives shorter if it runs with c
    let mut g = Graph::new();
    let x = g.buffer("x");
    let t = g.transient("t", 256);
    g.pass("a").writes(x);
    g.pass("e").copies_to(t);
    g.pass("b").writes(x);
    g.pass("c").writes(x);
    g.pass("d").writes(x).reads(t);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((place(&plan, t).waves, plan.stats().waves), ([2, 3], 4), "{}", g.text(&plan));
}

#[test]
fn the_first_use_of_a_transient_image_gives_it_a_layout() {
    // draw ─i▶ sample ─j▶
    let mut g = Graph::new();
    let j = g.image("j");
    let i = g.transient_image("i", 4096);
    g.pass("draw").clears(i);
    g.pass("sample").samples(i).clears(j);
    g.expect(
        "
        batch 0 on graphics
          enter `j` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          barrier
            image `i` NONE NONE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL
          pass `draw`
          barrier
            image `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, COLOR_ATTACHMENT_OPTIMAL -> SHADER_READ_ONLY_OPTIMAL
          pass `sample`
        transient `i` bytes 0..4096, waves 0..=1
        ",
    );
}

#[test]
fn images_share_memory_behind_an_image_barrier() {
    // draw1 ─i▶ post1 ─k▶ draw2 ─j▶ post2 ─k▶
    let mut g = Graph::new();
    let k = g.image("k");
    let i = g.transient_image("i", 4096);
    let j = g.transient_image("j", 4096);
    g.pass("draw1").clears(i);
    g.pass("post1").samples(i).renders(k);
    g.pass("draw2").uses(k, SAMPLED).clears(j);
    g.pass("post2").samples(j).renders(k);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((place(&plan, i).offset, place(&plan, j).offset), (0, 0));
    assert_eq!((plan.stats().transient_bytes, plan.stats().transient_bytes_unaliased), (4096, 8192));
    let text = g.text(&plan);
    let handover = "    image `j` FRAGMENT_SHADER NONE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | \
                    COLOR_ATTACHMENT_WRITE, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL\n";
    assert!(text.contains(handover), "{text}");
}

#[test]
fn images_of_other_memory_types_keep_apart() {
    // draw1 ─i▶ post1 ─k▶ draw2 ─j▶ post2 ─k▶, but j cannot be in the memory of i
    let mut g = Graph::new();
    let k = g.image("k");
    let i = g.transient_image("i", 4096);
    let j = g.slot("j", SlotShape::TransientImage(transient_image(4096, 2)));
    g.pass("draw1").clears(i);
    g.pass("post1").samples(i).renders(k);
    g.pass("draw2").samples(k).clears(j);
    g.pass("post2").samples(j).renders(k);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!(plan.stats().transient_bytes, plan.stats().transient_bytes_unaliased);
}

#[test]
fn a_chain_of_transients_takes_the_memory_of_two() {
    // p0 ─t0▶ p1 ─t1▶ p2 ─t2▶ … ─t7▶ p8 ─x▶
    let mut g = Graph::new();
    let x = g.buffer("x");
    let transients: Vec<_> = (0..8).map(|index| g.transient(&format!("t{index}"), 1024)).collect();
    g.pass("p0").writes(transients[0]);
    for index in 1..8 {
        g.pass(format!("p{index}")).reads(transients[index - 1]).writes(transients[index]);
    }
    g.pass("p8").reads(transients[7]).writes(x);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((plan.stats().transient_bytes, plan.stats().transient_bytes_unaliased), (2048, 8192));
    assert_eq!((plan.stats().barriers, plan.stats().waves), (8, 9), "sharing adds no barrier here");
}
