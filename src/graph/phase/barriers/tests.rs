use crate::{
    graph::{
        compiled::{Compiled, PlanStats},
        ir::{QueueMap, Region, SlotUse},
        phase::testing::*,
    },
    resource::Access,
};
use ash::vk::PipelineStageFlags2 as S;

fn discarded(slot: usize, access: Access) -> SlotUse {
    SlotUse { discard: true, ..used(slot, access) }
}

#[test]
fn a_chain_of_writers_has_one_barrier_less_than_passes() {
    // 0 ─▶ 1 ─▶ 2 ─▶ 3
    let write: (char, &[_]) = ('g', &[used(0, WRITE)]);
    let stats = compile(&structure(&[BUFFER], &[write; 4])).stats();
    assert_eq!((stats.waves, stats.barriers, stats.lower_bound, stats.batches), (4, 3, 3, 1));
}

#[test]
fn a_second_reader_widens_the_barrier_of_the_first() {
    //    ┌─▶ 1 (indirect) ─▶ 2 (of slot 1)
    // 0 ─┴─────────────────▶ 2 (vertex shader)
    let vertex = Access::storage_read(S::VERTEX_SHADER);
    let graph = structure(
        &[BUFFER; 2],
        &[
            ('g', &[used(0, WRITE)]),
            ('g', &[used(0, Access::INDIRECT), used(1, WRITE)]),
            ('g', &[used(0, vertex), used(1, vertex)]),
        ],
    );
    let expected = "\
batch 0 on graphics
  enter `0` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
  enter `1` COMPUTE_SHADER SHADER_STORAGE_READ | SHADER_STORAGE_WRITE
  pass `0`
  barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT | VERTEX_SHADER INDIRECT_COMMAND_READ | SHADER_STORAGE_READ
  pass `1`
  barrier COMPUTE_SHADER SHADER_STORAGE_WRITE -> VERTEX_SHADER SHADER_STORAGE_READ
  pass `2`
";
    assert_eq!(compile(&graph).to_string(), expected);
}

#[test]
fn a_write_after_reads_waits_for_their_execution_only() {
    let graph = structure(&[BUFFER], &[('g', &[used(0, READ)]), ('g', &[used(0, Access::COPY_TARGET)])]);
    let text = compile(&graph).to_string();
    assert!(text.contains("  barrier COMPUTE_SHADER NONE -> ALL_TRANSFER TRANSFER_WRITE\n"), "{text}");
    assert!(text.contains("  enter `0` ALL_TRANSFER TRANSFER_WRITE, after readers\n"), "{text}");
}

#[test]
fn a_dependency_that_a_standing_barrier_covers_adds_nothing() {
    // 0 ─▶ 1 ─▶ 2, and 0 ─▶ 2 by slot 2: the first barrier has the same stages
    let graph = structure(
        &[BUFFER; 3],
        &[
            ('g', &[used(0, WRITE), used(2, WRITE)]),
            ('g', &[used(0, READ), used(1, Access::COPY_TARGET)]),
            ('g', &[used(1, Access::COPY_SOURCE), used(2, READ)]),
        ],
    );
    let plan = compile(&graph);
    assert_eq!(plan.stats().barriers, 2);
    assert_eq!(plan.barriers[1].memory.source.stages, S::ALL_TRANSFER);
}

#[test]
fn parts_that_do_not_overlap_need_nothing() {
    let part = |range| SlotUse { region: Some(Region::bytes(range)), ..used(0, WRITE) };
    let graph = structure(&[BUFFER], &[('g', &[part(0..32)]), ('g', &[part(32..64)]), ('g', &[part(16..48)])]);
    let stats = compile(&graph).stats();
    assert_eq!((stats.waves, stats.barriers), (2, 1));
}

#[test]
fn a_named_pass_is_through_with_all_of_its_memory() {
    let mut graph = structure(&[BUFFER; 2], &[('g', &[used(0, WRITE)])]);
    graph.push(on('g'), [used(1, WRITE)], &[0]);
    let text = compile(&graph).to_string();
    let barrier = "  barrier ALL_COMMANDS MEMORY_WRITE -> ALL_COMMANDS MEMORY_READ | MEMORY_WRITE\n";
    assert!(text.contains(barrier), "{text}");
}

#[test]
fn an_image_goes_from_queue_to_queue_by_release_and_acquire() {
    let graph = structure(
        &[TEMPORARY_IMAGE],
        &[('g', &[discarded(0, Access::COLOR_ATTACHMENT)]), ('t', &[used(0, Access::IMAGE_COPY_SOURCE)])],
    );
    let expected = "\
batch 0 on graphics
  barrier
    image `0` NONE NONE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL
  pass `0`
  release
    image `0` COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> NONE NONE, COLOR_ATTACHMENT_OPTIMAL -> TRANSFER_SRC_OPTIMAL, graphics -> transfer
batch 1 on transfer, waits for 0
  barrier
    image `0` ALL_TRANSFER NONE -> ALL_TRANSFER TRANSFER_READ, COLOR_ATTACHMENT_OPTIMAL -> TRANSFER_SRC_OPTIMAL, graphics -> transfer
  pass `1`
transient `0` bytes 0..64, waves 0..=1
";
    assert_eq!(compile(&graph).to_string(), expected);
}

#[test]
fn an_image_whose_contents_do_not_matter_is_not_released() {
    let graph = structure(
        &[IMAGE],
        &[('g', &[used(0, Access::COLOR_ATTACHMENT)]), ('t', &[discarded(0, Access::IMAGE_COPY_TARGET)])],
    );
    let plan = compile(&graph);
    assert!(plan.batches.iter().all(|batch| batch.after.is_none()));
    assert_eq!((plan.barriers.len(), plan.barriers[0].images[0].transfer), (1, None));
    assert_eq!(plan.stats().waits, 1);
}

#[test]
fn memory_that_another_transient_had_is_waited_for() {
    // 0 ─▶ 1 ─▶ 2 ─▶ 3: slot 0 lives in the first two, slot 1 in the last two
    let passes: [(char, &[_]); 4] = [
        ('g', &[used(0, WRITE)]),
        ('g', &[used(0, Access::INDIRECT), used(2, WRITE)]),
        ('g', &[used(2, READ), used(1, Access::COPY_TARGET)]),
        ('g', &[used(1, Access::COPY_SOURCE)]),
    ];
    let plan = compile(&structure(&[TEMPORARY, TEMPORARY, BUFFER], &passes));
    assert_eq!((plan.stats().transient_bytes, plan.stats().transient_bytes_unaliased), (64, 128));
    let barrier = &plan.barriers[1].memory;
    assert!(barrier.source.stages.contains(S::DRAW_INDIRECT) && barrier.target.stages.contains(S::ALL_TRANSFER));
    assert_eq!(plan.stats().barriers, 3);
}

#[test]
fn what_went_round_by_another_queue_needs_no_barrier() {
    // 0 ─(0)▶ 1 ─(1)▶ 2, and 0 ─(2)▶ 2 on the same queue
    let graph = structure(
        &[BUFFER; 3],
        &[
            ('g', &[used(0, WRITE), used(2, WRITE)]),
            ('c', &[used(0, READ), used(1, WRITE)]),
            ('g', &[used(1, READ), used(2, READ)]),
        ],
    );
    let stats = compile(&graph).stats();
    assert_eq!((stats.barriers, stats.waits, stats.batches), (0, 2, 3));
}

#[test]
fn wide_and_deep_graphs_have_a_barrier_a_wave() {
    // 16 wide, 64 deep: each pass reads what two of the wave before wrote
    let slots = vec![BUFFER; 16 * 64];
    let mut graph = structure(&slots, &[]);
    for pass in 0..16 * 64usize {
        let before = pass.checked_sub(16).map(|left| [used(left, READ), used(left / 16 * 16 + (left + 1) % 16, READ)]);
        graph.push(on('g'), before.into_iter().flatten().chain([used(pass, WRITE)]), &[]);
    }
    let plan = Compiled::compile(&graph, &QueueMap::one()).expect("a legal graph");
    let stats = plan.stats();
    assert_eq!((stats.passes, stats.waves, stats.barriers), (1024, 64, 63));
    assert!(stats.barriers_per_pass() <= 0.07);
}

#[test]
fn an_empty_graph_has_an_empty_plan() {
    let plan = compile(&structure(&[], &[]));
    assert_eq!(plan.stats(), PlanStats::default());
    assert!(plan.as_declared && plan.to_string().is_empty());
}
