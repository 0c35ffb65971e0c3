//! Graphs of any number of passes in several shapes, for the plan bench. The same name and number give the same graph,
//! the random choices included.

use vulkio::{Gpu, GpuBuffer, Graph, RenderTarget};

use super::Result;

/// Passes of a layer.
const WIDE: usize = 16;
/// Elements of a buffer, or of a slice of one.
const LEN: usize = 64;

/// How the passes of a graph depend on each other.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Layers of 16; each pass reads two buffers that random passes of the layer before wrote, and writes its own.
    Layers,
    /// The same, each layer in slices of one buffer.
    Slices,
    /// The same in transient buffers, each written once. Each pass also reads what its namesake of the layer before
    /// wrote, so that all are needed in the end.
    Transients,
    /// Each pass reads what the one before it wrote.
    Chain,
    /// One pass writes what all others read, who write into one buffer concurrently, which the last one reads.
    Fan,
    /// Each even pass renders into a transient image, which the next one copies out.
    Images,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] =
        [Self::Layers, Self::Slices, Self::Transients, Self::Chain, Self::Fan, Self::Images];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers of 16, random reads",
            Self::Slices => "layers of 16 slices, random reads",
            Self::Transients => "layers of 16, transients",
            Self::Chain => "chain",
            Self::Fan => "fan out and in",
            Self::Images => "transient images, copied out",
        }
    }

    /// Declares so many passes.
    pub(crate) fn declare(self, graph: &Graph, kept: &Kept, passes: usize) -> Result {
        match self {
            Self::Layers => layers(graph, kept, passes),
            Self::Slices => slices(graph, kept, passes),
            Self::Transients => transients(graph, kept, passes)?,
            Self::Chain => chain(graph, kept, passes),
            Self::Fan => fan(graph, kept, passes),
            Self::Images => images(graph, kept, passes)?,
        }
        Ok(())
    }
}

/// What lives across graphs.
pub(crate) struct Kept {
    /// Two layers' buffers.
    small: Vec<GpuBuffer<u32>>,
    /// Two layers in slices.
    large: [GpuBuffer<u32>; 2],
}

impl Kept {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let small = (0..2 * WIDE).map(|index| gpu.buffer(&format!("small {index}"), LEN));
        let large = |name| gpu.buffer(name, LEN * WIDE);
        Ok(Self { small: small.collect::<vulkio::Result<_>>()?, large: [large("large 0")?, large("large 1")?] })
    }

    /// Where a pass of a layered graph writes.
    fn place(&self, layer: usize, column: usize) -> &GpuBuffer<u32> {
        &self.small[layer % 2 * WIDE + column]
    }
}

fn layers(graph: &Graph, kept: &Kept, passes: usize) {
    let mut random = Random(1);
    for index in 0..passes {
        let (layer, column) = (index / WIDE, index % WIDE);
        let [one, other] = random.two_columns();
        let pass = graph.pass(&name(index)).writes(kept.place(layer, column));
        pass.reads(kept.place(layer + 1, one)).reads(kept.place(layer + 1, other)).record(|_| ());
    }
}

fn slices(graph: &Graph, kept: &Kept, passes: usize) {
    let mut random = Random(2);
    let slice = |layer: usize, column: usize| kept.large[layer % 2].slice(column * LEN..(column + 1) * LEN);
    for index in 0..passes {
        let (layer, column) = (index / WIDE, index % WIDE);
        let [one, other] = random.two_columns();
        let pass = graph.pass(&name(index)).writes(slice(layer, column));
        pass.reads(slice(layer + 1, one)).reads(slice(layer + 1, other)).record(|_| ());
    }
}

fn transients(graph: &Graph, kept: &Kept, passes: usize) -> Result {
    let mut random = Random(3);
    let written = (0..passes).map(|index| graph.buffer::<u32>(&format!("transient {index}"), LEN));
    let written = written.collect::<vulkio::Result<Vec<_>>>()?;
    for index in 0..passes {
        let mut pass = graph.pass(&name(index)).writes(&written[index]);
        if let Some(before) = (index - index % WIDE).checked_sub(WIDE) {
            let column = index % WIDE;
            pass = pass.reads(&written[before + column]);
            let other = random.below(WIDE);
            if other != column {
                pass = pass.reads(&written[before + other]);
            }
        }
        if index + WIDE >= passes {
            // What nobody reads in the graph would be culled.
            pass = pass.writes(kept.place(0, index % WIDE));
        }
        pass.record(|_| ());
    }
    Ok(())
}

fn chain(graph: &Graph, kept: &Kept, passes: usize) {
    let at = |index: usize| &kept.small[index % kept.small.len()];
    for index in 0..passes {
        graph.pass(&name(index)).reads(at(index)).writes(at(index + 1)).record(|_| ());
    }
}

fn fan(graph: &Graph, kept: &Kept, passes: usize) {
    let [from, to] = &kept.large;
    graph.pass("source").writes(from).record(|_| ());
    for index in 2..passes {
        graph.pass(&name(index)).reads(from).writes_concurrently(to).record(|_| ());
    }
    graph.pass("sink").reads(to).writes(&kept.small[0]).record(|_| ());
}

fn images(graph: &Graph, kept: &Kept, passes: usize) -> Result {
    for index in (0..passes).step_by(2) {
        let image = graph.image::<RenderTarget>(&format!("image {index}"), [8, 8])?;
        graph.pass(&name(index)).renders(image.clear([0.0; 4])).record(|_| ());
        let to = &kept.small[index / 2 % kept.small.len()];
        graph.pass(&name(index + 1)).reads(image.copy_source()).writes(to.copy_target()).record(|_| ());
    }
    Ok(())
}

fn name(index: usize) -> String {
    format!("pass {index}")
}

/// The same numbers everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn two_columns(&mut self) -> [usize; 2] {
        let one = self.below(WIDE);
        [one, (one + 1 + self.below(WIDE - 1)) % WIDE]
    }
}
