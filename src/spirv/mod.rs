//! Reading SPIR-V: what a module declares, and what it takes from outside.

mod interface;
mod module;

pub(crate) use interface::{Number, NumberKind, push_constants};
pub(crate) use module::{Id, Instruction, Module, Step};
