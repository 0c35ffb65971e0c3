//! Ranges of bytes: only what overlaps depends on one another.

use super::dsl::Graph;

#[test]
fn writes_of_disjoint_ranges_share_a_wave() {
    // a ─x[0..64]    b ─x[64..128]
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("a").copies_to(x.bytes(0..64));
    g.pass("b").writes(x.bytes(64..128));
    g.expect(
        "
        batch 0 on graphics
          enter `x`[0..64] ALL_TRANSFER TRANSFER_WRITE
          enter `x`[64..128] COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          pass `b`
        ",
    );
}

#[test]
fn writes_of_overlapping_ranges_are_a_chain() {
    // a ─x[0..96]▶ b (x[64..128])
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("a").copies_to(x.bytes(0..96));
    g.pass("b").copies_to(x.bytes(64..128));
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x`[0..64] ALL_TRANSFER TRANSFER_WRITE
          enter `x`[64..96] ALL_TRANSFER TRANSFER_WRITE
          enter `x`[96..128] ALL_TRANSFER TRANSFER_WRITE
          pass `a`
          barrier ALL_TRANSFER TRANSFER_WRITE -> ALL_TRANSFER TRANSFER_WRITE
          pass `b`
        ",
    );
    assert_eq!((plan.stats().waves, plan.stats().barriers), (2, 1));
}

#[test]
fn a_reader_of_the_whole_waits_for_the_writers_of_all_parts() {
    // a ─x[0..512]────┐
    // b ─x[512..1024]─┴▶ c
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("a").copies_to(x.bytes(0..512));
    g.pass("b").writes(x.bytes(512..1024));
    g.pass("c").indirect(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x`[0..512] ALL_TRANSFER TRANSFER_WRITE
          enter `x`[512..1024] COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          pass `b`
          barrier COMPUTE_SHADER | ALL_TRANSFER TRANSFER_WRITE | SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `c`
        ",
    );
}

#[test]
fn a_reader_of_one_part_does_not_wait_for_the_writer_of_another() {
    // a ─x[0..512]▶ b
    // c ─x[512..1024]      in the first wave
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("a").copies_to(x.bytes(0..512));
    g.pass("b").indirect(x.bytes(0..512));
    g.pass("c").writes(x.bytes(512..1024));
    g.expect(
        "
        batch 0 on graphics
          enter `x`[0..512] ALL_TRANSFER TRANSFER_WRITE
          enter `x`[512..1024] COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          pass `c`
          barrier ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `b`
        ",
    );
}

#[test]
fn parts_that_only_touch_do_not_overlap() {
    // a x[0..64]   b x[64..65]   c x[65..1024]
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("a").copies_to(x.bytes(0..64));
    g.pass("b").copies_to(x.bytes(64..65));
    g.pass("c").copies_to(x.bytes(65..1024));
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    assert_eq!((plan.stats().waves, plan.stats().barriers), (1, 0));
}

#[test]
fn a_pass_may_read_one_part_and_write_another() {
    // w ─x[0..64]▶ move (x[0..64] ▶ x[64..128]) ─x[64..128]▶ r
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("w").writes(x.bytes(0..64));
    g.pass("move").copies_from(x.bytes(0..64)).copies_to(x.bytes(64..128));
    g.pass("r").indirect(x.bytes(64..128));
    g.expect(
        "
        batch 0 on graphics
          enter `x`[0..64] COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `x`[64..128] ALL_TRANSFER TRANSFER_WRITE
          pass `w`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> ALL_TRANSFER TRANSFER_READ
          pass `move`
          barrier ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `r`
        ",
    );
}

#[test]
fn a_writer_of_the_whole_waits_for_readers_of_parts() {
    // r1 ─x[0..64]───┐
    // r2 ─x[64..128]─┴▶ w
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("r1").indirect(x.bytes(0..64));
    g.pass("r2").draws(x.bytes(64..128));
    g.pass("w").copies_to(x);
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    let text = g.text(&plan);
    assert!(text.contains("  barrier DRAW_INDIRECT | VERTEX_SHADER NONE -> ALL_TRANSFER TRANSFER_WRITE\n"), "{text}");
}
