//! What the tests of operations on numbers share: random numbers, buffers of them, sizes.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{Dispatch, Error, Gpu, GpuBuffer, Graph, compute::Element};

/// SplitMix64: the same on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

/// Numbers that tests draw.
pub(crate) trait Drawn: Element {
    fn drawn(random: &mut Random) -> Self;
}

/// From -1 to 1, and never denormal.
impl Drawn for f32 {
    fn drawn(random: &mut Random) -> Self {
        (random.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// All there are, so that sums wrap around.
impl Drawn for u32 {
    fn drawn(random: &mut Random) -> Self {
        random.next() as u32
    }
}

impl Drawn for i32 {
    fn drawn(random: &mut Random) -> Self {
        random.next() as i32
    }
}

pub(crate) fn drawn<T: Drawn>(seed: u64, len: usize) -> Vec<T> {
    let mut random = Random(seed);
    (0..len).map(|_| T::drawn(&mut random)).collect()
}

pub(crate) async fn uploaded<T: Element>(gpu: &Gpu, name: &str, numbers: &[T]) -> GpuBuffer<T> {
    let buffer = gpu.buffer(name, numbers.len()).expect("a buffer");
    gpu.upload(&buffer, 0, numbers.to_vec()).await.expect("uploaded");
    buffer
}

/// Numbers of elements around powers of two up to `most`, and around multiples of `blocks`; in order, each once.
pub(crate) fn sizes(most: usize, blocks: &[usize]) -> Vec<usize> {
    let powers = (0..).map(|power| 1_usize << power).take_while(|&power| power <= most);
    let borders = blocks.iter().flat_map(|&block| [block, 2 * block, 3 * block]);
    let mut sizes: Vec<_> = powers.chain(borders).flat_map(|size| [size - 1, size, size + 1]).collect();
    sizes.retain(|&size| size <= most + 1);
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// The work in a graph of its own, and how many dispatches and barriers that was.
pub(crate) async fn counted(gpu: &Gpu, work: Dispatch) -> (u64, u64) {
    let graph = Graph::new(gpu, "counted");
    graph.add(work);
    let stats = graph.submit().await.expect("submitted").await.expect("complete");
    (stats.dispatches, stats.barriers)
}

/// What is wrong, as `Error::Invalid` says it.
#[track_caller]
pub(crate) fn invalid<T>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Invalid(text)) => text,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("it was accepted"),
    }
}
