//! The cube that every instance is: its indices and its pipelines. The vertices are in cube.vert.

use std::ops::Range;

use ash::vk;
use futures::future::try_join3;

use crate::{
    Gpu,
    error::Result,
    pipeline::{GraphicsDesc, GraphicsPipeline},
    resource::GpuBuffer,
};

const VERTEX: &[u8] = include_bytes!("../../shaders/spv/cube.vert.spv");
const FRAGMENT: &[u8] = include_bytes!("../../shaders/spv/cube.frag.spv");
const FRAGMENT_IDS: &[u8] = include_bytes!("../../shaders/spv/cube_ids.frag.spv");

pub(super) const COLOR: vk::Format = vk::Format::R8G8B8A8_SRGB;
const IDS: vk::Format = vk::Format::R32_UINT;
const DEPTH: vk::Format = vk::Format::D32_SFLOAT;

/// The indices of one cube: two triangles for each of six faces.
pub(crate) const INDICES: Range<u32> = 0..36;

/// What drawing cubes takes besides their instances.
pub(crate) struct CubeMesh {
    pub(crate) indices: GpuBuffer<u16>,
    pub(crate) color: GraphicsPipeline,
    pub(crate) color_and_ids: GraphicsPipeline,
}

impl CubeMesh {
    pub(crate) async fn new(gpu: &Gpu) -> Result<Self> {
        let indices = gpu.buffer::<u16>("cube.indices", INDICES.len())?;
        let desc = |name, fragment| {
            GraphicsDesc::new(name, VERTEX, fragment).color(COLOR).depth(DEPTH).cull(vk::CullModeFlags::BACK)
        };
        let upload = gpu.upload(&indices, 0, face_indices().collect::<Vec<_>>());
        let color = gpu.graphics_pipeline(desc("cube", FRAGMENT));
        let ids = gpu.graphics_pipeline(desc("cube.ids", FRAGMENT_IDS).color(IDS));
        let (color, color_and_ids, _submitted) = try_join3(color, ids, upload).await?;
        Ok(Self { indices, color, color_and_ids })
    }
}

/// Each face is the fan of its four vertices, counter-clockwise as seen from outside.
fn face_indices() -> impl Iterator<Item = u16> {
    (0..6).flat_map(|face| [0, 1, 2, 0, 2, 3].map(|corner| face * 4 + corner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    /// What cube.vert makes of a vertex index.
    fn vertex(index: u16) -> (Vec3, Vec3) {
        let (face, corner) = (index >> 2, index & 3);
        let axis = usize::from(face >> 1);
        let side = if face & 1 == 0 { 1.0 } else { -1.0 };
        let mut offset = Vec3::ZERO;
        offset[axis] = side;
        offset[(axis + 1) % 3] = if corner == 1 || corner == 2 { side } else { -side };
        offset[(axis + 2) % 3] = if corner >= 2 { 1.0 } else { -1.0 };
        let mut normal = Vec3::ZERO;
        normal[axis] = side;
        (offset, normal)
    }

    #[test]
    fn every_triangle_turns_counter_clockwise_around_its_outward_normal() {
        let indices: Vec<u16> = face_indices().collect();
        assert_eq!(indices.len(), INDICES.len());
        for triangle in indices.chunks(3) {
            let [(a, normal), (b, _), (c, _)] = [0, 1, 2].map(|i| vertex(triangle[i]));
            assert_eq!((b - a).cross(c - a).normalize(), normal, "{triangle:?}");
            assert_eq!(a.dot(normal), 1.0);
        }
    }

    #[test]
    fn the_triangles_cover_the_whole_cube() {
        let indices: Vec<u16> = face_indices().collect();
        let area: f32 = indices
            .chunks(3)
            .map(|t| {
                let [a, b, c] = [0, 1, 2].map(|i| vertex(t[i]).0);
                (b - a).cross(c - a).length() * 0.5
            })
            .sum();
        assert_eq!(area, 24.0);
    }
}
