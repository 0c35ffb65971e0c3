//! The one shader of the tests of order: a mix of buffers, on the GPU and on the CPU.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::ops::Range;

use bytemuck::{Pod, Zeroable};
use vulkio::{ComputePipeline, Dispatch, DispatchArgs, Encoder, Gpu, GpuBuffer, GpuData, Kernel, QueueKind};

/// As in shaders/test_mix.comp.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable, GpuData)]
#[role(storage)]
struct Push {
    a: u64,
    b: u64,
    result: u64,
    n: u32,
    factors: Factors,
    _end: u32,
}

/// How buffers are mixed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable, GpuData)]
#[role(storage)]
pub(crate) struct Factors {
    /// Less than the number of words.
    pub(crate) shift: u32,
    pub(crate) add: u32,
    pub(crate) multiply: u32,
    pub(crate) keep: u32,
}

impl Factors {
    /// `multiply * a + add`, if `b` is zero.
    pub(crate) fn linear(multiply: u32, add: u32) -> Self {
        Self { multiply, add, ..Self::default() }
    }

    /// What the shader leaves in `result`.
    pub(crate) fn mixed(&self, a: &[u32], b: &[u32], result: &[u32]) -> Vec<u32> {
        let (n, shift) = (result.len(), self.shift as usize);
        let word = |i: usize| {
            let a = self.multiply.wrapping_mul(a[(i + shift) % n]);
            let b = b[(i + n - shift) % n].rotate_left(7);
            let kept = self.keep.wrapping_mul(result[i]);
            self.add.wrapping_add(a).wrapping_add(b).wrapping_add(kept)
        };
        (0..n).map(word).collect()
    }
}

/// The pipeline, and how to call it.
#[derive(Clone)]
pub(crate) struct Mix(ComputePipeline);

impl Mix {
    pub(crate) async fn new(gpu: &Gpu) -> Self {
        let shader = include_bytes!("../../shaders/spv/test_mix.comp.spv");
        Self(gpu.compute_pipeline("mix", shader).await.expect("a pipeline"))
    }

    /// Binds, and pushes the first `n` words of these.
    fn prepare<T>(&self, cmd: &mut Encoder<'_>, [a, b]: [u64; 2], result: &GpuBuffer<T>, n: u32, factors: Factors) {
        cmd.bind(&self.0).push(&Push { a, b, result: result.address(), n, factors, _end: 0 });
    }

    /// Records a mix of the first `n` words at these addresses.
    pub(crate) fn at(&self, cmd: &mut Encoder<'_>, [a, b, result]: [u64; 3], n: u32, factors: Factors) {
        cmd.bind(&self.0).push(&Push { a, b, result, n, factors, _end: 0 }).dispatch([n.div_ceil(64), 1, 1]);
    }

    /// What records a mix of whole buffers.
    pub(crate) fn of(
        &self,
        a: &GpuBuffer<u32>,
        b: &GpuBuffer<u32>,
        result: &GpuBuffer<u32>,
        factors: Factors,
    ) -> impl FnOnce(&mut Encoder<'_>) + Send + use<> {
        let (this, addresses, result) = (self.clone(), [a.address(), b.address()], result.clone());
        move |cmd| {
            let n = result.len() as u32;
            this.prepare(cmd, addresses, &result, n, factors);
            cmd.dispatch([n.div_ceil(64), 1, 1]);
        }
    }

    /// As [`of`](Self::of), into arguments of a dispatch.
    pub(crate) fn arguments(
        &self,
        a: &GpuBuffer<u32>,
        b: &GpuBuffer<u32>,
        args: &GpuBuffer<DispatchArgs>,
        factors: Factors,
    ) -> impl FnOnce(&mut Encoder<'_>) + Send + use<> {
        let (this, addresses, args) = (self.clone(), [a.address(), b.address()], args.clone());
        move |cmd| {
            this.prepare(cmd, addresses, &args, 3, factors);
            cmd.dispatch([1, 1, 1]);
        }
    }

    /// As [`of`](Self::of), over as many workgroups as `args` says.
    pub(crate) fn indirect(
        &self,
        a: &GpuBuffer<u32>,
        b: &GpuBuffer<u32>,
        result: &GpuBuffer<u32>,
        args: &GpuBuffer<DispatchArgs>,
        factors: Factors,
    ) -> impl FnOnce(&mut Encoder<'_>) + Send + use<> {
        let (this, addresses) = (self.clone(), [a.address(), b.address()]);
        let (result, args) = (result.clone(), args.clone());
        move |cmd| {
            this.prepare(cmd, addresses, &result, result.len() as u32, factors);
            cmd.dispatch_indirect(&args, 0);
        }
    }
}

/// A buffer that holds `words`.
pub(crate) async fn buffer(gpu: &Gpu, name: &str, words: Vec<u32>) -> GpuBuffer<u32> {
    let buffer = gpu.buffer(name, words.len()).expect("a buffer");
    gpu.upload(&buffer, 0, words).await.expect("uploaded").await.expect("complete");
    buffer
}

/// All of a buffer's words.
pub(crate) async fn words(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Vec<u32> {
    gpu.read(buffer, 0..buffer.len()).await.expect("read").to_vec()
}

/// Whether the device has no queues but the graphics queue, so that what would be a wait elsewhere is a barrier.
pub(crate) fn one_queue(gpu: &Gpu) -> bool {
    let queue = |kind| gpu.submitted(kind).stamp().queue;
    [QueueKind::Compute, QueueKind::Transfer].into_iter().all(|kind| queue(kind) == queue(QueueKind::Graphics))
}

/// The same as a kernel.
pub(crate) struct MixKernel(Kernel<Push>);

impl MixKernel {
    pub(crate) async fn new(gpu: &Gpu) -> Self {
        let shader = include_bytes!("../../shaders/spv/test_mix.comp.spv");
        Self(gpu.kernel("mix", shader).await.expect("a kernel"))
    }

    /// A mix of whole buffers: `a`, `b`, and what is written.
    pub(crate) fn of(&self, [a, b, result]: [&GpuBuffer<u32>; 3], factors: Factors) -> Dispatch {
        self.undeclared([a, b, result], factors).reads(a).reads(b).writes(result)
    }

    pub(crate) fn undeclared(&self, [a, b, result]: [&GpuBuffer<u32>; 3], factors: Factors) -> Dispatch {
        self.at([a, b, result], 0..result.len(), factors)
    }

    /// A mix of the same words of three buffers.
    pub(crate) fn slices(
        &self,
        [a, b, result]: [&GpuBuffer<u32>; 3],
        range: Range<usize>,
        factors: Factors,
    ) -> Dispatch {
        let dispatch = self.at([a, b, result], range.clone(), factors);
        dispatch.reads(a.slice(range.clone())).reads(b.slice(range.clone())).writes(result.slice(range))
    }

    fn at(&self, buffers: [&GpuBuffer<u32>; 3], range: Range<usize>, factors: Factors) -> Dispatch {
        let [a, b, result] = buffers.map(|buffer| buffer.address() + 4 * range.start as u64);
        let n = range.len() as u32;
        self.0.over(&Push { a, b, result, n, factors, _end: 0 }, [n, 1, 1])
    }
}
