//! Passes whose owners make their barriers: what they have to bring, and what happens to those that do not.

mod common;
mod mix;
mod scenes;
mod world;

use common::{close, open, soon, strict, strict_gpu};
use mix::{Factors, Mix, buffer, words};
use scenes::{Random, seed};
use vulkio::{
    Error, Gpu, GpuBuffer, GpuImage, Graph, Pass, PassBarrier, PassId, RenderTarget,
    ash::vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S},
};
use world::World;

const N: usize = 64;
const COPIED: (S, A) = (S::ALL_TRANSFER, A::TRANSFER_WRITE);
const COPIES: (S, A) = (S::ALL_TRANSFER, A::TRANSFER_READ);
const RENDERED: (S, A) = (S::COLOR_ATTACHMENT_OUTPUT, A::COLOR_ATTACHMENT_WRITE);

/// fill ─▶ copy, which is manual if it is given barriers.
fn line(graph: &Graph, [a, b]: [&GpuBuffer<u32>; 2], barriers: Option<Vec<PassBarrier>>) -> PassId {
    let (filled, from, to) = (a.clone(), a.clone(), b.clone());
    graph.pass("fill").writes(a.copy_target()).record(move |cmd| _ = cmd.fill(&filled, 0..N, 7));
    let pass = graph.pass("copy").copies(a, b);
    with(pass, barriers).record(move |cmd| _ = cmd.copy(&from, 0..N, &to, 0))
}

fn with(pass: Pass<'_>, barriers: Option<Vec<PassBarrier>>) -> Pass<'_> {
    match barriers {
        // SAFETY: they are what the plan says, or the graph is refused.
        Some(barriers) => unsafe { pass.manual(barriers) },
        None => pass,
    }
}

async fn buffers(gpu: &Gpu) -> [GpuBuffer<u32>; 2] {
    [buffer(gpu, "a", vec![1; N]).await, buffer(gpu, "b", vec![2; N]).await]
}

fn refused(result: Result<impl Sized, Error>, parts: &[&str]) {
    let said = result.err().expect("refused").to_string();
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
}

#[tokio::test]
async fn a_manual_pass_brings_the_one_barrier_that_the_plan_has_without_it() {
    let gpu = strict_gpu();
    let [a, b] = buffers(&gpu).await;
    // So that both enter in the same way: what an upload wrote may be on another queue.
    let before = Graph::new(&gpu, "before");
    line(&before, [&a, &b], None);
    soon("a graph", soon("a submit", before.submit()).await.expect("submitted")).await.expect("complete");
    let automatic = Graph::new(&gpu, "automatic");
    let copy = line(&automatic, [&a, &b], None);
    let barriers = automatic.barriers_for(copy).expect("barriers");
    let said: Vec<_> = barriers.iter().map(PassBarrier::to_string).collect();
    let expected = "PassBarrier::memory((vk::PipelineStageFlags2::ALL_TRANSFER, vk::AccessFlags2::TRANSFER_WRITE), \
                    (vk::PipelineStageFlags2::ALL_TRANSFER, vk::AccessFlags2::TRANSFER_READ))";
    assert_eq!(said, [expected]);
    let (plan, hints) = (automatic.plan_stats().expect("a plan"), automatic.hints().expect("hints"));
    assert_eq!((plan.barriers, hints.calls()), (1, 1));
    let done = soon("a submit", automatic.submit()).await.expect("submitted");
    let automatic = soon("a graph", done).await.expect("complete").barriers;

    let manual = Graph::new(&gpu, "manual");
    let copy = line(&manual, [&a, &b], Some(barriers));
    let (plan, hints) = (manual.plan_stats().expect("a plan"), manual.hints().expect("hints").to_text());
    assert_eq!((plan.barriers, plan.waves), (0, 2));
    assert!(hints.contains("before `copy`, by its owner:\n  `a`: written by copies in `fill`"), "{hints}");
    assert!(hints.contains(expected), "{hints}");
    assert_eq!(manual.barriers_for(copy).expect("barriers").len(), 1);
    let done = soon("a submit", manual.submit()).await.expect("submitted");
    assert_eq!(
        soon("a graph", done).await.expect("complete").barriers,
        automatic,
        "one call each, and what they enter by"
    );
    assert_eq!(soon("a read", words(&gpu, &b)).await, [7; N]);
    drop((a, b));
    close(gpu).await;
}

#[tokio::test]
async fn a_barrier_that_is_missing_is_refused_with_what_to_add() {
    let gpu = strict_gpu();
    let [a, b] = buffers(&gpu).await;
    let late = PassBarrier::memory((S::ALL_TRANSFER, A::NONE), COPIES);
    let early = PassBarrier::memory(COPIED, (S::COMPUTE_SHADER, A::SHADER_STORAGE_READ));
    for (number, given) in [vec![], vec![late], vec![early]].into_iter().enumerate() {
        let graph = Graph::new(&gpu, "lacking");
        line(&graph, [&a, &b], Some(given));
        let parts = [
            "pass `copy` is manual and lacks a barrier",
            "`a`: written by copies in `fill`, then read by copies in `copy`",
            "add `PassBarrier::memory((vk::PipelineStageFlags2::ALL_TRANSFER, vk::AccessFlags2::TRANSFER_WRITE), ",
        ];
        refused(soon(&format!("submit {number}"), graph.submit()).await, &parts);
    }
    assert_eq!(soon("a read", words(&gpu, &b)).await, [2; N], "nothing ran");
    drop((a, b));
    close(gpu).await;
}

/// Without checks, vulkio takes what it is given; then it is the validation layer that sees what is missing.
#[tokio::test]
async fn what_is_missing_without_checks_is_a_hazard() {
    let gpu = open(strict().checks(false));
    let [a, b] = buffers(&gpu).await;
    let graph = Graph::new(&gpu, "unchecked");
    line(&graph, [&a, &b], Some(Vec::new()));
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("a graph", done).await.expect("complete");
    drop((a, b));
    let hazard = gpu.close().await.expect_err("a message of the layer").to_string();
    // Newer layers write the kind of a hazard with underscores.
    assert!(hazard.replace('_', "-").contains("READ-AFTER-WRITE") && hazard.contains("vkCmdCopyBuffer"), "{hazard}");
}

#[tokio::test]
async fn barriers_that_are_wider_than_needed_are_taken() {
    let gpu = strict_gpu();
    let [a, b] = buffers(&gpu).await;
    let all =
        PassBarrier::memory((S::ALL_COMMANDS, A::MEMORY_WRITE), (S::ALL_COMMANDS, A::MEMORY_READ | A::MEMORY_WRITE));
    let graph = Graph::new(&gpu, "wide");
    line(&graph, [&a, &b], Some(vec![all]));
    soon("a submit", graph.submit()).await.expect("submitted");
    assert_eq!(soon("a read", words(&gpu, &b)).await, [7; N]);
    drop((a, b));
    close(gpu).await;
}

struct Picture {
    image: GpuImage<RenderTarget>,
    words: GpuBuffer<u32>,
}

impl Picture {
    fn new(gpu: &Gpu) -> Self {
        Self {
            image: gpu.image("picture", [8, 8]).expect("an image"),
            words: gpu.buffer("words", N).expect("a buffer"),
        }
    }

    /// clear ─▶ save ─▶ clear again: the last two are manual if they are given barriers.
    fn declare(&self, graph: &Graph, given: [Option<Vec<PassBarrier>>; 2]) -> [PassId; 2] {
        let [save, again] = given;
        let (image, words) = (self.image.clone(), self.words.clone());
        graph.pass("clear").renders(image.clear([1.0; 4])).record(|_| ());
        let pass = with(graph.pass("save").copies(&image, &words), save);
        let saved = pass.record({
            let image = image.clone();
            move |cmd| _ = cmd.copy_image(&image, &words)
        });
        [saved, with(graph.pass("again").renders(image.clear([0.0; 4])), again).record(|_| ())]
    }
}

#[tokio::test]
async fn a_manual_pass_changes_layouts_before_its_rendering_begins() {
    let gpu = strict_gpu();
    let picture = Picture::new(&gpu);
    let graph = Graph::new(&gpu, "automatic");
    let passes = picture.declare(&graph, [None, None]);
    let given = passes.map(|pass| graph.barriers_for(pass).expect("barriers"));
    assert_eq!(graph.plan_stats().expect("a plan").barriers, 2);
    let said = given[0][0].to_string();
    assert!(said.starts_with("PassBarrier::image(&picture, "), "{said}");
    let layouts = "[vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL, vk::ImageLayout::TRANSFER_SRC_OPTIMAL])";
    assert!(said.ends_with(layouts), "{said}");
    drop(graph);

    let graph = Graph::new(&gpu, "manual");
    picture.declare(&graph, given.map(Some));
    assert_eq!(graph.plan_stats().expect("a plan").barriers, 0);
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    let stats = soon("a graph", done).await.expect("complete");
    assert_eq!(stats.barriers, 3, "one to enter, and two that were brought");
    assert_eq!(soon("a read", words(&gpu, &picture.words)).await, [u32::MAX; N]);
    drop(picture);
    close(gpu).await;
}

#[tokio::test]
async fn a_layout_that_declarations_do_not_lead_to_is_refused() {
    let gpu = strict_gpu();
    let picture = Picture::new(&gpu);
    let image = picture.image.clone();
    let to = move |layout| PassBarrier::image(&image, RENDERED, COPIES, [L::COLOR_ATTACHMENT_OPTIMAL, layout]);
    let graph = Graph::new(&gpu, "elsewhere");
    picture.declare(&graph, [Some(vec![to(L::GENERAL)]), None]);
    refused(
        soon("a submit", graph.submit()).await,
        &["`save`", "lacks a barrier", "`picture`", "TRANSFER_SRC_OPTIMAL]"],
    );
    let graph = Graph::new(&gpu, "twice");
    picture.declare(&graph, [Some(vec![to(L::TRANSFER_SRC_OPTIMAL), to(L::GENERAL)]), None]);
    let parts = ["takes `picture` from COLOR_ATTACHMENT_OPTIMAL to GENERAL", "these are `PassBarrier::image(&picture"];
    refused(soon("a submit", graph.submit()).await, &parts);
    drop(picture);
    close(gpu).await;
}

#[tokio::test]
async fn barriers_of_what_a_pass_does_not_declare_are_refused() {
    let gpu = strict_gpu();
    let [a, b] = buffers(&gpu).await;
    let picture = Picture::new(&gpu);
    let layouts = [L::GENERAL, L::TRANSFER_SRC_OPTIMAL];
    let other = PassBarrier::image(&picture.image, RENDERED, COPIES, layouts);
    let no_image = PassBarrier::image(&a, COPIED, COPIES, layouts);
    for (given, parts) in [
        (other, ["pass `copy` brings a barrier of `picture`", "does not declare"]),
        (no_image, ["pass `copy` brings an image barrier of `a`", "PassBarrier::memory"]),
    ] {
        let graph = Graph::new(&gpu, "foreign");
        line(&graph, [&a, &b], Some(vec![given]));
        refused(graph.hints(), &parts);
        refused(soon("a submit", graph.submit()).await, &parts);
    }
    let (one, two) = (Graph::new(&gpu, "one"), Graph::new(&gpu, "two"));
    let pass = line(&one, [&a, &b], None);
    refused(two.barriers_for(pass), &["graph `two`", "of another graph"]);
    drop((one, two, a, b, picture));
    close(gpu).await;
}

/// In shares on several workers, and by its owner: the barriers stand before the first command.
#[tokio::test]
async fn shared_and_open_passes_bring_their_barriers_once() {
    let gpu = strict_gpu();
    let mix = Mix::new(&gpu).await;
    let [a, b] = buffers(&gpu).await;
    for opened in [false, true] {
        let declare = |graph: &Graph, given: Option<Vec<PassBarrier>>| {
            let filled = a.clone();
            graph.pass("fill").writes(a.copy_target()).record(move |cmd| _ = cmd.fill(&filled, 0..N, 5));
            let pass = with(graph.pass("double").reads(&a).writes(&b), given);
            let factors = Factors::linear(2, 0);
            let addresses = [a.address(), a.address(), b.address()];
            if opened {
                let pass = pass.open();
                let record = graph.with_encoder(pass, |cmd| mix.at(cmd, addresses, N as u32, factors));
                record.expect("recorded");
                return pass;
            }
            let mix = mix.clone();
            pass.parallel(N, move |cmd, range| {
                if range.contains(&0) {
                    mix.at(cmd, addresses, N as u32, factors);
                }
            })
        };
        let graph = Graph::new(&gpu, "automatic");
        let pass = declare(&graph, None);
        let given = graph.barriers_for(pass).expect("barriers");
        assert_eq!(given.len(), 1, "`b` was written before the graph");
        // The manual one comes after it, on the same queue.
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        soon("a graph", done).await.expect("complete");
        let graph = Graph::new(&gpu, "manual");
        declare(&graph, Some(given));
        let done = soon("a submit", graph.submit()).await.expect("submitted");
        let stats = soon("a graph", done).await.expect("complete");
        assert_eq!(stats.barriers, 2, "opened {opened}: one to enter, and one that was brought");
        let found = soon("a read", words(&gpu, &b)).await;
        assert!(found.iter().all(|word| *word == found[0]) && found[0] != 2, "opened {opened}: {found:?}");
    }
    drop((a, b, mix));
    close(gpu).await;
}

/// Random graphs under synchronization validation, half of whose passes bring exactly what is said that they need.
#[tokio::test]
async fn random_graphs_of_manual_passes_do_what_a_cpu_does() {
    let seed = seed();
    let mut random = Random(seed);
    let gpu = strict_gpu();
    let mut world = World::new(&gpu, &mut random).await;
    let mut brought = 0;
    for round in 0..40 {
        let count = 2 + random.bits() as usize % 24;
        let steps = World::steps(&mut random, count, false);
        world.advance(&steps);
        // Transients are of one graph: who touches an image of those is left to the plan.
        let manual: Vec<_> = steps.iter().map(|step| !step.has_canvas() && random.bits().is_multiple_of(2)).collect();
        let automatic = Graph::new(&gpu, "automatic");
        let things = world.things(&automatic);
        let passes: Vec<_> = steps.iter().map(|step| world.declare(&automatic, &things, step, None, [])).collect();
        let given: Vec<_> = passes.iter().map(|pass| automatic.barriers_for(*pass).expect("barriers")).collect();
        drop((automatic, things));

        let graph = Graph::new(&gpu, "manual");
        let things = world.things(&graph);
        for ((step, manual), given) in steps.iter().zip(manual).zip(given) {
            if manual {
                brought += given.len();
                // SAFETY: they are what the plan would have, and validated.
                unsafe { world.declare_manual(&graph, &things, step, given) };
            } else {
                world.declare(&graph, &things, step, None, []);
            }
        }
        let submitted = soon("a submit", graph.submit()).await;
        submitted.unwrap_or_else(|error| panic!("seed {seed}, graph {round}: {error}: {steps:#?}"));
        world.check(&format!("seed {seed}, graph {round} of {steps:#?}")).await;
    }
    assert!(brought > 40, "{brought} barriers were brought");
    drop(world);
    close(gpu).await;
}
