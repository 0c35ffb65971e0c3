//! Draws cubes with the GPU's rasteriser: one indexed indirect draw for the whole visible list.

mod depth;
mod draw;
#[cfg_attr(not(test), expect(dead_code, reason = "views are to draw with it"))]
mod hardware;
mod mesh;

pub use draw::{Draw, DrawWithIds, NO_ID, SKY};

pub(crate) use depth::DepthImages;
pub(crate) use mesh::{CubeMesh, INDICES};
