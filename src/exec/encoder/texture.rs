//! The textures of a pass.

use std::sync::Arc;

use ash::vk;

use super::{Encoder, declared::Want, ready::Need};
use crate::{
    error::{Error, Result},
    gpu::{Gpu, QueueKind},
    pipeline::{Bound, Kept, Sampler, TEXTURE_SET},
    resource::{ImageInner, ImagePart, Texture},
};

/// Those that a pass asked for, in this order.
#[derive(Default)]
pub(super) struct Textures {
    all: Vec<Bound>,
    /// Whether the set that is bound lacks some of them.
    are_new: bool,
}

impl Textures {
    #[inline]
    pub(super) fn are_new(&self) -> bool {
        self.are_new
    }
}

impl Gpu {
    /// How many textures a pass can sample: 16, or more where the device has
    /// [`texture_indexing`](crate::Features::texture_indexing).
    #[must_use]
    pub fn textures_per_pass(&self) -> u32 {
        self.shared.pipelines.layout.textures.len()
    }
}

impl Encoder<'_> {
    /// The number by which this pass's shaders sample a texture, or a part of one, that the pass declared with `reads`; 0 after
    /// an error. It counts up from 0: the first texture that a pass asks for is 0, the next one 1, and asked for again with
    /// the same sampler it is the same.
    ///
    /// Draws and dispatches that follow see all textures asked for before them. Shaders find them in set 1 as an array of
    /// `sampler2DArray`, whatever layers there are, from the first that the part has on; so a texture of one layer is
    /// sampled with `vec3(u, v, 0)`. The number comes through push constants, say, and is the same for a whole draw.
    ///
    /// Where the device has [`texture_indexing`](crate::Features::texture_indexing), it is the array's index:
    ///
    /// ```glsl
    /// layout(constant_id = 1000) const uint TEXTURES = 16; // vulkio puts `Gpu::textures_per_pass` in
    /// layout(set = 1, binding = 0) uniform sampler2DArray textures[TEXTURES];
    /// ```
    ///
    /// Elsewhere GLSL takes constants alone there, and a `switch` over as many as the shader may need finds the right one:
    ///
    /// ```glsl
    /// layout(set = 1, binding = 0) uniform sampler2DArray textures[2];
    /// vec4 sampled(uint number, vec3 at) {
    ///     switch (number) {
    ///         case 0: return texture(textures[0], at);
    ///         default: return texture(textures[1], at);
    ///     }
    /// }
    /// ```
    ///
    /// The first time that passes ask for these textures, their descriptors are written; after that none are. Ask for all
    /// that a pass needs before its first draw: each further one between draws takes another set of descriptors, of which the
    /// last 1,024 are kept for passes that ask for the same.
    pub fn texture(&mut self, texture: &impl ImagePart<Role = Texture>, sampler: &Sampler) -> u32 {
        let mut number = 0;
        self.step(|this| {
            number = this.number_of(texture, sampler)?;
            Ok(())
        });
        number
    }

    fn number_of(&mut self, texture: &impl ImagePart<Role = Texture>, sampler: &Sampler) -> Result<u32> {
        self.need_queue("texture", &[QueueKind::Graphics, QueueKind::Compute])?;
        let part = texture.part();
        let (_, region) = self.need_image(&part, &Want::SAMPLED)?;
        let view = part.image().sampled(region, &self.layout.textures)?;
        let bound = Bound { view, sampler: sampler.raw() };
        if let Some(place) = self.textures.all.iter().position(|known| *known == bound) {
            return Ok(place as u32);
        }
        self.check_sampler(part.image(), sampler)?;
        self.check_room(part.image())?;
        self.textures.all.push(bound);
        self.textures.are_new = true;
        self.care = true;
        self.set_ready(self.ready.having(Need::Textures, true));
        Ok(self.textures.all.len() as u32 - 1)
    }

    fn check_sampler(&self, image: &ImageInner, sampler: &Sampler) -> Result<()> {
        let (name, format) = (&image.name, image.shape.format);
        if !sampler.is_of(self.device) {
            return Err(Error::Invalid(format!("`{name}` with a sampler of another Gpu; make one on this Gpu")));
        }
        let linear = vk::FormatFeatureFlags::SAMPLED_IMAGE_FILTER_LINEAR;
        if sampler.takes_means() && !self.device.format_features(format).contains(linear) {
            return Err(Error::Invalid(format!(
                "`{name}` with a linear filter, which this device does not have for {format:?}; use `Filter::Nearest`, between \
                 levels as well"
            )));
        }
        Ok(())
    }

    fn check_room(&self, image: &ImageInner) -> Result<()> {
        let most = self.layout.textures.len();
        if self.textures.all.len() < most as usize {
            return Ok(());
        }
        let name = &image.name;
        Err(Error::Invalid(format!(
            "`{name}` is one texture too many: a pass has {most} on this device; use layers of one texture, or several passes"
        )))
    }

    /// Before the first dispatch after a texture was asked for.
    #[cold]
    pub(super) fn bind_textures(&mut self) {
        self.step(|this| this.use_textures());
        self.textures.are_new = false; // after an error, too
    }

    pub(super) fn use_textures(&mut self) -> Result<()> {
        if !self.textures.are_new {
            return Ok(());
        }
        let set = self.layout.textures.get(&self.textures.all)?;
        let point = match self.rendering.is_empty() {
            true => vk::PipelineBindPoint::COMPUTE,
            false => vk::PipelineBindPoint::GRAPHICS,
        };
        // SAFETY: the set has the layout of all pipelines' set 1, and is kept until the submission is complete; so are its images,
        // which the pass declared.
        unsafe {
            let (raw, layout) = (&self.device.raw, self.layout.raw);
            raw.cmd_bind_descriptor_sets(self.cmd, point, layout, TEXTURE_SET, &[set.raw()], &[]);
        }
        self.keep.push(Kept::Textures(Arc::clone(&set)));
        self.textures.are_new = false;
        self.care = self.vertex_input.is_fetched();
        Ok(())
    }
}

/// What is said to a command of a pipeline that samples, where there is nothing to sample.
pub(super) fn without_textures(command: &str) -> Error {
    Error::Invalid(format!(
        "{command} of a pipeline that samples textures, in a pass that asked for none; say `cmd.texture(..)` before it"
    ))
}
