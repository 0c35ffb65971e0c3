//! Reading buffers back.

use std::{
    fmt,
    ops::{Deref, Range},
};

use bytemuck::Pod;

use crate::{
    error::{Error, Result},
    exec::to_host,
    gpu::Gpu,
    graph::Graph,
    memory::MemoryKind,
    resource::GpuBuffer,
};

/// Elements read back from the GPU, in memory that the CPU reads fast; derefs to a slice.
#[derive(Clone)]
pub struct Readback<T> {
    buffer: GpuBuffer<T>,
}

impl<T: Pod> Deref for Readback<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: it was made after the copy into it was complete and visible to the host; nothing writes it again.
        unsafe { self.buffer.host_slice() }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Readback<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Readback").field(&&**self).finish()
    }
}

impl Gpu {
    /// Copies elements of `buffer` to where the CPU can read them, after the graphs submitted so far that write it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the range is empty or reaches beyond the buffer, [`Error::Graph`] for a buffer of another
    /// `Gpu`, [`Error::OutOfDeviceMemory`], [`Error::DeviceLost`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the copy is not made, or made and thrown away.
    pub async fn read<T: Pod>(&self, buffer: &GpuBuffer<T>, range: Range<usize>) -> Result<Readback<T>> {
        buffer.byte_range(&range)?;
        if range.is_empty() {
            return Err(Error::Invalid(format!("read of 0 elements of `{}`", buffer.name())));
        }
        let copy = self.buffer_in::<T>("read-back", range.len(), MemoryKind::Readback)?;
        let graph = Graph::new(self, "read");
        let (from, to) = (buffer.clone(), copy.clone());
        let source = buffer.slice(range.clone()).copy_source();
        graph.pass("read").reads(source).writes(copy.copy_target()).record(move |cmd| {
            cmd.copy(&from, range, &to, 0);
        });
        to_host(&graph, &copy);
        graph.submit().await?.await?;
        Ok(Readback { buffer: copy })
    }
}
