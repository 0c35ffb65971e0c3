//! Writes that may overlap one another: atomics, and disjoint parts that only the shader knows.

use ash::vk::PipelineStageFlags2 as S;

use super::dsl::Graph;
use crate::resource::{Access, Mode};

#[test]
fn concurrent_writers_share_a_wave_between_the_reset_and_the_reader() {
    //       ┌─x▶ add1 ─x┐
    // reset ┼─x▶ add2 ─x┼▶ read
    //       └─x▶ add3 ─x┘
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("reset").copies_to(x);
    for name in ["add1", "add2", "add3"] {
        g.pass(name).adds(x);
    }
    g.pass("read").indirect(x);
    let plan = g.expect(
        "
        batch 0 on graphics
          enter `x` ALL_TRANSFER TRANSFER_WRITE
          pass `reset`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add1`
          pass `add2`
          pass `add3`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `read`
        ",
    );
    assert_eq!((plan.stats().waves, plan.longest_chain), (3, 3));
}

#[test]
fn concurrent_writers_of_different_stages_are_one_group() {
    // add (compute) ─x┐
    // add (pixels)  ─x┴▶ read
    let mut g = Graph::new();
    let x = g.buffer("x");
    let pixels = Access { mode: Mode::ConcurrentWrite, ..Access::storage_write(S::FRAGMENT_SHADER) };
    g.pass("compute").adds(x);
    g.pass("pixels").uses(x, pixels);
    g.pass("read").copies_from(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` FRAGMENT_SHADER | COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `compute`
          pass `pixels`
          barrier FRAGMENT_SHADER | COMPUTE_SHADER SHADER_STORAGE_WRITE -> ALL_TRANSFER TRANSFER_READ
          pass `read`
        ",
    );
}

#[test]
fn an_exclusive_writer_stands_apart_from_concurrent_ones() {
    // add1 ─x┐
    // add2 ─x┴▶ write ─x▶ add3
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("add1").adds(x);
    g.pass("add2").adds(x);
    g.pass("write").copies_to(x);
    g.pass("add3").adds(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add1`
          pass `add2`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> ALL_TRANSFER TRANSFER_WRITE
          pass `write`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add3`
        ",
    );
}

#[test]
fn a_reader_between_concurrent_writers_parts_them() {
    // add1 ─x▶ read ─x▶ add2
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("add1").adds(x);
    g.pass("read").indirect(x);
    g.pass("add2").adds(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add1`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `read`
          barrier DRAW_INDIRECT NONE -> COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          pass `add2`
        ",
    );
}

#[test]
fn concurrent_writers_in_two_waves_are_still_one_group() {
    // make ─y▶ add2 ─x┐
    // add1 ─x─────────┴▶ read
    let mut g = Graph::new();
    let [x, y] = g.buffers(["x", "y"]);
    g.pass("make").copies_to(y);
    g.pass("add1").adds(x);
    g.pass("add2").reads(y).adds(x);
    g.pass("read").indirect(x);
    g.expect(
        "
        batch 0 on graphics
          enter `x` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
          enter `y` ALL_TRANSFER TRANSFER_WRITE
          pass `make`
          pass `add1`
          barrier ALL_TRANSFER TRANSFER_WRITE -> COMPUTE_SHADER SHADER_STORAGE_READ
          pass `add2`
          barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ
          pass `read`
        ",
    );
}

#[test]
fn concurrent_writes_of_an_image_share_its_layout() {
    // add1 ─i┐
    // add2 ─i┴▶ sample
    let mut g = Graph::new();
    let i = g.image("i");
    g.pass("add1").adds(i);
    g.pass("add2").adds(i);
    g.pass("sample").samples(i);
    g.expect(
        "
        batch 0 on graphics
          enter `i` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE -> GENERAL
          pass `add1`
          pass `add2`
          barrier
            image `i` COMPUTE_SHADER SHADER_STORAGE_WRITE -> FRAGMENT_SHADER SHADER_SAMPLED_READ, GENERAL -> SHADER_READ_ONLY_OPTIMAL
          pass `sample`
        ",
    );
}
