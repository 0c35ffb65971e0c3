//! Random graphs over buffers, parts of images and transients of both kinds, and what a CPU makes of them.
#![allow(dead_code, reason = "each test uses a part of it")]

mod step;

use vulkio::{
    BufferSlice, Gpu, GpuBuffer, GpuImage, Graph, Ids, ImageDesc, Pass, PassBarrier, PassId, QueueKind, Subimage,
    TransientBuffer,
};

use step::Maker;
#[allow(unused_imports, reason = "each test uses a part of it")]
pub(crate) use step::{Slice, State, Step, Touch, meet};

use crate::{
    common::soon,
    mix::{Mix, buffer, words},
    scenes::Random,
};

/// Words of a buffer, and texels of an image's first level.
pub(crate) const N: usize = 100;
const SIDE: u32 = 10;
const BUFFERS: usize = 5;
const TRANSIENT_BUFFERS: usize = 4;
const IMAGES: usize = 2;
const TRANSIENT_IMAGES: usize = 2;
/// Levels of images that live across graphs: each is a part.
const PARTS: usize = 2 * IMAGES;
const SHARES: usize = 4;

/// Texels of a part.
pub(crate) fn words_of(part: usize) -> usize {
    if part < PARTS && part % 2 == 1 { N / 4 } else { N }
}

/// A buffer of either kind.
#[derive(Clone)]
enum Cell {
    Own(GpuBuffer<u32>),
    Inner(TransientBuffer<u32>),
}

macro_rules! with {
    ($cell:expr, $name:ident => $body:expr) => {
        match $cell {
            Cell::Own($name) => $body,
            Cell::Inner($name) => $body,
        }
    };
}

impl Cell {
    fn slice(&self, slice: &Slice) -> BufferSlice<u32> {
        with!(self, buffer => buffer.slice(slice.range.clone()))
    }

    /// Its first words.
    fn first(&self, count: usize) -> BufferSlice<u32> {
        with!(self, buffer => buffer.slice(0..count))
    }
}

/// What lives across graphs, and what it must hold.
pub(crate) struct World {
    gpu: Gpu,
    mix: Mix,
    buffers: Vec<GpuBuffer<u32>>,
    images: Vec<GpuImage<Ids>>,
    scratch: Vec<GpuBuffer<u32>>,
    pub(crate) state: State,
}

/// What steps of one graph touch.
pub(crate) struct Things {
    cells: Vec<Cell>,
    parts: Vec<Subimage<Ids>>,
}

impl World {
    pub(crate) async fn new(gpu: &Gpu, random: &mut Random) -> Self {
        let all = (0..BUFFERS).map(|_| (0..N).map(|_| random.bits() as u32).collect::<Vec<_>>());
        let state = State { buffers: all.collect(), parts: (0..PARTS).map(|part| vec![0; words_of(part)]).collect() };
        let mut buffers = Vec::new();
        for (i, words) in state.buffers.iter().enumerate() {
            buffers.push(buffer(gpu, &format!("buffer {i}"), words.clone()).await);
        }
        let desc = ImageDesc::new([SIDE; 2]).levels(2);
        let images = (0..IMAGES).map(|i| gpu.image_with(&format!("image {i}"), desc).expect("an image")).collect();
        let scratch = (0..PARTS).map(|i| gpu.buffer(&format!("scratch {i}"), words_of(i)).expect("a buffer")).collect();
        let world = Self { gpu: gpu.clone(), mix: Mix::new(gpu).await, buffers, images, scratch, state };
        world.reset(&world.state).await;
        world
    }

    fn parts(&self) -> impl Iterator<Item = Subimage<Ids>> {
        self.images.iter().flat_map(|image| [0, 1].map(|level| image.level(level)))
    }

    /// Makes everything hold `state`, of whose parts each is of one value.
    pub(crate) async fn reset(&self, state: &State) {
        for (buffer, words) in self.buffers.iter().zip(&state.buffers) {
            soon("an upload", self.gpu.upload(buffer, 0, words.clone())).await.expect("uploaded");
        }
        let graph = Graph::new(&self.gpu, "reset");
        for (part, texels) in self.parts().zip(&state.parts) {
            graph.pass("reset").renders(part.clear(texels[0])).record(|_| ());
        }
        soon("a submit", graph.submit()).await.expect("submitted");
    }

    /// Writes some words from the CPU.
    pub(crate) async fn upload(&mut self, random: &mut Random) {
        let (buffer, at) = (random.bits() as usize % BUFFERS, random.bits() as usize % N);
        let words: Vec<_> = (at..N).map(|_| random.bits() as u32).collect();
        self.state.buffers[buffer][at..].copy_from_slice(&words);
        soon("an upload", self.gpu.upload(&self.buffers[buffer], at, words)).await.expect("uploaded");
    }

    /// What one buffer holds is what it should.
    pub(crate) async fn check_one(&self, buffer: usize, what: &str) {
        let buffer = buffer % BUFFERS;
        let found = soon("a read", words(&self.gpu, &self.buffers[buffer])).await;
        assert_eq!(found, self.state.buffers[buffer], "{what}: buffer {buffer}");
    }

    /// Everything holds what it should.
    pub(crate) async fn check(&self, what: &str) {
        assert_eq!(self.read().await, self.state, "{what}");
    }

    pub(crate) async fn read(&self) -> State {
        let graph = Graph::new(&self.gpu, "look");
        for (part, to) in self.parts().zip(&self.scratch) {
            let (from, own) = (part.clone(), to.clone());
            graph.pass("look").copies(&part, to).record(move |cmd| {
                cmd.copy_image(&from, &own);
            });
        }
        soon("a submit", graph.submit()).await.expect("submitted");
        let mut state = State { buffers: Vec::new(), parts: Vec::new() };
        for buffer in &self.buffers {
            state.buffers.push(soon("a read", words(&self.gpu, buffer)).await);
        }
        for part in &self.scratch {
            state.parts.push(soon("a read", words(&self.gpu, part)).await);
        }
        state
    }

    /// Random steps; with `once`, none writes what another writes.
    pub(crate) fn steps(random: &mut Random, count: usize, once: bool) -> Vec<Step> {
        let full = |own: usize, inner: usize| (0..own + inner).map(|i| i < own).collect::<Vec<_>>();
        let full = [full(BUFFERS, TRANSIENT_BUFFERS), full(PARTS, TRANSIENT_IMAGES)];
        let written = full.clone().map(|full| vec![false; full.len()]);
        let shared = vec![[false; SHARES]; full[0].len()];
        Maker { random, once, full, written, shared }.steps(count)
    }

    /// Does steps on the CPU.
    pub(crate) fn advance(&mut self, steps: &[Step]) {
        let mut all = self.state.clone();
        all.buffers.extend((0..TRANSIENT_BUFFERS).map(|_| vec![0; N]));
        all.parts.extend((0..TRANSIENT_IMAGES).map(|_| vec![0; N]));
        steps.iter().for_each(|step| step.on_cpu(&mut all));
        all.buffers.truncate(BUFFERS);
        all.parts.truncate(PARTS);
        self.state = all;
    }

    /// What a graph's steps touch: its transients are made here.
    pub(crate) fn things(&self, graph: &Graph) -> Things {
        let inner = |i| Cell::Inner(graph.buffer(&format!("transient {i}"), N).expect("a transient"));
        let image = |i| -> GpuImage<Ids> { graph.image(&format!("canvas {i}"), [SIDE; 2]).expect("a transient") };
        let own = self.buffers.iter().cloned().map(Cell::Own);
        Things {
            cells: own.chain((0..TRANSIENT_BUFFERS).map(inner)).collect(),
            parts: self.parts().chain((0..TRANSIENT_IMAGES).map(|i| image(i).level(0))).collect(),
        }
    }

    /// Declares a step as a pass.
    pub(crate) fn declare(
        &self,
        graph: &Graph,
        things: &Things,
        step: &Step,
        queue: Option<QueueKind>,
        after: impl IntoIterator<Item = PassId>,
    ) -> PassId {
        let name = format!("{step:?}");
        let mut pass = graph.pass(name.split(' ').next().unwrap_or("step"));
        if let Some(queue) = queue {
            pass = pass.queue(queue);
        }
        let pass = after.into_iter().fold(pass, Pass::after);
        self.add(pass, things, step.clone())
    }

    /// Declares a step as a pass that brings its own barriers.
    ///
    /// # Safety
    ///
    /// As [`Pass::manual`].
    pub(crate) unsafe fn declare_manual(
        &self,
        graph: &Graph,
        things: &Things,
        step: &Step,
        barriers: Vec<PassBarrier>,
    ) -> PassId {
        // SAFETY: the caller's promise is the same.
        let pass = unsafe { graph.pass("manual").manual(barriers) };
        self.add(pass, things, step.clone())
    }

    fn add(&self, pass: Pass<'_>, Things { cells, parts }: &Things, step: Step) -> PassId {
        match step {
            Step::Fill { to, value } => {
                let cell = cells[to.buffer].clone();
                pass.writes(cell.slice(&to).copy_target()).record(move |cmd| {
                    with!(&cell, buffer => { cmd.fill(buffer, to.range, value); });
                })
            }
            Step::Copy { from, to } => {
                let (source, target) = (cells[from.buffer].clone(), cells[to.buffer].clone());
                pass.copies(source.slice(&from), target.slice(&to)).record(move |cmd| {
                    with!(&source, source => with!(&target, target => {
                        cmd.copy(source, from.range, target, to.range.start);
                    }));
                })
            }
            Step::Mix { a, b, result, factors } => {
                let slices = [&a, &b, &result].map(|slice| cells[slice.buffer].slice(slice));
                let pass = pass.reads(&slices[0]).reads(&slices[1]).writes(&slices[2]);
                pass.record(self.mixes([a, b, result], cells, factors))
            }
            Step::Share { a, result, factors } => {
                let (slice, whole) = (cells[a.buffer].slice(&a), cells[result.buffer].first(N));
                let pass = pass.reads(&slice).writes_concurrently(&whole);
                pass.record(self.mixes([a.clone(), a, result], cells, factors))
            }
            Step::Clear { part, value, renders: true } => pass.renders(parts[part].clear(value)).record(|_| ()),
            Step::Clear { part, value, renders: false } => {
                let part = parts[part].clone();
                pass.writes(part.copy_target()).record(move |cmd| {
                    cmd.clear_color(&part, value);
                })
            }
            Step::Load { part } => pass.renders(parts[part].load()).record(|_| ()),
            Step::Out { part, to } => {
                let (count, part, cell) = (words_of(part), parts[part].clone(), cells[to].clone());
                pass.copies(&part, cell.first(count)).record(move |cmd| {
                    with!(&cell, buffer => { cmd.copy_image(&part, buffer); });
                })
            }
            Step::In { from, part } => {
                let (count, part, cell) = (words_of(part), parts[part].clone(), cells[from].clone());
                pass.copies(cell.first(count), &part).record(move |cmd| {
                    with!(&cell, buffer => { cmd.copy_to_image(buffer, &part); });
                })
            }
        }
    }

    fn mixes(
        &self,
        slices: [Slice; 3],
        cells: &[Cell],
        factors: crate::mix::Factors,
    ) -> impl FnOnce(&mut vulkio::Encoder<'_>) + Send + use<> {
        let mix = self.mix.clone();
        let all = slices.map(|slice| (cells[slice.buffer].clone(), slice.range));
        move |cmd| {
            let n = all[2].1.len() as u32;
            let address = |(cell, range): (Cell, std::ops::Range<usize>)| {
                with!(&cell, buffer => cmd.address(buffer)) + 4 * range.start as u64
            };
            let addresses = all.map(address);
            mix.at(cmd, addresses, n, factors);
        }
    }
}

/// A random order that keeps every pair for which `ordered` says so of the earlier and the later.
pub(crate) fn shuffled(random: &mut Random, count: usize, ordered: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(count);
    while order.len() < count {
        let left = (0..count).filter(|step| !order.contains(step));
        let free: Vec<_> =
            left.filter(|&step| (0..step).all(|before| order.contains(&before) || !ordered(before, step))).collect();
        order.push(free[random.bits() as usize % free.len()]);
    }
    order
}
