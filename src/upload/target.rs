//! Where uploads go.

use std::{ops::Range, sync::Arc};

use ash::vk;

use crate::{
    error::{Error, Result},
    exec::Transfer,
    gpu::{QueueKind, device::Device},
    graph::ir::Region,
    resource::{Access, BufferInner, ImageInner, ImageRole, Resource, Spot, Subimage, Texel},
    sync::prim::lock,
};

/// What an upload writes, all of it.
#[derive(Clone)]
pub(super) enum Target {
    /// Bytes of a buffer whose elements are so large.
    Buffer {
        buffer: Arc<BufferInner>,
        range: Range<u64>,
        element: u64,
    },
    /// Pieces of a buffer between these bounds, which do not overlap unless the later counts; one submission writes them.
    Ranges {
        buffer: Arc<BufferInner>,
        bounds: Range<u64>,
        pieces: Box<[Range<u64>]>,
        bytes: u64,
    },
    Image(ImageTarget),
}

/// A level of an image, in some layers.
#[derive(Clone)]
pub(super) struct ImageTarget {
    image: Arc<ImageInner>,
    region: Region,
    bytes: u64,
}

impl Target {
    /// All of a shadow of this target: memory that nobody else knows.
    pub(super) fn shadow(buffer: Arc<BufferInner>) -> Self {
        let bytes = buffer.bytes;
        Self::Buffer { buffer, range: 0..bytes, element: 1 }
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Buffer { range, .. } => range.end - range.start,
            Self::Ranges { bytes, .. } => *bytes,
            Self::Image(image) => image.bytes,
        }
    }

    /// What is copied at a time is a multiple of this.
    pub(super) fn grain(&self) -> u64 {
        match self {
            Self::Buffer { element, .. } => *element,
            Self::Ranges { .. } | Self::Image(_) => 1,
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Buffer { buffer, .. } | Self::Ranges { buffer, .. } => &buffer.name,
            Self::Image(target) => &target.image.name,
        }
    }

    pub(super) fn resource(&self) -> Resource {
        match self {
            Self::Buffer { buffer, .. } | Self::Ranges { buffer, .. } => Resource::Buffer(Arc::clone(buffer)),
            Self::Image(target) => Resource::Image(Arc::clone(&target.image)),
        }
    }

    pub(super) fn region(&self) -> Region {
        match self {
            Self::Buffer { range, .. } | Self::Ranges { bounds: range, .. } => Region::bytes(range.clone()),
            Self::Image(target) => target.region,
        }
    }

    /// Whether both write a byte or a texel of the same resource.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        self.id() == other.id() && self.region().intersection(&other.region()).is_some()
    }

    /// As [`Resource::id`].
    fn id(&self) -> usize {
        match self {
            Self::Buffer { buffer, .. } | Self::Ranges { buffer, .. } => Arc::as_ptr(buffer).addr(),
            Self::Image(target) => Arc::as_ptr(&target.image).addr(),
        }
    }

    pub(super) fn device(&self) -> &Arc<Device> {
        match self {
            Self::Buffer { buffer, .. } | Self::Ranges { buffer, .. } => &buffer.device,
            Self::Image(target) => &target.image.device,
        }
    }

    /// The buffer, and the places in it in the order in which they are written.
    pub(super) fn places(&self) -> Option<(&Arc<BufferInner>, &[Range<u64>])> {
        match self {
            Self::Buffer { buffer, range, .. } => Some((buffer, std::slice::from_ref(range))),
            Self::Ranges { buffer, pieces, .. } => Some((buffer, pieces)),
            Self::Image(_) => None,
        }
    }

    /// Whether it can be written piece by piece, as nothing is there that anybody may read.
    pub(super) fn takes_pieces(&self) -> bool {
        match self {
            Self::Buffer { buffer, range, .. } => lock(&buffer.state).is_unwritten(Region::bytes(range.clone())),
            Self::Ranges { .. } | Self::Image(_) => false,
        }
    }

    /// Hides it from graphs, if it still takes pieces: from now on it is being written.
    pub(super) fn hide(&self) -> bool {
        let Self::Buffer { buffer, range, .. } = self else { return false };
        let (mut state, region) = (lock(&buffer.state), Region::bytes(range.clone()));
        let is_free = state.is_unwritten(region);
        if is_free {
            state.hide(region);
        }
        is_free
    }

    /// The queue whose copies can write it: the one for depths draws, by the specification of `vkCmdCopyBufferToImage`.
    pub(super) fn queue(&self) -> QueueKind {
        match self {
            Self::Image(target) if target.image.shape.texel == Texel::Depth => QueueKind::Graphics,
            _ => QueueKind::Transfer,
        }
    }

    /// Adds to `transfer` the copy of all of it from where it lies in a buffer, which must live as long.
    pub(super) fn copy_whole(&self, transfer: &mut Transfer, from: Spot) {
        match self {
            Self::Buffer { buffer, range, .. } => {
                transfer.touches(&self.resource(), self.region(), Access::COPY_TARGET, false);
                let size = range.end - range.start;
                let Spot { raw, offset } = buffer.spot().unwrap_or(Spot { raw: vk::Buffer::null(), offset: 0 });
                let region = vk::BufferCopy { src_offset: from.offset, dst_offset: offset + range.start, size };
                transfer.copy(from.raw, raw, vec![region]);
            }
            Self::Ranges { .. } => {} // gathered with others
            Self::Image(target) => target.copy_whole(transfer, from),
        }
    }
}

impl ImageTarget {
    /// A level of an image, in the layers that the part says.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it is several levels, or beyond the image; [`Error::Graph`] if the image is another device's.
    pub(super) fn new<R: ImageRole>(device: &Arc<Device>, part: &Subimage<R>) -> Result<Self> {
        let (image, region) = (Arc::clone(part.image()), part.region()?);
        let name = &image.name;
        if !Arc::ptr_eq(&image.device, device) {
            return Err(Error::Graph(format!("upload to `{name}`, which belongs to another Gpu")));
        }
        if image.transient_of().is_some() {
            return Err(Error::Graph(format!("upload to `{name}`, which lives inside one graph alone")));
        }
        let levels = region.levels();
        if levels.len() != 1 {
            return Err(Error::Invalid(format!(
                "upload to {} levels of `{name}`; one at a time: `{name}.level(0)`",
                levels.len()
            )));
        }
        let bytes = image.shape.packed_bytes(levels.start, region.layers().len() as u32);
        Ok(Self { image, region, bytes })
    }

    fn copy_whole(&self, transfer: &mut Transfer, from: Spot) {
        let Self { image, region, bytes } = self;
        let resource = Resource::Image(Arc::clone(image));
        transfer.touches(&resource, *region, Access::IMAGE_COPY_TARGET, true);
        let [width, height] = image.shape.extent_of(region.levels().start);
        let copy = vk::BufferImageCopy::default()
            .buffer_offset(from.offset)
            .image_subresource(image.subresource_layers(region))
            .image_extent(vk::Extent3D { width, height, depth: 1 });
        transfer.copy_to_image(from.raw, image.raw().unwrap_or_default(), copy, *bytes);
    }
}
