//! One graph, its passes declared in many orders: whatever the order, what comes back is the same, byte by byte.

mod common;
mod mix;
mod scenes;
mod world;

use common::{close, soon, strict_gpu};
use scenes::{Random, seed};
use vulkio::{Graph, PassId, PlanStats};
use world::{Step, Touch, World, meet, shuffled};

const GRAPHS: usize = 25;
const ORDERS: usize = 4;

/// By the steps' first numbers: which pairs must be declared in their order, the later after the earlier, in a graph of any
/// order. Not those of a read and the only write of what it reads.
fn pairs(steps: &[Step]) -> Vec<Vec<bool>> {
    let uses: Vec<_> = steps.iter().map(Step::uses).collect();
    let only_writer = |writer: usize, reader: usize| {
        // Of everything that the two meet at, the reader only reads it, and nobody else writes it.
        let others = |used: &_| {
            let writes = |step: usize| uses[step].iter().any(|other| meet(other, used) && other.2 != Touch::Read);
            (0..steps.len()).all(|step| step == writer || !writes(step))
        };
        let met = uses[reader].iter().filter(|used| uses[writer].iter().any(|other| meet(other, used)));
        met.into_iter().all(|used| {
            let both_read = uses[writer].iter().all(|other| !meet(other, used) || other.2 == Touch::Read);
            used.2 == Touch::Read && (both_read || others(used))
        })
    };
    let must = |first: usize, second: usize| {
        first < second && steps[first].conflicts(&steps[second]) && !only_writer(first, second)
    };
    (0..steps.len()).map(|first| (0..steps.len()).map(|second| must(first, second)).collect()).collect()
}

struct Tried {
    plan: PlanStats,
    /// Whether some read is declared before the write of what it reads.
    backwards: bool,
}

/// Declares the steps in `order`, and runs them; `after`: in any order, with these edges.
async fn run(gpu: &vulkio::Gpu, world: &World, steps: &[Step], order: &[usize], after: Option<&[Vec<bool>]>) -> Tried {
    let graph = Graph::new(gpu, "ordered");
    if after.is_some() {
        graph.any_order();
    }
    let things = world.things(&graph);
    let mut ids: Vec<Option<PassId>> = vec![None; steps.len()];
    let mut backwards = false;
    for &step in order {
        let before = (0..step).filter(|&before| after.is_some_and(|after| after[before][step]));
        let before: Vec<_> = before.map(|before| ids[before].expect("declared before")).collect();
        backwards |= (step..steps.len()).any(|later| ids[later].is_some() && steps[step].conflicts(&steps[later]));
        ids[step] = Some(world.declare(&graph, &things, &steps[step], None, before));
    }
    let plan = graph.plan_stats().unwrap_or_else(|error| panic!("{error}: {steps:#?} in the order {order:?}"));
    soon("the submit", graph.submit()).await.expect("submitted");
    Tried { plan, backwards }
}

async fn orders(once: bool) {
    let seed = seed() + u64::from(once);
    let mut random = Random(seed);
    let gpu = strict_gpu();
    let mut world = World::new(&gpu, &mut random).await;
    let first = world.state.clone();
    let mut backwards = 0;
    for round in 0..GRAPHS {
        let count = 2 + random.bits() as usize % 24;
        let steps = World::steps(&mut random, count, once);
        world.state = first.clone();
        world.advance(&steps);
        let after = pairs(&steps);
        let declared: Vec<_> = (0..steps.len()).collect();
        let mut waves = Vec::new();
        for attempt in 0..1 + 2 * ORDERS {
            let any = attempt > ORDERS;
            let order = match attempt {
                0 => declared.clone(),
                _ if any => shuffled(&mut random, steps.len(), |a, b| after[a][b]),
                _ => shuffled(&mut random, steps.len(), |a, b| steps[a].conflicts(&steps[b])),
            };
            world.reset(&first).await;
            let tried = run(&gpu, &world, &steps, &order, any.then_some(&after)).await;
            let what = format!("seed {seed}, graph {round}, order {order:?}, any: {any}, of {steps:#?}");
            assert_eq!(tried.plan.passes + tried.plan.culled, steps.len(), "{what}");
            assert!(any || !tried.backwards, "{what}");
            backwards += usize::from(tried.backwards);
            waves.push((tried.plan.waves, tried.plan.barriers, tried.plan.culled));
            world.check(&what).await;
        }
        // Only where the planner may choose between queues could the orders lead to other plans.
        if mix::one_queue(&gpu) {
            assert!(
                waves.iter().all(|&found| found == waves[0]),
                "seed {seed}, graph {round}: {waves:?} of {steps:#?}"
            );
        }
    }
    assert!(backwards > GRAPHS, "{backwards} graphs were declared backwards");
    drop(world);
    close(gpu).await;
}

#[tokio::test]
async fn random_graphs_of_many_writers_give_the_same_in_every_legal_order() {
    orders(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_graphs_of_one_writer_each_give_the_same_in_every_order_there_is() {
    orders(true).await;
}
