//! A point on a queue's timeline.

use crate::gpu::QueueId;

/// A point on a queue's timeline semaphore: reached when all work submitted up to it is complete.
///
/// Values of one queue only grow and are never reused. A stamp is plain data; what waits for it is a
/// [`Completion`](crate::Completion).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stamp {
    /// The queue whose timeline it is on.
    pub queue: QueueId,
    /// The value of that queue's timeline semaphore.
    pub value: u64,
}
