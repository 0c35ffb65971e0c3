//! Draws cubes with compute shaders, into a buffer of depths and words.

mod draw;

pub(crate) use draw::{Painter, Phase, TILE_WORDS};
