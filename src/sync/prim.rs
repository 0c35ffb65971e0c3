//! The synchronization primitives of the lock-free parts.
//!
//! Those parts name only `super::prim`, so that the workspace member `tests/models` can compile the same files
//! against loom's primitives and try every interleaving.

pub(crate) use std::sync::{
    Mutex, MutexGuard, TryLockError,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

/// Locks a mutex whose data stays valid wherever a holder may have panicked.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
