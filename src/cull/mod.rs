//! Which cubes a camera sees: a compute pass that writes the list of visible cubes and the draw's arguments.

mod cubes;
mod flat;
mod frustum;
mod limits;
mod occlusion;
mod pyramid;
mod systems;

pub use cubes::Cubes;
pub use systems::{Cull, ResetArgs};

pub(crate) use occlusion::Occlusion;
pub(crate) use pyramid::Pyramid;
