//! Cubes packed for the GPU: 16 bytes each, in cells of neighbours, in Morton order.
//!
//! [`format`] says what lies in memory, [`order`] and [`curve`] which cubes are neighbours, [`cut`] where a cell ends,
//! [`pack`] makes the cells, [`store`] holds them on the GPU, [`refit`] packs them there when they have moved, [`packed`]
//! reads them back.

mod check;
mod curve;
mod cut;
mod format;
mod order;
mod pack;
mod packed;
mod refit;
mod stop;
mod store;
mod times;

pub(crate) use format::{
    BYTES_PER_CELL, LEAST_IN_CELL, MOST_CELLS, MOST_CHUNK_SHIFT, MOST_CHUNKS, PackedCube, device_bytes, most_cubes_in,
};
pub(crate) use pack::Packing;
pub(crate) use refit::{MOST_GROUPS, Refits};
pub use refit::{Refit, RefitSome};
pub(crate) use stop::Stop;
pub(crate) use store::CellStore;
pub use times::PackTimes;
