//! Stands in for what the executor is to bring, so that the benches compile before it does. An inherent method goes
//! before these: with the executor merged, this file and its imports go.

use std::ops::Range;

use bytemuck::Pod;
use vulkio::{Encoder, Gpu, GpuBuffer, GpuImage, Graph, ImageRole, Pass, Use};

/// `Pass::parallel`, in one piece.
pub(crate) trait ParallelPass {
    fn parallel(self, count: usize, record: impl Fn(&mut Encoder<'_>, Range<usize>) + Send + Sync + 'static);
}

impl ParallelPass for Pass<'_> {
    fn parallel(self, count: usize, record: impl Fn(&mut Encoder<'_>, Range<usize>) + Send + Sync + 'static) {
        self.record(move |cmd| record(cmd, 0..count));
    }
}

thread_local! {
    /// Graphs do not say which device they are for.
    pub(crate) static GPU: std::cell::RefCell<Option<Gpu>> = const { std::cell::RefCell::new(None) };
}

fn gpu() -> Gpu {
    GPU.with_borrow(|gpu| gpu.clone().expect("the bench sets it"))
}

/// Transients, as what lives on.
pub(crate) trait TransientGraph {
    fn buffer<T: Pod>(&self, name: &str, len: usize) -> vulkio::Result<GpuBuffer<T>>;
    fn image<R: ImageRole>(&self, name: &str, size: [u32; 2]) -> vulkio::Result<GpuImage<R>>;
}

impl TransientGraph for Graph {
    fn buffer<T: Pod>(&self, name: &str, len: usize) -> vulkio::Result<GpuBuffer<T>> {
        gpu().buffer(name, len)
    }

    fn image<R: ImageRole>(&self, name: &str, size: [u32; 2]) -> vulkio::Result<GpuImage<R>> {
        gpu().image(name, size)
    }
}

/// `GpuBuffer::slice`, as the whole.
pub(crate) trait Slice {
    fn slice(&self, range: Range<usize>) -> Use;
}

impl<T> Slice for GpuBuffer<T> {
    fn slice(&self, _: Range<usize>) -> Use {
        self.into()
    }
}

/// `Pass::writes_concurrently`, one after another.
pub(crate) trait ConcurrentPass: Sized {
    fn writes_concurrently(self, resource: impl Into<Use>) -> Self;
}

impl ConcurrentPass for Pass<'_> {
    fn writes_concurrently(self, resource: impl Into<Use>) -> Self {
        self.writes(resource)
    }
}
