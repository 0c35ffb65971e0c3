//! Draws cubes with the GPU's rasteriser: one indexed indirect draw for the whole visible list.

mod depth;
mod draw;
mod mesh;

pub use draw::{Draw, DrawWithIds, NO_ID, SKY};

pub(crate) use depth::DepthImages;
pub(crate) use mesh::{CubeMesh, INDICES};
