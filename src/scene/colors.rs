//! Colours of the scenes: gradients, and the small differences between neighbours that let single cubes be seen.

use glam::Vec3;

/// An sRGB colour from its usual hexadecimal form, `0xRRGGBB`.
pub(super) const fn rgb(hex: u32) -> Vec3 {
    Vec3::new(((hex >> 16) & 0xff) as f32 / 255.0, ((hex >> 8) & 0xff) as f32 / 255.0, (hex & 0xff) as f32 / 255.0)
}

/// The colour at `t` of 0..=1 along evenly spaced stops.
pub(super) fn gradient(stops: &[Vec3], t: f32) -> Vec3 {
    let along = t.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    let stop = (along as usize).min(stops.len() - 2);
    stops[stop].lerp(stops[stop + 1], along - stop as f32)
}

/// The same colour somewhat darker or lighter, by up to `amount`; `unit` of 0..1 chooses.
pub(super) fn varied(color: Vec3, unit: f32, amount: f32) -> Vec3 {
    color * (1.0 + (unit - 0.5) * 2.0 * amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gradient_begins_and_ends_with_its_stops() {
        let stops = [rgb(0xff0000), rgb(0x00ff00), rgb(0x0000ff)];
        assert_eq!([0.0, 0.5, 1.0].map(|t| gradient(&stops, t)), stops);
        assert_eq!(gradient(&stops, 7.0), stops[2]);
        assert_eq!(gradient(&stops, 0.25), Vec3::new(0.5, 0.5, 0.0));
    }
}
