//! What the fields of systems hold: handles, or several of them, or none.

use crate::{
    graph::Uses,
    resource::{
        Access, Attachment, BufferSlice, GpuBuffer, GpuData, GpuImage, GpuResourceMeta, ImageRole, Role, Subimage,
        Texture, TransientBuffer, Use,
    },
};

/// A handle of a GPU resource, or of a part of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no GPU resource",
    label = "no GPU resource",
    note = "`#[reads]` and `#[writes]` go with `GpuBuffer`, `TransientBuffer`, `BufferSlice`, `GpuImage` and `Subimage`, an `Option`, a `Vec` or an array of these, and `CpuData`, written so; other fields have neither"
)]
pub trait Handle {
    /// The data of a buffer.
    type Data;
    /// How an image is read and written where that is not said; `None` for buffers.
    const IMAGE: Option<[Access; 2]>;
    /// The resource and the part, whatever the access.
    fn used(&self) -> Use;
    /// As an attachment, over what is there; `None` for buffers.
    fn attachment(&self) -> Option<Attachment>;
}

/// A handle of a buffer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no buffer, and only buffers are touched like this",
    label = "no buffer",
    note = "images are read by `sampled`, `copy` or `blit`, and written by `load`, `discard`, `clear`, `copy` or `blit`; say nothing for what the role says"
)]
pub trait BufferHandle: Handle {}

/// A handle of an image.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no image, and only images are touched like this",
    label = "no image",
    note = "buffers are read by `storage`, `uniform`, `vertex`, `index`, `indirect` or `copy`, and written by `storage`, `concurrent` or `copy`"
)]
pub trait ImageHandle: Handle {
    /// As an attachment, whatever is there.
    fn discard(&self) -> Attachment;
}

/// A handle of an image that shaders sample.
#[diagnostic::on_unimplemented(
    message = "shaders do not sample a `{Self}`",
    label = "not sampled",
    note = "make it a `GpuImage<Texture>`, which passes can render to as well"
)]
pub trait TextureHandle: ImageHandle {}

macro_rules! buffers {
    ($($handle:ident)+) => {
        $(impl<T> Handle for $handle<T> {
            type Data = T;
            const IMAGE: Option<[Access; 2]> = None;
            fn used(&self) -> Use {
                self.copy_source()
            }
            fn attachment(&self) -> Option<Attachment> {
                None
            }
        }

        impl<T> BufferHandle for $handle<T> {})+
    };
}

buffers!(GpuBuffer TransientBuffer BufferSlice);

/// What images have instead of data.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Texels;

impl GpuData for Texels {
    const ROLE: Role = Role::Storage;
}

macro_rules! images {
    ($($handle:ident)+) => {
        $(impl<R: ImageRole> Handle for $handle<R> {
            type Data = Texels;
            const IMAGE: Option<[Access; 2]> = Some([R::READ, R::WRITE]);
            fn used(&self) -> Use {
                self.copy_source()
            }
            fn attachment(&self) -> Option<Attachment> {
                Some(self.load())
            }
        }

        impl<R: ImageRole> ImageHandle for $handle<R> {
            fn discard(&self) -> Attachment {
                self.discard()
            }
        }

        impl TextureHandle for $handle<Texture> {})+
    };
}

images!(GpuImage Subimage);

/// What a field holds: one handle, or several, or none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no GPU resource",
    label = "no GPU resource",
    note = "`#[reads]` and `#[writes]` go with `GpuBuffer`, `TransientBuffer`, `BufferSlice`, `GpuImage` and `Subimage`, an `Option`, a `Vec` or an array of these, and `CpuData`, written so; other fields have neither"
)]
pub trait Resources {
    /// The handles.
    type Handle: Handle;
    /// Looks at each of them.
    fn each(&self, look: &mut dyn FnMut(&Self::Handle));
}

#[diagnostic::do_not_recommend]
impl<H: Handle> Resources for H {
    type Handle = H;
    fn each(&self, look: &mut dyn FnMut(&H)) {
        look(self);
    }
}

impl<F: Resources> Resources for Option<F> {
    type Handle = F::Handle;
    fn each(&self, look: &mut dyn FnMut(&F::Handle)) {
        self.iter().for_each(|field| field.each(look));
    }
}

impl<F: Resources> Resources for Vec<F> {
    type Handle = F::Handle;
    fn each(&self, look: &mut dyn FnMut(&F::Handle)) {
        self.iter().for_each(|field| field.each(look));
    }
}

impl<F: Resources, const N: usize> Resources for [F; N] {
    type Handle = F::Handle;
    fn each(&self, look: &mut dyn FnMut(&F::Handle)) {
        self.iter().for_each(|field| field.each(look));
    }
}

/// Declares what is touched as its metadata says.
pub fn declare<F: Resources>(uses: &mut Uses, meta: &'static GpuResourceMeta, field: &F) {
    let renders = meta.access == Access::COLOR_ATTACHMENT || meta.access == Access::DEPTH_ATTACHMENT;
    field.each(&mut |handle| {
        match handle.attachment().filter(|_| renders) {
            Some(attachment) => uses.field_rendered(meta, attachment),
            None => uses.field(meta, handle.used()),
        };
    });
}

/// As [`declare`], in a way of buffers.
pub fn declare_buffer<F: Resources<Handle: BufferHandle>>(uses: &mut Uses, meta: &'static GpuResourceMeta, field: &F) {
    declare(uses, meta, field);
}

/// As [`declare`], in a way of images.
pub fn declare_image<F: Resources<Handle: ImageHandle>>(uses: &mut Uses, meta: &'static GpuResourceMeta, field: &F) {
    declare(uses, meta, field);
}

/// As [`declare`], in the way of textures.
pub fn declare_texture<F: Resources<Handle: TextureHandle>>(
    uses: &mut Uses,
    meta: &'static GpuResourceMeta,
    field: &F,
) {
    declare(uses, meta, field);
}

/// Declares what is rendered to, whatever is there.
pub fn discard<F: Resources<Handle: ImageHandle>>(uses: &mut Uses, meta: &'static GpuResourceMeta, field: &F) {
    clear(uses, meta, field, ImageHandle::discard);
}

/// Declares what is cleared and rendered to.
pub fn clear<F: Resources<Handle: ImageHandle>>(
    uses: &mut Uses,
    meta: &'static GpuResourceMeta,
    field: &F,
    cleared: impl Fn(&F::Handle) -> Attachment,
) {
    field.each(&mut |image| {
        uses.field_rendered(meta, cleared(image));
    });
}
