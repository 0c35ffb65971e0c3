//! The compiler against graphs that were worked out by hand, and against a slow checker on random ones.
//!
//! `dsl` describes graphs; `memory` is the checker's idea of Vulkan's memory model and `simulate` runs an instruction
//! stream on it; `properties` says what must hold of every plan. None of them shares code with the phases.

mod dsl;

mod bits;
mod cells;
mod legality;
mod memory;
mod properties;
mod reference;
mod simulate;
mod stream;

mod broken;
mod history;
mod random;
mod reasons;

mod access;
mod concurrent;
mod faults;
mod frames;
mod images;
mod named;
mod order;
mod queues;
mod regions;
mod transients;
