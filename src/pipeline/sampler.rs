//! How shaders read textures: filters, edges, anisotropy.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, Once},
};

use ash::vk;

use crate::{
    error::{During, Error, Result},
    exec::Filter,
    gpu::{Gpu, device::Device},
    sync::prim::lock,
};

/// What lies beyond the edges of a texture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edge {
    /// The texture again.
    #[default]
    Repeat,
    /// The texture again, every other time mirrored.
    Mirror,
    /// Its outermost texels.
    Clamp,
    /// Transparent black.
    Black,
}

impl Edge {
    fn raw(self) -> vk::SamplerAddressMode {
        match self {
            Self::Repeat => vk::SamplerAddressMode::REPEAT,
            Self::Mirror => vk::SamplerAddressMode::MIRRORED_REPEAT,
            Self::Clamp => vk::SamplerAddressMode::CLAMP_TO_EDGE,
            Self::Black => vk::SamplerAddressMode::CLAMP_TO_BORDER,
        }
    }
}

/// What [`Gpu::sampler`] makes. By default the texture repeats, and between texels and between mip levels the mean is taken.
///
/// ```
/// use vulkio::{Edge, Filter, SamplerDesc};
/// let ground = SamplerDesc::default().anisotropy(16);
/// let pixel_art = SamplerDesc::default().filter(Filter::Nearest).edge(Edge::Clamp);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "hand it to `Gpu::sampler`"]
pub struct SamplerDesc {
    magnified: Filter,
    minified: Filter,
    levels: Filter,
    edge: Edge,
    anisotropy: u32,
}

impl Default for SamplerDesc {
    fn default() -> Self {
        let linear = Filter::Linear;
        Self { magnified: linear, minified: linear, levels: linear, edge: Edge::default(), anisotropy: 1 }
    }
}

impl SamplerDesc {
    /// How texels become one: those around the place, where texels are larger than pixels and where they are smaller.
    pub fn filter(self, filter: Filter) -> Self {
        self.magnified(filter).minified(filter)
    }

    /// How texels become one where they are larger than pixels.
    pub fn magnified(self, magnified: Filter) -> Self {
        Self { magnified, ..self }
    }

    /// How texels become one where they are smaller than pixels.
    pub fn minified(self, minified: Filter) -> Self {
        Self { minified, ..self }
    }

    /// How mip levels become one.
    pub fn levels(self, levels: Filter) -> Self {
        Self { levels, ..self }
    }

    /// What lies beyond the edges.
    pub fn edge(self, edge: Edge) -> Self {
        Self { edge, ..self }
    }

    /// So many samples at most where a texture is seen at an angle, 1 (none but the usual one) to 16. On a device that takes
    /// fewer it is those; that is said once.
    pub fn anisotropy(self, samples: u32) -> Self {
        Self { anisotropy: samples, ..self }
    }

    /// As a device with `most` has it.
    fn clamped(self, most: u32) -> Self {
        Self { anisotropy: self.anisotropy.clamp(1, most.max(1)), ..self }
    }

    fn info(&self) -> vk::SamplerCreateInfo<'static> {
        let edge = self.edge.raw();
        let mips = match self.levels {
            Filter::Nearest => vk::SamplerMipmapMode::NEAREST,
            Filter::Linear => vk::SamplerMipmapMode::LINEAR,
        };
        vk::SamplerCreateInfo::default()
            .mag_filter(self.magnified.raw())
            .min_filter(self.minified.raw())
            .mipmap_mode(mips)
            .address_mode_u(edge)
            .address_mode_v(edge)
            .address_mode_w(edge)
            .anisotropy_enable(self.anisotropy > 1)
            .max_anisotropy(self.anisotropy as f32)
            .border_color(vk::BorderColor::FLOAT_TRANSPARENT_BLACK)
            .max_lod(vk::LOD_CLAMP_NONE)
    }
}

/// How shaders read a texture. A cheap handle, made by [`Gpu::sampler`].
#[derive(Clone)]
pub struct Sampler {
    device: Arc<Device>,
    raw: vk::Sampler,
    desc: SamplerDesc,
}

impl Sampler {
    /// Samples at most, where a texture is seen at an angle: as many as were asked for, or fewer if the device has not as many.
    #[must_use]
    pub fn anisotropy(&self) -> u32 {
        self.desc.anisotropy
    }

    pub(crate) fn raw(&self) -> vk::Sampler {
        self.raw
    }

    pub(crate) fn is_of(&self, device: &Device) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.device), device)
    }

    /// Whether it takes means of texels or levels: not all formats have that.
    pub(crate) fn takes_means(&self) -> bool {
        let SamplerDesc { magnified, minified, levels, .. } = self.desc;
        [magnified, minified, levels].contains(&Filter::Linear)
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sampler").field(&self.desc).finish()
    }
}

/// All samplers of a device, one for each description. They are few, and stay.
pub(crate) struct Samplers {
    device: Arc<Device>,
    made: Mutex<HashMap<SamplerDesc, vk::Sampler>>,
}

impl Samplers {
    pub(crate) fn new(device: Arc<Device>) -> Self {
        Self { device, made: Mutex::default() }
    }

    fn get(&self, desc: SamplerDesc) -> Result<Sampler> {
        let desc = desc.clamped(self.most_anisotropy(desc.anisotropy));
        let mut made = lock(&self.made);
        let raw = match made.get(&desc) {
            Some(&raw) => raw,
            None => {
                let raw = self.create(desc, made.len())?;
                made.insert(desc, raw);
                raw
            }
        };
        Ok(Sampler { device: Arc::clone(&self.device), raw, desc })
    }

    fn create(&self, desc: SamplerDesc, made: usize) -> Result<vk::Sampler> {
        let most = self.device.info.limits.max_sampler_allocation_count;
        if made >= most as usize {
            return Err(Error::Invalid(format!("a sampler more than the {most} that this device has; reuse some")));
        }
        // SAFETY: the structure is valid; the anisotropy is within what the device has.
        unsafe { self.device.raw.create_sampler(&desc.info(), None) }.during("vkCreateSampler")
    }

    /// The device's limit, which is said once if more is `asked` for.
    fn most_anisotropy(&self, asked: u32) -> u32 {
        let info = &self.device.info;
        let most = if info.features.sampler_anisotropy { info.limits.max_sampler_anisotropy as u32 } else { 1 };
        if asked > most {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::warn!("{} takes {most} anisotropic samples at most, where {asked} are asked for", info.name)
            });
        }
        most
    }
}

impl Drop for Samplers {
    fn drop(&mut self) {
        let made = self.made.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (_, sampler) in made.drain() {
            // SAFETY: submissions that use samplers hold the layout that holds these.
            unsafe { self.device.raw.destroy_sampler(sampler, None) };
        }
    }
}

impl Gpu {
    /// Makes a sampler. The same description gives the same one; each is there as long as the `Gpu`.
    ///
    /// ```no_run
    /// # use vulkio::{Gpu, GpuImage, GraphicsPipeline, Renderer, SamplerDesc, Texture};
    /// # async fn example(gpu: Gpu, renderer: Renderer, pipeline: GraphicsPipeline, texels: Vec<u8>) -> vulkio::Result<()> {
    /// let bricks = gpu.image::<Texture>("bricks", [256, 256])?;
    /// gpu.upload_image(&bricks, texels).await?;
    /// let sampler = gpu.sampler(SamplerDesc::default().anisotropy(16))?;
    /// let frame = renderer.frame().await?;
    /// frame.pass("wall").reads(&bricks).renders(frame.target().load()).record(move |cmd| {
    ///     let bricks = cmd.texture(&bricks, &sampler); // 0: the first of this pass
    ///     cmd.bind(&pipeline).push(&bricks).draw(0..6, 0..1);
    /// });
    /// frame.submit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there are as many as the device can have; else what the driver says.
    pub fn sampler(&self, desc: SamplerDesc) -> Result<Sampler> {
        self.shared.pipelines.layout.samplers.get(desc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anisotropy_is_what_the_device_has_at_most_and_one_at_least() {
        let of = |asked, most| SamplerDesc::default().anisotropy(asked).clamped(most).anisotropy;
        assert_eq!([of(0, 16), of(1, 16), of(16, 16), of(64, 16), of(8, 1), of(8, 0)], [1, 1, 16, 16, 1, 1]);
    }

    #[test]
    fn one_sample_is_no_anisotropy() {
        let info = |asked| SamplerDesc::default().anisotropy(asked).info();
        assert_eq!((info(1).anisotropy_enable, info(2).anisotropy_enable), (vk::FALSE, vk::TRUE));
    }
}
