//! Buffers that live inside one graph.

use std::{marker::PhantomData, mem::size_of, sync::Arc};

use bytemuck::Pod;

use super::{BufferInner, check_shape};
use crate::{error::Result, gpu::device::Device, resource::range::bytes_of};

/// A buffer of `T` that lives inside one graph, in memory that it may share with others of that graph whose lives do not
/// meet its own.
///
/// It holds nothing before a pass of the graph writes it, and belongs to no other graph. Its address is known while its
/// graph is recorded: [`Encoder::address`](crate::Encoder::address).
pub struct TransientBuffer<T> {
    pub(super) inner: Arc<BufferInner>,
    pub(super) element: PhantomData<fn() -> T>,
}

impl<T: Pod> TransientBuffer<T> {
    /// A buffer of `len` elements for the graph with this id.
    pub(crate) fn new(device: &Arc<Device>, name: &str, len: usize, graph: u64) -> Result<Self> {
        check_shape::<T>(name, len)?;
        let inner = BufferInner::transient(device, name, bytes_of(len, size_of::<T>()), graph)?;
        Ok(Self { inner: Arc::new(inner), element: PhantomData })
    }
}
