//! Depth images, one for each size of target that is drawn to.

use std::sync::{Mutex, PoisonError};

use crate::{
    Gpu,
    error::Result,
    resource::{Depth, GpuImage},
};

/// Sizes that are kept. A window that is being resized comes along with a new one for each step.
const KEPT: usize = 4;

/// The depth images of a scene.
///
/// Frames in flight share the one of their size: each clears it, and the GPU keeps them in order. An image that
/// is dropped here lives on until the last frame that uses it has retired.
#[derive(Default)]
pub(crate) struct DepthImages {
    // The most recently used is last.
    images: Mutex<Vec<GpuImage<Depth>>>,
}

impl DepthImages {
    /// The image of this size, made if need be.
    pub(crate) fn of_size(&self, gpu: &Gpu, size: [u32; 2]) -> Result<GpuImage<Depth>> {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let image = match images.iter().position(|image| image.extent() == size) {
            Some(found) => images.remove(found),
            None => gpu.image::<Depth>("cubes.depth", size)?,
        };
        if images.len() == KEPT {
            images.remove(0);
        }
        images.push(image.clone());
        Ok(image)
    }
}
