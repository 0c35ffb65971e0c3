//! Mip levels, each made from the one before it.

use super::{Graph, PassId};
use crate::{
    exec::Filter,
    resource::{GpuImage, Texel, Texture},
};

impl Graph {
    /// Makes the mip levels of a texture, in all layers, from its first one: a pass for each level, which halves the one before.
    /// The id of the last is given; there is none if the texture has one level alone. They run on the graphics queue.
    ///
    /// ```no_run
    /// # use vulkio::{Gpu, Graph, ImageDesc, Texture};
    /// # async fn example(gpu: Gpu, texels: Vec<u8>) -> vulkio::Result<()> {
    /// let bricks = gpu.image_with::<Texture>("bricks", ImageDesc::new([256, 256]).levels(9))?;
    /// gpu.upload_image(&bricks.level(0), texels).await?;
    /// let graph = Graph::new(&gpu, "mips");
    /// graph.mips(&bricks);
    /// graph.submit().await?;
    /// # Ok(()) }
    /// ```
    pub fn mips(&self, texture: &GpuImage<Texture>) -> Option<PassId> {
        let filter = if texture.inner().shape.texel == Texel::Color { Filter::Linear } else { Filter::Nearest };
        let halve = |level| {
            let (from, to) = (texture.level(level - 1), texture.level(level));
            let pass = self.pass(&format!("mip {level} of {}", texture.name()));
            pass.reads(from.blit_source()).writes(to.blit_target()).record(move |cmd| {
                cmd.blit(&from, &to, filter);
            })
        };
        (1..texture.levels()).map(halve).last()
    }
}
