//! Samples of a texel: how many a device has.

use std::sync::Once;

use ash::vk;

use crate::{
    gpu::{Gpu, device::Device},
    resource::format::{self, Texel},
};

impl Gpu {
    /// The most samples a texel, up to those `asked` for, that images of all of these formats can have together as
    /// attachments: a power of two. Where they are fewer, that is said once.
    ///
    /// ```no_run
    /// # use vulkio::{Gpu, ImageDesc, RenderTarget, ash::vk};
    /// # fn example(gpu: &Gpu) -> vulkio::Result<()> {
    /// let samples = gpu.clamp_samples(8, &[vk::Format::R8G8B8A8_SRGB, vk::Format::D32_SFLOAT]);
    /// let smooth = gpu.image_with::<RenderTarget>("smooth", ImageDesc::new([640, 480]).samples(samples))?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn clamp_samples(&self, asked: u32, formats: &[vk::Format]) -> u32 {
        let limits = &self.info().limits;
        let counts = sample_counts(&self.shared.device, formats)
            & limits.framebuffer_color_sample_counts
            & limits.framebuffer_depth_sample_counts;
        let count = largest(counts, asked);
        if count < asked {
            static SAID: Once = Once::new();
            let device = &self.info().name;
            SAID.call_once(|| {
                tracing::warn!("{device} has {count} samples a pixel for {formats:?}, where {asked} are asked for")
            });
        }
        count
    }
}

fn largest(counts: vk::SampleCountFlags, asked: u32) -> u32 {
    let fitting = (0..=6).map(|power| 1 << power).filter(|&count| count <= asked);
    fitting.filter(|&count| counts.contains(vk::SampleCountFlags::from_raw(count))).max().unwrap_or(1)
}

/// The numbers of samples that a device has for attachments of all of `formats`.
fn sample_counts(device: &Device, formats: &[vk::Format]) -> vk::SampleCountFlags {
    let of = |&format: &vk::Format| {
        let usage = match format::texel(format) {
            Some((Texel::Depth, _)) => vk::ImageUsageFlags::DEPTH_STENCIL_ATTACHMENT,
            _ => vk::ImageUsageFlags::COLOR_ATTACHMENT,
        };
        // SAFETY: the physical device is the one that the device was made from, on this instance.
        let answer = unsafe {
            device.instance.raw.get_physical_device_image_format_properties(
                device.physical,
                format,
                vk::ImageType::TYPE_2D,
                vk::ImageTiling::OPTIMAL,
                usage,
                vk::ImageCreateFlags::empty(),
            )
        };
        answer.map_or(vk::SampleCountFlags::TYPE_1, |most| most.sample_counts)
    };
    formats.iter().map(of).reduce(|one, other| one & other).unwrap_or(vk::SampleCountFlags::TYPE_1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_samples_that_a_device_has_the_most_up_to_those_asked_for_are_taken() {
        let (one, four) = (vk::SampleCountFlags::TYPE_1, vk::SampleCountFlags::TYPE_4);
        assert_eq!([1, 2, 4, 8].map(|asked| largest(one | four, asked)), [1, 1, 4, 4]);
        assert_eq!([1, 8].map(|asked| largest(one, asked)), [1, 1]);
        assert_eq!(largest(one | four | vk::SampleCountFlags::TYPE_8, 8), 8);
    }
}
