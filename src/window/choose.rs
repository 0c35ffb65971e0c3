//! What a swapchain is made of, out of what a surface offers: pure rules.

use ash::vk;
use vk::{CompositeAlphaFlagsKHR as Alpha, Format as F, PresentModeKHR as Mode, SurfaceTransformFlagsKHR as Transform};

use super::Vsync;
use crate::{
    error::{Error, Result},
    resource::{Texel, texel},
};

/// "the surface size will be determined by the extent of a swapchain targeting the surface"
const DECIDED_BY_SWAPCHAIN: u32 = u32::MAX;

/// What a surface says of itself.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) capabilities: vk::SurfaceCapabilitiesKHR,
    pub(super) formats: Vec<vk::SurfaceFormatKHR>,
    pub(super) modes: Vec<Mode>,
}

/// What a swapchain is to be made of. Two that are equal make the same swapchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) format: vk::SurfaceFormatKHR,
    pub(super) mode: Mode,
    pub(super) extent: [u32; 2],
    pub(super) images: u32,
    pub(super) alpha: Alpha,
    pub(super) transform: Transform,
}

impl Choice {
    /// `None` while the surface has no pixels. `size` is the window's, for surfaces that do not know their own; `format` is
    /// the caller's own wish.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the surface cannot be copied to, or has no format in which frames can be shown.
    pub(super) fn new(offer: &Offer, vsync: Vsync, size: [u32; 2], format: Option<F>) -> Result<Option<Self>> {
        let capabilities = &offer.capabilities;
        if !capabilities.supported_usage_flags.contains(vk::ImageUsageFlags::TRANSFER_DST) {
            return Err(Error::Invalid(
                "the images of this window's surface cannot be copied to; choose another device with VULKIO_DEVICE"
                    .into(),
            ));
        }
        let format = surface_format(&offer.formats, format)?;
        let mode = mode(&offer.modes, vsync);
        let Some(extent) = extent(capabilities, size) else { return Ok(None) };
        Ok(Some(Self {
            format,
            mode,
            extent,
            images: image_count(capabilities, mode),
            alpha: alpha(capabilities.supported_composite_alpha),
            transform: transform(capabilities),
        }))
    }
}

/// The formats in which frames are shown, the best first. A frame's target is `R8G8B8A8_SRGB`: the first takes its bytes as
/// they are.
const FORMATS: [F; 4] = [F::R8G8B8A8_SRGB, F::B8G8R8A8_SRGB, F::R8G8B8A8_UNORM, F::B8G8R8A8_UNORM];

/// The format to make images of: shown as sRGB, whether it says so or the bytes are so.
///
/// # Errors
/// [`Error::Invalid`] if there is none, or not the one `wanted`.
pub(super) fn surface_format(offered: &[vk::SurfaceFormatKHR], wanted: Option<F>) -> Result<vk::SurfaceFormatKHR> {
    let srgb = |format: &&vk::SurfaceFormatKHR| format.color_space == vk::ColorSpaceKHR::SRGB_NONLINEAR;
    let of = |format: F| offered.iter().filter(srgb).find(|offer| offer.format == format).copied();
    let found = match wanted {
        Some(format) => of(format).filter(|_| is_shown(format)),
        // Any other that holds fractions: more bits do no harm.
        None => FORMATS
            .into_iter()
            .find_map(of)
            .or_else(|| offered.iter().filter(srgb).find(|offer| is_shown(offer.format)).copied()),
    };
    found.ok_or_else(|| {
        let list: Vec<_> =
            offered.iter().map(|offer| format!("{:?} as {:?}", offer.format, offer.color_space)).collect();
        let wanted =
            wanted.map_or_else(|| "no format for frames".to_owned(), |format| format!("no {format:?} as sRGB"));
        Error::Invalid(format!("this window's surface has {wanted}; it has {}", list.join(", ")))
    })
}

/// Whether frames can be shown in a format: colours as fractions.
fn is_shown(format: F) -> bool {
    let is_float = matches!(
        format,
        F::R16_SFLOAT
            | F::R16G16_SFLOAT
            | F::R16G16B16A16_SFLOAT
            | F::R32_SFLOAT
            | F::R32G32_SFLOAT
            | F::R32G32B32A32_SFLOAT
            | F::B10G11R11_UFLOAT_PACK32
    );
    let few_channels = matches!(format, F::R8_UNORM | F::R8G8_UNORM);
    texel(format).is_some_and(|(texel, _)| texel == Texel::Color) && !is_float && !few_channels
}

/// How a frame's texels get into images of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Their bytes, as they are.
    Bytes,
    /// Converted as the formats say.
    Converted,
    /// Their bytes taken for plain numbers, and those converted: the surface shows numbers as sRGB, and its format does not
    /// know.
    AsNumbers,
}

/// How the texels of an `R8G8B8A8_SRGB` target of size `from` get into an image of size `to`.
pub(super) fn path(format: F, from: [u32; 2], to: [u32; 2]) -> Path {
    match format {
        F::R8G8B8A8_SRGB | F::R8G8B8A8_UNORM if from == to => Path::Bytes,
        F::R8G8B8A8_SRGB | F::B8G8R8A8_SRGB => Path::Converted,
        _ => Path::AsNumbers,
    }
}

/// The mode for a wish, or what comes closest to it: `FIFO` is always there.
pub(super) fn mode(offered: &[Mode], vsync: Vsync) -> Mode {
    let by_preference: &[Mode] = match vsync {
        Vsync::On => &[],
        Vsync::Relaxed => &[Mode::FIFO_RELAXED],
        Vsync::Mailbox => &[Mode::MAILBOX],
        Vsync::Off => &[Mode::IMMEDIATE, Mode::MAILBOX],
    };
    by_preference.iter().copied().find(|mode| offered.contains(mode)).unwrap_or(Mode::FIFO)
}

/// Whether a mode is what was wished for.
pub(super) fn is_as_wished(mode: Mode, vsync: Vsync) -> bool {
    let wish = match vsync {
        Vsync::On => Mode::FIFO,
        Vsync::Relaxed => Mode::FIFO_RELAXED,
        Vsync::Mailbox => Mode::MAILBOX,
        Vsync::Off => Mode::IMMEDIATE,
    };
    mode == wish
}

/// The surface's own size, or the window's within its bounds; `None` if it has no pixels.
fn extent(capabilities: &vk::SurfaceCapabilitiesKHR, size: [u32; 2]) -> Option<[u32; 2]> {
    let own = capabilities.current_extent;
    let (least, most) = (capabilities.min_image_extent, capabilities.max_image_extent);
    // Both or neither; and a surface that says only one of them knows no size either.
    let extent = if own.width == DECIDED_BY_SWAPCHAIN || own.height == DECIDED_BY_SWAPCHAIN {
        if size.contains(&0) {
            return None;
        }
        [size[0].max(least.width).min(most.width), size[1].max(least.height).min(most.height)]
    } else {
        [own.width, own.height]
    };
    (!extent.contains(&0)).then_some(extent)
}

/// One more than the least, so that there is one to copy to while the others are shown or wait; for a mailbox one to be
/// shown, one that waits, and one to replace that.
fn image_count(capabilities: &vk::SurfaceCapabilitiesKHR, mode: Mode) -> u32 {
    let least = capabilities.min_image_count;
    let wanted = if mode == Mode::MAILBOX { (least + 1).max(3) } else { least + 1 };
    match capabilities.max_image_count {
        0 => wanted, // no limit
        most => wanted.min(most),
    }
}

/// Frames hide what is behind their window, where that can be said.
fn alpha(offered: Alpha) -> Alpha {
    let by_preference = [Alpha::OPAQUE, Alpha::INHERIT, Alpha::PRE_MULTIPLIED, Alpha::POST_MULTIPLIED];
    by_preference.into_iter().find(|&alpha| offered.contains(alpha)).unwrap_or(Alpha::OPAQUE)
}

/// Frames are drawn upright: where the display is turned, the presentation engine turns them.
fn transform(capabilities: &vk::SurfaceCapabilitiesKHR) -> Transform {
    match capabilities.supported_transforms.contains(Transform::IDENTITY) {
        true => Transform::IDENTITY,
        false => capabilities.current_transform,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SRGB: vk::ColorSpaceKHR = vk::ColorSpaceKHR::SRGB_NONLINEAR;

    fn format(format: F) -> vk::SurfaceFormatKHR {
        vk::SurfaceFormatKHR { format, color_space: SRGB }
    }

    fn offer() -> Offer {
        let side = |side| vk::Extent2D { width: side, height: side };
        let capabilities = vk::SurfaceCapabilitiesKHR {
            min_image_count: 2,
            max_image_count: 0,
            current_extent: vk::Extent2D { width: 640, height: 480 },
            min_image_extent: side(1),
            max_image_extent: side(4096),
            supported_usage_flags: vk::ImageUsageFlags::TRANSFER_DST | vk::ImageUsageFlags::COLOR_ATTACHMENT,
            supported_composite_alpha: Alpha::OPAQUE | Alpha::INHERIT,
            supported_transforms: Transform::IDENTITY | Transform::ROTATE_90,
            current_transform: Transform::ROTATE_90,
            ..Default::default()
        };
        let formats = vec![format(F::B8G8R8A8_UNORM), format(F::B8G8R8A8_SRGB)];
        Offer { capabilities, formats, modes: vec![Mode::FIFO] }
    }

    fn choice(offer: &Offer, vsync: Vsync, size: [u32; 2]) -> Option<Choice> {
        Choice::new(offer, vsync, size, None).expect("a choice")
    }

    #[test]
    fn a_format_that_stores_srgb_comes_first() {
        let chosen = |formats: &[F]| {
            let offered: Vec<_> = formats.iter().copied().map(format).collect();
            surface_format(&offered, None).expect("one of them").format
        };
        assert_eq!(chosen(&[F::B8G8R8A8_UNORM, F::B8G8R8A8_SRGB]), F::B8G8R8A8_SRGB);
        assert_eq!(chosen(&[F::B8G8R8A8_SRGB, F::R8G8B8A8_SRGB]), F::R8G8B8A8_SRGB, "its bytes are copied as they are");
        assert_eq!(chosen(&[F::B8G8R8A8_UNORM, F::R8G8B8A8_UNORM]), F::R8G8B8A8_UNORM);
        assert_eq!(chosen(&[F::R16G16B16A16_SFLOAT, F::A2B10G10R10_UNORM_PACK32]), F::A2B10G10R10_UNORM_PACK32);
    }

    #[test]
    fn a_surface_without_a_format_for_frames_is_refused_with_what_it_has() {
        let hdr = vk::SurfaceFormatKHR { format: F::B8G8R8A8_SRGB, color_space: vk::ColorSpaceKHR::HDR10_ST2084_EXT };
        for offered in [&[][..], &[hdr], &[format(F::R16G16B16A16_SFLOAT)]] {
            let error = surface_format(offered, None).unwrap_err().to_string();
            assert!(offered.iter().all(|offer| error.contains(&format!("{:?}", offer.format))), "{error}");
        }
    }

    #[test]
    fn a_format_that_was_asked_for_is_not_replaced() {
        let offered = [format(F::B8G8R8A8_SRGB), format(F::B8G8R8A8_UNORM)];
        assert_eq!(surface_format(&offered, Some(F::B8G8R8A8_UNORM)).unwrap().format, F::B8G8R8A8_UNORM);
        let error = surface_format(&offered, Some(F::R8G8B8A8_SRGB)).unwrap_err().to_string();
        assert!(error.contains("R8G8B8A8_SRGB") && error.contains("B8G8R8A8_UNORM"), "{error}");
    }

    #[test]
    fn texels_get_into_every_format_with_their_colours_right() {
        let (size, other) = ([8, 8], [9, 8]);
        assert_eq!(path(F::R8G8B8A8_SRGB, size, size), Path::Bytes);
        assert_eq!(path(F::R8G8B8A8_SRGB, size, other), Path::Converted, "a copy does not scale");
        assert_eq!(path(F::B8G8R8A8_SRGB, size, size), Path::Converted, "a copy does not swap channels");
        // A blit to UNORM would store light where the display expects sRGB: too dark.
        assert_eq!(path(F::R8G8B8A8_UNORM, size, size), Path::Bytes);
        assert_eq!(path(F::R8G8B8A8_UNORM, size, other), Path::AsNumbers);
        assert_eq!(path(F::B8G8R8A8_UNORM, size, size), Path::AsNumbers);
        assert_eq!(path(F::A2B10G10R10_UNORM_PACK32, size, size), Path::AsNumbers);
    }

    #[test]
    fn a_mode_that_is_missing_is_replaced_by_the_closest_there_is() {
        let all = [Mode::FIFO, Mode::FIFO_RELAXED, Mode::MAILBOX, Mode::IMMEDIATE];
        let wishes = [Vsync::On, Vsync::Relaxed, Vsync::Mailbox, Vsync::Off];
        let fulfilled = [Mode::FIFO, Mode::FIFO_RELAXED, Mode::MAILBOX, Mode::IMMEDIATE];
        assert_eq!(wishes.map(|vsync| mode(&all, vsync)), fulfilled);
        assert!(wishes.into_iter().all(|vsync| is_as_wished(mode(&all, vsync), vsync)));
        assert_eq!(wishes.map(|vsync| mode(&[Mode::FIFO], vsync)), [Mode::FIFO; 4]);
        assert_eq!(mode(&[Mode::FIFO, Mode::MAILBOX], Vsync::Off), Mode::MAILBOX, "it does not wait either");
        assert!(!is_as_wished(Mode::MAILBOX, Vsync::Off));
    }

    #[test]
    fn the_surface_decides_its_size_or_the_window_does_within_bounds() {
        let mut offer = offer();
        assert_eq!(choice(&offer, Vsync::On, [1, 1]).unwrap().extent, [640, 480]);
        offer.capabilities.current_extent = vk::Extent2D { width: u32::MAX, height: u32::MAX };
        assert_eq!(choice(&offer, Vsync::On, [800, 600]).unwrap().extent, [800, 600]);
        assert_eq!(choice(&offer, Vsync::On, [5000, 1]).unwrap().extent, [4096, 1]);
        offer.capabilities.min_image_extent = vk::Extent2D { width: 16, height: 16 };
        assert_eq!(choice(&offer, Vsync::On, [3, 100]).unwrap().extent, [16, 100]);
        assert_eq!(choice(&offer, Vsync::On, [0, 100]), None);
    }

    #[test]
    fn a_minimised_window_has_no_swapchain() {
        let mut offer = offer();
        offer.capabilities.current_extent = vk::Extent2D { width: 0, height: 480 };
        assert_eq!(choice(&offer, Vsync::On, [640, 480]), None);
        // "maxImageExtent" of zero says the same.
        offer.capabilities.current_extent = vk::Extent2D { width: u32::MAX, height: u32::MAX };
        offer.capabilities.max_image_extent = vk::Extent2D { width: 0, height: 0 };
        assert_eq!(choice(&offer, Vsync::On, [640, 480]), None);
    }

    #[test]
    fn there_is_one_image_more_than_must_be_and_never_too_many() {
        let mut offer = offer();
        let images = |offer: &Offer, vsync| choice(offer, vsync, [1, 1]).unwrap().images;
        assert_eq!(images(&offer, Vsync::On), 3);
        offer.capabilities.max_image_count = 2;
        assert_eq!(images(&offer, Vsync::On), 2);
        offer.capabilities =
            vk::SurfaceCapabilitiesKHR { min_image_count: 1, max_image_count: 8, ..offer.capabilities };
        offer.modes.push(Mode::MAILBOX);
        assert_eq!([images(&offer, Vsync::On), images(&offer, Vsync::Mailbox)], [2, 3]);
    }

    #[test]
    fn windows_are_opaque_and_upright_where_that_can_be_said() {
        let mut offer = offer();
        let made = choice(&offer, Vsync::On, [1, 1]).unwrap();
        assert_eq!((made.alpha, made.transform), (Alpha::OPAQUE, Transform::IDENTITY));
        offer.capabilities.supported_composite_alpha = Alpha::POST_MULTIPLIED | Alpha::INHERIT;
        offer.capabilities.supported_transforms = Transform::ROTATE_90;
        let made = choice(&offer, Vsync::On, [1, 1]).unwrap();
        assert_eq!((made.alpha, made.transform), (Alpha::INHERIT, Transform::ROTATE_90));
    }

    #[test]
    fn a_surface_that_cannot_be_copied_to_is_refused() {
        let mut offer = offer();
        offer.capabilities.supported_usage_flags = vk::ImageUsageFlags::COLOR_ATTACHMENT;
        let error = Choice::new(&offer, Vsync::On, [1, 1], None).unwrap_err().to_string();
        assert!(error.contains("VULKIO_DEVICE"), "{error}");
    }
}
