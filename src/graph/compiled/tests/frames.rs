//! What stands between frames: prologues worked out from the trackers at commit. The first frame, the steady state, and
//! frames that are dropped.

use ash::vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

use super::{
    dsl::{Graph, Slot, two_queues},
    history::History,
    simulate::{Skip, simulate},
};
use crate::{
    gpu::{QueueId, QueueKind::Compute},
    graph::{
        compiled::Compiled,
        state::{Arrival, Dependency, Scope},
    },
    sync::Stamp,
};

/// The same graph, frame after frame.
struct Frames {
    graph: Graph,
    plan: Compiled,
    history: History,
}

impl Frames {
    fn of(graph: Graph) -> Self {
        let plan = graph.compile().expect("a plan");
        let history = History::new(std::slice::from_ref(&graph));
        Self { graph, plan, history }
    }

    /// Commits one more frame, and gives what stood before it; the checker judges all frames so far.
    #[track_caller]
    fn next(&mut self) -> Vec<Arrival> {
        let arrivals = self.history.commit(&self.graph, &self.plan).expect("a frame");
        let (text, result) =
            (self.graph.text(&self.plan), simulate(&self.history.world, &self.history.stream, Skip::Nothing));
        result.unwrap_or_else(|error| panic!("{error}\n{text}\n{arrivals:#?}"));
        arrivals
    }

    /// By entry: the prologue in words.
    #[track_caller]
    fn next_in_words(&mut self) -> Vec<String> {
        self.next().iter().map(words).collect()
    }
}

fn scope(scope: &Scope) -> String {
    let mask = if scope.mask.is_empty() { "NONE".into() } else { format!("{:?}", scope.mask) };
    format!("{:?} {mask}", scope.stages)
}

/// An arrival as a plan's text would put it.
fn words(arrival: &Arrival) -> String {
    let mut words = Vec::new();
    if !arrival.memory.is_empty() {
        words.push(format!("{} -> {}", scope(&arrival.memory.source), scope(&arrival.memory.target)));
    }
    let wait = |stamp: &Stamp| format!("wait for {} of queue {}", stamp.value, stamp.queue.0);
    words.extend(arrival.waits.iter().map(wait));
    words.extend(arrival.acquires.iter().map(|acquire| format!("acquire from queue {}", acquire.from.queue.0)));
    words.extend(arrival.layouts.iter().map(|change| {
        let source = if change.source.stages.is_empty() { "NONE NONE".into() } else { scope(&change.source) };
        format!("{source} -> {}, {:?} -> {:?}", scope(&change.target), change.old, change.new)
    }));
    words.join("; ")
}

fn one(build: impl FnOnce(&mut Graph)) -> Frames {
    let mut graph = Graph::new();
    build(&mut graph);
    Frames::of(graph)
}

#[test]
fn the_first_frame_waits_for_nothing() {
    // write ─x▶ read
    let mut frames = one(|g| {
        let x = g.buffer("x");
        g.pass("write").copies_to(x);
        g.pass("read").indirect(x);
    });
    assert_eq!(frames.next(), [Arrival::default()]);
}

#[test]
fn the_second_write_waits_for_the_execution_of_the_first_ones_readers() {
    // frame 1: write ─x▶ read ═══▶ frame 2: write ─x▶ read
    let mut frames = one(|g| {
        let x = g.buffer("x");
        g.pass("write").copies_to(x);
        g.pass("read").indirect(x);
    });
    frames.next();
    for _ in 0..3 {
        assert_eq!(frames.next_in_words(), ["DRAW_INDIRECT NONE -> ALL_TRANSFER TRANSFER_WRITE"]);
    }
}

#[test]
fn a_frame_that_only_writes_waits_for_the_memory_of_the_one_before() {
    // write ═x═▶ write
    let mut frames = one(|g| {
        let x = g.buffer("x");
        g.pass("write").copies_to(x);
    });
    frames.next();
    assert_eq!(frames.next_in_words(), ["ALL_TRANSFER TRANSFER_WRITE -> ALL_TRANSFER TRANSFER_WRITE"]);
}

#[test]
fn a_frame_that_only_reads_waits_once() {
    // write ═x═▶ read ═x═▶ read
    let write = graph(|g, x| drop(g.pass("write").copies_to(x).name.clone()));
    let read = graph(|g, x| drop(g.pass("read").indirect(x).name.clone()));
    let mut history = History::new(&[write.clone(), read.clone()]);
    let mut commit = |graph: &Graph| {
        let plan = graph.compile().expect("a plan");
        let words: Vec<_> = history.commit(graph, &plan).expect("a frame").iter().map(words).collect();
        simulate(&history.world, &history.stream, Skip::Nothing).expect("no hazard");
        words
    };
    assert_eq!(commit(&write), [""]);
    assert_eq!(commit(&read), ["ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ"]);
    assert_eq!(commit(&read), [""], "it is visible by now");
    assert_eq!(commit(&write), ["DRAW_INDIRECT NONE -> ALL_TRANSFER TRANSFER_WRITE"]);
}

/// A graph with one buffer.
fn graph(build: impl FnOnce(&mut Graph, Slot)) -> Graph {
    let mut graph = Graph::new();
    let x = graph.buffer("x");
    build(&mut graph, x);
    graph
}

#[test]
fn a_plan_that_reads_and_then_writes_waits_for_readers_before_it() {
    // write ═▶ read1 (vertices) ═▶ frame: read2 (arguments) ─x▶ write
    let write = graph(|g, x| drop(g.pass("write").copies_to(x).name.clone()));
    let read = graph(|g, x| drop(g.pass("read1").draws(x).name.clone()));
    let both = graph(|g, x| {
        g.pass("read2").indirect(x);
        g.pass("write").copies_to(x);
    });
    let mut history = History::new(&[write.clone(), read.clone(), both.clone()]);
    let mut last = Vec::new();
    for graph in [&write, &read, &both] {
        let plan = graph.compile().expect("a plan");
        last = history.commit(graph, &plan).expect("a frame").iter().map(words).collect();
    }
    simulate(&history.world, &history.stream, Skip::Nothing).expect("no hazard");
    assert_eq!(
        last,
        [
            "ALL_TRANSFER TRANSFER_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ",
            "VERTEX_SHADER NONE -> ALL_TRANSFER TRANSFER_WRITE"
        ]
    );
}

#[test]
fn an_image_gets_its_layout_in_the_first_frame_and_goes_round_in_the_next() {
    // draw (clears) ─i▶ copy
    let mut frames = one(|g| {
        let i = g.image("i");
        g.pass("draw").clears(i);
        g.pass("copy").copies_from(i);
    });
    let target = "COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE";
    assert_eq!(frames.next_in_words(), [format!("NONE NONE -> {target}, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL")]);
    let steady = format!("ALL_TRANSFER NONE -> {target}, UNDEFINED -> COLOR_ATTACHMENT_OPTIMAL");
    for _ in 0..3 {
        assert_eq!(frames.next_in_words(), [steady.as_str()]);
    }
    let layouts: Vec<_> =
        frames.history.trackers[0].layouts(super::cells::whole(&frames.graph.slots[0].shape)).collect();
    assert_eq!(layouts.iter().map(|(_, layout)| *layout).collect::<Vec<_>>(), [L::TRANSFER_SRC_OPTIMAL]);
}

#[test]
fn an_image_that_is_drawn_on_top_keeps_its_layout() {
    // draw ═i═▶ draw
    let mut frames = one(|g| {
        let i = g.image("i");
        g.pass("draw").renders(i);
    });
    frames.next();
    let color = "COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_WRITE -> COLOR_ATTACHMENT_OUTPUT COLOR_ATTACHMENT_READ | COLOR_ATTACHMENT_WRITE";
    assert_eq!(frames.next_in_words(), [color]);
}

#[test]
fn an_image_that_is_sampled_and_copied_waits_for_samplers_of_the_frame_before() {
    // paint ═▶ sample (compute) ═▶ frame: sample (pixels) ─i▶ copy
    let of = |build: &dyn Fn(&mut Graph, Slot)| {
        let mut graph = Graph::new();
        let i = graph.image("i");
        build(&mut graph, i);
        graph
    };
    let paint = of(&|g, i| drop(g.pass("paint").clears(i).name.clone()));
    let look = of(&|g, i| drop(g.pass("look").samples(i).reads(i).name.clone()));
    let both = of(&|g, i| {
        g.pass("sample").samples(i);
        g.pass("copy").copies_from(i);
    });
    let mut history = History::new(&[paint.clone(), look.clone(), both.clone()]);
    let mut last = Vec::new();
    for graph in [&paint, &look, &both] {
        let plan = graph.compile().expect("a plan");
        last = history.commit(graph, &plan).expect("a frame").iter().map(words).collect();
    }
    simulate(&history.world, &history.stream, Skip::Nothing).expect("no hazard");
    assert_eq!(last, ["", "FRAGMENT_SHADER | COMPUTE_SHADER NONE -> FRAGMENT_SHADER NONE"]);
}

#[test]
fn a_frame_waits_for_the_other_queue_of_the_frame_before() {
    // compute: simulate ─x▶ graphics: draw ═══▶ compute: simulate
    let mut graph = Graph::on(two_queues());
    let x = graph.buffer("x");
    graph.pass("simulate").writes(x).on(Compute);
    graph.pass("draw").draws(x);
    let mut frames = Frames::of(graph);
    assert_eq!(frames.next_in_words(), [""]);
    assert_eq!(frames.next_in_words(), ["wait for 1 of queue 0"]);
    assert_eq!(frames.next_in_words(), ["wait for 2 of queue 0"]);
}

#[test]
fn an_image_goes_back_to_its_first_owner_in_the_next_frame() {
    // compute: paint ─i▶ graphics: sample ═══▶ compute: paint
    let mut graph = Graph::on(two_queues());
    let i = graph.image("i");
    graph.pass("paint").writes(i).on(Compute);
    graph.pass("sample").samples(i);
    let mut frames = Frames::of(graph);
    assert!(frames.next()[0].acquires.is_empty());
    let second = frames.next();
    assert_eq!(second[0].acquires.len(), 1);
    assert_eq!(
        (second[0].acquires[0].from.queue, second[0].acquires[0].layout),
        (QueueId(0), L::SHADER_READ_ONLY_OPTIMAL)
    );
    let layouts = &second[0].layouts;
    assert_eq!((layouts.len(), layouts[0].old, layouts[0].new), (1, L::SHADER_READ_ONLY_OPTIMAL, L::GENERAL));
    frames.next();
}

#[test]
fn a_frame_that_is_dropped_changes_nothing() {
    // frame 1, frame 2 (dropped), frame 3
    let mut frames = one(|g| {
        let x = g.buffer("x");
        let i = g.image("i");
        g.pass("write").copies_to(x.bytes(0..64)).clears(i);
        g.pass("read").indirect(x).samples(i);
    });
    frames.next();
    let before = format!("{:?}", frames.history.trackers);
    let dropped = frames.history.arrive(&frames.plan);
    assert_eq!(format!("{:?}", frames.history.trackers), before);
    assert_eq!(frames.next(), dropped, "the next one finds what the dropped one found");
}

#[test]
fn parts_of_a_buffer_have_pasts_of_their_own() {
    // frame 1: copy ─x[0..64]    frame 2: dispatch ─x[64..128]    frame 3: read ─x[0..128]
    let copy = graph(|g, x| drop(g.pass("copy").copies_to(x.bytes(0..64)).name.clone()));
    let dispatch = graph(|g, x| drop(g.pass("dispatch").writes(x.bytes(64..128)).name.clone()));
    let read = graph(|g, x| drop(g.pass("read").indirect(x.bytes(0..128)).name.clone()));
    let mut history = History::new(&[copy.clone(), dispatch.clone(), read.clone()]);
    let mut arrivals = Vec::new();
    for graph in [&copy, &dispatch, &read] {
        let plan = graph.compile().expect("a plan");
        arrivals.push(history.commit(graph, &plan).expect("a frame"));
    }
    simulate(&history.world, &history.stream, Skip::Nothing).expect("no hazard");
    assert_eq!(arrivals[1], [Arrival::default()], "nobody touched that part before");
    let source =
        Scope { stages: S::ALL_TRANSFER | S::COMPUTE_SHADER, mask: A::TRANSFER_WRITE | A::SHADER_STORAGE_WRITE };
    let target = Scope { stages: S::DRAW_INDIRECT, mask: A::INDIRECT_COMMAND_READ };
    assert_eq!(arrivals[2], [Arrival { memory: Dependency { source, target }, ..Arrival::default() }]);
}

#[test]
fn concurrent_writers_on_two_queues_are_both_waited_for() {
    // compute: add1, graphics: add2 ═x═▶ graphics: read
    let mut add = Graph::on(two_queues());
    let x = add.buffer("x");
    add.pass("add1").adds(x).on(Compute);
    add.pass("add2").adds(x).on(crate::gpu::QueueKind::Graphics);
    let mut read = Graph::on(two_queues());
    let x = read.buffer("x");
    read.pass("read").indirect(x).on(crate::gpu::QueueKind::Graphics);
    let mut history = History::new(&[add.clone(), read.clone()]);
    let mut last = Vec::new();
    for graph in [&add, &read] {
        let plan = graph.compile().expect("a plan");
        last = history.commit(graph, &plan).expect("a frame").iter().map(words).collect();
    }
    simulate(&history.world, &history.stream, Skip::Nothing).expect("no hazard");
    let own = "COMPUTE_SHADER SHADER_STORAGE_WRITE -> DRAW_INDIRECT INDIRECT_COMMAND_READ";
    assert_eq!(last, [format!("{own}; wait for 1 of queue 1")]);
}
