//! Cubes packed for the GPU: 16 bytes each, in cells of neighbours, in Morton order.
//!
//! `format` says what lies in memory, `order` which cubes go together, `pack` makes cells of them, `store` holds them on
//! the GPU.

mod format;
mod order;
mod pack;
mod store;

pub(crate) use format::PackedCube;
pub(crate) use pack::Packing;
pub(crate) use store::CellStore;
