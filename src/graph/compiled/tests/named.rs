//! Graphs with a name in the goals, by their figures.

use super::dsl::{Graph, Slot};
use crate::graph::compiled::PlanStats;

/// `wide` passes a layer, each reading two of the layer before and writing a buffer of its own.
fn layers(wide: usize, deep: usize) -> PlanStats {
    let mut g = Graph::new();
    let buffers: Vec<Vec<Slot>> =
        (0..deep).map(|layer| (0..wide).map(|index| g.buffer(&format!("{layer}.{index}"))).collect()).collect();
    for layer in 0..deep {
        for index in 0..wide {
            let pass = g.pass(format!("{layer}.{index}"));
            if layer > 0 {
                pass.reads(buffers[layer - 1][index]).indirect(buffers[layer - 1][(index + 1) % wide]);
            }
            pass.writes(buffers[layer][index]);
        }
    }
    let plan = g.compile().expect("a plan");
    super::properties::check(&g, &plan).expect("a sound plan");
    plan.stats()
}

#[test]
fn sixteen_wide_and_sixty_four_deep_takes_seven_barriers_for_a_hundred_passes() {
    let stats = layers(16, 64);
    assert_eq!((stats.passes, stats.waves, stats.barriers, stats.lower_bound), (1024, 64, 63, 63));
    assert!(stats.barriers_per_pass() <= 0.07, "{stats:?}");
}

#[test]
fn two_wide_takes_a_barrier_for_every_other_pass() {
    let stats = layers(2, 64);
    assert_eq!((stats.passes, stats.barriers), (128, 63));
    assert!(stats.barriers_per_pass() <= 0.5, "{stats:?}");
}

#[test]
fn a_chain_takes_a_barrier_less_than_passes() {
    for count in [1, 2, 10, 300] {
        let mut g = Graph::new();
        let x = g.buffer("x");
        (0..count).for_each(|index| drop(g.pass(format!("{index}")).writes(x).name.clone()));
        let stats = g.compile().expect("a plan").stats();
        assert_eq!((stats.barriers, stats.lower_bound, stats.waves), (count - 1, count - 1, count));
    }
}

#[test]
fn chains_woven_into_one_another_take_the_barriers_of_one() {
    // sixteen chains of 64, declared in turn
    let mut g = Graph::new();
    let buffers: Vec<_> = (0..16).map(|index| g.buffer(&format!("x{index}"))).collect();
    for step in 0..64 {
        for (index, &buffer) in buffers.iter().enumerate() {
            g.pass(format!("{index}.{step}")).writes(buffer);
        }
    }
    let plan = g.compile().expect("a plan");
    assert_eq!((plan.stats().barriers, plan.stats().passes), (63, 1024));
    assert!(plan.stats().barriers_per_pass() <= 0.07);
}

#[test]
fn a_thousand_independent_passes_take_none() {
    let mut g = Graph::new();
    for index in 0..1000 {
        let buffer = g.buffer(&format!("x{index}"));
        g.pass(format!("p{index}")).writes(buffer);
    }
    let stats = g.compile().expect("a plan").stats();
    assert_eq!((stats.waves, stats.barriers, stats.lower_bound), (1, 0, 0));
}
