//! Which cubes and cells a camera sees: the flat list of cubes, and the test of cells against the frustum and what is drawn.

mod cubes;
mod flat;
mod frustum;
mod limits;
mod occlusion;
mod pyramid;
mod subgroups;
mod systems;

pub use cubes::Cubes;
pub use systems::{Cull, ResetArgs};

pub(crate) use occlusion::Occlusion;
pub(crate) use pyramid::Pyramid;
