//! Images: a layout change is an image barrier, everything else is the memory barrier that buffers share.

use super::dsl::Graph;

#[test]
fn an_image_that_is_drawn_and_copied_changes_layout_in_between() {
    // draw ─i▶ copy
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("draw").clears(i);
    g.pass("copy").copies_from(i);
    g.expect(
        "
        batch 0 on graphics
          enter `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          pass `draw`
          barrier
            image `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> ALL_TRANSFER TRANSFER_READ, COLOR_ATTACHMENT_OPTIMAL -> TRANSFER_SRC_OPTIMAL
          pass `copy`
        ",
    );
}

#[test]
fn two_draws_into_one_image_need_no_image_barrier() {
    // draw1 ─i▶ draw2
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("draw1").clears(i);
    g.pass("draw2").renders(i);
    g.expect(
        "
        batch 0 on graphics
          enter `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          pass `draw1`
          barrier COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE
          pass `draw2`
        ",
    );
}

#[test]
fn reads_in_one_layout_share_the_change_to_it() {
    //      ┌─i▶ s1 (pixels)
    // draw ┤
    //      └─i▶ s2 (compute)
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("draw").clears(i);
    g.pass("s1").samples(i);
    g.pass("s2").reads(i);
    g.expect(
        "
        batch 0 on graphics
          enter `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          pass `draw`
          barrier
            image `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> FRAGMENT_SHADER | COMPUTE_SHADER SHADER_SAMPLED_READ, COLOR_ATTACHMENT_OPTIMAL -> SHADER_READ_ONLY_OPTIMAL
          pass `s1`
          pass `s2`
        ",
    );
}

#[test]
fn reads_in_one_layout_cost_nothing() {
    // s1 i    s2 i
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("s1").samples(i);
    g.pass("s2").reads(i);
    g.expect(
        "
        batch 0 on graphics
          enter `i` FRAGMENT_SHADER | COMPUTE_SHADER SHADER_SAMPLED_READ -> SHADER_READ_ONLY_OPTIMAL
          pass `s1`
          pass `s2`
        ",
    );
}

#[test]
fn reads_in_two_layouts_cost_a_change_of_layout() {
    // sample ─i▶ copy
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("sample").samples(i);
    g.pass("copy").copies_from(i);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `i` FRAGMENT_SHADER SHADER_SAMPLED_READ -> SHADER_READ_ONLY_OPTIMAL
          enter `i` FRAGMENT_SHADER NONE, after readers
          pass `sample`
          barrier
            image `i` FRAGMENT_SHADER NONE -> ALL_TRANSFER TRANSFER_READ, SHADER_READ_ONLY_OPTIMAL -> TRANSFER_SRC_OPTIMAL
          pass `copy`
        ",
    );
    let text = g.text(&plan);
    let change = "    image `i` FRAGMENT_SHADER NONE -> ALL_TRANSFER TRANSFER_READ, \
                  SHADER_READ_ONLY_OPTIMAL -> TRANSFER_SRC_OPTIMAL\n";
    assert!(text.contains(change), "{text}");
    assert_eq!((plan.stats().waves, plan.stats().barriers), (2, 1));
}

#[test]
fn a_discard_forgets_the_old_layout() {
    // draw1 ─i▶ copy1 ─i▶ draw2 (clears)
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("draw1").clears(i);
    g.pass("copy1").copies_from(i);
    g.pass("draw2").clears(i);
    g.expect(
        "
        batch 0 on graphics
          enter `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          pass `draw1`
          barrier
            image `i` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> ALL_TRANSFER TRANSFER_READ, COLOR_ATTACHMENT_OPTIMAL -> TRANSFER_SRC_OPTIMAL
          pass `copy1`
          barrier
            image `i` ALL_TRANSFER NONE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL
          pass `draw2`
        ",
    );
}

#[test]
fn a_buffer_and_an_image_share_one_call() {
    //   ┌─x─┐
    // a ┤   ├▶ b
    //   └─i─┘
    let mut g = Graph::new();
    let x = g.buffer("x");
    let i = g.image("i");
    g.pass("a").writes(x).writes(i);
    g.pass("b").indirect(x).samples(i);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `i` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE -> GENERAL
          pass `a`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
            image `i` COMPUTE_SHADER SHADER_STORAGE_WRITE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, GENERAL -> SHADER_READ_ONLY_OPTIMAL
          pass `b`
        ",
    );
    assert_eq!(plan.stats().barriers, 1);
}

#[test]
fn levels_change_layout_one_by_one() {
    // draw ─level 0▶ blit ─level 1▶ sample (level 1)
    let mut g = Graph::new();
    let i = g.image_of("i", 2, 1);
    g.pass("draw").clears(i.level(0));
    g.pass("blit").blits(i.level(0), i.level(1));
    g.pass("sample").samples(i.level(1));
    g.expect(
        "
        batch 0 on graphics
          enter `i`[levels 0..1, layers 0..1] COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          enter `i`[levels 1..2, layers 0..1] BLIT TRANSFER_WRITE -> TRANSFER_DST_OPTIMAL
          pass `draw`
          barrier
            image `i`[levels 0..1, layers 0..1] COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> BLIT TRANSFER_READ, COLOR_ATTACHMENT_OPTIMAL -> TRANSFER_SRC_OPTIMAL
          pass `blit`
          barrier
            image `i`[levels 1..2, layers 0..1] BLIT TRANSFER_WRITE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, TRANSFER_DST_OPTIMAL -> SHADER_READ_ONLY_OPTIMAL
          pass `sample`
        ",
    );
}

#[test]
fn a_chain_of_levels_has_a_wave_for_each() {
    // draw ─0▶ blit1 ─1▶ blit2 ─2▶ sample (all)
    let mut g = Graph::new();
    let i = g.image_of("i", 3, 1);
    g.pass("draw").clears(i.level(0));
    for level in 1..3 {
        g.pass(format!("blit{level}")).blits(i.level(level - 1), i.level(level));
    }
    g.pass("sample").samples(i);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `i`[levels 0..1, layers 0..1] COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          enter `i`[levels 1..2, layers 0..1] BLIT TRANSFER_WRITE -> TRANSFER_DST_OPTIMAL
          enter `i`[levels 2..3, layers 0..1] BLIT TRANSFER_WRITE -> TRANSFER_DST_OPTIMAL
          pass `draw`
          barrier
            image `i`[levels 0..1, layers 0..1] COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> BLIT TRANSFER_READ, COLOR_ATTACHMENT_OPTIMAL -> TRANSFER_SRC_OPTIMAL
          pass `blit1`
          barrier
            image `i`[levels 1..2, layers 0..1] BLIT TRANSFER_WRITE -> BLIT TRANSFER_READ, TRANSFER_DST_OPTIMAL -> TRANSFER_SRC_OPTIMAL
          pass `blit2`
          barrier
            image `i`[levels 0..1, layers 0..1] BLIT NONE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, TRANSFER_SRC_OPTIMAL -> SHADER_READ_ONLY_OPTIMAL
            image `i`[levels 1..2, layers 0..1] BLIT NONE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, TRANSFER_SRC_OPTIMAL -> SHADER_READ_ONLY_OPTIMAL
            image `i`[levels 2..3, layers 0..1] BLIT TRANSFER_WRITE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, TRANSFER_DST_OPTIMAL -> SHADER_READ_ONLY_OPTIMAL
          pass `sample`
        ",
    );
    let stats = plan.stats();
    assert_eq!((stats.passes, stats.waves, stats.barriers, stats.lower_bound), (4, 4, 3, 3));
}

#[test]
fn layers_that_are_drawn_separately_share_a_wave() {
    // draw0 ─layer 0─┐
    // draw1 ─layer 1─┴▶ sample
    let mut g = Graph::new();
    let i = g.image_of("i", 1, 2);
    g.pass("draw0").clears(i.part(0..1, 0..1));
    g.pass("draw1").clears(i.part(0..1, 1..2));
    g.pass("sample").samples(i);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((plan.waves.as_slice(), plan.stats().barriers), ([0, 0, 1].as_slice(), 1));
}

#[test]
fn a_storage_image_stays_in_its_layout() {
    // w1 ─i▶ w2 ─i▶ w3
    let mut g = Graph::new();
    let i = g.image("i");
    for name in ["w1", "w2", "w3"] {
        g.pass(name).writes(i);
    }
    g.expect(
        "
        batch 0 on graphics
          enter `i` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE -> GENERAL
          pass `w1`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `w2`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `w3`
        ",
    );
}
