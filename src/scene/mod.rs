//! What there is to see, and from where: instances, scenes of cubes, a wave through them, cameras and a flight around them.
//!
//! [`grid()`], [`block()`], [`field()`], [`city()`] and [`terrain()`] are made as they are uploaded, each for any count; none of them lies
//! in host memory.
//!
//! Lengths are in world units, Y points up, and a camera that was not turned looks along −Z.

mod block;
mod camera;
mod city;
mod colors;
mod field;
#[cfg(feature = "files")]
pub mod files;
mod flight;
mod grid;
mod hash;
mod instances;
mod terrain;
#[cfg(test)]
mod testing;
mod wave;

pub use block::{Block, block};
pub use camera::Camera;
pub use city::{City, city};
pub use field::{Field, field};
pub use flight::Flight;
pub use grid::{Grid, grid};
pub use instances::{Bounds, Instance, InstanceSource};
pub use terrain::{Terrain, terrain};
pub use wave::{Wave, WaveAt};
