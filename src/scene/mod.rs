//! What there is to see, and from where: instances, the grid of cubes, cameras and a flight around them.
//!
//! Lengths are in world units, Y points up, and a camera that was not turned looks along −Z.

mod camera;
mod flight;
mod grid;
mod instances;

pub use camera::Camera;
pub use flight::Flight;
pub use grid::{Grid, grid};
pub use instances::{Bounds, Instance, InstanceSource};
