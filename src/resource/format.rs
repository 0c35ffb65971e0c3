//! The image formats that vulkio renders to: how large a texel is and what kind of number a clear writes.

use ash::vk;
use vk::Format as F;

/// What a texel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Texel {
    /// Colours as fractions or floats.
    Color,
    /// Unsigned integers.
    Uint,
    /// A depth and nothing else.
    Depth,
}

/// Each format, its texel, and the bytes of one.
const FORMATS: [(F, Texel, u32); 19] = [
    (F::R8G8B8A8_SRGB, Texel::Color, 4),
    (F::R8G8B8A8_UNORM, Texel::Color, 4),
    (F::B8G8R8A8_SRGB, Texel::Color, 4),
    (F::B8G8R8A8_UNORM, Texel::Color, 4),
    (F::A2B10G10R10_UNORM_PACK32, Texel::Color, 4),
    (F::B10G11R11_UFLOAT_PACK32, Texel::Color, 4),
    (F::R8_UNORM, Texel::Color, 1),
    (F::R8G8_UNORM, Texel::Color, 2),
    (F::R16_SFLOAT, Texel::Color, 2),
    (F::R16G16_SFLOAT, Texel::Color, 4),
    (F::R16G16B16A16_SFLOAT, Texel::Color, 8),
    (F::R32_SFLOAT, Texel::Color, 4),
    (F::R32G32_SFLOAT, Texel::Color, 8),
    (F::R32G32B32A32_SFLOAT, Texel::Color, 16),
    (F::R32_UINT, Texel::Uint, 4),
    (F::R32G32_UINT, Texel::Uint, 8),
    (F::R32G32B32A32_UINT, Texel::Uint, 16),
    (F::D16_UNORM, Texel::Depth, 2),
    (F::D32_SFLOAT, Texel::Depth, 4),
];

/// The kind and the bytes of a texel, or `None` for a format that is not in use here.
pub(crate) fn texel(format: vk::Format) -> Option<(Texel, u32)> {
    FORMATS.iter().find(|entry| entry.0 == format).map(|&(_, texel, bytes)| (texel, bytes))
}

/// The formats whose texels are of the same kind as those of `format`, itself included.
pub(crate) fn like(format: vk::Format) -> Vec<vk::Format> {
    let kind = texel(format).map(|(kind, _)| kind);
    FORMATS.iter().filter(|entry| Some(entry.1) == kind).map(|entry| entry.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_is_there_once() {
        for (i, (format, ..)) in FORMATS.iter().enumerate() {
            assert!(FORMATS[..i].iter().all(|other| other.0 != *format), "{format:?}");
        }
    }

    #[test]
    fn formats_of_one_kind_are_alike() {
        assert_eq!(like(F::D32_SFLOAT), [F::D16_UNORM, F::D32_SFLOAT]);
        assert!(like(F::R8G8B8A8_SRGB).contains(&F::R16G16B16A16_SFLOAT));
    }

    #[test]
    fn a_format_with_stencil_is_unknown() {
        assert_eq!(texel(vk::Format::D24_UNORM_S8_UINT), None);
        assert_eq!(like(vk::Format::D32_SFLOAT_S8_UINT), []);
    }
}
