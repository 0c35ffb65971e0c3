//! Metadata of a system's GPU resources, as constants.

use std::marker::PhantomData;

use ash::vk;
use vk::PipelineStageFlags2 as S;

use super::{Handle, Resources};
use crate::resource::{
    Access, GpuData, GpuResourceKind, GpuResourceMeta, Mode, Role, access::GRAPHICS_SHADERS, layout::Layout,
};

/// The data in the buffers of a field.
pub type DataOf<F> = <<F as Resources>::Handle as Handle>::Data;

/// Has the role of `T` as `ROLE`, if `T` has one: its own constant goes before that of [`NoRole`].
pub struct Probe<T>(PhantomData<T>);

impl<T: GpuData> Probe<T> {
    /// The role.
    pub const ROLE: Option<Role> = Some(T::ROLE);
    /// Where its numbers are.
    pub const LAYOUT: Layout = T::LAYOUT;
}

/// The role of what has none.
pub trait NoRole {
    /// None.
    const ROLE: Option<Role> = None;
    /// Not known.
    const LAYOUT: Layout;
}

impl<T> NoRole for Probe<T> {
    const LAYOUT: Layout = Layout::Unknown(size_of::<T>());
}

/// The role that a type has of its own, or by its name; and whether that is inferred.
#[must_use]
pub const fn role(own: Option<Role>, named: Option<Role>) -> (Role, bool) {
    match (own, named) {
        (Some(role), _) => (role, false),
        (None, Some(role)) => (role, true),
        (None, None) => (Role::Storage, false),
    }
}

/// How a resource is touched, as an attribute says it.
#[derive(Clone, Copy)]
pub enum Way {
    /// As its role says.
    Own,
    /// By address.
    Storage,
    /// By address, beside others.
    Concurrent,
    /// As vertices.
    Vertex,
    /// As indices.
    Index,
    /// As arguments.
    Indirect,
    /// As constants.
    Uniform,
    /// Through a sampler.
    Sampled,
    /// By a copy.
    Copy,
    /// By a blit.
    Blit,
    /// As an attachment, over what is there.
    Load,
    /// As an attachment, whatever is there.
    Overwrite,
}

/// What is known of a field's resources, or of one in a registry. Stages of shaders are left open: see [`staged`].
#[must_use]
pub const fn meta<F: Resources>(
    type_name: &'static str,
    attribute: &'static str,
    mode: Mode,
    way: Way,
    role: (Role, bool),
) -> GpuResourceMeta {
    let (role, inferred) = role;
    let reads = matches!(mode, Mode::Read);
    match <F::Handle as Handle>::IMAGE {
        None => {
            let access = if reads { buffer_read(way, role) } else { buffer_write(way, role) };
            let meta = GpuResourceMeta::new(GpuResourceKind::Buffer, type_name, attribute, access);
            GpuResourceMeta { role: Some(role), inferred, ..meta }
        }
        Some([read, write]) => {
            let access = if reads { image_read(way, read) } else { image_write(way, write) };
            let meta = GpuResourceMeta::new(GpuResourceKind::Image, type_name, attribute, access);
            GpuResourceMeta { discard: matches!(way, Way::Overwrite), ..meta }
        }
    }
}

const fn buffer_read(way: Way, role: Role) -> Access {
    match way {
        Way::Own => role.read(S::NONE),
        Way::Vertex => Role::Vertex.read(S::NONE),
        Way::Index => Role::Index.read(S::NONE),
        Way::Indirect => Role::Indirect.read(S::NONE),
        Way::Uniform => Role::Uniform.read(S::NONE),
        Way::Copy => Access::COPY_SOURCE,
        // The rest does not go with buffers, which is an error of its own.
        _ => Role::Storage.read(S::NONE),
    }
}

const fn buffer_write(way: Way, role: Role) -> Access {
    match way {
        Way::Own => role.write(S::NONE),
        Way::Concurrent => Access { mode: Mode::ConcurrentWrite, ..Access::storage_write(S::NONE) },
        Way::Copy => Access::COPY_TARGET,
        _ => Access::storage_write(S::NONE),
    }
}

const fn image_read(way: Way, own: Access) -> Access {
    match way {
        Way::Sampled => Access::SAMPLED,
        Way::Copy => Access::IMAGE_COPY_SOURCE,
        Way::Blit => Access::BLIT_SOURCE,
        _ => own,
    }
}

const fn image_write(way: Way, own: Access) -> Access {
    match way {
        Way::Copy => Access::IMAGE_COPY_TARGET,
        Way::Blit => Access::BLIT_TARGET,
        // What is no attachment by its role is a colour attachment.
        Way::Load | Way::Overwrite if is_depth(own) => Access::DEPTH_ATTACHMENT,
        Way::Load | Way::Overwrite => Access::COLOR_ATTACHMENT,
        _ => own,
    }
}

const fn is_depth(access: Access) -> bool {
    access.layout.as_raw() == Access::DEPTH_ATTACHMENT.layout.as_raw()
}

/// The same, held by a field.
#[must_use]
pub const fn in_field(meta: GpuResourceMeta, field: &'static str) -> GpuResourceMeta {
    GpuResourceMeta { field: Some(field), ..meta }
}

/// The same, found in a registry.
#[must_use]
pub const fn in_registry(
    meta: GpuResourceMeta,
    instance: Option<&'static str>,
    identity: &'static str,
) -> GpuResourceMeta {
    GpuResourceMeta { instance, identity, ..meta }
}

/// What a system writes, with the stages in which its shaders run.
#[must_use]
pub const fn staged_writes<const N: usize>(writes: [GpuResourceMeta; N]) -> [GpuResourceMeta; N] {
    let shaders = shaders(&writes);
    stage(writes, shaders)
}

/// What a system reads that writes these, with the stages in which its shaders run.
#[must_use]
pub const fn staged<const N: usize>(reads: [GpuResourceMeta; N], writes: &[GpuResourceMeta]) -> [GpuResourceMeta; N] {
    stage(reads, shaders(writes))
}

/// A system that renders has vertex and fragment shaders; another one has compute shaders.
const fn shaders(writes: &[GpuResourceMeta]) -> S {
    let attachments = Access::COLOR_ATTACHMENT.stages.as_raw() | Access::DEPTH_ATTACHMENT.stages.as_raw();
    let mut index = 0;
    while index < writes.len() {
        if writes[index].access.stages.as_raw() & attachments != 0 {
            return GRAPHICS_SHADERS;
        }
        index += 1;
    }
    S::COMPUTE_SHADER
}

const fn stage<const N: usize>(mut metas: [GpuResourceMeta; N], shaders: S) -> [GpuResourceMeta; N] {
    let mut index = 0;
    while index < N {
        if metas[index].access.stages.is_empty() {
            metas[index].access.stages = shaders;
        }
        index += 1;
    }
    metas
}
