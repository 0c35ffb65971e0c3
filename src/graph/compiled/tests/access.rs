//! What reads and writes of buffers cost: read after read nothing, write after read an execution dependency, and a read
//! or a write after a write a memory dependency.

use super::dsl::Graph;

#[test]
fn reads_after_reads_cost_nothing() {
    // r1 x    r2 x    r3 x
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("r1").reads(x);
    g.pass("r2").indirect(x);
    g.pass("r3").draws(x).index(x);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` DRAW_INDIRECT | VERTEX_SHADER | COMPUTE_SHADER | INDEX_INPUT INDIRECT_COMMAND_READ | INDEX_READ | SHADER_STORAGE_READ
          pass `r1`
          pass `r2`
          pass `r3`
        ",
    );
    assert_eq!((plan.stats().waves, plan.stats().barriers), (1, 0));
}

#[test]
fn a_read_after_a_write_is_a_memory_dependency() {
    // copy ─x▶ draw
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("copy").copies_to(x);
    g.pass("draw").index(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `copy`
          barrier ALL_TRANSFER TRANSFER_WRITE -> INDEX_INPUT INDEX_READ
          pass `draw`
        ",
    );
}

#[test]
fn a_write_after_a_read_is_an_execution_dependency() {
    // draw ─x▶ copy
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("draw").indirect(x);
    g.pass("copy").copies_to(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` DRAW_INDIRECT INDIRECT_COMMAND_READ
          enter `x` ALL_TRANSFER TRANSFER_WRITE, after readers
          pass `draw`
          barrier DRAW_INDIRECT NONE -> ALL_TRANSFER TRANSFER_WRITE
          pass `copy`
        ",
    );
}

#[test]
fn a_write_after_a_write_is_a_memory_dependency() {
    // fill ─x▶ copy
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("fill").writes(x);
    g.pass("copy").copies_to(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `fill`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> ALL_TRANSFER TRANSFER_WRITE
          pass `copy`
        ",
    );
}

#[test]
fn a_write_waits_for_all_readers_before_it() {
    // r1 ─x┐
    // r2 ─x┼▶ w
    // r3 ─x┘
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("r1").indirect(x);
    g.pass("r2").draws(x);
    g.pass("r3").copies_from(x);
    g.pass("w").writes(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` DRAW_INDIRECT | VERTEX_SHADER | ALL_TRANSFER INDIRECT_COMMAND_READ | TRANSFER_READ | SHADER_STORAGE_READ
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE, after readers
          pass `r1`
          pass `r2`
          pass `r3`
          barrier DRAW_INDIRECT | VERTEX_SHADER | ALL_TRANSFER NONE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `w`
        ",
    );
}

#[test]
fn writing_reading_and_writing_again_is_one_dependency_of_each_kind() {
    // w1 ─x▶ r ─x▶ w2
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("w1").copies_to(x);
    g.pass("r").indirect(x);
    g.pass("w2").copies_to(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `w1`
          barrier ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `r`
          barrier DRAW_INDIRECT NONE -> ALL_TRANSFER TRANSFER_WRITE
          pass `w2`
        ",
    );
}

#[test]
fn a_second_reader_widens_the_first_ones_barrier() {
    //   ┌─x▶ b ─y┐
    // a ┤        ├▶ c
    //   └─x──────┘
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("a").copies_to(x);
    g.pass("b").reads(x).writes(y);
    g.pass("c").draws(x).indirect(y);
    g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `a`
          barrier ALL_TRANSFER TRANSFER_WRITE -> VERTEX_SHADER | COMPUTE_SHADER SHADER_STORAGE_READ
          pass `b`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `c`
        ",
    );
}

#[test]
fn a_barrier_that_stands_already_is_used_again() {
    // a ─y▶ c ─z┐
    // b ─x──────┴▶ d      the barrier before c shows x to compute shaders as well
    let mut g = Graph::new();
    let [x, y, z] = g.buffers(["x", "y", "z"]);
    g.pass("a").writes(y);
    g.pass("b").writes(x);
    g.pass("c").reads(y).copies_to(z);
    g.pass("d").reads(x).indirect(z);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `z` ALL_TRANSFER TRANSFER_WRITE
          pass `a`
          pass `b`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `c`
          barrier ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `d`
        ",
    );
}

#[test]
fn a_pass_that_touches_a_buffer_twice_is_one_access() {
    // w ─x▶ r (as arguments and in a shader)
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("w").copies_to(x);
    g.pass("r").indirect(x).reads(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `w`
          barrier ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT | COMPUTE_SHADER INDIRECT_COMMAND_READ | SHADER_STORAGE_READ
          pass `r`
        ",
    );
}

#[test]
fn resetting_culling_and_drawing_takes_two_barriers() {
    // reset ─args▶ cull ─args, visible▶ draw ─▶ target
    let mut g = Graph::new();
    let [args, visible] = g.buffers(["args", "visible"]);
    let target = g.image("target");
    g.pass("reset").copies_to(args);
    g.pass("cull").writes(args).writes(visible);
    g.pass("draw").indirect(args).draws(visible).clears(target);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `args` ALL_TRANSFER TRANSFER_WRITE
          enter `visible` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `target` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OPTIMAL, discard
          pass `reset`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `cull`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT | VERTEX_SHADER INDIRECT_COMMAND_READ | SHADER_STORAGE_READ
          pass `draw`
        ",
    );
    assert_eq!((plan.stats().waves, plan.stats().barriers, plan.stats().lower_bound), (3, 2, 2));
}

#[test]
fn reading_one_buffer_and_writing_another_in_turn_is_a_chain() {
    // step1 (x ▶ y)  ─▶  step2 (y ▶ x)  ─▶  step3 (x ▶ y)
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("step1").reads(x).writes(y);
    g.pass("step2").reads(y).writes(x);
    g.pass("step3").reads(x).writes(y);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE, after readers
          enter `y` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `step1`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `step2`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `step3`
        ",
    );
}
