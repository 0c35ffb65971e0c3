//! What images are made of: format, size, levels, layers; checked before anything is made.

use ash::vk;

use super::{
    super::{
        format::{self, Texel},
        role::ImageRole,
    },
    storage::{STORED, STORED_AS},
};
use crate::{
    error::{Error, Result},
    gpu::device::Device,
};

/// What [`Gpu::image_with`](crate::Gpu::image_with) makes: by default one level, one layer, and the role's own format.
///
/// ```
/// # use vulkio::ImageDesc;
/// let shadow_maps = ImageDesc::new([1024, 1024]).layers(4);
/// let mip_chain = ImageDesc::new([640, 480]).levels(10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "hand it to `image_with`"]
pub struct ImageDesc {
    pub(crate) size: [u32; 2],
    pub(crate) format: Option<vk::Format>,
    pub(crate) levels: u32,
    pub(crate) layers: u32,
    pub(crate) samples: u32,
}

impl ImageDesc {
    /// `[width, height]` texels.
    pub fn new(size: [u32; 2]) -> Self {
        Self { size, format: None, levels: 1, layers: 1, samples: 1 }
    }

    /// A format other than the role's own; it must fit the role.
    pub fn format(self, format: vk::Format) -> Self {
        Self { format: Some(format), ..self }
    }

    /// Mip levels: each has half the sides of the one before, and no side less than a texel.
    pub fn levels(self, levels: u32) -> Self {
        Self { levels, ..self }
    }

    /// Array layers, all of one size.
    pub fn layers(self, layers: u32) -> Self {
        Self { layers, ..self }
    }

    /// Samples of each texel: a power of two, up to 64, of which most devices have 1, 4 and a few more. Of several, only
    /// rendering makes use, which may [resolve](crate::Attachment::resolves_to) them to an image of one sample.
    pub fn samples(self, samples: u32) -> Self {
        Self { samples, ..self }
    }
}

/// What an image is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) format: vk::Format,
    pub(crate) texel: Texel,
    /// Bytes of one texel.
    pub(crate) texel_bytes: u32,
    pub(crate) extent: [u32; 2],
    pub(crate) levels: u32,
    pub(crate) layers: u32,
    /// Of each texel.
    pub(crate) samples: u32,
    /// Whether shaders sample it.
    pub(crate) sampled: bool,
}

/// What the images of a device have at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) side: u32,
    pub(crate) layers: u32,
}

impl Most {
    pub(crate) fn of(device: &Device) -> Self {
        let limits = &device.info.limits;
        Self { side: limits.max_image_dimension2_d, layers: limits.max_image_array_layers }
    }
}

impl Shape {
    /// # Errors
    /// [`Error::Invalid`] if a side, the levels or the layers are 0 or more than there can be, or the format is not of
    /// the kind of `role`'s own.
    pub(crate) fn new(name: &str, desc: ImageDesc, role: vk::Format, most: Most) -> Result<Self> {
        let ImageDesc { size: extent, levels, layers, samples, .. } = desc;
        let invalid = |reason: String| Err(Error::Invalid(format!("image `{name}`: {reason}")));
        let [width, height] = extent;
        if width == 0 || height == 0 {
            return invalid(format!("{width} x {height} texels; both sides are at least 1"));
        }
        if width > most.side || height > most.side {
            let most = most.side;
            return invalid(format!("{width} x {height} texels; this device's images have at most {most} a side"));
        }
        let chain = width.max(height).ilog2() + 1;
        if levels == 0 || levels > chain {
            return invalid(format!("{levels} levels; {width} x {height} texels have 1 to {chain}"));
        }
        if layers == 0 || layers > most.layers {
            return invalid(format!("{layers} layers; this device's images have 1 to {}", most.layers));
        }
        if !samples.is_power_of_two() || samples > 64 {
            return invalid(format!("{samples} samples a texel; a power of two up to 64 is possible"));
        }
        if samples > 1 && levels > 1 {
            return invalid(format!(
                "{samples} samples a texel and {levels} levels; of several samples there is one level"
            ));
        }
        let (format, fitting) = (desc.format.unwrap_or(role), format::like(role));
        match format::texel(format) {
            Some((texel, texel_bytes)) if fitting.contains(&format) => {
                Ok(Self { format, texel, texel_bytes, extent, levels, layers, samples, sampled: false })
            }
            _ => invalid(format!("the format {format:?} does not fit its role; these do: {fitting:?}")),
        }
    }

    /// As [`new`](Self::new), of an image with a role.
    ///
    /// # Errors
    /// As there, and [`Error::Invalid`] for a texture of several samples a texel.
    pub(crate) fn of_role<R: ImageRole>(name: &str, desc: ImageDesc, most: Most) -> Result<Self> {
        let shape = Self::new(name, desc, R::FORMAT, most)?;
        if R::SAMPLED && shape.samples > 1 {
            return Err(Error::Invalid(format!(
                "image `{name}`: {} samples a texel; textures have 1: render to another image and resolve it to this one",
                shape.samples
            )));
        }
        Ok(Self { sampled: R::SAMPLED, ..shape })
    }

    pub(crate) fn aspect(&self) -> vk::ImageAspectFlags {
        match self.texel {
            Texel::Depth => vk::ImageAspectFlags::DEPTH,
            Texel::Color | Texel::Uint => vk::ImageAspectFlags::COLOR,
        }
    }

    /// Rendered to; of one sample a texel copied in and out of, and textures sampled, other pictures stored to; no more, as
    /// some devices compress images only if they are used for little.
    pub(crate) fn usage(&self) -> vk::ImageUsageFlags {
        let attachment = match self.texel {
            Texel::Depth => vk::ImageUsageFlags::DEPTH_STENCIL_ATTACHMENT,
            Texel::Color | Texel::Uint => vk::ImageUsageFlags::COLOR_ATTACHMENT,
        };
        if self.samples > 1 {
            return attachment;
        }
        let by_shaders = match (self.sampled, self.is_stored()) {
            (true, _) => vk::ImageUsageFlags::SAMPLED,
            (false, true) => vk::ImageUsageFlags::STORAGE,
            (false, false) => vk::ImageUsageFlags::empty(),
        };
        attachment | by_shaders | vk::ImageUsageFlags::TRANSFER_SRC | vk::ImageUsageFlags::TRANSFER_DST
    }

    /// Whether compute shaders can store to it: pictures, of one level and layer, that are not sampled.
    pub(crate) fn is_stored(&self) -> bool {
        self.format == STORED && !self.sampled && (self.levels, self.layers, self.samples) == (1, 1, 1)
    }

    /// A stored image is looked at in two formats, only one of which can be stored to.
    fn flags(&self) -> vk::ImageCreateFlags {
        match self.is_stored() {
            true => vk::ImageCreateFlags::MUTABLE_FORMAT | vk::ImageCreateFlags::EXTENDED_USAGE,
            false => vk::ImageCreateFlags::empty(),
        }
    }

    /// The format in which rendering to it writes its bytes as they are, without the transfer function of sRGB.
    pub(crate) fn encoded_format(&self) -> Option<vk::Format> {
        self.is_stored().then_some(STORED_AS)
    }

    /// What a view in the image's own format can be used for.
    pub(super) fn view_usage(&self) -> vk::ImageUsageFlags {
        self.usage() & !vk::ImageUsageFlags::STORAGE
    }

    /// Width and height of a level.
    pub(crate) fn extent_of(&self, level: u32) -> [u32; 2] {
        self.extent.map(|side| side.checked_shr(level).unwrap_or(0).max(1))
    }

    /// Bytes of a level's texels in `layers` layers, when packed in a buffer.
    pub(crate) fn packed_bytes(&self, level: u32, layers: u32) -> u64 {
        let [width, height] = self.extent_of(level).map(u64::from);
        // At most 2^32 x 2^32 texels: the product of the sides fits, those that follow may not.
        (width * height).saturating_mul(u64::from(self.texel_bytes)).saturating_mul(u64::from(layers))
    }

    /// The bytes of its texels, which are the least that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        let all = (0..self.levels).map(|level| self.packed_bytes(level, self.layers)).fold(0, u64::saturating_add);
        all.saturating_mul(u64::from(self.samples))
    }

    pub(crate) fn info(&self) -> vk::ImageCreateInfo<'static> {
        let [width, height] = self.extent;
        vk::ImageCreateInfo::default()
            .flags(self.flags())
            .image_type(vk::ImageType::TYPE_2D)
            .format(self.format)
            .extent(vk::Extent3D { width, height, depth: 1 })
            .mip_levels(self.levels)
            .array_layers(self.layers)
            .samples(self.sample_flag())
            .tiling(vk::ImageTiling::OPTIMAL)
            .usage(self.usage())
            .sharing_mode(vk::SharingMode::EXCLUSIVE)
            .initial_layout(vk::ImageLayout::UNDEFINED)
    }

    /// The number of samples, as Vulkan says it.
    pub(crate) fn sample_flag(&self) -> vk::SampleCountFlags {
        vk::SampleCountFlags::from_raw(self.samples)
    }

    /// Whether the device has images of this shape.
    ///
    /// # Errors
    /// [`Error::Invalid`] if it has not; else what the driver says.
    pub(crate) fn check_support(&self, device: &Device, name: &str) -> Result<()> {
        // SAFETY: the physical device is the one that the device was made from, on this instance.
        let answer = unsafe {
            device.instance.raw.get_physical_device_image_format_properties(
                device.physical,
                self.format,
                vk::ImageType::TYPE_2D,
                vk::ImageTiling::OPTIMAL,
                self.usage(),
                self.flags(),
            )
        };
        match answer {
            Ok(most) => self.check_within(name, &most),
            Err(vk::Result::ERROR_FORMAT_NOT_SUPPORTED) => Err(Error::Invalid(format!(
                "image `{name}`: this device cannot render to {:?}; choose another format",
                self.format
            ))),
            Err(result) => Err(Error::vulkan("vkGetPhysicalDeviceImageFormatProperties", result)),
        }
    }

    fn check_within(&self, name: &str, most: &vk::ImageFormatProperties) -> Result<()> {
        let ([width, height], format) = (self.extent, self.format);
        let sides = most.max_extent;
        if width > sides.width || height > sides.height {
            return Err(Error::Invalid(format!(
                "image `{name}`: {width} x {height} texels; this device has at most {} x {} in {format:?}",
                sides.width, sides.height
            )));
        }
        if self.levels > most.max_mip_levels || self.layers > most.max_array_layers {
            return Err(Error::Invalid(format!(
                "image `{name}`: {} levels and {} layers; this device has at most {} and {} in {format:?}",
                self.levels, self.layers, most.max_mip_levels, most.max_array_layers
            )));
        }
        if !most.sample_counts.contains(self.sample_flag()) {
            let (asked, counts) = (self.samples, most.sample_counts);
            return Err(Error::Invalid(format!(
                "image `{name}`: {asked} samples a texel; in {format:?} this device has {counts:?}"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{Depth, Ids, ImageRole, RenderTarget},
        *,
    };

    const SRGB: vk::Format = vk::Format::R8G8B8A8_SRGB;
    const MOST: Most = Most { side: 4096, layers: 256 };

    fn refusal(desc: ImageDesc) -> String {
        Shape::new("target", desc, SRGB, MOST).expect_err("it does not fit").to_string()
    }

    #[test]
    fn an_image_without_texels_is_refused() {
        for extent in [[0, 1], [1, 0], [0, 0]] {
            let error = refusal(ImageDesc::new(extent));
            assert!(error.contains("`target`"), "{error}");
        }
    }

    #[test]
    fn a_side_that_is_too_long_is_refused_with_the_limit() {
        assert!(Shape::new("target", ImageDesc::new([4096, 1]), SRGB, MOST).is_ok());
        for extent in [[4097, 1], [1, u32::MAX]] {
            let error = refusal(ImageDesc::new(extent));
            assert!(error.contains("4096"), "{error}");
        }
    }

    #[test]
    fn a_format_of_another_role_is_refused_with_those_that_fit() {
        let error = Shape::new("ids", ImageDesc::new([1, 1]).format(SRGB), Ids::FORMAT, MOST).expect_err("a colour");
        assert!(error.to_string().contains("R32_UINT"), "{error}");
        let stencil = ImageDesc::new([1, 1]).format(vk::Format::D24_UNORM_S8_UINT);
        assert!(Shape::new("depth", stencil, Depth::FORMAT, MOST).is_err());
    }

    #[test]
    fn every_role_has_a_format_that_fits_it() {
        fn fits<R: ImageRole>() {
            assert!(Shape::new("x", ImageDesc::new([1, 1]), R::FORMAT, MOST).is_ok());
        }
        fits::<RenderTarget>();
        fits::<Depth>();
        fits::<Ids>();
    }

    #[test]
    fn levels_go_down_to_a_single_texel_and_no_further() {
        let shape = Shape::new("x", ImageDesc::new([640, 3]).levels(10), SRGB, MOST).expect("a whole chain");
        assert_eq!([0, 1, 2, 9].map(|level| shape.extent_of(level)), [[640, 3], [320, 1], [160, 1], [1, 1]]);
        assert_eq!(shape.extent_of(u32::MAX), [1, 1]);
        for levels in [0, 11, u32::MAX] {
            let error = refusal(ImageDesc::new([640, 3]).levels(levels));
            assert!(error.contains("1 to 10"), "{error}");
        }
    }

    #[test]
    fn layers_are_refused_beyond_the_limit() {
        for layers in [0, 257] {
            let error = refusal(ImageDesc::new([1, 1]).layers(layers));
            assert!(error.contains("1 to 256"), "{error}");
        }
    }

    #[test]
    fn samples_are_a_power_of_two_and_of_one_level() {
        for samples in [0, 3, 128, u32::MAX] {
            let error = refusal(ImageDesc::new([8, 8]).samples(samples));
            assert!(error.contains(&samples.to_string()) && error.contains("up to 64"), "{error}");
        }
        assert!(refusal(ImageDesc::new([8, 8]).samples(4).levels(2)).contains("one level"));
        let shape = Shape::new("x", ImageDesc::new([4, 2]).samples(4), SRGB, MOST).expect("in range");
        assert_eq!((shape.bytes(), shape.sample_flag()), (4 * 2 * 4 * 4, vk::SampleCountFlags::TYPE_4));
        assert!(!shape.usage().contains(vk::ImageUsageFlags::TRANSFER_SRC), "nothing copies it");
    }

    #[test]
    fn bytes_are_those_of_all_levels_and_layers() {
        let shape = Shape::new("x", ImageDesc::new([4, 2]).levels(3).layers(5), SRGB, MOST).expect("in range");
        assert_eq!(shape.packed_bytes(1, 2), 2 * 4 * 2);
        assert_eq!(shape.bytes(), (8 + 2 + 1) * 4 * 5);
    }

    #[test]
    fn the_bytes_of_the_largest_image_do_not_overflow() {
        let desc = ImageDesc::new([u32::MAX; 2]).format(vk::Format::R32G32B32A32_SFLOAT).levels(32).layers(u32::MAX);
        let shape = Shape::new("x", desc, SRGB, Most { side: u32::MAX, layers: u32::MAX }).expect("in range");
        assert_eq!(shape.bytes(), u64::MAX);
    }
}
