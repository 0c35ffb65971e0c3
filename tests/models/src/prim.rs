//! Loom's primitives under the names of `src/sync/prim.rs`.

pub(crate) use std::sync::TryLockError;

pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

/// Locks; a panic ends the model, so nothing is ever poisoned.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("a panic ends the model")
}
