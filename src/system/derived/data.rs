//! Data on the CPU, and data of buffers.

use std::any::TypeId;

use crate::system::CpuResourceMeta;

/// Data whose every bit pattern is a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot live in a GPU buffer: it is not known to be plain data",
    label = "not plain data",
    note = "write `#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]` on it; its fields must be plain data, too, with no gaps between them"
)]
pub trait PlainData: bytemuck::Pod {}

#[diagnostic::do_not_recommend]
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
