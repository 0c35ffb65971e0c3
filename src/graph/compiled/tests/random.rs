//! Random graphs against the checker. A failure prints the seed; `VULKIO_SEED` runs it again.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use ash::vk::PipelineStageFlags2 as S;
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};

use super::{
    dsl::{
        Graph, SAMPLED, SAMPLED_IN_COMPUTE, STORAGE_IMAGE, Slot, three_queues, transient_image, twin_queues, two_queues,
    },
    history::History,
    properties,
    reference::conflict,
    simulate::{Skip, simulate},
};
use crate::{
    gpu::QueueKind,
    graph::ir::{QueueMap, Region, SlotShape, SlotUse, TransientImage},
    resource::{Access, Mode},
};

/// Buffers and images that live across graphs: so many of each.
const IMPORTS: usize = 4;
/// Cells of a buffer.
const PARTS: u64 = 4;
const PART: u64 = 64;

/// What a random pass is made from; whatever the numbers are, a valid pass comes out.
#[derive(Clone, Debug)]
struct PassRecipe {
    kind: u8,
    queue: u8,
    keep: bool,
    uses: Vec<UseRecipe>,
    after: Option<usize>,
}

#[derive(Clone, Debug)]
struct UseRecipe {
    slot: usize,
    access: usize,
    region: usize,
    discard: bool,
}

#[derive(Clone)]
pub(super) struct Recipe {
    passes: Vec<PassRecipe>,
    /// Whether it is an image, and its size.
    transients: Vec<(bool, u64)>,
}

/// A failure's message shows the graph as it was declared, which is easier to read.
impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passes", self.passes.len())
    }
}

fn use_recipe() -> impl Strategy<Value = UseRecipe> {
    (0..64usize, 0..16usize, 0..16usize, any::<bool>()).prop_map(|(slot, access, region, discard)| UseRecipe {
        slot,
        access,
        region,
        discard,
    })
}

fn pass_recipe() -> impl Strategy<Value = PassRecipe> {
    let uses = prop::collection::vec(use_recipe(), 0..5);
    let after = prop::option::weighted(0.15, 0..8usize);
    (0..6u8, 0..8u8, prop::bool::weighted(0.1), uses, after).prop_map(|(kind, queue, keep, uses, after)| PassRecipe {
        kind,
        queue,
        keep,
        uses,
        after,
    })
}

pub(super) fn recipe(passes: usize) -> impl Strategy<Value = Recipe> {
    let transient = (prop::bool::weighted(0.4), 1..5u64);
    (prop::collection::vec(pass_recipe(), 0..passes), prop::collection::vec(transient, 0..6))
        .prop_map(|(passes, transients)| Recipe { passes, transients })
}

pub(super) fn queues() -> impl Strategy<Value = QueueMap> {
    prop_oneof![
        2 => Just(QueueMap::one()),
        2 => Just(two_queues()),
        1 => Just(twin_queues()),
        2 => Just(three_queues()),
    ]
}

/// The accesses that a kind of pass may make: 0 copies, 1 and 2 dispatch, else draws.
fn accesses(kind: u8, image: bool) -> Vec<Access> {
    let concurrent = |access| Access { mode: Mode::ConcurrentWrite, ..access };
    let compute = S::COMPUTE_SHADER;
    match (kind, image) {
        (0, false) => vec![Access::COPY_SOURCE, Access::COPY_TARGET],
        (0, true) => vec![Access::IMAGE_COPY_SOURCE, Access::IMAGE_COPY_TARGET],
        (1 | 2, false) => vec![
            Access::storage_read(compute),
            Access::storage_write(compute),
            concurrent(Access::storage_write(compute)),
            Access::INDIRECT,
            Access::storage_read(compute),
        ],
        (1 | 2, true) => vec![SAMPLED_IN_COMPUTE, STORAGE_IMAGE, concurrent(STORAGE_IMAGE)],
        (_, false) => vec![
            Access::storage_read(S::VERTEX_SHADER),
            Access::INDEX,
            Access::INDIRECT,
            Access::storage_write(S::FRAGMENT_SHADER),
            concurrent(Access::storage_write(S::FRAGMENT_SHADER)),
        ],
        (_, true) => vec![SAMPLED, Access::COLOR_ATTACHMENT, Access::BLIT_SOURCE, Access::BLIT_TARGET],
    }
}

fn region(slot: Slot, image: bool, number: usize) -> Slot {
    let at = |modulus: usize| (number / 4 % modulus) as u32;
    match (number % 4, image) {
        (0 | 1, _) => slot,
        (2, true) => slot.part(at(2)..at(2) + 1, 0..2),
        (_, true) => slot.part(at(2)..at(2) + 1, at(2)..at(2) + 1),
        (2, false) => slot.bytes(0..PART * 2),
        (_, false) => slot.bytes(u64::from(at(4)) * PART..(u64::from(at(4)) + 1) * PART),
    }
}

impl Recipe {
    pub(super) fn build(&self, queues: QueueMap) -> Graph {
        let mut graph = Graph::on(queues);
        let mut slots: Vec<_> = (0..IMPORTS).map(|_| graph.slot("buffer", buffer(PARTS))).collect();
        slots.extend((0..IMPORTS / 2).map(|_| graph.image_of("image", 2, 2)));
        for &(image, size) in &self.transients {
            let shape = match image {
                true => {
                    let image = transient_image(size * 1024, 1 << (size & 1));
                    SlotShape::TransientImage(TransientImage { levels: 2, layers: 2, ..image })
                }
                false => SlotShape::TransientBuffer { bytes: size * PART * PARTS },
            };
            slots.push(graph.slot("transient", shape));
        }
        let mut written = vec![false; slots.len()];
        for (index, pass) in self.passes.iter().enumerate() {
            pass.build(index, &mut graph, &slots, &mut written);
        }
        let count = graph.slots.len();
        graph.slots.iter_mut().zip(0..count).for_each(|(slot, index)| slot.name = format!("{}{index}", slot.name));
        graph
    }
}

fn buffer(parts: u64) -> SlotShape {
    SlotShape::Buffer { bytes: parts * PART }
}

impl PassRecipe {
    fn build(&self, index: usize, graph: &mut Graph, slots: &[Slot], written: &mut [bool]) {
        let shapes: Vec<_> = graph.slots.iter().map(|slot| slot.shape).collect();
        let pass = graph.pass(format!("p{index}"));
        pass.keep = self.keep;
        for recipe in &self.uses {
            let slot = slots[recipe.slot % slots.len()];
            let shape = shapes[slot.index];
            let accesses = accesses(self.kind, shape.is_image());
            let access = accesses[recipe.access % accesses.len()];
            // A transient is written as a whole before anything else.
            let fresh = shape.is_transient() && !written[slot.index];
            let part = if fresh { slot } else { region(slot, shape.is_image(), recipe.region) };
            let exclusive = access.mode == Mode::Write;
            let discard = fresh || recipe.discard && exclusive;
            let used = SlotUse { slot: slot.index, region: part.region(), access, discard };
            if pass.uses.iter().all(|other| may_meet(other, &used)) && (!fresh || exclusive) {
                pass.uses.push(used);
                written[slot.index] = true;
            }
        }
        let kinds = [None, Some(QueueKind::Graphics), Some(QueueKind::Compute), Some(QueueKind::Transfer)];
        let kind = kinds.get(usize::from(self.queue)).copied().flatten();
        pass.queue = kind.filter(|kind| pass.needs().met_by(*kind));
        if let Some(back) = self.after.filter(|_| index > 0) {
            pass.after(index - 1 - back % index);
        }
    }
}

/// Whether one pass may make both uses: of different cells, or reads in one layout.
fn may_meet(a: &SlotUse, b: &SlotUse) -> bool {
    let both = |(a, b): (Region, Region)| a.intersection(&b).is_some();
    let meet = a.slot == b.slot && a.region.zip(b.region).is_none_or(both);
    !meet || !conflict(&a.access, &b.access) && a.access.mode == Mode::Read
}

/// Runs a test on so many cases, all from one seed.
pub(super) fn run<T: Strategy>(cases: u32, strategy: T, test: impl Fn(T::Value) -> Result<(), String>) {
    let said = std::env::var("VULKIO_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = said.unwrap_or_else(|| RandomState::new().hash_one(cases));
    let said = std::env::var("VULKIO_CASES").ok().and_then(|cases| cases.parse().ok());
    let config =
        Config { cases: said.unwrap_or(cases), failure_persistence: None, max_shrink_iters: 4096, ..Config::default() };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let result = TestRunner::new_with_rng(config, rng).run(&strategy, |case| test(case).map_err(TestCaseError::fail));
    if let Err(error) = result {
        panic!("VULKIO_SEED={seed}\n{error}");
    }
}

fn holds(graph: &Graph) -> Result<(), String> {
    let plan = graph.compile().map_err(|fault| format!("{fault:?}"))?;
    properties::check(graph, &plan).map_err(|error| format!("{error}\n{}\n{}", declared(graph), graph.text(&plan)))
}

/// The graph as it was declared, for messages.
pub(super) fn declared(graph: &Graph) -> String {
    let uses = |pass: &super::dsl::Pass| {
        let uses = pass.uses.iter().map(|used| {
            let (name, discard) = (&graph.slots[used.slot].name, if used.discard { ", discard" } else { "" });
            let region = used.region.map(|region| format!("{:?}x{:?}", region.x, region.y)).unwrap_or_default();
            format!(
                "\n    {name}{region} {:?} {:?} {:?}{discard}",
                used.access.mode, used.access.stages, used.access.mask
            )
        });
        uses.collect::<String>()
    };
    let pass = |pass: &super::dsl::Pass| {
        format!("  {} on {:?} after {:?}, keep {}{}\n", pass.name, pass.queue, pass.after, pass.keep, uses(pass))
    };
    graph.passes.iter().map(pass).collect()
}

#[test]
fn nothing_is_missing_from_plans_of_random_graphs_and_nothing_is_too_much() {
    run(512, (recipe(24), queues()), |(recipe, queues)| holds(&recipe.build(queues)));
}

#[test]
fn the_same_holds_of_large_graphs() {
    run(12, (recipe(200), queues()), |(recipe, queues)| holds(&recipe.build(queues)));
}

#[test]
fn with_any_order_the_declaration_may_be_shuffled() {
    let order = prop::collection::vec(any::<u32>(), 24);
    run(256, (recipe(24), queues(), order), |(recipe, queues, order)| holds(&shuffled(&recipe, queues, &order)));
}

/// A graph in which every cell has one writer, declared in any order.
fn shuffled(recipe: &Recipe, queues: QueueMap, order: &[u32]) -> Graph {
    let mut graph = recipe.build(queues);
    graph.any_order = true;
    let mut written = vec![false; graph.slots.len()];
    for pass in &mut graph.passes {
        pass.after.clear();
        pass.uses.retain_mut(|used| {
            used.region = None;
            let first = !std::mem::replace(&mut written[used.slot], true);
            !graph.slots[used.slot].shape.is_image() && used.access.writes() == first
        });
        let mut seen = Vec::new();
        pass.uses.retain(|used| {
            !seen.contains(&used.slot) && {
                seen.push(used.slot);
                true
            }
        });
        pass.queue = pass.queue.filter(|kind| pass.needs().met_by(*kind));
    }
    let mut keys = order.iter();
    graph.passes.sort_by_cached_key(|_| keys.next().copied());
    graph
}

/// Frames one after the other, some of them dropped before their commit.
fn frames(passes: usize, frames: usize) -> impl Strategy<Value = (Vec<(Recipe, bool)>, QueueMap)> {
    (prop::collection::vec((recipe(passes), prop::bool::weighted(0.25)), 1..frames), queues())
}

fn frames_hold(recipes: &[(Recipe, bool)], queues: &QueueMap) -> Result<(), String> {
    let graphs: Vec<_> = recipes.iter().map(|(recipe, _)| recipe.build(queues.clone())).collect();
    let mut history = History::new(&graphs);
    let mut texts = String::new();
    for (graph, (_, dropped)) in graphs.iter().zip(recipes) {
        let plan = graph.compile().map_err(|fault| format!("{fault:?}"))?;
        if *dropped {
            history.arrive(&plan);
        } else {
            let arrivals = history.commit(graph, &plan)?;
            texts += &format!("{}\n{}\n{arrivals:#?}\n", declared(graph), graph.text(&plan));
        }
    }
    simulate(&history.world, &history.stream, Skip::Nothing).map_err(|error| format!("{error}\n{texts}"))
}

#[test]
fn frames_follow_one_another_without_a_hazard_whichever_are_dropped() {
    run(512, frames(12, 6), |(recipes, queues)| frames_hold(&recipes, &queues));
}

#[test]
fn large_frames_follow_one_another_without_a_hazard() {
    run(12, frames(200, 4), |(recipes, queues)| frames_hold(&recipes, &queues));
}

/// Frames that each touch many small parts of one buffer: more than a tracker keeps apart.
fn speckled(frames: &[Vec<(u64, usize, bool)>], queues: &QueueMap) -> Vec<Graph> {
    let frame = |parts: &Vec<(u64, usize, bool)>| {
        let mut graph = Graph::on(queues.clone());
        let buffer = graph.slot("buffer", buffer(160));
        for (index, &(part, access, compute)) in parts.iter().enumerate() {
            let accesses = accesses(1, false);
            let part = buffer.bytes(part * PART..(part + 1) * PART);
            let pass = graph.pass(format!("p{index}")).uses(part, accesses[access % accesses.len()]);
            pass.queue = compute.then_some(QueueKind::Compute);
        }
        graph
    };
    frames.iter().map(frame).collect()
}

#[test]
fn a_buffer_in_more_parts_than_are_told_apart_has_no_hazard() {
    let parts = prop::collection::vec((0..160u64, 0..5usize, any::<bool>()), 1..100);
    run(96, (prop::collection::vec(parts, 1..6), queues()), |(frames, queues)| {
        let graphs = speckled(&frames, &queues);
        let mut history = History::new(&graphs);
        for graph in &graphs {
            let plan = graph.compile().map_err(|fault| format!("{fault:?}"))?;
            history.commit(graph, &plan)?;
        }
        simulate(&history.world, &history.stream, Skip::Nothing)
    });
}

#[test]
fn the_recipes_make_what_they_are_for() {
    let [conflicts, transients, parts] = [0u32; 3].map(std::cell::Cell::new);
    run(64, recipe(24), |recipe| {
        let graph = recipe.build(QueueMap::one());
        let uses = || graph.passes.iter().flat_map(|pass| &pass.uses);
        let pairs = uses().zip(uses().skip(1)).filter(|(a, b)| a.slot == b.slot && conflict(&a.access, &b.access));
        conflicts.set(conflicts.get() + pairs.count() as u32);
        transients
            .set(transients.get() + uses().filter(|used| graph.slots[used.slot].shape.is_transient()).count() as u32);
        parts.set(parts.get() + uses().filter(|used| used.region.is_some()).count() as u32);
        Ok(())
    });
    assert!([conflicts, transients, parts].iter().all(|count| count.get() > 32));
}
