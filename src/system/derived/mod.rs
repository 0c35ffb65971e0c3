//! What the derives' output is made of. No API: it changes with them.

mod conflicts;
mod data;
mod fields;
mod metas;

pub use futures::future::BoxFuture;

pub use super::EachGuard;
pub use crate::resource::layout::Layout;

pub use self::{
    conflicts::{Conflict, Finds, NotTouched, Touch, TouchProbe, Touched, conflict, member, text},
    data::{PlainData, cpu_meta, plain_data},
    fields::{
        BufferHandle, Handle, ImageHandle, Resources, TextureHandle, clear, declare, declare_buffer, declare_image,
        declare_texture, discard,
    },
    metas::{DataOf, NoRole, Probe, Way, in_field, in_registry, meta, role, staged, staged_writes},
};
