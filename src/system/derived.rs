//! What the derives' output is made of. No API: it changes with them.

pub use std::any::TypeId;

pub use super::EachGuard;
pub use futures::future::BoxFuture;
