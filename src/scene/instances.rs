//! One cube, and where many of them come from.

use glam::Vec3;

/// One cube: 20 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Instance {
    /// The centre, in world units.
    pub position: [f32; 3],
    /// Half the edge, in world units: positive.
    pub half_edge: f32,
    /// The colour as sRGB bytes, red in the lowest: `0xAABBGGRR`. Cubes are opaque, so A does nothing.
    pub color: u32,
}

impl Instance {
    /// A cube around `position`, `half_edge` to each side, in an sRGB colour of three channels in 0..=1; what is outside is
    /// clamped.
    #[must_use]
    pub fn new(position: Vec3, half_edge: f32, color: [f32; 3]) -> Self {
        // `as` saturates, and makes a NaN 0. (`round` is a call on most targets, and this is called a billion times.)
        let [r, g, b] = color.map(|channel| (channel * 255.0 + 0.5) as u8);
        Self { position: position.to_array(), half_edge, color: u32::from_le_bytes([r, g, b, u8::MAX]) }
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

    /// The smallest box around all of `cubes`; `None` if there are none.
    pub fn around<'a>(cubes: impl IntoIterator<Item = &'a Instance>) -> Option<Self> {
        let boxes = cubes.into_iter().map(|cube| {
            let center = Vec3::from_array(cube.position);
            Self { min: center - cube.half_edge, max: center + cube.half_edge }
        });
        boxes.reduce(Self::join)
    }

    /// The smallest box around both.
    pub(crate) fn join(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// A scene's cubes, made when they are asked for: a hundred million of them never lie in host memory at once.
///
/// A cube's index is its id, which is what picking and the lists of visible cubes give back. A `Vec<Instance>` is a source.
pub trait InstanceSource: Send + Sync + 'static {
    /// How many cubes there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A box that holds every cube, edges included. It may be larger than that takes.
    fn bounds(&self) -> Bounds;

    /// The cube `index`, the same whenever it is asked for.
    ///
    /// Called from several threads at once, in any order, a few times for each cube.
    fn instance(&self, index: usize) -> Instance;
}

impl InstanceSource for Vec<Instance> {
    fn len(&self) -> usize {
        self.len()
    }

    fn bounds(&self) -> Bounds {
        Bounds::around(self).unwrap_or(Bounds { min: Vec3::ZERO, max: Vec3::ZERO })
    }

    fn instance(&self, index: usize) -> Instance {
        self[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_twenty_bytes_with_red_in_the_lowest_of_its_colour() {
        assert_eq!(size_of::<Instance>(), 20);
        let red = Instance::new(Vec3::new(1.0, 2.0, 3.0), 0.5, [1.0, 0.0, 0.5]);
        assert_eq!(red, Instance { position: [1.0, 2.0, 3.0], half_edge: 0.5, color: 0xff80_00ff });
    }

    #[test]
    fn colours_outside_their_range_are_clamped() {
        assert_eq!(Instance::new(Vec3::ZERO, 1.0, [-1.0, 7.0, f32::NAN]).color, 0xff00_ff00);
    }

    #[test]
    fn a_vector_of_instances_is_a_source() {
        let cubes = vec![Instance::new(Vec3::splat(-1.0), 0.5, [0.0; 3]), Instance::new(Vec3::X * 4.0, 2.0, [0.0; 3])];
        let second = cubes[1];
        assert_eq!((InstanceSource::len(&cubes), cubes.instance(1)), (2, second));
        assert_eq!(cubes.bounds(), Bounds { min: Vec3::new(-1.5, -2.0, -2.0), max: Vec3::new(6.0, 2.0, 2.0) });
    }
}
