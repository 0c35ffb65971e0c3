//! Cubes packed for the GPU: 16 bytes each, in cells of neighbours, in Morton order.
//!
//! [`format`] says what lies in memory, [`order`] and [`curve`] which cubes are neighbours, [`cut`] where a cell ends,
//! [`pack`] makes the cells, [`store`] holds them on the GPU.

mod check;
mod curve;
mod cut;
mod format;
mod order;
mod pack;
mod stop;
mod store;

pub(crate) use format::PackedCube;
pub(crate) use pack::Packing;
pub(crate) use stop::Stop;
pub(crate) use store::CellStore;
