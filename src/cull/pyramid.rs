//! The depth pyramid: the farthest depth in ever larger squares of pixels, so that one look tells whether a box is hidden.
//!
//! N. Greene, M. Kass, G. Miller: Hierarchical Z-buffer visibility (SIGGRAPH 1993).

use crate::{Gpu, error::Result, resource::GpuBuffer};

/// pyramid.glsl has as many offsets: enough for pictures of 65,536 pixels a side.
const MOST_LEVELS: usize = 16;
/// The offsets, and how many workgroups are through.
const HEADER: usize = MOST_LEVELS + 1;
/// Pixels to a side of what one workgroup makes.
const TILE: u32 = 64;

/// The pyramid of a view. A texel of level 0 stands for 2 × 2 pixels.
pub(crate) struct Pyramid {
    pub(crate) buffer: GpuBuffer<u32>,
    pub(crate) levels: u32,
    pub(crate) groups: [u32; 3],
}

impl Pyramid {
    pub(crate) async fn new(gpu: &Gpu, size: [u32; 2]) -> Result<Self> {
        let (firsts, texels) = layout(size);
        let buffer = gpu.buffer::<u32>("view.pyramid", HEADER + texels as usize)?;
        let mut header = firsts.clone();
        header.resize(HEADER, 0);
        gpu.upload(&buffer, 0, header).await?;
        let groups = [size[0].div_ceil(TILE), size[1].div_ceil(TILE), 1];
        Ok(Self { buffer, levels: firsts.len() as u32, groups })
    }
}

/// Where each level begins, and how many texels all have. The last level is one texel.
fn layout(size: [u32; 2]) -> (Vec<u32>, u32) {
    let (mut firsts, mut texels) = (Vec::new(), 0);
    for level in 0.. {
        firsts.push(texels);
        let sides = size.map(|side| ((side - 1) >> (level + 1)) + 1);
        texels += sides[0] * sides[1];
        if sides == [1, 1] {
            break;
        }
    }
    (firsts, texels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_halve_and_the_last_is_one_texel() {
        assert_eq!(layout([1, 1]), (vec![0], 1));
        assert_eq!(layout([2, 3]), (vec![0, 2], 3));
        // 960 × 540, 480 × 270, 240 × 135, 120 × 68, 60 × 34, 30 × 17, 15 × 9, 8 × 5, 4 × 3, 2 × 2, 1 × 1
        let (firsts, texels) = layout([1919, 1079]);
        assert_eq!((firsts.len(), firsts[1], texels), (11, 518_400, 691_302));
        assert!(layout([16_384, 16_384]).0.len() <= MOST_LEVELS);
    }
}
