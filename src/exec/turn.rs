//! What happens in the order of commits.

use super::retire::Keep;

/// Called under the lock that orders all commits, when one was submitted: so whoever listens to several learns of them in
/// their order. It wakes no task. What it gives back is dropped once the lock is released: dropping that may wake one.
pub(crate) type Turn = Box<dyn FnOnce() -> Option<Keep> + Send>;
