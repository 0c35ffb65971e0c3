//! What tests of systems share: a number on the CPU, words on the GPU, and systems that bring the one to the other.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{CpuData, Encoder, Gpu, GpuBuffer, Graph, Record, Result, Run, System};

use super::common::soon;

pub(crate) const WORDS: usize = 64;

/// What the CPU says that the words are.
#[derive(Debug, Default)]
pub(crate) struct Number(pub(crate) u32);

/// A pass that looks at a number, in the field form.
#[derive(System)]
pub(crate) struct Fill {
    #[reads]
    pub(crate) number: CpuData<Number>,
    #[writes(copy)]
    pub(crate) words: GpuBuffer<u32>,
}

impl Record for Fill {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let number = cmd.read(&self.number)?.0;
        cmd.fill(&self.words, 0..WORDS, number);
        Ok(())
    }
}

/// Adds to a number.
#[derive(System)]
pub(crate) struct Add {
    #[writes]
    pub(crate) number: CpuData<Number>,
    #[ignored]
    pub(crate) by: u32,
}

impl Run for Add {
    async fn run(&self, (): (), number: &mut Number) -> Result<()> {
        number.0 += self.by;
        Ok(())
    }
}

pub(crate) fn words(gpu: &Gpu, name: &str) -> GpuBuffer<u32> {
    gpu.buffer(name, WORDS).expect("a buffer")
}

pub(crate) async fn read(gpu: &Gpu, words: &GpuBuffer<u32>) -> u32 {
    let words = soon("a read", gpu.read(words, ..)).await.expect("read");
    assert!(words.iter().all(|&word| word == words[0]), "half a copy: {words:?}");
    words[0]
}

pub(crate) async fn complete(graph: Graph) {
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("the graph", done).await.expect("complete");
}
