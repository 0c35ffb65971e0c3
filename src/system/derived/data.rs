//! Data on the CPU, and data of buffers.

use std::{any::TypeId, slice::IterMut, sync::Arc};

use crate::{
    error::{Error, Result},
    system::{Binding, CpuResourceMeta, Guards, Registered, cpu::Guard, found::FoundHandle},
};

/// Data whose every bit pattern is a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in a GPU buffer: it is not known to be plain data",
    label = "not plain data",
    note = "write `#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]` on it; its fields must be plain data, too, with no gaps between them"
)]
pub trait PlainData {}

impl<T: bytemuck::Pod> PlainData for T {}

/// Says what is wrong with data of buffers that is not plain.
pub const fn plain_data<T: PlainData>() {}

/// What is known of CPU data.
#[must_use]
pub fn cpu_meta<T: Send + Sync + 'static>(
    type_name: &'static str,
    field: Option<&'static str>,
    instance: Option<&'static str>,
) -> CpuResourceMeta {
    CpuResourceMeta { id: TypeId::of::<T>(), type_name, field, instance }
}

/// Notes a handle that was found in a registry, for [`Encoder::found`](crate::Encoder::found).
pub fn found<H: Registered>(to: &mut Binding, instance: Option<&'static str>, handle: &H) {
    to.handles.push(FoundHandle { instance, handle: Arc::new(handle.clone()) });
}

/// The data of a system, one after the other, in the order in which it was declared.
pub struct Data<'g>(IterMut<'g, Guard>);

/// The data that is guarded.
pub fn data(guards: &mut Guards) -> Data<'_> {
    Data(guards.all.iter_mut())
}

impl<'g> Data<'g> {
    /// The next, which the system reads.
    ///
    /// # Errors
    /// If that is something else.
    pub fn read<T: Send + Sync + 'static>(&mut self) -> Result<&'g T> {
        let guard: Option<&'g Guard> = self.0.next().map(|guard| &*guard);
        guard.and_then(Guard::get::<T>).ok_or_else(mismatch::<T>)
    }

    /// The next, which the system writes.
    ///
    /// # Errors
    /// If that is something else.
    pub fn write<T: Send + Sync + 'static>(&mut self) -> Result<&'g mut T> {
        self.0.next().and_then(Guard::get_mut::<T>).ok_or_else(mismatch::<T>)
    }
}

fn mismatch<T>() -> Error {
    Error::Graph(format!("the next of a system's guards is not that of its `{}`", std::any::type_name::<T>()))
}
