use ash::vk::{ImageLayout, PipelineStageFlags2 as S};
use proptest::prelude::*;

use super::*;
use crate::{
    graph::{
        ir::SlotUse,
        state::{Dependency, Scope},
    },
    resource::Access,
};

const COMPUTE_READ: Access = Access::storage_read(S::COMPUTE_SHADER);
const COMPUTE_WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);

fn structure(slots: usize, passes: &[&[(usize, Access)]]) -> Structure {
    let mut structure = Structure::default();
    for uses in passes {
        structure.push(uses.iter().map(|&(slot, access)| SlotUse { slot, access, discard: false }));
    }
    structure.slots = slots;
    structure
}

fn plan(slots: usize, passes: &[&[(usize, Access)]]) -> Plan {
    Plan::compile(&structure(slots, passes))
}

#[test]
fn a_chain_of_dependent_passes_has_one_barrier_less_than_passes() {
    // 0 ─▶ 1 ─▶ 2 ─▶ 3, all writing slot 0
    let chain = plan(1, &[&[(0, COMPUTE_WRITE)], &[(0, COMPUTE_WRITE)], &[(0, COMPUTE_WRITE)], &[(0, COMPUTE_WRITE)]]);
    assert_eq!(chain.stats(), PlanStats { passes: 4, waves: 4, barriers: 3, lower_bound: 3 });
}

#[test]
fn independent_chains_share_their_barriers() {
    // 0 ─▶ 2      slots: 0 by passes 0 and 2
    // 1 ─▶ 3             1 by passes 1 and 3
    let two = plan(2, &[&[(0, COMPUTE_WRITE)], &[(1, COMPUTE_WRITE)], &[(0, COMPUTE_READ)], &[(1, COMPUTE_READ)]]);
    assert_eq!(two.order, [0, 1, 2, 3]);
    assert_eq!(two.stats().barriers, 1);
}

#[test]
fn a_late_independent_pass_moves_to_the_first_wave() {
    // 0 ─▶ 1   and 2 alone
    let plan = plan(2, &[&[(0, COMPUTE_WRITE)], &[(0, COMPUTE_READ)], &[(1, COMPUTE_WRITE)]]);
    assert_eq!((plan.order, plan.before), (vec![0, 2, 1], vec![None, None, Some(1)]));
}

#[test]
fn a_second_reader_widens_the_first_ones_barrier() {
    //    ┌─▶ 1 (indirect) ─▶ 2 (of slot 1)
    // 0 ─┴─────────────────▶ 2 (vertex shader)
    let vertex_read = Access::storage_read(S::VERTEX_SHADER);
    let plan = plan(
        2,
        &[&[(0, COMPUTE_WRITE)], &[(0, Access::INDIRECT), (1, COMPUTE_WRITE)], &[(0, vertex_read), (1, vertex_read)]],
    );
    assert_eq!(plan.stats().barriers, 2);
    assert_eq!(plan.barriers[1].memory.target.stages, S::DRAW_INDIRECT | S::VERTEX_SHADER);
    assert_eq!(plan.barriers[2].memory.source.stages, S::COMPUTE_SHADER, "only slot 1 stands at the second");
}

#[test]
fn culling_then_drawing_needs_two_barriers() {
    // 0 reset args ─▶ 1 cull (args, visible) ─▶ 2 draw (args, visible, target)
    let vertex_read = Access::storage_read(S::VERTEX_SHADER | S::FRAGMENT_SHADER);
    let plan = plan(
        3,
        &[
            &[(0, Access::COPY_TARGET)],
            &[(0, COMPUTE_WRITE), (1, COMPUTE_WRITE)],
            &[(0, Access::INDIRECT), (1, vertex_read), (2, Access::COLOR_ATTACHMENT)],
        ],
    );
    assert_eq!(plan.stats(), PlanStats { passes: 3, waves: 3, barriers: 2, lower_bound: 2 });
    assert!(
        plan.barriers.iter().all(|barrier| barrier.images.is_empty()),
        "the target's layout is the commit's matter"
    );
}

#[test]
fn an_image_that_is_drawn_and_copied_changes_layout_in_between() {
    let plan = plan(1, &[&[(0, Access::COLOR_ATTACHMENT)], &[(0, Access::IMAGE_COPY_SOURCE)]]);
    let change = plan.barriers[1].images[0].dependency.relayout.expect("a change of layout");
    assert_eq!((change.old, change.new), (ImageLayout::COLOR_ATTACHMENT_OPTIMAL, ImageLayout::TRANSFER_SRC_OPTIMAL));
    assert!(plan.barriers[1].memory.is_empty());
    let exit = plan.imports[0].exit;
    assert_eq!(exit.layout, ImageLayout::TRANSFER_SRC_OPTIMAL);
    assert_eq!(exit.write, Some(Scope::execution(S::ALL_TRANSFER)), "the transition was the last write");
}

#[test]
fn an_empty_graph_has_an_empty_plan() {
    assert_eq!(plan(0, &[]), Plan { as_declared: true, ..Plan::default() });
}

fn any_access() -> impl Strategy<Value = Access> {
    prop_oneof![
        Just(COMPUTE_READ),
        Just(COMPUTE_WRITE),
        Just(Access::INDIRECT),
        Just(Access::COPY_TARGET),
        Just(Access::COPY_SOURCE),
    ]
}

fn any_structure() -> impl Strategy<Value = Structure> {
    let pass = proptest::collection::btree_map(0..6usize, any_access(), 0..4);
    proptest::collection::vec(pass, 0..24).prop_map(|passes| {
        let passes: Vec<Vec<_>> = passes.into_iter().map(|uses| uses.into_iter().collect()).collect();
        structure(6, &passes.iter().map(Vec::as_slice).collect::<Vec<_>>())
    })
}

/// The slow reference: walks a plan in order, pass by pass, and checks each pair of accesses by itself.
fn check(structure: &Structure, plan: &Plan) {
    let position = |pass: usize| plan.order.iter().position(|&p| p == pass).expect("every pass is planned");
    for later in 0..structure.passes() {
        for earlier in 0..later {
            for a in structure.uses(earlier) {
                for b in structure.uses(later).iter().filter(|b| b.slot == a.slot) {
                    if !a.access.writes() && !b.access.writes() {
                        continue;
                    }
                    let (from, to) = (position(earlier), position(later));
                    assert!(from < to, "pass {later} was moved before pass {earlier}\n{plan}");
                    let crossed = plan.before[from + 1..=to].iter().flatten().map(|&wave| &plan.barriers[wave].memory);
                    // What another write covered need not be seen, only be over.
                    let overwritten = (earlier + 1..later).any(|pass| writes(structure.uses(pass), a.slot));
                    let ordered = is_ordered(a.access, b.access, overwritten, crossed);
                    assert!(ordered, "hazard {earlier} -> {later} on slot {}\n{plan}", a.slot);
                }
            }
        }
    }
}

fn writes(uses: &[SlotUse], slot: usize) -> bool {
    uses.iter().any(|used| used.slot == slot && used.access.writes())
}

/// Follows execution from stage to stage through the barriers crossed, and a write until it is visible.
fn is_ordered<'a>(from: Access, to: Access, overwritten: bool, crossed: impl Iterator<Item = &'a Dependency>) -> bool {
    let mut stages = from.stages;
    let mut available = from.write_mask().is_empty();
    let mut visible = available;
    for barrier in crossed {
        if !barrier.source.stages.intersects(stages) {
            continue;
        }
        available |= barrier.source.mask.contains(from.write_mask());
        visible |= available && barrier.target.mask.contains(to.mask) && barrier.target.stages.contains(to.stages);
        stages |= barrier.target.stages;
    }
    stages.contains(to.stages) && (overwritten || visible)
}

proptest! {
    #[test]
    fn every_hazard_of_any_graph_is_covered_in_a_legal_order(structure in any_structure()) {
        check(&structure, &Plan::compile(&structure));
    }

    #[test]
    fn no_barrier_is_empty_and_none_is_more_than_the_longest_chain_needs(structure in any_structure()) {
        let stats = Plan::compile(&structure).stats();
        prop_assert!(stats.barriers <= stats.lower_bound, "{stats:?}");
    }
}
