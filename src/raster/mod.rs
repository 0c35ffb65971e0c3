//! Draws cubes, with compute shaders or with the GPU's rasteriser: views do, of what they find visible.

mod compute;
mod hardware;
pub(crate) mod view;

pub use view::{DrawView, NO_ID, RasterPath, SKY, View, ViewCounts, ViewOptions};
