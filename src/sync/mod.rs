//! GPU completion as futures: timelines, stamps, the reactor and its table of waiters.

mod completion;
pub(crate) mod prim;
mod reactor;
mod stamp;
mod table;
mod timelines;
mod timers;

#[cfg(test)]
mod tests;

pub use completion::{Completion, WaitFor};
pub(crate) use reactor::{Hub, Reactor, Retire};
pub use stamp::Stamp;
pub(crate) use table::Ring;
pub(crate) use timelines::DeviceTimelines;
