//! Images without their roles.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use ash::vk;

use super::{
    super::{State, new_image_state},
    ImageBody, SampledView, Shape,
};
use crate::{
    error::{Error, Result},
    gpu::{QueueId, device::Device},
    graph::ir::{Region, SlotShape, TransientImage},
    memory::MemoryKind,
    pipeline::TextureSets,
    resource::Access,
    sync::prim::lock,
};

/// An image without its role.
pub(crate) struct ImageInner {
    pub(crate) device: Arc<Device>,
    pub(crate) shape: Shape,
    pub(crate) name: Arc<str>,
    pub(crate) state: State,
    transient: Option<Transient>,
    /// There from the beginning; of a transient, from when its graph is recorded on.
    body: OnceLock<Arc<ImageBody>>,
}

/// What is known of an image that lives in one graph alone.
struct Transient {
    graph: u64,
    needs: TransientImage,
}

impl ImageInner {
    /// # Errors
    /// As [`Gpu::image_with`](crate::Gpu::image_with).
    pub(crate) fn new(device: &Arc<Device>, name: &str, shape: Shape) -> Result<Self> {
        device.memory().check(name, shape.bytes(), MemoryKind::Device)?;
        shape.check_support(device, name)?;
        let body = Arc::new(ImageBody::new(device, name, shape)?);
        Ok(Self::with(device, name, shape, None, OnceLock::from(body)))
    }

    /// An image that somebody else made and destroys, of one level and layer, and that is only copied to: a swapchain's.
    #[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows have swapchains"))]
    pub(crate) fn foreign(device: &Arc<Device>, name: &str, shape: Shape, raw: vk::Image) -> Arc<Self> {
        let body = Arc::new(ImageBody::foreign(device, raw, name));
        let image = Self::with(device, name, shape, None, OnceLock::from(body));
        // The wait for an acquire holds up all commands. A first transition must begin in a stage to be among those.
        lock(&image.state).handed_over(QueueId::GRAPHICS, Access::PRESENT.stages);
        Arc::new(image)
    }

    /// An image that lives inside the graph with this id: it has no memory before it is placed.
    ///
    /// # Errors
    /// As [`Gpu::image_with`](crate::Gpu::image_with).
    pub(crate) fn transient(device: &Arc<Device>, name: &str, shape: Shape, graph: u64) -> Result<Self> {
        device.memory().check(name, shape.bytes(), MemoryKind::Device)?;
        shape.check_support(device, name)?;
        let transient = Transient { graph, needs: needs(device, shape) };
        Ok(Self::with(device, name, shape, Some(transient), OnceLock::new()))
    }

    fn with(
        device: &Arc<Device>,
        name: &str,
        shape: Shape,
        transient: Option<Transient>,
        body: OnceLock<Arc<ImageBody>>,
    ) -> Self {
        let state = new_image_state(device, whole(shape));
        Self { device: Arc::clone(device), shape, name: name.into(), state, transient, body }
    }

    /// Gives a transient image its body, once.
    ///
    /// # Errors
    /// [`Error::Graph`] if it has one.
    pub(crate) fn place(&self, body: &Arc<ImageBody>) -> Result<()> {
        let name = &self.name;
        let placed = self.body.set(Arc::clone(body));
        placed.map_err(|_| Error::Graph(format!("`{name}` has memory already; a transient gets it once")))
    }

    /// The Vulkan image; `None` while a transient has no place.
    pub(crate) fn raw(&self) -> Option<vk::Image> {
        self.body.get().map(|body| body.raw())
    }

    /// The view of all of it; `None` while a transient has no place.
    pub(crate) fn view(&self) -> Option<vk::ImageView> {
        self.body.get().map(|body| body.view())
    }

    /// The descriptor set through which compute shaders store to it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if its format or shape is not stored to, [`Error::Graph`] while a transient has no place; else what
    /// the driver says.
    pub(crate) fn storage_set(&self) -> Result<vk::DescriptorSet> {
        if !self.shape.is_stored() {
            let (name, format) = (&self.name, self.shape.format);
            return Err(Error::Invalid(format!(
                "`{name}` is stored to by a shader, and is no R8G8B8A8_SRGB image of one level and layer but {format:?}"
            )));
        }
        match self.body.get() {
            Some(body) => body.storage_set(),
            None => Err(unplaced(&self.name)),
        }
    }

    /// The view through which passes render to one level of one layer, which must be within it.
    ///
    /// # Errors
    /// [`Error::Graph`] while a transient has no place; else what the driver says.
    pub(crate) fn attachment(&self, level: u32, layer: u32, format: vk::Format) -> Result<vk::ImageView> {
        match self.body.get() {
            Some(body) => body.attachment(level, layer, format),
            None => Err(unplaced(&self.name)),
        }
    }

    /// The view through which shaders sample a part, which must be within it.
    ///
    /// # Errors
    /// [`Error::Graph`] while a transient has no place; else what the driver says.
    pub(crate) fn sampled(&self, region: Region, sets: &Arc<TextureSets>) -> Result<SampledView> {
        match self.body.get() {
            Some(body) => body.sampled(region, sets),
            None => Err(unplaced(&self.name)),
        }
    }

    /// The graph that it lives in, if it lives in one alone.
    pub(crate) fn transient_of(&self) -> Option<u64> {
        self.transient.as_ref().map(|transient| transient.graph)
    }

    /// All levels and layers.
    pub(crate) fn whole(&self) -> Region {
        whole(self.shape)
    }

    pub(crate) fn slot_shape(&self) -> SlotShape {
        let Shape { levels, layers, .. } = self.shape;
        match &self.transient {
            Some(transient) => SlotShape::TransientImage(transient.needs),
            None => SlotShape::Image { levels, layers },
        }
    }

    /// A region, for barriers and views.
    pub(crate) fn subresource_range(&self, region: &Region) -> vk::ImageSubresourceRange {
        let (levels, layers) = (region.levels(), region.layers());
        vk::ImageSubresourceRange {
            aspect_mask: self.shape.aspect(),
            base_mip_level: levels.start,
            level_count: levels.end - levels.start,
            base_array_layer: layers.start,
            layer_count: layers.end - layers.start,
        }
    }

    /// A region's first level, for copies.
    pub(crate) fn subresource_layers(&self, region: &Region) -> vk::ImageSubresourceLayers {
        let range = self.subresource_range(region);
        vk::ImageSubresourceLayers {
            aspect_mask: range.aspect_mask,
            mip_level: range.base_mip_level,
            base_array_layer: range.base_array_layer,
            layer_count: range.layer_count,
        }
    }
}

/// What an access to a transient says that no plan has placed.
pub(crate) fn unplaced(name: &str) -> Error {
    Error::Graph(format!("the transient `{name}` has no memory outside of its own graph; make one with this graph"))
}

fn whole(shape: Shape) -> Region {
    Region::subresources(0..shape.levels, 0..shape.layers)
}

/// What memory an image of this shape needs.
fn needs(device: &Device, shape: Shape) -> TransientImage {
    let info = shape.info();
    let query = vk::DeviceImageMemoryRequirements::default().create_info(&info);
    let mut answer = vk::MemoryRequirements2::default();
    // SAFETY: the structures are valid, and the device was found to have such images.
    unsafe { device.raw.get_device_image_memory_requirements(&query, &mut answer) };
    let vk::MemoryRequirements { size: bytes, alignment, memory_type_bits: memory_types } = answer.memory_requirements;
    let Shape { format, extent, levels, layers, .. } = shape;
    TransientImage { format, extent, levels, layers, usage: shape.usage(), bytes, alignment, memory_types }
}

impl fmt::Debug for ImageInner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("name", &self.name)
            .field("extent", &self.shape.extent)
            .field("format", &self.shape.format)
            .field("transient", &self.transient.is_some())
            .finish_non_exhaustive()
    }
}
