//! Draws cubes with the GPU's rasteriser: one indexed indirect draw for the whole visible list.

mod compute;
mod depth;
mod draw;
#[cfg_attr(not(test), expect(dead_code, reason = "views are to draw with it"))]
mod hardware;
mod mesh;
pub(crate) mod view;

pub use draw::{Draw, DrawWithIds};
pub use view::{DrawView, NO_ID, RasterPath, SKY, View, ViewCounts, ViewOptions};

pub(crate) use depth::DepthImages;
pub(crate) use mesh::{CubeMesh, INDICES};
