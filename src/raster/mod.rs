//! Draws cubes with the GPU's rasteriser: one indexed indirect draw for the whole visible list.

mod compute;
mod depth;
mod draw;
mod hardware;
mod mesh;
pub(crate) mod view;

pub use draw::{Draw, DrawWithIds};
pub use view::{DrawView, NO_ID, RasterPath, SKY, View, ViewCounts, ViewOptions};

pub(crate) use depth::DepthImages;
pub(crate) use mesh::{CubeMesh, INDICES};
