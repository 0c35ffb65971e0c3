//! Memory for what lives inside a graph: arenas that graphs of one layout use one after the other.

use std::sync::{Arc, Mutex};

use ash::vk;

use crate::{
    error::{Error, Result},
    gpu::device::Device,
    graph::{
        compiled::{Place, Transients},
        ir::{SlotShape, TransientImage},
    },
    memory::MemoryKind,
    resource::{
        BufferInner, ImageInner, Resource,
        image::{ImageBody, ImageMemory},
    },
    sync::prim::lock,
};

/// Arenas that nobody uses, and that are kept for graphs to come. A frame's arena comes back when the GPU is done with
/// it, so this is enough for several renderers with several frames in flight.
const MOST_IDLE: usize = 16;

/// The arenas of a device.
pub(crate) struct TransientPool {
    device: Arc<Device>,
    idle: Mutex<Idle<Layout, Arena>>,
}

/// What an arena is made for: two graphs with equal layouts can have the same one, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Layout {
    buffer_bytes: u64,
    image_bytes: u64,
    image_alignment: u64,
    image_types: u32,
    /// Where each image is, in the order of the places.
    images: Vec<(u64, TransientImage)>,
}

/// Memory, and the images in it.
struct Arena {
    buffer: Option<Arc<BufferInner>>,
    images: Vec<Arc<ImageBody>>,
}

impl TransientPool {
    pub(crate) fn new(device: Arc<Device>) -> Arc<Self> {
        Arc::new(Self { device, idle: Mutex::default() })
    }

    /// Gives every transient among `slots` its place, in an arena that is this graph's alone until the lease is dropped:
    /// not before the GPU is done with the graph.
    ///
    /// # Errors
    /// [`Error::OutOfDeviceMemory`] for an arena, or what the driver says.
    pub(crate) fn lease(self: &Arc<Self>, transients: &Transients, slots: &[Resource]) -> Result<TransientLease> {
        if transients.places.is_empty() {
            return Ok(TransientLease { pool: Arc::clone(self), arena: None });
        }
        let layout = Layout::of(transients, slots);
        // Its own statement: the pool is not locked while an arena is made.
        let idle = lock(&self.idle).take(&layout);
        let arena = match idle {
            Some(arena) => arena,
            None => self.arena(&layout, &transients.places, slots)?,
        };
        arena.place(&transients.places, slots)?;
        Ok(TransientLease { pool: Arc::clone(self), arena: Some((layout, arena)) })
    }
}

impl TransientPool {
    /// A new arena. Where there is no memory for it, the idle ones make room.
    fn arena(&self, layout: &Layout, places: &[Place], slots: &[Resource]) -> Result<Arena> {
        match Arena::new(&self.device, layout, places, slots) {
            Err(Error::OutOfDeviceMemory { .. }) => {
                let idle = std::mem::take(&mut *lock(&self.idle));
                drop(idle);
                Arena::new(&self.device, layout, places, slots)
            }
            result => result,
        }
    }
}

/// An arena on loan. Dropping gives it back, so it is held until the GPU is done with it.
pub(crate) struct TransientLease {
    pool: Arc<TransientPool>,
    arena: Option<(Layout, Arena)>,
}

impl Drop for TransientLease {
    fn drop(&mut self) {
        if let Some((layout, arena)) = self.arena.take() {
            // Dropped after the pool is unlocked: freeing memory takes a while.
            let _oldest = lock(&self.pool.idle).put(layout, arena);
        }
    }
}

impl Layout {
    fn of(transients: &Transients, slots: &[Resource]) -> Self {
        let image = |place: &Place| match slots[place.slot].shape() {
            SlotShape::TransientImage(image) => Some((place.offset, image)),
            _ => None,
        };
        let &Transients { buffer_bytes, image_bytes, image_alignment, image_types, .. } = transients;
        let images = transients.places.iter().filter_map(image).collect();
        Self { buffer_bytes, image_bytes, image_alignment, image_types, images }
    }

    /// What the images' memory must be.
    fn requirements(&self) -> vk::MemoryRequirements {
        vk::MemoryRequirements {
            size: self.image_bytes,
            alignment: self.image_alignment,
            memory_type_bits: self.image_types,
        }
    }
}

impl Arena {
    fn new(device: &Arc<Device>, layout: &Layout, places: &[Place], slots: &[Resource]) -> Result<Self> {
        let buffer = match layout.buffer_bytes {
            0 => None,
            bytes => Some(Arc::new(BufferInner::new(device, "transient buffers", bytes, MemoryKind::Device)?)),
        };
        Ok(Self { buffer, images: images(device, layout, places, slots)? })
    }

    fn place(&self, places: &[Place], slots: &[Resource]) -> Result<()> {
        let mut images = self.images.iter();
        for place in places {
            match (&slots[place.slot], &self.buffer) {
                (Resource::Buffer(buffer), Some(arena)) => buffer.place(arena, place.offset)?,
                (Resource::Image(image), _) => image.place(images.next().ok_or_else(|| lost(&image.name))?)?,
                (Resource::Buffer(buffer), None) => return Err(lost(&buffer.name)),
            }
        }
        Ok(())
    }
}

/// The images of an arena, in the order of their places, in memory that they share.
fn images(device: &Arc<Device>, layout: &Layout, places: &[Place], slots: &[Resource]) -> Result<Vec<Arc<ImageBody>>> {
    if layout.images.is_empty() {
        return Ok(Vec::new());
    }
    // Memory of its own, as every image's, so that `bufferImageGranularity` does not matter.
    let memory = Arc::new(ImageMemory::shared(device, "transient images", layout.requirements())?);
    let body = |image: &ImageInner, place: &Place| {
        ImageBody::within(device, &image.name, image.shape, &memory, place.offset).map(Arc::new)
    };
    let placed = places.iter().filter_map(|place| match &slots[place.slot] {
        Resource::Image(image) => Some(body(image, place)),
        Resource::Buffer(_) => None,
    });
    placed.collect()
}

/// A mistake within vulkio: the plan has a place for what it made no room for.
fn lost(name: &str) -> Error {
    Error::Graph(format!("the plan has no room for the transient `{name}`; this is a mistake in vulkio"))
}

/// Things that are not in use, each under what it can be used for.
struct Idle<K, V> {
    /// The oldest first.
    all: Vec<(K, V)>,
}

impl<K, V> Default for Idle<K, V> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

impl<K: PartialEq, V> Idle<K, V> {
    /// The one that was put last under this key.
    fn take(&mut self, key: &K) -> Option<V> {
        let index = self.all.iter().rposition(|(known, _)| known == key)?;
        Some(self.all.remove(index).1)
    }

    /// The oldest, if there are more than are kept.
    fn put(&mut self, key: K, value: V) -> Option<V> {
        self.all.push((key, value));
        (self.all.len() > MOST_IDLE).then(|| self.all.remove(0).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_last_under_a_key_is_taken_first() {
        let mut idle = Idle::default();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            assert_eq!(idle.put(key, value), None);
        }
        assert_eq!(
            [idle.take(&"a"), idle.take(&"a"), idle.take(&"a"), idle.take(&"b")],
            [Some(3), Some(1), None, Some(2)]
        );
    }

    #[test]
    fn of_more_than_are_kept_the_oldest_goes() {
        let mut idle = Idle::default();
        for value in 0..MOST_IDLE {
            assert_eq!(idle.put("a", value), None);
        }
        assert_eq!(idle.put("b", MOST_IDLE), Some(0));
        assert_eq!(idle.put("b", MOST_IDLE + 1), Some(1));
        assert_eq!(idle.all.len(), MOST_IDLE);
        assert_eq!(idle.take(&"a"), Some(MOST_IDLE - 1));
    }

    #[test]
    fn a_layout_says_what_memory_its_images_need() {
        let layout = Layout { image_bytes: 4096, image_alignment: 256, image_types: 0b10, ..Layout::default() };
        let needs = layout.requirements();
        assert_eq!((needs.size, needs.alignment, needs.memory_type_bits), (4096, 256, 0b10));
    }
}
