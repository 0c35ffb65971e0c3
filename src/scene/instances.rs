//! One cube in 16 bytes, and where many of them come from.

use std::ops::Range;

use glam::Vec3;

/// One cube, as the GPU reads it: 16 bytes. Its half edge is the whole scene's, see [`InstanceSource::half_edge`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Instance {
    /// The centre, in world units.
    pub position: [f32; 3],
    /// The colour as sRGB bytes, red in the lowest: `0xAABBGGRR`. Cubes are opaque, so A does nothing.
    pub color: u32,
}

impl Instance {
    /// A cube around `position` in an sRGB colour of three channels in 0..=1; what is outside is clamped.
    #[must_use]
    pub fn new(position: Vec3, color: [f32; 3]) -> Self {
        // `as` saturates, and makes a NaN 0.
        let [r, g, b] = color.map(|channel| (channel * 255.0).round() as u8);
        Self { position: position.to_array(), color: u32::from_le_bytes([r, g, b, u8::MAX]) }
    }
}

/// An axis-aligned box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The corner with the smallest coordinates.
    pub min: Vec3,
    /// The corner with the largest coordinates.
    pub max: Vec3,
}

impl Bounds {
    /// The middle.
    #[must_use]
    pub fn center(&self) -> Vec3 {
        (self.min + self.max) * 0.5
    }

    /// Half the edges.
    #[must_use]
    pub fn half_extent(&self) -> Vec3 {
        (self.max - self.min) * 0.5
    }

    /// The smallest box around all of `positions`, grown by `margin` on every side; `None` if there are none.
    pub fn around(positions: impl IntoIterator<Item = Vec3>, margin: f32) -> Option<Self> {
        let mut positions = positions.into_iter();
        let first = positions.next()?;
        let (min, max) = positions.fold((first, first), |(min, max), p| (min.min(p), max.max(p)));
        Some(Self { min: min - margin, max: max + margin })
    }
}

/// A scene's cubes, made when they are asked for: a hundred million of them never lie in host memory at once.
///
/// A `Vec<Instance>` with a half edge is a source too: `(0.5, vec)`.
pub trait InstanceSource: Send + Sync + 'static {
    /// How many cubes there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Half the edge of every cube, in world units.
    fn half_edge(&self) -> f32;

    /// A box that holds every cube, edges included.
    fn bounds(&self) -> Bounds;

    /// Writes the cubes `range` into `out`, which is as long as the range.
    ///
    /// Called for disjoint ranges, from several threads at once and in any order.
    fn fill(&self, range: Range<usize>, out: &mut [Instance]);
}

impl InstanceSource for (f32, Vec<Instance>) {
    fn len(&self) -> usize {
        self.1.len()
    }

    fn half_edge(&self) -> f32 {
        self.0
    }

    fn bounds(&self) -> Bounds {
        let positions = self.1.iter().map(|instance| Vec3::from_array(instance.position));
        Bounds::around(positions, self.0).unwrap_or(Bounds { min: Vec3::ZERO, max: Vec3::ZERO })
    }

    fn fill(&self, range: Range<usize>, out: &mut [Instance]) {
        out.copy_from_slice(&self.1[range]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_sixteen_bytes_with_red_in_the_lowest_of_its_colour() {
        assert_eq!(size_of::<Instance>(), 16);
        let red = Instance::new(Vec3::new(1.0, 2.0, 3.0), [1.0, 0.0, 0.5]);
        assert_eq!(red, Instance { position: [1.0, 2.0, 3.0], color: 0xff80_00ff });
    }

    #[test]
    fn colours_outside_their_range_are_clamped() {
        assert_eq!(Instance::new(Vec3::ZERO, [-1.0, 7.0, f32::NAN]).color, 0xff00_ff00);
    }

    #[test]
    fn a_vector_of_instances_is_a_source() {
        let cubes = vec![Instance::new(Vec3::splat(-1.0), [0.0; 3]), Instance::new(Vec3::X * 4.0, [0.0; 3])];
        let source = (0.5, cubes.clone());
        let mut out = [Instance::default(); 1];
        source.fill(1..2, &mut out);
        assert_eq!((source.len(), out[0]), (2, cubes[1]));
        assert_eq!(source.bounds(), Bounds { min: Vec3::splat(-1.5), max: Vec3::new(4.5, 0.5, 0.5) });
    }
}
