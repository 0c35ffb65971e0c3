//! What the plan's barriers are said to be for, against the barriers; and passes whose owners make what is said.

use proptest::prelude::*;

use super::{
    dsl::{Graph, two_queues},
    random::{Recipe, declared, queues, recipe, run},
    simulate::{Skip, simulate},
    stream::{Item, World, call, of_plan},
};
use crate::{
    gpu::QueueKind::Compute,
    graph::{
        compiled::{Barrier, Compiled, Need, Owed},
        hints::{Hints, Names, PassName, SlotName},
        ir::QueueMap,
        phase,
        phase::barriers::reasons::{Part, Reason, Subject},
        state::Dependency,
    },
};

fn ensure(right: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(what()) }
}

fn explained(graph: &Graph) -> Result<(Compiled, Vec<Reason>), String> {
    phase::explain(&graph.structure(), &graph.queues).map_err(|fault| format!("{fault:?}"))
}

/// All of it, with the graph in the message.
fn fits(graph: &Graph) -> Result<(), String> {
    let (plan, reasons) = explained(graph)?;
    let all = || {
        ensure(graph.compile().as_ref() == Ok(&plan), || "who listens gets another plan".into())?;
        (0..plan.barriers.len()).try_for_each(|call| fits_call(&plan.barriers[call], call, &reasons))?;
        let calls = reasons.iter().filter_map(|reason| reason.call).max();
        ensure(calls < Some(plan.barriers.len()).max(Some(1)), || format!("a reason of call {calls:?}"))?;
        owed(&plan, &reasons)?;
        waits(&plan, &reasons)?;
        text(graph, &plan)
    };
    all().map_err(|error| format!("{error}\n{}\n{}", declared(graph), graph.text(&plan)))
}

/// The union of what is said of a call is the call.
fn fits_call(barrier: &Barrier, call: usize, reasons: &[Reason]) -> Result<(), String> {
    let (mut memory, mut images) = (Dependency::default(), Vec::new());
    for reason in reasons.iter().filter(|reason| reason.call == Some(call)) {
        match reason.part {
            Part::Memory { dependency, covered: false } => memory |= dependency,
            Part::Memory { dependency, covered: true } => {
                ensure(is_within(&dependency, &barrier.memory), || format!("call {call} does not cover {reason:?}"))?;
            }
            Part::Image(image) => images.push(image),
            Part::Wait => return Err(format!("a wait in call {call}")),
        }
        ensure(reason.after.contains(&reason.pass), || format!("it is not for who needs it: {reason:?}"))?;
    }
    ensure(memory == barrier.memory, || format!("call {call} has {:?}, said was {memory:?}", barrier.memory))?;
    ensure(images == barrier.images, || format!("call {call} has {:?}, said was {images:?}", barrier.images))
}

/// Whether each flag is there, or one that stands for all.
fn is_within(small: &Dependency, large: &Dependency) -> bool {
    use ash::vk::{AccessFlags2 as A, PipelineStageFlags2 as S};
    let stages = |small: S, large: S| large.contains(S::ALL_COMMANDS) || large.contains(small);
    let writes = |small: A, large: A| large.contains(A::MEMORY_WRITE) || large.contains(small);
    let target = large.target.mask.contains(A::MEMORY_READ) || large.target.mask.contains(small.target.mask);
    stages(small.source.stages, large.source.stages)
        && stages(small.target.stages, large.target.stages)
        && writes(small.source.mask, large.source.mask)
        && target
}

/// What is left to owners is said, and nothing else without a call is.
fn owed(plan: &Compiled, reasons: &[Reason]) -> Result<(), String> {
    let said = reasons.iter().filter(|reason| reason.call.is_none()).filter_map(|reason| {
        let need = match reason.part {
            Part::Memory { dependency, .. } => Need::Memory(dependency),
            Part::Image(image) => Need::Image(image),
            Part::Wait => return None,
        };
        Some((reason.pass, need))
    });
    let left = plan.owed.iter().map(|owed| (plan.order[owed.position], owed.need));
    ensure(said.clone().eq(left), || format!("owed is {:?}, said was {:?}", plan.owed, said.collect::<Vec<_>>()))
}

/// A wait is for passes of which one waits for the other, or for one between them.
fn waits(plan: &Compiled, reasons: &[Reason]) -> Result<(), String> {
    let batch = |pass: usize| {
        let position = plan.order.iter().position(|&other| other == pass);
        plan.batches.iter().position(|batch| position.is_some_and(|position| batch.positions.contains(&position)))
    };
    let said: Vec<_> = reasons.iter().filter(|reason| reason.part == Part::Wait).collect();
    for reason in &said {
        let (Some(here), Some(there)) = (batch(reason.pass), reason.before.first().and_then(|&pass| batch(pass)))
        else {
            return Err(format!("it waits for nobody: {reason:?}"));
        };
        let queue = plan.batches[here].queue;
        let waits = |batch: &usize| plan.batches[*batch].queue == queue && !plan.batches[*batch].waits.is_empty();
        ensure((there..=here).any(|batch| waits(&batch)), || format!("nothing waits: {reason:?}"))?;
    }
    let waiting = plan.batches.iter().any(|batch| !batch.waits.is_empty());
    ensure(waiting != said.is_empty(), || "waits that are not said".into())
}

/// The text has each call once.
fn text(graph: &Graph, plan: &Compiled) -> Result<(), String> {
    let text = hints(graph)?.to_text();
    let calls = text.matches("device.cmd_pipeline_barrier2").count();
    ensure(calls == plan.barriers.len(), || format!("{calls} calls in\n{text}"))?;
    let images: usize = plan.barriers.iter().map(|barrier| barrier.images.len()).sum();
    let said = text.matches("vk::ImageMemoryBarrier2::default()").count();
    ensure(said == images, || format!("{said} image barriers in\n{text}"))
}

fn hints(graph: &Graph) -> Result<Hints, String> {
    let passes = graph.passes.iter().map(|pass| PassName { name: pass.name.as_str().into(), stage: None }).collect();
    let aspect = ash::vk::ImageAspectFlags::COLOR;
    let slots =
        graph.slots.iter().map(|slot| SlotName { name: slot.name.as_str().into(), inferred: None, aspect }).collect();
    Hints::new(graph.structure(), &graph.queues, Names { passes, slots }).map_err(|fault| format!("{fault:?}"))
}

#[test]
fn what_is_said_of_a_plans_calls_is_the_calls() {
    run(512, (recipe(24), queues()), |(recipe, queues)| fits(&recipe.build(queues)));
}

#[test]
fn the_same_is_said_of_large_plans() {
    run(12, (recipe(200), queues()), |(recipe, queues)| fits(&recipe.build(queues)));
}

/// The passes that the numbers name are manual.
fn with_manual(recipe: &Recipe, queues: QueueMap, manual: &[bool]) -> Graph {
    let mut graph = recipe.build(queues);
    graph.passes.iter_mut().zip(manual.iter().cycle()).for_each(|(pass, manual)| pass.manual = *manual);
    graph
}

/// A plan whose manual passes bring exactly what is left to them.
fn brought(graph: &Graph, plan: &Compiled, reversed: bool) -> Result<(), String> {
    let world = World::of(graph, plan)?;
    let mut stream = of_plan(plan, &world.cells)?;
    for batch in &mut stream.batches {
        let mut items = Vec::new();
        for item in std::mem::take(&mut batch.items) {
            if let Item::Pass(pass) = item {
                let mut owed: Vec<_> = plan.owed.iter().filter(|owed| plan.order[owed.position] == pass).collect();
                if reversed {
                    owed.reverse();
                }
                for owed in owed {
                    items.push(Item::Call(call(&as_call(owed), &|slot| slot, &world.cells)?));
                }
            }
            items.push(item);
        }
        batch.items = items;
    }
    simulate(&world, &stream, Skip::Nothing)
}

/// Each by itself: in the one call that they are made in, none waits for another.
fn as_call(owed: &Owed) -> Barrier {
    match owed.need {
        Need::Memory(memory) => Barrier { memory, ..Barrier::default() },
        Need::Image(image) => Barrier { images: vec![image], ..Barrier::default() },
    }
}

/// A manual pass has no call of its own, but for what comes from elsewhere; all else is as without it.
fn left_alone(graph: &Graph, plan: &Compiled, reasons: &[Reason]) -> Result<(), String> {
    let mut automatic = graph.clone();
    automatic.passes.iter_mut().for_each(|pass| pass.manual = false);
    let (other, _) = explained(&automatic)?;
    let same = (&plan.order, &plan.waves, &plan.entries, &plan.imports, &plan.transients)
        == (&other.order, &other.waves, &other.entries, &other.imports, &other.transients);
    ensure(same, || "the plan is another one without manual passes".into())?;
    for reason in reasons.iter().filter(|reason| reason.call.is_some() && graph.passes[reason.pass].manual) {
        let handed_over = || {
            let waits = |other: &&Reason| other.pass == reason.pass && other.part == Part::Wait;
            matches!(reason.part, Part::Image(_)) && reasons.iter().any(|other| waits(&other))
        };
        let elsewhere = matches!(reason.subject, Subject::Memory { .. }) || handed_over();
        ensure(elsewhere, || format!("the plan makes what is its owner's: {reason:?}"))?;
    }
    let owners = plan.owed.iter().all(|owed| graph.passes[plan.order[owed.position]].manual);
    ensure(owners && other.owed.is_empty(), || "something is left to a pass that is not manual".into())
}

#[test]
fn manual_passes_that_bring_what_is_said_are_sound() {
    let manual = prop::collection::vec(any::<bool>(), 8);
    let some = std::cell::Cell::new(0);
    run(512, (recipe(24), queues(), manual), |(recipe, queues, manual)| {
        let graph = with_manual(&recipe, queues, &manual);
        let (plan, reasons) = explained(&graph)?;
        some.set(some.get() + plan.owed.len());
        let all = || {
            left_alone(&graph, &plan, &reasons)?;
            brought(&graph, &plan, false)?;
            brought(&graph, &plan, true)
        };
        all().map_err(|error| format!("{error}\n{}\n{}", declared(&graph), graph.text(&plan)))?;
        fits(&graph)
    });
    assert!(some.get() > 512, "{} barriers were left to owners", some.get());
}

/// copy ─x▶ draw (by hand): nothing is between them, but what is said to be missing.
#[test]
fn what_a_manual_pass_does_not_bring_is_missed() {
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("copy").copies_to(x);
    g.pass("draw").draws(x).manual = true;
    let (plan, reasons) = explained(&g).expect("a plan");
    assert_eq!((plan.barriers.len(), plan.owed.len(), plan.stats().barriers), (0, 1, 0));
    assert_eq!((reasons.len(), reasons[0].before.clone(), reasons[0].after.clone()), (1, vec![0], vec![1]));
    let text = g.text(&plan);
    let line = "  manual ALL_TRANSFER TRANSFER_WRITE -> VERTEX_SHADER SHADER_STORAGE_READ\n  pass `draw`\n";
    assert!(text.contains(line), "{text}");
    brought(&g, &plan, false).expect("it brings what it needs");
    let mut lacking = plan.clone();
    lacking.owed.clear();
    assert!(brought(&g, &lacking, false).is_err_and(|error| error.contains("it does not wait for")));
}

/// copy ─x▶ sum, then draw (by hand): who reads first has the barrier of both.
#[test]
fn a_manual_reader_beside_one_that_is_not_needs_no_barrier_of_its_own() {
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("copy").copies_to(x);
    g.pass("sum").reads(x);
    g.pass("draw").draws(x).manual = true;
    let (plan, _) = explained(&g).expect("a plan");
    assert_eq!((plan.barriers.len(), plan.owed.len()), (1, 0));
    // The other way round, the owner makes it for both.
    let mut g = Graph::new();
    let x = g.buffer("x");
    g.pass("copy").copies_to(x);
    g.pass("draw").draws(x).manual = true;
    g.pass("sum").reads(x);
    let (plan, reasons) = explained(&g).expect("a plan");
    assert_eq!((plan.barriers.len(), plan.owed.len()), (0, 1));
    assert_eq!(reasons[0].after, [1, 2]);
    brought(&g, &plan, false).expect("one barrier for both");
}

/// compute: simulate ─x▶ graphics: draw (by hand): queues wait for one another by themselves.
#[test]
fn what_comes_from_another_queue_is_not_left_to_a_manual_pass() {
    let mut g = Graph::on(two_queues());
    let [x, i] = [g.buffer("x"), g.image("i")];
    g.pass("simulate").writes(x).writes(i).on(Compute);
    g.pass("draw").draws(x).samples(i).manual = true;
    let (plan, reasons) = explained(&g).expect("a plan");
    assert_eq!((plan.barriers.len(), plan.owed.len()), (2, 0), "a release and an acquire");
    assert_eq!(reasons.iter().filter(|reason| reason.part == Part::Wait).count(), 2);
    super::properties::check(&g, &plan).expect("a sound plan");
}
