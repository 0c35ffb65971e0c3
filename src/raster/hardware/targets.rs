//! What the rasteriser draws to, and where compute passes find it.

use crate::{
    Gpu,
    error::Result,
    exec::DrawIndexedArgs,
    resource::{Depth, GpuBuffer, GpuImage, Ids},
};

/// The images of a view, of one size, and buffers for their texels: shaders here reach no images.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    pub(super) depth: GpuImage<Depth>,
    pub(super) words: GpuImage<Ids>,
    /// Row after row from the top: the bits of a depth, a word.
    pub(super) depth_texels: GpuBuffer<u32>,
    pub(super) word_texels: GpuBuffer<u32>,
    /// Of the next draw.
    pub(super) args: GpuBuffer<DrawIndexedArgs>,
}

impl Targets {
    /// # Errors
    /// As [`Gpu::image`] and [`Gpu::buffer`].
    pub(super) fn new(gpu: &Gpu, size: [u32; 2]) -> Result<Self> {
        let depth = gpu.image("raster.depth", size)?;
        let words = gpu.image("raster.words", size)?;
        // The images are made, so their texels are not too many to count.
        let pixels = size[0] as usize * size[1] as usize;
        let texels = |name| gpu.buffer(name, pixels);
        Ok(Self {
            depth,
            words,
            depth_texels: texels("raster.depth texels")?,
            word_texels: texels("raster.word texels")?,
            args: gpu.buffer("raster.args", 1)?,
        })
    }

    pub(super) fn pixels(&self) -> u32 {
        let [width, height] = self.depth.extent();
        width * height
    }
}
